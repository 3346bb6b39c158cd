//! Responses that a test prepares and a fault sends.

use std::fmt;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json};

const JSON: &str = "application/json";

/// A response that a test prepares, sent in place of the API's own.
///
/// ```
/// use canva_simulator::CannedResponse;
/// use reqwest::header::{HeaderValue, RETRY_AFTER};
///
/// let busy = CannedResponse::json(429).header(RETRY_AFTER, HeaderValue::from_static("Fri, 13 Nov 2026 08:00:00 GMT"));
/// let proxy = CannedResponse::html(502);
/// let full = CannedResponse::error(403, "quota_exceeded", "There is no room.");
/// ```
#[derive(Clone)]
pub struct CannedResponse {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl CannedResponse {
    /// An error in the API's form, with the code that the API has for this status, such as `too_many_requests` for 429
    /// and `internal_error` for 500. Where it has none, the code is `simulated_fault`. Every constructor turns a status
    /// outside 100 to 999 into 500.
    pub fn json(status: u16) -> Self {
        let (code, message) = Self::default_error(status);
        Self::error(status, code, message)
    }

    /// An error in the API's form, with this code and message.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        Self::new(status, JSON, json!({ "code": code, "message": message }).to_string())
    }

    /// A proxy's error page, in HTML.
    pub fn html(status: u16) -> Self {
        Self::new(status, "text/html", "<html><body><h1>A fault was asked for</h1></body></html>")
    }

    /// No body and no `Content-Type`.
    pub fn empty(status: u16) -> Self {
        let mut response = Self::new(status, "", "");
        response.headers.clear();
        response
    }

    /// A body of 10 MiB.
    pub fn huge(status: u16) -> Self {
        Self::new(status, "text/plain", vec![b'x'; 10 << 20])
    }

    /// Sets a header. It replaces one of the same name.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Sets the body. Its `Content-Type` stays as it is.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Code and message of an error with this status.
    pub(crate) fn default_error(status: u16) -> (&'static str, &'static str) {
        let code = match status {
            400 => "invalid_request",
            401 => "invalid_access_token",
            403 => "permission_denied",
            404 => "not_found",
            405 => "bad_http_method",
            413 => "request_too_large",
            415 => "unsupported_content_type",
            429 => "too_many_requests",
            500 => "internal_error",
            _ => "simulated_fault",
        };
        (code, "A fault was asked for.")
    }

    /// Code and message, where this is an error in the API's form.
    pub(crate) fn as_error(&self) -> Option<(String, String)> {
        if self.headers.get(header::CONTENT_TYPE)? != JSON {
            return None;
        }
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        let (code, message) = (body.get("code")?.as_str()?, body.get("message")?.as_str()?);
        (body.as_object()?.len() == 2).then(|| (code.to_owned(), message.to_owned()))
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    pub(crate) fn bytes(&self) -> &Bytes {
        &self.body
    }

    fn new(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        Self { status, headers, body: body.into() }
    }

    pub(crate) fn to_response(&self) -> Response {
        let mut response = Response::new(Body::from(self.body.clone()));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers.clone();
        response
    }
}

/// Shows the body's length in place of the body.
impl fmt::Debug for CannedResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = format_args!("{} bytes", self.body.len()).to_string();
        f.debug_struct("CannedResponse")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body", &body)
            .finish()
    }
}
