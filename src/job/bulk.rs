//! Many uploads or imports at once: items are sent as the limits allow, their jobs are waited for together, and each
//! item's progress comes as events.

use std::any::Any;
use std::collections::BTreeSet;
use std::fmt;
use std::future::{IntoFuture, poll_fn};
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use serde_json::{Map, Value};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::{JoinError, JoinSet};
use tracing::Instrument;

use super::look_up::Search;
use super::read_order::Turns;
use super::{Job, JobReference, JobResult};
use crate::boxed::BoxFuture;
use crate::client::Client;
use crate::error::{Error, LookUpError, Unconfirmed};
use crate::policy::PollPolicy;
use crate::sync::lock;

impl Client {
    /// Sends many uploads or imports and waits for all of their jobs.
    ///
    /// An item is a key of yours, such as a path or the number of a row, and anything that gives a [`Job`] when
    /// awaited: [`UploadAsset`](crate::UploadAsset), [`ImportDesign`](crate::ImportDesign), an `async` block. Items are
    /// pulled from the iterator as slots free up, so memory and open files don't grow with their number. They are
    /// pulled in a task, so the iterator must not block. The jobs must be this client's own.
    ///
    /// ```no_run
    /// # async fn example(canva: canva_connect::Client, paths: Vec<std::path::PathBuf>) {
    /// use canva_connect::BulkEvent;
    ///
    /// let uploads = canva.clone();
    /// let mut bulk = canva.bulk(paths.into_iter().map(move |path| (path.clone(), uploads.upload_asset(path))));
    /// while let Some(event) = bulk.next().await {
    ///     match event {
    ///         BulkEvent::Started { key, job, .. } => println!("{}: job {}", key.display(), job.id),
    ///         BulkEvent::Finished { key, result: Ok(asset), .. } => println!("{}: asset {}", key.display(), asset.id),
    ///         BulkEvent::Finished { key, result: Err(error), .. } => eprintln!("{}: {}", key.display(), error.report()),
    ///         _ => {}
    ///     }
    /// }
    /// # }
    /// ```
    ///
    /// A bulk that can be stopped and picked up again stores each job when it has started. Next time it sends only
    /// what has none, and waits for the others. Use [`stop`](Bulk::stop) to end it early. If the process may be killed
    /// instead, store what [`UploadAsset::before_end`](crate::UploadAsset::before_end) gives, too: such an item may have
    /// arrived without a job's being stored. The repository's `examples/folder.rs` does that.
    ///
    /// ```no_run
    /// # use std::collections::HashMap;
    /// # use std::path::PathBuf;
    /// # use canva_connect::{Asset, Error, JobReference};
    /// # trait Rows {
    /// #     fn unfinished(&self) -> Vec<(u64, PathBuf, Option<JobReference>)>;
    /// #     fn started(&self, row: u64, job: &JobReference) -> std::io::Result<()>;
    /// #     fn finished(&self, row: u64, result: Result<Asset, Error>) -> std::io::Result<()>;
    /// # }
    /// # async fn example(canva: canva_connect::Client, rows: impl Rows) -> std::io::Result<()> {
    /// use canva_connect::BulkEvent;
    ///
    /// let client = canva.clone();
    /// let items = rows.unfinished().into_iter().map(move |(row, path, job)| {
    ///     let canva = client.clone();
    ///     let item = async move {
    ///         match job {
    ///             Some(job) => Ok(canva.asset_upload_job(job.id)),
    ///             None => canva.upload_asset(path).await,
    ///         }
    ///     };
    ///     (row, item)
    /// });
    /// let mut bulk = canva.bulk(items);
    /// while let Some(event) = bulk.next().await {
    ///     match event {
    ///         BulkEvent::Started { key, job, .. } => rows.started(key, &job)?,
    ///         BulkEvent::Finished { key, result, .. } => rows.finished(key, result)?,
    ///         _ => {}
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Uploads and imports go together as jobs that end in anything, [`Job::into_any`]:
    ///
    /// ```no_run
    /// # async fn example(canva: canva_connect::Client, paths: Vec<std::path::PathBuf>) {
    /// let client = canva.clone();
    /// let mut bulk = canva.bulk(paths.into_iter().map(move |path| {
    ///     let canva = client.clone();
    ///     let item = async move {
    ///         match path.extension().is_some_and(|extension| extension == "pdf") {
    ///             true => Ok(canva.import_design(path).await?.into_any()),
    ///             false => Ok(canva.upload_asset(path).await?.into_any()),
    ///         }
    ///     };
    ///     ("a key", item)
    /// }));
    /// while let Some(event) = bulk.next().await { /* ... */ }
    /// # }
    /// ```
    ///
    /// # Errors
    /// Each item has its own error, from its future or from [`Job::wait`], and a failed item stops no other. An error
    /// that concerns all items, such as an [`Error::Token`], fails them one after the other: drop the bulk if there
    /// is no point in going on.
    pub fn bulk<K, T, I, F>(&self, items: I) -> Bulk<K, T>
    where
        K: Clone + Send + 'static,
        T: Send + Sync + 'static,
        I: IntoIterator<Item = (K, F), IntoIter: Send + 'static>,
        F: IntoFuture<Output = Result<Job<T>, Error>, IntoFuture: Send + 'static> + 'static,
    {
        let (sender, events) = mpsc::unbounded_channel();
        let (mut items, policy) = (items.into_iter(), self.poll.clone());
        let stopped = Arc::new(AtomicBool::new(false));
        let (until, limits) = (stopped.clone(), Limits { sending: 4, under_way: 500 });
        let items = std::iter::from_fn(move || if until.load(Ordering::Relaxed) { None } else { items.next() });
        let client = self.clone();
        let run = move |limits, look_up: Option<Take<T>>| -> BoxFuture<'static, ()> {
            Box::pin(run(items, limits, policy, sender, look_up.map(|take| Lost::new(client, take))))
        };
        Bulk { limits, look_up: None, run: Some(Box::new(run)), events, stopped, running: JoinSet::new() }
    }
}

/// Many uploads or imports, and what becomes of them. Made by [`Client::bulk`].
///
/// It is a [`Stream`] of [`BulkEvent`]s. From the first [`next`](Bulk::next) on it runs in tasks of its own, so that
/// sending goes on while you handle an event, until [`max_under_way`](Bulk::max_under_way) items wait.
///
/// Dropping it stops everything: nothing more is sent or read. Jobs go on at Canva, and an upload that was on its way
/// may or may not have arrived. [`stop`](Bulk::stop) finishes what was begun instead.
///
/// Reads of jobs are spread over the rate limit, so that no job starves and none is read in vain more often than
/// needed: a job may be read later than [`PollPolicy`]'s pauses say, but never before, unless others that began with
/// it were found to have ended. [`PollPolicy::deadline`] holds for each job.
///
/// # Panics
/// If an item, a function that the item calls, or the iterator panics, [`next`](Bulk::next) resumes that panic. The
/// other items go on; after a panic of the iterator there are no more events. An item that panicked has no
/// [`Finished`](BulkEvent::Finished).
#[must_use = "nothing is sent until `next` is called"]
pub struct Bulk<K, T> {
    limits: Limits,
    look_up: Option<Take<T>>,
    run: Option<Run<T>>,
    events: mpsc::UnboundedReceiver<Message<K, T>>,
    stopped: Arc<AtomicBool>,
    /// Ends with the bulk.
    running: JoinSet<()>,
}

/// What happened to an item of a [`Bulk`].
#[derive(Debug)]
#[non_exhaustive]
pub enum BulkEvent<K, T> {
    /// Canva has made a job for it. This event comes before the job is waited for. Store the job here to pick it up
    /// again with [`Client::job`], whatever happens.
    #[non_exhaustive]
    Started {
        /// Which item.
        key: K,
        /// Its job.
        job: JobReference,
    },
    /// Canva's answer was lost, so that it may have a job or none: the item will be [looked up](Bulk::look_up).
    #[non_exhaustive]
    Unconfirmed {
        /// Which item.
        key: K,
        /// What is looked up.
        unconfirmed: Unconfirmed,
    },
    /// It is over. If it could not be sent, this is its only event.
    #[non_exhaustive]
    Finished {
        /// Which item.
        key: K,
        /// What came of it.
        result: Result<T, Error>,
        /// Fields of the job that the spec doesn't know, as in [`Job::extra`].
        extra: Map<String, Value>,
    },
}

/// What was looked up, as what the bulk gives.
type Take<T> = fn(JobResult) -> Option<T>;

/// The whole of it. It looks up if it is told how to take what it finds.
type Run<T> = Box<dyn FnOnce(Limits, Option<Take<T>>) -> BoxFuture<'static, ()> + Send>;

#[derive(Clone, Copy)]
struct Limits {
    sending: usize,
    under_way: usize,
}

enum Message<K, T> {
    /// The last event of an item makes room for another item once it has been taken.
    Event(BulkEvent<K, T>, Option<OwnedSemaphorePermit>),
    Panic(Box<dyn Any + Send>),
}

impl<K: Send + 'static, T: Send + Sync + 'static> Bulk<K, T> {
    /// How many items are sent at once, at least one. Default 4: as long as each takes less than 8 seconds, that is
    /// more than the 30 uploads a minute that Canva takes, and four connections use what larger files need. Each may
    /// hold 2 MB of content in memory.
    pub fn max_sending(mut self, items: usize) -> Self {
        self.limits.sending = items;
        self
    }

    /// How many items are under way at once, at least one: taken from the iterator, and the end not yet taken from
    /// [`next`](Bulk::next). Default 500: within the deadline of 10 minutes, 330 uploads can be sent. More are of use
    /// where Canva takes longer and the deadline is longer too.
    pub fn max_under_way(mut self, items: usize) -> Self {
        self.limits.under_way = items;
        self
    }

    /// Looks up the items whose outcome is unknown, as [`Client::look_up`] does. What is found is a success like any
    /// other, without a [`Started`](BulkEvent::Started), and is moved to its [folder](crate::UploadAsset::folder). What
    /// isn't found stays an [`Error::OutcomeUnknown`], which then says why it is still unknown; an
    /// [`LookUpError::NotThere`](crate::LookUpError::NotThere) can be sent again, if you take its word for it.
    ///
    /// It begins when everything else is over, since what the other items made can't be one of these. Where the job of
    /// another item goes on, what is found may be its, and is none of this item's for certain. A look-up may take as long
    /// as a job: [`PollPolicy::deadline`] from when the item was sent. Until then lost items stay in memory, and the ids
    /// of what was made.
    pub fn look_up(mut self) -> Self
    where
        T: TryFrom<JobResult>,
    {
        self.look_up = Some(|result| result.try_into().ok());
        self
    }

    /// Takes no more items from the iterator. Items under way are finished: go on with [`next`](Bulk::next) until it
    /// gives `None`.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// The next event; `None` when all items are over.
    ///
    /// It is cancel safe: where its future is dropped, in a `select!` for example, no event is lost.
    pub async fn next(&mut self) -> Option<BulkEvent<K, T>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl<K: Send + 'static, T: Send + Sync + 'static> Stream for Bulk<K, T> {
    type Item = BulkEvent<K, T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(run) = self.run.take() {
            let running = run(self.limits, self.look_up);
            self.running.spawn(running.in_current_span());
        }
        match ready!(self.events.poll_recv(cx)) {
            Some(Message::Event(event, _room)) => Poll::Ready(Some(event)),
            Some(Message::Panic(panic)) => resume_unwind(panic),
            None => match ready!(self.running.poll_join_next(cx)) {
                Some(Err(error)) => resume_unwind(panic_of(error)),
                _ => Poll::Ready(None),
            },
        }
    }
}

impl<K, T> fmt::Debug for Bulk<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bulk").finish_non_exhaustive()
    }
}

/// A bulk whose runtime has ended must not look as if it were through.
fn panic_of(error: JoinError) -> Box<dyn Any + Send> {
    error.try_into_panic().unwrap_or_else(|_| Box::new("the runtime of the bulk has ended"))
}

/// What an item has from its beginning to its end.
struct Item<K, T> {
    key: K,
    room: OwnedSemaphorePermit,
    events: mpsc::UnboundedSender<Message<K, T>>,
    lost: Option<Arc<Lost<K, T>>>,
}

impl<K: Clone, T: Send + Sync + 'static> Item<K, T> {
    async fn go(
        self,
        sent: impl Future<Output = Result<Job<T>, Error>>,
        sending: OwnedSemaphorePermit,
        policy: PollPolicy,
        turns: Turns,
    ) {
        let Self { key, room, events, lost } = self;
        let sent = sent.await;
        drop(sending);
        let (result, extra) = match sent {
            Ok(mut job) => {
                let started = BulkEvent::Started { key: key.clone(), job: job.reference().clone() };
                let _ = events.send(Message::Event(started, None));
                let result = job.end(policy, Some(&turns)).await;
                match (&lost, &job.made) {
                    (Some(lost), Some(made)) => lock(&lost.known).extend(made.ids()),
                    (Some(lost), None) if !matches!(result, Ok(Err(_))) => {
                        lost.unsettled.store(true, Ordering::Relaxed)
                    }
                    _ => {}
                }
                (result.and_then(|end| Ok(end?)), job.into_extra())
            }
            Err(error) => match (lost, error.unconfirmed().cloned()) {
                // Its room is for another item once the event is taken: it needs none while it is looked up.
                (Some(lost), Some(unconfirmed)) => {
                    let event = BulkEvent::Unconfirmed { key: key.clone(), unconfirmed: unconfirmed.clone() };
                    lock(&lost.items).push((key, unconfirmed, error));
                    let _ = events.send(Message::Event(event, Some(room)));
                    return;
                }
                _ => (Err(error), Map::new()),
            },
        };
        let _ = events.send(Message::Event(BulkEvent::Finished { key, result, extra }, Some(room)));
    }
}

/// The items whose outcome is unknown.
struct Lost<K, T> {
    client: Client,
    take: Take<T>,
    items: Mutex<Vec<(K, Unconfirmed, Error)>>,
    /// The ids of what the others made.
    known: Mutex<BTreeSet<String>>,
    /// A job of theirs goes on, and what it makes isn't known.
    unsettled: AtomicBool,
}

impl<K: Send, T: Send + 'static> Lost<K, T> {
    fn new(client: Client, take: Take<T>) -> Arc<Self> {
        Arc::new(Self {
            client,
            take,
            items: Mutex::default(),
            known: Mutex::default(),
            unsettled: AtomicBool::new(false),
        })
    }

    /// Looks them up, and says what became of each.
    async fn look_up(&self, events: mpsc::UnboundedSender<Message<K, T>>) {
        let known = std::mem::take(&mut *lock(&self.known));
        let mut search = Search::new(self.client.clone(), known, self.unsettled.load(Ordering::Relaxed));
        for (key, unconfirmed, error) in std::mem::take(&mut *lock(&self.items)) {
            search.add((key, unconfirmed.folder_id.clone(), error), unconfirmed);
        }
        while let Some(ended) = search.round().await {
            for ((key, folder_id, error), found) in ended {
                let result = self.result(found, folder_id, error).await;
                let _ = events.send(Message::Event(BulkEvent::Finished { key, result, extra: Map::new() }, None));
            }
        }
    }

    async fn result(
        &self,
        found: Result<JobResult, LookUpError>,
        folder_id: Option<String>,
        mut error: Error,
    ) -> Result<T, Error> {
        let found = match found {
            Ok(found) => found,
            Err(why) => {
                if let Error::OutcomeUnknown { looked_up, .. } = &mut error {
                    *looked_up = Some(why);
                }
                return Err(error);
            }
        };
        if let (JobResult::Asset(asset), Some(folder_id)) = (&found, folder_id) {
            self.client.put(asset, &folder_id, None).await?;
        }
        (self.take)(found).ok_or(error)
    }
}

async fn run<K, T, F>(
    mut items: impl Iterator<Item = (K, F)>,
    limits: Limits,
    policy: PollPolicy,
    events: mpsc::UnboundedSender<Message<K, T>>,
    lost: Option<Arc<Lost<K, T>>>,
) where
    K: Clone + Send + 'static,
    T: Send + Sync + 'static,
    F: IntoFuture<Output = Result<Job<T>, Error>, IntoFuture: Send + 'static> + 'static,
{
    let permits = |count: usize| Arc::new(Semaphore::new(count.clamp(1, Semaphore::MAX_PERMITS)));
    let (rooms, sending) = (permits(limits.under_way), permits(limits.sending));
    let (turns, mut tasks, mut more) = (Turns::default(), JoinSet::new(), true);
    loop {
        let free = async { tokio::try_join!(rooms.clone().acquire_owned(), sending.clone().acquire_owned()) };
        tokio::select! {
            Some(ended) = tasks.join_next() => {
                if let Err(error) = ended {
                    let _ = events.send(Message::Panic(panic_of(error)));
                }
            }
            Ok((room, sending)) = free, if more => match items.next() {
                Some((key, item)) => {
                    let sent = item.into_future();
                    let item = Item { key, room, events: events.clone(), lost: lost.clone() };
                    tasks.spawn(item.go(sent, sending, policy.clone(), turns.clone()).in_current_span());
                }
                None => more = false,
            },
            else => break,
        }
    }
    if let Some(lost) = lost {
        lost.look_up(events).await;
    }
}
