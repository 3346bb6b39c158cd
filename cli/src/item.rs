//! The outcome for one file, URL, asset, design, folder or job, as `--json` prints it. README.md documents this format
//! for scripts.

use std::ffi::OsStr;
use std::path::Path;

use canva_connect::{Asset, Design, Error, Folder, Job, JobReference, JobResult, JobState, LookUpError};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::end::Worst;
use crate::failure::Failure;

/// One line of `--json`.
#[derive(Serialize)]
pub struct Item {
    #[serde(flatten)]
    pub subject: Subject,
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl Item {
    /// What the user named on the command line.
    pub fn name(&self) -> &str {
        self.subject.name()
    }
}

/// What the user named on the command line.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Subject {
    File {
        file: String,
        /// The bytes of a name that isn't Unicode; `file` is then only for people.
        #[serde(skip_serializing_if = "Option::is_none")]
        file_hex: Option<String>,
    },
    Url {
        url: String,
    },
    AssetId {
        asset_id: String,
    },
    FolderId {
        folder_id: String,
    },
    /// A new folder.
    Name {
        name: String,
    },
    /// The outcome has its id.
    Job {
        #[serde(skip)]
        job_id: String,
    },
    /// What is moved into the folder.
    ItemId {
        item_id: String,
        folder_id: String,
    },
    /// A new design, by its type or size.
    DesignType {
        design_type: String,
    },
    DesignId {
        design_id: String,
    },
    BrandTemplateId {
        brand_template_id: String,
    },
    /// A listing of designs.
    Query {
        #[serde(skip_serializing_if = "Option::is_none")]
        query: Option<String>,
    },
    /// The token's user, whom nobody names.
    User {
        #[serde(skip)]
        command: &'static str,
    },
}

impl Subject {
    pub fn name(&self) -> &str {
        match self {
            Self::File { file: name, .. }
            | Self::Url { url: name }
            | Self::AssetId { asset_id: name }
            | Self::FolderId { folder_id: name }
            | Self::Name { name }
            | Self::Job { job_id: name }
            | Self::ItemId { item_id: name, .. }
            | Self::DesignType { design_type: name }
            | Self::DesignId { design_id: name }
            | Self::BrandTemplateId { brand_template_id: name } => name,
            Self::Query { query } => query.as_deref().unwrap_or("designs"),
            Self::User { command } => command,
        }
    }

    pub fn file(path: &Path) -> Self {
        let file = text(path.as_os_str(), |byte| format!("\\x{byte:02X}"));
        let file_hex = path.to_str().is_none().then(|| hex(path.as_os_str().as_encoded_bytes()));
        Self::File { file, file_hex }
    }
}

/// A name as text, with this for each byte of it that isn't Unicode.
pub fn text(name: &OsStr, invalid: impl Fn(u8) -> String) -> String {
    let chunks = name.as_encoded_bytes().utf8_chunks();
    chunks
        .map(|chunk| chunk.valid().to_owned() + &chunk.invalid().iter().map(|byte| invalid(*byte)).collect::<String>())
        .collect()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Serialize)]
pub struct Outcome {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    pub status: Status,
    #[serde(flatten)]
    pub made: Option<Made>,
    /// It was found in Canva, whose answer had been lost.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub looked_up: bool,
    /// An earlier command has done it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub earlier: bool,
    /// Fields of the job that the spec doesn't know.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub job_extra: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

/// What is in Canva now.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Made {
    /// The key `asset` or `designs`.
    OfJob(JobResult),
    Design {
        design: Box<Design>,
    },
    Folder {
        folder: Folder,
    },
}

impl From<JobResult> for Made {
    fn from(result: JobResult) -> Self {
        Self::OfJob(result)
    }
}

impl From<Asset> for Made {
    fn from(asset: Asset) -> Self {
        Self::OfJob(asset.into())
    }
}

impl From<Design> for Made {
    fn from(design: Design) -> Self {
        Self::Design { design: Box::new(design) }
    }
}

impl From<Folder> for Made {
    fn from(folder: Folder) -> Self {
        Self::Folder { folder }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Success,
    /// The job goes on.
    InProgress,
    /// It wasn't done.
    Failed,
    /// It may have been done. If there is a job id, `canva job` can tell.
    Unknown,
}

const STOPPED: &str = "canva was stopped before Canva answered";

/// What to do about what may have been made, by this command or an earlier one.
const LOOK: &str = "look in Canva before you try again";
const SEND_AGAIN: &str = "look in Canva; if it isn't there, send it again with --send-again";

impl Outcome {
    fn with(status: Status) -> Self {
        Self { job_id: None, status, made: None, looked_up: false, earlier: false, job_extra: Map::new(), error: None }
    }

    /// The outcome of a request that reads or changes something, or makes it without a job.
    pub fn new(made: Result<impl Into<Made>, Error>) -> Self {
        Self::ended(None, made, Map::new())
    }

    /// The outcome of a request that is answered with nothing.
    pub fn done(done: Result<(), Error>) -> Self {
        done.map_or_else(|error| Self::failed(None, &error), |()| Self::with(Status::Success))
    }

    /// The outcome of a job; `read` is whether its state could be read.
    pub fn of_job(job: &Job<JobResult>, read: Result<(), Error>) -> Self {
        let end = match (read, job.state()) {
            (Err(error), _) => Err(error),
            (Ok(()), Some(JobState::Success(made))) => Ok(made.clone()),
            (Ok(()), Some(JobState::Failed(error))) => Err(error.clone().into()),
            (Ok(()), _) => return Self { job_extra: job.extra().clone(), ..Self::in_progress(job.reference()) },
        };
        Self::ended(Some(job.reference()), end, job.extra().clone())
    }

    /// What it means for the exit code.
    pub fn worst(&self) -> Worst {
        match (self.status, &self.error) {
            (_, Some(error)) if error.needs_login => Worst::LoggedOut,
            (Status::Unknown, _) => Worst::Unknown,
            (_, Some(_)) => Worst::Failed,
            (_, None) => Worst::Nothing,
        }
    }

    /// How a job ended, or why there is none.
    pub fn ended(
        job: Option<&JobReference>,
        end: Result<impl Into<Made>, Error>,
        job_extra: Map<String, Value>,
    ) -> Self {
        let outcome = match end {
            Ok(made) => Self { made: Some(made.into()), ..Self::with(Status::Success) },
            Err(error) => Self::failed(job, &error),
        };
        Self { job_id: job.map(|job| job.id.clone()), job_extra, ..outcome }
    }

    pub fn in_progress(job: &JobReference) -> Self {
        Self { job_id: Some(job.id.clone()), ..Self::with(Status::InProgress) }
    }

    pub fn failed(job: Option<&JobReference>, error: &Error) -> Self {
        let status = match error {
            Error::OutcomeUnknown { .. } | Error::Poll { .. } => Status::Unknown,
            Error::Deadline { .. } => Status::InProgress,
            _ => Status::Failed,
        };
        let made = match error {
            Error::NotMoved { asset, .. } => Some(Asset::clone(asset).into()),
            _ => None,
        };
        Self { made, error: Some(Failure::new(error, job)), ..Self::with(status) }
    }

    /// What the journal or a look at the file says against it.
    pub fn refused(failure: Failure) -> Self {
        Self { error: Some(failure), ..Self::with(Status::Failed) }
    }

    fn unknown(code: &str, what: &str, remedy: &str) -> Self {
        Self { error: Some(Failure::own(code, what, remedy)), ..Self::with(Status::Unknown) }
    }

    /// An earlier command has sent it, and it is unknown what became of it.
    pub fn unknown_before(code: &str) -> Self {
        Self::unknown(code, "an earlier command sent it, and it is unknown what became of it", SEND_AGAIN)
    }

    /// An earlier command was stopped when it had sent it, and it isn't found in Canva.
    pub fn still_unknown(why: &LookUpError) -> Self {
        let code = if matches!(why, LookUpError::NotThere) { "not_there" } else { "outcome_unknown" };
        Self::unknown(code, &format!("an earlier command was stopped when it had sent it, and {why}"), SEND_AGAIN)
    }

    /// The asset is there, and couldn't be moved to its folder.
    pub fn not_moved(self, error: &Error) -> Self {
        Self { status: Status::Failed, error: Some(Failure::not_moved(error)), ..self }
    }

    /// The code of its error.
    pub fn code(&self) -> String {
        self.error.as_ref().map(|error| error.code.clone()).unwrap_or_default()
    }

    /// The command was stopped after the file was sent and before Canva answered.
    pub fn stopped_when_sent() -> Self {
        Self::unknown("outcome_unknown", STOPPED, LOOK)
    }

    /// The command was stopped before Canva answered a request that can be sent again.
    pub fn stopped_when_repeatable() -> Self {
        Self::unknown("outcome_unknown", STOPPED, "the same command again does no harm")
    }

    /// The command was stopped while it looked for the file.
    pub fn stopped_while_looking() -> Self {
        Self::unknown("outcome_unknown", "the answer was lost, and canva was stopped while it looked for it", LOOK)
    }

    /// The command was stopped while the tags of the uploaded asset were being set.
    pub fn stopped_at_its_tags(self) -> Self {
        let what = "it was uploaded, but canva was stopped before Canva confirmed its tags";
        let error = Failure::own("tags_not_applied", what, "don't upload it again");
        Self { status: Status::Failed, error: Some(error), ..self }
    }

    /// The asset was uploaded; `tagged` is the result of setting its tags.
    pub fn tagged(self, tagged: Result<Asset, Error>) -> Self {
        match (tagged, &self.made) {
            (Ok(asset), _) => Self { made: Some(asset.into()), ..self },
            (Err(error), Some(Made::OfJob(JobResult::Asset(asset)))) => {
                let error = match self.error {
                    Some(unmoved) => unmoved.and(Failure::tags_not_applied(&asset.id, &error)),
                    None => Failure::tags_not_applied(&asset.id, &error),
                };
                Self { status: Status::Failed, error: Some(error), ..self }
            }
            _ => self,
        }
    }
}
