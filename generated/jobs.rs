// Written by build.rs from openapi.yaml. Don't edit: change the spec and run `cargo regenerate`.

use super::{Call, JobError, JobErrorCode, Operations, Snapshot, keep, types};
use serde::{Deserialize, Serialize};
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
    /// Made by [`Operations::create_asset_upload_job`], read by [`Operations::get_asset_upload_job`].
    #[serde(rename = "asset-upload")]
    AssetUpload,
    /// Made by [`Operations::create_design_import_job`], read by [`Operations::get_design_import_job`].
    #[serde(rename = "import")]
    Import,
    /// Made by [`Operations::create_url_asset_upload_job`], read by [`Operations::get_url_asset_upload_job`].
    #[serde(rename = "url-asset-upload")]
    UrlAssetUpload,
    /// Made by [`Operations::create_url_import_job`], read by [`Operations::get_url_import_job`].
    #[serde(rename = "url-import")]
    UrlImport,
}
impl JobKind {
    /// Every kind.
    pub const ALL: &[Self] = &[
        Self::AssetUpload,
        Self::Import,
        Self::UrlAssetUpload,
        Self::UrlImport,
    ];
    /// The kind as text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AssetUpload => "asset-upload",
            Self::Import => "import",
            Self::UrlAssetUpload => "url-asset-upload",
            Self::UrlImport => "url-import",
        }
    }
    /// The request that reads a job of this kind.
    pub(crate) fn read(self, api: &Operations, job_id: &str) -> Call<Snapshot> {
        match self {
            Self::AssetUpload => {
                api.get_asset_upload_job(job_id)
                    .and_then(|response| Ok(Snapshot::from(response)))
            }
            Self::Import => {
                api.get_design_import_job(job_id)
                    .and_then(|response| Ok(Snapshot::from(response)))
            }
            Self::UrlAssetUpload => {
                api.get_url_asset_upload_job(job_id)
                    .and_then(|response| Ok(Snapshot::from(response)))
            }
            Self::UrlImport => {
                api.get_url_import_job(job_id)
                    .and_then(|response| Ok(Snapshot::from(response)))
            }
        }
    }
}
/// What a job ended in.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum JobResult {
    /// The `asset` of a job.
    Asset(Box<types::Asset>),
    /// The `designs` of a job.
    Designs(Vec<types::DesignSummary>),
}
impl From<types::Asset> for JobResult {
    fn from(result: types::Asset) -> Self {
        Self::Asset(Box::new(result))
    }
}
/// Fails with what it is instead.
impl TryFrom<JobResult> for types::Asset {
    type Error = JobResult;
    fn try_from(result: JobResult) -> Result<Self, JobResult> {
        match result {
            JobResult::Asset(result) => Ok(*result),
            other => Err(other),
        }
    }
}
impl From<Vec<types::DesignSummary>> for JobResult {
    fn from(result: Vec<types::DesignSummary>) -> Self {
        Self::Designs(result)
    }
}
/// Fails with what it is instead.
impl TryFrom<JobResult> for Vec<types::DesignSummary> {
    type Error = JobResult;
    fn try_from(result: JobResult) -> Result<Self, JobResult> {
        match result {
            JobResult::Designs(result) => Ok(result),
            other => Err(other),
        }
    }
}
impl From<types::AssetUploadJobResponse> for Snapshot {
    fn from(response: types::AssetUploadJobResponse) -> Self {
        let job = response.job;
        let mut extra = job.extra;
        let error = match job.error {
            Some(it) => {
                JobError::of(
                    &job.id,
                    JobErrorCode::AssetUpload(it.code),
                    it.message,
                    it.extra,
                )
            }
            None => {
                let code = types::AssetUploadErrorCode::Unknown(String::new());
                JobError::unsaid(&job.id, JobErrorCode::AssetUpload(code))
            }
        };
        let result = job.asset;
        Self::new(
            job.id,
            job.status.as_str(),
            result.map(JobResult::from).ok_or("asset"),
            error,
            extra,
        )
    }
}
impl From<types::DesignImportJobResponse> for Snapshot {
    fn from(response: types::DesignImportJobResponse) -> Self {
        let job = response.job;
        let mut extra = job.extra;
        let error = match job.error {
            Some(it) => {
                JobError::of(
                    &job.id,
                    JobErrorCode::DesignImport(it.code),
                    it.message,
                    it.extra,
                )
            }
            None => {
                let code = types::DesignImportErrorCode::Unknown(String::new());
                JobError::unsaid(&job.id, JobErrorCode::DesignImport(code))
            }
        };
        let result = job
            .result
            .and_then(|it| {
                keep(&mut extra, "result", it.extra);
                Some(it.designs)
            })
            .filter(|list| !list.is_empty());
        Self::new(
            job.id,
            job.status.as_str(),
            result.map(JobResult::from).ok_or("designs"),
            error,
            extra,
        )
    }
}
