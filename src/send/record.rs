//! The fields of a request's span, written once: when the request is over or dropped.

use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;
use tracing::Span;
use tracing::field::Empty;

use crate::content::UploadProgress;
use crate::operations::Operation;

/// How far a request has come.
pub(super) struct Record {
    span: Span,
    /// How many attempts have begun.
    pub(super) attempts: u32,
    /// How long the request has waited for its turns.
    pub(super) queued: Duration,
    /// How much of an upload had left in the last attempt that was sent.
    pub(super) sent: Option<UploadProgress>,
    /// When the last attempt that was sent began.
    pub(super) began: Instant,
    status: Option<StatusCode>,
    request_id: Option<String>,
}

impl Record {
    pub(super) fn new(operation: &Operation) -> Self {
        let span = tracing::info_span!(
            "canva",
            operation = operation.id,
            method = operation.method,
            path = operation.path,
            status = Empty,
            request_id = Empty,
            attempts = Empty,
            queued_ms = Empty,
            bytes = Empty,
        );
        let began = Instant::now();
        Self { span, attempts: 0, queued: Duration::ZERO, sent: None, began, status: None, request_id: None }
    }

    pub(super) fn span(&self) -> Span {
        self.span.clone()
    }

    /// The head of a response has come.
    pub(super) fn responded(&mut self, status: StatusCode, request_id: Option<String>) {
        (self.status, self.request_id) = (Some(status), request_id);
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.span.record("attempts", self.attempts);
        self.span.record("queued_ms", self.queued.as_millis() as u64);
        self.span.record("bytes", self.sent.map(|progress| progress.sent));
        self.span.record("status", self.status.map(|status| status.as_u16()));
        self.span.record("request_id", self.request_id.as_deref());
    }
}
