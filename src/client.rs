//! The client and its settings. What it can do stands in `assets.rs`, `imports.rs` and `job.rs`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use progenitor_client::ResponseValue;

use crate::auth::{AccessToken, DynTokenProvider, TokenProvider};
use crate::endpoint::{base_url, http_client};
use crate::error::Error;
use crate::generated;
use crate::operations::{BASE_URL, Operation};
use crate::pacing::{DynPacer, Pacer, Pacing};
use crate::poll::PollPolicy;
use crate::retry::{self, RetryPolicy};
use crate::transport::{Attempt, Failure, Link};

/// A client for one Canva user. Clones are cheap and share connections, rate limits and tokens.
///
/// ```no_run
/// # async fn example() -> Result<(), canva_connect::Error> {
/// let canva = canva_connect::Client::new("an-access-token")?;
/// let asset = canva.upload_asset("photo.png").await?.wait().await?;
/// println!("{}", asset.id);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    link: Arc<Link>,
    retry: Arc<RetryPolicy>,
    pub(crate) poll: PollPolicy,
}

impl Client {
    /// A client with this token and every setting at its default.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] if the token has characters that no token has; [`Error::Setup`] if the system's TLS
    /// can't be set up.
    pub fn new(token: impl Into<AccessToken>) -> Result<Self, Error> {
        Self::builder().token(token).build()
    }

    /// A client with settings of its own.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// The generated client, for what this crate has no method for. It sends through the same connections, with the same
    /// tokens and pacing; it checks no lengths, encodes no metadata, repeats nothing, and has no stall timeout.
    pub fn generated(&self) -> generated::Client {
        self.link.client(None)
    }

    /// Sends a request of the facade, and again while that is safe. `body_left` says whether there is content for another
    /// try.
    pub(crate) async fn send<T, F, Fut>(
        &self,
        operation: &'static Operation,
        body_left: bool,
        request: F,
    ) -> Result<T, Error>
    where
        F: Fn(Attempt) -> Fut,
        Fut: Future<Output = Result<ResponseValue<T>, Failure>>,
    {
        retry::run(&self.link, &self.retry, operation, body_left, request).await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base_url", &self.link.base_url).finish_non_exhaustive()
    }
}

/// The settings of a [`Client`]. Only the token must be given.
///
/// ```
/// # fn main() -> Result<(), canva_connect::Error> {
/// use std::time::Duration;
///
/// let canva = canva_connect::Client::builder()
///     .token("an-access-token")
///     .user_agent("photo-sync/2.1")
///     .stall_timeout(Duration::from_secs(30))
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "`build` makes the client"]
pub struct ClientBuilder {
    token: Option<Result<Box<dyn DynTokenProvider>, Error>>,
    base_url: String,
    user_agent: Option<String>,
    allow_plain_http: bool,
    connect_timeout: Duration,
    stall_timeout: Duration,
    response_timeout: Duration,
    pacer: Box<dyn DynPacer>,
    retry: RetryPolicy,
    poll: PollPolicy,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            token: None,
            base_url: BASE_URL.to_owned(),
            user_agent: None,
            allow_plain_http: false,
            connect_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(60),
            response_timeout: Duration::from_secs(120),
            pacer: Box::new(Pacing::new()),
            retry: RetryPolicy::default(),
            poll: PollPolicy::default(),
        }
    }
}

impl ClientBuilder {
    /// An access token that stays the same.
    pub fn token(mut self, token: impl Into<AccessToken>) -> Self {
        let token = token.into();
        self.token = Some(token.header().map(|_| Box::new(token) as Box<dyn DynTokenProvider>));
        self
    }

    /// Something that gives access tokens, and new ones when they expire.
    pub fn token_provider(mut self, provider: impl TokenProvider) -> Self {
        self.token = Some(Ok(Box::new(provider)));
        self
    }

    /// Where the API is, up to and with `/rest`. Default: [`BASE_URL`].
    pub fn base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = base_url.into();
        self
    }

    /// Your product's name and version, sent before this crate's.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = Some(user_agent.into());
        self
    }

    /// Allows a base URL with `http://` that leads off this machine: the token then travels in the clear.
    pub fn allow_plain_http(mut self) -> Self {
        self.allow_plain_http = true;
        self
    }

    /// How long opening a connection may take. Default 10 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long an upload may stand still before it is given up. Default 60 s. A slow upload that moves is never cut;
    /// there is no limit on its whole time.
    ///
    /// What counts is that the connection takes more: the buffers of the system and the connection can hide a server
    /// that reads nothing for a while, and so can their fill, up to a few megabytes, hide a slow one that moves. Keep it
    /// well above the time in which the network moves a megabyte.
    pub fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.stall_timeout = timeout;
        self
    }

    /// How long the whole answer may take once the request body has been handed to the connection. Default 120 s.
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    /// How requests are spread over time. Default: [`Pacing::new`], the rate limits of the spec.
    pub fn pacing(mut self, pacer: impl Pacer) -> Self {
        self.pacer = Box::new(pacer);
        self
    }

    /// How often requests are repeated that may be repeated.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// How often and how long [`Job::wait`](crate::Job::wait) asks.
    pub fn poll(mut self, policy: PollPolicy) -> Self {
        self.poll = policy;
        self
    }

    /// Makes the client. Nothing is sent.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] if there is no token, or the token, the base URL or user agent can't be used; [`Error::Setup`] if the
    /// system's TLS can't be set up.
    pub fn build(self) -> Result<Client, Error> {
        let token =
            self.token.ok_or_else(|| Error::invalid("token", "an access token or a token provider", "none"))??;
        let (url, loopback) = base_url(&self.base_url, self.allow_plain_http)?;
        let own = concat!("canva-connect/", env!("CARGO_PKG_VERSION"));
        let user_agent = self.user_agent.map_or(own.to_owned(), |product| format!("{product} {own}"));
        let user_agent = http::HeaderValue::try_from(&user_agent)
            .map_err(|_| Error::invalid("user_agent", "text that a header can carry", format!("{user_agent:?}")))?;
        let http = http_client(loopback, self.connect_timeout).user_agent(user_agent);
        let link = Link {
            http: http.build().map_err(|source| Error::Setup { source })?,
            base_url: url.as_str().trim_end_matches('/').to_owned(),
            token,
            pacer: self.pacer,
            connect_timeout: self.connect_timeout,
            stall_timeout: self.stall_timeout,
            response_timeout: self.response_timeout,
        };
        Ok(Client { link: Arc::new(link), retry: Arc::new(self.retry), poll: self.poll })
    }
}
