//! Three ways to count requests per minute.
//!
//! The API doesn't say how it counts, so a client has to hold under each of them.

use std::collections::VecDeque;
use std::time::Duration;

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
        let (limit, window) = (self.limit, self.window);
        match &mut self.count {
            Count::FixedWindow { started, used } => {
                if started.is_none_or(|started| now.duration_since(started) >= window) {
                    (*started, *used) = (Some(now), 0);
                }
                let allowed = *used < limit;
                *used += u32::from(allowed);
                allowed
            }
            Count::SlidingWindow { allowed } => {
                while allowed.front().is_some_and(|first| now.duration_since(*first) >= window) {
                    allowed.pop_front();
                }
                let free = allowed.len() < limit as usize;
                if free {
                    allowed.push_back(now);
                }
                free
            }
            Count::TokenBucket { credit, refilled } => {
                let waited = refilled.map_or(Duration::ZERO, |last| now.duration_since(last));
                let refill = u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX).saturating_mul(limit.into());
                *credit = credit.saturating_add(refill).min(u64::from(limit).saturating_mul(cost(window)));
                *refilled = Some(now);
                match credit.checked_sub(cost(window)) {
                    Some(rest) => {
                        *credit = rest;
                        true
                    }
                    None => false,
                }
            }
        }
    }
}

/// What one request costs a token bucket, in the unit of its credit.
fn cost(window: Duration) -> u64 {
    window.as_nanos().try_into().unwrap_or(u64::MAX)
}
