//! How a job goes: what it makes of a file, when it ends, and how. Also what a file becomes without a job.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use reqwest::Url;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::api_error::ApiError;
use crate::canva::content::Content;
use crate::canva::designs::NewDesign;
use crate::canva::library::{Finished, JobError, NewJob};
use crate::canva::urls::Urls;
use crate::fields::invalid;
use crate::files::documents;
use crate::files::fetch::{self, FetchError};
use crate::files::media::{self, AssetKind};
use crate::state::State;

/// Canva takes images under 50 MB, and videos under 500 MB, which is the simulator's setting for all files.
const MAX_IMAGE_BYTES: u64 = 50_000_000;

/// The limit that Canva sets for a video fetched from a URL: 100 MB.
const MAX_URL_VIDEO_BYTES: u64 = 100_000_000;

/// The longest name of an asset and title of an imported design, in characters.
const MAX_NAME: usize = 50;

/// Begins a job and gives it as it then is. It ends when its work is done, but not before the job duration is over. A
/// rule can give it another duration, and an error in place of its work.
pub async fn start(
    state: &Arc<State>,
    urls: &Urls,
    new: NewJob,
    work: impl Future<Output = Result<Finished, JobError>> + Send + 'static,
) -> Result<Value, ApiError> {
    let (kind, user_id) = (new.kind, new.owner.user_id.clone());
    let (id, error, duration) = {
        let mut library = state.library();
        library.check_job(&new)?;
        let rule = state.outcomes.next(kind, &new.name);
        let duration = rule.as_ref().and_then(|rule| rule.duration()).unwrap_or(state.settings.job_duration);
        let started = state.clock.since_epoch();
        let id = library.start_job(new, started, started.saturating_add(duration));
        (id, rule.and_then(|rule| rule.error()), duration)
    };
    // Even the shortest sleep would need a clock that moves.
    let earliest = (!duration.is_zero()).then(|| state.clock.now().checked_add(duration));
    let (done, finished) = oneshot::channel::<()>();
    let (background, job_id) = (state.clone(), id.clone());
    state.background.spawn(async move {
        let outcome = match error {
            Some(error) => Err(error),
            None => work.await,
        };
        match earliest {
            Some(Some(earliest)) => background.clock.sleep_until(earliest).await,
            // Beyond the end of time.
            Some(None) => std::future::pending().await,
            None => {}
        }
        background.finish_job(&job_id, outcome);
        // Only a response that waits for the end listens.
        let _ = done.send(());
    });
    if duration.is_zero() {
        let _ = finished.await;
    }
    state.library().job(kind, &id, &user_id, urls, state.now())
}

/// What an upload makes of its file, if it could be kept.
pub async fn asset(state: Arc<State>, name: String, file: io::Result<Content>) -> Result<Finished, JobError> {
    let content = file.map_err(no_room)?;
    let (length, max_bytes) = (content.len() as u64, state.settings.max_asset_bytes);
    if length > max_bytes {
        return Err(too_big("file", max_bytes));
    }
    let failed = |what| JobError::new("import_failed", format!("The file {what}."));
    let media = judge(&state, &content, media::read).await.map_err(failed)?;
    if media.kind == AssetKind::Image && length > MAX_IMAGE_BYTES {
        return Err(too_big("image", MAX_IMAGE_BYTES));
    }
    Ok(Finished::Asset { name, content, media })
}

pub async fn asset_at(state: Arc<State>, name: String, url: Url) -> Result<Finished, JobError> {
    let max_bytes = state.settings.max_asset_bytes;
    let file = fetch::fetch(url, max_bytes, &state).await.map_err(|e| match e {
        FetchError::TooBig => too_big("file", max_bytes),
        FetchError::Failed(reason) => fetch_failed(reason),
    })?;
    match asset(state, name, file).await? {
        Finished::Asset { media, content, .. }
            if media.kind == AssetKind::Video && content.len() as u64 > MAX_URL_VIDEO_BYTES =>
        {
            Err(too_big("video", MAX_URL_VIDEO_BYTES))
        }
        asset => Ok(asset),
    }
}

/// What an import makes of its file, if it could be kept. `given` is the media type that the client says.
pub async fn design(
    state: Arc<State>,
    title: String,
    given: Option<String>,
    file: io::Result<Content>,
) -> Result<Finished, JobError> {
    let content = file.map_err(no_room)?;
    let invalid = |message: String| JobError::new("invalid_file", message);
    let document = judge(&state, &content, documents::read).await;
    let document = document.map_err(|what| invalid(format!("The file {what}.")))?;
    let mime_type = document.mime_type;
    match given {
        Some(given) if !given.eq_ignore_ascii_case(mime_type) => {
            Err(invalid(format!("The file is {mime_type}, not {given}.")))
        }
        _ => Ok(Finished::Design(NewDesign::imported(title, content, mime_type, document.page_count))),
    }
}

pub async fn design_at(
    state: Arc<State>,
    title: String,
    given: Option<String>,
    url: Url,
) -> Result<Finished, JobError> {
    let max_bytes = state.settings.max_body_bytes;
    let file = fetch::fetch(url, max_bytes, &state).await.map_err(|e| match e {
        FetchError::TooBig => fetch_failed(format!("it is larger than {max_bytes} bytes")),
        FetchError::Failed(reason) => fetch_failed(reason),
    })?;
    design(state, title, given, file).await
}

/// Makes an asset of an image or a video, and a design of a document, at once and without a job: `{"asset": …}` or
/// `{"design": …}`. `name` is the asset's name or the design's title. It is the default user's, unless another
/// one is named. Fails, and says why, where the job would.
pub async fn add(
    state: &Arc<State>,
    urls: &Urls,
    name: &str,
    bytes: Bytes,
    user_id: Option<&str>,
) -> io::Result<Value> {
    let length = name.chars().count();
    if !(1..=MAX_NAME).contains(&length) {
        return Err(invalid(format!("a name has 1 to {MAX_NAME} characters, but {name:?} has {length}")));
    }
    let is_document = media::asset_kind(&bytes).is_err() && documents::is_document(&bytes);
    let made = match is_document {
        true => design(state.clone(), name.to_owned(), None, state.store.keep(bytes).await).await,
        false => asset(state.clone(), name.to_owned(), state.store.keep(bytes).await).await,
    };
    let made = made.map_err(|error| invalid(format!("{name}: {}", error.message)))?;
    let owner = state.oauth.user_or_default(user_id);
    let (mut library, now) = (state.library(), state.now());
    let id = match made {
        Finished::Asset { name, content, media } => library.add_asset(name, content, media, owner, now).id,
        Finished::Design(new) => library.add_design(new, owner, now).id,
    };
    Ok(library.show(&id, urls, now).unwrap_or_default())
}

/// What a reader makes of a file. It runs where nobody waits for it, since an Office file may have much to unpack, and
/// a job that ends with the simulator leaves it to its end.
async fn judge<T, E>(state: &State, file: &Content, read: fn(&[u8]) -> Result<T, E>) -> Result<T, String>
where
    T: Send + 'static,
    E: Into<String> + Send + 'static,
{
    // A reader that panics over a file says no more about it than one that refuses it.
    let unread = || "can't be read".to_owned();
    let turn = state.judging.clone().acquire_owned().await.map_err(|_| unread())?;
    let file = file.clone();
    let read = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        file.bytes().map(|file| read(&file))
    });
    let read = read.await.map_err(|_| unread())?;
    read.map_err(|e| format!("can't be read: {e}"))?.map_err(E::into)
}

fn too_big(what: &str, max_bytes: u64) -> JobError {
    JobError::new("file_too_big", format!("The {what} is larger than {max_bytes} bytes."))
}

fn fetch_failed(reason: String) -> JobError {
    JobError::new("fetch_failed", format!("The file can't be fetched: {reason}."))
}

/// The temporary file can't be written.
fn no_room(error: io::Error) -> JobError {
    JobError::new("internal_error", format!("The simulator can't keep the file: {error}."))
}
