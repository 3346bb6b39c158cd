//! Who is let in: programs of this machine, and web pages from this machine.
//!
//! Every page in a browser on this machine can reach a loopback port. The browser adds an `Origin` to the requests of
//! a page from elsewhere. If a page has its own name resolved to this machine (DNS rebinding), the browser sends that
//! name as `Host`.

use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use reqwest::Url;

use crate::api;
use crate::api_error::ApiError;
use crate::loopback;

/// Answers 403 unless the request is for this machine and comes from it. A refused request isn't logged, and its body
/// isn't read.
pub async fn admit(request: Request, next: Next) -> Response {
    if is_for_here(&request) && is_from_here(request.headers()) {
        return next.run(request).await;
    }
    let message = "The simulator answers to programs and pages of this machine alone: Host, and Origin if there is one, \
                   must be localhost, 127.0.0.1 or [::1].";
    api::identified(ApiError::new(StatusCode::FORBIDDEN, "permission_denied", message).into_response()).await
}

/// Whether the request names one host, and that host is this machine. Over HTTP/1.1 `Host` is required, and an
/// absolute target names a host too. Over HTTP/2 either may name it, or both if they are equal.
fn is_for_here(request: &Request) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (host, further) = (hosts.next(), hosts.next());
    // A value that isn't text becomes a host that is refused.
    let host = host.map(|host| text(host).unwrap_or_default());
    let target = request.uri().authority().map(Authority::as_str);
    let named = match (request.version(), host, target) {
        (Version::HTTP_2, Some(host), Some(target)) => host == target,
        (Version::HTTP_2, host, target) => host.or(target).is_some(),
        (_, host, _) => host.is_some(),
    };
    let mut all = host.into_iter().chain(target);
    named && further.is_none() && all.all(|host| leads_here(&format!("http://{host}")))
}

/// Programs send no `Origin`. A page that hides its origin sends `null`, which is no URL.
fn is_from_here(headers: &HeaderMap) -> bool {
    headers.get_all(header::ORIGIN).iter().all(|origin| text(origin).is_some_and(leads_here))
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}

fn leads_here(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| loopback::leads_here(&url))
}
