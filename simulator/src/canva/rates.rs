//! Three ways to count requests per minute.
//!
//! The API doesn't say how it counts, so a client has to hold under each of them.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

/// The window of the real limits.
pub(crate) const WINDOW: Duration = Duration::from_secs(60);

/// How requests are counted against the spec's requests per minute. Refused requests never count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RateLimits {
    /// A minute starts with the first request, and the next with the first request after its end.
    FixedWindow,
    /// No 60 seconds, wherever they start, hold more requests than the limit.
    SlidingWindow,
    /// A bucket of as many tokens as the limit, full at first, that refills evenly.
    TokenBucket,
}

/// Counts the requests that share one limit. It needs no server, so it can test a client's pacing in virtual time.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use canva_simulator::{RateCounter, RateLimits};
/// use tokio::time::Instant;
///
/// let mut counter = RateCounter::new(RateLimits::TokenBucket, 2);
/// assert!(counter.allow(Instant::now()));
/// assert!(counter.allow(Instant::now()));
/// assert!(!counter.allow(Instant::now()));
/// # }
/// ```
#[derive(Debug)]
pub struct RateCounter {
    limit: u32,
    window: Duration,
    count: Count,
}

#[derive(Debug)]
enum Count {
    FixedWindow {
        started: Option<Instant>,
        used: u32,
    },
    SlidingWindow {
        allowed: VecDeque<Instant>,
    },
    /// The credit is in nanoseconds times the limit. Whole numbers, because a rounding error would be a refusal that
    /// no real server gives.
    TokenBucket {
        credit: u64,
        refilled: Option<Instant>,
    },
}

impl RateCounter {
    /// A counter that lets this many requests through per minute.
    pub fn new(limits: RateLimits, per_minute: u32) -> Self {
        Self::with_window(limits, per_minute, WINDOW)
    }

    /// A counter that lets this many requests through per window. Tests in real time use one shorter than a minute.
    pub fn with_window(limits: RateLimits, limit: u32, window: Duration) -> Self {
        let count = match limits {
            RateLimits::FixedWindow => Count::FixedWindow { started: None, used: 0 },
            RateLimits::SlidingWindow => Count::SlidingWindow { allowed: VecDeque::new() },
            RateLimits::TokenBucket => {
                Count::TokenBucket { credit: u64::from(limit).saturating_mul(cost(window)), refilled: None }
            }
        };
        Self { limit, window, count }
    }

    /// Whether a request at `now` is let through, and if so counts it. `now` must not go back between calls.
    pub fn allow(&mut self, now: Instant) -> bool {
        let free = self.free_in(now).is_zero();
        let window = self.window;
        let credit_now = self.credit(now);
        match &mut self.count {
            Count::FixedWindow { started, used } => {
                if started.is_none_or(|started| now.duration_since(started) >= window) {
                    (*started, *used) = (Some(now), 0);
                }
                *used += u32::from(free);
            }
            Count::SlidingWindow { allowed } => {
                while allowed.front().is_some_and(|first| now.duration_since(*first) >= window) {
                    allowed.pop_front();
                }
                if free {
                    allowed.push_back(now);
                }
            }
            Count::TokenBucket { credit, refilled } => {
                *credit = credit_now.saturating_sub(if free { cost(window) } else { 0 });
                *refilled = Some(now);
            }
        }
        free
    }

    /// The most requests that are let through.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// The time in which they are counted.
    pub fn window(&self) -> Duration {
        self.window
    }

    /// How many of the limit's requests are used up at `now`. Of a token bucket, one that has refilled in part is used
    /// up still.
    pub fn used(&self, now: Instant) -> u32 {
        match &self.count {
            Count::FixedWindow { started: Some(started), used } if now.duration_since(*started) < self.window => *used,
            Count::FixedWindow { .. } => 0,
            Count::SlidingWindow { allowed } => {
                let counting = allowed.iter().filter(|request| now.duration_since(**request) < self.window);
                counting.count().try_into().unwrap_or(u32::MAX)
            }
            Count::TokenBucket { .. } => {
                let free = self.credit(now).checked_div(cost(self.window)).unwrap_or(u64::MAX);
                self.limit.saturating_sub(free.try_into().unwrap_or(u32::MAX))
            }
        }
    }

    /// How long after `now` the next request is let through; zero if it is now. With a limit of 0 it never is.
    pub fn free_in(&self, now: Instant) -> Duration {
        if self.limit == 0 {
            return Duration::MAX;
        }
        // Where the limit is used up, the window that counts it hasn't ended.
        let rest = |since: Instant| self.window.saturating_sub(now.duration_since(since));
        match &self.count {
            Count::TokenBucket { .. } => {
                let missing = cost(self.window).saturating_sub(self.credit(now));
                Duration::from_nanos(missing.div_ceil(self.limit.into()))
            }
            _ if self.used(now) < self.limit => Duration::ZERO,
            Count::FixedWindow { started, .. } => started.map_or(Duration::ZERO, rest),
            Count::SlidingWindow { allowed } => {
                let oldest = allowed.iter().find(|request| now.duration_since(**request) < self.window);
                oldest.map_or(Duration::ZERO, |oldest| rest(*oldest))
            }
        }
    }

    /// The credit of a token bucket at `now`.
    fn credit(&self, now: Instant) -> u64 {
        let Count::TokenBucket { credit, refilled } = &self.count else { return 0 };
        let waited = refilled.map_or(Duration::ZERO, |last| now.duration_since(last));
        let refill = u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX).saturating_mul(self.limit.into());
        credit.saturating_add(refill).min(u64::from(self.limit).saturating_mul(cost(self.window)))
    }
}

/// Every limit of which a request was counted, as it stands at `now`, by user and operation.
pub(crate) fn list(counters: &HashMap<(String, &'static str), RateCounter>, now: Instant) -> Vec<Value> {
    let mut counters: Vec<_> = counters.iter().collect();
    counters.sort_by_key(|(names, _)| *names);
    let stands = counters.into_iter().map(|((user, operation), counter)| {
        json!({
            "user": user,
            "operation": operation,
            "limit": counter.limit,
            "used": counter.used(now),
            "window_seconds": counter.window.as_secs_f64(),
            "free_in_seconds": counter.free_in(now).as_secs_f64(),
        })
    });
    stands.collect()
}

/// What one request costs a token bucket, in the unit of its credit.
fn cost(window: Duration) -> u64 {
    window.as_nanos().try_into().unwrap_or(u64::MAX)
}
