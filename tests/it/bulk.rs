//! Many uploads at once take no longer than the limits and Canva's own work do, whatever becomes of single ones.

use std::collections::HashMap;
use std::future::{pending, ready};
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use canva_connect::{Asset, Bulk, BulkEvent, Client, Error, Job, JobKind, JobReference, JobResult, Pacing, PollPolicy};
use canva_simulator::{Fault, RateLimits, Simulator};
use tokio::time::{Instant, sleep, timeout};

use self::canva::Canva;
use crate::support::{self, PIXEL, builder};

mod canva;

const COUNTERS: [RateLimits; 3] = [RateLimits::FixedWindow, RateLimits::SlidingWindow, RateLimits::TokenBucket];

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// Uploads of one pixel each.
fn uploads(canva: &Client, count: usize) -> Bulk<usize, Asset> {
    let uploads = canva.clone();
    canva.bulk((0..count).map(move |key| (key, uploads.upload_asset(PIXEL.to_vec()).name(key.to_string()))))
}

/// Takes all events. Gives how each item ended, and when.
async fn all<K: Send + 'static, R: Send + Sync + 'static>(
    mut bulk: Bulk<K, R>,
) -> Vec<(K, Result<R, Error>, Duration)> {
    let begun = Instant::now();
    let mut ended = Vec::new();
    while let Some(event) = bulk.next().await {
        if let BulkEvent::Finished { key, result, .. } = event {
            ended.push((key, result, begun.elapsed()));
        }
    }
    ended
}

/// A simulator whose jobs take so long, and a client of it.
async fn simulated(job: Duration) -> (Simulator, Client) {
    let simulator = Simulator::builder().job_duration(job).start().await.unwrap();
    let canva = support::simulated(&simulator).build().unwrap();
    (simulator, canva)
}

/// How long it takes until the last of these uploads is known to have ended well, by a Canva that refuses none of the
/// requests.
async fn takes(count: usize, job: Duration, limits: RateLimits, round_trip: Duration) -> f64 {
    let mut simulator = Simulator::builder().rate_limits(limits).job_duration(job);
    for operation in ["createAssetUploadJob", "getAssetUploadJob"] {
        simulator = simulator.fault(operation, .., Fault::Delay(round_trip));
    }
    let simulator = simulator.start().await.unwrap();
    let canva = support::simulated(&simulator).build().unwrap();
    let ended = all(uploads(&canva, count)).await;
    assert!(ended.len() == count && ended.iter().all(|(_, result, _)| result.is_ok()));
    assert!(simulator.requests().iter().all(|request| request.status != Some(429)));
    ended.last().unwrap().2.as_secs_f64()
}

#[tokio::test]
async fn uploads_and_imports_go_together() {
    let (_simulator, canva) = simulated(Duration::from_millis(50)).await;
    let client = canva.clone();
    let items = ["tests/fixtures/photo.png", "tests/fixtures/deck.pdf"].map(move |path| {
        let canva = client.clone();
        let item = async move {
            match path.ends_with("pdf") {
                true => Ok(canva.import_design(path).await?.into_any()),
                false => Ok(canva.upload_asset(path).await?.into_any()),
            }
        };
        (path, item)
    });
    for (path, result, _) in all(canva.bulk(items)).await {
        match result.unwrap() {
            JobResult::Asset(_) => assert_eq!(path, "tests/fixtures/photo.png"),
            JobResult::Designs(designs) => assert_eq!((path, designs.len()), ("tests/fixtures/deck.pdf", 1)),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_stopped_finishes_what_it_has_begun_and_takes_no_more() {
    let (simulator, canva) = simulated(seconds(20.0)).await;
    let mut bulk = uploads(&canva, 100).max_sending(2);
    let (mut started, mut finished) = (0, 0);
    while let Some(event) = bulk.next().await {
        match event {
            BulkEvent::Started { .. } => started += 1,
            BulkEvent::Finished { result, .. } => {
                result.unwrap();
                finished += 1;
            }
            _ => {}
        }
        if started == 5 {
            bulk.stop();
        }
    }
    assert!((5..100).contains(&started), "{started}");
    assert_eq!((finished, simulator.assets().len()), (started, started));
}

#[tokio::test(start_paused = true)]
async fn sixty_uploads_of_20_s_take_80_s_and_thirty_of_10_s_take_10() {
    for limits in COUNTERS {
        // The second thirty are sent a minute after the responses to the first.
        let took = takes(60, seconds(20.0), limits, seconds(0.1)).await;
        assert!((80.0..=84.0).contains(&took), "{took} s, {limits:?}");
        let took = takes(30, seconds(10.0), limits, Duration::ZERO).await;
        assert!((10.0..=12.0).contains(&took), "{took} s, {limits:?}");
    }
}

fn client(base_url: &str) -> Client {
    builder(base_url).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn jobs_of_mixed_lengths_are_known_to_have_ended_soon_after() {
    /// From 1 to 120 s, evenly on a logarithmic scale, in no order.
    fn spread(job: usize) -> Duration {
        seconds(120_f64.powf((job * 37 % 101) as f64 / 100.0))
    }
    fn two_kinds(job: usize) -> Duration {
        seconds(if job.is_multiple_of(2) { 5.0 } else { 100.0 })
    }
    fn nearly_equal(job: usize) -> Duration {
        seconds(18.0 + (job * 37 % 101) as f64 / 25.0)
    }
    type Case = (fn(usize) -> Duration, f64, f64);
    let cases: [Case; 3] = [(spread, 4.5, 12.0), (two_kinds, 3.0, 20.0), (nearly_equal, 2.5, 6.5)];
    for (job_time, mean, most) in cases {
        let (canva, base_url) = Canva::start(Some(RateLimits::SlidingWindow), seconds(0.1), job_time).await;
        let begun = Instant::now();
        // One at a time, so that Canva numbers them as they come.
        let ended = all(uploads(&client(&base_url), 200).max_sending(1)).await;
        assert!(ended.len() == 200 && ended.iter().all(|(_, result, _)| result.is_ok()));
        let late = canva.late(begun, &ended);
        let (average, latest) = (late.iter().sum::<f64>() / 200.0, late.iter().copied().fold(0.0, f64::max));
        assert!(average <= mean && latest <= most, "{average} and {latest} s late");
        let reads = canva.seen(|seen| seen.reads.iter().map(Vec::len).sum::<usize>());
        assert!(reads < 7 * 200 && canva.seen(|seen| seen.refused) == 0, "{reads} reads");
    }
}

#[tokio::test(start_paused = true)]
async fn no_job_starves_and_the_deadline_holds_for_each() {
    let (canva, base_url) = Canva::start(Some(RateLimits::SlidingWindow), seconds(0.1), |_| Duration::MAX).await;
    let poll = PollPolicy::default().deadline(seconds(1_200.0));
    let client = builder(&base_url).poll_policy(poll).build().unwrap();
    let ended = all(uploads(&client, 100)).await;
    assert!(ended.iter().all(|(_, result, _)| matches!(result, Err(Error::Deadline { .. }))));
    canva.seen(|seen| {
        assert_eq!(seen.refused, 0);
        for (begun, reads) in seen.begun.iter().zip(&seen.reads) {
            // 100 jobs are read three times a second, every other time the oldest.
            let times = [*begun].into_iter().chain(reads.iter().copied());
            let longest = times.clone().zip(times.skip(1)).map(|(one, next)| next - one).max().unwrap();
            assert!(longest < seconds(107.0), "not read for {longest:?}");
        }
    });
    let begun = canva.seen(|seen| seen.begun.clone());
    let (first, last) = (begun[0], begun[99]);
    let after = |(_, _, when): &(usize, Result<Asset, Error>, Duration)| *when;
    assert!(ended.iter().map(after).is_sorted());
    let between = ended[99].2 - ended[0].2;
    assert!(between.abs_diff(last - first) < seconds(1.0), "{between:?}, begun within {:?}", last - first);
}

#[tokio::test(start_paused = true)]
async fn a_pacer_that_is_slower_than_the_limits_is_followed() {
    let (canva, base_url) = Canva::start(None, seconds(0.1), |job| seconds(10.0 + (job % 7) as f64)).await;
    // As where ten machines share them.
    let client = builder(&base_url).pacer(Pacing::scaled(0.1).unwrap()).build().unwrap();
    let begun = Instant::now();
    let ended = all(uploads(&client, 30).max_sending(1)).await;
    assert!(ended.iter().all(|(_, result, _)| result.is_ok()));
    // Nine minutes until the last are sent.
    let took = ended.last().unwrap().2.as_secs_f64();
    assert!((550.0..=575.0).contains(&took), "{took} s");
    assert!(canva.late(begun, &ended).iter().all(|late| *late < 20.0));
}

#[tokio::test(start_paused = true)]
async fn sending_and_waiting_are_bounded_each_by_itself() {
    let (canva, base_url) = Canva::start(None, seconds(1.0), |_| seconds(10.0)).await;
    let client = builder(&base_url).pacer(Pacing::off()).build().unwrap();
    let taken = Arc::new(AtomicUsize::new(0));
    let (uploads, counted) = (client.clone(), taken.clone());
    let items = (0..100).map(move |key| {
        counted.fetch_add(1, Ordering::SeqCst);
        (key, uploads.upload_asset(PIXEL.to_vec()).name(key.to_string()))
    });
    let mut bulk = client.bulk(items).max_sending(3).max_under_way(12);
    assert_eq!(taken.load(Ordering::SeqCst), 0);
    let mut open = 0_usize;
    let mut finished = 0;
    while let Some(event) = bulk.next().await {
        match event {
            BulkEvent::Started { .. } => open += 1,
            BulkEvent::Finished { .. } => (open, finished) = (open - 1, finished + 1),
            _ => {}
        }
        assert!(open <= 12);
        assert!(taken.load(Ordering::SeqCst) <= finished + 12, "taken ahead");
    }
    assert_eq!((finished, canva.seen(|seen| seen.sending.1)), (100, 3));
}

#[tokio::test(start_paused = true)]
async fn it_goes_on_while_the_caller_is_busy_and_ends_when_it_is_dropped() {
    let (canva, base_url) = Canva::start(None, seconds(0.1), |_| seconds(10.0)).await;
    let mut bulk = uploads(&client(&base_url), 25).max_under_way(20);
    assert!(matches!(bulk.next().await, Some(BulkEvent::Started { .. })));
    // Twenty are sent, and the jobs end.
    sleep(seconds(60.0)).await;
    assert_eq!(canva.seen(|seen| seen.begun.len()), 20);
    let mut started = [0; 25];
    for _ in 0..39 {
        match timeout(Duration::ZERO, bulk.next()).await.unwrap().unwrap() {
            BulkEvent::Started { key, .. } => started[key] += 1,
            BulkEvent::Finished { key, result, .. } => assert!(result.is_ok() && (key == 0 || started[key] == 1)),
            _ => {}
        }
    }

    let (canva, base_url) = Canva::start(None, seconds(0.1), |_| seconds(10.0)).await;
    let mut bulk = uploads(&client(&base_url), 25);
    bulk.next().await.unwrap();
    drop(bulk);
    let seen = || canva.seen(|seen| (seen.begun.len(), seen.reads.iter().map(Vec::len).sum::<usize>()));
    sleep(seconds(1.0)).await;
    let before = seen();
    sleep(seconds(60.0)).await;
    assert_eq!(seen(), before);
}

#[tokio::test(start_paused = true)]
async fn no_event_is_lost_where_next_is_dropped() {
    let (_canva, base_url) = Canva::start(None, seconds(0.1), |job| seconds(job as f64)).await;
    let mut bulk = uploads(&client(&base_url), 20);
    let mut events = HashMap::new();
    loop {
        match timeout(seconds(0.05), bulk.next()).await {
            Ok(Some(BulkEvent::Started { key, .. } | BulkEvent::Finished { key, .. })) => {
                *events.entry(key).or_insert(0) += 1;
            }
            Ok(None) => break,
            _ => {}
        }
    }
    assert!(events.len() == 20 && events.values().all(|events| *events == 2), "{events:?}");
    assert!(bulk.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_failed_item_stops_no_other() {
    let (simulator, canva) = simulated(seconds(1.0)).await;
    simulator.inject("getAssetUploadJob", 1..=1, Fault::MalformedJson).unwrap();
    let bodies = ["photo.png", "there is no such file", "photo.jpg", "notes.txt", "clip.mp4"];
    let uploads = canva.clone();
    let items = bodies.map(|name| (name, uploads.upload_asset(Path::new("tests/fixtures").join(name))));
    let mut bulk = canva.bulk(items).max_sending(1);
    let (mut jobs, mut results) = (HashMap::new(), HashMap::new());
    while let Some(event) = bulk.next().await {
        match event {
            BulkEvent::Started { key, job, .. } => assert!(jobs.insert(key, job).is_none()),
            BulkEvent::Finished { key, result, .. } => assert!(results.insert(key, result).is_none()),
            _ => {}
        }
    }
    assert_eq!(results.len(), 5);
    assert!(matches!(results[bodies[1]], Err(Error::Body(_))) && !jobs.contains_key(bodies[1]));
    assert!(matches!(&results["notes.txt"], Err(Error::Job(error)) if error.job_id == jobs["notes.txt"].id));
    assert!(matches!(results["photo.png"], Err(Error::Poll { .. })));
    assert_eq!(results.values().filter(|result| result.is_ok()).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn stored_jobs_are_picked_up_beside_new_uploads() {
    let (simulator, canva) = simulated(seconds(20.0)).await;
    let mut stored: HashMap<usize, JobReference> = HashMap::new();
    let mut bulk = uploads(&canva, 6);
    while stored.len() < 6 {
        if let Some(BulkEvent::Started { key, job, .. }) = bulk.next().await {
            stored.insert(key, job);
        }
    }
    drop(bulk);
    let sent = simulator.requests().len();

    let (client, jobs) = (canva.clone(), stored.clone());
    let items = (0..10).map(move |key| {
        let (canva, job) = (client.clone(), jobs.get(&key).cloned());
        let item = async move {
            match job {
                Some(job) => Ok(canva.asset_upload_job(job.id)),
                None => canva.upload_asset(PIXEL.to_vec()).name(key.to_string()).await,
            }
        };
        (key, item)
    });
    let ended = all(canva.bulk(items)).await;
    assert!(ended.len() == 10 && ended.iter().all(|(_, result, _)| result.is_ok()));
    let posts = simulator.requests()[sent..].iter().filter(|request| request.method == "POST").count();
    assert_eq!(posts, 4);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_stored_jobs_that_have_ended_are_read_once_each() {
    let (canva, base_url) = Canva::start(Some(RateLimits::SlidingWindow), seconds(0.1), |_| Duration::ZERO).await;
    {
        let mut seen = canva.0.lock().unwrap();
        (seen.begun, seen.reads) = (vec![Instant::now(); 1_000], vec![Vec::new(); 1_000]);
    }
    let client = client(&base_url);
    let stored = client.clone();
    let items = (0..1_000).map(move |id: usize| {
        let reference = JobReference::new(JobKind::AssetUpload, id.to_string());
        (id, ready(Ok::<_, Error>(stored.job(reference))))
    });
    let begun = Instant::now();
    let ended = all(client.bulk(items)).await;
    assert!(ended.len() == 1_000 && ended.iter().all(|(_, result, _)| result.is_ok()));
    // Five times sixty seconds until the last hundred may be read.
    assert!(begun.elapsed() < seconds(310.0), "{:?}", begun.elapsed());
    assert!(canva.seen(|seen| seen.refused == 0 && seen.reads.iter().all(|reads| reads.len() == 1)));
}

#[tokio::test(start_paused = true)]
async fn a_panic_reaches_the_caller_and_hangs_nothing() {
    async fn next(bulk: &mut Bulk<usize, Asset>) -> Result<Option<BulkEvent<usize, Asset>>, ()> {
        let caught = futures_util::FutureExt::catch_unwind(AssertUnwindSafe(bulk.next())).await;
        caught.map_err(|panic| assert_eq!(panic.downcast_ref(), Some(&"a trap")))
    }
    let (_canva, base_url) = Canva::start(None, Duration::ZERO, |_| Duration::ZERO).await;
    let canva = client(&base_url);
    let uploads = canva.clone();
    let items = (0..9).map(move |key| {
        let upload = uploads.upload_asset(PIXEL.to_vec()).name("n").on_progress(move |_| assert!(key != 4, "a trap"));
        (key, upload)
    });
    let mut bulk = canva.bulk(items).max_under_way(2);
    let (mut finished, mut panics) = (0, 0);
    loop {
        match next(&mut bulk).await {
            Ok(Some(BulkEvent::Finished { result, .. })) => finished += usize::from(result.is_ok()),
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(()) => panics += 1,
        }
    }
    assert_eq!((finished, panics), (8, 1));

    // Of the iterator: what was before it may be lost, and the end is no silent one.
    let items = (0..9).map(|key| {
        assert!(key != 4, "a trap");
        (key, pending())
    });
    let mut bulk: Bulk<usize, Asset> = canva.bulk(items).max_sending(9);
    assert!(timeout(seconds(1.0), next(&mut bulk)).await.unwrap().is_err());
}

#[tokio::test]
async fn it_is_a_stream_of_anything_that_gives_jobs() {
    let (_simulator, canva) = simulated(Duration::ZERO).await;
    let items = [("deck", canva.import_design("tests/fixtures/deck.pdf"))];
    let events: Vec<_> = futures_util::StreamExt::collect(canva.bulk(items)).await;
    assert!(
        matches!(&events[..], [
        BulkEvent::Started { key: "deck", job: JobReference { kind: JobKind::Import, .. }, .. },
        BulkEvent::Finished { key: "deck", result: Ok(designs), .. },
    ] if designs.len() == 1),
        "{events:?}"
    );
    let none = std::iter::empty::<((), std::future::Ready<Result<Job<Asset>, Error>>)>();
    assert!(canva.bulk(none).next().await.is_none());
    let urls = [((), canva.import_design_from_url("no URL", "n").into_future())];
    assert!(matches!(canva.bulk(urls).next().await, Some(BulkEvent::Finished { result: Err(_), .. })));
}
