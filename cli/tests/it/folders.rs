//! `canva folder` makes folders, and `canva move` puts things into them.

use std::time::Duration;

use canva_simulator::{CannedResponse, Fault, Simulator};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::common::{SimulatorProcess, Stub, against, assert_prints, run};

/// A simulator that the test can look into.
fn start() -> (Runtime, Simulator) {
    let runtime = Runtime::new().unwrap();
    let simulator = runtime.block_on(Simulator::builder().start()).unwrap();
    (runtime, simulator)
}

#[test]
fn folder_prints_the_folder_that_is_in_canva_now() {
    let simulator = SimulatorProcess::start();
    assert_prints!(simulator.run(["folder", "Summer 🚀"]).succeeded(), @"
    Summer 🚀
      folder     FOLDER
      name       Summer 🚀
    ");
    assert_prints!(simulator.run(["--json", "folder", "Summer 🚀"]).succeeded(), @r#"{"name":"Summer 🚀","status":"success","folder":{"created_at":TIME,"id":"FOLDER","name":"Summer 🚀","updated_at":TIME}}"#);
}

#[test]
fn a_folder_is_made_where_it_is_said_to_be() {
    let simulator = SimulatorProcess::start();
    let outer = simulator.json(["folder", "Outer"])["folder"]["id"].as_str().unwrap().to_owned();
    let inner = simulator.json(["folder", "Inner", "--in", &outer])["folder"]["id"].clone();
    let listed = |folder: &str| simulator.json(["list", folder])["item"]["folder"]["id"].clone();
    assert_eq!((listed("root"), listed(&outer)), (json!(outer), inner));
}

#[test]
fn what_is_moved_is_printed_with_its_folder() {
    let simulator = SimulatorProcess::start();
    let folder = simulator.json(["folder", "Folder"])["folder"]["id"].as_str().unwrap().to_owned();
    let image = simulator.json(["upload", "photo.jpg"])["asset"]["id"].as_str().unwrap().to_owned();
    let design = simulator.json(["design", "new", "--type", "doc"])["design"]["id"].as_str().unwrap().to_owned();
    assert_prints!(simulator.run(["move", &image, &design, "--to", &folder]).succeeded(), @"
    ASSET
      folder     FOLDER
    DESIGN
      folder     FOLDER
    ");
    let listed = simulator.run(["list", &folder]).succeeded();
    assert!(listed.lines().count() == 2 && listed.contains(&image) && listed.contains(&design), "{listed}");
}

#[test]
fn moving_goes_on_when_one_is_not_there_and_keeps_the_order() {
    let (_runtime, simulator) = start();
    let upload = |file| run(against(&simulator, ["--json", "upload", file])).json()[0]["asset"]["id"].clone();
    let [first, video, last] = ["photo.jpg", "clip.mp4", "photo.png"].map(upload);
    let [first, video, last] = [&first, &video, &last].map(|id| id.as_str().unwrap());
    // The others are there before it.
    simulator.inject("moveFolderItem", 1..=1, Fault::Delay(Duration::from_millis(500))).unwrap();
    let ran = run(against(&simulator, ["--json", "move", first, "nope", video, last, "--to", "root"]));
    assert_eq!(ran.code, Some(1));
    let keys = |item: Value| json!([item["item_id"], item["folder_id"], item["status"], item["error"]["code"]]);
    assert_eq!(
        ran.json().into_iter().map(keys).collect::<Vec<_>>(),
        [
            json!([first, "root", "success", null]),
            json!(["nope", "root", "failed", "folder_not_found"]),
            json!([video, "root", "failed", "invalid_field"]),
            json!([last, "root", "success", null]),
        ]
    );
    let moved = simulator.assets().into_iter().filter(|asset| asset.folder_id == "root");
    assert_eq!(moved.map(|asset| asset.id).collect::<Vec<_>>(), [first, last]);
}

#[test]
fn a_move_is_made_again_when_its_response_is_lost() {
    let (_runtime, simulator) = start();
    let made = run(against(&simulator, ["--json", "folder", "Folder"])).json()[0]["folder"]["id"].clone();
    simulator.inject("moveFolderItem", 1..=1, Fault::LoseResponse).unwrap();
    simulator.inject("moveFolderItem", 2..=2, Fault::Respond(CannedResponse::json(503))).unwrap();
    run(against(&simulator, ["move", made.as_str().unwrap(), "--to", "uploads"])).succeeded();
    assert_eq!(simulator.folders()[0].folder_id, "uploads");
}

#[test]
fn what_canva_would_refuse_is_not_sent() {
    let stub = Stub::start(vec![]);
    let long = "é".repeat(256);
    let wrong =
        "expected letters, digits, `-` and `_`, got \"a/b\"; take the id from the folder's URL in Canva, or write";
    for (command, said) in [
        (
            &["folder", &long][..],
            "folder_name: expected 1 to 255 characters, got 256; choose another name\n".to_owned(),
        ),
        (&["folder", "New", "--in", "a/b"], format!("canva: New: folder_id: {wrong} `root` or `uploads`\n")),
        (&["move", "A1", "--to", "a/b"], format!("canva: A1: to_folder_id: {wrong} `root`\n")),
    ] {
        let ran = stub.run(command.iter().copied());
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
        assert!(ran.stderr.ends_with(&said), "{}", ran.stderr);
    }
    assert!(stub.requests().is_empty());
}
