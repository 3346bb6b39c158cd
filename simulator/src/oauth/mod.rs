//! The OAuth 2.0 authorization server: it checks the client, and issues, revokes and describes tokens.

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use canva_connect::operations::SCOPES;
use serde_json::{Value, json};

use crate::api_error::ApiError;
use crate::canva::access::{Access, Owner};
use crate::clock::Clock;
use crate::headers::credentials;
use crate::lock::lock;
use crate::secrets::Secrets;

mod consent;
mod consent_page;
mod form;
mod grants;
mod introspection;
mod tokens;

pub use form::{Client, Form, words};
pub use tokens::Which;

use grants::{Consent, Grants};

/// The longest form that is read, in bytes. Anybody can send one, and no token or code exceeds a few kilobytes.
pub const MAX_FORM_BYTES: u64 = 64 << 10;

/// How long a PKCE verifier and its challenge may be, in characters (RFC 7636).
pub const PKCE: RangeInclusive<usize> = 43..=128;

/// The place in the spec that has all scopes. What else is refused here, the spec has no single place for.
const ALL_SCOPES: &str = "#/components/securitySchemes/oauthAuthCode/flows/authorizationCode/scopes";

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

    /// The last part of its path, and its name in the log and for faults.
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
    clock: Arc<Clock>,
    grants: Mutex<Grants>,
}

/// The builder's settings that tokens depend on.
#[derive(Clone, Debug)]
pub struct Settings {
    pub token_lifetime: Duration,
    /// The scopes that a user can consent to.
    pub scopes: Vec<String>,
    /// Where the consent page leads back to: one of these, or anywhere if there are none.
    pub redirect_uris: Vec<String>,
    /// Errors have the form of RFC 6749 instead of the API's.
    pub rfc_6749_errors: bool,
}

fn refuse(code: &'static str, message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, code, message)
}

impl OAuth {
    pub fn new(client: Client, owner: Owner, settings: Settings, secrets: Secrets, clock: Arc<Clock>) -> Self {
        Self { client, settings, owner, secrets, clock, grants: Mutex::default() }
    }

    /// A user of this id, in the default user's team.
    pub fn user(&self, user_id: &str) -> Owner {
        Owner { user_id: user_id.to_owned(), ..self.owner.clone() }
    }

    /// This user, or the default one if none is named.
    pub fn user_or_default(&self, user_id: Option<&str>) -> Owner {
        user_id.map_or_else(|| self.owner.clone(), |user_id| self.user(user_id))
    }

    /// A token of this user, with every scope of the settings. `lasting` is one that doesn't end.
    pub fn token_for(&self, owner: Owner, lasting: bool) -> String {
        let mut grants = self.grants();
        let (family, scopes) = (grants.next_number(), self.settings.scopes.clone());
        let lifetime = Some(self.settings.token_lifetime).filter(|_| !lasting);
        self.issue(&mut grants, &Consent { owner, scopes: scopes.clone(), lifetime, family }, &scopes).1
    }

    /// The access that the request's `Authorization` gives, or why it gives none.
    pub fn access(&self, headers: &HeaderMap) -> Result<Access, ApiError> {
        let refuse = |message: &str, reason: &str| {
            Err(ApiError::new(StatusCode::UNAUTHORIZED, "invalid_access_token", message).because(reason))
        };
        if !headers.contains_key(header::AUTHORIZATION) {
            return refuse(
                "Access token is missing.",
                "There is no Authorization. It must be `Bearer`, a space, and the token.",
            );
        }
        match credentials(headers, "bearer") {
            None => refuse("Access token is invalid.", "Authorization must be `Bearer`, a space, and the token."),
            Some(token) if token.get(..7).is_some_and(|again| again.eq_ignore_ascii_case("bearer ")) => {
                refuse("Access token is invalid.", "Authorization says `Bearer` twice.")
            }
            Some(token) if token == self.client.secret => {
                refuse("Access token is invalid.", "This is the client's secret. Log a user in to get an access token.")
            }
            Some(token) => self.grants().access(token, self.clock.now()),
        }
    }

    /// The form of a request of this client. Its id and secret are in the head, or else in the form.
    pub fn form(&self, endpoint: Endpoint, headers: &HeaderMap, body: &[u8]) -> Result<Form, ApiError> {
        let form = Form::parse(headers, body)?;
        self.client.check_form(headers, &form, endpoint)?;
        Ok(form)
    }

    /// The endpoint's answer to the form.
    pub fn perform(&self, endpoint: Endpoint, form: &Form) -> Result<Value, ApiError> {
        match endpoint {
            Endpoint::Token => self.grant(form),
            Endpoint::Revoke => self.revoke(form),
            Endpoint::Introspect => self.introspect(form),
        }
    }

    /// The response. An error has the API's form, or that of RFC 6749.
    pub fn respond(&self, outcome: Result<Value, ApiError>) -> Response {
        let error = match outcome {
            Ok(body) => return (NO_STORE, Json(body)).into_response(),
            Err(error) => error,
        };
        let ApiError { status, code, message, .. } = &error;
        let body = match self.settings.rfc_6749_errors {
            false => json!({ "code": code, "message": message }),
            true => json!({ "error": code, "error_description": message }),
        };
        let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"token\"")];
        let challenge = (*status == StatusCode::UNAUTHORIZED).then_some(challenge);
        let mut response = (*status, NO_STORE, challenge.map(AppendHeaders), Json(body)).into_response();
        error.mark(&mut response);
        response
    }

    fn check_scopes(&self, scopes: &[String]) -> Result<(), ApiError> {
        let Some(scope) = scopes.iter().find(|scope| !self.settings.scopes.contains(scope)) else { return Ok(()) };
        let what = match scope.as_str() {
            known if SCOPES.contains(&known) => "isn't one of the integration's",
            list if list.contains(',') => "is unknown: scopes are separated by spaces",
            _ => "is unknown",
        };
        let named =
            if scope.split(',').all(form::is_word) { format!("The scope {scope}") } else { "A scope".to_owned() };
        Err(refuse("invalid_scope", format!("{named} {what}.")).by(|| ALL_SCOPES.to_owned()))
    }

    fn grants(&self) -> MutexGuard<'_, Grants> {
        lock(&self.grants)
    }
}
