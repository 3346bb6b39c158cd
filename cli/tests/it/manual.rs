//! What docs/cli.md and cli/README.md show is what a terminal shows. In their `console` blocks, each line that begins
//! with `$ ` is run: those of a document one after the other, in one directory, with one simulator.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::common::SimulatorProcess;
use crate::terminal::Terminal;

const COLUMNS: u16 = 110;

/// What no two runs have in common.
static CHANGES: LazyLock<Regex> = LazyLock::new(|| {
    let each = [
        r"(?:M|DA|FA)sim\d+",
        r"[0-9a-f]{8}-[0-9a-f-]{27}",
        r"simulated-request-\d+",
        r"127\.0\.0\.1:\d+",
        r"token=[0-9a-f-]+",
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
        r"\bin \d+ m?s\b",
    ];
    Regex::new(&each.join("|")).unwrap()
});

#[test]
fn the_manual_shows_what_the_commands_print() {
    assert_shows("docs/cli.md");
}

#[test]
fn readme_shows_what_the_commands_print() {
    assert_shows("cli/README.md");
}

/// With INSTA_UPDATE=always, what has changed is written.
#[track_caller]
fn assert_shows(document: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(document);
    let text = fs::read_to_string(&path).unwrap();
    let mut stage = Stage::new();
    let (mut written, mut wrong) = (String::new(), String::new());
    let mut lines = text.lines().peekable();
    let mut in_session = false;
    while let Some(line) = lines.next() {
        written += &format!("{line}\n");
        in_session = if line.starts_with("```") { line == "```console" } else { in_session };
        let Some(command) = line.strip_prefix("$ ").filter(|_| in_session) else { continue };
        let shown = std::iter::from_fn(|| lines.next_if(|line| !line.starts_with("$ ") && *line != "```"));
        let shown: Vec<String> = shown.map(str::to_owned).collect();
        let printed = stage.run(command);
        let same = stage.is_same(&shown, &printed);
        if !same {
            wrong += &format!("\n{document}: {line}\n");
            shown.iter().for_each(|line| wrong += &format!("  - {line}\n"));
            printed.iter().for_each(|line| wrong += &format!("  + {line}\n"));
        }
        (if same { shown } else { printed }).iter().for_each(|line| written += &format!("{line}\n"));
    }
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(path, written).unwrap();
    } else {
        assert!(wrong.is_empty(), "{wrong}\nrun the tests with INSTA_UPDATE=always");
    }
}

/// Where the sessions of a document take place.
struct Stage {
    simulator: SimulatorProcess,
    directory: tempfile::TempDir,
    state: tempfile::TempDir,
    /// What is here for an id of the document.
    here: BTreeMap<String, String>,
}

impl Stage {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("Autumn/studio")).unwrap();
        for (fixture, name) in [
            ("photo.png", "photo.png"),
            ("clip.mp4", "clip.mp4"),
            ("deck.pdf", "deck.pdf"),
            ("deck.pptx", "Q4 results.pptx"),
            ("notes.txt", "notes.txt"),
            ("photo.png", "Autumn/IMG_0001.png"),
            ("photo.jpg", "Autumn/IMG_0002.jpg"),
            ("notes.txt", "Autumn/scan.png"),
            ("notes.txt", "Autumn/notes.txt"),
            ("clip.mp4", "Autumn/studio/tour.mp4"),
            ("photo.png", "Very long descriptive name of the autumn campaign, version 7.png"),
            ("photo.png", "Very long descriptive name of the autumn campaign, version 8.png"),
        ] {
            fs::copy(Path::new("../tests/fixtures").join(fixture), directory.path().join(name)).unwrap();
        }
        fs::write(directory.path().join("Autumn/.DS_Store"), "x").unwrap();
        fs::write(directory.path().join("Autumn/empty.png"), "").unwrap();
        let list = "file,name,tags\nphoto.png,Hero 🚀,launch;2026\nclip.mp4,,launch\n";
        fs::write(directory.path().join("pictures.csv"), list).unwrap();
        let state = tempfile::tempdir().unwrap();
        Self { simulator: SimulatorProcess::start(), directory, state, here: BTreeMap::new() }
    }

    /// What a terminal shows once the command has ended.
    fn run(&self, command: &str) -> Vec<String> {
        let command = CHANGES.replace_all(command, |found: &Captures| {
            let found = found[0].to_owned();
            self.here.get(&found).cloned().unwrap_or(found)
        });
        let binaries = Path::new(env!("CARGO_BIN_EXE_canva")).parent().unwrap();
        let path = std::env::join_paths([binaries, Path::new("/usr/local/bin"), Path::new("/usr/bin"), Path::new("/bin")]);
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &command])
            .current_dir(self.directory.path())
            .env_clear()
            .env("PATH", path.unwrap())
            .env("HOME", self.state.path())
            .env("XDG_STATE_HOME", self.state.path())
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .envs(self.simulator.variables())
            .stdin(Stdio::null());
        Terminal::run(COLUMNS, shell).end().1
    }

    /// Whether the document shows what was printed, in any order, but for what changes.
    fn is_same(&mut self, shown: &[String], printed: &[String]) -> bool {
        let sorted = |lines: &[String]| {
            let mut lines: Vec<_> = lines.iter().map(|line| (CHANGES.replace_all(line, "*").into_owned(), line.clone())).collect();
            lines.sort();
            lines
        };
        let (shown, printed) = (sorted(shown), sorted(printed));
        let same = shown.iter().map(|(masked, _)| masked).eq(printed.iter().map(|(masked, _)| masked));
        for ((_, shown), (_, printed)) in shown.iter().zip(&printed).filter(|_| same) {
            let [shown, printed] = [shown, printed].map(|line| CHANGES.find_iter(line).map(|it| it.as_str().to_owned()));
            self.here.extend(shown.zip(printed));
        }
        same
    }
}
