//! What must hold for any input to the targets in `fuzz/`: each function panics if it doesn't.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::fmt::Debug;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::client::Client;
use crate::error::Error;
use crate::facade::metadata_headers;
use crate::generated::types::{Asset, AssetUploadMetadata, DesignImportMetadata, DesignSummary};
use crate::job::{Job, JobKind};
use crate::send::Call;
use crate::send::failure::Failure;
use crate::send::response::Response;
use crate::token::AccessToken;

/// The seeds have it too, so that responses contain it.
const TOKEN: &str = "s3cr3t/of+the=client";

static CLIENT: LazyLock<Client> = LazyLock::new(|| Client::new(TOKEN).unwrap());

/// A response with any status and body is a value that survives writing and reading, or an error that can be printed
/// and doesn't contain the token.
pub fn response(bytes: &[u8]) {
    let Some((status, body)) = bytes.split_first() else { return };
    let status = [200, 200, 200, 201, 204, 206, 302, 400, 401, 404, 429, 500][usize::from(*status) % 12];
    let (status, body) = (StatusCode::from_u16(status).unwrap(), Bytes::copy_from_slice(body));
    let api = CLIENT.generated();
    read(api.get_asset("a"), status, &body);
    read(api.delete_asset("a"), status, &body);
    read(api.update_asset("a", &Default::default()), status, &body);
    if let Some(response) = read(api.get_asset_upload_job("j"), status, &body) {
        said(Job::<Asset>::created(&CLIENT, JobKind::AssetUpload, None, Ok(response)));
    }
    if let Some(response) = read(api.get_design_import_job("j"), status, &body) {
        said(Job::<Vec<DesignSummary>>::created(&CLIENT, JobKind::Import, None, Ok(response)));
    }
}

fn said<T: Debug + Send + 'static>(job: Result<Job<T>, Error>) {
    let job = job.unwrap();
    let _ = format!("{job:?} {:?} {:?}", job.state(), job.reference());
}

fn read<T>(call: Call<T>, status: StatusCode, body: &Bytes) -> Option<T>
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let token = AccessToken::new(TOKEN);
    let response = Response { body: body.clone(), ..Response::head(status, &HeaderMap::new(), &token) };
    let failure = if status.is_success() {
        match call.read(response) {
            Ok(value) => {
                let written = serde_json::to_vec(&value).unwrap();
                assert_eq!(serde_json::from_slice::<T>(&written).unwrap(), value);
                return Some(value);
            }
            Err(failure) => failure,
        }
    } else {
        Failure::Status(response)
    };
    let error = failure.into_error(call.operation(), 1, &token);
    let said = format!("{error} {error:?}");
    assert!(!said.contains(TOKEN), "{said}");
    None
}

/// Any value is a duration or nothing, whatever the response's date. Digits that fit are a number of seconds.
pub fn retry_after(value: &[u8], date: &[u8]) {
    let Ok(header) = HeaderValue::from_bytes(value) else { return };
    let mut headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, header)]);
    headers.extend(HeaderValue::from_bytes(date).ok().map(|date| (http::header::DATE, date)));
    let found = Response::head(StatusCode::TOO_MANY_REQUESTS, &headers, &AccessToken::new(TOKEN)).retry_after;
    let digits = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    if let Some(seconds) = digits.and_then(|digits| digits.parse().ok()) {
        assert_eq!(found.map(|duration| duration.as_secs()), Some(seconds));
    }
}

/// A name or title of 1 to 50 characters goes into a short header and comes out of it unchanged; any other is refused.
pub fn metadata(name: &str, title: &str, mime_type: Option<&str>) {
    let allowed = |text: &str| (1..=50).contains(&text.chars().count());
    match metadata_headers::asset_upload(Some(name), None) {
        Ok((_, metadata)) => {
            let (AssetUploadMetadata { name_base64 }, length) = through_header(&metadata);
            assert_eq!(STANDARD.decode(name_base64).unwrap(), name.as_bytes());
            // 50 characters of 4 bytes are 268 in Base64.
            assert!(allowed(name) && length <= 300, "{metadata:?}");
        }
        Err(error) => assert!(!allowed(name), "{error}"),
    }
    match metadata_headers::design_import(Some(title), None, mime_type) {
        Ok((_, metadata)) => {
            let (DesignImportMetadata { title_base64, .. }, _) = through_header(&metadata);
            assert_eq!(STANDARD.decode(title_base64).unwrap(), title.as_bytes());
            assert_eq!(metadata.mime_type.as_deref(), mime_type);
            assert!(allowed(title));
        }
        Err(error) => assert!(!allowed(title) || mime_type.is_some(), "{error}"),
    }
}

/// The metadata as the server reads it, and the length of its header.
fn through_header<T: Serialize + DeserializeOwned + PartialEq + Debug>(metadata: &T) -> (T, usize) {
    let header = HeaderValue::from_str(&serde_json::to_string(metadata).unwrap()).unwrap();
    let text = header.to_str().expect("only visible ASCII");
    let read = serde_json::from_str(text).unwrap();
    assert_eq!(&read, metadata);
    (read, text.len())
}
