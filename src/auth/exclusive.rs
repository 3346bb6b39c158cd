//! One at a time, whichever runtime asks.
//!
//! A mutex of tokio's hands itself to the first of those who wait. Where that is a task of a runtime which nobody drives, it is
//! handed on no more. So here nobody stands in a queue: whoever waits tries again when it is free.

use std::ops::{Deref, DerefMut};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Notify, OwnedMutexGuard};
use tokio::time::timeout;

/// What one at a time may use.
pub(super) struct Exclusive<T> {
    value: Arc<Mutex<T>>,
    freed: Arc<Notify>,
}

impl<T> Exclusive<T> {
    pub(super) fn new(value: T) -> Self {
        Self { value: Arc::new(Mutex::new(value)), freed: Arc::default() }
    }

    /// The only use until it is dropped; `None` if somebody else has it for so long.
    pub(super) async fn next(&self, within: Duration) -> Option<Use<T>> {
        let next = async {
            loop {
                // Before it is tried, so that no end of a use is missed.
                let mut freed = pin!(self.freed.notified());
                freed.as_mut().enable();
                if let Ok(value) = self.value.clone().try_lock_owned() {
                    return Use { value, _freed: Freed(self.freed.clone()) };
                }
                freed.await;
            }
        };
        timeout(within, next).await.ok()
    }
}

/// It ends when it is dropped, be it with its runtime.
pub(super) struct Use<T> {
    // Dropped in this order: it is free before the others look.
    value: OwnedMutexGuard<T>,
    _freed: Freed,
}

struct Freed(Arc<Notify>);

impl Drop for Freed {
    fn drop(&mut self) {
        self.0.notify_waiters();
    }
}

impl<T> Deref for Use<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Use<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}
