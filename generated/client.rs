// Written by build.rs from openapi.yaml. Don't edit: change the spec and run `cargo regenerate`.

use super::operations;
use crate::content::UploadBody;
use crate::send::{Call, Items, Sender};
/// The schemas of the spec.
pub mod types {
    /// An image or video in the user's content library.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct Asset {
        /// When the asset came to Canva, in seconds since the Unix epoch.
        #[serde(deserialize_with = "crate::send::lenient::integer")]
        pub created_at: i64,
        /// The asset's id.
        pub id: ::std::string::String,
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub import_status: ::std::option::Option<ImportStatus>,
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub metadata: ::std::option::Option<AssetMetadata>,
        /// The asset's name, as shown in Canva.
        pub name: ::std::string::String,
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub owner: ::std::option::Option<TeamUserSummary>,
        /// The tags under which users find the asset; an empty list where there are none.
        #[serde(default, deserialize_with = "crate::send::lenient::list")]
        pub tags: ::std::vec::Vec<::std::string::String>,
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub thumbnail: ::std::option::Option<Thumbnail>,
        #[serde(rename = "type", skip_serializing_if = "::std::option::Option::is_none")]
        pub type_: ::std::option::Option<AssetType>,
        /// When the asset last changed, in seconds since the Unix epoch.
        #[serde(deserialize_with = "crate::send::lenient::integer")]
        pub updated_at: i64,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// What Canva found out about the file. Only `type` is sure; what else there is depends on it, and on the file.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct AssetMetadata {
        /// How long the video is, in whole seconds. Images have none.
        #[serde(
            skip_serializing_if = "::std::option::Option::is_none",
            default,
            deserialize_with = "crate::send::lenient::optional_integer"
        )]
        pub duration: ::std::option::Option<i64>,
        /// Height of the image or video, in pixels.
        #[serde(
            skip_serializing_if = "::std::option::Option::is_none",
            default,
            deserialize_with = "crate::send::lenient::optional_integer"
        )]
        pub height: ::std::option::Option<i64>,
        /// The tags that Canva itself gave the image. Videos have none.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub smart_tags: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
        #[serde(rename = "type")]
        pub type_: AssetType,
        /// Width of the image or video, in pixels.
        #[serde(
            skip_serializing_if = "::std::option::Option::is_none",
            default,
            deserialize_with = "crate::send::lenient::optional_integer"
        )]
        pub width: ::std::option::Option<i64>,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// An image or video, in short.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct AssetSummary {
        /// When the asset came to Canva, in seconds since the Unix epoch.
        #[serde(deserialize_with = "crate::send::lenient::integer")]
        pub created_at: i64,
        /// The asset's id.
        pub id: ::std::string::String,
        /// The asset's name, as shown in Canva.
        pub name: ::std::string::String,
        /// The tags under which users find the asset; an empty list where there are none.
        #[serde(default, deserialize_with = "crate::send::lenient::list")]
        pub tags: ::std::vec::Vec<::std::string::String>,
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub thumbnail: ::std::option::Option<Thumbnail>,
        #[serde(rename = "type")]
        pub type_: AssetType,
        /// When the asset last changed, in seconds since the Unix epoch.
        #[serde(deserialize_with = "crate::send::lenient::integer")]
        pub updated_at: i64,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// What kind of asset it is.
    #[derive(::serde::Deserialize, ::serde::Serialize)]
    #[derive(Clone, Debug, Eq, Hash, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub enum AssetType {
        #[serde(rename = "image")]
        Image,
        #[serde(rename = "video")]
        Video,
        /// A value that the spec doesn't list, as the server sent it.
        #[serde(untagged)]
        Unknown(::std::string::String),
    }
    impl AssetType {
        /// The value as the server sends it.
        pub fn as_str(&self) -> &str {
            match self {
                Self::Image => "image",
                Self::Video => "video",
                Self::Unknown(value) => value,
            }
        }
    }
    impl ::std::fmt::Display for AssetType {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            f.write_str(self.as_str())
        }
    }
    /// Why an asset upload job failed.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct AssetUploadError {
        pub code: AssetUploadErrorCode,
        /// What went wrong, for people.
        pub message: ::std::string::String,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// The reason for a failed upload, for programs: the file is too big, it can't be imported, or its URL can't be
    /// fetched.
    #[derive(::serde::Deserialize, ::serde::Serialize)]
    #[derive(Clone, Debug, Eq, Hash, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub enum AssetUploadErrorCode {
        #[serde(rename = "file_too_big")]
        FileTooBig,
        #[serde(rename = "import_failed")]
        ImportFailed,
        #[serde(rename = "fetch_failed")]
        FetchFailed,
        /// A value that the spec doesn't list, as the server sent it.
        #[serde(untagged)]
        Unknown(::std::string::String),
    }
    impl AssetUploadErrorCode {
        /// The value as the server sends it.
        pub fn as_str(&self) -> &str {
            match self {
                Self::FileTooBig => "file_too_big",
                Self::ImportFailed => "import_failed",
                Self::FetchFailed => "fetch_failed",
                Self::Unknown(value) => value,
            }
        }
    }
    impl ::std::fmt::Display for AssetUploadErrorCode {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            f.write_str(self.as_str())
        }
    }
    /// A running or finished upload. `asset` comes with success, `error` with failure; neither is sure to.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct AssetUploadJob {
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub asset: ::std::option::Option<Asset>,
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub error: ::std::option::Option<AssetUploadError>,
        /// The job's id.
        pub id: ::std::string::String,
        pub status: JobStatus,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// The response to starting or reading an asset upload job.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct AssetUploadJobResponse {
        pub job: AssetUploadJob,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// What the `Asset-Upload-Metadata` header carries.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    pub struct AssetUploadMetadata {
        /// The asset's name in Base64 (standard alphabet, padded) of its UTF-8 bytes; unencoded, 1 to 50 characters.
        pub name_base64: ::std::string::String,
    }
    /// Makes a copy of a brand template.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    pub struct BrandTemplateCreateDesignRequest {
        /// The brand template's id.
        pub brand_template_id: ::std::string::String,
        /// Which pages to copy, the first being 1. Without it, all of them.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub page_numbers: ::std::option::Option<::std::vec::Vec<i32>>,
    }
    /// A brand template in a folder.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct BrandTemplateItem {
        pub brand_template: BrandTemplateSummary,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// A brand template, in short.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct BrandTemplateSummary {
        /// Makes a design of the brand template.
        pub create_url: ::std::string::String,
        /// When the brand template was made, in seconds since the Unix epoch.
        #[serde(deserialize_with = "crate::send::lenient::integer")]
        pub created_at: i64,
        /// The brand template's id.
        pub id: ::std::string::String,
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub thumbnail: ::std::option::Option<Thumbnail>,
        /// The brand template's title.
        pub title: ::std::string::String,
        /// When the brand template last changed, in seconds since the Unix epoch.
        #[serde(deserialize_with = "crate::send::lenient::integer")]
        pub updated_at: i64,
        /// Opens the brand template for viewing.
        pub view_url: ::std::string::String,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// What to make the design from. `type` says what that is, and which other fields there are.
    #[derive(Clone, Debug, PartialEq)]
    #[cfg_attr(
        feature = "schemars",
        derive(schemars::JsonSchema),
        schemars(tag = "type")
    )]
    #[non_exhaustive]
    pub enum CreateDesignRequest {
        #[cfg_attr(feature = "schemars", schemars(rename = "type_and_asset"))]
        TypeAndAsset(DesignTypeCreateDesignRequest),
        #[cfg_attr(feature = "schemars", schemars(rename = "design"))]
        Design(DesignCreateDesignRequest),
        #[cfg_attr(feature = "schemars", schemars(rename = "brand_template"))]
        BrandTemplate(BrandTemplateCreateDesignRequest),
        /// One that the spec doesn't list, whole, as the server sent it.
        #[cfg_attr(feature = "schemars", schemars(untagged))]
        Unknown(::serde_json::Value),
    }
    impl ::serde::Serialize for CreateDesignRequest {
        fn serialize<S: ::serde::Serializer>(
            &self,
            serializer: S,
        ) -> ::std::result::Result<S::Ok, S::Error> {
            match self {
                Self::TypeAndAsset(variant) => {
                    crate::send::tagged::write(
                        serializer,
                        "type",
                        "type_and_asset",
                        variant,
                    )
                }
                Self::Design(variant) => {
                    crate::send::tagged::write(serializer, "type", "design", variant)
                }
                Self::BrandTemplate(variant) => {
                    crate::send::tagged::write(
                        serializer,
                        "type",
                        "brand_template",
                        variant,
                    )
                }
                Self::Unknown(value) => ::serde::Serialize::serialize(value, serializer),
            }
        }
    }
    impl<'de> ::serde::Deserialize<'de> for CreateDesignRequest {
        fn deserialize<D: ::serde::Deserializer<'de>>(
            deserializer: D,
        ) -> ::std::result::Result<Self, D::Error> {
            let tagged = crate::send::tagged::Tagged::read(deserializer, "type")?;
            match tagged.tag() {
                Some("type_and_asset") => tagged.variant(false).map(Self::TypeAndAsset),
                Some("design") => tagged.variant(false).map(Self::Design),
                Some("brand_template") => tagged.variant(false).map(Self::BrandTemplate),
                _ => Ok(Self::Unknown(tagged.whole())),
            }
        }
    }
    /// The response to creating a design.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct CreateDesignResponse {
        pub design: Design,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// What to call the folder, and where to put it.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    pub struct CreateFolderRequest {
        /// The folder's name.
        pub name: ::std::string::String,
        /// The id of the folder to put it in, or `root` or `uploads`.
        pub parent_folder_id: ::std::string::String,
    }
    /// The response to creating a folder.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct CreateFolderResponse {
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub folder: ::std::option::Option<Folder>,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// Which file to fetch, and what to call it.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    pub struct CreateUrlAssetUploadJobRequest {
        /// The asset's name.
        pub name: ::std::string::String,
        /// Where the file is. It must be reachable from the internet without credentials.
        pub url: ::std::string::String,
    }
    /// Which file to fetch, and what to call the design.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    pub struct CreateUrlImportJobRequest {
        /// The file's media type. Where it is left out, Canva works it out from the file.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub mime_type: ::std::option::Option<::std::string::String>,
        /// The design's title.
        pub title: ::std::string::String,
        /// Where the file is. It must be reachable from the internet without credentials.
        pub url: ::std::string::String,
    }
    /// A design of this size.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    pub struct CustomDesignTypeInput {
        /// Height in pixels.
        pub height: i32,
        /// Width in pixels.
        pub width: i32,
    }
    /// A design.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct Design {
        /// When the design was made, in seconds since the Unix epoch.
        #[serde(deserialize_with = "crate::send::lenient::integer")]
        pub created_at: i64,
        /// What kinds of design there are in it.
        #[serde(default, deserialize_with = "crate::send::lenient::list")]
        pub design_types: ::std::vec::Vec<DesignTypeOutputName>,
        /// The design's id.
        pub id: ::std::string::String,
        pub owner: TeamUserSummary,
        /// How many pages the design has. Left out for kinds of design without pages.
        #[serde(
            skip_serializing_if = "::std::option::Option::is_none",
            default,
            deserialize_with = "crate::send::lenient::optional_integer"
        )]
        pub page_count: ::std::option::Option<i64>,
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub thumbnail: ::std::option::Option<Thumbnail>,
        /// The design's title.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub title: ::std::option::Option<::std::string::String>,
        /// When the design last changed, in seconds since the Unix epoch.
        #[serde(deserialize_with = "crate::send::lenient::integer")]
        pub updated_at: i64,
        pub urls: DesignLinks,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// Makes a copy of a design.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    pub struct DesignCreateDesignRequest {
        /// The design's id.
        pub design_id: ::std::string::String,
        /// Which pages to copy, the first being 1. Without it, all of them.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub page_numbers: ::std::option::Option<::std::vec::Vec<i32>>,
    }
    /// Why a design import job failed.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct DesignImportError {
        pub code: DesignImportErrorCode,
        /// What went wrong, for people.
        pub message: ::std::string::String,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// The reason for a failed import, for programs: too many designs created or imported of late, the same file
    /// already imported, a fault at Canva, a file that can't be read, or a URL that can't be fetched.
    #[derive(::serde::Deserialize, ::serde::Serialize)]
    #[derive(Clone, Debug, Eq, Hash, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub enum DesignImportErrorCode {
        #[serde(rename = "design_creation_throttled")]
        DesignCreationThrottled,
        #[serde(rename = "design_import_throttled")]
        DesignImportThrottled,
        #[serde(rename = "duplicate_import")]
        DuplicateImport,
        #[serde(rename = "internal_error")]
        InternalError,
        #[serde(rename = "invalid_file")]
        InvalidFile,
        #[serde(rename = "fetch_failed")]
        FetchFailed,
        /// A value that the spec doesn't list, as the server sent it.
        #[serde(untagged)]
        Unknown(::std::string::String),
    }
    impl DesignImportErrorCode {
        /// The value as the server sends it.
        pub fn as_str(&self) -> &str {
            match self {
                Self::DesignCreationThrottled => "design_creation_throttled",
                Self::DesignImportThrottled => "design_import_throttled",
                Self::DuplicateImport => "duplicate_import",
                Self::InternalError => "internal_error",
                Self::InvalidFile => "invalid_file",
                Self::FetchFailed => "fetch_failed",
                Self::Unknown(value) => value,
            }
        }
    }
    impl ::std::fmt::Display for DesignImportErrorCode {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            f.write_str(self.as_str())
        }
    }
    /// A running or finished import. `result` comes with success, `error` with failure; neither is sure to.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct DesignImportJob {
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub error: ::std::option::Option<DesignImportError>,
        /// The job's id.
        pub id: ::std::string::String,
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub result: ::std::option::Option<DesignImportJobResult>,
        pub status: JobStatus,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// The response to starting or reading a design import job.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct DesignImportJobResponse {
        pub job: DesignImportJob,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// What an import made.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct DesignImportJobResult {
        /// The new designs. Usually one; a file with very many pages or images is split into several.
        #[serde(default, deserialize_with = "crate::send::lenient::list")]
        pub designs: ::std::vec::Vec<DesignSummary>,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// What the `Import-Metadata` header carries.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    pub struct DesignImportMetadata {
        /// The file's media type. Where it is left out, Canva works it out from the file.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub mime_type: ::std::option::Option<::std::string::String>,
        /// The design's title in Base64 (standard alphabet, padded) of its UTF-8 bytes; unencoded, 1 to 50 characters.
        pub title_base64: ::std::string::String,
    }
    /// A design in a folder.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct DesignItem {
        pub design: DesignSummary,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// Links to a design that last for 30 days and open only for the user they were made for.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct DesignLinks {
        /// Opens the design for editing.
        pub edit_url: ::std::string::String,
        /// Opens the design for viewing.
        pub view_url: ::std::string::String,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// A design, in short.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct DesignSummary {
        /// When the design was made, in seconds since the Unix epoch.
        #[serde(deserialize_with = "crate::send::lenient::integer")]
        pub created_at: i64,
        /// The design's id.
        pub id: ::std::string::String,
        /// How many pages the design has. Left out for kinds of design without pages.
        #[serde(
            skip_serializing_if = "::std::option::Option::is_none",
            default,
            deserialize_with = "crate::send::lenient::optional_integer"
        )]
        pub page_count: ::std::option::Option<i64>,
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub thumbnail: ::std::option::Option<Thumbnail>,
        /// The design's title.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub title: ::std::option::Option<::std::string::String>,
        /// When the design last changed, in seconds since the Unix epoch.
        #[serde(deserialize_with = "crate::send::lenient::integer")]
        pub updated_at: i64,
        /// The design's permanent address.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub url: ::std::option::Option<::std::string::String>,
        pub urls: DesignLinks,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// Makes a design of a type or size, with an image in it, or both. It takes `design_type`, `asset_id`, or both.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    pub struct DesignTypeCreateDesignRequest {
        /// The id of an image of the user's.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub asset_id: ::std::option::Option<::std::string::String>,
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub design_type: ::std::option::Option<DesignTypeInput>,
        /// The design's title.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub title: ::std::option::Option<::std::string::String>,
    }
    /// A type of design by its name, or a size. `type` says which.
    #[derive(Clone, Debug, PartialEq)]
    #[cfg_attr(
        feature = "schemars",
        derive(schemars::JsonSchema),
        schemars(tag = "type")
    )]
    #[non_exhaustive]
    pub enum DesignTypeInput {
        #[cfg_attr(feature = "schemars", schemars(rename = "preset"))]
        Preset(PresetDesignTypeInput),
        #[cfg_attr(feature = "schemars", schemars(rename = "custom"))]
        Custom(CustomDesignTypeInput),
        /// One that the spec doesn't list, whole, as the server sent it.
        #[cfg_attr(feature = "schemars", schemars(untagged))]
        Unknown(::serde_json::Value),
    }
    impl ::serde::Serialize for DesignTypeInput {
        fn serialize<S: ::serde::Serializer>(
            &self,
            serializer: S,
        ) -> ::std::result::Result<S::Ok, S::Error> {
            match self {
                Self::Preset(variant) => {
                    crate::send::tagged::write(serializer, "type", "preset", variant)
                }
                Self::Custom(variant) => {
                    crate::send::tagged::write(serializer, "type", "custom", variant)
                }
                Self::Unknown(value) => ::serde::Serialize::serialize(value, serializer),
            }
        }
    }
    impl<'de> ::serde::Deserialize<'de> for DesignTypeInput {
        fn deserialize<D: ::serde::Deserializer<'de>>(
            deserializer: D,
        ) -> ::std::result::Result<Self, D::Error> {
            let tagged = crate::send::tagged::Tagged::read(deserializer, "type")?;
            match tagged.tag() {
                Some("preset") => tagged.variant(false).map(Self::Preset),
                Some("custom") => tagged.variant(false).map(Self::Custom),
                _ => Ok(Self::Unknown(tagged.whole())),
            }
        }
    }
    /// What kind of design it is.
    #[derive(::serde::Deserialize, ::serde::Serialize)]
    #[derive(Clone, Debug, Eq, Hash, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub enum DesignTypeOutputName {
        #[serde(rename = "doc")]
        Doc,
        #[serde(rename = "email")]
        Email,
        #[serde(rename = "presentation")]
        Presentation,
        #[serde(rename = "sheet")]
        Sheet,
        #[serde(rename = "whiteboard")]
        Whiteboard,
        #[serde(rename = "custom")]
        Custom,
        #[serde(rename = "unknown")]
        UnknownValue,
        /// A value that the spec doesn't list, as the server sent it.
        #[serde(untagged)]
        Unknown(::std::string::String),
    }
    impl DesignTypeOutputName {
        /// The value as the server sends it.
        pub fn as_str(&self) -> &str {
            match self {
                Self::Doc => "doc",
                Self::Email => "email",
                Self::Presentation => "presentation",
                Self::Sheet => "sheet",
                Self::Whiteboard => "whiteboard",
                Self::Custom => "custom",
                Self::UnknownValue => "unknown",
                Self::Unknown(value) => value,
            }
        }
    }
    impl ::std::fmt::Display for DesignTypeOutputName {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            f.write_str(self.as_str())
        }
    }
    /// How the API says that it refused or failed. `code` is an open set; the examples of each response carry the codes
    /// that are known for it.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct Error {
        /// The reason, for programs.
        pub code: ::std::string::String,
        /// What went wrong, for people.
        pub message: ::std::string::String,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// A folder.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct Folder {
        /// When the folder was made, in seconds since the Unix epoch.
        #[serde(deserialize_with = "crate::send::lenient::integer")]
        pub created_at: i64,
        /// The folder's id.
        pub id: ::std::string::String,
        /// The folder's name.
        pub name: ::std::string::String,
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub thumbnail: ::std::option::Option<Thumbnail>,
        /// When the folder last changed, in seconds since the Unix epoch.
        #[serde(deserialize_with = "crate::send::lenient::integer")]
        pub updated_at: i64,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// A folder in a folder.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct FolderItem {
        pub folder: Folder,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// Whether all items are meant, or those alone that the user has pinned.
    #[derive(::serde::Deserialize, ::serde::Serialize)]
    #[derive(Clone, Debug, Eq, Hash, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub enum FolderItemPinStatus {
        #[serde(rename = "any")]
        Any,
        #[serde(rename = "pinned")]
        Pinned,
        /// A value that the spec doesn't list, as the server sent it.
        #[serde(untagged)]
        Unknown(::std::string::String),
    }
    impl FolderItemPinStatus {
        /// The value as the server sends it.
        pub fn as_str(&self) -> &str {
            match self {
                Self::Any => "any",
                Self::Pinned => "pinned",
                Self::Unknown(value) => value,
            }
        }
    }
    impl ::std::fmt::Display for FolderItemPinStatus {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            f.write_str(self.as_str())
        }
    }
    /// What items are sorted by, and whether the least or the greatest comes first.
    #[derive(::serde::Deserialize, ::serde::Serialize)]
    #[derive(Clone, Debug, Eq, Hash, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub enum FolderItemSortBy {
        #[serde(rename = "created_ascending")]
        CreatedAscending,
        #[serde(rename = "created_descending")]
        CreatedDescending,
        #[serde(rename = "modified_ascending")]
        ModifiedAscending,
        #[serde(rename = "modified_descending")]
        ModifiedDescending,
        #[serde(rename = "title_ascending")]
        TitleAscending,
        #[serde(rename = "title_descending")]
        TitleDescending,
        /// A value that the spec doesn't list, as the server sent it.
        #[serde(untagged)]
        Unknown(::std::string::String),
    }
    impl FolderItemSortBy {
        /// The value as the server sends it.
        pub fn as_str(&self) -> &str {
            match self {
                Self::CreatedAscending => "created_ascending",
                Self::CreatedDescending => "created_descending",
                Self::ModifiedAscending => "modified_ascending",
                Self::ModifiedDescending => "modified_descending",
                Self::TitleAscending => "title_ascending",
                Self::TitleDescending => "title_descending",
                Self::Unknown(value) => value,
            }
        }
    }
    impl ::std::fmt::Display for FolderItemSortBy {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            f.write_str(self.as_str())
        }
    }
    /// Something in a folder. `type` says what it is, and which other field it has.
    #[derive(Clone, Debug, PartialEq)]
    #[cfg_attr(
        feature = "schemars",
        derive(schemars::JsonSchema),
        schemars(tag = "type")
    )]
    #[non_exhaustive]
    pub enum FolderItemSummary {
        #[cfg_attr(feature = "schemars", schemars(rename = "folder"))]
        Folder(FolderItem),
        #[cfg_attr(feature = "schemars", schemars(rename = "design"))]
        Design(DesignItem),
        #[cfg_attr(feature = "schemars", schemars(rename = "image"))]
        Image(ImageItem),
        #[cfg_attr(feature = "schemars", schemars(rename = "brand_template"))]
        BrandTemplate(BrandTemplateItem),
        /// One that the spec doesn't list, whole, as the server sent it.
        #[cfg_attr(feature = "schemars", schemars(untagged))]
        Unknown(::serde_json::Value),
    }
    impl ::serde::Serialize for FolderItemSummary {
        fn serialize<S: ::serde::Serializer>(
            &self,
            serializer: S,
        ) -> ::std::result::Result<S::Ok, S::Error> {
            match self {
                Self::Folder(variant) => {
                    crate::send::tagged::write(serializer, "type", "folder", variant)
                }
                Self::Design(variant) => {
                    crate::send::tagged::write(serializer, "type", "design", variant)
                }
                Self::Image(variant) => {
                    crate::send::tagged::write(serializer, "type", "image", variant)
                }
                Self::BrandTemplate(variant) => {
                    crate::send::tagged::write(
                        serializer,
                        "type",
                        "brand_template",
                        variant,
                    )
                }
                Self::Unknown(value) => ::serde::Serialize::serialize(value, serializer),
            }
        }
    }
    impl<'de> ::serde::Deserialize<'de> for FolderItemSummary {
        fn deserialize<D: ::serde::Deserializer<'de>>(
            deserializer: D,
        ) -> ::std::result::Result<Self, D::Error> {
            let tagged = crate::send::tagged::Tagged::read(deserializer, "type")?;
            match tagged.tag() {
                Some("folder") => tagged.variant(false).map(Self::Folder),
                Some("design") => tagged.variant(false).map(Self::Design),
                Some("image") => tagged.variant(false).map(Self::Image),
                Some("brand_template") => tagged.variant(false).map(Self::BrandTemplate),
                _ => Ok(Self::Unknown(tagged.whole())),
            }
        }
    }
    /// What something in a folder is.
    #[derive(::serde::Deserialize, ::serde::Serialize)]
    #[derive(Clone, Debug, Eq, Hash, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub enum FolderItemType {
        #[serde(rename = "design")]
        Design,
        #[serde(rename = "folder")]
        Folder,
        #[serde(rename = "image")]
        Image,
        #[serde(rename = "brand_template")]
        BrandTemplate,
        /// A value that the spec doesn't list, as the server sent it.
        #[serde(untagged)]
        Unknown(::std::string::String),
    }
    impl FolderItemType {
        /// The value as the server sends it.
        pub fn as_str(&self) -> &str {
            match self {
                Self::Design => "design",
                Self::Folder => "folder",
                Self::Image => "image",
                Self::BrandTemplate => "brand_template",
                Self::Unknown(value) => value,
            }
        }
    }
    impl ::std::fmt::Display for FolderItemType {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            f.write_str(self.as_str())
        }
    }
    /// The response to reading an asset.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct GetAssetResponse {
        pub asset: Asset,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// The response to reading a design.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct GetDesignResponse {
        pub design: Design,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// A page of designs.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct GetListDesignResponse {
        /// Where the next page begins. The last page has none.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub continuation: ::std::option::Option<::std::string::String>,
        /// The designs, in the order that was asked for.
        #[serde(default, deserialize_with = "crate::send::lenient::list")]
        pub items: ::std::vec::Vec<Design>,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// An image in a folder.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct ImageItem {
        pub image: AssetSummary,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// Why Canva could not take in an asset.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    #[deprecated]
    pub struct ImportError {
        pub code: AssetUploadErrorCode,
        /// What went wrong, for people.
        pub message: ::std::string::String,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// How far Canva is with taking in an asset. The job's own status has replaced it.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    #[deprecated]
    pub struct ImportStatus {
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub error: ::std::option::Option<ImportError>,
        pub state: JobStatus,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// How far a job is. `success` and `failed` are final.
    #[derive(::serde::Deserialize, ::serde::Serialize)]
    #[derive(Clone, Debug, Eq, Hash, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub enum JobStatus {
        #[serde(rename = "failed")]
        Failed,
        #[serde(rename = "in_progress")]
        InProgress,
        #[serde(rename = "success")]
        Success,
        /// A value that the spec doesn't list, as the server sent it.
        #[serde(untagged)]
        Unknown(::std::string::String),
    }
    impl JobStatus {
        /// The value as the server sends it.
        pub fn as_str(&self) -> &str {
            match self {
                Self::Failed => "failed",
                Self::InProgress => "in_progress",
                Self::Success => "success",
                Self::Unknown(value) => value,
            }
        }
    }
    impl ::std::fmt::Display for JobStatus {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            f.write_str(self.as_str())
        }
    }
    /// A page of what is in a folder.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct ListFolderItemsResponse {
        /// Where the next page begins. The last page has none.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub continuation: ::std::option::Option<::std::string::String>,
        /// What is in the folder, in the order that was asked for.
        #[serde(default, deserialize_with = "crate::send::lenient::list")]
        pub items: ::std::vec::Vec<FolderItemSummary>,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// What to move, and where to.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    pub struct MoveFolderItemRequest {
        /// The id of the design, image or folder.
        pub item_id: ::std::string::String,
        /// The id of the folder to put it in, or `root`.
        pub to_folder_id: ::std::string::String,
    }
    /// Whether all designs are meant, or those alone that the user owns or that others share with them.
    #[derive(::serde::Deserialize, ::serde::Serialize)]
    #[derive(Clone, Debug, Eq, Hash, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub enum OwnershipType {
        #[serde(rename = "any")]
        Any,
        #[serde(rename = "owned")]
        Owned,
        #[serde(rename = "shared")]
        Shared,
        /// A value that the spec doesn't list, as the server sent it.
        #[serde(untagged)]
        Unknown(::std::string::String),
    }
    impl OwnershipType {
        /// The value as the server sends it.
        pub fn as_str(&self) -> &str {
            match self {
                Self::Any => "any",
                Self::Owned => "owned",
                Self::Shared => "shared",
                Self::Unknown(value) => value,
            }
        }
    }
    impl ::std::fmt::Display for OwnershipType {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            f.write_str(self.as_str())
        }
    }
    /// A design of a type that has a name.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    pub struct PresetDesignTypeInput {
        pub name: PresetDesignTypeName,
    }
    /// The name of a type of design.
    #[derive(::serde::Deserialize, ::serde::Serialize)]
    #[derive(Clone, Debug, Eq, Hash, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub enum PresetDesignTypeName {
        #[serde(rename = "doc")]
        Doc,
        #[serde(rename = "email")]
        Email,
        #[serde(rename = "presentation")]
        Presentation,
        #[serde(rename = "whiteboard")]
        Whiteboard,
        /// A value that the spec doesn't list, as the server sent it.
        #[serde(untagged)]
        Unknown(::std::string::String),
    }
    impl PresetDesignTypeName {
        /// The value as the server sends it.
        pub fn as_str(&self) -> &str {
            match self {
                Self::Doc => "doc",
                Self::Email => "email",
                Self::Presentation => "presentation",
                Self::Whiteboard => "whiteboard",
                Self::Unknown(value) => value,
            }
        }
    }
    impl ::std::fmt::Display for PresetDesignTypeName {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            f.write_str(self.as_str())
        }
    }
    /// What designs are sorted by, and whether the least or the greatest comes first.
    #[derive(::serde::Deserialize, ::serde::Serialize)]
    #[derive(Clone, Debug, Eq, Hash, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub enum SortByType {
        #[serde(rename = "relevance")]
        Relevance,
        #[serde(rename = "modified_descending")]
        ModifiedDescending,
        #[serde(rename = "modified_ascending")]
        ModifiedAscending,
        #[serde(rename = "title_descending")]
        TitleDescending,
        #[serde(rename = "title_ascending")]
        TitleAscending,
        /// A value that the spec doesn't list, as the server sent it.
        #[serde(untagged)]
        Unknown(::std::string::String),
    }
    impl SortByType {
        /// The value as the server sends it.
        pub fn as_str(&self) -> &str {
            match self {
                Self::Relevance => "relevance",
                Self::ModifiedDescending => "modified_descending",
                Self::ModifiedAscending => "modified_ascending",
                Self::TitleDescending => "title_descending",
                Self::TitleAscending => "title_ascending",
                Self::Unknown(value) => value,
            }
        }
    }
    impl ::std::fmt::Display for SortByType {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            f.write_str(self.as_str())
        }
    }
    /// A user, and the team they act in.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct TeamUserSummary {
        /// The id of the user's team.
        pub team_id: ::std::string::String,
        /// The user's id.
        pub user_id: ::std::string::String,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// A small image of an asset or design.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct Thumbnail {
        /// Height in pixels.
        #[serde(deserialize_with = "crate::send::lenient::integer")]
        pub height: i64,
        /// Where the image is, for 15 minutes. The query string is part of the address.
        pub url: ::std::string::String,
        /// Width in pixels.
        #[serde(deserialize_with = "crate::send::lenient::integer")]
        pub width: i64,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// What to replace. A field that is left out changes nothing.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    pub struct UpdateAssetRequest {
        /// The new name. An empty one changes nothing.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub name: ::std::option::Option<::std::string::String>,
        /// The new tags, in place of all old ones. An empty list removes every tag.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub tags: ::std::option::Option<::std::vec::Vec<::std::string::String>>,
    }
    /// The response to updating an asset.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct UpdateAssetResponse {
        pub asset: Asset,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// The response to reading what the user may do.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct UserCapabilitiesResponse {
        /// The features that the user may use.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub capabilities: ::std::option::Option<::std::vec::Vec<UserCapability>>,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// A feature that not every user may use.
    #[derive(::serde::Deserialize, ::serde::Serialize)]
    #[derive(Clone, Debug, Eq, Hash, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub enum UserCapability {
        #[serde(rename = "analytics")]
        Analytics,
        #[serde(rename = "autofill")]
        Autofill,
        #[serde(rename = "brand_template")]
        BrandTemplate,
        #[serde(rename = "export_png_transparency")]
        ExportPngTransparency,
        #[serde(rename = "resize")]
        Resize,
        #[serde(rename = "team_restricted_app")]
        TeamRestrictedApp,
        /// A value that the spec doesn't list, as the server sent it.
        #[serde(untagged)]
        Unknown(::std::string::String),
    }
    impl UserCapability {
        /// The value as the server sends it.
        pub fn as_str(&self) -> &str {
            match self {
                Self::Analytics => "analytics",
                Self::Autofill => "autofill",
                Self::BrandTemplate => "brand_template",
                Self::ExportPngTransparency => "export_png_transparency",
                Self::Resize => "resize",
                Self::TeamRestrictedApp => "team_restricted_app",
                Self::Unknown(value) => value,
            }
        }
    }
    impl ::std::fmt::Display for UserCapability {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            f.write_str(self.as_str())
        }
    }
    /// What a user shows of themselves.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct UserProfile {
        /// The user's name, as shown in Canva.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub display_name: ::std::option::Option<::std::string::String>,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// The response to reading the user's profile.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct UserProfileResponse {
        pub profile: UserProfile,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    /// The response to reading the user's ids.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
    #[non_exhaustive]
    pub struct UsersMeResponse {
        pub team_user: TeamUserSummary,
        /// Fields that the spec doesn't know, as they came.
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
}
/// Every operation of the spec, each as a [`Call`].
#[derive(Clone, Debug)]
pub struct Operations(pub(crate) Sender);
impl Operations {
    /// Upload an asset
    ///
    /// Starts a job that adds the file in the request body to the user's content library. The name travels in the
    /// `Asset-Upload-Metadata` header, in Base64.
    ///
    /// Scope `asset:write`, 30 requests a minute for each user.
    ///
    /// Sends a `POST` request to `/v1/asset-uploads`
    ///
    /// Arguments:
    /// - `asset_upload_metadata`: A JSON object that says what the uploaded file is to be called.
    /// - `content`: The file's bytes.
    pub fn create_asset_upload_job(
        &self,
        asset_upload_metadata: &types::AssetUploadMetadata,
        content: impl Into<UploadBody>,
    ) -> Call<types::AssetUploadJobResponse> {
        Call::new(&self.0, &operations::CREATE_ASSET_UPLOAD_JOB)
            .json_header("Asset-Upload-Metadata", asset_upload_metadata)
            .content(content)
    }
    /// Read an asset upload job
    ///
    /// Reads a job that `createAssetUploadJob` started. Read it again until its status is `success` or `failed`.
    ///
    /// Scope `asset:read`, 180 requests a minute for each user.
    ///
    /// Sends a `GET` request to `/v1/asset-uploads/{jobId}`
    ///
    /// Arguments:
    /// - `job_id`: The job's id, as the response to the create request has it.
    pub fn get_asset_upload_job(
        &self,
        job_id: &str,
    ) -> Call<types::AssetUploadJobResponse> {
        Call::new(&self.0, &operations::GET_ASSET_UPLOAD_JOB).path("jobId", job_id)
    }
    /// Delete an asset
    ///
    /// Moves an asset to the trash.
    ///
    /// Scope `asset:write`, 30 requests a minute for each user.
    ///
    /// Sends a `DELETE` request to `/v1/assets/{assetId}`
    ///
    /// Arguments:
    /// - `asset_id`: The asset's id.
    pub fn delete_asset(&self, asset_id: &str) -> Call<()> {
        Call::new(&self.0, &operations::DELETE_ASSET).path("assetId", asset_id)
    }
    /// Read an asset
    ///
    /// Reads an asset of the user's content library, its name, tags and thumbnail among other things.
    ///
    /// Scope `asset:read`, 100 requests a minute for each user.
    ///
    /// Sends a `GET` request to `/v1/assets/{assetId}`
    ///
    /// Arguments:
    /// - `asset_id`: The asset's id.
    pub fn get_asset(&self, asset_id: &str) -> Call<types::GetAssetResponse> {
        Call::new(&self.0, &operations::GET_ASSET).path("assetId", asset_id)
    }
    /// Rename or retag an asset
    ///
    /// Replaces the name, the tags, or both. What the request leaves out stays as it is, all of it where there is no
    /// request body; a list of tags replaces every tag the asset had, and an empty list removes them all.
    ///
    /// Scope `asset:write`, 30 requests a minute for each user.
    ///
    /// Sends a `PATCH` request to `/v1/assets/{assetId}`
    ///
    /// Arguments:
    /// - `asset_id`: The asset's id.
    pub fn update_asset(
        &self,
        asset_id: &str,
        body: &types::UpdateAssetRequest,
    ) -> Call<types::UpdateAssetResponse> {
        Call::new(&self.0, &operations::UPDATE_ASSET)
            .path("assetId", asset_id)
            .json(body)
    }
    /// List designs
    ///
    /// Lists the designs that the user made or that were shared with them, in pages. `query` looks for designs by
    /// their titles.
    ///
    /// While a response has `continuation`, there is more: the same request with that `continuation` gets the next
    /// page.
    ///
    /// Scope `design:meta:read`, 100 requests a minute for each user.
    ///
    /// Sends a `GET` request to `/v1/designs`
    pub fn list_designs(
        &self,
        options: &ListDesignsOptions,
    ) -> Call<types::GetListDesignResponse> {
        Call::new(&self.0, &operations::LIST_DESIGNS)
            .query("query", &options.query)
            .query("continuation", &options.continuation)
            .query("ownership", &options.ownership)
            .query("sort_by", &options.sort_by)
            .query("limit", &options.limit)
    }
    /// Every item of [`list_designs`](Self::list_designs), page by page.
    pub fn list_designs_stream(
        &self,
        options: &ListDesignsOptions,
    ) -> Items<types::Design> {
        Items::new(
            self.list_designs(options),
            "continuation",
            |page| (page.items, page.continuation),
        )
    }
    /// Create a design
    ///
    /// Makes a design at the top of the user's content library: an empty one of a type or size, one with an image of
    /// the user's, or a copy of another design or of a brand template. `type` says which.
    ///
    /// Scope `design:content:write`, 20 requests a minute for each user.
    ///
    /// Sends a `POST` request to `/v1/designs`
    pub fn create_design(
        &self,
        body: &types::CreateDesignRequest,
    ) -> Call<types::CreateDesignResponse> {
        Call::new(&self.0, &operations::CREATE_DESIGN).json(body)
    }
    /// Read a design
    ///
    /// Reads what a design is called, whose it is and where it opens, but not what is on its pages.
    ///
    /// Scope `design:meta:read`, 100 requests a minute for each user.
    ///
    /// Sends a `GET` request to `/v1/designs/{designId}`
    ///
    /// Arguments:
    /// - `design_id`: The design's id.
    pub fn get_design(&self, design_id: &str) -> Call<types::GetDesignResponse> {
        Call::new(&self.0, &operations::GET_DESIGN).path("designId", design_id)
    }
    /// Create a folder
    ///
    /// Makes an empty folder in another one, or at the top of the user's content library.
    ///
    /// Scope `folder:write`, 20 requests a minute for each user.
    ///
    /// Sends a `POST` request to `/v1/folders`
    pub fn create_folder(
        &self,
        body: &types::CreateFolderRequest,
    ) -> Call<types::CreateFolderResponse> {
        Call::new(&self.0, &operations::CREATE_FOLDER).json(body)
    }
    /// Move an item to another folder
    ///
    /// Takes a design, an image or a folder, with all that is in it, out of its folder and puts it into another one.
    /// Videos can't be moved.
    ///
    /// Scope `folder:write`, 100 requests a minute for each user.
    ///
    /// Sends a `POST` request to `/v1/folders/move`
    pub fn move_folder_item(&self, body: &types::MoveFolderItemRequest) -> Call<()> {
        Call::new(&self.0, &operations::MOVE_FOLDER_ITEM).json(body)
    }
    /// List what is in a folder
    ///
    /// Lists the designs, folders and images in a folder, in pages, without what lies deeper. Brand templates are
    /// listed if they are asked for, videos never. `root` is the top of the user's content library, and `uploads` is
    /// where uploaded assets lie.
    ///
    /// While a response has `continuation`, there is more: the same request with that `continuation` gets the next
    /// page.
    ///
    /// Scope `folder:read`, 100 requests a minute for each user.
    ///
    /// Sends a `GET` request to `/v1/folders/{folderId}/items`
    ///
    /// Arguments:
    /// - `folder_id`: The folder's id, or `root` or `uploads`.
    pub fn list_folder_items(
        &self,
        folder_id: &str,
        options: &ListFolderItemsOptions,
    ) -> Call<types::ListFolderItemsResponse> {
        Call::new(&self.0, &operations::LIST_FOLDER_ITEMS)
            .path("folderId", folder_id)
            .query("continuation", &options.continuation)
            .query("limit", &options.limit)
            .query_list("item_types", ",", &options.item_types)
            .query("sort_by", &options.sort_by)
            .query("pin_status", &options.pin_status)
    }
    /// Every item of [`list_folder_items`](Self::list_folder_items), page by page.
    pub fn list_folder_items_stream(
        &self,
        folder_id: &str,
        options: &ListFolderItemsOptions,
    ) -> Items<types::FolderItemSummary> {
        Items::new(
            self.list_folder_items(folder_id, options),
            "continuation",
            |page| (page.items, page.continuation),
        )
    }
    /// Import a file as a design
    ///
    /// Starts a job that turns the file in the request body into one or more designs. The title, and the file's type
    /// where Canva shouldn't guess it, travel in the `Import-Metadata` header.
    ///
    /// Scope `design:content:write`, 20 requests a minute for each user.
    ///
    /// Sends a `POST` request to `/v1/imports`
    ///
    /// Arguments:
    /// - `import_metadata`: A JSON object that says what the imported design is to be called and what kind of file it comes from.
    /// - `content`: The file's bytes.
    pub fn create_design_import_job(
        &self,
        import_metadata: &types::DesignImportMetadata,
        content: impl Into<UploadBody>,
    ) -> Call<types::DesignImportJobResponse> {
        Call::new(&self.0, &operations::CREATE_DESIGN_IMPORT_JOB)
            .json_header("Import-Metadata", import_metadata)
            .content(content)
    }
    /// Read a design import job
    ///
    /// Reads a job that `createDesignImportJob` started. Read it again until its status is `success` or `failed`.
    ///
    /// Scope `design:content:write`, 120 requests a minute for each user.
    ///
    /// Sends a `GET` request to `/v1/imports/{jobId}`
    ///
    /// Arguments:
    /// - `job_id`: The job's id, as the response to the create request has it.
    pub fn get_design_import_job(
        &self,
        job_id: &str,
    ) -> Call<types::DesignImportJobResponse> {
        Call::new(&self.0, &operations::GET_DESIGN_IMPORT_JOB).path("jobId", job_id)
    }
    /// Upload an asset from a URL
    ///
    /// Starts a job in which Canva fetches a file from a public URL and adds it to the user's content library. A video
    /// fetched this way may be at most 100 MB; larger ones go through `createAssetUploadJob`.
    ///
    /// Scope `asset:write`, 30 requests a minute for each user. A preview: it may change without notice, and an integration that uses it can't be released to all Canva users.
    ///
    /// Sends a `POST` request to `/v1/url-asset-uploads`
    pub fn create_url_asset_upload_job(
        &self,
        body: &types::CreateUrlAssetUploadJobRequest,
    ) -> Call<types::AssetUploadJobResponse> {
        Call::new(&self.0, &operations::CREATE_URL_ASSET_UPLOAD_JOB).json(body)
    }
    /// Read a URL asset upload job
    ///
    /// Reads a job that `createUrlAssetUploadJob` started. Read it again until its status is `success` or `failed`.
    ///
    /// Scope `asset:read`, 180 requests a minute for each user. A preview: it may change without notice, and an integration that uses it can't be released to all Canva users.
    ///
    /// Sends a `GET` request to `/v1/url-asset-uploads/{jobId}`
    ///
    /// Arguments:
    /// - `job_id`: The job's id, as the response to the create request has it.
    pub fn get_url_asset_upload_job(
        &self,
        job_id: &str,
    ) -> Call<types::AssetUploadJobResponse> {
        Call::new(&self.0, &operations::GET_URL_ASSET_UPLOAD_JOB).path("jobId", job_id)
    }
    /// Import a file from a URL as a design
    ///
    /// Starts a job in which Canva fetches a file from a public URL and turns it into one or more designs.
    ///
    /// Scope `design:content:write`, 20 requests a minute for each user.
    ///
    /// Sends a `POST` request to `/v1/url-imports`
    pub fn create_url_import_job(
        &self,
        body: &types::CreateUrlImportJobRequest,
    ) -> Call<types::DesignImportJobResponse> {
        Call::new(&self.0, &operations::CREATE_URL_IMPORT_JOB).json(body)
    }
    /// Read a URL import job
    ///
    /// Reads a job that `createUrlImportJob` started. Read it again until its status is `success` or `failed`.
    ///
    /// Scope `design:content:write`, 120 requests a minute for each user.
    ///
    /// Sends a `GET` request to `/v1/url-imports/{jobId}`
    ///
    /// Arguments:
    /// - `job_id`: The job's id, as the response to the create request has it.
    pub fn get_url_import_job(
        &self,
        job_id: &str,
    ) -> Call<types::DesignImportJobResponse> {
        Call::new(&self.0, &operations::GET_URL_IMPORT_JOB).path("jobId", job_id)
    }
    /// Read the user's ids
    ///
    /// Says which user and which team the access token acts for. It needs no scope.
    ///
    /// 10 requests a minute for each user.
    ///
    /// Sends a `GET` request to `/v1/users/me`
    pub fn users_me(&self) -> Call<types::UsersMeResponse> {
        Call::new(&self.0, &operations::USERS_ME)
    }
    /// Read what the user may do
    ///
    /// Reads which of the API's restricted features the user's plan lets them use.
    ///
    /// Scope `profile:read`, 10 requests a minute for each user.
    ///
    /// Sends a `GET` request to `/v1/users/me/capabilities`
    pub fn get_user_capabilities(&self) -> Call<types::UserCapabilitiesResponse> {
        Call::new(&self.0, &operations::GET_USER_CAPABILITIES)
    }
    /// Read the user's profile
    ///
    /// Reads what the user whom the access token acts for is called.
    ///
    /// Scope `profile:read`, 10 requests a minute for each user.
    ///
    /// Sends a `GET` request to `/v1/users/me/profile`
    pub fn get_user_profile(&self) -> Call<types::UserProfileResponse> {
        Call::new(&self.0, &operations::GET_USER_PROFILE)
    }
}
/// What may be left out of a request of `listDesigns`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListDesignsOptions {
    /// What the titles are searched for. Without it, every design is listed.
    pub query: Option<String>,
    /// Where the page begins, as the page before has it. The first page needs none.
    pub continuation: Option<String>,
    /// Whose designs to list.
    pub ownership: Option<types::OwnershipType>,
    /// What comes first.
    pub sort_by: Option<types::SortByType>,
    /// How many designs a page has at most.
    pub limit: Option<i32>,
}
/// What may be left out of a request of `listFolderItems`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListFolderItemsOptions {
    /// Where the page begins, as the page before has it. The first page needs none.
    pub continuation: Option<String>,
    /// How many items a page has at most.
    pub limit: Option<i32>,
    /// Which types of items to list, separated by commas.
    pub item_types: Option<Vec<types::FolderItemType>>,
    /// What comes first.
    pub sort_by: Option<types::FolderItemSortBy>,
    /// Whether to list the pinned items alone.
    pub pin_status: Option<types::FolderItemPinStatus>,
}
/// Why a job failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, ::serde::Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum JobErrorCode {
    /// A [`AssetUploadErrorCode`](types::AssetUploadErrorCode).
    AssetUpload(types::AssetUploadErrorCode),
    /// A [`DesignImportErrorCode`](types::DesignImportErrorCode).
    DesignImport(types::DesignImportErrorCode),
}
impl JobErrorCode {
    /// The code as the server sends it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::AssetUpload(code) => code.as_str(),
            Self::DesignImport(code) => code.as_str(),
        }
    }
}
