//! Rate limits that the commands of one machine share through a file. As in [`canva_connect::Pacing`], a permit comes back
//! a window after the response to its request.
//!
//! Each account has a file, which is replaced as a whole under a lock that is held for less than a millisecond. Each
//! command has a file of its own that it keeps locked, so that the others know whether it still runs.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use canva_connect::operations::Operation;
use canva_connect::pacing::{PausedError, Permit};
use canva_connect::{BoxError, BoxFuture, Pacer};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use tokio::sync::Mutex as Turn;
use tokio::time::sleep;

use super::Waits;
use crate::account::Account;

/// How often it is tried again while all permits are with requests that are under way, and nobody knows for how long.
const POLL: Duration = Duration::from_millis(200);

/// How long the lock of a command that stands still is waited for. Others hold it for less than a millisecond.
const PATIENCE: Duration = Duration::from_millis(500);

/// How the names of the commands' own files begin.
const COMMAND: &str = "command-";

pub struct LocalPacing {
    shared: Arc<Shared>,
    window: Duration,
    waits: Waits,
    /// Requests of one operation take turns, so that they leave in their order.
    turns: Mutex<HashMap<&'static str, Arc<Turn<()>>>>,
}

struct Shared {
    file: PathBuf,
    directory: PathBuf,
    /// This command's own name in the file.
    me: String,
    /// Locked as long as this command runs, and deleted after it.
    _alive: NamedTempFile,
}

/// What the file says of each operation.
type Lanes = BTreeMap<String, Lane>;

#[derive(Default, Serialize, Deserialize)]
struct Lane {
    /// Those that are taken, and those that haven't come back.
    permits: Vec<Taken>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pause: Option<Pause>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Taken {
    by: String,
    /// When it comes back, in milliseconds since the Unix epoch. `None`: its request is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    back: Option<u64>,
}

/// What a 429 asked for, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Pause {
    began: u64,
    asked: u64,
    /// A request was sent since, whose answer counts.
    #[serde(default)]
    overridden: bool,
}

/// Why there is no permit now.
#[derive(Debug, PartialEq)]
enum Wait {
    /// Until then, there will be none.
    Until(u64),
    /// Until a request that is under way has ended.
    Release,
    Paused(PausedError),
}

impl Lane {
    /// Takes a permit, or says why there is none.
    fn take(
        &mut self,
        me: &str,
        limit: usize,
        now: u64,
        window: u64,
        max_wait: Duration,
        lives: impl Fn(&str) -> bool,
    ) -> Result<(), Wait> {
        for taken in &mut self.permits {
            match taken.back {
                // The clock was set back.
                Some(back) if back > now + window => taken.back = Some(now + window),
                // Its command was killed. Its request may just have arrived.
                None if taken.by != me && !lives(&taken.by) => taken.back = Some(now + window),
                _ => {}
            }
        }
        self.permits.retain(|taken| taken.back.is_none_or(|back| back > now));
        if let Some(pause) = &self.pause {
            let elapsed = now.saturating_sub(pause.began);
            let asked = Duration::from_millis(pause.asked);
            PausedError::check(asked, Duration::from_millis(elapsed), max_wait).map_err(Wait::Paused)?;
            // A pause that was too long to wait for ends early.
            if asked <= max_wait && elapsed < pause.asked && pause.began <= now {
                return Err(Wait::Until(pause.began + pause.asked));
            }
        }
        if self.permits.len() >= limit {
            let first = self.permits.iter().filter_map(|taken| taken.back).min();
            return Err(first.map_or(Wait::Release, Wait::Until));
        }
        self.permits.push(Taken { by: me.to_owned(), back: None });
        if let Some(pause) = &mut self.pause {
            pause.overridden = true;
        }
        Ok(())
    }

    /// The request of this command's oldest permit is over.
    fn release(&mut self, me: &str, sent: bool, now: u64, window: u64) {
        let mine = self.permits.iter().position(|taken| taken.by == me && taken.back.is_none());
        match mine.and_then(|at| self.permits.get_mut(at).map(|taken| (at, taken))) {
            Some((_, taken)) if sent => taken.back = Some(now + window),
            Some((at, _)) => drop(self.permits.remove(at)),
            None => {}
        }
    }

    fn pause(&mut self, asked: u64, now: u64) {
        let left = |pause: &Pause| (pause.began + pause.asked).saturating_sub(now);
        if self.pause.as_ref().is_none_or(|other| other.overridden || left(other) <= asked) {
            self.pause = Some(Pause { began: now, asked, overridden: false });
        }
    }
}

impl LocalPacing {
    pub fn open(directory: &Path, account: &Account, window: Duration, waits: Waits) -> io::Result<Self> {
        let file = directory.join(format!("{account}.json"));
        // Nobody takes the new file for one that was left behind.
        let _lock = lock(&file)?;
        for left in fs::read_dir(directory)?.flatten() {
            if left.file_name().to_string_lossy().starts_with(COMMAND) && !is_locked(&left.path()) {
                let _ = fs::remove_file(left.path());
            }
        }
        let alive = tempfile::Builder::new().prefix(COMMAND).tempfile_in(directory)?;
        alive.as_file().lock()?;
        let me = alive.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let shared = Shared { file, directory: directory.to_owned(), me, _alive: alive };
        Ok(Self { shared: Arc::new(shared), window, waits, turns: Mutex::default() })
    }

    fn turn(&self, operation: &Operation) -> Arc<Turn<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.entry(operation.id).or_default().clone()
    }

    async fn take(&self, operation: &'static Operation, max_wait: Duration) -> io::Result<Result<(), Wait>> {
        let (shared, window) = (self.shared.clone(), millis(self.window));
        let limit = operation.requests_per_minute.map_or(usize::MAX, |limit| limit as usize);
        let taking = tokio::task::spawn_blocking(move || {
            shared.change(|lanes| {
                let lane = lanes.entry(operation.id.to_owned()).or_default();
                lane.take(&shared.me, limit, now(), window, max_wait, |name| shared.lives(name))
            })
        });
        taking.await.map_err(io::Error::other)?
    }
}

impl Pacer for LocalPacing {
    fn acquire(&self, operation: &'static Operation, max_wait: Duration) -> BoxFuture<'_, Result<Permit, BoxError>> {
        Box::pin(async move {
            let turn = self.turn(operation);
            let _turn = turn.lock().await;
            let _end = Ended(&self.waits, operation);
            loop {
                match self.take(operation, max_wait).await? {
                    Ok(()) => break,
                    Err(Wait::Until(until)) => {
                        self.waits.set(operation, self.window, Some(UNIX_EPOCH + Duration::from_millis(until)));
                        // Another command may take it first, or give one back that it didn't use.
                        sleep(Duration::from_millis(until.saturating_sub(now())).min(Duration::from_secs(1))).await;
                    }
                    Err(Wait::Release) => {
                        self.waits.set(operation, self.window, None);
                        sleep(POLL).await;
                    }
                    Err(Wait::Paused(error)) => return Err(error.into()),
                }
            }
            let (shared, window) = (self.shared.clone(), millis(self.window));
            Ok(Permit::new(move |sent| {
                // If this can't be written, the permit comes back after this command's end.
                let _ = shared.change(|lanes| {
                    let lane = lanes.entry(operation.id.to_owned()).or_default();
                    lane.release(&shared.me, sent, now(), window);
                });
            }))
        })
    }

    fn pause(&self, operation: &'static Operation, pause: Duration) {
        // If this can't be written, Canva says it again.
        let _ = self.shared.change(|lanes| {
            lanes.entry(operation.id.to_owned()).or_default().pause(millis(pause), now());
        });
    }
}

/// Nothing waits any more when this is dropped.
struct Ended<'a>(&'a Waits, &'static Operation);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.end(self.1);
    }
}

impl Shared {
    /// Reads the file, changes what it says and replaces it, while no other command does.
    fn change<T>(&self, change: impl FnOnce(&mut Lanes) -> T) -> io::Result<T> {
        let _lock = lock(&self.file)?;
        // A file that can't be understood counts nothing: Canva then refuses what is too much.
        let text = fs::read(&self.file).unwrap_or_default();
        let mut lanes: Lanes = serde_json::from_slice(&text).unwrap_or_default();
        let changed = change(&mut lanes);
        lanes.retain(|_, lane| !lane.permits.is_empty() || lane.pause.is_some());
        let new = self.file.with_extension("new");
        fs::write(&new, serde_json::to_vec(&lanes)?)?;
        fs::rename(new, &self.file)?;
        Ok(changed)
    }

    /// Whether the command of this name runs.
    fn lives(&self, name: &str) -> bool {
        // Names come from a file, and must not lead elsewhere.
        Path::new(name).file_name().is_some_and(|name| is_locked(&self.directory.join(name)))
    }
}

/// Locks the file of an account, against other commands.
fn lock(file: &Path) -> io::Result<File> {
    let lock = File::options().create(true).write(true).truncate(false).open(file.with_extension("lock"))?;
    let began = Instant::now();
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) if began.elapsed() < PATIENCE => thread::sleep(Duration::from_millis(1)),
            Err(TryLockError::WouldBlock) => {
                let message = format!("{}: another command keeps it locked", file.display());
                return Err(io::Error::new(io::ErrorKind::TimedOut, message));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

fn is_locked(file: &Path) -> bool {
    File::open(file).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn now() -> u64 {
    millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// A pause may be one of years.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX / 4).min(u64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: u64 = 60_000;
    const MAX_WAIT: Duration = Duration::from_secs(300);

    fn take(lane: &mut Lane, me: &str, now: u64, living: &[&str]) -> Result<(), Wait> {
        lane.take(me, 2, now, WINDOW, MAX_WAIT, |name| living.contains(&name))
    }

    #[test]
    fn a_permit_comes_back_a_window_after_the_response_and_at_once_if_it_was_not_used() {
        let mut lane = Lane::default();
        assert_eq!(take(&mut lane, "a", 0, &[]), Ok(()));
        assert_eq!(take(&mut lane, "b", 0, &["a"]), Ok(()));
        assert_eq!(take(&mut lane, "a", 1, &["b"]), Err(Wait::Release));
        lane.release("a", true, 5_000, WINDOW);
        assert_eq!(take(&mut lane, "a", 6_000, &["b"]), Err(Wait::Until(65_000)));
        lane.release("b", false, 7_000, WINDOW);
        assert_eq!(take(&mut lane, "a", 8_000, &["b"]), Ok(()));
        assert_eq!(take(&mut lane, "b", 64_999, &["a"]), Err(Wait::Until(65_000)));
        assert_eq!(take(&mut lane, "b", 65_000, &["a"]), Ok(()));
    }

    #[test]
    fn the_permits_of_a_killed_command_come_back_a_window_after_that_is_seen() {
        let mut lane = Lane::default();
        (0..2).for_each(|_| assert_eq!(take(&mut lane, "killed", 0, &[]), Ok(())));
        assert_eq!(take(&mut lane, "b", 10_000, &["killed"]), Err(Wait::Release));
        assert_eq!(take(&mut lane, "b", 20_000, &[]), Err(Wait::Until(80_000)));
        assert_eq!(take(&mut lane, "b", 80_000, &[]), Ok(()));
    }

    #[test]
    fn a_clock_that_was_set_back_keeps_a_permit_for_no_longer_than_a_window() {
        let mut lane = Lane::default();
        (0..2).for_each(|_| assert_eq!(take(&mut lane, "a", 0, &[]), Ok(())));
        (0..2).for_each(|_| lane.release("a", true, 9_000_000, WINDOW));
        assert_eq!(take(&mut lane, "a", 1_000, &[]), Err(Wait::Until(61_000)));
        lane.pause(5_000, 9_000_000);
        assert_eq!(take(&mut lane, "a", 61_000, &[]), Ok(()));
    }

    #[test]
    fn a_pause_holds_for_all_and_one_that_is_too_long_is_refused() {
        let mut lane = Lane::default();
        lane.pause(10_000, 0);
        // A shorter one doesn't shorten it.
        lane.pause(1_000, 1_000);
        assert_eq!(take(&mut lane, "b", 2_000, &[]), Err(Wait::Until(10_000)));
        assert_eq!(take(&mut lane, "b", 10_000, &[]), Ok(()));
        lane.pause(86_400_000, 10_000);
        assert!(matches!(take(&mut lane, "b", 20_000, &[]), Err(Wait::Paused(_))));
        assert_eq!(take(&mut lane, "b", 310_000, &["b"]), Ok(()));
        lane.pause(u64::MAX / 4, 0);
    }
}
