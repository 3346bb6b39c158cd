//! Describes a token, and revokes all tokens of a consent.

use serde_json::{Value, json};

use super::form::Form;
use super::{OAuth, refuse};
use crate::api_error::ApiError;

impl OAuth {
    /// RFC 7009, but unlike there, what is no token is refused. One that has ended is a token still.
    pub(super) fn revoke(&self, form: &Form) -> Result<Value, ApiError> {
        let (token, mut grants) = (form.required("token")?, self.grants());
        let family = grants.access_tokens.get(token).map(|token| token.family);
        let family = family.or(grants.refresh_tokens.get(token).map(|token| token.consent.family));
        let other = grants.what_is(token, "token");
        let no_token = || refuse("bad_request_params", "Token is neither an access token nor a refresh token.");
        let family = family.ok_or_else(|| no_token().because(other))?;
        grants.revoked.insert(family);
        Ok(json!({}))
    }

    /// RFC 7662.
    pub(super) fn introspect(&self, form: &Form) -> Result<Value, ApiError> {
        let (token, grants) = (form.required("token")?, self.grants());
        let access = grants.access_tokens.get(token).filter(|token| !token.is_expired(self.clock.now()));
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
}
