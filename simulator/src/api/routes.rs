//! Which path leads where: the spec's operations and the token endpoint to `api`; the consent page and the thumbnails
//! stand beside the API and are served here.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, RawPathParams, RawQuery, Request};
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use canva_connect::operations::{AUTHORIZATION_URL, BASE_URL, TOKEN_URL};

use crate::api::spec::{self, OperationSpec};
use crate::api::{self, Place};
use crate::api_error::ApiError;
use crate::oauth::Endpoint;
use crate::state::State;

/// Where Canva has operations that `openapi.yaml` doesn't.
const NOT_SIMULATED: [&str; 11] = [
    "/rest/v1/analytics",
    "/rest/v1/apps",
    "/rest/v1/autofills",
    "/rest/v1/brand-templates",
    "/rest/v1/comments",
    "/rest/v1/connect",
    "/rest/v1/designs",
    "/rest/v1/exports",
    "/rest/v1/folders",
    "/rest/v1/oidc",
    "/rest/v1/resizes",
];

/// For who looks at `/v1/assets` for what other APIs have there.
pub const UPLOADS: &str = "POST /rest/v1/asset-uploads makes an asset. GET /rest/v1/folders/uploads/items lists them.";

/// What a client takes as its base URL, where the simulator stands in for Canva at this origin.
pub fn base_url(origin: &str) -> String {
    format!("{origin}{}", path_of(BASE_URL))
}

/// Where an integration gets its tokens.
pub fn token_url(origin: &str) -> String {
    format!("{origin}{}", path_of(TOKEN_URL))
}

/// Where an integration sends its user for consent.
pub fn authorization_url(origin: &str) -> String {
    format!("{origin}{}", path_of(AUTHORIZATION_URL))
}

pub fn path_of(url: &str) -> &str {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    after_scheme.find('/').map_or("", |start| after_scheme.split_at(start).1)
}

/// What somebody may have looked for at a path that leads nowhere.
pub fn elsewhere(path: &str) -> Option<String> {
    let candidates = candidates(path);
    if let Some(meant) = candidates.iter().find(|meant| *meant != path && is_path(meant)) {
        return Some(format!("Did you mean {meant}?"));
    }
    if candidates.iter().any(|path| path == &format!("{}/v1/assets", path_of(BASE_URL))) {
        return Some(UPLOADS.to_owned());
    }
    let begins = |part: &str| {
        candidates
            .iter()
            .any(|path| path.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    };
    let there = NOT_SIMULATED.iter().any(|part| begins(part));
    there.then(|| "Canva has operations there, but this simulator doesn't simulate them.".to_owned())
}

/// The path that somebody may have meant by this one, if something stands there.
pub fn meant(path: &str) -> Option<String> {
    std::iter::once(path.to_owned()).chain(candidates(path)).find(|path| is_path(path))
}

/// Paths like this one: without what is doubled in it, and with what a base URL has, which may lack, be another version's
/// or be there twice.
fn candidates(path: &str) -> [String; 3] {
    let parts = || path.split('/').filter(|part| !part.is_empty());
    let joined = |parts: &mut dyn Iterator<Item = &str>| parts.map(|part| format!("/{part}")).collect::<String>();
    let is_version = |part: &str| part.strip_prefix('v').is_some_and(|number| number.parse::<u8>().is_ok());
    let below = joined(&mut parts().skip_while(|part| matches!(*part, "auth" | "rest") || is_version(part)));
    // The token endpoints first below /auth: below the base URL they are deprecated.
    [joined(&mut parts()), format!("/auth/v1{below}"), format!("{}/v1{below}", path_of(BASE_URL))]
}

/// Whether an operation or an endpoint of OAuth stands at this path.
fn is_path(path: &str) -> bool {
    endpoint_at(path).is_some() || operations_at(path).next().is_some()
}

pub fn endpoint_at(path: &str) -> Option<Endpoint> {
    Endpoint::ALL.into_iter().find(|endpoint| endpoint_paths(*endpoint).iter().any(|own| own == path))
}

pub fn operations_at(path: &str) -> impl Iterator<Item = &'static OperationSpec> {
    let below = path.strip_prefix(path_of(BASE_URL)).unwrap_or_default();
    spec::operations().into_iter().flatten().filter(move |spec| {
        let (parts, given) = (spec.operation.path.split('/'), below.split('/'));
        parts.clone().count() == given.clone().count()
            && parts.zip(given).all(|(part, given)| part == given || part.starts_with('{'))
    })
}

/// Where an endpoint of OAuth stands: beside the token endpoint, and below the base URL, where it is deprecated.
pub fn endpoint_paths(endpoint: Endpoint) -> [String; 2] {
    let beside = path_of(TOKEN_URL).trim_end_matches(Endpoint::Token.name());
    [beside.to_owned(), format!("{}/v1/oauth/", path_of(BASE_URL))].map(|folder| format!("{folder}{}", endpoint.name()))
}

/// Everything that Canva serves, or what in the spec it can't follow.
pub fn router(state: Arc<State>) -> Result<Router, String> {
    let mut by_path: HashMap<&str, Vec<&'static OperationSpec>> = HashMap::new();
    for spec in spec::operations()? {
        by_path.entry(spec.operation.path).or_default().push(spec);
    }
    let base = path_of(BASE_URL);
    let mut router = Router::new();
    for (path, specs) in by_path {
        let (state, specs) = (state.clone(), Arc::new(specs));
        // Bytes that aren't UTF-8 are no parameters, and for `checks` to refuse when their turn comes.
        let handler = any(move |parameters: Result<RawPathParams, _>, request| {
            let parameters =
                parameters.iter().flatten().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            api::respond(state.clone(), Place::Operations(specs.clone(), parameters), request)
        });
        router = router.route(&format!("{base}{path}"), handler);
    }
    for endpoint in Endpoint::ALL {
        for path in endpoint_paths(endpoint) {
            let state = state.clone();
            let handler = any(move |request| api::respond(state.clone(), Place::OAuth(endpoint), request));
            router = router.route(&path, handler);
        }
    }
    let (consent, thumbnails) = (state.clone(), state.clone());
    let authorize = async move |request: Request| consent.oauth.consent_page(request).await;
    let thumbnail = get(async move |asset_id: Result<Path<String>, _>, RawQuery(query): RawQuery| {
        let asset_id = asset_id.map_or(String::new(), |Path(asset_id)| asset_id);
        thumbnail(&thumbnails, &asset_id, &query.unwrap_or_default()).await.unwrap_or_else(ApiError::into_response)
    });
    let beside = Router::new()
        .route(path_of(AUTHORIZATION_URL), get(authorize.clone()).post(authorize))
        .route("/thumbnails/{asset_id}/0001.png", thumbnail)
        .layer(middleware::from_fn_with_state(state.clone(), api::logged));
    Ok(router.merge(beside).fallback(move |request| api::respond(state.clone(), Place::Nowhere, request)))
}

pub async fn thumbnail(state: &State, asset_id: &str, query: &str) -> Result<Response, ApiError> {
    let asset = state.library().assets.get(asset_id).cloned().ok_or_else(ApiError::asset_not_found)?;
    if !state.urls.opens_thumbnail(asset_id, query, state.now()) {
        let message = "The URL is expired, or its query string is missing or wrong.";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "permission_denied", message));
    }
    let unread = |e| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", format!("{e}"));
    let (mime_type, image) = asset.thumbnail().await.map_err(unread)?;
    // No Cross-Origin-Resource-Policy: integrations show thumbnails on their own pages.
    Ok(([(header::CONTENT_TYPE, mime_type), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")], image).into_response())
}
