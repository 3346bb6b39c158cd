//! Access tokens, and the providers that give them.

use std::borrow::Cow;
use std::fmt;
use std::future::ready;
use std::sync::{Arc, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use crate::boxed::{BoxError, BoxFuture};
use crate::error::{Error, NoUser};
use crate::text::redact::redact;

/// Gives the access token for a request. Its methods return a [`BoxFuture`], so a program can choose a `dyn
/// TokenProvider` when it runs:
///
/// ```
/// use canva_connect::{AccessToken, BoxError, BoxFuture, TokenProvider};
///
/// /// Asks a service that keeps the tokens of all users.
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
    /// The token for a request. It is called for every attempt of every request before the attempt waits for its turn,
    /// and again after a wait of more than 30 s. Keep it quick, and let concurrent callers share one refresh. After 3
    /// minutes without a token the request fails.
    fn token(&self) -> BoxFuture<'_, Result<AccessToken, BoxError>>;

    /// Canva refused a request with this token (401). Returns whether [`token`](Self::token) now gives another one; the
    /// request is then retried once. An error ends the request. By default there is no other token.
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
/// It is also the simplest [`TokenProvider`](crate::TokenProvider), which always gives the same token. Canva's tokens
/// live for four hours.
///
/// ```
/// let token = canva_connect::AccessToken::new("a-secret");
/// assert_eq!(format!("{token:?}"), "AccessToken([REDACTED])");
/// ```
#[derive(Clone)]
pub struct AccessToken(Arc<Shared>);

struct Shared {
    secret: SecretString,
    /// The secret as the header has it, if that is another text.
    encoded: Option<SecretString>,
    /// Made at the first request; `None` if no header can carry it.
    header: OnceLock<Option<HeaderValue>>,
}

impl AccessToken {
    /// Wraps a token as the token endpoint gave it, without `Bearer`.
    pub fn new(token: impl Into<String>) -> Self {
        Self(Arc::new(Shared { secret: SecretString::from(token.into()), encoded: None, header: OnceLock::new() }))
    }

    /// A client's id and secret, which some operations take in place of a token.
    pub(crate) fn basic(client_id: &str, client_secret: &str) -> Result<Self, Error> {
        let refused = || Error::invalid("client_id", "visible ASCII characters without a colon", "something else");
        if !client_id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
            return Err(refused());
        }
        let encoded = STANDARD.encode(format!("{client_id}:{client_secret}"));
        let mut header = HeaderValue::try_from(format!("Basic {encoded}")).map_err(|_| refused())?;
        header.set_sensitive(true);
        let (secret, encoded) = (SecretString::from(client_secret), Some(SecretString::from(encoded)));
        Ok(Self(Arc::new(Shared { secret, encoded, header: OnceLock::from(Some(header)) })))
    }

    /// The text without it.
    pub(crate) fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let encoded = self.0.encoded.as_ref().map(|encoded| redact(text, encoded.expose_secret()));
        match encoded {
            Some(Cow::Owned(text)) => redact(&text, self.expose()).into_owned().into(),
            _ => redact(text, self.expose()),
        }
    }

    /// The token itself, for a store or another client. Keep it secret.
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

/// The traits of every kind of token: made from text, comparable, and hidden in `Debug`.
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
