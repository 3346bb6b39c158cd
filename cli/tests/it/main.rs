//! What the binary `canva` promises: run as a user runs it, and judged by its output and exit code.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod browser;
mod commands;
mod common;
mod designs;
mod exit_codes;
mod failures;
mod files;
mod folders;
mod journal;
mod licences;
mod limits;
mod list;
mod login;
mod look_up;
mod manual;
mod network;
mod output;
mod page;
#[cfg(feature = "redis")]
mod redis;
mod screen;
mod select;
mod shell;
mod simulate;
mod stop;
mod terminal;
mod usage;
mod whoami;
