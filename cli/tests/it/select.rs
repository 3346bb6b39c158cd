//! Which files are meant, and which of them Canva would take.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;

use canva_simulator::Simulator;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::common::{Ran, against, run};

fn start() -> (Runtime, Simulator) {
    let runtime = Runtime::new().unwrap();
    let simulator = runtime.block_on(Simulator::start()).unwrap();
    (runtime, simulator)
}

fn fixture(name: &str, to: &Path) {
    fs::copy(Path::new("../tests/fixtures").join(name), to).unwrap();
}

/// The names of the assets, in the order of their uploads.
fn names(simulator: &Simulator) -> Vec<String> {
    let mut names: Vec<_> = simulator.assets().into_iter().map(|asset| asset.name).collect();
    names.sort();
    names
}

/// A folder with all that a person has in one.
fn folder() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::create_dir_all(at("sub/deeper")).unwrap();
    fs::create_dir(at(".hidden")).unwrap();
    fixture("photo.png", &at("b.png"));
    fixture("photo.jpg", &at("a.jpg"));
    fixture("photo.png", &at("sub/deeper/c.png"));
    fixture("photo.png", &at("sub/no extension"));
    fixture("photo.png", &at(".hidden/d.png"));
    fixture("photo.png", &at(".e.png"));
    fs::write(at("empty.png"), "").unwrap();
    fs::write(at("Thumbs.db"), "a cache").unwrap();
    symlink("b.png", at("link.png")).unwrap();
    symlink("..", at("sub/loop")).unwrap();
    directory
}

#[test]
fn a_directory_means_the_images_and_videos_in_it() {
    let (_runtime, simulator) = start();
    let directory = folder();
    let ran = run(against(&simulator, ["upload", directory.path().to_str().unwrap()]));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(names(&simulator), ["a.jpg", "b.png", "c.png", "no extension"]);
    let said = "canva: left out: 1 that Canva doesn't take, 2 hidden, 1 empty, 2 links (--dry-run lists them)";
    assert_eq!(ran.stderr.lines().next(), Some(said));
}

#[test]
fn a_dry_run_says_what_would_be_done_and_sends_nothing() {
    let (_runtime, simulator) = start();
    let directory = folder();
    fs::write(directory.path().join("text.png"), "no image").unwrap();
    let dry_run = |options: &[&str]| {
        let mut command = against(&simulator, ["--json", "upload", "--dry-run", "."]);
        command.args(options).current_dir(directory.path());
        run(command)
    };
    let ran = dry_run(&[]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let mut actions: Vec<Value> = ran.json().iter().map(|item| json!([item["file"], item["action"]])).collect();
    actions.sort_by_key(Value::to_string);
    assert_eq!(
        json!(actions),
        json!([
            ["./.e.png", "left_out"],
            ["./.hidden", "left_out"],
            ["./Thumbs.db", "left_out"],
            ["./a.jpg", "send"],
            ["./b.png", "send"],
            ["./empty.png", "left_out"],
            ["./link.png", "left_out"],
            ["./sub/deeper/c.png", "send"],
            ["./sub/loop", "left_out"],
            ["./sub/no extension", "send"],
            ["./text.png", "refuse"],
        ])
    );
    assert!(simulator.requests().is_empty());
    let forced = dry_run(&["--force"]).json();
    assert_eq!(forced.iter().find(|item| item["file"] == "./text.png").unwrap()["action"], "send");
}

#[test]
fn what_canva_does_not_take_is_refused_before_it_is_sent() {
    let (_runtime, simulator) = start();
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fixture("kinds/animated.gif", &at("animated.gif"));
    fixture("deck.pdf", &at("deck.pdf"));
    fs::write(at("drawing.svg"), "<svg xmlns='http://www.w3.org/2000/svg'/>").unwrap();
    fs::write(at("empty.png"), "").unwrap();
    let photo = fs::read("../tests/fixtures/photo.png").unwrap();
    fs::write(at("half.png"), &photo[..photo.len() / 2]).unwrap();
    let video = fs::File::create(at("video.mp4")).unwrap();
    (&video).write_all(&fs::read("../tests/fixtures/clip.mp4").unwrap()).unwrap();
    video.set_len((500 << 20) + 1).unwrap();
    let names = ["animated.gif", "deck.pdf", "drawing.svg", "empty.png", "half.png", "video.mp4"];
    let mut command = against(&simulator, ["--json", "upload"].into_iter().chain(names));
    command.current_dir(directory.path());
    let ran = run(command);
    assert_eq!(ran.code, Some(1));

    insta::assert_snapshot!(ran.stderr, @r"
    canva: animated.gif: it is a GIF image of 4 frames, and Canva takes one with a single frame; save one of its frames, or make a video of it, or send it with --force
    canva: deck.pdf: it is a PDF, which is imported as a design, and Canva doesn't take it; `canva import` takes it, or send it with --force
    canva: drawing.svg: it is SVG, HTML or other XML, and Canva doesn't take it; save it as JPEG, PNG or MP4, or send it with --force
    canva: empty.png: it is empty, and Canva doesn't take it; choose another file, or send it with --force
    canva: half.png: it is a PNG image that is damaged or cut; open it in a program and save it again, or send it with --force
    canva: video.mp4: it is a video of 524 MB, and Canva takes less than 500 MB; make it smaller, or send it with --force
    ");
    assert!(simulator.requests().is_empty());

    let ran = run(against(&simulator, ["import", "photo.png"]));
    assert!(ran.stderr.contains("it is an image; `canva upload` takes it"), "{}", ran.stderr);
    assert!(simulator.requests().is_empty());
}

#[test]
fn names_that_are_shortened_are_said_and_stay_apart() {
    let (_runtime, simulator) = start();
    let directory = tempfile::tempdir().unwrap();
    for version in [7, 8] {
        let name = format!("Very long descriptive name of the autumn campaign, version {version}.png");
        fixture("photo.png", &directory.path().join(name));
    }
    let upload = || run(against(&simulator, ["upload", directory.path().to_str().unwrap()]));
    let ran = upload();
    let [second, first] = <[String; 2]>::try_from(names(&simulator)).unwrap();
    assert_eq!(first, "Very long descriptive name of the autumn campa.png");
    assert_eq!(second, "Very long descriptive name of the autumn cam 2.png");
    for name in [first, second] {
        assert!(ran.stderr.contains(&format!("too long for Canva, and becomes {name:?} there")), "{}", ran.stderr);
    }
    assert_eq!((upload().code, simulator.assets().len()), (Some(0), 2));
}

fn with_input(mut command: std::process::Command, input: &[u8]) -> Ran {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that is refused doesn't read it.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn standard_input_is_a_file_that_has_a_name() {
    let (_runtime, simulator) = start();
    let photo = fs::read("../tests/fixtures/photo.png").unwrap();
    for _ in 0..2 {
        let ran = with_input(against(&simulator, ["upload", "-", "--name", "Hero"]), &photo);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    }
    assert_eq!(names(&simulator), ["Hero"]);
    let other = fs::read("../tests/fixtures/photo.jpg").unwrap();
    assert_eq!(with_input(against(&simulator, ["upload", "-", "--name", "Hero"]), &other).code, Some(0));
    assert_eq!(names(&simulator), ["Hero", "Hero"]);
    let ran = with_input(against(&simulator, ["upload", "-"]), &photo);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (Some(2), "canva: `-` is standard input, and needs a name: add --name\n")
    );
}

#[test]
fn a_list_gives_files_their_names_and_tags() {
    let (_runtime, simulator) = start();
    let list = "file,name,tags\nphoto.png,\"Hero, large\",launch; 2026\nphoto.jpg,,\nmissing.png,M,\n";
    let ran = with_input(against(&simulator, ["--json", "upload", "--from", "-", "--tag", "all"]), list.as_bytes());
    assert_eq!(ran.code, Some(1));
    let mut assets: Vec<Value> =
        ran.json().iter().map(|it| json!([it["file"], it["asset"]["name"], it["asset"]["tags"]])).collect();
    assets.sort_by_key(Value::to_string);
    assert_eq!(
        json!(assets),
        json!([
            ["missing.png", null, null],
            ["photo.jpg", "photo.jpg", ["all"]],
            ["photo.png", "Hero, large", ["all", "launch", "2026"]],
        ])
    );
    let ran = with_input(against(&simulator, ["--json", "import", "--from", "-"]), b"file,title\ndeck.pdf,Q4\n");
    assert!(ran.code == Some(0) && ran.stdout.contains("Q4"), "{}{}", ran.stdout, ran.stderr);
    // As a spreadsheet saves it where commas are in numbers.
    let list = "\u{feff}File;Name;Tags\r\nphoto.png;Hero, again;launch\r\n";
    let ran = with_input(against(&simulator, ["--json", "upload", "--from", "-"]), list.as_bytes());
    let asset = &ran.json()[0]["asset"];
    assert_eq!(json!([asset["name"], asset["tags"]]), json!(["Hero, again", ["launch"]]), "{}", ran.stderr);
    let before = simulator.requests().len();
    for wrong in ["a b.png,foo\n", "file,titel\nphoto.png,x\n", ""] {
        let ran = with_input(against(&simulator, ["upload", "--from", "-"]), wrong.as_bytes());
        assert_eq!(ran.code, Some(2), "{wrong}: {}", ran.stderr);
    }
    let ran = with_input(against(&simulator, ["upload", "--from", "-"]), b"name\nx\n");
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("expected CSV with the columns file, name and tags"), "{}", ran.stderr);
    assert_eq!(simulator.requests().len(), before);
}
