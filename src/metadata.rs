//! Names and titles -> the metadata headers: JSON with the text in Base64, so that any Unicode passes through an HTTP
//! header.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::checks::{self, lengths};
use crate::error::Error;
use crate::generated::types::{AssetUploadMetadata, DesignImportMetadata};

/// The value of `Asset-Upload-Metadata`.
pub(crate) fn asset_upload(name: &str) -> Result<String, Error> {
    checks::text("name", name, &lengths::ASSET_UPLOAD_METADATA_NAME)?;
    json(&AssetUploadMetadata { name_base64: STANDARD.encode(name) })
}

/// The value of `Import-Metadata`.
pub(crate) fn design_import(title: &str, mime_type: Option<&str>) -> Result<String, Error> {
    checks::text("title", title, &lengths::DESIGN_IMPORT_METADATA_TITLE)?;
    if let Some(mime_type) = mime_type {
        checks::mime_type(mime_type, None)?;
    }
    json(&DesignImportMetadata { title_base64: STANDARD.encode(title), mime_type: mime_type.map(str::to_owned) })
}

fn json(metadata: &impl Serialize) -> Result<String, Error> {
    // Strings always serialize; should that ever change, it is the input that can't be sent.
    serde_json::to_string(metadata).map_err(|e| Error::invalid("metadata", "text that JSON can carry", e.to_string()))
}
