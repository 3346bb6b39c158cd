//! How many files and connections this process may have open at once.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What macOS takes at most, where it names no bound.
const MOST: u64 = 10_240;

/// Raises the limit as far as the system lets this process: shells often begin with 256 or 1024, and a simulator has a
/// connection for each request that is slow.
pub fn raise() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raise = |to| setrlimit(Resource::Nofile, Rlimit { current: to, maximum });
    if maximum != current && raise(maximum).is_err() && current.is_some_and(|current| current < MOST) {
        // It works with fewer, too.
        let _ = raise(Some(MOST));
    }
}
