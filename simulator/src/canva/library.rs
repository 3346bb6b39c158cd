//! What the simulated Canva holds: assets, designs, folders and jobs, and how the API writes them down. `operations` decides
//! when a job ends, and how.

use std::collections::HashMap;

use axum::http::StatusCode;
use bytes::Bytes;
use canva_connect::JobKind;
use reqwest::Url;
use serde_json::{Value, json};

use crate::api_error::ApiError;
use crate::canva::access::Owner;
use crate::canva::designs::{NewDesign, StoredDesign};
use crate::canva::folders::{StoredFolder, UPLOADS};
use crate::canva::urls::Urls;
use crate::files::media::{AssetKind, Media};

/// The thumbnail of what no browser shows as an image: a play sign, 320 × 180.
const PLACEHOLDER: &[u8] = include_bytes!("placeholder.png");

/// An asset in the simulated content library.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StoredAsset {
    /// The asset's id.
    pub id: String,
    /// The name, decoded.
    pub name: String,
    /// The tags, in the order in which they were set.
    pub tags: Vec<String>,
    /// Who uploaded it.
    pub owner: Owner,
    /// The folder that it lies in: the folder's id, or `uploads` or `root`.
    pub folder_id: String,
    /// The file.
    pub bytes: Bytes,
    /// What the bytes are.
    pub kind: AssetKind,
    /// Width of the image or video, in pixels.
    pub width: u32,
    /// Height of the image or video, in pixels.
    pub height: u32,
    /// The video's length in whole seconds, rounded down. `None` for an image, and if the file doesn't say.
    pub duration: Option<u32>,
    /// In seconds since the Unix epoch.
    pub created_at: i64,
    /// In seconds since the Unix epoch. Every update moves it by a second at least.
    pub updated_at: i64,
    /// Of an image that every browser shows.
    pub(crate) mime_type: Option<&'static str>,
}

struct Job {
    /// It can be read at the paths of its own kind only.
    kind: JobKind,
    owner: Owner,
    /// The URL of the file, as it was given, if it isn't in the request.
    from: Option<String>,
    state: JobState,
}

enum JobState {
    InProgress,
    /// The asset's id.
    Asset(String),
    /// The design's id.
    Design(String),
    Failed(JobError),
}

/// Why a job failed, in the API's words.
#[derive(Debug)]
pub struct JobError {
    pub code: &'static str,
    pub message: String,
}

/// The result of a job.
pub enum Finished {
    Asset { name: String, bytes: Bytes, media: Media },
    Design(NewDesign),
}

#[derive(Default)]
pub struct Library {
    sequence: u64,
    pub assets: Vec<StoredAsset>,
    pub trash: Vec<StoredAsset>,
    pub designs: Vec<StoredDesign>,
    pub folders: Vec<StoredFolder>,
    jobs: HashMap<String, Job>,
}

impl Library {
    /// Returns the job's id. Refuses what is fetched from a URL that another job of the same kind and user fetches just
    /// now, or that an asset in the user's library comes from.
    pub fn start_job(&mut self, kind: JobKind, owner: Owner, from: Option<String>) -> Result<String, ApiError> {
        let refuse = |message| ApiError::new(StatusCode::BAD_REQUEST, "invalid_request", message);
        if let Some(url) = &from
            && let Some((id, _)) = self.jobs.iter().find(|(_, job)| {
                job.kind == kind && job.owner == owner && job.from.as_ref() == Some(url) && self.holds(job)
            })
        {
            let url = without_password(url).unwrap_or_default();
            let refused = match kind {
                JobKind::UrlImport => refuse(format!("Design import for url {url} already in progress.")),
                _ => refuse(format!("Asset upload for url {url} already exists.")),
            };
            return Err(refused.because(format!("It is that of job {id}.")));
        }
        let number = self.next_number();
        let id = format!("5eed0000-0000-4000-8000-{number:012x}");
        self.jobs.insert(id.clone(), Job { kind, owner, from, state: JobState::InProgress });
        Ok(id)
    }

    /// Whether the job still runs, or its asset is in the library.
    fn holds(&self, job: &Job) -> bool {
        match &job.state {
            JobState::InProgress => true,
            JobState::Asset(asset_id) => self.assets.iter().any(|asset| asset.id == *asset_id),
            JobState::Design(_) | JobState::Failed(_) => false,
        }
    }

    pub fn finish_job(&mut self, id: &str, outcome: Result<Finished, JobError>, now: i64) {
        let Some(owner) = self.jobs.get(id).map(|job| job.owner.clone()) else { return };
        let state = match outcome {
            Err(error) => JobState::Failed(error),
            Ok(Finished::Asset { name, bytes, media: Media { kind, mime_type, width, height, duration } }) => {
                let id = format!("Msim{:07}", self.next_number());
                let (created_at, updated_at, tags, folder_id) = (now, now, Vec::new(), UPLOADS.to_owned());
                let asset_id = id.clone();
                let asset = StoredAsset {
                    id,
                    name,
                    tags,
                    owner,
                    folder_id,
                    bytes,
                    kind,
                    width,
                    height,
                    duration,
                    created_at,
                    updated_at,
                    mime_type,
                };
                self.assets.push(asset);
                JobState::Asset(asset_id)
            }
            Ok(Finished::Design(new)) => JobState::Design(self.add_design(new, owner, now).id),
        };
        if let Some(job) = self.jobs.get_mut(id) {
            job.state = state;
        }
    }

    /// The response to starting or reading a job, or why this user can't read it.
    pub fn job(&self, kind: JobKind, id: &str, user_id: &str, urls: &Urls, now: i64) -> Result<Value, ApiError> {
        let unknown = || ApiError::job_not_found(id);
        let job = self.jobs.get(id).ok_or_else(unknown)?;
        if job.kind != kind {
            return Err(unknown().because(format!("It is another kind of job, read at /rest/v1/{}s/{id}.", job.kind)));
        }
        if job.owner.user_id != user_id {
            let message = "Another user has started this job.";
            return Err(ApiError::new(StatusCode::FORBIDDEN, "permission_denied", message));
        }
        let job = match &job.state {
            JobState::InProgress => json!({ "id": id, "status": "in_progress" }),
            JobState::Failed(JobError { code, message }) => {
                json!({ "id": id, "status": "failed", "error": { "code": code, "message": message } })
            }
            JobState::Asset(asset_id) => {
                let asset =
                    self.assets.iter().chain(&self.trash).find(|asset| asset.id == *asset_id).ok_or_else(unknown)?;
                json!({ "id": id, "status": "success", "asset": asset.to_json(urls, now) })
            }
            JobState::Design(design_id) => {
                let design = self.designs.iter().find(|design| design.id == *design_id).ok_or_else(unknown)?;
                json!({ "id": id, "status": "success", "result": { "designs": [design.summary(urls)] } })
            }
        };
        Ok(json!({ "job": job }))
    }

    /// The asset, or why this user doesn't get it.
    pub fn asset_mut(&mut self, id: &str, user_id: &str) -> Result<&mut StoredAsset, ApiError> {
        let index = self.index_of(id, user_id)?;
        self.assets.get_mut(index).ok_or_else(ApiError::asset_not_found)
    }

    /// Moves the asset to the trash.
    pub fn delete_asset(&mut self, id: &str, user_id: &str, now: i64) -> Result<(), ApiError> {
        let index = self.index_of(id, user_id)?;
        let asset = self.assets.remove(index);
        self.changed(&asset.folder_id, now);
        self.trash.push(asset);
        Ok(())
    }

    fn index_of(&self, id: &str, user_id: &str) -> Result<usize, ApiError> {
        let found = self.assets.iter().enumerate().find(|(_, asset)| asset.id == id);
        let deleted = || self.trash.iter().any(|asset| asset.id == id && asset.owner.user_id == user_id);
        match found {
            Some((index, asset)) if asset.owner.user_id == user_id => Ok(index),
            Some(_) => Err(ApiError::not_theirs("asset")),
            None if deleted() => Err(ApiError::asset_not_found().because("It is in the trash.")),
            None => Err(ApiError::asset_not_found()),
        }
    }

    /// All ids come from one sequence, so no two things share an id.
    pub(super) fn next_number(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }
}

/// The URL as it can be shown.
fn without_password(url: &str) -> Option<String> {
    let mut url = Url::parse(url).ok()?;
    url.set_username("").and_then(|()| url.set_password(None)).ok()?;
    Some(url.into())
}

impl StoredAsset {
    /// Type, size in pixels and content: the image itself, where every browser shows it.
    pub fn thumbnail(&self) -> (&'static str, (u32, u32), Bytes) {
        match self.mime_type {
            Some(mime_type) => (mime_type, (self.width, self.height), self.bytes.clone()),
            None => ("image/png", (320, 180), Bytes::from_static(PLACEHOLDER)),
        }
    }

    pub fn to_json(&self, urls: &Urls, now: i64) -> Value {
        let mut asset = self.summary(urls, now);
        // No smart tags: nobody looks at the image here.
        let mut metadata = json!({ "type": self.kind(), "width": self.width, "height": self.height });
        if let (Some(metadata), Some(duration)) = (metadata.as_object_mut(), self.duration) {
            metadata.insert("duration".into(), json!(duration));
        }
        if let Some(asset) = asset.as_object_mut() {
            asset.insert("owner".into(), self.owner.to_json());
            asset.insert("metadata".into(), metadata);
        }
        asset
    }

    /// The asset as lists have it.
    pub fn summary(&self, urls: &Urls, now: i64) -> Value {
        let (_, (width, height), _) = self.thumbnail();
        json!({
            "type": self.kind(),
            "id": self.id,
            "name": self.name,
            "tags": self.tags,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "thumbnail": {
                "width": width,
                "height": height,
                "url": urls.thumbnail(&self.id, now),
            },
        })
    }

    pub fn kind(&self) -> &'static str {
        match self.kind {
            AssetKind::Image => "image",
            AssetKind::Video => "video",
        }
    }
}
