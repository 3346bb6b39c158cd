//! The server: its port, its connections over HTTP/1.1, HTTP/2 and TLS, who may connect, and tasks in the background.

pub mod background;
pub mod connections;
mod http1;
mod http2;
pub mod port;
pub mod tls;
pub mod visitors;
