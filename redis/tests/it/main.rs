//! What the package promises, against a real Redis and, where requests are sent, the simulator.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod encryption;
#[cfg(unix)]
mod fleet;
mod outages;
mod pacing;
mod pacing_script;
mod server;
mod tokens;
