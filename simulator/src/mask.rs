//! Hides secrets in what is shown of requests and responses: tokens, codes, secrets and verifiers. Which one it was can
//! still be told by its end. They are known by their place, and in a wrong place by what they are.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::Value;

use crate::secrets::{self, masked};

/// How long a secret is that is looked for in any text. A shorter one is a part of what isn't secret.
const LEAST: usize = 8;

/// Knows secrets in any text: those that are made up by their form, and those that somebody chose by themselves.
#[derive(Clone, Debug, Default)]
pub struct Mask {
    /// Each as it is, and as it is in a URL and in JSON.
    chosen: Arc<[String]>,
}

impl Mask {
    /// One that knows the secrets of the start.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let secrets = secrets.into_iter().filter(|secret| secret.len() >= LEAST);
        let mut chosen: Vec<String> = secrets
            .flat_map(|secret| {
                let json = Value::from(secret).to_string();
                let json = json.trim_matches('"').to_owned();
                [secret.to_owned(), form_urlencoded::byte_serialize(secret.as_bytes()).collect(), json]
            })
            .collect();
        // The longest first: it may have another one in it.
        chosen.sort_by_key(|secret| (std::cmp::Reverse(secret.len()), secret.clone()));
        chosen.dedup();
        Self { chosen: chosen.into() }
    }

    pub fn text(&self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        for piece in text.split_inclusive(|c| !secrets::is_part(c)) {
            let word = piece.trim_end_matches(|c| !secrets::is_part(c));
            let (before, secret) = secrets::find(word).and_then(|at| word.split_at_checked(at)).unwrap_or((word, ""));
            shown += before;
            if !secret.is_empty() {
                shown += &masked(secret);
            }
            shown += piece.strip_prefix(word).unwrap_or_default();
        }
        for secret in self.chosen.iter().filter(|secret| text.contains(secret.as_str())) {
            shown = shown.replace(secret, &masked(secret));
        }
        shown
    }

    /// All values in JSON that are text.
    pub fn json(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.json(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.json(field)),
            _ => {}
        }
    }
}

/// The fields of forms, query strings and JSON that are secret. `code` is none in JSON: there it names an error.
const FIELDS: [&str; 6] = ["access_token", "client_secret", "code", "code_verifier", "refresh_token", "token"];

/// Those with a scheme before the secret.
const CREDENTIALS: [HeaderName; 2] = [header::AUTHORIZATION, header::PROXY_AUTHORIZATION];

const COOKIES: [HeaderName; 2] = [header::COOKIE, header::SET_COOKIE];

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

/// The secret fields of JSON, at any depth.
pub fn json_fields(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                match value {
                    Value::String(text) if name != "code" && FIELDS.contains(&name.as_str()) => *text = masked(text),
                    value => json_fields(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(json_fields),
        _ => {}
    }
}

/// All headers in their order, by name and value as text.
pub fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| (name.to_string(), header(name, value))).collect()
}

fn header(name: &HeaderName, value: &HeaderValue) -> String {
    let text = String::from_utf8_lossy(value.as_bytes());
    if COOKIES.contains(name) {
        return masked(&text);
    }
    if CREDENTIALS.contains(name) {
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
