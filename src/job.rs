//! Jobs: what Canva does with an upload or import after it has answered. Polling, waiting, and picking a job up again.

use std::fmt;
use std::time::Duration;

use crate::BoxFuture;
use crate::client::Client;
use crate::error::{Error, JobError};
use crate::generated::types::{AssetUploadErrorCode, DesignImportErrorCode, JobStatus};
use crate::limits;
use crate::operations::Operation;

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
        limits::check_id("job id", &self.id, &limits::JOB_ID)?;
        (self.read)(self.client.clone(), self.id.clone())
            .await
            .map_err(|source| Error::Poll { job_id: self.id.clone(), source: Box::new(source) })
    }

    /// Waits for the result, with the client's [`PollPolicy`].
    ///
    /// A job that was final when it was created is not asked for again; one made from a stored id is asked for at once.
    ///
    /// # Errors
    /// [`Error::Job`] if the job failed, [`Error::Deadline`] if it takes too long, [`Error::Poll`] if it can't be read.
    /// All of them have [`Error::job_id`].
    pub async fn wait(self) -> Result<T, Error> {
        let policy = self.client.shared.poll.clone();
        self.wait_with(policy).await
    }

    /// Waits for the result, with a policy of its own.
    ///
    /// # Errors
    /// As [`wait`](Job::wait).
    pub async fn wait_with(mut self, policy: PollPolicy) -> Result<T, Error> {
        let job_id = self.id.clone();
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

/// How often a job is asked for, and for how long.
///
/// The defaults suit jobs of 1 to 120 s: over durations spread evenly on a logarithmic scale, the result is known 2.4 s
/// after it is there, for 6.6 requests. A fixed 2 s needs 12.9 for 1.0 s; a start of 500 ms that grows 1.6 times to 10 s
/// needs 6.9 for 3.1 s.
///
/// ```
/// use canva_connect::PollPolicy;
/// use std::time::Duration;
///
/// let mut patient = PollPolicy::default();
/// patient.deadline = Duration::from_secs(3600);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PollPolicy {
    /// Before the first question after the job was created. Default 1 s.
    pub first_delay: Duration,
    /// How much longer each pause is than the one before. Default 1.7; less than 1 counts as 1.
    pub growth: f64,
    /// The longest pause. Default 6 s.
    pub max_delay: Duration,
    /// When to stop waiting. Default 10 minutes.
    pub deadline: Duration,
}

impl Default for PollPolicy {
    fn default() -> Self {
        Self {
            first_delay: Duration::from_secs(1),
            growth: 1.7,
            max_delay: Duration::from_secs(6),
            deadline: Duration::from_secs(600),
        }
    }
}

impl PollPolicy {
    /// The pauses, in order, without end.
    ///
    /// ```
    /// let pauses: Vec<_> = canva_connect::PollPolicy::default().delays().take(5).map(|d| d.as_millis()).collect();
    /// assert_eq!(pauses, [1000, 1700, 2890, 4913, 6000]);
    /// ```
    pub fn delays(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        let Self { growth, max_delay, .. } = *self;
        std::iter::successors(Some(self.first_delay.min(max_delay)), move |delay| {
            let grown = Duration::try_from_secs_f64(delay.as_secs_f64() * growth.max(1.0));
            Some(grown.unwrap_or(max_delay).min(max_delay))
        })
    }
}

/// Why a job failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JobErrorCode {
    /// Of an asset upload, from bytes or from a URL.
    AssetUpload(AssetUploadErrorCode),
    /// Of a design import, from bytes or from a URL.
    DesignImport(DesignImportErrorCode),
}

impl JobErrorCode {
    /// The code as the server sends it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::AssetUpload(code) => code.as_str(),
            Self::DesignImport(code) => code.as_str(),
        }
    }
}

impl fmt::Display for JobErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
