//! The server: its port, its connections over HTTP/1.1, HTTP/2 and TLS, who may connect, and tasks in the background.

use std::time::Duration;

pub mod background;
pub mod connections;
mod http1;
mod http2;
pub mod port;
pub mod tls;
pub mod visitors;

/// How long a client may take for each beginning: a handshake, and the head of a request over HTTP/1.1. Clients that
/// never finish one would use up the descriptors.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
