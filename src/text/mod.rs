//! Text that people read or write: secrets hidden in it, what a terminal would obey escaped, and durations.

pub(crate) mod duration;
mod printable;
pub(crate) mod redact;

pub use printable::Printable;
pub(crate) use printable::{cut, shown};
