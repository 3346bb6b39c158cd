//! What to do about an error: its kind, and whether to retry, log in or wait.

use std::fmt;
use std::time::Duration;

use http::StatusCode;

use super::chain::find;
use super::{ConnectKind, Error, LoginRequired, NoUser, PausedError};
#[cfg(feature = "oauth")]
use super::{OAuthError, connect_kind};
use crate::boxed::BoxError;
use crate::content::BodyError;
use crate::generated::JobErrorCode;
use crate::generated::types::DesignImportErrorCode;

/// What to do about an [`Error`]. Each kind asks for something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A parameter, a setting, or the content can't be sent. Correct it.
    Input,
    /// This machine, its network or the base URL isn't set up right: a certificate, a proxy's password, the
    /// integration's id and secret, or a response that isn't the API's. An operator has to look.
    Setup,
    /// The token doesn't work any more. Have the user log in again, or give the client another one.
    Login,
    /// Canva refused the request, and would again: [`Error::api`] says why.
    Refused,
    /// Canva takes no more of these requests for now. Send it again later.
    RateLimited,
    /// Canva, the token provider or the pacer can't be reached or can't answer now, and nothing was made. Send it
    /// again later.
    Unavailable,
    /// Canva may or may not have carried it out. Look it up before you send it again: see
    /// [`Client::look_up`](crate::Client::look_up).
    OutcomeUnknown,
    /// The job ended in failure, and nothing was made: [`JobError::code`](crate::JobError::code) says why.
    JobFailed,
    /// The job goes on at Canva, or its asset isn't in its folder yet. Wait for it again by its [id](Error::job_id), and
    /// don't send the content again.
    JobPending,
}

impl ErrorKind {
    /// The kind as a word, for logs and metrics: `rate_limited`, for example.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Setup => "setup",
            Self::Login => "login",
            Self::Refused => "refused",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::JobFailed => "job_failed",
            Self::JobPending => "job_pending",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Error {
    /// What to do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            // Whatever keeps that function from storing something, it isn't the content.
            Self::Body(BodyError::HeldBack { .. }) => ErrorKind::Unavailable,
            Self::InvalidInput { .. } | Self::Body(_) => ErrorKind::Input,
            Self::Setup { .. } | Self::Decode { .. } => ErrorKind::Setup,
            Self::Connect { kind, .. } => of_connect(*kind),
            Self::Connection { .. } | Self::Timeout { .. } => ErrorKind::Unavailable,
            Self::Token { source } if source.is::<NoUser>() || is_invalid_input(source) => ErrorKind::Input,
            Self::Token { source } => of_token(source),
            Self::Pacer { source, .. } if source.is::<PausedError>() => ErrorKind::RateLimited,
            Self::Pacer { .. } => ErrorKind::Unavailable,
            Self::Api(api) if api.token_renewed => ErrorKind::Unavailable,
            Self::Api(api) => of_status(api.status, ErrorKind::Login),
            Self::OutcomeUnknown { .. } => ErrorKind::OutcomeUnknown,
            Self::Job(_) => ErrorKind::JobFailed,
            // Canva gave an id that nobody can ask for.
            Self::Poll { source, .. } if matches!(**source, Self::InvalidInput { .. }) => ErrorKind::OutcomeUnknown,
            // Another user's job, or none.
            Self::Poll { source, .. } if source.kind() == ErrorKind::Refused => ErrorKind::Refused,
            Self::NotMoved { source, .. } if source.kind() == ErrorKind::Refused => ErrorKind::Refused,
            Self::Poll { .. } | Self::Deadline { .. } | Self::NotMoved { .. } => ErrorKind::JobPending,
        }
    }

    /// Whether the very same call, made again later, may succeed and does no harm.
    ///
    /// The client has already [retried by itself](crate#what-is-retried). An hour may still help where five attempts
    /// didn't, and so may a call that opens its content anew. These are retryable:
    ///
    /// - the kinds [`RateLimited`](ErrorKind::RateLimited) and [`Unavailable`](ErrorKind::Unavailable), of the
    ///   statuses 408, 429, 500, 502, 503 and 504. [`retry_after`](Error::retry_after) may say how much later;
    /// - a file that was written to while it was being uploaded, or whose end was
    ///   [held back](crate::UploadAsset::before_end);
    /// - a job that failed because Canva is busy or broke, which has made nothing.
    ///
    /// These are not:
    ///
    /// - [`OutcomeUnknown`](Error::OutcomeUnknown), since a second one may be a duplicate;
    /// - [`Poll`](Error::Poll) and [`Deadline`](Error::Deadline), since the job goes on. Wait for it again by its
    ///   [id](Error::job_id): sent again, there would be two.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Body(error) => matches!(error, BodyError::Changed { .. } | BodyError::HeldBack { .. }),
            Self::Job(job) => matches!(
                job.code,
                JobErrorCode::DesignImport(
                    DesignImportErrorCode::DesignCreationThrottled
                        | DesignImportErrorCode::DesignImportThrottled
                        | DesignImportErrorCode::InternalError
                )
            ),
            _ => matches!(self.kind(), ErrorKind::RateLimited | ErrorKind::Unavailable),
        }
    }

    /// Whether the user has to log in again, or the client needs another token: Canva refused the token and the
    /// provider has no other one, or the provider itself says so with [`LoginRequired`](crate::auth::LoginRequired).
    /// Where it is about a job, log in and then wait for the job again.
    pub fn needs_login(&self) -> bool {
        self.cause().map_or_else(|| self.kind() == ErrorKind::Login, Self::needs_login)
    }

    /// How long to wait before the next request, if Canva or the token endpoint said so, to this request or to an
    /// earlier one whose pause still lasts.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Pacer { source, .. } => source.downcast_ref().map(|paused: &PausedError| paused.retry_after),
            Self::Token { source } => of_refresh(source),
            Self::Api(api) => api.retry_after,
            _ => self.cause()?.retry_after(),
        }
    }
}

fn of_connect(kind: ConnectKind) -> ErrorKind {
    if kind.is_worth_repeating() { ErrorKind::Unavailable } else { ErrorKind::Setup }
}

/// `unauthorized` is what a 401 means there.
fn of_status(status: StatusCode, unauthorized: ErrorKind) -> ErrorKind {
    match status.as_u16() {
        401 => unauthorized,
        407 => ErrorKind::Setup,
        429 => ErrorKind::RateLimited,
        408 | 500 | 502 | 503 | 504 => ErrorKind::Unavailable,
        _ => ErrorKind::Refused,
    }
}

#[cfg(feature = "oauth")]
fn of_refresh(source: &BoxError) -> Option<Duration> {
    find(&**source, |error: &OAuthError| match error {
        OAuthError::Refused { retry_after, .. } => *retry_after,
        _ => None,
    })
}

#[cfg(not(feature = "oauth"))]
fn of_refresh(_: &BoxError) -> Option<Duration> {
    None
}

/// No header can carry the token.
fn is_invalid_input(source: &BoxError) -> bool {
    matches!(source.downcast_ref(), Some(Error::InvalidInput { .. }))
}

/// Of what a token provider says, which may wrap another one.
fn of_token(source: &BoxError) -> ErrorKind {
    let login = find(&**source, |_: &LoginRequired| Some(ErrorKind::Login));
    login.or_else(|| of_oauth(source)).unwrap_or(ErrorKind::Unavailable)
}

#[cfg(feature = "oauth")]
fn of_oauth(source: &BoxError) -> Option<ErrorKind> {
    let known = |error: &OAuthError| match error {
        OAuthError::LoginRequired(_) => Some(ErrorKind::Login),
        // The integration, and not the user.
        OAuthError::Refused { status, .. } => match of_status(*status, ErrorKind::Setup) {
            ErrorKind::Refused => Some(ErrorKind::Setup),
            kind => Some(kind),
        },
        OAuthError::Unreadable { .. } => Some(ErrorKind::Setup),
        OAuthError::Unreachable { source, .. } => {
            let connecting = source.downcast_ref().filter(|source: &&reqwest::Error| source.is_connect());
            connecting.map(|source| of_connect(connect_kind(source)))
        }
        _ => None,
    };
    find(&**source, known)
}

#[cfg(not(feature = "oauth"))]
fn of_oauth(_: &BoxError) -> Option<ErrorKind> {
    None
}
