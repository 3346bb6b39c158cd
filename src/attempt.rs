//! One attempt to send a request: its turn, its token, its content, and its timeouts. Whether there is another one is
//! `retry.rs`'s to say.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use http::header;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::Span;

use crate::auth::AccessToken;
use crate::body::Progress;
use crate::call::Call;
use crate::connecting::Connecting;
use crate::error::{BodyError, Error, TimeoutKind};
use crate::failure::{Failure, Overdue};
use crate::meter::Meter;
use crate::policy::Timeouts;
use crate::transport;
use crate::upload::Upload;

/// A token that has waited longer than this for its request's turn is asked for again: half of what `OAuth`'s tokens live at
/// the least when they are given.
const TOKEN_AGE: Duration = Duration::from_secs(30);

/// A failed attempt: the error, and what it takes to go on from there.
pub(crate) struct Failed {
    pub(crate) error: Error,
    /// The token that it was sent with, if it got that far.
    pub(crate) token: Option<AccessToken>,
    /// How much of the content had left.
    pub(crate) sent: Option<Progress>,
    /// The server provably has not carried it out: it never had all of it, or says that it didn't begin.
    pub(crate) unprocessed: bool,
}

/// Before anything was sent.
impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self { error, token: None, sent: None, unprocessed: true }
    }
}

/// Sends the request once; it is the `number`th attempt. `queued` is how long the request has waited for its turns.
pub(crate) async fn attempt<T>(call: &Call<T>, number: u32, queued: &mut Duration, span: &Span) -> Result<T, Failed> {
    let (client, operation) = (&call.client, call.operation);
    // Before its turn: whoever waits for a token keeps nobody from sending.
    let mut token = client.token().await?;
    let asked = Instant::now();
    let turn = client.pacer.acquire(operation, client.inner.max_wait).await;
    *queued += asked.elapsed();
    span.record("queued_ms", queued.as_millis() as u64);
    let mut permit = turn.map_err(|source| Error::Pacer { operation, source })?;
    if asked.elapsed() > TOKEN_AGE {
        token = client.token().await?;
    }
    let authorization = token.header().map_err(|source| Error::Token { source: source.into() })?;
    // A request without its content is bytes at the most, which can be sent again.
    let mut request = call.request.try_clone().ok_or_else(|| Error::invalid("request", "one to repeat", "a stream"))?;
    request.headers_mut().insert(header::AUTHORIZATION, authorization);
    // Opened last: a thousand uploads that wait for their turn or a token must not hold a thousand files.
    // Thousands may wait for their turn with this: what comes after it takes no room until then.
    let count = Box::pin(open_content(call, &mut request, number)).await.map_err(Error::from)?;
    let count = count.as_deref();
    let meter = count.filter(|_| call.content.is_some());
    let _end = Ends(count);
    permit.sent = true;
    let connecting = Connecting::new();
    let timed_out = timed_out(meter, connecting.watch(), &client.inner.timeouts);
    let http = client.inner.http_for(operation, meter.is_some());
    let exchange = transport::exchange(http, request, meter, &token, span, timed_out);
    let mut result = connecting.observe(Box::pin(exchange)).await;
    if let Ok(response) = &result {
        client.inner.answered_over(response.version);
    }
    // No more of the content is handed over from here on: what is missing by now, no server can have.
    let handed_over = count.map(Meter::end);
    let incomplete = handed_over.is_some_and(|progress| progress.sent < progress.total);
    let sent = handed_over.filter(|_| meter.is_some());
    span.record("bytes", sent.map(|progress| progress.sent));
    if let Err(Failure::Connect(_)) = result {
        permit.sent = false;
    }
    // Content that can't be read breaks the connection: it is the cause, not the broken connection. What the server had
    // said by then counts for more.
    if let Err(Failure::Connection { status: None, .. } | Failure::Timeout { status: None, .. }) = result
        && let Some(failure) = meter.and_then(Meter::take_failure)
    {
        result = Err(Failure::Body(failure));
    }
    result.and_then(|response| call.read(response)).map_err(|failure| Failed {
        unprocessed: incomplete || failure.is_unprocessed(),
        error: failure.into_error(operation, number, &token),
        token: Some(token),
        sent,
    })
}

/// Gives the request its content, and counts what is handed over of it. JSON is counted too where it matters whether the server
/// can have had all of it.
async fn open_content<T>(
    call: &Call<T>,
    request: &mut reqwest::Request,
    number: u32,
) -> Result<Option<Arc<Meter>>, BodyError> {
    let json = request.body().and_then(reqwest::Body::as_bytes).filter(|_| !call.operation.repeatable);
    let json = json.map(|json| Upload::new(json.to_vec().into(), None));
    let Some(upload) = call.content.as_ref().or(json.as_ref()) else { return Ok(None) };
    let (body, meter) = upload.open(number, call.client.inner.timeouts.stall).await?;
    *request.body_mut() = Some(body);
    Ok(Some(meter))
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
/// when there is no full response within `response`. Opening a connection has a timeout of its own.
async fn timed_out(
    meter: Option<&Meter>,
    mut connection: watch::Receiver<Option<Instant>>,
    timeouts: &Timeouts,
) -> Overdue {
    loop {
        let opened = *connection.borrow_and_update();
        let (moved, finished) = meter.map_or((None, true), Meter::last_move);
        let (wait, kind) = match finished {
            false => (timeouts.stall, TimeoutKind::Stall),
            true => (timeouts.response, TimeoutKind::Response),
        };
        // A frame that was taken has a connection, even if another one is still being opened for the request.
        let left = moved.or(opened).map(|since| wait.saturating_sub(since.elapsed()));
        if left.is_some_and(|left| left.is_zero()) {
            return Overdue { kind, after: wait };
        }
        // The last frame begins another wait, which may be the shorter one.
        let last_frame = async {
            match meter {
                Some(meter) if !finished => meter.finished().await,
                _ => pending().await,
            }
        };
        tokio::select! {
            () = last_frame => (),
            Ok(()) = connection.changed() => (),
            () = tokio::time::sleep(left.unwrap_or_default()), if left.is_some() => (),
        }
    }
}
