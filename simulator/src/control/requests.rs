//! The requests that came, as JSON without secrets.

use std::io;

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::example;
use crate::canva::urls::Urls;
use crate::faults::injections::check_operation;
use crate::fields::invalid;
use crate::headers::has_media_type;
use crate::log::ReceivedRequest;
use crate::mask;
use crate::state::State;

/// The most that a list has.
const MOST: usize = 1000;

/// How many a list has unless it says more.
const USUAL: usize = 100;

/// The longest body that is shown, in bytes.
const MAX_SHOWN: usize = 64 << 10;

/// Which requests are wanted.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wanted {
    after: u64,
    before: Option<u64>,
    limit: Option<usize>,
    operation: Option<String>,
    refused: bool,
    status: Option<u16>,
}

/// The newest requests, newest first. Fails for what can't be wanted.
pub fn list(state: &State, wanted: &Wanted) -> io::Result<Value> {
    wanted.operation.as_deref().map_or(Ok(()), check_operation)?;
    let most = wanted.limit.unwrap_or(USUAL);
    if most > MOST {
        return Err(invalid(format!("`limit` is {most}, and must be {MOST} or less")));
    }
    let is_wanted = |request: &ReceivedRequest| {
        request.number > wanted.after
            && wanted.before.is_none_or(|before| request.number < before)
            && (!wanted.refused || request.is_refused())
            && wanted.operation.as_deref().is_none_or(|operation| request.operation == Some(operation))
            && wanted.status.is_none_or(|status| request.status == Some(status))
    };
    let newest = state.log.newest(most, is_wanted);
    Ok(json!({ "requests": newest.iter().map(ReceivedRequest::to_json).collect::<Vec<_>>() }))
}

/// All of one request and its response.
pub fn exchange(state: &State, urls: &Urls, request: &ReceivedRequest) -> Value {
    let mut exchange = request.to_json();
    if let Some(fields) = exchange.as_object_mut() {
        fields.insert("headers".into(), headers(&request.headers));
        fields.insert("body".into(), body(&request.headers, &request.body));
        let response = json!({
            "headers": headers(&request.response_headers),
            "body": body(&request.response_headers, &request.response_body),
        });
        fields.insert("response".into(), response);
        fields.insert("correct".into(), example::curl(&state.oauth, request, urls.origin()).into());
    }
    request.mask.json(&mut exchange);
    exchange
}

fn headers(headers: &HeaderMap) -> Value {
    mask::headers(headers).into_iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

/// A body's length, and its text where it is text.
fn body(headers: &HeaderMap, body: &Bytes) -> Value {
    let text = body.get(..MAX_SHOWN.min(body.len())).filter(|_| body.len() <= MAX_SHOWN);
    let text = text.and_then(|text| std::str::from_utf8(text).ok()).filter(|text| !text.contains('\0'));
    let text = text.map(|text| match serde_json::from_str::<Value>(text) {
        Ok(mut value) if headers.contains_key(header::CONTENT_TYPE) => {
            mask::json_fields(&mut value);
            value.to_string()
        }
        _ if has_media_type(headers, "application/x-www-form-urlencoded") => mask::fields(text),
        _ => text.to_owned(),
    });
    json!({ "bytes": body.len(), "text": text })
}
