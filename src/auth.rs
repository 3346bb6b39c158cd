//! Access tokens: one that is given, or a provider that is asked for one before each request.
//!
//! [`AccessToken`] is the simplest provider. With the feature `oauth` there is `OAuth`, which logs a user in and keeps
//! the tokens fresh. For anything else, implement [`TokenProvider`].

use std::fmt;
use std::sync::{Arc, OnceLock};

use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use crate::BoxFuture;
use crate::error::{BoxError, Error};

#[cfg(feature = "oauth")]
mod oauth;
#[cfg(feature = "oauth")]
mod store;

#[cfg(feature = "oauth")]
pub use oauth::{Authorization, Integration, OAuth, OAuthError};
#[cfg(feature = "oauth")]
pub use store::{FileStore, TokenStore, Tokens};

/// An OAuth 2.0 access token that acts for one user. It never shows in `Debug`, errors or traces.
///
/// By itself it is the simplest [`TokenProvider`]: always the same token, good for the four hours that Canva's tokens
/// live.
///
/// ```
/// let token = canva_connect::AccessToken::new("a-secret");
/// assert_eq!(format!("{token:?}"), "AccessToken([REDACTED])");
/// ```
#[derive(Clone)]
pub struct AccessToken(Arc<Token>);

struct Token {
    secret: SecretString,
    /// Made at the first request; `None` if no header can carry it.
    header: OnceLock<Option<HeaderValue>>,
}

impl AccessToken {
    /// Wraps a token as the token endpoint gave it, without `Bearer`.
    pub fn new(token: impl Into<String>) -> Self {
        Self(Arc::new(Token { secret: SecretString::from(token.into()), header: OnceLock::new() }))
    }

    /// The token itself, for a store or another client. Take care where it goes.
    pub fn expose(&self) -> &str {
        self.0.secret.expose_secret()
    }

    pub(crate) fn header(&self) -> Result<HeaderValue, Error> {
        let make = || {
            let visible = !self.expose().is_empty() && self.expose().bytes().all(|byte| byte.is_ascii_graphic());
            let mut value = HeaderValue::try_from(format!("Bearer {}", self.expose())).ok().filter(|_| visible)?;
            value.set_sensitive(true);
            Some(value)
        };
        self.0
            .header
            .get_or_init(make)
            .clone()
            .ok_or_else(|| Error::invalid("token", "visible ASCII characters", "something else (not shown)"))
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken([REDACTED])")
    }
}

impl PartialEq for AccessToken {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for AccessToken {}

impl From<&str> for AccessToken {
    fn from(token: &str) -> Self {
        Self::new(token)
    }
}

impl From<String> for AccessToken {
    fn from(token: String) -> Self {
        Self::new(token)
    }
}

/// Where access tokens come from.
///
/// ```
/// use canva_connect::{AccessToken, BoxError, BoxFuture, TokenProvider};
///
/// /// Asks a service of ours, which keeps the tokens of all users.
/// struct Vault { user: String }
///
/// impl TokenProvider for Vault {
///     fn token(&self) -> BoxFuture<'_, Result<AccessToken, BoxError>> {
///         Box::pin(async move { Ok(AccessToken::new(fetch(&self.user).await?)) })
///     }
///
///     fn refused<'a>(&'a self, _refused: &'a AccessToken) -> BoxFuture<'a, Result<bool, BoxError>> {
///         Box::pin(async move { Ok(true) }) // the next call of `token` is worth a try
///     }
/// }
/// # async fn fetch(user: &str) -> Result<String, BoxError> { Ok(user.into()) }
/// ```
pub trait TokenProvider: Send + Sync + 'static {
    /// The token for a request that is about to leave. Called for every try of every request: keep it quick, and share
    /// one refresh between concurrent callers.
    fn token(&self) -> BoxFuture<'_, Result<AccessToken, BoxError>>;

    /// Canva answered 401 to a request with this token. Says whether [`token`](Self::token) will give another one now;
    /// the request is then repeated once. An error here ends the request.
    fn refused<'a>(&'a self, refused: &'a AccessToken) -> BoxFuture<'a, Result<bool, BoxError>> {
        let _ = refused;
        Box::pin(std::future::ready(Ok(false)))
    }
}

impl TokenProvider for AccessToken {
    fn token(&self) -> BoxFuture<'_, Result<AccessToken, BoxError>> {
        Box::pin(std::future::ready(Ok(self.clone())))
    }
}

/// One provider for several clients.
impl<P: TokenProvider + ?Sized> TokenProvider for Arc<P> {
    fn token(&self) -> BoxFuture<'_, Result<AccessToken, BoxError>> {
        (**self).token()
    }

    fn refused<'a>(&'a self, refused: &'a AccessToken) -> BoxFuture<'a, Result<bool, BoxError>> {
        (**self).refused(refused)
    }
}
