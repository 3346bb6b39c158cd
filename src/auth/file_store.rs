//! Tokens in a file, for any number of processes.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::store::LOCK_TIMEOUT;
use super::{StoreLock, TokenStore, Tokens};
use crate::boxed::{BoxError, BoxFuture};
use crate::sync::lock;

/// How often a locked file is looked at: short beside a token request.
const LOCK_POLL: Duration = Duration::from_millis(20);
/// Room for a pair of tokens. Headers of more than 16 KiB are refused by most servers, so tokens are shorter than that.
const ROOM: usize = 64 * 1024;
/// As many links as Linux follows.
const MAX_LINKS: usize = 40;

/// Tokens in a JSON file that only its owner can read (mode 0600 on Unix, whatever the umask), for any number of processes of
/// one machine.
///
/// The file is replaced as a whole, so that a crash leaves either the old pair or the new one. A symbolic link is followed:
/// its target is replaced. Two files stand beside the file, or beside the link's target. `<name>.lock` is locked while tokens
/// are refreshed and saved, so that processes refresh one after the other; it is empty, and stays. `<name>.new` is what is
/// about to become the file. Before a refresh begins, the file is replaced by itself, and `<name>.new` written at full size. So a
/// directory or disk that can't be written to, and a file that can't be replaced, cost no refresh token. A single file that is
/// mounted into a container can't be replaced: mount its directory. A killed process may leave `<name>.new`, and the next one
/// replaces it.
///
/// The directory must be one where nobody else may write, and on a file system that can lock files; a network's should be
/// asked whether its locks reach all machines. What the tokens are protected from is other users, not programs of the same
/// user: they are not encrypted.
///
/// Errors are [`std::io::Error`]s that name the file. [`TimedOut`](ErrorKind::TimedOut) says that another process has kept the
/// file locked for 75 seconds, which is longer than a refresh takes.
#[derive(Clone, Debug)]
pub struct FileStore {
    path: PathBuf,
    /// What is locked now, through this store or a clone of it.
    locked: Arc<Mutex<Option<Locked>>>,
}

impl FileStore {
    /// The file need not be there, but its directory must.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), locked: Arc::default() }
    }

    /// Saves under the lock that is held; `None` if there is none.
    async fn save_locked(&self, text: Vec<u8>) -> Result<Option<()>, BoxError> {
        let locked = self.locked.clone();
        blocking(move || lock(&locked).as_mut().map(|locked| locked.replace(&text)).transpose()).await
    }
}

impl TokenStore for FileStore {
    fn load(&self) -> BoxFuture<'_, Result<Option<Tokens>, BoxError>> {
        let path = self.path.clone();
        Box::pin(blocking(move || {
            let Some(text) = read(&path).map_err(about(&path))? else { return Ok(None) };
            // Not the decoder's own words: they can quote what they read.
            let unreadable = |_| about(&path)(io::Error::new(ErrorKind::InvalidData, "not a token file"));
            serde_json::from_slice(&text).map(Some).map_err(unreadable)
        }))
    }

    fn save<'a>(&'a self, tokens: &'a Tokens) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(async move {
            let text = serde_json::to_vec(tokens)?;
            if let Some(saved) = self.save_locked(text.clone()).await? {
                return Ok(saved);
            }
            let _lock = self.lock().await?;
            self.save_locked(text).await?.ok_or_else(|| "the file was unlocked while it was saved".into())
        })
    }

    fn lock(&self) -> BoxFuture<'_, Result<StoreLock, BoxError>> {
        Box::pin(async move {
            let until = Instant::now() + LOCK_TIMEOUT;
            loop {
                let path = self.path.clone();
                // Not std's own waiting: it has no bound, and would keep a thread for as long.
                if let Some(locked) = blocking(move || Locked::new(&path)).await? {
                    *lock(&self.locked) = Some(locked);
                    return Ok(StoreLock::new(Unlock(self.locked.clone())));
                }
                if Instant::now() >= until {
                    let reason = format!("another process has kept it locked for {} s", LOCK_TIMEOUT.as_secs());
                    return Err(about(&self.path)(io::Error::new(ErrorKind::TimedOut, reason)).into());
                }
                sleep(LOCK_POLL).await;
            }
        })
    }
}

struct Unlock(Arc<Mutex<Option<Locked>>>);

impl Drop for Unlock {
    fn drop(&mut self) {
        lock(&self.0).take();
    }
}

/// The right to replace the file, which ends when this is dropped, or with the process.
#[derive(Debug)]
struct Locked {
    /// The file itself, with links followed.
    path: PathBuf,
    /// `<name>.new`
    new: PathBuf,
    /// What is there, until it is used.
    room: Option<File>,
    /// `<name>.lock`, which is unlocked when it is closed.
    _lock: File,
}

impl Locked {
    /// Locks the file and makes room for a save; `None` if somebody else has locked it.
    fn new(path: &Path) -> io::Result<Option<Self>> {
        let path = follow(path).map_err(about(path))?;
        is_there(&path).map_err(about(&path))?;
        let (lock_path, new) = (beside(&path, ".lock"), beside(&path, ".new"));
        let lock = open_lock(&lock_path).map_err(about(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(e)) => return Err(about(&lock_path)(e)),
        }
        // Somebody deleted it meanwhile, and another process may have locked a new one.
        if !is_at(&lock, &lock_path) {
            return Ok(None);
        }
        let mut locked = Self { path, new, room: None, _lock: lock };
        // A rehearsal with what is there now. A file that can't be replaced, because it is a mount point or immutable for
        // example, shows here and not when the refresh token is spent.
        if let Some(text) = read(&locked.path).map_err(about(&locked.path))? {
            locked.replace(&text)?;
        }
        locked.room = Some(locked.make_room()?);
        Ok(Some(locked))
    }

    fn make_room(&self) -> io::Result<File> {
        let make = || {
            // Removed first: what is there could be a link, or a file that somebody else has open.
            match fs::remove_file(&self.new) {
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
                _ => {}
            }
            let mut room = create(&self.new)?;
            // Written and not just set, so that the disk has set it aside.
            room.write_all(&[0; ROOM])?;
            room.sync_all()?;
            Ok(room)
        };
        make().map_err(about(&self.new))
    }

    fn replace(&mut self, text: &[u8]) -> io::Result<()> {
        let mut file = self.room.take().map_or_else(|| self.make_room(), Ok)?;
        let mut write = || {
            file.rewind()?;
            file.write_all(text)?;
            file.set_len(text.len() as u64)?;
            file.sync_all()
        };
        write().map_err(about(&self.new))?;
        // Where the lock doesn't hold, because its file was deleted for example, it may be another process's by now.
        if !is_at(&file, &self.new) {
            return Err(about(&self.new)(io::Error::other("another process has replaced it")));
        }
        fs::rename(&self.new, &self.path).map_err(about(&self.path))?;
        // After a power cut the old pair is useless, so the directory too, where the system can do that.
        #[cfg(unix)]
        let _ = File::open(directory(&self.path)).and_then(|directory| directory.sync_all());
        Ok(())
    }
}

impl Drop for Locked {
    /// Before the fields are dropped, so still locked.
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.new);
    }
}

/// Where the file really is.
fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = directory(&path).join(target),
            // No link, or nothing.
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::new(ErrorKind::InvalidInput, "too many symbolic links"))
}

/// Whether this open file is the one at this path, where the system can say.
fn is_at(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let id = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        file.metadata().map(id).ok() == fs::symlink_metadata(path).map(id).ok()
    }
    #[cfg(not(unix))]
    {
        let _ = (file, path);
        true
    }
}

fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Whether there is a regular file. Anything else is an error: to read a FIFO would be to wait for somebody who writes.
fn is_there(path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(true),
        Ok(_) => Err(not_regular()),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

fn not_regular() -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, "not a regular file")
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    if is_there(path)? { fs::read(path).map(Some) } else { Ok(None) }
}

fn open_lock(path: &Path) -> io::Result<File> {
    match create(path) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {
            if !fs::symlink_metadata(path)?.is_file() {
                return Err(not_regular());
            }
            OpenOptions::new().write(true).open(path)
        }
        created => created,
    }
}

/// A new file that only its owner can read and write.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    // What the umask took away.
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(file)
}

/// Off the async threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, BoxError> {
    Ok(tokio::task::spawn_blocking(work).await??)
}

/// The error, of its kind, with the file that it is about.
fn about(path: &Path) -> impl Fn(io::Error) -> io::Error {
    let path = path.display().to_string();
    move |e| io::Error::new(e.kind(), format!("{path}: {e}"))
}
