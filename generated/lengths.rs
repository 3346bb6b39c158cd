// Written by build.rs from openapi.yaml. Don't edit: change the spec and run `cargo regenerate`.

use std::ops::RangeInclusive;
/// `AssetUploadMetadata.name_base64`, in Unicode scalar values before Base64.
pub const ASSET_UPLOAD_METADATA_NAME: RangeInclusive<usize> = 1..=50;
/// `BrandTemplateCreateDesignRequest.brand_template_id`, in Unicode scalar values.
pub const BRAND_TEMPLATE_CREATE_DESIGN_REQUEST_BRAND_TEMPLATE_ID: RangeInclusive<
    usize,
> = 1..=50;
/// `CreateFolderRequest.name`, in Unicode scalar values.
pub const CREATE_FOLDER_REQUEST_NAME: RangeInclusive<usize> = 1..=255;
/// `CreateFolderRequest.parent_folder_id`, in Unicode scalar values.
pub const CREATE_FOLDER_REQUEST_PARENT_FOLDER_ID: RangeInclusive<usize> = 1..=50;
/// `CreateUrlAssetUploadJobRequest.name`, in Unicode scalar values.
pub const CREATE_URL_ASSET_UPLOAD_JOB_REQUEST_NAME: RangeInclusive<usize> = 1..=255;
/// `CreateUrlAssetUploadJobRequest.url`, in Unicode scalar values.
pub const CREATE_URL_ASSET_UPLOAD_JOB_REQUEST_URL: RangeInclusive<usize> = 8..=2048;
/// `CreateUrlImportJobRequest.mime_type`, in Unicode scalar values.
pub const CREATE_URL_IMPORT_JOB_REQUEST_MIME_TYPE: RangeInclusive<usize> = 1..=100;
/// `CreateUrlImportJobRequest.title`, in Unicode scalar values.
pub const CREATE_URL_IMPORT_JOB_REQUEST_TITLE: RangeInclusive<usize> = 1..=255;
/// `CreateUrlImportJobRequest.url`, in Unicode scalar values.
pub const CREATE_URL_IMPORT_JOB_REQUEST_URL: RangeInclusive<usize> = 1..=2048;
/// `CustomDesignTypeInput.height`, in whole numbers.
pub const CUSTOM_DESIGN_TYPE_INPUT_HEIGHT: RangeInclusive<usize> = 40..=8000;
/// `CustomDesignTypeInput.width`, in whole numbers.
pub const CUSTOM_DESIGN_TYPE_INPUT_WIDTH: RangeInclusive<usize> = 40..=8000;
/// `DesignCreateDesignRequest.design_id`, in Unicode scalar values.
pub const DESIGN_CREATE_DESIGN_REQUEST_DESIGN_ID: RangeInclusive<usize> = 1..=50;
/// `DesignImportMetadata.title_base64`, in Unicode scalar values before Base64.
pub const DESIGN_IMPORT_METADATA_TITLE: RangeInclusive<usize> = 1..=50;
/// `DesignTypeCreateDesignRequest.title`, in Unicode scalar values.
pub const DESIGN_TYPE_CREATE_DESIGN_REQUEST_TITLE: RangeInclusive<usize> = 1..=255;
/// `MoveFolderItemRequest.item_id`, in Unicode scalar values.
pub const MOVE_FOLDER_ITEM_REQUEST_ITEM_ID: RangeInclusive<usize> = 1..=50;
/// `MoveFolderItemRequest.to_folder_id`, in Unicode scalar values.
pub const MOVE_FOLDER_ITEM_REQUEST_TO_FOLDER_ID: RangeInclusive<usize> = 1..=50;
/// `UpdateAssetRequest.name`, in Unicode scalar values.
pub const UPDATE_ASSET_REQUEST_NAME: RangeInclusive<usize> = 0..=50;
/// `UpdateAssetRequest.tags`, in items.
pub const UPDATE_ASSET_REQUEST_TAGS: RangeInclusive<usize> = 0..=50;
/// `UpdateAssetRequest.tags_item`, in Unicode scalar values.
pub const UPDATE_ASSET_REQUEST_TAGS_ITEM: RangeInclusive<usize> = 0..=50;
/// `JobId`, in Unicode scalar values.
pub const JOB_ID: RangeInclusive<usize> = 1..=50;
/// `AssetId`, in Unicode scalar values.
pub const ASSET_ID: RangeInclusive<usize> = 1..=50;
/// `listDesigns.query`, in Unicode scalar values.
pub const LIST_DESIGNS_QUERY: RangeInclusive<usize> = 0..=255;
/// `listDesigns.limit`, in whole numbers.
pub const LIST_DESIGNS_LIMIT: RangeInclusive<usize> = 1..=100;
/// `DesignId`, in Unicode scalar values.
pub const DESIGN_ID: RangeInclusive<usize> = 1..=50;
/// `FolderId`, in Unicode scalar values.
pub const FOLDER_ID: RangeInclusive<usize> = 1..=50;
/// `listFolderItems.limit`, in whole numbers.
pub const LIST_FOLDER_ITEMS_LIMIT: RangeInclusive<usize> = 1..=100;
