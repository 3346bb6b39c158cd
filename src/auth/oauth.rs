//! OAuth 2.0 as Canva has it: authorization code with PKCE, and refresh tokens that work once.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{AccessToken, TokenProvider, TokenStore, Tokens};
use crate::BoxFuture;
use crate::error::{BoxError, Error};
use crate::operations::{AUTHORIZATION_URL, BASE_URL, Operation, TOKEN_PATH};
use crate::transport::BaseUrl;

/// An integration as it is registered in Canva's developer portal, and the OAuth endpoints it talks to.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use canva_connect::auth::{FileStore, Integration, OAuth};
/// use canva_connect::{Client, operations};
///
/// let integration = Integration::new("client id", "client secret", "https://example.com/return")?;
///
/// // 1. Send the user to Canva, with the scopes that these operations need. Keep `login` for the way back.
/// let login = integration.authorize([&operations::CREATE_ASSET_UPLOAD_JOB, &operations::GET_ASSET_UPLOAD_JOB])?;
/// println!("open {}", login.url);
///
/// // 2. The user comes back to the redirect URI with `code` and `state`.
/// # let (code, state) = ("", "");
/// let oauth = OAuth::new(integration, FileStore::new("tokens.json"));
/// oauth.log_in(&login, code, state).await?;
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
        let (token_url, http) = token_endpoint(BASE_URL)?;
        Ok(Self {
            client_id: client_id.into(),
            client_secret: SecretString::from(client_secret.into()),
            redirect_uri: redirect_uri.into(),
            token_url,
            http,
        })
    }

    /// Where the token endpoint is, for tests against a simulator; as [`ClientBuilder::base_url`](crate::ClientBuilder::base_url).
    ///
    /// # Errors
    /// [`Error::InvalidInput`] if it isn't a base URL, or a plain `http://` one that leads off this machine.
    pub fn base_url(mut self, base_url: &str) -> Result<Self, Error> {
        (self.token_url, self.http) = token_endpoint(base_url)?;
        Ok(self)
    }

    /// Begins a login that asks for the scopes these operations need.
    ///
    /// # Errors
    /// [`OAuthError::Random`] if the system has no randomness to give.
    pub fn authorize<'a>(
        &self,
        operations: impl IntoIterator<Item = &'a Operation>,
    ) -> Result<Authorization, OAuthError> {
        let mut scopes: Vec<&str> = operations.into_iter().flat_map(|operation| operation.scopes).copied().collect();
        scopes.sort_unstable();
        scopes.dedup();
        let (state, code_verifier) = (random()?, random()?);
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(code_verifier.as_bytes()));
        let parameters = [
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("redirect_uri", &self.redirect_uri),
            ("scope", &scopes.join(" ")),
            ("state", &state),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let url = Url::parse_with_params(AUTHORIZATION_URL, parameters).map_err(|_| OAuthError::AuthorizationUrl)?;
        Ok(Authorization { url: url.into(), state, code_verifier: code_verifier.into() })
    }

    async fn exchange(&self, code: &str, code_verifier: &str) -> Result<Tokens, OAuthError> {
        self.request(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("code_verifier", code_verifier),
            ("redirect_uri", &self.redirect_uri),
        ])
        .await
    }

    async fn refresh(&self, refresh_token: &AccessToken) -> Result<Tokens, OAuthError> {
        self.request(&[("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose())]).await
    }

    async fn request(&self, form: &[(&str, &str)]) -> Result<Tokens, OAuthError> {
        let request = self.http.post(self.token_url.clone());
        let request = request.basic_auth(&self.client_id, Some(self.client_secret.expose_secret())).form(form);
        let unreachable = |source: reqwest::Error| OAuthError::Unreachable { source: source.without_url() };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let body = response.bytes().await.map_err(unreachable)?;
        if !status.is_success() {
            let refusal: Refusal = serde_json::from_slice(&body).unwrap_or_default();
            // Endpoints quote what they refuse, and most of what is sent here is secret.
            let secrets = form.iter().filter(|(name, _)| *name != "grant_type").map(|(_, value)| *value);
            let secrets = secrets.chain([self.client_secret.expose_secret()]).filter(|secret| !secret.is_empty());
            let description =
                secrets.fold(refusal.error_description, |text, secret| text.replace(secret, "[REDACTED]"));
            return Err(OAuthError::Refused { status, error: refusal.error, description });
        }
        // The body has tokens in it: nothing of it, and nothing the decoder says of it, goes into an error.
        let granted: Granted = serde_json::from_slice(&body).map_err(|_| OAuthError::Unreadable { status })?;
        Ok(Tokens::new(granted.access_token, granted.refresh_token, Duration::from_secs(granted.expires_in)))
    }
}

impl fmt::Debug for Integration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Integration").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

fn token_endpoint(base: &str) -> Result<(Url, reqwest::Client), Error> {
    let base = BaseUrl::parse(base, false)?;
    let url = format!("{}{TOKEN_PATH}", base.text);
    let url = Url::parse(&url).map_err(|e| Error::invalid("base_url", "a URL", e.to_string()))?;
    let http = base.http_client(Duration::from_secs(10)).timeout(Duration::from_secs(60));
    Ok((url, http.build().map_err(|source| Error::Setup { source })?))
}

/// 256 random bits as text: long enough for a PKCE verifier (43 characters) and for a state.
fn random() -> Result<String, OAuthError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|source| OAuthError::Random { reason: source.to_string() })?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    refresh_token: String,
    expires_in: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    error: String,
    error_description: String,
}

/// A login that has begun. Keep it until the user comes back: in the session, or by its parts.
#[derive(Clone)]
pub struct Authorization {
    /// Where to send the user.
    pub url: String,
    /// What the redirect must bring back, so that nobody can slip in a login of their own.
    pub state: String,
    code_verifier: SecretString,
}

impl Authorization {
    /// A login that was begun in another process, from what was kept of it.
    pub fn resume(state: impl Into<String>, code_verifier: impl Into<String>) -> Self {
        Self { url: String::new(), state: state.into(), code_verifier: SecretString::from(code_verifier.into()) }
    }

    /// The secret that proves, with the code, who began the login.
    pub fn expose_code_verifier(&self) -> &str {
        self.code_verifier.expose_secret()
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization").field("url", &self.url).finish_non_exhaustive()
    }
}

/// What can go wrong with tokens. As the source of an [`Error::Token`] it is found with `source.downcast_ref()`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OAuthError {
    /// There are no tokens, or none that work any more: the user has to log in again.
    #[error("the user has to log in again: {reason}")]
    #[non_exhaustive]
    LoginRequired {
        /// How that came.
        reason: String,
    },
    /// The redirect brought another state than the login began with: it is not the answer to it.
    #[error("the login's state doesn't match; begin the login again")]
    StateMismatch,
    /// The token endpoint refused: wrong client credentials, or a code that is used up.
    #[error("the token endpoint refused with {status} {error}: {description}")]
    #[non_exhaustive]
    Refused {
        /// The HTTP status.
        status: StatusCode,
        /// The error code of RFC 6749.
        error: String,
        /// The endpoint's explanation.
        description: String,
    },
    /// The token endpoint could not be reached.
    #[error("the token endpoint could not be reached: {source}")]
    #[non_exhaustive]
    Unreachable {
        /// The cause.
        source: reqwest::Error,
    },
    /// The token endpoint answered with a success that has no tokens in it.
    #[error("the token endpoint's answer ({status}) has no tokens that can be read")]
    #[non_exhaustive]
    Unreadable {
        /// The HTTP status.
        status: StatusCode,
    },
    /// The store failed. After a refresh the new tokens are kept in memory and saved at the next use; until that
    /// succeeds they are not used.
    #[error("the token store failed: {source}")]
    #[non_exhaustive]
    Store {
        /// What the store said.
        source: BoxError,
    },
    /// A renewal that this call waited for, and another one made, failed.
    #[error("{reason}")]
    #[non_exhaustive]
    Renewal {
        /// What the other call was told.
        reason: String,
    },
    /// The system has no randomness to give.
    #[error("no randomness: {reason}")]
    #[non_exhaustive]
    Random {
        /// The cause.
        reason: String,
    },
    /// The authorization URL of the spec can't be read.
    #[error("the authorization URL can't be made")]
    AuthorizationUrl,
}

/// A token provider that refreshes: a minute before the access token ends, or when Canva refuses it.
///
/// Clones share the tokens. However many requests wait for a token, there is one refresh; it goes on, and its result is
/// saved, even when all of them are dropped. Two processes may share a store, since each looks into it before it
/// refreshes; if they refresh in the same moment, the second one's login can end.
#[derive(Clone)]
pub struct OAuth {
    inner: Arc<Inner>,
}

struct Inner {
    integration: Integration,
    store: Box<dyn TokenStore>,
    /// Held through a refresh, which makes it the only one.
    tokens: Arc<Mutex<Held>>,
}

#[derive(Default)]
struct Held {
    tokens: Option<Tokens>,
    /// The store has not taken them yet.
    unsaved: bool,
    /// When the last renewal failed, and how.
    failed: Option<(Instant, Failed)>,
}

/// A failed renewal, for those who waited for it.
#[derive(Clone)]
enum Failed {
    LoginRequired(String),
    Other(String),
}

impl OAuth {
    /// Tokens from this store; nothing is read before the first request.
    pub fn new(integration: Integration, store: impl TokenStore) -> Self {
        let tokens = Arc::default();
        Self { inner: Arc::new(Inner { integration, store: Box::new(store), tokens }) }
    }

    /// Ends a login: exchanges the code for the first tokens and saves them.
    ///
    /// # Errors
    /// [`OAuthError::StateMismatch`] before anything is sent; [`OAuthError::Refused`] if the code is used up or too old.
    pub async fn log_in(&self, login: &Authorization, code: &str, state: &str) -> Result<(), OAuthError> {
        if login.state != state {
            return Err(OAuthError::StateMismatch);
        }
        let mut held = self.inner.tokens.clone().lock_owned().await;
        let (inner, code) = (self.inner.clone(), code.to_owned());
        let code_verifier = login.code_verifier.clone();
        undisturbed(async move {
            let tokens = inner.integration.exchange(&code, code_verifier.expose_secret()).await?;
            held.keep(tokens, &*inner.store).await
        })
        .await
    }

    /// A token that is fresh and is not `refused`.
    async fn current(&self, refused: Option<&AccessToken>) -> Result<AccessToken, OAuthError> {
        let asked = Instant::now();
        let mut held = self.inner.tokens.clone().lock_owned().await;
        if let Some(tokens) = held.usable(refused) {
            return Ok(tokens.access_token.clone());
        }
        // Whoever waited while a renewal failed has its answer: two hundred callers are not two hundred attempts.
        match &held.failed {
            Some((at, Failed::LoginRequired(reason))) if *at >= asked => {
                return Err(OAuthError::LoginRequired { reason: reason.clone() });
            }
            Some((at, Failed::Other(reason))) if *at >= asked => {
                return Err(OAuthError::Renewal { reason: reason.clone() });
            }
            _ => {}
        }
        let (inner, refused) = (self.inner.clone(), refused.cloned());
        undisturbed(async move {
            let renewed = inner.renew(&mut held, refused.as_ref()).await;
            held.failed = renewed.as_ref().err().map(|error| {
                let failed = match error {
                    OAuthError::LoginRequired { reason } => Failed::LoginRequired(reason.clone()),
                    other => Failed::Other(other.to_string()),
                };
                (Instant::now(), failed)
            });
            renewed
        })
        .await
    }
}

/// Runs to its end even if the caller is dropped: a refresh whose answer nobody keeps is a lost login.
async fn undisturbed<T: Send + 'static>(
    work: impl Future<Output = Result<T, OAuthError>> + Send + 'static,
) -> Result<T, OAuthError> {
    match tokio::spawn(work).await {
        Ok(result) => result,
        Err(e) => Err(OAuthError::Store { source: e.into() }),
    }
}

impl Inner {
    async fn renew(&self, held: &mut Held, refused: Option<&AccessToken>) -> Result<AccessToken, OAuthError> {
        if held.unsaved {
            held.save(&*self.store).await?;
        } else {
            // Another process may have refreshed since. Using a refresh token a second time can end the whole login.
            held.tokens = self.load().await?;
        }
        if let Some(tokens) = held.usable(refused) {
            return Ok(tokens.access_token.clone());
        }
        let Some(tokens) = &held.tokens else {
            return Err(OAuthError::LoginRequired { reason: "there are no tokens in the store".to_owned() });
        };
        let tokens = self.integration.refresh(&tokens.refresh_token).await.map_err(|e| match e {
            // Used up: the answer to an earlier refresh was lost, or was not saved before a crash.
            OAuthError::Refused { error, description, .. } if error == "invalid_grant" => {
                let reason = format!("the refresh token was used before, or has ended ({description})");
                OAuthError::LoginRequired { reason }
            }
            other => other,
        })?;
        let access_token = tokens.access_token.clone();
        held.keep(tokens, &*self.store).await?;
        Ok(access_token)
    }

    async fn load(&self) -> Result<Option<Tokens>, OAuthError> {
        self.store.load().await.map_err(|source| OAuthError::Store { source })
    }
}

impl Held {
    fn usable(&self, refused: Option<&AccessToken>) -> Option<&Tokens> {
        let tokens = self.tokens.as_ref().filter(|_| !self.unsaved)?;
        (tokens.is_fresh() && refused != Some(&tokens.access_token)).then_some(tokens)
    }

    async fn keep(&mut self, tokens: Tokens, store: &dyn TokenStore) -> Result<(), OAuthError> {
        self.tokens = Some(tokens);
        self.unsaved = true;
        self.save(store).await
    }

    async fn save(&mut self, store: &dyn TokenStore) -> Result<(), OAuthError> {
        if let Some(tokens) = &self.tokens {
            store.save(tokens).await.map_err(|source| OAuthError::Store { source })?;
        }
        self.unsaved = false;
        Ok(())
    }
}

impl TokenProvider for OAuth {
    fn token(&self) -> BoxFuture<'_, Result<AccessToken, BoxError>> {
        Box::pin(async move { Ok(self.current(None).await?) })
    }

    fn refused<'a>(&'a self, refused: &'a AccessToken) -> BoxFuture<'a, Result<bool, BoxError>> {
        Box::pin(async move { Ok(self.current(Some(refused)).await.map(|_| true)?) })
    }
}

impl fmt::Debug for OAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth").field("integration", &self.inner.integration).finish_non_exhaustive()
    }
}
