//! Requests keep within the rate limits however the server counts, wait no longer than they must, and take turns.
//!
//! In virtual time: requests leave by the pacer, travel for as long as chance will have it, and are counted on
//! arrival by each of the ways in which a server may count.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use canva_connect::operations::{CREATE_ASSET_UPLOAD_JOB, CREATE_DESIGN_IMPORT_JOB, GET_ASSET_UPLOAD_JOB, Operation};
use canva_connect::pacing::{PausedError, Permit};
use canva_connect::{Error, Pacer, Pacing};
use canva_simulator::{RateCounter, RateLimits};
use proptest::prelude::*;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep, timeout};

/// The window over which Canva counts requests.
const WINDOW: Duration = Duration::from_secs(60);

/// The client's default for how long a pause may be that a request waits for.
const MAX_WAIT: Duration = Duration::from_secs(300);

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
    (0..=asked, 0..=travel, 0..=travel, prop::bool::weighted(0.05)).prop_map(move |(asked, there, back, dropped)| {
        Request { asked: ms(asked), there: ms(there), back: ms(back), dropped }
    })
}

/// A request under way. It may have reached the server, however it ends.
struct Sent(Option<Permit>);

impl Drop for Sent {
    fn drop(&mut self) {
        self.0.take().unwrap().sent();
    }
}

/// An operation that the spec doesn't have.
fn of_ones_own(id: &'static str, requests_per_minute: u32) -> &'static Operation {
    Box::leak(Box::new(Operation::new(id, "GET", "/v1/folders").requests_per_minute(requests_per_minute)))
}

fn in_virtual_time<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(LocalSet::new().run_until(test))
}

/// Sends all requests and says when each left, or how many the server refused.
async fn send(operation: &'static Operation, counter: RateLimits, requests: &[Request]) -> Result<Vec<Duration>, u32> {
    let begun = Instant::now();
    let pacing = Rc::new(Pacing::new());
    let counter = Rc::new(RefCell::new(RateCounter::new(counter, operation.requests_per_minute.unwrap())));
    let (refused, left) = (Rc::new(Cell::new(0)), Rc::new(RefCell::new(Vec::new())));
    let mut all = JoinSet::new();
    for request in requests.iter().copied() {
        let (pacing, counter, refused, left) = (pacing.clone(), counter.clone(), refused.clone(), left.clone());
        all.spawn_local(async move {
            sleep(request.asked).await;
            let _sent = Sent(Some(pacing.acquire(operation, MAX_WAIT).await.unwrap()));
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

/// A permit, if there is one without any wait. A timeout would let the clock go on to its next tick.
async fn at_this_moment(pacing: &Pacing, operation: &'static Operation) -> Option<Permit> {
    // Nor does tokio interrupt this one to let others run.
    let mut turn = pin!(tokio::task::coop::unconstrained(pacing.acquire(operation, MAX_WAIT)));
    match poll_fn(|context| Poll::Ready(turn.as_mut().poll(context))).await {
        Poll::Ready(permit) => Some(permit.unwrap()),
        Poll::Pending => None,
    }
}

/// Every permit there is for uploads.
async fn all(pacing: &Pacing) -> Vec<Permit> {
    let mut permits = Vec::new();
    for _ in 0..CREATE_ASSET_UPLOAD_JOB.requests_per_minute.unwrap() {
        permits.push(pacing.acquire(&CREATE_ASSET_UPLOAD_JOB, MAX_WAIT).await.unwrap());
    }
    permits
}

/// How many requests leave at once of an operation with this limit, where a client has that share of it.
fn at_once(hundredths: u32, limit: u32) -> u32 {
    let pacing = Pacing::scaled(f64::from(hundredths) / 100.0).unwrap();
    let operation = of_ones_own("shared", limit);
    in_virtual_time(async {
        let mut permits = Vec::new();
        while let Some(permit) = at_this_moment(&pacing, operation).await {
            permits.push(permit);
        }
        permits.len() as u32
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_server_ever_refuses(
        requests in prop::collection::vec(request(300_000, 20_000), 1..300),
        operation in prop::sample::select(vec![
            &CREATE_ASSET_UPLOAD_JOB, &CREATE_DESIGN_IMPORT_JOB, &GET_ASSET_UPLOAD_JOB, of_ones_own("mine", 7),
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

    #[test]
    fn a_share_is_rounded_down_and_at_least_one(hundredths in 1u32..=100, limit in 1u32..2_000) {
        prop_assert_eq!(at_once(hundredths, limit), (limit * hundredths / 100).max(1));
    }
}

#[test]
fn a_share_that_is_a_whole_number_is_not_rounded() {
    // The product of some of them as floats is less: of 29, 57 and 58.
    for hundredths in 1..=100 {
        assert_eq!(at_once(hundredths, 100), hundredths);
    }
}

#[test]
fn a_share_that_makes_no_sense_is_refused() {
    for share in [0.0, -0.5, 1.001, 25.0, f64::NAN, f64::INFINITY] {
        let error = Pacing::scaled(share).unwrap_err();
        assert!(matches!(error, Error::InvalidInput { field: "share", .. }), "{share}: {error}");
    }
    assert_eq!(format!("{:?}", Pacing::scaled(0.5).unwrap()), "Pacing::scaled(0.5)");
    // Without a limit there is nothing to share.
    static UNKNOWN: Operation = Operation::new("unknown", "GET", "/v1/folders");
    in_virtual_time(async {
        let pacing = Pacing::scaled(0.01).unwrap();
        for _ in 0..1_000 {
            pacing.acquire(&UNKNOWN, MAX_WAIT).await.unwrap().sent();
        }
    });
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
                    let permit = pacing.acquire(&GET_ASSET_UPLOAD_JOB, MAX_WAIT).await.unwrap();
                    reads.borrow_mut()[job] += 1;
                    sleep(Duration::from_millis(100)).await;
                    permit.sent();
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
            drop(pacing.acquire(&CREATE_ASSET_UPLOAD_JOB, MAX_WAIT).await.unwrap());
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
        // A caller that gives up in the queue holds up nobody.
        let held = all(&pacing).await;
        let impatient = timeout(Duration::from_secs(1), pacing.acquire(&CREATE_ASSET_UPLOAD_JOB, MAX_WAIT));
        assert!(impatient.await.is_err());
        drop(held);
        let _permit = pacing.acquire(&CREATE_ASSET_UPLOAD_JOB, MAX_WAIT).await.unwrap();
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
        let _other = pacing.acquire(&CREATE_DESIGN_IMPORT_JOB, MAX_WAIT).await.unwrap();
        assert_eq!(begun.elapsed(), Duration::ZERO);
        let _permit = pacing.acquire(&CREATE_ASSET_UPLOAD_JOB, MAX_WAIT).await.unwrap();
        assert_eq!(begun.elapsed().as_secs(), 7);
        // A pause without end is no panic.
        pacing.pause(&GET_ASSET_UPLOAD_JOB, Duration::MAX);
    });
}

#[test]
fn an_operation_of_ones_own_is_paced_by_its_own_limit() {
    in_virtual_time(async {
        let (pacing, begun) = (Pacing::new(), Instant::now());
        let (one, other) = (of_ones_own("one", 2), of_ones_own("other", 1));
        for operation in [one, one, other] {
            pacing.acquire(operation, MAX_WAIT).await.unwrap().sent();
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
        pacing.acquire(one, MAX_WAIT).await.unwrap().sent();
        assert_eq!(begun.elapsed(), WINDOW);
    });
}

#[test]
fn off_nothing_waits() {
    in_virtual_time(async {
        let (pacing, begun) = (Pacing::off(), Instant::now());
        pacing.pause(&CREATE_ASSET_UPLOAD_JOB, WINDOW);
        for _ in 0..1000 {
            pacing.acquire(&CREATE_ASSET_UPLOAD_JOB, MAX_WAIT).await.unwrap().sent();
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
        assert_eq!(format!("{pacing:?} {:?}", Pacing::new()), "Pacing::off() Pacing::new()");
    });
}

#[test]
fn a_pause_that_is_too_long_to_wait_for_fails_every_request_at_once_and_is_not_for_ever() {
    in_virtual_time(async {
        for asked in [Duration::from_secs(301), Duration::from_secs(86_400), Duration::MAX] {
            let (pacing, begun) = (Rc::new(Pacing::new()), Instant::now());
            // All permits are out, and one request waits.
            let held = all(&pacing).await;
            let waiting = tokio::task::spawn_local({
                let pacing = pacing.clone();
                async move { pacing.acquire(&CREATE_ASSET_UPLOAD_JOB, MAX_WAIT).await.unwrap_err() }
            });
            sleep(Duration::from_secs(1)).await;
            pacing.pause(&CREATE_ASSET_UPLOAD_JOB, asked);
            let error = waiting.await.unwrap();
            assert_eq!(begun.elapsed().as_secs(), 1);
            assert_eq!(error.downcast_ref::<PausedError>().unwrap().asked, asked);
            drop(held);

            sleep(Duration::from_secs(100)).await;
            let error = pacing.acquire(&CREATE_ASSET_UPLOAD_JOB, MAX_WAIT).await.unwrap_err();
            let paused = error.downcast_ref::<PausedError>().unwrap();
            assert_eq!(
                (paused.left, paused.retry_after.as_secs()),
                (asked - Duration::from_secs(100), 200),
                "{paused}"
            );
            // A shorter pause, of a request that was under way, changes nothing.
            pacing.pause(&CREATE_ASSET_UPLOAD_JOB, Duration::from_secs(1));
            assert!(pacing.acquire(&CREATE_ASSET_UPLOAD_JOB, MAX_WAIT).await.is_err());
            let _other = pacing.acquire(&CREATE_DESIGN_IMPORT_JOB, MAX_WAIT).await.unwrap();
            sleep(Duration::from_secs(200)).await;
            let _permit = pacing.acquire(&CREATE_ASSET_UPLOAD_JOB, MAX_WAIT).await.unwrap();
            assert_eq!(begun.elapsed().as_secs(), 301);
        }
        // One that isn't too long is waited for.
        let (pacing, begun) = (Pacing::new(), Instant::now());
        pacing.pause(&CREATE_ASSET_UPLOAD_JOB, Duration::from_secs(300));
        let _permit = pacing.acquire(&CREATE_ASSET_UPLOAD_JOB, MAX_WAIT).await.unwrap();
        assert_eq!(begun.elapsed().as_secs(), 300);
        // How long is too long is for each request to say.
        pacing.pause(&CREATE_ASSET_UPLOAD_JOB, Duration::MAX);
        let forever = timeout(Duration::from_secs(1 << 40), pacing.acquire(&CREATE_ASSET_UPLOAD_JOB, Duration::MAX));
        assert!(forever.await.is_err());
        let (pacing, begun) = (Pacing::new(), Instant::now());
        pacing.pause(&CREATE_ASSET_UPLOAD_JOB, Duration::from_secs(400));
        let error = pacing.acquire(&CREATE_ASSET_UPLOAD_JOB, Duration::from_secs(10)).await.unwrap_err();
        assert_eq!(error.downcast_ref::<PausedError>().unwrap().retry_after.as_secs(), 10);
        sleep(Duration::from_secs(10)).await;
        let _permit = pacing.acquire(&CREATE_ASSET_UPLOAD_JOB, Duration::from_secs(10)).await.unwrap();
        assert_eq!(begun.elapsed().as_secs(), 10);
        let _permit = pacing.acquire(&CREATE_ASSET_UPLOAD_JOB, Duration::from_secs(3600)).await.unwrap();
        assert_eq!(begun.elapsed().as_secs(), 400);
    });
}
