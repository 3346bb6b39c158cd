//! What a process knows about the permits of one operation, and what Redis has yet to hear.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use crate::connection::RedisError;

#[derive(Default)]
pub(super) struct State {
    pub(super) issued: u64,
    /// How many wait for a permit, the first in the queue included.
    pub(super) waiting: usize,
    /// The permits of requests under way.
    pub(super) live: BTreeSet<u64>,
    /// What Redis doesn't know yet.
    pub(super) finished: Vec<Finished>,
    /// The permit that Redis promised, and from when on it may be asked for.
    pub(super) promised: Option<(u64, Instant)>,
    pub(super) pause: Option<Pause>,
    /// When the last request was over.
    pub(super) released: Option<Instant>,
    /// When Redis last heard of `live`.
    pub(super) renewed: Option<Instant>,
    pub(super) away: Option<Away>,
    pub(super) has_heartbeat: bool,
}

pub(super) struct Finished {
    pub(super) id: u64,
    pub(super) at: Instant,
    pub(super) sent: bool,
}

/// What a 429 asked for, as this process saw it.
pub(super) struct Pause {
    pub(super) began: Instant,
    pub(super) asked: Duration,
    pub(super) told: bool,
}

/// Redis can't be used.
pub(super) struct Away {
    pub(super) last: Instant,
    pub(super) error: RedisError,
}

impl State {
    pub(super) fn new_id(&mut self) -> u64 {
        self.issued += 1;
        self.issued
    }

    /// What the others should know at once.
    pub(super) fn has_news(&self) -> bool {
        let unused = self.promised.is_some() && self.waiting == 0;
        let paused = |pause: &Pause| !pause.told && pause.began.elapsed() < pause.asked;
        unused || self.finished.iter().any(|one| !one.sent) || self.pause.as_ref().is_some_and(paused)
    }

    pub(super) fn has_something_to_say(&self) -> bool {
        self.has_news() || !self.live.is_empty() || !self.finished.is_empty()
    }

    /// Whether the heartbeat should say it now. Else a request says it soon, which asks for its permit.
    pub(super) fn should_say_it(&self, now: Instant, heartbeat: Duration) -> bool {
        self.has_news()
            || self.finished.iter().any(|one| now - one.at >= heartbeat)
            || !self.live.is_empty() && self.renewed.is_none_or(|at| now - at >= heartbeat)
    }
}
