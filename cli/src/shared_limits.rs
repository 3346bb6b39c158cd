//! The rate limits that several commands share in Redis.

use std::env;
use std::error::Error;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use canva_connect_redis::{Redis, RedisError, RedisPacing};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::End;

/// Counts a shorter time than a minute, in milliseconds: for tests with a simulator that does the same.
const TEST_WINDOW: &str = "CANVA_TEST_LIMITS_WINDOW";

/// The limits of the token's user.
pub async fn open(url: &str, token: &str) -> Result<RedisPacing, End> {
    let mut pacing = Redis::open(url).map_err(unusable)?.pacing(user(token));
    if let Some(window) = env::var(TEST_WINDOW).ok().and_then(|window| window.parse().ok()) {
        pacing = pacing.window(Duration::from_millis(window));
    }
    // Fails before anything is sent.
    pacing.check().await.map_err(unusable)?;
    Ok(pacing)
}

fn unusable(error: RedisError) -> End {
    let error = match error {
        RedisError::Url { .. } => "expected redis://HOST:PORT, or rediss://HOST:PORT for TLS".to_owned(),
        error => error.source().map_or(error.to_string(), |cause| format!("{error} ({cause})")),
    };
    End::usage(format!("can't share the rate limits: {error}; change or remove --share-limits or CANVA_SHARE_LIMITS"))
}

/// A hash of the user and the integration that the token names, or of the token itself if it names none.
fn user(token: &str) -> String {
    let who = claims(token).unwrap_or_else(|| token.to_owned());
    Sha256::digest(who).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
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

    fn jwt(claims: &Value) -> String {
        format!("e30.{}.signature{}", URL_SAFE_NO_PAD.encode(claims.to_string()), claims["exp"])
    }

    #[test]
    fn each_token_of_a_user_of_an_integration_has_the_same_hash_and_no_other_token_has() {
        let ada = |exp| jwt(&json!({ "sub": "UAda", "aud": "OC-client", "exp": exp }));
        assert_eq!(user(&ada(1)), user(&ada(2)));
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
        assert_eq!(BTreeSet::from(tokens.each_ref().map(|token| user(token))).len(), tokens.len());
    }
}
