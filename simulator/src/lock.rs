//! How the simulator locks a mutex. canva-connect's own helper isn't public.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex even if a thread panicked while it held the lock. No change is left half done under these locks,
/// and a failed test still wants to see what its simulator received.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
