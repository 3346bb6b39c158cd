//! Pages in a browser may call the API (CORS): the browser asks before a request, and lets the page read the response.
//! `visitors` has refused pages that aren't from this machine.

use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// The headers that a page can read beside those that it always can.
const READABLE: &str = "retry-after, x-request-id, x-simulator-reason";

/// The page that a request comes from, by its origin.
pub struct Page(HeaderValue);

impl Page {
    /// `None` for the request of a program.
    pub fn of(request: &Parts) -> Option<Self> {
        request.headers.get(header::ORIGIN).cloned().map(Self)
    }

    /// The answer to a browser that asks whether the page may send a request. It may send any, so that what is wrong
    /// with it is read in the response to the request itself. `None` for the request itself.
    pub fn preflight(&self, request: &Parts) -> Option<Response> {
        let method = request.headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
        if request.method != Method::OPTIONS {
            return None;
        }
        let mut response = StatusCode::NO_CONTENT.into_response();
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, method.clone());
        if let Some(asked) = request.headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
        }
        Some(response)
    }

    /// Lets the page read the response, and what it needs of the headers.
    pub fn let_read(self, response: &mut Response) {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, self.0);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(READABLE));
        headers.append(header::VARY, HeaderValue::from_static("origin"));
    }
}
