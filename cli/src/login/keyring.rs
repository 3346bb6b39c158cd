//! Secrets in the system's keyring: the macOS keychain, the Windows Credential Manager, or the Secret Service of a
//! desktop.

pub use system::{NAME, get, remove, set};

/// The crate that talks D-Bus would make the first build a quarter longer; `secret-tool` comes with the keyring's library.
#[cfg(not(any(target_os = "macos", windows)))]
mod system {
    use std::io::{self, Write as _};
    use std::process::{Command, Output, Stdio};

    pub const NAME: &str = "the keyring";

    /// The secret of this name; `None` if the keyring has none.
    pub fn get(name: &str) -> io::Result<Option<String>> {
        let output = secret_tool(&["lookup"], name, "")?;
        match output.status.success() {
            true => Ok(Some(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())),
            false if output.stderr.is_empty() => Ok(None),
            false => Err(refused(&output)),
        }
    }

    pub fn set(name: &str, secret: &str) -> io::Result<()> {
        let output = secret_tool(&["store", "--label=canva login"], name, secret)?;
        if output.status.success() { Ok(()) } else { Err(refused(&output)) }
    }

    pub fn remove(name: &str) -> io::Result<()> {
        let output = secret_tool(&["clear"], name, "")?;
        // It fails without a word if there is no such secret.
        if output.status.success() || output.stderr.is_empty() { Ok(()) } else { Err(refused(&output)) }
    }

    /// Runs the program with what it reads: a secret is no argument, which other programs could see.
    fn secret_tool(command: &[&str], name: &str, input: &str) -> io::Result<Output> {
        let mut tool = Command::new("secret-tool");
        tool.args(command).args(["service", "canva", "login", name]);
        let spawned = tool.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.map_err(|error| io::Error::new(error.kind(), format!("secret-tool: {error}")))?;
        if let Some(mut stdin) = child.stdin.take()
            && let Err(error) = stdin.write_all(input.as_bytes())
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            return Err(error);
        }
        child.wait_with_output()
    }

    fn refused(output: &Output) -> io::Error {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.trim().trim_start_matches("secret-tool: ");
        io::Error::other(if said.is_empty() {
            format!("secret-tool ended with {}", output.status)
        } else {
            said.to_owned()
        })
    }
}

#[cfg(any(target_os = "macos", windows))]
mod system {
    use std::io;

    use keyring::{Entry, Error};

    #[cfg(target_os = "macos")]
    pub const NAME: &str = "the macOS keychain";
    #[cfg(windows)]
    pub const NAME: &str = "the Windows Credential Manager";

    /// The secret of this name; `None` if the keyring has none.
    pub fn get(name: &str) -> io::Result<Option<String>> {
        match entry(name)?.get_password() {
            Err(Error::NoEntry) => Ok(None),
            secret => secret.map(Some).map_err(io::Error::other),
        }
    }

    pub fn set(name: &str, secret: &str) -> io::Result<()> {
        entry(name)?.set_password(secret).map_err(io::Error::other)
    }

    pub fn remove(name: &str) -> io::Result<()> {
        match entry(name)?.delete_credential() {
            Err(Error::NoEntry) => Ok(()),
            removed => removed.map_err(io::Error::other),
        }
    }

    fn entry(name: &str) -> io::Result<Entry> {
        Entry::new("canva", name).map_err(io::Error::other)
    }
}
