//! The script in Redis that keeps the permits of an operation: what a call says to it, and what it replies.

use std::sync::LazyLock;
use std::time::Duration;

use redis::{FromRedisValue, ParsingError, Script, Value};
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
        redis.run(&script).await
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

impl FromRedisValue for Reply {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let ms = Duration::from_millis;
        Ok(match *Vec::<u64>::from_redis_value(value)? {
            [] => Self::Told,
            [0] => Self::Granted { next: None },
            [0, next] => Self::Granted { next: Some(ms(next)) },
            [1, wait] => Self::Promised(ms(wait)),
            [2] => Self::Out,
            [3, wait] => Self::Closed(ms(wait)),
            [4, asked, elapsed] => Self::Paused { asked: ms(asked), elapsed: ms(elapsed) },
            ref other => return Err(format!("an unknown reply of the script: {other:?}").into()),
        })
    }
}

/// Whole milliseconds, rounded down.
pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(LONGEST).min(LONGEST)
}
