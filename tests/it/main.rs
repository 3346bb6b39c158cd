//! What the library promises, a promise a module. A promise whose test needs a process of its own stands apart, in a
//! file beside this directory that says why.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[allow(dead_code, clippy::print_stdout)]
#[path = "../../build.rs"]
mod build;
#[path = "../support/mod.rs"]
mod support;
mod types;

mod architecture;
mod assets;
mod before_end;
mod bodies;
mod bounded;
mod bulk;
mod calls;
mod cancellation;
mod certificates;
mod connections;
mod designs;
mod error_kinds;
mod errors;
mod faults;
mod filing;
mod folders;
mod hostile_ids;
mod hostile_responses;
mod http2;
mod jobs;
mod kills;
mod lenient;
mod lists;
mod logins;
mod look_up;
mod names;
mod pacing;
mod panics;
mod policies;
mod profile;
mod proxies;
mod readme;
mod refreshes;
mod regenerate;
mod retries;
mod schemas;
mod shapes;
mod spec_change;
mod spec_examples;
mod stalls;
mod stores;
mod token_endpoint;
mod tokens;
mod unknown_fields;
mod unprocessed;
mod users;
mod wire;
