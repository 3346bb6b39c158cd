//! Requests to the token endpoint: the first tokens of a login, the next ones, and the end of all.

use std::pin::pin;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use reqwest::Url;
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::time::{Instant, timeout, timeout_at};

use super::tokens::expires_at;
use super::{Integration, Login, LoginRequired, OAuthError, RefreshToken, Tokens};
use crate::boxed::BoxError;
use crate::error::{connect_kind, proxy_variable};
use crate::send::exchange::{MAX_BODY, read, read_error};
use crate::send::failure::cause;
use crate::send::response::{self, excerpt};
use crate::text::redact::redact_all;

/// How long Canva's access tokens live, for a grant that doesn't say it. If one ends earlier, its first 401 replaces
/// it.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(4 * 60 * 60);

/// How long the token endpoint may take, with all attempts of a refresh.
pub(super) const TIMEOUT: Duration = Duration::from_secs(60);
/// The time for reading a response that came while the whole process was stopped.
const GRACE: Duration = Duration::from_secs(2);

impl Integration {
    /// The first tokens of a login.
    pub(super) async fn exchange(&self, login: &Login, code: &str) -> Result<Tokens, OAuthError> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("code_verifier", login.expose_code_verifier()),
            ("redirect_uri", &self.redirect_uri),
        ];
        self.request(&form, Instant::now() + TIMEOUT).await
    }

    /// The next tokens. The refresh token is used up, unless the grant has no new one.
    pub(super) async fn refresh(&self, refresh_token: &RefreshToken, until: Instant) -> Result<Tokens, OAuthError> {
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose())];
        self.request(&form, until).await.map_err(|error| match error {
            // The response to an earlier refresh was lost, or was not saved before a crash.
            OAuthError::Refused { error, description, .. } if error == "invalid_grant" => {
                let said = if description.is_empty() { description } else { format!(" ({description})") };
                LoginRequired::new(format!("the refresh token was used before, or has ended{said}")).into()
            }
            error => error,
        })
    }

    /// Ends all tokens of the consent that this token belongs to.
    pub(super) async fn revoke(&self, token: &str) -> Result<(), OAuthError> {
        // `revoke` is beside the token endpoint.
        let url = self.token_url.join("revoke").map_err(|e| unreached(e.into()))?;
        match self.send(url, &[("token", token)], Instant::now() + TIMEOUT).await {
            // Canva knows no such token, so there is nothing left to end.
            Err(OAuthError::Refused { error, .. }) if error == "bad_request_params" => Ok(()),
            ended => ended.map(drop),
        }
    }

    async fn request(&self, form: &[(&str, &str)], until: Instant) -> Result<Tokens, OAuthError> {
        let (status, body) = self.send(self.token_url.clone(), form, until).await?;
        // The body has tokens in it. So neither the body nor the decoder's message goes into an error.
        granted(&body).ok_or(OAuthError::Unreadable { status })
    }

    async fn send(&self, url: Url, form: &[(&str, &str)], until: Instant) -> Result<(StatusCode, Vec<u8>), OAuthError> {
        let mut exchange = pin!(self.attempt(url, form));
        if let Ok(response) = timeout_at(until, &mut exchange).await {
            return response;
        }
        let late = |_| unreached("no response in time".into());
        timeout(GRACE, exchange).await.map_err(late)?
    }

    /// The status and the body of a success.
    async fn attempt(&self, url: Url, form: &[(&str, &str)]) -> Result<(StatusCode, Vec<u8>), OAuthError> {
        let request = self.http.post(url);
        let request = request.basic_auth(&self.client_id, Some(self.client_secret.expose_secret())).form(form);
        let unreachable = |source: reqwest::Error| OAuthError::Unreachable {
            proxy: if source.is_connect() { proxy_variable(&source, connect_kind(&source)) } else { None },
            source: cause(source.without_url(), |text| {
                redact_all(text, self.secrets(form).iter().map(String::as_str)).into()
            }),
        };
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        if !status.is_success() {
            let body = read_error(&mut response).await;
            return Err(self.refused(&response, &body, form));
        }
        let mut body = Vec::new();
        let whole = read(&mut response, &mut body, MAX_BODY).await.map_err(unreachable)?;
        if whole { Ok((status, body)) } else { Err(OAuthError::Unreadable { status }) }
    }

    /// The secrets of a request with this form, as they are sent.
    fn secrets(&self, form: &[(&str, &str)]) -> Vec<String> {
        let secret = self.client_secret.expose_secret();
        let basic = STANDARD.encode(format!("{}:{secret}", self.client_id));
        let secrets = form.iter().filter(|(name, _)| !matches!(*name, "grant_type" | "redirect_uri"));
        secrets.map(|(_, value)| (*value).to_owned()).chain([basic, secret.to_owned()]).collect()
    }

    /// The error for a refusal. Endpoints quote what they refuse, and most fields of these requests are secret.
    fn refused(&self, response: &reqwest::Response, body: &[u8], form: &[(&str, &str)]) -> OAuthError {
        let secrets = self.secrets(form);
        let show = |text: &str| excerpt(&redact_all(text, secrets.iter().map(String::as_str)));
        // The API's error body or that of RFC 6749, even if a part of it is missing or of another type.
        let said: Value = serde_json::from_slice(body).unwrap_or_default();
        let field = |api, rfc| [api, rfc].into_iter().find_map(|name| said.get(name).and_then(Value::as_str));
        let (error, description) = match field("code", "error") {
            Some(error) => (show(error), show(field("message", "error_description").unwrap_or_default())),
            None => (String::new(), show(&String::from_utf8_lossy(body))),
        };
        let (status, retry_after) = (response.status(), response::retry_after(response.headers()));
        OAuthError::Refused { status, error, description, retry_after }
    }
}

/// No response, for a reason that is no connection's.
fn unreached(source: BoxError) -> OAuthError {
    OAuthError::Unreachable { proxy: None, source }
}

/// The tokens of a grant (RFC 6749). Only the access token is sure to be there, and a field of another type counts as
/// missing. `None` if no request can carry the access token.
fn granted(body: &[u8]) -> Option<Tokens> {
    let grant: Value = response::json(body).ok()?;
    let text = |name| grant.get(name).and_then(Value::as_str);
    let seconds = match grant.get("expires_in") {
        Some(Value::String(seconds)) => seconds.trim().parse().ok(),
        seconds => seconds.and_then(Value::as_f64),
    };
    let lifetime = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let scopes: Vec<String> = text("scope").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    let tokens = Tokens {
        access_token: text("access_token")?.into(),
        refresh_token: text("refresh_token").filter(|token| !token.trim().is_empty()).map(RefreshToken::from),
        expires_at: expires_at(lifetime.unwrap_or(DEFAULT_LIFETIME)),
        scopes: Some(scopes).filter(|scopes| !scopes.is_empty()),
    };
    tokens.access_token.header().is_ok().then_some(tokens)
}
