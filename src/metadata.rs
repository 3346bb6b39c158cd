//! Names and titles -> the metadata headers: JSON with the text in Base64, so that any Unicode passes through an HTTP
//! header.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::error::Error;
use crate::generated::types::{AssetUploadMetadata, DesignImportMetadata};
use crate::limits;

/// The value of `Asset-Upload-Metadata`.
pub(crate) fn asset_upload(name: &str) -> Result<String, Error> {
    limits::check("name", name, &limits::ASSET_UPLOAD_METADATA_NAME_BASE64)?;
    json(&AssetUploadMetadata { name_base64: STANDARD.encode(name) })
}

/// The value of `Import-Metadata`.
pub(crate) fn design_import(title: &str, mime_type: Option<&str>) -> Result<String, Error> {
    limits::check("title", title, &limits::DESIGN_IMPORT_METADATA_TITLE_BASE64)?;
    if let Some(mime_type) = mime_type {
        limits::check_mime_type(mime_type)?;
    }
    json(&DesignImportMetadata { title_base64: STANDARD.encode(title), mime_type: mime_type.map(str::to_owned) })
}

fn json(metadata: &impl Serialize) -> Result<String, Error> {
    // Strings always serialize; should that ever change, it is the input that can't be sent.
    serde_json::to_string(metadata).map_err(|e| Error::invalid("metadata", "text that JSON can carry", e.to_string()))
}
