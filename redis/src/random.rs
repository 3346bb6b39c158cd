//! Random ids.

use std::hash::{BuildHasher, RandomState};

/// An id that no other process has. Its randomness is the operating system's: `fastrand` begins with the time, which
/// can be the same in processes that start at once.
pub(crate) fn id() -> String {
    format!("{:016x}", RandomState::new().hash_one(()))
}
