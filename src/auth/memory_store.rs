//! Tokens in memory, for any number of providers in one process.

use std::fmt;
use std::future::ready;
use std::sync::{Arc, Mutex};

use tokio::time::timeout;

use super::store::LOCK_TIMEOUT;
use super::{StoreLock, TokenStore, Tokens};
use crate::boxed::{BoxError, BoxFuture};
use crate::sync::lock;

/// Tokens in memory, for tests and short programs. They are lost when the process ends. Clones share them, and so do
/// providers that each have a clone.
///
/// ```
/// use canva_connect::auth::{MemoryStore, Tokens};
/// use std::time::Duration;
///
/// let store = MemoryStore::with(Tokens::new("an-access-token", "a-refresh-token", Duration::from_secs(4 * 60 * 60)));
/// assert_eq!(format!("{store:?}"), "MemoryStore { .. }");
/// ```
#[derive(Clone, Default)]
pub struct MemoryStore {
    tokens: Arc<Mutex<Option<Tokens>>>,
    locked: Arc<tokio::sync::Mutex<()>>,
}

impl MemoryStore {
    /// Without tokens: the user has to log in first.
    pub fn new() -> Self {
        Self::default()
    }

    /// With the tokens of a user who has logged in.
    pub fn with(tokens: Tokens) -> Self {
        let store = Self::new();
        *lock(&store.tokens) = Some(tokens);
        store
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
        let late = |_| format!("another provider has kept the tokens locked for {} s", LOCK_TIMEOUT.as_secs());
        Box::pin(async move {
            let locked = timeout(LOCK_TIMEOUT, self.locked.clone().lock_owned()).await;
            Ok(StoreLock::new(locked.map_err(late)?))
        })
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}
