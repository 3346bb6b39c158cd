//! Where requests may go, and an HTTP client that goes there.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;

use super::connecting::Observed;
use super::tls;
use crate::error::Error;
use crate::operations::BASE_URL;

/// All headers of a response over HTTP/2: as much as the HTTP client takes over HTTP/1.1.
const MAX_HEADERS: u32 = 408 * 1024;
/// A connection that is silent for this long is asked for a sign of life, over HTTP/2 and by TCP. With the wait for
/// it, one that is dead is given up within 50 s, so that no request is sent into one that has been dead for longer.
const ALIVE_AFTER: Duration = Duration::from_secs(20);
/// How long a sign of life is waited for.
const ALIVE_WITHIN: Duration = Duration::from_secs(10);

/// What a caller changes about the HTTP client. `None`: nothing.
pub(crate) type HttpSettings = Option<Arc<dyn Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + Sync>>;

/// A base URL that can be used.
pub(crate) struct BaseUrl {
    /// Without a slash at its end.
    pub(crate) text: String,
    /// It leads to this machine.
    loopback: bool,
}

impl BaseUrl {
    /// The base URL of the API.
    pub(crate) fn parse(text: &str, allow_plain_http: bool) -> Result<Self, Error> {
        Self::of("base_url", BASE_URL, text, allow_plain_http)
    }

    /// The value of this setting, which is usually like that.
    pub(crate) fn of(setting: &'static str, usual: &str, text: &str, allow_plain_http: bool) -> Result<Self, Error> {
        let invalid = |found: String| Error::invalid(setting, format!("a URL such as {usual}"), found);
        // The text before an `@` may be a password, even if this is no URL.
        let shown = if text.contains('@') { "(not shown)".to_owned() } else { format!("{text:?}") };
        // The parser would take `https:host` and `https:\host` for `https://host`, and leave out tabs and line ends.
        let lowercase = text.to_ascii_lowercase();
        let host = lowercase.strip_prefix("https://").or_else(|| lowercase.strip_prefix("http://"));
        let plain = !text.contains(|c: char| c == '\\' || c.is_whitespace() || c.is_control());
        if !plain || host.is_none_or(|host| host.starts_with('/')) {
            return Err(invalid(shown));
        }
        let url = Url::parse(text).map_err(|e| invalid(format!("{shown}: {e}")))?;
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("one with credentials, a query or a fragment (not shown)".to_owned()));
        }
        let host = url.host_str().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
        let loopback = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
        if url.scheme() == "http" && !loopback && !allow_plain_http {
            let expected = "https:// (a token must not travel in the clear; `allow_plain_http` allows it)";
            return Err(Error::invalid(setting, expected, shown));
        }
        Ok(Self { text: url.as_str().trim_end_matches('/').to_owned(), loopback })
    }

    /// An HTTP client as every request of this crate needs it, to the API and to the token endpoint. Over HTTP/2 where
    /// the server has it, or over HTTP/1.1 alone.
    pub(crate) fn http_client(
        &self,
        connect_timeout: Duration,
        settings: &HttpSettings,
        http1_only: bool,
    ) -> reqwest::ClientBuilder {
        let http = reqwest::Client::builder()
            .connect_timeout(connect_timeout)
            // By default a header of 16 KiB, which HTTP/1.1 takes, breaks the connection.
            .http2_max_header_list_size(MAX_HEADERS)
            .http2_keep_alive_interval(ALIVE_AFTER)
            .http2_keep_alive_timeout(ALIVE_WITHIN)
            .http2_keep_alive_while_idle(true)
            .tcp_keepalive(ALIVE_AFTER)
            .tcp_keepalive_interval(ALIVE_WITHIN)
            .tcp_keepalive_retries(3);
        // By default Linux ends a connection whose server takes nothing for 30 s. How long that may be is the
        // timeouts' to say.
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        let http = http.tcp_user_timeout(None);
        // A proxy can't reach this machine's loopback.
        let http = if self.loopback { http.no_proxy() } else { http };
        let http = match settings {
            Some(settings) => settings(http),
            None => self.with_tls(http, http1_only),
        };
        // The settings from here on override the caller's.
        let http = if http1_only { http.http1_only() } else { http };
        http.connector_layer(Observed)
            // By default the HTTP client repeats some requests by itself. Only `retry.rs` may decide that.
            .retry(reqwest::retry::never())
            // A redirect would take the token, or half an upload, somewhere else. There is no total timeout: it would
            // cut long uploads.
            .redirect(reqwest::redirect::Policy::none())
    }

    fn with_tls(&self, http: reqwest::ClientBuilder, http1_only: bool) -> reqwest::ClientBuilder {
        let plain = self.text.starts_with("http://");
        let versions: &[&str] = if http1_only { &["http/1.1"] } else { &["h2", "http/1.1"] };
        if plain && self.loopback {
            return http.tls_certs_only([]);
        }
        match tls::config(versions) {
            Ok(config) => http.tls_backend_preconfigured(config),
            // There may be no certificates, as in a small container; only a proxy could need them.
            Err(_) if plain => http.tls_certs_only([]),
            // reqwest meets the same error, and says it when the client is built.
            Err(_) => http,
        }
    }
}
