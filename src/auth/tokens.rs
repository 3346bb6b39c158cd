//! A refresh token as a secret.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use crate::token::secret_text;

/// A refresh token: it gives the next pair of tokens, once. It never shows in `Debug`, errors or traces.
///
/// ```
/// let token = canva_connect::auth::RefreshToken::new("a-secret");
/// assert_eq!(format!("{token:?}"), "RefreshToken([REDACTED])");
/// ```
#[derive(Clone)]
pub struct RefreshToken(SecretString);

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

secret_text!(RefreshToken);
