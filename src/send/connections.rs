//! Which connection a request takes: one of its own over HTTP/1.1, or the one that all share over HTTP/2.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{HeaderValue, Version};

use super::base_url::{BaseUrl, HttpSettings};
use crate::error::Error;
use crate::operations::Operation;

/// How long an HTTP/1.1 connection may have been idle before a request that must not be sent twice takes it. Common
/// servers keep idle connections for longer; the shortest of them is Node.js with 5 s. A server that closes a
/// connection while a request is on its way may or may not have carried it out.
const MAX_IDLE: Duration = Duration::from_secs(4);

/// The connections of a client and of all that are made from it.
pub(crate) struct Connections {
    /// HTTP/2 where the server has it: one connection for all requests. Where it ends, the server says which it has
    /// not begun.
    shared: reqwest::Client,
    /// HTTP/1.1: one request per connection, none idle for over [`MAX_IDLE`]. Over HTTP/2 the server's window decides
    /// how much of an upload may be on its way, by default 64 KiB; and a connection that breaks takes with it all
    /// that shares it.
    own: reqwest::Client,
    /// The server has answered over HTTP/2.
    has_http2: AtomicBool,
    /// The server refused HTTP/1.1, and isn't asked for it again.
    refused_http1: AtomicBool,
}

impl Connections {
    pub(crate) fn new(
        base_url: &BaseUrl,
        connect_timeout: Duration,
        settings: &HttpSettings,
        user_agent: HeaderValue,
    ) -> Result<Self, Error> {
        let http =
            |http1_only| base_url.http_client(connect_timeout, settings, http1_only).user_agent(user_agent.clone());
        let build = |http: reqwest::ClientBuilder| http.build().map_err(|source| Error::Setup { source });
        Ok(Self {
            shared: build(http(false))?,
            own: build(http(true).pool_idle_timeout(MAX_IDLE))?,
            has_http2: AtomicBool::new(false),
            refused_http1: AtomicBool::new(false),
        })
    }

    /// The connection for a request. Uploads have their own, and so has what must not be sent twice until the server
    /// is known to have HTTP/2.
    pub(super) fn pick(&self, operation: &Operation, uploads: bool) -> Connection<'_> {
        let own = uploads || !operation.repeatable && !self.has_http2.load(Ordering::Relaxed);
        Connection { all: self, own: own && !self.refused_http1.load(Ordering::Relaxed) }
    }
}

/// The connection that a request takes.
#[derive(Clone, Copy)]
pub(super) struct Connection<'a> {
    all: &'a Connections,
    own: bool,
}

impl Connection<'_> {
    pub(super) fn http(&self) -> &reqwest::Client {
        if self.own { &self.all.own } else { &self.all.shared }
    }

    /// The server answered over this version of HTTP.
    pub(super) fn answered_over(&self, version: Version) {
        if version == Version::HTTP_2 {
            self.all.has_http2.store(true, Ordering::Relaxed);
        }
    }

    /// The server refused this connection for its version of HTTP: the other one, if there is one. Everything goes
    /// over HTTP/2 from now on.
    pub(super) fn other(self) -> Option<Self> {
        self.own.then(|| {
            self.all.refused_http1.store(true, Ordering::Relaxed);
            Self { own: false, ..self }
        })
    }
}
