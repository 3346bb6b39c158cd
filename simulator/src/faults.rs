//! What can go wrong between a client and the API, on demand: which request meets which fault, and what the fault does.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::sync::Mutex;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use canva_connect::operations::ALL;
use http_body_util::BodyExt;
use serde_json::Value;

use crate::lock::lock;

/// What the token endpoint is called where faults are injected: the spec gives it no operation id.
pub const TOKEN_ENDPOINT: &str = "token";

/// The properties that are enums in answers.
const ENUMS: [&str; 4] = ["code", "state", "status", "type"];

const MAX_HEADER_BYTES: usize = 16 << 20;

/// Something that goes wrong with one request.
///
/// What exists afterwards depends on whether the request was processed:
///
/// | fault | processed | the client sees |
/// |---|---|---|
/// | [`Close`](Self::Close) | no | the connection closes once the request's head has arrived |
/// | [`CloseAfter`](Self::CloseAfter) | no | the connection closes while the body is being sent |
/// | [`StopReading`](Self::StopReading) | no | nothing more of the body is taken, and no answer comes |
/// | [`AnswerEarly`](Self::AnswerEarly) | no | an answer although the body isn't sent yet |
/// | [`Answer`](Self::Answer) | no | an answer of the test's making, such as a proxy's error page |
/// | [`Raw`](Self::Raw) | no | any bytes at all, then the end of the connection |
/// | [`TrickleRead`](Self::TrickleRead) | yes | the body is taken slowly, then the right answer |
/// | [`Delay`](Self::Delay) | yes, after the delay | the right answer, late |
/// | [`LoseAnswer`](Self::LoseAnswer) | yes | the connection closes without an answer |
/// | [`CutBody`](Self::CutBody) | yes | the connection closes in the middle of the answer's body |
/// | [`CutJson`](Self::CutJson) | yes | a whole answer whose JSON ends in the middle |
/// | [`MalformedJson`](Self::MalformedJson) | yes | a whole answer whose body is no JSON |
/// | [`WrongContentType`](Self::WrongContentType) | yes | the right answer, called `text/html` |
/// | [`UnknownEnums`](Self::UnknownEnums) | yes | values that the spec doesn't know, in place of its enums' |
/// | [`MissingFields`](Self::MissingFields) | yes | an answer without what it must have |
/// | [`Chunked`](Self::Chunked) | yes | the right answer in small chunks, without a length |
/// | [`Unlengthed`](Self::Unlengthed) | yes | the right answer, ended by the end of the connection |
/// | [`LargeHeader`](Self::LargeHeader) | yes | the right answer with a header of this many bytes |
///
/// A processed request is checked as always, so that its right answer may be a refusal.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// Closes the connection once the request's head has arrived.
    Close,
    /// Closes the connection once this many bytes of the request's body have arrived.
    CloseAfter(u64),
    /// Reads the request's head and no more. The sockets of both sides still take some megabytes.
    StopReading,
    /// Answers as soon as the request's head has arrived, and discards the body as it comes.
    AnswerEarly(Answer),
    /// Answers once the request's body has arrived.
    Answer(Answer),
    /// Writes these bytes, once the request's body has arrived, and closes the connection.
    Raw(Bytes),
    /// Reads the request's body at this many bytes a second.
    TrickleRead(u32),
    /// Waits before it processes the request.
    Delay(Duration),
    /// Processes the request and closes the connection.
    LoseAnswer,
    /// Announces the answer's length, writes half of it, and closes the connection.
    CutBody,
    /// Answers with the first half of the JSON.
    CutJson,
    /// Answers with the JSON and a brace too many in front.
    MalformedJson,
    /// Answers with `Content-Type: text/html`.
    WrongContentType,
    /// Replaces each `status`, `type`, `state` and `code` in the answer with one that the spec doesn't know.
    UnknownEnums,
    /// Empties the `job` or `asset` that the answer is about.
    MissingFields,
    /// Answers in chunks of a few bytes.
    Chunked,
    /// Answers without a length, and ends the answer by closing the connection.
    Unlengthed,
    /// Adds a header with a value of this many bytes, 16 MiB at most.
    LargeHeader(usize),
}

/// An answer in place of the API's own.
///
/// ```
/// use canva_simulator::Answer;
/// use reqwest::header::{HeaderValue, RETRY_AFTER};
///
/// let busy = Answer::json(429).header(RETRY_AFTER, HeaderValue::from_static("Fri, 13 Nov 2026 08:00:00 GMT"));
/// let proxy = Answer::html(502);
/// ```
#[derive(Clone)]
pub struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    /// An error as the API writes it, with the code `simulated_fault`. A status outside 100 to 999 is taken as 500, here
    /// and below.
    pub fn json(status: u16) -> Self {
        Self::new(status, "application/json", r#"{"code":"simulated_fault","message":"A fault was asked for."}"#)
    }

    /// An error page, as proxies write them.
    pub fn html(status: u16) -> Self {
        Self::new(status, "text/html", "<html><body><h1>A fault was asked for</h1></body></html>")
    }

    /// No body and no `Content-Type`.
    pub fn empty(status: u16) -> Self {
        let mut answer = Self::new(status, "", "");
        answer.headers.clear();
        answer
    }

    /// A body of 10 MiB.
    pub fn huge(status: u16) -> Self {
        Self::new(status, "text/plain", vec![b'x'; 10 << 20])
    }

    /// Adds a header, in place of one of the same name.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    fn new(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        Self { status, headers, body: body.into() }
    }

    fn to_response(&self) -> Response {
        let mut response = Response::new(Body::from(self.body.clone()));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers.clone();
        response
    }
}

/// With the body's length in place of the body.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = format_args!("{} bytes", self.body.len()).to_string();
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body", &body)
            .finish()
    }
}

/// Marks a response that is not to be sent as it is: these bytes are, and then the connection closes.
#[derive(Clone, Debug)]
pub struct HangUp {
    pub bytes: Bytes,
    /// The status in those bytes, where they are an answer.
    pub status: Option<StatusCode>,
}

impl fmt::Display for HangUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the connection is closed on purpose")
    }
}

impl std::error::Error for HangUp {}

fn hang_up(bytes: impl Into<Bytes>, status: Option<StatusCode>) -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(HangUp { bytes: bytes.into(), status });
    response
}

impl Fault {
    /// What comes in place of processing the request, or `None` where it is processed after all.
    pub async fn before(&self, body: &mut Body) -> Option<Response> {
        match self {
            Self::Close => Some(hang_up(Bytes::new(), None)),
            Self::CloseAfter(bytes) => {
                let mut read = 0;
                while read < *bytes
                    && let Some(Ok(frame)) = body.frame().await
                {
                    read += frame.data_ref().map_or(0, Bytes::len) as u64;
                }
                Some(hang_up(Bytes::new(), None))
            }
            Self::StopReading => std::future::pending().await,
            Self::AnswerEarly(answer) => Some(answer.to_response()),
            Self::Answer(answer) => {
                read_all(body).await;
                Some(answer.to_response())
            }
            Self::Raw(bytes) => {
                read_all(body).await;
                Some(hang_up(bytes.clone(), None))
            }
            Self::TrickleRead(bytes_per_second) => {
                *body = trickle(std::mem::take(body), *bytes_per_second).await;
                None
            }
            Self::Delay(delay) => {
                tokio::time::sleep(*delay).await;
                None
            }
            _ => None,
        }
    }

    /// What becomes of the right answer.
    pub async fn after(&self, response: Response) -> Response {
        let (mut head, body) = response.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let half = body.slice(..body.len() / 2);
        let framed = |framing: &str, body: &[u8]| {
            let mut bytes = format!("HTTP/1.1 {}\r\n", head.status).into_bytes();
            for (name, value) in head.headers.iter().filter(|(name, _)| *name != header::CONTENT_LENGTH) {
                bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
            }
            bytes.extend(framing.as_bytes());
            bytes.extend(b"connection: close\r\n\r\n");
            bytes.extend(body);
            hang_up(bytes, Some(head.status))
        };
        let body = match self {
            Self::LoseAnswer => return hang_up(Bytes::new(), None),
            Self::CutBody => return framed(&format!("content-length: {}\r\n", body.len()), &half),
            Self::Unlengthed => return framed("", &body),
            Self::Chunked => {
                let mut chunks = Vec::new();
                for chunk in body.chunks(7) {
                    chunks.extend([format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
                }
                chunks.extend(b"0\r\n\r\n");
                return framed("transfer-encoding: chunked\r\n", &chunks);
            }
            Self::CutJson => half,
            Self::MalformedJson => [b"{", body.as_ref()].concat().into(),
            Self::UnknownEnums => rewrite(&body, unknown_enums),
            Self::MissingFields => rewrite(&body, |answer| {
                for about in answer.as_object_mut().into_iter().flat_map(|answer| answer.values_mut()) {
                    *about = Value::Object(Default::default());
                }
            }),
            Self::WrongContentType => {
                head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
                body
            }
            Self::LargeHeader(bytes) => {
                let value = HeaderValue::try_from("x".repeat(*bytes.min(&MAX_HEADER_BYTES)));
                head.headers.extend(value.ok().map(|value| (HeaderName::from_static("x-large"), value)));
                body
            }
            _ => body,
        };
        head.headers.remove(header::CONTENT_LENGTH);
        Response::from_parts(head, Body::from(body))
    }
}

async fn read_all(body: &mut Body) {
    while let Some(Ok(_)) = body.frame().await {}
}

async fn trickle(mut body: Body, bytes_per_second: u32) -> Body {
    let mut read = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        if let Ok(data) = frame.into_data() {
            tokio::time::sleep(Duration::from_secs_f64(data.len() as f64 / f64::from(bytes_per_second.max(1)))).await;
            read.extend_from_slice(&data);
        }
    }
    Body::from(read)
}

fn rewrite(body: &Bytes, change: impl FnOnce(&mut Value)) -> Bytes {
    let Ok(mut answer) = serde_json::from_slice(body) else { return body.clone() };
    change(&mut answer);
    answer.to_string().into()
}

fn unknown_enums(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                match value {
                    Value::String(text) if ENUMS.contains(&name.as_str()) => *text = format!("new_{text}"),
                    value => unknown_enums(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(unknown_enums),
        _ => {}
    }
}

/// Which requests are to meet which faults.
#[derive(Default)]
pub struct Faults(Mutex<BTreeMap<String, Vec<Injected>>>);

#[derive(Clone, Debug)]
pub struct Injected {
    tries: (Bound<u32>, Bound<u32>),
    /// Requests of the operation since the injection.
    seen: u32,
    fault: Fault,
}

impl Injected {
    pub fn new(tries: impl RangeBounds<u32>, fault: Fault) -> Self {
        Self { tries: (tries.start_bound().cloned(), tries.end_bound().cloned()), seen: 0, fault }
    }
}

impl Faults {
    /// An error where there is no such operation.
    pub fn inject(&self, operation: &str, injected: Injected) -> io::Result<()> {
        if operation != TOKEN_ENDPOINT && !ALL.iter().any(|known| known.id == operation) {
            let message = format!("the spec has no operation `{operation}`");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        lock(&self.0).entry(operation.to_owned()).or_default().push(injected);
        Ok(())
    }

    /// The fault that the operation's next request meets, the one injected first where there are several.
    pub fn next(&self, operation: &str) -> Option<Fault> {
        let mut faults = lock(&self.0);
        let injected = faults.get_mut(operation)?;
        for injected in injected.iter_mut() {
            injected.seen = injected.seen.saturating_add(1);
        }
        let met = injected.iter().find(|injected| injected.tries.contains(&injected.seen));
        met.map(|injected| injected.fault.clone())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_enums_are_those_of_the_spec() {
        let spec: Value = serde_saphyr::from_str(canva_connect::OPENAPI_YAML).unwrap();
        let schemas = spec["components"]["schemas"].as_object().unwrap();
        let mut found = BTreeSet::new();
        for properties in schemas.values().filter_map(|schema| schema.get("properties")?.as_object()) {
            for (name, property) in properties {
                let referred = property["$ref"].as_str().and_then(|reference| reference.rsplit('/').next());
                let schema = referred.map_or(property, |referred| &schemas[referred]);
                if schema.get("enum").is_some() {
                    found.insert(name.as_str());
                }
            }
        }
        assert_eq!(found, BTreeSet::from(ENUMS));
    }
}
