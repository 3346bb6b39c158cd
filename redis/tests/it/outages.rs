//! Nothing exceeds the limits and nobody waits for ever when Redis dies, forgets, freezes or becomes a replica.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use canva_connect::Pacer;
use canva_connect_redis::{Redis, RedisError, RedisPacing};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::pacing::{LONG, MAX_WAIT, TEN, WINDOW, acquire, opened, process};
use crate::server::{Server, server_or_skip};

/// The longest that a call takes while Redis is away, and a good deal for a busy machine.
const BOUNDED: Duration = Duration::from_secs(6);

/// Counts the requests of any window, as a strict server does.
#[derive(Clone, Default)]
struct Arrivals(Arc<Mutex<Vec<Instant>>>);

impl Arrivals {
    fn arrive(&self) {
        let mut arrived = self.0.lock().unwrap();
        let now = Instant::now();
        arrived.push(now);
        let recent = arrived.iter().filter(|at| now - **at < WINDOW).count();
        assert!(recent <= 10, "{recent} requests in one window");
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// Two processes send all the time, and Redis is killed and started again.
async fn redis_restarts(server: Server) {
    let arrivals = Arrivals::default();
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
        let (before, waiting) = (arrivals.count(), Instant::now());
        while arrivals.count() < before + 10 {
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

/// Sends as much as the limit allows, and tells Redis.
async fn send_ten(pacing: &RedisPacing, arrivals: &Arrivals) {
    for _ in 0..10 {
        let permit = acquire(pacing, &TEN).await;
        arrivals.arrive();
        permit.sent();
    }
    sleep(WINDOW / 4).await;
}

#[tokio::test]
async fn a_process_that_is_new_after_a_restart_doesnt_exceed_the_limit_of_those_before_it() {
    let server = server_or_skip!(start());
    let arrivals = Arrivals::default();
    // The old process is gone, so nobody is left who knows.
    send_ten(&process(&server, "user"), &arrivals).await;
    server.kill();
    server.restart();
    send_ten(&process(&server, "user"), &arrivals).await;
}

#[tokio::test]
async fn a_redis_that_lost_a_part_of_its_memory_lets_nothing_exceed_the_limit() {
    let server = server_or_skip!(start());
    let (pacing, arrivals) = (process(&server, "user"), Arrivals::default());
    send_ten(&pacing, &arrivals).await;
    redis::cmd("FLUSHALL").exec(&mut server.connect()).unwrap();
    send_ten(&pacing, &arrivals).await;
    // What it saved is from before the next ten.
    redis::cmd("SAVE").exec(&mut server.connect()).unwrap();
    send_ten(&pacing, &arrivals).await;
    server.kill();
    server.restart();
    let state = redis::cmd("EXISTS").arg("canva-connect:pacing:{ten:user}:state").query::<u32>(&mut server.connect());
    assert_eq!(state.unwrap(), 1);
    send_ten(&pacing, &arrivals).await;
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
    // Redis keeps the state of an idle operation for longer than it is frozen here.
    let pacing = Arc::new(server.open().pacing("user").window(2 * WINDOW));
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
    assert!(begun.elapsed() < 2 * WINDOW, "{:?}", begun.elapsed());
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
