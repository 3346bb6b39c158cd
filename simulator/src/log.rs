//! The received requests, and the status of each response.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Mutex;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::response::Response;
use bytes::Bytes;

use crate::api_error::REASON;
use crate::lock::lock;

/// A request to the API, as it arrived.
#[derive(Clone)]
#[non_exhaustive]
pub struct ReceivedRequest {
    /// The spec's id of the operation, `None` where no operation has this path and method.
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
    /// The status of the response, `None` while there is none.
    pub status: Option<u16>,
    /// What exactly was wrong, and what would be right, where the simulator says more than Canva's message does. It is
    /// also in the response's header `x-simulator-reason`. Tests shouldn't rely on its words.
    pub reason: Option<String>,
}

/// Without secrets: `Authorization` and the query string are left out, and a body is shown by its length.
impl fmt::Debug for ReceivedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut headers = self.headers.clone();
        headers.remove(header::AUTHORIZATION);
        f.debug_struct("ReceivedRequest")
            .field("operation", &self.operation)
            .field("method", &self.method)
            .field("path", &self.path)
            .field("headers", &headers)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .field("status", &self.status)
            .field("reason", &self.reason)
            .finish()
    }
}

/// How many requests are kept.
const MAX_REQUESTS: usize = 10_000;

/// How long the paths, query strings and headers of all kept requests may be together, in bytes.
const MAX_HEAD_BYTES: usize = 64 << 20;

/// How long the bodies of all kept requests may be together, in bytes. A longer one is kept alone.
const MAX_BODY_BYTES: usize = 256 << 20;

#[derive(Default)]
pub struct Log(Mutex<Requests>);

#[derive(Default)]
struct Requests {
    kept: VecDeque<ReceivedRequest>,
    /// How many came before the ones that are kept.
    dropped: usize,
    head_bytes: usize,
    body_bytes: usize,
}

/// A line of the log that is still being written.
pub struct Entry<'a> {
    log: &'a Log,
    number: usize,
}

impl Log {
    pub fn arrived(&self, operation: Option<&'static str>, request: &Parts) -> Entry<'_> {
        let mut requests = lock(&self.0);
        let request = ReceivedRequest {
            operation,
            method: request.method.clone(),
            path: request.uri.path().to_owned(),
            query: request.uri.query().unwrap_or_default().to_owned(),
            headers: copy(&request.headers),
            body: Bytes::new(),
            status: None,
            reason: None,
        };
        requests.head_bytes += request.head_bytes();
        requests.kept.push_back(request);
        requests.drop_oldest();
        Entry { log: self, number: requests.dropped + requests.kept.len() - 1 }
    }

    pub fn requests(&self) -> Vec<ReceivedRequest> {
        lock(&self.0).kept.iter().cloned().collect()
    }
}

impl ReceivedRequest {
    fn head_bytes(&self) -> usize {
        let headers = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
        self.path.len() + self.query.len() + headers.sum::<usize>()
    }
}

/// A copy in memory of its own. hyper's headers share memory with everything that was read along with them.
fn copy(headers: &HeaderMap) -> HeaderMap {
    let copies = headers.iter().filter_map(|(name, value)| {
        Some((HeaderName::from_bytes(name.as_ref()).ok()?, HeaderValue::from_bytes(value.as_bytes()).ok()?))
    });
    copies.collect()
}

impl Requests {
    /// Changes a request, if it is still kept.
    fn change(&mut self, number: usize, change: impl FnOnce(&mut ReceivedRequest)) -> bool {
        let request = number.checked_sub(self.dropped).and_then(|index| self.kept.get_mut(index));
        request.map(change).is_some()
    }

    fn drop_oldest(&mut self) {
        while self.kept.len() > MAX_REQUESTS || self.head_bytes > MAX_HEAD_BYTES {
            let Some(oldest) = self.kept.pop_front() else { return };
            self.dropped += 1;
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
        let mut requests = lock(&self.log.0);
        let length = body.len();
        if requests.change(self.number, |request| request.body = body) {
            requests.body_bytes += length;
            requests.drop_oldest_bodies();
        }
    }

    /// The response's `x-request-id`.
    pub fn request_id(&self) -> HeaderValue {
        HeaderValue::try_from(format!("simulated-request-{}", self.number + 1)).unwrap_or(HeaderValue::from_static("?"))
    }

    pub fn answered(&self, response: &Response) {
        let reason = response.headers().get(REASON).and_then(|reason| reason.to_str().ok());
        lock(&self.log.0).change(self.number, |request| {
            request.status = Some(response.status().as_u16());
            request.reason = reason.map(str::to_owned);
        });
    }
}
