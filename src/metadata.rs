//! Names and titles -> the metadata headers: JSON with the text in Base64, so that any Unicode passes through an HTTP
//! header.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::checks::{self, lengths};
use crate::error::Error;
use crate::generated::types::{AssetUploadMetadata, DesignImportMetadata};

/// The value of `Asset-Upload-Metadata`.
pub(crate) fn asset_upload(name: &str) -> Result<String, Error> {
    checks::text("name", name, &lengths::ASSET_UPLOAD_METADATA_NAME)?;
    serde_json::to_string(&AssetUploadMetadata { name_base64: STANDARD.encode(name) }).map_err(Error::unsendable)
}

/// The value of `Import-Metadata`.
pub(crate) fn design_import(title: &str, mime_type: Option<&str>) -> Result<String, Error> {
    checks::text("title", title, &lengths::DESIGN_IMPORT_METADATA_TITLE)?;
    if let Some(mime_type) = mime_type {
        checks::mime_type(mime_type, None)?;
    }
    let metadata =
        DesignImportMetadata { title_base64: STANDARD.encode(title), mime_type: mime_type.map(str::to_owned) };
    serde_json::to_string(&metadata).map_err(Error::unsendable)
}
