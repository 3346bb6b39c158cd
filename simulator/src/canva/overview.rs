//! All that the simulated Canva holds, of all users, for a person who looks on.

use std::time::Duration;

use serde_json::{Value, json};

use crate::canva::access::Owner;
use crate::canva::content::Content;
use crate::canva::designs::StoredDesign;
use crate::canva::library::{Job, JobError, JobState, Library, StoredAsset};
use crate::canva::urls::Urls;

impl Library {
    /// All jobs, or those with this status, the newest first. Times are in seconds since the Unix epoch; `ends_at` is when the job ends at the
    /// earliest.
    pub fn list_jobs(&self, status: Option<&str>) -> Vec<Value> {
        let wanted = self.jobs.iter().rev().filter(|(_, job)| status.is_none_or(|status| job.state.name() == status));
        wanted.map(|(id, job)| job.to_json(id)).collect()
    }

    /// What all users have: `assets`, `trash`, `designs` and `folders`, the newest first. Each thing has the API's own
    /// form, and `owner`, `folder_id`, and the `size` of its file in bytes.
    pub fn list(&self, urls: &Urls, now: i64) -> Value {
        let assets: Vec<Value> = self.assets.values().rev().map(|asset| of_asset(asset, urls, now)).collect();
        let trash: Vec<Value> = self.trash.values().rev().map(|asset| of_asset(asset, urls, now)).collect();
        let designs: Vec<Value> = self.designs.values().rev().map(|design| of_design(design, urls)).collect();
        let folders = self.folders.values().rev();
        let folders: Vec<Value> = folders.map(|it| with_place(it.to_json(), &it.owner, &it.folder_id, None)).collect();
        json!({ "assets": assets, "trash": trash, "designs": designs, "folders": folders })
    }

    /// An asset or a design as in [`list`](Self::list): `{"asset": …}`, with `deleted`, or `{"design": …}`.
    pub fn show(&self, id: &str, urls: &Urls, now: i64) -> Option<Value> {
        if let Some(design) = self.designs.get(id) {
            return Some(json!({ "design": of_design(design, urls) }));
        }
        let asset = self.assets.get(id).or_else(|| self.trash.get(id))?;
        let mut value = of_asset(asset, urls, now);
        value.as_object_mut()?.insert("deleted".into(), json!(self.trash.contains_key(id)));
        Some(json!({ "asset": value }))
    }

    /// The file of an asset or a design.
    pub fn file(&self, id: &str) -> Option<Content> {
        let asset = self.assets.get(id).or_else(|| self.trash.get(id)).map(|asset| &asset.content);
        asset.or_else(|| self.designs.get(id).map(|design| &design.content)).cloned()
    }

    /// Whether a job still runs that could have ended by this time since the Unix epoch.
    pub fn is_behind(&self, now: Duration) -> bool {
        // The newest first: jobs mostly end in the order in which they came, and this is asked after each end.
        self.jobs.values().rev().any(|job| matches!(job.state, JobState::InProgress) && job.ends <= now)
    }
}

impl Job {
    fn to_json(&self, id: &str) -> Value {
        let (asset_id, design_id, error) = match &self.state {
            JobState::InProgress => (None, None, None),
            JobState::Asset(asset_id) => (Some(asset_id), None, None),
            JobState::Design(design_id) => (None, Some(design_id), None),
            JobState::Failed(error) => (None, None, Some(error)),
        };
        json!({
            "id": id,
            "kind": self.new.kind,
            "user": self.new.owner.user_id,
            "name": self.new.name,
            "status": self.state.name(),
            "started_at": seconds(self.started),
            "ends_at": seconds(self.ends),
            "asset_id": asset_id,
            "design_id": design_id,
            "error": error.map(|JobError { code, message }| json!({ "code": code, "message": message })),
        })
    }
}

impl JobState {
    /// As the API has it.
    fn name(&self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Asset(_) | Self::Design(_) => "success",
            Self::Failed(_) => "failed",
        }
    }
}

/// To the millisecond.
fn seconds(time: Duration) -> f64 {
    time.as_millis() as f64 / 1000.0
}

fn of_asset(asset: &StoredAsset, urls: &Urls, now: i64) -> Value {
    with_place(asset.to_json(urls, now), &asset.owner, &asset.folder_id, Some(&asset.content))
}

fn of_design(design: &StoredDesign, urls: &Urls) -> Value {
    let mut value = with_place(design.to_json(urls), &design.owner, &design.folder_id, Some(&design.content));
    if let Some(value) = value.as_object_mut() {
        value.insert("mime_type".into(), json!(design.mime_type));
    }
    value
}

fn with_place(mut value: Value, owner: &Owner, folder_id: &str, file: Option<&Content>) -> Value {
    if let Some(value) = value.as_object_mut() {
        value.insert("owner".into(), owner.to_json());
        value.insert("folder_id".into(), json!(folder_id));
        value.extend(file.map(|file| ("size".into(), json!(file.len()))));
    }
    value
}
