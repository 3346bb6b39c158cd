//! Describes a token, and revokes all tokens of a consent.

use serde_json::{Value, json};

use super::OAuth;
use super::form::Form;
use crate::api_error::ApiError;

impl OAuth {
    /// RFC 7009. An unknown token is a success too.
    pub(super) fn revoke(&self, form: &Form) -> Result<Value, ApiError> {
        let (token, mut grants) = (form.token()?, self.grants());
        let family = grants.access_tokens.get(token).map(|token| token.family);
        let family = family.or(grants.refresh_tokens.get(token).map(|token| token.consent.family));
        grants.revoked.extend(family);
        Ok(json!({}))
    }

    /// RFC 7662.
    pub(super) fn introspect(&self, form: &Form) -> Result<Value, ApiError> {
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
}
