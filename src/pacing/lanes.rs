//! A permit for each request that the limits allow, handed back a minute after the response.
//!
//! Canva takes N requests a minute of each operation and doesn't say how it counts them. One scheme is safe however it
//! counts (a fixed window, a sliding window, a token bucket) and however long the network takes: N permits, each handed
//! back 60 seconds *after the response* to its request, so a full minute always separates the first arrival from the
//! N+1st departure. A bucket that refills, by contrast, lets up to 2 N requests into the first minute.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Pacer, PausedError, Permit};
use crate::boxed::{BoxError, BoxFuture};
use crate::error::Error;
use crate::operations::Operation;
use crate::sync::lock;

/// The window over which Canva counts requests.
const WINDOW: Duration = Duration::from_secs(60);

/// The rate limit of each operation, kept for one client and its clones: first come, first served. Operations are told
/// apart by their ids. Several clients for the same user share an `Arc<Pacing>`.
///
/// The counts live as long as the pacing. After a minute without requests nothing is left to count, and a new one is
/// as good.
///
/// A 429 pauses its operation for as long as the response asks, but for no more than the client's
/// [`max_wait`](crate::ClientBuilder::max_wait), 5 minutes by default. Where it asks for longer, the requests of that
/// time fail at once with [`PausedError`], which has the pause that Canva asked for. After that, requests are sent
/// again, so that one mistaken response can't stop an operation for days.
///
/// ```
/// # fn main() -> Result<(), canva_connect::Error> {
/// use canva_connect::{Client, Pacing};
///
/// // Pacing is on by default. Off, every 429 reaches the retry policy instead.
/// let canva = Client::builder().token("a-secret").pacer(Pacing::off()).build()?;
/// # Ok(())
/// # }
/// ```
pub struct Pacing {
    /// By the operation's id, each made when its first request asks; `None` if there are no limits.
    lanes: Option<Mutex<HashMap<&'static str, Arc<Lane>>>>,
    /// Of each limit, at most 1.
    share: f64,
}

impl Pacing {
    /// The limits of [`Operation::requests_per_minute`], each operation for itself.
    pub fn new() -> Self {
        Self { lanes: Some(Mutex::default()), share: 1.0 }
    }

    /// A share of each limit, rounded down but at least 1 a minute: for one of several processes that send for the
    /// same user without sharing their counts. Among four processes, each takes a quarter. If there are more
    /// processes than a limit has requests, together they exceed it.
    ///
    /// ```
    /// # fn main() -> Result<(), canva_connect::Error> {
    /// use canva_connect::{Client, Pacing};
    ///
    /// let canva = Client::builder().token("a-secret").pacer(Pacing::scaled(0.25)?).build()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidInput`] if the share isn't more than 0 and at most 1. Nothing is rounded to fit: 25 for 25 %
    /// would give each process the whole limit.
    pub fn scaled(share: f64) -> Result<Self, Error> {
        if share > 0.0 && share <= 1.0 {
            return Ok(Self { share, ..Self::new() });
        }
        Err(Error::invalid("share", "more than 0 and at most 1, such as 0.5", share.to_string()))
    }

    /// No limits.
    pub fn off() -> Self {
        Self { lanes: None, ..Self::new() }
    }

    fn lane(&self, operation: &Operation) -> Option<Arc<Lane>> {
        let lanes = self.lanes.as_ref()?;
        // Operations without a limit have a lane too, for the pause after a 429.
        let permits = operation.requests_per_minute.map_or(u32::MAX, |limit| self.share_of(limit));
        Some(lock(lanes).entry(operation.id).or_insert_with(|| Arc::new(Lane::new(permits))).clone())
    }

    fn share_of(&self, limit: u32) -> u32 {
        // 0.29 of 100 are 29, although their product as floats is less.
        let share = (f64::from(limit) * self.share * (1.0 + 4.0 * f64::EPSILON)) as u32;
        share.max(1).min(limit)
    }
}

impl Default for Pacing {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Pacing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.share {
            _ if self.lanes.is_none() => f.write_str("Pacing::off()"),
            1.0 => f.write_str("Pacing::new()"),
            share => write!(f, "Pacing::scaled({share})"),
        }
    }
}

impl Pacer for Pacing {
    fn acquire(&self, operation: &'static Operation, max_wait: Duration) -> BoxFuture<'_, Result<Permit, BoxError>> {
        Box::pin(async move {
            match self.lane(operation) {
                Some(lane) => Ok(lane.acquire(max_wait).await?),
                None => Ok(Permit::new(|_| ())),
            }
        })
    }

    fn pause(&self, operation: &'static Operation, pause: Duration) {
        if let Some(lane) = self.lane(operation) {
            lane.pause(pause);
        }
    }
}

/// One operation's permits.
struct Lane {
    /// The first in the queue holds it while it waits. tokio's mutex serves in the order of asking.
    turn: tokio::sync::Mutex<()>,
    state: Mutex<LaneState>,
    /// A permit came back, or is known to come back, since the first in the queue last looked.
    changed: Notify,
}

struct LaneState {
    free: u32,
    /// When the permits of finished requests come back, soonest first.
    returning: VecDeque<Instant>,
    pause: Option<Pause>,
}

/// What a 429 asked for.
struct Pause {
    began: Instant,
    asked: Duration,
    /// A request was sent before the pause was over. Canva's answer to that request counts, even if it asks for a
    /// shorter pause.
    overridden: bool,
}

impl Pause {
    fn left(&self, now: Instant) -> Duration {
        self.asked.saturating_sub(now - self.began)
    }
}

/// Why there is no permit now.
enum Wait {
    /// For so long there will be none.
    For(Duration),
    /// Until a request that is under way has ended.
    Release,
    Paused(PausedError),
}

impl Lane {
    fn new(permits: u32) -> Self {
        let state = LaneState { free: permits, returning: VecDeque::new(), pause: None };
        Self { turn: tokio::sync::Mutex::new(()), state: Mutex::new(state), changed: Notify::new() }
    }

    async fn acquire(self: Arc<Self>, max_wait: Duration) -> Result<Permit, PausedError> {
        let _turn = self.turn.lock().await;
        loop {
            let wait = lock(&self.state).take(Instant::now(), max_wait);
            match wait {
                Ok(()) => break,
                Err(Wait::For(time)) => {
                    let _ = tokio::time::timeout(time, self.changed.notified()).await;
                }
                Err(Wait::Release) => self.changed.notified().await,
                Err(Wait::Paused(error)) => return Err(error),
            }
        }
        let lane = self.clone();
        Ok(Permit::new(move |sent| lane.release(sent)))
    }

    fn release(&self, sent: bool) {
        let mut state = lock(&self.state);
        match sent {
            true => state.returning.push_back(Instant::now() + WINDOW),
            false => state.free += 1,
        }
        drop(state);
        self.changed.notify_one();
    }

    fn pause(&self, asked: Duration) {
        let now = Instant::now();
        let mut state = lock(&self.state);
        if state.pause.as_ref().is_none_or(|other| other.overridden || other.left(now) <= asked) {
            state.pause = Some(Pause { began: now, asked, overridden: false });
        }
        drop(state);
        // A request that waits for a permit may have to fail.
        self.changed.notify_one();
    }
}

impl LaneState {
    /// Takes a permit, or says why there is none.
    fn take(&mut self, now: Instant, max_wait: Duration) -> Result<(), Wait> {
        while self.returning.front().is_some_and(|back| *back <= now) {
            self.returning.pop_front();
            self.free += 1;
        }
        if let Some(pause) = &self.pause {
            PausedError::check(pause.asked, now - pause.began, max_wait).map_err(Wait::Paused)?;
            // A pause that was too long to wait for ends early.
            let left = pause.left(now);
            if pause.asked <= max_wait && !left.is_zero() {
                return Err(Wait::For(left));
            }
        }
        if self.free == 0 {
            return Err(self.returning.front().map_or(Wait::Release, |back| Wait::For(*back - now)));
        }
        self.free -= 1;
        if let Some(pause) = &mut self.pause {
            pause.overridden = true;
        }
        Ok(())
    }
}
