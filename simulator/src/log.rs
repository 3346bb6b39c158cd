//! What was received, request by request, and how it was answered.

use std::fmt;
use std::sync::Mutex;

use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use bytes::Bytes;

use crate::lock::lock;

/// A request to the API, as it arrived.
#[derive(Clone)]
#[non_exhaustive]
pub struct ReceivedRequest {
    /// The spec's id of the operation, `None` where no operation has this path and method.
    pub operation: Option<&'static str>,
    /// The HTTP method.
    pub method: Method,
    /// The path, such as `/rest/v1/imports`, without a query string.
    pub path: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The body, empty where the request was refused before its body was read.
    pub body: Bytes,
    /// The status of the response, `None` while there is none.
    pub status: Option<u16>,
}

/// Without secrets: `Authorization` is left out, and a body is shown by its length.
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
            .finish()
    }
}

#[derive(Default)]
pub struct Log(Mutex<Vec<ReceivedRequest>>);

/// A line of the log that is still being written.
pub struct Entry<'a> {
    log: &'a Log,
    index: usize,
}

impl Log {
    pub fn arrived(&self, operation: Option<&'static str>, request: &Parts) -> Entry<'_> {
        let mut requests = lock(&self.0);
        requests.push(ReceivedRequest {
            operation,
            method: request.method.clone(),
            path: request.uri.path().to_owned(),
            headers: request.headers.clone(),
            body: Bytes::new(),
            status: None,
        });
        Entry { log: self, index: requests.len() - 1 }
    }

    pub fn requests(&self) -> Vec<ReceivedRequest> {
        lock(&self.0).clone()
    }
}

impl Entry<'_> {
    pub fn body(&self, body: Bytes) {
        self.change(|request| request.body = body);
    }

    pub fn status(&self, status: StatusCode) {
        self.change(|request| request.status = Some(status.as_u16()));
    }

    fn change(&self, change: impl FnOnce(&mut ReceivedRequest)) {
        let mut requests = lock(&self.log.0);
        if let Some(request) = requests.get_mut(self.index) {
            change(request);
        }
    }
}
