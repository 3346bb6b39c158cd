//! Folders: listing what is in them.

use crate::checks::{self, lengths};
use crate::client::Client;
use crate::generated::ListFolderItemsOptions;
pub use crate::generated::types::{
    AssetSummary, Folder, FolderItemPinStatus, FolderItemSortBy, FolderItemSummary, FolderItemType,
};
use crate::send::Items;

impl Client {
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
        let limit = i32::try_from(*lengths::LIST_FOLDER_ITEMS_LIMIT.end()).ok();
        let options = ListFolderItemsOptions { limit, ..ListFolderItemsOptions::default() };
        ListFolderItems { client: self.clone(), folder_id: folder_id.into(), options }
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
    /// An item is [`Error::InvalidInput`](crate::Error::InvalidInput) if the folder's id can't be one,
    /// [`Error::Api`](crate::Error::Api) with status 404 if this user has no such folder, and otherwise an error as
    /// every [`Call`](crate::Call) gives. The stream ends after it.
    pub fn stream(self) -> Items<FolderItemSummary> {
        let valid = checks::id("folder_id", &self.folder_id, &lengths::FOLDER_ID);
        self.client.generated().list_folder_items_stream(&self.folder_id, &self.options).check(valid)
    }
}
