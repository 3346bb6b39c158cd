//! Commands that share their rate limits in Redis keep them together.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use canva_simulator::{RateLimits, Simulator};

use crate::common::{Stub, against, copies, run};
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
    // More than half of a window's limit of 20, each.
    let (directory, files) = copies("deck.pdf", 24);
    let import = |files: &[String]| {
        let journal = directory.path().join(format!("{}.jsonl", files.len()));
        let options = ["import", "--no-wait", "--journal", journal.to_str().unwrap()];
        let mut command = against(&simulator, options.into_iter().chain(files.iter().map(String::as_str)));
        command.env("CANVA_SHARE_LIMITS", redis.url().replace("redis://", "redis://:word@"));
        command.env("CANVA_TEST_LIMITS_WINDOW", window.as_millis().to_string());
        tokio::task::spawn_blocking(|| run(command).code)
    };
    let (one, other) = tokio::join!(import(&files[..13]), import(&files[13..]));
    assert_eq!([one.unwrap(), other.unwrap()], [Some(0); 2]);
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

#[tokio::test(flavor = "multi_thread")]
async fn a_command_says_why_it_waits_for_a_redis_that_has_just_started() {
    let simulator = Simulator::start().await.unwrap();
    let mut command = against(&simulator, ["import", "--no-wait", "deck.pdf"]);
    let Some(redis) = Server::start() else { return };
    command.env("CANVA_SHARE_LIMITS", redis.url()).env("CANVA_TEST_LIMITS_WINDOW", "5000");
    let ran = tokio::task::spawn_blocking(|| run(command)).await.unwrap();
    let said = ran.stderr.lines().filter(|line| line.contains("Redis")).collect::<Vec<_>>();
    assert!(matches!(said[..], [line] if line.contains("s: Redis has just started")), "{}", ran.stderr);
    assert_eq!(ran.code, Some(0));
}
