//! What can go wrong between a client and the API.

use std::time::Duration;

use bytes::Bytes;

use crate::faults::canned_response::CannedResponse;

/// Something that goes wrong with one request.
///
/// Some faults come before the request is processed: nothing exists afterwards. Others come after: what the request
/// made exists. A processed request is checked as always, so its right response may be an error.
///
/// Most faults work over plain HTTP, TLS and HTTP/2. Closing an HTTP/2 connection ends all its streams. The faults
/// that begin with "HTTP/2:" need a simulator that speaks it. If that simulator speaks HTTP/1.1 too, a request over
/// HTTP/1.1 meets another fault instead, named at the end.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// Closes the connection after the request's head has arrived. Not processed.
    Close,
    /// Closes the connection after this many bytes of the request's body have arrived. Not processed.
    CloseAfter(u64),
    /// Reads the request's head and no more. Not processed. The sockets of both sides still take some megabytes. Over
    /// HTTP/2 the client can send the stream's first window, 65 535 bytes.
    StopReading,
    /// Sends this response after the request's head has arrived, and discards the body as it comes. Not processed.
    RespondEarly(CannedResponse),
    /// Sends this response, such as a proxy's error page, after the request's body has arrived. Not processed.
    Respond(CannedResponse),
    /// Writes these bytes after the request's body has arrived, and closes the connection. Over HTTP/2 the bytes
    /// stand where a frame would. Not processed.
    Raw(Bytes),
    /// Reads the request's body at this many bytes a second, then processes the request.
    TrickleRead(u32),
    /// Waits, then processes the request, even if the client has gone by then.
    Delay(Duration),
    /// Processes the request and closes the connection without a response.
    LoseResponse,
    /// Processes the request, announces the response's length, writes half of its body, and closes the connection.
    CutBody,
    /// Processes the request and sends a whole response with the first half of the JSON.
    CutJson,
    /// Processes the request and sends a whole response with an extra brace before the JSON.
    MalformedJson,
    /// Processes the request and sends the right response with `Content-Type: text/html`.
    WrongContentType,
    /// Processes the request and replaces each `status`, `type`, `state` and `code` in the response with a value that
    /// the spec doesn't have. `design_types` and `capabilities` get one more.
    UnknownEnums,
    /// Processes the request and empties the response's `job` or `asset`.
    MissingFields,
    /// Processes the request and sends the right response without a length, in chunks of a few bytes. Over HTTP/2
    /// these are `DATA` frames.
    Chunked,
    /// Processes the request and sends the right response without a length. A request over HTTP/1.1 gets an HTTP/1.0
    /// response, which ends with the connection.
    Unlengthed,
    /// Processes the request and adds a header with a value of this many bytes, at most 16 MiB, to the right
    /// response.
    LargeHeader(usize),
    /// HTTP/2: resets the stream with `REFUSED_STREAM` after the request's head has arrived. Not processed.
    /// Over HTTP/1.1: [`Close`](Self::Close).
    RefuseStream,
    /// HTTP/2: sends `GOAWAY` with `NO_ERROR` after the request's head has arrived, with the stream before as the
    /// last one, and closes the connection. Earlier streams that are still open end with it. Not processed.
    /// Over HTTP/1.1: [`Close`](Self::Close).
    GoAwayBefore,
    /// HTTP/2: processes the request, sends the right response, and closes the connection as a server that shuts
    /// down: `GOAWAY` with the highest possible stream, `GOAWAY` with the last stream that came, and the end when
    /// all streams are answered. Over HTTP/1.1: [`Unlengthed`](Self::Unlengthed).
    GoAwayAfter,
    /// HTTP/2: processes the request, sends `GOAWAY` with `NO_ERROR` and this stream as the last one, and closes the
    /// connection without a response. Over HTTP/1.1: [`LoseResponse`](Self::LoseResponse).
    GoAwayUnanswered,
    /// HTTP/2: resets the stream with `INTERNAL_ERROR` after this many bytes of the request's body, or all of it,
    /// have arrived. Not processed. Over HTTP/1.1: [`CloseAfter`](Self::CloseAfter).
    ResetRequest(u64),
    /// HTTP/2: processes the request, announces the response's length, writes half of its body, and resets the stream
    /// with `INTERNAL_ERROR`. Over HTTP/1.1: [`CutBody`](Self::CutBody).
    ResetResponse,
    /// HTTP/2: sends this response after the request's head has arrived, and resets the stream with `NO_ERROR` unless
    /// the whole body has come by then. Not processed. Over HTTP/1.1: [`RespondEarly`](Self::RespondEarly).
    RespondAndReset(CannedResponse),
    /// HTTP/2: leaves the connection open, but reads and writes nothing on it any more. No other request on it is
    /// answered, earlier or later, and no ping. Not processed. Over HTTP/1.1: [`StopReading`](Self::StopReading).
    FallSilent,
}

impl Fault {
    /// The fault that a request over HTTP/1.1 meets in place of a fault of HTTP/2. `None`: this fault is for both.
    pub(crate) fn over_http1(&self) -> Option<Self> {
        Some(match self {
            Self::RefuseStream | Self::GoAwayBefore => Self::Close,
            Self::GoAwayAfter => Self::Unlengthed,
            Self::GoAwayUnanswered => Self::LoseResponse,
            Self::ResetRequest(bytes) => Self::CloseAfter(*bytes),
            Self::ResetResponse => Self::CutBody,
            Self::RespondAndReset(response) => Self::RespondEarly(response.clone()),
            Self::FallSilent => Self::StopReading,
            _ => return None,
        })
    }
}
