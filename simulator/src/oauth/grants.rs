//! Everything that was issued: codes, access tokens and refresh tokens. A refresh token works once.

use std::collections::{HashMap, HashSet};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::form::{Form, words};
use super::{OAuth, refuse};
use crate::api_error::ApiError;
use crate::canva::access::{Access, Owner};

/// All that was ever issued. Everything that comes from one consent is a family, revoked together.
#[derive(Default)]
pub(super) struct Grants {
    pub(super) sequence: u64,
    pub(super) codes: HashMap<String, Code>,
    pub(super) refresh_tokens: HashMap<String, RefreshToken>,
    pub(super) access_tokens: HashMap<String, AccessToken>,
    pub(super) revoked: HashSet<u64>,
}

pub(super) struct Code {
    pub(super) challenge: String,
    /// `None`: the consent was asked for without one.
    pub(super) redirect_uri: Option<String>,
    pub(super) consent: Consent,
    pub(super) expires: Instant,
    pub(super) used: bool,
}

pub(super) struct RefreshToken {
    pub(super) consent: Consent,
    pub(super) used: bool,
}

pub(super) struct AccessToken {
    pub(super) access: Access,
    pub(super) claims: Value,
    /// `None`: the end is beyond the clock's range.
    pub(super) expires: Option<Instant>,
    pub(super) family: u64,
}

/// A user's consent to these scopes.
#[derive(Clone)]
pub(super) struct Consent {
    pub(super) owner: Owner,
    pub(super) scopes: Vec<String>,
    pub(super) family: u64,
}

impl AccessToken {
    pub(super) fn is_expired(&self) -> bool {
        self.expires.is_some_and(|expires| Instant::now() >= expires)
    }
}

impl OAuth {
    pub(super) fn grant(&self, form: &Form, now: i64) -> Result<Value, ApiError> {
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
    pub(super) fn issue(&self, grants: &mut Grants, consent: Consent, scopes: &[String], now: i64) -> (String, String) {
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
            // The first use may have been a thief's.
            self.revoked.insert(code.consent.family);
            return Err(unknown());
        }
        // If the consent was asked for without one, it may be left out here, too.
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

    /// The consent, and the scopes that the form asks for.
    fn refresh(&mut self, form: &Form) -> Result<(Consent, Vec<String>), ApiError> {
        let unknown = || refuse("invalid_grant", "The refresh token is unknown, used or revoked.");
        let token = self.refresh_tokens.get_mut(form.field("refresh_token")).ok_or_else(unknown)?;
        if token.used {
            // The token is held twice, so one holder stole it, and nobody knows which.
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

    pub(super) fn next_number(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }
}
