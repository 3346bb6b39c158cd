//! `Pacer` over Redis: the rate limits of a user, kept by all processes together.
//!
//! The permits of an operation are in Redis, and one script (`pacing.lua`) does everything with them. They come back
//! a window after the response, as those of `canva_connect::Pacing` do. A process tells what happened to its permits
//! when it asks for the next one (`lane`), or in its heartbeat, which also says that the process is still there.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use canva_connect::operations::Operation;
use canva_connect::pacing::Permit;
use canva_connect::{BoxError, BoxFuture, Pacer};

use crate::connection::Redis;
use crate::sync::lock;

mod call;
mod heartbeat;
mod lane;
mod state;

use lane::Lane;

/// The window over which Canva counts requests.
const WINDOW: Duration = Duration::from_secs(60);

impl Redis {
    /// The rate limits of one Canva user of one integration. `user` is any text that names this user; it is part of
    /// the keys. Every process that sends for this user needs the same text, the same prefix and the same Redis.
    ///
    /// A process needs one `RedisPacing` a user: its clients share it as an `Arc`, and are served in the order of
    /// asking. Two of them take turns like two processes.
    pub fn pacing(&self, user: impl Into<String>) -> RedisPacing {
        RedisPacing { redis: self.clone(), user: user.into(), window: WINDOW, lanes: Mutex::default() }
    }
}

/// The rate limits of one user, kept by all processes together: no more requests leave than
/// [`Operation::requests_per_minute`] allows, however Canva counts them. A pause after a 429 holds for all processes.
///
/// Within a process, it is first come, first served. Processes take turns.
///
/// While Redis is away, requests fail within seconds, with [`RedisError`](crate::RedisError) as the source of their
/// error. In the first window after Redis has started, nothing is sent, because Redis may have lost the earlier counts.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use canva_connect::Client;
/// use canva_connect_redis::Redis;
///
/// let redis = Redis::open("redis://127.0.0.1:6379/0")?;
/// let canva = Client::builder().token("a-secret").pacer(redis.pacing("user-1")).build()?;
/// # Ok(())
/// # }
/// ```
pub struct RedisPacing {
    redis: Redis,
    user: String,
    window: Duration,
    /// By the operation's id, each made when its first request asks.
    lanes: Mutex<HashMap<&'static str, Arc<Lane>>>,
}

impl RedisPacing {
    /// The window over which requests are counted. Default 60 s, which is Canva's; a shorter one is for tests against
    /// a simulator with the same. It has to be the same in all processes. Less than 100 ms counts as that, and more
    /// than a day as a day.
    #[must_use]
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window.clamp(Duration::from_millis(100), Duration::from_secs(86_400));
        self
    }

    fn lane(&self, operation: &Operation) -> Arc<Lane> {
        let new = || Arc::new(Lane::new(self, operation));
        lock(&self.lanes).entry(operation.id).or_insert_with(new).clone()
    }
}

impl fmt::Debug for RedisPacing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisPacing").field("redis", &self.redis).field("user", &self.user).finish_non_exhaustive()
    }
}

impl Pacer for RedisPacing {
    fn acquire(&self, operation: &'static Operation, max_wait: Duration) -> BoxFuture<'_, Result<Permit, BoxError>> {
        Box::pin(self.lane(operation).acquire(max_wait))
    }

    fn pause(&self, operation: &'static Operation, pause: Duration) {
        self.lane(operation).pause(pause);
    }
}
