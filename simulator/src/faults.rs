//! What can go wrong between a client and the API, and how each fault makes it go wrong.

use std::fmt;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use http_body_util::BodyExt;
use serde_json::Value;

use crate::canned_response::CannedResponse;

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
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// Closes the connection once the request's head has arrived.
    Close,
    /// Closes the connection once this many bytes of the request's body have arrived.
    CloseAfter(u64),
    /// Reads the request's head and no more. The sockets of both sides still take some megabytes.
    StopReading,
    /// Answers as soon as the request's head has arrived, and discards the body as it comes.
    RespondEarly(CannedResponse),
    /// Answers once the request's body has arrived.
    Respond(CannedResponse),
    /// Writes these bytes, once the request's body has arrived, and closes the connection.
    Raw(Bytes),
    /// Reads the request's body at this many bytes a second.
    TrickleRead(u32),
    /// Waits before it processes the request.
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
}

/// Marks a response that is not to be sent as it is: these bytes are, and then the connection closes.
#[derive(Clone, Debug)]
pub struct HangUp {
    pub bytes: Bytes,
    /// The status in those bytes, where they are a response.
    pub status: Option<StatusCode>,
}

impl fmt::Display for HangUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the connection is closed on purpose")
    }
}

impl std::error::Error for HangUp {}

fn hang_up(bytes: impl Into<Bytes>, status: Option<StatusCode>) -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(HangUp { bytes: bytes.into(), status });
    response
}

impl Fault {
    /// What comes in place of processing the request, or `None` where it is processed after all.
    pub async fn before(&self, body: &mut Body) -> Option<Response> {
        match self {
            Self::Close => Some(hang_up(Bytes::new(), None)),
            Self::CloseAfter(bytes) => {
                let mut read = 0;
                while read < *bytes
                    && let Some(Ok(frame)) = body.frame().await
                {
                    read += frame.data_ref().map_or(0, Bytes::len) as u64;
                }
                Some(hang_up(Bytes::new(), None))
            }
            Self::StopReading => std::future::pending().await,
            Self::RespondEarly(response) => Some(response.to_response()),
            Self::Respond(response) => {
                read_all(body).await;
                Some(response.to_response())
            }
            Self::Raw(bytes) => {
                read_all(body).await;
                Some(hang_up(bytes.clone(), None))
            }
            Self::TrickleRead(bytes_per_second) => {
                *body = trickle(std::mem::take(body), *bytes_per_second).await;
                None
            }
            Self::Delay(delay) => {
                tokio::time::sleep(*delay).await;
                None
            }
            _ => None,
        }
    }

    /// What becomes of the right response.
    pub async fn after(&self, response: Response) -> Response {
        let (mut head, body) = response.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let half = body.slice(..body.len() / 2);
        let framed = |framing: &str, body: &[u8]| {
            let mut bytes = format!("HTTP/1.1 {}\r\n", head.status).into_bytes();
            for (name, value) in head.headers.iter().filter(|(name, _)| *name != header::CONTENT_LENGTH) {
                bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
            }
            bytes.extend(framing.as_bytes());
            bytes.extend(b"connection: close\r\n\r\n");
            bytes.extend(body);
            hang_up(bytes, Some(head.status))
        };
        let body = match self {
            Self::LoseResponse => return hang_up(Bytes::new(), None),
            Self::CutBody => return framed(&format!("content-length: {}\r\n", body.len()), &half),
            Self::Unlengthed => return framed("", &body),
            Self::Chunked => {
                let mut chunks = Vec::new();
                for chunk in body.chunks(7) {
                    chunks.extend([format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
                }
                chunks.extend(b"0\r\n\r\n");
                return framed("transfer-encoding: chunked\r\n", &chunks);
            }
            Self::CutJson => half,
            Self::MalformedJson => [b"{", body.as_ref()].concat().into(),
            Self::UnknownEnums => rewrite(&body, unknown_enums),
            Self::MissingFields => rewrite(&body, |response| {
                for about in response.as_object_mut().into_iter().flat_map(|response| response.values_mut()) {
                    *about = Value::Object(Default::default());
                }
            }),
            Self::WrongContentType => {
                head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
                body
            }
            Self::LargeHeader(bytes) => {
                let value = HeaderValue::try_from("x".repeat(*bytes.min(&MAX_HEADER_BYTES)));
                head.headers.extend(value.ok().map(|value| (HeaderName::from_static("x-large"), value)));
                body
            }
            _ => body,
        };
        head.headers.remove(header::CONTENT_LENGTH);
        Response::from_parts(head, Body::from(body))
    }
}

async fn read_all(body: &mut Body) {
    while let Some(Ok(_)) = body.frame().await {}
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
