//! Where access tokens come from: one that is given, or a provider that is asked before each request.

use std::fmt;
use std::future::ready;
use std::sync::{Arc, OnceLock};

use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use crate::boxed::{BoxError, BoxFuture};
use crate::error::{Error, NoUser};

/// Gives the access token for a request. The methods return a [`BoxFuture`], so that a `dyn TokenProvider` can be chosen at
/// run time:
///
/// ```
/// use canva_connect::{AccessToken, BoxError, BoxFuture, TokenProvider};
///
/// /// Asks a service of ours, which keeps the tokens of all users.
/// struct Vault { user: String }
///
/// impl TokenProvider for Vault {
///     fn token(&self) -> BoxFuture<'_, Result<AccessToken, BoxError>> {
///         Box::pin(async { Ok(AccessToken::new(fetch(&self.user).await?)) })
///     }
///
///     fn refused<'a>(&'a self, _refused: &'a AccessToken) -> BoxFuture<'a, Result<bool, BoxError>> {
///         Box::pin(async { Ok(true) }) // the next call of `token` is worth an attempt
///     }
/// }
/// # async fn fetch(user: &str) -> Result<String, BoxError> { Ok(user.into()) }
/// ```
///
/// A provider whose user has to log in again returns [`LoginRequired`](crate::auth::LoginRequired) as its error.
pub trait TokenProvider: Send + Sync + 'static {
    /// The token for a request. Called for every attempt of every request, before it waits for its turn, and again after a
    /// wait of more than 30 s: keep it quick, and share one refresh between concurrent callers. A provider that takes
    /// longer than 3 minutes has failed.
    fn token(&self) -> BoxFuture<'_, Result<AccessToken, BoxError>>;

    /// Canva answered 401 to a request with this token. Says whether [`token`](Self::token) will give another one now;
    /// the request is then retried once. An error here ends the request. By default there is no other token.
    fn refused<'a>(&'a self, refused: &'a AccessToken) -> BoxFuture<'a, Result<bool, BoxError>> {
        let _ = refused;
        Box::pin(ready(Ok(false)))
    }
}

impl TokenProvider for AccessToken {
    fn token(&self) -> BoxFuture<'_, Result<AccessToken, BoxError>> {
        Box::pin(ready(Ok(self.clone())))
    }
}

/// Several clients may share a provider.
impl<P: TokenProvider + ?Sized> TokenProvider for Arc<P> {
    fn token(&self) -> BoxFuture<'_, Result<AccessToken, BoxError>> {
        (**self).token()
    }

    fn refused<'a>(&'a self, refused: &'a AccessToken) -> BoxFuture<'a, Result<bool, BoxError>> {
        (**self).refused(refused)
    }
}

impl TokenProvider for NoUser {
    fn token(&self) -> BoxFuture<'_, Result<AccessToken, BoxError>> {
        Box::pin(ready(Err(Self.into())))
    }
}

/// An OAuth 2.0 access token that acts for one user. It never shows in `Debug`, errors or traces.
///
/// By itself it is the simplest [`TokenProvider`](crate::TokenProvider): always the same token, good for the four hours
/// that Canva's tokens live.
///
/// ```
/// let token = canva_connect::AccessToken::new("a-secret");
/// assert_eq!(format!("{token:?}"), "AccessToken([REDACTED])");
/// ```
#[derive(Clone)]
pub struct AccessToken(Arc<Shared>);

struct Shared {
    secret: SecretString,
    /// Made at the first request; `None` if no header can carry it.
    header: OnceLock<Option<HeaderValue>>,
}

impl AccessToken {
    /// Wraps a token as the token endpoint gave it, without `Bearer`.
    pub fn new(token: impl Into<String>) -> Self {
        Self(Arc::new(Shared { secret: SecretString::from(token.into()), header: OnceLock::new() }))
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

/// A token comes from text, can be compared, and is never shown.
macro_rules! secret_text {
    ($token:ident) => {
        impl fmt::Debug for $token {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($token), "([REDACTED])"))
            }
        }

        impl PartialEq for $token {
            fn eq(&self, other: &Self) -> bool {
                self.expose() == other.expose()
            }
        }

        impl Eq for $token {}

        impl From<&str> for $token {
            fn from(token: &str) -> Self {
                Self::new(token)
            }
        }

        impl From<String> for $token {
            fn from(token: String) -> Self {
                Self::new(token)
            }
        }
    };
}

#[cfg(feature = "oauth")]
pub(crate) use secret_text;

secret_text!(AccessToken);
