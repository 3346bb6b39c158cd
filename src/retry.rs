//! What may be sent again safely, and the loop that sends it.
//!
#![doc = include_str!("../docs/retries.md")]

use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;
use tracing::Span;

use crate::attempt::{Failed, attempt};
use crate::call::{Call, Content};
use crate::error::Error;
use crate::operations::Operation;

/// How often, and at what intervals, a repeatable request is retried.
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

    /// The pause before the next attempt, after as many.
    fn delay(&self, attempts: u32) -> Duration {
        self.base_delay.saturating_mul(doubled(attempts)).min(self.max_delay).mul_f64(fastrand::f64())
    }
}

/// The first pause after a 429 without `Retry-After`.
const RATE_LIMIT_DELAY: Duration = Duration::from_secs(5);

fn doubled(attempts: u32) -> u32 {
    2u32.saturating_pow(attempts.saturating_sub(1))
}

/// Sends a request, and again while that is safe and the policy allows.
pub(crate) async fn run<T>(call: Call<T>, span: Span) -> Result<T, Error> {
    let (client, operation) = (&*call.client.inner, call.operation);
    let policy = &client.retry;
    let content_left = match &call.content {
        Content::None => true,
        Content::Upload(upload) => upload.can_reopen,
        Content::Missing => {
            return Err(Error::invalid("content", "what to upload, given with `Call::content`", "none"));
        }
    };
    let mut attempts = 0;
    let mut token_refreshed = false;
    let mut first_failure = None;
    let mut lost_response = false;
    loop {
        attempts += 1;
        span.record("attempts", attempts);
        let Failed { error, token, sent } = match attempt(&call, attempts, &span).await {
            Ok(value) => return Ok(value),
            Err(failed) => failed,
        };
        tracing::debug!(attempts, %error, "an attempt failed");
        let since = *first_failure.get_or_insert_with(Instant::now);
        let pause = match verdict(operation, &error, lost_response) {
            Verdict::Refused => None,
            Verdict::Unknown => return Err(Error::OutcomeUnknown { operation, sent, source: Box::new(error) }),
            // It was deleted, and the response to that was lost: as good as the success, which says nothing.
            Verdict::Gone => return (call.decode)(b"").map_err(|_| error),
            Verdict::Unauthorized if token_refreshed => None,
            Verdict::Unauthorized => {
                token_refreshed = true;
                let refreshed = match &token {
                    Some(token) => client.token.refused(token).await.map_err(|source| Error::Token { source })?,
                    None => false,
                };
                if refreshed && content_left {
                    continue;
                }
                None
            }
            Verdict::RateLimited(retry_after) => {
                let pause = retry_after.unwrap_or_else(|| {
                    RATE_LIMIT_DELAY.saturating_mul(doubled(attempts)).mul_f64(1.0 + fastrand::f64() / 2.0)
                });
                // For every caller, whether this request is retried or not.
                client.pacer.pause(operation, pause);
                Some(pause)
            }
            Verdict::Repeatable(retry_after) => {
                lost_response |= !matches!(error, Error::Connect { .. });
                Some(retry_after.unwrap_or_else(|| policy.delay(attempts)))
            }
        };
        match pause {
            Some(pause)
                if content_left
                    && attempts < policy.max_attempts
                    && since.elapsed().saturating_add(pause) <= policy.total_time =>
            {
                tokio::time::sleep(pause).await;
            }
            _ => return Err(error),
        }
    }
}

enum Verdict {
    /// It was refused, and would be again.
    Refused,
    /// Refused unread, for its token.
    Unauthorized,
    /// Refused unread: too many requests.
    RateLimited(Option<Duration>),
    /// It can do no harm to send it again.
    Repeatable(Option<Duration>),
    /// It may have been carried out, and must not be carried out twice.
    Unknown,
    /// There is nothing to delete, and an earlier attempt may have deleted it.
    Gone,
}

/// The table at the top of this file. `lost_response`: an earlier attempt may have been carried out.
fn verdict(operation: &Operation, error: &Error, lost_response: bool) -> Verdict {
    // A read changes nothing, the update replaces and the deletion removes: doing it twice is doing it once.
    let creates = operation.creates();
    match error {
        Error::Connect { .. } => Verdict::Repeatable(None),
        Error::Api(api) => match api.status {
            StatusCode::UNAUTHORIZED => Verdict::Unauthorized,
            StatusCode::TOO_MANY_REQUESTS => Verdict::RateLimited(api.retry_after),
            // A 404 without a code is not the API's, and says nothing about the asset.
            StatusCode::NOT_FOUND if operation.method == "DELETE" && lost_response && !api.code.is_empty() => {
                Verdict::Gone
            }
            status if status.as_u16() >= 500 && creates => Verdict::Unknown,
            StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Verdict::Repeatable(api.retry_after),
            _ => Verdict::Refused,
        },
        Error::Connection { .. } | Error::Timeout { .. } if creates => Verdict::Unknown,
        Error::Connection { .. } | Error::Timeout { .. } => Verdict::Repeatable(None),
        Error::Decode { .. } if creates => Verdict::Unknown,
        _ => Verdict::Refused,
    }
}
