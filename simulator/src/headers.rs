//! What a request's headers say, read the same way for the API and for the authorization server.

use axum::http::{HeaderMap, HeaderName, header};

/// What a browser says of each request to this machine or over TLS, and no page can change: who asked for it (`none` is
/// the user), how, and what for.
pub const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
pub const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
pub const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Whether the body is announced as this media type, with any parameters.
pub fn has_media_type(headers: &HeaderMap, media_type: &str) -> bool {
    let given = text(headers, header::CONTENT_TYPE).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case(media_type)
}

/// The credentials of `Authorization`, if they are of this scheme.
pub fn credentials<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    let (given, credentials) = text(headers, header::AUTHORIZATION)?.split_once(' ')?;
    given.eq_ignore_ascii_case(scheme).then(|| credentials.trim())
}

/// What `Content-Type` is, as the end of a sentence.
pub fn content_type(headers: &HeaderMap) -> &str {
    match headers.get(header::CONTENT_TYPE) {
        None => "missing",
        Some(given) => given.to_str().unwrap_or("not visible ASCII"),
    }
}

pub fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}
