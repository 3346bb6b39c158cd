//! A journal of what was sent: the same command goes on where an earlier one ended, however it ended.

#![allow(clippy::print_stdout)]

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use canva_simulator::{Fault, Simulator};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::common::{against, copies, run};

fn start() -> (Runtime, Simulator) {
    let runtime = Runtime::new().unwrap();
    let simulator = runtime.block_on(Simulator::builder().job_duration(Duration::ZERO).start()).unwrap();
    (runtime, simulator)
}

fn uploads(simulator: &Simulator) -> usize {
    simulator.requests().iter().filter(|request| request.method == "POST").count()
}

/// File, asset and whether an earlier command sent it.
fn assets(items: &[Value]) -> BTreeMap<String, (Value, Value)> {
    let key = |item: &Value| item["file"].as_str().unwrap().to_owned();
    items.iter().map(|item| (key(item), (item["asset"]["id"].clone(), item["earlier"].clone()))).collect()
}

#[test]
fn what_is_in_canva_is_not_sent_again_unless_it_has_changed() {
    let (_runtime, simulator) = start();
    let (directory, files) = copies("photo.png", 3);
    let upload = |options: &[&str]| {
        let ran = run(against(
            &simulator,
            ["--json", "upload", directory.path().to_str().unwrap()].into_iter().chain(options.iter().copied()),
        ));
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        (ran.json(), ran.stderr)
    };
    let (first, _) = upload(&[]);
    // Another time says nothing while the content is the same, as after a checkout.
    std::fs::copy("../tests/fixtures/photo.png", &files[0]).unwrap();
    let (second, said) = upload(&[]);
    assert_eq!((first.len(), uploads(&simulator)), (3, 3));
    for (file, (id, earlier)) in assets(&second) {
        assert_eq!((earlier, &id), (json!(true), &assets(&first)[&file].0));
    }
    assert!(said.contains("3 of 3 are in Canva already"), "{said}");

    std::fs::copy("../tests/fixtures/photo.jpg", &files[1]).unwrap();
    let (third, said) = upload(&[]);
    assert!(said.contains("0002-photo.png: it has changed since it was sent, so it is sent as new"), "{said}");
    let new = assets(&third)[&files[1]].clone();
    assert!(new.1.is_null() && new.0 != assets(&first)[&files[1]].0);
    assert_eq!(uploads(&simulator), 4);

    // What canva has deleted isn't in Canva any more.
    run(against(&simulator, ["delete", new.0.as_str().unwrap()])).succeeded();
    upload(&[]);
    assert_eq!(uploads(&simulator), 5);
    upload(&["--start-over"]);
    assert_eq!(uploads(&simulator), 8);
}

#[test]
fn a_file_under_another_name_is_another_upload() {
    let (_runtime, simulator) = start();
    for name in ["a", "b", "a"] {
        run(against(&simulator, ["--json", "upload", "photo.png", "--name", name]));
    }
    assert_eq!(simulator.assets().iter().map(|asset| asset.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn tags_and_folder_that_are_asked_for_later_are_set_without_another_upload() {
    let (_runtime, simulator) = start();
    run(against(&simulator, ["upload", "photo.png"])).code.unwrap();
    for _ in 0..2 {
        let ran = run(against(&simulator, ["--json", "upload", "photo.png", "--tag", "launch", "--folder", "root"]));
        assert_eq!(ran.json()[0]["asset"]["tags"], json!(["launch"]), "{}", ran.stderr);
    }
    let assets = simulator.assets();
    assert_eq!((assets.len(), assets[0].folder_id.as_str()), (1, "root"));
    let requests = simulator.requests();
    assert_eq!(requests.iter().filter(|request| request.method == "PATCH").count(), 1);
}

#[test]
fn a_job_that_was_made_without_a_folder_is_moved_to_the_one_asked_for_now() {
    let (_runtime, simulator) = start();
    run(against(&simulator, ["upload", "photo.png", "--no-wait"]));
    let upload = |folder| run(against(&simulator, ["--json", "upload", "photo.png", "--tag", "a", "--folder", folder]));
    let ran = upload("FAmistyped");
    assert_eq!((ran.code, ran.json()[0]["error"]["code"].clone()), (Some(1), json!("not_moved")), "{}", ran.stderr);
    assert_eq!(upload("root").code, Some(0));
    let assets = simulator.assets();
    assert_eq!((assets.len(), assets[0].folder_id.as_str(), assets[0].tags.len()), (1, "root", 1));
}

/// Starts the command, kills it once it is so far, and says how it ends when it is given again.
fn killed(simulator: &Simulator, args: &[&str], reached: impl Fn() -> bool) -> crate::common::Ran {
    let mut command = against(simulator, args.iter().copied());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while !reached() {
        assert!(begun.elapsed() < Duration::from_secs(60), "never reached");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    run(against(simulator, args.iter().copied()))
}

#[test]
fn a_job_that_a_killed_command_made_is_waited_for_and_not_made_again() {
    let runtime = Runtime::new().unwrap();
    let simulator = runtime.block_on(Simulator::builder().job_duration(Duration::from_secs(3)).start()).unwrap();
    let read = || simulator.requests().iter().any(|request| request.method == "GET");
    let ran = killed(&simulator, &["--json", "upload", "photo.png", "--tag", "launch"], read);
    assert_eq!(ran.json()[0]["asset"]["tags"], json!(["launch"]), "{}", ran.stderr);
    assert!(ran.stderr.contains("1 at Canva since an earlier command: waiting for them"), "{}", ran.stderr);
    assert_eq!(uploads(&simulator), 1);
}

#[test]
fn what_arrived_when_a_command_was_killed_is_found_and_tagged() {
    let (_runtime, simulator) = start();
    simulator.inject("createAssetUploadJob", 1..=1, Fault::LoseResponse).unwrap();
    // Between the lost answer and the look for it.
    simulator.inject("listFolderItems", 1..=1, Fault::Delay(Duration::from_secs(3600))).unwrap();
    let looks = || simulator.requests().iter().any(|request| request.method == "GET");
    let ran = killed(&simulator, &["--json", "upload", "photo.png", "--tag", "launch"], looks);
    let item = &ran.json()[0];
    assert_eq!(json!([item["looked_up"], item["asset"]["tags"]]), json!([true, ["launch"]]), "{}", ran.stderr);
    assert_eq!((uploads(&simulator), simulator.assets().len()), (1, 1));
}

#[test]
fn what_canva_does_not_have_stays_unknown_until_it_may_be_sent_again() {
    let (_runtime, simulator) = start();
    simulator.inject("createAssetUploadJob", 1..=1, Fault::CloseAfter(u64::MAX)).unwrap();
    let upload = |option| run(against(&simulator, ["--json", "upload", "photo.png", "--timeout", "1", option]));
    for _ in 0..2 {
        let ran = upload("--tag=launch");
        assert_eq!((ran.code, ran.json()[0]["error"]["code"].as_str()), (Some(4), Some("not_there")));
    }
    assert_eq!(uploads(&simulator), 1);
    assert_eq!(upload("--send-again").code, Some(0));
    assert_eq!((uploads(&simulator), simulator.assets().len()), (2, 1));
}

#[test]
fn a_second_command_with_the_same_journal_waits_for_the_first() {
    let runtime = Runtime::new().unwrap();
    let simulator = runtime.block_on(Simulator::builder().job_duration(Duration::from_secs(2)).start()).unwrap();
    let mut first =
        against(&simulator, ["upload", "photo.png"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while uploads(&simulator) == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let second = run(against(&simulator, ["--json", "upload", "photo.png"]));
    assert!(first.wait().unwrap().success());
    assert!(second.stderr.starts_with("canva: another canva is at work with the same journal"), "{}", second.stderr);
    assert_eq!((uploads(&simulator), second.json()[0]["earlier"].clone()), (1, json!(true)));
}

#[test]
fn a_journal_is_a_file_of_its_own() {
    let (_runtime, simulator) = start();
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("journal");
    std::fs::write(&journal, "a letter\n").unwrap();
    let upload = || run(against(&simulator, ["upload", "photo.png", "--journal", journal.to_str().unwrap()]));
    let ran = upload();
    assert_eq!((ran.code, std::fs::read_to_string(&journal).unwrap().as_str()), (Some(2), "a letter\n"));
    assert!(
        ran.stderr.contains("expected a journal of canva, got another file; choose another with --journal"),
        "{}",
        ran.stderr
    );

    // A command that was killed while it wrote its first line.
    std::fs::write(&journal, "\n{\"file\":\"/half").unwrap();
    assert_eq!(upload().code, Some(0));
    assert_eq!(upload().code, Some(0));
    assert_eq!(uploads(&simulator), 1);

    // What a line says that can't be read isn't known, and so its file isn't sent.
    let edited = std::fs::read_to_string(&journal).unwrap().replace("\"size\":", "\"size\":-");
    std::fs::write(&journal, edited).unwrap();
    let ran = upload();
    assert_eq!((ran.code, uploads(&simulator)), (Some(2), 1), "{}", ran.stderr);
    assert!(ran.stderr.contains(": line "), "{}", ran.stderr);
    let special = run(against(&simulator, ["upload", "photo.png", "--journal", "/dev/full"]));
    assert!(special.code == Some(2) && special.stderr.contains("not a regular file"), "{}", special.stderr);
}

/// How often the command is killed. `.ci/run` kills it more often.
fn kills() -> usize {
    std::env::var("KILLS").map_or(8, |kills| kills.parse().unwrap())
}

/// Every image is in Canva once and has its tag, however often the command was killed.
fn each_is_there_once(job_duration: Duration) {
    let runtime = Runtime::new().unwrap();
    let simulator = runtime.block_on(Simulator::builder().job_duration(job_duration).start()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let (state, folder) = (directory.path().join("state"), directory.path().join("images"));
    std::fs::create_dir(&folder).unwrap();
    let command = || {
        let mut command = against(
            &simulator,
            ["--json", "upload", folder.to_str().unwrap(), "--tag", "launch", "--timeout", "5", "--send-again"],
        );
        command.env("XDG_STATE_HOME", &state);
        // The limits are not what is tested.
        command.env("CANVA_TEST_LIMITS_WINDOW", "100");
        command
    };
    let (mut images, mut left, mut ended) = (0, kills(), 0);
    let mut more = || {
        for _ in 0..40 {
            images += 1;
            std::fs::copy("../tests/fixtures/kinds/image.png", folder.join(format!("{images:05}.png"))).unwrap();
        }
    };
    more();
    while left > 0 {
        let mut run = command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let until = Instant::now() + Duration::from_millis(20 + RandomState::new().build_hasher().finish() % 180);
        let status = loop {
            match run.try_wait().unwrap() {
                None if Instant::now() < until => std::thread::sleep(Duration::from_millis(1)),
                status => break status,
            }
        };
        match status {
            Some(status) => {
                assert!(status.success());
                ended += 1;
                more();
            }
            None => {
                run.kill().unwrap();
                run.wait().unwrap();
                left -= 1;
            }
        }
    }
    let ran = run(command());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let mut made = BTreeMap::new();
    for asset in simulator.assets() {
        assert_eq!(asset.tags, ["launch"], "{}", asset.name);
        *made.entry(asset.name).or_insert(0) += 1;
    }
    assert!(made.values().all(|count| *count == 1), "{made:?}");
    let names: BTreeSet<String> = (1..=images).map(|number| format!("{number:05}.png")).collect();
    assert_eq!(made.into_keys().collect::<BTreeSet<_>>(), names);
    let printed = ran
        .json()
        .iter()
        .map(|item| Path::new(item["file"].as_str().unwrap()).file_name().unwrap().to_str().unwrap().to_owned())
        .collect::<BTreeSet<_>>();
    assert_eq!(printed, names);
    println!("{} kills, {images} images, {ended} commands came to their end", kills());
}

#[test]
fn killed_at_random_moments_each_image_is_there_once_with_its_tag() {
    each_is_there_once(Duration::ZERO);
}

#[test]
fn killed_at_random_moments_while_canva_is_slow_each_image_is_there_once_with_its_tag() {
    each_is_there_once(Duration::from_millis(300));
}
