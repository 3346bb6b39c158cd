//! One operation of one user in this process: requests wait in a queue, and the first asks Redis for its permit.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use canva_connect::BoxError;
use canva_connect::operations::Operation;
use canva_connect::pacing::{PausedError, Permit};
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::RedisPacing;
use super::call::{Call, Reply, milliseconds};
use super::state::{Away, Finished, Pause, State};
use crate::connection::{Redis, RedisError};
use crate::sync::lock;

/// One operation of one user, as this process sees it.
pub(super) struct Lane {
    pub(super) redis: Redis,
    /// As the script names them: out, back, promised, state.
    pub(super) keys: [String; 4],
    /// What the ids of this process's permits begin with.
    holder: String,
    pub(super) limit: Option<u32>,
    pub(super) window: Duration,
    /// Held by the first in the queue while it waits; tokio's mutex serves in the order of asking.
    turn: tokio::sync::Mutex<()>,
    /// Held by the one call that is under way: what is told stays in the state until it has arrived.
    pub(super) calls: tokio::sync::Mutex<()>,
    state: Mutex<State>,
    /// The first in the queue should look again.
    changed: Notify,
    /// The heartbeat should not wait.
    pub(super) urgent: Notify,
}

/// The outcome of asking for a permit.
enum Answer {
    Granted(u64),
    /// Redis promised a permit; the state says which and when.
    Promised,
    /// Nothing before this is over, or something changes.
    Wait(Duration),
    Paused(PausedError),
}

impl Lane {
    pub(super) fn new(pacing: &RedisPacing, operation: &Operation) -> Self {
        let name = pacing.redis.key("pacing", &format!("{}:{}", operation.id, pacing.user));
        let limit = operation.requests_per_minute;
        Self {
            redis: pacing.redis.clone(),
            keys: ["out", "back", "promised", "state"].map(|key| format!("{name}:{key}")),
            holder: format!("{:x}", fastrand::u64(..)),
            limit,
            window: pacing.window,
            turn: tokio::sync::Mutex::default(),
            calls: tokio::sync::Mutex::default(),
            state: Mutex::default(),
            changed: Notify::new(),
            urgent: Notify::new(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// How long a permit is out after the last sign of its process. By then, what a dead process sent last is over
    /// for a window.
    pub(super) fn lease(&self) -> Duration {
        self.window + self.window / 2
    }

    pub(super) fn heartbeat(&self) -> Duration {
        self.window / 12
    }

    pub(super) async fn acquire(self: Arc<Self>, max_wait: Duration) -> Result<Permit, BoxError> {
        let asked = Instant::now();
        let _waiting = Waiting::enter(&self);
        let _turn = self.turn.lock().await;
        let mut woken = false;
        let id = loop {
            if let Some(wait) = self.promised_in().filter(|_| !woken) {
                woken = timeout(wait, self.changed.notified()).await.is_ok();
                continue;
            }
            // A request that waited behind one that failed doesn't begin another wait of its own.
            if let Some(away) = self.state().away.as_ref().filter(|away| away.last > asked) {
                return Err(away.error.clone().into());
            }
            woken = match self.ask(max_wait).await? {
                Answer::Granted(id) => break id,
                Answer::Promised => false,
                Answer::Wait(wait) => timeout(wait, self.changed.notified()).await.is_ok(),
                Answer::Paused(error) => return Err(error.into()),
            };
        };
        let lane = self.clone();
        Ok(Permit::new(move |sent| lane.release(id, sent)))
    }

    /// How long there is nothing to ask for, since a permit is promised for then.
    fn promised_in(&self) -> Option<Duration> {
        let (_, from) = self.state().promised?;
        Some(from.saturating_duration_since(Instant::now())).filter(|wait| !wait.is_zero())
    }

    /// Asks Redis for a permit.
    async fn ask(self: &Arc<Self>, max_wait: Duration) -> Result<Answer, RedisError> {
        let asked = Instant::now();
        let alone = self.calls.lock().await;
        // The call before it has just failed: no request waits for Redis twice.
        if let Some(away) = self.state().away.as_ref().filter(|away| away.last > asked) {
            return Err(away.error.clone());
        }
        // What changed until now, this call tells.
        tokio::select! { biased; () = self.changed.notified() => (), () = std::future::ready(()) => () }
        let began = Instant::now();
        let call = Call::asking(self, alone);
        let max_wait_ms = milliseconds(max_wait);
        let mut take =
            json!({ "id": self.name(call.id), "limit": self.limit.map_or(-1, i64::from), "max_wait": max_wait_ms });
        if let (Some(next), Some(take)) = (call.next, take.as_object_mut()) {
            take.insert("next".into(), self.name(Some(next)).into());
        }
        let (id, next) = (call.id.unwrap_or_default(), call.next);
        let reply = call.run(Some(take)).await?;
        let now = Instant::now();
        let mut state = self.state();
        Ok(match reply {
            // The call took so long that the lease may be over.
            Reply::Granted { .. } if now - began >= self.lease() - self.window => {
                state.finished.push(Finished { id, at: now, sent: false });
                Answer::Wait(Duration::ZERO)
            }
            Reply::Granted { next_in } => {
                state.promised = next.zip(next_in).map(|(next, wait)| (next, now + wait));
                if self.limit.is_some() {
                    state.live.insert(id);
                }
                drop(state);
                self.keep_heartbeat();
                Answer::Granted(id)
            }
            Reply::Promised(wait) => {
                state.promised = Some((id, now + wait));
                Answer::Promised
            }
            Reply::Paused { asked, elapsed } => match PausedError::check(asked, elapsed, max_wait) {
                Ok(()) => Answer::Wait(asked.saturating_sub(elapsed)),
                Err(error) => Answer::Paused(error),
            },
            Reply::Closed(wait) => {
                let seconds = wait.as_secs_f64();
                tracing::info!(
                    seconds,
                    "nothing is sent: Redis has just started, and may have lost the earlier counts"
                );
                Answer::Wait(wait)
            }
            Reply::AllOut | Reply::Told => Answer::Wait(self.poll()),
        })
    }

    /// How often to ask while all permits are out and nobody knows when one comes back.
    fn poll(&self) -> Duration {
        self.window / 60
    }

    /// How long processes that take turns wait for each other: longer than the way to Redis and back, and a fiftieth
    /// of the time in which a permit can be used.
    pub(super) fn turn_time(&self) -> Duration {
        self.window / self.limit.unwrap_or(1).max(1) / 50
    }

    pub(super) fn name(&self, id: Option<u64>) -> String {
        format!("{}-{}", self.holder, id.unwrap_or_default())
    }

    pub(super) fn release(self: &Arc<Self>, id: u64, sent: bool) {
        if self.limit.is_none() {
            return;
        }
        let now = Instant::now();
        let mut state = self.state();
        state.live.remove(&id);
        state.finished.push(Finished { id, at: now, sent });
        if sent {
            state.released = Some(now);
        }
        // One that was sent comes back in a window, as late as what is promised at the latest.
        let look_again = !sent || state.promised.is_none();
        drop(state);
        if look_again {
            self.changed.notify_one();
        }
        if !sent {
            self.urgent.notify_one();
        }
        self.keep_heartbeat();
    }

    pub(super) fn pause(self: &Arc<Self>, asked: Duration) {
        let began = Instant::now();
        let mut state = self.state();
        let longer = |other: &Pause| !other.told && other.asked.saturating_sub(began - other.began) > asked;
        if !state.pause.as_ref().is_some_and(longer) {
            state.pause = Some(Pause { began, asked, told: false });
        }
        drop(state);
        self.changed.notify_one();
        self.urgent.notify_one();
        self.keep_heartbeat();
    }

    pub(super) fn failed(&self, error: &RedisError) {
        let mut state = self.state();
        if state.away.is_none() {
            tracing::warn!(error = error as &dyn std::error::Error, "the shared rate limits can't be reached");
        }
        state.away = Some(Away { last: Instant::now(), error: error.clone() });
    }
}

/// A caller that waits for a permit.
struct Waiting<'a>(&'a Arc<Lane>);

impl<'a> Waiting<'a> {
    fn enter(lane: &'a Arc<Lane>) -> Self {
        lane.state().waiting += 1;
        Self(lane)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.waiting -= 1;
        if state.waiting == 0 && state.promised.is_some() {
            drop(state);
            self.0.urgent.notify_one();
            self.0.keep_heartbeat();
        }
    }
}
