//! Whatever stops a command, it is known what was begun; and a second time ends it at once.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use canva_simulator::{CannedResponse, Fault, Simulator};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::common::{Running, against, run, stopped, wait_until};

const NEVER: Fault = Fault::Delay(Duration::from_secs(3_600));

/// The signals, and the exit code after each.
const SIGNALS: [(&str, i32); 3] = [("-INT", 130), ("-TERM", 143), ("-HUP", 129)];

/// A simulator that does this to requests of this operation.
fn simulator(operation: &str, fault: Fault) -> (Runtime, Simulator) {
    let runtime = Runtime::new().unwrap();
    let started = Simulator::builder().job_duration(Duration::from_secs(3_600)).start();
    let simulator = runtime.block_on(started).unwrap();
    simulator.inject(operation, 1.., fault).unwrap();
    (runtime, simulator)
}

/// How many requests of this method have come.
fn count(simulator: &Simulator, method: &str) -> usize {
    simulator.requests().iter().filter(|request| request.method == method).count()
}

#[test]
fn what_was_sent_is_unknown_whatever_command_is_stopped_by_whatever_signal() {
    let url = "https://example.com/a";
    let cases: [(&str, &[&str], Value); 12] = [
        ("POST createAssetUploadJob", &["upload", "--no-wait", "photo.png"], json!({ "file": "photo.png" })),
        ("POST createDesignImportJob", &["import", "--no-wait", "deck.pdf"], json!({ "file": "deck.pdf" })),
        ("POST createUrlAssetUploadJob", &["upload-url", url, "--name", "n"], json!({ "url": url })),
        ("POST createUrlAssetUploadJob", &["upload-url", url, "--name", "n", "--no-wait"], json!({ "url": url })),
        ("POST createUrlImportJob", &["import-url", url, "--title", "t"], json!({ "url": url })),
        ("PATCH updateAsset", &["update", "A1", "--clear-tags"], json!({ "asset_id": "A1" })),
        ("DELETE deleteAsset", &["delete", "A1"], json!({ "asset_id": "A1" })),
        ("POST moveFolderItem", &["move", "A1", "--to", "F1"], json!({ "item_id": "A1", "folder_id": "F1" })),
        ("POST createFolder", &["folder", "New"], json!({ "name": "New" })),
        ("POST createDesign", &["design", "new", "--type", "doc"], json!({ "design_type": "doc" })),
        ("POST createDesign", &["design", "copy", "D1"], json!({ "design_id": "D1" })),
        ("POST createDesign", &["design", "copy-template", "B1"], json!({ "brand_template_id": "B1" })),
    ];
    for ((request, command, subject), (signal, code)) in cases.iter().zip(SIGNALS.into_iter().cycle()) {
        let (method, operation) = request.split_once(' ').unwrap();
        let (_runtime, simulator) = simulator(operation, NEVER);
        let command = against(&simulator, ["--json"].into_iter().chain(command.iter().copied()));
        let ran = stopped(command, signal, || count(&simulator, method) > 0);
        assert_eq!(ran.code, Some(code), "{request}: {}", ran.stderr);
        let [item] = <[Value; 1]>::try_from(ran.json()).unwrap();
        for (key, value) in subject.as_object().unwrap() {
            assert_eq!(&item[key], value);
        }
        assert_eq!(json!([item["status"], item["error"]["code"]]), json!(["unknown", "outcome_unknown"]), "{request}");
        let message = item["error"]["message"].as_str().unwrap();
        assert!(message.starts_with("canva was stopped before Canva answered; "), "{message}");
        // Done twice, these do no harm.
        let again = ["updateAsset", "deleteAsset", "moveFolderItem"].contains(&operation);
        assert_eq!(message.ends_with("the same command again does no harm"), again, "{request}: {message}");
        assert!(ran.stderr.lines().last().unwrap().starts_with("canva: stopped"), "{}", ran.stderr);
    }
}

#[test]
fn what_was_not_begun_is_counted_and_not_printed() {
    let (_runtime, simulator) = simulator("deleteAsset", NEVER);
    let command = against(&simulator, ["--json", "delete", "A1", "A2", "A3", "A4", "A5", "A6"]);
    let ran = stopped(command, "-TERM", || count(&simulator, "DELETE") == 4);
    let ids: Vec<Value> = ran.json().iter().map(|item| item["asset_id"].clone()).collect();
    assert_eq!(ids, ["A1", "A2", "A3", "A4"]);
    assert_eq!(ran.stderr.lines().last(), Some("canva: stopped; 2 of 6 were not begun, and are not listed"));
}

#[test]
fn what_is_known_is_printed_although_something_before_it_is_not() {
    // The second and the third are answered. Then a fifth and a sixth are sent.
    let (_runtime, simulator) = simulator("listDesigns", NEVER);
    simulator.inject("moveFolderItem", ..=1, NEVER).unwrap();
    simulator.inject("moveFolderItem", 4.., NEVER).unwrap();
    let folder = || run(against(&simulator, ["--json", "folder", "Folder"])).json()[0]["folder"]["id"].clone();
    let folders: Vec<Value> = std::iter::repeat_with(folder).take(6).collect();
    let ids = folders.iter().map(|id| id.as_str().unwrap());
    let command = against(&simulator, ["--json", "move", "--to", "uploads"].into_iter().chain(ids));
    let ran = stopped(command, "-INT", || count(&simulator, "POST") == 6 + 6);
    let items = ran.json();
    assert_eq!(items.iter().map(|item| item["item_id"].clone()).collect::<Vec<_>>(), folders);
    assert_eq!(items.iter().filter(|item| item["status"] == "success").count(), 2, "{items:?}");
    assert_eq!(items.iter().filter(|item| item["status"] == "unknown").count(), 4, "{items:?}");
    assert_eq!(ran.stderr.lines().last(), Some("canva: stopped"));
}

#[test]
fn a_job_that_is_known_goes_on() {
    let (_runtime, simulator) = simulator("listDesigns", NEVER);
    let url = "http://127.0.0.1:1/a.png";
    for command in [&["upload-url", url, "--name", "n"][..], &["import-url", url, "--title", "t"]] {
        let reads = count(&simulator, "GET");
        let command = against(&simulator, ["--json"].into_iter().chain(command.iter().copied()));
        let ran = stopped(command, "-HUP", || count(&simulator, "GET") > reads);
        assert_eq!(ran.code, Some(129));
        let [item] = <[Value; 1]>::try_from(ran.json()).unwrap();
        assert_eq!(json!([item["url"], item["status"]]), json!([url, "in_progress"]));

        let (id, reads) = (item["job_id"].as_str().unwrap(), count(&simulator, "GET"));
        // It is read at least twice.
        let ran = stopped(against(&simulator, ["--json", "job", "--wait", id]), "-INT", || {
            count(&simulator, "GET") > reads + 4
        });
        assert_eq!(ran.json(), [json!({ "job_id": id, "status": "in_progress" })]);
    }
}

#[test]
fn what_only_reads_prints_nothing() {
    let cases: [(&str, &[&str]); 4] = [
        ("getAsset", &["get", "A1"]),
        ("getDesign", &["design", "get", "D1"]),
        ("listDesigns", &["design", "list"]),
        ("usersMe", &["whoami"]),
    ];
    for ((operation, command), (signal, code)) in cases.into_iter().zip(SIGNALS.into_iter().cycle()) {
        let (_runtime, simulator) = simulator(operation, NEVER);
        let command = against(&simulator, command.iter().copied());
        let ran = stopped(command, signal, || count(&simulator, "GET") > 0);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(code), ""));
        assert!(ran.stderr.starts_with("canva: stopped") && ran.stderr.lines().count() == 1, "{}", ran.stderr);
    }
}

#[test]
fn what_canva_refused_unread_was_not_begun() {
    let refused = CannedResponse::json(429).header("retry-after".parse().unwrap(), "60".parse().unwrap());
    let (_runtime, simulator) = simulator("deleteAsset", Fault::Respond(refused));
    let mut command = against(&simulator, ["delete", "A1"]);
    let mut running = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
    let mut said = BufReader::new(running.child().stderr.take().unwrap()).lines();
    assert!(said.next().unwrap().unwrap().contains("Canva's limit of 30 deletions a minute is reached"));
    running.signal("-INT");
    assert_eq!(said.next().unwrap().unwrap(), "canva: stopped; nothing was changed");
    let ran = running.ended();
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(130), ""));
}

#[test]
fn a_second_signal_ends_a_command_whose_output_no_one_reads() {
    for (signal, code) in SIGNALS {
        let (_runtime, simulator) = simulator("deleteAsset", NEVER);
        let (_reader, writer) = std::io::pipe().unwrap();
        let mut filler = writer.try_clone().unwrap();
        // It hangs as soon as the pipe is full, and ends with the reader.
        std::thread::spawn(move || while filler.write_all(&[b'\n'; 4_096]).is_ok() {});
        let mut command = against(&simulator, ["--json", "delete", "A1"]);
        let mut running = Running::start(command.stdout(writer).stderr(Stdio::null()));
        drop(command);
        wait_until("the request", || count(&simulator, "DELETE") > 0);
        let child = running.child();
        let id = child.id().to_string();
        wait_until("the end", || {
            Command::new("kill").args([signal, &id]).stderr(Stdio::null()).status().unwrap();
            child.try_wait().unwrap().is_some()
        });
        assert_eq!(running.status().code(), Some(code));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn under_nohup_a_closed_terminal_stops_nothing() {
    let (_runtime, simulator) = simulator("deleteAsset", NEVER);
    let canva = against(&simulator, ["delete", "A1"]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$0\" delete A1"]).arg(canva.get_program());
    shell.envs(canva.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut running = Running::start(shell.stdout(Stdio::piped()).stderr(Stdio::piped()));
    wait_until("the request", || count(&simulator, "DELETE") > 0);
    running.signal("-HUP");
    running.signal("-INT");
    assert_eq!(running.ended().code, Some(130));
}
