//! `TokenStore` over Redis: the tokens of a user, refreshed by one process at a time.
//!
//! One hash holds all of a user: the `tokens`, the `holder` that locked them last, its `number`, and `until` when it
//! has them locked. Each step is one script, so nothing comes between its reads and its writes, and only the server's
//! clock counts.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use canva_connect::auth::{StoreLock, TokenStore, Tokens};
use canva_connect::{BoxError, BoxFuture};
use redis::{FromRedisValue, Script, ToRedisArgs};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

use crate::connection::{Redis, RedisError};
use crate::encryption::{Closed, open, seal};
use crate::random;
use crate::sync::lock;

/// How long the tokens stay locked if their holder is no longer heard of.
const LEASE: Duration = Duration::from_secs(30);

/// How long another process may keep the tokens locked: a token request of at most 60 seconds, and time to save.
const LOCK_TIMEOUT: Duration = Duration::from_secs(75);

/// How often a process looks at locked tokens, in milliseconds: short beside a token request, and spread, so that many
/// processes don't ask at once.
const LOCK_POLL: std::ops::Range<u64> = 100..300;

/// How long to wait before a save or unlocking is tried again.
const RETRY_DELAY: Duration = Duration::from_millis(250);

/// The longest value, in bytes. A token has a few thousand.
const LONGEST: usize = 64 << 10;

/// What the scripts begin with. A holder has an id and a number that grows with each lock: the time in ms, by the
/// server's clock. A newer holder fences it off: it stood still past its lease. If a Redis that crashed has forgotten
/// the holder, the number in Redis is lower, and the holder still counts, unless somebody has locked since. If that was
/// in the same millisecond, the ids differ.
///
/// Others may have written anything to the key. What isn't a hash is deleted, and what isn't a number counts as 0.
const HOLDER: &str = "
    local row, id, number = KEYS[1], ARGV[1], tonumber(ARGV[2])
    local kind = redis.call('TYPE', row).ok
    if kind ~= 'hash' and kind ~= 'none' then redis.call('DEL', row) end
    local function get(field)
        local value = tonumber(redis.call('HGET', row, field) or 0)
        return value and value >= 0 and value < 2^53 and math.floor(value) or 0
    end
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local newest = get('number')
    local is_newest = redis.call('HGET', row, 'holder') == id
    local fenced_off = newest > number or newest == number and not is_newest
    local function hold(number, lease)
        redis.call('HSET', row, 'holder', id, 'number', number, 'until', now + lease)
    end
";

fn script(rest: &str) -> Script {
    Script::new(&format!("{HOLDER}{rest}"))
}

/// Locks for ARGV[3] ms and returns the number, or 0 if another holder has the lock. A lease that has more than
/// ARGV[3] ms left is from before the server's clock was set back.
static LOCK: LazyLock<Script> = LazyLock::new(|| {
    script(
        "local left = get('until') - now
         if left > 0 and left <= tonumber(ARGV[3]) and not is_newest then return 0 end
         number = math.max(newest + 1, now)
         hold(number, ARGV[3])
         return number",
    )
});

/// Whether another holder has fenced this one off, the length of the tokens, and the tokens unless they are longer than
/// ARGV[3].
static LOAD: LazyLock<Script> = LazyLock::new(|| {
    script(
        "local length = redis.call('HSTRLEN', row, 'tokens')
         return { fenced_off and 1 or 0, length, length <= tonumber(ARGV[3]) and redis.call('HGET', row, 'tokens') }",
    )
});

/// Holds for another ARGV[3] ms, unless a save has ended the lock.
static RENEW: LazyLock<Script> = LazyLock::new(|| {
    script(
        "if fenced_off or is_newest and get('until') == 0 then return 0 end
         hold(number, ARGV[3])
         return 1",
    )
});

/// Saves ARGV[3] and ends the lock, since the process may end before it can unlock. A save that is repeated because its
/// reply was lost may find that others have locked what it saved.
static SAVE: LazyLock<Script> = LazyLock::new(|| {
    script(
        "if fenced_off then return redis.call('HGET', row, 'tokens') == ARGV[3] and 1 or 0 end
         redis.call('HSET', row, 'holder', id, 'number', number, 'tokens', ARGV[3])
         redis.call('HDEL', row, 'until')
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
/// They are encrypted if the [`Redis`] was given keys. A process locks them while it logs in or refreshes. Others
/// wait for it, for at most 75 seconds, and find what it saved. The lock is a lease of 30 seconds by the server's
/// clock, renewed every 10, and a save ends it. So if a holder is killed or stands still, the others go on after 30
/// seconds. A holder that stood still for longer can't save any more if another process has locked the tokens
/// meanwhile: what is in the store then counts.
///
/// A save is tried for 15 seconds, since nothing else holds the new tokens after a refresh. Everything else is tried
/// once, and fails before a refresh token is sent.
///
/// Errors are [`StoreError`]s.
pub struct RedisStore {
    row: Row,
    /// Who we are while we have the tokens locked.
    held: Arc<Mutex<Option<Holder>>>,
}

impl Redis {
    /// The tokens of one Canva user of one integration. `user` is any text that stands for the user; the key contains
    /// it.
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
        let row = Row { redis: self.clone(), key: self.key("tokens", &user.into()).into(), lease: LEASE };
        RedisStore { row, held: Arc::default() }
    }
}

impl RedisStore {
    /// How long the tokens stay locked when their holder is no longer heard of, from 300 ms to a minute. The lock is
    /// renewed every third of it, and a save is tried for half of it. Default 30 s. A shorter lease is for tests. All
    /// processes need the same.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.row.lease = lease.clamp(Duration::from_millis(300), Duration::from_secs(60));
        self
    }

    fn holder(&self) -> Option<Holder> {
        lock(&self.held).clone()
    }

    /// Saves for this holder, and tries again for half a lease.
    async fn save_as(&self, holder: &Holder, stored: &[u8]) -> Result<(), StoreError> {
        let until = Instant::now() + self.row.lease / 2;
        loop {
            match self.row.run::<u64>(&SAVE, holder, stored).await {
                Ok(0) => return Err(StoreError::Superseded),
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() >= until => return Err(error),
                Err(_) => sleep(RETRY_DELAY).await,
            }
        }
    }

    fn check_length(&self, length: usize) -> Result<(), StoreError> {
        if length > LONGEST { Err(StoreError::TooLong { key: self.row.key.to_string() }) } else { Ok(()) }
    }

    async fn load_tokens(&self) -> Result<Option<Tokens>, BoxError> {
        // Tokens that are read under a lock are about to be refreshed. Who only reads is never fenced off.
        let holder = self.holder().unwrap_or(Holder { id: String::new(), number: u64::MAX });
        let (fenced_off, length, stored): (bool, usize, Option<Vec<u8>>) =
            self.row.run(&LOAD, &holder, LONGEST).await?;
        if fenced_off {
            return Err(StoreError::Superseded.into());
        }
        self.check_length(length)?;
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
    }

    async fn save_tokens(&self, tokens: &Tokens) -> Result<(), BoxError> {
        let text = serde_json::to_vec(tokens)?;
        let stored = seal(self.row.redis.given_encryption_keys(), &self.row.key, text)
            .ok_or("the system gave no random numbers")?;
        self.check_length(stored.len())?;
        if let Some(holder) = self.holder() {
            return Ok(self.save_as(&holder, &stored).await?);
        }
        let _lock = self.lock_tokens().await?;
        let holder = self.holder().ok_or(StoreError::Superseded)?;
        Ok(self.save_as(&holder, &stored).await?)
    }

    async fn lock_tokens(&self) -> Result<StoreLock, BoxError> {
        let until = Instant::now() + LOCK_TIMEOUT;
        let holder = Holder { id: random::id(), number: 0 };
        // Made before the call, so that the tokens are unlocked even if the response is lost.
        let mut lease =
            Lease { row: self.row.clone(), holder, held: self.held.clone(), renewal: None, unlocked: Arc::default() };
        loop {
            lease.holder.number = self.row.run(&LOCK, &lease.holder, self.row.lease.as_millis() as u64).await?;
            if lease.holder.number > 0 {
                break;
            }
            if Instant::now() >= until {
                return Err(StoreError::Locked.into());
            }
            sleep(Duration::from_millis(fastrand::u64(LOCK_POLL))).await;
        }
        lease.renewal = Some(tokio::spawn(renew(self.row.clone(), lease.holder.clone())).abort_handle());
        *lock(&self.held) = Some(lease.holder.clone());
        let (row, holder, unlocked) = (self.row.clone(), lease.holder.clone(), lease.unlocked.clone());
        Ok(StoreLock::new(lease).unlocked_by(async move {
            // Else the lease does it once more.
            let answer = row.run::<u64>(&UNLOCK, &holder, "").await;
            unlocked.store(answer.is_ok(), Ordering::Relaxed);
        }))
    }
}

impl TokenStore for RedisStore {
    fn load(&self) -> BoxFuture<'_, Result<Option<Tokens>, BoxError>> {
        Box::pin(self.load_tokens())
    }

    fn save<'a>(&'a self, tokens: &'a Tokens) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(self.save_tokens(tokens))
    }

    fn lock(&self) -> BoxFuture<'_, Result<StoreLock, BoxError>> {
        Box::pin(self.lock_tokens())
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
    lease: Duration,
}

impl Row {
    /// Runs a script for this holder.
    async fn run<T>(&self, script: &Script, holder: &Holder, argument: impl ToRedisArgs) -> Result<T, StoreError>
    where
        T: FromRedisValue + Send,
    {
        let mut call = script.key(&*self.key);
        Ok(self.redis.run(call.arg(&holder.id).arg(holder.number).arg(argument), &self.key).await?)
    }
}

/// A process that has locked a user's tokens.
#[derive(Clone)]
struct Holder {
    id: String,
    number: u64,
}

/// Holds the tokens on, until they are saved, another process has locked them, or this task is aborted.
async fn renew(row: Row, holder: Holder) {
    loop {
        // Two in a row may fail.
        sleep(row.lease / 3).await;
        if let Ok(0) = row.run(&RENEW, &holder, row.lease.as_millis() as u64).await {
            return;
        }
    }
}

/// The right to refresh and to save, which ends when this is dropped.
struct Lease {
    row: Row,
    holder: Holder,
    held: Arc<Mutex<Option<Holder>>>,
    /// `None` until the tokens are locked.
    renewal: Option<AbortHandle>,
    /// Nothing is left to be done.
    unlocked: Arc<AtomicBool>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(renewal) = &self.renewal {
            renewal.abort();
            lock(&self.held).take();
        }
        if self.unlocked.load(Ordering::Relaxed) {
            return;
        }
        // Without a runtime, the lease ends by itself, unless a save has ended it.
        if let Ok(runtime) = Handle::try_current() {
            let (row, holder) = (self.row.clone(), self.holder.clone());
            let until = Instant::now() + row.lease;
            runtime.spawn(async move {
                // A Redis that is away now may still lock when it is back.
                while let Err(StoreError::Redis(RedisError::Away { .. })) = row.run::<u64>(&UNLOCK, &holder, "").await
                    && Instant::now() < until
                {
                    sleep(RETRY_DELAY).await;
                }
            });
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
    /// Other processes have kept the tokens locked for 75 seconds, which is longer than a refresh takes.
    #[error("other processes have kept the tokens locked for {} s; try again", LOCK_TIMEOUT.as_secs())]
    Locked,
    /// This process stood still, or didn't reach Redis, for longer than its lock lasts, and another process has
    /// locked the tokens since. Try again: the next call loads what the other process saved.
    #[error("another process has locked the tokens since; try again")]
    Superseded,
    /// The tokens are encrypted, and no key was given.
    #[error("the tokens are encrypted; give the key that they were encrypted with")]
    NoKey,
    /// None of the given keys decrypts the tokens. Either they were encrypted with another key, or someone has changed
    /// them or put another user's tokens there.
    #[error("none of the given keys decrypts the tokens; add the key that they were encrypted with")]
    WrongKey,
    /// A key was given, and the tokens are not encrypted. They are not used, since anyone who can write to Redis
    /// could have put them there.
    #[error("the tokens are not encrypted, although a key was given; the user has to log in again")]
    InTheClear,
    /// The tokens take more than 64 KiB. Such are neither saved nor loaded.
    #[error("the tokens under {key:?} in Redis may take at most 64 KiB; the user has to log in again")]
    #[non_exhaustive]
    TooLong {
        /// The key in Redis.
        key: String,
    },
    /// The stored value isn't a token pair.
    #[error("the value under {key:?} in Redis isn't a token pair; the user has to log in again")]
    #[non_exhaustive]
    Unreadable {
        /// The key in Redis.
        key: String,
    },
}
