//! Where requests may go, and the HTTP client that takes them there: the API for `client.rs`, the token endpoint for
//! `auth/integration.rs`.

use std::time::Duration;

use reqwest::Url;

use crate::error::Error;
use crate::operations::BASE_URL;

/// What every request of this crate has in common.
pub(crate) fn http_client(loopback: bool, connect_timeout: Duration) -> reqwest::ClientBuilder {
    let http = reqwest::Client::builder()
        .connect_timeout(connect_timeout)
        // A redirect would take the token, or half an upload, somewhere else. There is no total timeout: it would cut
        // long uploads.
        .redirect(reqwest::redirect::Policy::none());
    // A proxy can't reach this machine's loopback.
    if loopback { http.no_proxy() } else { http }
}

/// The base URL if it can be used, and whether it leads to this machine.
pub(crate) fn base_url(text: &str, allow_plain_http: bool) -> Result<(Url, bool), Error> {
    let invalid = |found: String| Error::invalid("base_url", format!("a URL such as {BASE_URL}"), found);
    let url = Url::parse(text).map_err(|e| invalid(format!("{text:?}: {e}")))?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("one with credentials, a query or a fragment (not shown)".to_owned()));
    }
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(invalid(format!("{text:?}")));
    }
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    let loopback = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    if url.scheme() == "http" && !loopback && !allow_plain_http {
        let expected = "https:// (a token must not travel in the clear; `allow_plain_http` allows it)";
        return Err(Error::invalid("base_url", expected, format!("{text:?}")));
    }
    Ok((url, loopback))
}
