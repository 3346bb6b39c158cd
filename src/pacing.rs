//! The rate limits, kept on our side: a request waits here until sending it can't exceed the limit.
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

use crate::BoxFuture;
use crate::error::{BoxError, Error};
use crate::operations::Operation;
use crate::sync::lock;

/// The window over which Canva counts requests.
const WINDOW: Duration = Duration::from_secs(60);

/// Decides when a request may leave. [`Pacing`] does it within a process; implement it to share the limits of one user
/// between processes, through Redis for example, or to have limits of your own. `acquire` is written as `async fn`:
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use canva_connect::operations::Operation;
/// use canva_connect::{BoxError, Pacer, Pacing, Permit};
/// use tokio::sync::Semaphore;
///
/// /// The limits of the spec, and no more than a few requests at a time.
/// struct Few { pacing: Pacing, slots: Arc<Semaphore> }
///
/// impl Pacer for Few {
///     async fn acquire(&self, operation: &'static Operation, max_wait: Duration) -> Result<Permit, BoxError> {
///         let permit = self.pacing.acquire(operation, max_wait).await?;
///         let slot = self.slots.clone().acquire_owned().await?;
///         Ok(Permit::new(move |sent| {
///             permit.finish(sent);
///             drop(slot);
///         }))
///     }
///
///     fn pause(&self, operation: &'static Operation, pause: Duration) {
///         self.pacing.pause(operation, pause);
///     }
/// }
/// ```
pub trait Pacer: Send + Sync + 'static {
    /// Waits until a request of this operation may leave. The permit is finished when its request is over, or
    /// dropped if that never left.
    ///
    /// `max_wait` is the client's [`max_wait`](crate::ClientBuilder::max_wait): a request shouldn't wait for a pause that is longer.
    /// It doesn't bind how long a request waits for its turn.
    fn acquire(
        &self,
        operation: &'static Operation,
        max_wait: Duration,
    ) -> impl Future<Output = Result<Permit, BoxError>> + Send;

    /// Canva answered 429: no request of this operation should leave for this long. The time is the server's word, and may be
    /// years.
    fn pause(&self, operation: &'static Operation, pause: Duration);
}

macro_rules! forward {
    ($($pointer:ident),*) => {$(
        /// The pacer that it points to, which several clients of the same user may share.
        impl<P: Pacer> Pacer for $pointer<P> {
            fn acquire(
                &self,
                operation: &'static Operation,
                max_wait: Duration,
            ) -> impl Future<Output = Result<Permit, BoxError>> + Send {
                (**self).acquire(operation, max_wait)
            }

            fn pause(&self, operation: &'static Operation, pause: Duration) {
                (**self).pause(operation, pause);
            }
        }
    )*};
}

forward!(Arc, Box);

/// Any [`Pacer`], as a client holds it.
pub(crate) trait DynPacer: Send + Sync {
    fn acquire(&self, operation: &'static Operation, max_wait: Duration) -> BoxFuture<'_, Result<Permit, BoxError>>;
    fn pause(&self, operation: &'static Operation, pause: Duration);
}

impl<P: Pacer> DynPacer for P {
    fn acquire(&self, operation: &'static Operation, max_wait: Duration) -> BoxFuture<'_, Result<Permit, BoxError>> {
        Box::pin(Pacer::acquire(self, operation, max_wait))
    }

    fn pause(&self, operation: &'static Operation, pause: Duration) {
        Pacer::pause(self, operation, pause);
    }
}

/// The permission to send one request.
#[must_use = "dropped, it is given back"]
pub struct Permit {
    /// Whether the request may have reached Canva.
    pub(crate) sent: bool,
    release: Option<Box<dyn FnOnce(bool) + Send>>,
}

impl Permit {
    /// `release` is called once, when the request is over: with `true` if it may have reached Canva, which then counts
    /// it, and with `false` if it never left.
    pub fn new(release: impl FnOnce(bool) + Send + 'static) -> Self {
        Self { sent: false, release: Some(Box::new(release)) }
    }

    /// Ends the request that this permit was for, as a pacer that wraps another one passes it on: with `true` if it may
    /// have reached Canva. A permit that is only dropped counts as one whose request never left.
    pub fn finish(mut self, sent: bool) {
        self.sent = sent;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(release) = self.release.take() {
            release(self.sent);
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("sent", &self.sent).finish_non_exhaustive()
    }
}

/// The rate limit of each operation, kept for one client and its clones: first come, first served. Operations are told
/// apart by their ids. Several clients for the same user share an `Arc<Pacing>`.
///
/// The counts live as long as it does. After a minute without requests there is nothing left to count, and a new one is as good.
///
/// A 429 pauses its operation for as long as the response asks, but for no more than the client's
/// [`max_wait`](crate::ClientBuilder::max_wait), 5 minutes by default. Where it asks for longer, the requests of that time fail at once
/// with [`PausedError`], which says what was asked for; after that, requests are sent again, so that one mistaken response can't
/// stop an operation for days.
///
/// ```
/// # fn main() -> Result<(), canva_connect::Error> {
/// use canva_connect::{Client, Pacing};
///
/// // Pacing is on by default. Off, every 429 reaches the retry policy instead.
/// let canva = Client::builder().token("a-secret").pacing(Pacing::off()).build()?;
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

    /// A share of each limit, rounded down but at least 1 a minute: for one of several processes that send for the same user and know
    /// nothing of each other. Among four, each takes a quarter. More processes than a limit has requests exceed it all the same.
    ///
    /// ```
    /// # fn main() -> Result<(), canva_connect::Error> {
    /// use canva_connect::{Client, Pacing};
    ///
    /// let canva = Client::builder().token("a-secret").pacing(Pacing::scaled(0.25)?).build()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidInput`] if the share isn't more than 0 and at most 1. Nothing is rounded to fit: whoever writes 25 for 25 % would
    /// otherwise have the whole limit in each process.
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
        // Without a limit too: a pause after a 429 holds for all.
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
    async fn acquire(&self, operation: &'static Operation, max_wait: Duration) -> Result<Permit, BoxError> {
        match self.lane(operation) {
            Some(lane) => Ok(lane.acquire(max_wait).await?),
            None => Ok(Permit::new(|_| ())),
        }
    }

    fn pause(&self, operation: &'static Operation, pause: Duration) {
        if let Some(lane) = self.lane(operation) {
            lane.pause(pause);
        }
    }
}

/// A request was not sent, since Canva asked for a longer pause than a request waits for. It is the source of an
/// [`Error::Pacer`](crate::Error::Pacer), found with `source.downcast_ref()`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Canva asked for a pause of {} s, of which {} s are left; nothing is sent for another {} s",
    .asked.as_secs(), .left.as_secs(), .closed.as_secs())]
#[non_exhaustive]
pub struct PausedError {
    /// The whole pause, as the response asked for it.
    pub asked: Duration,
    /// What is left of that.
    pub left: Duration,
    /// How long requests go on to fail with this error; after that they are sent, and Canva has the last word.
    pub closed: Duration,
}

impl PausedError {
    /// For a [`Pacer`] of your own: what a request is told that comes this long after Canva `asked` for the pause, if it waits for
    /// no more than `max_wait`. `None` if it isn't refused: the pause is short enough to be waited for, or enough of it has passed.
    ///
    /// ```
    /// use canva_connect::PausedError;
    /// use std::time::Duration;
    ///
    /// let (hour, max_wait) = (Duration::from_secs(3600), Duration::from_secs(300));
    /// let refused = PausedError::new(hour, Duration::from_secs(100), max_wait).ok_or("it is sent")?;
    /// assert_eq!((refused.left.as_secs(), refused.closed.as_secs()), (3500, 200));
    /// assert_eq!(PausedError::new(hour, max_wait, max_wait), None);
    /// assert_eq!(PausedError::new(max_wait, Duration::ZERO, max_wait), None);
    /// # Ok::<(), &str>(())
    /// ```
    pub fn new(asked: Duration, elapsed: Duration, max_wait: Duration) -> Option<Self> {
        let refused = asked > max_wait && elapsed < max_wait;
        refused.then(|| Self { asked, left: asked.saturating_sub(elapsed), closed: max_wait.saturating_sub(elapsed) })
    }
}

/// One operation's permits.
struct Lane {
    /// Held by the first in the queue while it waits; tokio's mutex serves in the order of asking.
    turn: tokio::sync::Mutex<()>,
    state: Mutex<LaneState>,
    /// A permit came back, or is known to come back, since the first in the queue last looked.
    changed: Notify,
}

struct LaneState {
    free: u32,
    /// Those of finished requests.
    returning: Returning,
    pause: Option<Pause>,
}

/// When permits come back, soonest first: two bytes each, since a service holds them for thousands of users who have gone.
struct Returning {
    /// From here the first gap counts.
    base: Instant,
    /// The last of them.
    last: Instant,
    /// In milliseconds, rounded up, from one to the next.
    gaps: VecDeque<u16>,
}

impl Returning {
    fn new() -> Self {
        let now = Instant::now();
        Self { base: now, last: now, gaps: VecDeque::new() }
    }

    fn first(&self) -> Option<Instant> {
        self.gaps.front().map(|gap| self.base + Duration::from_millis((*gap).into()))
    }

    /// Takes out those that are back, and says how many.
    fn take(&mut self, now: Instant) -> u32 {
        let mut back = 0;
        while let Some(first) = self.first().filter(|first| *first <= now) {
            self.gaps.pop_front();
            self.base = first;
            back += 1;
        }
        back
    }

    /// One more, in a full window. Says how many are back by now; those that aren't are less than a window away, as a gap must be.
    fn push(&mut self, now: Instant) -> u32 {
        let back = self.take(now);
        let due = now + WINDOW;
        if self.gaps.is_empty() {
            (self.base, self.last) = (due, due);
        }
        let gap = (due - self.last).as_nanos().div_ceil(1_000_000) as u16;
        self.last += Duration::from_millis(gap.into());
        self.gaps.push_back(gap);
        back
    }
}

/// What a 429 asked for.
struct Pause {
    began: Instant,
    asked: Duration,
    /// A request that doesn't wait for all of it was sent meanwhile: what Canva answers to that counts, even if it is shorter.
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
        let state = LaneState { free: permits, returning: Returning::new(), pause: None };
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
        state.free += if sent { state.returning.push(Instant::now()) } else { 1 };
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
        // Who waits for a permit may have to fail.
        self.changed.notify_one();
    }
}

impl LaneState {
    /// Takes a permit, or says why there is none.
    fn take(&mut self, now: Instant, max_wait: Duration) -> Result<(), Wait> {
        self.free += self.returning.take(now);
        if let Some(pause) = &self.pause {
            if let Some(error) = PausedError::new(pause.asked, now - pause.began, max_wait) {
                return Err(Wait::Paused(error));
            }
            // One that was too long, and isn't any more, is over.
            let left = pause.left(now);
            if pause.asked <= max_wait && !left.is_zero() {
                return Err(Wait::For(left));
            }
        }
        if self.free == 0 {
            return Err(self.returning.first().map_or(Wait::Release, |back| Wait::For(back - now)));
        }
        self.free -= 1;
        if let Some(pause) = &mut self.pause {
            pause.overridden = true;
        }
        Ok(())
    }
}
