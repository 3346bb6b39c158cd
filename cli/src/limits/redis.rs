//! The rate limits that several commands share in Redis.

use std::error::Error;
use std::time::Duration;

use canva_connect_redis::{Redis, RedisError, RedisPacing};

use crate::account::Account;
use crate::end::End;

/// The limits of this account.
pub async fn open(url: &str, account: &Account, window: Duration) -> Result<RedisPacing, End> {
    let pacing = Redis::open(url).map_err(unusable)?.pacing(account.to_string()).window(window);
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
