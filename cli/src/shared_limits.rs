//! The rate limits that several commands share in Redis.

use std::env;
use std::error::Error;
use std::time::Duration;

use canva_connect_redis::{Redis, RedisError, RedisPacing};

use crate::End;
use crate::account::Account;

/// Counts a shorter time than a minute, in milliseconds: for tests with a simulator that does the same.
const TEST_WINDOW: &str = "CANVA_TEST_LIMITS_WINDOW";

/// The limits of this account.
pub async fn open(url: &str, account: &Account) -> Result<RedisPacing, End> {
    let mut pacing = Redis::open(url).map_err(unusable)?.pacing(account.to_string());
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
