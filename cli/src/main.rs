//! The command `canva`: from arguments to an exit code. `commands.rs` and `simulate.rs` do the work, `output.rs` prints
//! the results.

#![forbid(unsafe_code)]

mod args;
mod commands;
mod connection;
mod failure;
mod files;
mod item;
mod output;
mod progress;
mod shared_limits;
mod simulate;
mod warnings;

use std::io;
use std::process::ExitCode;

use tokio::runtime::Runtime;

use args::{Args, Command};
use connection::Connection;
use output::Output;

fn main() -> ExitCode {
    let args = Args::read();
    let mut output = Output::new(args.json);
    warnings::show(output.progress());
    match block_on(run(args, &mut output)).map_err(End::Io).flatten() {
        Ok(()) if output.any_failed() => ExitCode::from(1),
        Ok(()) => ExitCode::SUCCESS,
        Err(End::Io(error)) => {
            output.say(&error.to_string());
            ExitCode::from(1)
        }
        Err(End::Stopped) => {
            output.say("stopped; files of which nothing is said are not in Canva");
            ExitCode::from(130)
        }
        Err(End::Usage(message)) => {
            output.say(&message);
            ExitCode::from(2)
        }
    }
}

/// Runs the future, and leaves behind whatever blocks a thread: the read of a file that hangs, or a simulator's look into
/// a file. The end of the process ends it.
fn block_on<T>(future: impl Future<Output = T>) -> io::Result<T> {
    let runtime = Runtime::new()?;
    let value = runtime.block_on(future);
    runtime.shutdown_background();
    Ok(value)
}

async fn run(args: Args, output: &mut Output) -> Result<(), End> {
    match args.command {
        Command::Simulate(simulate) => simulate::run(simulate, output).await?,
        Command::Api(command) => {
            let connection = Connection::open(args.server).await?;
            commands::run(command, &connection.canva, output).await?;
        }
    }
    Ok(())
}

/// Why the command stopped early.
enum End {
    /// The arguments or the environment are wrong.
    Usage(String),
    /// Ctrl-C, and what was under way has been said.
    Stopped,
    /// The output can't be written, or the simulator can't be started.
    Io(io::Error),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    #[test]
    fn the_end_waits_for_no_blocked_thread() {
        let (_goes_on, hangs) = mpsc::channel::<()>();
        let (ended, end) = mpsc::channel();
        std::thread::spawn(move || {
            let command = async {
                let (started, start) = tokio::sync::oneshot::channel();
                tokio::task::spawn_blocking(move || (started.send(()), hangs.recv()));
                start.await
            };
            ended.send(super::block_on(command).is_ok())
        });
        assert_eq!(end.recv_timeout(Duration::from_secs(10)), Ok(true));
    }
}
