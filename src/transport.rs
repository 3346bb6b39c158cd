//! The one way in which a request leaves: permit, token, timeouts, trace, and the answer read with a bound. It is the hook
//! that every operation of the generated client passes through; repeating is left to `retry.rs`.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{StatusCode, header};
use progenitor_client::{ClientHooks, OperationInfo};
use tokio::time::Instant;

use crate::auth::{AccessToken, DynTokenProvider};
use crate::body::{Meter, Upload};
use crate::error::{ApiError, BodyError, Error, Progress, TimeoutKind, excerpt, request_id};
use crate::generated;
use crate::operations::{self, Operation};
use crate::pacing::{DynPacer, Permit};

/// More than any answer of the API needs; what goes on beyond it is a fault.
const MAX_ANSWER: usize = 16 * 1024 * 1024;
/// Enough of an error page to say what it is.
const MAX_ERROR_ANSWER: usize = 64 * 1024;

const REDACTED: &str = "[REDACTED]";

/// How long the next part of an error page is waited for.
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// What it takes to send a request: the same for all clones of a client.
pub(crate) struct Link {
    pub(crate) http: reqwest::Client,
    pub(crate) base_url: String,
    pub(crate) token: Box<dyn DynTokenProvider>,
    pub(crate) pacer: Box<dyn DynPacer>,
    pub(crate) connect_timeout: Duration,
    pub(crate) stall_timeout: Duration,
    pub(crate) response_timeout: Duration,
}

impl Link {
    /// The generated client over this link.
    pub(crate) fn client(self: &Arc<Self>, record: Option<Arc<Record>>) -> generated::Client {
        let transport = Transport { link: self.clone(), record };
        generated::Client::new_with_client(&self.base_url, self.http.clone(), transport)
    }
}

/// What the generated client needs of this crate to send a request.
#[derive(Clone)]
pub struct Transport {
    link: Arc<Link>,
    /// Where the facade's request is followed; a caller of the generated client has none.
    record: Option<Arc<Record>>,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport")
    }
}

/// One try of one request of the facade.
#[derive(Clone)]
pub(crate) struct Attempt {
    link: Arc<Link>,
    operation: &'static Operation,
    record: Arc<Record>,
}

/// What the hook found out, which the generated client's errors can't carry.
pub(crate) struct Record {
    span: tracing::Span,
    findings: Mutex<Findings>,
}

#[derive(Default)]
struct Findings {
    permit: Option<Permit>,
    meter: Option<Arc<Meter>>,
    token: Option<AccessToken>,
    /// Of the answer.
    status: StatusCode,
    request_id: Option<String>,
    error: Option<Error>,
}

impl Record {
    fn findings(&self) -> MutexGuard<'_, Findings> {
        self.findings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a try failed, before it is known what the hook found out.
pub(crate) enum Failure {
    Body(BodyError),
    Generated(generated::Error<generated::types::Error>),
}

impl From<BodyError> for Failure {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

impl From<generated::Error<generated::types::Error>> for Failure {
    fn from(error: generated::Error<generated::types::Error>) -> Self {
        Self::Generated(error)
    }
}

impl Attempt {
    pub(crate) fn new(link: &Arc<Link>, operation: &'static Operation, span: tracing::Span) -> Self {
        let record = Record { span, findings: Mutex::default() };
        Self { link: link.clone(), operation, record: Arc::new(record) }
    }

    /// The generated client, through which this try is sent.
    pub(crate) fn client(&self) -> generated::Client {
        self.link.client(Some(self.record.clone()))
    }

    /// Waits until this try may leave.
    pub(crate) async fn acquire(&self) -> Result<(), Error> {
        let operation = self.operation;
        let permit = self.link.pacer.acquire(operation).await.map_err(|source| Error::Pacer { operation, source })?;
        self.record.findings().permit = Some(permit);
        Ok(())
    }

    /// The content of an upload, followed on its way.
    pub(crate) async fn open(&self, upload: &Upload) -> Result<reqwest::Body, BodyError> {
        let (body, meter) = upload.open().await?;
        self.record.findings().meter = Some(meter);
        Ok(body)
    }

    pub(crate) fn progress(&self) -> Option<Progress> {
        self.record.findings().meter.as_ref().map(|meter| meter.progress())
    }

    /// Tells the provider that its token was refused; whether there is another.
    pub(crate) async fn renew_token(&self) -> Result<bool, Error> {
        let token = self.record.findings().token.take();
        match token {
            Some(token) => self.link.token.refused(&token).await.map_err(|source| Error::Token { source }),
            None => Ok(false),
        }
    }

    /// The failure with everything that is known about it.
    pub(crate) fn error(&self, failure: Failure) -> Error {
        let mut findings = self.record.findings();
        let decode = |reason: &str, body: &[u8], source| {
            let redact = |text: &[u8]| findings.token.as_ref().map_or(Bytes::new(), |token| redact(text, token));
            Error::Decode {
                operation: self.operation,
                status: findings.status,
                request_id: findings.request_id.clone(),
                reason: String::from_utf8_lossy(&redact(reason.as_bytes())).into_owned(),
                excerpt: excerpt(&redact(body)),
                source,
            }
        };
        let error = match failure {
            Failure::Body(error) => error.into(),
            Failure::Generated(generated::Error::InvalidResponsePayload(body, source)) => {
                let reason = source.to_string();
                // The decoder quotes what it read; where that is the token, its own error can't be handed on.
                let echo = findings.token.as_ref().is_some_and(|token| reason.contains(token.expose()));
                decode(&reason, &body, Some(source).filter(|_| !echo))
            }
            Failure::Generated(generated::Error::UnexpectedResponse(_)) => {
                decode("the API has no such success for this operation", b"", None)
            }
            Failure::Generated(other) => Error::invalid("request", "one that HTTP can carry", other.to_string()),
        };
        // What the hook found out is the cause; the generated client only passed it on as text.
        findings.error.take().unwrap_or(error)
    }
}

/// In the place of an answer, where there is none: the hook can only return reqwest's errors, which nobody else can make.
#[derive(Clone)]
struct NoAnswer(String);

impl ClientHooks<Transport> for generated::Client {
    async fn exec(&self, request: reqwest::Request, info: &OperationInfo) -> reqwest::Result<reqwest::Response> {
        let error = match self.inner.send(&self.client, request, info.operation_id).await {
            Ok(response) => return Ok(response),
            Err(error) => error,
        };
        let mut response = http::Response::new(Bytes::new());
        response.extensions_mut().insert(NoAnswer(error.to_string()));
        if let Some(record) = &self.inner.record {
            record.findings().error = Some(error);
        }
        Ok(response.into())
    }

    async fn post<E>(
        &self,
        result: &reqwest::Result<reqwest::Response>,
        _info: &OperationInfo,
    ) -> Result<(), generated::Error<E>> {
        match result.as_ref().ok().and_then(|response| response.extensions().get::<NoAnswer>()) {
            Some(NoAnswer(reason)) => Err(generated::Error::Custom(reason.clone())),
            None => Ok(()),
        }
    }
}

impl Transport {
    async fn send(
        &self,
        http: &reqwest::Client,
        mut request: reqwest::Request,
        operation_id: &str,
    ) -> Result<reqwest::Response, Error> {
        let operation = operations::ALL.iter().find(|operation| operation.id == operation_id);
        let operation = operation.ok_or_else(|| Error::invalid("operation", "one of the spec's", operation_id))?;
        let link = &self.link;

        let permit = self.record.as_ref().and_then(|record| record.findings().permit.take());
        let mut permit = match permit {
            Some(permit) => permit,
            None => link.pacer.acquire(operation).await.map_err(|source| Error::Pacer { operation, source })?,
        };
        let token = link.token.token().await.map_err(|source| Error::Token { source })?;
        request.headers_mut().insert(header::AUTHORIZATION, token.header()?);
        let meter = self.record.as_ref().and_then(|record| {
            let mut findings = record.findings();
            findings.token = Some(token.clone());
            findings.meter.clone()
        });

        // A stream that nobody meters has no end that could be timed.
        let streams = meter.is_none() && request.body().is_some_and(|body| body.as_bytes().is_none());
        let response_timeout = if streams { Duration::MAX } else { link.response_timeout };
        let _over = Over(meter.as_deref());

        permit.set_sent(true);
        let result = tokio::select! {
            biased;
            result = self.exchange(http, request, operation, &token) => result,
            (kind, after) = timed_out(meter.as_deref(), link.connect_timeout, link.stall_timeout, response_timeout) => {
                Err(Error::Timeout { operation, tries: 1, kind, after })
            }
        };
        if let Err(Error::Connect { .. }) = &result {
            permit.set_sent(false);
        }
        // A body that could not be read in full breaks the connection; it is the cause, not the broken connection.
        match meter.as_ref().and_then(|meter| meter.take_failure()) {
            Some(failure) => Err(failure.into()),
            None => result,
        }
    }

    /// Sends the request and reads the whole answer.
    async fn exchange(
        &self,
        http: &reqwest::Client,
        request: reqwest::Request,
        operation: &'static Operation,
        token: &AccessToken,
    ) -> Result<reqwest::Response, Error> {
        let broken = |status, source: reqwest::Error| {
            if source.is_connect() {
                Error::Connect { operation, tries: 1, source }
            } else {
                Error::Connection { operation, tries: 1, status, source }
            }
        };
        let mut response = http.execute(request).await.map_err(|source| broken(None, source))?;
        let status = response.status();
        let request_id = request_id(response.headers()).map(|id| id.replace(token.expose(), REDACTED));
        if let Some(record) = &self.record {
            record.span.record("status", status.as_u16());
            record.span.record("request_id", request_id.as_deref());
            let mut findings = record.findings();
            (findings.status, findings.request_id) = (status, request_id.clone());
        }

        let limit = if status.is_success() { MAX_ANSWER } else { MAX_ERROR_ANSWER };
        let mut body = Body::default();
        loop {
            // The status of a failure says enough, however little of its body comes.
            let patience = if status.is_success() { Duration::MAX } else { ERROR_BODY_TIMEOUT };
            let Ok(chunk) = tokio::time::timeout(patience, response.chunk()).await else { break };
            match chunk {
                Ok(Some(chunk)) if body.len() + chunk.len() <= limit => body.push(chunk),
                Ok(Some(_)) if status.is_success() => {
                    return Err(Error::Decode {
                        operation,
                        status,
                        request_id,
                        reason: format!("the body is longer than {MAX_ANSWER} bytes"),
                        excerpt: excerpt(&redact(&body.whole(), token)),
                        source: None,
                    });
                }
                Ok(None) => break,
                Err(source) if status.is_success() => return Err(broken(Some(status), source)),
                Ok(Some(_)) | Err(_) => break,
            }
        }
        // A success is data and stays as it came; only what becomes an error is looked through.
        let body = if status.is_success() { body.whole() } else { redact(&body.whole(), token) };
        if !status.is_success() && self.record.is_some() {
            let mut error = ApiError::new(operation, status, response.headers(), &body);
            // JSON can spell the token in another way than the body's bytes do.
            for text in
                [Some(&mut error.code), Some(&mut error.message), error.request_id.as_mut()].into_iter().flatten()
            {
                *text = text.replace(token.expose(), REDACTED);
            }
            return Err(Error::Api(Box::new(error)));
        }
        let mut whole = http::Response::new(body);
        *whole.status_mut() = status;
        *whole.headers_mut() = std::mem::take(response.headers_mut());
        Ok(whole.into())
    }
}

/// The body of an answer as it comes. Nearly always it comes at once, and then nothing is copied.
#[derive(Default)]
struct Body {
    first: Bytes,
    rest: BytesMut,
}

impl Body {
    fn len(&self) -> usize {
        self.first.len() + self.rest.len()
    }

    fn push(&mut self, chunk: Bytes) {
        if self.first.is_empty() {
            self.first = chunk;
        } else {
            self.rest.extend_from_slice(&chunk);
        }
    }

    fn whole(self) -> Bytes {
        if self.rest.is_empty() { self.first } else { [self.first, self.rest.freeze()].concat().into() }
    }
}

/// The end of an exchange, however it comes, is the end of its body: after an early answer the connection would go on
/// sending a body that nobody wants.
struct Over<'a>(Option<&'a Meter>);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        if let Some(meter) = self.0 {
            meter.end();
        }
    }
}

/// Resolves when nothing moved for too long: while the body is being sent, when no frame was taken for `stall`; after
/// that, when there is no full answer within `response`. Until the first frame is taken there may be no connection yet,
/// which has a timeout of its own.
async fn timed_out(
    meter: Option<&Meter>,
    connect: Duration,
    stall: Duration,
    response: Duration,
) -> (TimeoutKind, Duration) {
    let started = Instant::now();
    loop {
        let (since, limit, wait, kind) = match meter.map(Meter::last_move) {
            Some((None, false)) => (started, stall, stall.saturating_add(connect), TimeoutKind::Stall),
            Some((Some(moved), false)) => (moved, stall, stall, TimeoutKind::Stall),
            Some((Some(moved), true)) => (moved, response, response, TimeoutKind::Response),
            Some((None, true)) | None => (started, response, response.saturating_add(connect), TimeoutKind::Response),
        };
        let left = wait.saturating_sub(since.elapsed());
        if left.is_zero() {
            return (kind, limit);
        }
        match meter {
            // The last frame begins another wait, which may be the shorter one.
            Some(meter) if kind == TimeoutKind::Stall => {
                let _ = tokio::time::timeout(left, meter.finished()).await;
            }
            _ => tokio::time::sleep(left).await,
        }
    }
}

/// A body that echoes the request must not carry the token into an error.
fn redact(body: &[u8], token: &AccessToken) -> Bytes {
    String::from_utf8_lossy(body).replace(token.expose(), REDACTED).into()
}
