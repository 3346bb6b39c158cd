//! Designs: creating and copying them, reading one, and listing them.

use super::sent_when_awaited;
use crate::checks::{self, lengths};
use crate::client::Client;
use crate::error::{Error, Unconfirmed, UnconfirmedKind};
use crate::generated::ListDesignsOptions;
use crate::generated::types::{
    BrandTemplateCreateDesignRequest, CreateDesignRequest, DesignCreateDesignRequest, DesignTypeCreateDesignRequest,
};
pub use crate::generated::types::{
    CustomDesignTypeInput, Design, DesignTypeInput, DesignTypeOutputName, OwnershipType, PresetDesignTypeInput,
    PresetDesignTypeName, SortByType,
};
use crate::send::Items;

sent_when_awaited! {
    CreateDesign => Design,
    CopyDesign => Design,
    GetDesign => Design,
}

impl Client {
    /// Creates a design of a type or a size, at the top of the user's content library.
    ///
    /// The type is a [`PresetDesignTypeName`] or, for any other size, width and height in pixels.
    #[doc = concat!(
        "The width is ", length!(CUSTOM_DESIGN_TYPE_INPUT_WIDTH), ", the height ",
        length!(CUSTOM_DESIGN_TYPE_INPUT_HEIGHT), "."
    )]
    ///
    #[doc = scope_and_rate!(CREATE_DESIGN)]
    ///
    /// ```no_run
    /// # async fn example(canva: canva_connect::Client) -> Result<(), canva_connect::Error> {
    /// use canva_connect::PresetDesignTypeName;
    ///
    /// let design = canva.create_design(PresetDesignTypeName::Presentation).title("Q4").await?;
    /// println!("{}", design.urls.edit_url);
    /// let story = canva.create_design((1080, 1920)).asset_id("Msd59349ff").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn create_design(&self, design_type: impl Into<DesignTypeInput>) -> CreateDesign {
        let design_type = Some(design_type.into());
        let request = DesignTypeCreateDesignRequest { design_type, ..DesignTypeCreateDesignRequest::default() };
        CreateDesign { client: self.clone(), request }
    }

    /// Creates a design with an image of the user's in it, and leaves the type to Canva.
    ///
    /// [`CreateDesign::asset_id`] puts an image into a design of a type or a size.
    ///
    #[doc = scope_and_rate!(CREATE_DESIGN)]
    ///
    /// ```no_run
    /// # async fn example(canva: canva_connect::Client) -> Result<(), canva_connect::Error> {
    /// let asset = canva.upload_asset("photo.png").await?.wait().await?;
    /// let design = canva.create_design_from_asset(asset.id).title("Hero").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn create_design_from_asset(&self, asset_id: impl Into<String>) -> CreateDesign {
        CreateDesign { client: self.clone(), request: DesignTypeCreateDesignRequest::default() }.asset_id(asset_id)
    }

    /// Copies a design, or some of its pages, to the top of the user's content library.
    ///
    #[doc = scope_and_rate!(CREATE_DESIGN)]
    ///
    /// ```no_run
    /// # async fn example(canva: canva_connect::Client) -> Result<(), canva_connect::Error> {
    /// let copy = canva.copy_design("DAFVztcvd9z").pages([1, 3]).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn copy_design(&self, design_id: impl Into<String>) -> CopyDesign {
        CopyDesign { client: self.clone(), original: Original::Design(design_id.into()), page_numbers: None }
    }

    /// Makes a design that is a copy of a brand template, or of some of its pages, at the top of the user's content
    /// library.
    ///
    #[doc = scope_and_rate!(CREATE_DESIGN)]
    ///
    /// ```no_run
    /// # async fn example(canva: canva_connect::Client) -> Result<(), canva_connect::Error> {
    /// let design = canva.copy_brand_template("DEMzWSwy3BI").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn copy_brand_template(&self, brand_template_id: impl Into<String>) -> CopyDesign {
        let original = Original::BrandTemplate(brand_template_id.into());
        CopyDesign { client: self.clone(), original, page_numbers: None }
    }

    /// Reads a design: its title, its owner, its number of pages, and where it opens. The addresses work for 30 days.
    ///
    #[doc = scope_and_rate!(GET_DESIGN)]
    ///
    /// ```no_run
    /// # async fn example(canva: canva_connect::Client) -> Result<(), canva_connect::Error> {
    /// let design = canva.get_design("DAFVztcvd9z").await?;
    /// println!("{:?}", design.title);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_design(&self, design_id: impl Into<String>) -> GetDesign {
        GetDesign { client: self.clone(), design_id: design_id.into() }
    }

    /// Lists the user's designs, and those that others share with them, wherever they lie.
    ///
    #[doc = scope_and_rate!(LIST_DESIGNS)]
    ///
    /// ```no_run
    /// # async fn example(canva: canva_connect::Client) -> Result<(), canva_connect::Error> {
    /// let mut designs = canva.list_designs().query("summer").stream();
    /// while let Some(design) = designs.next().await {
    ///     let design = design?;
    ///     println!("{} {:?}", design.id, design.title);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn list_designs(&self) -> ListDesigns {
        let limit = checks::largest_page(&lengths::LIST_DESIGNS_LIMIT);
        ListDesigns { client: self.clone(), options: ListDesignsOptions { limit, ..ListDesignsOptions::default() } }
    }
}

impl From<PresetDesignTypeName> for DesignTypeInput {
    fn from(name: PresetDesignTypeName) -> Self {
        Self::Preset(PresetDesignTypeInput { name })
    }
}

/// Width and height in pixels.
impl From<(i32, i32)> for DesignTypeInput {
    fn from((width, height): (i32, i32)) -> Self {
        Self::Custom(CustomDesignTypeInput { height, width })
    }
}

/// A new design that has not been asked for yet. Made by [`Client::create_design`] and
/// [`Client::create_design_from_asset`].
///
/// # Errors
/// Awaited, it gives [`Error::InvalidInput`] before anything is sent, [`Error::Api`] with status 404 if this user has
/// no such asset, and with status 400 if it isn't an image, [`Error::OutcomeUnknown`] where the design may have been
/// made, and otherwise those of every [`Call`](crate::Call).
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until it is awaited"]
pub struct CreateDesign {
    client: Client,
    request: DesignTypeCreateDesignRequest,
}

impl CreateDesign {
    #[doc = concat!("The title, ", length!(DESIGN_TYPE_CREATE_DESIGN_REQUEST_TITLE), " characters.")]
    /// Default: the design has none.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.request.title = Some(title.into());
        self
    }

    /// Puts this image of the user's into the design.
    pub fn asset_id(mut self, asset_id: impl Into<String>) -> Self {
        self.request.asset_id = Some(asset_id.into());
        self
    }

    /// Checks it without sending it.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] if the width or the height is too small or too large, the title is empty or too long, or
    /// the asset's id can't be one.
    pub fn check(&self) -> Result<(), Error> {
        if let Some(DesignTypeInput::Custom(size)) = &self.request.design_type {
            checks::pixels("width", size.width, &lengths::CUSTOM_DESIGN_TYPE_INPUT_WIDTH)?;
            checks::pixels("height", size.height, &lengths::CUSTOM_DESIGN_TYPE_INPUT_HEIGHT)?;
        }
        if let Some(title) = &self.request.title {
            checks::text("title", title, &lengths::DESIGN_TYPE_CREATE_DESIGN_REQUEST_TITLE)?;
        }
        match &self.request.asset_id {
            Some(asset_id) => checks::id("asset_id", asset_id, &lengths::ASSET_ID),
            None => Ok(()),
        }
    }

    async fn send(self) -> Result<Design, Error> {
        self.check()?;
        let title = self.request.title.clone();
        let request = CreateDesignRequest::TypeAndAsset(self.request);
        let call = self.client.generated().create_design(&request);
        let call = match title {
            Some(title) => call.makes(Unconfirmed::new(UnconfirmedKind::Design, title), None),
            None => call,
        };
        Ok(call.await?.design)
    }
}

/// A copy that has not been asked for yet. Made by [`Client::copy_design`] and [`Client::copy_brand_template`].
///
/// # Errors
/// Awaited, it gives [`Error::InvalidInput`] before anything is sent, [`Error::Api`] with status 404 if this user has
/// no such design or brand template, and with status 400 if it lacks a page, [`Error::OutcomeUnknown`] where the copy
/// may have been made, and otherwise those of every [`Call`](crate::Call).
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until it is awaited"]
pub struct CopyDesign {
    client: Client,
    original: Original,
    page_numbers: Option<Vec<i32>>,
}

/// What is copied, by its id.
#[derive(Clone, Debug)]
enum Original {
    Design(String),
    BrandTemplate(String),
}

impl CopyDesign {
    /// Copies these pages alone, by their numbers; the first page is 1. Default: all of them.
    pub fn pages(mut self, page_numbers: impl IntoIterator<Item = i32>) -> Self {
        self.page_numbers = Some(page_numbers.into_iter().collect());
        self
    }

    /// Checks it without sending it.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] if the id can't be one, there are no pages, or a page's number is below 1.
    pub fn check(&self) -> Result<(), Error> {
        match &self.original {
            Original::Design(id) => checks::id("design_id", id, &lengths::DESIGN_CREATE_DESIGN_REQUEST_DESIGN_ID)?,
            Original::BrandTemplate(id) => {
                let length = &lengths::BRAND_TEMPLATE_CREATE_DESIGN_REQUEST_BRAND_TEMPLATE_ID;
                checks::id("brand_template_id", id, length)?;
            }
        }
        self.page_numbers.as_deref().map_or(Ok(()), checks::pages)
    }

    async fn send(self) -> Result<Design, Error> {
        self.check()?;
        let Self { client, original, page_numbers } = self;
        let request = match original {
            Original::Design(design_id) => {
                CreateDesignRequest::Design(DesignCreateDesignRequest { design_id, page_numbers })
            }
            Original::BrandTemplate(brand_template_id) => {
                CreateDesignRequest::BrandTemplate(BrandTemplateCreateDesignRequest { brand_template_id, page_numbers })
            }
        };
        Ok(client.generated().create_design(&request).await?.design)
    }
}

/// A request to read a design that has not been sent yet. Made by [`Client::get_design`].
///
/// # Errors
/// Awaited, it gives [`Error::InvalidInput`] if the id can't be one, [`Error::Api`] with status 404 if this user has
/// no such design, and otherwise those of every [`Call`](crate::Call).
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until it is awaited"]
pub struct GetDesign {
    client: Client,
    design_id: String,
}

impl GetDesign {
    async fn send(self) -> Result<Design, Error> {
        checks::id("design_id", &self.design_id, &lengths::DESIGN_ID)?;
        Ok(self.client.generated().get_design(&self.design_id).await?.design)
    }
}

/// A listing that has not been asked for yet. Made by [`Client::list_designs`].
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until the stream is polled"]
pub struct ListDesigns {
    client: Client,
    options: ListDesignsOptions,
}

impl ListDesigns {
    #[doc = concat!("Lists the designs whose titles have this in them, ", length!(LIST_DESIGNS_QUERY), " characters.")]
    /// Default: every design.
    pub fn query(mut self, query: impl Into<String>) -> Self {
        self.options.query = Some(query.into());
        self
    }

    /// Lists what the user owns alone, what others share with them alone, or both, which is the default.
    pub fn ownership(mut self, ownership: OwnershipType) -> Self {
        self.options.ownership = Some(ownership);
        self
    }

    /// The order. Default: what fits the query best comes first.
    pub fn sort_by(mut self, sort_by: SortByType) -> Self {
        self.options.sort_by = Some(sort_by);
        self
    }

    /// The designs, page by page, as many to a page as Canva allows.
    ///
    /// # Errors
    /// A design is [`Error::InvalidInput`] if the query is too long, and otherwise an error as every
    /// [`Call`](crate::Call) gives. The stream ends after it.
    pub fn stream(self) -> Items<Design> {
        let query = self.options.query.as_deref().unwrap_or_default();
        let valid = checks::text("query", query, &lengths::LIST_DESIGNS_QUERY);
        self.client.generated().list_designs_stream(&self.options).check(valid)
    }
}
