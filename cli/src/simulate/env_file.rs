//! `--env-file`: what the simulator prints, as a file that is there while the simulator can be used.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::end::End;

/// How every file of this kind begins.
const FIRST_LINE: &str = "# Written by `canva simulate`, which removes it when it ends.";

/// A place that is free for the file.
pub struct Free(PathBuf);

/// A file that goes when this is dropped.
pub struct EnvFile {
    path: PathBuf,
    text: String,
    /// Locked, so that no other simulator takes its place. The lock is a shared one: on Windows, nobody could read the
    /// file under another.
    _lock: File,
}

impl Free {
    /// Removes a file that a killed simulator left behind, and refuses to touch any other one.
    pub fn at(path: &Path) -> Result<Self, End> {
        let about = |error: io::Error| End::usage(format!("--env-file {}: {error}", path.display()));
        match is_own(path) {
            Ok(true) => {
                let file = File::open(path).map_err(about)?;
                if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
                    let message = "it is that of another simulator, which still runs; choose another name";
                    return Err(about(io::Error::other(message)));
                }
                fs::remove_file(path).map_err(about)?;
            }
            Ok(false) => {
                let message = "something else is there, which isn't overwritten; choose another name";
                return Err(about(io::Error::other(message)));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(about(error)),
        }
        Ok(Self(path.to_owned()))
    }

    /// Writes the file, readable for its owner alone, so that it appears as a whole.
    pub fn write(self, variables: &[(&str, String)]) -> Result<EnvFile, End> {
        let about = |error: io::Error| End::usage(format!("--env-file {}: {error}", self.0.display()));
        let mut text = format!("{FIRST_LINE}\n");
        for (name, value) in variables {
            if !value.chars().all(is_plain) {
                let message = format!(
                    "{name} has a character that not every reader of such files takes; expected letters, digits and \
                     @%+=:,./_-"
                );
                return Err(about(io::Error::other(message)));
            }
            text += &format!("{name}={value}\n");
        }
        let directory = self.0.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new().prefix(".canva-simulator-").tempfile_in(directory).map_err(about)?;
        file.write_all(text.as_bytes()).map_err(about)?;
        // Some file systems have no locks.
        let _ = file.as_file().try_lock_shared();
        let lock = file.persist_noclobber(&self.0).map_err(|error| about(error.error))?;
        Ok(EnvFile { path: self.0, text, _lock: lock })
    }
}

impl Drop for EnvFile {
    fn drop(&mut self) {
        // Another simulator may have taken the place.
        if fs::read(&self.path).is_ok_and(|text| text == self.text.as_bytes()) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether a simulator has written what is there.
fn is_own(path: &Path) -> io::Result<bool> {
    // A pipe would never end.
    if !fs::metadata(path)?.is_file() {
        return Ok(false);
    }
    let mut start = Vec::new();
    File::open(path)?.take(FIRST_LINE.len() as u64).read_to_end(&mut start)?;
    Ok(start == FIRST_LINE.as_bytes())
}

/// Whether shells, dotenv files, Node and Docker all take the character as itself, without quotes.
pub fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "@%+=:,./_-".contains(c) || cfg!(windows) && c == '\\'
}
