//! The policies: when to retry, how often to ask for a job, and how long an attempt may take.

use std::time::Duration;

/// How often, and at what intervals, a request is retried whose failure allows it.
///
/// The pause before the n-th retry is random between nothing and `base_delay` × 2ⁿ⁻¹, at most `max_delay` (full jitter), or
/// what the response's `Retry-After` says. After a 429 without one it is 5 s × 2ⁿ⁻¹ and up to half as much more; a pause
/// after a 429 holds for every request of that operation. See the crate's front page for what is retried and what is not.
///
/// ```
/// use canva_connect::RetryPolicy;
/// use std::time::Duration;
///
/// let mut patient = RetryPolicy::default();
/// patient.max_attempts = 10;
/// patient.total_time = Duration::from_secs(600);
/// let once = RetryPolicy::never();
/// assert_eq!(once.max_attempts, 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// How often a request is sent at most, not counting one more after a 401 with a new token. Default 5: enough to sit
    /// out a full minute of 429s.
    pub max_attempts: u32,
    /// The longest first pause. Default 500 ms.
    pub base_delay: Duration,
    /// The longest pause. Default 20 s. Doesn't bind the pauses after a 429.
    pub max_delay: Duration,
    /// No attempt is planned for later than this after the first failure; what it then waits for its turn comes on top.
    /// Default 5 minutes.
    pub total_time: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            base_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(20),
            total_time: Duration::from_secs(300),
        }
    }
}

impl RetryPolicy {
    /// Every request is sent once, and once more after a 401 if there is a new token.
    pub fn never() -> Self {
        Self { max_attempts: 1, ..Self::default() }
    }
}

/// From here the pauses grow, however short the first one is: nothing times 1.7 is nothing.
const MIN_GROWN: Duration = Duration::from_millis(250);

/// How often a job is polled, and for how long.
///
/// The defaults suit jobs of 1 to 120 s: over durations spread evenly on a logarithmic scale, the result is noticed
/// 2.4 s after it is ready, with 6.6 polls on average. A fixed 2 s needs 12.9 for 1.0 s; a start of 500 ms that grows 1.6
/// times to 10 s needs 6.9 for 3.1 s. docs/performance.md has the same figures, the creating request included.
///
/// ```
/// use canva_connect::PollPolicy;
/// use std::time::Duration;
///
/// let mut patient = PollPolicy::default();
/// patient.deadline = Duration::from_secs(3600);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PollPolicy {
    /// Before the first poll, after the job was created. Default 1 s. The pauses after it grow from this, or from
    /// 250 ms if it is less.
    pub first_delay: Duration,
    /// How much longer each pause is than the one before. Default 1.7; less than 1 counts as 1.
    pub growth: f64,
    /// The longest pause. Default 6 s.
    pub max_delay: Duration,
    /// How long after the first response about the job to stop waiting. Default 10 minutes. A handle from a stored id begins
    /// with the first poll: until then only [`RetryPolicy::total_time`] and the rate limit say how long it takes.
    pub deadline: Duration,
}

impl Default for PollPolicy {
    fn default() -> Self {
        Self {
            first_delay: Duration::from_secs(1),
            growth: 1.7,
            max_delay: Duration::from_secs(6),
            deadline: Duration::from_secs(600),
        }
    }
}

impl PollPolicy {
    /// The pauses, in order, without end.
    ///
    /// ```
    /// let pauses: Vec<_> = canva_connect::PollPolicy::default().delays().take(5).map(|d| d.as_millis()).collect();
    /// assert_eq!(pauses, [1000, 1700, 2890, 4913, 6000]);
    /// ```
    pub fn delays(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        let Self { growth, max_delay, .. } = *self;
        std::iter::successors(Some(self.first_delay.min(max_delay)), move |delay| {
            let grown = Duration::try_from_secs_f64((*delay).max(MIN_GROWN).as_secs_f64() * growth.max(1.0));
            Some(grown.unwrap_or(max_delay).min(max_delay))
        })
    }
}

/// How long each part of an attempt may take.
#[derive(Clone, Copy)]
pub(crate) struct Timeouts {
    pub(crate) connect: Duration,
    pub(crate) stall: Duration,
    pub(crate) response: Duration,
}
