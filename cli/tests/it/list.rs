//! `canva list` prints what is in a folder, a line an item, whatever the items are and wherever the lines go.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use canva_connect::{Client, Pacing};
use canva_simulator::{CannedResponse, Fault, Simulator};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::common::{Ran, Response, SimulatorProcess, Stub, against, assert_prints, run, simulated};

/// A simulator with this many images. They are not uploaded by the command, which would keep to the rate limit.
fn with_images(count: usize) -> (Runtime, Simulator) {
    let runtime = Runtime::new().unwrap();
    let simulator = runtime.block_on(async {
        let simulator = Simulator::builder().job_duration(Duration::ZERO).start().await.unwrap();
        let client = Client::builder().base_url(simulator.base_url()).token(simulator.token()).pacer(Pacing::off());
        let canva = client.build().unwrap();
        for _ in 0..count {
            canva.upload_asset(PathBuf::from("../tests/fixtures/photo.jpg")).await.unwrap().wait().await.unwrap();
        }
        simulator
    });
    (runtime, simulator)
}

/// The query of each request for a page.
fn pages(simulator: &Simulator) -> Vec<String> {
    let requests = simulator.requests().into_iter().filter(|request| request.path.ends_with("/items"));
    requests.map(|request| request.query).collect()
}

/// What it prints of a page with this item.
fn list_item(item: &Value, options: &[&'static str]) -> Ran {
    let page = json!({ "items": [item] }).to_string();
    Stub::start(vec![Response::Json(200, page.leak())]).run(options.iter().copied().chain(["list"]))
}

/// Runs a line of shell with a terminal.
#[cfg(target_os = "linux")]
fn in_terminal(simulator: &SimulatorProcess, line: &str) -> String {
    let mut script = Command::new("script");
    script.args(["-qec", line, "/dev/null"]).stdin(Stdio::null());
    script.env("canva", env!("CARGO_BIN_EXE_canva")).envs(simulator.variables());
    let output = script.output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n")
}

#[test]
fn a_line_has_id_type_time_and_name_between_tabs() {
    let simulator = SimulatorProcess::start();
    for name in ["b", "日本語 שלום 🚀"] {
        simulator.run(["upload", "photo.jpg", "--name", name]).succeeded();
    }
    simulator.run(["import", "deck.pdf"]).succeeded();
    insta::with_settings!({filters => vec![
        (r"(Msim|DAsim)\d+", "ID"),
        (r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
        (r"\t", "|"),
    ]}, {
        insta::assert_snapshot!(simulator.run(["list", "--sort", "title"]).succeeded(), @"
        ID|image|TIME|b
        ID|image|TIME|日本語 שלום 🚀
        ");
        insta::assert_snapshot!(simulator.run(["list", "root"]).succeeded(), @"ID|design|TIME|deck");
    });
}

#[test]
fn json_has_every_field_of_an_item() {
    let folder = json!({ "id": "F1", "name": "n", "created_at": 1, "updated_at": 2, "colors": ["red"] });
    let item = json!({ "type": "folder", "folder": folder, "shared": true });
    let ran = list_item(&item, &["--json"]);
    assert_eq!(ran.json(), [json!({ "folder_id": "uploads", "status": "success", "item": item })]);
    ran.succeeded();
}

#[test]
fn the_time_is_the_one_that_is_sorted_by() {
    let design = json!({
        "id": "D1", "title": "t", "created_at": 0, "updated_at": 1_785_513_612,
        "urls": { "edit_url": "e", "view_url": "v" },
    });
    let page = json!({ "items": [{ "type": "design", "design": design }] }).to_string();
    for (sort, time) in
        [("created", "1970-01-01T00:00:00Z"), ("modified", "2026-07-31T16:00:12Z"), ("title", "2026-07-31T16:00:12Z")]
    {
        let stub = Stub::start(vec![Response::Json(200, page.clone().leak())]);
        assert_eq!(stub.run(["list", "--sort", sort]).succeeded(), format!("D1\tdesign\t{time}\tt\n"));
    }
}

#[test]
fn the_options_choose_what_canva_lists_and_in_which_order() {
    let (_runtime, simulator) = with_images(1);
    let cases: &[(&[&str], &str)] = &[
        (&[], "limit=100&sort_by=modified_descending"),
        (&["--reverse"], "limit=100&sort_by=modified_ascending"),
        (&["--sort", "created"], "limit=100&sort_by=created_descending"),
        (&["--sort", "created", "--reverse"], "limit=100&sort_by=created_ascending"),
        (&["--sort", "title"], "limit=100&sort_by=title_ascending"),
        (&["--sort", "title", "--reverse"], "limit=100&sort_by=title_descending"),
        (&["--pinned"], "limit=100&sort_by=modified_descending&pin_status=pinned"),
        (&["--type", "image"], "limit=100&item_types=image&sort_by=modified_descending"),
        (
            &["--type", "folder", "--type", "design", "--type", "brand-template"],
            "limit=100&item_types=folder,design,brand_template&sort_by=modified_descending",
        ),
    ];
    for (options, _) in cases {
        run(against(&simulator, ["list"].into_iter().chain(options.iter().copied()))).succeeded();
    }
    assert_eq!(pages(&simulator), cases.iter().map(|(_, query)| *query).collect::<Vec<_>>());
}

#[test]
fn every_page_is_listed() {
    let (_runtime, simulator) = with_images(101);
    let listed = run(against(&simulator, ["list"])).succeeded();
    let assets = simulator.assets();
    let expected: BTreeSet<&str> = assets.iter().map(|asset| asset.id.as_str()).collect();
    assert_eq!(listed.lines().count(), 101);
    assert_eq!(listed.lines().map(|line| line.split('\t').next().unwrap()).collect::<BTreeSet<_>>(), expected);
    assert_eq!(pages(&simulator).len(), 2);
}

#[test]
fn no_page_is_asked_for_beyond_the_limit() {
    let (_runtime, simulator) = with_images(101);
    for (limit, asked) in [("1", 1), ("100", 2), ("101", 4)] {
        let listed = run(against(&simulator, ["list", "--limit", limit])).succeeded();
        assert_eq!((listed.lines().count().to_string(), pages(&simulator).len()), (limit.to_owned(), asked));
    }
}

#[test]
fn a_page_is_printed_before_the_next_one_is_there_and_ctrl_c_ends_the_wait() {
    let (_runtime, simulator) = with_images(101);
    let delay = Duration::from_secs(30);
    simulator.inject("listFolderItems", 2.., Fault::Delay(delay)).unwrap();
    let begun = Instant::now();
    let mut child = against(&simulator, ["list"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.by_ref().take(100).filter(Result::is_ok).count(), 100);
    assert!(begun.elapsed() < delay, "the next page was waited for");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(lines.count(), 0);
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_page_that_is_refused_fails_the_listing_after_what_was_listed() {
    let (_runtime, simulator) = with_images(101);
    simulator.inject("listFolderItems", 2.., Fault::Respond(CannedResponse::json(403))).unwrap();
    let ran = run(against(&simulator, ["--json", "list"]));
    assert_eq!((ran.code, ran.json().len()), (Some(1), 101));
    let last = &ran.json()[100];
    assert_eq!(
        json!([last["folder_id"], last["status"], last["error"]["code"]]),
        json!(["uploads", "failed", "permission_denied"])
    );
}

#[test]
fn a_reader_that_has_seen_enough_ends_the_listing() {
    let (_runtime, simulator) = with_images(101);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = against(&simulator, ["list"]);
    command.stdout(writer);
    run(command).succeeded();
    assert_eq!(pages(&simulator).len(), 1);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_a_failure() {
    let (_runtime, simulator) = with_images(1);
    let mut command = against(&simulator, ["list"]);
    command.stdout(std::fs::File::create("/dev/full").unwrap());
    let ran = run(command);
    assert_eq!(ran.code, Some(1));
    assert_eq!(ran.stderr, "canva: can't write to standard output (No space left on device (os error 28))\n");
}

#[test]
fn an_item_of_a_new_type_is_listed_like_the_others() {
    let (_runtime, simulator) = with_images(2);
    simulator.inject("listFolderItems", 1.., Fault::UnknownEnums).unwrap();
    let assets = simulator.assets();
    let listed = run(against(&simulator, ["list"])).succeeded();
    for asset in &assets {
        assert!(listed.contains(&format!("{}\tnew_image\t20", asset.id)), "{listed}");
    }
    assert!(listed.lines().count() == 2 && listed.lines().all(|line| line.ends_with("\tphoto.jpg")), "{listed}");
    let items = run(against(&simulator, ["--json", "list"])).json();
    assert!(items.iter().all(|item| item["item"]["type"] == "new_image" && item["status"] == "success"), "{items:?}");
}

#[test]
fn an_id_is_found_wherever_an_item_of_a_new_type_has_it() {
    let cases = [
        (json!({ "type": "sheet", "sheet": { "id": "S1", "title": "t" }, "by": { "id": "U1" } }), "S1\tsheet\t-\tt\n"),
        (json!({ "type": "new_sheet", "sheet": { "id": "S1", "name": "n" } }), "S1\tnew_sheet\t-\tn\n"),
        (json!({ "type": "sheet", "id": "S1", "updated_at": 60 }), "S1\tsheet\t1970-01-01T00:01:00Z\t-\n"),
        (json!({ "type": "sheet", "id": "S1", "by": { "id": "U1" } }), "S1\tsheet\t-\t-\n"),
        (json!({ "type": "sheet", "updated_at": -1 }), "-\tsheet\t-\t-\n"),
        (json!({ "id": "S1", "updated_at": i64::MAX }), "S1\t-\t-\t-\n"),
        (json!("sheet"), "-\t-\t-\t-\n"),
    ];
    for (item, line) in cases {
        assert_eq!(list_item(&item, &[]).succeeded(), line, "{item}");
    }
}

#[test]
fn no_name_adds_a_column_or_a_line() {
    let folder = json!({ "id": "F1", "name": "a\tb\nc\u{1b}[2Jd\u{202e}e", "created_at": 1, "updated_at": 1 });
    let ran = list_item(&json!({ "type": "folder", "folder": folder }), &[]);
    assert_eq!(ran.succeeded(), "F1\tfolder\t1970-01-01T00:00:01Z\ta\\tb\\nc\\u{1b}[2Jd\\u{202e}e\n");
}

#[test]
#[cfg(target_os = "linux")]
fn a_terminal_gets_columns_that_no_name_breaks() {
    let simulator = SimulatorProcess::start();
    for name in ["b", "日本語 שלום 🚀"] {
        simulator.run(["upload", "photo.jpg", "--name", name]).succeeded();
    }
    let listed = in_terminal(&simulator, "\"$canva\" list --sort title");
    let lines: Vec<(&str, &str)> = listed.lines().map(|line| line.split_at(51)).collect();
    assert_eq!(lines.iter().map(|(_, name)| *name).collect::<Vec<_>>(), ["b", "日本語 שלום 🚀"], "{listed}");
    for (columns, _) in lines {
        assert!(columns.starts_with("Msim") && columns[11..].starts_with("  image           20"), "{listed}");
    }
}

#[test]
fn an_empty_folder_prints_nothing() {
    assert_eq!(simulated(["list"]).succeeded(), "");
    assert_eq!(simulated(["--json", "list"]).succeeded(), "");
}

#[test]
#[cfg(target_os = "linux")]
fn a_terminal_is_told_that_a_folder_is_empty() {
    let simulator = SimulatorProcess::start();
    let said = in_terminal(&simulator, "\"$canva\" list root >/dev/null");
    assert_eq!(said, "canva: root: nothing to list; Canva lists no videos\n");
    assert_eq!(in_terminal(&simulator, "\"$canva\" list root 2>/dev/null"), "");
}

#[test]
fn a_folder_that_is_not_there_is_a_failure_that_says_where_ids_are() {
    let simulator = SimulatorProcess::start();
    let ran = simulator.run(["list", "nope"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert_prints!(ran.stderr, @"canva: nope: Canva answered 404 Not Found folder_not_found (request REQUEST): There is no such folder; take the id from the folder's URL in Canva, or write `root` or `uploads`");
    let item = simulator.json(["list", "nope"]);
    assert_eq!(json!([item["folder_id"], item["status"]]), json!(["nope", "failed"]));
    assert_eq!(json!([item["error"]["code"], item["error"]["http_status"]]), json!(["folder_not_found", 404]));
}
