//! A terminal of a given size that a command runs in, and what it shows.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

pub struct Terminal {
    master: File,
    child: Child,
    shown: Arc<Mutex<Shown>>,
    reader: Option<JoinHandle<()>>,
}

struct Shown {
    terminal: avt::Terminal,
    /// All that was written to it.
    raw: String,
}

const ROWS: u16 = 24;
/// What it shows before the command runs.
const BEFORE: &str = "$";

fn size(columns: u16) -> Winsize {
    Winsize { ws_row: ROWS, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

impl Terminal {
    /// Runs the command with its output on a terminal that has so many columns.
    pub fn run(columns: u16, command: Command) -> Self {
        Self::start(columns, command, true)
    }

    /// Runs it with stderr on the terminal. Stdout goes where the command says.
    pub fn run_beside(columns: u16, command: Command) -> Self {
        Self::start(columns, command, false)
    }

    fn start(columns: u16, mut command: Command, stdout: bool) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = File::from(rustix::fs::open(name, flags, Mode::empty()).unwrap());
        tcsetwinsize(&master, size(columns)).unwrap();
        if stdout {
            command.stdout(slave.try_clone().unwrap());
        }
        let terminal = terminal_of(&command);
        command.stderr(Stdio::from(slave)).env("TERM", terminal);
        let child = command.spawn().unwrap();
        // The terminal ends with its last writer.
        drop(command);
        let mut terminal = avt::Terminal::with_scrollback(columns.into(), ROWS.into(), None).unwrap();
        // It has been in use: its screen is full.
        terminal.feed(format!("{BEFORE}\r\n").repeat(ROWS.into()).as_str());
        let shown = Arc::new(Mutex::new(Shown { terminal, raw: String::new() }));
        let (mut from, to) = (File::from(master.try_clone().unwrap()), shown.clone());
        let reader = std::thread::spawn(move || {
            let (mut bytes, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
            while let Ok(read @ 1..) = from.read(&mut buffer) {
                bytes.extend(&buffer[..read]);
                // A character may come in two parts.
                let whole = bytes.utf8_chunks().next().map_or(0, |chunk| chunk.valid().len());
                let text = String::from_utf8(bytes.drain(..whole).collect()).unwrap();
                let mut shown = to.lock().unwrap();
                shown.terminal.feed(text.as_str());
                shown.raw += &text;
            }
        });
        Self { master: File::from(master), child, shown, reader: Some(reader) }
    }

    /// The rows that have text, from the first that was ever shown.
    pub fn rows(&self) -> Vec<String> {
        let shown = self.shown.lock().unwrap();
        let rows = shown.terminal.primary_screen().all_lines().map(|line| line.text().trim_end().to_owned());
        rows.filter(|row| !row.is_empty() && row != BEFORE).collect()
    }

    /// The same, with what was wrapped in one piece.
    pub fn lines(&self) -> Vec<String> {
        let lines = self.shown.lock().unwrap().terminal.primary_screen().text().into_iter();
        lines.map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty() && line != BEFORE).collect()
    }

    /// All that was written, with its escapes.
    pub fn raw(&self) -> String {
        self.shown.lock().unwrap().raw.clone()
    }

    /// Waits until a row has this text.
    #[track_caller]
    pub fn until(&self, text: &str) {
        let begun = Instant::now();
        while !self.rows().iter().any(|row| row.contains(text)) {
            assert!(begun.elapsed() < Duration::from_secs(60), "{text} never came: {:#?}", self.rows());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn resize(&self, columns: u16) {
        self.shown.lock().unwrap().terminal.resize(columns.into(), ROWS.into());
        tcsetwinsize(&self.master, size(columns)).unwrap();
    }

    pub fn interrupt(&self) {
        assert!(Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap().success());
    }

    /// The exit code, and what is left on the terminal.
    pub fn end(&mut self) -> (Option<i32>, Vec<String>) {
        let code = self.child.wait().unwrap().code();
        self.reader.take().unwrap().join().unwrap();
        (code, self.rows())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The one that the test has set, or a usual one.
fn terminal_of(command: &Command) -> OsString {
    let set = command.get_envs().find(|(name, _)| *name == "TERM").and_then(|(_, value)| value);
    set.map_or("xterm-256color".into(), Into::into)
}
