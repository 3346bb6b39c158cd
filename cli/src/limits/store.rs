//! Where the permits are: in a file that all commands of a user on this machine change, one after the other. A command
//! that can't use the file has permits of its own.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use tempfile::{Builder, NamedTempFile};

use super::permits::{Lane, Permits};
use crate::screen::Screen;
use crate::state;

/// A change takes a fraction of a millisecond. A command that was suspended in the middle of one keeps the file locked.
const PATIENCE: Duration = Duration::from_secs(5);
/// How the name of a file ends that a command has locked as long as it lives.
const LIFE: &str = ".alive";

pub struct Store {
    window: Duration,
    screen: Screen,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// As this command last saw them.
    permits: Permits,
    /// `None`: no other command sees them.
    shared: Option<Shared>,
    /// What this command is called in the permits.
    command: String,
}

impl Store {
    /// Permits of this command's own.
    pub fn own(window: Duration, screen: Screen) -> Self {
        Self { window, screen, state: Mutex::default() }
    }

    /// The permits of all commands on this machine.
    pub fn of_machine(window: Duration, screen: Screen) -> Self {
        let opened = state::directory("limits").and_then(Shared::open);
        let shared = opened.inspect_err(|error| alone(error, &screen)).ok();
        let command = shared.as_ref().map(Shared::command).unwrap_or_default();
        Self { window, screen, state: Mutex::new(State { permits: Permits::default(), shared, command }) }
    }

    /// Changes the permits of an operation in the name of this command, at this time. Blocks while other commands change
    /// theirs.
    pub fn change<T>(&self, lane: &str, change: impl FnOnce(&mut Lane, &str, u64) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { permits, shared, command } = &mut *state;
        match shared.as_ref().map(|shared| shared.begin(&self.screen)).transpose() {
            Ok(up_to_date) => *permits = up_to_date.unwrap_or_else(|| std::mem::take(permits)),
            Err(error) => {
                alone(&error, &self.screen);
                *shared = None;
            }
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
        let is_alive = |other: &str| shared.as_ref().is_some_and(|shared| shared.is_alive(other));
        permits.settle(now, |other| other == command || is_alive(other));
        let changed = change(permits.lane(lane, self.window.as_millis() as u64), command, now);
        if let Err(error) = shared.as_ref().map_or(Ok(()), |shared| shared.end(permits)) {
            alone(&error, &self.screen);
            *shared = None;
        }
        changed
    }
}

/// Says why no other command sees the permits of this one.
fn alone(error: &io::Error, screen: &Screen) {
    screen.note(&format!(
        "Canva's limits aren't shared with other commands on this machine: {error}; until this is mended, run one at a \
         time"
    ));
}

/// The directory of the file, with this command's own file of life. Closing the files unlocks them.
struct Shared {
    directory: PathBuf,
    lock: File,
    life: NamedTempFile,
}

impl Shared {
    fn open(directory: PathBuf) -> io::Result<Self> {
        let path = directory.join("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(about(&path))?;
        hold(&lock).map_err(about(&path))?;
        // A command that was killed leaves its file behind. None is made as long as the lock is held.
        for entry in fs::read_dir(&directory)? {
            let path = entry?.path();
            if path.to_string_lossy().ends_with(LIFE) && !is_locked(&path) {
                fs::remove_file(&path).map_err(about(&path))?;
            }
        }
        let life = Builder::new().prefix("command-").suffix(LIFE).tempfile_in(&directory)?;
        life.as_file().try_lock()?;
        lock.unlock()?;
        Ok(Self { directory, lock, life })
    }

    fn command(&self) -> String {
        let name = self.life.path().file_name().unwrap_or_default().to_string_lossy();
        name.trim_end_matches(LIFE).to_owned()
    }

    fn is_alive(&self, command: &str) -> bool {
        is_locked(&self.directory.join(format!("{command}{LIFE}")))
    }

    /// Locks the permits, and reads them. What can't be read is put aside: commands go on without it.
    fn begin(&self, screen: &Screen) -> io::Result<Permits> {
        hold(&self.lock).map_err(about(&self.directory.join("lock")))?;
        let path = self.permits();
        let permits = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Permits::default()),
            permits => permits.map_err(about(&path))?,
        };
        serde_json::from_slice(&permits).or_else(|error| {
            let aside = path.with_extension("unreadable");
            fs::rename(&path, &aside).map_err(about(&path))?;
            screen.note(&format!(
                "what was known of Canva's limits can't be read ({error}), and is now in {}; Canva may refuse a few \
                 requests, which are sent again",
                aside.display()
            ));
            Ok(Permits::default())
        })
    }

    /// Writes the permits, and unlocks them. A command that is killed meanwhile leaves the old ones.
    fn end(&self, permits: &Permits) -> io::Result<()> {
        let (path, new) = (self.permits(), self.directory.join("permits.new"));
        fs::write(&new, serde_json::to_vec(permits)?).map_err(about(&new))?;
        fs::rename(&new, &path).map_err(about(&path))?;
        self.lock.unlock()
    }

    fn permits(&self) -> PathBuf {
        self.directory.join("permits.json")
    }
}

/// Locks the file once no other command has it locked.
fn hold(lock: &File) -> io::Result<()> {
    let begun = Instant::now();
    loop {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => thread::sleep(Duration::from_millis(1)),
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::other("another command has had it locked for long"));
            }
            done => return Ok(done?),
        }
    }
}

/// Whether a living command has this file locked. What can't be told counts as locked.
fn is_locked(path: &Path) -> bool {
    match File::open(path) {
        Ok(file) => file.try_lock_shared().is_err(),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

fn about(path: &Path) -> impl Fn(io::Error) -> io::Error {
    let path = path.display().to_string();
    move |error| io::Error::new(error.kind(), format!("{path}: {error}"))
}
