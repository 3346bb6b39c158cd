//! The simulator as its user holds it: settings, start, what it saw, and its end. What requests are answered is `server`'s
//! business.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use crate::access::Access;
use crate::library::{StoredAsset, StoredDesign};
use crate::limits::RateLimits;
use crate::log::ReceivedRequest;
use crate::server::{self, Server};

/// Something that goes on after the answer to the request that began it.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A local Canva. It answers until it is dropped; then its port closes and its jobs stop.
pub struct Simulator {
    base_url: String,
    token: String,
    server: Arc<Server>,
    serving: AbortHandle,
}

impl Simulator {
    /// Starts with the settings that [`Builder`] lists as defaults.
    ///
    /// # Errors
    ///
    /// When no loopback port can be bound.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Settings, before the start.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// What a client takes as its base URL: `http://127.0.0.1:PORT/rest`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// An access token that is accepted: the first that [`Builder::access`] was given, else one with every scope.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The requests to the API so far, in the order in which they arrived.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.server.log.requests()
    }

    /// The assets in the content library, oldest first.
    pub fn assets(&self) -> Vec<StoredAsset> {
        self.server.library().assets.clone()
    }

    /// The assets that were deleted, in the order in which they were.
    pub fn trash(&self) -> Vec<StoredAsset> {
        self.server.library().trash.clone()
    }

    /// The designs that imports made, oldest first.
    pub fn designs(&self) -> Vec<StoredDesign> {
        self.server.library().designs.clone()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

/// How a [`Simulator`] behaves.
#[derive(Clone, Debug)]
pub struct Builder {
    port: u16,
    accesses: Vec<Access>,
    settings: Settings,
}

/// What the server needs to know of the builder's settings.
#[derive(Clone, Debug)]
pub struct Settings {
    pub job_duration: Duration,
    pub max_body_bytes: u64,
    pub max_asset_bytes: u64,
    pub rate_limits: Option<RateLimits>,
}

impl Default for Builder {
    fn default() -> Self {
        let settings = Settings {
            job_duration: Duration::from_millis(50),
            max_body_bytes: 1 << 30,
            max_asset_bytes: 500_000_000,
            rate_limits: None,
        };
        Self { port: 0, accesses: Vec::new(), settings }
    }
}

impl Builder {
    /// The loopback port. Default 0, which is any free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Accepts this token, in place of the default one. Can be called for several.
    #[must_use]
    pub fn access(mut self, access: Access) -> Self {
        self.accesses.push(access);
        self
    }

    /// How long a job is `in_progress`, at least. Default 50 ms; with zero, the answer that starts a job is already its
    /// final one.
    #[must_use]
    pub fn job_duration(mut self, duration: Duration) -> Self {
        self.settings.job_duration = duration;
        self
    }

    /// The largest request body; a larger one is a 413. Default 1 GiB.
    #[must_use]
    pub fn max_body_bytes(mut self, bytes: u64) -> Self {
        self.settings.max_body_bytes = bytes;
        self
    }

    /// The largest asset; the job of a larger one fails with `file_too_big`. Default 500 MB.
    #[must_use]
    pub fn max_asset_bytes(mut self, bytes: u64) -> Self {
        self.settings.max_asset_bytes = bytes;
        self
    }

    /// Enforces the spec's requests a minute, for each user and operation, counted this way. Default: no limits.
    #[must_use]
    pub fn rate_limits(mut self, limits: RateLimits) -> Self {
        self.settings.rate_limits = Some(limits);
        self
    }

    /// Binds the port and begins to answer.
    ///
    /// # Errors
    ///
    /// When the port can't be bound, or `openapi.yaml` says something that isn't simulated.
    pub async fn start(mut self) -> io::Result<Simulator> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await?;
        let origin = format!("http://{}", listener.local_addr()?);
        if self.accesses.is_empty() {
            self.accesses.push(Access::new("simulator-access-token"));
        }
        let token = self.accesses.first().map(|access| access.token.clone()).unwrap_or_default();
        let base_url = format!("{origin}{}", server::BASE_PATH);
        let (background, tasks) = mpsc::unbounded_channel();
        let server = Arc::new(Server::new(origin, self.accesses, self.settings, background));
        let router = server::router(server.clone()).map_err(|e| io::Error::other(format!("openapi.yaml: {e}")))?;
        let serving = tokio::spawn(serve(listener, router, tasks)).abort_handle();
        Ok(Simulator { base_url, token, server, serving })
    }
}

/// Owns every task there is, so that aborting this one ends them all.
async fn serve(listener: TcpListener, router: Router, mut background: mpsc::UnboundedReceiver<Task>) {
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    tasks.spawn(connection(stream, router.clone()));
                }
                // Out of file descriptors, most likely; trying at once would spin.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(task) = background.recv() => {
                tasks.spawn(task);
            }
            Some(_) = tasks.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, router: Router) {
    // An answer is small, and waiting to send it with more is waiting for nothing.
    let _ = stream.set_nodelay(true);
    // A connection that breaks is the client's doing, and the client sees it.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)).await;
}
