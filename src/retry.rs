//! What may be repeated safely, and the loop that repeats it.
//!
#![doc = include_str!("../docs/retries.md")]

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use progenitor_client::ResponseValue;
use tokio::time::Instant;
use tracing::Instrument;

use crate::error::{ApiError, Error};
use crate::operations::Operation;
use crate::transport::{Attempt, Failure, Link};

/// How often, and how long apart, a request is repeated that may be repeated.
///
/// The pause before the n-th repetition is random between nothing and `base_delay` × 2ⁿ⁻¹, at most `max_delay` (full
/// jitter), or what the answer's `Retry-After` says. After a 429 without one it is 5 s × 2ⁿ⁻¹ and up to half as much more;
/// a pause after a 429 holds for every request of that operation. See the crate's front page for what is repeated and
/// what is not.
///
/// ```
/// use canva_connect::RetryPolicy;
/// use std::time::Duration;
///
/// let mut patient = RetryPolicy::default();
/// patient.tries = 10;
/// patient.total_time = Duration::from_secs(600);
/// let once = RetryPolicy::never();
/// assert_eq!(once.tries, 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// How often a request is sent at most, not counting one more after a 401 with a new token. Default 5: enough to sit
    /// out a full minute of 429s.
    pub tries: u32,
    /// The longest first pause. Default 500 ms.
    pub base_delay: Duration,
    /// The longest pause. Default 20 s. Doesn't bind the pauses after a 429.
    pub max_delay: Duration,
    /// No try is planned for later than this after the first failure; what it then waits for its turn comes on top.
    /// Default 5 minutes.
    pub total_time: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            tries: 5,
            base_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(20),
            total_time: Duration::from_secs(300),
        }
    }
}

impl RetryPolicy {
    /// Every request is sent once, and once more after a 401 if there is a new token.
    pub fn never() -> Self {
        Self { tries: 1, ..Self::default() }
    }

    /// The pause before the next try, `tries` having failed.
    fn delay(&self, tries: u32) -> Duration {
        self.base_delay.saturating_mul(doubled(tries)).min(self.max_delay).mul_f64(fastrand::f64())
    }
}

/// The first pause after a 429 without `Retry-After`.
const RATE_LIMIT_DELAY: Duration = Duration::from_secs(5);

fn doubled(tries: u32) -> u32 {
    2u32.saturating_pow(tries.saturating_sub(1))
}

/// Sends a request, and again while that is safe and the policy allows. `body_left` says whether there is content for
/// another try.
pub(crate) async fn run<T, F, Fut>(
    link: &Arc<Link>,
    policy: &RetryPolicy,
    operation: &'static Operation,
    body_left: bool,
    send: F,
) -> Result<T, Error>
where
    F: Fn(Attempt) -> Fut,
    Fut: Future<Output = Result<ResponseValue<T>, Failure>>,
{
    let span = tracing::info_span!(
        "canva",
        operation = operation.id,
        method = operation.method,
        path = operation.path,
        status = tracing::field::Empty,
        request_id = tracing::field::Empty,
        tries = tracing::field::Empty,
    );
    repeat(link, policy, operation, body_left, &span, send).instrument(span.clone()).await
}

async fn repeat<T, F, Fut>(
    link: &Arc<Link>,
    policy: &RetryPolicy,
    operation: &'static Operation,
    body_left: bool,
    span: &tracing::Span,
    send: F,
) -> Result<T, Error>
where
    F: Fn(Attempt) -> Fut,
    Fut: Future<Output = Result<ResponseValue<T>, Failure>>,
{
    let mut tries = 0;
    let mut token_renewed = false;
    let mut first_failure = None;
    let mut lost_answer = false;
    loop {
        tries += 1;
        span.record("tries", tries);
        let attempt = Attempt::new(link, operation, span.clone());
        // Before the body is opened: a thousand uploads that wait their turn must not hold a thousand files.
        attempt.acquire().await?;
        let error = match send(attempt.clone()).await {
            Ok(value) => return Ok(value.into_inner()),
            Err(failure) => attempt.error(failure),
        };
        tracing::debug!(tries, %error, "a try failed");
        let since = *first_failure.get_or_insert_with(Instant::now);
        let pause = match verdict(operation, &error) {
            Verdict::Refused | Verdict::Unknown => None,
            Verdict::Unauthorized if token_renewed => None,
            Verdict::Unauthorized => {
                token_renewed = true;
                if attempt.renew_token().await? && body_left {
                    continue;
                }
                None
            }
            Verdict::RateLimited(retry_after) => {
                let pause = retry_after.unwrap_or_else(|| {
                    RATE_LIMIT_DELAY.saturating_mul(doubled(tries)).mul_f64(1.0 + fastrand::f64() / 2.0)
                });
                // For every caller, whether this request is repeated or not.
                link.pacer.pause(operation, pause);
                Some(pause)
            }
            Verdict::Repeatable(retry_after) => {
                lost_answer |= !matches!(error, Error::Connect { .. });
                Some(retry_after.unwrap_or_else(|| policy.delay(tries)))
            }
        };
        let Some(pause) = pause.filter(|pause| {
            body_left && tries < policy.tries && since.elapsed().saturating_add(*pause) <= policy.total_time
        }) else {
            return Err(finish(operation, error, tries, lost_answer, &attempt));
        };
        tokio::time::sleep(pause).await;
    }
}

enum Verdict {
    /// It was refused, and would be again.
    Refused,
    /// Refused unread, for its token.
    Unauthorized,
    /// Refused unread, for its number.
    RateLimited(Option<Duration>),
    /// It can do no harm to repeat it.
    Repeatable(Option<Duration>),
    /// It may have been carried out, and must not be carried out twice.
    Unknown,
}

/// The table at the top of this file.
fn verdict(operation: &Operation, error: &Error) -> Verdict {
    // A read changes nothing, the update replaces and the deletion removes: doing it twice is doing it once.
    let creates = operation.method == "POST";
    match error {
        Error::Connect { .. } => Verdict::Repeatable(None),
        Error::Api(api) => match api.status.as_u16() {
            401 => Verdict::Unauthorized,
            429 => Verdict::RateLimited(api.retry_after),
            500.. if creates => Verdict::Unknown,
            500 | 502 | 503 | 504 => Verdict::Repeatable(api.retry_after),
            _ => Verdict::Refused,
        },
        Error::Connection { .. } | Error::Timeout { .. } if creates => Verdict::Unknown,
        Error::Connection { .. } | Error::Timeout { .. } => Verdict::Repeatable(None),
        Error::Decode { .. } if creates => Verdict::Unknown,
        _ => Verdict::Refused,
    }
}

/// The error as the caller gets it.
fn finish(operation: &'static Operation, mut error: Error, tries: u32, lost_answer: bool, attempt: &Attempt) -> Error {
    let unknown = matches!(verdict(operation, &error), Verdict::Unknown);
    match &mut error {
        Error::Connect { tries: t, .. } | Error::Connection { tries: t, .. } | Error::Timeout { tries: t, .. } => {
            *t = tries
        }
        Error::Api(api) => {
            let ApiError { tries: t, after_lost_answer, .. } = &mut **api;
            (*t, *after_lost_answer) = (tries, lost_answer);
        }
        _ => {}
    }
    if unknown { Error::OutcomeUnknown { operation, sent: attempt.progress(), source: Box::new(error) } } else { error }
}
