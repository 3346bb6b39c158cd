//! `canva simulate`: a simulator for other commands and programs, until Ctrl-C or another signal ends it.

use std::io::{self, Write};

use canva_simulator::{Simulator, Tls};
use tempfile::NamedTempFile;

use crate::args::simulate::Simulate;
use crate::output::Output;

pub async fn run(args: Simulate, output: &mut Output) -> io::Result<()> {
    // Listened for from here on, before there is a file that a signal could leave behind.
    let stopped = stopped()?;
    let mut simulator = Simulator::builder().port(args.port);
    if let Some(limits) = args.rate_limits {
        simulator = simulator.rate_limits(limits);
    }
    if !args.scopes.is_empty() {
        simulator = simulator.scopes(args.scopes);
    }
    if args.tls {
        simulator = simulator.tls(Tls::Both);
    }
    if let Some(time) = args.job_time {
        simulator = simulator.job_duration(time);
    }
    let simulator = simulator.start().await.map_err(|error| {
        let message = format!("can't start on port {}: {error}; choose another with --port", args.port);
        io::Error::new(error.kind(), message)
    })?;
    // The file is deleted when this returns.
    let certificate = simulator.certificate().map(certificate_file).transpose()?;
    output.simulator(&simulator, certificate.as_ref().map(NamedTempFile::path))?;
    stopped.await;
    Ok(())
}

/// Resolves at Ctrl-C, at the end of a service, or when the terminal is closed.
#[cfg(unix)]
fn stopped() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => (),
            _ = terminate.recv() => (),
            _ = hangup.recv() => (),
        }
    })
}

/// Resolves at Ctrl-C.
#[cfg(windows)]
fn stopped() -> io::Result<impl Future<Output = ()>> {
    let mut ctrl_c = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        ctrl_c.recv().await;
    })
}

fn certificate_file(certificate: &str) -> io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix("canva-simulator-").suffix(".pem").tempfile()?;
    file.write_all(certificate.as_bytes())?;
    Ok(file)
}
