//! What can go wrong between a client and the API, and how each fault makes it go wrong.

use std::time::Duration;
use std::{fmt, io};

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, Version, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use h2::Reason;
use http_body_util::BodyExt;
use serde_json::Value;

use self::canned_response::CannedResponse;

pub mod canned_response;
pub mod injections;

/// The properties of responses that are enums.
const ENUMS: [&str; 4] = ["code", "state", "status", "type"];

const MAX_HEADER_BYTES: usize = 16 << 20;

/// Something that goes wrong with one request.
///
/// What exists afterwards depends on whether the request was processed:
///
/// | fault | processed | the client sees |
/// |---|---|---|
/// | [`Close`](Self::Close) | no | the connection closes once the request's head has arrived |
/// | [`CloseAfter`](Self::CloseAfter) | no | the connection closes while the body is being sent |
/// | [`StopReading`](Self::StopReading) | no | nothing more of the body is taken, and no response comes |
/// | [`RespondEarly`](Self::RespondEarly) | no | a response although the body isn't sent yet |
/// | [`Respond`](Self::Respond) | no | a response of the test's making, such as a proxy's error page |
/// | [`Raw`](Self::Raw) | no | any bytes at all, then the end of the connection |
/// | [`TrickleRead`](Self::TrickleRead) | yes | the body is taken slowly, then the right response |
/// | [`Delay`](Self::Delay) | yes, after the delay | the right response, late |
/// | [`LoseResponse`](Self::LoseResponse) | yes | the connection closes without a response |
/// | [`CutBody`](Self::CutBody) | yes | the connection closes in the middle of the response's body |
/// | [`CutJson`](Self::CutJson) | yes | a whole response whose JSON ends in the middle |
/// | [`MalformedJson`](Self::MalformedJson) | yes | a whole response whose body is no JSON |
/// | [`WrongContentType`](Self::WrongContentType) | yes | the right response, called `text/html` |
/// | [`UnknownEnums`](Self::UnknownEnums) | yes | the right response, with enum values that the spec doesn't know |
/// | [`MissingFields`](Self::MissingFields) | yes | a response that lacks its required fields |
/// | [`Chunked`](Self::Chunked) | yes | the right response in small chunks, without a length |
/// | [`Unlengthed`](Self::Unlengthed) | yes | the right response, ended by the end of the connection |
/// | [`LargeHeader`](Self::LargeHeader) | yes | the right response with a header of this many bytes |
///
/// A processed request is checked as always, so its right response may be an error.
///
/// These meet requests over every connection: plain, over TLS, and over HTTP/2, where a connection that closes takes all of
/// its streams with it. Over HTTP/2, `Chunked` means `DATA` frames of a few bytes, `Unlengthed` a response without a
/// `Content-Length`, and `Raw` bytes that stand where a frame would.
///
/// Those that follow are faults of HTTP/2. A simulator without it doesn't take them; one that speaks HTTP/1.1 beside it does,
/// and a request that comes over HTTP/1.1 meets the fault in the last column:
///
/// | fault | processed | the client sees | over HTTP/1.1 |
/// |---|---|---|---|
/// | [`RefuseStream`](Self::RefuseStream) | no | the stream is reset with `REFUSED_STREAM` | `Close` |
/// | [`GoAwayBefore`](Self::GoAwayBefore) | no | `GOAWAY`, whose last stream is the one before, then the end of the connection | `Close` |
/// | [`GoAwayAfter`](Self::GoAwayAfter) | yes | the right response and `GOAWAY`, then the end of the connection | `Unlengthed` |
/// | [`GoAwayUnanswered`](Self::GoAwayUnanswered) | yes | `GOAWAY`, whose last stream is this one, then the end of the connection | `LoseResponse` |
/// | [`ResetRequest`](Self::ResetRequest) | no | the stream is reset while the body is being sent | `CloseAfter` |
/// | [`ResetResponse`](Self::ResetResponse) | yes | the stream is reset in the middle of the response's body | `CutBody` |
/// | [`RespondAndReset`](Self::RespondAndReset) | no | a response although the body isn't sent yet, of which no more is taken | `RespondEarly` |
/// | [`FallSilent`](Self::FallSilent) | no | an open connection on which nothing happens any more | `StopReading` |
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// Closes the connection once the request's head has arrived.
    Close,
    /// Closes the connection once this many bytes of the request's body have arrived.
    CloseAfter(u64),
    /// Reads the request's head and no more. The sockets of both sides still take some megabytes. Over HTTP/2 the stream's
    /// window never opens: a client can send the 65 535 bytes that it starts with, and nothing beyond them.
    StopReading,
    /// Answers as soon as the request's head has arrived, and discards the body as it comes.
    RespondEarly(CannedResponse),
    /// Answers once the request's body has arrived.
    Respond(CannedResponse),
    /// Writes these bytes, once the request's body has arrived, and closes the connection.
    Raw(Bytes),
    /// Reads the request's body at this many bytes a second.
    TrickleRead(u32),
    /// Waits before it processes the request, which it does even if the client has gone by then.
    Delay(Duration),
    /// Processes the request and closes the connection.
    LoseResponse,
    /// Announces the response's length, writes half of it, and closes the connection.
    CutBody,
    /// Answers with the first half of the JSON.
    CutJson,
    /// Answers with a brace too many in front of the JSON.
    MalformedJson,
    /// Answers with `Content-Type: text/html`.
    WrongContentType,
    /// Replaces each `status`, `type`, `state` and `code` in the response with one that the spec doesn't know.
    UnknownEnums,
    /// Empties the `job` or `asset` that the response is about.
    MissingFields,
    /// Answers in chunks of a few bytes.
    Chunked,
    /// Answers without a length, and ends the response by closing the connection.
    Unlengthed,
    /// Adds a header with a value of this many bytes, 16 MiB at most.
    LargeHeader(usize),
    /// Resets the stream with `REFUSED_STREAM` once the request's head has arrived: it wasn't processed.
    RefuseStream,
    /// Says once the request's head has arrived that it processes no stream after the one before (`GOAWAY` with `NO_ERROR`),
    /// and closes the connection. Earlier streams that are still open end with it.
    GoAwayBefore,
    /// Processes the request, answers it, and closes the connection as a server does that shuts down: `GOAWAY` with the
    /// highest possible stream, then with the last that came (this one, unless others followed it), then the end when all
    /// of them are answered.
    GoAwayAfter,
    /// Processes the request, says that no later stream is processed (`GOAWAY` with `NO_ERROR`), and closes the connection.
    GoAwayUnanswered,
    /// Resets the stream with `INTERNAL_ERROR` once this many bytes of the request's body have arrived, or all of it.
    ResetRequest(u64),
    /// Announces the response's length, writes half of it, and resets the stream with `INTERNAL_ERROR`.
    ResetResponse,
    /// Answers as soon as the request's head has arrived, and then resets the stream with `NO_ERROR`, unless the whole body
    /// has come by then.
    RespondAndReset(CannedResponse),
    /// Reads nothing from the connection and writes nothing to it any more, and doesn't close it: no other request on it is
    /// answered, whether it came before or comes later, and no ping.
    FallSilent,
}

/// Marks a response that doesn't end as a response does. It is an error because that is how hyper takes it.
#[derive(Clone, Debug)]
pub struct Ending {
    pub end: End,
    /// The status of the response that comes before the end. Over HTTP/2 it is the marked one; over HTTP/1.1 it stands
    /// in the bytes of the end.
    pub status: Option<StatusCode>,
}

#[derive(Clone, Debug)]
pub enum End {
    /// These bytes are written, and the connection closes.
    HangUp(Bytes),
    /// The connection closes after a GOAWAY that leaves this stream out.
    GoAwayBefore,
    /// The connection closes after a GOAWAY that leaves no stream out.
    GoAway,
    /// The connection closes once everything on it is answered.
    ShutDown,
    /// Nothing more of the request's body is taken, and the stream is reset with this unless it has ended.
    Reset(Reason),
    /// Nothing happens on the connection any more.
    Silence,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the connection is closed on purpose")
    }
}

impl std::error::Error for Ending {}

/// An end in place of a response.
fn end(end: End) -> Response {
    mark(Response::new(Body::empty()), Ending { end, status: None })
}

/// An end after the response.
fn then(response: Response, end: End) -> Response {
    let status = Some(response.status());
    mark(response, Ending { end, status })
}

fn mark(mut response: Response, ending: Ending) -> Response {
    response.extensions_mut().insert(ending);
    response
}

impl Fault {
    /// What a fault of HTTP/2 is over HTTP/1.1. `None` for those that are faults of both.
    pub fn over_http1(&self) -> Option<Self> {
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

    /// What comes in place of processing the request, or `None` where it is processed after all.
    pub async fn before(&self, body: &mut Body) -> Option<Response> {
        match self {
            Self::Close => Some(end(End::HangUp(Bytes::new()))),
            Self::CloseAfter(bytes) => {
                read(body, *bytes).await;
                Some(end(End::HangUp(Bytes::new())))
            }
            Self::StopReading => std::future::pending().await,
            Self::RespondEarly(response) => Some(response.to_response()),
            Self::Respond(response) => {
                read(body, u64::MAX).await;
                Some(response.to_response())
            }
            Self::Raw(bytes) => {
                read(body, u64::MAX).await;
                Some(end(End::HangUp(bytes.clone())))
            }
            Self::TrickleRead(bytes_per_second) => {
                *body = trickle(std::mem::take(body), *bytes_per_second).await;
                None
            }
            Self::Delay(delay) => {
                tokio::time::sleep(*delay).await;
                None
            }
            Self::RefuseStream => Some(end(End::Reset(Reason::REFUSED_STREAM))),
            Self::GoAwayBefore => Some(end(End::GoAwayBefore)),
            Self::ResetRequest(bytes) => {
                read(body, *bytes).await;
                Some(end(End::Reset(Reason::INTERNAL_ERROR)))
            }
            Self::RespondAndReset(response) => Some(then(response.to_response(), End::Reset(Reason::NO_ERROR))),
            Self::FallSilent => Some(end(End::Silence)),
            _ => None,
        }
    }

    /// What becomes of the right response to a request of this version.
    pub async fn after(&self, response: Response, version: Version) -> Response {
        let (mut head, body) = response.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let half = body.slice(..body.len() / 2);
        head.headers.remove(header::CONTENT_LENGTH);
        // Over HTTP/1.1, hyper would frame it its own way.
        let framed = |framing: &str, body: &[u8]| {
            let mut bytes = format!("HTTP/1.1 {}\r\n", head.status).into_bytes();
            for (name, value) in &head.headers {
                bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
            }
            bytes.extend(framing.as_bytes());
            bytes.extend(b"connection: close\r\n\r\n");
            bytes.extend(body);
            mark(Response::default(), Ending { end: End::HangUp(bytes.into()), status: Some(head.status) })
        };
        let body = match self {
            Self::LoseResponse => return end(End::HangUp(Bytes::new())),
            Self::GoAwayUnanswered => return end(End::GoAway),
            Self::GoAwayAfter => return then(Response::from_parts(head, Body::from(body)), End::ShutDown),
            Self::CutBody if version != Version::HTTP_2 => {
                return framed(&format!("content-length: {}\r\n", body.len()), &half);
            }
            Self::CutBody | Self::ResetResponse => {
                head.headers.insert(header::CONTENT_LENGTH, body.len().into());
                let broken = [Ok(half), Err(io::Error::from(io::ErrorKind::BrokenPipe))];
                let response = Response::from_parts(head, Body::from_stream(stream::iter(broken)));
                return match self {
                    Self::CutBody => then(response, End::HangUp(Bytes::new())),
                    _ => then(response, End::Reset(Reason::INTERNAL_ERROR)),
                };
            }
            Self::Unlengthed if version != Version::HTTP_2 => return framed("", &body),
            Self::Unlengthed => in_pieces(&body, body.len()),
            Self::Chunked => in_pieces(&body, 7),
            Self::CutJson => half.into(),
            Self::MalformedJson => [b"{", body.as_ref()].concat().into(),
            Self::UnknownEnums => rewrite(&body, unknown_enums).into(),
            Self::MissingFields => rewrite(&body, |response| {
                for about in response.as_object_mut().into_iter().flat_map(|response| response.values_mut()) {
                    *about = Value::Object(Default::default());
                }
            })
            .into(),
            Self::WrongContentType => {
                head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
                body.into()
            }
            Self::LargeHeader(bytes) => {
                let value = HeaderValue::try_from("x".repeat(*bytes.min(&MAX_HEADER_BYTES)));
                head.headers.extend(value.ok().map(|value| (HeaderName::from_static("x-large"), value)));
                body.into()
            }
            _ => body.into(),
        };
        Response::from_parts(head, body)
    }
}

/// A body without a length, as many bytes at a time.
fn in_pieces(body: &Bytes, bytes: usize) -> Body {
    let pieces: Vec<_> = body.chunks(bytes.max(1)).map(|piece| io::Result::Ok(body.slice_ref(piece))).collect();
    Body::from_stream(stream::iter(pieces))
}

/// Reads this much of a body, or all of it, and forgets it.
async fn read(body: &mut Body, bytes: u64) {
    let mut read = 0;
    while read < bytes
        && let Some(Ok(frame)) = body.frame().await
    {
        read += frame.data_ref().map_or(0, Bytes::len) as u64;
    }
}

async fn trickle(mut body: Body, bytes_per_second: u32) -> Body {
    let mut read = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        if let Ok(data) = frame.into_data() {
            tokio::time::sleep(Duration::from_secs_f64(data.len() as f64 / f64::from(bytes_per_second.max(1)))).await;
            read.extend_from_slice(&data);
        }
    }
    Body::from(read)
}

fn rewrite(body: &Bytes, change: impl FnOnce(&mut Value)) -> Bytes {
    let Ok(mut json) = serde_json::from_slice(body) else { return body.clone() };
    change(&mut json);
    json.to_string().into()
}

fn unknown_enums(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                match value {
                    Value::String(text) if ENUMS.contains(&name.as_str()) => *text = format!("new_{text}"),
                    value => unknown_enums(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(unknown_enums),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_enums_are_those_of_the_spec() {
        let spec: Value = serde_saphyr::from_str(canva_connect::OPENAPI_YAML).unwrap();
        let schemas = spec["components"]["schemas"].as_object().unwrap();
        let mut found = BTreeSet::new();
        for properties in schemas.values().filter_map(|schema| schema.get("properties")?.as_object()) {
            for (name, property) in properties {
                let referred = property["$ref"].as_str().and_then(|reference| reference.rsplit('/').next());
                let schema = referred.map_or(property, |referred| &schemas[referred]);
                if schema.get("enum").is_some() {
                    found.insert(name.as_str());
                }
            }
        }
        assert_eq!(found, BTreeSet::from(ENUMS));
    }
}
