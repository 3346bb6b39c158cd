//! The simulator's clock, by which limits, jobs, tokens and thumbnails go. It runs with tokio's, which tests can pause,
//! and can be put ahead.

use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// The most that the clock is ahead: as long as the token lives that doesn't end.
pub const MOST_AHEAD: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

pub struct Clock {
    /// When the simulator started, by the system's clock and by tokio's.
    started: (SystemTime, Instant),
    ahead: watch::Sender<Duration>,
}

impl Clock {
    pub fn new() -> Self {
        Self { started: (SystemTime::now(), Instant::now()), ahead: watch::Sender::default() }
    }

    pub fn now(&self) -> Instant {
        Instant::now() + self.ahead()
    }

    /// The time in seconds since the Unix epoch.
    pub fn seconds(&self) -> i64 {
        self.since_epoch().as_secs().try_into().unwrap_or(i64::MAX)
    }

    pub fn since_epoch(&self) -> Duration {
        let (epoch, started) = self.started;
        let epoch = epoch.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        epoch.saturating_add(self.now().duration_since(started))
    }

    pub fn ahead(&self) -> Duration {
        *self.ahead.borrow()
    }

    /// Puts the clock ahead, by no more than [`MOST_AHEAD`] in all. What waits for a time that has come wakes up.
    pub fn advance(&self, by: Duration) {
        self.ahead.send_modify(|ahead| *ahead = ahead.saturating_add(by).min(MOST_AHEAD));
    }

    /// Takes back every advance.
    pub fn reset(&self) {
        self.ahead.send_replace(Duration::ZERO);
    }

    /// Waits until a time of this clock. A reset ends the wait, too: what waited for the time is gone.
    pub async fn sleep_until(&self, end: Instant) {
        let mut ahead = self.ahead.subscribe();
        let mut before = Duration::ZERO;
        loop {
            let by = *ahead.borrow_and_update();
            if by < before {
                return;
            }
            before = by;
            // The clock lives as long as this waits, so it never hears that there are no more changes.
            tokio::select! {
                () = sleep_until(end.checked_sub(by).unwrap_or_else(Instant::now)) => return,
                _ = ahead.changed() => {}
            }
        }
    }
}
