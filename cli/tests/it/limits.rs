//! The commands of one machine keep the rate limits together, and nothing that goes wrong with that stops them.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use canva_simulator::{CannedResponse, Fault, RateLimits, Simulator};

use crate::common::{Running, against, copies, run, wait_until};

const WINDOW: Duration = Duration::from_secs(2);

/// A command with these files that counts in windows of two seconds.
fn hurried(simulator: &Simulator, state: &Path, journal: &str, files: &[String]) -> Command {
    let journal = state.join(journal);
    let options = ["--json", "upload", "--journal", journal.to_str().unwrap()];
    let mut command = against(simulator, options.into_iter().chain(files.iter().map(String::as_str)));
    command.env("XDG_STATE_HOME", state).env("CANVA_TEST_LIMITS_WINDOW", WINDOW.as_millis().to_string());
    command
}

async fn limited() -> Simulator {
    let simulator = Simulator::builder().rate_limits(RateLimits::SlidingWindow).rate_window(WINDOW);
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
    let limits = fs::read_dir(state.path().join("canva/limits")).unwrap();
    assert!(limits.flatten().all(|file| !file.file_name().to_string_lossy().starts_with("command-")));
}

/// A command whose four uploads never end.
fn hanging(simulator: &Simulator, state: &Path, files: &[String]) -> Running {
    simulator.inject("createAssetUploadJob", 1..=4, Fault::Delay(Duration::from_secs(3600))).unwrap();
    let mut command = hurried(simulator, state, "hanging", files);
    let running = Running::start(command.stdout(Stdio::null()).stderr(Stdio::null()));
    wait_until("the uploads", || simulator.requests().len() == 4);
    running
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_command_has_under_way_counts_as_long_as_it_takes() {
    let simulator = limited().await;
    let (state, (_directory, files)) = (tempfile::tempdir().unwrap(), copies("photo.png", 57));
    let _hanging = hanging(&simulator, state.path(), &files[..4]);
    let (begun, other) = (Instant::now(), hurried(&simulator, state.path(), "other", &files[4..]));
    let ran = tokio::task::spawn_blocking(|| run(other)).await.unwrap();
    assert_eq!((ran.code, simulator.assets().len()), (Some(0), 53), "{}", ran.stderr);
    // 26 in each window, which makes three.
    assert!(begun.elapsed() >= 2 * WINDOW, "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_command_has_sent_counts_for_one_window() {
    let simulator = limited().await;
    let (state, (_directory, files)) = (tempfile::tempdir().unwrap(), copies("photo.png", 34));
    drop(hanging(&simulator, state.path(), &files[..4]));
    let (begun, mut other) = (Instant::now(), hurried(&simulator, state.path(), "other", &files[4..]));
    let status = Running::start(other.stdout(Stdio::null())).status();
    assert_eq!((status.code(), simulator.assets().len()), (Some(0), 30));
    assert!(begun.elapsed() >= WINDOW, "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_that_canva_asks_for_holds_for_the_other_commands() {
    let simulator = Simulator::start().await.unwrap();
    let pause = CannedResponse::json(429).header("retry-after".parse().unwrap(), "2".parse().unwrap());
    simulator.inject("createAssetUploadJob", 1..=1, Fault::Respond(pause)).unwrap();
    let (state, (_directory, files)) = (tempfile::tempdir().unwrap(), copies("photo.png", 2));
    let mut first = hurried(&simulator, state.path(), "a", &files[..1]);
    let first = first.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let limits = state.path().join("canva/limits");
    let is_noted = || {
        let files = fs::read_dir(&limits).into_iter().flatten().flatten();
        files.filter_map(|file| fs::read_to_string(file.path()).ok()).any(|text| text.contains("pause"))
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
    let limits = state.path().join("canva/limits");
    fs::write(limits.join("permits.json"), "no JSON").unwrap();
    let ran = upload(&files).await.unwrap();
    assert_eq!((ran.code, ran.json().len()), (Some(0), 2), "{}", ran.stderr);
    let said: Vec<_> = ran.stderr.lines().filter(|line| line.contains("can't be read")).collect();
    assert!(matches!(said[..], [line] if line.contains("permits.unreadable")), "{}", ran.stderr);
    assert_eq!(fs::read_to_string(limits.join("permits.unreadable")).unwrap(), "no JSON");

    fs::remove_dir_all(state.path().join("canva")).unwrap();
    fs::write(state.path().join("canva"), "a file").unwrap();
    let ran = upload(&files).await.unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let said: Vec<_> = ran.stderr.lines().filter(|line| line.contains("limits aren't shared")).collect();
    assert!(matches!(said[..], [line] if line.contains("canva/limits: ")), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_suspended_while_it_has_the_limits_locked_fails_no_other() {
    let simulator = limited().await;
    let (state, (_directory, files)) = (tempfile::tempdir().unwrap(), copies("photo.png", 36));
    let mut command = hurried(&simulator, state.path(), "journal", &files);
    let running = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
    wait_until("the first upload", || !simulator.assets().is_empty());
    let lock = File::options().write(true).open(state.path().join("canva/limits/lock")).unwrap();
    lock.lock().unwrap();
    let ran = tokio::task::spawn_blocking(|| running.ended()).await.unwrap();
    assert_eq!((ran.code, simulator.assets().len()), (Some(0), 36), "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("limits aren't shared").count(), 1, "{}", ran.stderr);
    assert_eq!(refused(&simulator), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_says_until_when_it_waits_for_the_limit() {
    let simulator = Simulator::start().await.unwrap();
    let (state, (_directory, files)) = (tempfile::tempdir().unwrap(), copies("photo.png", 31));
    let mut command = hurried(&simulator, state.path(), "journal", &files);
    command.env("CANVA_TEST_LIMITS_WINDOW", "6000");
    let ran = tokio::task::spawn_blocking(|| run(command)).await.unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("waiting for the limit of 30 uploads in 6 s, next in "), "{}", ran.stderr);
}
