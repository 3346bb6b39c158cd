//! Many files: Canva works on all of them at once, and whoever stops in the middle knows what was begun.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use canva_simulator::{Fault, Simulator};
use serde_json::Value;

use crate::common::{SimulatorProcess, canva};

#[test]
fn twenty_files_take_as_long_as_one() {
    let simulator = SimulatorProcess::with(["--job-time", "4", "--rate-limits", "sliding-window"]);
    let begun = Instant::now();
    let ran = simulator.run(["--json", "upload", "--tag", "launch"].into_iter().chain(["photo.jpg"; 20]));
    assert!(ran.json().iter().all(|item| item["status"] == "success" && item["asset"]["tags"][0] == "launch"));
    assert_eq!(ran.json().len(), 20);
    ran.succeeded();
    // Four at a time would take 20 s, and more.
    assert!(begun.elapsed() < Duration::from_secs(16), "{:?}", begun.elapsed());
}

#[test]
fn after_ctrl_c_it_is_known_what_was_begun() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let started = Simulator::builder().job_duration(Duration::from_secs(3_600)).start();
    let simulator = runtime.block_on(started).unwrap();
    // Of nine files, one isn't there, two become jobs, and four are on their way for ever.
    simulator.inject("createAssetUploadJob", 3.., Fault::StopReading).unwrap();
    let mut command = canva(["--json", "upload", "missing.png"]);
    command.args(["photo.jpg"; 8]);
    command.env("CANVA_BASE_URL", simulator.base_url()).env("CANVA_ACCESS_TOKEN", simulator.token());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let reached = |method: &str| {
        let requests = simulator.requests();
        let paths = requests.iter().filter(|request| request.method == method).map(|request| request.path.clone());
        (requests.iter().filter(|request| request.method == "POST").count(), paths.collect::<BTreeSet<_>>().len())
    };
    while reached("GET") != (6, 2) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupted.success());

    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let items: Vec<Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut count = BTreeMap::new();
    for item in &items {
        *count.entry(item["status"].as_str().unwrap()).or_insert(0) += 1;
        assert_eq!(item["status"] == "in_progress", item.get("job_id").is_some(), "{item}");
        assert_eq!(item["status"] == "unknown", item["error"]["code"] == "outcome_unknown", "{item}");
    }
    assert_eq!(count, BTreeMap::from([("failed", 1), ("in_progress", 2), ("unknown", 4)]));
    let stderr = String::from_utf8(output.stderr).unwrap();
    let last = "canva: stopped; files of which nothing is said were not sent";
    assert_eq!(stderr.lines().last(), Some(last), "{stderr}");
}
