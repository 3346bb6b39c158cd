//! The command: its output and its exit codes.

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use crate::TABLE;

/// Runs the command in a directory with `old.yaml` and `new.yaml`, and returns its exit code, output and errors.
fn spec_diff(new: &str, arguments: &[&str], input: &str) -> (i32, String, String) {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("old.yaml"), TABLE).unwrap();
    fs::write(directory.path().join("new.yaml"), new).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_spec-diff"))
        .args(arguments)
        .current_dir(directory.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // The command may end before it has read anything.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn edited(from: &str, to: &str) -> String {
    assert!(TABLE.contains(from), "{from}");
    TABLE.replacen(from, to, 1)
}

fn breaking() -> String {
    edited("x-rate-limit-per-client-user: 30", "x-rate-limit-per-client-user: 10")
}

fn additive() -> String {
    edited("enum: [image, video]", "enum: [image, video, audio]")
}

#[test]
fn a_change_that_breaks_callers_exits_with_1_and_names_the_line() {
    let (code, out, err) = spec_diff(&breaking(), &["old.yaml", "new.yaml"], "");
    let line = 1 + TABLE.lines().position(|line| line.contains("x-rate-limit-per-client-user: 30")).unwrap();
    let expected = format!(
        "old.yaml -> new.yaml: 1 breaking, 0 additive, 0 editorial\n\n\
         createThing  (POST /things)\n  \
         breaking   takes 10 requests a minute, no longer 30\n             \
         new.yaml:{line} #/paths/~1things/post/x-rate-limit-per-client-user\n"
    );
    assert_eq!((code, out, err), (1, expected, String::new()));
}

#[test]
fn a_change_that_breaks_nobody_exits_with_0() {
    let (code, out, err) = spec_diff(&additive(), &["old.yaml", "new.yaml"], "");
    assert!(out.contains("additive   may also be `audio`"), "{out}");
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(
        spec_diff(TABLE, &["old.yaml", "new.yaml"], ""),
        (0, "old.yaml -> new.yaml: no change\n".into(), "".into())
    );
}

#[test]
fn a_dash_reads_standard_input() {
    let (code, out, _) = spec_diff("", &["old.yaml", "-"], &breaking());
    assert!(out.starts_with("old.yaml -> standard input: 1 breaking"), "{out}");
    assert_eq!(code, 1);
    let (code, out, err) = spec_diff("", &["-", "-"], TABLE);
    assert_eq!((code, out.as_str(), err.as_str()), (2, "", "only one of the two specs can be standard input\n"));
}

#[test]
fn json_is_one_object_with_every_change() {
    let (code, out, _) = spec_diff(&additive(), &["--json", "old.yaml", "new.yaml"], "");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &report["additive"]), (0, &serde_json::json!(1)));
    assert_eq!(report["changes"][0]["class"], "additive");
    assert_eq!(report["changes"][0]["part"], "Kind");
    assert_eq!(report["changes"][0]["pointer"], "#/components/schemas/Kind/enum");
}

#[test]
fn markdown_is_a_table_for_each_part() {
    let (code, out, _) = spec_diff(&breaking(), &["--markdown", "old.yaml", "new.yaml"], "");
    assert!(out.contains("#### createThing — POST /things\n\n| for callers | change | place |\n"), "{out}");
    assert!(out.contains("| **breaking** | takes 10 requests a minute, no longer 30 | `new.yaml:"), "{out}");
    assert_eq!(code, 1);
}

#[test]
fn only_some_classes_are_shown_and_all_count() {
    let new = breaking().replace("enum: [image, video]", "enum: [image, video, audio]").replace("summary: Read", "");
    let only = |classes: &str, more: &[&str]| {
        spec_diff(&new, &[&["--only", classes, "old.yaml", "new.yaml"], more].concat(), "")
    };
    let shown = |out: &str| {
        let classes = ["breaking   ", "additive   ", "editorial  "];
        classes.map(|class| out.lines().skip(1).any(|line| line.trim_start().starts_with(class)))
    };
    for (classes, expected) in [
        ("breaking,additive", [true, true, false]),
        ("editorial", [false, false, true]),
        ("additive,breaking,editorial", [true, true, true]),
    ] {
        let (code, out, err) = only(classes, &[]);
        assert!(out.starts_with("old.yaml -> new.yaml: 1 breaking, 1 additive, 1 editorial\n"), "{out}");
        assert_eq!((code, shown(&out), err.as_str()), (1, expected, ""), "{out}");
    }
    let (code, out, _) = only("additive", &["--json"]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &report["breaking"]), (1, &serde_json::json!(1)));
    assert_eq!(report["changes"].as_array().unwrap().len(), 1);
    let (code, out, err) = only("grave", &[]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("[possible values: breaking, additive, editorial]"), "{err}");
}

#[test]
fn an_unreadable_spec_exits_with_2_and_says_where() {
    let unreadable = |new: &str, arguments: &[&str]| {
        let (code, out, err) = spec_diff(new, arguments, "");
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        err.lines().next().unwrap_or_default().to_owned()
    };
    let files = ["old.yaml", "new.yaml"];
    assert!(unreadable("a: b\n\tc: d\n", &files).starts_with("new.yaml:1:4: "));
    assert_eq!(unreadable("a: b\n", &files), "new.yaml:1: `openapi: 3.0.x` is missing: not an OpenAPI 3.0 document");
    assert_eq!(unreadable("openapi: 3.0.3\n\npaths: []\n", &files), "new.yaml:3: `paths` is missing or not a map");
    let line = 1 + TABLE.lines().position(|line| line.contains("schemas/Kind'")).unwrap();
    assert_eq!(
        unreadable(&edited("schemas/Kind'", "schemas/Nobody'"), &files),
        format!("new.yaml:{line}: `$ref: '#/components/schemas/Nobody'` points at nothing in this file")
    );
    assert!(unreadable("", &["old.yaml", "missing.yaml"]).starts_with("missing.yaml: "));
    assert!(unreadable("", &["old.yaml"]).starts_with("error: "));
    assert!(unreadable("", &["old.yaml", "new.yaml", "--nonsense"]).starts_with("error: "));
}

#[test]
fn a_reader_that_closes_the_pipe_early_is_no_error() {
    for (new, expected) in [(breaking(), 1), (additive(), 0)] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_spec-diff"))
            .args(["tests/it/table.yaml", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The reader leaves before the command has its input, so the command writes to a closed pipe.
        drop(child.stdout.take());
        child.stdin.take().unwrap().write_all(new.as_bytes()).unwrap();
        let Output { status, stderr, .. } = child.wait_with_output().unwrap();
        assert_eq!((status.code(), String::from_utf8(stderr).unwrap().as_str()), (Some(expected), ""));
    }
}

#[test]
fn another_version_of_openapi_is_refused_with_what_to_do() {
    let advice = "can't be compared, only OpenAPI 3.0.x can: convert the document first, for example with \
                  `openapi-down-convert` or `swagger2openapi`\n";
    for (text, found) in [
        ("openapi: 3.1.0\nwebhooks: {}\n", "new.yaml:1: `openapi: 3.1.0`"),
        ("info: {title: T}\nopenapi: 3.1\npaths: {}\n", "new.yaml:2: `openapi: 3.1`"),
        ("# An old one.\nswagger: '2.0'\npaths: {}\n", "new.yaml:2: `swagger: 2.0`"),
    ] {
        assert_eq!(spec_diff(text, &["old.yaml", "new.yaml"], ""), (2, String::new(), format!("{found} {advice}")));
    }
}
