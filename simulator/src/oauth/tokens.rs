//! Tokens as a person handles them: makes, lists, expires and revokes them. A client does none of it this way.

use std::io;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::OAuth;
use super::form::words;
use super::grants::{Consent, Grants};
use crate::canva::access::Owner;
use crate::fields::{Fields, invalid, not_found};
use crate::secrets::masked;

/// Which token is meant.
pub enum Which {
    Id(u64),
    Token(String),
}

impl TryFrom<Map<String, Value>> for Which {
    type Error = io::Error;

    /// `{"id": 3}` or `{"token": "..."}`.
    fn try_from(fields: Map<String, Value>) -> io::Result<Self> {
        let mut fields = Fields::new(fields);
        let id = fields.number("id", "a token's number")?;
        let which = match (id, fields.text("token")?) {
            (Some(id), None) => Self::Id(id),
            (None, Some(token)) => Self::Token(token),
            _ => return Err(invalid("a token is meant by `id` or by `token`")),
        };
        fields.end("this")?;
        Ok(which)
    }
}

impl OAuth {
    /// Makes an access token, as these fields say: `{"user": "anna", "scopes": "asset:read", "seconds": 60}`. Without one,
    /// it is for the default user, with every scope of the integration, and lives as long as any.
    pub fn make(&self, fields: Map<String, Value>) -> io::Result<Value> {
        let mut fields = Fields::new(fields);
        let user = fields.text("user")?.filter(|user| !user.trim().is_empty());
        let scopes = fields.text("scopes")?.map(|scopes| words(&scopes));
        let lifetime = fields.seconds("seconds")?.unwrap_or(self.settings.token_lifetime);
        fields.end("a token")?;
        let user = user.map_or_else(|| self.owner.clone(), |user| self.user(&user));
        let scopes = scopes.unwrap_or_else(|| self.settings.scopes.clone());
        let (user_id, granted) = (user.user_id.clone(), scopes.join(" "));
        let (id, token) = self.issue_to(user, scopes, Some(lifetime))?;
        Ok(json!({
            "id": id,
            "access_token": token,
            "user": user_id,
            "scopes": granted,
            "expires_in": lifetime.as_secs(),
        }))
    }

    /// A new access token with these scopes of the integration, from a consent of its own.
    pub fn issue_to(&self, owner: Owner, scopes: Vec<String>, lifetime: Option<Duration>) -> io::Result<(u64, String)> {
        self.check_scopes(&scopes)
            .map_err(|refused| invalid(format!("{} It has {}", refused.message, self.settings.scopes.join(" "))))?;
        let mut grants = self.grants();
        let consent = Consent { owner, scopes: scopes.clone(), family: grants.next_number() };
        Ok(self.issue(&mut grants, &consent, &scopes, lifetime))
    }

    /// All tokens, oldest first, each by its number and without its text.
    pub fn tokens(&self) -> Vec<Value> {
        let (grants, now, since_epoch) = (self.grants(), self.clock.now(), self.clock.since_epoch());
        let at = |time: Instant| {
            let (ahead, ago) = (time.saturating_duration_since(now), now.saturating_duration_since(time));
            since_epoch.saturating_add(ahead).saturating_sub(ago).as_secs()
        };
        let state = |family, used: Option<&'static str>| match used {
            _ if grants.revoked.contains(&family) => "revoked",
            used => used.unwrap_or("active"),
        };
        let access = grants.access_tokens.iter().map(|(text, token)| {
            json!({
                "id": token.id,
                "kind": "access",
                "token": masked(text),
                "user": token.access.owner.user_id,
                "scopes": token.claims.get("scope"),
                "issued_at": token.issued_at,
                "expires_at": token.expires.map(at),
                "state": state(token.family, token.is_expired(now).then_some("expired")),
            })
        });
        let refresh = grants.refresh_tokens.iter().map(|(text, token)| {
            json!({
                "id": token.id,
                "kind": "refresh",
                "token": masked(text),
                "user": token.consent.owner.user_id,
                "scopes": token.consent.scopes.join(" "),
                "issued_at": token.issued_at,
                "expires_at": null,
                "state": state(token.consent.family, token.used.then_some("used")),
            })
        });
        let mut tokens: Vec<Value> = access.chain(refresh).collect();
        tokens.sort_by_key(|token| token.get("id").and_then(Value::as_u64));
        tokens
    }

    /// Ends an access token now, as if its time were over.
    pub fn expire(&self, which: &Which) -> io::Result<()> {
        let mut grants = self.grants();
        let token = grants.access_tokens.iter_mut().find(|(text, token)| which.is(token.id, text));
        if let Some((_, token)) = token {
            let now = self.clock.now();
            token.expires = Some(token.expires.map_or(now, |expires| expires.min(now)));
            return Ok(());
        }
        match grants.refresh_tokens.iter().any(|(text, token)| which.is(token.id, text)) {
            true => Err(invalid("a refresh token doesn't expire; revoke it")),
            false => Err(which.unknown(&grants)),
        }
    }

    /// Revokes a token, and with it all of its consent.
    pub fn revoke_token(&self, which: &Which) -> io::Result<()> {
        let mut grants = self.grants();
        let access = grants.access_tokens.iter().map(|(text, token)| (token.id, text, token.family));
        let refresh = grants.refresh_tokens.iter().map(|(text, token)| (token.id, text, token.consent.family));
        let family = access.chain(refresh).find(|(id, text, _)| which.is(*id, text)).map(|(.., family)| family);
        let family = family.ok_or_else(|| which.unknown(&grants))?;
        grants.revoked.insert(family);
        Ok(())
    }

    /// What there is now is what [`reset`](Self::reset) goes back to.
    pub fn keep(&self) {
        self.grants().keep();
    }

    /// Ends what was issued since the start. The tokens of the start are as they were.
    pub fn reset(&self) {
        self.grants().reset();
    }
}

impl Which {
    fn is(&self, id: u64, token: &str) -> bool {
        match self {
            Self::Id(own) => *own == id,
            Self::Token(own) => own == token,
        }
    }

    fn unknown(&self, grants: &Grants) -> io::Error {
        not_found(match self {
            Self::Id(id) => format!("no token has the id {id}"),
            Self::Token(token) => grants.what_is(token).to_owned(),
        })
    }
}
