//! The simulator as its user holds it: its settings, its start, what it received, and its end. How it responds is for
//! `api` to decide.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::ops::RangeBounds;
use std::sync::Arc;
use std::time::Duration;

use canva_connect::operations::ALL;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::api::routes;
use crate::canva::access::Access;
use crate::canva::library::{StoredAsset, StoredDesign};
use crate::canva::rates::{RateLimits, WINDOW};
use crate::faults::Fault;
use crate::faults::injections::Injection;
use crate::log::ReceivedRequest;
use crate::oauth::{self, Client, OAuth};
use crate::secrets::Secrets;
use crate::serve::background::Background;
use crate::serve::connections::{self, Server};
use crate::serve::port::Port;
use crate::serve::tls::{Tls, TlsServer};
use crate::state::{Settings, State};

/// A local Canva. It answers until it is dropped; then its port closes and its jobs stop.
pub struct Simulator {
    base_url: String,
    authorization_url: String,
    token: String,
    port: Arc<Port>,
    state: Arc<State>,
    connections: AbortHandle,
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

    /// What a client takes as its base URL: `http://127.0.0.1:PORT/rest`, or `https://127.0.0.1:PORT/rest` with
    /// [`Builder::tls`].
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The certificate of the simulator's own CA, in PEM: what a client has to trust. `None` without [`Builder::tls`].
    pub fn certificate(&self) -> Option<&str> {
        self.state.certificate.as_deref()
    }

    /// An access token that is accepted: the first that [`Builder::access`] was given, else a random one with every
    /// scope.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The requests to the API so far, in the order in which they arrived: the newest 10 000, fewer where their paths
    /// and headers are over 64 MiB together. Their bodies are kept up to 256 MiB together, and the newest one
    /// whatever its length; an older one is emptied then. These bounds are the simulator's own, for one that runs for
    /// days. A request for another host or from another site, which is refused with a 403, isn't among them.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.state.log.requests()
    }

    /// The assets in the default user's content library, oldest first.
    pub fn assets(&self) -> Vec<StoredAsset> {
        self.assets_of(self.user_id())
    }

    /// The default user's deleted assets, in the order in which they were deleted.
    pub fn trash(&self) -> Vec<StoredAsset> {
        self.trash_of(self.user_id())
    }

    /// The designs that the default user's imports made, oldest first.
    pub fn designs(&self) -> Vec<StoredDesign> {
        self.designs_of(self.user_id())
    }

    /// The assets in this user's content library, oldest first.
    pub fn assets_of(&self, user_id: &str) -> Vec<StoredAsset> {
        self.state.library().assets.iter().filter(|asset| asset.owner.user_id == user_id).cloned().collect()
    }

    /// This user's deleted assets, in the order in which they were deleted.
    pub fn trash_of(&self, user_id: &str) -> Vec<StoredAsset> {
        self.state.library().trash.iter().filter(|asset| asset.owner.user_id == user_id).cloned().collect()
    }

    /// The designs that this user's imports made, oldest first.
    pub fn designs_of(&self, user_id: &str) -> Vec<StoredDesign> {
        self.state.library().designs.iter().filter(|design| design.owner.user_id == user_id).cloned().collect()
    }

    /// The default user's id: that of whom [`token`](Self::token) acts for.
    fn user_id(&self) -> &str {
        &self.state.oauth.owner.user_id
    }

    /// Accepts connections from now on, after [`Builder::refusing`]. Does nothing otherwise.
    ///
    /// # Errors
    ///
    /// When the port can't be listened on.
    pub fn accept(&self) -> io::Result<()> {
        self.port.open()
    }

    /// Lets a fault meet requests of an operation. `requests` says which, counted from now: `1..=1` is the next one,
    /// and `..` is all.
    ///
    /// `operation` is the spec's id of it, or `token`, `revoke` or `introspect` for that endpoint of OAuth.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] where there is no such operation, and for a fault of HTTP/2 where the simulator
    /// doesn't speak it.
    pub fn inject(&self, operation: &str, requests: impl RangeBounds<u32>, fault: Fault) -> io::Result<()> {
        self.state.injections.inject(operation, Injection::new(requests, fault))
    }

    /// The id of the OAuth client that tokens are issued to.
    pub fn client_id(&self) -> &str {
        &self.state.oauth.client.id
    }

    /// The secret that goes with [`client_id`](Self::client_id).
    pub fn client_secret(&self) -> &str {
        &self.state.oauth.client.secret
    }

    /// An access token of another user's: with [`Builder::scopes`], as the token endpoint gives it, and accepted for
    /// as long. Each user has assets, jobs and rate limits of their own, and can't reach those of others. The user
    /// needs no preparation; who has several tokens is still one user.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use canva_connect::Client;
    /// use canva_simulator::Simulator;
    ///
    /// let simulator = Simulator::start().await?;
    /// let anna = Client::builder().base_url(simulator.base_url()).token(simulator.authorize_as("anna")).build()?;
    /// anna.upload_asset("../tests/fixtures/photo.png").await?.wait().await?;
    ///
    /// assert_eq!(simulator.assets_of("anna").len(), 1);
    /// assert!(simulator.assets().is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn authorize_as(&self, user_id: &str) -> String {
        self.state.oauth.token_for(self.state.oauth.user(user_id), self.state.now())
    }

    /// The page to which an integration sends its user for consent. It consents at once: it redirects back with a
    /// code. A parameter `user`, which Canva's page doesn't have, is the id of who consents: append `&user=anna` to a
    /// login's URL to log in as another user than the default one.
    pub fn authorization_url(&self) -> &str {
        &self.authorization_url
    }

    /// Consents as the default user would, and gives the code that the user's browser would bring back. It can be
    /// exchanged once, within ten minutes, with the same `redirect_uri`; where that is empty here, it can be left out
    /// there, too. Where a scope is none of [`Builder::scopes`], the exchange is refused with `invalid_scope`.
    pub fn authorize<S: Into<String>>(
        &self,
        code_challenge: &str,
        scopes: impl IntoIterator<Item = S>,
        redirect_uri: &str,
    ) -> String {
        let scopes = scopes.into_iter().map(Into::into).collect();
        let user = self.state.oauth.owner.clone();
        self.state.oauth.authorize(user, code_challenge, scopes, redirect_uri)
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.port.close();
        self.connections.abort();
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

/// The settings of a [`Simulator`]. Each says its default.
#[derive(Clone, Debug)]
pub struct Builder {
    port: u16,
    refusing: bool,
    tls: Option<Tls>,
    max_concurrent_streams: Option<u32>,
    accesses: Vec<Access>,
    client: Option<Client>,
    oauth: oauth::Settings,
    faults: Vec<(String, Injection)>,
    settings: Settings,
}

impl Default for Builder {
    fn default() -> Self {
        let settings = Settings {
            job_duration: Duration::from_millis(50),
            max_body_bytes: 1 << 30,
            max_asset_bytes: 500_000_000,
            rate_limits: None,
            rate_window: WINDOW,
        };
        let scopes: BTreeSet<_> = ALL.iter().flat_map(|operation| operation.scopes).copied().collect();
        let oauth = oauth::Settings {
            token_lifetime: Duration::from_secs(4 * 60 * 60),
            scopes: scopes.into_iter().map(str::to_owned).collect(),
            rfc_6749_errors: false,
        };
        Self {
            port: 0,
            refusing: false,
            tls: None,
            max_concurrent_streams: None,
            accesses: Vec::new(),
            client: None,
            oauth,
            faults: Vec::new(),
            settings,
        }
    }
}

impl Builder {
    /// The loopback port. Default 0, which is any free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Speaks TLS, and HTTP/2 if it is among these. Default: plain HTTP/1.1. The certificate is for `localhost`,
    /// 127.0.0.1 and `::1`, and new at each start: [`Simulator::certificate`] is what a client has to trust.
    #[must_use]
    pub fn tls(mut self, versions: Tls) -> Self {
        self.tls = Some(versions);
        self
    }

    /// How many requests an HTTP/2 connection takes at a time. The server's settings tell it the client, which waits;
    /// a request beyond it, by a client that hasn't heard of them yet, is refused (`REFUSED_STREAM`). Default: no
    /// limit.
    #[must_use]
    pub fn max_concurrent_streams(mut self, streams: u32) -> Self {
        self.max_concurrent_streams = Some(streams);
        self
    }

    /// Accepts this token, in place of the default one, which is random. Call it again for further tokens.
    #[must_use]
    pub fn access(mut self, access: Access) -> Self {
        self.accesses.push(access);
        self
    }

    /// How long a job is `in_progress`, at least. Default 50 ms. With zero, a job is already finished in the
    /// response that starts it.
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

    /// Enforces the spec's rate limits, for each user and operation, counted in this way. Default: they aren't
    /// enforced.
    #[must_use]
    pub fn rate_limits(mut self, limits: RateLimits) -> Self {
        self.settings.rate_limits = Some(limits);
        self
    }

    /// The window over which [`rate_limits`](Self::rate_limits) counts: so many requests as the spec allows a minute.
    /// Default 60 s; a shorter one is for tests of several processes, which can't share a paused clock.
    #[must_use]
    pub fn rate_window(mut self, window: Duration) -> Self {
        self.settings.rate_window = window;
        self
    }

    /// The id and the secret of the OAuth client that the token endpoint knows. Default: the simulator's own,
    /// with a random secret.
    #[must_use]
    pub fn client(mut self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.client = Some(Client { id: id.into(), secret: secret.into() });
        self
    }

    /// How long an access token from the token endpoint is accepted. Default 4 hours. `OAuth` refreshes one to two
    /// minutes before the end, so one that lives for less is refreshed before each request.
    #[must_use]
    pub fn access_token_lifetime(mut self, lifetime: Duration) -> Self {
        self.oauth.token_lifetime = lifetime;
        self
    }

    /// The scopes that the integration has: the default token has them, and a user can consent to no others. Default:
    /// every scope of the spec.
    #[must_use]
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.oauth.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Lets the OAuth endpoints refuse in the words of RFC 6749, `{"error", "error_description"}`. Default: in those
    /// of the API, `{"code", "message"}`, with the same code.
    #[must_use]
    pub fn rfc_6749_errors(mut self) -> Self {
        self.oauth.rfc_6749_errors = true;
        self
    }

    /// Lets a fault meet requests, as [`Simulator::inject`] does, from the start.
    #[must_use]
    pub fn fault(mut self, operation: impl Into<String>, requests: impl RangeBounds<u32>, fault: Fault) -> Self {
        self.faults.push((operation.into(), Injection::new(requests, fault)));
        self
    }

    /// Refuses connections until [`Simulator::accept`] is called. The port is bound all the same, so that nobody else
    /// gets it.
    #[must_use]
    pub fn refusing(mut self) -> Self {
        self.refusing = true;
        self
    }

    /// Binds the port and begins to answer.
    ///
    /// # Errors
    ///
    /// When it is called outside a tokio runtime, the port can't be bound, a fault is for an operation that doesn't
    /// exist or for a version of HTTP that isn't spoken, a certificate can't be made, or `openapi.yaml` says
    /// something that isn't simulated.
    pub async fn start(mut self) -> io::Result<Simulator> {
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        let (port, address) = Port::bind(self.port, runtime.clone())?;
        let tls = self.tls.map(TlsServer::new).transpose().map_err(io::Error::other)?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let (port, origin) = (Arc::new(port), format!("{scheme}://{address}"));
        let secrets = Secrets::new()?;
        if self.accesses.is_empty() {
            self.accesses.push(Access::new(secrets.named("simulator-access-token")).scopes(&self.oauth.scopes));
        }
        let access = self.accesses.first().cloned().unwrap_or_else(|| Access::new(""));
        let client = self.client.unwrap_or_else(|| Client {
            id: "simulator-client".into(),
            secret: secrets.named("simulator-client-secret"),
        });
        let oauth = OAuth::new(client, access.owner, self.oauth, secrets);
        let (background, tasks) = Background::new();
        let state = Arc::new(State::new(origin.clone(), self.accesses, oauth, self.settings, background, tls.as_ref()));
        for (operation, injection) in self.faults {
            state.injections.inject(&operation, injection)?;
        }
        let router = routes::router(state.clone()).map_err(|e| io::Error::other(format!("openapi.yaml: {e}")))?;
        let server = Server { router, tls, max_concurrent_streams: self.max_concurrent_streams };
        let connections = runtime.spawn(connections::serve(port.clone(), server, tasks)).abort_handle();
        let (base_url, authorization_url) = (routes::base_url(&origin), routes::authorization_url(&origin));
        let simulator = Simulator { base_url, authorization_url, token: access.token, port, state, connections };
        if !self.refusing {
            simulator.accept()?;
        }
        Ok(simulator)
    }
}
