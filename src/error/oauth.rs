//! What can go wrong with logins and refreshes. No error has a token in it.

use std::time::Duration;

use http::StatusCode;

use super::chain::report;
use crate::boxed::BoxError;
use crate::text::Printable;

/// What can go wrong with logins and refreshes. As the source of an [`Error::Token`](crate::Error::Token) it is found
/// with `source.downcast_ref()`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OAuthError {
    /// There are no tokens, or none that work any more: the user has to log in again.
    #[error("the user has to log in again: {}", Printable(.reason))]
    #[non_exhaustive]
    LoginRequired {
        /// Why.
        reason: String,
    },
    /// The redirect brought no state, two, or another one than the login began with, so it belongs to another login.
    #[error("the login's state doesn't match; begin the login again")]
    StateMismatch,
    /// The redirect says that there will be no login.
    #[error("Canva ended the login with {}{}", Printable(.error), said(": ", .description))]
    #[non_exhaustive]
    Denied {
        /// The code of RFC 6749: `access_denied` if the user said no. Its first 200 characters.
        error: String,
        /// The explanation (`error_description`), 200 characters as above. Empty where there is none.
        description: String,
    },
    /// The redirect has no code, or more than one.
    #[error("the redirect should have one `code`, and has none or several; begin the login again")]
    NoCode,
    /// The token endpoint refused: wrong client credentials, or a code that is used up. So may the endpoint that revokes.
    #[error("the token endpoint refused with {status}{}{}{}", said(" ", .error), said(": ", .description), later(.retry_after))]
    #[non_exhaustive]
    Refused {
        /// The HTTP status.
        status: StatusCode,
        /// The code of the API's error (`code`) or of RFC 6749 (`error`), `invalid_client` for example: its first 200
        /// characters without the secrets of the request. Empty where the response has none, a proxy's HTML page for example.
        error: String,
        /// The endpoint's explanation (`message`, or `error_description`), or else the beginning of whatever the body was; 200
        /// characters as above.
        description: String,
        /// How long to wait before the next request, where the response says so. The API doesn't promise it.
        retry_after: Option<Duration>,
    },
    /// The token endpoint could not be reached, or its response was lost.
    #[error("the token endpoint could not be reached")]
    #[non_exhaustive]
    Unreachable {
        /// The cause: a `reqwest::Error`, or text if that had a secret in it.
        source: BoxError,
    },
    /// The token endpoint's response is a success that has no access token in it, or one that no header can carry, or is
    /// longer than 16 MiB. The tokens that were there before are kept, although the refresh token may be used up.
    #[error("the token endpoint's response ({status}) has no tokens that can be read")]
    #[non_exhaustive]
    Unreadable {
        /// The HTTP status.
        status: StatusCode,
    },
    /// The store failed. Before a refresh nothing is lost; the refresh token was not sent. After a refresh the new tokens are
    /// kept in memory and saved at the next use; until that succeeds they are not used, and they are lost if the process
    /// ends first.
    #[error("the token store failed")]
    #[non_exhaustive]
    Store {
        /// What the store said.
        source: BoxError,
    },
    /// A login or refresh panicked, most likely in the store, or the runtime was shut down in the middle of it. Try
    /// again: tokens that had come by then are still in memory, and are saved first. They are lost
    /// only if the process ends before that, which is then [`LoginRequired`](Self::LoginRequired).
    #[error("a login or refresh was interrupted; try again")]
    #[non_exhaustive]
    Interrupted {
        /// The panic, or the shutdown.
        source: tokio::task::JoinError,
    },
    /// Another call has been at a login, refresh or logout for longer than that can take. It is a task of the runtime that it
    /// was made on. Most likely nobody drives that any more: the `block_on` of a `current_thread` runtime has returned. Drive it
    /// again, or drop it, and try again.
    #[error("another call has been at a login or refresh for {} s: its runtime isn't driven; drive it again or drop it", .waited.as_secs())]
    #[non_exhaustive]
    Stalled {
        /// How long this call has waited for it.
        waited: Duration,
    },
    /// This call waited for another call's refresh, and that failed.
    #[error("{reason}")]
    #[non_exhaustive]
    SharedRefresh {
        /// What the other call was told.
        reason: String,
    },
    /// The system has no randomness to give.
    #[error("no randomness: {reason}")]
    #[non_exhaustive]
    Random {
        /// The cause.
        reason: String,
    },
}

fn later(retry_after: &Option<Duration>) -> String {
    retry_after.map(|it| format!(" (retry after {} s)", it.as_secs())).unwrap_or_default()
}

/// What the endpoint said, if it said anything.
fn said(before: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{before}{}", Printable(text)) }
}

impl OAuthError {
    /// The user has to log in again, for this reason. For a token provider of your own, and for tests: a request that fails for it
    /// [needs a login](crate::Error::needs_login).
    pub fn login_required(reason: impl Into<String>) -> Self {
        Self::LoginRequired { reason: reason.into() }
    }

    /// The error and its causes in one line, as [`Error::report`](crate::Error::report).
    pub fn report(&self) -> String {
        report(self)
    }

    /// The same failure, for a call that waited while it happened.
    pub(crate) fn shared(&self) -> Self {
        match self {
            Self::LoginRequired { reason } => Self::LoginRequired { reason: reason.clone() },
            Self::Refused { status, error, description, retry_after } => Self::Refused {
                status: *status,
                error: error.clone(),
                description: description.clone(),
                retry_after: *retry_after,
            },
            Self::Unreadable { status } => Self::Unreadable { status: *status },
            other => Self::SharedRefresh { reason: other.report() },
        }
    }
}
