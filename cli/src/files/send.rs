//! How a file is sent: each step goes to the journal before Canva can know of it.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use canva_connect::{BoxFuture, Client, Error, Job, JobResult, Unconfirmed, UploadProgress};
use tokio::sync::RwLock;

use super::journal::{Entry, Journal, Step};
use super::network::Network;
use super::plan::{self, Kind, Planned, Task};
use crate::begun::Begun;
use crate::commands::read;
use crate::screen::{Sent, Tally, about};

/// What it takes to send files. Clones are the same.
#[derive(Clone)]
pub struct Sender {
    pub canva: Client,
    pub kind: Kind,
    pub journal: Journal,
    pub network: Network,
    pub tally: Arc<Mutex<Tally>>,
    /// Set when the command stops.
    pub stopped: Arc<RwLock<bool>>,
}

/// A job and whether it could be read, or why there is none.
pub type Created = Result<(Job<JobResult>, Result<(), Error>), Error>;

impl Sender {
    /// Sends the file, or goes on with the job that it has.
    pub async fn begin(self, number: usize, planned: Arc<Planned>, task: Task) -> Result<Job<JobResult>, Error> {
        if let Task::PickUp(job) = task {
            let read = self.network.insist(|| {
                let mut job = self.canva.job(job.clone());
                async move { job.refresh().await.map(|()| job) }
            });
            // Reading it once more says why not.
            return Ok(read.await.unwrap_or_else(|_| self.canva.job(job)));
        }
        let path = planned.file.path.clone();
        let digest = tokio::task::spawn_blocking(move || plan::sha256(&path)).await;
        // A file that can't be read fails below.
        let entry = planned.entry(digest.ok().and_then(Result::ok).unwrap_or_default(), &self.kind);
        // Canva has refused an attempt, or never had it whole, since another one begins. Where this can't be written, the
        // file is looked for in vain.
        let (journal, refused) = (self.journal.clone(), entry.clone());
        let unsent = Arc::new(move || drop(journal.write_now(Entry { at: now(), ..refused.clone() })));
        let name = planned.file.shown.display().to_string();
        let send = || {
            let (tally, name, unsent, mut attempt) = (self.tally.clone(), name.clone(), unsent.clone(), 1);
            let on_progress = move |progress: UploadProgress| {
                if progress.attempt != attempt && progress.sent < progress.total {
                    attempt = progress.attempt;
                    unsent();
                }
                locked(&tally).sends(number, Sent::new(&name, progress));
            };
            let (sender, entry) = (self.clone(), entry.clone());
            let before_end = move |unconfirmed| sender.clone().about_to_send(entry.clone(), unconfirmed);
            self.kind.send(&self.canva, &planned, on_progress, before_end)
        };
        let sent = Begun::telling(unsent.clone()).note(about(&name, self.network.insist(send))).await;
        locked(&self.tally).sent(number, planned.file.size);
        sent
    }

    /// The same without waiting for the job: it is only read if nothing is known of it.
    pub async fn begin_only(self, number: usize, planned: Arc<Planned>, task: Task) -> Created {
        let mut job = self.begin(number, planned, task).await?;
        let read = read(&mut job, false).await;
        Ok((job, read))
    }

    /// From when this returns, Canva may have the whole file. Once the command has stopped, it never returns.
    async fn about_to_send(self, entry: Entry, unconfirmed: Unconfirmed) -> io::Result<()> {
        let stopped = self.stopped.read().await;
        if *stopped {
            drop(stopped);
            std::future::pending::<()>().await;
        }
        self.journal.write(Entry { at: now(), step: Step::Sending { unconfirmed }, ..entry }).await
    }

    /// From when this returns, no content is handed over whole any more, and the journal says which was.
    pub async fn stop(&self) {
        *self.stopped.write().await = true;
    }
}

impl Kind {
    fn send<F>(
        &self,
        canva: &Client,
        planned: &Planned,
        on_progress: impl FnMut(UploadProgress) + Send + 'static,
        before_end: impl Fn(Unconfirmed) -> F + Send + Sync + 'static,
    ) -> BoxFuture<'static, Result<Job<JobResult>, Error>>
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let path = planned.file.path.clone();
        match self {
            Self::Asset { folder_id } => {
                let mut upload =
                    canva.upload_asset(path).name(&planned.name).on_progress(on_progress).before_end(before_end);
                if let Some(folder_id) = folder_id {
                    upload = upload.folder(folder_id);
                }
                Box::pin(async move { Ok(upload.await?.into_any()) })
            }
            Self::Design { mime_type } => {
                let mut import =
                    canva.import_design(path).title(&planned.name).on_progress(on_progress).before_end(before_end);
                if let Some(mime_type) = mime_type {
                    import = import.mime_type(mime_type);
                }
                Box::pin(async move { Ok(import.await?.into_any()) })
            }
        }
    }
}

pub fn locked(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
