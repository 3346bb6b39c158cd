//! Responses that a test prepares and a fault sends.

use std::fmt;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;

/// A response that a test prepares, sent in place of the API's own.
///
/// ```
/// use canva_simulator::CannedResponse;
/// use reqwest::header::{HeaderValue, RETRY_AFTER};
///
/// let busy = CannedResponse::json(429).header(RETRY_AFTER, HeaderValue::from_static("Fri, 13 Nov 2026 08:00:00 GMT"));
/// let proxy = CannedResponse::html(502);
/// ```
#[derive(Clone)]
pub struct CannedResponse {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl CannedResponse {
    /// An error in the API's form, with the code `simulated_fault`. Every constructor turns a status outside 100 to
    /// 999 into 500.
    pub fn json(status: u16) -> Self {
        Self::new(status, "application/json", r#"{"code":"simulated_fault","message":"A fault was asked for."}"#)
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
