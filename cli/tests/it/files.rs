//! Many files: Canva works on all of them at once, and Ctrl-C tells what was begun.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use canva_simulator::{CannedResponse, Fault, Simulator};
use serde_json::Value;

use crate::common::{self, SimulatorProcess, TOKEN, against, canva, copies};

#[test]
fn twenty_files_take_as_long_as_one() {
    let simulator = SimulatorProcess::with(["--job-time", "4", "--rate-limits", "sliding-window"]);
    let begun = Instant::now();
    let (_directory, files) = copies("photo.jpg", 20);
    let options = ["--json", "upload", "--tag", "launch"];
    let ran = simulator.run(options.into_iter().chain(files.iter().map(String::as_str)));
    assert!(ran.json().iter().all(|item| item["status"] == "success" && item["asset"]["tags"][0] == "launch"));
    assert_eq!(ran.json().len(), 20);
    ran.succeeded();
    // Four at a time would take more than 20 s.
    assert!(begun.elapsed() < Duration::from_secs(16), "{:?}", begun.elapsed());
}

#[test]
fn after_ctrl_c_it_is_known_what_was_begun() {
    // With `--no-wait`, no job is read.
    for (option, reads) in [("--tag=launch", 4), ("--no-wait", 0)] {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let started = Simulator::builder().job_duration(Duration::from_secs(3_600)).start();
        let simulator = runtime.block_on(started).unwrap();
        // Of nine files, one isn't there, two become jobs, and four are handed over and never answered.
        simulator.inject("createAssetUploadJob", 3.., Fault::StopReading).unwrap();
        let (_directory, files) = copies("photo.jpg", 8);
        let files = ["missing.png"].into_iter().chain(files.iter().map(String::as_str));
        let command = against(&simulator, ["--json", "upload", option].into_iter().chain(files));
        let items = stopped(command, || {
            // By then, the files were handed over long ago.
            std::thread::sleep(Duration::from_millis(300));
            requests(&simulator, "POST").len() >= 6 && requests(&simulator, "GET").len() >= reads
        });
        let mut count = BTreeMap::new();
        for item in &items {
            *count.entry(item["status"].as_str().unwrap()).or_insert(0) += 1;
            assert_eq!(item["status"] == "in_progress", item.get("job_id").is_some(), "{item}");
            assert_eq!(item["status"] == "unknown", item["error"]["code"] == "outcome_unknown", "{item}");
        }
        assert_eq!(count, BTreeMap::from([("failed", 1), ("in_progress", 2), ("unknown", 4)]), "{option}");
        assert_eq!(requests(&simulator, "GET").is_empty(), reads == 0);
    }
}

#[test]
fn after_ctrl_c_no_file_is_unknown_that_had_no_connection() {
    // Counts the attempts to connect, and ends each before its TLS handshake.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base_url = format!("https://{}/rest", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let seen = connections.clone();
    std::thread::spawn(move || {
        while let Ok((connection, _)) = listener.accept() {
            drop(connection);
            seen.fetch_add(1, Ordering::SeqCst);
        }
    });
    let (_directory, files) = copies("photo.jpg", 6);
    let mut command = canva(["--json", "upload"].into_iter().chain(files.iter().map(String::as_str)));
    command.env("CANVA_BASE_URL", base_url).env("CANVA_ACCESS_TOKEN", TOKEN);
    // Four are sent at once, so the fifth connection is a second attempt.
    assert_eq!(stopped(command, || connections.load(Ordering::SeqCst) >= 5), [] as [Value; 0]);
}

#[test]
fn after_ctrl_c_no_file_is_unknown_that_was_half_sent() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let simulator = runtime.block_on(Simulator::start()).unwrap();
    // The first attempt is taken whole and refused. In the second, the sockets can't hold the whole file.
    let refused = CannedResponse::json(429).header("retry-after".parse().unwrap(), "0".parse().unwrap());
    simulator.inject("createAssetUploadJob", ..=1, Fault::Respond(refused)).unwrap();
    simulator.inject("createAssetUploadJob", 2.., Fault::StopReading).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(32 << 20).unwrap();
    let command = against(&simulator, ["--json", "upload", "--force", file.path().to_str().unwrap()]);
    assert_eq!(stopped(command, || requests(&simulator, "POST").len() >= 2), [] as [Value; 0]);
}

#[test]
fn after_ctrl_c_no_file_is_unknown_that_canva_has_refused() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let simulator = runtime.block_on(Simulator::start()).unwrap();
    let refused = CannedResponse::json(429).header("retry-after".parse().unwrap(), "60".parse().unwrap());
    simulator.inject("createAssetUploadJob", .., Fault::Respond(refused)).unwrap();
    let (_directory, files) = copies("photo.jpg", 4);
    let command = against(&simulator, ["--json", "upload"].into_iter().chain(files.iter().map(String::as_str)));
    let items = stopped(command, || {
        // By then, the refusals have come.
        std::thread::sleep(Duration::from_millis(300));
        requests(&simulator, "POST").len() >= 4
    });
    assert_eq!(items, [] as [Value; 0]);
}

#[test]
fn after_ctrl_c_it_is_said_that_tags_may_be_missing() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let simulator = runtime.block_on(Simulator::start()).unwrap();
    simulator.inject("updateAsset", 1.., Fault::Delay(Duration::from_secs(3_600))).unwrap();
    let command = against(&simulator, ["--json", "upload", "--tag", "launch", "photo.jpg"]);
    let items = stopped(command, || !requests(&simulator, "PATCH").is_empty());
    let [item] = <[Value; 1]>::try_from(items).unwrap();
    assert!(item["status"] == "failed" && item["asset"]["id"].is_string(), "{item}");
    assert_eq!(item["error"]["code"], "tags_not_applied");
    let message = item["error"]["message"].as_str().unwrap();
    assert!(message.contains("canva was stopped before Canva confirmed its tags"), "{message}");
}

/// The paths that were asked for.
fn requests(simulator: &Simulator, method: &str) -> Vec<String> {
    let requests = simulator.requests().into_iter();
    requests.filter(|request| request.method == method).map(|request| request.path).collect()
}

/// What the command prints when Ctrl-C comes as soon as it is `reached`.
#[track_caller]
fn stopped(command: Command, reached: impl FnMut() -> bool) -> Vec<Value> {
    let ran = common::stopped(command, "-INT", reached);
    assert_eq!(ran.code, Some(130), "{}{}", ran.stdout, ran.stderr);
    let last = "canva: stopped; files not listed are not in Canva; the same command goes on";
    assert_eq!(ran.stderr.lines().last(), Some(last), "{}", ran.stderr);
    ran.json()
}
