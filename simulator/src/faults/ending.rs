//! How a faulty response ends. The handler marks the response with it, in the extensions, because the router between
//! the handler and the connection passes nothing but responses.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use h2::Reason;

/// The mark.
#[derive(Clone, Debug)]
pub struct Ending {
    pub end: End,
    /// The marked response is sent before the end.
    pub answered: bool,
}

#[derive(Clone, Debug)]
pub enum End {
    /// These bytes are written, and the connection closes.
    HangUp(Bytes),
    /// The connection closes after a GOAWAY that excludes this stream.
    GoAwayBefore,
    /// The connection closes after a GOAWAY that includes every stream so far.
    GoAway,
    /// The connection closes once every request on it is answered.
    ShutDown,
    /// The rest of the request's body is ignored, and the stream is reset for this reason unless it has ended.
    Reset(Reason),
    /// Nothing happens on the connection any more.
    Silence,
}

/// An end in place of a response.
pub fn end(end: End) -> Response {
    mark(Response::new(Body::empty()), Ending { end, answered: false })
}

/// An end after the response.
pub fn then(response: Response, end: End) -> Response {
    mark(response, Ending { end, answered: true })
}

fn mark(mut response: Response, ending: Ending) -> Response {
    response.extensions_mut().insert(ending);
    response
}
