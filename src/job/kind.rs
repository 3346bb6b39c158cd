//! The kinds of jobs: the name of each, the request that reads it, and its result.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::JobState;
use crate::checks::{self, lengths};
use crate::error::{Error, JobError, JobErrorCode};
use crate::generated;
use crate::generated::types::{
    Asset, AssetUploadErrorCode, AssetUploadJobResponse, DesignImportErrorCode, DesignImportJobResponse, DesignSummary,
    JobStatus,
};
use crate::send::Call;
use crate::send::response::Unreadable;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal, read by $read:ident;)*) => {
        /// What a job does. Its text is the name that the API's paths have for it, in the singular.
        ///
        /// ```
        /// use canva_connect::JobKind;
        ///
        /// let kind: JobKind = "asset-upload".parse()?;
        /// assert_eq!((kind, kind.to_string().as_str()), (JobKind::AssetUpload, "asset-upload"));
        /// # Ok::<(), canva_connect::Error>(())
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum JobKind {
            $($(#[$doc])* #[serde(rename = $name)] $kind,)*
        }

        impl JobKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// The kind as text.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }

            /// The request that reads a job of this kind.
            pub(super) fn read(self, api: &generated::Operations, job_id: &str) -> Call<Snapshot> {
                match self {
                    $(Self::$kind => api.$read(job_id).and_then(|response| Ok(Snapshot::from(response))),)*
                }
            }
        }
    };
}

kinds! {
    /// Started by [`Client::upload_asset`](crate::Client::upload_asset).
    AssetUpload = "asset-upload", read by get_asset_upload_job;
    /// Started by [`Client::upload_asset_from_url`](crate::Client::upload_asset_from_url).
    UrlAssetUpload = "url-asset-upload", read by get_url_asset_upload_job;
    /// Started by [`Client::import_design`](crate::Client::import_design).
    Import = "import", read by get_design_import_job;
    /// Started by [`Client::import_design_from_url`](crate::Client::import_design_from_url).
    UrlImport = "url-import", read by get_url_import_job;
}

impl fmt::Display for JobKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for JobKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|kind| kind.as_str()).collect();
            Error::invalid("kind", format!("one of {}", names.join(", ")), format!("{text:?}"))
        })
    }
}

/// A job as it can be stored, to be picked up again with [`Client::job`](crate::Client::job). Ids mean something to
/// their own kind alone.
///
/// ```
/// use canva_connect::JobReference;
///
/// let stored = r#"{"kind":"asset-upload","id":"e08861ae-3b29-45db-8dc1-1fe0bf7f1cc8"}"#;
/// let reference: JobReference = serde_json::from_str(stored)?;
/// assert_eq!(serde_json::to_string(&reference)?, stored);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct JobReference {
    /// What the job does.
    pub kind: JobKind,
    /// Its id.
    pub id: String,
}

impl JobReference {
    /// Whether the job can be read by this id, as is checked before a request is sent. For a program that stores the
    /// reference of a job that was just created, and would rather know at once.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] if the id is too long, or has other characters than letters, digits, `-` and `_`.
    pub fn check(&self) -> Result<(), Error> {
        checks::id("job_id", &self.id, &lengths::JOB_ID)
    }
}

/// What a job ended in.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum JobResult {
    /// Of an upload.
    Asset(Box<Asset>),
    /// Of an import: usually one.
    Designs(Vec<DesignSummary>),
}

impl From<Asset> for JobResult {
    fn from(asset: Asset) -> Self {
        Self::Asset(Box::new(asset))
    }
}

impl From<Vec<DesignSummary>> for JobResult {
    fn from(designs: Vec<DesignSummary>) -> Self {
        Self::Designs(designs)
    }
}

/// Fails with what it is instead.
impl TryFrom<JobResult> for Asset {
    type Error = JobResult;

    fn try_from(result: JobResult) -> Result<Self, JobResult> {
        match result {
            JobResult::Asset(asset) => Ok(*asset),
            other => Err(other),
        }
    }
}

/// Fails with what it is instead.
impl TryFrom<JobResult> for Vec<DesignSummary> {
    type Error = JobResult;

    fn try_from(result: JobResult) -> Result<Self, JobResult> {
        match result {
            JobResult::Designs(designs) => Ok(designs),
            other => Err(other),
        }
    }
}

/// A job as a response has it.
pub(crate) struct Snapshot {
    pub(super) id: String,
    /// A response that contradicts itself has none.
    pub(super) state: Result<JobState<JobResult>, Unreadable>,
    /// The fields of the job that the spec doesn't know.
    pub(super) extra: Map<String, Value>,
}

/// `result` is what the job made, or the name of what the response lacks.
fn state(
    status: JobStatus,
    result: Result<JobResult, &'static str>,
    error: JobError,
) -> Result<JobState<JobResult>, Unreadable> {
    match (status, result) {
        (JobStatus::Success, Ok(result)) => Ok(JobState::Success(result)),
        (JobStatus::Success, Err(missing)) => Err(Unreadable::success_without(missing)),
        (JobStatus::Failed, _) => Ok(JobState::Failed(error)),
        _ => Ok(JobState::InProgress),
    }
}

impl From<AssetUploadJobResponse> for Snapshot {
    fn from(AssetUploadJobResponse { job, .. }: AssetUploadJobResponse) -> Self {
        let code = JobErrorCode::AssetUpload;
        let error = match job.error {
            Some(it) => JobError { job_id: job.id.clone(), code: code(it.code), message: it.message, extra: it.extra },
            None => JobError::unsaid(&job.id, code(AssetUploadErrorCode::Unknown(String::new()))),
        };
        let asset = job.asset.map(JobResult::from).ok_or("asset");
        Self { id: job.id, state: state(job.status, asset, error), extra: job.extra }
    }
}

impl From<DesignImportJobResponse> for Snapshot {
    fn from(DesignImportJobResponse { job, .. }: DesignImportJobResponse) -> Self {
        let code = JobErrorCode::DesignImport;
        let error = match job.error {
            Some(it) => JobError { job_id: job.id.clone(), code: code(it.code), message: it.message, extra: it.extra },
            None => JobError::unsaid(&job.id, code(DesignImportErrorCode::Unknown(String::new()))),
        };
        let (designs, more) = job.result.map(|result| (result.designs, result.extra)).unwrap_or_default();
        let designs = if designs.is_empty() { Err("design") } else { Ok(designs.into()) };
        let mut extra = job.extra;
        if !more.is_empty() {
            extra.insert("result".into(), more.into());
        }
        Self { id: job.id, state: state(job.status, designs, error), extra }
    }
}
