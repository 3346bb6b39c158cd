//! The rate limits of an account: kept together with the other commands on this machine or, through Redis, on several.

mod local;
mod permits;
#[cfg(feature = "redis")]
mod redis;
mod store;
mod waits;

use std::env;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use canva_connect::Pacer;

use self::local::Local;
use self::store::Store;
pub use self::waits::Waits;
use crate::account::Account;
use crate::end::End;
use crate::screen::Screen;

/// Counts another time than a minute, in milliseconds: for a simulator that does the same.
pub const TEST_WINDOW: &str = "CANVA_TEST_LIMITS_WINDOW";

/// The times that can be counted.
pub const WINDOWS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(86_400);

/// The time in which Canva counts requests.
pub fn window() -> Duration {
    let window = env::var(TEST_WINDOW).ok().and_then(|window| window.parse().ok()).map(Duration::from_millis);
    window.filter(|window| WINDOWS.contains(window)).unwrap_or(Duration::from_secs(60))
}

/// The limits of the account, and what waits for them. `alone`: no other command can reach what this one talks to.
pub async fn open(
    account: &Account,
    redis: Option<String>,
    alone: bool,
    screen: &Screen,
) -> Result<(Arc<dyn Pacer>, Waits), End> {
    let window = window();
    let waits = Waits::new(window);
    #[cfg(feature = "redis")]
    if let Some(url) = redis {
        let pacer = redis::open(&url, account, window, waits.clone()).await?;
        return Ok((Arc::new(pacer), waits));
    }
    #[cfg(not(feature = "redis"))]
    if redis.is_some() {
        let message = "this canva was built without the feature `redis`: unset CANVA_SHARE_LIMITS and leave out \
                       --share-limits, or install it with the feature";
        return Err(End::usage(message.to_owned()));
    }
    let store = if alone { Store::own } else { Store::of_machine };
    Ok((Arc::new(Local::new(store(window, screen.clone()), account, waits.clone())), waits))
}
