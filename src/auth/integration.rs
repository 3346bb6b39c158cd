//! An integration's side of OAuth 2.0 as Canva has it: the login with PKCE, and the token endpoint.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{OAuthError, RefreshToken, Tokens};
use crate::error::Error;
use crate::operations::{AUTHORIZATION_URL, BASE_URL, Operation, TOKEN_PATH};
use crate::redact::redact;
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

    /// The first tokens of a login.
    pub(super) async fn exchange(&self, login: &Authorization, code: &str) -> Result<Tokens, OAuthError> {
        self.request(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("code_verifier", login.expose_code_verifier()),
            ("redirect_uri", &self.redirect_uri),
        ])
        .await
    }

    /// The next tokens. It uses up the refresh token.
    pub(super) async fn refresh(&self, refresh_token: &RefreshToken) -> Result<Tokens, OAuthError> {
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
            let said: TokenEndpointError = serde_json::from_slice(&body).unwrap_or_default();
            // Endpoints quote what they refuse, and most of what is sent here is secret.
            let secrets = form.iter().filter(|(name, _)| *name != "grant_type").map(|(_, value)| *value);
            let secrets = secrets.chain([self.client_secret.expose_secret()]).filter(|secret| !secret.is_empty());
            let redact = |text| secrets.clone().fold(text, |text: String, secret| redact(&text, secret));
            let (error, description) = (redact(said.error), redact(said.error_description));
            return Err(OAuthError::Refused { status, error, description });
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
    let url = Url::parse(&format!("{}{TOKEN_PATH}", base.text))
        .map_err(|e| Error::invalid("base_url", "a URL", e.to_string()))?;
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

/// The error body of RFC 6749, even if a part of it is missing.
#[derive(Default, Deserialize)]
#[serde(default)]
struct TokenEndpointError {
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
