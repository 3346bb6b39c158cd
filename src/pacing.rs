//! The rate limits, kept on our side: a request waits here until it can't be one too many.
//!
//! Canva takes N requests a minute of each operation and doesn't say how it counts them. Safe whatever it counts (a fixed
//! window, a sliding window, a token bucket) and however long the network takes is this: N permits, each handed back 60
//! seconds *after the answer* to its request. Between the N+1st request's departure and the first one's arrival lies
//! then always a minute. A bucket that refills, by contrast, lets up to 2 N requests into the first minute.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::BoxFuture;
use crate::error::BoxError;
use crate::operations::{self, Operation};

/// The window over which Canva counts requests.
const WINDOW: Duration = Duration::from_secs(60);

/// Decides when a request may leave. [`Pacing`] does it within a process; implement it to share the limits of one user
/// between processes, through Redis for example.
pub trait Pacer: Send + Sync + 'static {
    /// Waits until a request of this operation may leave. The permit is dropped when its request is over.
    fn acquire(&self, operation: &'static Operation) -> BoxFuture<'_, Result<Permit, BoxError>>;

    /// Canva answered 429: no request of this operation should leave for this long.
    fn pause(&self, operation: &'static Operation, pause: Duration);
}

/// One pacer for several clients of the same user.
impl<P: Pacer + ?Sized> Pacer for Arc<P> {
    fn acquire(&self, operation: &'static Operation) -> BoxFuture<'_, Result<Permit, BoxError>> {
        (**self).acquire(operation)
    }

    fn pause(&self, operation: &'static Operation, pause: Duration) {
        (**self).pause(operation, pause);
    }
}

/// The permission to send one request.
pub struct Permit {
    sent: bool,
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

    pub(crate) fn set_sent(&mut self, sent: bool) {
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

/// The rate limits of the spec, kept for one client and its clones: first come, first served. Several clients for the same
/// user share an `Arc<Pacing>`.
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
    lanes: Vec<(&'static str, Arc<Lane>)>,
}

impl Pacing {
    /// The limits that the spec gives, each operation for itself.
    pub fn new() -> Self {
        let lane = |operation: &Operation| {
            (operation.id, Arc::new(Lane::new(operation.requests_per_minute.unwrap_or(u32::MAX))))
        };
        Self { lanes: operations::ALL.iter().map(lane).collect() }
    }

    /// No limits.
    pub fn off() -> Self {
        Self { lanes: Vec::new() }
    }

    fn lane(&self, operation: &Operation) -> Option<Arc<Lane>> {
        self.lanes.iter().find(|(id, _)| *id == operation.id).map(|(_, lane)| lane.clone())
    }
}

impl Default for Pacing {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Pacing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.lanes.is_empty() { "Pacing::off()" } else { "Pacing::new()" })
    }
}

impl Pacer for Pacing {
    fn acquire(&self, operation: &'static Operation) -> BoxFuture<'_, Result<Permit, BoxError>> {
        let lane = self.lane(operation);
        Box::pin(async move {
            match lane {
                Some(lane) => Ok(lane.acquire().await),
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
    /// Held by the first in the queue while it waits; tokio's mutex serves in the order of asking.
    turn: tokio::sync::Mutex<()>,
    state: Mutex<LaneState>,
    /// A permit came back, or is known to come back, since the first in the queue last looked.
    changed: Notify,
}

struct LaneState {
    free: u32,
    /// When the permits of answered requests come back, soonest first.
    returning: VecDeque<Instant>,
    paused_until: Option<Instant>,
}

impl Lane {
    fn new(permits: u32) -> Self {
        let state = LaneState { free: permits, returning: VecDeque::new(), paused_until: None };
        Self { turn: tokio::sync::Mutex::new(()), state: Mutex::new(state), changed: Notify::new() }
    }

    async fn acquire(self: Arc<Self>) -> Permit {
        let _turn = self.turn.lock().await;
        loop {
            let next = match self.state().take(Instant::now()) {
                Ok(()) => break,
                Err(next) => next,
            };
            match next {
                Some(next) => {
                    let _ = tokio::time::timeout_at(next, self.changed.notified()).await;
                }
                None => self.changed.notified().await,
            }
        }
        let lane = self.clone();
        Permit::new(move |sent| lane.release(sent))
    }

    fn release(&self, sent: bool) {
        let mut state = self.state();
        if sent {
            state.returning.push_back(Instant::now() + WINDOW);
        } else {
            state.free += 1;
        }
        drop(state);
        self.changed.notify_one();
    }

    fn pause(&self, pause: Duration) {
        // A pause beyond all clocks is as good as a day.
        let until = Instant::now() + pause.min(Duration::from_secs(24 * 60 * 60));
        let mut state = self.state();
        state.paused_until = Some(state.paused_until.map_or(until, |other| other.max(until)));
    }

    fn state(&self) -> MutexGuard<'_, LaneState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LaneState {
    /// Takes a permit, or says when to look again; `None` is when a request that is under way has ended.
    fn take(&mut self, now: Instant) -> Result<(), Option<Instant>> {
        while self.returning.front().is_some_and(|back| *back <= now) {
            self.returning.pop_front();
            self.free += 1;
        }
        if let Some(until) = self.paused_until.filter(|until| *until > now) {
            return Err(Some(until));
        }
        if self.free == 0 {
            return Err(self.returning.front().copied());
        }
        self.free -= 1;
        Ok(())
    }
}

/// In virtual time: requests leave by the pacer, travel for as long as chance will have it, and are counted on arrival by
/// each of the ways in which a server may count.
#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

    use std::cell::{Cell, RefCell};
    use std::rc::Rc;

    use canva_simulator::{RateCounter, RateLimits};
    use proptest::prelude::*;
    use tokio::task::{JoinSet, LocalSet};
    use tokio::time::sleep;

    use super::*;
    use crate::operations::{CREATE_ASSET_UPLOAD_JOB, CREATE_DESIGN_IMPORT_JOB, GET_ASSET_UPLOAD_JOB};

    const COUNTERS: [RateLimits; 3] = [RateLimits::FixedWindow, RateLimits::SlidingWindow, RateLimits::TokenBucket];

    /// When a request is asked for, how long it travels there and back, and whether the caller drops it half way.
    #[derive(Clone, Copy, Debug)]
    struct Request {
        asked: Duration,
        there: Duration,
        back: Duration,
        dropped: bool,
    }

    fn request(asked: u64, travel: u64) -> impl Strategy<Value = Request> {
        let ms = Duration::from_millis;
        (0..=asked, 0..=travel, 0..=travel, prop::bool::weighted(0.05)).prop_map(
            move |(asked, there, back, dropped)| Request {
                asked: ms(asked),
                there: ms(there),
                back: ms(back),
                dropped,
            },
        )
    }

    fn in_virtual_time<T>(test: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(LocalSet::new().run_until(test))
    }

    /// Sends all requests and says when each left, or how many the server refused.
    async fn send(
        operation: &'static Operation,
        counter: RateLimits,
        requests: &[Request],
    ) -> Result<Vec<Duration>, u32> {
        let begun = Instant::now();
        let pacing = Rc::new(Pacing::new());
        let counter = Rc::new(RefCell::new(RateCounter::new(counter, operation.requests_per_minute.unwrap())));
        let (refused, left) = (Rc::new(Cell::new(0)), Rc::new(RefCell::new(Vec::new())));
        let mut all = JoinSet::new();
        for request in requests.iter().copied() {
            let (pacing, counter, refused, left) = (pacing.clone(), counter.clone(), refused.clone(), left.clone());
            all.spawn_local(async move {
                sleep(request.asked).await;
                let mut permit = pacing.acquire(operation).await.unwrap();
                permit.set_sent(true);
                left.borrow_mut().push(begun.elapsed());
                sleep(request.there).await;
                if !counter.borrow_mut().allow(Instant::now()) {
                    refused.set(refused.get() + 1);
                }
                if !request.dropped {
                    sleep(request.back).await;
                }
            });
        }
        all.join_all().await;
        if refused.get() > 0 { Err(refused.get()) } else { Ok(left.take()) }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_server_ever_refuses(
            requests in prop::collection::vec(request(300_000, 20_000), 1..300),
            operation in prop::sample::select(vec![
                &CREATE_ASSET_UPLOAD_JOB, &CREATE_DESIGN_IMPORT_JOB, &GET_ASSET_UPLOAD_JOB,
            ]),
            counter in prop::sample::select(COUNTERS.to_vec()),
        ) {
            prop_assert!(in_virtual_time(send(operation, counter, &requests)).is_ok());
        }

        #[test]
        fn the_last_request_leaves_as_early_as_can_be(
            mut requests in prop::collection::vec(request(0, 3_000), 1..200),
            counter in prop::sample::select(COUNTERS.to_vec()),
        ) {
            requests.iter_mut().for_each(|request| request.dropped = false);
            let round_trip = requests.iter().map(|request| request.there + request.back).max().unwrap();
            let windows = (requests.len() as u32 - 1) / CREATE_ASSET_UPLOAD_JOB.requests_per_minute.unwrap();
            let left = in_virtual_time(send(&CREATE_ASSET_UPLOAD_JOB, counter, &requests)).unwrap();
            let (last, least) = (*left.iter().max().unwrap(), windows * WINDOW);
            // tokio's timers tick in milliseconds, and each window may round one up.
            let tick = Duration::from_millis(2);
            prop_assert!(last >= least && last <= least + windows * (round_trip + tick), "{last:?} for {least:?}");
        }
    }

    #[test]
    fn a_thousand_uploads_take_33_minutes_and_no_429() {
        let second = Duration::from_secs(1);
        let request = Request { asked: Duration::ZERO, there: second, back: second, dropped: false };
        for counter in COUNTERS {
            let left = in_virtual_time(send(&CREATE_ASSET_UPLOAD_JOB, counter, &[request; 1000])).unwrap();
            let last = left.iter().max().unwrap().as_secs();
            assert!((33 * 60..=33 * 62).contains(&last), "{last} s");
        }
    }

    #[test]
    fn waiting_is_first_come_first_served_and_nobody_starves() {
        in_virtual_time(async {
            const JOBS: usize = 500;
            let pacing = Rc::new(Pacing::new());
            let reads = Rc::new(RefCell::new([0u32; JOBS]));
            let mut all = JoinSet::new();
            for job in 0..JOBS {
                let (pacing, reads) = (pacing.clone(), reads.clone());
                all.spawn_local(async move {
                    loop {
                        let mut permit = pacing.acquire(&GET_ASSET_UPLOAD_JOB).await.unwrap();
                        permit.set_sent(true);
                        reads.borrow_mut()[job] += 1;
                        sleep(Duration::from_millis(100)).await;
                        drop(permit);
                        sleep(Duration::from_secs(2)).await;
                    }
                });
            }
            sleep(Duration::from_secs(20 * 60)).await;
            let reads = reads.borrow();
            let (least, most) = (reads.iter().min().unwrap(), reads.iter().max().unwrap());
            assert!(*least >= 6 && most - least <= 1, "{least} to {most} reads of a job");
        });
    }

    #[test]
    fn a_request_that_never_left_gives_its_permit_back_at_once() {
        in_virtual_time(async {
            let pacing = Pacing::new();
            let begun = Instant::now();
            for _ in 0..1000 {
                drop(pacing.acquire(&CREATE_ASSET_UPLOAD_JOB).await.unwrap());
            }
            assert_eq!(begun.elapsed(), Duration::ZERO);
            // A caller that gives up in the queue holds up nobody.
            let held: Vec<_> = {
                let mut held = Vec::new();
                for _ in 0..CREATE_ASSET_UPLOAD_JOB.requests_per_minute.unwrap() {
                    held.push(pacing.acquire(&CREATE_ASSET_UPLOAD_JOB).await.unwrap());
                }
                held
            };
            let impatient = tokio::time::timeout(Duration::from_secs(1), pacing.acquire(&CREATE_ASSET_UPLOAD_JOB));
            assert!(impatient.await.is_err());
            drop(held);
            let _permit = pacing.acquire(&CREATE_ASSET_UPLOAD_JOB).await.unwrap();
            assert_eq!(begun.elapsed().as_secs(), 1);
        });
    }

    #[test]
    fn a_pause_holds_for_every_caller_of_the_operation_and_for_no_other() {
        in_virtual_time(async {
            let pacing = Pacing::new();
            let begun = Instant::now();
            pacing.pause(&CREATE_ASSET_UPLOAD_JOB, Duration::from_secs(7));
            pacing.pause(&CREATE_ASSET_UPLOAD_JOB, Duration::from_secs(3));
            let _other = pacing.acquire(&CREATE_DESIGN_IMPORT_JOB).await.unwrap();
            assert_eq!(begun.elapsed(), Duration::ZERO);
            let _permit = pacing.acquire(&CREATE_ASSET_UPLOAD_JOB).await.unwrap();
            assert_eq!(begun.elapsed().as_secs(), 7);
            // A pause without end is no panic.
            pacing.pause(&GET_ASSET_UPLOAD_JOB, Duration::MAX);
        });
    }
}
