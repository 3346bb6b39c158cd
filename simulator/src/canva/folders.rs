//! What lies in folders, and what it is sorted by.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::api_error::ApiError;
use crate::canva::library::{Library, StoredAsset, StoredDesign};
use crate::canva::urls::Urls;
use crate::files::media::AssetKind;

/// The top of a user's content library.
const ROOT: &str = "root";

/// Where a user's uploads lie.
const UPLOADS: &str = "uploads";

/// Where something stands in a sorted list: by its time, its title, or nothing else, and then by its id.
pub type Place = (i64, String, String);

/// Something that a folder lists.
pub enum Item<'a> {
    Design(&'a StoredDesign),
    Image(&'a StoredAsset),
}

impl Library {
    /// What this user has in the folder, unsorted, or that there is no such folder.
    pub fn items_in<'a>(&'a self, folder_id: &str, user_id: &str) -> Result<impl Iterator<Item = Item<'a>>, ApiError> {
        if ![ROOT, UPLOADS].contains(&folder_id) {
            return Err(ApiError::new(StatusCode::NOT_FOUND, "folder_not_found", "There is no such folder."));
        }
        // Canva lists no videos.
        let images = self.assets.iter().filter(|asset| asset.kind == AssetKind::Image).map(Item::Image);
        let items = self.designs.iter().map(Item::Design).chain(images);
        Ok(items.filter(move |item| item.folder_id() == folder_id && item.owner_id() == user_id))
    }
}

impl Item<'_> {
    /// Nothing else says where something lies.
    fn folder_id(&self) -> &str {
        match self {
            Self::Design(_) => ROOT,
            Self::Image(_) => UPLOADS,
        }
    }

    fn owner_id(&self) -> &str {
        match self {
            Self::Design(design) => &design.owner.user_id,
            Self::Image(asset) => &asset.owner.user_id,
        }
    }

    pub fn kind(&self) -> &'static str {
        match self {
            Self::Design(_) => "design",
            Self::Image(_) => "image",
        }
    }

    /// The place in a list that is sorted by this: `created`, `modified` or `title`. No two things share one.
    pub fn place(&self, by: &str) -> Place {
        let (id, title, created_at, updated_at) = match self {
            Self::Design(design) => (&design.id, &design.title, design.created_at, design.updated_at),
            Self::Image(asset) => (&asset.id, &asset.name, asset.created_at, asset.updated_at),
        };
        match by {
            "title" => (0, title.clone(), id.clone()),
            "created" => (created_at, String::new(), id.clone()),
            _ => (updated_at, String::new(), id.clone()),
        }
    }

    pub fn to_json(&self, urls: &Urls, now: i64) -> Value {
        let value = match self {
            Self::Design(design) => design.to_json(urls),
            Self::Image(asset) => asset.summary(urls, now),
        };
        json!({ "type": self.kind(), self.kind(): value })
    }
}
