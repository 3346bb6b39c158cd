//! What each fault does to a request, before it is processed, and to its response.

use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Version, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use h2::Reason;
use http_body_util::BodyExt;
use serde_json::Value;

use crate::faults::ending::{End, end, then};
use crate::faults::fault::Fault;

/// The properties of responses that are enums or lists of enums.
const ENUMS: [&str; 6] = ["capabilities", "code", "design_types", "state", "status", "type"];

const MAX_HEADER_BYTES: usize = 16 << 20;

impl Fault {
    /// The response in place of processing the request. `None`: the request is processed.
    pub(crate) async fn before(&self, body: &mut Body) -> Option<Response> {
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

    /// What the fault makes of the right response.
    pub(crate) async fn after(&self, response: Response) -> Response {
        let (mut head, body) = response.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        head.headers.remove(header::CONTENT_LENGTH);
        let half = body.slice(..body.len() / 2);
        let body = match self {
            Self::LoseResponse => return end(End::HangUp(Bytes::new())),
            Self::GoAwayUnanswered => return end(End::GoAway),
            Self::GoAwayAfter => return then(Response::from_parts(head, body.into()), End::ShutDown),
            Self::CutBody | Self::ResetResponse => {
                head.headers.insert(header::CONTENT_LENGTH, body.len().into());
                let response = Response::from_parts(head, broken(half));
                return then(
                    response,
                    match self {
                        Self::CutBody => End::HangUp(Bytes::new()),
                        _ => End::Reset(Reason::INTERNAL_ERROR),
                    },
                );
            }
            Self::Unlengthed => {
                // HTTP/1.1 would send it in chunks. HTTP/2 has no use for this version.
                head.version = Version::HTTP_10;
                in_pieces(&body, body.len())
            }
            Self::Chunked => in_pieces(&body, 7),
            Self::CutJson => half.into(),
            Self::MalformedJson => [b"{", body.as_ref()].concat().into(),
            Self::UnknownEnums => rewrite(&body, unknown_enums),
            Self::MissingFields => rewrite(&body, |response| {
                for field in response.as_object_mut().into_iter().flat_map(|response| response.values_mut()) {
                    *field = Value::Object(Default::default());
                }
            }),
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

/// A body that breaks after these bytes.
fn broken(bytes: Bytes) -> Body {
    let error = async {
        // The connection writes the bytes while it waits; it would drop them if the error came with them.
        tokio::task::yield_now().await;
        Err(io::Error::from(io::ErrorKind::BrokenPipe))
    };
    Body::from_stream(stream::once(async { Ok(bytes) }).chain(stream::once(error)))
}

/// A body without a length, in pieces of this many bytes.
fn in_pieces(body: &Bytes, bytes: usize) -> Body {
    let pieces: Vec<_> = body.chunks(bytes.max(1)).map(|piece| io::Result::Ok(body.slice_ref(piece))).collect();
    Body::from_stream(stream::iter(pieces))
}

/// Reads and forgets this many bytes of a body, or all of it.
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

fn rewrite(body: &Bytes, change: impl FnOnce(&mut Value)) -> Body {
    let Ok(mut json) = serde_json::from_slice(body) else { return body.clone().into() };
    change(&mut json);
    json.to_string().into()
}

fn unknown_enums(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let is_enum = ENUMS.contains(&name.as_str());
                match value {
                    Value::String(text) if is_enum => *text = format!("new_{text}"),
                    Value::Array(items) if is_enum => items.push("new".into()),
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

    /// The properties that are enums or lists of enums, in all that is reached from here.
    fn collect<'a>(spec: &'a Value, value: &'a Value, found: &mut BTreeSet<&'a str>) {
        let resolve = |value: &'a Value| match value["$ref"].as_str() {
            Some(reference) => spec.pointer(reference.trim_start_matches('#')).unwrap(),
            None => value,
        };
        let value = resolve(value);
        for (name, property) in value["properties"].as_object().into_iter().flatten() {
            let schema = resolve(property);
            if [schema, resolve(&schema["items"])].iter().any(|schema| schema.get("enum").is_some()) {
                found.insert(name);
            }
        }
        match value {
            Value::Object(map) => map.values().for_each(|value| collect(spec, value, found)),
            Value::Array(items) => items.iter().for_each(|value| collect(spec, value, found)),
            _ => {}
        }
    }

    #[test]
    fn the_enums_are_those_of_the_spec() {
        let spec: Value = serde_saphyr::from_str(canva_connect::OPENAPI_YAML).unwrap();
        let mut found = BTreeSet::new();
        for operation in spec["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values())
        {
            collect(&spec, &operation["responses"], &mut found);
        }
        assert_eq!(found, BTreeSet::from(ENUMS));
    }
}
