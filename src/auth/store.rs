//! The store that keeps a user's tokens between runs.

use std::fmt;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use super::Tokens;
use crate::boxed::{BoxError, BoxFuture};

/// The longest wait for a store's lock: a refresh takes up to 60 seconds, and saving takes some time.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(75);

/// Keeps the tokens of one user, as [`FileStore`](super::FileStore) and [`MemoryStore`](super::MemoryStore) do. A
/// service keeps them in its database:
///
/// ```
/// use canva_connect::auth::{TokenStore, Tokens};
/// use canva_connect::{BoxError, BoxFuture};
///
/// /// A user's row in the table of logins.
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
/// A store that several processes use at the same time also needs [`lock`](Self::lock).
///
/// If a process ends after a refresh and before the save, no store can help: the old refresh token is used up, the new
/// one is lost, and the user has to log in again. [`OAuth`](super::OAuth) says how to end a process safely.
pub trait TokenStore: Send + Sync + 'static {
    /// The tokens that were saved last; `None` if the user has not logged in. If there are none any more, a provider
    /// goes on with the tokens that it has in memory, and saves the next pair.
    fn load(&self) -> BoxFuture<'_, Result<Option<Tokens>, BoxError>>;

    /// Keeps the tokens. A provider calls it under its [`lock`](Self::lock), and doesn't use the tokens before it
    /// succeeds.
    fn save<'a>(&'a self, tokens: &'a Tokens) -> BoxFuture<'a, Result<(), BoxError>>;

    /// Locks the tokens until the [`StoreLock`] is dropped. A provider locks them before a login, and before each
    /// refresh (every four hours), and keeps them locked while it loads, refreshes and saves. At an error here the
    /// refresh token is not used yet, so check here whether a save can succeed.
    ///
    /// By default nothing is locked. That is right if one process at a time uses these tokens. Two processes that
    /// refresh at the same moment send the same refresh token, and Canva may end the login at the second use.
    ///
    /// In a database, take an advisory lock, a row in a table of its own, or a lease with a time limit. Don't lock the
    /// row that `save` writes: `save` would wait for itself. If unlocking takes a request, see
    /// [`StoreLock::unlocked_by`]. A lease must outlast a refresh, which takes up to 60 seconds with all its attempts, and its calls
    /// of `load` and `save`. Give up waiting a little later: the process that has the lock may stand still.
    fn lock(&self) -> BoxFuture<'_, Result<StoreLock, BoxError>> {
        Box::pin(ready(Ok(StoreLock::new(()))))
    }
}

/// The tokens of a [`TokenStore`] are locked until this is dropped.
#[must_use = "dropping it unlocks the tokens"]
pub struct StoreLock {
    held: Box<dyn Send>,
    unlock: Option<BoxFuture<'static, ()>>,
}

impl StoreLock {
    /// From any value that unlocks the tokens when it is dropped.
    pub fn new(held: impl Send + 'static) -> Self {
        Self { held: Box::new(held), unlock: None }
    }

    /// Unlocking takes this request. A provider awaits it before its own call returns, and drops the lock then: a process
    /// that ends right after a refresh leaves nothing locked. If the provider's task was aborted, the lock is only
    /// dropped; it may then send the request from a task that `drop` spawns.
    pub fn unlocked_by(self, unlock: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { unlock: Some(Box::pin(unlock)), ..self }
    }

    pub(super) async fn unlock(self) {
        if let Some(unlock) = self.unlock {
            unlock.await;
        }
        drop(self.held);
    }
}

impl fmt::Debug for StoreLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreLock").finish_non_exhaustive()
    }
}

/// Several providers may share a store.
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
