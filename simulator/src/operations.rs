//! What each operation does once a request has passed the checks. This is the one place that knows operations by name.

use std::sync::Arc;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use canva_connect::operations::Operation;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::access::Owner;
use crate::fetch::{self, FetchError};
use crate::library::{Finished, JobError, JobKind};
use crate::media::{self, AssetKind};
use crate::refusal::Refusal;
use crate::server::{Call, Server};
use crate::{documents, spec};

/// The limit that Canva sets for a video fetched from a URL: 100 MB.
const MAX_URL_VIDEO_BYTES: usize = 100_000_000;

pub async fn perform(server: &Arc<Server>, operation: &Operation, call: Call) -> Result<Response, Refusal> {
    let answer = match operation.id {
        "createAssetUploadJob" => upload_asset(server, call).await,
        "createUrlAssetUploadJob" => upload_asset_from_url(server, call).await,
        "createDesignImportJob" => import_design(server, call).await,
        "createUrlImportJob" => import_design_from_url(server, call).await,
        "getAssetUploadJob" => read_job(server, JobKind::AssetUpload, &call),
        "getUrlAssetUploadJob" => read_job(server, JobKind::UrlAssetUpload, &call),
        "getDesignImportJob" => read_job(server, JobKind::Import, &call),
        "getUrlImportJob" => read_job(server, JobKind::UrlImport, &call),
        "getAsset" => get_asset(server, &call),
        "deleteAsset" => return delete_asset(server, &call),
        "updateAsset" => update_asset(server, &call),
        id => {
            let message = format!("The spec has {id}, but this simulator doesn't do it yet.");
            Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, "not_implemented", message))
        }
    };
    Ok(Json(answer?).into_response())
}

async fn upload_asset(server: &Arc<Server>, call: Call) -> Result<Value, Refusal> {
    let name = decoded(&call, "Asset-Upload-Metadata", "name_base64")?;
    let work = asset(name, call.body, server.settings.max_asset_bytes);
    start_job(server, JobKind::AssetUpload, call.owner, work).await
}

async fn upload_asset_from_url(server: &Arc<Server>, call: Call) -> Result<Value, Refusal> {
    let (name, url) = (field(&call, "name"), field(&call, "url"));
    let max_bytes = server.settings.max_asset_bytes;
    let work = async move {
        let bytes = fetch::fetch(&url, max_bytes).await.map_err(|e| match e {
            FetchError::TooBig => too_big(max_bytes),
            FetchError::Failed(reason) => fetch_failed(reason),
        })?;
        match asset(name, bytes, max_bytes).await? {
            Finished::Asset { media, bytes, .. }
                if media.kind == AssetKind::Video && bytes.len() > MAX_URL_VIDEO_BYTES =>
            {
                Err(too_big(MAX_URL_VIDEO_BYTES as u64))
            }
            asset => Ok(asset),
        }
    };
    start_job(server, JobKind::UrlAssetUpload, call.owner, work).await
}

async fn import_design(server: &Arc<Server>, call: Call) -> Result<Value, Refusal> {
    let title = decoded(&call, "Import-Metadata", "title_base64")?;
    let given = call.headers.get("Import-Metadata").and_then(|metadata| metadata.get("mime_type")?.as_str());
    let given = given.map(str::to_owned);
    let work = design(title, given, call.body);
    start_job(server, JobKind::Import, call.owner, work).await
}

async fn import_design_from_url(server: &Arc<Server>, call: Call) -> Result<Value, Refusal> {
    let (title, url) = (field(&call, "title"), field(&call, "url"));
    let given = call.json.get("mime_type").and_then(Value::as_str).map(str::to_owned);
    let max_bytes = server.settings.max_body_bytes;
    let work = async move {
        let bytes = fetch::fetch(&url, max_bytes).await.map_err(|e| match e {
            FetchError::TooBig => fetch_failed(format!("it is larger than {max_bytes} bytes")),
            FetchError::Failed(reason) => fetch_failed(reason),
        })?;
        design(title, given, bytes).await
    };
    start_job(server, JobKind::UrlImport, call.owner, work).await
}

fn read_job(server: &Server, kind: JobKind, call: &Call) -> Result<Value, Refusal> {
    let id = call.path.first().map_or("", String::as_str);
    let job = server.library().job(kind, id, &call.owner.user_id, &server.links, server.now());
    job.ok_or_else(|| Refusal::not_found("job"))
}

fn get_asset(server: &Server, call: &Call) -> Result<Value, Refusal> {
    let id = call.path.first().map_or("", String::as_str);
    let mut library = server.library();
    let asset = library.asset_mut(id, &call.owner.user_id).ok_or_else(|| Refusal::not_found("asset"))?;
    Ok(serde_json::json!({ "asset": asset.to_json(&server.links, server.now()) }))
}

fn delete_asset(server: &Server, call: &Call) -> Result<Response, Refusal> {
    let id = call.path.first().map_or("", String::as_str);
    let deleted = server.library().delete_asset(id, &call.owner.user_id);
    deleted.map(|()| StatusCode::NO_CONTENT.into_response()).ok_or_else(|| Refusal::not_found("asset"))
}

fn update_asset(server: &Server, call: &Call) -> Result<Value, Refusal> {
    let id = call.path.first().map_or("", String::as_str);
    let now = server.now();
    let mut library = server.library();
    let asset = library.asset_mut(id, &call.owner.user_id).ok_or_else(|| Refusal::not_found("asset"))?;
    if let Some(name) = call.json.get("name").and_then(Value::as_str).filter(|name| !name.is_empty()) {
        asset.name = name.to_owned();
    }
    if let Some(tags) = call.json.get("tags").and_then(Value::as_array) {
        asset.tags = tags.iter().filter_map(|tag| tag.as_str().map(str::to_owned)).collect();
    }
    asset.updated_at = now.max(asset.updated_at + 1);
    Ok(serde_json::json!({ "asset": asset.to_json(&server.links, now) }))
}

/// Begins a job that ends when its work is done, but not before the job duration is over, and answers with the job.
async fn start_job(
    server: &Arc<Server>,
    kind: JobKind,
    owner: Owner,
    work: impl Future<Output = Result<Finished, JobError>> + Send + 'static,
) -> Result<Value, Refusal> {
    let user_id = owner.user_id.clone();
    let id = server.library().start_job(kind, owner);
    let duration = server.settings.job_duration;
    let earliest = tokio::time::sleep(duration);
    let (done, finished) = oneshot::channel::<()>();
    let (background, job_id) = (server.clone(), id.clone());
    server.spawn(async move {
        let outcome = work.await;
        earliest.await;
        background.library().finish_job(&job_id, outcome, background.now());
        // Only an answer that waits for the end listens.
        let _ = done.send(());
    });
    if duration.is_zero() {
        let _ = finished.await;
    }
    let job = server.library().job(kind, &id, &user_id, &server.links, server.now());
    job.ok_or_else(|| Refusal::not_found("job"))
}

async fn asset(name: String, bytes: Bytes, max_bytes: u64) -> Result<Finished, JobError> {
    if bytes.len() as u64 > max_bytes {
        return Err(too_big(max_bytes));
    }
    let file = bytes.clone();
    // A decoder that panics over a file says no more about it than one that refuses it.
    let media = tokio::task::spawn_blocking(move || media::read(&file)).await.ok().flatten();
    match media {
        Some(media) => Ok(Finished::Asset { name, bytes, media }),
        None => {
            let message = "The file is no picture or video, or a broken one.".to_owned();
            Err(JobError { code: "import_failed", message })
        }
    }
}

async fn design(title: String, given: Option<String>, bytes: Bytes) -> Result<Finished, JobError> {
    let invalid = |message: String| JobError { code: "invalid_file", message };
    let file = bytes.clone();
    let document = tokio::task::spawn_blocking(move || documents::read(&file)).await.ok().flatten();
    let document = document.ok_or_else(|| invalid("The file is no document, or a broken or encrypted one.".into()))?;
    let mime_type = document.mime_type;
    match given {
        Some(given) if !given.eq_ignore_ascii_case(mime_type) => {
            Err(invalid(format!("The file is {mime_type}, not {given}.")))
        }
        _ => Ok(Finished::Design { title, bytes, mime_type, page_count: document.page_count }),
    }
}

fn too_big(max_bytes: u64) -> JobError {
    JobError { code: "file_too_big", message: format!("The file is larger than {max_bytes} bytes.") }
}

fn fetch_failed(reason: String) -> JobError {
    JobError { code: "fetch_failed", message: format!("The file can't be fetched: {reason}.") }
}

/// The text in a field of the body, where the spec wants one.
fn field(call: &Call, name: &str) -> String {
    call.json.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The text in a Base64 field of a header, which the spec's own checks have already read once.
fn decoded(call: &Call, header: &str, field: &str) -> Result<String, Refusal> {
    let text = call.headers.get(header).and_then(|metadata| metadata.get(field)?.as_str()).and_then(spec::decode);
    text.ok_or_else(|| {
        let message = format!("{header} has no {field}.");
        Refusal::new(StatusCode::BAD_REQUEST, "invalid_header_value", message)
    })
}
