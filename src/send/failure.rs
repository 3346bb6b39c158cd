//! Why an attempt failed, and the error that the caller gets for it: every error about a sent request is made here.

use std::borrow::Cow;
use std::time::Duration;

use http::StatusCode;
use serde_json::{Map, Value};

use super::response::{self, Response, Unreadable, excerpt};
use crate::boxed::BoxError;
use crate::content::BodyError;
use crate::error::chain::{find, innermost};
use crate::error::{ApiError, Error, TimeoutKind, connect_kind, proxy_variable};
use crate::operations::Operation;
use crate::token::AccessToken;

/// How much of an unreadable body is searched for what an excerpt may show.
const MAX_SEARCHED: usize = 64 * 1024;

/// What did not happen, and how long it was waited for.
pub(crate) struct Overdue {
    pub(crate) kind: TimeoutKind,
    pub(crate) after: Duration,
}

pub(crate) enum Failure {
    /// The content could not be read to its end.
    Body(BodyError),
    /// No connection was opened.
    Connect(reqwest::Error),
    /// The connection broke, perhaps in the middle of a response.
    Connection {
        status: Option<StatusCode>,
        source: reqwest::Error,
    },
    Timeout {
        status: Option<StatusCode>,
        overdue: Overdue,
    },
    /// The status is not that of a success.
    Status(Response),
    /// The response is a success, but can't be read.
    Unreadable(Response, Unreadable),
}

impl Failure {
    pub(crate) fn new(status: Option<StatusCode>, source: reqwest::Error) -> Self {
        if source.is_connect() { Self::Connect(source) } else { Self::Connection { status, source } }
    }

    /// Whether the server provably has not begun to process the request, although it may have seen all of it.
    pub(crate) fn is_unprocessed(&self) -> bool {
        match self {
            Self::Connect(_) => true,
            Self::Connection { status: None, source } => is_unprocessed(source),
            _ => false,
        }
    }

    /// `attempts` is how many there were with this one; `token` is what must not be shown.
    pub(crate) fn into_error(self, operation: &'static Operation, attempts: u32, token: &AccessToken) -> Error {
        match self {
            Self::Body(error) => error.into(),
            Self::Connect(source) => {
                let kind = connect_kind(&source);
                let proxy = proxy_variable(&source, kind);
                Error::Connect { operation, attempts, kind, proxy, source: cause(source, |text| token.redact(text)) }
            }
            Self::Connection { status, source } => {
                Error::Connection { operation, attempts, status, source: cause(source, |text| token.redact(text)) }
            }
            Self::Timeout { status, overdue: Overdue { kind, after } } => {
                Error::Timeout { operation, attempts, status, kind, after }
            }
            Self::Status(response) => refusal(response, operation, attempts, token).into(),
            Self::Unreadable(Response { status, request_id, body, .. }, unreadable) => {
                let Unreadable { source, job_succeeded, job_id } = unreadable;
                // Far more than is shown, and little enough to look for the token in.
                let beginning = body.get(..MAX_SEARCHED).unwrap_or(&body);
                let excerpt = excerpt(&token.redact(&String::from_utf8_lossy(beginning)));
                // The decoder quotes what it read; where that is the token, its own error can't be handed on.
                let source = match token.redact(&source.to_string()) {
                    Cow::Owned(shown) => shown.into(),
                    Cow::Borrowed(_) => source,
                };
                let job_id = job_id.filter(|id| token.redact(id) == **id).map(String::from);
                Error::Decode { operation, status, request_id, excerpt, source, job_succeeded, job_id }
            }
        }
    }
}

/// Whether a request without a response may be sent again whatever it asks for, and another attempt may end in
/// another way.
#[cfg(feature = "oauth")]
pub(crate) fn is_worth_repeating(source: &reqwest::Error) -> bool {
    match source.is_connect() {
        true => connect_kind(source).is_worth_repeating(),
        false => is_unprocessed(source),
    }
}

/// Whether the request may be sent again although the server may have seen all of it. The types are those of
/// reqwest's own hyper and h2; unprocessed.rs and http2.rs in tests/it/ fail if reqwest moves to others.
fn is_unprocessed(source: &reqwest::Error) -> bool {
    // The connection was lost before the request was written to it.
    find(source, |error: &hyper::Error| error.is_canceled().then_some(())).is_some()
        || find(source, |error: &h2::Error| is_refused(error).then_some(())).is_some()
}

/// A refused stream, or one above the last that the server's GOAWAY says it may have processed: h2 ends no other
/// stream with the server's GOAWAY.
fn is_refused(error: &h2::Error) -> bool {
    error.is_remote() && (error.is_go_away() || error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM))
}

/// The HTTP client's error. Its `Debug` quotes what a server says as it closes a connection of HTTP/2; where a secret
/// is in that, the error itself can't be handed on.
pub(crate) fn cause(source: reqwest::Error, redact: impl Fn(&str) -> Cow<'_, str>) -> BoxError {
    let said = format!("{source:?}");
    if redact(&said) == said {
        return source.into();
    }
    redact(&innermost(&source).to_string()).into_owned().into()
}

/// The API's error body, even if a part of it is missing.
#[derive(serde::Deserialize)]
struct ErrorBody {
    code: Option<String>,
    message: Option<String>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

fn refusal(response: Response, operation: &'static Operation, attempts: u32, token: &AccessToken) -> ApiError {
    let Response { status, request_id, retry_after, body } = response;
    // Before decoding: whatever the error keeps can be printed.
    let body = String::from_utf8_lossy(&body);
    let body = token.redact(&body);
    let (code, message, extra) = match response::json(body.as_bytes()) {
        Ok(ErrorBody { code: Some(code), message, extra }) => (code, message.unwrap_or_default(), extra),
        _ => (String::new(), excerpt(&body), Map::new()),
    };
    ApiError { extra, request_id, retry_after, attempts, ..ApiError::new(operation, status, code, message) }
}
