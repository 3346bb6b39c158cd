//! An error response of the API: its status, its `{code, message}`, and what only a person should read.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// The header that says more of a refusal than the API does. No program should read it: Canva doesn't send it.
pub const REASON: HeaderName = HeaderName::from_static("x-simulator-reason");

/// The longest reason, in characters. It may quote what a client sent.
const MAX_REASON: usize = 1000;

#[derive(Clone, Debug)]
pub struct ApiError {
    pub status: StatusCode,
    pub code: &'static str,
    pub message: String,
    /// What exactly was wrong, and what would be right.
    pub reason: Option<String>,
    /// The place in the spec that the request breaks, as a JSON reference: `#/paths/~1v1~1imports/post/requestBody`.
    pub rule: Option<String>,
}

impl ApiError {
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), reason: None, rule: None }
    }

    pub fn because(self, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..self }
    }

    /// Names the place in the spec, unless one is named already.
    pub fn by(self, rule: impl FnOnce() -> String) -> Self {
        Self { rule: self.rule.or_else(|| Some(rule())), ..self }
    }

    /// What this user asks for is another user's.
    pub fn not_theirs(what: &str) -> Self {
        let message = format!("Not allowed to access this {what}.");
        Self::new(StatusCode::FORBIDDEN, "permission_denied", message).because("It is another user's.")
    }

    pub fn asset_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "asset_not_found", "There is no such asset.")
    }

    pub fn design_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is no such design.")
    }

    pub fn folder_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "folder_not_found", "There is no such folder.")
    }

    pub fn job_not_found(id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("Job {id} not found."))
    }

    /// Gives a response that says code and message in its body what only the log and a person should know: the reason
    /// in a header, and the whole error in the extensions.
    pub fn mark(self, response: &mut Response) {
        response.headers_mut().extend(self.reason().map(|reason| (REASON, reason)));
        response.extensions_mut().insert(self);
    }

    /// The reason as a header's value, in visible ASCII.
    fn reason(&self) -> Option<HeaderValue> {
        let visible = |c: char| if matches!(c, ' '..='~') { c.to_string() } else { c.escape_default().to_string() };
        let reason: String = self.reason.as_ref()?.chars().take(MAX_REASON).map(visible).collect();
        HeaderValue::try_from(reason).ok()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Json(json!({ "code": self.code, "message": self.message }));
        let mut response = (self.status, body).into_response();
        self.mark(&mut response);
        response
    }
}
