//! `TokenStore` over Redis: the tokens of a user, refreshed by one process at a time.
//!
//! All of a user's is one hash: the `tokens`, the `holder` that locked them last, and `until` when it has them locked. Each
//! step is one script, so nothing comes between what it looks at and what it writes, and one clock counts, the server's.

use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use canva_connect::BoxError;
use canva_connect::auth::{StoreLock, TokenStore, Tokens};
use redis::{Script, ToRedisArgs};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

use crate::connection::{Redis, RedisError};
use crate::encryption::{Closed, open, seal};

/// How long the tokens stay locked if their holder is no longer heard of.
const LEASE: Duration = Duration::from_secs(30);
/// How often a holder is heard of: twice may fail.
const RENEWAL: Duration = Duration::from_secs(10);
/// How long another process may keep the tokens locked: a token request of 60 seconds at the most, and time to save.
const LOCK_TIMEOUT: Duration = Duration::from_secs(75);
/// How often locked tokens are looked at, in milliseconds: short beside a token request, and spread, so that many processes
/// don't ask at once.
const LOCK_POLL: std::ops::Range<u64> = 100..300;
/// How long a save is tried. Before it there is a refresh token that works nowhere else than here, and perhaps a process
/// that is about to end.
const SAVE_TIMEOUT: Duration = Duration::from_secs(15);
const SAVE_POLL: Duration = Duration::from_millis(250);

/// Locks for ARGV[1], for ARGV[2] ms, unless another holder has a lease. One that is longer than a lease can be is from before
/// the clock was set back.
static LOCK: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local time = redis.call('TIME')
         local now = time[1] * 1000 + math.floor(time[2] / 1000)
         local left = (redis.call('HGET', KEYS[1], 'until') or 0) - now
         local locked = left > 0 and left <= tonumber(ARGV[2])
         if locked and redis.call('HGET', KEYS[1], 'holder') ~= ARGV[1] then return 0 end
         redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'until', now + ARGV[2])
         return 1",
    )
});

/// Goes on to hold, unless another has locked since.
static RENEW: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('HGET', KEYS[1], 'holder') ~= ARGV[1] then return 0 end
         local time = redis.call('TIME')
         redis.call('HSET', KEYS[1], 'until', time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[2])
         return 1",
    )
});

/// Ends the lease, if it is this holder's. That it was the last holder stays: see `SAVE`.
static UNLOCK: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('HGET', KEYS[1], 'holder') ~= ARGV[1] then return 0 end
         return redis.call('HDEL', KEYS[1], 'until')",
    )
});

/// Saves ARGV[2], unless another has locked since: that one has newer tokens, or will have. This fences off a holder that stood
/// still past its lease, as a number that grows with each lock would; and a number can be given out twice where a failover
/// loses a write. Where the whole hash is lost, there is nothing newer.
static SAVE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local holder = redis.call('HGET', KEYS[1], 'holder')
         if holder and holder ~= ARGV[1] then return 0 end
         redis.call('HSET', KEYS[1], 'tokens', ARGV[2])
         return 1",
    )
});

/// The tokens of one user in Redis, for any number of processes and machines: made by [`Redis::store`].
///
/// They are in one hash, encrypted if the [`Redis`] was given keys. A process that logs in or refreshes locks them: others wait
/// for it, for 75 seconds at the most, and find what it saved. The lock is a lease of 30 seconds by the server's clock,
/// renewed every 10 while it is held. So the others go on 30 seconds after a holder was killed, or has stood still. A holder that
/// stood still for longer and wakes up can't save any more if another has locked meanwhile; what is in the store by then
/// counts.
///
/// A save is tried for 15 seconds: once a refresh is done, the new tokens are nowhere else. Everything else is asked once, and
/// fails before a refresh token is sent.
///
/// Errors are [`StoreError`]s.
pub struct RedisStore {
    row: Row,
    /// Who we are while we have the tokens locked.
    holder: Arc<Mutex<Option<String>>>,
}

impl Redis {
    /// The tokens of this user: any text that stands for one Canva user of one integration.
    pub fn store(&self, user: &str) -> RedisStore {
        let row = Row { redis: self.clone(), key: self.key("tokens", user).into() };
        RedisStore { row, holder: Arc::default() }
    }
}

impl RedisStore {
    fn holder(&self) -> Option<String> {
        held(&self.holder).clone()
    }

    /// Saves for this holder, as often as it takes.
    async fn save_as(&self, holder: &str, stored: &[u8]) -> Result<(), StoreError> {
        let until = Instant::now() + SAVE_TIMEOUT;
        loop {
            match self.row.run(&SAVE, holder, stored).await {
                Ok(true) => return Ok(()),
                Ok(false) => return Err(StoreError::Superseded),
                Err(error) if Instant::now() >= until => return Err(error.into()),
                Err(_) => sleep(SAVE_POLL).await,
            }
        }
    }
}

impl TokenStore for RedisStore {
    async fn load(&self) -> Result<Option<Tokens>, BoxError> {
        let (stored, last) = self.row.read().await?;
        // What is read under a lock is about to be refreshed.
        if self.holder().is_some_and(|holder| last.is_some_and(|last| last != holder)) {
            return Err(StoreError::Superseded.into());
        }
        let Some(stored) = stored else { return Ok(None) };
        let text = open(self.row.redis.given_encryption_keys(), &self.row.key, stored).map_err(|closed| match closed {
            Closed::NoKey => StoreError::NoKey,
            Closed::WrongKey => StoreError::WrongKey,
            Closed::InTheClear => StoreError::InTheClear,
        })?;
        // Not the decoder's own words: they can quote what they read.
        let unreadable = |_| StoreError::Unreadable { key: self.row.key.to_string() };
        Ok(Some(serde_json::from_slice(&text).map_err(unreadable)?))
    }

    async fn save(&self, tokens: &Tokens) -> Result<(), BoxError> {
        let text = serde_json::to_vec(tokens)?;
        let stored = seal(self.row.redis.given_encryption_keys(), &self.row.key, text).ok_or("the system has no randomness to give")?;
        if let Some(holder) = self.holder() {
            return Ok(self.save_as(&holder, &stored).await?);
        }
        let _lock = self.lock().await?;
        let holder = self.holder().ok_or(StoreError::Superseded)?;
        Ok(self.save_as(&holder, &stored).await?)
    }

    async fn lock(&self) -> Result<StoreLock, BoxError> {
        let until = Instant::now() + LOCK_TIMEOUT;
        // Made before it is locked, so that it is unlocked even where the response is lost.
        let id = format!("{:032x}", fastrand::u128(..));
        let mut lease = Lease { row: self.row.clone(), id: id.clone(), holder: self.holder.clone(), renewal: None };
        while !self.row.run(&LOCK, &id, LEASE.as_millis() as u64).await? {
            if Instant::now() >= until {
                return Err(StoreError::Locked.into());
            }
            sleep(Duration::from_millis(fastrand::u64(LOCK_POLL))).await;
        }
        lease.renewal = Some(tokio::spawn(renew(self.row.clone(), id.clone())).abort_handle());
        *held(&self.holder) = Some(id);
        Ok(StoreLock::new(lease))
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("key", &self.row.key).finish_non_exhaustive()
    }
}

/// A user's hash.
#[derive(Clone)]
struct Row {
    redis: Redis,
    key: Arc<str>,
}

impl Row {
    /// The tokens as they are stored, and who locked them last.
    async fn read(&self) -> Result<(Option<Vec<u8>>, Option<String>), RedisError> {
        self.redis.query(redis::cmd("HMGET").arg(&*self.key).arg("tokens").arg("holder")).await
    }

    /// What a script says to this holder.
    async fn run(&self, script: &Script, holder: &str, argument: impl ToRedisArgs) -> Result<bool, RedisError> {
        self.redis.run(script.key(&*self.key).arg(holder).arg(argument)).await
    }
}

/// Goes on to hold the tokens, until it is too late or this task is aborted.
async fn renew(row: Row, id: String) {
    loop {
        sleep(RENEWAL).await;
        if let Ok(false) = row.run(&RENEW, &id, LEASE.as_millis() as u64).await {
            return;
        }
    }
}

/// The right to refresh and to save, which ends when this is dropped.
struct Lease {
    row: Row,
    id: String,
    holder: Arc<Mutex<Option<String>>>,
    renewal: Option<AbortHandle>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(renewal) = &self.renewal {
            renewal.abort();
            held(&self.holder).take();
        }
        // Where there is no runtime any more, it ends by itself.
        if let Ok(runtime) = Handle::try_current() {
            let (row, id) = (self.row.clone(), std::mem::take(&mut self.id));
            runtime.spawn(async move { row.run(&UNLOCK, &id, "").await });
        }
    }
}

fn held(holder: &Mutex<Option<String>>) -> MutexGuard<'_, Option<String>> {
    holder.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What can go wrong with tokens in Redis. It is the source of an
/// [`OAuthError::Store`](canva_connect::auth::OAuthError::Store), found with `source.downcast_ref()`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Redis can't be reached, didn't answer in time, or refused.
    #[error(transparent)]
    Redis(#[from] RedisError),
    /// Others have kept the tokens locked for as long as a call waits, which is longer than a refresh takes.
    #[error("other processes have kept the tokens locked for {} s; try again", LOCK_TIMEOUT.as_secs())]
    Locked,
    /// This process stood still, or didn't reach Redis, for longer than its lock lasts, and another has locked the tokens
    /// since. What that one keeps counts: try again, and it is loaded.
    #[error("another process has locked the tokens since; try again")]
    Superseded,
    /// The tokens are encrypted, and no key was given.
    #[error("the tokens are encrypted; give the key that they were encrypted with")]
    NoKey,
    /// The tokens are encrypted with none of the keys that were given. Or they were changed, or are another user's.
    #[error("the tokens can't be decrypted with any of the given keys; add the key that they were encrypted with")]
    WrongKey,
    /// A key was given, and the tokens are not encrypted. They are not used, since whoever can write to Redis could have put them
    /// there.
    #[error("the tokens are not encrypted, although a key was given; the user has to log in again")]
    InTheClear,
    /// What is there are no tokens.
    #[error("what is in Redis under {key:?} are no tokens; the user has to log in again")]
    #[non_exhaustive]
    Unreadable {
        /// Where they should be.
        key: String,
    },
}
