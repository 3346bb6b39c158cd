//! Processes together keep within the limits, take turns, and get over the loss of each other and of Redis.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use canva_connect::operations::{CREATE_ASSET_UPLOAD_JOB, GET_ASSET, Operation};
use canva_connect::pacing::{PausedError, Permit};
use canva_connect::{Client, Pacer, RetryPolicy};
use canva_connect_redis::{Redis, RedisError, RedisPacing};
use canva_simulator::{RateLimits, Simulator};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::server::{Server, Worker, server_or_skip};

/// What a minute is in these tests.
const WINDOW: Duration = Duration::from_secs(2);

/// The client's default for how long a pause may be that a request waits for.
const MAX_WAIT: Duration = Duration::from_secs(300);

/// Nothing takes this long, however busy the machine is.
const LONG: Duration = Duration::from_secs(60);

/// The longest that a call takes while Redis is away, and a good deal for a busy machine.
const BOUNDED: Duration = Duration::from_secs(6);

static TEN: Operation = Operation::new("ten", "GET", "/v1/ten").requests_per_minute(10);
static FREE: Operation = Operation::new("free", "GET", "/v1/free");

/// Another process, as far as Redis can tell.
fn process(server: &Server, user: &str) -> Arc<RedisPacing> {
    Arc::new(server.open().pacing(user).window(WINDOW))
}

async fn acquire(pacing: &RedisPacing, operation: &'static Operation) -> Permit {
    timeout(LONG, pacing.acquire(operation, MAX_WAIT)).await.expect("no permit for a minute").unwrap()
}

/// A lane of a Redis that has just started is closed for a window. After this it isn't.
async fn opened(server: &Server, user: &str) {
    drop(acquire(&process(server, user), &TEN).await);
}

/// Counts what is sent within any window, as a server does that counts strictly.
#[derive(Clone)]
struct Arrivals(Arc<Mutex<VecDeque<Instant>>>, usize);

impl Arrivals {
    fn new(limit: usize) -> Self {
        Self(Arc::default(), limit)
    }

    fn arrive(&self) {
        let mut arrived = self.0.lock().unwrap();
        let now = Instant::now();
        arrived.push_back(now);
        let recent = arrived.iter().filter(|at| now - **at < WINDOW).count();
        assert!(recent <= self.1, "{recent} requests in one window");
    }

    fn all(&self) -> Vec<Instant> {
        self.0.lock().unwrap().iter().copied().collect()
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} isn't set"))
}

fn client(simulator: &str, token: &str, pacing: RedisPacing) -> Client {
    Client::builder().base_url(simulator).token(token).pacer(pacing).retry_policy(RetryPolicy::never()).build().unwrap()
}

/// A worker process: reads so many assets that don't exist.
#[tokio::test]
#[ignore = "a process that other tests start"]
async fn worker_that_reads() {
    let pacing = Redis::open(&variable("REDIS")).unwrap().pacing("user").window(WINDOW);
    let canva = client(&variable("SIMULATOR"), &variable("TOKEN"), pacing);
    let mut all = JoinSet::new();
    for _ in 0..variable("REQUESTS").parse().unwrap() {
        let canva = canva.clone();
        all.spawn(async move { canva.get_asset("unknown").await.unwrap_err().to_string() });
    }
    for error in all.join_all().await {
        assert!(error.contains("404"), "{error}");
    }
}

/// A worker process: uploads so many files, and waits until Canva has them.
#[tokio::test]
#[ignore = "a process that other tests start"]
async fn worker_that_uploads() {
    let pacing = Redis::open(&variable("REDIS")).unwrap().pacing("user").window(WINDOW / 2);
    let canva = client(&variable("SIMULATOR"), &variable("TOKEN"), pacing);
    let mut all = JoinSet::new();
    for file in 0..variable("REQUESTS").parse().unwrap() {
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
    std::fs::write(variable("READY"), "").unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_together_never_exceed_the_limit_however_it_is_counted() {
    for limits in [RateLimits::FixedWindow, RateLimits::SlidingWindow, RateLimits::TokenBucket] {
        let server = server_or_skip!(start());
        let simulator = Simulator::builder().rate_limits(limits).rate_window(WINDOW).start().await.unwrap();
        const REQUESTS: usize = 120;
        run(&server, &simulator, "pacing::worker_that_reads", REQUESTS).await;
        let requests = simulator.requests();
        assert_eq!(requests.len(), 4 * REQUESTS);
        assert!(requests.iter().all(|request| request.operation == Some(GET_ASSET.id)));
        assert!(requests.iter().all(|request| request.status == Some(404)), "{limits:?}");
    }
}

/// Four processes that do the same.
async fn run(server: &Server, simulator: &Simulator, test: &'static str, requests: usize) {
    let variables = [
        ("REDIS", server.url()),
        ("SIMULATOR", simulator.base_url().to_owned()),
        ("TOKEN", simulator.token().to_owned()),
        ("REQUESTS", requests.to_string()),
    ];
    let workers: Vec<_> = (0..4).map(|_| Worker::start(test, &variables)).collect();
    for mut worker in workers {
        assert!(tokio::task::spawn_blocking(move || worker.succeeds()).await.unwrap(), "a worker failed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_processes_upload_800_files_and_canva_refuses_none() {
    let server = server_or_skip!(start());
    let builder = Simulator::builder().rate_limits(RateLimits::SlidingWindow).rate_window(WINDOW / 2);
    let simulator = builder.start().await.unwrap();
    run(&server, &simulator, "pacing::worker_that_uploads", 200).await;
    let requests = simulator.requests();
    assert!(requests.iter().all(|request| request.status == Some(200)));
    let uploads = requests.iter().filter(|request| request.operation == Some(CREATE_ASSET_UPLOAD_JOB.id)).count();
    let mut names: Vec<_> = simulator.assets().into_iter().map(|asset| asset.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!((uploads, names.len()), (800, 800));
}

#[tokio::test]
async fn a_permit_costs_one_call_and_waiting_none() {
    let server = server_or_skip!(start());
    opened(&server, "user").await;
    let pacing = process(&server, "user");
    let (begun, before) = (Instant::now(), server.scripts_run());
    // All want to leave at once. Windows pass while they wait, and permits come back one by one.
    let mut all = JoinSet::new();
    for request in 0..150 {
        let pacing = pacing.clone();
        all.spawn(async move {
            let permit = acquire(&pacing, &CREATE_ASSET_UPLOAD_JOB).await;
            sleep(WINDOW / 60 * (request % 30)).await;
            permit.sent();
        });
    }
    all.join_all().await;
    assert!(begun.elapsed() >= 4 * WINDOW);
    let calls = server.scripts_run() - before;
    // A few more: heartbeats tell what is over while nobody asks, in the first window and at the end.
    assert!((150..=190).contains(&calls), "{calls} calls for 150 permits");

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
    let server = server_or_skip!(start());
    opened(&server, "user").await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut all = JoinSet::new();
    // The first has everything before the second begins, asks for far more, and is nearer to Redis.
    let far_away = server.far_away(Duration::from_millis(1)).await;
    for (name, requests, url) in [("first", 60, server.url()), ("second", 20, far_away)] {
        let pacing = Arc::new(Redis::open(&url).unwrap().pacing("user").window(2 * WINDOW));
        for request in 0..requests {
            let (pacing, order) = (pacing.clone(), order.clone());
            all.spawn(async move {
                let permit = acquire(&pacing, &TEN).await;
                order.lock().unwrap().push((name, request));
                sleep(Duration::from_millis(10)).await;
                permit.sent();
            });
        }
        sleep(WINDOW / 4).await;
    }
    all.join_all().await;
    let order = order.lock().unwrap();
    for name in ["first", "second"] {
        let one: Vec<_> = order.iter().filter(|served| served.0 == name).map(|served| served.1).collect();
        assert!(one.is_sorted(), "{name}: {one:?}");
    }
    // The first ten were out before the second came. After that, half of each window is its own.
    let last = order.iter().rposition(|served| served.0 == "second").unwrap();
    assert!((45..=62).contains(&last), "the second had its 20 after {last}");
}

#[tokio::test]
async fn the_permits_of_a_killed_process_come_back_with_their_lease() {
    let server = server_or_skip!(start());
    let directory = tempfile::tempdir().unwrap();
    let ready = directory.path().join("ready");
    let variables = [("REDIS", server.url()), ("READY", ready.to_str().unwrap().to_owned())];
    let mut worker = Worker::start("pacing::worker_that_holds", &variables);
    timeout(LONG, async {
        while !ready.exists() {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    let pacing = process(&server, "user");
    // As long as it lives, it keeps them.
    assert!(timeout(2 * WINDOW, pacing.acquire(&TEN, MAX_WAIT)).await.is_err());
    worker.kill();
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
    opened(&server, "user").await;
    let (one, other) = (process(&server, "user"), process(&server, "user"));
    let begun = Instant::now();
    let mut held = Vec::new();
    for _ in 0..10 {
        held.push(acquire(&one, &TEN).await);
    }
    held.drain(..5).for_each(|permit| permit.sent());
    // It is promised one of the five, and gives up.
    assert!(timeout(WINDOW / 2, one.acquire(&TEN, MAX_WAIT)).await.is_err());
    // The others never left.
    drop(held);
    sleep(WINDOW / 8).await;
    for _ in 0..5 {
        acquire(&other, &TEN).await.sent();
    }
    assert!(begun.elapsed() < WINDOW, "{:?}", begun.elapsed());
    acquire(&other, &TEN).await.sent();
    assert!(begun.elapsed() >= WINDOW);

    // So does one whose process has nothing else to say.
    opened(&server, "quiet").await;
    let quiet = process(&server, "quiet");
    for _ in 0..10 {
        acquire(&quiet, &TEN).await.sent();
    }
    sleep(WINDOW / 4).await;
    assert!(timeout(WINDOW / 4, quiet.acquire(&TEN, MAX_WAIT)).await.is_err());
    sleep(WINDOW / 8).await;
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
        one.pause(operation, Duration::from_secs(2));
        one.pause(operation, Duration::from_secs(1));
        sleep(Duration::from_millis(300)).await;
        for pacing in [&other, &one] {
            acquire(pacing, operation).await.sent();
            assert!(begun.elapsed() >= Duration::from_secs(2), "{}", operation.id);
        }
        // One that is too long fails every request at once, and says what was asked for.
        one.pause(operation, Duration::from_secs(3600));
        sleep(Duration::from_millis(300)).await;
        for pacing in [&other, &one] {
            let error = timeout(LONG, pacing.acquire(operation, MAX_WAIT)).await.unwrap().unwrap_err();
            let paused = error.downcast_ref::<PausedError>().unwrap();
            assert_eq!(paused.asked.as_secs(), 3600);
            assert!(paused.left.as_secs() >= 3540 && (290..=300).contains(&paused.retry_after.as_secs()), "{paused}");
        }
        // Whoever waits for less is sent, and from then on what Canva answers counts, even if it is shorter.
        let permit = timeout(LONG, other.acquire(operation, Duration::ZERO)).await.unwrap().unwrap();
        permit.sent();
        other.pause(operation, Duration::from_secs(1));
        sleep(Duration::from_millis(300)).await;
        acquire(&one, operation).await.sent();
    }
    // Another user's requests are another matter.
    one.pause(&TEN, Duration::MAX);
    opened(&server, "another").await;
}

/// Two processes send all the time, and Redis is killed and started again.
async fn redis_restarts(server: Server) {
    let arrivals = Arrivals::new(10);
    opened(&server, "user").await;
    let mut all = JoinSet::new();
    for _ in 0..2 {
        let pacing = process(&server, "user");
        for _ in 0..4 {
            let (pacing, arrivals) = (pacing.clone(), arrivals.clone());
            all.spawn(async move {
                loop {
                    match timeout(LONG, pacing.acquire(&TEN, MAX_WAIT)).await.unwrap() {
                        Ok(permit) => {
                            arrivals.arrive();
                            sleep(Duration::from_millis(50)).await;
                            permit.sent();
                        }
                        Err(error) => {
                            assert!(matches!(
                                error.downcast_ref(),
                                Some(RedisError::Away { .. } | RedisError::Refused { .. })
                            ));
                            sleep(Duration::from_millis(100)).await;
                        }
                    }
                }
            });
        }
    }
    for round in 0..3 {
        let (before, waiting) = (arrivals.all().len(), Instant::now());
        while arrivals.all().len() < before + 10 {
            assert!(waiting.elapsed() < LONG, "nothing is sent any more");
            sleep(Duration::from_millis(20)).await;
        }
        if round < 2 {
            // The last ten are still in the window, and Redis has been told that they are over.
            sleep(WINDOW / 4).await;
            server.kill();
            sleep(WINDOW / 8).await;
            server.restart();
        }
    }
    assert!(all.try_join_next().is_none(), "a request exceeded the limit, or failed otherwise");
}

#[tokio::test]
async fn a_redis_that_forgot_everything_lets_nothing_exceed_the_limit() {
    redis_restarts(server_or_skip!(start())).await;
}

#[tokio::test]
async fn a_redis_that_remembers_goes_on() {
    redis_restarts(server_or_skip!(start_persistent())).await;
}

#[tokio::test]
async fn a_process_that_is_new_after_a_restart_doesnt_exceed_the_limit_of_those_before_it() {
    let server = server_or_skip!(start());
    let arrivals = Arrivals::new(10);
    let old = process(&server, "user");
    for _ in 0..10 {
        let permit = acquire(&old, &TEN).await;
        arrivals.arrive();
        permit.sent();
    }
    // Nobody is left who knows.
    drop(old);
    server.kill();
    server.restart();
    let new = process(&server, "user");
    for _ in 0..10 {
        let permit = acquire(&new, &TEN).await;
        arrivals.arrive();
        permit.sent();
    }
}

#[tokio::test]
async fn a_redis_that_lost_a_part_of_its_memory_lets_nothing_exceed_the_limit() {
    let server = server_or_skip!(start());
    let (pacing, arrivals) = (process(&server, "user"), Arrivals::new(10));
    let send_ten = async || {
        for _ in 0..10 {
            let permit = acquire(&pacing, &TEN).await;
            arrivals.arrive();
            permit.sent();
        }
        // Redis knows all of it, and the process has nothing more to say.
        sleep(WINDOW / 4).await;
    };
    send_ten().await;
    redis::cmd("FLUSHALL").exec(&mut server.connect()).unwrap();
    send_ten().await;
    // What it saved is from before the next ten.
    redis::cmd("SAVE").exec(&mut server.connect()).unwrap();
    send_ten().await;
    server.kill();
    server.restart();
    let state = redis::cmd("EXISTS").arg("canva-connect:pacing:{ten:user}:state").query::<u32>(&mut server.connect());
    assert_eq!(state.unwrap(), 1);
    send_ten().await;
}

#[tokio::test]
async fn a_redis_that_is_away_is_an_error_in_bounded_time_which_names_no_secret() {
    let server = server_or_skip!(start());
    let url = server.url().replace("redis://", "redis://someone:hunter2@");
    let pacing = Redis::open(&url).unwrap().pacing("user").window(WINDOW);
    let shown = |error: &(dyn std::error::Error + 'static)| {
        let mut text = format!("{error:?}");
        let mut next = Some(error);
        while let Some(error) = next {
            text += &format!("\n{error}");
            next = error.source();
        }
        text
    };
    // There is no such user.
    let refused = pacing.acquire(&TEN, MAX_WAIT).await.unwrap_err();
    assert!(matches!(refused.downcast_ref(), Some(RedisError::Refused { .. })), "{refused:?}");
    server.kill();
    let begun = Instant::now();
    let without = process(&server, "user");
    let away = without.acquire(&TEN, MAX_WAIT).await.unwrap_err();
    assert!(matches!(away.downcast_ref(), Some(RedisError::Away { .. })), "{away:?}");
    assert!(begun.elapsed() < BOUNDED && away.to_string().contains(server.url().as_str()), "{away}");
    let malformed = Redis::open("https://someone:hunter2@host").unwrap_err();
    for text in [shown(&*refused), shown(&*away), shown(&malformed), format!("{pacing:?}")] {
        assert!(!text.contains("hunter2"), "{text}");
    }
    // It is used again as soon as it is back, also by who has tried to connect meanwhile.
    sleep(Duration::from_millis(200)).await;
    server.restart();
    drop(acquire(&without, &TEN).await);
}

#[tokio::test]
async fn a_frozen_redis_holds_up_nobody_for_long() {
    let server = server_or_skip!(start());
    opened(&server, "user").await;
    let pacing = process(&server, "user");
    let permit = acquire(&pacing, &TEN).await;
    server.freeze();
    let begun = Instant::now();
    let mut all = JoinSet::new();
    for _ in 0..50 {
        let pacing = pacing.clone();
        all.spawn(async move { pacing.acquire(&TEN, MAX_WAIT).await.unwrap_err().to_string() });
    }
    for error in all.join_all().await {
        assert!(error.contains("no response from redis://127.0.0.1:"), "{error}");
    }
    // Nor one that only connects.
    assert!(process(&server, "user").acquire(&TEN, MAX_WAIT).await.is_err());
    assert!(begun.elapsed() < 2 * BOUNDED, "{:?}", begun.elapsed());
    server.thaw();
    permit.sent();
    // What was asked for meanwhile is given back: there are nine more.
    let begun = Instant::now();
    for _ in 0..9 {
        let permit = timeout(LONG, async {
            loop {
                if let Ok(permit) = pacing.acquire(&TEN, MAX_WAIT).await {
                    break permit;
                }
            }
        });
        permit.await.unwrap().sent();
    }
    assert!(begun.elapsed() < WINDOW, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_server_that_becomes_a_replica_is_connected_to_anew() {
    let server = server_or_skip!(start());
    opened(&server, "user").await;
    let pacing = process(&server, "user");
    acquire(&pacing, &TEN).await.sent();
    let mut admin = server.connect();
    redis::cmd("REPLICAOF").arg("127.0.0.1").arg(1).exec(&mut admin).unwrap();
    let connections = |admin: &mut redis::Connection| -> u64 {
        let stats: String = redis::cmd("INFO").arg("stats").query(admin).unwrap();
        let line = stats.lines().find_map(|line| line.strip_prefix("total_connections_received:"));
        line.unwrap().trim().parse().unwrap()
    };
    let before = connections(&mut admin);
    for _ in 0..2 {
        let error = pacing.acquire(&TEN, MAX_WAIT).await.unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(RedisError::Refused { .. })), "{error:?}");
    }
    assert!(connections(&mut admin) > before);
    redis::cmd("REPLICAOF").arg("NO").arg("ONE").exec(&mut admin).unwrap();
    acquire(&pacing, &TEN).await.sent();
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
