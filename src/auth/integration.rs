//! An integration: its settings, and the logins that it begins.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use super::{Login, OAuthError};
use crate::error::Error;
use crate::operations::{AUTHORIZATION_URL, TOKEN_URL};
use crate::send::base_url::{BaseUrl, HttpSettings};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// An integration as it is registered in Canva's developer portal.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use canva_connect::auth::{FileStore, Integration, OAuth};
/// use canva_connect::Client;
///
/// let integration = Integration::new("client id", "client secret", "https://example.com/return")?;
///
/// // 1. Send the user to Canva, and ask for these scopes. Keep `login` until they come back.
/// let login = integration.authorize(["asset:read", "asset:write"])?;
/// println!("open {}", login.url);
///
/// // 2. The user comes back to the redirect URI, with a query string.
/// # let query = "";
/// let oauth = OAuth::new(integration, FileStore::new("tokens.json"));
/// oauth.finish(&login, query).await?;
///
/// // 3. From now on, and after a restart, tokens come from the store and are refreshed when due.
/// let canva = Client::builder().token_provider(oauth).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Integration {
    pub(super) client_id: String,
    pub(super) client_secret: SecretString,
    pub(super) redirect_uri: String,
    authorization_url: Url,
    pub(super) token_url: Url,
    pub(super) http: reqwest::Client,
}

impl Integration {
    /// The client id and secret from the developer portal, and one of the redirect URIs registered there. Every other
    /// setting has its default.
    ///
    /// # Errors
    /// [`Error::Setup`] if the system's TLS can't be set up.
    pub fn new(
        client_id: impl Into<String>,
        client_secret: impl Into<String>,
        redirect_uri: impl Into<String>,
    ) -> Result<Self, Error> {
        Self::builder(client_id, client_secret, redirect_uri).build()
    }

    /// An integration with other settings than [`new`](Self::new) gives it.
    pub fn builder(
        client_id: impl Into<String>,
        client_secret: impl Into<String>,
        redirect_uri: impl Into<String>,
    ) -> IntegrationBuilder {
        IntegrationBuilder {
            client_id: client_id.into(),
            client_secret: SecretString::from(client_secret.into()),
            redirect_uri: redirect_uri.into(),
            authorization_url: AUTHORIZATION_URL.to_owned(),
            token_url: TOKEN_URL.to_owned(),
            allow_plain_http: false,
            http: None,
        }
    }

    /// Begins a login that asks for these scopes. [`operations::scopes`](crate::operations::scopes) lists the scopes of
    /// operations:
    ///
    /// ```no_run
    /// # fn example(integration: canva_connect::auth::Integration) -> Result<(), Box<dyn std::error::Error>> {
    /// use canva_connect::operations::{self, CREATE_ASSET_UPLOAD_JOB, GET_ASSET_UPLOAD_JOB};
    ///
    /// let by_name = integration.authorize(["asset:read", "asset:write"])?;
    /// let the_same = integration.authorize(operations::scopes([&CREATE_ASSET_UPLOAD_JOB, &GET_ASSET_UPLOAD_JOB]))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`OAuthError::Random`] if the system has no randomness to give.
    pub fn authorize(&self, scopes: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Login, OAuthError> {
        let scopes: Vec<String> = scopes.into_iter().map(|scope| scope.as_ref().to_owned()).collect();
        let (state, code_verifier) = (random()?, random()?);
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(code_verifier.as_bytes()));
        let mut url = self.authorization_url.clone();
        url.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("redirect_uri", &self.redirect_uri),
            ("scope", &scopes.join(" ")),
            ("state", &state),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        Ok(Login::begun(url.into(), state, code_verifier, scopes))
    }
}

impl fmt::Debug for Integration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Integration").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// 256 random bits as text: long enough for a PKCE verifier (43 characters) and for a state.
fn random() -> Result<String, OAuthError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|source| OAuthError::Random { reason: source.to_string() })?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The settings of an [`Integration`]: another server for tests, and the HTTP client.
///
/// ```
/// # fn main() -> Result<(), canva_connect::Error> {
/// use canva_connect::auth::Integration;
///
/// let integration = Integration::builder("client id", "client secret", "https://example.com/return")
///     .token_url("http://localhost:4080/auth/v1/oauth/token")
///     .authorization_url("http://localhost:4080/api/oauth/authorize")
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "`build` makes the integration"]
pub struct IntegrationBuilder {
    client_id: String,
    client_secret: SecretString,
    redirect_uri: String,
    authorization_url: String,
    token_url: String,
    allow_plain_http: bool,
    http: HttpSettings,
}

impl IntegrationBuilder {
    /// The token endpoint, with `revoke` beside it. Default: [`TOKEN_URL`]. Canva also answers at
    /// `https://api.canva.com/rest/v1/oauth/token`, which is deprecated.
    pub fn token_url(mut self, url: impl Into<String>) -> Self {
        self.token_url = url.into();
        self
    }

    /// The page on which the user grants access. Default: [`AUTHORIZATION_URL`].
    pub fn authorization_url(mut self, url: impl Into<String>) -> Self {
        self.authorization_url = url.into();
        self
    }

    /// Allows a token URL with `http://` that leads off this machine: the client secret and the tokens then travel in
    /// the clear.
    pub fn allow_plain_http(mut self) -> Self {
        self.allow_plain_http = true;
        self
    }

    /// Settings of the HTTP client underneath, as [`ClientBuilder::http`](crate::ClientBuilder::http).
    pub fn http(
        mut self,
        settings: impl Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + Sync + 'static,
    ) -> Self {
        self.http = Some(Arc::new(settings));
        self
    }

    /// Makes the integration. Nothing is sent.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] if the token URL or the authorization URL can't be used; [`Error::Setup`] if the HTTP
    /// client can't be set up.
    pub fn build(self) -> Result<Integration, Error> {
        let url = Url::parse(&self.authorization_url).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
        let authorization_url = url.ok_or_else(|| {
            let expected = format!("a URL such as {AUTHORIZATION_URL}");
            Error::invalid("authorization_url", expected, format!("{:?}", self.authorization_url))
        })?;
        let token_url = BaseUrl::of("token_url", TOKEN_URL, &self.token_url, self.allow_plain_http)?;
        // No connection is used twice. A server may close an idle one while a refresh token is on its way, and the
        // login is lost.
        let http = token_url.http_client(CONNECT_TIMEOUT, &self.http, false).pool_max_idle_per_host(0);
        Ok(Integration {
            client_id: self.client_id,
            client_secret: self.client_secret,
            redirect_uri: self.redirect_uri,
            authorization_url,
            token_url: Url::parse(&token_url.text).map_err(|e| Error::invalid("token_url", "a URL", e.to_string()))?,
            http: http.build().map_err(|source| Error::Setup { source })?,
        })
    }
}

impl fmt::Debug for IntegrationBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntegrationBuilder").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}
