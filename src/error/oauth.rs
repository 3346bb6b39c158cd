//! The errors of logins and refreshes. No error has a token in it.

use std::time::Duration;

use http::StatusCode;

use super::chain::report;
use super::{LoginRequired, connect_kind, reason};
use crate::boxed::BoxError;
use crate::text::Printable;

/// What can go wrong with logins and refreshes. In an [`Error::Token`](crate::Error::Token), `source.downcast_ref()`
/// finds it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OAuthError {
    /// There are no tokens, or none that still work: the user has to log in again.
    #[error(transparent)]
    LoginRequired(#[from] LoginRequired),
    /// The redirect has no state, two of them, or another one than the login. So it belongs to another login.
    #[error("the redirect's state is not the login's; begin the login again")]
    StateMismatch,
    /// The redirect says that the login was refused.
    #[error("Canva ended the login with {}{}", Printable(.error), said(": ", .description))]
    #[non_exhaustive]
    Denied {
        /// The code of RFC 6749, at most 200 characters: `access_denied` if the user said no.
        error: String,
        /// The explanation (`error_description`), at most 200 characters. Empty if there is none.
        description: String,
    },
    /// The redirect has no code, or more than one.
    #[error("the redirect must have exactly one `code`; begin the login again")]
    NoCode,
    /// The token endpoint refused the request, for example because of a wrong client secret or a used code. Logging out
    /// can fail in the same way. The login isn't lost: once the cause is mended, the same tokens work again.
    #[error("the token endpoint refused with {status}{}{}{}{}",
        said(" ", .error), said(": ", .description), later(.retry_after), next_step(*.status, .error))]
    #[non_exhaustive]
    Refused {
        /// The HTTP status.
        status: StatusCode,
        /// The code of the API's error (`code`) or of RFC 6749 (`error`): at most 200 characters, without the secrets of
        /// the request. Canva says `unauthorized_client` if it sees no client id and secret, `invalid_access_token` for a
        /// wrong secret, `invalid_client` for an unknown client, and `invalid_grant` for a code that doesn't work. Empty
        /// if the response has none, as a proxy's HTML page.
        error: String,
        /// The endpoint's explanation (`message` or `error_description`), or else the beginning of the body: at most
        /// 200 characters, without the secrets of the request.
        description: String,
        /// How long to wait before the next request, if the response says so. The API doesn't promise it.
        retry_after: Option<Duration>,
    },
    /// The token endpoint could not be reached, or its response was lost.
    #[error("the token endpoint could not be reached{}", in_the_way(&**.source, *.proxy))]
    #[non_exhaustive]
    Unreachable {
        /// If that was a proxy: the environment variable that is set to one, such as `HTTPS_PROXY`.
        proxy: Option<&'static str>,
        /// The cause: a `reqwest::Error`, or text if the error had a secret in it.
        source: BoxError,
    },
    /// The token endpoint's response is a success, but it has no access token that a header can carry, or is longer
    /// than 16 MiB. The tokens from before are kept, although their refresh token may be used up.
    #[error("the token endpoint's response ({status}) has no readable tokens")]
    #[non_exhaustive]
    Unreadable {
        /// The HTTP status.
        status: StatusCode,
    },
    /// The store failed. Before a refresh nothing is lost, because the refresh token was not sent. After a refresh the
    /// new tokens are kept in memory. They are saved at the next use, and not used before that. If the process ends
    /// first, they are lost.
    #[error("the token store failed")]
    #[non_exhaustive]
    Store {
        /// The store's error.
        source: BoxError,
    },
    /// A login or refresh panicked, most likely in the store, or its runtime was shut down. Try again: new tokens, if
    /// there were any, are still in memory and are saved first. If the process ends before that, the user [has to log
    /// in again](Self::LoginRequired).
    #[error("a login or refresh was interrupted; try again")]
    #[non_exhaustive]
    Interrupted {
        /// The panic, or the shutdown.
        source: tokio::task::JoinError,
    },
    /// A login, refresh or logout of another call hasn't ended in the longest time that it can take. Most likely its
    /// runtime isn't running: the `block_on` of a `current_thread` runtime has returned. Run or drop that runtime, and
    /// try again.
    #[error("a login or refresh by another call hasn't ended after {} s; is its runtime running?", .waited.as_secs())]
    #[non_exhaustive]
    Stalled {
        /// How long this call has waited.
        waited: Duration,
    },
    /// This call waited for another call's refresh, which failed.
    #[error("{reason}")]
    #[non_exhaustive]
    SharedRefresh {
        /// The other call's error.
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

/// What kept the request from its connection, where that was a proxy. Of everything else the cause says it.
fn in_the_way(source: &(dyn std::error::Error + 'static), proxy: Option<&str>) -> String {
    let connecting = source.downcast_ref().filter(|source: &&reqwest::Error| source.is_connect());
    connecting.map(connect_kind).filter(|kind| kind.is_of_proxy()).map_or(String::new(), |kind| reason(kind, proxy))
}

fn later(retry_after: &Option<Duration>) -> String {
    retry_after.map(|it| format!(" (retry after {} s)", it.as_secs())).unwrap_or_default()
}

fn next_step(status: StatusCode, error: &str) -> &'static str {
    match (error, status) {
        ("invalid_grant", _) => "; begin the login again",
        ("unauthorized_client" | "invalid_client", _) | (_, StatusCode::UNAUTHORIZED) => {
            "; check the client id and secret"
        }
        _ => "",
    }
}

/// The text after its separator, or nothing if there is no text.
fn said(separator: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{separator}{}", Printable(text)) }
}

impl OAuthError {
    /// The error and its causes in one line, as [`Error::report`](crate::Error::report).
    pub fn report(&self) -> String {
        report(self)
    }

    /// The same failure, for a call that waited for this refresh.
    pub(crate) fn shared(&self) -> Self {
        match self {
            Self::LoginRequired(required) => Self::LoginRequired(required.clone()),
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
