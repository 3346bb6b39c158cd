//! The errors of this crate. Each keeps the status, the job and the cause, and none prints a token; `kind` says what
//! to do about it.

use std::time::Duration;

use http::StatusCode;

use crate::boxed::BoxError;
use crate::content::{BodyError, UploadProgress};
use crate::generated::types::Asset;
use crate::operations::Operation;
use crate::text::shown;

mod api;
pub(crate) mod chain;
mod job;
mod kind;
mod network;
#[cfg(feature = "oauth")]
mod oauth;
mod paused;
mod token;
mod unconfirmed;

pub use api::ApiError;
pub use job::JobError;
pub use kind::ErrorKind;
pub use network::{ConnectKind, TimeoutKind};
pub(crate) use network::{connect_kind, proxy_variable};
#[cfg(feature = "oauth")]
pub use oauth::OAuthError;
pub use paused::PausedError;
pub use token::{LoginRequired, NoUser};
pub use unconfirmed::{LookUpError, Unconfirmed, UnconfirmedKind};

use chain::{innermost, report};

/// Everything that can go wrong.
///
/// [`kind`](Error::kind) says what to do next. Four questions have a method each:
/// [`is_retryable`](Error::is_retryable) (would the same call help later), [`needs_login`](Error::needs_login) (must
/// the user log in), [`job_id`](Error::job_id) (is there a job to go on with), and
/// [`is_outcome_unknown`](Error::is_outcome_unknown) (might the upload have succeeded all the same).
/// [`api`](Error::api) has what Canva said.
///
/// The text of an error doesn't repeat its [`source`](std::error::Error::source). Print the whole chain, as `anyhow`
/// does with `{:#}`, or use [`report`](Error::report), which makes one line of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Refused before a byte was sent: the API would not have taken it.
    #[error("{field}: expected {expected}, got {}", shown(.found))]
    #[non_exhaustive]
    InvalidInput {
        /// What was wrong: the name of a parameter, field or setting.
        field: &'static str,
        /// What would have been right.
        expected: String,
        /// What came instead.
        found: String,
    },

    /// The content to upload can't be read, or it changed while it was being sent.
    #[error(transparent)]
    Body(#[from] BodyError),

    /// The token provider gave no token.
    #[error("no access token")]
    #[non_exhaustive]
    Token {
        /// What the provider said.
        source: BoxError,
    },

    /// The pacer gave no permission to send.
    #[error("{}: not sent", .operation.id)]
    #[non_exhaustive]
    Pacer {
        /// What was to be sent.
        operation: &'static Operation,
        /// What the pacer said.
        source: BoxError,
    },

    /// No connection could be opened, so that nothing was sent in the last attempt. Check what `kind` says, then send
    /// it again.
    #[error("{}: could not connect{} ({attempts} {}){}", .operation.id, to_host(&**.source), plural(*.attempts, "attempt", "attempts"), reason(*.kind, *.proxy))]
    #[non_exhaustive]
    Connect {
        /// What was to be sent.
        operation: &'static Operation,
        /// How many attempts were made.
        attempts: u32,
        /// What stood in the way.
        kind: ConnectKind,
        /// If that was a proxy: the environment variable that is set to one, such as `HTTPS_PROXY`.
        proxy: Option<&'static str>,
        /// The cause: a `reqwest::Error`, or text if that had the token in it.
        source: BoxError,
    },

    /// The connection broke before the whole response was read. If the request may have made something, this is the
    /// cause of an [`Error::OutcomeUnknown`].
    #[error("{}: the connection broke ({attempts} {})", .operation.id, plural(*.attempts, "attempt", "attempts"))]
    #[non_exhaustive]
    Connection {
        /// What was being done.
        operation: &'static Operation,
        /// How many attempts were made.
        attempts: u32,
        /// The status, where the response had begun.
        status: Option<StatusCode>,
        /// The cause: a `reqwest::Error`, or text if that had the token in it.
        source: BoxError,
    },

    /// Nothing moved for too long.
    #[error("{}: {kind} for {} s ({attempts} {})", .operation.id, .after.as_secs_f64(), plural(*.attempts, "attempt", "attempts"))]
    #[non_exhaustive]
    Timeout {
        /// What was being done.
        operation: &'static Operation,
        /// How many attempts were made.
        attempts: u32,
        /// The status, where the response had begun.
        status: Option<StatusCode>,
        /// What did not happen.
        kind: TimeoutKind,
        /// How long the client waited.
        after: Duration,
    },

    /// Canva refused the request, or failed at it.
    #[error(transparent)]
    Api(Box<ApiError>),

    /// The response was a success, but not one that can be read.
    #[error("{}: unreadable response with status {status}{}", .operation.id, beginning(.excerpt))]
    #[non_exhaustive]
    Decode {
        /// What was being done.
        operation: &'static Operation,
        /// The status of the response.
        status: StatusCode,
        /// The response's `x-request-id`, for Canva's support.
        request_id: Option<String>,
        /// The beginning of the body.
        excerpt: String,
        /// What is wrong with the body: a `serde_json::Error`, or text if it isn't JSON, or if the error had the
        /// token in it.
        source: BoxError,
        /// The job succeeded, but the response doesn't contain the result. The result is in Canva: look for it there,
        /// or read the job again later. Don't upload or import it a second time.
        job_succeeded: bool,
        /// The job that the response tells of, where that much of it can be read.
        job_id: Option<String>,
    },

    /// A request that makes something new failed after it may have arrived. Canva may or may not have carried it out.
    /// The API has no idempotency key, so sending it again can make a duplicate.
    ///
    /// [`Client::look_up`](crate::Client::look_up) looks for the result in Canva. If a duplicate does no harm, send it
    /// again.
    #[error("{}: it is unknown whether Canva carried this out{}; {}", .operation.id, sent_of(.sent), looked_up_as(.looked_up))]
    #[non_exhaustive]
    OutcomeUnknown {
        /// What was being done.
        operation: &'static Operation,
        /// How much of the file had left, for uploads and imports.
        sent: Option<UploadProgress>,
        /// What to look for in Canva, for uploads and imports.
        unconfirmed: Option<Box<Unconfirmed>>,
        /// Why it is still unknown, where a [`Bulk`](crate::Bulk) has looked it up.
        looked_up: Option<LookUpError>,
        /// The failure itself.
        source: Box<Error>,
    },

    /// The job ended in failure.
    #[error(transparent)]
    Job(#[from] JobError),

    /// The job could not be read. It goes on at Canva: make a handle from `job_id` and wait again.
    #[error("job {} could not be read", shown(.job_id))]
    #[non_exhaustive]
    Poll {
        /// The job that goes on.
        job_id: String,
        /// Why it could not be read.
        source: Box<Error>,
    },

    /// The job took longer than the caller wanted to wait. It goes on at Canva: make a handle from `job_id` and wait
    /// again.
    #[error("job {} was still in progress after {} s of waiting", shown(.job_id), .waited.as_secs_f64())]
    #[non_exhaustive]
    Deadline {
        /// The job that goes on.
        job_id: String,
        /// How long the client waited.
        waited: Duration,
    },

    /// The asset is in Canva, but could not be moved to [its folder](crate::UploadAsset::folder). Don't upload it again:
    /// wait for the job again, which moves it, or move it by itself.
    #[error("asset {} could not be moved to folder {}", shown(.asset.id.as_str()), shown(.folder_id))]
    #[non_exhaustive]
    NotMoved {
        /// The asset.
        asset: Box<Asset>,
        /// Where it was to go.
        folder_id: String,
        /// The job that made it. An asset that was looked up has none.
        job_id: Option<String>,
        /// Why it could not be moved.
        source: Box<Error>,
    },

    /// The HTTP client could not be set up.
    #[error("the HTTP client could not be set up (check SSL_CERT_FILE and SSL_CERT_DIR if they are set)")]
    #[non_exhaustive]
    Setup {
        /// The cause.
        source: reqwest::Error,
    },
}

impl Error {
    /// What Canva said, at whatever depth: of the request itself, of the last attempt, or of reading the job.
    pub fn api(&self) -> Option<&ApiError> {
        match self {
            Self::Api(error) => Some(error),
            _ => self.cause()?.api(),
        }
    }

    /// The HTTP status, if there was a response.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Api(error) => Some(error.status),
            Self::Decode { status, .. } => Some(*status),
            Self::Connection { status, .. } | Self::Timeout { status, .. } => *status,
            _ => self.cause()?.status(),
        }
    }

    /// The `x-request-id` of the response, for Canva's support. The API doesn't promise one.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Api(error) => error.request_id.as_deref(),
            Self::Decode { request_id, .. } => request_id.as_deref(),
            _ => self.cause()?.request_id(),
        }
    }

    /// The job this is about, if there is one.
    pub fn job_id(&self) -> Option<&str> {
        match self {
            Self::Job(error) => Some(&error.job_id),
            Self::Poll { job_id, .. } | Self::Deadline { job_id, .. } => Some(job_id),
            Self::Decode { job_id, .. } | Self::NotMoved { job_id, .. } => job_id.as_deref(),
            Self::OutcomeUnknown { source, .. } => source.job_id(),
            _ => None,
        }
    }

    /// The error of the request that this one is about.
    fn cause(&self) -> Option<&Self> {
        match self {
            Self::OutcomeUnknown { source, .. } | Self::Poll { source, .. } | Self::NotMoved { source, .. } => {
                Some(source)
            }
            _ => None,
        }
    }

    /// What to look for in Canva, where it may have carried the request out although it failed.
    pub fn unconfirmed(&self) -> Option<&Unconfirmed> {
        match self {
            Self::OutcomeUnknown { unconfirmed, .. } => unconfirmed.as_deref(),
            _ => None,
        }
    }

    /// Whether Canva may have carried the request out although it failed.
    pub fn is_outcome_unknown(&self) -> bool {
        matches!(self, Self::OutcomeUnknown { .. })
    }

    /// The error and its causes in one line, for a log: each cause that adds something, and the innermost cause of
    /// the HTTP client's errors. Control characters are escaped, and the line is cut after 4 000 characters.
    ///
    /// ```text
    /// getAsset: could not connect to api.canva.com (5 attempts): Connection refused (os error 111)
    /// ```
    pub fn report(&self) -> String {
        report(self)
    }

    /// A request that HTTP can't carry.
    pub(crate) fn unsendable(reason: impl std::error::Error + 'static) -> Self {
        Self::invalid("request", "one that HTTP can carry", innermost(&reason).to_string())
    }

    pub(crate) fn invalid(field: &'static str, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::InvalidInput { field, expected: expected.into(), found: found.into() }
    }
}

/// Where the connection was to lead, where the cause knows.
fn to_host(source: &(dyn std::error::Error + Send + Sync + 'static)) -> String {
    let url = source.downcast_ref().and_then(reqwest::Error::url);
    url.map_or(String::new(), |url| format!(" to {}", shown(url.authority())))
}

fn beginning(excerpt: &str) -> String {
    if excerpt.is_empty() { String::new() } else { format!(" that begins {excerpt:?}") }
}

fn plural(count: u32, one: &'static str, many: &'static str) -> &'static str {
    if count == 1 { one } else { many }
}

fn looked_up_as(looked_up: &Option<LookUpError>) -> String {
    match looked_up {
        None => "look before sending it again".to_owned(),
        Some(LookUpError::Failed { source }) => format!("Canva could not be asked: {}", source.report()),
        Some(looked_up) => looked_up.to_string(),
    }
}

fn sent_of(progress: &Option<UploadProgress>) -> String {
    progress.map(|p| format!(" ({} of {} bytes had left)", p.sent, p.total)).unwrap_or_default()
}

/// The end of a message. A broken network is what everybody expects first.
fn reason(kind: ConnectKind, proxy: Option<&str>) -> String {
    let set = proxy.map_or(String::new(), |name| format!(" ({name} is set)"));
    if kind == ConnectKind::Network { set } else { format!(", since {kind}{set}") }
}
