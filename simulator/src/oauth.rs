//! The OAuth 2.0 authorization server: codes for consent, tokens for codes, new tokens for refresh tokens that work once,
//! and the end of them all. What an access token may do is in `access`.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::access::{Access, Owner};
use crate::api_error::ApiError;
use crate::lock::lock;
use crate::secrets::Secrets;

/// How long a code can be exchanged.
const CODE_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// Where the consent page leads back to when it isn't told: it stands for the first redirect URI that an integration has
/// registered.
const REDIRECT_URI: &str = "http://127.0.0.1:3001/oauth/redirect";

/// The longest form that is read. It may be anybody's, and no token or code is longer than a few kilobytes.
pub const MAX_FORM_BYTES: u64 = 64 << 10;

const NO_STORE: [(HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

/// What an integration asks of the authorization server by itself. Each stands beside the others below `/v1/oauth`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    Token,
    Revoke,
    Introspect,
}

impl Endpoint {
    pub const ALL: [Self; 3] = [Self::Token, Self::Revoke, Self::Introspect];

    /// The end of its path, and its name where faults are injected.
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
    /// Who consents, unless somebody else is named.
    pub owner: Owner,
    secrets: Secrets,
    grants: Mutex<Grants>,
}

/// The builder's settings that tokens depend on.
#[derive(Clone, Debug)]
pub struct Settings {
    pub token_lifetime: Duration,
    /// What a user can consent to.
    pub scopes: Vec<String>,
    /// Refusals are those of RFC 6749 instead of the API's own.
    pub rfc_6749_errors: bool,
}

/// The integration that asks for tokens.
#[derive(Clone)]
pub struct Client {
    pub id: String,
    pub secret: String,
}

/// All that was ever issued. Everything that comes from one consent is a family, revoked together.
#[derive(Default)]
struct Grants {
    sequence: u64,
    codes: HashMap<String, Code>,
    refresh_tokens: HashMap<String, RefreshToken>,
    access_tokens: HashMap<String, AccessToken>,
    revoked: HashSet<u64>,
}

struct Code {
    challenge: String,
    /// `None` where the consent was asked for without one.
    redirect_uri: Option<String>,
    consent: Consent,
    expires: Instant,
    used: bool,
}

struct RefreshToken {
    consent: Consent,
    used: bool,
}

struct AccessToken {
    access: Access,
    claims: Value,
    /// `None` where the clock doesn't reach that far.
    expires: Option<Instant>,
    family: u64,
}

/// Who has consented, and to what.
#[derive(Clone)]
struct Consent {
    owner: Owner,
    scopes: Vec<String>,
    family: u64,
}

fn refuse(code: &'static str, message: &str) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, code, message)
}

fn unknown_client() -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "invalid_client", "The client id or secret is missing or wrong.")
}

/// The fields of a request.
pub struct Form(HashMap<String, String>);

impl Form {
    fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Self, ApiError> {
        let essence = text(headers, header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Ok(Self(form_urlencoded::parse(body).into_owned().collect()));
        }
        Err(refuse("invalid_request", "The request body must be application/x-www-form-urlencoded."))
    }

    /// One that is missing is as one that is empty.
    fn field(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }

    fn token(&self) -> Result<&str, ApiError> {
        Some(self.field("token"))
            .filter(|token| !token.is_empty())
            .ok_or_else(|| refuse("invalid_request", "token is missing."))
    }
}

impl OAuth {
    pub fn new(client: Client, owner: Owner, settings: Settings, secrets: Secrets) -> Self {
        Self { client, settings, owner, secrets, grants: Mutex::default() }
    }

    /// A user of this id, in the default user's team.
    pub fn user(&self, user_id: &str) -> Owner {
        Owner { user_id: user_id.to_owned(), ..self.owner.clone() }
    }

    /// A token of this user's, with every scope that there is to consent to. `now` is in seconds since the Unix epoch.
    pub fn token_for(&self, owner: Owner, now: i64) -> String {
        let mut grants = self.grants();
        let (family, scopes) = (grants.next_number(), self.settings.scopes.clone());
        let (access_token, _) =
            self.issue(&mut grants, Consent { owner, scopes: scopes.clone(), family }, &scopes, now);
        access_token
    }

    /// The user's consent: a code for these scopes.
    pub fn authorize(&self, owner: Owner, challenge: &str, scopes: Vec<String>, redirect_uri: &str) -> String {
        let mut grants = self.grants();
        let family = grants.next_number();
        let id = self.secrets.named(&format!("simulated-code-{family}"));
        let code = Code {
            challenge: challenge.to_owned(),
            redirect_uri: Some(redirect_uri.to_owned()).filter(|uri| !uri.is_empty()),
            consent: Consent { owner, scopes, family },
            expires: Instant::now() + CODE_LIFETIME,
            used: false,
        };
        grants.codes.insert(id.clone(), code);
        id
    }

    /// The page to which an integration sends its user, where this user always consents: a redirect back with a code. A
    /// `user` in the query is who that is, as somebody else's browser would know it.
    pub fn authorize_page(&self, query: &str) -> Response {
        let query: HashMap<_, _> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let field = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
        let given = field("redirect_uri");
        let redirect_uri = if given.is_empty() { REDIRECT_URI } else { given };
        let known = field("client_id") == self.client.id
            && field("response_type") == "code"
            && field("code_challenge_method").eq_ignore_ascii_case("S256");
        let Some(mut back) = reqwest::Url::parse(redirect_uri).ok().filter(|_| known) else {
            let message = "This page needs client_id, response_type=code, code_challenge_method=S256, and a redirect_uri \
                           that is a URL or is left out.";
            return (StatusCode::BAD_REQUEST, message).into_response();
        };
        let scopes = words(field("scope"));
        let owner = query.get("user").map_or_else(|| self.owner.clone(), |user_id| self.user(user_id));
        let said = match self.check_scopes(&scopes) {
            Ok(()) => vec![("code", self.authorize(owner, field("code_challenge"), scopes, given))],
            Err(refusal) => vec![("error", refusal.code.into()), ("error_description", refusal.message)],
        };
        back.query_pairs_mut().extend_pairs(said);
        if let Some(state) = query.get("state") {
            back.query_pairs_mut().append_pair("state", state);
        }
        (StatusCode::FOUND, [(header::LOCATION, back.to_string())]).into_response()
    }

    /// What an access token that was issued here may do, or the API's code for one that is no good any more.
    pub fn access(&self, token: &str) -> Result<Access, &'static str> {
        let grants = self.grants();
        let token = grants.access_tokens.get(token).ok_or("invalid_access_token")?;
        match grants.revoked.contains(&token.family) {
            true => Err("revoked_access_token"),
            false if token.is_expired() => Err("invalid_access_token"),
            false => Ok(token.access.clone()),
        }
    }

    /// Refuses a request whose `Authorization` isn't this client's. It needs the request's head alone, so that nobody
    /// else's body is read.
    pub fn check_head(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let given = headers.contains_key(header::AUTHORIZATION);
        let known = !given || self.client.is_in(text(headers, header::AUTHORIZATION));
        known.then_some(()).ok_or_else(unknown_client)
    }

    /// The form of a request of this client, whose id and secret are in the head or else in the form.
    pub fn form(&self, headers: &HeaderMap, body: &[u8]) -> Result<Form, ApiError> {
        let form = Form::parse(headers, body);
        let known = headers.contains_key(header::AUTHORIZATION)
            || form.as_ref().is_ok_and(|form| {
                (form.field("client_id"), form.field("client_secret")) == (&self.client.id, &self.client.secret)
            });
        if known { form } else { Err(unknown_client()) }
    }

    /// What this client is told. `now` is in seconds since the Unix epoch.
    pub fn perform(&self, endpoint: Endpoint, form: &Form, now: i64) -> Result<Value, ApiError> {
        match endpoint {
            Endpoint::Token => self.grant(form, now),
            Endpoint::Revoke => self.revoke(form),
            Endpoint::Introspect => self.introspect(form),
        }
    }

    /// The response. A refusal has the shape of the API's errors, or that of RFC 6749.
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

    fn grant(&self, form: &Form, now: i64) -> Result<Value, ApiError> {
        let mut grants = self.grants();
        let (consent, scopes) = match form.field("grant_type") {
            "authorization_code" => {
                let consent = grants.exchange(form, |scopes| self.check_scopes(scopes))?;
                let scopes = consent.scopes.clone();
                (consent, scopes)
            }
            "refresh_token" => grants.refresh(form)?,
            "" => return Err(refuse("invalid_request", "grant_type is missing.")),
            _ => return Err(refuse("unsupported_grant_type", "Take authorization_code or refresh_token.")),
        };
        let (access_token, refresh_token) = self.issue(&mut grants, consent, &scopes, now);
        Ok(json!({
            "access_token": access_token,
            "refresh_token": refresh_token,
            "token_type": "Bearer",
            "expires_in": self.settings.token_lifetime.as_secs(),
            "scope": scopes.join(" "),
        }))
    }

    /// A new access token with these scopes of the consent, and a new refresh token.
    fn issue(&self, grants: &mut Grants, consent: Consent, scopes: &[String], now: i64) -> (String, String) {
        let (number, lifetime) = (grants.next_number(), self.settings.token_lifetime);
        let Owner { user_id, team_id } = consent.owner.clone();
        let claims = json!({
            "jti": format!("simulated-{number}"),
            "aud": self.client.id,
            "sub": user_id,
            "scope": scopes.join(" "),
            "iat": now,
            "nbf": now,
            "exp": now.saturating_add_unsigned(lifetime.as_secs()),
        });
        let access_token = self.secrets.jwt(&format!("simulated-access-token-{number}"), &claims);
        let refresh_token = self.secrets.named(&format!("simulated-refresh-token-{number}"));
        let access = Access::new(&access_token).scopes(scopes).user(user_id, team_id);
        let (expires, family) = (Instant::now().checked_add(lifetime), consent.family);
        grants.access_tokens.insert(access_token.clone(), AccessToken { access, claims, expires, family });
        grants.refresh_tokens.insert(refresh_token.clone(), RefreshToken { consent, used: false });
        (access_token, refresh_token)
    }

    /// RFC 7009: what is no token any more needs no revoking.
    fn revoke(&self, form: &Form) -> Result<Value, ApiError> {
        let (token, mut grants) = (form.token()?, self.grants());
        let family = grants.access_tokens.get(token).map(|token| token.family);
        let family = family.or(grants.refresh_tokens.get(token).map(|token| token.consent.family));
        grants.revoked.extend(family);
        Ok(json!({}))
    }

    /// RFC 7662: what a token is good for.
    fn introspect(&self, form: &Form) -> Result<Value, ApiError> {
        let (token, grants) = (form.token()?, self.grants());
        let access = grants.access_tokens.get(token).filter(|token| !token.is_expired());
        let refresh = grants.refresh_tokens.get(token).filter(|token| !token.used);
        let (family, mut said) = match (access, refresh) {
            (Some(token), _) => (token.family, token.claims.clone()),
            (_, Some(token)) => (token.consent.family, json!({ "scope": token.consent.scopes.join(" ") })),
            _ => return Ok(json!({ "active": false })),
        };
        if grants.revoked.contains(&family) {
            return Ok(json!({ "active": false }));
        }
        if let Some(said) = said.as_object_mut() {
            said.extend([("active".to_owned(), true.into()), ("client".to_owned(), self.client.id.as_str().into())]);
        }
        Ok(said)
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

impl AccessToken {
    fn is_expired(&self) -> bool {
        self.expires.is_some_and(|expires| Instant::now() >= expires)
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn text(headers: &HeaderMap, name: HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Without the secret.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Client {
    /// Whether an `Authorization` header is this client's. RFC 6749 wants id and secret form-encoded in it, many
    /// clients leave them as they are, and both are taken.
    fn is_in(&self, authorization: &str) -> bool {
        let credentials = authorization.split_once(' ').filter(|(kind, _)| kind.eq_ignore_ascii_case("basic"));
        let decoded = credentials.and_then(|(_, text)| String::from_utf8(STANDARD.decode(text.trim()).ok()?).ok());
        let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        decoded.is_some_and(|given| {
            given == format!("{}:{}", self.id, self.secret)
                || given == format!("{}:{}", encode(&self.id), encode(&self.secret))
        })
    }
}

impl Grants {
    fn exchange(
        &mut self,
        form: &Form,
        check_scopes: impl Fn(&[String]) -> Result<(), ApiError>,
    ) -> Result<Consent, ApiError> {
        let unknown = || refuse("invalid_grant", "The code is unknown, expired or used, or not for this redirect_uri.");
        let code = self.codes.get_mut(form.field("code")).ok_or_else(unknown)?;
        if code.used {
            // Somebody else may have been faster.
            self.revoked.insert(code.consent.family);
            return Err(unknown());
        }
        // Whoever asked for the consent without one may leave it out here, too.
        let redirect_uri = form.field("redirect_uri");
        let expected = code.redirect_uri.as_deref().unwrap_or(redirect_uri);
        if Instant::now() >= code.expires || redirect_uri != expected {
            return Err(unknown());
        }
        if URL_SAFE_NO_PAD.encode(Sha256::digest(form.field("code_verifier"))) != code.challenge {
            return Err(refuse("invalid_grant", "code_verifier doesn't fit the code's challenge."));
        }
        check_scopes(&code.consent.scopes)?;
        code.used = true;
        Ok(code.consent.clone())
    }

    /// The consent, and those of its scopes that are asked for.
    fn refresh(&mut self, form: &Form) -> Result<(Consent, Vec<String>), ApiError> {
        let unknown = || refuse("invalid_grant", "The refresh token is unknown, used or revoked.");
        let token = self.refresh_tokens.get_mut(form.field("refresh_token")).ok_or_else(unknown)?;
        if token.used {
            // One of the two who hold it stole it, and nothing tells which.
            self.revoked.insert(token.consent.family);
        }
        if self.revoked.contains(&token.consent.family) {
            return Err(unknown());
        }
        let (granted, asked) = (&token.consent.scopes, words(form.field("scope")));
        if !asked.iter().all(|scope| granted.contains(scope)) {
            return Err(refuse("invalid_scope", "The user hasn't consented to all of these scopes."));
        }
        token.used = true;
        let scopes = if asked.is_empty() { granted.clone() } else { asked };
        Ok((token.consent.clone(), scopes))
    }

    fn next_number(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }
}
