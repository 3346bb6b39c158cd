//! The OAuth 2.0 authorization server: codes for consent, tokens for codes, and new tokens for refresh tokens that work
//! once. Errors are those of RFC 6749. What an access token may do is in `access`.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::access::{Access, Owner};
use crate::lock::lock;
use crate::secrets::Secrets;

/// How long a code can be exchanged.
const CODE_LIFETIME: Duration = Duration::from_secs(10 * 60);

const NO_STORE: [(HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

pub struct OAuth {
    pub client: Client,
    /// Whom issued tokens act for.
    owner: Owner,
    token_lifetime: Duration,
    secrets: Secrets,
    grants: Mutex<Grants>,
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
}

struct Code {
    challenge: String,
    redirect_uri: String,
    scopes: Vec<String>,
    expires: Instant,
    family: u64,
    used: bool,
}

struct RefreshToken {
    scopes: Vec<String>,
    family: u64,
    used: bool,
}

struct AccessToken {
    access: Access,
    /// `None` where the clock doesn't reach that far.
    expires: Option<Instant>,
    family: u64,
}

struct OAuthError {
    status: StatusCode,
    error: &'static str,
    description: &'static str,
}

fn refuse(error: &'static str, description: &'static str) -> OAuthError {
    OAuthError { status: StatusCode::BAD_REQUEST, error, description }
}

impl OAuth {
    pub fn new(client: Client, owner: Owner, token_lifetime: Duration, secrets: Secrets) -> Self {
        Self { client, owner, token_lifetime, secrets, grants: Mutex::default() }
    }

    /// The user's consent: a code for these scopes.
    pub fn authorize(&self, challenge: &str, scopes: Vec<String>, redirect_uri: &str) -> String {
        let mut grants = self.grants();
        let family = grants.next_number();
        let id = self.secrets.named(&format!("simulated-code-{family}"));
        let code = Code {
            challenge: challenge.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            scopes,
            expires: Instant::now() + CODE_LIFETIME,
            family,
            used: false,
        };
        grants.codes.insert(id.clone(), code);
        id
    }

    /// The page to which an integration sends its user, where this user always consents: a redirect back with a code.
    pub fn authorize_page(&self, query: &str) -> Response {
        let query: HashMap<_, _> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let field = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
        let redirect_uri = field("redirect_uri");
        let known = field("client_id") == self.client.id
            && field("response_type") == "code"
            && field("code_challenge_method").eq_ignore_ascii_case("S256");
        let Some(mut back) = reqwest::Url::parse(redirect_uri).ok().filter(|_| known) else {
            let message = "This page needs client_id, response_type=code, code_challenge_method=S256 and redirect_uri.";
            return (StatusCode::BAD_REQUEST, message).into_response();
        };
        let scopes = field("scope").split_whitespace().map(str::to_owned).collect();
        let code = self.authorize(field("code_challenge"), scopes, redirect_uri);
        back.query_pairs_mut().append_pair("code", &code);
        if let Some(state) = query.get("state") {
            back.query_pairs_mut().append_pair("state", state);
        }
        (StatusCode::FOUND, [(header::LOCATION, back.to_string())]).into_response()
    }

    /// What an access token that was issued here, and is neither expired nor revoked, may do.
    pub fn access(&self, token: &str) -> Option<Access> {
        let grants = self.grants();
        let good = |token: &&AccessToken| token.expires.is_none_or(|expires| Instant::now() < expires);
        let token = grants.access_tokens.get(token).filter(good)?;
        Some(token.access.clone())
    }

    /// The refusal of a token request without this client's id and secret. It needs the request's head alone, so that
    /// nobody else's body is read.
    pub fn refuse_client(&self, headers: &HeaderMap) -> Option<Response> {
        if self.client.is_in(text(headers, header::AUTHORIZATION)) {
            return None;
        }
        let description = "The client id or secret is missing or wrong.";
        let error = OAuthError { status: StatusCode::UNAUTHORIZED, error: "invalid_client", description };
        Some(([(header::WWW_AUTHENTICATE, "Basic realm=\"token\"")], error).into_response())
    }

    /// The response to a token request of this client.
    pub fn token(&self, headers: &HeaderMap, body: &[u8]) -> Response {
        match self.grant(headers, body) {
            Ok(response) => (NO_STORE, response).into_response(),
            Err(error) => error.into_response(),
        }
    }

    fn grant(&self, headers: &HeaderMap, body: &[u8]) -> Result<Response, OAuthError> {
        let essence = text(headers, header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(refuse("invalid_request", "The request body must be application/x-www-form-urlencoded."));
        }
        let form: HashMap<_, _> = form_urlencoded::parse(body).into_owned().collect();
        let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let mut grants = self.grants();
        let (scopes, family) = match field("grant_type") {
            "authorization_code" => grants.exchange(field("code"), field("code_verifier"), field("redirect_uri"))?,
            "refresh_token" => grants.refresh(field("refresh_token"))?,
            "" => return Err(refuse("invalid_request", "grant_type is missing.")),
            _ => return Err(refuse("unsupported_grant_type", "Take authorization_code or refresh_token.")),
        };
        let number = grants.next_number();
        let secret = |kind: &str| self.secrets.named(&format!("simulated-{kind}-token-{number}"));
        let (access_token, refresh_token) = (secret("access"), secret("refresh"));
        let Owner { user_id, team_id } = self.owner.clone();
        let access = Access::new(&access_token).scopes(&scopes).user(user_id, team_id);
        let expires = Instant::now().checked_add(self.token_lifetime);
        grants.access_tokens.insert(access_token.clone(), AccessToken { access, expires, family });
        let scope = scopes.join(" ");
        grants.refresh_tokens.insert(refresh_token.clone(), RefreshToken { scopes, family, used: false });
        let tokens = json!({
            "access_token": access_token,
            "refresh_token": refresh_token,
            "token_type": "Bearer",
            "expires_in": self.token_lifetime.as_secs(),
            "scope": scope,
        });
        Ok(Json(tokens).into_response())
    }

    fn grants(&self) -> MutexGuard<'_, Grants> {
        lock(&self.grants)
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": self.error, "error_description": self.description }));
        (self.status, NO_STORE, body).into_response()
    }
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
    fn exchange(&mut self, code: &str, verifier: &str, redirect_uri: &str) -> Result<(Vec<String>, u64), OAuthError> {
        let unknown = refuse("invalid_grant", "The code is unknown, expired or used, or not for this redirect_uri.");
        let Some(code) = self.codes.get_mut(code) else { return Err(unknown) };
        if code.used {
            // Somebody else may have been faster.
            let family = code.family;
            self.revoke(family);
            return Err(unknown);
        }
        if Instant::now() >= code.expires || code.redirect_uri != redirect_uri {
            return Err(unknown);
        }
        if URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) != code.challenge {
            return Err(refuse("invalid_grant", "code_verifier doesn't fit the code's challenge."));
        }
        code.used = true;
        Ok((code.scopes.clone(), code.family))
    }

    fn refresh(&mut self, token: &str) -> Result<(Vec<String>, u64), OAuthError> {
        let unknown = refuse("invalid_grant", "The refresh token is unknown, used or revoked.");
        let Some(token) = self.refresh_tokens.get_mut(token) else { return Err(unknown) };
        if token.used {
            // One of the two who hold it stole it, and nothing tells which.
            let family = token.family;
            self.revoke(family);
            return Err(unknown);
        }
        token.used = true;
        Ok((token.scopes.clone(), token.family))
    }

    fn revoke(&mut self, family: u64) {
        self.refresh_tokens.retain(|_, token| token.family != family);
        self.access_tokens.retain(|_, token| token.family != family);
    }

    fn next_number(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }
}
