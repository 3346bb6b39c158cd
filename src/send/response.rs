//! A response: its head, and its body as JSON or as an excerpt.

use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Error as _};

use crate::boxed::BoxError;
use crate::checks::{self, lengths};
use crate::token::AccessToken;

/// A response whose body has been read, up to a bound.
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) request_id: Option<String>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Bytes,
}

impl Response {
    /// The head of a response. Its id is shown, so the token is hidden in it.
    pub(crate) fn head(status: StatusCode, headers: &HeaderMap, token: &AccessToken) -> Self {
        Self {
            status,
            request_id: text(headers, "x-request-id").map(|id| token.redact(id).into_owned()),
            retry_after: retry_after(headers),
            body: Bytes::new(),
        }
    }
}

/// Why a response can't be read as its type.
pub(crate) struct Unreadable {
    /// A `serde_json::Error` if it was JSON that didn't fit, otherwise text.
    pub(crate) source: BoxError,
    /// It says that a job succeeded, and lacks what that made.
    pub(crate) job_succeeded: bool,
    /// The job that it tells of all the same.
    pub(crate) job_id: Option<Box<str>>,
}

impl Unreadable {
    /// The response about a job that succeeded has no such thing.
    pub(crate) fn success_without(result: &str) -> Self {
        let source = format!("the job succeeded, but the response has no {result}").into();
        Self { source, job_succeeded: true, job_id: None }
    }
}

impl From<serde_json::Error> for Unreadable {
    fn from(source: serde_json::Error) -> Self {
        Self { source: source.into(), job_succeeded: false, job_id: None }
    }
}

impl From<&str> for Unreadable {
    fn from(reason: &str) -> Self {
        Self { source: reason.into(), job_succeeded: false, job_id: None }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// `Retry-After` in seconds or as an HTTP date. A date in the past means now; anything else is as if it weren't there.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = text(headers, "retry-after")?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(value).ok()?;
    // By the response's own date: between the two, the server's clock needn't be right.
    let date = text(headers, "date").and_then(|date| httpdate::parse_http_date(date).ok());
    let now = date.unwrap_or_else(SystemTime::now);
    Some(until.duration_since(now).unwrap_or_default())
}

/// The id of the job that a response tells of, whatever else is in it. One that nobody can ask for is none.
pub(crate) fn job_id(body: &[u8]) -> Option<Box<str>> {
    #[derive(Deserialize)]
    struct Response {
        job: Job,
    }
    #[derive(Deserialize)]
    struct Job {
        id: Box<str>,
    }
    let Response { job: Job { id } } = json(body).ok()?;
    checks::id("job_id", &id, &lengths::JOB_ID).ok().map(|()| id)
}

/// JSON as a value. A half of an emoji, which no text can have, is read as U+FFFD, so that one name doesn't make the
/// whole response unreadable.
pub(crate) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    // All of it, also what the decoder would pass over: JSON is UTF-8.
    let json = std::str::from_utf8(body).map_err(serde_json::Error::custom)?;
    serde_json::from_str(json).or_else(|error| {
        let whole = without_half_characters(json).ok_or(error)?;
        serde_json::from_str(&whole)
    })
}

/// The JSON with `\ufffd` for each surrogate that has no other half; `None` if there is none.
fn without_half_characters(json: &str) -> Option<String> {
    let surrogate = |text: &str, halves: RangeInclusive<u16>| {
        let digits = text.strip_prefix("\\u").and_then(|digits| digits.get(..4));
        digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()).is_some_and(|half| halves.contains(&half))
    };
    let (mut whole, mut rest) = (String::with_capacity(json.len()), json);
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        whole.push_str(before);
        let second = escape.get(6..).unwrap_or_default();
        let (length, replaced) = match escape {
            _ if surrogate(escape, 0xd800..=0xdbff) && surrogate(second, 0xdc00..=0xdfff) => (12, false),
            _ if surrogate(escape, 0xd800..=0xdfff) => (6, true),
            // A backslash and what it escapes; the digits of another `\u` are ordinary characters.
            _ => (1 + escape.chars().nth(1).map_or(0, char::len_utf8), false),
        };
        let (this, after) = escape.split_at(length);
        whole.push_str(if replaced { "\\ufffd" } else { this });
        rest = after;
    }
    whole.push_str(rest);
    (whole != json).then_some(whole)
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
