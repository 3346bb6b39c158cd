//! Lanes of several processes together keep within the limits, take turns, and get over what Redis forgets.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use canva_connect::Pacer;
use canva_connect::operations::{CREATE_ASSET_UPLOAD_JOB, Operation};
use canva_connect::pacing::{PausedError, Permit};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::server::Server;
use crate::{Redis, RedisError, RedisPacing};

const MINUTE: Duration = Duration::from_secs(60);

/// The client's default for how long a pause may be that a request waits for.
const MAX_WAIT: Duration = Duration::from_secs(300);

/// Nothing takes this long.
const LONG: Duration = Duration::from_secs(3600);

static TEN: Operation = Operation::new("ten", "GET", "/v1/ten").requests_per_minute(10);
static FREE: Operation = Operation::new("free", "GET", "/v1/free");

/// Another process, as far as Redis can tell.
fn process(server: &Server, user: &str) -> Arc<RedisPacing> {
    Arc::new(Redis::open(&server.url()).unwrap().pacing(user))
}

async fn acquire(pacing: &RedisPacing, operation: &'static Operation) -> Permit {
    timeout(LONG, pacing.acquire(operation, MAX_WAIT)).await.expect("no permit for an hour").unwrap()
}

/// How often scripts ran.
fn scripts_run(server: &Server) -> u64 {
    let stats: String = redis::cmd("INFO").arg("commandstats").query(&mut server.connect()).unwrap();
    let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls="));
    line.map_or(0, |rest| rest.split(',').next().unwrap().parse().unwrap())
}

#[tokio::test(start_paused = true)]
async fn processes_that_start_with_the_same_random_numbers_keep_the_limit_together() {
    let Some(server) = Server::start() else { return };
    let (begun, mut all) = (Instant::now(), JoinSet::new());
    for _ in 0..2 {
        // As in processes that start at once.
        fastrand::seed(1);
        let pacing = process(&server, "user");
        acquire(&pacing, &TEN).await.sent();
        for _ in 0..6 {
            let pacing = pacing.clone();
            all.spawn(async move {
                acquire(&pacing, &TEN).await.sent();
                Instant::now()
            });
        }
    }
    let at_once = all.join_all().await.into_iter().filter(|at| *at < begun + MINUTE).count();
    assert_eq!(at_once, 8);
}

#[tokio::test(start_paused = true)]
async fn a_permit_costs_one_call_and_waiting_none() {
    let Some(server) = Server::start() else { return };
    let pacing = process(&server, "user");
    let (begun, before) = (Instant::now(), scripts_run(&server));
    // All want to leave at once. Minutes pass while they wait, and permits come back one by one.
    let mut all = JoinSet::new();
    for request in 0..90 {
        let pacing = pacing.clone();
        all.spawn(async move {
            let permit = acquire(&pacing, &CREATE_ASSET_UPLOAD_JOB).await;
            sleep(MINUTE / 60 * (request % 30)).await;
            permit.sent();
        });
    }
    all.join_all().await;
    assert!(begun.elapsed() >= 2 * MINUTE);
    let calls = scripts_run(&server) - before;
    // A few more: heartbeats tell what is over while nobody asks, in the first minute and at the end.
    assert!((90..=120).contains(&calls), "{calls} calls for 90 permits");

    // A permit is promised, and nothing is under way: until then there is nothing to say.
    let waiting = tokio::spawn({
        let pacing = pacing.clone();
        async move { acquire(&pacing, &CREATE_ASSET_UPLOAD_JOB).await.sent() }
    });
    sleep(MINUTE / 4).await;
    let before = scripts_run(&server);
    sleep(MINUTE / 4).await;
    assert_eq!(scripts_run(&server), before);
    waiting.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn processes_get_equal_shares_and_within_one_it_is_first_come_first_served() {
    static FIVE: Operation = Operation::new("five", "GET", "/v1/five").requests_per_minute(5);
    let Some(server) = Server::start() else { return };
    let order = Arc::new(Mutex::new(Vec::new()));
    let start = |name, requests| {
        let pacing = process(&server, "user");
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
    // The first has everything before the second begins, and asks for far more.
    let first = start("first", 60);
    sleep(MINUTE / 50).await;
    start("second", 8).join_all().await;
    drop(first);
    let order = order.lock().unwrap();
    for name in ["first", "second"] {
        let one: Vec<_> = order.iter().filter(|served| served.0 == name).map(|served| served.1).collect();
        assert!(one.is_sorted(), "{name}: {one:?}");
    }
    // The first five were out before the second came. After that, the second gets about half of each minute.
    assert!((17..=30).contains(&order.len()), "{order:?}");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_left_and_one_that_nobody_waits_for_cost_nothing() {
    let Some(server) = Server::start() else { return };
    let (one, other) = (process(&server, "user"), process(&server, "user"));
    let begun = Instant::now();
    let mut held = Vec::new();
    for _ in 0..10 {
        held.push(acquire(&one, &TEN).await);
    }
    held.drain(..5).for_each(|permit| permit.sent());
    // It is promised one of the five, and gives up.
    assert!(timeout(MINUTE / 2, one.acquire(&TEN, MAX_WAIT)).await.is_err());
    // The others never left.
    drop(held);
    sleep(MINUTE / 8).await;
    for _ in 0..5 {
        acquire(&other, &TEN).await.sent();
    }
    assert!(begun.elapsed() < MINUTE, "{:?}", begun.elapsed());
    acquire(&other, &TEN).await.sent();
    assert!(begun.elapsed() >= MINUTE);

    // A promised permit comes back too if its process has nothing else to say.
    let quiet = process(&server, "quiet");
    for _ in 0..10 {
        acquire(&quiet, &TEN).await.sent();
    }
    sleep(MINUTE / 4).await;
    assert!(timeout(MINUTE / 4, quiet.acquire(&TEN, MAX_WAIT)).await.is_err());
    sleep(MINUTE / 8).await;
    let mut promised = redis::cmd("ZCARD");
    promised.arg("canva-connect:pacing:{ten:quiet}:promised");
    assert_eq!(promised.query::<u32>(&mut server.connect()).unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_pause_holds_for_every_process() {
    let Some(server) = Server::start() else { return };
    let (one, other) = (process(&server, "user"), process(&server, "user"));
    for operation in [&TEN, &FREE] {
        let begun = Instant::now();
        one.pause(operation, Duration::from_secs(10));
        one.pause(operation, Duration::from_secs(5));
        sleep(Duration::from_secs(1)).await;
        for pacing in [&other, &one] {
            acquire(pacing, operation).await.sent();
            assert!(begun.elapsed() >= Duration::from_secs(10), "{}", operation.id);
        }
        // One that is too long fails every request at once, and says what was asked for.
        one.pause(operation, Duration::from_secs(3600));
        sleep(Duration::from_secs(1)).await;
        let begun = Instant::now();
        for pacing in [&other, &one] {
            let error = pacing.acquire(operation, MAX_WAIT).await.unwrap_err();
            let paused = error.downcast_ref::<PausedError>().unwrap();
            assert_eq!(
                (paused.asked.as_secs(), paused.left.as_secs(), paused.retry_after.as_secs()),
                (3600, 3599, 299)
            );
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
    // It doesn't hold for another user.
    one.pause(&TEN, Duration::MAX);
    let begun = Instant::now();
    drop(acquire(&process(&server, "another"), &TEN).await);
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_in_redis_150_seconds_after_the_last_call() {
    let Some(server) = Server::start() else { return };
    let pacing = process(&server, "user");
    let mut permits = Vec::new();
    for _ in 0..10 {
        permits.push(acquire(&pacing, &TEN).await);
    }
    permits.drain(..2).for_each(|permit| permit.sent());
    // One of these two is promised. No call follows that one.
    assert!(timeout(Duration::from_secs(1), pacing.acquire(&TEN, MAX_WAIT)).await.is_err());
    let mut redis = server.connect();
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut redis).unwrap();
    assert_eq!(keys.len(), 4, "{keys:?}");
    for key in keys {
        assert!(key.starts_with("canva-connect:pacing:{ten:user}:"), "{key}");
        // The keys expire by Redis' own clock, of which hardly a moment has passed.
        let left: i64 = redis::cmd("PTTL").arg(&key).query(&mut redis).unwrap();
        assert!((1..=150_000).contains(&left), "{key}: {left} ms");
    }
}

/// Counts the requests of any minute, as a strict server does.
#[derive(Clone, Default)]
struct Arrivals(Arc<Mutex<Vec<Instant>>>);

impl Arrivals {
    fn arrive(&self) {
        let mut arrived = self.0.lock().unwrap();
        let now = Instant::now();
        arrived.push(now);
        let recent = arrived.iter().filter(|at| now - **at < MINUTE).count();
        assert!(recent <= 10, "{recent} requests in one minute");
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// Two processes send all the time, and Redis is killed and started again.
async fn redis_restarts(server: Server) {
    let (arrivals, mut all) = (Arrivals::default(), JoinSet::new());
    for _ in 0..2 {
        let pacing = process(&server, "user");
        for _ in 0..4 {
            let (pacing, arrivals) = (pacing.clone(), arrivals.clone());
            all.spawn(async move {
                loop {
                    match timeout(LONG, pacing.acquire(&TEN, MAX_WAIT)).await.unwrap() {
                        Ok(permit) => {
                            arrivals.arrive();
                            sleep(Duration::from_secs(3)).await;
                            permit.sent();
                        }
                        Err(error) => {
                            assert!(matches!(
                                error.downcast_ref(),
                                Some(RedisError::Away { .. } | RedisError::Refused { .. })
                            ));
                            sleep(Duration::from_secs(1)).await;
                        }
                    }
                }
            });
        }
    }
    for round in 0..3 {
        let (before, waiting) = (arrivals.count(), Instant::now());
        while arrivals.count() < before + 10 {
            assert!(waiting.elapsed() < LONG, "nothing is sent any more");
            sleep(Duration::from_secs(1)).await;
        }
        if round < 2 {
            // The last ten are still in the minute, and Redis has been told that they are over.
            sleep(MINUTE / 4).await;
            server.kill();
            sleep(MINUTE / 8).await;
            server.restart();
        }
    }
    assert!(all.try_join_next().is_none(), "a request exceeded the limit, or failed otherwise");
}

#[tokio::test(start_paused = true)]
async fn a_redis_that_forgot_everything_lets_nothing_exceed_the_limit() {
    let Some(server) = Server::start() else { return };
    redis_restarts(server).await;
}

#[tokio::test(start_paused = true)]
async fn a_redis_that_remembers_goes_on() {
    let Some(server) = Server::start_persistent() else { return };
    redis_restarts(server).await;
}

#[tokio::test(start_paused = true)]
async fn a_redis_that_lost_a_part_of_its_memory_lets_nothing_exceed_the_limit() {
    let Some(server) = Server::start() else { return };
    let (pacing, arrivals) = (process(&server, "user"), Arrivals::default());
    // Sends as much as the limit allows, and tells Redis.
    let send_ten = || async {
        for _ in 0..10 {
            let permit = acquire(&pacing, &TEN).await;
            arrivals.arrive();
            permit.sent();
        }
        sleep(MINUTE / 4).await;
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
