//! Hides secrets in what is shown of requests and responses: tokens, codes, secrets and verifiers. Which one it was can
//! still be told by its end.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::Value;

use crate::secrets::masked;

/// The fields of forms, query strings and JSON that are secret. `code` is none in JSON: there it names an error.
const FIELDS: [&str; 6] = ["access_token", "client_secret", "code", "code_verifier", "refresh_token", "token"];

const HEADERS: [HeaderName; 3] = [header::AUTHORIZATION, header::COOKIE, header::SET_COOKIE];

/// Whether the field of a form or a query string is secret.
pub fn is_secret(name: &str) -> bool {
    FIELDS.contains(&name)
}

/// A form or a query string.
pub fn fields(text: &str) -> String {
    let masked = text.split('&').map(|field| match field.split_once('=') {
        Some((name, value)) if is_secret(name) => format!("{name}={}", masked(value)),
        _ => field.to_owned(),
    });
    masked.collect::<Vec<_>>().join("&")
}

/// The secrets in JSON, at any depth.
pub fn json(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                match value {
                    Value::String(text) if name != "code" && FIELDS.contains(&name.as_str()) => *text = masked(text),
                    value => json(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(json),
        _ => {}
    }
}

/// All headers in their order, by name and value as text.
pub fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| (name.to_string(), header(name, value))).collect()
}

fn header(name: &HeaderName, value: &HeaderValue) -> String {
    let text = String::from_utf8_lossy(value.as_bytes());
    if HEADERS.contains(name) {
        return match text.split_once(' ') {
            Some((scheme, credentials)) => format!("{scheme} {}", masked(credentials)),
            None => masked(&text),
        };
    }
    // The consent page leads back with a code.
    match text.split_once('?') {
        Some((path, query)) if matches!(*name, header::LOCATION | header::REFERER) => {
            format!("{path}?{}", fields(query))
        }
        _ => text.into_owned(),
    }
}
