//! What a person sees on stderr while the command works: messages and, on a terminal, rows below them that say how far
//! it is and what it waits for. Where nothing can be redrawn, a line now and then says so.

mod bar;
mod line;
mod look;
mod pace;
mod summary;
mod tally;
pub mod text;
mod traces;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, Write as _};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use canva_connect::Printable;

use crate::item::Status;

use self::bar::View;
pub use self::line::lines;
pub use self::look::Look;
use self::pace::Pace;
pub use self::summary::{Ended, summary};
pub use self::tally::{LimitWait, Sent, Tally};
pub use self::traces::about;

/// How often rows are drawn.
const TICK: Duration = Duration::from_millis(100);
/// What takes less isn't shown.
const SHORT: Duration = Duration::from_millis(300);
/// How often it is said how far the command is, where rows can't be drawn.
const SENTENCE: Duration = Duration::from_secs(30);
/// A shorter wait isn't worth a line.
const SHORT_WAIT: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, Default)]
pub struct Options {
    /// Only failures are said.
    pub quiet: bool,
    /// Each request is said.
    pub verbose: bool,
    /// A program reads the results.
    pub json: bool,
}

/// What may be written to stderr. Clones are the same screen.
#[derive(Clone)]
pub struct Screen(Arc<Inner>);

struct Inner {
    look: Look,
    /// Rows are drawn below the messages.
    draws: bool,
    quiet: bool,
    waits: OnceLock<Waits>,
    state: Mutex<State>,
    changed: Condvar,
}

type Waits = Box<dyn Fn() -> Option<LimitWait> + Send + Sync>;

#[derive(Default)]
struct State {
    shown: BTreeMap<u64, Shown>,
    next: u64,
    /// The rows that are drawn. The cursor is at the end of the last one.
    rows: Vec<String>,
    /// A thread looks at what is shown.
    watched: bool,
    ended: bool,
}

/// What the rows are about.
enum Shown {
    Files { tally: Arc<Mutex<Tally>>, pace: Pace, rows: Vec<String>, said: Instant, wait: Option<Instant> },
    One { name: String, since: Instant, said: Instant },
}

impl Screen {
    /// Messages of the library are shown from now on, too.
    pub fn new(options: Options) -> Self {
        let look = Look::of(&io::stderr());
        let screen = Self(Arc::new(Inner {
            look,
            // Another program that writes to the same terminal knows nothing of the rows.
            draws: look.moves && !options.quiet && !options.json && !stdout_is_pipe(),
            quiet: options.quiet,
            waits: OnceLock::new(),
            state: Mutex::default(),
            changed: Condvar::new(),
        }));
        traces::listen(screen.clone(), options.verbose);
        screen
    }

    /// Where waits for Canva's limits are seen.
    pub fn watch(&self, waits: impl Fn() -> Option<LimitWait> + Send + Sync + 'static) {
        // An error means that they are watched.
        let _ = self.0.waits.set(Box::new(waits));
    }

    /// Prints one line, even if the user wants no progress.
    pub fn say(&self, message: &str) {
        self.0.print(&format!("canva: {}\n", Printable(message)));
    }

    /// The user wants results and failures alone.
    pub fn is_quiet(&self) -> bool {
        self.0.quiet
    }

    /// Prints one line about the progress.
    pub fn note(&self, message: &str) {
        if !self.0.quiet {
            self.say(message);
        }
    }

    /// Prints text for a person who is asked for something. It is ready for the terminal.
    pub fn ask(&self, text: &str) {
        self.0.print(text);
    }

    /// Prints how something ended that isn't done, with its mark on a terminal.
    pub fn ended(&self, status: Status, name: &str, message: &str) {
        let (look, text) = (self.0.look, format!("{}: {}", Printable(name), Printable(message)));
        let head = if look.terminal { look.mark(status) } else { "canva:".to_owned() };
        self.0.print(&format!("{head} {text}\n"));
    }

    /// Prints how many files ended how, and what to do about those that aren't done. `done` is what was done with the
    /// others, such as `uploaded`. A program that sees no terminal hears nothing of a success.
    pub fn summary(&self, files: usize, ended: &[Ended], done: &str, took: Duration) {
        let all = ended.iter().filter(|it| it.is_done()).count() == files;
        if !self.0.quiet && files > 1 && (self.0.look.terminal || !all) {
            self.0.print(&summary(files, ended, done, took, self.0.look, size_of(&io::stderr()).0));
        }
    }

    /// Hides the rows while `write` prints to stdout, so that the two don't mix.
    pub fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        if !self.0.draws {
            return write();
        }
        let mut state = self.0.lock();
        if !state.rows.is_empty() {
            state.draw("", Vec::new());
        }
        let written = write();
        self.0.tick(&mut state);
        written
    }

    /// Shows what is waited for until this is dropped: one request, or a few that follow each other.
    pub fn line(&self, name: impl Display) -> Drawn {
        let now = Instant::now();
        self.add(Shown::One { name: name.to_string(), since: now, said: now })
    }

    /// Shows how far the files are until this is dropped.
    pub fn files(&self, tally: Arc<Mutex<Tally>>) -> Drawn {
        self.add(Shown::Files { tally, pace: Pace::default(), rows: Vec::new(), said: Instant::now(), wait: None })
    }

    /// Removes the rows, for good.
    pub fn end(&self) {
        let mut state = self.0.lock();
        state.ended = true;
        state.shown.clear();
        self.0.tick(&mut state);
        self.0.changed.notify_all();
    }

    fn add(&self, shown: Shown) -> Drawn {
        let mut state = self.0.lock();
        let number = state.next;
        state.next += 1;
        if !state.ended && !self.0.quiet {
            state.shown.insert(number, shown);
            if !state.watched {
                let inner = self.0.clone();
                let thread = std::thread::Builder::new().name("screen".to_owned());
                // Without a thread, nothing is shown.
                state.watched = thread.spawn(move || inner.keep_drawing()).is_ok();
            }
        }
        Drawn { screen: self.clone(), number }
    }
}

/// Is shown until it is dropped.
pub struct Drawn {
    screen: Screen,
    number: u64,
}

impl Drop for Drawn {
    fn drop(&mut self) {
        let inner = &self.screen.0;
        let mut state = inner.lock();
        state.shown.remove(&self.number);
        if state.shown.is_empty() {
            if !state.rows.is_empty() {
                state.draw("", Vec::new());
            }
            inner.changed.notify_all();
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Prints these lines above the rows.
    fn print(&self, lines: &str) {
        if !self.draws {
            return write(lines);
        }
        let mut state = self.lock();
        let rows = self.rows(&mut state);
        state.draw(lines, rows);
    }

    fn keep_drawing(&self) {
        let mut state = self.lock();
        while !state.shown.is_empty() {
            state = self.changed.wait_timeout(state, TICK).unwrap_or_else(PoisonError::into_inner).0;
            self.tick(&mut state);
        }
        state.watched = false;
    }

    fn tick(&self, state: &mut State) {
        if self.draws {
            let rows = self.rows(state);
            if !(rows.is_empty() && state.rows.is_empty()) {
                state.draw("", rows);
            }
        } else {
            self.sentences(state);
        }
    }

    fn wait(&self) -> Option<LimitWait> {
        // Each request asks for its turn, and most get it at once.
        self.waits.get().and_then(|waits| waits()).filter(|wait| wait.since.elapsed() >= SHORT)
    }

    fn view(&self, width: usize) -> View {
        View { look: self.look, width, now: Instant::now(), time: SystemTime::now(), clock: time_of_day }
    }

    fn rows(&self, state: &mut State) -> Vec<String> {
        let (wait, (width, height)) = (self.wait(), size_of(&io::stderr()));
        // The last column stays free: a terminal goes on to the next row there.
        let view = self.view(width - 1);
        let rows = state.shown.values_mut().flat_map(|shown| match shown {
            Shown::Files { tally, pace, rows, .. } => {
                // Who holds the tally may wait for the screen, and then sees the last rows again.
                if let Ok(tally) = tally.try_lock() {
                    pace.update(&tally, wait.as_ref(), view.now, view.time);
                    *rows = bar::rows(&tally, wait.as_ref(), pace, &view);
                }
                rows.clone()
            }
            Shown::One { since, .. } if since.elapsed() < SHORT => Vec::new(),
            Shown::One { name, since, .. } => vec![bar::row(name, *since, wait.as_ref(), &view)],
        });
        rows.take(height - 1).collect()
    }

    /// Says how far all is, every now and then and when a wait begins.
    fn sentences(&self, state: &mut State) {
        let (view, wait) = (self.view(usize::MAX), self.wait());
        for shown in state.shown.values_mut() {
            match shown {
                Shown::Files { tally, pace, said, wait: waiting, .. } => {
                    let Ok(tally) = tally.try_lock() else { continue };
                    pace.update(&tally, wait.as_ref(), view.now, view.time);
                    let worth = |wait: &&LimitWait| {
                        let until = wait.until.and_then(|until| until.duration_since(view.time).ok());
                        until.is_none_or(|left| left >= SHORT_WAIT)
                    };
                    let begins = wait.as_ref().filter(worth).map(|wait| wait.since);
                    let new = begins.is_some() && begins != *waiting;
                    if new || said.elapsed() >= SENTENCE {
                        (*said, *waiting) = (view.now, begins.or(*waiting));
                        write(&format!("canva: {}\n", bar::sentence(&tally, wait.as_ref(), pace, &view)));
                    }
                }
                Shown::One { name, since, said } if said.elapsed() >= SENTENCE => {
                    *said = view.now;
                    write(&format!("canva: {}\n", bar::row(name, *since, wait.as_ref(), &view)));
                }
                Shown::One { .. } => {}
            }
        }
    }
}

impl State {
    /// Writes the lines where the rows are, and these rows below them, at once. A terminal that was made narrower has
    /// wrapped the rows that it shows.
    fn draw(&mut self, lines: &str, rows: Vec<String>) {
        let (width, _) = size_of(&io::stderr());
        let shown: usize = self.rows.iter().map(|row| text::wrapped(row, width)).sum();
        let mut frame = String::from("\r");
        if shown > 1 {
            frame += &format!("\x1b[{}A", shown - 1);
        }
        for line in lines.lines() {
            frame += &format!("{line}\x1b[K\n");
        }
        // A row that the terminal takes to be wider than it should be is cut, not wrapped.
        frame += "\x1b[?7l";
        frame += &rows.join("\x1b[K\n");
        frame += "\x1b[J\x1b[?7h";
        if shown == 0 && rows.is_empty() {
            frame = lines.to_owned();
        }
        self.rows = rows;
        write(&frame);
    }
}

/// Writes all of it at once. Where several programs write to one terminal, parts would mix.
fn write(text: &str) {
    // An error means that stderr is gone; there is nowhere to report it.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// A terminal's columns and rows, each at least 2.
#[cfg(unix)]
pub fn size_of(stream: &impl std::os::fd::AsFd) -> (usize, usize) {
    usable(terminal_size::terminal_size_of(stream))
}

#[cfg(windows)]
pub fn size_of(stream: &impl std::os::windows::io::AsHandle) -> (usize, usize) {
    usable(terminal_size::terminal_size_of(stream))
}

fn usable(size: Option<(terminal_size::Width, terminal_size::Height)>) -> (usize, usize) {
    match size {
        Some((width, height)) if width.0 > 0 && height.0 > 0 => (width.0.max(2).into(), height.0.max(2).into()),
        _ => (80, 24),
    }
}

fn time_of_day(time: SystemTime) -> String {
    chrono::DateTime::<chrono::Local>::from(time).format("%H:%M:%S").to_string()
}

#[cfg(unix)]
fn stdout_is_pipe() -> bool {
    use std::os::fd::AsFd;
    use std::os::unix::fs::FileTypeExt;

    let stdout = io::stdout().as_fd().try_clone_to_owned().map(std::fs::File::from);
    let kind = stdout.and_then(|stdout| stdout.metadata()).map(|metadata| metadata.file_type());
    kind.is_ok_and(|kind| kind.is_fifo() || kind.is_socket())
}

#[cfg(not(unix))]
fn stdout_is_pipe() -> bool {
    !std::io::IsTerminal::is_terminal(&io::stdout())
}
