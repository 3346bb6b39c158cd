//! Rate limits that several commands keep together, in Redis.

use std::error::Error;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use canva_connect_redis::{Redis, RedisError, RedisPacing};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::End;

/// The limits of the user whom the token is for.
pub async fn open(url: &str, token: &str) -> Result<RedisPacing, End> {
    let redis = Redis::open(url).map_err(unusable)?;
    // Once for all files, and before anything is sent.
    redis.ping().await.map_err(unusable)?;
    Ok(redis.pacing(user(token)))
}

fn unusable(error: RedisError) -> End {
    let error = match error {
        RedisError::Url { .. } => "expected redis://HOST:PORT, or rediss://HOST:PORT for TLS".to_owned(),
        error => error.source().map_or(error.to_string(), |cause| format!("{error} ({cause})")),
    };
    End::Usage(format!(
        "the rate limits can't be shared: {error}; change --share-limits or CANVA_SHARE_LIMITS, or leave it out"
    ))
}

/// A hash of the user and the integration that the token names; where it names none, of the token itself.
fn user(token: &str) -> String {
    let who = claims(token).unwrap_or_else(|| token.to_owned());
    Sha256::digest(who).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// What stands in a JWT. Its signature doesn't matter here: a forged token is one that Canva refuses.
fn claims(token: &str) -> Option<String> {
    let [_, payload, _] = <[&str; 3]>::try_from(token.split('.').collect::<Vec<_>>()).ok()?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    let subject = claims.get("sub").filter(|subject| subject.is_string())?;
    let integration = ["client_id", "azp", "aud"].iter().find_map(|name| claims.get(name));
    Some(json!([subject, integration]).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(claims: &Value) -> String {
        format!("{}.{}.signature{}", "e30", URL_SAFE_NO_PAD.encode(claims.to_string()), claims["exp"])
    }

    #[test]
    fn a_user_of_an_integration_is_the_same_with_each_token() {
        let ada = |exp| jwt(&json!({ "sub": "UAda", "aud": "OC-client", "exp": exp }));
        assert_eq!(user(&ada(1)), user(&ada(2)));
        let others = [
            jwt(&json!({ "sub": "UBen", "aud": "OC-client" })),
            jwt(&json!({ "sub": "UAda", "aud": "OC-other" })),
            jwt(&json!({ "sub": "UAda" })),
            jwt(&json!({ "aud": "OC-client", "exp": 1 })),
            jwt(&json!({ "aud": "OC-client", "exp": 2 })),
            "opaque".to_owned(),
            "a.b.c".to_owned(),
            String::new(),
        ];
        let mut seen = std::collections::BTreeSet::from([user(&ada(1))]);
        for token in others {
            let user = user(&token);
            assert!(!token.contains(&user) || token.is_empty());
            assert!(seen.insert(user), "{token}");
        }
    }
}
