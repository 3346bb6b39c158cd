//! Whose files, limits and journals these are: one name for each user of each integration.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::item::hex;

/// A hash that names a user of an integration, and tells nothing about a token. It is a file name, too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Account(String);

impl Account {
    /// The user and the integration that the token names, or the token itself if it names none. A simulator forgets
    /// everything when it ends, and the next one has other tokens: there, the token is the account.
    pub fn of_token(base_url: &str, token: &str) -> Self {
        let claims = if is_this_machine(base_url) { None } else { claims(token) };
        Self::of(base_url, &claims.unwrap_or_else(|| token.to_owned()))
    }

    /// Anything that names a user at this base URL for good.
    pub fn of(base_url: &str, who: &str) -> Self {
        let digest = Sha256::digest(json!([base_url.trim_end_matches('/'), who]).to_string());
        Self(hex(digest.get(..16).unwrap_or(&digest)))
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether the base URL is one of a simulator.
pub fn is_this_machine(base_url: &str) -> bool {
    let authority = base_url.split_once("://").map_or(base_url, |(_, rest)| rest);
    authority.starts_with("[::1]")
        || authority.starts_with("127.")
        || authority.split(['/', ':']).next() == Some("localhost")
}

/// The user and the integration in a JWT. Its signature isn't checked: Canva refuses a forged token.
fn claims(token: &str) -> Option<String> {
    let [_, payload, _] = <[&str; 3]>::try_from(token.split('.').collect::<Vec<_>>()).ok()?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    let subject = claims.get("sub").filter(|subject| subject.is_string())?;
    let integration = ["client_id", "azp", "aud"].iter().find_map(|name| claims.get(name));
    Some(json!([subject, integration]).to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const CANVA: &str = "https://api.canva.com/rest";

    fn jwt(claims: &Value) -> String {
        format!("e30.{}.signature{}", URL_SAFE_NO_PAD.encode(claims.to_string()), claims["exp"])
    }

    #[test]
    fn each_token_of_a_user_of_an_integration_has_the_same_account_and_no_other_token_has() {
        let ada = |exp| jwt(&json!({ "sub": "UAda", "aud": "OC-client", "exp": exp }));
        let account = |token: &str| Account::of_token(CANVA, token);
        assert_eq!(account(&ada(1)), account(&ada(2)));
        let tokens = [
            ada(1),
            jwt(&json!({ "sub": "UBen", "aud": "OC-client" })),
            jwt(&json!({ "sub": "UAda", "aud": "OC-other" })),
            jwt(&json!({ "sub": "UAda" })),
            jwt(&json!({ "aud": "OC-client", "exp": 1 })),
            jwt(&json!({ "aud": "OC-client", "exp": 2 })),
            "opaque".to_owned(),
            "a.b.c".to_owned(),
        ];
        assert_eq!(BTreeSet::from(tokens.each_ref().map(|token| account(token))).len(), tokens.len());
        assert_ne!(account(&ada(1)), Account::of_token("https://other.example.com/rest", &ada(1)));
        for simulator in ["http://127.0.0.1:4080/rest", "https://localhost/rest", "http://[::1]:80"] {
            assert_ne!(Account::of_token(simulator, &ada(1)), Account::of_token(simulator, &ada(2)));
        }
    }
}
