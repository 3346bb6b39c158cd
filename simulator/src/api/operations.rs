//! Carries out an operation whose request has passed the checks. Only this file knows operations by name.

use std::cmp::Ordering;
use std::sync::Arc;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use canva_connect::JobKind;
use canva_connect::operations::*;
use reqwest::Url;
use serde_json::{Value, json};

use crate::api::call::Call;
use crate::api::jobs;
use crate::api_error::ApiError;
use crate::canva::folders::{Item, Place};
use crate::canva::library::NewJob;
use crate::state::State;

pub async fn perform(state: &Arc<State>, operation: &Operation, call: Call) -> Result<Response, ApiError> {
    let response = match *operation {
        CREATE_ASSET_UPLOAD_JOB => upload_asset(state, call).await,
        CREATE_URL_ASSET_UPLOAD_JOB => upload_asset_from_url(state, call).await,
        CREATE_DESIGN_IMPORT_JOB => import_design(state, call).await,
        CREATE_URL_IMPORT_JOB => import_design_from_url(state, call).await,
        GET_ASSET_UPLOAD_JOB => read_job(state, JobKind::AssetUpload, &call),
        GET_URL_ASSET_UPLOAD_JOB => read_job(state, JobKind::UrlAssetUpload, &call),
        GET_DESIGN_IMPORT_JOB => read_job(state, JobKind::Import, &call),
        GET_URL_IMPORT_JOB => read_job(state, JobKind::UrlImport, &call),
        GET_ASSET => get_asset(state, &call),
        DELETE_ASSET => return delete_asset(state, &call),
        UPDATE_ASSET => update_asset(state, &call),
        CREATE_FOLDER => create_folder(state, call),
        MOVE_FOLDER_ITEM => return move_folder_item(state, &call),
        LIST_FOLDER_ITEMS => list_folder_items(state, &call),
        LIST_DESIGNS => list_designs(state, &call),
        GET_DESIGN => get_design(state, &call),
        CREATE_DESIGN => create_design(state, call),
        USERS_ME => Ok(json!({ "team_user": call.owner.to_json() })),
        GET_USER_PROFILE => Ok(json!({ "profile": { "display_name": call.owner.user_id } })),
        // Those of a plan, which nobody has here.
        GET_USER_CAPABILITIES => Ok(json!({ "capabilities": [] })),
        Operation { id, .. } => {
            let message = format!("The spec has {id}, but this simulator doesn't do it yet.");
            Err(ApiError::new(StatusCode::NOT_IMPLEMENTED, "not_implemented", message))
        }
    };
    Ok(Json(response?).into_response())
}

async fn upload_asset(state: &Arc<State>, call: Call) -> Result<Value, ApiError> {
    let name = call.decoded_header_text("Asset-Upload-Metadata", "name_base64")?;
    let work = jobs::asset(state.clone(), name.clone(), state.store.keep(call.body).await);
    let new = NewJob { kind: JobKind::AssetUpload, owner: call.owner, name, from: None };
    jobs::start(state, &call.urls, new, work).await
}

async fn upload_asset_from_url(state: &Arc<State>, call: Call) -> Result<Value, ApiError> {
    let (name, url) = (call.body_text("name").unwrap_or_default(), url(&call)?);
    let work = jobs::asset_at(state.clone(), name.clone(), url);
    let from = call.body_text("url");
    jobs::start(state, &call.urls, NewJob { kind: JobKind::UrlAssetUpload, owner: call.owner, name, from }, work).await
}

async fn import_design(state: &Arc<State>, call: Call) -> Result<Value, ApiError> {
    let title = call.decoded_header_text("Import-Metadata", "title_base64")?;
    let given = call.header_text("Import-Metadata", "mime_type");
    let work = jobs::design(state.clone(), title.clone(), given, state.store.keep(call.body).await);
    let new = NewJob { kind: JobKind::Import, owner: call.owner, name: title, from: None };
    jobs::start(state, &call.urls, new, work).await
}

async fn import_design_from_url(state: &Arc<State>, call: Call) -> Result<Value, ApiError> {
    let (title, url) = (call.body_text("title").unwrap_or_default(), url(&call)?);
    let work = jobs::design_at(state.clone(), title.clone(), call.body_text("mime_type"), url);
    let from = call.body_text("url");
    jobs::start(state, &call.urls, NewJob { kind: JobKind::UrlImport, owner: call.owner, name: title, from }, work)
        .await
}

/// Where a file is to be fetched.
fn url(call: &Call) -> Result<Url, ApiError> {
    let invalid = |reason: String| {
        ApiError::new(StatusCode::BAD_REQUEST, "invalid_field", "'url' provided is invalid.").because(reason)
    };
    let url =
        Url::parse(&call.body_text("url").unwrap_or_default()).map_err(|e| invalid(format!("It is no URL: {e}.")))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(invalid(format!("A file is fetched by http or https, not by {other}."))),
    }
}

fn read_job(state: &State, kind: JobKind, call: &Call) -> Result<Value, ApiError> {
    state.library().job(kind, call.id(), &call.owner.user_id, &call.urls, state.now())
}

fn get_asset(state: &State, call: &Call) -> Result<Value, ApiError> {
    let mut library = state.library();
    let asset = library.asset_mut(call.id(), &call.owner.user_id)?;
    Ok(json!({ "asset": asset.to_json(&call.urls, state.now()) }))
}

fn delete_asset(state: &State, call: &Call) -> Result<Response, ApiError> {
    state.library().delete_asset(call.id(), &call.owner.user_id, state.now())?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn update_asset(state: &State, call: &Call) -> Result<Value, ApiError> {
    let now = state.now();
    let mut library = state.library();
    let asset = library.asset_mut(call.id(), &call.owner.user_id)?;
    if let Some(name) = call.body_text("name").filter(|name| !name.is_empty()) {
        asset.name = name;
    }
    if let Some(tags) = call.json.get("tags").and_then(Value::as_array) {
        asset.tags = tags.iter().filter_map(|tag| tag.as_str().map(str::to_owned)).collect();
    }
    asset.updated_at = now.max(asset.updated_at + 1);
    Ok(json!({ "asset": asset.to_json(&call.urls, now) }))
}

fn create_folder(state: &State, call: Call) -> Result<Value, ApiError> {
    let text = |field| call.body_text(field).unwrap_or_default();
    let (name, parent) = (text("name"), text("parent_folder_id"));
    let folder = state.library().create_folder(name, parent, call.owner, state.now())?;
    Ok(json!({ "folder": folder.to_json() }))
}

fn move_folder_item(state: &State, call: &Call) -> Result<Response, ApiError> {
    let text = |field| call.body_text(field).unwrap_or_default();
    let (item, to) = (text("item_id"), text("to_folder_id"));
    state.library().move_item(&item, &to, &call.owner.user_id, state.now())?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn list_folder_items(state: &State, call: &Call) -> Result<Value, ApiError> {
    let after = state.continuations.place(call)?;
    let types = call.query.get("item_types").and_then(Value::as_array);
    let is_listed = |kind: &str| types.is_some_and(|types| types.contains(&kind.into()));
    // Nothing is pinned here.
    let only_pinned = call.query_text("pin_status") == Some("pinned");
    let (library, now) = (state.library(), state.now());
    let items = library.items_in(call.id(), &call.owner.user_id)?;
    let items = items.filter(|item| is_listed(item.kind()) && !only_pinned);
    page(state, call, after.as_ref(), items, Item::place, |item| item.to_json(&call.urls, now))
}

fn list_designs(state: &State, call: &Call) -> Result<Value, ApiError> {
    let after = state.continuations.place(call)?;
    let query = call.query_text("query").unwrap_or_default().to_lowercase();
    // Nothing is shared here.
    let only_shared = call.query_text("ownership") == Some("shared");
    let library = state.library();
    let designs = library.designs.values().filter(|design| {
        design.owner.user_id == call.owner.user_id && !only_shared && design.title.to_lowercase().contains(&query)
    });
    page(
        state,
        call,
        after.as_ref(),
        designs,
        |design, by| Item::Design(design).place(by),
        |design| design.to_json(&call.urls),
    )
}

/// The items after the place where the page before ended, whatever was added or deleted since then. What isn't
/// sorted by a name or a time, by `relevance`, has the latest change first.
fn page<T>(
    state: &State,
    call: &Call,
    after: Option<&Place>,
    items: impl Iterator<Item = T>,
    place: impl Fn(&T, &str) -> Place,
    to_json: impl Fn(&T) -> Value,
) -> Result<Value, ApiError> {
    let (by, order) = call.query_text("sort_by").and_then(|sort| sort.split_once('_')).unwrap_or_default();
    let compare = |a: &Place, b: &Place| if order == "ascending" { a.cmp(b) } else { b.cmp(a) };
    let limit = call.query.get("limit").and_then(Value::as_u64).and_then(|limit| limit.try_into().ok());
    let mut items: Vec<_> = items.map(|item| (place(&item, by), item)).collect();
    items.retain(|(place, _)| after.is_none_or(|after| compare(place, after) == Ordering::Greater));
    items.sort_by(|(a, _), (b, _)| compare(a, b));
    let rest = items.split_off(items.len().min(limit.unwrap_or(usize::MAX)));
    let page: Vec<Value> = items.iter().map(|(_, item)| to_json(item)).collect();
    Ok(match items.last().filter(|_| !rest.is_empty()) {
        Some((last, _)) => json!({ "items": page, "continuation": state.continuations.after(last, call) }),
        None => json!({ "items": page }),
    })
}

fn get_design(state: &State, call: &Call) -> Result<Value, ApiError> {
    let library = state.library();
    let design = library.design(call.id(), &call.owner.user_id)?;
    Ok(json!({ "design": design.to_json(&call.urls) }))
}

fn create_design(state: &State, call: Call) -> Result<Value, ApiError> {
    let mut library = state.library();
    let new = library.new_design(&call.json, &call.owner.user_id)?;
    let design = library.add_design(new, call.owner, state.now());
    Ok(json!({ "design": design.to_json(&call.urls) }))
}
