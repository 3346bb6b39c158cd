//! What the simulated Canva holds: assets, designs, folders and jobs, and how the API writes them down. `api::jobs`
//! decides when a job ends, and how.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::time::Duration;

use axum::http::StatusCode;
use bytes::Bytes;
use canva_connect::JobKind;
use indexmap::IndexMap;
use reqwest::Url;
use serde_json::{Value, json};

use crate::api_error::ApiError;
use crate::canva::access::Owner;
use crate::canva::content::Content;
use crate::canva::designs::{NewDesign, StoredDesign};
use crate::canva::folders::{StoredFolder, UPLOADS};
use crate::canva::urls::Urls;
use crate::files::media::{AssetKind, Media};

/// The thumbnail of what no browser shows as an image: a play sign.
const PLACEHOLDER: &[u8] = include_bytes!("placeholder.png");
const PLACEHOLDER_SIZE: (u32, u32) = (320, 180);

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
    /// What the file is.
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
    pub(crate) content: Content,
}

/// A job that starts.
pub struct NewJob {
    /// It can be read at the paths of its own kind only.
    pub kind: JobKind,
    pub owner: Owner,
    /// The asset's name, or the design's title.
    pub name: String,
    /// The URL of the file, as it was given, if it isn't in the request.
    pub from: Option<String>,
}

pub(super) struct Job {
    pub new: NewJob,
    /// When it started, since the Unix epoch.
    pub started: Duration,
    /// When it ends at the earliest, since the Unix epoch.
    pub ends: Duration,
    pub state: JobState,
}

pub(super) enum JobState {
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
    pub code: String,
    pub message: String,
}

impl JobError {
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }
}

/// What became of a file: the result of a job.
pub enum Finished {
    Asset { name: String, content: Content, media: Media },
    Design(NewDesign),
}

/// What a reset goes back to: assets, trash, designs and folders.
type Kept = (
    BTreeMap<String, StoredAsset>,
    IndexMap<String, StoredAsset>,
    IndexMap<String, StoredDesign>,
    IndexMap<String, StoredFolder>,
);

/// Everything by its id, in the order in which it came.
#[derive(Default)]
pub struct Library {
    sequence: u64,
    /// Sorted by id, which is how they came, too: they alone are removed.
    pub assets: BTreeMap<String, StoredAsset>,
    pub trash: IndexMap<String, StoredAsset>,
    pub designs: IndexMap<String, StoredDesign>,
    pub folders: IndexMap<String, StoredFolder>,
    pub(super) jobs: IndexMap<String, Job>,
    /// The latest job of each kind and user for a URL.
    fetched: HashMap<(JobKind, String, String), String>,
    at_start: Kept,
}

impl Library {
    /// What there is now is what [`reset`](Self::reset) goes back to.
    pub fn keep(&mut self) {
        self.at_start = (self.assets.clone(), self.trash.clone(), self.designs.clone(), self.folders.clone());
    }

    /// No id is given twice, so a job that still runs ends as one that isn't known.
    pub fn reset(&mut self) {
        let (assets, trash, designs, folders) = self.at_start.clone();
        let (sequence, at_start) = (self.sequence, std::mem::take(&mut self.at_start));
        *self = Self { sequence, assets, trash, designs, folders, at_start, ..Self::default() };
    }

    /// Refuses what is fetched from a URL that another job of the same kind and user fetches just now, or that an asset
    /// in the user's library comes from.
    pub fn check_job(&self, NewJob { kind, owner, from, .. }: &NewJob) -> Result<(), ApiError> {
        let refuse = |message| ApiError::new(StatusCode::BAD_REQUEST, "invalid_request", message);
        if let Some(url) = from
            && let Some(id) = self.fetched.get(&(*kind, owner.user_id.clone(), url.clone()))
            && self.jobs.get(id).is_some_and(|job| self.holds(job))
        {
            let url = without_password(url).unwrap_or_default();
            let refused = match kind {
                JobKind::UrlImport => refuse(format!("Design import for url {url} already in progress.")),
                _ => refuse(format!("Asset upload for url {url} already exists.")),
            };
            return Err(refused.because(format!("It is that of job {id}.")));
        }
        Ok(())
    }

    /// Returns the job's id.
    pub fn start_job(&mut self, new: NewJob, started: Duration, ends: Duration) -> String {
        let number = self.next_number();
        let id = format!("5eed0000-0000-4000-8000-{number:012x}");
        if let Some(url) = &new.from {
            self.fetched.insert((new.kind, new.owner.user_id.clone(), url.clone()), id.clone());
        }
        self.jobs.insert(id.clone(), Job { new, started, ends, state: JobState::InProgress });
        id
    }

    /// Whether the job still runs, or its asset is in the library.
    fn holds(&self, job: &Job) -> bool {
        match &job.state {
            JobState::InProgress => true,
            JobState::Asset(asset_id) => self.assets.contains_key(asset_id),
            JobState::Design(_) | JobState::Failed(_) => false,
        }
    }

    pub fn finish_job(&mut self, id: &str, outcome: Result<Finished, JobError>, now: i64) {
        let Some(owner) = self.jobs.get(id).map(|job| job.new.owner.clone()) else { return };
        let state = match outcome {
            Err(error) => JobState::Failed(error),
            Ok(Finished::Asset { name, content, media }) => {
                JobState::Asset(self.add_asset(name, content, media, owner, now).id)
            }
            Ok(Finished::Design(new)) => JobState::Design(self.add_design(new, owner, now).id),
        };
        if let Some(job) = self.jobs.get_mut(id) {
            job.state = state;
        }
    }

    pub fn add_asset(&mut self, name: String, content: Content, media: Media, owner: Owner, now: i64) -> StoredAsset {
        let Media { kind, mime_type, width, height, duration } = media;
        let id = format!("Msim{:07}", self.next_number());
        let (created_at, updated_at, tags, folder_id) = (now, now, Vec::new(), UPLOADS.to_owned());
        let asset = StoredAsset {
            id,
            name,
            tags,
            owner,
            folder_id,
            kind,
            width,
            height,
            duration,
            created_at,
            updated_at,
            mime_type,
            content,
        };
        self.assets.insert(asset.id.clone(), asset.clone());
        asset
    }

    /// The response to starting or reading a job, or why this user can't read it.
    pub fn job(&self, kind: JobKind, id: &str, user_id: &str, urls: &Urls, now: i64) -> Result<Value, ApiError> {
        let unknown = || ApiError::job_not_found(id);
        let job = self.jobs.get(id).ok_or_else(unknown)?;
        if job.new.kind != kind {
            let kind = job.new.kind;
            return Err(unknown().because(format!("It is another kind of job, read at /rest/v1/{kind}s/{id}.")));
        }
        if job.new.owner.user_id != user_id {
            let message = "Another user has started this job.";
            return Err(ApiError::new(StatusCode::FORBIDDEN, "permission_denied", message));
        }
        let job = match &job.state {
            JobState::InProgress => json!({ "id": id, "status": "in_progress" }),
            JobState::Failed(JobError { code, message }) => {
                json!({ "id": id, "status": "failed", "error": { "code": code, "message": message } })
            }
            JobState::Asset(asset_id) => {
                let asset = self.assets.get(asset_id).or_else(|| self.trash.get(asset_id)).ok_or_else(unknown)?;
                json!({ "id": id, "status": "success", "asset": asset.to_json(urls, now) })
            }
            JobState::Design(design_id) => {
                let design = self.designs.get(design_id).ok_or_else(unknown)?;
                json!({ "id": id, "status": "success", "result": { "designs": [design.summary(urls)] } })
            }
        };
        Ok(json!({ "job": job }))
    }

    /// The asset, or why this user doesn't get it.
    pub fn asset_mut(&mut self, id: &str, user_id: &str) -> Result<&mut StoredAsset, ApiError> {
        self.check_asset(id, user_id)?;
        self.assets.get_mut(id).ok_or_else(ApiError::asset_not_found)
    }

    /// Moves the asset to the trash.
    pub fn delete_asset(&mut self, id: &str, user_id: &str, now: i64) -> Result<(), ApiError> {
        self.check_asset(id, user_id)?;
        let asset = self.assets.remove(id).ok_or_else(ApiError::asset_not_found)?;
        self.changed(&asset.folder_id, now);
        self.trash.insert(asset.id.clone(), asset);
        Ok(())
    }

    fn check_asset(&self, id: &str, user_id: &str) -> Result<(), ApiError> {
        let deleted = || self.trash.get(id).is_some_and(|asset| asset.owner.user_id == user_id);
        match self.assets.get(id) {
            Some(asset) if asset.owner.user_id == user_id => Ok(()),
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
    /// The file. It is read from the disk where the simulator holds more than 256 MiB.
    ///
    /// # Errors
    ///
    /// The disk can't be read.
    pub fn bytes(&self) -> io::Result<Bytes> {
        self.content.bytes()
    }

    /// The thumbnail's media type and bytes: the image itself, where every browser shows it.
    pub(crate) async fn thumbnail(&self) -> io::Result<(&'static str, Bytes)> {
        Ok(match self.mime_type {
            Some(mime_type) => (mime_type, self.content.load().await?),
            None => ("image/png", Bytes::from_static(PLACEHOLDER)),
        })
    }

    pub(crate) fn to_json(&self, urls: &Urls, now: i64) -> Value {
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
    pub(crate) fn summary(&self, urls: &Urls, now: i64) -> Value {
        let (width, height) = if self.mime_type.is_some() { (self.width, self.height) } else { PLACEHOLDER_SIZE };
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

    pub(crate) fn kind(&self) -> &'static str {
        match self.kind {
            AssetKind::Image => "image",
            AssetKind::Video => "video",
        }
    }
}
