//! Where a user's tokens are kept between runs.

use std::fmt;
use std::future::ready;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{AccessToken, RefreshToken};
use crate::boxed::BoxError;
use crate::boxed::BoxFuture;

/// How long somebody else may keep a store locked: a refresh of 60 seconds at the most, and time to save.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(75);

/// An access token, the refresh token that gives the next one, and when that is due.
///
/// A refresh token works once. Whoever has refreshed must keep the new pair before anything else, or the user has to
/// log in again. Serialised, the tokens are plain text: a store has to write them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Plain", into = "Plain")]
#[non_exhaustive]
pub struct Tokens {
    /// For requests, for four hours.
    pub access_token: AccessToken,
    /// For the next pair, once. Canva always gives one; without it, the user has to log in again when the access token
    /// ends.
    pub refresh_token: Option<RefreshToken>,
    /// When the access token ends, in seconds since the Unix epoch.
    pub expires_at: u64,
    /// The names of the scopes that the user has granted, as the token endpoint gave them, or else as the login asked for them.
    /// `None` where neither is known, as in what version 0.1 stored; the next refresh says it.
    pub scopes: Option<Vec<String>>,
}

impl Tokens {
    /// A pair whose access token lives for `expires_in` from now. Its scopes aren't known.
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

    /// With what a grant may leave out, because it is as it was before.
    pub(super) fn after(mut self, before: Option<&Self>) -> Self {
        if let Some(before) = before {
            self.refresh_token = self.refresh_token.or_else(|| before.refresh_token.clone());
            self.scopes = self.scopes.or_else(|| before.scopes.clone());
        }
        self
    }

    /// Whether the access token lives for longer than `margin`. One that can't be replaced is used to its end.
    pub(super) fn is_fresh(&self, margin: Duration) -> bool {
        let margin = if self.refresh_token.is_some() { margin } else { Duration::ZERO };
        Duration::from_secs(self.expires_at) > since_epoch().saturating_add(margin)
    }
}

/// When what lives for so long ends, in seconds since the Unix epoch.
pub(super) fn expires_at(expires_in: Duration) -> u64 {
    since_epoch().as_secs().saturating_add(expires_in.as_secs())
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// [`Tokens`] as they are written: the one place where they stand in the clear.
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
    fn from(Plain { access_token, refresh_token, expires_at, scopes }: Plain) -> Self {
        let refresh_token = refresh_token.map(RefreshToken::from);
        Self { access_token: access_token.into(), refresh_token, expires_at, scopes }
    }
}

impl From<Tokens> for Plain {
    fn from(Tokens { access_token, refresh_token, expires_at, scopes }: Tokens) -> Self {
        let refresh_token = refresh_token.map(|token| token.expose().to_owned());
        Self { access_token: access_token.expose().to_owned(), refresh_token, expires_at, scopes }
    }
}

/// Keeps the tokens of one user. [`FileStore`](super::FileStore) and [`MemoryStore`](super::MemoryStore) are such stores; a
/// service keeps them in its database:
///
/// ```
/// use canva_connect::auth::{TokenStore, Tokens};
/// use canva_connect::{BoxError, BoxFuture};
///
/// /// A user's row in a table of ours.
/// struct Row { user: i64 }
///
/// impl TokenStore for Row {
///     fn load(&self) -> BoxFuture<'_, Result<Option<Tokens>, BoxError>> {
///         Box::pin(async {
///             let json = select(self.user).await?;
///             Ok(json.map(|json| serde_json::from_str(&json)).transpose()?)
///         })
///     }
///
///     fn save<'a>(&'a self, tokens: &'a Tokens) -> BoxFuture<'a, Result<(), BoxError>> {
///         Box::pin(async { update(self.user, serde_json::to_string(tokens)?).await })
///     }
/// }
/// # async fn select(user: i64) -> Result<Option<String>, BoxError> { Ok(None) }
/// # async fn update(user: i64, json: String) -> Result<(), BoxError> { Ok(()) }
/// ```
///
/// A store that several processes use at once also needs [`lock`](Self::lock).
///
/// What no store can help is a process that ends between a refresh and the save that follows it: the old refresh token is
/// used up, the new one is lost, and the next process is told
/// [`LoginRequired`](super::OAuthError::LoginRequired). [`OAuth`](super::OAuth) says how to end one safely.
pub trait TokenStore: Send + Sync + 'static {
    /// The tokens as last saved; `None` if the user has not logged in. A provider that has tokens already goes on with
    /// them when there are none here any more, and saves the next pair again.
    fn load(&self) -> BoxFuture<'_, Result<Option<Tokens>, BoxError>>;

    /// Keeps the tokens. They are not used before this succeeds.
    fn save<'a>(&'a self, tokens: &'a Tokens) -> BoxFuture<'a, Result<(), BoxError>>;

    /// Locks the tokens for everybody else, until what it gives is dropped. A provider calls it before a login and before
    /// each refresh, which is every four hours, and holds it while it loads, refreshes and saves. An error here is the last
    /// one that costs nothing: the refresh token isn't used yet, so this is also where to find out that a save would fail.
    ///
    /// By default nothing is locked. That is right as long as one process at a time uses these tokens. Two that refresh in
    /// the same moment use the same refresh token, and at the second use Canva may end the login.
    ///
    /// In a database, take an advisory lock, a row of a table of its own, or a lease with a time limit; a lock on the row that
    /// `save` writes would make `save` wait for itself. Where unlocking takes a request, send it from a task that `drop`
    /// spawns. A lease must outlast a refresh, which takes up to 60 seconds with all its attempts, and the calls of `load` and
    /// `save` in it. Give up waiting after a little more than that: whoever holds the lock may be a task of a runtime that
    /// nobody drives.
    fn lock(&self) -> BoxFuture<'_, Result<StoreLock, BoxError>> {
        Box::pin(ready(Ok(StoreLock::new(()))))
    }
}

/// What [`TokenStore::lock`] gives: the tokens are locked until it is dropped.
#[must_use = "dropping it unlocks the tokens"]
pub struct StoreLock {
    _held: Box<dyn Send>,
}

impl StoreLock {
    /// Anything that unlocks when it is dropped.
    pub fn new(held: impl Send + 'static) -> Self {
        Self { _held: Box::new(held) }
    }
}

impl fmt::Debug for StoreLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreLock").finish_non_exhaustive()
    }
}

/// The store that it points to.
impl<S: TokenStore + ?Sized> TokenStore for Arc<S> {
    fn load(&self) -> BoxFuture<'_, Result<Option<Tokens>, BoxError>> {
        (**self).load()
    }

    fn save<'a>(&'a self, tokens: &'a Tokens) -> BoxFuture<'a, Result<(), BoxError>> {
        (**self).save(tokens)
    }

    fn lock(&self) -> BoxFuture<'_, Result<StoreLock, BoxError>> {
        (**self).lock()
    }
}
