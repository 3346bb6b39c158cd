//! Where the command keeps what it must remember: journals, rate limits, a login.

use std::fs;
use std::io;
use std::path::PathBuf;

use etcetera::{BaseStrategy, choose_base_strategy};

/// A directory of the command's own below the user's state directory (`$XDG_STATE_HOME/canva`, by default
/// `~/.local/state/canva`; on Windows `%LOCALAPPDATA%\canva`). It is made, for the user alone.
pub fn directory(name: &str) -> io::Result<PathBuf> {
    let base = choose_base_strategy().map_err(|error| io::Error::new(io::ErrorKind::NotFound, error))?;
    let state = base.state_dir().unwrap_or_else(|| base.cache_dir());
    let directory = state.join("canva").join(name);
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let made = builder.create(&directory);
    made.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", directory.display())))?;
    Ok(directory)
}
