//! What spec-diff promises, a promise a module.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod command;
mod edits;
mod edits_both_ways;
mod silence;
mod table;

/// A small spec. With the project's own, the tests would change whenever that does.
const TABLE: &str = include_str!("table.yaml");

fn value(text: &str) -> serde_json::Value {
    serde_saphyr::from_str(text).unwrap()
}
