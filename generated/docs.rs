// Written by build.rs from openapi.yaml. Don't edit: change the spec and run `cargo regenerate`.

macro_rules! scope_and_rate {
    (CREATE_ASSET_UPLOAD_JOB) => {
        "Scope `asset:write`, 30 requests a minute for each user."
    };
    (GET_ASSET_UPLOAD_JOB) => {
        "Scope `asset:read`, 180 requests a minute for each user."
    };
    (DELETE_ASSET) => {
        "Scope `asset:write`, 30 requests a minute for each user."
    };
    (GET_ASSET) => {
        "Scope `asset:read`, 100 requests a minute for each user."
    };
    (UPDATE_ASSET) => {
        "Scope `asset:write`, 30 requests a minute for each user."
    };
    (LIST_DESIGNS) => {
        "Scope `design:meta:read`, 100 requests a minute for each user."
    };
    (CREATE_DESIGN) => {
        "Scope `design:content:write`, 20 requests a minute for each user."
    };
    (GET_DESIGN) => {
        "Scope `design:meta:read`, 100 requests a minute for each user."
    };
    (CREATE_FOLDER) => {
        "Scope `folder:write`, 20 requests a minute for each user."
    };
    (MOVE_FOLDER_ITEM) => {
        "Scope `folder:write`, 100 requests a minute for each user."
    };
    (LIST_FOLDER_ITEMS) => {
        "Scope `folder:read`, 100 requests a minute for each user."
    };
    (CREATE_DESIGN_IMPORT_JOB) => {
        "Scope `design:content:write`, 20 requests a minute for each user."
    };
    (GET_DESIGN_IMPORT_JOB) => {
        "Scope `design:content:write`, 120 requests a minute for each user."
    };
    (CREATE_URL_ASSET_UPLOAD_JOB) => {
        "Scope `asset:write`, 30 requests a minute for each user. A preview: it may change without notice, and an integration that uses it can't be released to all Canva users."
    };
    (GET_URL_ASSET_UPLOAD_JOB) => {
        "Scope `asset:read`, 180 requests a minute for each user. A preview: it may change without notice, and an integration that uses it can't be released to all Canva users."
    };
    (CREATE_URL_IMPORT_JOB) => {
        "Scope `design:content:write`, 20 requests a minute for each user."
    };
    (GET_URL_IMPORT_JOB) => {
        "Scope `design:content:write`, 120 requests a minute for each user."
    };
    (USERS_ME) => {
        "10 requests a minute for each user."
    };
    (GET_USER_CAPABILITIES) => {
        "Scope `profile:read`, 10 requests a minute for each user."
    };
    (GET_USER_PROFILE) => {
        "Scope `profile:read`, 10 requests a minute for each user."
    };
}

macro_rules! length {
    (ASSET_UPLOAD_METADATA_NAME) => {
        "1 to 50"
    };
    (BRAND_TEMPLATE_CREATE_DESIGN_REQUEST_BRAND_TEMPLATE_ID) => {
        "1 to 50"
    };
    (CREATE_FOLDER_REQUEST_NAME) => {
        "1 to 255"
    };
    (CREATE_FOLDER_REQUEST_PARENT_FOLDER_ID) => {
        "1 to 50"
    };
    (CREATE_URL_ASSET_UPLOAD_JOB_REQUEST_NAME) => {
        "1 to 255"
    };
    (CREATE_URL_ASSET_UPLOAD_JOB_REQUEST_URL) => {
        "8 to 2048"
    };
    (CREATE_URL_IMPORT_JOB_REQUEST_MIME_TYPE) => {
        "1 to 100"
    };
    (CREATE_URL_IMPORT_JOB_REQUEST_TITLE) => {
        "1 to 255"
    };
    (CREATE_URL_IMPORT_JOB_REQUEST_URL) => {
        "1 to 2048"
    };
    (CUSTOM_DESIGN_TYPE_INPUT_HEIGHT) => {
        "40 to 8000"
    };
    (CUSTOM_DESIGN_TYPE_INPUT_WIDTH) => {
        "40 to 8000"
    };
    (DESIGN_CREATE_DESIGN_REQUEST_DESIGN_ID) => {
        "1 to 50"
    };
    (DESIGN_IMPORT_METADATA_TITLE) => {
        "1 to 50"
    };
    (DESIGN_TYPE_CREATE_DESIGN_REQUEST_TITLE) => {
        "1 to 255"
    };
    (MOVE_FOLDER_ITEM_REQUEST_ITEM_ID) => {
        "1 to 50"
    };
    (MOVE_FOLDER_ITEM_REQUEST_TO_FOLDER_ID) => {
        "1 to 50"
    };
    (UPDATE_ASSET_REQUEST_NAME) => {
        "at most 50"
    };
    (UPDATE_ASSET_REQUEST_TAGS) => {
        "at most 50"
    };
    (UPDATE_ASSET_REQUEST_TAGS_ITEM) => {
        "at most 50"
    };
    (JOB_ID) => {
        "1 to 50"
    };
    (ASSET_ID) => {
        "1 to 50"
    };
    (LIST_DESIGNS_QUERY) => {
        "at most 255"
    };
    (LIST_DESIGNS_LIMIT) => {
        "1 to 100"
    };
    (DESIGN_ID) => {
        "1 to 50"
    };
    (FOLDER_ID) => {
        "1 to 50"
    };
    (LIST_FOLDER_ITEMS_LIMIT) => {
        "1 to 100"
    };
}
