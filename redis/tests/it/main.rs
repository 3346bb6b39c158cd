//! What limits and tokens over Redis promise, each test with a `redis-server` of its own.

mod server;
mod tokens;
