//! Jobs: Canva's work on an upload or import after its response. Here they are read, waited for, and picked up again.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};
use tokio::time::{sleep, timeout};

use crate::client::Client;
use crate::error::{Error, JobError};
use crate::generated::types::{Asset, MoveFolderItemRequest};
use crate::policy::PollPolicy;
use crate::send::Call;
use crate::send::response::Unreadable;

mod bulk;
mod kind;
mod look_up;
mod read_order;

pub use bulk::{Bulk, BulkEvent};
pub use kind::{JobKind, JobReference, JobResult};
pub use look_up::LookUp;

use kind::Snapshot;
use read_order::{Place, Turns};

impl Client {
    /// A handle for a stored job of any kind. Nothing is sent until it is read or waited for.
    ///
    /// ```no_run
    /// # async fn example(canva: canva_connect::Client, row: &str) -> Result<(), Box<dyn std::error::Error>> {
    /// use canva_connect::JobResult;
    ///
    /// match canva.job(serde_json::from_str(row)?).wait().await? {
    ///     JobResult::Asset(asset) => println!("{}", asset.id),
    ///     JobResult::Designs(designs) => println!("{} designs", designs.len()),
    ///     _ => println!("something new"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn job(&self, reference: JobReference) -> Job<JobResult> {
        Job::stored(self, reference)
    }

    /// Moves an asset, which this job has made, to a folder.
    async fn put(&self, asset: &Asset, folder_id: &str, job_id: Option<&str>) -> Result<(), Error> {
        let request = MoveFolderItemRequest { item_id: asset.id.clone(), to_folder_id: folder_id.to_owned() };
        self.generated().move_folder_item(&request).await.map_err(|source| Error::NotMoved {
            asset: Box::new(asset.clone()),
            folder_id: folder_id.to_owned(),
            job_id: job_id.map(str::to_owned),
            source: Box::new(source),
        })
    }
}

/// A job at Canva that ends in a `T`, an [`Asset`](crate::Asset) or the [`DesignSummary`](crate::DesignSummary)s of an
/// import. Dropping it changes nothing at Canva.
///
/// Keep its [`reference`](Job::reference) to pick the job up after a restart, with [`Client::job`]; or its
/// [`id`](Job::id), for [`Client::asset_upload_job`] and its siblings.
///
/// ```no_run
/// # async fn example(canva: canva_connect::Client) -> Result<(), canva_connect::Error> {
/// use canva_connect::Error;
///
/// let mut job = canva.upload_asset("video.mp4").await?;
/// let asset = match job.wait().await {
///     Err(Error::Deadline { .. }) => job.wait().await?, // the policy's deadline has passed: wait on
///     other => other?,
/// };
/// # Ok(())
/// # }
/// ```
#[must_use = "the job goes on by itself, but only `wait` or `refresh` tells how it ends"]
pub struct Job<T> {
    client: Client,
    reference: JobReference,
    /// The result that a job of this kind ends in.
    take: fn(JobResult) -> Option<T>,
    /// Its id came from Canva, and not from the caller.
    created: bool,
    state: Option<JobState<T>>,
    /// What it made, once that is known.
    made: Option<JobResult>,
    extra: Map<String, Value>,
}

/// How far a job is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum JobState<T> {
    /// It goes on. A status that the spec doesn't know counts as this.
    InProgress,
    /// It ended well.
    Success(T),
    /// It failed.
    Failed(JobError),
}

impl JobState<JobResult> {
    fn made(&self) -> Option<JobResult> {
        match self {
            Self::Success(result) => Some(result.clone()),
            _ => None,
        }
    }

    fn typed<T>(self, take: fn(JobResult) -> Option<T>) -> Result<JobState<T>, Unreadable> {
        Ok(match self {
            Self::InProgress => JobState::InProgress,
            Self::Failed(error) => JobState::Failed(error),
            Self::Success(result) => {
                JobState::Success(take(result).ok_or("the result is that of another kind of job")?)
            }
        })
    }
}

impl<T: TryFrom<JobResult>> Job<T> {
    /// A job from its id alone.
    pub(crate) fn stored(client: &Client, reference: JobReference) -> Self {
        let take = |result: JobResult| result.try_into().ok();
        let (client, extra) = (client.clone(), Map::new());
        Self { client, reference, take, created: false, state: None, made: None, extra }
    }

    /// Creates the job with this request. Its asset goes to this folder.
    pub(crate) async fn create<R>(
        client: &Client,
        kind: JobKind,
        folder_id: Option<String>,
        call: Call<R>,
    ) -> Result<Self, Error>
    where
        R: Into<Snapshot> + Send + 'static,
    {
        Self::created(client, kind, folder_id, call.await)
    }

    /// The job that a request has created. A response that contradicts itself, or of which only the job's id can be
    /// read, is settled by reading the job.
    pub(crate) fn created(
        client: &Client,
        kind: JobKind,
        folder_id: Option<String>,
        created: Result<impl Into<Snapshot>, Error>,
    ) -> Result<Self, Error> {
        let (id, state, extra) = match created.map(Into::into) {
            Ok(Snapshot { id, state, extra }) => (id, state.ok(), extra),
            Err(error) => (error.job_id().map(str::to_owned).ok_or(error)?, None, Map::new()),
        };
        let mut job = Self::stored(client, JobReference { folder_id, ..JobReference::new(kind, id) });
        (job.created, job.extra) = (true, extra);
        job.made = state.as_ref().and_then(JobState::made);
        job.state = state.and_then(|state| state.typed(job.take).ok());
        Ok(job)
    }
}

impl<T: Into<JobResult>> Job<T> {
    /// The same job, as one that may end in anything: for images and designs in one list, or in one
    /// [`bulk`](Client::bulk).
    pub fn into_any(self) -> Job<JobResult> {
        let Self { client, reference, created, state, made, extra, .. } = self;
        let state = state.map(|state| match state {
            JobState::InProgress => JobState::InProgress,
            JobState::Success(result) => JobState::Success(result.into()),
            JobState::Failed(error) => JobState::Failed(error),
        });
        Job { client, reference, take: Some, created, state, made, extra }
    }
}

impl<T: Send + 'static> Job<T> {
    /// The job's id.
    pub fn id(&self) -> &str {
        &self.reference.id
    }

    /// What the job does.
    pub fn kind(&self) -> JobKind {
        self.reference.kind
    }

    /// The job as it can be stored.
    pub fn reference(&self) -> &JobReference {
        &self.reference
    }

    /// How far the job was when it was created or last [`refresh`](Job::refresh)ed. `None` for a handle from a stored
    /// id, after [`wait`](Job::wait) has returned the result, and if the response that created the job contradicts
    /// itself or has nothing that can be read but the job's id.
    pub fn state(&self) -> Option<&JobState<T>> {
        self.state.as_ref()
    }

    /// Fields of the job that the spec doesn't know, as they came with its [`state`](Job::state). Those of an
    /// import's `result` are in an object of that name.
    pub fn extra(&self) -> &Map<String, Value> {
        &self.extra
    }

    pub(crate) fn into_extra(self) -> Map<String, Value> {
        self.extra
    }

    /// Asks once how far the job is, for [`state`](Job::state) and [`extra`](Job::extra).
    ///
    /// # Errors
    /// [`Error::InvalidInput`] if the id can't be one, otherwise [`Error::Poll`]. A failed job is no error here but
    /// [`JobState::Failed`].
    pub async fn refresh(&mut self) -> Result<(), Error> {
        self.reference.check()?;
        let take = self.take;
        let call = self.call().and_then(move |Snapshot { state, extra, .. }| {
            let state = state?;
            Ok((state.made(), state.typed(take)?, extra))
        });
        let (made, state, extra) =
            call.await.map_err(|source| Error::Poll { job_id: self.reference.id.clone(), source: Box::new(source) })?;
        (self.made, self.state, self.extra) = (made, Some(state), extra);
        Ok(())
    }

    /// The request that reads it.
    fn call(&self) -> Call<Snapshot> {
        self.reference.kind.read(&self.client.generated(), &self.reference.id)
    }

    /// Waits for the result, with the client's [`PollPolicy`].
    ///
    /// A job that was final when it was created is not asked for again; one made from a stored id is asked for at once.
    ///
    /// # Errors
    /// [`Error::Job`] if the job failed, [`Error::Deadline`] if it takes too long, [`Error::Poll`] if it can't be
    /// read: all of them have [`Error::job_id`]. Its cause is an [`Error::Decode`] with `job_succeeded` if the job
    /// ended well but the response lacks what it made. [`Error::NotMoved`] if the asset is there but could not be moved
    /// to [its folder](crate::UploadAsset::folder): `wait` again to move it. [`Error::InvalidInput`] if a stored id can't
    /// be one.
    pub async fn wait(&mut self) -> Result<T, Error> {
        let policy = self.client.poll.clone();
        self.wait_with(policy).await
    }

    /// Waits for the result, with a policy of its own.
    ///
    /// # Errors
    /// As [`wait`](Job::wait), and [`Error::InvalidInput`] if the policy's growth isn't finite.
    pub async fn wait_with(&mut self, policy: PollPolicy) -> Result<T, Error> {
        policy.check()?;
        Ok(self.end(policy, None).await??)
    }

    /// Waits until the job is final, and keeps its [`state`](Job::state) and [`extra`](Job::extra).
    ///
    /// # Errors
    /// As [`wait`](Job::wait), except that a failed job is no error here but [`JobState::Failed`].
    pub async fn settle(&mut self) -> Result<(), Error> {
        let end = self.end(self.client.poll.clone(), None).await?;
        self.state = Some(end.map_or_else(JobState::Failed, JobState::Success));
        Ok(())
    }

    /// Waits for how it ends; with `turns`, among other jobs.
    pub(crate) async fn end(
        &mut self,
        policy: PollPolicy,
        turns: Option<&Turns>,
    ) -> Result<Result<T, JobError>, Error> {
        let result = self.end_in_time(policy, turns).await;
        result.map_err(|error| match error {
            // The id is Canva's own, and the job is there: no mistake of the caller's.
            Error::InvalidInput { .. } if self.created => {
                Error::Poll { job_id: self.reference.id.clone(), source: Box::new(error) }
            }
            error => error,
        })
    }

    async fn end_in_time(&mut self, policy: PollPolicy, turns: Option<&Turns>) -> Result<Result<T, JobError>, Error> {
        let seen = self.state.is_some();
        let mut place = turns.map(|turns| turns.place(self.call().operation(), seen));
        // The deadline begins when the job was first seen: time spent queueing doesn't count.
        if self.state.is_none() {
            self.refresh_after(Duration::ZERO, &mut place).await?;
        }
        let waiting = async {
            let mut delays = policy.delays();
            loop {
                match self.state.take() {
                    Some(JobState::Success(result)) => return Ok(Ok(result)),
                    Some(JobState::Failed(error)) => return Ok(Err(error)),
                    state => self.state = state,
                }
                self.refresh_after(delays.next().unwrap_or(policy.max_delay), &mut place).await?;
            }
        };
        let ended = timeout(policy.deadline, waiting).await;
        let late = |_| Err(Error::Deadline { job_id: self.reference.id.clone(), waited: policy.deadline });
        let result = match ended.unwrap_or_else(late)? {
            Ok(result) => result,
            Err(failed) => return Ok(Err(failed)),
        };
        if let (Some(folder_id), Some(JobResult::Asset(asset))) = (&self.reference.folder_id, &self.made)
            && let Err(error) = self.client.put(asset, folder_id, Some(&self.reference.id)).await
        {
            // The next `wait` tries it again.
            self.state = Some(JobState::Success(result));
            return Err(error);
        }
        Ok(Ok(result))
    }

    /// Reads it after this long; `place` is its place among other jobs.
    async fn refresh_after(&mut self, delay: Duration, place: &mut Option<Place>) -> Result<(), Error> {
        let Some(place) = place else {
            sleep(delay).await;
            return self.refresh().await;
        };
        let _turn = place.turn(delay).await;
        self.refresh().await?;
        if !matches!(self.state, Some(JobState::InProgress)) {
            place.ended();
        }
        Ok(())
    }
}

impl<T> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("reference", &self.reference).finish_non_exhaustive()
    }
}
