//! The rate limits of an account: kept together with the other commands on this machine or, through Redis, on several.

mod local;
#[cfg(feature = "redis")]
mod redis;

use std::collections::BTreeMap;
use std::env;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use canva_connect::operations::Operation;
use canva_connect::pacing::Permit;
use canva_connect::{BoxError, BoxFuture, Pacer, Pacing};

use self::local::LocalPacing;
use crate::account::Account;
use crate::end::End;
use crate::screen::LimitWait;
use crate::state;

/// Counts another time than a minute, in milliseconds: for a simulator that does the same.
pub const TEST_WINDOW: &str = "CANVA_TEST_LIMITS_WINDOW";

/// The limits of the account, and what waits for them. `scratch` is where they are kept of a simulator that nobody else
/// uses; `note` is told why they aren't shared.
pub async fn open(
    account: &Account,
    redis: Option<String>,
    scratch: Option<&Path>,
    note: impl FnOnce(&str),
) -> Result<(Arc<dyn Pacer>, Waits), End> {
    let waits = Waits::default();
    let window = env::var(TEST_WINDOW).ok().and_then(|window| window.parse().ok());
    let window = window.map_or(Duration::from_secs(60), Duration::from_millis);
    #[cfg(feature = "redis")]
    if let Some(url) = redis {
        let pacing = redis::open(&url, account, window).await?;
        return Ok((Arc::new(Watched { pacer: pacing, window, waits: waits.clone() }), waits));
    }
    #[cfg(not(feature = "redis"))]
    if redis.is_some() {
        let message = "this canva was built without the feature `redis`: unset CANVA_SHARE_LIMITS and leave out \
                       --share-limits, or install it with the feature";
        return Err(End::usage(message.to_owned()));
    }
    let directory = scratch.map_or_else(|| state::directory("limits"), |scratch| Ok(scratch.to_owned()));
    let pacer: Arc<dyn Pacer> = match directory.and_then(|it| LocalPacing::open(&it, account, window, waits.clone())) {
        Ok(pacing) => Arc::new(pacing),
        Err(error) => {
            note(&format!("the limits aren't shared with other commands, since nothing can be kept: {error}"));
            Arc::new(Watched { pacer: Pacing::new(), window, waits: waits.clone() })
        }
    };
    Ok((pacer, waits))
}

/// What requests of this command wait for. Clones are the same.
#[derive(Clone, Default)]
pub struct Waits(Arc<Mutex<BTreeMap<&'static str, LimitWait>>>);

impl Waits {
    /// The wait that holds up most: of requests that make or change something first.
    pub fn next(&self) -> Option<LimitWait> {
        let waits = self.lock();
        waits.values().min_by_key(|wait| wait.operation.method == "GET").cloned()
    }

    /// Requests of this operation wait, as far as is known until then.
    fn set(&self, operation: &'static Operation, window: Duration, until: Option<SystemTime>) {
        let Some(limit) = operation.requests_per_minute else { return };
        let mut waits = self.lock();
        let since = waits.get(operation.id).map_or_else(Instant::now, |wait| wait.since);
        waits.insert(operation.id, LimitWait { operation, limit, window, until, since });
    }

    fn end(&self, operation: &Operation) {
        self.lock().remove(operation.id);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, LimitWait>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pacer that doesn't say until when it waits.
struct Watched<P> {
    pacer: P,
    window: Duration,
    waits: Waits,
}

impl<P: Pacer> Pacer for Watched<P> {
    fn acquire(&self, operation: &'static Operation, max_wait: Duration) -> BoxFuture<'_, Result<Permit, BoxError>> {
        Box::pin(async move {
            self.waits.set(operation, self.window, None);
            let permit = self.pacer.acquire(operation, max_wait).await;
            self.waits.end(operation);
            permit
        })
    }

    fn pause(&self, operation: &'static Operation, pause: Duration) {
        self.pacer.pause(operation, pause);
    }
}
