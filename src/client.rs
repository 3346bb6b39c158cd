//! The client and its settings, and the clients of many users that share them. Its operations are in `facade/` and
//! `job/`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::generated;
use crate::operations::{BASE_URL, Operation};
use crate::pacing::{Pacer, Pacing};
use crate::policy::{PollPolicy, RetryPolicy, Timeouts};
use crate::send::base_url::{BaseUrl, HttpSettings};
use crate::send::clock::ServerClock;
use crate::send::{Call, Connections, Sender, Settings};
use crate::token::{AccessToken, TokenProvider};

/// A client for one Canva user. Clones are cheap and share connections, rate limits and tokens;
/// [`for_user`](Self::for_user) makes one for another user over the same connections.
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
    pub(crate) sender: Sender,
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

    /// A client for another user, over the same connections and with the same settings. It costs a few hundred bytes:
    /// make one for each user when needed, and drop it at any time.
    ///
    /// Tokens and rate limits are the user's own. Several clients of one user share an `Arc<Pacing>`. Keep it for a
    /// minute after the last of them is dropped: a new [`Pacing`] knows nothing of what was sent before it.
    ///
    /// ```no_run
    /// # fn example() -> Result<(), canva_connect::Error> {
    /// use canva_connect::auth::NoUser;
    /// use canva_connect::{AccessToken, Client, Pacing};
    ///
    /// let service = Client::builder().token_provider(NoUser).user_agent("photo-sync/2.1").build()?;
    /// let anna = service.for_user(AccessToken::new("annas-token"), Pacing::new());
    /// let ben = service.for_user(AccessToken::new("bens-token"), Pacing::new());
    /// # Ok(())
    /// # }
    /// ```
    pub fn for_user(&self, tokens: impl TokenProvider, pacer: impl Pacer) -> Self {
        let sender =
            Sender { settings: self.sender.settings.clone(), tokens: Arc::new(tokens), pacer: Arc::new(pacer) };
        Self { sender, poll: self.poll.clone() }
    }

    /// The operations as they are generated from the spec: a [`Call`] for each. They go the same way as all others;
    /// they check no lengths and encode no metadata.
    ///
    /// ```no_run
    /// # async fn example(canva: canva_connect::Client) -> Result<(), canva_connect::Error> {
    /// let job = canva.generated().get_asset_upload_job("e08861ae-3b29-45db-8dc1-1fe0bf7f1cc8").await?.job;
    /// println!("{}", job.status);
    /// # Ok(())
    /// # }
    /// ```
    pub fn generated(&self) -> generated::Operations {
        generated::Operations(self.sender.clone())
    }

    /// A request of an operation that the spec doesn't have. It goes the same way as all others. It is retried if the
    /// operation is [repeatable](Operation::repeatable), and waits its turn if the operation has a limit.
    ///
    /// The response is read as JSON of the type that you ask for. An empty response reads as `null`, which suits
    /// `()`, `Option<T>` and [`serde_json::Value`].
    ///
    /// ```no_run
    /// # async fn example(canva: canva_connect::Client) -> Result<(), canva_connect::Error> {
    /// use canva_connect::operations::Operation;
    /// use serde_json::Value;
    ///
    /// static LIST_FOLDER_ITEMS: Operation = Operation::new("listFolderItems", "GET", "/v1/folders/{folderId}/items")
    ///     .scopes(&["folder:read"])
    ///     .requests_per_minute(100);
    ///
    /// let items: Value = canva.request(&LIST_FOLDER_ITEMS).path("folderId", "root").query("limit", "50").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn request<T: DeserializeOwned + 'static>(&self, operation: &'static Operation) -> Call<T> {
        Call::new(&self.sender, operation)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base_url", &self.sender.settings.base_url).finish_non_exhaustive()
    }
}

/// The settings of a [`Client`]. Only the token must be given. Clients that are built from clones of it have
/// connections of their own; they share the token provider, and the pacer if one is set.
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
#[derive(Clone)]
#[must_use = "`build` makes the client"]
pub struct ClientBuilder {
    token: Option<TokenSource>,
    base_url: String,
    user_agent: Option<String>,
    allow_plain_http: bool,
    timeouts: Timeouts,
    /// `None`: a [`Pacing`] of each client's own.
    pacer: Option<Arc<dyn Pacer>>,
    retry: RetryPolicy,
    poll: PollPolicy,
    max_wait: Duration,
    http: HttpSettings,
}

#[derive(Clone)]
enum TokenSource {
    Given(AccessToken),
    From(Arc<dyn TokenProvider>),
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            token: None,
            base_url: BASE_URL.to_owned(),
            user_agent: None,
            allow_plain_http: false,
            timeouts: Timeouts {
                connect: Duration::from_secs(10),
                stall: Duration::from_secs(60),
                response: Duration::from_secs(120),
            },
            pacer: None,
            retry: RetryPolicy::default(),
            poll: PollPolicy::default(),
            max_wait: Duration::from_secs(300),
            http: None,
        }
    }
}

impl ClientBuilder {
    /// An access token that stays the same.
    pub fn token(mut self, token: impl Into<AccessToken>) -> Self {
        self.token = Some(TokenSource::Given(token.into()));
        self
    }

    /// A provider of access tokens, which gives new ones when they expire.
    pub fn token_provider(mut self, provider: impl TokenProvider) -> Self {
        self.token = Some(TokenSource::From(Arc::new(provider)));
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
        self.timeouts.connect = timeout;
        self
    }

    /// How long an upload may stand still before it fails. Default 60 s. A slow upload that moves is never cut; its
    /// total time has no limit.
    ///
    /// An upload moves when the connection takes more of it. Buffers hold a few megabytes: a stalled server looks
    /// alive until they fill, and a slow server looks stalled while they drain. Keep the timeout well above the time
    /// that a megabyte takes.
    pub fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.stall = timeout;
        self
    }

    /// How long the whole response may take once the request body has been handed to the connection. Default 120 s.
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.response = timeout;
        self
    }

    /// When requests may leave. Default: [`Pacing::new`], the rate limits of the spec.
    pub fn pacer(mut self, pacer: impl Pacer) -> Self {
        self.pacer = Some(Arc::new(pacer));
        self
    }

    /// When and how often a request is retried.
    pub fn retry_policy(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// How often and how long [`Job::wait`](crate::Job::wait) asks.
    pub fn poll_policy(mut self, policy: PollPolicy) -> Self {
        self.poll = policy;
        self
    }

    /// The longest pause that a request waits for, whether its own `Retry-After` asks for the pause or an earlier
    /// request's did. Default 5 minutes: five times the window in which Canva counts. A longer pause fails the
    /// request at once, with the response as an [`Error::Api`], or with [`PausedError`](crate::pacing::PausedError)
    /// in an [`Error::Pacer`]. To wait longer, raise [`RetryPolicy::total_time`] too.
    pub fn max_wait(mut self, max_wait: Duration) -> Self {
        self.max_wait = max_wait;
        self
    }

    /// Settings of the HTTP client underneath: root certificates, client certificates, proxies, DNS, pools.
    ///
    /// The function is called twice: uploads have an HTTP client of their own, which speaks HTTP/1.1. Whatever it
    /// sets, uploads stay on HTTP/1.1, redirects stay off, and only this crate retries. A `timeout` would cut long
    /// uploads.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use canva_connect::reqwest::{Certificate, Proxy};
    ///
    /// let ca = Certificate::from_pem(&std::fs::read("company-ca.pem")?)?;
    /// let proxy = Proxy::all("http://proxy.example.com:3128")?.basic_auth("user", "password");
    /// let canva = canva_connect::Client::builder()
    ///     .token("an-access-token")
    ///     .http(move |http| http.tls_certs_merge([ca.clone()]).proxy(proxy.clone()))
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// By default, the system's certificates are trusted, or those in `SSL_CERT_FILE`, and `HTTPS_PROXY` is the proxy
    /// unless the base URL leads to this machine. Without this method, the certificates are read once a process; with
    /// it, twice for each client.
    pub fn http(
        mut self,
        settings: impl Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + Sync + 'static,
    ) -> Self {
        self.http = Some(Arc::new(settings));
        self
    }

    /// Makes the client. Nothing is sent.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] if there is no token, or the token, the base URL, the user agent, a timeout or a
    /// policy can't be used; [`Error::Setup`] if the system's TLS can't be set up.
    pub fn build(self) -> Result<Client, Error> {
        let tokens: Arc<dyn TokenProvider> = match self.token {
            None => return Err(Error::invalid("token", "an access token or a token provider", "none")),
            Some(TokenSource::Given(token)) => {
                token.header()?;
                Arc::new(token)
            }
            Some(TokenSource::From(provider)) => provider,
        };
        self.timeouts.check()?;
        self.retry.check()?;
        self.poll.check()?;
        let base_url = BaseUrl::parse(&self.base_url, self.allow_plain_http)?;
        let own = concat!("canva-connect/", env!("CARGO_PKG_VERSION"));
        let user_agent = self.user_agent.map_or(own.to_owned(), |product| format!("{product} {own}"));
        let user_agent = HeaderValue::try_from(&user_agent)
            .map_err(|_| Error::invalid("user_agent", "text that a header can carry", format!("{user_agent:?}")))?;
        let settings = Settings {
            connections: Connections::new(&base_url, self.timeouts.connect, &self.http, user_agent)?,
            clock: ServerClock::default(),
            base_url: base_url.text,
            timeouts: self.timeouts,
            retry: self.retry,
            max_wait: self.max_wait,
        };
        let pacer = self.pacer.unwrap_or_else(|| Arc::new(Pacing::new()));
        Ok(Client { sender: Sender { settings: Arc::new(settings), tokens, pacer }, poll: self.poll })
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An invalid base URL may have a password in it.
        let base_url = BaseUrl::parse(&self.base_url, true).ok().map(|base_url| base_url.text);
        f.debug_struct("ClientBuilder")
            .field("base_url", &base_url)
            .field("user_agent", &self.user_agent)
            .field("timeouts", &self.timeouts)
            .field("retry", &self.retry)
            .field("poll", &self.poll)
            .field("max_wait", &self.max_wait)
            .finish_non_exhaustive()
    }
}
