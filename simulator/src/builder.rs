//! What a simulator is to be like, and its start.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeBounds;
use std::sync::Arc;
use std::time::Duration;

use axum::middleware;
use bytes::Bytes;
use canva_connect::operations::SCOPES;
use tokio::runtime::Handle;

use crate::api::{jobs, routes};
use crate::canva::access::Access;
use crate::canva::outcomes::JobOutcome;
use crate::canva::rates::{RateLimits, WINDOW};
use crate::clock::Clock;
use crate::control;
use crate::faults::Fault;
use crate::faults::injections::Injection;
use crate::fields::invalid;
use crate::log::{Listener, ReceivedRequest};
use crate::mask::Mask;
use crate::oauth::{self, Client, OAuth};
use crate::page;
use crate::secrets::Secrets;
use crate::serve::background::Background;
use crate::serve::connections::{self, Server};
use crate::serve::port::Port;
use crate::serve::tls::{Tls, TlsServer};
use crate::serve::visitors::{self, Hosts};
use crate::simulator::Simulator;
use crate::state::{Settings, State};

/// The settings of a [`Simulator`].
#[derive(Clone)]
pub struct Builder {
    bind: IpAddr,
    port: u16,
    refusing: bool,
    tls: Option<Tls>,
    max_concurrent_streams: Option<u32>,
    accesses: Vec<Access>,
    client_id: Option<String>,
    client_secret: Option<String>,
    oauth: oauth::Settings,
    faults: Vec<Injection>,
    outcomes: Vec<JobOutcome>,
    addresses: Vec<(String, Bytes)>,
    files: Vec<(String, Bytes)>,
    settings: Settings,
    hosts: Vec<String>,
    listener: Option<Listener>,
}

/// Shows no token or secret.
impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("bind", &self.bind).field("port", &self.port).finish_non_exhaustive()
    }
}

impl Default for Builder {
    fn default() -> Self {
        let settings = Settings {
            job_duration: Duration::from_millis(50),
            max_body_bytes: 1 << 30,
            max_asset_bytes: 500_000_000,
            rate_limits: None,
            rate_window: WINDOW,
            hosts: Hosts::default(),
            control_token: None,
            page_pass: String::new(),
            mask: Mask::default(),
        };
        let oauth = oauth::Settings {
            token_lifetime: Duration::from_secs(4 * 60 * 60),
            scopes: SCOPES.iter().map(|scope| (*scope).to_owned()).collect(),
            redirect_uris: Vec::new(),
            rfc_6749_errors: false,
        };
        Self {
            bind: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            refusing: false,
            tls: None,
            max_concurrent_streams: None,
            accesses: Vec::new(),
            client_id: None,
            client_secret: None,
            oauth,
            faults: Vec::new(),
            outcomes: Vec::new(),
            addresses: Vec::new(),
            files: Vec::new(),
            settings,
            hosts: Vec::new(),
            listener: None,
        }
    }
}

impl Builder {
    /// The address to listen on. Default: 127.0.0.1. Others than this machine's can reach the simulator at any other
    /// address, if they name a [`host`](Self::host) that is allowed. Then `/simulator` and the page need
    /// [`Simulator::control_token`].
    #[must_use]
    pub fn bind(mut self, address: IpAddr) -> Self {
        self.bind = address;
        self
    }

    /// Answers under this name or address, too, as `Host` and as the host of `Origin`, with any port. Call it again for
    /// further ones. Whoever can reach the simulator under it can use the API, if they have a token. Then `/simulator`
    /// and the page need [`Simulator::control_token`].
    #[must_use]
    pub fn host(mut self, name: impl Into<String>) -> Self {
        self.hosts.push(name.into());
        self
    }

    /// What `/simulator` and the page ask for as bearer token. Default: a random one with [`host`](Self::host), or bound to
    /// an address beyond this machine's own; nothing otherwise.
    #[must_use]
    pub fn control_token(mut self, token: impl Into<String>) -> Self {
        self.settings.control_token = Some(token.into());
        self
    }

    /// Is called with each request when it has ended, unless it was forgotten before by a reset. The server's task calls
    /// it, so it mustn't wait.
    #[must_use]
    pub fn on_request(mut self, listener: impl Fn(&ReceivedRequest) + Send + Sync + 'static) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }

    /// The port. Default: 0, any free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Speaks these versions of HTTP over TLS. Default: plain HTTP/1.1. The certificate is for `localhost`, 127.0.0.1
    /// and `::1`, and new at each start. A client has to trust [`Simulator::certificate`].
    #[must_use]
    pub fn tls(mut self, versions: Tls) -> Self {
        self.tls = Some(versions);
        self
    }

    /// How many requests an HTTP/2 connection takes at a time. The client learns the number from the server's
    /// settings and waits. Until then, further requests are refused with `REFUSED_STREAM`. Default: no limit.
    #[must_use]
    pub fn max_concurrent_streams(mut self, streams: u32) -> Self {
        self.max_concurrent_streams = Some(streams);
        self
    }

    /// Accepts this token instead of the random default one. Call it again for further tokens.
    #[must_use]
    pub fn access(mut self, access: Access) -> Self {
        self.accesses.push(access);
        self
    }

    /// The least time that a job is `in_progress`. Default: 50 ms. With zero, the response that starts a job already
    /// has its result.
    #[must_use]
    pub fn job_duration(mut self, duration: Duration) -> Self {
        self.settings.job_duration = duration;
        self
    }

    /// The largest request body, in bytes. A larger one gets a 413. Default: 1 GiB.
    #[must_use]
    pub fn max_body_bytes(mut self, bytes: u64) -> Self {
        self.settings.max_body_bytes = bytes;
        self
    }

    /// The largest asset, in bytes. The job of a larger one fails with `file_too_big`. Default: 500 MB.
    #[must_use]
    pub fn max_asset_bytes(mut self, bytes: u64) -> Self {
        self.settings.max_asset_bytes = bytes;
        self
    }

    /// Enforces the spec's rate limits for each user and operation, counted in this way. Default: no limits.
    #[must_use]
    pub fn rate_limits(mut self, limits: RateLimits) -> Self {
        self.settings.rate_limits = Some(limits);
        self
    }

    /// The time in which [`rate_limits`](Self::rate_limits) allow the spec's requests per minute. Default: 60 s.
    /// Shorten it in tests of several processes, which can't share a paused clock.
    #[must_use]
    pub fn rate_window(mut self, window: Duration) -> Self {
        self.settings.rate_window = window;
        self
    }

    /// The OAuth client's id and secret. Default: `simulator-client`, with a random secret.
    #[must_use]
    pub fn client(self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.client_id(id).client_secret(secret)
    }

    /// The id of [`client`](Self::client) alone.
    #[must_use]
    pub fn client_id(mut self, id: impl Into<String>) -> Self {
        self.client_id = Some(id.into());
        self
    }

    /// The secret of [`client`](Self::client) alone.
    #[must_use]
    pub fn client_secret(mut self, secret: impl Into<String>) -> Self {
        self.client_secret = Some(secret.into());
        self
    }

    /// The lifetime of an access token from the token endpoint. Default: 4 hours. canva-connect's `OAuth` refreshes a
    /// token one to two minutes before its end, so it refreshes a shorter-lived one before each request.
    #[must_use]
    pub fn access_token_lifetime(mut self, lifetime: Duration) -> Self {
        self.oauth.token_lifetime = lifetime;
        self
    }

    /// The integration's scopes. The default token has them, and users can consent to no others. Default: all 18
    /// of Canva.
    #[must_use]
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.oauth.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// A redirect URI of the integration. Call it again for further ones. Then the consent page leads back to none but
    /// these, compared as text, and to the first one if it is asked without any. Default: it leads back anywhere.
    #[must_use]
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.oauth.redirect_uris.push(uri.into());
        self
    }

    /// Gives errors of the OAuth endpoints the form of RFC 6749, `{"error", "error_description"}`. Default: the API's
    /// form, `{"code", "message"}`, with the same code.
    #[must_use]
    pub fn rfc_6749_errors(mut self) -> Self {
        self.oauth.rfc_6749_errors = true;
        self
    }

    /// Lets requests meet a fault from the start, as [`Simulator::inject`] does later.
    #[must_use]
    pub fn fault(self, operation: impl Into<String>, requests: impl RangeBounds<u32>, fault: Fault) -> Self {
        self.injection(Injection::new(operation, requests, fault))
    }

    /// The same for a fault that was read from JSON.
    #[must_use]
    pub fn injection(mut self, injection: Injection) -> Self {
        self.faults.push(injection);
        self
    }

    /// Lets jobs end as this says from the start, as [`Simulator::outcome`] does later.
    #[must_use]
    pub fn outcome(mut self, outcome: JobOutcome) -> Self {
        self.outcomes.push(outcome);
        self
    }

    /// Lets a file stand for a URL from the start, as [`Simulator::file_at`] does later.
    #[must_use]
    pub fn file_at(mut self, url: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        self.addresses.push((url.into(), bytes.into()));
        self
    }

    /// Has this file in the default user's library from the start, as [`Simulator::add`] adds one later.
    #[must_use]
    pub fn add(mut self, name: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        self.files.push((name.into(), bytes.into()));
        self
    }

    /// Refuses connections until [`Simulator::accept`] is called. The port is bound meanwhile, so nobody else gets
    /// it.
    #[must_use]
    pub fn refusing(mut self) -> Self {
        self.refusing = true;
        self
    }

    /// Binds the port and begins to answer.
    ///
    /// # Errors
    ///
    /// - There is no tokio runtime, the port can't be bound, or a certificate can't be made.
    /// - A fault is for an unknown operation, or needs HTTP/2 and the simulator doesn't speak it.
    /// - An outcome, a URL or a file is one that [`Simulator::outcome`], [`Simulator::file_at`] or [`Simulator::add`]
    ///   refuses.
    /// - A redirect URI is no URL, or a host no host.
    /// - `openapi.yaml` has something that the simulator can't follow.
    pub async fn start(mut self) -> io::Result<Simulator> {
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        let (port, address) = Port::bind((self.bind, self.port).into(), runtime.clone())?;
        // Every address of this machine: by this one it is reached from here.
        let address =
            if address.ip().is_unspecified() { (Ipv4Addr::LOCALHOST, address.port()).into() } else { address };
        if !address.ip().is_loopback() {
            self.hosts.push(SocketAddr::new(address.ip(), 0).to_string().trim_end_matches(":0").to_owned());
        }
        for name in &self.hosts {
            self.settings.hosts.add(name).map_err(invalid)?;
        }
        let tls = self.tls.map(|versions| TlsServer::new(versions, self.settings.hosts.names())).transpose();
        let tls = tls.map_err(io::Error::other)?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let (port, origin) = (Arc::new(port), format!("{scheme}://{address}"));
        let secrets = Secrets::new()?;
        self.settings.page_pass = secrets.named("simulator-page");
        if !self.bind.is_loopback() || !self.settings.hosts.is_empty() {
            let token = &mut self.settings.control_token;
            token.get_or_insert_with(|| secrets.named("simulator-control-token"));
        }
        let client = Client {
            id: self.client_id.unwrap_or_else(|| "simulator-client".into()),
            secret: self.client_secret.unwrap_or_else(|| secrets.named("simulator-client-secret")),
        };
        let tokens = self.accesses.iter().map(|access| access.token.as_str());
        self.settings.mask =
            Mask::new(tokens.chain([client.secret.as_str()]).chain(self.settings.control_token.as_deref()));
        let first = self.accesses.first().cloned();
        let clock = Arc::new(Clock::new());
        let owner = first.clone().unwrap_or_else(|| Access::new("")).owner;
        for uri in &self.oauth.redirect_uris {
            reqwest::Url::parse(uri).map_err(|e| invalid(format!("the redirect URI {uri:?} is no URL: {e}")))?;
        }
        let oauth = OAuth::new(client, owner, self.oauth, secrets, clock.clone());
        self.accesses.into_iter().for_each(|access| oauth.adopt(access));
        let (background, tasks) = Background::new();
        let state =
            Arc::new(State::new(origin.clone(), clock, oauth, self.settings, background, self.listener, tls.as_ref()));
        for injection in self.faults {
            state.injections.inject(injection)?;
        }
        for outcome in self.outcomes {
            state.outcomes.add(outcome)?;
        }
        for (url, bytes) in self.addresses {
            state.addresses.put(&url, state.store.keep(bytes).await?)?;
        }
        for (name, bytes) in self.files {
            jobs::add(&state, &state.urls, &name, bytes, None).await?;
        }
        let api = routes::router(state.clone()).map_err(|e| io::Error::other(format!("openapi.yaml: {e}")))?;
        let router = api.merge(control::router(state.clone())).merge(page::router(&state));
        let router = router.layer(middleware::from_fn_with_state(state.clone(), visitors::admit));
        let server = Server { router, tls, max_concurrent_streams: self.max_concurrent_streams };
        let connections = runtime.spawn(connections::serve(port.clone(), server, tasks)).abort_handle();
        let token = first.map(|access| access.token);
        let token = token.unwrap_or_else(|| state.oauth.token_for(state.oauth.owner.clone(), true));
        state.keep();
        let simulator = Simulator {
            base_url: routes::base_url(&origin),
            token_url: routes::token_url(&origin),
            authorization_url: routes::authorization_url(&origin),
            control_url: format!("{origin}{}", control::BASE),
            token,
            port,
            state,
            connections,
        };
        if !self.refusing {
            simulator.accept()?;
        }
        Ok(simulator)
    }
}
