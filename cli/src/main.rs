//! The command `canva`: from arguments to an exit code. `commands.rs` and `simulate.rs` do the work, `output.rs` prints
//! the results.

#![forbid(unsafe_code)]

mod args;
mod commands;
mod connection;
mod failure;
mod item;
mod output;
mod printable;
mod progress;
mod simulate;

use std::io;
use std::process::ExitCode;

use args::{Args, Command};
use connection::Connection;
use output::Output;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::read();
    let mut output = Output::new(args.json);
    match run(args, &mut output).await {
        Ok(()) if output.any_failed() => ExitCode::from(1),
        Ok(()) => ExitCode::SUCCESS,
        // The reader of the output has closed it, as `head` does: no error to report.
        Err(End::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(1),
        Err(End::Io(error)) => {
            output.say(&error.to_string());
            ExitCode::from(1)
        }
        Err(End::Usage(message)) => {
            output.say(&message);
            ExitCode::from(2)
        }
    }
}

async fn run(args: Args, output: &mut Output) -> Result<(), End> {
    match args.command {
        Command::Simulate(simulate) => Ok(simulate::run(simulate, output).await?),
        Command::Api(command) => {
            let connection = Connection::open(args.server).await?;
            Ok(commands::run(command, &connection.canva, output).await?)
        }
    }
}

/// Why the command stopped early.
enum End {
    /// The arguments or the environment are wrong.
    Usage(String),
    /// The output can't be written, or the simulator can't be started.
    Io(io::Error),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
