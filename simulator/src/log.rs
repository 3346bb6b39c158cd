//! The received requests and what became of each. Whoever listens hears of a request when it has ended.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::body::{Body, HttpBody};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use canva_connect::Printable;
use http_body_util::BodyExt;
use memchr::memmem;
use serde_json::{Value, json};
use tokio::sync::broadcast;
use tokio::time::Instant;

use crate::api_error::ApiError;
use crate::clock::Clock;
use crate::lock::lock;
use crate::mask::{self, Mask};

/// A request as it arrived, and its response.
#[derive(Clone)]
#[non_exhaustive]
pub struct ReceivedRequest {
    /// Which request of this simulator it is, from 1. It is in the response's `x-request-id`, too.
    pub number: u64,
    /// When it arrived, by the simulator's clock.
    pub at: SystemTime,
    /// The spec's id of the operation, or `token`, `revoke` or `introspect`. `None` where none has this path and method.
    pub operation: Option<&'static str>,
    /// The HTTP method.
    pub method: Method,
    /// The path, such as `/rest/v1/imports`, without the query string.
    pub path: String,
    /// The query string, such as `limit=10`. It is empty if there is none.
    pub query: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The body. It is empty where the request was refused before its body was read, for one because its credentials
    /// were, and where newer bodies have taken its place.
    pub body: Bytes,
    /// How long it took from its head to its end. `None` while it hasn't ended.
    pub duration: Option<Duration>,
    /// The status of the response. `None` while there is none, and if the request ended without one.
    pub status: Option<u16>,
    /// The code of the error in the response, also where a job that is read has failed, and where a consent is led back
    /// with an error.
    pub code: Option<String>,
    /// The message of the error in the response.
    pub message: Option<String>,
    /// What exactly was wrong, and what would be right, where the simulator says more than Canva's message does. It is
    /// also in the response's header `x-simulator-reason`. Tests shouldn't rely on its words.
    pub reason: Option<String>,
    /// The place in `openapi.yaml` that the request breaks, as a JSON reference, such as
    /// `#/paths/~1v1~1imports/post/requestBody`. Where a job has failed, it has the reasons that there are for that.
    pub rule: Option<String>,
    /// The response's headers.
    pub response_headers: HeaderMap,
    /// The response's body, unless it is longer than 64 KiB.
    pub response_body: Bytes,
    /// Hides secrets where this is shown.
    pub(crate) mask: Mask,
}

/// Without secrets: `Authorization` and the query string are left out, and a body is shown by its length.
impl fmt::Debug for ReceivedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceivedRequest")
            .field("number", &self.number)
            .field("operation", &self.operation)
            .field("method", &self.method)
            .field("path", &self.mask.text(&self.path))
            .field("headers", &self.shown_headers())
            .field("body", &format_args!("{} bytes", self.body.len()))
            .field("status", &self.status)
            .field("reason", &self.reason.as_ref().map(|reason| self.mask.text(reason)))
            .finish_non_exhaustive()
    }
}

/// One line for a log, without secrets: number, method, path, status, code, duration, and of a refusal the reason and
/// its place in the spec. What is very long is cut, and what would hide or move text is escaped.
impl fmt::Display for ReceivedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.query.is_empty() { "" } else { "?" };
        let path = format!("{}{mark}{}", self.path, mask::fields(&self.query));
        write!(f, "#{} {} {}", self.number, self.method, shown(&self.mask.text(&path), MAX_PATH_SHOWN))?;
        match (self.status, self.duration) {
            (Some(status), _) => write!(f, " {status}")?,
            (None, Some(_)) => write!(f, " no response")?,
            (None, None) => {}
        }
        if let Some(code) = &self.code {
            write!(f, " {}", shown(&self.mask.text(code), MAX_PATH_SHOWN))?;
        }
        if let Some(duration) = self.duration {
            write!(f, " {} ms", duration.as_millis())?;
        }
        if let Some(why) = self.reason.as_ref().or(self.message.as_ref()) {
            write!(f, ": {}", shown(&self.mask.text(why), MAX_REASON_SHOWN))?;
        }
        match &self.rule {
            Some(rule) => write!(f, " [openapi.yaml{rule}]"),
            None => Ok(()),
        }
    }
}

/// The beginning of a text, this many characters. Clients may send what would steer a terminal.
fn shown(text: &str, most: usize) -> String {
    match text.char_indices().nth(most).and_then(|(end, _)| text.get(..end)) {
        Some(beginning) => format!("{}…", Printable(beginning)),
        None => Printable(text).to_string(),
    }
}

impl ReceivedRequest {
    /// The line of [`Display`](fmt::Display) as JSON, without secrets. `at` is in milliseconds since the Unix epoch.
    pub fn to_json(&self) -> Value {
        let at = self.at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut line = json!({
            "number": self.number,
            "at": u64::try_from(at.as_millis()).unwrap_or(u64::MAX),
            "operation": self.operation,
            "method": self.method.as_str(),
            "path": self.path,
            "query": mask::fields(&self.query),
            "status": self.status,
            "code": self.code,
            "message": self.message,
            "reason": self.reason,
            "rule": self.rule,
            "duration_ms": self.duration.map(|duration| duration.as_secs_f64() * 1000.0),
        });
        self.mask.json(&mut line);
        line
    }

    fn shown_headers(&self) -> Vec<(String, String)> {
        let headers = mask::headers(&self.headers).into_iter();
        headers.map(|(name, value)| (name, self.mask.text(&value))).collect()
    }

    /// Whether it has ended without what was asked for: by an error, by none of an answer, or by a job that has failed.
    pub(crate) fn is_refused(&self) -> bool {
        self.duration.is_some() && (self.status.is_none_or(|status| status >= 400) || self.code.is_some())
    }

    fn head_bytes(&self) -> usize {
        let headers = self.headers.iter().chain(&self.response_headers);
        let headers = headers.map(|(name, value)| name.as_str().len() + value.len());
        self.path.len() + self.query.len() + self.response_body.len() + headers.sum::<usize>()
    }
}

/// Every response in the log has one, for Canva's support.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How many characters of a path with its query string a line has. The page has all of it.
const MAX_PATH_SHOWN: usize = 200;

/// How many characters of a reason a line has.
const MAX_REASON_SHOWN: usize = 500;

/// How many requests are kept.
const MAX_REQUESTS: usize = 10_000;

/// How long the paths, query strings, headers and responses of all kept requests may be together, in bytes.
const MAX_HEAD_BYTES: usize = 64 << 20;

/// How long the bodies of all kept requests may be together, in bytes. A longer one is kept alone.
const MAX_BODY_BYTES: usize = 256 << 20;

/// How long the body of a response may be to be kept, in bytes.
const MAX_RESPONSE_BYTES: u64 = 64 << 10;

/// How many events a listener may be behind. Then it hears that it has missed some.
const MAX_EVENTS: usize = 1000;

/// What is called with each request when it has ended.
pub type Listener = Arc<dyn Fn(&ReceivedRequest) + Send + Sync>;

/// Something that a page shows has changed.
#[derive(Clone, Debug)]
pub enum Event {
    /// A request has ended: its line of the log as JSON.
    Request(Arc<str>),
    /// Something else.
    Change,
}

pub struct Log {
    requests: Mutex<Requests>,
    clock: Arc<Clock>,
    listener: Option<Listener>,
    events: broadcast::Sender<Event>,
    mask: Mask,
}

#[derive(Default)]
struct Requests {
    kept: VecDeque<ReceivedRequest>,
    /// The number of the last one.
    last: u64,
    head_bytes: usize,
    body_bytes: usize,
}

/// In a response with a job: the place in the spec of the reasons why the job may have failed.
#[derive(Clone)]
pub struct JobFailures(pub String);

/// A line of the log that is still being written.
pub struct Entry<'a> {
    log: &'a Log,
    number: u64,
    began: Instant,
    ended: bool,
}

impl Log {
    pub fn new(clock: Arc<Clock>, listener: Option<Listener>, mask: Mask) -> Self {
        Self { requests: Mutex::default(), clock, listener, events: broadcast::Sender::new(MAX_EVENTS), mask }
    }

    pub fn arrived(&self, operation: Option<&'static str>, request: &Parts) -> Entry<'_> {
        let mut requests = lock(&self.requests);
        requests.last += 1;
        let number = requests.last;
        let request = ReceivedRequest {
            number,
            at: SystemTime::UNIX_EPOCH + self.clock.since_epoch(),
            operation,
            method: request.method.clone(),
            path: request.uri.path().to_owned(),
            query: request.uri.query().unwrap_or_default().to_owned(),
            headers: copy(&request.headers),
            body: Bytes::new(),
            duration: None,
            status: None,
            code: None,
            message: None,
            reason: None,
            rule: None,
            response_headers: HeaderMap::new(),
            response_body: Bytes::new(),
            mask: self.mask.clone(),
        };
        requests.head_bytes += request.head_bytes();
        requests.kept.push_back(request);
        requests.drop_oldest();
        drop(requests);
        self.changed();
        Entry { log: self, number, began: Instant::now(), ended: false }
    }

    /// Refuses a request that goes no further, and keeps both.
    pub async fn refuse(&self, request: &Parts, refused: ApiError) -> Response {
        self.arrived(None, request).answered(refused.into_response()).await
    }

    /// The kept requests, oldest first.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        lock(&self.requests).kept.iter().cloned().collect()
    }

    /// The newest of those that are wanted, newest first.
    pub fn newest(&self, most: usize, is_wanted: impl Fn(&ReceivedRequest) -> bool) -> Vec<ReceivedRequest> {
        lock(&self.requests).kept.iter().rev().filter(|request| is_wanted(request)).take(most).cloned().collect()
    }

    pub fn request(&self, number: u64) -> Option<ReceivedRequest> {
        lock(&self.requests).get(number).cloned()
    }

    /// Forgets all requests. Numbers go on, so that none means two requests.
    pub fn clear(&self) {
        let mut requests = lock(&self.requests);
        *requests = Requests { last: requests.last, ..Requests::default() };
        drop(requests);
        self.changed();
    }

    /// Tells everyone who looks that something has changed.
    pub fn changed(&self) {
        // Nobody needs to look.
        let _ = self.events.send(Event::Change);
    }

    pub fn listen(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }
}

/// The response, and its body if that is short enough to be kept.
async fn keep_body(response: Response) -> (Response, Bytes) {
    if response.body().size_hint().exact().is_none_or(|length| length > MAX_RESPONSE_BYTES) {
        return (response, Bytes::new());
    }
    let (head, body) = response.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    (Response::from_parts(head, Body::from(body.clone())), body)
}

/// Code and message of the error that a body says, or that the job in it has.
fn error_in(status: StatusCode, body: &[u8]) -> (Option<String>, Option<String>) {
    // Most answers are none, and some are long.
    if status.is_success() && memmem::find(body, b"\"error\"").is_none() {
        return (None, None);
    }
    let said: Option<Value> = serde_json::from_slice(body).ok();
    let place = if status.is_success() { "/job/error" } else { "" };
    let text = |name| Some(said.as_ref()?.pointer(place)?.get(name)?.as_str()?.to_owned());
    (text("code"), text("message"))
}

/// A copy in memory of its own. hyper's headers share memory with everything that was read along with them.
fn copy(headers: &HeaderMap) -> HeaderMap {
    let copies = headers.iter().filter_map(|(name, value)| {
        Some((HeaderName::from_bytes(name.as_ref()).ok()?, HeaderValue::from_bytes(value.as_bytes()).ok()?))
    });
    copies.collect()
}

impl Requests {
    fn index(&self, number: u64) -> Option<usize> {
        let first = self.kept.front()?.number;
        usize::try_from(number.checked_sub(first)?).ok()
    }

    fn get(&self, number: u64) -> Option<&ReceivedRequest> {
        self.kept.get(self.index(number)?)
    }

    /// Changes a request, if it is still kept.
    fn change(&mut self, number: u64, change: impl FnOnce(&mut ReceivedRequest)) -> Option<&ReceivedRequest> {
        let index = self.index(number)?;
        let request = self.kept.get_mut(index)?;
        self.head_bytes -= request.head_bytes();
        self.body_bytes -= request.body.len();
        change(request);
        self.head_bytes += request.head_bytes();
        self.body_bytes += request.body.len();
        self.drop_oldest();
        self.drop_oldest_bodies();
        self.get(number)
    }

    fn drop_oldest(&mut self) {
        while self.kept.len() > MAX_REQUESTS || self.head_bytes > MAX_HEAD_BYTES {
            let Some(oldest) = self.kept.pop_front() else { return };
            self.head_bytes -= oldest.head_bytes();
            self.body_bytes -= oldest.body.len();
        }
    }

    fn drop_oldest_bodies(&mut self) {
        let mut bodies =
            self.kept.iter_mut().map(|request| &mut request.body).filter(|body| !body.is_empty()).peekable();
        while self.body_bytes > MAX_BODY_BYTES
            && let Some(oldest) = bodies.next()
            && bodies.peek().is_some()
        {
            self.body_bytes -= oldest.len();
            *oldest = Bytes::new();
        }
    }
}

impl Entry<'_> {
    pub fn body(&self, body: Bytes) {
        lock(&self.log.requests).change(self.number, |request| request.body = body);
    }

    /// The request ends with this response, which gets the request's id.
    pub async fn answered(mut self, mut response: Response) -> Response {
        let id = HeaderValue::try_from(format!("simulated-request-{}", self.number));
        response.headers_mut().entry(REQUEST_ID).or_insert(id.unwrap_or(HeaderValue::from_static("?")));
        let (response, body) = keep_body(response).await;
        let status = response.status();
        let (code, message, reason, rule) = match response.extensions().get::<ApiError>().cloned() {
            Some(ApiError { code, message, reason, rule, .. }) => (Some(code.to_owned()), Some(message), reason, rule),
            // A fault's, or that of a job that has failed.
            None => {
                let (code, message) = error_in(status, &body);
                let job_failures = response.extensions().get().filter(|_| status.is_success() && code.is_some());
                (code, message, None, job_failures.map(|JobFailures(place)| place.clone()))
            }
        };
        self.end(|request| {
            (request.status, request.code, request.message) = (Some(status.as_u16()), code, message);
            (request.reason, request.rule) = (reason.or(request.reason.take()), rule);
            (request.response_headers, request.response_body) = (copy(response.headers()), body);
        });
        response
    }

    /// The request ends without a response, by a fault.
    pub fn unanswered(mut self) {
        self.end(|_| ());
    }

    /// The request meets a fault, which is a reason for whatever comes.
    pub fn met(&self, fault: &str) {
        let reason = format!("The fault {fault} was asked for.");
        lock(&self.log.requests).change(self.number, |request| request.reason = Some(reason));
    }

    fn end(&mut self, change: impl FnOnce(&mut ReceivedRequest)) {
        self.ended = true;
        let duration = self.began.elapsed();
        let mut requests = lock(&self.log.requests);
        let request = requests.change(self.number, |request| {
            change(request);
            request.duration = Some(duration);
        });
        let request = request.cloned();
        drop(requests);
        let Some(request) = request else { return };
        if let Some(listener) = &self.log.listener {
            listener(&request);
        }
        if self.log.events.receiver_count() > 0 {
            let _ = self.log.events.send(Event::Request(request.to_json().to_string().into()));
        }
    }
}

/// Whoever drops an entry before the end has lost the client, or the simulator ends.
impl Drop for Entry<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.end(|request| {
                let gone = || "The client has gone, or the simulator ended.".to_owned();
                request.reason.get_or_insert_with(gone);
            });
        }
    }
}
