//! What the package promises, against a real Redis and, where requests are sent, the simulator.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod encryption;
#[cfg(unix)]
mod fleet;
mod hostile;
mod outages;
mod pacing;
mod process;
mod server;
mod tokens;

use canva_connect_redis::Redis;

use server::Server;

impl Server {
    /// A connection of its own, as another process has it.
    fn open(&self) -> Redis {
        Redis::open(&self.url()).unwrap()
    }

    /// A connection for the test itself.
    fn connect(&self) -> redis::Connection {
        redis::Client::open(self.url()).unwrap().get_connection().unwrap()
    }
}
