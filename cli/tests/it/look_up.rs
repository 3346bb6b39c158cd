//! A file that may have arrived although its upload failed is looked for in Canva.

use canva_simulator::{Fault, Simulator};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::common::{Ran, against, assert_prints, run};

/// The request arrives whole and is never carried out.
const NEVER: Fault = Fault::CloseAfter(u64::MAX);

/// Runs a command against a simulator that does this to the first upload, or to more of them.
fn lost(faults: &[(u32, Fault)], args: &[&str]) -> (Ran, Simulator, Runtime) {
    let runtime = Runtime::new().unwrap();
    let simulator = runtime.block_on(Simulator::start()).unwrap();
    for (number, fault) in faults {
        simulator.inject("createAssetUploadJob", *number..=*number, fault.clone()).unwrap();
    }
    let ran = run(against(&simulator, args.iter().copied()));
    (ran, simulator, runtime)
}

#[test]
fn what_is_there_is_a_success_and_gets_its_tags_and_its_folder() {
    let args = ["--json", "upload", "photo.png", "--tag", "launch", "--folder", "root"];
    let (ran, simulator, _runtime) = lost(&[(1, Fault::LoseResponse)], &args);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.stderr, "canva: photo.png: the answer was lost, and Canva may have it: looking for it there\n");
    let item = &ran.json()[0];
    let asset = &simulator.assets()[0];
    assert_eq!(json!([item["status"], item["looked_up"], item["asset"]["id"]]), json!(["success", true, asset.id]));
    assert_eq!((asset.tags.as_slice(), asset.folder_id.as_str()), (["launch".to_owned()].as_slice(), "root"));
    assert_eq!(simulator.assets().len(), 1);
}

#[test]
fn what_is_not_there_is_said_and_not_sent_again() {
    let (ran, simulator, _runtime) = lost(&[(1, NEVER)], &["upload", "photo.png", "--timeout", "1"]);
    assert_eq!(ran.code, Some(4));
    assert_prints!(ran.stderr, @"
    canva: photo.png: the answer was lost, and Canva may have it: looking for it there
    canva: photo.png: the answer was lost (the connection broke (1 attempt): connection closed before message completed), and Canva does not list it; send it again if a second one does no harm
    ");
    assert_eq!(simulator.assets().len(), 0);

    let (ran, ..) = lost(&[(1, NEVER)], &["--json", "upload", "photo.png", "--timeout", "1"]);
    assert_eq!(json!([ran.json()[0]["status"], ran.json()[0]["error"]["code"]]), json!(["unknown", "not_there"]));
}

#[test]
fn it_is_sent_again_once_where_that_is_asked_for() {
    let args = ["upload", "photo.png", "--timeout", "1", "--send-again"];
    let (ran, simulator, _runtime) = lost(&[(1, NEVER)], &args);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_prints!(ran.stderr, @"
    canva: photo.png: the answer was lost, and Canva may have it: looking for it there
    canva: photo.png: Canva does not list it, so it is sent again
    ");
    assert_eq!(simulator.assets().len(), 1);

    let (ran, simulator, _runtime) = lost(&[(1, NEVER), (2, NEVER)], &args);
    assert_eq!(ran.code, Some(4));
    assert!(
        ran.stderr.ends_with("and Canva does not list it; send it again if a second one does no harm\n"),
        "{}",
        ran.stderr
    );
    assert!(simulator.assets().is_empty());
}

#[test]
fn what_can_not_be_told_is_said() {
    let (ran, ..) = lost(&[(1, Fault::LoseResponse)], &["upload", "clip.mp4"]);
    assert!(
        ran.stderr
            .ends_with(", and it may be a video, and Canva lists no videos; look in Canva before you send it again\n"),
        "{}",
        ran.stderr
    );
    // Two files of one name.
    let directory = tempfile::tempdir().unwrap();
    std::fs::copy("../tests/fixtures/photo.png", directory.path().join("photo.png")).unwrap();
    let two = ["upload", "photo.png", directory.path().to_str().unwrap()];
    let (ran, simulator, _runtime) = lost(&[(1, Fault::LoseResponse), (2, Fault::LoseResponse)], &two);
    for asset in simulator.assets() {
        let told = ran.stderr.lines().filter(|line| line.starts_with("canva: ") && line.contains(&asset.id));
        assert_eq!(told.count(), 2, "{}", ran.stderr);
    }
    assert!(
        ran.stderr.ends_with("\n    look in Canva whether it is one of them before you send it again\n"),
        "{}",
        ran.stderr
    );
}

#[test]
fn without_the_scope_it_is_said_that_canva_would_look() {
    let runtime = Runtime::new().unwrap();
    let simulator = Simulator::builder().scopes(["asset:read", "asset:write"]);
    let simulator = simulator.fault("createAssetUploadJob", .., Fault::LoseResponse);
    let simulator = runtime.block_on(simulator.start()).unwrap();
    let ran = run(against(&simulator, ["upload", "photo.png"]));
    assert!(
        ran.stderr
            .ends_with("; look in Canva before you send it again; next time, use a token with the scope folder:read\n"),
        "{}",
        ran.stderr
    );
}

#[test]
fn without_waiting_nothing_is_looked_for() {
    let (ran, simulator, _runtime) = lost(&[(1, Fault::LoseResponse)], &["upload", "photo.png", "--no-wait"]);
    assert!(ran.stderr.ends_with("; look in Canva before you try again\n"), "{}", ran.stderr);
    assert_eq!(simulator.requests().len(), 1);
}

#[test]
fn files_from_urls_are_looked_for_too() {
    let runtime = Runtime::new().unwrap();
    let simulator = Simulator::builder().fault("createUrlAssetUploadJob", .., Fault::LoseResponse);
    let simulator = runtime.block_on(simulator.start()).unwrap();
    let uploaded = run(against(&simulator, ["--json", "upload", "photo.png"])).json();
    let url = uploaded[0]["asset"]["thumbnail"]["url"].as_str().unwrap();
    let ran = run(against(&simulator, ["--json", "upload-url", url, "--name", "From there"]));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let item = &ran.json()[0];
    assert_eq!(json!([item["looked_up"], item["asset"]["name"]]), json!([true, "From there"]));
}

#[test]
fn an_asset_that_was_not_moved_is_printed_with_what_moves_it() {
    let (ran, simulator, _runtime) = lost(&[], &["--json", "upload", "photo.png", "--folder", "FAother", "--tag", "a"]);
    assert_eq!(ran.code, Some(1));
    let (item, asset) = (&ran.json()[0], &simulator.assets()[0]);
    assert_eq!(
        json!([item["status"], item["error"]["code"], item["asset"]["id"], item["asset"]["tags"]]),
        json!(["failed", "not_moved", asset.id, ["a"]])
    );
    assert!(
        ran.stderr.contains("; don't upload it again; check the item's id, and take the folder's"),
        "{}",
        ran.stderr
    );
}
