//! The policies: when to retry, how often to read a job, and how long an attempt may take.

use std::ops::Range;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::text::duration;

/// Sets fields one after the other, in a chain.
macro_rules! setters {
    ($($field:ident: $type:ty),*) => {$(
        #[doc = concat!("The same policy with this [`", stringify!($field), "`](Self#structfield.", stringify!($field), ").")]
        #[must_use]
        pub fn $field(mut self, $field: $type) -> Self {
            self.$field = $field;
            self
        }
    )*};
}

/// How often, and at what intervals, a request is retried whose failure allows it.
///
/// The pause before the n-th retry is random between nothing and `base_delay` × 2ⁿ⁻¹, at most `max_delay` (full
/// jitter), or what the response's `Retry-After` says, if that is longer. After a 429 it is what `Retry-After` says, but
/// no less than `base_delay` × 2ⁿ⁻¹; without one it is 5 s × 2ⁿ⁻¹ and up to half as much more. A pause after a 429 holds
/// for every request of that operation. See the crate's front page for what is
/// retried and what is not.
///
/// In a configuration file, times are written as `30s` or `1m 30s`, a missing field has its default, and an unknown
/// field is refused.
///
/// ```
/// # fn main() -> Result<(), serde_json::Error> {
/// use canva_connect::RetryPolicy;
/// use std::time::Duration;
///
/// let patient = RetryPolicy::default().max_attempts(10).total_time(Duration::from_secs(600));
/// let from_file: RetryPolicy = serde_json::from_str(r#"{ "max_attempts": 10, "total_time": "10m" }"#)?;
/// assert_eq!(from_file, patient);
/// assert_eq!(RetryPolicy::never().max_attempts, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// How often a request is sent at most, not counting one more after a 401 with a new token. Default 5: enough to
    /// sit out a full minute of 429s. 0 is refused by [`ClientBuilder::build`](crate::ClientBuilder::build).
    pub max_attempts: u32,
    /// The longest first pause. Default 500 ms.
    #[serde(with = "duration")]
    pub base_delay: Duration,
    /// The longest pause. Default 20 s. Doesn't bind the pauses after a 429.
    #[serde(with = "duration")]
    pub max_delay: Duration,
    /// No attempt is planned for later than this after the first failure; what it then waits for its turn comes on top.
    /// Default 5 minutes.
    #[serde(with = "duration")]
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

/// The pause after this many attempts: `first`, doubled with each further attempt up to `max`, times a random factor.
pub(crate) fn backoff(first: Duration, max: Duration, attempts: u32, factor: Range<f64>) -> Duration {
    let doubled = first.saturating_mul(2u32.saturating_pow(attempts.saturating_sub(1))).min(max);
    doubled.mul_f64(factor.start + fastrand::f64() * (factor.end - factor.start))
}

impl RetryPolicy {
    /// Every request is sent once, and once more after a 401 if there is a new token.
    pub fn never() -> Self {
        Self { max_attempts: 1, ..Self::default() }
    }

    setters!(max_attempts: u32, base_delay: Duration, max_delay: Duration, total_time: Duration);

    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.max_attempts > 0 {
            return Ok(());
        }
        Err(Error::invalid("retry_policy.max_attempts", "1 or more (1 is `RetryPolicy::never()`)", "0"))
    }
}

/// From here the pauses grow, however short the first one is: nothing times anything is nothing.
const MIN_GROWN: Duration = Duration::from_millis(250);

/// How often a job is polled, and for how long.
///
/// The defaults suit jobs of 1 to 120 s: over durations spread evenly on a logarithmic scale, the result is noticed
/// 2.7 s after it is ready, with 6.6 polls on average. A fixed 2 s needs 12.9 polls for 1.0 s. A start of 1 s that grows
/// 1.7 times to 6 s needs 6.6 for 2.4 s, and knows no result before 1 s. docs/performance.md has the same figures, the
/// creating request included.
///
/// It is read from a configuration file as [`RetryPolicy`] is.
///
/// ```
/// # fn main() -> Result<(), serde_json::Error> {
/// use canva_connect::PollPolicy;
/// use std::time::Duration;
///
/// let patient = PollPolicy::default().deadline(Duration::from_secs(5400));
/// let from_file: PollPolicy = serde_json::from_str(r#"{ "deadline": "1h 30m" }"#)?;
/// assert_eq!(from_file, patient);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct PollPolicy {
    /// Before the first poll, after the job was created. Default 400 ms, so that a short job is known soon. The pauses
    /// after it grow from this, or from 250 ms if it is less.
    #[serde(with = "duration")]
    pub first_delay: Duration,
    /// How many times as long each pause is as the one before. Default 3.2. Less than 1 counts as 1; infinity and NaN
    /// are refused.
    pub growth: f64,
    /// The longest pause. Default 6 s.
    #[serde(with = "duration")]
    pub max_delay: Duration,
    /// How long after the first response about the job to stop waiting. Default 10 minutes. A handle from a stored id
    /// begins with the first poll: until then only [`RetryPolicy::total_time`] and the rate limit say how long it
    /// takes.
    #[serde(with = "duration")]
    pub deadline: Duration,
}

impl Default for PollPolicy {
    fn default() -> Self {
        Self {
            first_delay: Duration::from_millis(400),
            growth: 3.2,
            max_delay: Duration::from_secs(6),
            deadline: Duration::from_secs(600),
        }
    }
}

impl PollPolicy {
    setters!(first_delay: Duration, growth: f64, max_delay: Duration, deadline: Duration);

    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.growth.is_finite() {
            return Ok(());
        }
        Err(Error::invalid("poll_policy.growth", "a number such as 3.2", self.growth.to_string()))
    }

    /// The pauses, in order, without end.
    ///
    /// ```
    /// let pauses: Vec<_> = canva_connect::PollPolicy::default().delays().take(5).map(|d| d.as_millis()).collect();
    /// assert_eq!(pauses, [400, 1280, 4096, 6000, 6000]);
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
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    pub(crate) connect: Duration,
    pub(crate) stall: Duration,
    pub(crate) response: Duration,
}

impl Timeouts {
    pub(crate) fn check(&self) -> Result<(), Error> {
        let all =
            [("connect_timeout", self.connect), ("stall_timeout", self.stall), ("response_timeout", self.response)];
        match all.iter().find(|(_, timeout)| timeout.is_zero()) {
            Some((field, _)) => Err(Error::invalid(field, "more than 0 s (`Duration::MAX` is no limit)", "0 s")),
            None => Ok(()),
        }
    }
}
