//! Design imports: turning a file, or what is at a URL, into one or more designs.

use std::fmt;

use super::{metadata_headers, on_end, sent_when_awaited};
use crate::boxed::BoxError;
use crate::checks::{self, lengths};
use crate::client::Client;
use crate::content::{OnProgress, UploadBody, UploadProgress};
use crate::error::{Error, Unconfirmed, UnconfirmedKind};
use crate::generated::types::{CreateUrlImportJobRequest, DesignImportMetadata};
pub use crate::generated::types::{DesignImportErrorCode, DesignLinks, DesignSummary};
use crate::job::{Job, JobKind, JobReference};
use crate::send::OnEnd;

sent_when_awaited! {
    ImportDesign => Job<Vec<DesignSummary>>,
    ImportDesignFromUrl => Job<Vec<DesignSummary>>,
}

impl Client {
    /// Imports a file, a PDF or an Office document for example, as a design.
    ///
    /// The content is a path, bytes, or a reader: see [`UploadBody`]. Await the builder to send it; it gives a
    /// [`Job`] to wait for, which gives the new designs: usually one, but a file with very many pages or images is
    /// split into several.
    ///
    #[doc = scope_and_rate!(CREATE_DESIGN_IMPORT_JOB)]
    ///
    /// ```no_run
    /// # async fn example(canva: canva_connect::Client) -> Result<(), canva_connect::Error> {
    /// let designs = canva.import_design("deck.pptx").title("Q4").await?.wait().await?;
    /// for design in designs {
    ///     println!("{}", design.urls.edit_url);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn import_design(&self, content: impl Into<UploadBody>) -> ImportDesign {
        let (client, content) = (self.clone(), content.into());
        ImportDesign { client, content, title: None, mime_type: None, on_progress: None, before_end: None }
    }

    /// Imports a file from a public URL as a design: Canva fetches it.
    ///
    /// Await the builder to send it; it gives a [`Job`] to wait for, as for [`import_design`](Self::import_design).
    #[doc = concat!(
        "The title has ", length!(CREATE_URL_IMPORT_JOB_REQUEST_TITLE), " characters, the URL ",
        length!(CREATE_URL_IMPORT_JOB_REQUEST_URL), "."
    )]
    ///
    /// While Canva fetches the file, another import from the same URL is a 400 with the code `invalid_request`.
    ///
    #[doc = scope_and_rate!(CREATE_URL_IMPORT_JOB)]
    ///
    /// ```no_run
    /// # async fn example(canva: canva_connect::Client) -> Result<(), canva_connect::Error> {
    /// let designs = canva.import_design_from_url("https://example.com/deck.pdf", "Q4").await?.wait().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn import_design_from_url(&self, url: impl Into<String>, title: impl Into<String>) -> ImportDesignFromUrl {
        let request = CreateUrlImportJobRequest { mime_type: None, title: title.into(), url: url.into() };
        ImportDesignFromUrl { client: self.clone(), request }
    }

    /// A handle for a design import job from its stored id. Nothing is sent until it is read or waited for.
    ///
    #[doc = scope_and_rate!(GET_DESIGN_IMPORT_JOB)]
    pub fn design_import_job(&self, job_id: impl Into<String>) -> Job<Vec<DesignSummary>> {
        Job::stored(self, JobReference::new(JobKind::Import, job_id))
    }

    /// A handle for a URL import job from its stored id. Nothing is sent until it is read or waited for.
    ///
    #[doc = scope_and_rate!(GET_URL_IMPORT_JOB)]
    pub fn url_import_job(&self, job_id: impl Into<String>) -> Job<Vec<DesignSummary>> {
        Job::stored(self, JobReference::new(JobKind::UrlImport, job_id))
    }
}

/// An import that has not been sent yet. Made by [`Client::import_design`].
///
/// # Errors
/// Awaited, it fails as [`UploadAsset`](crate::UploadAsset) does.
#[must_use = "nothing is sent until it is awaited"]
pub struct ImportDesign {
    client: Client,
    content: UploadBody,
    title: Option<String>,
    mime_type: Option<String>,
    on_progress: Option<OnProgress>,
    before_end: Option<OnEnd>,
}

impl ImportDesign {
    #[doc = concat!("The design's title: ", length!(DESIGN_IMPORT_METADATA_TITLE), " characters, any Unicode.")]
    /// Default: the file's name without its extension, for an import from a path. A title that is too long is
    /// shortened.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// The file's media type, such as `application/pdf`. Default: Canva works it out from the file.
    pub fn mime_type(mut self, mime_type: impl Into<String>) -> Self {
        self.mime_type = Some(mime_type.into());
        self
    }

    /// Reports the progress of the upload, as for [`UploadAsset::on_progress`](crate::UploadAsset::on_progress).
    pub fn on_progress(mut self, on_progress: impl FnMut(UploadProgress) + Send + 'static) -> Self {
        self.on_progress = Some(Box::new(on_progress));
        self
    }

    /// Calls this before the last bytes are sent, as for
    /// [`UploadAsset::before_end`](crate::UploadAsset::before_end).
    pub fn before_end<F, E>(mut self, before_end: impl Fn(Unconfirmed) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        self.before_end = Some(on_end(before_end));
        self
    }

    /// The title that it is sent with: the one given, or the file's name without its extension, shortened if it is too
    /// long.
    ///
    /// # Errors
    /// Those of [`check`](Self::check).
    pub fn sent_title(&self) -> Result<String, Error> {
        self.metadata().map(|(title, _)| title)
    }

    /// Checks it without sending it.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] if the title is empty or too long, or there is none and the content has no file name
    /// to take; or if the media type has no slash or can't stand in a header.
    pub fn check(&self) -> Result<(), Error> {
        self.metadata().map(drop)
    }

    fn metadata(&self) -> Result<(String, DesignImportMetadata), Error> {
        metadata_headers::design_import(self.title.as_deref(), self.content.path(), self.mime_type.as_deref())
    }

    async fn send(self) -> Result<Job<Vec<DesignSummary>>, Error> {
        let (title, metadata) = self.metadata()?;
        let call = self.client.generated().create_design_import_job(&metadata, self.content);
        let unconfirmed = Unconfirmed::new(UnconfirmedKind::Design, title);
        let call = call.report_to(self.on_progress).makes(unconfirmed, self.before_end);
        Job::create(&self.client, JobKind::Import, None, call).await
    }
}

impl fmt::Debug for ImportDesign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImportDesign")
            .field("content", &self.content)
            .field("title", &self.title)
            .finish_non_exhaustive()
    }
}

/// An import from a URL that has not been sent yet. Made by [`Client::import_design_from_url`].
///
/// # Errors
/// Awaited, it gives [`Error::InvalidInput`] before anything is sent, [`Error::OutcomeUnknown`] where a job may have
/// been made, and otherwise those of every [`Call`](crate::Call).
#[derive(Clone)]
#[must_use = "nothing is sent until it is awaited"]
pub struct ImportDesignFromUrl {
    client: Client,
    request: CreateUrlImportJobRequest,
}

impl ImportDesignFromUrl {
    #[doc = concat!("The file's media type, such as `application/pdf`: ", length!(CREATE_URL_IMPORT_JOB_REQUEST_MIME_TYPE), " characters.")]
    /// Default: Canva works it out from the file.
    pub fn mime_type(mut self, mime_type: impl Into<String>) -> Self {
        self.request.mime_type = Some(mime_type.into());
        self
    }

    /// Checks it without sending it.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] if the title, the URL or the media type is too short or too long, or the URL isn't one
    /// of `http` or `https`.
    pub fn check(&self) -> Result<(), Error> {
        checks::text("title", &self.request.title, &lengths::CREATE_URL_IMPORT_JOB_REQUEST_TITLE)?;
        checks::url(&self.request.url, &lengths::CREATE_URL_IMPORT_JOB_REQUEST_URL)?;
        match &self.request.mime_type {
            Some(it) => checks::mime_type(it, Some(&lengths::CREATE_URL_IMPORT_JOB_REQUEST_MIME_TYPE)),
            None => Ok(()),
        }
    }

    async fn send(self) -> Result<Job<Vec<DesignSummary>>, Error> {
        self.check()?;
        let unconfirmed = Unconfirmed::new(UnconfirmedKind::Design, self.request.title.clone());
        let call = self.client.generated().create_url_import_job(&self.request).makes(unconfirmed, None);
        Job::create(&self.client, JobKind::UrlImport, None, call).await
    }
}

impl fmt::Debug for ImportDesignFromUrl {
    /// Without the URL: with a signed URL, anybody can fetch the file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImportDesignFromUrl").finish_non_exhaustive()
    }
}
