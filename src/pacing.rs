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
use crate::error::BoxError;
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
    /// Waits until a request of this operation may leave. The permit is dropped when its request is over.
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
}

impl Pacing {
    /// The limits of [`Operation::requests_per_minute`], each operation for itself.
    pub fn new() -> Self {
        Self { lanes: Some(Mutex::default()) }
    }

    /// No limits.
    pub fn off() -> Self {
        Self { lanes: None }
    }

    fn lane(&self, operation: &Operation) -> Option<Arc<Lane>> {
        let lanes = self.lanes.as_ref()?;
        // Without a limit too: a pause after a 429 holds for all.
        let permits = operation.requests_per_minute.unwrap_or(u32::MAX);
        Some(lock(lanes).entry(operation.id).or_insert_with(|| Arc::new(Lane::new(permits))).clone())
    }
}

impl Default for Pacing {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Pacing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.lanes.is_none() { "Pacing::off()" } else { "Pacing::new()" })
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
    /// When the permits of finished requests come back, soonest first.
    returning: VecDeque<Instant>,
    pause: Option<Pause>,
}

/// What a 429 asked for.
struct Pause {
    began: Instant,
    asked: Duration,
    /// A request that doesn't wait for all of it was sent meanwhile: what Canva answers to that counts, even if it is shorter.
    overridden: bool,
}

impl Pause {
    /// What is left of the first part of it that is this long.
    fn left(&self, now: Instant, part: Duration) -> Duration {
        self.asked.min(part).saturating_sub(now - self.began)
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
        if sent {
            state.returning.push_back(Instant::now() + WINDOW);
        } else {
            state.free += 1;
        }
        drop(state);
        self.changed.notify_one();
    }

    fn pause(&self, asked: Duration) {
        let now = Instant::now();
        let mut state = lock(&self.state);
        if state.pause.as_ref().is_none_or(|other| other.overridden || other.left(now, Duration::MAX) <= asked) {
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
        while self.returning.front().is_some_and(|back| *back <= now) {
            self.returning.pop_front();
            self.free += 1;
        }
        if let Some(pause) = &self.pause {
            let (asked, closed) = (pause.asked, pause.left(now, max_wait));
            if !closed.is_zero() {
                let left = pause.left(now, Duration::MAX);
                let too_long = asked > max_wait;
                return Err(if too_long {
                    Wait::Paused(PausedError { asked, left, closed })
                } else {
                    Wait::For(closed)
                });
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
