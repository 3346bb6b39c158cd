//! A user's tokens, and their serialised form.

use std::fmt;
use std::time::{Duration, SystemTime};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::AccessToken;
use crate::token::secret_text;

/// The latest time that a store can hold: the end of the year 9999, in seconds since the Unix epoch.
const LATEST: u64 = 253_402_300_799;

/// An access token, the refresh token that gives the next one, and when the access token ends.
///
/// A refresh token works once. After a refresh, save the new pair before you use it: if it is lost, the user has to log
/// in again. Serialised, the tokens are plain text, so that a store can write them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Plain", into = "Plain")]
#[non_exhaustive]
pub struct Tokens {
    /// For requests, for four hours.
    pub access_token: AccessToken,
    /// For the next pair, once. Canva always gives one. Without it, the user has to log in again when the access token
    /// ends.
    pub refresh_token: Option<RefreshToken>,
    /// When the access token ends. It is serialised as whole seconds since the Unix epoch; a time after the year 9999
    /// counts as that year's end.
    pub expires_at: SystemTime,
    /// The names of the scopes that the user has granted: those that the token endpoint gave, or else those that the
    /// login asked for. `None` if neither is known, as in tokens that version 0.1 stored; the next refresh may tell.
    pub scopes: Option<Vec<String>>,
}

impl Tokens {
    /// A pair whose access token ends after `expires_in`. Its scopes aren't known.
    pub fn new(
        access_token: impl Into<AccessToken>,
        refresh_token: impl Into<RefreshToken>,
        expires_in: Duration,
    ) -> Self {
        Self {
            access_token: access_token.into(),
            refresh_token: Some(refresh_token.into()),
            expires_at: expires_at(expires_in),
            scopes: None,
        }
    }

    /// Fills in the fields that a grant leaves out because they haven't changed.
    pub(super) fn after(mut self, before: Option<&Self>) -> Self {
        if let Some(before) = before {
            self.refresh_token = self.refresh_token.or_else(|| before.refresh_token.clone());
            self.scopes = self.scopes.or_else(|| before.scopes.clone());
        }
        self
    }

    /// Whether the access token lives for longer than `margin`. Without a refresh token it is used to its end.
    pub(super) fn is_fresh(&self, margin: Duration) -> bool {
        let margin = if self.refresh_token.is_some() { margin } else { Duration::ZERO };
        self.expires_at.duration_since(SystemTime::now()).is_ok_and(|left| left > margin)
    }
}

/// The time after this lifetime, in whole seconds as a store keeps it.
pub(super) fn expires_at(lifetime: Duration) -> SystemTime {
    from_seconds(seconds(SystemTime::now()).saturating_add(lifetime.as_secs()))
}

fn from_seconds(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.min(LATEST))
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// [`Tokens`] as they are serialised: the only place where they are in the clear.
#[derive(Serialize, Deserialize)]
struct Plain {
    access_token: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    expires_at: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<String>>,
}

impl From<Plain> for Tokens {
    fn from(plain: Plain) -> Self {
        Self {
            access_token: plain.access_token.into(),
            refresh_token: plain.refresh_token.map(RefreshToken::from),
            expires_at: from_seconds(plain.expires_at),
            scopes: plain.scopes,
        }
    }
}

impl From<Tokens> for Plain {
    fn from(tokens: Tokens) -> Self {
        Self {
            access_token: tokens.access_token.expose().to_owned(),
            refresh_token: tokens.refresh_token.map(|token| token.expose().to_owned()),
            expires_at: seconds(tokens.expires_at),
            scopes: tokens.scopes,
        }
    }
}

/// A refresh token, which gives the next pair of tokens, once. It never shows in `Debug`, errors or traces.
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

    /// The token itself, for a store. Keep it secret.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

secret_text!(RefreshToken);
