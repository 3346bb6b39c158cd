//! The pacing in virtual time. A real Redis runs the script, and is told tokio's time in place of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod lane;
mod script;
#[allow(dead_code)]
#[path = "../../../tests/it/server.rs"]
mod server;

use std::sync::mpsc::{Sender, channel};

use redis::ScriptInvocation;
use tokio::time::Instant;

use server::Server;

/// An hour after the epoch: far from all the times that the script begins with.
const START: u64 = 3_600_000;

impl Server {
    /// A connection for the test itself.
    fn connect(&self) -> redis::Connection {
        redis::Client::open(self.url()).unwrap().get_connection().unwrap()
    }
}

thread_local! {
    /// When the test began that runs on this thread.
    static BEGAN: Instant = Instant::now();
}

/// The script, with the time as its second argument, in a Redis that has run for long.
pub fn with_given_time(script: &str) -> String {
    let (time, up) = ("redis.call('TIME')", "string.match(info, 'uptime_in_seconds:(%d+)')");
    assert!(script.contains(time) && script.contains(up));
    script.replace(time, "{ math.floor(ARGV[2] / 1000), ARGV[2] % 1000 * 1000 }").replace(up, "3600")
}

/// Tells the time. It stands still until what this returns is dropped; paused, it would run on while Redis answers.
pub fn tell_time(call: &mut ScriptInvocation<'_>) -> Sender<()> {
    let passed = BEGAN.with(|began| began.elapsed());
    call.arg(START + super::script::milliseconds(passed));
    // Tokio's clock runs on by itself only where no blocking task is under way.
    let (still, over) = channel();
    tokio::task::spawn_blocking(move || over.recv());
    still
}
