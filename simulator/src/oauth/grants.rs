//! Everything that was issued: codes, access tokens and refresh tokens. A refresh token works once.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::form::{Form, is_word, words};
use super::{OAuth, PKCE, refuse};
use crate::api_error::ApiError;
use crate::canva::access::{Access, Owner};
use crate::clock::MOST_AHEAD;
use crate::secrets;

/// Why a token has ended before its time.
const REVOKED: &str = "Its login was revoked, or a code or refresh token of its login was used twice.";

/// All that was ever issued. Everything that comes from one consent is a family, revoked together.
#[derive(Default)]
pub(super) struct Grants {
    pub(super) sequence: u64,
    pub(super) codes: HashMap<String, Code>,
    pub(super) refresh_tokens: HashMap<String, RefreshToken>,
    pub(super) access_tokens: HashMap<String, AccessToken>,
    pub(super) revoked: HashSet<u64>,
    /// The tokens that there were at the start, and what was revoked of them.
    at_start: (HashMap<String, AccessToken>, HashMap<String, RefreshToken>, HashSet<u64>),
}

pub(super) struct Code {
    pub(super) challenge: String,
    /// `None`: the consent was asked for without one.
    pub(super) redirect_uri: Option<String>,
    pub(super) consent: Consent,
    pub(super) expires: Instant,
    pub(super) used: bool,
}

#[derive(Clone)]
pub(super) struct RefreshToken {
    pub(super) id: u64,
    /// In seconds since the Unix epoch.
    pub(super) issued_at: i64,
    pub(super) consent: Consent,
    pub(super) used: bool,
}

#[derive(Clone)]
pub(super) struct AccessToken {
    pub(super) id: u64,
    /// In seconds since the Unix epoch.
    pub(super) issued_at: i64,
    pub(super) access: Access,
    pub(super) claims: Value,
    /// `None`: it doesn't end while the simulator runs.
    pub(super) expires: Option<Instant>,
    pub(super) family: u64,
}

/// A user's consent to these scopes.
#[derive(Clone)]
pub(super) struct Consent {
    pub(super) owner: Owner,
    pub(super) scopes: Vec<String>,
    /// How long its access tokens live. `None`: they outlive the simulator.
    pub(super) lifetime: Option<Duration>,
    pub(super) family: u64,
}

impl AccessToken {
    pub(super) fn is_expired(&self, now: Instant) -> bool {
        self.expires.is_some_and(|expires| now >= expires)
    }
}

impl OAuth {
    pub(super) fn grant(&self, form: &Form) -> Result<Value, ApiError> {
        let mut grants = self.grants();
        let (consent, scopes) = match form.required("grant_type")? {
            "authorization_code" => {
                let consent = grants.exchange(form, self.clock.now(), |scopes| self.check_scopes(scopes))?;
                let scopes = consent.scopes.clone();
                (consent, scopes)
            }
            "refresh_token" => grants.refresh(form)?,
            _ => {
                let refused = refuse("unsupported_grant_type", "The grant type is not supported.");
                return Err(refused.because("It is neither authorization_code nor refresh_token."));
            }
        };
        let (_, access_token) = self.issue(&mut grants, &consent, &scopes);
        let lifetime = consent.lifetime.unwrap_or(MOST_AHEAD);
        let (id, issued_at) = (grants.next_number(), self.clock.seconds());
        let refresh_token = self.secrets.named(&format!("simulated-refresh-token-{id}"));
        grants.refresh_tokens.insert(refresh_token.clone(), RefreshToken { id, issued_at, consent, used: false });
        Ok(json!({
            "access_token": access_token,
            "refresh_token": refresh_token,
            "token_type": "Bearer",
            "expires_in": lifetime.as_secs(),
            "scope": scopes.join(" "),
        }))
    }

    /// A new access token with these scopes of the consent, and its number.
    pub(super) fn issue(&self, grants: &mut Grants, consent: &Consent, scopes: &[String]) -> (u64, String) {
        let (id, now, lifetime) = (grants.next_number(), self.clock.seconds(), consent.lifetime);
        let Owner { user_id, team_id } = consent.owner.clone();
        let claims = json!({
            "jti": format!("simulated-{id}"),
            "aud": self.client.id,
            "sub": user_id,
            "scope": scopes.join(" "),
            "iat": now,
            "nbf": now,
            "exp": now.saturating_add_unsigned(lifetime.unwrap_or(MOST_AHEAD).as_secs()),
        });
        // A person pastes the one that doesn't end, so it isn't long.
        let length = if lifetime.is_some() { secrets::LONGEST_CLAIMS } else { 0 };
        let token = self.secrets.jwt(&format!("simulated-access-token-{id}"), &claims, length);
        let access = Access::new(&token).scopes(scopes).user(user_id, team_id);
        let (expires, family) = (lifetime.and_then(|it| self.clock.now().checked_add(it)), consent.family);
        let issued = AccessToken { id, issued_at: now, access, claims, expires, family };
        grants.access_tokens.insert(token.clone(), issued);
        (id, token)
    }

    /// The redirect URI that a code was asked for with.
    pub fn redirect_uri(&self, code: &str) -> Option<String> {
        self.grants().codes.get(code)?.redirect_uri.clone()
    }

    /// Takes a token that was made up elsewhere. It doesn't end.
    pub fn adopt(&self, access: Access) {
        let mut grants = self.grants();
        let scopes = access.scope_names().map_or_else(|| self.settings.scopes.join(" "), |scopes| scopes.join(" "));
        let claims = json!({ "aud": self.client.id, "sub": access.owner.user_id, "scope": scopes });
        // Its consent has no name but its own.
        let (id, issued_at) = (grants.next_number(), self.clock.seconds());
        let adopted = AccessToken { id, issued_at, claims, expires: None, family: id, access };
        grants.access_tokens.insert(adopted.access.token.clone(), adopted);
    }
}

impl Grants {
    /// The access that a token gives now, or why it gives none.
    pub(super) fn access(&self, token: &str, now: Instant) -> Result<Access, ApiError> {
        let refuse = |code, message| Err(ApiError::new(StatusCode::UNAUTHORIZED, code, message));
        let invalid =
            |reason: &str| refuse("invalid_access_token", "Access token is invalid.").map_err(|e| e.because(reason));
        let Some(known) = self.access_tokens.get(token) else {
            return invalid(&self.what_is(token, "access token"));
        };
        if self.revoked.contains(&known.family) {
            return refuse("revoked_access_token", "Access token is revoked.").map_err(|e| e.because(REVOKED));
        }
        match known.expires.and_then(|expires| now.checked_duration_since(expires)) {
            Some(since) => invalid(&format!("It expired {} s ago. Refresh it.", since.as_secs())),
            None => Ok(known.access.clone()),
        }
    }

    /// Why this isn't the token or code that is `wanted`.
    pub(super) fn what_is(&self, given: &str, wanted: &str) -> String {
        let known = match () {
            () if self.access_tokens.contains_key(given) => "This is an access token.",
            () if self.refresh_tokens.contains_key(given) => "This is a refresh token, for the token endpoint alone.",
            () if self.codes.contains_key(given) => "This is an authorization code. Exchange it at the token endpoint.",
            () => return not_issued(given, wanted),
        };
        known.to_owned()
    }

    fn exchange(
        &mut self,
        form: &Form,
        now: Instant,
        check_scopes: impl Fn(&[String]) -> Result<(), ApiError>,
    ) -> Result<Consent, ApiError> {
        let invalid = |reason: String| refuse("invalid_grant", "Authorization code is invalid.").because(reason);
        let given = form.required("code")?;
        let other = self.what_is(given, "code");
        let code = self.codes.get_mut(given).ok_or_else(|| invalid(other))?;
        if code.used {
            // The first use may have been a thief's.
            self.revoked.insert(code.consent.family);
            return Err(invalid("The code was used before. All tokens that came from it are revoked now.".into()));
        }
        if let Some(since) = now.checked_duration_since(code.expires) {
            return Err(invalid(format!("The code expired {} s ago.", since.as_secs())));
        }
        // If the consent was asked for without one, it may be left out here, too.
        let (asked, given) = (code.redirect_uri.as_deref(), form.get("redirect_uri"));
        if asked.is_some() && given != asked {
            let [asked, given] =
                [asked, given].map(|uri| uri.map_or_else(|| "none".to_owned(), |uri| format!("{uri:?}")));
            return Err(invalid(format!(
                "The consent was asked for with the redirect_uri {asked}, and this request has {given}."
            )));
        }
        let verifier = form.required("code_verifier")?;
        if !PKCE.contains(&verifier.len()) {
            return Err(invalid(format!("code_verifier has {} characters, and must have 43 to 128.", verifier.len())));
        }
        if URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) != code.challenge {
            return Err(invalid("code_verifier is not the text that code_challenge is the SHA-256 of.".into()));
        }
        check_scopes(&code.consent.scopes)?;
        code.used = true;
        Ok(code.consent.clone())
    }

    /// The consent, and the scopes that the form asks for.
    fn refresh(&mut self, form: &Form) -> Result<(Consent, Vec<String>), ApiError> {
        let invalid = |reason: &str| refuse("invalid_grant", "Refresh token is invalid.").because(reason);
        let given = form.required("refresh_token")?;
        let other = self.what_is(given, "refresh token");
        let token = self.refresh_tokens.get_mut(given).ok_or_else(|| invalid(&other))?;
        if token.used {
            // The token is held twice, so one holder stole it, and nobody knows which.
            self.revoked.insert(token.consent.family);
            return Err(invalid("It was used before, and each works once. All tokens of its login are revoked now."));
        }
        if self.revoked.contains(&token.consent.family) {
            return Err(invalid(REVOKED));
        }
        let (granted, asked) = (&token.consent.scopes, words(form.get("scope").unwrap_or_default()));
        if let Some(scope) = asked.iter().find(|scope| !granted.contains(scope)) {
            let refused = refuse("invalid_scope", "The user hasn't consented to all of these scopes.");
            let scope = if scope.split(',').all(is_word) { scope } else { "What is asked for" };
            return Err(refused.because(format!("{scope} is not one of {}.", granted.join(" "))));
        }
        token.used = true;
        let scopes = if asked.is_empty() { granted.clone() } else { asked };
        Ok((token.consent.clone(), scopes))
    }

    /// What there is now is what [`reset`](Self::reset) goes back to.
    pub(super) fn keep(&mut self) {
        self.at_start = (self.access_tokens.clone(), self.refresh_tokens.clone(), self.revoked.clone());
    }

    /// Numbers go on, so that nothing new is like what is gone.
    pub(super) fn reset(&mut self) {
        let (access_tokens, refresh_tokens, revoked) = self.at_start.clone();
        *self = Self {
            sequence: self.sequence,
            at_start: std::mem::take(&mut self.at_start),
            access_tokens,
            refresh_tokens,
            revoked,
            ..Self::default()
        };
    }

    pub(super) fn next_number(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }
}

/// What is given isn't shown, but for the texts that a variable without a value becomes.
fn not_issued(given: &str, wanted: &str) -> String {
    let quoted = ['"', '\''].iter().any(|quote| given.starts_with(*quote) && given.ends_with(*quote));
    match given {
        "undefined" | "null" | "None" => format!("The {wanted} is the text {given}: was a variable unset?"),
        _ if quoted => format!("The {wanted} is in quotes. Send it without them."),
        _ => format!(
            "This simulator hasn't issued this {wanted}: it is altered, or from before the simulator's start or reset."
        ),
    }
}
