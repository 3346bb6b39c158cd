//! An integration's side of OAuth 2.0 as Canva has it: the login with PKCE, and the token endpoint.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::StatusCode;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, timeout, timeout_at};

use super::store::expires_at;
use super::{Authorization, OAuthError, RefreshToken, Tokens};
use crate::error::Error;
use crate::operations::{AUTHORIZATION_URL, BASE_URL, TOKEN_PATH};
use crate::send::base_url::{BaseUrl, HttpSettings};
use crate::send::exchange::{MAX_BODY, read as read_body};
use crate::send::failure::cause;
use crate::send::response::{self, excerpt};
use crate::text::redact::redact_all;

/// How long Canva's access tokens live, for a grant that doesn't say it. One that ends earlier is replaced at its first 401.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(4 * 60 * 60);

/// How long the token endpoint may take, with all attempts of a refresh.
pub(super) const TIMEOUT: Duration = Duration::from_secs(60);
/// How much longer a response is looked for that may have come while the process was stopped.
const GRACE: Duration = Duration::from_secs(2);

/// An integration as it is registered in Canva's developer portal, and the OAuth endpoints it talks to.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use canva_connect::auth::{FileStore, Integration, OAuth};
/// use canva_connect::Client;
///
/// let integration = Integration::new("client id", "client secret", "https://example.com/return")?;
///
/// // 1. Send the user to Canva, and ask for these scopes. Keep `login` for the way back.
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
    client_id: String,
    client_secret: SecretString,
    redirect_uri: String,
    authorization_url: Url,
    base_url: String,
    allow_plain_http: bool,
    settings: HttpSettings,
    token_url: Url,
    http: reqwest::Client,
}

impl Integration {
    /// The client id and secret from the developer portal, and one of the redirect URIs registered there.
    ///
    /// # Errors
    /// [`Error::Setup`] if the system's TLS can't be set up.
    pub fn new(
        client_id: impl Into<String>,
        client_secret: impl Into<String>,
        redirect_uri: impl Into<String>,
    ) -> Result<Self, Error> {
        let settings: HttpSettings = Arc::new(|http| http);
        let (token_url, http) = token_endpoint(BASE_URL, false, &settings)?;
        Ok(Self {
            client_id: client_id.into(),
            client_secret: SecretString::from(client_secret.into()),
            redirect_uri: redirect_uri.into(),
            authorization_url: authorization_url(AUTHORIZATION_URL)?,
            base_url: BASE_URL.to_owned(),
            allow_plain_http: false,
            settings,
            token_url,
            http,
        })
    }

    /// Where the token endpoint is, for tests against a simulator; as [`ClientBuilder::base_url`](crate::ClientBuilder::base_url).
    ///
    /// # Errors
    /// [`Error::InvalidInput`] if it isn't a base URL, or a plain `http://` one that leads off this machine; [`Error::Setup`] if the
    /// settings of [`http`](Self::http) can't be used.
    pub fn base_url(mut self, base_url: &str) -> Result<Self, Error> {
        (self.token_url, self.http) = token_endpoint(base_url, self.allow_plain_http, &self.settings)?;
        self.base_url = base_url.to_owned();
        Ok(self)
    }

    /// Allows a [`base_url`](Self::base_url) that is set after it to be `http://` and lead off this machine: the client secret and the
    /// tokens then travel in the clear.
    pub fn allow_plain_http(mut self) -> Self {
        self.allow_plain_http = true;
        self
    }

    /// Where the user grants access, for tests against a simulator. Default:
    /// [`AUTHORIZATION_URL`](crate::operations::AUTHORIZATION_URL).
    ///
    /// # Errors
    /// [`Error::InvalidInput`] if it isn't a URL of `https://` or `http://`.
    pub fn authorization_url(mut self, url: &str) -> Result<Self, Error> {
        self.authorization_url = authorization_url(url)?;
        Ok(self)
    }

    /// Settings of the HTTP client underneath, as [`ClientBuilder::http`](crate::ClientBuilder::http).
    ///
    /// # Errors
    /// [`Error::Setup`] if they can't be used.
    pub fn http(
        mut self,
        settings: impl Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        self.settings = Arc::new(settings);
        (self.token_url, self.http) = token_endpoint(&self.base_url, self.allow_plain_http, &self.settings)?;
        Ok(self)
    }

    /// Begins a login that asks for these scopes. [`operations::scopes`](crate::operations::scopes) says which ones operations need:
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
    pub fn authorize(&self, scopes: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Authorization, OAuthError> {
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
        Ok(Authorization::begun(url.into(), state, code_verifier, scopes))
    }

    /// The first tokens of a login.
    pub(super) async fn exchange(&self, login: &Authorization, code: &str) -> Result<Tokens, OAuthError> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("code_verifier", login.expose_code_verifier()),
            ("redirect_uri", &self.redirect_uri),
        ];
        self.request(&form, Instant::now() + TIMEOUT).await
    }

    /// The next tokens, or what is said of them by `until`. It uses up the refresh token, unless no other one comes.
    pub(super) async fn refresh(&self, refresh_token: &RefreshToken, until: Instant) -> Result<Tokens, OAuthError> {
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose())];
        self.request(&form, until).await.map_err(|error| match error {
            // The response to an earlier refresh was lost, or was not saved before a crash.
            OAuthError::Refused { error, description, .. } if error == "invalid_grant" => {
                let said = if description.is_empty() { description } else { format!(" ({description})") };
                let reason = format!("the refresh token was used before, or has ended{said}");
                OAuthError::LoginRequired { reason }
            }
            error => error,
        })
    }

    /// Ends all tokens of the consent that this one comes from.
    pub(super) async fn revoke(&self, token: &str) -> Result<(), OAuthError> {
        // It stands beside the token endpoint.
        let url = self.token_url.join("revoke").map_err(|e| OAuthError::Unreachable { source: e.into() })?;
        self.send(url, &[("token", token)], Instant::now() + TIMEOUT).await.map(drop)
    }

    async fn request(&self, form: &[(&str, &str)], until: Instant) -> Result<Tokens, OAuthError> {
        let (status, body) = self.send(self.token_url.clone(), form, until).await?;
        // The body has tokens in it: nothing of it, and nothing the decoder says of it, goes into an error.
        let granted = serde_json::from_slice(&body).ok().and_then(Granted::tokens);
        granted.ok_or(OAuthError::Unreadable { status })
    }

    async fn send(&self, url: Url, form: &[(&str, &str)], until: Instant) -> Result<(StatusCode, Bytes), OAuthError> {
        let (begun, mut exchange) = (Instant::now(), pin!(self.attempt(url, form)));
        let late = |_| {
            let waited = until.saturating_duration_since(begun).as_secs();
            OAuthError::Unreachable { source: format!("no response in {waited} s").into() }
        };
        match timeout_at(until, &mut exchange).await {
            Ok(response) => response,
            // Where the whole process stood still, the response may be here, and nobody has looked yet.
            Err(_) => timeout(GRACE, exchange).await.map_err(late)?,
        }
    }

    /// The status and the body of a success.
    async fn attempt(&self, url: Url, form: &[(&str, &str)]) -> Result<(StatusCode, Bytes), OAuthError> {
        let request = self.http.post(url);
        let request = request.basic_auth(&self.client_id, Some(self.client_secret.expose_secret())).form(form);
        let unreachable = |source: reqwest::Error| OAuthError::Unreachable {
            source: cause(source.without_url(), self.secrets(form)),
        };
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let mut body = Vec::new();
        if !read_body(&mut response, &mut body, MAX_BODY).await.map_err(unreachable)? {
            return Err(OAuthError::Unreadable { status });
        }
        match status.is_success() {
            true => Ok((status, body.into())),
            false => Err(self.refused(&response, &body, form)),
        }
    }

    /// What must not be shown of a request with this form.
    fn secrets<'a>(&'a self, form: &'a [(&str, &str)]) -> impl Iterator<Item = &'a str> + Clone {
        let secrets = form.iter().filter(|(name, _)| !matches!(*name, "grant_type" | "redirect_uri"));
        secrets.map(|(_, value)| *value).chain([self.client_secret.expose_secret()])
    }

    /// What the endpoint says. Endpoints quote what they refuse, and most of what is sent to this one is secret.
    fn refused(&self, response: &reqwest::Response, body: &[u8], form: &[(&str, &str)]) -> OAuthError {
        let show = |text: &str| excerpt(&redact_all(text, self.secrets(form)));
        // The API's error body or that of RFC 6749, even if a part of it is missing or of another type.
        let said: Value = serde_json::from_slice(body).unwrap_or_default();
        let field = |api, rfc| [api, rfc].into_iter().find_map(|name| said.get(name).and_then(Value::as_str));
        let (error, description) = match field("code", "error") {
            Some(error) => (show(error), show(field("message", "error_description").unwrap_or_default())),
            None => (String::new(), show(&String::from_utf8_lossy(body))),
        };
        let (status, retry_after) = (response.status(), response::retry_after(response.headers()));
        OAuthError::Refused { status, error, description, retry_after }
    }
}

impl fmt::Debug for Integration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Integration").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

fn authorization_url(text: &str) -> Result<Url, Error> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
    let expected = || format!("a URL such as {AUTHORIZATION_URL}");
    url.ok_or_else(|| Error::invalid("authorization_url", expected(), format!("{text:?}")))
}

fn token_endpoint(
    base: &str,
    allow_plain_http: bool,
    settings: &HttpSettings,
) -> Result<(Url, reqwest::Client), Error> {
    let base = BaseUrl::parse(base, allow_plain_http)?;
    let url = Url::parse(&format!("{}{TOKEN_PATH}", base.text))
        .map_err(|e| Error::invalid("base_url", "a URL", e.to_string()))?;
    let http = base.http_client(Duration::from_secs(10), settings);
    // A connection of its own for each request: a refresh token that is lost with a connection, as its server hangs up, is a
    // lost login.
    let http = http.pool_max_idle_per_host(0);
    Ok((url, http.build().map_err(|source| Error::Setup { source })?))
}

/// 256 random bits as text: long enough for a PKCE verifier (43 characters) and for a state.
fn random() -> Result<String, OAuthError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|source| OAuthError::Random { reason: source.to_string() })?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The response of RFC 6749, as far as it is needed: of all this, it promises the access token alone.
#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default)]
    refresh_token: Option<Box<RawValue>>,
    #[serde(default)]
    expires_in: Option<Box<RawValue>>,
    #[serde(default)]
    scope: Option<Box<RawValue>>,
}

fn read<T: DeserializeOwned>(value: Option<Box<RawValue>>) -> Option<T> {
    serde_json::from_str(value?.get()).ok()
}

impl Granted {
    /// `None` if no request can be made with the access token.
    fn tokens(self) -> Option<Tokens> {
        // What can't be read is as if it weren't there.
        let seconds = match read(self.expires_in) {
            Some(Value::Number(seconds)) => seconds.as_f64(),
            Some(Value::String(seconds)) => seconds.trim().parse().ok(),
            _ => None,
        };
        let lifetime = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let refresh_token: Option<String> = read(self.refresh_token);
        let scopes = read(self.scope).map(|scope: String| scope.split_whitespace().map(str::to_owned).collect());
        let tokens = Tokens {
            access_token: self.access_token.into(),
            refresh_token: refresh_token.filter(|token| !token.trim().is_empty()).map(RefreshToken::from),
            expires_at: expires_at(lifetime.unwrap_or(DEFAULT_LIFETIME)),
            scopes: scopes.filter(|scopes: &Vec<_>| !scopes.is_empty()),
        };
        tokens.access_token.header().is_ok().then_some(tokens)
    }
}
