//! The outcome for one file, URL, asset or job, in the shape that `--json` prints. README.md documents it for scripts.

use std::path::Path;

use canva_connect::{Error, JobReference, JobResult, JobState};
use serde::Serialize;

use crate::failure::{self, Failure};

/// One line of `--json`.
#[derive(Serialize)]
pub struct Item {
    #[serde(flatten)]
    pub subject: Option<Subject>,
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl Item {
    pub fn new(subject: Option<Subject>, result: Result<Outcome, Error>) -> Self {
        Self { subject, outcome: result.unwrap_or_else(|error| Outcome::failed(None, &error)) }
    }

    /// What the user named on the command line.
    pub fn name(&self) -> &str {
        match &self.subject {
            Some(
                Subject::File { file: name, .. } | Subject::Url { url: name } | Subject::AssetId { asset_id: name },
            ) => name,
            None => self.outcome.job_id.as_deref().unwrap_or_default(),
        }
    }
}

/// What the user named on the command line. A job has none: its id is in the outcome.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Subject {
    File {
        file: String,
        /// The bytes of a name that isn't Unicode, of which `file` is only a picture.
        #[serde(skip_serializing_if = "Option::is_none")]
        file_hex: Option<String>,
    },
    Url {
        url: String,
    },
    AssetId {
        asset_id: String,
    },
}

impl Subject {
    pub fn file(path: &Path) -> Self {
        let bytes = path.as_os_str().as_encoded_bytes();
        let mut file = String::new();
        for chunk in bytes.utf8_chunks() {
            file += chunk.valid();
            file.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02X}")));
        }
        let unicode = path.to_str().is_some();
        let file_hex = (!unicode).then(|| bytes.iter().map(|byte| format!("{byte:02x}")).collect());
        Self::File { file, file_hex }
    }
}

#[derive(Serialize)]
pub struct Outcome {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    pub status: Status,
    /// What is in Canva now: `"asset": {...}` or `"designs": [...]`, beside the other keys.
    #[serde(flatten)]
    pub made: Option<JobResult>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Success,
    /// The job goes on.
    InProgress,
    /// It wasn't done.
    Failed,
    /// It may have been done; with a job id that can be one, `canva job` can tell.
    Unknown,
}

impl Outcome {
    pub fn success(made: impl Into<JobResult>) -> Self {
        Self { job_id: None, status: Status::Success, made: Some(made.into()), error: None }
    }

    /// Success, with nothing left to show.
    pub fn deleted() -> Self {
        Self { job_id: None, status: Status::Success, made: None, error: None }
    }

    pub fn of_job<T: Into<JobResult>>(job: JobReference, state: Result<JobState<T>, Error>) -> Self {
        match state {
            Ok(JobState::Success(made)) => Self { job_id: Some(job.id), ..Self::success(made) },
            Ok(JobState::Failed(error)) => Self::failed(Some(job), &error.into()),
            Ok(_) => Self { job_id: Some(job.id), status: Status::InProgress, made: None, error: None },
            Err(error) => Self::failed(Some(job), &error),
        }
    }

    fn failed(job: Option<JobReference>, error: &Error) -> Self {
        let status = match error {
            Error::OutcomeUnknown { .. } | Error::Poll { .. } => Status::Unknown,
            Error::Deadline { .. } => Status::InProgress,
            _ => Status::Failed,
        };
        let error = Some(Failure::new(error, job.as_ref()));
        Self { job_id: job.map(|job| job.id), status, made: None, error }
    }

    /// The asset was uploaded, but not tagged.
    pub fn tags_not_applied(&mut self, error: &Error) {
        if let Some(JobResult::Asset(asset)) = &self.made {
            self.status = Status::Failed;
            self.error = Some(failure::tags_not_applied(&asset.id, error));
        }
    }
}
