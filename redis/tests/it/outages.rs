//! Nothing exceeds the limits and nobody waits for ever when Redis dies, forgets, freezes or becomes a replica.

use std::sync::Arc;
use std::time::Duration;

use canva_connect::Pacer;
use canva_connect::auth::{TokenStore, Tokens};
use canva_connect_redis::{Redis, RedisError};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::pacing::{LONG, MAX_WAIT, TEN, WINDOW, acquire, opened, process};
use crate::server::Server;

/// The longest that a call takes while Redis is away, and a good deal for a busy machine.
const BOUNDED: Duration = Duration::from_secs(6);

#[tokio::test]
async fn a_process_that_is_new_after_a_restart_doesnt_exceed_the_limit_of_those_before_it() {
    let Some(server) = Server::start() else { return };
    let mut sent = Vec::new();
    // The first process is gone when the second comes, so nobody is left who knows.
    for _ in 0..2 {
        let pacing = process(&server, "user");
        for _ in 0..10 {
            let permit = acquire(&pacing, &TEN).await;
            sent.push(Instant::now());
            permit.sent();
        }
        server.kill();
        server.restart();
    }
    assert!(sent[10] - sent[0] >= WINDOW, "{:?}", sent[10] - sent[0]);
}

#[tokio::test]
async fn a_redis_that_is_away_is_an_error_in_bounded_time_which_names_no_secret() {
    let Some(server) = Server::start() else { return };
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
async fn the_rights_that_the_readme_names_are_enough() {
    let Some(server) = Server::start() else { return };
    let mut admin = redis::cmd("ACL");
    admin.arg("SETUSER").arg(&["ada", "on", ">word", "~canva-connect:*"]);
    for command in
        "evalsha script|load info time type del pexpire hdel hget hset hstrlen zadd zcard zpopmin zrangebyscore \
                    zrem zremrangebyscore zscore"
            .split(' ')
    {
        admin.arg(format!("+{command}"));
    }
    admin.exec(&mut server.connect()).unwrap();
    let redis = Redis::open(&server.url().replace("redis://", "redis://ada:word@")).unwrap();
    let pacing = redis.pacing("user").window(WINDOW);
    pacing.check().await.unwrap();
    // All of the script: permits that are promised, given back, and out.
    let mut permits = Vec::new();
    for _ in 0..10 {
        permits.push(acquire(&pacing, &TEN).await);
    }
    permits.drain(..5).for_each(|permit| permit.sent());
    for _ in 0..5 {
        acquire(&pacing, &TEN).await.sent();
    }
    let store = redis.store("user");
    let tokens = Tokens::new("access", "refresh", Duration::from_secs(3600));
    store.save(&tokens).await.unwrap();
    assert_eq!(store.load().await.unwrap().unwrap(), tokens);
}

#[tokio::test]
async fn a_frozen_redis_holds_up_nobody_for_long() {
    let Some(server) = Server::start() else { return };
    // Redis keeps the state of an idle operation for longer than it is frozen here.
    let pacing = Arc::new(server.open().pacing("user").window(2 * WINDOW));
    let permit = acquire(&pacing, &TEN).await;
    server.freeze();
    let begun = Instant::now();
    let mut all = JoinSet::new();
    // Nobody waits: neither who has a connection, nor who only connects.
    for pacing in std::iter::repeat_n(pacing.clone(), 50).chain([process(&server, "user")]) {
        all.spawn(async move { pacing.acquire(&TEN, MAX_WAIT).await.unwrap_err().to_string() });
    }
    for error in all.join_all().await {
        assert!(error.contains("no response from redis://127.0.0.1:"), "{error}");
    }
    assert!(begun.elapsed() < BOUNDED, "{:?}", begun.elapsed());
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
    let Some(server) = Server::start() else { return };
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
