//! `canva simulate`: a simulator that stays, for other commands and programs.

use std::io;

use canva_simulator::Simulator;

use crate::args::Simulate;
use crate::output::Output;

pub async fn run(args: Simulate, output: &mut Output) -> io::Result<()> {
    let simulator = Simulator::builder().port(args.port).start().await.map_err(|error| {
        let message = format!("can't listen on port {}: {error}; choose another with --port", args.port);
        io::Error::new(error.kind(), message)
    })?;
    output.simulator(simulator.base_url(), simulator.token())?;
    tokio::signal::ctrl_c().await
}
