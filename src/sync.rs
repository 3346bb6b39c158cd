//! The one way in which a mutex is locked.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks even what a panic poisoned: no change that this crate makes under a lock can stop half way.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
