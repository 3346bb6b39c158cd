//! One attempt to send a request: its turn, its token, its content, and its timeouts. Whether there is another one is
//! `retry.rs`'s to say.

use http::header;
use tokio::time::Instant;
use tracing::Span;

use crate::auth::AccessToken;
use crate::body::Progress;
use crate::call::Call;
use crate::error::{Error, TimeoutKind};
use crate::failure::Failure;
use crate::meter::Meter;
use crate::policy::Timeouts;
use crate::transport;

/// A failed attempt: the error, and what it takes to go on from there.
pub(crate) struct Failed {
    pub(crate) error: Error,
    /// The token that it was sent with, if it got that far.
    pub(crate) token: Option<AccessToken>,
    /// How much of the content had left.
    pub(crate) sent: Option<Progress>,
}

/// Before anything was sent.
impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self { error, token: None, sent: None }
    }
}

/// Sends the request once; it is the `number`th attempt.
pub(crate) async fn attempt<T>(call: &Call<T>, number: u32, span: &Span) -> Result<T, Failed> {
    let (client, operation) = (&*call.client.inner, call.operation);
    let mut permit = client.pacer.acquire(operation).await.map_err(|source| Error::Pacer { operation, source })?;
    let token = client.token.token().await.map_err(|source| Error::Token { source })?;
    let authorization = token.header().map_err(|source| Error::Token { source: source.into() })?;
    // A request without its content is bytes at the most, which can be sent again.
    let mut request = call.request.try_clone().ok_or_else(|| Error::invalid("request", "one to repeat", "a stream"))?;
    request.headers_mut().insert(header::AUTHORIZATION, authorization);
    // Opened last: a thousand uploads that wait for their turn or a token must not hold a thousand files.
    let meter = match &call.content {
        Some(upload) => {
            let (body, meter) = upload.open().await.map_err(Error::from)?;
            *request.body_mut() = Some(body);
            Some(meter)
        }
        None => None,
    };

    let meter = meter.as_deref();
    let _end = Ends(meter);
    permit.sent = true;
    let mut result = tokio::select! {
        biased;
        result = transport::exchange(&client.http, request, &token, span) => result,
        failure = timed_out(meter, &client.timeouts) => Err(failure),
    };
    if let Err(Failure::Connect(_)) = result {
        permit.sent = false;
    }
    // Content that can't be read breaks the connection: it is the cause, not the broken connection.
    if let Some(failure) = meter.and_then(Meter::take_failure) {
        result = Err(Failure::Body(failure));
    }
    result.and_then(|response| call.read(response)).map_err(|failure| Failed {
        error: failure.into_error(operation, number, &token),
        token: Some(token),
        sent: meter.map(Meter::progress),
    })
}

/// Stops sending the content when the attempt ends, however it does: after an early response the connection would go on
/// sending what nobody wants.
struct Ends<'a>(Option<&'a Meter>);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        if let Some(meter) = self.0 {
            meter.end();
        }
    }
}

/// Resolves when nothing moved for too long: while content is being sent, when no frame was taken for `stall`; after that,
/// when there is no full response within `response`. Until the first frame is taken there may be no connection yet, which
/// has a timeout of its own.
async fn timed_out(meter: Option<&Meter>, timeouts: &Timeouts) -> Failure {
    let &Timeouts { connect, stall, response } = timeouts;
    let started = Instant::now();
    loop {
        let (since, after, wait, kind) = match meter.map(Meter::last_move) {
            Some((None, false)) => (started, stall, stall.saturating_add(connect), TimeoutKind::Stall),
            Some((Some(moved), false)) => (moved, stall, stall, TimeoutKind::Stall),
            Some((Some(moved), true)) => (moved, response, response, TimeoutKind::Response),
            Some((None, true)) | None => (started, response, response.saturating_add(connect), TimeoutKind::Response),
        };
        let left = wait.saturating_sub(since.elapsed());
        if left.is_zero() {
            return Failure::Timeout { kind, after };
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
