//! HTTP: where requests may go, the client that takes them there, and one exchange of a request for a response that is read
//! with a bound.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::Url;
use tokio::time::Instant;
use tracing::Span;

use crate::auth::AccessToken;
use crate::connecting::Observed;
use crate::error::Error;
use crate::failure::{Failure, Overdue};
use crate::meter::Meter;
use crate::operations::BASE_URL;
use crate::response::Response;

/// More than any response of the API needs; what goes on beyond it is a fault.
const MAX_BODY: usize = 16 * 1024 * 1024;
/// Enough of an error page to say what it is.
const MAX_ERROR_BODY: usize = 64 * 1024;
/// All headers of a response over HTTP/2: as much as the HTTP client takes over HTTP/1.1.
const MAX_HEADERS: u32 = 408 * 1024;
/// How long an error page is waited for.
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection that is silent for this long is asked for a sign of life, over HTTP/2 and by TCP. With the wait for it, one that
/// is dead is given up within 50 s, so that no request is sent into one that has been dead for longer.
const ALIVE_AFTER: Duration = Duration::from_secs(20);
/// How long a sign of life is waited for.
const ALIVE_WITHIN: Duration = Duration::from_secs(10);

/// What a caller changes about the HTTP client.
pub(crate) type HttpSettings = Arc<dyn Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + Sync>;

/// A base URL that can be used.
pub(crate) struct BaseUrl {
    /// Without a slash at its end.
    pub(crate) text: String,
    /// It leads to this machine.
    loopback: bool,
}

impl BaseUrl {
    pub(crate) fn parse(text: &str, allow_plain_http: bool) -> Result<Self, Error> {
        let invalid = |found: String| Error::invalid("base_url", format!("a URL such as {BASE_URL}"), found);
        // What is before an `@` may be a password, also in what isn't a URL.
        let shown = if text.contains('@') { "(not shown)".to_owned() } else { format!("{text:?}") };
        // The parser would take `https:host` and `https:\host` for `https://host`, and leave out tabs and line ends.
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
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
            return Err(Error::invalid("base_url", expected, shown));
        }
        Ok(Self { text: url.as_str().trim_end_matches('/').to_owned(), loopback })
    }

    /// An HTTP client as every request of this crate needs it, to the API and to the token endpoint.
    pub(crate) fn http_client(&self, connect_timeout: Duration, settings: &HttpSettings) -> reqwest::ClientBuilder {
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
        // By default Linux ends a connection whose server takes nothing for 30 s. How long that may be is the timeouts' to say.
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        let http = http.tcp_user_timeout(None);
        // A proxy can't reach this machine's loopback.
        let http = if self.loopback { http.no_proxy() } else { http };
        // What comes after the caller's settings holds whatever they are.
        settings(http)
            .connector_layer(Observed)
            // By default it sends a request again over HTTP/2, unseen; what is sent again is `retry.rs`'s to say.
            .retry(reqwest::retry::never())
            // A redirect would take the token, or half an upload, somewhere else. There is no total timeout: it would
            // cut long uploads.
            .redirect(reqwest::redirect::Policy::none())
    }
}

/// Sends the request and reads the response. `timed_out` resolves when the request takes too long; the status of a failure
/// counts all the same, once it has come.
pub(crate) async fn exchange(
    http: &reqwest::Client,
    request: reqwest::Request,
    content: Option<&Meter>,
    token: &AccessToken,
    span: &Span,
    timed_out: impl Future<Output = Overdue>,
) -> Result<Response, Failure> {
    let mut timed_out = pin!(timed_out);
    let mut incoming = tokio::select! {
        biased;
        incoming = http.execute(request) => incoming.map_err(|source| Failure::new(None, source))?,
        overdue = &mut timed_out => return Err(Failure::Timeout { status: None, overdue }),
    };
    let mut response = Response::head(incoming.status(), incoming.version(), incoming.headers(), token);
    span.record("status", response.status.as_u16());
    span.record("request_id", response.request_id.as_deref());

    let success = response.status.is_success();
    let read = tokio::select! {
        biased;
        read = read(&mut incoming) => read,
        overdue = &mut timed_out, if success => {
            return Err(Failure::Timeout { status: Some(response.status), overdue });
        }
    };
    match read {
        Ok(body) => response = response.with_body(body, token),
        Err(Cut::TooLong(body)) => {
            response.body = body;
            let reason = format!("the body is longer than {MAX_BODY} bytes");
            return Err(Failure::Unreadable(response, reason.as_str().into()));
        }
        Err(Cut::Broken(source)) => return Err(Failure::new(Some(response.status), source)),
    }
    if !success {
        return Err(Failure::Status(response));
    }
    // A success that comes early may be for the part that had arrived. The rest follows, if the server takes it.
    if let Some(content) = content {
        tokio::select! {
            () = content.finished() => (),
            _ = &mut timed_out => (),
        }
        let progress = content.progress();
        if progress.sent < progress.total {
            return Err(Failure::Unreadable(
                response,
                "it came before the whole content, and the rest wasn't taken".into(),
            ));
        }
    }
    Ok(response)
}

/// Why the body of a success isn't whole.
pub(crate) enum Cut {
    TooLong(Bytes),
    Broken(reqwest::Error),
}

/// The whole body of a success, if it isn't longer than [`MAX_BODY`]. The status of a failure says enough, so of its body
/// what comes within [`ERROR_BODY_TIMEOUT`] and fits [`MAX_ERROR_BODY`].
pub(crate) async fn read(incoming: &mut reqwest::Response) -> Result<Bytes, Cut> {
    let mut body = Chunks::default();
    if incoming.status().is_success() {
        while let Some(chunk) = incoming.chunk().await.map_err(Cut::Broken)? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(Cut::TooLong(body.whole()));
            }
            body.push(chunk);
        }
    } else {
        let until = Instant::now() + ERROR_BODY_TIMEOUT;
        while let Ok(Ok(Some(chunk))) = tokio::time::timeout_at(until, incoming.chunk()).await {
            let fits = chunk.len().min(MAX_ERROR_BODY.saturating_sub(body.len()));
            body.push(chunk.slice(..fits));
            if body.len() >= MAX_ERROR_BODY {
                break;
            }
        }
    }
    Ok(body.whole())
}

/// The body of a response as it comes. Nearly always it comes at once, and then nothing is copied.
enum Chunks {
    One(Bytes),
    More(BytesMut),
}

impl Default for Chunks {
    fn default() -> Self {
        Self::One(Bytes::new())
    }
}

impl Chunks {
    fn len(&self) -> usize {
        match self {
            Self::One(chunk) => chunk.len(),
            Self::More(chunks) => chunks.len(),
        }
    }

    fn push(&mut self, chunk: Bytes) {
        match self {
            Self::One(first) if first.is_empty() => *first = chunk,
            Self::One(first) => {
                let mut chunks = BytesMut::from(std::mem::take(first));
                chunks.extend_from_slice(&chunk);
                *self = Self::More(chunks);
            }
            Self::More(chunks) => chunks.extend_from_slice(&chunk),
        }
    }

    fn whole(self) -> Bytes {
        match self {
            Self::One(chunk) => chunk,
            Self::More(chunks) => chunks.freeze(),
        }
    }
}
