//! The script in Redis that keeps the permits of an operation: what a call says to it, and what it replies.

use std::sync::LazyLock;
use std::time::Duration;

use redis::Script;
use serde::Serialize;

use crate::connection::{Redis, RedisError};

static SCRIPT: LazyLock<Script> = LazyLock::new(|| {
    let script = include_str!("script.lua");
    #[cfg(test)]
    let script = &super::tests::with_given_time(script);
    Script::new(script)
});

/// The longest time that a call can name, in milliseconds: Lua's numbers are exact up to here.
const LONGEST: u64 = 1 << 52;

/// The longest pause that the script keeps, in milliseconds.
const DAY: u64 = 86_400_000;

/// What happened to the permits of a process, and perhaps a request for another permit. Times are in milliseconds.
#[derive(Serialize)]
pub(super) struct Call {
    pub window: u64,
    /// How long a permit is out after the last sign of its process.
    pub lease: u64,
    /// How often a process gives a sign.
    pub step: u64,
    /// How long processes that take turns wait for each other.
    pub turn: u64,
    /// The process has sent something within the last window.
    pub known: bool,
    /// The permits that are over: id, age, and whether the request may have reached Canva.
    pub finished: Vec<(String, u64, bool)>,
    /// The ids of the permits of requests under way, if the script should hear of them.
    pub live: Vec<String>,
    /// A 429: how long ago it came, and for how long it asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause: Option<(u64, u64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub take: Option<Take>,
}

impl Call {
    /// `name` is what the keys begin with.
    pub async fn send(&self, redis: &Redis, name: &str) -> Result<Reply, RedisError> {
        let mut script = SCRIPT.prepare_invoke();
        for key in ["out", "back", "promised", "state"] {
            script.key(format!("{name}:{key}"));
        }
        // Text and numbers: this can't fail.
        script.arg(serde_json::to_string(self).unwrap_or_default());
        #[cfg(test)]
        let _still = super::tests::tell_time(&mut script);
        let reply: Vec<i64> = redis.run(&script, name).await?;
        self.understand(&reply).ok_or_else(|| {
            let reply: Vec<_> = reply.iter().take(5).collect();
            redis.misunderstood(name, format_args!("{reply:?}"))
        })
    }

    /// `None` for what the script never replies to this call. No wait is longer than a window.
    fn understand(&self, reply: &[i64]) -> Option<Reply> {
        let ms = |time: i64, longest: u64| {
            u64::try_from(time).ok().filter(|time| *time <= longest).map(Duration::from_millis)
        };
        // The script adds a millisecond to what it rounds down.
        let wait = |time| ms(time, self.window + 1);
        Some(match *reply {
            [] if self.take.is_none() => Reply::Told,
            _ if self.take.is_none() => return None,
            [0] => Reply::Granted { next: None },
            [0, next] => Reply::Granted { next: Some(wait(next)?) },
            [1, time] => Reply::Promised(wait(time)?),
            [2] => Reply::Out,
            [3, time] => Reply::Closed(wait(time)?),
            [4, asked, elapsed] if elapsed < asked => {
                Reply::Paused { asked: ms(asked, DAY)?, elapsed: ms(elapsed, DAY)? }
            }
            _ => return None,
        })
    }
}

/// The request for a permit.
#[derive(Serialize)]
pub(super) struct Take {
    pub id: String,
    /// The permit after that.
    pub next: String,
    /// Another request waits, for which `next` should be reserved.
    pub more: bool,
    /// How many permits there are; -1 without a limit.
    pub limit: i64,
    pub max_wait: u64,
}

/// What the script replies.
#[derive(Debug)]
pub(super) enum Reply {
    /// The permit is given. `next` can be asked for after this time, if it is reserved.
    Granted { next: Option<Duration> },
    /// The permit is reserved, and can be asked for after this time.
    Promised(Duration),
    /// All permits are out, and no time of return is known.
    Out,
    /// Redis may not know all that was sent, and gives nothing for this long.
    Closed(Duration),
    /// A 429 asked for a pause, so long ago.
    Paused { asked: Duration, elapsed: Duration },
    /// No permit was asked for.
    Told,
}

/// Whole milliseconds, rounded down.
pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(LONGEST).min(LONGEST)
}
