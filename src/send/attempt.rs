//! One attempt to send a request: its turn, its token, its content, and its timeouts. Whether there is another one is
//! for `retry` to say.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::authorize::authorize;
use super::call::{Call, Content};
use super::connecting::Connecting;
use super::connections::Connection;
use super::exchange::exchange;
use super::failure::{Failure, Overdue};
use super::record::Record;
use crate::content::{BodyError, Meter, Upload};
use crate::error::{ConnectKind, Error, TimeoutKind};
use crate::operations::Authentication;
use crate::pacing::Permit;
use crate::policy::Timeouts;
use crate::token::AccessToken;

/// A token that has waited longer than this for its request's turn is asked for again: half of what `OAuth`'s tokens
/// live at the least when they are given.
const TOKEN_AGE: Duration = Duration::from_secs(30);

/// A failed attempt: the error, and what it takes to go on from there.
pub(super) struct Failed {
    pub(super) error: Error,
    /// The token of the request, if the attempt got that far.
    pub(super) token: Option<AccessToken>,
    /// The server provably has not carried the request out: it never had all of it, or says that it didn't begin.
    pub(super) unprocessed: bool,
}

/// Before anything was sent.
impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self { error, token: None, unprocessed: true }
    }
}

/// Sends the request once.
pub(super) async fn attempt<T>(call: &Call<T>, request: &reqwest::Request, record: &mut Record) -> Result<T, Failed> {
    let (sender, operation) = (&call.sender, call.operation);
    // Before its turn: a request that waits for a token keeps no other from being sent.
    let mut token = call.secret().await?;
    let asked = Instant::now();
    let turn = sender.pacer.acquire(operation, sender.settings.max_wait).await;
    record.queued += asked.elapsed();
    let mut permit = turn.map_err(|source| Error::Pacer { operation, source })?;
    if asked.elapsed() > TOKEN_AGE {
        token = call.secret().await?;
    }
    let uploads = matches!(call.content, Content::Upload(_));
    let connection = sender.settings.connections.pick(operation, uploads);
    // Boxed: thousands may wait for their turn, and the rest of the attempt takes no memory until then.
    let result = Box::pin(send(call, request, &token, connection, &mut permit, record)).await;
    if let Err(Failed { error: Error::Connect { kind: ConnectKind::Protocol, .. }, .. }) = result
        && let Some(connection) = connection.other()
    {
        return Box::pin(send(call, request, &token, connection, &mut permit, record)).await;
    }
    result
}

/// Sends it over this connection.
async fn send<T>(
    call: &Call<T>,
    request: &reqwest::Request,
    token: &AccessToken,
    connection: Connection<'_>,
    permit: &mut Permit,
    record: &mut Record,
) -> Result<T, Failed> {
    let timeouts = &call.sender.settings.timeouts;
    // Without its content it can always be cloned.
    let mut request = request.try_clone().ok_or_else(|| Error::invalid("request", "one to repeat", "a stream"))?;
    if call.operation.authentication != Authentication::None {
        authorize(&mut request, token)?;
    }
    // Opened last: a thousand uploads that wait for their turn or a token must not hold a thousand files.
    record.began = Instant::now();
    let count = open(call, &mut request, record).await.map_err(Error::from)?;
    let count = count.as_deref();
    let meter = count.filter(|_| matches!(call.content, Content::Upload(_)));
    let _end = Ends(count);
    permit.sent = true;
    let connecting = Connecting::new();
    let timed_out = timed_out(meter, connecting.watch(), timeouts);
    let exchange = exchange(connection, &call.sender.settings.clock, request, meter, token, record, timed_out);
    let mut result = connecting.observe(Box::pin(exchange)).await;
    // No more of the content is handed over from here on: what is missing by now, no server can have.
    let handed_over = count.map(Meter::end);
    let incomplete = handed_over.is_some_and(|progress| progress.sent < progress.total);
    record.sent = handed_over.filter(|_| meter.is_some());
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
        error: failure.into_error(call.operation, record.attempts, token),
        token: Some(token.clone()),
    })
}

/// Gives the request its content. It counts how much is handed over, unless that doesn't matter: a server that can't
/// have all of a request can't carry it out, but text that may be sent twice is sent as it is, which is faster.
async fn open<T>(
    call: &Call<T>,
    request: &mut reqwest::Request,
    record: &Record,
) -> Result<Option<Arc<Meter>>, BodyError> {
    let (attempt, stall) = (record.attempts, call.sender.settings.timeouts.stall);
    let (body, meter) = match &call.content {
        Content::None => return Ok(None),
        Content::Text(text, _) if call.operation.repeatable => {
            *request.body_mut() = Some(text.clone().into());
            return Ok(None);
        }
        Content::Text(text, _) => Upload::new(text.clone().into()).open(attempt, stall, None).await?,
        Content::Upload(upload) => upload.open(attempt, stall, call.before_end(record.began)).await?,
    };
    *request.body_mut() = Some(body);
    Ok(Some(meter))
}

/// Stops sending the content when the attempt ends in any way: after an early response the connection would go on
/// sending.
struct Ends<'a>(Option<&'a Meter>);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        if let Some(meter) = self.0 {
            meter.end();
        }
    }
}

/// Resolves when nothing moved for too long: while content is being sent, when no frame was taken for `stall`; after
/// that, when there is no full response within `response`. Opening a connection has a timeout of its own.
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
