//! The form of a request to the authorization server, and the client that it must come from.

use std::collections::HashMap;
use std::fmt;

use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Endpoint, refuse};
use crate::api_error::ApiError;
use crate::headers::{self, credentials, has_media_type};

const FORM: &str = "application/x-www-form-urlencoded";

/// The fields of a request: none is blank, and none was given twice.
pub struct Form(HashMap<String, String>);

impl Form {
    pub(super) fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Self, ApiError> {
        if !has_media_type(headers, FORM) {
            let given = headers::content_type(headers);
            let refused = refuse("bad_request_body", "The request body must be a form.");
            return Err(refused.because(format!("Content-Type is {given}, and must be {FORM}.")));
        }
        let text = body.trim_ascii();
        if !text.is_empty() && (!text.contains(&b'=') || matches!(text.first(), Some(b'{' | b'[' | b'"'))) {
            let refused = refuse("bad_request_body", "The request body must be a form.");
            return Err(refused.because("It is none, although Content-Type says so. Was it encoded twice, or as JSON?"));
        }
        let mut fields = HashMap::new();
        for (name, value) in form_urlencoded::parse(body).into_owned() {
            // What isn't a name may be a secret.
            let named = if is_word(&name) { format!("The parameter {name}") } else { "A parameter".to_owned() };
            let invalid = |what| refuse("invalid_field", format!("{named} {what}."));
            if value.trim().is_empty() {
                return Err(invalid("must not be blank"));
            }
            if fields.insert(name.clone(), value).is_some() {
                return Err(invalid("must not be repeated"));
            }
        }
        Ok(Self(fields))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.get(name).ok_or_else(|| refuse("invalid_field", format!("The parameter {name} is missing.")))
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
    /// Refuses a request whose `Authorization` isn't this client's. It looks at the head alone, so no stranger's body
    /// is read. RFC 6749 form-encodes id and secret there, but many clients don't. Both forms are accepted.
    pub fn check_head(&self, headers: &HeaderMap, endpoint: Endpoint) -> Result<(), ApiError> {
        if !headers.contains_key(header::AUTHORIZATION) {
            return Ok(());
        }
        let given = credentials(headers, "basic");
        let given = given.and_then(|given| String::from_utf8(STANDARD.decode(given).ok()?).ok());
        let (id, secret) = given.as_deref().and_then(|given| given.split_once(':')).ok_or_else(|| {
            unauthenticated(
                "Authorization is not `Basic`, a space, and Base64 of the client's id, a colon and its secret.",
            )
        })?;
        let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let is = |given: &str, own: &str| given == own || given == encode(own);
        self.check(is(id, &self.id), is(secret, &self.secret), id, endpoint)
    }

    /// Refuses a form that isn't this client's, unless the head says whose it is.
    pub(super) fn check_form(&self, headers: &HeaderMap, form: &Form, endpoint: Endpoint) -> Result<(), ApiError> {
        if headers.contains_key(header::AUTHORIZATION) {
            return Ok(());
        }
        let (Some(id), Some(secret)) = (form.get("client_id"), form.get("client_secret")) else {
            return Err(unauthenticated("There is no Authorization, and no client_id with client_secret in the form."));
        };
        self.check(id == self.id, secret == self.secret, id, endpoint)
    }

    fn check(&self, known: bool, right: bool, id: &str, endpoint: Endpoint) -> Result<(), ApiError> {
        let refused = |code, message: &str| Err(ApiError::new(StatusCode::UNAUTHORIZED, code, message));
        if known && right {
            return Ok(());
        }
        if known {
            let reason = format!(
                "The secret isn't that of {}. Unless it was set, it is new at each start: the simulator's page shows it, \
                 at Access.",
                self.id
            );
            let message = format!("Client secret is invalid for {}.", self.id);
            return refused("invalid_access_token", &message).map_err(|error| error.because(reason));
        }
        // The id that was given isn't shown: it may be a secret.
        let reason = match id == self.secret {
            true => "The id is the client's secret: they are swapped.".to_owned(),
            false => format!("The client's id is {}.", self.id),
        };
        // Of the three, only `token` has a code of its own for it.
        let refused = match endpoint {
            Endpoint::Token => refused("invalid_client", "There is no such client."),
            _ => refused("invalid_access_token", "Client secret is invalid."),
        };
        refused.map_err(|error| error.because(reason))
    }
}

fn unauthenticated(reason: &str) -> ApiError {
    let message = "The client must send its id and secret, as Basic credentials or in the form.";
    refuse("unauthorized_client", message).because(reason)
}

/// Whether this can be shown: no token, code or secret consists of these characters alone.
pub(super) fn is_word(text: &str) -> bool {
    text.len() <= 40 && text.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b':'))
}

pub fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
