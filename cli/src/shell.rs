//! What a shell and `man` know of the command: completions and man pages, made from its arguments.

use std::fs;
use std::io;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Args;

/// What the shell reads to complete the command's arguments.
pub fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "canva", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// Writes `canva.1`, and a page for each command.
pub fn man(directory: &Path) -> io::Result<()> {
    let written = fs::create_dir_all(directory).and_then(|()| clap_mangen::generate_to(Args::command(), directory));
    written.map_err(|error| {
        let message = format!("{}: can't write man pages: {error}; choose another directory", directory.display());
        io::Error::new(error.kind(), message)
    })
}
