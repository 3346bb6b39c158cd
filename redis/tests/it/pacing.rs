//! Processes together keep within the limits, take turns, and get over the loss of each other.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use canva_connect::operations::{CREATE_ASSET_UPLOAD_JOB, Operation};
use canva_connect::pacing::{PausedError, Permit};
use canva_connect::{Client, Pacer, RetryPolicy};
use canva_connect_redis::{Redis, RedisPacing};
use canva_simulator::{RateLimits, Simulator};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::server::{Process, Server, server_or_skip, variable};

/// What a minute is in these tests.
pub const WINDOW: Duration = Duration::from_secs(1);

/// The client's default for how long a pause may be that a request waits for.
pub const MAX_WAIT: Duration = Duration::from_secs(300);

/// Nothing takes this long, however busy the machine is.
pub const LONG: Duration = Duration::from_secs(60);

pub static TEN: Operation = Operation::new("ten", "GET", "/v1/ten").requests_per_minute(10);
static FREE: Operation = Operation::new("free", "GET", "/v1/free");

/// Another process, as far as Redis can tell.
pub fn process(server: &Server, user: &str) -> Arc<RedisPacing> {
    Arc::new(server.open().pacing(user).window(WINDOW))
}

pub async fn acquire(pacing: &RedisPacing, operation: &'static Operation) -> Permit {
    timeout(LONG, pacing.acquire(operation, MAX_WAIT)).await.expect("no permit for a minute").unwrap()
}

/// A lane of a Redis that has just started is closed for a window. After this it isn't.
pub async fn opened(server: &Server, user: &str) {
    drop(acquire(&process(server, user), &TEN).await);
}

/// A worker process: uploads 40 files, and waits until Canva has them.
#[tokio::test]
#[ignore = "a process that other tests start"]
async fn worker_that_uploads() {
    let pacing = Redis::open(&variable("REDIS")).unwrap().pacing("user").window(WINDOW);
    let canva = Client::builder().base_url(variable("SIMULATOR")).token(variable("TOKEN")).pacer(pacing);
    let canva = canva.retry_policy(RetryPolicy::never()).build().unwrap();
    let mut all = JoinSet::new();
    for file in 0..40 {
        let (canva, name) = (canva.clone(), format!("{}-{file}", std::process::id()));
        all.spawn(async move { canva.upload_asset(PIXEL.to_vec()).name(name).await?.wait().await });
    }
    for result in all.join_all().await {
        result.unwrap();
    }
}

/// A PNG of one pixel.
const PIXEL: &[u8] = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00:~\x9bU\x00\x00\x00\nIDATx\x9cc`\x00\x00\x00\x02\x00\x01H\xaf\xa4q\x00\x00\x00\x00IEND\xaeB`\x82";

/// A worker process: takes all permits of [`TEN`] and never ends.
#[tokio::test]
#[ignore = "a process that other tests start"]
async fn worker_that_holds() {
    let pacing = Redis::open(&variable("REDIS")).unwrap().pacing("user").window(WINDOW);
    let mut held = Vec::new();
    for _ in 0..10 {
        held.push(acquire(&pacing, &TEN).await);
    }
    eprintln!("holding");
    std::future::pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_processes_upload_at_the_limit_and_canva_refuses_none() {
    let server = server_or_skip!(start());
    let builder = Simulator::builder().rate_limits(RateLimits::SlidingWindow).rate_window(WINDOW);
    let simulator = builder.start().await.unwrap();
    let variables = [("REDIS", &*server.url()), ("SIMULATOR", simulator.base_url()), ("TOKEN", simulator.token())];
    let workers = [(); 4].map(|()| Process::start("pacing::worker_that_uploads", &variables));
    for mut worker in workers {
        tokio::task::spawn_blocking(move || worker.succeed()).await.unwrap();
    }
    let requests = simulator.requests();
    assert!(requests.iter().all(|request| request.status == Some(200)));
    let uploads = requests.iter().filter(|request| request.operation == Some(CREATE_ASSET_UPLOAD_JOB.id)).count();
    let mut names: Vec<_> = simulator.assets().into_iter().map(|asset| asset.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!((uploads, names.len()), (160, 160));
}

#[tokio::test]
async fn a_permit_costs_one_call_and_waiting_none() {
    let server = server_or_skip!(start());
    opened(&server, "user").await;
    let pacing = process(&server, "user");
    let (begun, before) = (Instant::now(), server.scripts_run());
    // All want to leave at once. Windows pass while they wait, and permits come back one by one.
    let mut all = JoinSet::new();
    for request in 0..90 {
        let pacing = pacing.clone();
        all.spawn(async move {
            let permit = acquire(&pacing, &CREATE_ASSET_UPLOAD_JOB).await;
            sleep(WINDOW / 60 * (request % 30)).await;
            permit.sent();
        });
    }
    all.join_all().await;
    assert!(begun.elapsed() >= 2 * WINDOW);
    let calls = server.scripts_run() - before;
    // A few more: heartbeats tell what is over while nobody asks, in the first window and at the end.
    assert!((90..=120).contains(&calls), "{calls} calls for 90 permits");

    // A permit is promised, and nothing is under way: until then there is nothing to say.
    let waiting = tokio::spawn({
        let pacing = pacing.clone();
        async move { acquire(&pacing, &CREATE_ASSET_UPLOAD_JOB).await.sent() }
    });
    sleep(WINDOW / 4).await;
    let before = server.scripts_run();
    sleep(WINDOW / 4).await;
    assert_eq!(server.scripts_run(), before);
    waiting.await.unwrap();
}

#[tokio::test]
async fn processes_take_turns_and_within_one_it_is_first_come_first_served() {
    static FIVE: Operation = Operation::new("five", "GET", "/v1/five").requests_per_minute(5);
    let server = server_or_skip!(start());
    let order = Arc::new(Mutex::new(Vec::new()));
    let start = |name, requests, url: &str| {
        let pacing = Arc::new(Redis::open(url).unwrap().pacing("user").window(2 * WINDOW));
        let mut all = JoinSet::new();
        for request in 0..requests {
            let (pacing, order) = (pacing.clone(), order.clone());
            all.spawn(async move {
                let permit = acquire(&pacing, &FIVE).await;
                order.lock().unwrap().push((name, request));
                sleep(Duration::from_millis(10)).await;
                permit.sent();
            });
        }
        all
    };
    // The first has everything before the second begins, asks for far more, and is nearer to Redis.
    let far_away = server.far_away(Duration::from_millis(1)).await;
    let first = start("first", 60, &server.url());
    while order.lock().unwrap().len() < 5 {
        sleep(WINDOW / 50).await;
    }
    start("second", 8, &far_away).join_all().await;
    drop(first);
    let order = order.lock().unwrap();
    for name in ["first", "second"] {
        let one: Vec<_> = order.iter().filter(|served| served.0 == name).map(|served| served.1).collect();
        assert!(one.is_sorted(), "{name}: {one:?}");
    }
    // The first five were out before the second came. After that, the second gets about half of each window.
    assert!((17..=30).contains(&order.len()), "{order:?}");
}

#[tokio::test]
async fn the_permits_of_a_killed_process_come_back_with_their_lease() {
    let server = server_or_skip!(start());
    let mut worker = Process::start("pacing::worker_that_holds", &[("REDIS", &server.url())]);
    assert_eq!(worker.told(), "holding");
    let pacing = process(&server, "user");
    // As long as it lives, it keeps them.
    assert!(timeout(2 * WINDOW, pacing.acquire(&TEN, MAX_WAIT)).await.is_err());
    drop(worker);
    let killed = Instant::now();
    for _ in 0..10 {
        acquire(&pacing, &TEN).await.sent();
    }
    // A window after it can have sent something, and no more than its lease.
    let waited = killed.elapsed();
    assert!(waited >= WINDOW && waited <= 2 * WINDOW, "{waited:?}");
}

#[tokio::test]
async fn a_request_that_never_left_and_one_that_nobody_waits_for_cost_nothing() {
    let server = server_or_skip!(start());
    let window = 2 * WINDOW;
    let process = |user: &str| server.open().pacing(user).window(window);
    let (one, other) = (process("user"), process("user"));
    drop(acquire(&one, &TEN).await);
    let begun = Instant::now();
    let mut held = Vec::new();
    for _ in 0..10 {
        held.push(acquire(&one, &TEN).await);
    }
    held.drain(..5).for_each(|permit| permit.sent());
    // It is promised one of the five, and gives up.
    assert!(timeout(window / 2, one.acquire(&TEN, MAX_WAIT)).await.is_err());
    // The others never left.
    drop(held);
    sleep(window / 8).await;
    for _ in 0..5 {
        acquire(&other, &TEN).await.sent();
    }
    assert!(begun.elapsed() < window, "{:?}", begun.elapsed());
    acquire(&other, &TEN).await.sent();
    assert!(begun.elapsed() >= window);

    // A promised permit comes back too if its process has nothing else to say.
    let quiet = process("quiet");
    for _ in 0..10 {
        acquire(&quiet, &TEN).await.sent();
    }
    sleep(window / 4).await;
    assert!(timeout(window / 4, quiet.acquire(&TEN, MAX_WAIT)).await.is_err());
    sleep(window / 8).await;
    let mut promised = redis::cmd("ZCARD");
    promised.arg("canva-connect:pacing:{ten:quiet}:promised");
    assert_eq!(promised.query::<u32>(&mut server.connect()).unwrap(), 0);
}

#[tokio::test]
async fn a_pause_holds_for_every_process() {
    let server = server_or_skip!(start());
    opened(&server, "user").await;
    let (one, other) = (process(&server, "user"), process(&server, "user"));
    for operation in [&TEN, &FREE] {
        let begun = Instant::now();
        one.pause(operation, Duration::from_secs(1));
        one.pause(operation, Duration::from_millis(500));
        sleep(Duration::from_millis(200)).await;
        for pacing in [&other, &one] {
            acquire(pacing, operation).await.sent();
            assert!(begun.elapsed() >= Duration::from_secs(1), "{}", operation.id);
        }
        // One that is too long fails every request at once, and says what was asked for.
        one.pause(operation, Duration::from_secs(3600));
        sleep(Duration::from_millis(200)).await;
        for pacing in [&other, &one] {
            let error = timeout(LONG, pacing.acquire(operation, MAX_WAIT)).await.unwrap().unwrap_err();
            let paused = error.downcast_ref::<PausedError>().unwrap();
            assert_eq!(paused.asked.as_secs(), 3600);
            assert!(paused.left.as_secs() >= 3540 && (290..=300).contains(&paused.retry_after.as_secs()), "{paused}");
        }
    }
    // It doesn't hold for another user.
    one.pause(&TEN, Duration::MAX);
    opened(&server, "another").await;
}

#[tokio::test]
async fn nothing_is_left_in_redis_when_all_permits_are_back() {
    let server = server_or_skip!(start());
    opened(&server, "user").await;
    acquire(&process(&server, "user"), &TEN).await.sent();
    let keys = || redis::cmd("KEYS").arg("*").query::<Vec<String>>(&mut server.connect()).unwrap();
    assert!(keys().iter().all(|key| key.starts_with("canva-connect:pacing:{ten:user}:")), "{:?}", keys());
    timeout(LONG, async {
        while !keys().is_empty() {
            sleep(Duration::from_millis(100)).await;
        }
    })
    .await
    .unwrap();
}
