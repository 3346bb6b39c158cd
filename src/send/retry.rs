//! The loop that sends a request again while that is safe. docs/retries.md has the table and the argument.

use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

use super::attempt::{Failed, attempt};
use super::call::{Call, Content};
use super::record::Record;
use crate::content::Upload;
use crate::error::Error;
use crate::operations::{Authentication, Operation};
use crate::policy::backoff;

/// The first pause after a 429 without `Retry-After`.
const RATE_LIMIT_DELAY: Duration = Duration::from_secs(5);

/// Sends a request, and again while that is safe and the policy allows.
pub(super) async fn run<T>(mut call: Call<T>, mut record: Record) -> Result<T, Error> {
    let request = call.take_request()?;
    let (sender, operation) = (&call.sender, call.operation);
    let (policy, max_wait) = (&sender.settings.retry, sender.settings.max_wait);
    let upload = match &call.content {
        Content::Upload(upload) => Some(upload),
        _ => None,
    };
    let mut token_refreshed = false;
    let mut first_failure = None;
    let mut lost_response = false;
    loop {
        record.attempts += 1;
        let Failed { mut error, token, unprocessed } = match attempt(&call, &request, &mut record).await {
            Ok(value) => return Ok(value),
            Err(failed) => failed,
        };
        tracing::debug!(attempts = record.attempts, error = error.report(), "an attempt failed");
        let since = *first_failure.get_or_insert_with(Instant::now);
        let content_left = upload.is_none_or(Upload::is_left);
        // The one with a new token is not one of the policy's.
        let counted = record.attempts - u32::from(token_refreshed);
        let pause = match verdict(operation, &error, unprocessed, lost_response) {
            Verdict::Final => None,
            Verdict::Unknown => {
                return Err(Error::OutcomeUnknown {
                    operation,
                    sent: record.sent,
                    unconfirmed: call.unconfirmed(record.began).map(Box::new),
                    looked_up: None,
                    source: Box::new(error),
                });
            }
            // It was deleted, and the response to that was lost: as good as the success, which says nothing.
            Verdict::Gone => return (call.decode)(b"").map_err(|_| error),
            Verdict::Unauthorized if token_refreshed || operation.authentication != Authentication::AccessToken => None,
            Verdict::Unauthorized => {
                token_refreshed = true;
                let refreshed = match &token {
                    Some(token) => sender.refused(token).await?,
                    None => false,
                };
                if refreshed && content_left {
                    continue;
                }
                if let Error::Api(api) = &mut error {
                    api.token_renewed = refreshed;
                }
                None
            }
            Verdict::RateLimited(retry_after) => {
                let pause = match retry_after {
                    // A server that asks for no pause, and refuses again and again, gets one all the same.
                    Some(asked) => {
                        asked.max(backoff(policy.base_delay, policy.max_delay, counted, 1.0..1.5).min(max_wait))
                    }
                    None => backoff(RATE_LIMIT_DELAY, Duration::MAX, counted, 1.0..1.5),
                };
                let asked = if retry_after == Some(pause) { "Canva asks for " } else { "" };
                let seconds = seconds(pause);
                tracing::warn!(
                    operation = operation.id,
                    pause = seconds,
                    "the rate limit is reached: {asked}a pause of {seconds} s"
                );
                // For every caller, whether this request is retried or not.
                sender.pacer.pause(operation, pause);
                Some(pause)
            }
            Verdict::Repeatable(retry_after) => {
                if let Some(pause) = retry_after.filter(|pause| !pause.is_zero()) {
                    let seconds = seconds(pause);
                    tracing::warn!(
                        operation = operation.id,
                        pause = seconds,
                        "Canva can't answer now, and asks for a pause of {seconds} s"
                    );
                }
                lost_response |= !unprocessed;
                let backoff = backoff(policy.base_delay, policy.max_delay, counted, 0.0..1.0);
                Some(backoff.max(retry_after.unwrap_or_default()))
            }
        };
        match pause {
            Some(pause)
                if pause <= max_wait
                    && content_left
                    && counted < policy.max_attempts
                    && since.elapsed().saturating_add(pause) <= policy.total_time =>
            {
                if upload.is_some() && error.status() != Some(StatusCode::TOO_MANY_REQUESTS) {
                    tracing::warn!(operation = operation.id, "the upload failed, and begins again: {}", error.report());
                }
                tokio::time::sleep(pause).await;
            }
            _ => return Err(error),
        }
    }
}

/// In seconds, with one decimal where there is one.
fn seconds(pause: Duration) -> f64 {
    (pause.as_secs_f64() * 10.0).round() / 10.0
}

enum Verdict {
    /// Another attempt would end in the same way.
    Final,
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

/// The table of docs/retries.md. `unprocessed`: this attempt was not carried out, and `lost_response`: an earlier one
/// may have been.
fn verdict(operation: &Operation, error: &Error, unprocessed: bool, lost_response: bool) -> Verdict {
    // A success was carried out, even if only for a part of the content.
    let success = error.status().is_some_and(|status| status.is_success());
    let once = !operation.repeatable && (success || !unprocessed);
    match error {
        Error::Connect { kind, .. } if kind.is_worth_repeating() => Verdict::Repeatable(None),
        Error::Api(api) => match api.status {
            StatusCode::UNAUTHORIZED => Verdict::Unauthorized,
            StatusCode::TOO_MANY_REQUESTS => Verdict::RateLimited(api.retry_after),
            // A 404 without a code is not the API's, and says nothing about the asset.
            StatusCode::NOT_FOUND if operation.method == "DELETE" && lost_response && !api.code.is_empty() => {
                Verdict::Gone
            }
            status if status.as_u16() >= 500 && once => Verdict::Unknown,
            StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Verdict::Repeatable(api.retry_after),
            _ => Verdict::Final,
        },
        Error::Connection { .. } | Error::Timeout { .. } if once => Verdict::Unknown,
        Error::Connection { .. } | Error::Timeout { .. } => Verdict::Repeatable(None),
        Error::Decode { .. } if once => Verdict::Unknown,
        _ => Verdict::Final,
    }
}
