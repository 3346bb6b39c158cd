// Written by build.rs from openapi.yaml. Don't edit: change the spec and run `cargo regenerate`.

use super::{Authentication, Operation};
/// The version of the spec that this crate is made from.
pub const SPEC_VERSION: &str = "0.3.0";
/// Canva's public API.
pub const BASE_URL: &str = "https://api.canva.com/rest";
/// Where a user grants access.
pub const AUTHORIZATION_URL: &str = "https://www.canva.com/api/oauth/authorize";
/// Where access tokens come from.
pub const TOKEN_URL: &str = "https://api.canva.com/auth/v1/oauth/token";
/// Every scope that a user can grant, also those that no operation here needs.
pub const SCOPES: &[&str] = &[
    "asset:read",
    "asset:write",
    "brandtemplate:content:read",
    "brandtemplate:content:write",
    "brandtemplate:meta:read",
    "collaboration:event",
    "comment:read",
    "comment:write",
    "design:content:read",
    "design:content:write",
    "design:meta:read",
    "email",
    "folder:permission:write",
    "folder:read",
    "folder:write",
    "openid",
    "profile",
    "profile:read",
];
/// `POST /v1/asset-uploads`
pub const CREATE_ASSET_UPLOAD_JOB: Operation = Operation {
    id: "createAssetUploadJob",
    method: "POST",
    path: "/v1/asset-uploads",
    server: None,
    authentication: Authentication::AccessToken,
    scopes: &["asset:write"],
    requests_per_minute: Some(30),
    preview: false,
    successes: &[200],
    repeatable: false,
};
/// `GET /v1/asset-uploads/{jobId}`
pub const GET_ASSET_UPLOAD_JOB: Operation = Operation {
    id: "getAssetUploadJob",
    method: "GET",
    path: "/v1/asset-uploads/{jobId}",
    server: None,
    authentication: Authentication::AccessToken,
    scopes: &["asset:read"],
    requests_per_minute: Some(180),
    preview: false,
    successes: &[200],
    repeatable: true,
};
/// `DELETE /v1/assets/{assetId}`
pub const DELETE_ASSET: Operation = Operation {
    id: "deleteAsset",
    method: "DELETE",
    path: "/v1/assets/{assetId}",
    server: None,
    authentication: Authentication::AccessToken,
    scopes: &["asset:write"],
    requests_per_minute: Some(30),
    preview: false,
    successes: &[204],
    repeatable: true,
};
/// `GET /v1/assets/{assetId}`
pub const GET_ASSET: Operation = Operation {
    id: "getAsset",
    method: "GET",
    path: "/v1/assets/{assetId}",
    server: None,
    authentication: Authentication::AccessToken,
    scopes: &["asset:read"],
    requests_per_minute: Some(100),
    preview: false,
    successes: &[200],
    repeatable: true,
};
/// `PATCH /v1/assets/{assetId}`
pub const UPDATE_ASSET: Operation = Operation {
    id: "updateAsset",
    method: "PATCH",
    path: "/v1/assets/{assetId}",
    server: None,
    authentication: Authentication::AccessToken,
    scopes: &["asset:write"],
    requests_per_minute: Some(30),
    preview: false,
    successes: &[200],
    repeatable: true,
};
/// `GET /v1/designs`
pub const LIST_DESIGNS: Operation = Operation {
    id: "listDesigns",
    method: "GET",
    path: "/v1/designs",
    server: None,
    authentication: Authentication::AccessToken,
    scopes: &["design:meta:read"],
    requests_per_minute: Some(100),
    preview: false,
    successes: &[200],
    repeatable: true,
};
/// `POST /v1/designs`
pub const CREATE_DESIGN: Operation = Operation {
    id: "createDesign",
    method: "POST",
    path: "/v1/designs",
    server: None,
    authentication: Authentication::AccessToken,
    scopes: &["design:content:write"],
    requests_per_minute: Some(20),
    preview: false,
    successes: &[200],
    repeatable: false,
};
/// `GET /v1/designs/{designId}`
pub const GET_DESIGN: Operation = Operation {
    id: "getDesign",
    method: "GET",
    path: "/v1/designs/{designId}",
    server: None,
    authentication: Authentication::AccessToken,
    scopes: &["design:meta:read"],
    requests_per_minute: Some(100),
    preview: false,
    successes: &[200],
    repeatable: true,
};
/// `POST /v1/folders`
pub const CREATE_FOLDER: Operation = Operation {
    id: "createFolder",
    method: "POST",
    path: "/v1/folders",
    server: None,
    authentication: Authentication::AccessToken,
    scopes: &["folder:write"],
    requests_per_minute: Some(20),
    preview: false,
    successes: &[200],
    repeatable: false,
};
/// `POST /v1/folders/move`
pub const MOVE_FOLDER_ITEM: Operation = Operation {
    id: "moveFolderItem",
    method: "POST",
    path: "/v1/folders/move",
    server: None,
    authentication: Authentication::AccessToken,
    scopes: &["folder:write"],
    requests_per_minute: Some(100),
    preview: false,
    successes: &[204],
    repeatable: true,
};
/// `GET /v1/folders/{folderId}/items`
pub const LIST_FOLDER_ITEMS: Operation = Operation {
    id: "listFolderItems",
    method: "GET",
    path: "/v1/folders/{folderId}/items",
    server: None,
    authentication: Authentication::AccessToken,
    scopes: &["folder:read"],
    requests_per_minute: Some(100),
    preview: false,
    successes: &[200],
    repeatable: true,
};
/// `POST /v1/imports`
pub const CREATE_DESIGN_IMPORT_JOB: Operation = Operation {
    id: "createDesignImportJob",
    method: "POST",
    path: "/v1/imports",
    server: None,
    authentication: Authentication::AccessToken,
    scopes: &["design:content:write"],
    requests_per_minute: Some(20),
    preview: false,
    successes: &[200],
    repeatable: false,
};
/// `GET /v1/imports/{jobId}`
pub const GET_DESIGN_IMPORT_JOB: Operation = Operation {
    id: "getDesignImportJob",
    method: "GET",
    path: "/v1/imports/{jobId}",
    server: None,
    authentication: Authentication::AccessToken,
    scopes: &["design:content:write"],
    requests_per_minute: Some(120),
    preview: false,
    successes: &[200],
    repeatable: true,
};
/// `POST /v1/url-asset-uploads`
pub const CREATE_URL_ASSET_UPLOAD_JOB: Operation = Operation {
    id: "createUrlAssetUploadJob",
    method: "POST",
    path: "/v1/url-asset-uploads",
    server: None,
    authentication: Authentication::AccessToken,
    scopes: &["asset:write"],
    requests_per_minute: Some(30),
    preview: true,
    successes: &[200],
    repeatable: false,
};
/// `GET /v1/url-asset-uploads/{jobId}`
pub const GET_URL_ASSET_UPLOAD_JOB: Operation = Operation {
    id: "getUrlAssetUploadJob",
    method: "GET",
    path: "/v1/url-asset-uploads/{jobId}",
    server: None,
    authentication: Authentication::AccessToken,
    scopes: &["asset:read"],
    requests_per_minute: Some(180),
    preview: true,
    successes: &[200],
    repeatable: true,
};
/// `POST /v1/url-imports`
pub const CREATE_URL_IMPORT_JOB: Operation = Operation {
    id: "createUrlImportJob",
    method: "POST",
    path: "/v1/url-imports",
    server: None,
    authentication: Authentication::AccessToken,
    scopes: &["design:content:write"],
    requests_per_minute: Some(20),
    preview: false,
    successes: &[200],
    repeatable: false,
};
/// `GET /v1/url-imports/{jobId}`
pub const GET_URL_IMPORT_JOB: Operation = Operation {
    id: "getUrlImportJob",
    method: "GET",
    path: "/v1/url-imports/{jobId}",
    server: None,
    authentication: Authentication::AccessToken,
    scopes: &["design:content:write"],
    requests_per_minute: Some(120),
    preview: false,
    successes: &[200],
    repeatable: true,
};
/// `GET /v1/users/me`
pub const USERS_ME: Operation = Operation {
    id: "usersMe",
    method: "GET",
    path: "/v1/users/me",
    server: None,
    authentication: Authentication::AccessToken,
    scopes: &[],
    requests_per_minute: Some(10),
    preview: false,
    successes: &[200],
    repeatable: true,
};
/// `GET /v1/users/me/capabilities`
pub const GET_USER_CAPABILITIES: Operation = Operation {
    id: "getUserCapabilities",
    method: "GET",
    path: "/v1/users/me/capabilities",
    server: None,
    authentication: Authentication::AccessToken,
    scopes: &["profile:read"],
    requests_per_minute: Some(10),
    preview: false,
    successes: &[200],
    repeatable: true,
};
/// `GET /v1/users/me/profile`
pub const GET_USER_PROFILE: Operation = Operation {
    id: "getUserProfile",
    method: "GET",
    path: "/v1/users/me/profile",
    server: None,
    authentication: Authentication::AccessToken,
    scopes: &["profile:read"],
    requests_per_minute: Some(10),
    preview: false,
    successes: &[200],
    repeatable: true,
};
/// Every operation of the spec.
pub const ALL: &[Operation] = &[
    CREATE_ASSET_UPLOAD_JOB,
    GET_ASSET_UPLOAD_JOB,
    DELETE_ASSET,
    GET_ASSET,
    UPDATE_ASSET,
    LIST_DESIGNS,
    CREATE_DESIGN,
    GET_DESIGN,
    CREATE_FOLDER,
    MOVE_FOLDER_ITEM,
    LIST_FOLDER_ITEMS,
    CREATE_DESIGN_IMPORT_JOB,
    GET_DESIGN_IMPORT_JOB,
    CREATE_URL_ASSET_UPLOAD_JOB,
    GET_URL_ASSET_UPLOAD_JOB,
    CREATE_URL_IMPORT_JOB,
    GET_URL_IMPORT_JOB,
    USERS_ME,
    GET_USER_CAPABILITIES,
    GET_USER_PROFILE,
];
