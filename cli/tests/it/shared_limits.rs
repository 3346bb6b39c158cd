//! Commands that share their rate limits keep them together.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use canva_simulator::{RateLimits, Simulator};

use crate::common::{Stub, against, run};
use server::Server;

#[allow(dead_code)]
#[path = "../../../redis/tests/it/server.rs"]
mod server;

#[tokio::test(flavor = "multi_thread")]
async fn two_commands_at_once_keep_the_limits_together() {
    let Some(redis) = Server::start_with(&["--requirepass", "word"]) else { return };
    let window = Duration::from_secs(1);
    let simulator = Simulator::builder().rate_limits(RateLimits::SlidingWindow).rate_window(window);
    let simulator = simulator.start().await.unwrap();
    let import = || {
        // More than half of a window's limit of 20.
        let mut command = against(&simulator, ["import", "--no-wait"].into_iter().chain(["deck.pdf"; 12]));
        command.env("CANVA_SHARE_LIMITS", redis.url().replace("redis://", "redis://:word@"));
        command.env("CANVA_TEST_LIMITS_WINDOW", window.as_millis().to_string());
        tokio::task::spawn_blocking(|| run(command).succeeded())
    };
    let (one, other) = tokio::join!(import(), import());
    one.unwrap();
    other.unwrap();
    let requests = simulator.requests();
    let refused = requests.iter().filter(|request| request.status == Some(429)).count();
    assert_eq!((requests.len(), refused), (24, 0));
}

#[test]
fn a_redis_that_cannot_be_used_is_an_error_in_one_line_that_comes_soon_and_has_no_password() {
    // It never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("redis://ada:pass-word@{}", silent.local_addr().unwrap());
    for url in
        ["redis://ada:pass-word@127.0.0.1:1", &silent, "rediss://ada:pass-word@127.0.0.1:1", "http://ada:pass-word@x"]
    {
        let stub = Stub::start(vec![]);
        let mut command = stub.command(["upload", "a.png", "b.png"]);
        command.env("CANVA_SHARE_LIMITS", url);
        let began = Instant::now();
        let ran = run(command);
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.lines().count()), (Some(2), "", 1), "{}", ran.stderr);
        assert!(ran.stderr.contains("CANVA_SHARE_LIMITS") && !ran.stderr.contains("pass-word"), "{}", ran.stderr);
        assert!(stub.requests().is_empty());
    }
}

#[test]
fn a_redis_that_cannot_be_written_is_an_error_before_anything_is_sent() {
    // Nobody is at the address of its primary.
    let Some(replica) = Server::start_with(&["--replicaof", "127.0.0.1 1"]) else { return };
    let stub = Stub::start(vec![]);
    let mut command = stub.command(["upload", "a.png", "b.png"]);
    command.env("CANVA_SHARE_LIMITS", replica.url());
    let ran = run(command);
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.lines().count()), (Some(2), "", 1), "{}", ran.stderr);
    assert!(ran.stderr.contains("read only replica"), "{}", ran.stderr);
    assert!(stub.requests().is_empty());
}
