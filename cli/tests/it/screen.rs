//! What a person sees: on a terminal of any width, rows that say how far all is, and nothing of them is left behind;
//! elsewhere, lines.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use canva_simulator::{CannedResponse, Fault, Simulator};
use tokio::runtime::Runtime;

use crate::common::{Response, Running, Stub, TOKEN, against, canva, copies, run};
use crate::terminal::Terminal;

/// Wide, combined, long, and plain.
const NAMES: [&str; 4] = [
    "日本語の写真はとても長い名前を持っています.png",
    "👩\u{200d}👩\u{200d}👧\u{200d}👦 family 🚀.png",
    "Very long descriptive name of the autumn campaign hero banner v7.png",
    "plain.png",
];

/// A directory with these pictures.
fn pictures(names: &[&str]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for name in names {
        fs::copy("../tests/fixtures/photo.png", directory.path().join(name)).unwrap();
    }
    directory
}

/// A simulator whose jobs take this long.
fn simulator(runtime: &Runtime, job: Duration) -> Simulator {
    runtime.block_on(Simulator::builder().job_duration(job).start()).unwrap()
}

fn upload(simulator: &Simulator, directory: &Path, options: &[&str], names: &[&str]) -> Command {
    let mut command =
        against(simulator, ["upload"].into_iter().chain(options.iter().copied()).chain(names.iter().copied()));
    command.current_dir(directory).env_remove("NO_COLOR").env("LANG", "C.UTF-8").env_remove("LC_ALL");
    command
}

/// The rows that are redrawn.
fn drawn(rows: &[String]) -> Vec<&String> {
    rows.iter().filter(|row| row.contains("of 4") || row.contains("/4") || row.contains(" at Canva")).collect()
}

#[test]
fn rows_fit_any_terminal_whatever_the_names_are_made_of_and_leave_nothing_behind() {
    let runtime = Runtime::new().unwrap();
    let simulator = simulator(&runtime, Duration::from_secs(3));
    let directory = pictures(&NAMES);
    for columns in [20, 40, 80, 100] {
        let mut terminal = Terminal::run(columns, upload(&simulator, directory.path(), &["--start-over"], &NAMES));
        terminal.until("4 at Canva");
        // Drawn ten times a second.
        std::thread::sleep(Duration::from_secs(1));
        let rows = terminal.rows();
        assert_eq!(drawn(&rows).len(), 2, "{columns}: {rows:#?}");
        let (code, rows) = terminal.end();
        assert_eq!((code, drawn(&rows).len()), (Some(0), 0), "{columns}: {rows:#?}");
        assert!(rows.last().unwrap().contains("4 uploaded") || columns == 20, "{rows:#?}");
        if columns >= 40 {
            let results: Vec<_> = rows.iter().filter(|row| row.starts_with("✓ ")).collect();
            assert!(results.len() == 4 && results.iter().all(|row| row.contains("  Msim00000")), "{rows:#?}");
        }
    }
}

#[test]
fn a_terminal_that_is_resized_keeps_no_row_behind() {
    let runtime = Runtime::new().unwrap();
    let simulator = simulator(&runtime, Duration::from_secs(4));
    let directory = pictures(&NAMES);
    let mut terminal = Terminal::run(100, upload(&simulator, directory.path(), &[], &NAMES));
    terminal.until("4 at Canva: ");
    for (columns, bar) in [(45, "0 of 4"), (30, "0 of 4"), (110, "0 of 4   ")] {
        terminal.resize(columns);
        std::thread::sleep(Duration::from_millis(400));
        terminal.until(bar);
        let rows = terminal.rows();
        assert_eq!(drawn(&rows).len(), 2, "{columns}: {rows:#?}");
    }
    let (code, rows) = terminal.end();
    assert_eq!((code, drawn(&rows).len()), (Some(0), 0), "{rows:#?}");
    assert_eq!(rows.iter().filter(|row| row.starts_with("✓ ")).count(), 4, "{rows:#?}");
    assert!(rows.last().unwrap().ends_with(": 4 uploaded"), "{rows:#?}");
}

/// 31 files, of which the limit takes 30 in this time.
const WINDOW: (&str, &str) = ("CANVA_TEST_LIMITS_WINDOW", "6000");

#[test]
fn at_the_limit_it_is_said_until_when_by_the_clock_of_the_user() {
    let runtime = Runtime::new().unwrap();
    let simulator = simulator(&runtime, Duration::from_millis(100));
    let (directory, files) = copies("photo.png", 31);
    let mut command = upload(&simulator, directory.path(), &[], &[directory.path().to_str().unwrap()]);
    command.env(WINDOW.0, WINDOW.1).env("TZ", "NINE-9");
    let mut terminal = Terminal::run(100, command);
    terminal.until("Waiting for the limit (30 in 6 s): next upload at ");
    terminal.until("30 of 31   ");
    let rows = terminal.rows();
    let row = rows.iter().find_map(|row| row.split_once(" upload at ")).unwrap().1;
    let (at, rest) = row.split_once(", in ").unwrap();
    let at = chrono::NaiveTime::parse_from_str(at, "%H:%M:%S").unwrap();
    let left = (at - (chrono::Utc::now() + chrono::Duration::hours(9)).time()).num_seconds().rem_euclid(86_400);
    assert!((0..=6).contains(&left) && rest.ends_with(" s. Not a network problem."), "{left}: {row}");
    assert!(rows.iter().any(|row| row.ends_with(" s left")), "{rows:#?}");
    let (code, rows) = terminal.end();
    let results = rows.iter().filter(|row| row.starts_with("✓ "));
    assert_eq!((code, results.count()), (Some(0), files.len()), "{rows:#?}");
    assert!(rows.iter().all(|row| !row.starts_with("Waiting")), "{rows:#?}");
}

#[test]
fn without_a_terminal_a_wait_is_said_once() {
    let runtime = Runtime::new().unwrap();
    let simulator = simulator(&runtime, Duration::from_millis(100));
    let (directory, files) = copies("photo.png", 31);
    for option in ["--json", "--quiet"] {
        let names = [directory.path().to_str().unwrap()];
        let mut command = upload(&simulator, directory.path(), &["--start-over", option], &names);
        command.env(WINDOW.0, WINDOW.1);
        let ran = run(command);
        assert_eq!((ran.code, ran.stdout.lines().count()), (Some(0), files.len()), "{}", ran.stderr);
        let waits =
            ran.stderr.lines().filter(|line| line.contains("; waiting for the limit of 30 uploads in 6 s, next in "));
        assert_eq!(waits.count(), usize::from(option == "--json"), "{}", ran.stderr);
    }
}

#[test]
fn after_ctrl_c_no_row_is_left() {
    let runtime = Runtime::new().unwrap();
    let simulator = simulator(&runtime, Duration::from_secs(3_600));
    let directory = pictures(&NAMES);
    let mut terminal = Terminal::run(80, upload(&simulator, directory.path(), &[], &NAMES));
    terminal.until("4 at Canva: ");
    terminal.interrupt();
    let (code, rows) = terminal.end();
    assert_eq!(code, Some(130));
    assert!(rows.iter().all(|row| !row.contains("━") && !row.contains("4 at Canva: ")), "{rows:#?}");
    assert_eq!(rows.iter().filter(|row| row.starts_with("… ")).count(), 4, "{rows:#?}");

    let mut get = Terminal::run(80, against(&simulator, ["job", "--wait", "5eed0000-0000-4000-8000-000000000001"]));
    get.until("waiting for Canva");
    get.interrupt();
    let (_, rows) = get.end();
    assert!(rows.iter().all(|row| !row.contains("waiting for Canva")), "{rows:#?}");
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let runtime = Runtime::new().unwrap();
    let simulator = simulator(&runtime, Duration::from_millis(500));
    let directory = pictures(&NAMES);
    let names = ["plain.png", "missing.png"];
    for (variable, value) in [("X", "1"), ("NO_COLOR", "1"), ("TERM", "dumb"), ("LANG", "C")] {
        let mut command = upload(&simulator, directory.path(), &["--start-over"], &names);
        let mut terminal = Terminal::run(80, {
            command.env(variable, value);
            command
        });
        let (code, rows) = terminal.end();
        let raw = terminal.raw();
        let (done, failed) = if variable == "LANG" { ("+ ", "x ") } else { ("✓ ", "✗ ") };
        assert!(code == Some(1) && rows.iter().any(|row| row.starts_with(done)), "{variable}: {rows:#?}");
        assert!(rows.iter().any(|row| row.starts_with(&format!("{failed}missing.png"))), "{variable}: {rows:#?}");
        let coloured = raw.contains("\x1b[32m") && raw.contains("\x1b[31m");
        assert_eq!(coloured, matches!(variable, "X" | "LANG"), "{raw:?}");
        assert_eq!(raw.contains('\x1b'), variable != "TERM", "{raw:?}");
        assert_eq!(raw.is_ascii(), variable == "LANG", "{raw:?}");
    }
}

#[test]
fn beside_a_program_that_reads_the_results_nothing_is_redrawn() {
    let runtime = Runtime::new().unwrap();
    let simulator = simulator(&runtime, Duration::from_secs(1));
    let directory = pictures(&NAMES);
    for options in [&["--start-over", "--json"][..], &["--start-over"]] {
        let mut command = upload(&simulator, directory.path(), options, &["plain.png", "missing.png"]);
        command.stdout(Stdio::piped());
        let mut terminal = Terminal::run_beside(80, command);
        let (code, rows) = terminal.end();
        assert_eq!(code, Some(1));
        assert!(rows[0].starts_with("✗ missing.png: it can't be read"), "{rows:#?}");
        let raw = terminal.raw();
        assert!(!raw.contains("\x1b[J") && !raw.contains("\x1b[K") && !raw.contains("━"), "{raw:?}");
    }
}

#[test]
fn each_message_is_one_write() {
    let runtime = Runtime::new().unwrap();
    let simulator = simulator(&runtime, Duration::from_millis(100));
    let (_files, mut files) = copies("photo.png", 2);
    files.push("missing.png".to_owned());
    let (ours, theirs) = UnixDatagram::pair().unwrap();
    let mut command = against(&simulator, ["-v", "upload"].into_iter().chain(files.iter().map(String::as_str)));
    command.stderr(OwnedFd::from(theirs)).stdout(Stdio::null());
    let mut running = Running::start(&mut command);
    drop(command);
    // Each datagram is one write. They are read on the way: only a few fit into the socket.
    ours.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let (mut buffer, mut messages) = ([0; 4096], 0);
    loop {
        let ended = running.child().try_wait().unwrap();
        while let Ok(read @ 1..) = ours.recv(&mut buffer) {
            let text = std::str::from_utf8(&buffer[..read]).unwrap();
            assert!(text.ends_with('\n') && (text.starts_with("canva: ") || text.starts_with("3 files")), "{text:?}");
            messages += 1;
        }
        if let Some(status) = ended {
            assert_eq!(status.code(), Some(1));
            break;
        }
    }
    assert!(messages >= 5, "{messages}");
}

#[test]
fn quiet_says_only_results_and_failures() {
    let runtime = Runtime::new().unwrap();
    let simulator = simulator(&runtime, Duration::from_millis(800));
    let refused = CannedResponse::json(429).header("retry-after".parse().unwrap(), "1".parse().unwrap());
    simulator.inject("createAssetUploadJob", 1..=1, Fault::Respond(refused)).unwrap();
    let directory = pictures(&NAMES);
    let names = ["plain.png", NAMES[2], "missing.png"];
    let mut terminal = Terminal::run(80, upload(&simulator, directory.path(), &["--quiet"], &names));
    let (code, rows) = terminal.end();
    assert_eq!((code, rows.len()), (Some(1), 4), "two results, and a failure that is two rows long: {rows:#?}");
    assert!(!terminal.raw().contains("\x1b[K"), "{:?}", terminal.raw());
}

#[test]
fn verbose_says_each_request_and_never_a_token() {
    let stub = Stub::start(vec![
        Response::Close,
        Response::Json(200, r#"{"asset":{"id":"A1","name":"n","created_at":1,"updated_at":1}}"#),
    ]);
    let ran = stub.run(["-v", "get", "A1"]);
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert!(lines[0].starts_with("canva: GET /v1/assets/{assetId}: attempt 1 failed: "), "{lines:#?}");
    assert!(lines[1].starts_with("canva: GET /v1/assets/{assetId}: 200 in ") && lines[1].ends_with(", attempt 2"));
    assert_eq!((ran.code, lines.len()), (Some(0), 2), "{lines:#?}");
    assert!(!ran.stderr.contains(TOKEN));
}

#[test]
fn where_an_upload_begins_again_its_file_is_named_once() {
    let mut command = canva(["upload", "photo.png"]);
    command.env("CANVA_BASE_URL", "http://127.0.0.1:1/rest").env("CANVA_ACCESS_TOKEN", TOKEN);
    let ran = run(command);
    let again = "canva: photo.png: the upload failed, and begins again: could not connect to 127.0.0.1:1";
    assert_eq!(ran.stderr.matches(again).count(), 1, "{}", ran.stderr);
    assert!(!ran.stderr.contains("createAssetUploadJob: could not connect to 127.0.0.1:1 (2"), "{}", ran.stderr);
}

#[test]
fn the_end_of_many_files_has_their_numbers_and_what_to_do_about_each_group() {
    let runtime = Runtime::new().unwrap();
    let simulator = simulator(&runtime, Duration::from_millis(100));
    let directory = pictures(&["a.png", "b.png"]);
    fs::write(directory.path().join("empty.png"), "").unwrap();
    let names = ["a.png", "missing-1.png", "missing-2.png", "b.png"];
    let mut terminal = Terminal::run(80, upload(&simulator, directory.path(), &[], &names));
    let (_, rows) = terminal.end();
    let sum = rows.iter().position(|row| row.contains(" files in ")).unwrap();
    assert!(rows[sum].ends_with(" s: 2 uploaded, 2 failed"), "{rows:#?}");
    let expected = [
        "Failed",
        "  missing-1.png, missing-2.png",
        "    it can't be read: No such file or directory (os error 2)",
        "    check that the file is there and can be read",
    ];
    assert_eq!(rows[sum + 1..], expected, "{rows:#?}");
    // A program reads no summary of a success.
    run(upload(&simulator, directory.path(), &["--start-over"], &["a.png", "b.png"])).succeeded();
}
