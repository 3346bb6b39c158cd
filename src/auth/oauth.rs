//! The provider that keeps a user's tokens fresh: one refresh for all callers, saved before it is used.

use std::fmt;
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::store::DynTokenStore;
use super::{AccessToken, Authorization, Integration, OAuthError, TokenProvider, TokenStore, Tokens};
use crate::error::BoxError;

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
    store: Box<dyn DynTokenStore>,
    /// Held through a refresh, which makes it the only one.
    tokens: Arc<Mutex<Held>>,
}

#[derive(Default)]
struct Held {
    tokens: Option<Tokens>,
    /// The store has not taken them yet.
    unsaved: bool,
    /// When the last refresh failed, and what those are told who waited for it.
    failed: Option<(Instant, OAuthError)>,
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
        let (inner, login, code) = (self.inner.clone(), login.clone(), code.to_owned());
        undisturbed(async move {
            let tokens = inner.integration.exchange(&login, &code).await?;
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
        // Whoever waited for a refresh that failed fails with it: two hundred callers are not two hundred attempts.
        if let Some((at, error)) = &held.failed
            && *at >= asked
        {
            return Err(error.shared());
        }
        let (inner, refused) = (self.inner.clone(), refused.cloned());
        undisturbed(async move {
            let refreshed = inner.refresh(&mut held, refused.as_ref()).await;
            held.failed = refreshed.as_ref().err().map(|error| (Instant::now(), error.shared()));
            refreshed
        })
        .await
    }
}

/// Runs to its end even if the caller is dropped: a refresh whose response nobody keeps is a lost login.
async fn undisturbed<T: Send + 'static>(
    work: impl Future<Output = Result<T, OAuthError>> + Send + 'static,
) -> Result<T, OAuthError> {
    tokio::spawn(work).await.map_err(|source| OAuthError::Interrupted { source })?
}

impl Inner {
    async fn refresh(&self, held: &mut Held, refused: Option<&AccessToken>) -> Result<AccessToken, OAuthError> {
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
            // Used up: the response to an earlier refresh was lost, or was not saved before a crash.
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

    async fn keep(&mut self, tokens: Tokens, store: &dyn DynTokenStore) -> Result<(), OAuthError> {
        self.tokens = Some(tokens);
        self.unsaved = true;
        self.save(store).await
    }

    async fn save(&mut self, store: &dyn DynTokenStore) -> Result<(), OAuthError> {
        if let Some(tokens) = &self.tokens {
            store.save(tokens).await.map_err(|source| OAuthError::Store { source })?;
        }
        self.unsaved = false;
        Ok(())
    }
}

impl TokenProvider for OAuth {
    async fn token(&self) -> Result<AccessToken, BoxError> {
        Ok(self.current(None).await?)
    }

    async fn refused(&self, refused: &AccessToken) -> Result<bool, BoxError> {
        self.current(Some(refused)).await?;
        Ok(true)
    }
}

impl fmt::Debug for OAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth").field("integration", &self.inner.integration).finish_non_exhaustive()
    }
}
