//! Commands that share their rate limits keep them together.

use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use canva_simulator::{CannedResponse, RateLimits, Simulator};

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
    assert!(matches!(said[..], [line] if line.contains("nothing is sent for")), "{}", ran.stderr);
    assert_eq!(ran.code, Some(0));
}

/// Runs a command with these files, against a simulator whose windows are two seconds long.
fn hurried(simulator: &Simulator, state: &std::path::Path, journal: &str, files: &[String]) -> std::process::Command {
    let journal = state.join(journal);
    let options = ["--json", "upload", "--journal", journal.to_str().unwrap()];
    let mut command = against(simulator, options.into_iter().chain(files.iter().map(String::as_str)));
    command.env("XDG_STATE_HOME", state).env("CANVA_TEST_LIMITS_WINDOW", "2000");
    command
}

async fn limited() -> Simulator {
    let simulator = Simulator::builder().rate_limits(RateLimits::SlidingWindow).rate_window(Duration::from_secs(2));
    simulator.start().await.unwrap()
}

fn refused(simulator: &Simulator) -> usize {
    simulator.requests().iter().filter(|request| request.status == Some(429)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn four_commands_of_one_machine_keep_the_limits_together() {
    let simulator = limited().await;
    let (state, (_directory, files)) = (tempfile::tempdir().unwrap(), copies("photo.png", 48));
    let upload = |number: usize| {
        let command = hurried(&simulator, state.path(), &number.to_string(), &files[number * 12..(number + 1) * 12]);
        tokio::task::spawn_blocking(|| run(command))
    };
    let (a, b, c, d) = tokio::join!(upload(0), upload(1), upload(2), upload(3));
    for ran in [a, b, c, d] {
        let ran = ran.unwrap();
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    }
    assert_eq!((simulator.assets().len(), refused(&simulator)), (48, 0));
    // Nothing is left of commands that have ended.
    let limits = std::fs::read_dir(state.path().join("canva/limits")).unwrap();
    assert!(limits.flatten().all(|file| !file.file_name().to_string_lossy().starts_with("command-")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_command_has_sent_counts_and_blocks_nobody_for_longer_than_a_window() {
    let simulator = limited().await;
    simulator.inject("createAssetUploadJob", 1..=4, canva_simulator::Fault::Delay(Duration::from_secs(3600))).unwrap();
    let (state, (_directory, files)) = (tempfile::tempdir().unwrap(), copies("photo.png", 40));
    let mut killed = hurried(&simulator, state.path(), "killed", &files[..4]);
    let mut killed = killed.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while simulator.requests().len() < 4 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let command = hurried(&simulator, state.path(), "other", &files[4..]);
    let ran = tokio::task::spawn_blocking(|| run(command)).await.unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!((simulator.assets().len(), refused(&simulator)), (36, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_that_canva_asks_for_holds_for_the_other_commands() {
    let simulator = Simulator::start().await.unwrap();
    let pause = CannedResponse::json(429).header("retry-after".parse().unwrap(), "2".parse().unwrap());
    simulator.inject("createAssetUploadJob", 1..=1, canva_simulator::Fault::Respond(pause)).unwrap();
    let (state, (_directory, files)) = (tempfile::tempdir().unwrap(), copies("photo.png", 2));
    let mut first = hurried(&simulator, state.path(), "a", &files[..1]);
    let first = first.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let limits = state.path().join("canva/limits");
    let is_noted = || {
        let files = std::fs::read_dir(&limits).into_iter().flatten().flatten();
        files.filter_map(|file| std::fs::read_to_string(file.path()).ok()).any(|text| text.contains("pause"))
    };
    while !is_noted() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (begun, second) = (Instant::now(), hurried(&simulator, state.path(), "b", &files[1..]));
    assert_eq!(tokio::task::spawn_blocking(|| run(second)).await.unwrap().code, Some(0));
    assert!(begun.elapsed() > Duration::from_millis(1_500), "{:?}", begun.elapsed());
    assert!(first.wait_with_output().unwrap().status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_that_can_not_be_kept_or_read_stop_nothing() {
    let simulator = Simulator::start().await.unwrap();
    let (state, (_directory, files)) = (tempfile::tempdir().unwrap(), copies("photo.png", 2));
    let upload = |files: &[String]| {
        let command = hurried(&simulator, state.path(), "journal", files);
        tokio::task::spawn_blocking(|| run(command))
    };
    assert_eq!(upload(&files[..1]).await.unwrap().code, Some(0));
    for file in std::fs::read_dir(state.path().join("canva/limits")).unwrap().flatten() {
        std::fs::write(file.path(), "no JSON").unwrap();
    }
    let ran = upload(&files).await.unwrap();
    assert_eq!((ran.code, ran.json().len()), (Some(0), 2), "{}", ran.stderr);

    std::fs::remove_dir_all(state.path().join("canva")).unwrap();
    std::fs::write(state.path().join("canva"), "a file").unwrap();
    let ran = upload(&files).await.unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.starts_with("canva: the limits aren't shared with other commands"), "{}", ran.stderr);
}
