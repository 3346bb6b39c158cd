//! What a response says: its head, its body, and what of both may be shown, without the token.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};

use crate::auth::AccessToken;
use crate::redact::redact;

/// A response whose body has been read, as far as it was wanted.
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) request_id: Option<String>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Bytes,
}

impl Response {
    /// The head of a response. The token is looked for in whatever may end in an error or a trace.
    pub(crate) fn head(status: StatusCode, headers: &HeaderMap, token: &AccessToken) -> Self {
        Self {
            status,
            request_id: text(headers, "x-request-id").map(|id| redact(id, token.expose())),
            retry_after: text(headers, header::RETRY_AFTER.as_str()).and_then(retry_after),
            body: Bytes::new(),
        }
    }
}

/// Why a response can't be taken for what it should be.
pub(crate) struct Unreadable {
    pub(crate) reason: String,
    /// Where decoding stopped, if it was JSON that didn't fit.
    pub(crate) source: Option<serde_json::Error>,
}

impl From<serde_json::Error> for Unreadable {
    fn from(source: serde_json::Error) -> Self {
        Self { reason: source.to_string(), source: Some(source) }
    }
}

impl From<&str> for Unreadable {
    fn from(reason: &str) -> Self {
        Self { reason: reason.to_owned(), source: None }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// `Retry-After` in seconds or as an HTTP date. A date in the past means now; anything else is as if it weren't there.
fn retry_after(value: &str) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

/// The first 200 characters, on one line.
pub(crate) fn excerpt(body: &str) -> String {
    let mut excerpt = String::new();
    let mut left = 200;
    for (index, word) in body.split_whitespace().enumerate() {
        let space = if index == 0 { "" } else { " " };
        for c in space.chars().chain(word.chars()) {
            if left == 0 {
                excerpt.push('…');
                return excerpt;
            }
            excerpt.push(c);
            left -= 1;
        }
    }
    excerpt
}
