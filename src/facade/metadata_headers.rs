//! Names and titles -> the metadata headers: JSON with the text in Base64, so that any Unicode passes through an HTTP
//! header.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::names;
use crate::checks::{self, lengths};
use crate::error::Error;
use crate::generated::types::{AssetUploadMetadata, DesignImportMetadata};

/// The name that is given or the file's, and `Asset-Upload-Metadata` with it.
pub(crate) fn asset_upload(name: Option<&str>, path: Option<&Path>) -> Result<(String, AssetUploadMetadata), Error> {
    let length = &lengths::ASSET_UPLOAD_METADATA_NAME;
    let name = match name {
        Some(name) => checks::text("name", name, length).map(|()| name.to_owned())?,
        None => names::file_name("name", path, length)?,
    };
    let metadata = AssetUploadMetadata { name_base64: STANDARD.encode(&name) };
    Ok((name, metadata))
}

/// The title that is given or the file's name, and `Import-Metadata` with it.
pub(crate) fn design_import(
    title: Option<&str>,
    path: Option<&Path>,
    mime_type: Option<&str>,
) -> Result<(String, DesignImportMetadata), Error> {
    let length = &lengths::DESIGN_IMPORT_METADATA_TITLE;
    let title = match title {
        Some(title) => checks::text("title", title, length).map(|()| title.to_owned())?,
        None => names::file_stem("title", path, length)?,
    };
    if let Some(mime_type) = mime_type {
        checks::mime_type(mime_type, None)?;
    }
    let title_base64 = STANDARD.encode(&title);
    Ok((title, DesignImportMetadata { title_base64, mime_type: mime_type.map(str::to_owned) }))
}
