//! The rate limits that several commands share in Redis.

use std::error::Error;
use std::time::Duration;

use canva_connect::operations::Operation;
use canva_connect::pacing::Permit;
use canva_connect::{BoxError, BoxFuture, Pacer};
use canva_connect_redis::{Redis, RedisError, RedisPacing};

use super::Waits;
use crate::End;
use crate::account::Account;

/// The limits in Redis, which doesn't say until when a request waits.
pub struct Shared {
    pacing: RedisPacing,
    waits: Waits,
}

/// The limits of this account.
pub async fn open(url: &str, account: &Account, window: Duration, waits: Waits) -> Result<Shared, End> {
    let pacing = Redis::open(url).map_err(unusable)?.pacing(account.to_string()).window(window);
    // Fails before anything is sent.
    pacing.check().await.map_err(unusable)?;
    Ok(Shared { pacing, waits })
}

impl Pacer for Shared {
    fn acquire(&self, operation: &'static Operation, max_wait: Duration) -> BoxFuture<'_, Result<Permit, BoxError>> {
        Box::pin(async move {
            let _waiting = self.waits.begin(operation);
            self.pacing.acquire(operation, max_wait).await
        })
    }

    fn pause(&self, operation: &'static Operation, pause: Duration) {
        self.pacing.pause(operation, pause);
    }
}

fn unusable(error: RedisError) -> End {
    let error = match error {
        RedisError::Url { .. } => "expected redis://HOST:PORT, or rediss://HOST:PORT for TLS".to_owned(),
        error => error.source().map_or(error.to_string(), |cause| format!("{error} ({cause})")),
    };
    End::usage(format!("can't share the rate limits: {error}; change or remove --share-limits or CANVA_SHARE_LIMITS"))
}
