//! Assets: uploading them from a file or from a URL, reading and deleting them, and changing their names and tags.

use std::ffi::OsStr;
use std::fmt;
use std::path::Path;

use super::{metadata_headers, on_end, sent_when_awaited};
use crate::boxed::BoxError;
use crate::checks::{self, lengths};
use crate::client::Client;
use crate::content::{OnProgress, UploadBody, UploadProgress};
use crate::error::{Error, Unconfirmed, UnconfirmedKind};
pub use crate::generated::types::{
    Asset, AssetMetadata, AssetType, AssetUploadErrorCode, JobStatus, TeamUserSummary, Thumbnail,
};
use crate::generated::types::{AssetUploadMetadata, CreateUrlAssetUploadJobRequest, UpdateAssetRequest};
use crate::job::{Job, JobKind, JobReference};
use crate::send::OnEnd;

/// Canva takes images under 50 MB, and videos under 500 MB, as its documentation of assets says. It doesn't say which
/// megabytes it means. These are the larger ones, so that nothing is refused that Canva would take.
const MAX_IMAGE_BYTES: u64 = 50 << 20;
const MAX_VIDEO_BYTES: u64 = 500 << 20;

/// What the names of images and of videos end with.
const IMAGES: [&str; 9] = ["gif", "heic", "heif", "jpeg", "jpg", "png", "tif", "tiff", "webp"];
const VIDEOS: [&str; 8] = ["m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "qt", "webm"];

/// What a file is, by its extension.
fn kind(path: &Path) -> UnconfirmedKind {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    let is = |one: &&str| extension.eq_ignore_ascii_case(one);
    match (IMAGES.iter().any(is), VIDEOS.iter().any(is)) {
        (true, _) => UnconfirmedKind::Image,
        (_, true) => UnconfirmedKind::Video,
        _ => UnconfirmedKind::Asset,
    }
}

/// How long the content may be. Without a path it may be a video.
fn max_bytes(path: Option<&Path>) -> u64 {
    match path.map(kind) {
        Some(UnconfirmedKind::Image) => MAX_IMAGE_BYTES,
        _ => MAX_VIDEO_BYTES,
    }
}

sent_when_awaited! {
    UploadAsset => Job<Asset>,
    UploadAssetFromUrl => Job<Asset>,
    GetAsset => Asset,
    UpdateAsset => Asset,
    DeleteAsset => (),
}

impl Client {
    /// Uploads an image or video to the user's content library.
    ///
    /// The content is a path, bytes, or a reader: see [`UploadBody`]. Await the builder to send it; it gives a
    /// [`Job`] to wait for.
    ///
    /// Canva takes images under 50 MB (JPEG, PNG, HEIC, TIFF, and GIF and WebP of one frame) and videos under 500 MB (M4V,
    /// MKV, MP4, MPEG, MOV, WebM). A file that is certainly longer is refused before any of it is sent: an image by its
    /// extension over 50 MiB, anything over 500 MiB.
    ///
    #[doc = scope_and_rate!(CREATE_ASSET_UPLOAD_JOB)]
    ///
    /// ```no_run
    /// # async fn example(canva: canva_connect::Client) -> Result<(), canva_connect::Error> {
    /// let mut job = canva
    ///     .upload_asset("photo.png")
    ///     .name("Hero 🚀")
    ///     .on_progress(|p| eprintln!("{}/{}", p.sent, p.total))
    ///     .await?;
    /// let asset = job.wait().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn upload_asset(&self, content: impl Into<UploadBody>) -> UploadAsset {
        let (client, content) = (self.clone(), content.into());
        UploadAsset { client, content, name: None, folder_id: None, on_progress: None, before_end: None }
    }

    /// Uploads an image or video from a public URL: Canva fetches it into the user's content library.
    ///
    /// Await the builder to send it; it gives a [`Job`] to wait for, as for [`upload_asset`](Self::upload_asset).
    #[doc = concat!(
        "The name has ", length!(CREATE_URL_ASSET_UPLOAD_JOB_REQUEST_NAME), " characters, the URL ",
        length!(CREATE_URL_ASSET_UPLOAD_JOB_REQUEST_URL), ". A video may be at most 100 MB."
    )]
    ///
    /// Canva takes a URL once: while it fetches the file, and as long as the asset is there, another request is a 400
    /// with the code `invalid_request`.
    ///
    #[doc = scope_and_rate!(CREATE_URL_ASSET_UPLOAD_JOB)]
    ///
    /// ```no_run
    /// # async fn example(canva: canva_connect::Client) -> Result<(), canva_connect::Error> {
    /// let asset = canva.upload_asset_from_url("https://example.com/photo.jpg", "Photo").await?.wait().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn upload_asset_from_url(&self, url: impl Into<String>, name: impl Into<String>) -> UploadAssetFromUrl {
        let request = CreateUrlAssetUploadJobRequest { name: name.into(), url: url.into() };
        UploadAssetFromUrl { client: self.clone(), request }
    }

    /// Reads an asset: its name, its tags, and a thumbnail whose address works for 15 minutes.
    ///
    #[doc = scope_and_rate!(GET_ASSET)]
    ///
    /// ```no_run
    /// # async fn example(canva: canva_connect::Client) -> Result<(), canva_connect::Error> {
    /// let asset = canva.get_asset("Msd59349ff").await?;
    /// println!("{}", asset.name);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_asset(&self, asset_id: impl Into<String>) -> GetAsset {
        GetAsset { client: self.clone(), asset_id: asset_id.into() }
    }

    /// Changes an asset's name, tags, or both. Await the builder to send it; it gives the asset as it is then.
    ///
    /// A field that isn't set stays as it is.
    ///
    #[doc = scope_and_rate!(UPDATE_ASSET)]
    ///
    /// ```no_run
    /// # async fn example(canva: canva_connect::Client) -> Result<(), canva_connect::Error> {
    /// canva.update_asset("Msd59349ff").name("New").await?; // the tags stay
    /// canva.update_asset("Msd59349ff").tags(["a", "b"]).await?; // these tags, in place of all others
    /// canva.update_asset("Msd59349ff").clear_tags().await?; // no tags
    /// # Ok(())
    /// # }
    /// ```
    pub fn update_asset(&self, asset_id: impl Into<String>) -> UpdateAsset {
        UpdateAsset { client: self.clone(), asset_id: asset_id.into(), request: UpdateAssetRequest::default() }
    }

    /// Moves an asset to the trash.
    ///
    #[doc = scope_and_rate!(DELETE_ASSET)]
    ///
    /// If the response to one attempt is lost and the next attempt finds no such asset, the asset counts as deleted.
    ///
    /// ```no_run
    /// # async fn example(canva: canva_connect::Client) -> Result<(), canva_connect::Error> {
    /// canva.delete_asset("Msd59349ff").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete_asset(&self, asset_id: impl Into<String>) -> DeleteAsset {
        DeleteAsset { client: self.clone(), asset_id: asset_id.into() }
    }

    /// A handle for an asset upload job from its stored id. Nothing is sent until it is read or waited for.
    ///
    #[doc = scope_and_rate!(GET_ASSET_UPLOAD_JOB)]
    pub fn asset_upload_job(&self, job_id: impl Into<String>) -> Job<Asset> {
        Job::stored(self, JobReference::new(JobKind::AssetUpload, job_id))
    }

    /// A handle for a URL asset upload job from its stored id. Nothing is sent until it is read or waited for.
    ///
    #[doc = scope_and_rate!(GET_URL_ASSET_UPLOAD_JOB)]
    pub fn url_asset_upload_job(&self, job_id: impl Into<String>) -> Job<Asset> {
        Job::stored(self, JobReference::new(JobKind::UrlAssetUpload, job_id))
    }
}

/// An upload that has not been sent yet. Made by [`Client::upload_asset`].
///
/// # Errors
/// Awaited, it gives [`Error::InvalidInput`] before anything is sent, [`Error::Body`] if the content can't be read,
/// changes or is too long, [`Error::OutcomeUnknown`] where a job may have been made, and otherwise those of every
/// [`Call`](crate::Call).
#[must_use = "nothing is sent until it is awaited"]
pub struct UploadAsset {
    client: Client,
    content: UploadBody,
    name: Option<String>,
    folder_id: Option<String>,
    on_progress: Option<OnProgress>,
    before_end: Option<OnEnd>,
}

impl UploadAsset {
    #[doc = concat!("The asset's name in Canva: ", length!(ASSET_UPLOAD_METADATA_NAME), " characters, any Unicode.")]
    /// Default: the file's name, for an upload from a path. A name that is too long is shortened before its extension.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Moves the asset to this folder when its job has ended: Canva puts every upload into the folder `uploads`. So
    /// [`Job::wait`] does it, and the job's [`reference`](Job::reference) keeps the folder. Videos can't be moved.
    ///
    /// An asset that is there and couldn't be moved is an [`Error::NotMoved`].
    ///
    #[doc = scope_and_rate!(MOVE_FOLDER_ITEM)]
    pub fn folder(mut self, folder_id: impl Into<String>) -> Self {
        self.folder_id = Some(folder_id.into());
        self
    }

    /// Calls this before the last bytes are sent: until it has succeeded, Canva can't have the whole file. Each attempt
    /// that gets that far calls it.
    ///
    /// A program that may be killed stores what it is given here. After its next start, a file with nothing stored is
    /// not in Canva, and one with an [`Unconfirmed`] is looked up with [`Client::look_up_all`].
    ///
    /// If it fails, so does the upload, with [`BodyError::HeldBack`](crate::BodyError::HeldBack). It must end
    /// within the [stall timeout](crate::ClientBuilder::stall_timeout), and should be quick: a look-up counts the time
    /// from when it began.
    ///
    /// ```no_run
    /// # async fn example(canva: canva_connect::Client) -> Result<(), canva_connect::Error> {
    /// let upload = canva.upload_asset("photo.png").before_end(|unconfirmed| async move {
    ///     tokio::fs::write("photo.png.sent", serde_json::to_vec(&unconfirmed)?).await
    /// });
    /// # upload.await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn before_end<F, E>(mut self, before_end: impl Fn(Unconfirmed) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        self.before_end = Some(on_end(before_end));
        self
    }

    /// Reports the progress of the upload: at the first byte of every attempt, then every 64 KiB or 100 ms, and at
    /// the last byte. The function runs where the bytes are sent, so it must be quick.
    pub fn on_progress(mut self, on_progress: impl FnMut(UploadProgress) + Send + 'static) -> Self {
        self.on_progress = Some(Box::new(on_progress));
        self
    }

    /// The name that it is sent with: the one given, or the file's, shortened if it is too long. With more files than
    /// one, it shows whether two get the same name.
    ///
    /// # Errors
    /// Those of [`check`](Self::check).
    pub fn sent_name(&self) -> Result<String, Error> {
        self.metadata().map(|(name, _)| name)
    }

    /// Checks it without sending it.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] if the name is empty or too long, or there is none and the content has no file name to
    /// take; or if the folder's id can't be one.
    pub fn check(&self) -> Result<(), Error> {
        self.metadata().map(drop)
    }

    fn metadata(&self) -> Result<(String, AssetUploadMetadata), Error> {
        if let Some(folder_id) = &self.folder_id {
            checks::id("folder_id", folder_id, &lengths::FOLDER_ID)?;
        }
        metadata_headers::asset_upload(self.name.as_deref(), self.content.path())
    }

    async fn send(self) -> Result<Job<Asset>, Error> {
        let (name, metadata) = self.metadata()?;
        let (path, folder_id) = (self.content.path(), self.folder_id);
        let kind = kind(path.unwrap_or(Path::new(&name)));
        let unconfirmed = Unconfirmed { folder_id: folder_id.clone(), ..Unconfirmed::new(kind, name) };
        let max_bytes = max_bytes(path);
        let call = self.client.generated().create_asset_upload_job(&metadata, self.content);
        let call = call.at_most(max_bytes).report_to(self.on_progress).makes(unconfirmed, self.before_end);
        Job::create(&self.client, JobKind::AssetUpload, folder_id, call).await
    }
}

impl fmt::Debug for UploadAsset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadAsset").field("content", &self.content).field("name", &self.name).finish_non_exhaustive()
    }
}

/// An upload from a URL that has not been sent yet. Made by [`Client::upload_asset_from_url`].
///
/// # Errors
/// Awaited, it gives [`Error::InvalidInput`] before anything is sent, [`Error::OutcomeUnknown`] where a job may have
/// been made, and otherwise those of every [`Call`](crate::Call).
#[derive(Clone)]
#[must_use = "nothing is sent until it is awaited"]
pub struct UploadAssetFromUrl {
    client: Client,
    request: CreateUrlAssetUploadJobRequest,
}

impl UploadAssetFromUrl {
    /// Checks it without sending it.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] if the name or the URL is too short or too long, or the URL isn't one of `http` or
    /// `https`.
    pub fn check(&self) -> Result<(), Error> {
        checks::text("name", &self.request.name, &lengths::CREATE_URL_ASSET_UPLOAD_JOB_REQUEST_NAME)?;
        checks::url(&self.request.url, &lengths::CREATE_URL_ASSET_UPLOAD_JOB_REQUEST_URL)
    }

    async fn send(self) -> Result<Job<Asset>, Error> {
        self.check()?;
        let unconfirmed = Unconfirmed::new(kind(Path::new(&self.request.name)), self.request.name.clone());
        let call = self.client.generated().create_url_asset_upload_job(&self.request).makes(unconfirmed, None);
        Job::create(&self.client, JobKind::UrlAssetUpload, None, call).await
    }
}

impl fmt::Debug for UploadAssetFromUrl {
    /// Without the URL: with a signed URL, anybody can fetch the file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadAssetFromUrl").finish_non_exhaustive()
    }
}

/// A change to an asset that has not been sent yet. Made by [`Client::update_asset`].
///
/// # Errors
/// Awaited, it gives [`Error::InvalidInput`] before anything is sent, [`Error::Api`] with status 404 if this user has
/// no such asset, and otherwise those of every [`Call`](crate::Call).
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until it is awaited"]
pub struct UpdateAsset {
    client: Client,
    asset_id: String,
    request: UpdateAssetRequest,
}

impl UpdateAsset {
    #[doc = concat!("The new name, ", length!(UPDATE_ASSET_REQUEST_NAME), " characters.")]
    /// An empty name changes nothing.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.request.name = Some(name.into());
        self
    }

    /// The new tags, in place of all that the asset has. [`clear_tags`](Self::clear_tags) removes them all.
    #[doc = concat!(
        "There may be ", length!(UPDATE_ASSET_REQUEST_TAGS), ", of ", length!(UPDATE_ASSET_REQUEST_TAGS_ITEM),
        " characters each."
    )]
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.request.tags = Some(tags.into_iter().map(Into::into).collect());
        self
    }

    /// Removes every tag.
    pub fn clear_tags(self) -> Self {
        self.tags::<String>([])
    }

    /// Checks it without sending it.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] if the id can't be one, the name or a tag is too long, or there are too many tags.
    pub fn check(&self) -> Result<(), Error> {
        checks::id("asset_id", &self.asset_id, &lengths::ASSET_ID)?;
        if let Some(name) = &self.request.name {
            checks::text("name", name, &lengths::UPDATE_ASSET_REQUEST_NAME)?;
        }
        if let Some(tags) = &self.request.tags {
            let (length, each) = (&lengths::UPDATE_ASSET_REQUEST_TAGS, &lengths::UPDATE_ASSET_REQUEST_TAGS_ITEM);
            checks::texts("tags", tags, length, each)?;
        }
        Ok(())
    }

    async fn send(self) -> Result<Asset, Error> {
        self.check()?;
        Ok(self.client.generated().update_asset(&self.asset_id, &self.request).await?.asset)
    }
}

/// A request to read an asset that has not been sent yet. Made by [`Client::get_asset`].
///
/// # Errors
/// Awaited, it gives [`Error::InvalidInput`] if the id can't be one, [`Error::Api`] with status 404 if this user has
/// no such asset, and otherwise those of every [`Call`](crate::Call).
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until it is awaited"]
pub struct GetAsset {
    client: Client,
    asset_id: String,
}

impl GetAsset {
    async fn send(self) -> Result<Asset, Error> {
        checks::id("asset_id", &self.asset_id, &lengths::ASSET_ID)?;
        Ok(self.client.generated().get_asset(&self.asset_id).await?.asset)
    }
}

/// A deletion that has not been sent yet. Made by [`Client::delete_asset`].
///
/// # Errors
/// As those of [`GetAsset`].
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until it is awaited"]
pub struct DeleteAsset {
    client: Client,
    asset_id: String,
}

impl DeleteAsset {
    async fn send(self) -> Result<(), Error> {
        checks::id("asset_id", &self.asset_id, &lengths::ASSET_ID)?;
        self.client.generated().delete_asset(&self.asset_id).await
    }
}
