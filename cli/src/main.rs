//! The command `canva`, from its arguments to its exit code.

#![forbid(unsafe_code)]

mod account;
mod args;
mod begun;
mod commands;
mod connection;
mod end;
mod failure;
mod files;
mod item;
mod limits;
mod list;
mod login;
mod output;
mod screen;
mod shell;
mod simulate;
mod state;
mod stop;

use std::io;
use std::process::ExitCode;

use tokio::runtime::Runtime;

use args::{Args, Command};
use end::End;
use output::Output;
use screen::Options;
use stop::Stop;

fn main() -> ExitCode {
    let args = Args::read();
    let mut output = Output::new(Options { quiet: args.quiet, verbose: args.verbose, json: args.json });
    match block_on(run(args, &mut output)).map_err(End::from).flatten() {
        Ok(()) => ExitCode::from(output.worst.code()),
        Err(End { code, message }) => {
            output.screen.say(&message);
            ExitCode::from(code)
        }
    }
}

/// Runs the future. Doesn't wait for blocked threads, such as one that reads a file: they end with the process.
fn block_on<T>(future: impl Future<Output = T>) -> io::Result<T> {
    let runtime = Runtime::new()?;
    let value = runtime.block_on(future);
    runtime.shutdown_background();
    Ok(value)
}

async fn run(args: Args, output: &mut Output) -> Result<(), End> {
    let stop = Stop::listen()?;
    match args.command {
        Command::Simulate(simulate) => simulate::run(simulate, &stop, output).await?,
        Command::Login(login) => stop.or(login::run(login, args.server.base_url, output)).await??,
        Command::Logout => stop.or(login::status::logout(args.server, output)).await??,
        Command::Status => {
            let connection = stop.or(connection::open(args.server, None, &output.screen)).await??;
            let done = stop.or(login::status::status(&connection, output)).await;
            connection.settled().await;
            done??;
        }
        Command::Completions { shell } => output.write(&shell::completions(shell))?,
        Command::Man { directory } => shell::man(&directory)?,
        Command::Api(command) => {
            let connection = stop.or(connection::open(args.server, command.timeout(), &output.screen)).await??;
            let done = commands::run(command, &connection, &stop, output).await;
            connection.settled().await;
            done?;
        }
    }
    Ok(())
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
