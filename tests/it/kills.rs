//! examples/folder.rs keeps its promise: a program that is killed at random moments leaves each image in Canva exactly
//! once, whether Canva makes it at once, late, or not at all.

#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use canva_connect::{Pacing, PollPolicy};
use canva_simulator::{Fault, Simulator};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::support::{PIXEL, builder};

#[allow(dead_code)]
#[path = "../../examples/folder.rs"]
mod folder;

use folder::{Step, Store};

/// After so many seconds, an image that isn't there counts as never made.
const DEADLINE: u64 = 2;

/// How often each program is killed.
fn kills() -> usize {
    std::env::var("KILLS").map_or(8, |kills| kills.parse().unwrap())
}

/// The example, against a simulator without limits of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the process that the tests of this file kill"]
async fn the_program_that_is_killed() {
    let variable = |name| std::env::var(name).unwrap();
    let canva = builder(&variable("BASE_URL")).token(variable("TOKEN")).pacer(Pacing::off());
    let canva = canva.poll_policy(PollPolicy::default().deadline(Duration::from_secs(DEADLINE))).build().unwrap();
    let (folder, store) = (variable("FOLDER"), Store::open(Path::new(&variable("STORE"))).unwrap());
    folder::upload(&canva, Path::new(&folder), &store, variable("SEND_AGAIN") == "true").await.unwrap();
}

fn program(simulator: &Simulator, directory: &Path, send_again: bool) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["kills::the_program_that_is_killed", "--exact", "--ignored", "--nocapture"]);
    command.env("BASE_URL", simulator.base_url()).env("TOKEN", simulator.token());
    command.env("FOLDER", directory.join("images")).env("STORE", directory.join("store"));
    command.env("SEND_AGAIN", send_again.to_string()).stdout(Stdio::null()).kill_on_drop(true);
    command.spawn().unwrap()
}

/// Kills the program so often, then lets it end. Says how many images there are, how many of them are in Canva, and how
/// many the store doesn't know to be there.
async fn killed(simulator: &Simulator, send_again: bool) -> (usize, usize, usize) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("images")).unwrap();
    let (mut images, folder) = (0, directory.path().join("images"));
    let mut more = || {
        for _ in 0..50 {
            images += 1;
            std::fs::write(folder.join(format!("{images:04}.gif")), PIXEL).unwrap();
        }
    };
    more();
    let (mut left, mut looked_up) = (kills(), 0);
    while left > 0 {
        let mut run = program(simulator, directory.path(), send_again);
        let moment = Duration::from_millis(20 + fastrand::u64(..100));
        if let Ok(ended) = timeout(moment, run.wait()).await {
            assert!(ended.unwrap().success());
            more();
            continue;
        }
        run.kill().await.unwrap();
        left -= 1;
        let steps = Store::open(&directory.path().join("store")).unwrap().steps();
        looked_up += steps.values().filter(|step| matches!(step, Step::Sent(_))).count();
    }
    // What was sent last is processed before it is said to be missing.
    sleep(Duration::from_millis(100)).await;
    // A run sends once more what isn't there, and some of that is not made either.
    for _ in 0..if send_again { 5 } else { 1 } {
        assert!(program(simulator, directory.path(), send_again).wait().await.unwrap().success());
    }

    let mut made = BTreeMap::new();
    simulator.assets().into_iter().for_each(|asset| *made.entry(asset.name).or_insert(0) += 1);
    let steps = Store::open(&directory.path().join("store")).unwrap().steps();
    let mut unknown = 0;
    for image in 1..=images {
        let image = format!("{image:04}.gif");
        let (there, step) = (made.get(&image).copied().unwrap_or(0), steps.get(&image));
        match step {
            Some(Step::Done(_)) => assert_eq!(there, 1, "{image}"),
            Some(Step::NotThere) => {
                assert_eq!(there, 0, "{image} is said not to be there");
                unknown += 1;
            }
            step => panic!("{image} is {step:?} and {there} times in Canva"),
        }
    }
    assert!(looked_up > 0, "no kill left anything unknown");
    println!("{} kills, {images} images, {looked_up} unknown after kills, {unknown} unknown in the end", kills());
    (images, made.len(), unknown)
}

#[tokio::test]
async fn where_canva_answers_at_once_each_image_is_there_once() {
    let simulator = Simulator::builder().job_duration(Duration::ZERO).start().await.unwrap();
    let (images, made, unknown) = killed(&simulator, true).await;
    assert_eq!((made, unknown), (images, 0));
}

#[tokio::test]
async fn where_canva_is_late_each_image_is_there_once() {
    let simulator = Simulator::builder().job_duration(Duration::from_secs(1)).start().await.unwrap();
    let (images, made, unknown) = killed(&simulator, true).await;
    assert_eq!((made, unknown), (images, 0));
}

/// Of every third upload, Canva has the whole and makes nothing.
async fn forgetful() -> Simulator {
    let simulator = Simulator::builder().job_duration(Duration::ZERO).start().await.unwrap();
    for number in (3..3_000).step_by(3) {
        simulator.inject("createAssetUploadJob", number..=number, Fault::CloseAfter(u64::MAX)).unwrap();
    }
    simulator
}

#[tokio::test]
async fn where_canva_never_makes_some_they_are_sent_again_if_that_is_asked_for() {
    let (images, made, unknown) = killed(&forgetful().await, true).await;
    assert_eq!((made, unknown), (images, 0));
}

#[tokio::test]
async fn where_canva_never_makes_some_no_other_is_missing() {
    let (images, made, unknown) = killed(&forgetful().await, false).await;
    assert_eq!(made + unknown, images);
    assert!(unknown > 0);
}
