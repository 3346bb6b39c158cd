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
