//! The outcome for one file, URL, asset or job, in the shape that `--json` prints. README.md documents it for scripts.

use std::path::Path;

use canva_connect::{Error, Job, JobReference, JobResult, JobState};
use serde::Serialize;
use serde_json::{Map, Value};

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
    /// Fields of the job that the spec doesn't know.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub job_extra: Map<String, Value>,
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
        Self { made: Some(made.into()), ..Self::new(Status::Success) }
    }

    /// Success, with nothing left to show.
    pub fn deleted() -> Self {
        Self::new(Status::Success)
    }

    fn new(status: Status) -> Self {
        Self { job_id: None, status, made: None, job_extra: Map::new(), error: None }
    }

    /// `read` is whether the job could be read as far as it was to be.
    pub fn of_job(job: &Job<JobResult>, read: Result<(), Error>) -> Self {
        let end = match (read, job.state()) {
            (Err(error), _) => Err(error),
            (Ok(()), Some(JobState::Success(made))) => Ok(made.clone()),
            (Ok(()), Some(JobState::Failed(error))) => Err(error.clone().into()),
            (Ok(()), _) => return Self { job_extra: job.extra().clone(), ..Self::in_progress(job.reference()) },
        };
        Self::ended(Some(job.reference()), end, job.extra().clone())
    }

    /// How a job ended, or what it failed at before it was one.
    pub fn ended(job: Option<&JobReference>, end: Result<JobResult, Error>, job_extra: Map<String, Value>) -> Self {
        let outcome = end.map_or_else(|error| Self::failed(job, &error), Self::success);
        Self { job_id: job.map(|job| job.id.clone()), job_extra, ..outcome }
    }

    pub fn in_progress(job: &JobReference) -> Self {
        Self { job_id: Some(job.id.clone()), ..Self::new(Status::InProgress) }
    }

    /// The command was stopped when the file was sent, and Canva hadn't answered.
    pub fn stopped_when_sent() -> Self {
        let message = "canva was stopped before Canva answered; look in Canva before you try again".to_owned();
        Self::new(Status::Unknown).with("outcome_unknown", message)
    }

    /// The command was stopped when the asset was there, and its tags were being set.
    pub fn stopped_at_its_tags(self) -> Self {
        let message = "it was uploaded, but canva was stopped, and it isn't known whether its tags were applied; don't upload it again";
        Self { status: Status::Failed, ..self }.with("tags_not_applied", message.to_owned())
    }

    fn with(self, code: &str, message: String) -> Self {
        let error = Failure { code: code.to_owned(), message, http_status: None, extra: Map::new() };
        Self { error: Some(error), ..self }
    }

    fn failed(job: Option<&JobReference>, error: &Error) -> Self {
        let status = match error {
            Error::OutcomeUnknown { .. } | Error::Poll { .. } => Status::Unknown,
            Error::Deadline { .. } => Status::InProgress,
            _ => Status::Failed,
        };
        Self { error: Some(Failure::new(error, job)), ..Self::new(status) }
    }

    /// The asset was uploaded, but not tagged.
    pub fn tags_not_applied(&mut self, error: &Error) {
        if let Some(JobResult::Asset(asset)) = &self.made {
            self.status = Status::Failed;
            self.error = Some(failure::tags_not_applied(&asset.id, error));
        }
    }
}
