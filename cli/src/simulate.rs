//! `canva simulate`: a simulator that stays, for other commands and programs.

use std::io;

use canva_simulator::Simulator;

use crate::args::Simulate;
use crate::output::Output;

pub async fn run(args: Simulate, output: &mut Output) -> io::Result<()> {
    let mut simulator = Simulator::builder().port(args.port);
    if let Some(limits) = args.rate_limits {
        simulator = simulator.rate_limits(limits);
    }
    if !args.scopes.is_empty() {
        simulator = simulator.scopes(args.scopes);
    }
    if let Some(time) = args.job_time {
        simulator = simulator.job_duration(time);
    }
    let simulator = simulator.start().await.map_err(|error| {
        let message = format!("can't listen on port {}: {error}; choose another with --port", args.port);
        io::Error::new(error.kind(), message)
    })?;
    output.simulator(&simulator)?;
    tokio::signal::ctrl_c().await
}
