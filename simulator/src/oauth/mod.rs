//! The OAuth 2.0 authorization server: it checks the client, and issues, revokes and describes tokens.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde_json::{Value, json};

use crate::api_error::ApiError;
use crate::canva::access::{Access, Owner};
use crate::lock::lock;
use crate::secrets::Secrets;

mod consent;
mod form;
mod grants;
mod introspection;

pub use form::{Client, Form};

use form::unknown_client;
use grants::{Consent, Grants};

/// The longest form that is read, in bytes. Anybody can send one, and no token or code exceeds a few kilobytes.
pub const MAX_FORM_BYTES: u64 = 64 << 10;

const NO_STORE: [(HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

/// The endpoints that an integration calls, below `/v1/oauth`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    Token,
    Revoke,
    Introspect,
}

impl Endpoint {
    pub const ALL: [Self; 3] = [Self::Token, Self::Revoke, Self::Introspect];

    /// The last part of its path, and its name for fault injection.
    pub fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Revoke => "revoke",
            Self::Introspect => "introspect",
        }
    }
}

pub struct OAuth {
    pub client: Client,
    settings: Settings,
    /// The user who consents if no other is named.
    pub owner: Owner,
    secrets: Secrets,
    grants: Mutex<Grants>,
}

/// The builder's settings that tokens depend on.
#[derive(Clone, Debug)]
pub struct Settings {
    pub token_lifetime: Duration,
    /// The scopes that a user can consent to.
    pub scopes: Vec<String>,
    /// Errors have the form of RFC 6749 instead of the API's.
    pub rfc_6749_errors: bool,
}

fn refuse(code: &'static str, message: &str) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, code, message)
}

impl OAuth {
    pub fn new(client: Client, owner: Owner, settings: Settings, secrets: Secrets) -> Self {
        Self { client, settings, owner, secrets, grants: Mutex::default() }
    }

    /// A user of this id, in the default user's team.
    pub fn user(&self, user_id: &str) -> Owner {
        Owner { user_id: user_id.to_owned(), ..self.owner.clone() }
    }

    /// A token of this user, with every scope of the settings. `now` is in seconds since the Unix epoch.
    pub fn token_for(&self, owner: Owner, now: i64) -> String {
        let mut grants = self.grants();
        let (family, scopes) = (grants.next_number(), self.settings.scopes.clone());
        let (access_token, _) =
            self.issue(&mut grants, Consent { owner, scopes: scopes.clone(), family }, &scopes, now);
        access_token
    }

    /// The access that a token issued here gives, or the API's code for a token that is unknown, expired or revoked.
    pub fn access(&self, token: &str) -> Result<Access, &'static str> {
        let grants = self.grants();
        let token = grants.access_tokens.get(token).ok_or("invalid_access_token")?;
        match grants.revoked.contains(&token.family) {
            true => Err("revoked_access_token"),
            false if token.is_expired() => Err("invalid_access_token"),
            false => Ok(token.access.clone()),
        }
    }

    /// Refuses a request whose `Authorization` isn't this client's. It looks at the head alone, so no stranger's
    /// body is read.
    pub fn check_head(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let given = headers.contains_key(header::AUTHORIZATION);
        let known = !given || self.client.is_in(headers);
        known.then_some(()).ok_or_else(unknown_client)
    }

    /// The form of a request of this client. Its id and secret are in the head, or else in the form.
    pub fn form(&self, headers: &HeaderMap, body: &[u8]) -> Result<Form, ApiError> {
        let form = Form::parse(headers, body);
        let known = headers.contains_key(header::AUTHORIZATION)
            || form.as_ref().is_ok_and(|form| {
                (form.field("client_id"), form.field("client_secret")) == (&self.client.id, &self.client.secret)
            });
        if known { form } else { Err(unknown_client()) }
    }

    /// The endpoint's answer to the form. `now` is in seconds since the Unix epoch.
    pub fn perform(&self, endpoint: Endpoint, form: &Form, now: i64) -> Result<Value, ApiError> {
        match endpoint {
            Endpoint::Token => self.grant(form, now),
            Endpoint::Revoke => self.revoke(form),
            Endpoint::Introspect => self.introspect(form),
        }
    }

    /// The response. An error has the API's form, or that of RFC 6749.
    pub fn respond(&self, outcome: Result<Value, ApiError>) -> Response {
        let ApiError { status, code, message } = match outcome {
            Ok(body) => return (NO_STORE, Json(body)).into_response(),
            Err(error) => error,
        };
        let body = match self.settings.rfc_6749_errors {
            false => json!({ "code": code, "message": message }),
            true => json!({ "error": code, "error_description": message }),
        };
        let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"token\"")];
        let challenge = (status == StatusCode::UNAUTHORIZED).then_some(challenge);
        (status, NO_STORE, challenge.map(AppendHeaders), Json(body)).into_response()
    }

    fn check_scopes(&self, scopes: &[String]) -> Result<(), ApiError> {
        match scopes.iter().all(|scope| self.settings.scopes.contains(scope)) {
            true => Ok(()),
            false => Err(refuse("invalid_scope", "A scope is unknown, or the integration doesn't have it.")),
        }
    }

    fn grants(&self) -> MutexGuard<'_, Grants> {
        lock(&self.grants)
    }
}
