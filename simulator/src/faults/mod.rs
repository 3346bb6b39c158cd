//! What can go wrong on purpose, which requests meet it, and what then happens to their responses.

pub mod canned_response;
mod effects;
mod ending;
mod fault;
mod form;
pub mod injections;

pub use ending::{End, Ending};
pub use fault::Fault;
