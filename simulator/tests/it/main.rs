//! What the simulator promises, one module a promise.
//!
//! All of it is one binary: nothing here needs a process of its own, since each test has its own simulator, on its own
//! port, with its own clock.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

mod checks;
mod contract;
mod control;
mod designs;
mod faults;
mod folders;
mod hostile_files;
mod http2;
mod imports;
mod kinds;
mod library;
mod lifetime;
mod log;
mod oauth;
mod outcomes;
mod page;
mod rate_limits;
mod reasons;
mod tls;
mod uploads;
mod url_uploads;
mod users;
mod visitors;
