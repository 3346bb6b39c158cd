//! Tokens as secrets: text that shows nowhere unless it is exposed.

use std::fmt;
use std::sync::{Arc, OnceLock};

use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use crate::error::Error;

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

/// A refresh token: it gives the next pair of tokens, once. It never shows in `Debug`, errors or traces.
///
/// ```
/// let token = canva_connect::auth::RefreshToken::new("a-secret");
/// assert_eq!(format!("{token:?}"), "RefreshToken([REDACTED])");
/// ```
#[cfg(feature = "oauth")]
#[derive(Clone)]
pub struct RefreshToken(SecretString);

#[cfg(feature = "oauth")]
impl RefreshToken {
    /// Wraps a token as the token endpoint gave it.
    pub fn new(token: impl Into<String>) -> Self {
        Self(SecretString::from(token.into()))
    }

    /// The token itself, for a store. Take care where it goes.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// What every kind of token can do: come from text, be compared, and not be shown.
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

secret_text!(AccessToken);
#[cfg(feature = "oauth")]
secret_text!(RefreshToken);
