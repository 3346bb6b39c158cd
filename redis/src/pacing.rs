//! `Pacer` over Redis: the rate limits of a user, kept by all processes together.
//!
//! The permits of an operation are in Redis, and one script (`pacing.lua`) does everything there is to do with them. They come back
//! as those of `canva_connect::Pacing` do, a window after the response. A process tells what happened to its permits when
//! it asks for the next one, and else in its heartbeat, which also says that it is still there.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::time::Duration;

use canva_connect::operations::Operation;
use canva_connect::pacing::{PausedError, Permit};
use canva_connect::{BoxError, Pacer};
use redis::Script;
use serde_json::json;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use crate::connection::{Redis, RedisError};
use crate::sync::lock;

/// The window over which Canva counts requests.
const WINDOW: Duration = Duration::from_secs(60);

/// The longest pause that is told, in milliseconds: Lua's numbers are exact up to here.
const LONGEST: u64 = 1 << 52;

/// The share of an operation without a limit.
const NO_LIMIT: u32 = u32::MAX;

/// How many permits a process remembers to give back of which it doesn't know whether it got them.
const UNTOLD: usize = 1000;

static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("pacing.lua")));

impl Redis {
    /// The rate limits of one Canva user of one integration, whom any text may stand for; it is part of the keys. Every process that
    /// sends for this user needs the same text, the same prefix and the same Redis.
    ///
    /// One `RedisPacing` a user is enough for a process: its clients share it as an `Arc`, and are then served in the order in which
    /// they ask. Two of them are to each other as two processes are.
    pub fn pacing(&self, user: impl Into<String>) -> RedisPacing {
        RedisPacing { redis: self.clone(), user: user.into(), window: WINDOW, processes: None, lanes: Mutex::default() }
    }
}

/// The rate limits of one user, kept by all processes together: no more requests leave than
/// [`Operation::requests_per_minute`] allows, however Canva counts them. A pause after a 429 holds for all processes.
///
/// Within a process, it is first come, first served. Processes take turns.
///
/// While Redis is away, requests fail at once with [`RedisError`] as the source of their error, or
/// leave at this process's [share](Self::local_among) of the limits.
///
/// In the first window after Redis has started, nothing is sent: what was sent before, it may have forgotten.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use canva_connect::Client;
/// use canva_connect_redis::Redis;
///
/// let redis = Redis::open("redis://127.0.0.1:6379/0")?;
/// let canva = Client::builder().token("a-secret").pacer(redis.pacing("user-1")).build()?;
/// # Ok(())
/// # }
/// ```
pub struct RedisPacing {
    redis: Redis,
    user: String,
    window: Duration,
    processes: Option<u32>,
    /// By the operation's id, each made when its first request asks.
    lanes: Mutex<HashMap<&'static str, Arc<Lane>>>,
}

impl RedisPacing {
    /// While Redis is away or refuses its service, this process sends its share of each limit: the limit divided by this number of processes (0 counts as 1),
    /// and at least 1 request a window. Default: requests fail.
    ///
    /// It begins one and a half windows after the first sign that Redis is away, since the others may have sent until then. When Redis
    /// is back, it is told what was sent meanwhile, and gives nothing for half a window, in which the others do the same.
    /// A Redis that only some processes can reach goes on serving those, with the whole limit.
    #[must_use]
    pub fn local_among(mut self, processes: u32) -> Self {
        self.processes = Some(processes.max(1));
        self
    }

    /// The window over which requests are counted. Default 60 s, which is Canva's; a shorter one is for tests against a simulator
    /// with the same. It has to be the same in all processes. Less than 100 ms counts as that, and more than a day as a day.
    #[must_use]
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window.clamp(Duration::from_millis(100), Duration::from_secs(86_400));
        self
    }

    fn lane(&self, operation: &Operation) -> Arc<Lane> {
        let new = || Arc::new(Lane::new(self, operation));
        lock(&self.lanes).entry(operation.id).or_insert_with(new).clone()
    }
}

impl fmt::Debug for RedisPacing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisPacing").field("redis", &self.redis).field("user", &self.user).finish_non_exhaustive()
    }
}

impl Pacer for RedisPacing {
    async fn acquire(&self, operation: &'static Operation, max_wait: Duration) -> Result<Permit, BoxError> {
        self.lane(operation).acquire(max_wait).await
    }

    fn pause(&self, operation: &'static Operation, pause: Duration) {
        self.lane(operation).pause(pause);
    }
}

/// One operation of one user, as this process sees it.
struct Lane {
    redis: Redis,
    /// As the script names them: out, back, promised, state.
    keys: [String; 4],
    /// What the ids of this process's permits begin with.
    holder: String,
    limit: Option<u32>,
    /// How many permits this process has by itself while Redis is away.
    share: Option<u32>,
    window: Duration,
    /// Held by the first in the queue while it waits; tokio's mutex serves in the order of asking.
    turn: tokio::sync::Mutex<()>,
    /// Held by the one call that is under way: what is told stays in the state until it has arrived.
    calls: tokio::sync::Mutex<()>,
    state: Mutex<State>,
    /// The first in the queue should look again.
    changed: Notify,
    /// The heartbeat should not wait.
    urgent: Notify,
}

#[derive(Default)]
struct State {
    issued: u64,
    /// How many wait for a permit, the first in the queue included.
    waiting: usize,
    /// The permits of requests under way.
    live: BTreeSet<u64>,
    /// What Redis doesn't know yet.
    finished: Vec<Finished>,
    /// The permit that Redis promised, and from when on it may be asked for.
    promised: Option<(u64, Instant)>,
    pause: Option<Pause>,
    /// When the last request was over.
    released: Option<Instant>,
    /// When Redis last heard of `live`.
    renewed: Option<Instant>,
    away: Option<Away>,
    /// Permits were given while Redis was away, and it doesn't know of them yet.
    was_away: bool,
    has_heartbeat: bool,
}

struct Finished {
    id: u64,
    at: Instant,
    sent: bool,
}

/// What a 429 asked for, as this process saw it.
struct Pause {
    began: Instant,
    asked: Duration,
    told: bool,
    /// While Redis was away, a request was sent that doesn't wait for all of it.
    overridden: bool,
}

/// Redis can't be used.
struct Away {
    since: Instant,
    last: Instant,
    error: RedisError,
}

/// What comes of asking for a permit.
enum Answer {
    Granted(u64),
    /// Redis promised a permit; the state says which and when.
    Promised,
    /// Nothing before this is over, or something changes.
    Wait(Duration),
    Paused(PausedError),
}

impl Lane {
    fn new(pacing: &RedisPacing, operation: &Operation) -> Self {
        let name = pacing.redis.key("pacing", &format!("{}:{}", operation.id, pacing.user));
        let limit = operation.requests_per_minute;
        Self {
            redis: pacing.redis.clone(),
            keys: ["out", "back", "promised", "state"].map(|key| format!("{name}:{key}")),
            holder: format!("{:x}", fastrand::u64(..)),
            limit,
            share: pacing.processes.map(|processes| limit.map_or(NO_LIMIT, |limit| (limit / processes).max(1))),
            window: pacing.window,
            turn: tokio::sync::Mutex::default(),
            calls: tokio::sync::Mutex::default(),
            state: Mutex::default(),
            changed: Notify::new(),
            urgent: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// How long a permit is out after the last sign of its process. By then, what a dead process sent last is over for a window.
    fn lease(&self) -> Duration {
        self.window + self.window / 2
    }

    fn heartbeat(&self) -> Duration {
        self.window / 12
    }

    async fn acquire(self: Arc<Self>, max_wait: Duration) -> Result<Permit, BoxError> {
        let asked = Instant::now();
        let _waiting = Waiting::enter(&self);
        let _turn = self.turn.lock().await;
        let mut woken = false;
        let id = loop {
            if let Some(wait) = self.promised_in().filter(|_| !woken) {
                woken = timeout(wait, self.changed.notified()).await.is_ok();
                continue;
            }
            let answer = match self.by_itself(asked, max_wait)? {
                Some(answer) => answer,
                None => match self.ask(max_wait).await {
                    Ok(answer) => answer,
                    // From now on it goes by itself.
                    Err(_) if self.share.is_some() => continue,
                    Err(error) => return Err(error.into()),
                },
            };
            woken = match answer {
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

    /// What can be said without Redis, while that is away.
    fn by_itself(&self, asked: Instant, max_wait: Duration) -> Result<Option<Answer>, RedisError> {
        let now = Instant::now();
        let mut state = self.state();
        let Some(away) = &state.away else { return Ok(None) };
        let Some(share) = self.share else {
            // Whoever waited behind one that failed doesn't begin another wait of its own.
            return if away.last > asked { Err(away.error.clone()) } else { Ok(None) };
        };
        if now - away.last >= self.heartbeat() {
            return Ok(None);
        }
        let begins = away.since + self.lease();
        Ok(Some(match state.take(now, begins, self.window, share, max_wait) {
            // Redis may be back before that.
            Answer::Wait(wait) => Answer::Wait(wait.min(self.heartbeat())),
            answer => answer,
        }))
    }

    /// Asks Redis for a permit.
    async fn ask(self: &Arc<Self>, max_wait: Duration) -> Result<Answer, RedisError> {
        let asked = Instant::now();
        let alone = self.calls.lock().await;
        // The one before it has just failed: nobody waits for Redis twice.
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
        let reply = call.run(Some(take)).await?;
        let now = Instant::now();
        let mut state = self.state();
        let ms = |ms: i64| Duration::from_millis(ms.max(0).unsigned_abs().min(LONGEST));
        let id = reply.id.unwrap_or_default();
        Ok(match *reply.values {
            // It was so long under way that the lease may be over.
            [0, ..] if now - began >= self.lease() - self.window => {
                state.finished.push(Finished { id, at: now, sent: false });
                Answer::Wait(Duration::ZERO)
            }
            [0, ref next @ ..] => {
                state.promised = reply.next.zip(next.first()).map(|(next, wait)| (next, now + ms(*wait)));
                if self.limit.is_some() {
                    state.live.insert(id);
                }
                drop(state);
                self.keep_heartbeat();
                Answer::Granted(id)
            }
            [1, wait] => {
                state.promised = Some((id, now + ms(wait)));
                Answer::Promised
            }
            [3, asked, elapsed] => paused(ms(asked), ms(elapsed), max_wait),
            [2, wait] => {
                let wait = ms(wait);
                let seconds = wait.as_secs_f64();
                tracing::info!(
                    seconds,
                    "nothing is sent: Redis has just started or was away, and may not know all that was sent"
                );
                Answer::Wait(wait)
            }
            _ => Answer::Wait(self.poll()),
        })
    }

    /// How often to ask while all permits are out and nobody knows when one comes back.
    fn poll(&self) -> Duration {
        self.window / 60
    }

    /// How long processes that take turns wait for each other: longer than the way to Redis and back, and a fiftieth of the time in
    /// which a permit can be used.
    fn turn_time(&self) -> Duration {
        self.window / self.limit.unwrap_or(1).max(1) / 50
    }

    fn name(&self, id: Option<u64>) -> String {
        format!("{}-{}", self.holder, id.unwrap_or_default())
    }

    fn release(self: &Arc<Self>, id: u64, sent: bool) {
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

    fn pause(self: &Arc<Self>, asked: Duration) {
        let began = Instant::now();
        let mut state = self.state();
        let longer =
            |other: &Pause| !other.told && !other.overridden && other.asked.saturating_sub(began - other.began) > asked;
        if !state.pause.as_ref().is_some_and(longer) {
            state.pause = Some(Pause { began, asked, told: false, overridden: false });
        }
        drop(state);
        self.changed.notify_one();
        self.urgent.notify_one();
        self.keep_heartbeat();
    }

    /// Starts the heartbeat, if there is none and there is something to say. Where there is no runtime, the next call says it.
    fn keep_heartbeat(self: &Arc<Self>) {
        let Ok(runtime) = Handle::try_current() else { return };
        let mut state = self.state();
        if !state.has_heartbeat && state.has_something_to_say() {
            state.has_heartbeat = true;
            drop(state);
            runtime.spawn(Heartbeat(self.clone()).run());
        }
    }

    fn failed(&self, error: &RedisError) {
        let now = Instant::now();
        let mut state = self.state();
        let since = match &state.away {
            // Nobody looked for a while: it may have been back meanwhile.
            Some(away) if now - away.last > 3 * self.heartbeat() + Duration::from_secs(3) => now,
            Some(away) => away.since,
            None => {
                tracing::warn!(error = error as &dyn std::error::Error, "the shared rate limits can't be reached");
                now
            }
        };
        state.away = Some(Away { since, last: now, error: error.clone() });
    }
}

impl State {
    fn new_id(&mut self) -> u64 {
        self.issued += 1;
        self.issued
    }

    /// What the others should know at once.
    fn has_news(&self) -> bool {
        let unused = self.promised.is_some() && self.waiting == 0;
        let paused = |pause: &Pause| !pause.told && pause.began.elapsed() < pause.asked;
        unused || self.finished.iter().any(|one| !one.sent) || self.pause.as_ref().is_some_and(paused)
    }

    fn has_something_to_say(&self) -> bool {
        self.has_news() || !self.live.is_empty() || !self.finished.is_empty()
    }

    /// Whether the heartbeat should say it now. Else a request says it soon, which asks for its permit.
    fn should_say_it(&self, now: Instant, heartbeat: Duration) -> bool {
        self.has_news()
            || self.finished.iter().any(|one| now - one.at >= heartbeat)
            || !self.live.is_empty() && self.renewed.is_none_or(|at| now - at >= heartbeat)
    }

    /// Takes a permit without Redis.
    fn take(&mut self, now: Instant, begins: Instant, window: Duration, share: u32, max_wait: Duration) -> Answer {
        if let Some(pause) = &self.pause
            && pause.asked.min(max_wait) > now - pause.began
        {
            return paused(pause.asked, now - pause.began, max_wait);
        }
        let mut id = 0;
        if share != NO_LIMIT {
            if now < begins {
                return Answer::Wait(begins - now);
            }
            let returns =
                || self.finished.iter().filter(|one| one.sent).map(|one| one.at + window).filter(|at| *at > now);
            if self.live.len() + returns().count() >= share as usize {
                return Answer::Wait(returns().min().map_or(window, |at| at - now));
            }
            id = self.new_id();
            self.live.insert(id);
            self.was_away = true;
        }
        if let Some(pause) = &mut self.pause {
            pause.overridden = true;
        }
        Answer::Granted(id)
    }
}

/// What a pause means for a request that comes this long after it was asked for.
fn paused(asked: Duration, elapsed: Duration, max_wait: Duration) -> Answer {
    match PausedError::new(asked, elapsed, max_wait) {
        Some(error) => Answer::Paused(error),
        None => Answer::Wait(asked.saturating_sub(elapsed)),
    }
}

/// One call of the script, which tells all that is to be told.
struct Call<'a> {
    lane: &'a Arc<Lane>,
    /// The permit that is asked for, and the one for the request after that.
    id: Option<u64>,
    next: Option<u64>,
    settled: bool,
    _alone: tokio::sync::MutexGuard<'a, ()>,
}

/// What the script replied, and to which ids.
struct Reply {
    values: Vec<i64>,
    id: Option<u64>,
    next: Option<u64>,
}

impl<'a> Call<'a> {
    fn asking(lane: &'a Arc<Lane>, alone: tokio::sync::MutexGuard<'a, ()>) -> Self {
        let mut state = lane.state();
        let id = state.promised.take().map_or_else(|| state.new_id(), |(id, _)| id);
        let next = (state.waiting > 1 && lane.limit.is_some()).then(|| state.new_id());
        Self { lane, id: Some(id), next, settled: false, _alone: alone }
    }

    fn telling(lane: &'a Arc<Lane>, alone: tokio::sync::MutexGuard<'a, ()>) -> Self {
        let mut state = lane.state();
        // Nobody is left who would use it.
        if state.waiting == 0
            && let Some((id, _)) = state.promised.take()
        {
            state.finished.push(Finished { id, at: Instant::now(), sent: false });
        }
        Self { lane, id: None, next: None, settled: false, _alone: alone }
    }

    async fn run(mut self, take: Option<serde_json::Value>) -> Result<Reply, RedisError> {
        let lane = self.lane;
        let now = Instant::now();
        let age = |at: Instant| milliseconds(now - at);
        let (call, finished, pause, renew, was_away) = {
            let state = lane.state();
            let told = |one: &Finished| json!([lane.name(Some(one.id)), age(one.at), one.sent]);
            let pause = state.pause.as_ref().filter(|pause| !pause.told);
            let renew = state.renewed.is_none_or(|at| now - at >= lane.heartbeat() / 2);
            let recent = state.released.is_some_and(|at| now - at < lane.window);
            // Where this process would have sent for a while by itself, others may have done so.
            let long = state.away.as_ref().is_some_and(|away| now - away.since >= lane.lease());
            let was_away = state.was_away || lane.share.is_some() && long;
            let mut call = json!({
                "window": milliseconds(lane.window),
                "lease": milliseconds(lane.lease()),
                "step": milliseconds(lane.heartbeat()),
                "turn": milliseconds(lane.turn_time()).max(1),
                "known": recent || !state.live.is_empty(),
                "was_away": was_away,
                "finished": state.finished.iter().map(told).collect::<Vec<_>>(),
                "live": state.live.iter().filter(|_| renew).map(|id| lane.name(Some(*id))).collect::<Vec<_>>(),
            });
            if let Some(call) = call.as_object_mut() {
                call.extend(take.map(|take| ("take".into(), take)));
                let told = pause.map(|pause| ("pause".into(), json!([age(pause.began), milliseconds(pause.asked)])));
                call.extend(told);
            }
            (call.to_string(), state.finished.len(), pause.map(|pause| pause.began), renew, was_away)
        };
        let mut script = SCRIPT.prepare_invoke();
        for key in &lane.keys {
            script.key(key);
        }
        let reply = lane.redis.run(script.arg(call)).await;
        let values = reply.inspect_err(|error| lane.failed(error))?;
        self.settled = true;
        let mut state = lane.state();
        if state.away.take().is_some() {
            tracing::info!("the shared rate limits are reached again");
        }
        state.finished.drain(..finished);
        // A permit that was given meanwhile, the next call tells.
        state.was_away &= !was_away;
        if renew {
            state.renewed = Some(now);
        }
        if let Some(told) = &mut state.pause
            && Some(told.began) == pause
        {
            told.told = true;
        }
        Ok(Reply { values, id: self.id, next: self.next })
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

/// Says that this process is still there, and what is not yet told. It ends when there is nothing more to say.
struct Heartbeat(Arc<Lane>);

impl Heartbeat {
    async fn run(self) {
        let lane = &self.0;
        loop {
            let _ = timeout(lane.heartbeat(), lane.urgent.notified()).await;
            let alone = lane.calls.lock().await;
            let should_say_it = lane.state().should_say_it(Instant::now(), lane.heartbeat());
            if should_say_it && Call::telling(lane, alone).run(None).await.is_err() {
                sleep(lane.heartbeat()).await;
            }
            let mut state = lane.state();
            if !state.has_something_to_say() {
                state.has_heartbeat = false;
                return;
            }
        }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.0.state().has_heartbeat = false;
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

/// Whole milliseconds, cut.
fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(LONGEST).min(LONGEST)
}
