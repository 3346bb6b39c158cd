//! `TokenStore` over Redis: the tokens of a user, refreshed by one process at a time.
//!
//! Each user has one hash: the `tokens`, the `holder` that locked them last with its `number`, and `until`, the end
//! of the lock. Each step is one script, so it reads and writes at once, and only the server's clock counts.

use std::fmt;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use canva_connect::auth::{StoreLock, TokenStore, Tokens};
use canva_connect::{BoxError, BoxFuture};
use redis::{Script, ToRedisArgs};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

use crate::connection::{Redis, RedisError};
use crate::encryption::{Closed, open, seal};
use crate::sync::lock;

/// How long the tokens stay locked after the last sign of their holder. It gives three in that time: two may fail.
const LEASE: Duration = Duration::from_secs(30);
/// How long another process may keep the tokens locked: a token request of 60 seconds at the most, and time to save.
const LOCK_TIMEOUT: Duration = Duration::from_secs(75);
/// How often locked tokens are looked at, in milliseconds: short beside a token request, and spread, so that many
/// processes don't ask at once.
const LOCK_POLL: std::ops::Range<u64> = 100..300;
/// How long a save is tried. Before it there is a refresh token that works nowhere else than here, and perhaps a
/// process that is about to end.
const SAVE_TIMEOUT: Duration = Duration::from_secs(15);
const SAVE_POLL: Duration = Duration::from_millis(250);

/// What the scripts begin with. A holder has an id and a number that grows with each lock. It is fenced off once
/// there is a newer one: it stood still past its lease. Where a Redis that crashed has forgotten it, the number that
/// is there is a lower one, and the holder still counts; where another got the same number then, the ids differ.
const HOLDER: &str = "
    local row, id, number = KEYS[1], ARGV[1], tonumber(ARGV[2])
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local newest = tonumber(redis.call('HGET', row, 'number') or 0)
    local is_newest = redis.call('HGET', row, 'holder') == id
    local fenced_off = newest > number or newest == number and not is_newest
    local function hold(number, lease)
        redis.call('HSET', row, 'holder', id, 'number', number, 'until', now + lease)
    end
";

fn script(rest: &str) -> Script {
    Script::new(&format!("{HOLDER}{rest}"))
}

/// Locks for ARGV[3] ms unless another has, and gives the number. A lease that is longer than a lease can be is from
/// before the clock was set back.
static LOCK: LazyLock<Script> = LazyLock::new(|| {
    script(
        "local left = (redis.call('HGET', row, 'until') or 0) - now
         if left > 0 and left <= tonumber(ARGV[3]) and not is_newest then return 0 end
         hold(newest + 1, ARGV[3])
         return newest + 1",
    )
});

/// Holds for another ARGV[3] ms.
static RENEW: LazyLock<Script> = LazyLock::new(|| {
    script(
        "if fenced_off then return 0 end
         hold(number, ARGV[3])
         return 1",
    )
});

/// Saves ARGV[3].
static SAVE: LazyLock<Script> = LazyLock::new(|| {
    script(
        "if fenced_off then return 0 end
         redis.call('HSET', row, 'holder', id, 'number', number, 'tokens', ARGV[3])
         return 1",
    )
});

static UNLOCK: LazyLock<Script> = LazyLock::new(|| {
    script(
        "if is_newest then redis.call('HDEL', row, 'until') end
         return 1",
    )
});

/// The tokens of one user in Redis, for any number of processes and machines: made by [`Redis::store`].
///
/// They are in one hash, encrypted if the [`Redis`] was given keys. A process that logs in or refreshes locks the
/// tokens. The others wait for up to 75 seconds, and find the new tokens. The lock is a [lease](Self::lease) of 30
/// seconds by the server's clock, renewed every 10 seconds: if the holder is killed or stands still, the others go on
/// 30 seconds later. A holder that stood still for longer can't save any more if another process has locked
/// meanwhile; the tokens in the store count.
///
/// A save is tried for 15 seconds: after a refresh, the new tokens exist nowhere else. Every other call is tried
/// once, and fails before a refresh token is sent.
///
/// Errors are [`StoreError`]s.
pub struct RedisStore {
    row: Row,
    lease: Duration,
    /// This process, while it has the tokens locked.
    held: Arc<Mutex<Option<Holder>>>,
}

impl Redis {
    /// The tokens of one Canva user of one integration. `user` is any text that names this user; it is part of the key.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use canva_connect::auth::{Integration, OAuth};
    /// use canva_connect_redis::Redis;
    ///
    /// let redis = Redis::open("redis://127.0.0.1:6379/0")?;
    /// let integration = Integration::new("client-id", "client-secret", "https://example.com/return")?;
    /// let oauth = OAuth::new(integration, redis.store("user-1"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn store(&self, user: impl Into<String>) -> RedisStore {
        let row = Row { redis: self.clone(), key: self.key("tokens", &user.into()).into() };
        RedisStore { row, lease: LEASE, held: Arc::default() }
    }
}

impl RedisStore {
    /// How long the tokens stay locked after the last sign of their holder. Default 30 s; a shorter lease is for
    /// tests. All processes need the same.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    fn holder(&self) -> Option<Holder> {
        lock(&self.held).clone()
    }

    /// Saves for this holder, as often as it takes.
    async fn save_as(&self, holder: &Holder, stored: &[u8]) -> Result<(), StoreError> {
        let until = Instant::now() + SAVE_TIMEOUT;
        loop {
            match self.row.run(&SAVE, holder, stored).await {
                Ok(0) => return Err(StoreError::Superseded),
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() >= until => return Err(error),
                Err(_) => sleep(SAVE_POLL).await,
            }
        }
    }
}

impl TokenStore for RedisStore {
    fn load(&self) -> BoxFuture<'_, Result<Option<Tokens>, BoxError>> {
        Box::pin(async move {
            let (stored, number, id) = self.row.read().await?;
            // What is read under a lock is about to be refreshed.
            let newest = id.map(|id| Holder { id, number: number.unwrap_or_default() });
            if self.holder().zip(newest).is_some_and(|(holder, newest)| holder.is_fenced_off_by(&newest)) {
                return Err(StoreError::Superseded.into());
            }
            let Some(stored) = stored else { return Ok(None) };
            let text =
                open(self.row.redis.given_encryption_keys(), &self.row.key, stored).map_err(|closed| match closed {
                    Closed::NoKey => StoreError::NoKey,
                    Closed::WrongKey => StoreError::WrongKey,
                    Closed::InTheClear => StoreError::InTheClear,
                })?;
            // Not the decoder's own words: they can quote what they read.
            let unreadable = |_| StoreError::Unreadable { key: self.row.key.to_string() };
            Ok(Some(serde_json::from_slice(&text).map_err(unreadable)?))
        })
    }

    fn save<'a>(&'a self, tokens: &'a Tokens) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(async move {
            let text = serde_json::to_vec(tokens)?;
            let stored = seal(self.row.redis.given_encryption_keys(), &self.row.key, text)
                .ok_or("the system has no randomness to give")?;
            if let Some(holder) = self.holder() {
                return Ok(self.save_as(&holder, &stored).await?);
            }
            let _lock = self.lock().await?;
            let holder = self.holder().ok_or(StoreError::Superseded)?;
            Ok(self.save_as(&holder, &stored).await?)
        })
    }

    fn lock(&self) -> BoxFuture<'_, Result<StoreLock, BoxError>> {
        Box::pin(async move {
            let until = Instant::now() + LOCK_TIMEOUT;
            let holder = Holder { id: format!("{:032x}", fastrand::u128(..)), number: 0 };
            // Made before it is locked, so that it is unlocked even where the response is lost.
            let mut lease = Lease { row: self.row.clone(), holder, held: self.held.clone(), renewal: None };
            loop {
                lease.holder.number = self.row.run(&LOCK, &lease.holder, self.lease.as_millis() as u64).await?;
                if lease.holder.number > 0 {
                    break;
                }
                if Instant::now() >= until {
                    return Err(StoreError::Locked.into());
                }
                sleep(Duration::from_millis(fastrand::u64(LOCK_POLL))).await;
            }
            lease.renewal =
                Some(tokio::spawn(renew(self.row.clone(), lease.holder.clone(), self.lease)).abort_handle());
            *lock(&self.held) = Some(lease.holder.clone());
            Ok(StoreLock::new(lease))
        })
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
    /// The tokens as they are stored, and the number and the id of who locked them last.
    async fn read(&self) -> Result<(Option<Vec<u8>>, Option<u64>, Option<String>), StoreError> {
        Ok(self.redis.query(redis::cmd("HMGET").arg(&*self.key).arg("tokens").arg("number").arg("holder")).await?)
    }

    /// The script's reply to this holder.
    async fn run(&self, script: &Script, holder: &Holder, argument: impl ToRedisArgs) -> Result<u64, StoreError> {
        Ok(self.redis.run(script.key(&*self.key).arg(&holder.id).arg(holder.number).arg(argument)).await?)
    }
}

/// The process that has locked a user's tokens.
#[derive(Clone)]
struct Holder {
    id: String,
    number: u64,
}

impl Holder {
    /// As in the scripts.
    fn is_fenced_off_by(&self, newest: &Self) -> bool {
        newest.number > self.number || newest.number == self.number && newest.id != self.id
    }
}

/// Goes on to hold the tokens, until another does or this task is aborted.
async fn renew(row: Row, holder: Holder, lease: Duration) {
    loop {
        sleep(lease / 3).await;
        if let Ok(0) = row.run(&RENEW, &holder, lease.as_millis() as u64).await {
            return;
        }
    }
}

/// The right to refresh and to save, which ends when this is dropped.
struct Lease {
    row: Row,
    holder: Holder,
    held: Arc<Mutex<Option<Holder>>>,
    /// There is none before it is locked.
    renewal: Option<AbortHandle>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(renewal) = &self.renewal {
            renewal.abort();
            lock(&self.held).take();
        }
        // Where there is no runtime any more, the lease ends by itself.
        if let Ok(runtime) = Handle::try_current() {
            let (row, holder) = (self.row.clone(), self.holder.clone());
            runtime.spawn(async move { row.run(&UNLOCK, &holder, "").await });
        }
    }
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
    /// This process stood still, or didn't reach Redis, for longer than its lock lasts, and another has locked the
    /// tokens since. What that one keeps counts: try again, and it is loaded.
    #[error("another process has locked the tokens since; try again")]
    Superseded,
    /// The tokens are encrypted, and no key was given.
    #[error("the tokens are encrypted; give the key that they were encrypted with")]
    NoKey,
    /// The tokens are encrypted with none of the keys that were given. Or they were changed, or are another user's.
    #[error("the tokens can't be decrypted with any of the given keys; add the key that they were encrypted with")]
    WrongKey,
    /// A key was given, and the tokens are not encrypted. They are not used, since anybody who can write to Redis could
    /// have put them there.
    #[error("the tokens are not encrypted, although a key was given; the user has to log in again")]
    InTheClear,
    /// The stored value isn't a token pair.
    #[error("the value in Redis under {key:?} isn't a token pair; the user has to log in again")]
    #[non_exhaustive]
    Unreadable {
        /// The key.
        key: String,
    },
}
