//! Folders, what lies in them, and what it is sorted by.

use std::iter;

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::api_error::ApiError;
use crate::canva::access::Owner;
use crate::canva::designs::StoredDesign;
use crate::canva::library::{Library, StoredAsset};
use crate::canva::urls::Urls;
use crate::files::media::AssetKind;

/// The top of a user's content library.
pub const ROOT: &str = "root";

/// Where a user's uploads lie.
pub const UPLOADS: &str = "uploads";

/// Where something stands in a sorted list: by its time, its title, or nothing else, and then by its id.
pub type Place = (i64, String, String);

/// A folder that a user made. `root` and `uploads`, which every user has, are none.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StoredFolder {
    /// The folder's id.
    pub id: String,
    /// The name.
    pub name: String,
    /// Who made it.
    pub owner: Owner,
    /// The folder that it lies in: another one's id, or `root` or `uploads`.
    pub folder_id: String,
    /// In seconds since the Unix epoch.
    pub created_at: i64,
    /// In seconds since the Unix epoch. What comes into the folder or leaves it moves it by a second at least.
    pub updated_at: i64,
}

/// Something that lies in a folder.
pub enum Item<'a> {
    Design(&'a StoredDesign),
    Folder(&'a StoredFolder),
    Asset(&'a StoredAsset),
}

impl Library {
    /// What this user has in the folder, unsorted, or why they don't get it.
    pub fn items_in<'a>(&'a self, folder_id: &str, user_id: &str) -> Result<impl Iterator<Item = Item<'a>>, ApiError> {
        self.check_folder(folder_id, user_id)?;
        Ok(self.items().filter(move |item| item.folder_id() == folder_id && item.owner().user_id == user_id))
    }

    /// Makes an empty folder in another one.
    pub fn create_folder(
        &mut self,
        name: String,
        folder_id: String,
        owner: Owner,
        now: i64,
    ) -> Result<StoredFolder, ApiError> {
        self.check_folder(&folder_id, &owner.user_id)?;
        let id = format!("FAsim{:06}", self.next_number());
        self.changed(&folder_id, now);
        let folder = StoredFolder { id, name, owner, folder_id, created_at: now, updated_at: now };
        self.folders.insert(folder.id.clone(), folder.clone());
        Ok(folder)
    }

    /// Puts a design, an image or a folder into another folder.
    pub fn move_item(&mut self, id: &str, to: &str, user_id: &str, now: i64) -> Result<(), ApiError> {
        let refuse = |field, reason: &str| {
            let message = format!("'{field}' provided is invalid.");
            Err(ApiError::new(StatusCode::BAD_REQUEST, "invalid_field", message).because(reason))
        };
        self.check_folder(to, user_id)?;
        if [ROOT, UPLOADS].contains(&id) {
            return refuse("item_id", "The folders root and uploads stay where they are.");
        }
        let item = self.item(id).ok_or_else(|| ApiError::folder_not_found().because("There is no such item."))?;
        if item.owner().user_id != user_id {
            return Err(ApiError::not_theirs("item"));
        }
        if let Item::Asset(StoredAsset { kind: AssetKind::Video, .. }) = item {
            return refuse("item_id", "It is a video, and videos can't be moved.");
        }
        let parent = |id: &&str| self.folders.get(*id).map(|it| it.folder_id.as_str());
        if iter::successors(Some(to), parent).any(|folder_id| folder_id == id) {
            return refuse("to_folder_id", "A folder can't lie in itself or in what lies in it.");
        }
        let from = item.folder_id().to_owned();
        if from == to {
            return Ok(());
        }
        let design = self.designs.get_mut(id).map(|design| &mut design.folder_id);
        let folder = self.folders.get_mut(id).map(|folder| &mut folder.folder_id);
        let asset = self.assets.get_mut(id).map(|asset| &mut asset.folder_id);
        if let Some(folder_id) = design.or(folder).or(asset) {
            to.clone_into(folder_id);
        }
        self.changed(&from, now);
        self.changed(to, now);
        Ok(())
    }

    /// Notes that something has come into the folder or left it.
    pub(super) fn changed(&mut self, folder_id: &str, now: i64) {
        if let Some(folder) = self.folders.get_mut(folder_id) {
            folder.updated_at = now.max(folder.updated_at + 1);
        }
    }

    fn check_folder(&self, id: &str, user_id: &str) -> Result<(), ApiError> {
        match self.folders.get(id) {
            Some(folder) if folder.owner.user_id != user_id => Err(ApiError::not_theirs("folder")),
            None if ![ROOT, UPLOADS].contains(&id) => Err(ApiError::folder_not_found()),
            _ => Ok(()),
        }
    }

    fn item(&self, id: &str) -> Option<Item<'_>> {
        let design = self.designs.get(id).map(Item::Design);
        design.or_else(|| self.folders.get(id).map(Item::Folder)).or_else(|| self.assets.get(id).map(Item::Asset))
    }

    fn items(&self) -> impl Iterator<Item = Item<'_>> {
        let designs = self.designs.values().map(Item::Design);
        designs.chain(self.folders.values().map(Item::Folder)).chain(self.assets.values().map(Item::Asset))
    }
}

impl Item<'_> {
    fn id(&self) -> &str {
        match self {
            Self::Design(design) => &design.id,
            Self::Folder(folder) => &folder.id,
            Self::Asset(asset) => &asset.id,
        }
    }

    fn folder_id(&self) -> &str {
        match self {
            Self::Design(design) => &design.folder_id,
            Self::Folder(folder) => &folder.folder_id,
            Self::Asset(asset) => &asset.folder_id,
        }
    }

    fn owner(&self) -> &Owner {
        match self {
            Self::Design(design) => &design.owner,
            Self::Folder(folder) => &folder.owner,
            Self::Asset(asset) => &asset.owner,
        }
    }

    /// The item's type. That of a video is none that a list has.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Design(_) => "design",
            Self::Folder(_) => "folder",
            Self::Asset(asset) => asset.kind(),
        }
    }

    /// The place in a list that is sorted by this: `created`, `title`, or else what changed last. No two things share
    /// one.
    pub fn place(&self, by: &str) -> Place {
        let (title, created_at, updated_at) = match self {
            Self::Design(design) => (&design.title, design.created_at, design.updated_at),
            Self::Folder(folder) => (&folder.name, folder.created_at, folder.updated_at),
            Self::Asset(asset) => (&asset.name, asset.created_at, asset.updated_at),
        };
        let id = self.id().to_owned();
        match by {
            "title" => (0, title.clone(), id),
            "created" => (created_at, String::new(), id),
            _ => (updated_at, String::new(), id),
        }
    }

    pub fn to_json(&self, urls: &Urls, now: i64) -> Value {
        let value = match self {
            Self::Design(design) => design.summary(urls),
            Self::Folder(folder) => folder.to_json(),
            Self::Asset(asset) => asset.summary(urls, now),
        };
        json!({ "type": self.kind(), self.kind(): value })
    }
}

impl StoredFolder {
    pub(crate) fn to_json(&self) -> Value {
        json!({ "id": self.id, "name": self.name, "created_at": self.created_at, "updated_at": self.updated_at })
    }
}
