//! The requests of one operation in this process: a task that queues them and shares its permits through Redis.

use std::collections::{BTreeSet, VecDeque};
use std::future::pending;
use std::time::Duration;

use canva_connect::BoxError;
use canva_connect::pacing::{PausedError, Permit};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::script::{Call, Reply, Take, milliseconds};
use crate::connection::{Redis, RedisError};
use crate::random;

/// What a lane is told.
pub(super) enum Command {
    Acquire(Waiter),
    Over(Finished),
    /// Canva answered 429.
    Pause {
        began: Instant,
        asked: Duration,
    },
}

/// A request that waits for its permit.
pub(super) struct Waiter {
    pub max_wait: Duration,
    pub reply: oneshot::Sender<Result<Permit, BoxError>>,
    /// For its permit, which tells the lane when it is over.
    pub lane: UnboundedSender<Command>,
}

/// A permit that is over.
pub(super) struct Finished {
    id: u64,
    at: Instant,
    /// The request may have reached Canva.
    sent: bool,
}

/// The task of an operation. It makes one call at a time. What it has to tell stays here until a call has arrived.
pub(super) struct Lane {
    redis: Redis,
    /// What the keys begin with.
    name: String,
    /// What the ids of this process's permits begin with.
    holder: String,
    limit: Option<u32>,
    window: Duration,
    waiting: VecDeque<Waiter>,
    /// When the first in the queue asks.
    ask_at: Instant,
    /// The id of the next permit. The permit after that has the following number.
    next: u64,
    /// Redis may keep these two permits for this process.
    reserved: bool,
    /// The permits of requests under way.
    live: BTreeSet<u64>,
    /// What Redis hasn't been told yet: permits that are over, and a pause with its beginning.
    finished: Vec<Finished>,
    pause: Option<(Instant, Duration)>,
    /// When the last request was over.
    released: Option<Instant>,
    /// When Redis last heard of `live`.
    renewed: Instant,
    /// When the last call failed, if no other has succeeded since.
    failed: Option<Instant>,
}

impl Lane {
    /// `name` is what the keys begin with.
    pub fn new(redis: Redis, name: String, limit: Option<u32>, window: Duration) -> Self {
        Self {
            redis,
            name,
            holder: random::id(),
            limit,
            window,
            waiting: VecDeque::new(),
            ask_at: Instant::now(),
            next: 0,
            reserved: false,
            live: BTreeSet::new(),
            finished: Vec::new(),
            pause: None,
            released: None,
            renewed: Instant::now(),
            failed: None,
        }
    }

    /// Ends when nobody can send a command any more, and everything is told.
    pub async fn run(mut self, mut commands: UnboundedReceiver<Command>) {
        let mut open = true;
        loop {
            let call_at = self.call_at();
            tokio::select! {
                biased;
                command = commands.recv(), if open => match command {
                    Some(command) => self.note(command),
                    None => open = false,
                },
                () = first_gave_up(&mut self.waiting), if !self.waiting.is_empty() => {
                    self.waiting.pop_front();
                }
                () = sleep_until(call_at.unwrap_or(self.ask_at)), if call_at.is_some() => {
                    // In a box, since an idle lane needs no room for a call.
                    if let Err(error) = Box::pin(self.call()).await {
                        while let Ok(command) = commands.try_recv() {
                            self.note(command);
                        }
                        self.fail(&error);
                    }
                }
                else => return,
            }
        }
    }

    fn note(&mut self, command: Command) {
        let look_again = match command {
            Command::Acquire(waiter) => {
                self.waiting.push_back(waiter);
                self.waiting.len() == 1 && !self.reserved
            }
            Command::Over(finished) => {
                self.live.remove(&finished.id);
                if finished.sent {
                    self.released = Some(finished.at);
                }
                // A permit that was sent comes back after the reserved one.
                let look_again = !finished.sent || !self.reserved;
                self.finished.push(finished);
                look_again
            }
            Command::Pause { began, asked } => {
                let left = |(since, asked): (Instant, Duration)| asked.saturating_sub(began - since);
                if self.pause.is_none_or(|other| left(other) <= asked) {
                    self.pause = Some((began, asked));
                }
                true
            }
        };
        if look_again {
            self.ask_at = Instant::now();
        }
    }

    /// When to call Redis next: when the first in the queue asks, at once for news, for the rest with the heartbeat.
    fn call_at(&self) -> Option<Instant> {
        let news = self.unwanted() || self.pause.is_some() || self.finished.iter().any(|one| !one.sent);
        let over = self.finished.first().map(|one| one.at + self.heartbeat());
        let alive = (!self.live.is_empty()).then(|| self.renewed + self.heartbeat());
        let tell = [news.then(Instant::now), over, alive].into_iter().flatten().min();
        let tell = tell.map(|at| self.failed.map_or(at, |failed| at.max(failed + self.heartbeat())));
        let ask = (!self.waiting.is_empty()).then_some(self.ask_at);
        [tell, ask].into_iter().flatten().min()
    }

    /// Redis keeps permits for this process, and no request waits for them.
    fn unwanted(&self) -> bool {
        self.reserved && self.waiting.is_empty()
    }

    /// Tells what there is to tell, and asks for a permit if it is time.
    pub async fn call(&mut self) -> Result<(), RedisError> {
        let began = Instant::now();
        let take = self.waiting.front().filter(|_| self.ask_at <= began).map(|first| Take {
            id: self.id(self.next),
            next: self.id(self.next + 1),
            more: self.limit.is_some() && self.waiting.iter().skip(1).any(|other| !other.reply.is_closed()),
            limit: self.limit.map_or(-1, i64::from),
            max_wait: milliseconds(first.max_wait),
        });
        let unwanted = self.unwanted();
        let renews = began - self.renewed >= self.heartbeat() / 2;
        let call = self.tell(began, renews, take);
        // Until the reply, Redis may have reserved what was asked for.
        self.reserved |= call.take.is_some();
        let reply = call.send(&self.redis, &self.name).await?;

        if self.failed.take().is_some() {
            tracing::info!("the shared rate limits are reached again");
        }
        self.finished.clear();
        self.pause = None;
        self.reserved &= !unwanted;
        if renews {
            self.renewed = began;
        }
        self.follow(reply, began);
        Ok(())
    }

    fn tell(&self, now: Instant, renews: bool, take: Option<Take>) -> Call {
        let age = |at: Instant| milliseconds(now - at);
        let over = self.finished.iter().map(|one| (self.id(one.id), age(one.at), one.sent));
        let unwanted = [self.next, self.next + 1].into_iter().filter(|_| self.unwanted());
        // Processes that take turns wait for longer than the way to Redis and back, and for a fiftieth of the time
        // that a permit lasts if all are used evenly.
        let turn = self.window / self.limit.unwrap_or(1).max(1) / 50;
        Call {
            window: milliseconds(self.window),
            lease: milliseconds(self.lease()),
            step: milliseconds(self.heartbeat()),
            turn: milliseconds(turn).max(1),
            known: !self.live.is_empty() || self.released.is_some_and(|at| now - at < self.window),
            finished: over.chain(unwanted.map(|id| (self.id(id), 0, false))).collect(),
            live: self.live.iter().filter(|_| renews).map(|id| self.id(*id)).collect(),
            pause: self.pause.map(|(began, asked)| (age(began), milliseconds(asked))),
            take,
        }
    }

    /// Does what the script replied to a call that began then.
    fn follow(&mut self, reply: Reply, began: Instant) {
        let now = Instant::now();
        self.ask_at = match reply {
            Reply::Told => return,
            // The lease may have ended on the way. The next call asks for the same permit.
            Reply::Granted { .. } if now - began >= self.lease() - self.window => now,
            Reply::Granted { next } => {
                self.grant();
                self.reserved = next.is_some();
                now + next.unwrap_or_default()
            }
            Reply::Promised(wait) => now + wait,
            Reply::Out => {
                self.reserved = false;
                now + self.window / 60
            }
            Reply::Closed(wait) => {
                tracing::warn!(
                    "nothing is sent for {wait:.1?}: Redis has just started or lost its keys, and may not know what was \
                     sent before"
                );
                self.reserved = false;
                now + wait
            }
            Reply::Paused { asked, elapsed } => {
                self.reserved = false;
                let max_wait = self.waiting.front().map_or(Duration::ZERO, |first| first.max_wait);
                match PausedError::check(asked, elapsed, max_wait) {
                    Ok(()) => now + asked.saturating_sub(elapsed),
                    Err(error) => {
                        if let Some(first) = self.waiting.pop_front() {
                            let _ = first.reply.send(Err(error.into()));
                        }
                        now
                    }
                }
            }
        };
    }

    /// Gives the next permit to the first in the queue.
    fn grant(&mut self) {
        let id = self.next;
        self.next += 1;
        let Some(Waiter { reply, lane, .. }) = self.waiting.pop_front() else { return };
        let permit = if self.limit.is_none() {
            Permit::new(|_| ())
        } else {
            self.live.insert(id);
            Permit::new(move |sent| {
                let _ = lane.send(Command::Over(Finished { id, at: Instant::now(), sent }));
            })
        };
        // If the request has given up, its permit is dropped here, and comes back unused.
        let _ = reply.send(Ok(permit));
    }

    /// Nobody waits twice for a Redis that is away.
    fn fail(&mut self, error: &RedisError) {
        let now = Instant::now();
        if self.failed.replace(now).is_none() {
            tracing::warn!(error = error as &dyn std::error::Error, "the shared rate limits can't be reached");
        }
        let lease = self.lease();
        self.finished.retain(|one| now - one.at < lease);
        self.pause = self.pause.filter(|(began, asked)| now - *began < *asked);
        if self.ask_at <= now {
            for waiter in self.waiting.drain(..) {
                let _ = waiter.reply.send(Err(error.clone().into()));
            }
        }
    }

    /// How long a permit is out after the last sign of its process. By then, a window has passed since a dead process
    /// can have sent anything.
    fn lease(&self) -> Duration {
        self.window * 3 / 2
    }

    fn heartbeat(&self) -> Duration {
        self.window / 12
    }

    fn id(&self, number: u64) -> String {
        format!("{}-{number}", self.holder)
    }
}

/// Waits until the first in the queue has given up.
async fn first_gave_up(waiting: &mut VecDeque<Waiter>) {
    match waiting.front_mut() {
        Some(first) => first.reply.closed().await,
        None => pending().await,
    }
}
