//! Which job of a bulk is read next. The rate limit allows six reads a job, however long the job takes. If each job
//! spent them as it would alone, they would be gone before the jobs end, and nothing could be read for the rest of
//! the minute.
//!
//! So most of the limit is spread evenly, by turns to the job that has waited longest and to the oldest one: no job
//! starves, and the first to end is noticed soon. The rest serves what an end tells: each job that has ended sends
//! two others of its age ahead. If those have ended too, they send four, and a burst of uploads that take equally
//! long is through in a few round trips. If they have not, it ends there: no job costs more than two such reads.
//! docs/performance.md has what this gains.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::operations::Operation;
use crate::sync::lock;

/// How many reads are under way at once: enough that a slow network delays none, and few, so that which job comes
/// next is decided late. A read keeps its place through all of its attempts.
const AT_ONCE: usize = 8;

/// Longer than any job is waited for.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How many others an ended job sends ahead. With two, they multiply if more than half of them have ended as well.
const SENT_AHEAD: usize = 2;

/// The part of an ended job's age from which another one may have ended too.
const SAME_AGE: f64 = 0.9;

/// The queues of a bulk, one for each operation that reads jobs.
#[derive(Clone, Default)]
pub(crate) struct Turns(Arc<Mutex<HashMap<&'static str, mpsc::UnboundedSender<Message>>>>);

impl Turns {
    /// A place for a job that is read by this operation. `seen`: it was just seen in progress.
    pub(crate) fn place(&self, operation: &'static Operation, seen: bool) -> Place {
        let mut queues = lock(&self.0);
        let queue = queues.entry(operation.id).or_insert_with(|| {
            let (queue, messages) = mpsc::unbounded_channel();
            tokio::spawn(give(Queue::new(operation), messages));
            queue
        });
        let (queue, began) = (queue.clone(), Instant::now());
        Place { queue, began, read: seen.then_some(began) }
    }
}

/// A job's place in the queue.
pub(crate) struct Place {
    queue: mpsc::UnboundedSender<Message>,
    began: Instant,
    /// When it was last asked for.
    read: Option<Instant>,
}

/// The permission to read a job once, until it is dropped.
pub(crate) type Turn = OwnedSemaphorePermit;

impl Place {
    /// Waits for this long, and then for the job's turn. `None` if the queue has ended, with its runtime.
    pub(crate) async fn turn(&mut self, delay: Duration) -> Option<Turn> {
        let (turn, given) = oneshot::channel();
        let due = Instant::now() + delay.min(FOREVER);
        let _ = self.queue.send(Message::Ask { due, job: Asking { began: self.began, read: self.read, turn } });
        let turn = given.await.ok();
        self.read = Some(Instant::now());
        turn
    }

    /// The job was found to have ended.
    pub(crate) fn ended(&self) {
        let _ = self.queue.send(Message::Ended { age: self.began.elapsed() });
    }
}

enum Message {
    Ask { due: Instant, job: Asking },
    Ended { age: Duration },
}

struct Asking {
    began: Instant,
    read: Option<Instant>,
    turn: oneshot::Sender<Turn>,
}

impl Asking {
    /// Whether it may have ended as one of this age has, and hasn't been read since.
    fn may_have_ended(&self, age: Duration, now: Instant) -> bool {
        self.read.is_none_or(|read| read - self.began < age && now - self.began >= age.mul_f64(SAME_AGE))
    }
}

/// Gives turns until no job can ask for one any more.
async fn give(mut queue: Queue, mut messages: mpsc::UnboundedReceiver<Message>) {
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    while let Ok(slot) = slots.clone().acquire_owned().await {
        let job = loop {
            while let Ok(message) = messages.try_recv() {
                queue.hear(message);
            }
            let next = match queue.next(Instant::now()) {
                Next::Job(job) => break job,
                Next::At(next) => Some(next),
                Next::Nobody => None,
            };
            tokio::select! {
                message = messages.recv() => match message {
                    Some(message) => queue.hear(message),
                    None => return,
                },
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
            }
        };
        // A job that gave up meanwhile hands the slot back.
        let _ = job.turn.send(slot);
    }
}

enum Next {
    Job(Asking),
    At(Instant),
    Nobody,
}

struct Queue {
    /// By their due time; the number distinguishes jobs that are due at once.
    asking: BTreeMap<(Instant, u64), Asking>,
    asked: u64,
    /// Jobs that were sent ahead.
    ahead: VecDeque<Asking>,
    /// The time between two reads, except for jobs that were sent ahead.
    interval: Duration,
    /// When the next of these may begin.
    clear: Instant,
    /// Whether it is the turn of the oldest job.
    oldest: bool,
}

impl Queue {
    /// Two thirds of the limit are spread evenly.
    fn new(operation: &Operation) -> Self {
        let a_minute = operation.requests_per_minute;
        let interval = a_minute.map_or(Duration::ZERO, |limit| Duration::from_secs(90) / limit.max(1));
        let (asking, ahead) = (BTreeMap::new(), VecDeque::new());
        Self { asking, asked: 0, ahead, interval, clear: Instant::now(), oldest: false }
    }

    fn hear(&mut self, message: Message) {
        match message {
            Message::Ask { due, job } => {
                self.asked += 1;
                self.asking.insert((due, self.asked), job);
            }
            Message::Ended { age } => {
                let now = Instant::now();
                let alike = self.asking.iter().filter(|(_, job)| job.may_have_ended(age, now));
                let alike: Vec<_> = alike.take(SENT_AHEAD).map(|(key, _)| *key).collect();
                self.ahead.extend(alike.iter().filter_map(|key| self.asking.remove(key)));
            }
        }
    }

    fn next(&mut self, now: Instant) -> Next {
        while let Some(job) = self.ahead.pop_front() {
            if !job.turn.is_closed() {
                return Next::Job(job);
            }
        }
        while let Some((&first, _)) = self.asking.first_key_value() {
            let next = first.0.max(self.clear);
            if next > now {
                return Next::At(next);
            }
            let oldest = || self.asking.range(..=(now, u64::MAX)).min_by_key(|(_, job)| job.began).map(|(key, _)| *key);
            let key = if self.oldest { oldest().unwrap_or(first) } else { first };
            if let Some(job) = self.asking.remove(&key).filter(|job| !job.turn.is_closed()) {
                (self.clear, self.oldest) = (now + self.interval, !self.oldest);
                return Next::Job(job);
            }
        }
        Next::Nobody
    }
}
