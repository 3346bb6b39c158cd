//! Asks for a line on the terminal, shown as it is typed or not.

use std::io;

use tokio::task::spawn_blocking;

use crate::End;
use crate::screen::Screen;

/// What the user enters, without the space that comes with pasting.
pub async fn shown(what: &str, screen: &Screen) -> Result<String, End> {
    screen.ask(&format!("{what}: "));
    entered(what, read_line).await
}

/// The same for a secret. The terminal is as before once this has ended or is dropped.
#[cfg(unix)]
pub async fn hidden(what: &str, screen: &Screen) -> Result<String, End> {
    // Before the question: what is pasted at once isn't shown either.
    let _silence = Silence::begin()?;
    screen.ask(&format!("{what} (not shown): "));
    entered(what, read_line).await
}

#[cfg(windows)]
pub async fn hidden(what: &str, _: &Screen) -> Result<String, End> {
    let question = format!("{what} (not shown): ");
    entered(what, || rpassword::prompt_password(question)).await
}

fn read_line() -> io::Result<String> {
    let mut line = String::new();
    io::stdin().read_line(&mut line).map(|_| line)
}

async fn entered(what: &str, read: impl FnOnce() -> io::Result<String> + Send + 'static) -> Result<String, End> {
    let line = spawn_blocking(read).await.map_err(io::Error::other)??;
    match line.trim() {
        "" => Err(End::usage(format!("no {what} was entered; run `canva login` again"))),
        line => Ok(line.to_owned()),
    }
}

/// The terminal shows nothing of what is typed but the end of the line.
#[cfg(unix)]
struct Silence(rustix::termios::Termios);

#[cfg(unix)]
impl Silence {
    fn begin() -> io::Result<Self> {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        silent.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(io::stdin(), OptionalActions::Now, &silent)?;
        Ok(Self(before))
    }
}

#[cfg(unix)]
impl Drop for Silence {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing.
        let _ = rustix::termios::tcsetattr(io::stdin(), rustix::termios::OptionalActions::Now, &self.0);
    }
}
