//! Tokens in memory, for any number of providers of one process.

use std::fmt;
use std::future::ready;
use std::sync::{Arc, Mutex};

use super::exclusive::Exclusive;
use super::store::LOCK_TIMEOUT;
use super::{StoreLock, TokenStore, Tokens};
use crate::boxed::{BoxError, BoxFuture};
use crate::sync::lock;

/// Tokens in memory, for tests and short programs. They end with the process; its clones share them, and so do providers that
/// each have a clone.
///
/// ```
/// use canva_connect::auth::{MemoryStore, Tokens};
/// use std::time::Duration;
///
/// let store = MemoryStore::with(Tokens::new("an-access-token", "a-refresh-token", Duration::from_secs(4 * 60 * 60)));
/// assert_eq!(format!("{store:?}"), "MemoryStore { .. }");
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    tokens: Arc<Mutex<Option<Tokens>>>,
    locked: Arc<Exclusive<()>>,
}

impl MemoryStore {
    /// Without tokens: the user has to log in first.
    pub fn new() -> Self {
        Self { tokens: Arc::default(), locked: Arc::new(Exclusive::new(())) }
    }

    /// With the tokens of a user who has logged in.
    pub fn with(tokens: Tokens) -> Self {
        let store = Self::new();
        *lock(&store.tokens) = Some(tokens);
        store
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl TokenStore for MemoryStore {
    fn load(&self) -> BoxFuture<'_, Result<Option<Tokens>, BoxError>> {
        Box::pin(ready(Ok(lock(&self.tokens).clone())))
    }

    fn save<'a>(&'a self, tokens: &'a Tokens) -> BoxFuture<'a, Result<(), BoxError>> {
        *lock(&self.tokens) = Some(tokens.clone());
        Box::pin(ready(Ok(())))
    }

    fn lock(&self) -> BoxFuture<'_, Result<StoreLock, BoxError>> {
        let late = || format!("another provider has kept the tokens locked for {} s", LOCK_TIMEOUT.as_secs());
        Box::pin(async move { Ok(StoreLock::new(self.locked.next(LOCK_TIMEOUT).await.ok_or_else(late)?)) })
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}
