//! Jobs: what Canva does with an upload or import after it has answered. Polling, waiting, and picking a job up again.

use std::fmt;

use crate::BoxFuture;
use crate::client::Client;
use crate::error::{Error, JobError};
use crate::generated::types::JobStatus;
use crate::limits;
use crate::operations::Operation;
use crate::poll::PollPolicy;

/// A job at Canva that ends in a `T`, an [`Asset`](crate::Asset) or the [`DesignSummary`](crate::DesignSummary)s of an
/// import. Dropping it changes nothing at Canva.
///
/// Keep [`id`](Job::id) to pick the job up after a restart, with [`Client::asset_upload_job`] and its siblings.
///
/// ```no_run
/// # async fn example(canva: canva_connect::Client) -> Result<(), canva_connect::Error> {
/// use canva_connect::Error;
///
/// let job = canva.upload_asset("film.mp4").await?;
/// let asset = match job.wait().await {
///     // It takes longer than the policy's deadline; wait on.
///     Err(Error::Deadline { job_id, .. }) => canva.asset_upload_job(job_id).wait().await?,
///     other => other?,
/// };
/// # Ok(())
/// # }
/// ```
#[must_use = "the job goes on by itself, but only `wait` or `poll` tells how it ends"]
pub struct Job<T> {
    client: Client,
    id: String,
    read: Read<T>,
    state: Option<JobState<T>>,
}

/// How a job of one kind is read. Its id is good for a path.
pub(crate) type Read<T> = fn(Client, String) -> BoxFuture<'static, Result<JobState<T>, Error>>;

/// How far a job is.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum JobState<T> {
    /// It goes on. A status that the spec doesn't know counts as this.
    InProgress,
    /// It ended well.
    Success(T),
    /// It failed.
    Failed(JobError),
}

impl<T> JobState<T> {
    /// The state behind an answer: a result comes with success, an error with failure.
    pub(crate) fn new(
        operation: &'static Operation,
        status: JobStatus,
        result: Option<T>,
        error: JobError,
    ) -> Result<Self, Error> {
        match (status, result) {
            (JobStatus::Success, Some(result)) => Ok(Self::Success(result)),
            (JobStatus::Success, None) => Err(Error::Decode {
                operation,
                status: http::StatusCode::OK,
                request_id: None,
                reason: "the job succeeded, but its result is missing".to_owned(),
                excerpt: String::new(),
                source: None,
            }),
            (JobStatus::Failed, _) => Ok(Self::Failed(error)),
            _ => Ok(Self::InProgress),
        }
    }
}

impl<T: Send + 'static> Job<T> {
    pub(crate) fn new(client: Client, id: String, read: Read<T>, state: Option<JobState<T>>) -> Self {
        Self { client, id, read, state }
    }

    /// The job's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How far the job was when it was created, if the answer said so; `None` for a handle made from a stored id.
    pub fn state(&self) -> Option<&JobState<T>> {
        self.state.as_ref()
    }

    /// Asks once how far the job is.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] if the id can't be one, otherwise [`Error::Poll`]. A failed job is no error here but
    /// [`JobState::Failed`].
    pub async fn poll(&self) -> Result<JobState<T>, Error> {
        let poll = |source| Error::Poll { job_id: self.id.clone(), source: Box::new(source) };
        limits::check_id("job id", &self.id, &limits::JOB_ID)?;
        (self.read)(self.client.clone(), self.id.clone()).await.map_err(poll)
    }

    /// Waits for the result, with the client's [`PollPolicy`].
    ///
    /// A job that was final when it was created is not asked for again; one made from a stored id is asked for at once.
    ///
    /// # Errors
    /// [`Error::Job`] if the job failed, [`Error::Deadline`] if it takes too long, [`Error::Poll`] if it can't be read.
    /// All of them have [`Error::job_id`].
    pub async fn wait(self) -> Result<T, Error> {
        let policy = self.client.poll.clone();
        self.wait_with(policy).await
    }

    /// Waits for the result, with a policy of its own.
    ///
    /// # Errors
    /// As [`wait`](Job::wait).
    pub async fn wait_with(mut self, policy: PollPolicy) -> Result<T, Error> {
        let job_id = self.id.clone();
        let created = self.state.is_some();
        let waiting = async {
            let mut delays = policy.delays();
            let mut state = match self.state.take() {
                Some(state) => state,
                None => self.poll().await?,
            };
            loop {
                match state {
                    JobState::Success(result) => return Ok(result),
                    JobState::Failed(error) => return Err(error.into()),
                    JobState::InProgress => tokio::time::sleep(delays.next().unwrap_or(policy.max_delay)).await,
                }
                state = self.poll().await?;
            }
        };
        match tokio::time::timeout(policy.deadline, waiting).await {
            // The id is Canva's own, and the job is there: no mistake of the caller's.
            Ok(Err(source @ Error::InvalidInput { .. })) if created => {
                Err(Error::Poll { job_id, source: Box::new(source) })
            }
            Ok(result) => result,
            Err(_) => Err(Error::Deadline { job_id, waited: policy.deadline }),
        }
    }
}

impl<T> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("id", &self.id).finish_non_exhaustive()
    }
}
