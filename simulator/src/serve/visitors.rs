//! Who is let in: programs of this machine, and web pages from this machine.
//!
//! Every page in a browser on this machine can reach a loopback port. The browser adds an `Origin` to the requests of
//! a page from elsewhere. If a page has its own name resolved to this machine (DNS rebinding), the browser sends that
//! name as `Host`.

use std::sync::Arc;

use axum::extract::{Request, State as Shared};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::Response;
use reqwest::Url;

use crate::api_error::ApiError;
use crate::loopback;
use crate::state::State;

/// The names under which the simulator is reached beside those of this machine.
#[derive(Clone, Debug, Default)]
pub struct Hosts(Vec<String>);

impl Hosts {
    /// Adds a name or an address, without a port: any is let in.
    pub fn add(&mut self, name: &str) -> Result<(), String> {
        // What would be another part of a URL, and what stands for other names.
        let is_more = name.contains(['/', '\\', '@', '?', '#', '*'])
            || name.trim_end_matches(|c: char| c.is_ascii_digit()).ends_with(':');
        let url = Url::parse(&format!("http://{name}")).ok().filter(|_| !is_more);
        let host = url.as_ref().and_then(Url::host_str).ok_or_else(|| {
            format!("`{name}` is no host: expected one name or address, without a port, such as canva or 192.0.2.1")
        })?;
        self.0.push(host.to_owned());
        Ok(())
    }

    pub fn names(&self) -> &[String] {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn has(&self, url: &str) -> bool {
        let named = |url: &Url| url.host_str().is_some_and(|host| self.0.iter().any(|name| name == host));
        Url::parse(url).is_ok_and(|url| loopback::leads_here(&url) || named(&url))
    }
}

/// Answers 403 unless the request is for this machine and comes from it. The body of a refused request isn't read.
pub async fn admit(Shared(state): Shared<Arc<State>>, request: Request, next: Next) -> Response {
    let hosts = &state.settings.hosts;
    let Some(refused) = refusal(hosts, &request) else { return next.run(request).await };
    state.log.refuse(&request.into_parts().0, refused).await
}

/// Why the request isn't let in.
fn refusal(hosts: &Hosts, request: &Request) -> Option<ApiError> {
    let message = "The simulator answers to programs and pages of this machine alone: Host, and Origin if there is one, \
                   must be localhost, 127.0.0.1 or [::1], or a host that it was given.";
    let refuse =
        |reason: String| Some(ApiError::new(StatusCode::FORBIDDEN, "permission_denied", message).because(reason));
    if !is_for_here(hosts, request) {
        return refuse(why_not_here(hosts, request));
    }
    let mut origins = request.headers().get_all(header::ORIGIN).iter();
    // Programs send none. A page that hides its origin sends `null`, which is no URL.
    let stranger = origins.find(|origin| !text(origin).is_some_and(|origin| hosts.has(origin)))?;
    match text(stranger).unwrap_or_default() {
        "null" => refuse(
            "Origin is null: the page hides where it comes from, as a file or a sandboxed frame does. Serve it from \
             http://localhost."
                .to_owned(),
        ),
        origin => refuse(format!("Origin is {origin:?}. A page of another machine needs `--host NAME`, too.")),
    }
}

/// Why a request isn't for this machine. `Host` may be right, and something else say otherwise.
fn why_not_here(ours: &Hosts, request: &Request) -> String {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (host, further) = (hosts.next().map(|host| text(host).unwrap_or_default()), hosts.next());
    let target = request.uri().authority();
    let has_none = host.is_none() && (target.is_none() || request.version() != Version::HTTP_2);
    match (host, target) {
        _ if further.is_some() => "Host is given twice.".to_owned(),
        _ if has_none => "Host is missing.".to_owned(),
        (Some(host), Some(target)) if ours.has(&format!("http://{host}")) => {
            format!("Host is {host:?}, but the request's target is for {:?}.", target.host())
        }
        (host, target) => {
            let given = host.or(target.map(Authority::as_str)).unwrap_or_default();
            format!("Host is {given:?}. To be reached by another name, start it with `--host NAME`.")
        }
    }
}

/// Whether the request comes from no page, or from one of the simulator's own. A page of this machine on another port
/// may use the API, but not steer the simulator.
pub fn is_from_own_page(headers: &HeaderMap, target: Option<&Authority>) -> bool {
    let host = headers.get(header::HOST).and_then(text).or(target.map(Authority::as_str)).unwrap_or_default();
    let own = ["http", "https"].map(|scheme| format!("{scheme}://{host}"));
    headers.get_all(header::ORIGIN).iter().all(|origin| text(origin).is_some_and(|it| own.iter().any(|own| own == it)))
}

/// Whether the request names one host, and that host is this machine. Over HTTP/1.1 `Host` is required, and an
/// absolute target names a host too. Over HTTP/2 either may name it, or both if they are equal.
fn is_for_here(ours: &Hosts, request: &Request) -> bool {
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
    named && further.is_none() && all.all(|host| ours.has(&format!("http://{host}")))
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}
