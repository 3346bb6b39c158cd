//! Names and titles -> the metadata headers: JSON with the text in Base64, so that any Unicode passes through an HTTP
//! header.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::names;
use crate::checks::{self, lengths};
use crate::error::Error;
use crate::generated::types::{AssetUploadMetadata, DesignImportMetadata};

/// `Asset-Upload-Metadata`, with the name that is given or the file's.
pub(crate) fn asset_upload(name: Option<&str>, path: Option<&Path>) -> Result<AssetUploadMetadata, Error> {
    let length = &lengths::ASSET_UPLOAD_METADATA_NAME;
    let name_base64 = match name {
        Some(name) => checks::text("name", name, length).map(|()| STANDARD.encode(name))?,
        None => STANDARD.encode(names::file_name("name", path, length)?),
    };
    Ok(AssetUploadMetadata { name_base64 })
}

/// `Import-Metadata`, with the title that is given or the file's name.
pub(crate) fn design_import(
    title: Option<&str>,
    path: Option<&Path>,
    mime_type: Option<&str>,
) -> Result<DesignImportMetadata, Error> {
    let length = &lengths::DESIGN_IMPORT_METADATA_TITLE;
    let title_base64 = match title {
        Some(title) => checks::text("title", title, length).map(|()| STANDARD.encode(title))?,
        None => STANDARD.encode(names::file_stem("title", path, length)?),
    };
    if let Some(mime_type) = mime_type {
        checks::mime_type(mime_type, None)?;
    }
    Ok(DesignImportMetadata { title_base64, mime_type: mime_type.map(str::to_owned) })
}
