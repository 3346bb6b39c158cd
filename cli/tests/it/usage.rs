//! A command line that makes no sense ends with exit code 2, says why, and prints no result.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use canva_connect::operations::SPEC_VERSION;

use crate::common::{Ran, Response, SimulatorProcess, Stub, TOKEN, canva, run};

#[test]
fn without_a_token_one_line_says_what_to_set_and_what_simulate_does() {
    for token in [None, Some(""), Some(" \n")] {
        let mut command = canva(["upload", "photo.png"]);
        command.envs(token.map(|token| ("CANVA_ACCESS_TOKEN", token)));
        let ran = run(command);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(3), ""));
        let expected = "canva: no access token; run `canva login`, set CANVA_ACCESS_TOKEN to the token of a Canva user, or \
                        add --simulate to try the command without an account\n";
        assert_eq!(ran.stderr, expected);
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_the_reason() {
    let cases: &[(&[&str], &str)] = &[
        (&["upload"], "<FILE>"),
        (&["upload", "a.png", "b.png", "--name", "One"], "--name is for a single file"),
        (&["upload", "a.png", "--name", ""], "--name"),
        (&["upload", "a.png", "--tag", "x", "--no-wait"], "only a finished asset can be tagged"),
        (&["upload-url", "https://example.com/a.png"], "--name"),
        (&["get"], "<ASSET_ID>"),
        (&["update", "A1"], "--clear-tags"),
        (&["update", "A1", "--name", ""], "--name"),
        (&["update", "A1", "--tag", "x", "--clear-tags"], "cannot be used with"),
        (&["update", "A1", "--tag", "x", "--add-tag", "y"], "cannot be used with"),
        (&["update", "A1", "--clear-tags", "--remove-tag", "y"], "cannot be used with"),
        (&["update", "A1", "A2", "--name", "n"], "--name is for a single asset"),
        (&["delete"], "<ASSET_ID>"),
        (&["import", "a.pdf", "b.pdf", "--title", "One"], "--title is for a single file"),
        (&["import-url", "https://example.com/a.pdf"], "--title"),
        (&["job"], "<JOB_ID>"),
        (&["job", "--kind", "video", "J1"], "url-asset-upload"),
        (&["list", "uploads", "root"], "'root'"),
        (&["list", "--type", "video"], "brand-template"),
        (&["list", "--sort", "size"], "created, modified, title"),
        (&["list", "--limit", "0"], "--limit"),
        (&["folder"], "<NAME>"),
        (&["folder", ""], "<NAME>"),
        (&["move", "A1"], "--to <FOLDER>"),
        (&["move", "--to", "F1"], "<ITEM_ID>"),
        (&["design"], "copy-template"),
        (&["design", "new", "--title", "t"], "--type <TYPE>|--size <WIDTHxHEIGHT>|--asset <ASSET_ID>"),
        (&["design", "new", "--type", "doc", "--size", "40x40"], "cannot be used with"),
        (&["design", "new", "--type", "sheet"], "doc, email, presentation, whiteboard"),
        (&["design", "new", "--size", "40"], "such as 1080x1920"),
        (&["design", "copy", "D1", "--pages", "one"], "such as 1,3"),
        (&["design", "list", "--owned", "--shared"], "cannot be used with"),
        (&["design", "list", "--sort", "created"], "relevance, modified, title"),
        (&["design", "list", "--sort", "relevance", "--reverse"], "add --sort modified or --sort title"),
        (&["design", "list", "summer", "--reverse"], "add --sort modified or --sort title"),
        (&["whoami", "me"], "'me'"),
        (&["--simulate", "--base-url", "https://example.com", "upload", "a.png"], "--simulate can't be used with"),
        (&["--share-limits", "redis://127.0.0.1", "upload", "a.png", "--simulate"], "--simulate can't be used with"),
        (&["-q", "upload", "a.png", "-v"], "--quiet can't be used with --verbose"),
        (&["uplaod", "a.png"], "'upload', 'upload-url'"),
        (&["ls"], "here it is 'list' or 'design list'"),
        (&["rm", "A1"], "here it is 'delete'"),
        (&["search", "summer"], "here it is 'design list' or 'list'"),
        (&["design", "search", "summer"], "here it is 'design list' or 'list'"),
        (&["upload", "-r", "Autumn"], "a directory is taken with all that is in it; leave '-r' out"),
        (&["upload", "--recursive", "Autumn"], "a directory is taken with all that is in it; leave '--recursive' out"),
        (&["upload", "https://example.com/a.png"], "`canva upload-url URL --name NAME`"),
        (&["import", "https://example.com/a.pdf"], "`canva import-url URL --title TITLE`"),
        (&["get", "https://www.canva.com/design/DAF/edit"], "an asset's id, such as Msd59349ff"),
        (&["completions", "tcsh"], "bash, elvish, fish, powershell, zsh"),
        (&["--simulate", "simulate"], "for the other commands"),
        (&["--share-limits", "redis://127.0.0.1", "simulate"], "for the other commands"),
        (&["simulate", "--port", "99999"], "--port"),
        (&["simulate", "--rate-limits", "5"], "sliding-window"),
        (&["simulate", "--scopes", "asset:reed"], "a similar value exists: 'asset:read'"),
        (&["simulate", "--job-time", "soon"], "a number of seconds"),
        (&["upload", "a.png", "--token", "x"], "--token"),
    ];
    for (args, reason) in cases {
        let mut command = canva(args.iter().copied());
        command.env("CANVA_ACCESS_TOKEN", TOKEN);
        let ran = run(command);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{args:?}");
        assert!(ran.stderr.contains(reason), "{args:?}: {}", ran.stderr);
    }
}

#[test]
fn a_base_url_that_would_give_the_token_away_is_refused() {
    for base_url in ["http://example.com/rest", "example.com", "https://user:word@example.com/rest"] {
        let mut command = canva(["upload", "photo.png"]);
        command.env("CANVA_BASE_URL", base_url).env("CANVA_ACCESS_TOKEN", TOKEN);
        let ran = run(command);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{base_url}");
        assert_eq!(ran.stderr.lines().count(), 1);
        assert!(ran.stderr.contains("CANVA_BASE_URL") && !ran.stderr.contains("word"), "{}", ran.stderr);
    }
}

#[test]
fn the_argument_for_the_base_url_goes_before_the_environment() {
    let stub = Stub::start(vec![]);
    let ran = stub.run(["--base-url", "example.com", "update", "A1", "--clear-tags"]);
    assert_eq!(ran.code, Some(2));
    assert!(stub.requests().is_empty());
}

#[test]
fn simulate_needs_nothing_of_the_environment() {
    let mut command = canva(["--simulate", "import", "deck.pdf", "--no-wait"]);
    command.env("CANVA_BASE_URL", "http://127.0.0.1:1/rest").env("CANVA_ACCESS_TOKEN", TOKEN);
    command.env("CANVA_SHARE_LIMITS", "redis://127.0.0.1:1");
    run(command).succeeded();
}

#[cfg(not(feature = "redis"))]
#[test]
fn without_the_feature_nothing_is_sent_when_limits_should_be_shared() {
    let stub = Stub::start(vec![]);
    let mut command = stub.command(["upload", "photo.png"]);
    command.env("CANVA_SHARE_LIMITS", "redis://127.0.0.1");
    let given = stub.run(["--share-limits", "redis://127.0.0.1", "upload", "photo.png"]);
    for ran in [run(command), given] {
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.lines().count()), (Some(2), "", 1), "{}", ran.stderr);
        assert!(ran.stderr.contains("built without the feature `redis`"), "{}", ran.stderr);
    }
    assert!(stub.requests().is_empty());
}

#[test]
fn help_says_what_to_try_first_and_where_options_go() {
    let help = run(canva(["--help"])).succeeded();
    for text in ["canva --simulate upload photo.png", "CANVA_ACCESS_TOKEN", "CANVA_BASE_URL", "unknown to the next"] {
        assert!(help.contains(text), "{text}: {help}");
    }
    for command in [&["job"][..], &["design", "list"]] {
        let help = run(canva(command.iter().copied().chain(["--help"]))).succeeded();
        assert!(help.contains("--simulate") && help.contains("Options of all commands"), "{help}");
        assert_eq!(run(canva(["help"].into_iter().chain(command.iter().copied()))).succeeded(), help);
    }
    assert_eq!(run(canva(["help"])).succeeded(), help);
    let help = run(canva(["list", "--help"])).succeeded();
    assert!(help.contains("Canva never lists videos"), "{help}");
    let version = format!("canva {} (Canva Connect API spec {SPEC_VERSION})\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(run(canva(["--version"])).succeeded(), version);
}

#[test]
fn options_of_all_commands_may_stand_anywhere() {
    for (before, after) in [(&["--simulate", "--json"][..], &[][..]), (&["--json"], &["--simulate"])] {
        let command = before.iter().chain(&["design", "new", "--type", "doc"]).chain(after);
        let ran = run(canva(command.copied()));
        assert_eq!(ran.json()[0]["status"], "success");
        ran.succeeded();
    }
    let stub = Stub::start(vec![Response::Json(204, "")]);
    let url = stub.url();
    let ran = run(with_token(["delete", "A1", "--base-url", url.trim_end_matches("/file")]));
    ran.succeeded();
    assert_eq!(stub.requests(), ["DELETE /rest/v1/assets/A1"]);
}

fn with_token<'a>(args: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = canva(args);
    command.env("CANVA_ACCESS_TOKEN", TOKEN);
    command
}

/// Runs a line of shell in this directory.
fn shell(simulator: &SimulatorProcess, directory: &Path, line: &str) -> Ran {
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).current_dir(directory).env("canva", env!("CARGO_BIN_EXE_canva"));
    shell.envs(simulator.variables());
    run(shell)
}

#[test]
fn the_name_of_a_file_is_never_taken_as_an_option() {
    let simulator = SimulatorProcess::start();
    let hostile = [
        r"--base-url=https:evil.example\x.png",
        "--json",
        "-q",
        "--simulate",
        "--no-wait",
        "--tag=x.png",
        "--name=x.png",
        "--help",
        "-h.png",
        "--",
    ];
    for name in hostile {
        let directory = tempfile::tempdir().unwrap();
        for name in ["photo.png", name] {
            fs::copy("../tests/fixtures/photo.png", directory.path().join(name)).unwrap();
        }
        for line in [r#""$canva" upload *"#, r#""$canva" upload photo.png *"#, r#""$canva" upload --tag launch *"#] {
            let ran = shell(&simulator, directory.path(), line);
            assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{name}: {line}");
            let expected = format!("'{name}' is the name of a file, but would be taken as an option");
            assert!(ran.stderr.contains(&expected) && ran.stderr.contains("./*.png"), "{line}: {}", ran.stderr);
        }
    }
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("--tag=x")).unwrap();
    fs::copy("../tests/fixtures/photo.png", directory.path().join("--tag=x/photo.png")).unwrap();
    let ran = shell(&simulator, directory.path(), r#""$canva" upload */*.png"#);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("'--tag=x/photo.png' is the name of a file"), "{}", ran.stderr);
}

#[test]
fn a_file_with_the_name_of_an_option_is_uploaded_where_it_can_only_be_a_file() {
    let simulator = SimulatorProcess::start();
    let directory = tempfile::tempdir().unwrap();
    for name in ["--tag=x.png", r"--base-url=https:evil.example\x.png", "photo.png"] {
        fs::copy("../tests/fixtures/photo.png", directory.path().join(name)).unwrap();
    }
    let cases = [
        (r#""$canva" upload ./*.png"#, ["./--base-url=https:evil.example\\x.png", "./--tag=x.png", "./photo.png"]),
        (r#""$canva" upload -- *.png"#, ["--base-url=https:evil.example\\x.png", "--tag=x.png", "photo.png"]),
    ];
    for (line, files) in cases {
        let ran = shell(&simulator, directory.path(), &line.replace("upload", "--json upload --start-over"));
        let items = ran.json();
        let uploaded: BTreeSet<&str> = items.iter().filter_map(|item| item["file"].as_str()).collect();
        assert_eq!(uploaded, BTreeSet::from(files), "{line}");
        assert!(items.iter().all(|item| item["asset"]["tags"] == serde_json::json!([])), "{items:?}");
    }
}

/// With INSTA_UPDATE=always, it writes them.
#[test]
fn readme_has_the_commands_of_the_help() {
    const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let help = run(canva(["-h"])).stdout;
    let (_, rest) = help.split_once("Commands:\n").unwrap();
    let (commands, _) = rest.split_once("\n\n").unwrap();
    let commands: String = commands.lines().map(|line| format!("    canva {}\n", line.trim_start())).collect();
    let readme = fs::read_to_string(README).unwrap().replace("\r\n", "\n");
    let (before, rest) = readme.split_once("<!-- begin commands -->\n").unwrap();
    let (current, after) = rest.split_once("<!-- end commands -->").unwrap();
    let commands = format!("\n{commands}\n");
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(README, format!("{before}<!-- begin commands -->\n{commands}<!-- end commands -->{after}")).unwrap();
        return;
    }
    assert_eq!(current, commands, "run the tests with INSTA_UPDATE=always");
}
