//! Why a job failed.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::generated::JobErrorCode;
use crate::text::shown;

/// A job that ended in failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("job {} failed{}{}: {}", shown(.job_id), if .code.as_str().is_empty() { "" } else { " with " },
    shown(.code.as_str()), shown(.message))]
#[non_exhaustive]
pub struct JobError {
    /// The job.
    pub job_id: String,
    /// Why it failed, for programs. Empty where the response doesn't say.
    pub code: JobErrorCode,
    /// What went wrong, for people.
    pub message: String,
    /// Fields of the job's error that the spec doesn't know, as they came.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
}

impl JobError {
    /// A failure of this job. Also for tests of code that handles failures.
    ///
    /// ```
    /// use canva_connect::{Error, ErrorKind, JobError, JobErrorCode};
    ///
    /// let code = JobErrorCode::AssetUpload(canva_connect::AssetUploadErrorCode::FileTooBig);
    /// let error = Error::from(JobError::new("a-job", code, "The file is too big."));
    /// assert_eq!((error.kind(), error.job_id()), (ErrorKind::JobFailed, Some("a-job")));
    /// ```
    pub fn new(job_id: impl Into<String>, code: JobErrorCode, message: impl Into<String>) -> Self {
        Self { job_id: job_id.into(), code, message: message.into(), extra: Map::new() }
    }

    /// Of a response that says why.
    pub(crate) fn of(job_id: &str, code: JobErrorCode, message: String, extra: Map<String, Value>) -> Self {
        Self { extra, ..Self::new(job_id, code, message) }
    }

    /// Of a response that doesn't say why.
    pub(crate) fn unsaid(job_id: &str, code: JobErrorCode) -> Self {
        Self::new(job_id, code, "the response doesn't say why")
    }
}

impl fmt::Display for JobErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
