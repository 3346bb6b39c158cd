//! `canva simulate`: a simulator for other commands and programs, until Ctrl-C or another signal ends it.

use std::io::{self, Write};

use canva_simulator::{Simulator, Tls};
use tempfile::NamedTempFile;

use crate::args::simulate::Simulate;
use crate::output::Output;
use crate::stop::Stop;

pub async fn run(args: Simulate, stop: &Stop, output: &mut Output) -> io::Result<()> {
    #[cfg(unix)]
    crate::open_files::raise();
    let mut simulator = Simulator::builder().port(args.port);
    if let Some(limits) = args.rate_limits {
        simulator = simulator.rate_limits(limits);
    }
    if let Some(window) = args.rate_window {
        simulator = simulator.rate_window(window);
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
    output.simulator(&simulator, certificate.as_ref().map(NamedTempFile::path), args.rate_window)?;
    stop.requested().await;
    Ok(())
}

fn certificate_file(certificate: &str) -> io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix("canva-simulator-").suffix(".pem").tempfile()?;
    file.write_all(certificate.as_bytes())?;
    Ok(file)
}
