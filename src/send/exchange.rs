//! One exchange of a request for a response that is read with a bound.

use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout;

use super::clock::ServerClock;
use super::connections::Connection;
use super::failure::{Failure, Overdue};
use super::record::Record;
use super::response::Response;
use crate::content::Meter;
use crate::token::AccessToken;

/// More than any response of the API needs; what goes on beyond it is a fault.
pub(crate) const MAX_BODY: usize = 16 * 1024 * 1024;
/// Enough of an error page to say what it is.
const MAX_ERROR_BODY: usize = 64 * 1024;
/// How long an error page is waited for.
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends the request and reads the response. `timed_out` resolves when the request takes too long; the status of a
/// failure counts all the same, once it has come.
pub(super) async fn exchange(
    connection: Connection<'_>,
    clock: &ServerClock,
    request: reqwest::Request,
    content: Option<&Meter>,
    token: &AccessToken,
    record: &mut Record,
    timed_out: impl Future<Output = Overdue>,
) -> Result<Response, Failure> {
    let mut timed_out = pin!(timed_out);
    let mut incoming = tokio::select! {
        biased;
        incoming = connection.http().execute(request) => incoming.map_err(|source| Failure::new(None, source))?,
        overdue = &mut timed_out => return Err(Failure::Timeout { status: None, overdue }),
    };
    connection.answered_over(incoming.version());
    clock.read(incoming.headers());
    let mut response = Response::head(incoming.status(), incoming.headers(), token);
    record.responded(response.status, response.request_id.clone());

    if !response.status.is_success() {
        response.body = read_error(&mut incoming).await.into();
        return Err(Failure::Status(response));
    }
    let mut body = Vec::new();
    let read = tokio::select! {
        biased;
        read = read(&mut incoming, &mut body, MAX_BODY) => read,
        overdue = &mut timed_out => return Err(Failure::Timeout { status: Some(response.status), overdue }),
    };
    let whole = read.map_err(|source| Failure::new(Some(response.status), source))?;
    response.body = body.into();
    if !whole {
        let reason = format!("the body is longer than {MAX_BODY} bytes");
        return Err(Failure::Unreadable(response, reason.as_str().into()));
    }
    // A success that comes early may be for the part that had arrived. The rest follows, if the server takes it.
    if let Some(content) = content {
        tokio::select! {
            () = content.finished() => (),
            _ = &mut timed_out => (),
        }
        let progress = content.progress();
        if progress.sent < progress.total {
            let reason = "it came before the whole content, and the rest wasn't taken";
            return Err(Failure::Unreadable(response, reason.into()));
        }
    }
    Ok(response)
}

/// Reads the body of a failure, as far as it comes soon and fits: the status alone says enough.
pub(crate) async fn read_error(incoming: &mut reqwest::Response) -> Vec<u8> {
    let mut body = Vec::new();
    let _ = timeout(ERROR_BODY_TIMEOUT, read(incoming, &mut body, MAX_ERROR_BODY)).await;
    body
}

/// Reads the body, up to `max` bytes, and says whether that is all of it.
pub(crate) async fn read(
    incoming: &mut reqwest::Response,
    body: &mut Vec<u8>,
    max: usize,
) -> Result<bool, reqwest::Error> {
    while let Some(chunk) = incoming.chunk().await? {
        let room = max - body.len();
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if chunk.len() > room {
            return Ok(false);
        }
    }
    Ok(true)
}
