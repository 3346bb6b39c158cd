//! A pause that is too long to wait for.

use std::time::Duration;

/// A request was not sent, since Canva asked for a longer pause than a request waits for. It is the source of an
/// [`Error::Pacer`](crate::Error::Pacer), found with `source.downcast_ref()`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Canva asked for a pause of {} s; {} s are left, and nothing is sent for another {} s",
    .asked.as_secs(), .left.as_secs(), .retry_after.as_secs())]
#[non_exhaustive]
pub struct PausedError {
    /// The whole pause, as the response asked for it.
    pub asked: Duration,
    /// The part of `asked` that is still to come.
    pub left: Duration,
    /// How long requests go on to fail with this error. After that they are sent, and Canva has the last word.
    pub retry_after: Duration,
}

impl PausedError {
    /// For a [`Pacer`](crate::Pacer) of your own: refuses a request that comes `elapsed` after Canva `asked` for a
    /// pause, if the client waits for no more than `max_wait`. The request isn't refused if the pause is short enough
    /// to wait for, or enough of it has passed.
    ///
    /// # Errors
    /// The error for that request.
    ///
    /// ```
    /// use canva_connect::pacing::PausedError;
    /// use std::time::Duration;
    ///
    /// let (hour, max_wait) = (Duration::from_secs(3600), Duration::from_secs(300));
    /// let refused = PausedError::check(hour, Duration::from_secs(100), max_wait).unwrap_err();
    /// assert_eq!((refused.left.as_secs(), refused.retry_after.as_secs()), (3500, 200));
    /// assert!(PausedError::check(hour, max_wait, max_wait).is_ok());
    /// assert!(PausedError::check(max_wait, Duration::ZERO, max_wait).is_ok());
    /// ```
    pub fn check(asked: Duration, elapsed: Duration, max_wait: Duration) -> Result<(), Self> {
        if asked <= max_wait || elapsed >= max_wait {
            return Ok(());
        }
        let (left, retry_after) = (asked.saturating_sub(elapsed), max_wait.saturating_sub(elapsed));
        Err(Self { asked, left, retry_after })
    }
}
