//! The output can be trusted: no id is lost, no text from others steers a terminal or forges a line, and pauses are
//! announced.

use std::fs;
use std::os::unix::ffi::OsStrExt;

use canva_simulator::{CannedResponse, Fault, Simulator};
use serde_json::{Value, json};

use crate::common::{Response, SimulatorProcess, Stub, against, canva, copies, run};

#[test]
fn a_reader_that_has_seen_enough_loses_no_id() {
    let simulator = SimulatorProcess::start();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let (_directory, files) = copies("photo.png", 6);
    let mut command = simulator.command(["--json", "upload"].into_iter().chain(files.iter().map(String::as_str)));
    command.stdout(writer);
    let ran = run(command);
    assert_eq!(ran.code, Some(1));
    let (said, results) = ran.stderr.split_once('\n').unwrap();
    let broken =
        "canva: can't write to standard output (Broken pipe (os error 32)); the results follow on standard error";
    assert_eq!(said, broken);
    let results: Vec<Value> = results.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(results.len(), 6);
    for result in results {
        assert_eq!(result["status"], "success");
        assert_eq!(simulator.json(["get", result["asset"]["id"].as_str().unwrap()])["status"], "success");
    }
}

#[test]
fn a_simulator_that_no_one_can_hear_of_ends() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = canva(["simulate", "--port", "0"]);
    command.stdout(writer);
    let ran = run(command);
    assert_eq!(ran.code, Some(1));
    assert_eq!(ran.stderr, "canva: can't write to standard output (Broken pipe (os error 32))\n");
}

/// Clears a screen twice, separates lines, turns the direction of text, and forges a message.
const HOSTILE: &str = "a\u{1b}[2Jb\u{9b}2Jc\u{2028}d\u{202e}e\ncanva: all is well";
/// The same in a response. It is in no raw string: serde_json would refuse the control characters.
const HOSTILE_JSON: &str = "a\\u001b[2Jb\u{9b}2Jc\u{2028}d\u{202e}e\\ncanva: all is well";
const PRINTED: &str = r"a\u{1b}[2Jb\u{9b}2Jc\u{2028}d\u{202e}e\ncanva: all is well";
const PRINTED_JSON: &str = r"a\u001b[2Jb\u009b2Jc\u2028d\u202ee\ncanva: all is well";

#[test]
fn what_others_wrote_can_not_steer_the_terminal_or_forge_a_line() {
    let directory = tempfile::tempdir().unwrap();
    fs::copy("../tests/fixtures/photo.png", directory.path().join(HOSTILE)).unwrap();
    let upload = |response: Response, format: &[&'static str]| {
        let stub = Stub::start(vec![response]);
        let mut command = stub.command(format.iter().copied().chain(["upload", "--start-over", HOSTILE]));
        command.current_dir(directory.path());
        let ran = run(command);
        for text in [&ran.stdout, &ran.stderr] {
            let raw = |c: char| canva_connect::Printable::escapes(c) && c != '\n' && c != '\t';
            assert!(!text.contains(raw) && !text.contains("\ncanva: all is well"), "{text:?}");
        }
        ran
    };
    let asset = json!({ "id": "A1", "name": "NAME", "created_at": 1, "updated_at": 1 });
    let made = json!({ "job": { "id": "J1", "status": "success", "asset": asset } }).to_string();
    let made = || Response::Json(200, made.replace("NAME", HOSTILE_JSON).leak());
    let refused = format!(r#"{{"code":"invalid_field","message":"No: {HOSTILE_JSON}"}}"#);
    let refused = || Response::Json(400, refused.clone().leak());

    let ran = upload(made(), &[]);
    assert_eq!(ran.succeeded(), format!("{PRINTED}\tA1\t-\n"));
    let ran = upload(made(), &["--json"]);
    let item = &ran.json()[0];
    assert_eq!(json!([item["file"], item["asset"]["name"]]), json!([HOSTILE, HOSTILE]));
    assert_eq!(ran.succeeded().matches(PRINTED_JSON).count(), 2);

    let ran = upload(refused(), &[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    let expected = format!(
        "canva: {PRINTED}: Canva answered 400 Bad Request invalid_field: No: {PRINTED}; correct it, then try again\n"
    );
    assert_eq!(ran.stderr, expected);
    let ran = upload(refused(), &["--json"]);
    let item = &ran.json()[0];
    assert_eq!(item["file"], HOSTILE);
    assert!(item["error"]["message"].as_str().unwrap().contains("invalid_field: No: a"), "{item}");
}

#[test]
#[cfg(target_os = "linux")]
fn names_that_are_not_unicode_are_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let names: [&[u8]; 3] = [b"a\xfe.png", b"a\xff.png", br"a\xFF.png"];
    for name in names {
        let name = std::ffi::OsStr::from_bytes(name);
        fs::copy("../tests/fixtures/photo.png", directory.path().join(name)).unwrap();
    }
    let upload = |arguments: &[&str]| {
        let mut command = canva(["--simulate"].into_iter().chain(arguments.iter().copied()));
        command.args(names.map(std::ffi::OsStr::from_bytes)).current_dir(directory.path());
        run(command)
    };
    let ran = upload(&["--json", "upload", "--tag", "x"]);
    let mut items: Vec<Value> =
        ran.json().iter().map(|it| json!([it["file"], it["file_hex"], it["asset"]["name"]])).collect();
    items.sort_by_key(Value::to_string);
    assert_eq!(
        json!(items),
        json!([
            [r"a\xFE.png", "61fe2e706e67", "a_.png"],
            [r"a\xFF.png", "61ff2e706e67", "a_.png"],
            [r"a\xFF.png", null, r"a\xFF.png"],
        ])
    );
}

#[test]
fn a_pause_for_the_rate_limit_is_said() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let simulator = runtime.block_on(Simulator::start()).unwrap();
    let refused = CannedResponse::json(429).header("retry-after".parse().unwrap(), "1".parse().unwrap());
    simulator.inject("createAssetUploadJob", 1..=1, Fault::Respond(refused)).unwrap();
    let ran = run(against(&simulator, ["upload", "photo.png"]));
    assert!(ran.code == Some(0) && ran.stdout.starts_with("photo.png\t"), "{}", ran.stdout);
    let said = "canva: Canva's limit of 30 uploads a minute is reached (other programs count, too): waiting 1 s\n";
    assert_eq!(ran.stderr, said);
}

#[test]
fn a_pause_that_is_too_long_ends_every_file_at_once_and_says_for_how_long() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let simulator = runtime.block_on(Simulator::start()).unwrap();
    let refused = CannedResponse::json(429).header("retry-after".parse().unwrap(), "86400".parse().unwrap());
    simulator.inject("createAssetUploadJob", 1.., Fault::Respond(refused)).unwrap();
    let (_directory, files) = copies("photo.png", 24);
    let ran = run(against(&simulator, ["upload"].into_iter().chain(files.iter().map(String::as_str))));
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    let refused = ran.stderr.matches("-photo.png: Canva answered 429").count();
    let told = ran.stderr.matches("; try again in 86400 s").count();
    assert!(refused >= 1 && told >= refused, "{}", ran.stderr);
    let last = ran.stderr.lines().last().unwrap();
    assert!(last.starts_with("canva: this concerns all files, so "), "{}", ran.stderr);
}
