//! The form of a request to the authorization server, and the client that it must come from.

use std::collections::HashMap;
use std::fmt;

use axum::http::{HeaderMap, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::refuse;
use crate::api_error::ApiError;
use crate::headers::{credentials, has_media_type};

/// The fields of a request.
pub struct Form(HashMap<String, String>);

impl Form {
    pub(super) fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Self, ApiError> {
        if has_media_type(headers, "application/x-www-form-urlencoded") {
            return Ok(Self(form_urlencoded::parse(body).into_owned().collect()));
        }
        Err(refuse("invalid_request", "The request body must be application/x-www-form-urlencoded."))
    }

    /// The field's value, empty if the field is missing.
    pub(super) fn field(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }

    pub(super) fn token(&self) -> Result<&str, ApiError> {
        Some(self.field("token"))
            .filter(|token| !token.is_empty())
            .ok_or_else(|| refuse("invalid_request", "token is missing."))
    }
}

/// The integration that asks for tokens.
#[derive(Clone)]
pub struct Client {
    pub id: String,
    pub secret: String,
}

/// Doesn't show the secret.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Client {
    /// Whether the `Authorization` header is this client's. RFC 6749 form-encodes id and secret there, but many
    /// clients don't. Both forms are accepted.
    pub(super) fn is_in(&self, headers: &HeaderMap) -> bool {
        let given = credentials(headers, "basic");
        let decoded = given.and_then(|given| String::from_utf8(STANDARD.decode(given).ok()?).ok());
        let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        decoded.is_some_and(|given| {
            given == format!("{}:{}", self.id, self.secret)
                || given == format!("{}:{}", encode(&self.id), encode(&self.secret))
        })
    }
}

pub(super) fn unknown_client() -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "invalid_client", "The client id or secret is missing or wrong.")
}

pub(super) fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
