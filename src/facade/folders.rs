//! Folders: creating them, moving things into them, and listing what is in them.

use super::sent_when_awaited;
use crate::checks::{self, lengths};
use crate::client::Client;
use crate::error::Error;
use crate::generated::ListFolderItemsOptions;
pub use crate::generated::types::{
    AssetSummary, Folder, FolderItemPinStatus, FolderItemSortBy, FolderItemSummary, FolderItemType,
};
use crate::generated::types::{CreateFolderRequest, MoveFolderItemRequest};
use crate::send::Items;
use crate::send::response::Unreadable;

sent_when_awaited! {
    CreateFolder => Folder,
    MoveFolderItem => (),
}

impl Client {
    /// Creates an empty folder, at the top of the user's content library or in another folder.
    ///
    #[doc = concat!("The name has ", length!(CREATE_FOLDER_REQUEST_NAME), " characters.")]
    ///
    #[doc = scope_and_rate!(CREATE_FOLDER)]
    ///
    /// ```no_run
    /// # async fn example(canva: canva_connect::Client) -> Result<(), canva_connect::Error> {
    /// let campaigns = canva.create_folder("Campaigns").await?;
    /// let summer = canva.create_folder("Summer").parent(campaigns.id).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn create_folder(&self, folder_name: impl Into<String>) -> CreateFolder {
        let request = CreateFolderRequest { name: folder_name.into(), parent_folder_id: "root".to_owned() };
        CreateFolder { client: self.clone(), request }
    }

    /// Moves a design, an image, or a folder with all that is in it, into another folder. Videos can't be moved.
    ///
    /// The folder `root` is the top of the user's content library.
    ///
    #[doc = scope_and_rate!(MOVE_FOLDER_ITEM)]
    ///
    /// Moving it twice is moving it once, so the request is sent again if its response is lost.
    ///
    /// ```no_run
    /// # async fn example(canva: canva_connect::Client) -> Result<(), canva_connect::Error> {
    /// canva.move_folder_item("Msd59349ff", "FAF2lZtloor").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn move_folder_item(&self, item_id: impl Into<String>, to_folder_id: impl Into<String>) -> MoveFolderItem {
        let request = MoveFolderItemRequest { item_id: item_id.into(), to_folder_id: to_folder_id.into() };
        MoveFolderItem { client: self.clone(), request }
    }

    /// Lists a folder: the designs, images and folders in it. Videos are never listed.
    ///
    /// `root` is the top of the user's content library, and `uploads` what they uploaded.
    ///
    #[doc = scope_and_rate!(LIST_FOLDER_ITEMS)]
    ///
    /// ```no_run
    /// # async fn example(canva: canva_connect::Client) -> Result<(), canva_connect::Error> {
    /// use canva_connect::{FolderItemSortBy, FolderItemSummary};
    ///
    /// let mut items = canva.list_folder_items("uploads").sort_by(FolderItemSortBy::CreatedDescending).stream();
    /// while let Some(item) = items.next().await {
    ///     if let FolderItemSummary::Image(item) = item? {
    ///         println!("{} {}", item.image.id, item.image.name);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn list_folder_items(&self, folder_id: impl Into<String>) -> ListFolderItems {
        let limit = checks::largest_page(&lengths::LIST_FOLDER_ITEMS_LIMIT);
        let options = ListFolderItemsOptions { limit, ..ListFolderItemsOptions::default() };
        ListFolderItems { client: self.clone(), folder_id: folder_id.into(), options }
    }
}

/// A new folder that has not been asked for yet. Made by [`Client::create_folder`].
///
/// # Errors
/// Awaited, it gives [`Error::InvalidInput`] before anything is sent, [`Error::Api`] with status 404 if this user has
/// no such folder to put it in, [`Error::OutcomeUnknown`] where the folder may have been made, and otherwise those of
/// every [`Call`](crate::Call).
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until it is awaited"]
pub struct CreateFolder {
    client: Client,
    request: CreateFolderRequest,
}

impl CreateFolder {
    /// The folder to put it in: its id, or `uploads`. Default: `root`, the top of the user's content library.
    pub fn parent(mut self, folder_id: impl Into<String>) -> Self {
        self.request.parent_folder_id = folder_id.into();
        self
    }

    /// Checks it without sending it.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] if the name is empty or too long, or the id of the folder to put it in can't be one.
    pub fn check(&self) -> Result<(), Error> {
        checks::text("folder_name", &self.request.name, &lengths::CREATE_FOLDER_REQUEST_NAME)?;
        checks::id("folder_id", &self.request.parent_folder_id, &lengths::CREATE_FOLDER_REQUEST_PARENT_FOLDER_ID)
    }

    async fn send(self) -> Result<Folder, Error> {
        self.check()?;
        let call = self.client.generated().create_folder(&self.request);
        call.and_then(|response| response.folder.ok_or(Unreadable::from("it has no folder"))).await
    }
}

/// A move that has not been asked for yet. Made by [`Client::move_folder_item`].
///
/// # Errors
/// Awaited, it gives [`Error::InvalidInput`] if an id can't be one, [`Error::Api`] with status 404 if this user has no
/// such item or folder, and with status 400 if the item can't be moved there or the folder is full, and otherwise those
/// of every [`Call`](crate::Call).
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until it is awaited"]
pub struct MoveFolderItem {
    client: Client,
    request: MoveFolderItemRequest,
}

impl MoveFolderItem {
    async fn send(self) -> Result<(), Error> {
        checks::id("item_id", &self.request.item_id, &lengths::MOVE_FOLDER_ITEM_REQUEST_ITEM_ID)?;
        checks::id("to_folder_id", &self.request.to_folder_id, &lengths::MOVE_FOLDER_ITEM_REQUEST_TO_FOLDER_ID)?;
        self.client.generated().move_folder_item(&self.request).await
    }
}

/// A listing that has not been asked for yet. Made by [`Client::list_folder_items`].
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until the stream is polled"]
pub struct ListFolderItems {
    client: Client,
    folder_id: String,
    options: ListFolderItemsOptions,
}

impl ListFolderItems {
    /// Lists these types alone. Default: designs, folders and images.
    pub fn item_types(mut self, types: impl IntoIterator<Item = FolderItemType>) -> Self {
        self.options.item_types = Some(types.into_iter().collect());
        self
    }

    /// The order. Default: what was modified last comes first.
    pub fn sort_by(mut self, sort_by: FolderItemSortBy) -> Self {
        self.options.sort_by = Some(sort_by);
        self
    }

    /// Lists what is pinned in the folder alone, or everything, which is the default.
    pub fn pin_status(mut self, pin_status: FolderItemPinStatus) -> Self {
        self.options.pin_status = Some(pin_status);
        self
    }

    /// The items, page by page, as many to a page as Canva allows.
    ///
    /// # Errors
    /// An item is [`Error::InvalidInput`] if the folder's id can't be one, [`Error::Api`] with status 404 if this user
    /// has no such folder, and otherwise an error as every [`Call`](crate::Call) gives. The stream ends after it.
    pub fn stream(self) -> Items<FolderItemSummary> {
        let valid = checks::id("folder_id", &self.folder_id, &lengths::FOLDER_ID);
        self.client.generated().list_folder_items_stream(&self.folder_id, &self.options).check(valid)
    }
}
