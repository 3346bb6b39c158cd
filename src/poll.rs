//! How often a job is asked for. Asking is left to `job.rs`.

use std::time::Duration;

/// From here the pauses grow, however short the first one is: nothing times 1.7 is nothing.
const MIN_GROWN: Duration = Duration::from_millis(250);

/// How often a job is asked for, and for how long.
///
/// The defaults suit jobs of 1 to 120 s: over durations spread evenly on a logarithmic scale, the result is known 2.4 s
/// after it is there, for 6.6 requests. A fixed 2 s needs 12.9 for 1.0 s; a start of 500 ms that grows 1.6 times to 10 s
/// needs 6.9 for 3.1 s.
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
    /// Before the first question after the job was created. Default 1 s. The pauses after it grow from this, or from
    /// 250 ms if it is less.
    pub first_delay: Duration,
    /// How much longer each pause is than the one before. Default 1.7; less than 1 counts as 1.
    pub growth: f64,
    /// The longest pause. Default 6 s.
    pub max_delay: Duration,
    /// When to stop waiting. Default 10 minutes.
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
