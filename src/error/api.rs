//! What Canva answers when it refuses a request or fails at it.

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::Error;
use crate::operations::Operation;
use crate::text::shown;

/// An error response, from Canva or from something in between.
///
/// As JSON, for logs and job queues, it has its operation's id, its status as a number, and `retry_after` in seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ApiError {
    /// What was refused.
    #[serde(serialize_with = "id")]
    pub operation: &'static Operation,
    /// The HTTP status.
    #[serde(serialize_with = "number")]
    pub status: StatusCode,
    /// The API's own word for it, such as `missing_scope` or `too_many_requests`: an open set. Empty where the response
    /// did not come from the API, a proxy's HTML page for example.
    pub code: String,
    /// The API's explanation; where there is none, the beginning of whatever the body was.
    pub message: String,
    /// Fields of the API's error that the spec doesn't know, as they came.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
    /// The response's `x-request-id`, for Canva's support. The API doesn't promise one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// How long to wait before the next request, where the response says so. The API doesn't promise it.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "seconds")]
    pub retry_after: Option<Duration>,
    /// How many attempts were made.
    pub attempts: u32,
    /// Of a 401: the token provider has another token by now, but there was no content left to send with it. The same
    /// call with its content opened anew may succeed; no login is needed.
    pub token_renewed: bool,
}

impl ApiError {
    /// A refusal at the first attempt, for tests of code that handles them. Its fields can be set; `Error::from`
    /// makes an error of it.
    ///
    /// ```
    /// use canva_connect::{ApiError, Error, operations, reqwest::StatusCode};
    ///
    /// let gone = ApiError::new(&operations::GET_ASSET, StatusCode::NOT_FOUND, "asset_not_found", "There is no such asset.");
    /// assert!(!Error::from(gone).is_retryable());
    /// ```
    pub fn new(
        operation: &'static Operation,
        status: StatusCode,
        code: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            operation,
            status,
            code: code.into(),
            message: message.into(),
            extra: Map::new(),
            request_id: None,
            retry_after: None,
            attempts: 1,
            token_renewed: false,
        }
    }
}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        Self::Api(Box::new(error))
    }
}

fn id<S: Serializer>(operation: &Operation, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(operation.id)
}

fn number<S: Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

fn seconds<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs()).serialize(serializer)
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.operation.id, self.status)?;
        if !self.code.is_empty() {
            write!(f, " {}", shown(&self.code))?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", shown(&self.message))?;
        }
        if let Some(request_id) = &self.request_id {
            write!(f, " (request {})", shown(request_id))?;
        }
        if let Some(retry_after) = self.retry_after {
            write!(f, " (retry after {} s)", retry_after.as_secs())?;
        }
        if self.attempts > 1 {
            write!(f, " ({} attempts)", self.attempts)?;
        }
        match (self.status.as_u16(), self.operation.scopes) {
            (401, _) if self.token_renewed => {
                f.write_str("; the token was renewed, so open the content and send it again")
            }
            (401, _) => f.write_str("; give the client a new access token"),
            (407, _) => f.write_str("; give the proxy its user and password"),
            (403, scopes) if self.code == "missing_scope" => write!(f, "; the token needs {}", scopes.join(", ")),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for ApiError {}
