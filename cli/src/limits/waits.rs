//! What the requests of this command wait for, for the screen.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use canva_connect::operations::Operation;

use crate::screen::LimitWait;

/// What takes less is nothing to speak of.
const SHORT: Duration = Duration::from_millis(200);

/// The waits of this command. Clones are the same.
#[derive(Clone)]
pub struct Waits {
    window: Duration,
    all: Arc<Mutex<All>>,
}

#[derive(Default)]
struct All {
    waits: BTreeMap<u64, LimitWait>,
    next: u64,
}

/// A request waits until this is dropped.
pub struct Waiting {
    waits: Waits,
    number: u64,
}

impl Waits {
    pub fn new(window: Duration) -> Self {
        Self { window, all: Arc::default() }
    }

    /// The wait that holds up most: of a request that makes or changes something, then the longest.
    pub fn next(&self) -> Option<LimitWait> {
        let all = self.all();
        let waits = all.waits.values().filter(|wait| wait.since.elapsed() >= SHORT);
        waits.min_by_key(|wait| (wait.operation.method == "GET", wait.since)).cloned()
    }

    /// A request begins to wait. One without a limit has nothing to show.
    pub fn begin(&self, operation: &'static Operation) -> Waiting {
        let mut all = self.all();
        let number = all.next;
        all.next += 1;
        if let Some(limit) = operation.requests_per_minute {
            let wait = LimitWait { operation, limit, window: self.window, until: None, since: Instant::now() };
            all.waits.insert(number, wait);
        }
        Waiting { waits: self.clone(), number }
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// As far as is known, it waits until then.
    pub fn until(&self, until: Option<SystemTime>) {
        if let Some(wait) = self.waits.all().waits.get_mut(&self.number) {
            wait.until = until;
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.waits.all().waits.remove(&self.number);
    }
}
