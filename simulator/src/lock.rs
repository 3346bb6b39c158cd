//! How everything here locks a mutex.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, even where a thread panicked while it held the lock: no change is left half done under these locks, and a test
/// that failed wants to see what its simulator received.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
