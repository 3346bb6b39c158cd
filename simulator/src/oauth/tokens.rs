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
        let user = self.user_or_default(user.as_deref());
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
        let consent = Consent { owner, scopes: scopes.clone(), lifetime, family: grants.next_number() };
        Ok(self.issue(&mut grants, &consent, &scopes))
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
            Self::Token(token) => grants.what_is(token, "token").trim_end_matches('.').to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use std::sync::Arc;

    use super::*;
    use crate::canva::access::Access;
    use crate::clock::Clock;
    use crate::oauth::{Client, Settings};
    use crate::secrets::Secrets;

    fn oauth() -> OAuth {
        let client = Client { id: "id".into(), secret: "hush".into() };
        let scopes = ["asset:read", "asset:write"].map(str::to_owned).to_vec();
        let settings = Settings {
            token_lifetime: Duration::from_secs(60),
            scopes,
            redirect_uris: Vec::new(),
            rfc_6749_errors: false,
        };
        let clock = Arc::new(Clock::new());
        OAuth::new(client, Access::new("").owner, settings, Secrets::new().unwrap(), clock)
    }

    fn fields(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[tokio::test]
    async fn a_token_is_made_as_the_fields_say_and_by_default_as_any() {
        let oauth = oauth();
        let made = oauth.make(fields(json!({ "user": "anna", "scopes": "asset:read", "seconds": "7.5" }))).unwrap();
        assert_eq!(
            (&made["user"], &made["scopes"], &made["expires_in"]),
            (&json!("anna"), &json!("asset:read"), &json!(7))
        );
        assert!(made["access_token"].as_str().unwrap().len() > 3000);
        let default = oauth.make(Map::new()).unwrap();
        assert_eq!((&default["user"], &default["expires_in"]), (&json!("oSimulatedUser"), &json!(60)));
        assert_eq!(default["scopes"], "asset:read asset:write");
        let listed: Vec<Value> = oauth.tokens().into_iter().map(|mut token| token["id"].take()).collect();
        assert_eq!(listed, [made["id"].clone(), default["id"].clone()]);

        for (wrong, said) in [
            (
                json!({ "scopes": "asset:read email" }),
                "The scope email isn't one of the integration's. It has asset:read",
            ),
            (json!({ "scopes": "asset:reed" }), "The scope asset:reed is unknown."),
            (json!({ "seconds": -1 }), "`seconds` must be a number of seconds"),
            (json!({ "seconds": "soon" }), "`seconds` must be a number of seconds"),
            (json!({ "user": ["anna"] }), "`user` must be text"),
            (json!({ "scope": "asset:read" }), "a token takes no `scope`"),
        ] {
            let refused = oauth.make(fields(wrong)).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
            assert!(refused.to_string().starts_with(said), "{refused}");
        }
    }

    #[tokio::test]
    async fn a_token_is_meant_by_its_number_or_its_text_alone() {
        let oauth = oauth();
        let made = oauth.make(Map::new()).unwrap();
        oauth.expire(&fields(json!({ "id": made["id"] })).try_into().unwrap()).unwrap();
        assert_eq!(oauth.tokens()[0]["state"], "expired");
        oauth.revoke_token(&fields(json!({ "token": made["access_token"] })).try_into().unwrap()).unwrap();
        assert_eq!(oauth.tokens()[0]["state"], "revoked");
        let missing = oauth.expire(&Which::Id(99)).unwrap_err();
        assert_eq!((missing.kind(), missing.to_string().as_str()), (io::ErrorKind::NotFound, "no token has the id 99"));
        for wrong in
            [json!({}), json!({ "id": 1, "token": "x" }), json!({ "id": "x" }), json!({ "id": 1, "user": "x" })]
        {
            assert!(Which::try_from(fields(wrong.clone())).is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_reset_ends_what_was_issued_and_mends_what_the_start_had() {
        let oauth = oauth();
        let (lasting, fixed) = (oauth.token_for(oauth.owner.clone(), true), Access::new("fixed"));
        oauth.adopt(fixed);
        oauth.keep();
        let at_start = oauth.tokens();
        let issued = oauth.make(Map::new()).unwrap();
        oauth.revoke_token(&Which::Token(lasting)).unwrap();
        oauth.expire(&Which::Token("fixed".into())).unwrap();
        oauth.reset();
        assert_eq!(oauth.tokens(), at_start);
        let again = oauth.make(Map::new()).unwrap();
        assert_ne!(again["access_token"], issued["access_token"]);
        let gone = oauth.revoke_token(&Which::Token(issued["access_token"].as_str().unwrap().into()));
        assert_eq!(gone.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
