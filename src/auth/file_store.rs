//! Tokens in a file, for any number of processes.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::NamedTempFile;
use tokio::time::{Instant, sleep};

use super::store::LOCK_TIMEOUT;
use super::{StoreLock, TokenStore, Tokens};
use crate::boxed::{BoxError, BoxFuture};

/// The pause before a locked file is tried again: short beside a token request.
const LOCK_POLL: Duration = Duration::from_millis(20);

/// Tokens in a JSON file that only its owner can read (mode 0600 on Unix, whatever the umask), for any number of
/// processes on one machine.
///
/// - **A crash** leaves the old pair or the new one, because a save replaces the whole file. It may also leave the file
///   that was being written, `<name>.<random>.new`.
/// - **A symbolic link** stays, and its target is replaced.
/// - **Processes** refresh one after the other. They lock `<name>.lock`, an empty file beside the token file. Don't
///   delete it while a process is running.
/// - **A directory without write permission** is an error before the refresh token is used.
///
/// A full disk shows only when the new pair is saved. That pair is then kept in memory and saved at the next use, so
/// make room before the process ends. A single file that is mounted into a container can't be replaced at all: mount
/// its directory.
///
/// Nobody else may have write permission in the directory. Its file system must support locks; on a network file
/// system, find out whether a lock reaches all machines. The tokens are not encrypted: they are safe from other users,
/// but not from programs of the same user.
///
/// Errors are [`std::io::Error`]s that name the file. [`TimedOut`](ErrorKind::TimedOut) means that another process has
/// kept the file locked for 75 seconds, which is longer than a refresh takes.
#[derive(Clone, Debug)]
pub struct FileStore {
    path: PathBuf,
}

impl FileStore {
    /// The directory must exist. The file is made by the first login.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Works with the file, on a thread that may block.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, BoxError> {
        let path = self.path.clone();
        let done = tokio::task::spawn_blocking(move || work(&path)).await?;
        Ok(done.map_err(|e| self.about(e))?)
    }

    fn about(&self, e: io::Error) -> io::Error {
        io::Error::new(e.kind(), format!("{}: {e}", self.path.display()))
    }
}

impl TokenStore for FileStore {
    fn load(&self) -> BoxFuture<'_, Result<Option<Tokens>, BoxError>> {
        Box::pin(self.blocking(|path| {
            let text = match fs::read(target(path)?) {
                Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
                text => text?,
            };
            // The decoder's own message can quote a token.
            let unreadable = |_| io::Error::new(ErrorKind::InvalidData, "not a token file");
            serde_json::from_slice(&text).map(Some).map_err(unreadable)
        }))
    }

    /// Replaces the file without locking it.
    fn save<'a>(&'a self, tokens: &'a Tokens) -> BoxFuture<'a, Result<(), BoxError>> {
        let text = serde_json::to_vec(tokens);
        Box::pin(self.blocking(move |path| replace(&target(path)?, &text?)))
    }

    fn lock(&self) -> BoxFuture<'_, Result<StoreLock, BoxError>> {
        Box::pin(async {
            let until = Instant::now() + LOCK_TIMEOUT;
            // `File::lock` would wait without a limit, and keep a thread all the time.
            while Instant::now() < until {
                if let Some(lock) = self.blocking(try_lock).await? {
                    return Ok(StoreLock::new(lock));
                }
                sleep(LOCK_POLL).await;
            }
            let reason = format!("another process has kept it locked for {} s", LOCK_TIMEOUT.as_secs());
            Err(self.about(io::Error::new(ErrorKind::TimedOut, reason)).into())
        })
    }
}

/// The path of the file itself, with links followed. Only a regular file can be read without waiting, and replaced
/// without harm.
fn target(path: &Path) -> io::Result<PathBuf> {
    match fs::metadata(path) {
        Ok(found) if found.is_file() => fs::canonicalize(path),
        Ok(_) => Err(io::Error::new(ErrorKind::InvalidInput, "not a regular file")),
        Err(e) if e.kind() == ErrorKind::NotFound => match fs::read_link(path) {
            Ok(link) => target(&directory(path).join(link)),
            Err(_) => Ok(path.to_owned()),
        },
        Err(e) => Err(e),
    }
}

/// Locks the file until the lock is closed; `None` if another process has it.
fn try_lock(path: &Path) -> io::Result<Option<File>> {
    let path = target(path)?;
    let lock_path = beside(&path, ".lock");
    let opened = OpenOptions::new().write(true).create(true).truncate(false).open(&lock_path);
    let lock = opened.map_err(|e| io::Error::new(e.kind(), format!("{e} at path {lock_path:?}")))?;
    restrict(&lock)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(e)) => return Err(e),
    }
    // Shows whether a save can work, before the refresh token is used.
    new_file(&path)?;
    Ok(Some(lock))
}

fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut new = new_file(path)?;
    new.write_all(text)?;
    new.as_file().sync_all()?;
    new.persist(path)?;
    // After a power cut the old pair is useless, so the new name must be on the disk, too.
    #[cfg(unix)]
    let _ = File::open(directory(path)).and_then(|directory| directory.sync_all());
    Ok(())
}

/// A file beside this one, which is deleted when it is dropped.
fn new_file(path: &Path) -> io::Result<NamedTempFile> {
    let name = beside(Path::new(path.file_name().unwrap_or_default()), ".");
    let new = tempfile::Builder::new().prefix(&name).suffix(".new").tempfile_in(directory(path))?;
    restrict(new.as_file())?;
    Ok(new)
}

/// Gives the owner, and nobody else, the right to read and write.
fn restrict(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}
