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

/// What no two runs have in common: ids, which stand for the same thing wherever they are, and what may be anything.
static CHANGES: LazyLock<Regex> = LazyLock::new(|| {
    let ids = [r"(?:M|DA|FA)sim\d+", r"[0-9a-f]{8}-[0-9a-f-]{27}", r"127\.0\.0\.1:\d+"];
    let others = [r"simulated-request-\d+", r"token=[0-9a-f-]+", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", r"\bin \d+ m?s\b"];
    Regex::new(&format!("(?<id>{})|{}", ids.join("|"), others.join("|"))).unwrap()
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
        let printed = stage.run(command, &shown);
        let missing: Vec<_> = shown.iter().filter(|line| !printed.contains(line)).collect();
        let new: Vec<_> = printed.iter().filter(|line| !shown.contains(line)).collect();
        let same = missing.is_empty() && new.is_empty() && shown.len() == printed.len();
        if !same {
            wrong += &format!("\n{document}: {line}\n");
            missing.iter().for_each(|line| wrong += &format!("  - {line}\n"));
            new.iter().for_each(|line| wrong += &format!("  + {line}\n"));
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
    /// What is here for an id of the document, and the other way round.
    here: BTreeMap<String, String>,
    there: BTreeMap<String, String>,
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
        Self { simulator: SimulatorProcess::start(), directory, state, here: BTreeMap::new(), there: BTreeMap::new() }
    }

    /// What a terminal shows once the command has ended, as the document would show it, which shows `shown` now.
    fn run(&mut self, command: &str, shown: &[String]) -> Vec<String> {
        let command = translated(command, &self.here);
        let binaries = Path::new(env!("CARGO_BIN_EXE_canva")).parent().unwrap();
        let path =
            std::env::join_paths([binaries, Path::new("/usr/local/bin"), Path::new("/usr/bin"), Path::new("/bin")]);
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
        let mut terminal = Terminal::run(COLUMNS, shell);
        terminal.end();
        let mut printed = terminal.lines();
        // The lines may come in any order.
        for line in shown {
            if let Some(at) = printed.iter().position(|printed| self.is_same(line, printed)) {
                let found = CHANGES.captures_iter(line).zip(CHANGES.captures_iter(&printed[at]));
                for (there, here) in found.filter_map(|(there, here)| there.name("id").zip(here.name("id"))) {
                    self.here.insert(there.as_str().to_owned(), here.as_str().to_owned());
                    self.there.insert(here.as_str().to_owned(), there.as_str().to_owned());
                }
                printed[at].clone_from(line);
            }
        }
        printed.iter_mut().filter(|line| !shown.contains(line)).for_each(|line| *line = translated(line, &self.there));
        printed
    }

    /// Whether the lines differ only in what changes, with each id standing for what it has stood for.
    fn is_same(&self, shown: &str, printed: &str) -> bool {
        let masked =
            |line| CHANGES.replace_all(line, |found: &Captures| found.name("id").map_or("*", |_| "#")).into_owned();
        let mut pairs = CHANGES.find_iter(shown).zip(CHANGES.find_iter(printed));
        masked(shown) == masked(printed)
            && pairs.all(|(shown, printed)| {
                self.here.get(shown.as_str()).is_none_or(|here| here == printed.as_str())
                    && self.there.get(printed.as_str()).is_none_or(|there| there == shown.as_str())
            })
    }
}

/// Each id in the text as its counterpart.
fn translated(text: &str, counterparts: &BTreeMap<String, String>) -> String {
    let one = |found: &Captures| counterparts.get(&found[0]).cloned().unwrap_or_else(|| found[0].to_owned());
    CHANGES.replace_all(text, one).into_owned()
}
