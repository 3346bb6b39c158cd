//! `Pacer` over Redis: the rate limits of a user, kept by all processes together.
//!
//! Redis holds the permits of each operation. One script does everything there is to do with them; `script` calls it.
//! A permit comes back as with `canva_connect::Pacing`: a window after the response. `lane` keeps the queue of this
//! process, and tells Redis what happened to its permits.

mod lane;
mod script;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use canva_connect::operations::Operation;
use canva_connect::pacing::Permit;
use canva_connect::{BoxError, BoxFuture, Pacer};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::connection::{Redis, RedisError};
use crate::sync::lock;
use lane::{Command, Lane, Waiter};

/// The window over which Canva counts requests.
const WINDOW: Duration = Duration::from_secs(60);

impl Redis {
    /// The rate limits of one Canva user of one integration. `user` is any text that stands for the user; the keys
    /// contain it. All processes that send for this user need the same text, the same prefix and the same Redis.
    ///
    /// A process needs one `RedisPacing` for a user. Its clients share it as an `Arc`, and are served in the order in
    /// which they ask. Two instances treat each other as two processes do.
    pub fn pacing(&self, user: impl Into<String>) -> RedisPacing {
        RedisPacing { redis: self.clone(), user: user.into(), window: WINDOW, lanes: Mutex::default() }
    }
}

/// The rate limits of one user, kept by all processes together: no more requests leave than
/// [`Operation::requests_per_minute`] allows, however Canva counts them. A pause after a 429 holds for all processes.
///
/// Within a process, requests leave in the order in which they ask. Processes take turns.
///
/// While Redis is away, requests fail with [`RedisError`] as the source of their error. In the first window after
/// Redis has started, nothing is sent: Redis may have forgotten what was sent before.
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
    /// By the operation's id. Each lane is made when its first request asks.
    lanes: Mutex<HashMap<&'static str, UnboundedSender<Command>>>,
}

impl RedisPacing {
    /// The window over which requests are counted, from 100 ms to a day. Default 60 s, which is Canva's. A shorter
    /// window is for tests against a simulator with the same window. All processes need the same.
    #[must_use]
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window.clamp(Duration::from_millis(100), Duration::from_secs(86_400));
        self
    }

    /// Checks that Redis can keep the limits: runs the script that each permit needs, and takes none.
    ///
    /// # Errors
    /// [`RedisError::Away`], or [`RedisError::Refused`], for example by a replica that can only be read.
    pub async fn check(&self) -> Result<(), RedisError> {
        self.new_lane("check", None).call().await
    }

    fn new_lane(&self, operation: &str, limit: Option<u32>) -> Lane {
        let name = self.redis.key("pacing", &format!("{operation}:{}", self.user));
        Lane::new(self.redis.clone(), name, limit, self.window)
    }

    fn lane(&self, operation: &Operation) -> UnboundedSender<Command> {
        let mut lanes = lock(&self.lanes);
        if let Some(lane) = lanes.get(operation.id).filter(|lane| !lane.is_closed()) {
            return lane.clone();
        }
        let (lane, commands) = unbounded_channel();
        // Without a runtime, the channel closes here, and `acquire` says so.
        if let Ok(runtime) = Handle::try_current() {
            let limit = operation.requests_per_minute;
            runtime.spawn(self.new_lane(operation.id, limit).run(commands));
        }
        lanes.insert(operation.id, lane.clone());
        lane
    }
}

impl Pacer for RedisPacing {
    fn acquire(&self, operation: &'static Operation, max_wait: Duration) -> BoxFuture<'_, Result<Permit, BoxError>> {
        Box::pin(async move {
            let (reply, permit) = oneshot::channel();
            let lane = self.lane(operation);
            let _ = lane.send(Command::Acquire(Waiter { max_wait, reply, lane: lane.clone() }));
            permit.await.unwrap_or_else(|_| {
                let ended = io::Error::other("the tokio runtime that the connection lives on has ended");
                Err(RedisError::Away { redis: self.redis.address(), source: Arc::new(ended) }.into())
            })
        })
    }

    fn pause(&self, operation: &'static Operation, asked: Duration) {
        let _ = self.lane(operation).send(Command::Pause { began: Instant::now(), asked });
    }
}

impl fmt::Debug for RedisPacing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisPacing").field("redis", &self.redis).field("user", &self.user).finish_non_exhaustive()
    }
}
