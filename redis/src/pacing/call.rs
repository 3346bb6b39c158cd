//! One call of the script, which tells everything that Redis has yet to hear, and may ask for a permit.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use redis::Script;
use serde_json::json;
use tokio::time::Instant;

use super::lane::Lane;
use super::state::Finished;
use crate::connection::RedisError;

/// The longest pause that is told, in milliseconds: Lua's numbers are exact up to here.
const LONGEST: u64 = 1 << 52;

/// Most permits of unknown outcome kept for return.
const UNTOLD: usize = 1000;

static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("pacing.lua")));

/// One call of the script, which tells all that is to be told.
pub(super) struct Call<'a> {
    lane: &'a Arc<Lane>,
    /// The permit that is asked for, and the one for the request after that.
    pub(super) id: Option<u64>,
    pub(super) next: Option<u64>,
    settled: bool,
    _alone: tokio::sync::MutexGuard<'a, ()>,
}

/// What the script replies.
pub(super) enum Reply {
    /// The request may leave. The permit for the next one is promised in so long, if there is one.
    Granted { next_in: Option<Duration> },
    /// The permit will be there in so long.
    Promised(Duration),
    /// Redis gives none for so long, since it may have lost the earlier counts.
    Closed(Duration),
    /// All permits are out, and none is known to come back.
    AllOut,
    /// Canva asked for a pause, so long ago.
    Paused { asked: Duration, elapsed: Duration },
    /// No permit was asked for.
    Told,
}

impl Reply {
    fn of(values: &[i64]) -> Self {
        let ms = |ms: i64| Duration::from_millis(ms.max(0).unsigned_abs().min(LONGEST));
        match *values {
            [0, ref next @ ..] => Self::Granted { next_in: next.first().map(|wait| ms(*wait)) },
            [1, wait] => Self::Promised(ms(wait)),
            [2, wait] => Self::Closed(ms(wait)),
            [3, asked, elapsed] => Self::Paused { asked: ms(asked), elapsed: ms(elapsed) },
            [] => Self::Told,
            _ => Self::AllOut,
        }
    }
}

impl<'a> Call<'a> {
    pub(super) fn asking(lane: &'a Arc<Lane>, alone: tokio::sync::MutexGuard<'a, ()>) -> Self {
        let mut state = lane.state();
        let id = state.promised.take().map_or_else(|| state.new_id(), |(id, _)| id);
        let next = (state.waiting > 1 && lane.limit.is_some()).then(|| state.new_id());
        Self { lane, id: Some(id), next, settled: false, _alone: alone }
    }

    pub(super) fn telling(lane: &'a Arc<Lane>, alone: tokio::sync::MutexGuard<'a, ()>) -> Self {
        let mut state = lane.state();
        // Nobody is left who would use it.
        if state.waiting == 0
            && let Some((id, _)) = state.promised.take()
        {
            state.finished.push(Finished { id, at: Instant::now(), sent: false });
        }
        Self { lane, id: None, next: None, settled: false, _alone: alone }
    }

    pub(super) async fn run(mut self, take: Option<serde_json::Value>) -> Result<Reply, RedisError> {
        let lane = self.lane;
        let now = Instant::now();
        let age = |at: Instant| milliseconds(now - at);
        let (call, finished, pause, renew) = {
            let state = lane.state();
            let told = |one: &Finished| json!([lane.name(Some(one.id)), age(one.at), one.sent]);
            let pause = state.pause.as_ref().filter(|pause| !pause.told);
            let renew = state.renewed.is_none_or(|at| now - at >= lane.heartbeat() / 2);
            let recent = state.released.is_some_and(|at| now - at < lane.window);
            let mut call = json!({
                "window": milliseconds(lane.window),
                "lease": milliseconds(lane.lease()),
                "step": milliseconds(lane.heartbeat()),
                "turn": milliseconds(lane.turn_time()).max(1),
                "known": recent || !state.live.is_empty(),
                "finished": state.finished.iter().map(told).collect::<Vec<_>>(),
                "live": state.live.iter().filter(|_| renew).map(|id| lane.name(Some(*id))).collect::<Vec<_>>(),
            });
            if let Some(call) = call.as_object_mut() {
                call.extend(take.map(|take| ("take".into(), take)));
                let told = pause.map(|pause| ("pause".into(), json!([age(pause.began), milliseconds(pause.asked)])));
                call.extend(told);
            }
            (call.to_string(), state.finished.len(), pause.map(|pause| pause.began), renew)
        };
        let mut script = SCRIPT.prepare_invoke();
        for key in &lane.keys {
            script.key(key);
        }
        let reply = lane.redis.run(script.arg(call)).await;
        let values: Vec<i64> = reply.inspect_err(|error| lane.failed(error))?;
        self.settled = true;
        let mut state = lane.state();
        if state.away.take().is_some() {
            tracing::info!("the shared rate limits are reached again");
        }
        state.finished.drain(..finished);
        if renew {
            state.renewed = Some(now);
        }
        if let Some(told) = &mut state.pause
            && Some(told.began) == pause
        {
            told.told = true;
        }
        Ok(Reply::of(&values))
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        let now = Instant::now();
        let mut state = self.lane.state();
        // What is older, no server remembers either.
        state.finished.retain(|finished| now - finished.at < self.lane.lease());
        // One that isn't given back comes back with its lease.
        if state.finished.len() < UNTOLD {
            let unknown = [self.id, self.next].into_iter().flatten().map(|id| Finished { id, at: now, sent: false });
            state.finished.extend(unknown);
        }
        drop(state);
        self.lane.keep_heartbeat();
    }
}

/// Whole milliseconds, cut.
pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(LONGEST).min(LONGEST)
}
