//! What can go wrong, and what each error knows: the status, the job, the cause. No error prints a token. What to do about it
//! is `kind.rs`'s to say.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::StatusCode;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::body::Progress;
use crate::generated::types::{AssetUploadErrorCode, DesignImportErrorCode};
use crate::operations::Operation;
use crate::printable::Printable;

/// The error type for causes that come from a caller's own code: token providers, pacers, token stores.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Everything that can go wrong.
///
/// [`kind`](Error::kind) says what to do next. Four questions have a method each: [`is_retryable`](Error::is_retryable) (would
/// the same call help later), [`needs_login`](Error::needs_login) (must the user log in), [`job_id`](Error::job_id) (is there a
/// job to go on with), and [`is_outcome_unknown`](Error::is_outcome_unknown) (might the upload have succeeded all the same).
/// [`api`](Error::api) has what Canva said.
///
/// As text, an error says its own part alone, and its [`source`](std::error::Error::source) the next: print the whole chain, as
/// `anyhow` does with `{:#}`, or [`report`](Error::report), which makes one line of it.
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

    /// No connection could be opened, so that nothing was sent in the last attempt. Check what `kind` says, then send it again.
    #[error("{}: could not connect{} ({attempts} {}){}", .operation.id, to_host(&**.source), plural(*.attempts, "attempt", "attempts"), .kind.reason())]
    #[non_exhaustive]
    Connect {
        /// What was to be sent.
        operation: &'static Operation,
        /// How many attempts were made.
        attempts: u32,
        /// What stood in the way.
        kind: ConnectKind,
        /// The cause: a `reqwest::Error`, or text if that had the token in it.
        source: BoxError,
    },

    /// The connection broke before the whole response was read. Where the request made something that may exist now, this is the
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
        /// What is wrong with it: a `serde_json::Error`, or text if it isn't JSON that didn't fit, or if that had the token in it.
        source: BoxError,
        /// The job that was asked for ended well, and the response lacks only what it made. That is in Canva: look for it
        /// there, or read the job again later, and don't upload or import it a second time.
        job_succeeded: bool,
    },

    /// A request that makes something new failed after it may have arrived, and it has no idempotency key: it may or may
    /// not have been carried out, and sending it again blindly can make a duplicate.
    ///
    /// What to do: look for the result in Canva (an asset by its name, a design by its title) or ask the user, and send it
    /// again only if it is not there. Where a duplicate does no harm, send it again at once.
    #[error("{}: it is unknown whether Canva carried this out{}; look before sending it again", .operation.id, sent_of(.sent))]
    #[non_exhaustive]
    OutcomeUnknown {
        /// What was being done.
        operation: &'static Operation,
        /// How much of the file had left, for uploads and imports.
        sent: Option<Progress>,
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

    /// The job took longer than the caller wanted to wait. It goes on at Canva: make a handle from `job_id` and wait again.
    #[error("job {} was still in progress after {} s of waiting", shown(.job_id), .waited.as_secs_f64())]
    #[non_exhaustive]
    Deadline {
        /// The job that goes on.
        job_id: String,
        /// How long the client waited.
        waited: Duration,
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
            Self::OutcomeUnknown { source, .. } | Self::Poll { source, .. } => source.api(),
            _ => None,
        }
    }

    /// The HTTP status, if there was a response.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Api(error) => Some(error.status),
            Self::Decode { status, .. } => Some(*status),
            Self::Connection { status, .. } | Self::Timeout { status, .. } => *status,
            Self::OutcomeUnknown { source, .. } | Self::Poll { source, .. } => source.status(),
            _ => None,
        }
    }

    /// The `x-request-id` of the response, for Canva's support. The API doesn't promise one.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Api(error) => error.request_id.as_deref(),
            Self::Decode { request_id, .. } => request_id.as_deref(),
            Self::OutcomeUnknown { source, .. } | Self::Poll { source, .. } => source.request_id(),
            _ => None,
        }
    }

    /// The job this is about, if there is one.
    pub fn job_id(&self) -> Option<&str> {
        match self {
            Self::Job(error) => Some(&error.job_id),
            Self::Poll { job_id, .. } | Self::Deadline { job_id, .. } => Some(job_id),
            _ => None,
        }
    }

    /// Whether Canva may have carried the request out although it failed.
    pub fn is_outcome_unknown(&self) -> bool {
        matches!(self, Self::OutcomeUnknown { .. })
    }

    /// The error and its causes in one line, for a log: each cause that says something new, and of the HTTP client's the one at the
    /// bottom, which says why. What a terminal would obey is escaped, as by [`Printable`](crate::Printable), and what is over
    /// 4 000 characters is cut.
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
    /// Of a 401: the token provider has another token by now, but there was no content left to send with it. The same call with
    /// its content opened anew may succeed; no login is needed.
    pub token_renewed: bool,
}

impl ApiError {
    /// A refusal at the first attempt, for tests of code that handles them. Its fields can be set; `Error::from` makes an error of
    /// it.
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

/// A job that ended in failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("job {} failed{}{}: {}", shown(.job_id), if .code.as_str().is_empty() { "" } else { " with " },
    shown(.code.as_str()), shown(.message))]
#[non_exhaustive]
pub struct JobError {
    /// The job.
    pub job_id: String,
    /// Why it failed, for programs. Empty where the response doesn't say.
    pub code: JobErrorCode,
    /// What went wrong, for people.
    pub message: String,
    /// Fields of the job's error that the spec doesn't know, as they came.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
}

impl JobError {
    /// A failure of this job. Also for tests of code that handles failures.
    ///
    /// ```
    /// use canva_connect::{Error, ErrorKind, JobError, JobErrorCode};
    ///
    /// let code = JobErrorCode::AssetUpload(canva_connect::AssetUploadErrorCode::FileTooBig);
    /// let error = Error::from(JobError::new("a-job", code, "The file is too big."));
    /// assert_eq!((error.kind(), error.job_id()), (ErrorKind::JobFailed, Some("a-job")));
    /// ```
    pub fn new(job_id: impl Into<String>, code: JobErrorCode, message: impl Into<String>) -> Self {
        Self { job_id: job_id.into(), code, message: message.into(), extra: Map::new() }
    }

    /// Of a response that doesn't say why.
    pub(crate) fn unsaid(job_id: &str, code: JobErrorCode) -> Self {
        Self::new(job_id, code, "the response doesn't say why")
    }
}

/// Why a job failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum JobErrorCode {
    /// Of an asset upload, from bytes or from a URL.
    AssetUpload(AssetUploadErrorCode),
    /// Of a design import, from bytes or from a URL.
    DesignImport(DesignImportErrorCode),
}

impl JobErrorCode {
    /// The code as the server sends it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::AssetUpload(code) => code.as_str(),
            Self::DesignImport(code) => code.as_str(),
        }
    }
}

impl fmt::Display for JobErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Content that can't be uploaded as it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The content can't be opened or read.
    #[error("{} can't be read", file(.name))]
    #[non_exhaustive]
    Read {
        /// The file, or what stands for one.
        name: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The content is not as long as it was said or found to be at first. Nothing was made of the part that was sent.
    #[error("{}: expected {expected} bytes, got {}; it changed while it was being uploaded, or its length was given wrong",
        file(.name), length(*.found, *.expected))]
    #[non_exhaustive]
    Length {
        /// The file, or what stands for one.
        name: PathBuf,
        /// The length it was to have.
        expected: u64,
        /// How far it went.
        found: u64,
    },
    /// The content is longer than [`UploadBody::spool`](crate::UploadBody::spool) was to take. Nothing was sent.
    #[error("upload: expected at most {max_bytes} bytes, got more")]
    #[non_exhaustive]
    TooLong {
        /// The most that was to be taken.
        max_bytes: u64,
    },
    /// The temporary file of [`UploadBody::spool`](crate::UploadBody::spool) can't be made or written. Nothing was sent, and no file is
    /// left.
    #[error("upload: the content can't be kept in a temporary file")]
    #[non_exhaustive]
    Spool {
        /// The cause.
        source: std::io::Error,
    },
    /// The file was written to while it was being uploaded, or between two attempts. Nothing was made of the part that was
    /// sent.
    #[error("{}: it changed while it was being uploaded", file(.name))]
    #[non_exhaustive]
    Changed {
        /// The file.
        name: PathBuf,
    },
}

/// What stood in the way of a connection. Only `Network` and `Proxy` are worth another attempt as things are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectKind {
    /// The name was not found, nobody accepted in time, or the connection broke while it was being opened.
    Network,
    /// The server's certificate is signed by a CA that isn't trusted here, such as that of a proxy that looks into TLS. Trust it
    /// with [`ClientBuilder::http`](crate::ClientBuilder::http), or name a file with it in `SSL_CERT_FILE`.
    Certificate,
    /// The server's certificate can't be taken, whoever signed it: it has expired, isn't valid yet, is for another name, or isn't
    /// one of a server.
    InvalidCertificate,
    /// The proxy opened no tunnel: it can't reach the server, or doesn't let the request through.
    Proxy,
    /// The proxy wants a user and a password, or refuses those that it got: it answered 407. Set them with
    /// [`ClientBuilder::http`](crate::ClientBuilder::http) or in `HTTPS_PROXY`.
    ProxyAuthorization,
    /// The server has neither HTTP/2 nor HTTP/1.1 to offer.
    Protocol,
}

impl ConnectKind {
    /// Whether another attempt may end in another way.
    pub(crate) fn is_worth_repeating(self) -> bool {
        matches!(self, Self::Network | Self::Proxy)
    }

    /// The end of a message.
    fn reason(self) -> &'static str {
        match self {
            Self::Network => "",
            Self::Certificate => ", since the CA that signed the server's certificate isn't trusted here",
            Self::InvalidCertificate => {
                ", since the server's certificate isn't valid for this host at this machine's time"
            }
            Self::Proxy => ", since the proxy opened no tunnel",
            Self::ProxyAuthorization => ", since the proxy wants a user and a password",
            Self::Protocol => ", since the server speaks neither HTTP/2 nor HTTP/1.1",
        }
    }
}

/// What did not happen in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeoutKind {
    /// No byte of the request body moved: the server took none, or the content had none to give.
    Stall,
    /// The server had the whole request but did not respond in full.
    Response,
}

impl fmt::Display for TimeoutKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stall => "the upload stalled: no byte moved",
            Self::Response => "the server did not respond",
        })
    }
}

/// The cause at the bottom.
pub(crate) fn innermost<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause
}

/// The length of a report, in characters.
const MAX_REPORT: usize = 4_000;

/// See [`Error::report`].
pub(crate) fn report(error: &(dyn std::error::Error + 'static)) -> String {
    let mut report = Printable(&error.to_string()).to_string();
    let operation = report.split_once(": ").map(|(operation, _)| format!("{operation}: "));
    let mut next = error.source();
    while let Some(cause) = next {
        // reqwest's own text repeats the URL and leaves the reason to its sources.
        let cause = if cause.is::<reqwest::Error>() { innermost(cause) } else { cause };
        let said = shown(&cause.to_string());
        let said = operation.as_deref().and_then(|operation| said.strip_prefix(operation)).unwrap_or(&said);
        if !report.contains(said) {
            report.push_str(": ");
            report.push_str(said);
        }
        next = cause.source();
    }
    cut(&report, MAX_REPORT)
}

/// Where the connection was to lead, where the cause knows.
fn to_host(source: &(dyn std::error::Error + Send + Sync + 'static)) -> String {
    let url = source.downcast_ref().and_then(reqwest::Error::url);
    url.map_or(String::new(), |url| format!(" to {}", shown(url.authority())))
}

/// The first 1 000 characters of a text, harmless to a terminal. An error is a line of a log; its fields have the whole text.
fn shown(text: &str) -> String {
    Printable(&cut(text, 1_000)).to_string()
}

fn cut(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters).and_then(|(end, _)| text.get(..end)) {
        Some(beginning) => format!("{beginning}…"),
        None => text.to_owned(),
    }
}

fn beginning(excerpt: &str) -> String {
    if excerpt.is_empty() { String::new() } else { format!(" that begins {excerpt:?}") }
}

fn file(name: &Path) -> String {
    shown(&name.to_string_lossy())
}

fn plural(count: u32, one: &'static str, many: &'static str) -> &'static str {
    if count == 1 { one } else { many }
}

fn sent_of(progress: &Option<Progress>) -> String {
    progress.map(|p| format!(" ({} of {} bytes had left)", p.sent, p.total)).unwrap_or_default()
}

/// Content that goes on is not read to its end.
fn length(found: u64, expected: u64) -> String {
    if found > expected { "more".to_owned() } else { found.to_string() }
}
