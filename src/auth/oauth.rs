//! The provider that keeps a user's tokens fresh: one refresh for all callers, saved before it is used.

use std::fmt;
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::store::DynTokenStore;
use super::{
    AccessToken, Authorization, Integration, OAuthError, RefreshToken, StoreLock, TokenProvider, TokenStore, Tokens,
};
use crate::error::BoxError;

/// A token provider that refreshes: a minute before the access token ends, or when Canva refuses it.
///
/// Clones share the tokens. However many requests wait for a token, there is one refresh; it goes on, and its result is
/// saved, even when all of them are dropped. Processes may share a store that [locks](TokenStore::lock), as
/// [`FileStore`](super::FileStore) does: one of them refreshes, and the others take what it saved.
///
/// A refresh is a task of the runtime, and ends with it. If that is after the refresh token was sent and before the new pair
/// is saved, the login is lost, and the next process is told [`OAuthError::LoginRequired`]; so it is when the process is
/// killed then. Before you end the runtime, await the calls that you have made, or, where some were dropped, `token()`: it
/// returns when no refresh is under way.
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
    /// The store has not taken them yet. It may, in the place of these.
    unsaved: Option<Replaces>,
    /// When the last refresh ended, and what those are told who waited for it.
    last: Option<(Instant, Result<AccessToken, OAuthError>)>,
}

/// What tokens replace in the store.
enum Replaces {
    /// A login: whatever is there.
    Anything,
    /// A refresh: those with this refresh token. Others are of a login that is newer.
    Only(RefreshToken),
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
    /// [`OAuthError::StateMismatch`] before anything is sent, and so [`OAuthError::Store`] if the store can't be locked;
    /// [`OAuthError::Refused`] if the code is used up or too old.
    pub async fn log_in(&self, login: &Authorization, code: &str, state: &str) -> Result<(), OAuthError> {
        if login.state != state {
            return Err(OAuthError::StateMismatch);
        }
        let mut held = self.inner.tokens.clone().lock_owned().await;
        let (inner, login, code) = (self.inner.clone(), login.clone(), code.to_owned());
        undisturbed(async move {
            let _lock = inner.lock().await?;
            let tokens = inner.integration.exchange(&login, &code).await?;
            held.keep(tokens, Replaces::Anything, &*inner.store).await
        })
        .await
    }

    /// Logs the user out: revokes all tokens of the login at Canva, and keeps in the store that it has ended. From then on every
    /// process with this store is told [`OAuthError::LoginRequired`], until the next login. Where there is no login, nothing
    /// is done.
    ///
    /// # Errors
    /// [`OAuthError::Store`] before anything is sent if the store can't be read or locked, and after the tokens are revoked if
    /// it can't save that; [`OAuthError::Refused`] or [`OAuthError::Unreachable`] if Canva doesn't say that they are revoked, and
    /// then the login may go on. In each case, try again.
    pub async fn log_out(&self) -> Result<(), OAuthError> {
        let mut held = self.inner.tokens.clone().lock_owned().await;
        let inner = self.inner.clone();
        undisturbed(async move {
            let _lock = inner.lock().await?;
            if held.unsaved.is_some() {
                held.save_late(&*inner.store).await?;
            }
            held.look(&*inner.store).await?;
            let lasting = |tokens: &&Tokens| tokens.refresh_token.is_some() || tokens.is_fresh();
            let Some(tokens) = held.tokens.as_ref().filter(lasting) else { return Ok(()) };
            let token = tokens.refresh_token.as_ref().map_or(tokens.access_token.expose(), RefreshToken::expose);
            inner.integration.revoke(token).await?;
            let ended = Tokens { refresh_token: None, expires_at: 0, ..tokens.clone() };
            held.keep(ended, Replaces::Anything, &*inner.store).await
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
        // Whoever waited for a refresh takes what came of it, be it an error or a token that ends soon: two hundred callers
        // are not two hundred attempts.
        match &held.last {
            Some((ended, Ok(token))) if *ended >= asked && refused != Some(token) => return Ok(token.clone()),
            Some((ended, Err(error))) if *ended >= asked => return Err(error.shared()),
            _ => {}
        }
        let (inner, refused) = (self.inner.clone(), refused.cloned());
        undisturbed(async move {
            let refreshed = inner.refresh(&mut held, refused.as_ref()).await;
            held.last = Some((Instant::now(), refreshed.as_ref().map(AccessToken::clone).map_err(OAuthError::shared)));
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
        if held.unsaved.is_some() {
            let _lock = self.lock().await?;
            held.save_late(&*self.store).await?;
        }
        // What another process has refreshed needs no lock, which a store that can only be read doesn't give.
        held.look(&*self.store).await?;
        if let Some(tokens) = held.usable(refused) {
            return Ok(tokens.access_token.clone());
        }
        let _lock = self.lock().await?;
        held.look(&*self.store).await?;
        loop {
            if let Some(tokens) = held.usable(refused) {
                return Ok(tokens.access_token.clone());
            }
            let refresh_token = held.refresh_token()?.clone();
            let tokens = match self.integration.refresh(&refresh_token).await {
                Err(OAuthError::Refused { error, description, .. }) if error == "invalid_grant" => {
                    // Where the store doesn't lock, another process may have been faster.
                    held.look(&*self.store).await?;
                    if *held.refresh_token()? != refresh_token {
                        continue;
                    }
                    // The response to an earlier refresh was lost, or was not saved before a crash.
                    let said = if description.is_empty() { description } else { format!(" ({description})") };
                    let reason = format!("the refresh token was used before, or has ended{said}");
                    return Err(OAuthError::LoginRequired { reason });
                }
                refreshed => refreshed?,
            };
            let access_token = tokens.access_token.clone();
            held.keep(tokens, Replaces::Only(refresh_token), &*self.store).await?;
            tracing::info!("the access token was refreshed");
            return Ok(access_token);
        }
    }

    async fn lock(&self) -> Result<StoreLock, OAuthError> {
        self.store.lock().await.map_err(|source| OAuthError::Store { source })
    }
}

impl Held {
    fn usable(&self, refused: Option<&AccessToken>) -> Option<&Tokens> {
        let tokens = self.tokens.as_ref().filter(|_| self.unsaved.is_none())?;
        (tokens.is_fresh() && refused != Some(&tokens.access_token)).then_some(tokens)
    }

    fn refresh_token(&self) -> Result<&RefreshToken, OAuthError> {
        let required = |reason: &str| OAuthError::LoginRequired { reason: reason.to_owned() };
        let tokens = self.tokens.as_ref().ok_or_else(|| required("there are no tokens in the store"))?;
        let ended = || required("the access token has ended, and there is no refresh token");
        tokens.refresh_token.as_ref().ok_or_else(ended)
    }

    /// Takes what is in the store. Where nothing is there any more, the tokens in memory still work.
    async fn look(&mut self, store: &dyn DynTokenStore) -> Result<(), OAuthError> {
        if let Some(tokens) = store.load().await.map_err(|source| OAuthError::Store { source })? {
            self.tokens = Some(tokens);
        }
        Ok(())
    }

    async fn keep(&mut self, tokens: Tokens, replaces: Replaces, store: &dyn DynTokenStore) -> Result<(), OAuthError> {
        self.tokens = Some(tokens);
        self.unsaved = Some(replaces);
        self.save(store).await
    }

    async fn save(&mut self, store: &dyn DynTokenStore) -> Result<(), OAuthError> {
        if let Some(tokens) = &self.tokens {
            store.save(tokens).await.map_err(|source| OAuthError::Store { source })?;
        }
        self.unsaved = None;
        Ok(())
    }

    /// Saves what could not be saved at first, unless there is a newer login in the store by now.
    async fn save_late(&mut self, store: &dyn DynTokenStore) -> Result<(), OAuthError> {
        if let Some(Replaces::Only(replaced)) = &self.unsaved
            && let Some(stored) = store.load().await.map_err(|source| OAuthError::Store { source })?
            && stored.refresh_token.as_ref() != Some(replaced)
        {
            (self.tokens, self.unsaved) = (Some(stored), None);
            return Ok(());
        }
        self.save(store).await
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
