//! The provider that keeps a user's tokens fresh: one refresh for all callers, saved before it is used.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::{Instant, sleep, timeout};
use tracing::Instrument;

use super::token_endpoint::TIMEOUT;
use super::{
    AccessToken, Integration, Login, LoginRequired, OAuthError, RefreshToken, StoreLock, TokenProvider, TokenStore,
    Tokens,
};
use crate::boxed::{BoxError, BoxFuture};
use crate::policy::backoff;
use crate::send::failure::is_worth_repeating;

/// Longer than a request takes to leave.
const MIN_MARGIN: Duration = Duration::from_secs(60);

/// The most times that a refresh token is sent.
const MAX_ATTEMPTS: u32 = 5;
/// The pause before the second attempt is this, or up to twice as long. Each later pause is about twice the one before.
const BASE_DELAY: Duration = Duration::from_secs(1);
/// The last attempt has this much time. An attempt that is cut short can lose the login.
const MIN_ATTEMPT: Duration = Duration::from_secs(20);

/// The longest wait for another call's refresh: 75 s for the store's lock, [`TIMEOUT`], and the time to load and save.
/// It is shorter than the client waits for a token.
const TURN_TIMEOUT: Duration = Duration::from_secs(150);

/// A token provider that refreshes tokens one to two minutes before the access token ends, or when Canva refuses it.
///
/// Clones share the tokens. However many requests wait for a token, there is one refresh. It goes on, and its result is
/// saved, even if all of them are dropped. Processes may share a store that [locks](TokenStore::lock), as
/// [`FileStore`](super::FileStore) does: one of them refreshes, and the others load the tokens that it saved.
///
/// A failed refresh is repeated up to four times within a minute, if that can't lose the login: see docs/retries.md.
///
/// # Runtimes
/// A refresh is a task of the runtime that its caller is on.
///
/// - Keep that runtime running. In a `current_thread` runtime whose `block_on` has returned, a refresh stands still,
///   and so does a call that waits for its turn. All other calls then end in [`OAuthError::Stalled`] after 150 s.
/// - Await your calls before you end the runtime or the process. If some were dropped, await `token()`: it returns when
///   no refresh is running. If a refresh token was sent and the new pair isn't saved, the login is lost, and the next
///   call fails with [`OAuthError::LoginRequired`].
#[derive(Clone)]
pub struct OAuth {
    keeper: Arc<Mutex<Keeper>>,
}

/// The tokens, and all that is needed to renew them. A refresh, login or logout keeps its lock from beginning to end.
struct Keeper {
    integration: Integration,
    store: Box<dyn TokenStore>,
    /// A token that ends sooner than this is refreshed. It differs between providers, so that processes which share
    /// tokens don't refresh at the same moment.
    margin: Duration,
    tokens: Option<Tokens>,
    /// Whether the store has the tokens.
    saved: bool,
    /// Unsaved tokens of a refresh replace those with this refresh token; others are from a newer login. `None`:
    /// unsaved tokens of a login or logout replace any.
    replaces: Option<RefreshToken>,
    /// When the last refresh ended, and the result for the calls that waited for it.
    last: Option<(Instant, Result<AccessToken, OAuthError>)>,
}

impl OAuth {
    /// Tokens from this store. Nothing is loaded before the first request.
    pub fn new(integration: Integration, store: impl TokenStore) -> Self {
        let margin = MIN_MARGIN.mul_f64(1.0 + fastrand::f64());
        let (store, saved) = (Box::new(store), true);
        let keeper = Keeper { integration, store, margin, tokens: None, saved, replaces: None, last: None };
        Self { keeper: Arc::new(Mutex::new(keeper)) }
    }

    /// Ends a login with the redirect of the user's browser: exchanges its code for the first tokens, and saves them.
    ///
    /// `redirect` is the query string that came to the redirect URI, or the whole URL.
    ///
    /// # Errors
    /// Before anything is sent: [`OAuthError::StateMismatch`], [`OAuthError::Denied`] if the user said no,
    /// [`OAuthError::NoCode`], and [`OAuthError::Store`] if the store can't be locked. Then [`OAuthError::Refused`] if
    /// the code was used before or is too old.
    pub async fn finish(&self, login: &Login, redirect: &str) -> Result<(), OAuthError> {
        let code = login.code(redirect)?;
        let (mut keeper, login) = (self.turn().await?, login.clone());
        undisturbed(async move {
            let lock = keeper.lock().await?;
            let finished = keeper.finish(login, &code).await;
            lock.unlock().await;
            finished
        })
        .await
    }

    /// Logs the user out: revokes all tokens of the login at Canva, and saves tokens in the store that say so (an empty
    /// access token, no scopes). From then on every process with this store gets [`OAuthError::LoginRequired`], until
    /// the next login. Does nothing if there is no login.
    ///
    /// # Errors
    /// - [`OAuthError::Store`] if the store can't be loaded or locked, before anything is sent; or if it can't save,
    ///   after the tokens were revoked.
    /// - [`OAuthError::Refused`] or [`OAuthError::Unreachable`] if Canva doesn't confirm the end of the login.
    ///
    /// After each of them, try again.
    pub async fn log_out(&self) -> Result<(), OAuthError> {
        let mut keeper = self.turn().await?;
        undisturbed(async move {
            let lock = keeper.lock().await?;
            let ended = keeper.log_out().await;
            lock.unlock().await;
            ended
        })
        .await
    }

    /// The right to be the only one who refreshes, logs in or out.
    async fn turn(&self) -> Result<OwnedMutexGuard<Keeper>, OAuthError> {
        let stalled = |_| OAuthError::Stalled { waited: TURN_TIMEOUT };
        timeout(TURN_TIMEOUT, self.keeper.clone().lock_owned()).await.map_err(stalled)
    }

    /// A token that is fresh and is not `refused`.
    async fn current(&self, refused: Option<&AccessToken>) -> Result<AccessToken, OAuthError> {
        let asked = Instant::now();
        let mut keeper = self.turn().await?;
        if let Some(token) = keeper.usable(refused) {
            return Ok(token);
        }
        // A call that waited for a refresh takes its result, even an error or a token that ends soon. So two hundred
        // calls don't make two hundred refreshes.
        match &keeper.last {
            Some((ended, Ok(token))) if *ended >= asked && refused != Some(token) => return Ok(token.clone()),
            Some((ended, Err(error))) if *ended >= asked => return Err(error.shared()),
            _ => {}
        }
        let refused = refused.cloned();
        undisturbed(async move {
            let refreshed = keeper.refresh(refused.as_ref()).await;
            let result = refreshed.as_ref().map(AccessToken::clone).map_err(OAuthError::shared);
            keeper.last = Some((Instant::now(), result));
            refreshed
        })
        .await
    }
}

/// Runs to its end even if the caller is dropped: a refresh without anybody to save its result is a lost login.
async fn undisturbed<T: Send + 'static>(
    work: impl Future<Output = Result<T, OAuthError>> + Send + 'static,
) -> Result<T, OAuthError> {
    tokio::spawn(work.in_current_span()).await.map_err(|source| OAuthError::Interrupted { source })?
}

impl Keeper {
    async fn finish(&mut self, login: Login, code: &str) -> Result<(), OAuthError> {
        let mut tokens = self.integration.exchange(&login, code).await?;
        tokens.scopes = tokens.scopes.or(login.scopes);
        self.keep(tokens, None).await
    }

    async fn log_out(&mut self) -> Result<(), OAuthError> {
        self.save_late().await?;
        self.load().await?;
        let lasting = |tokens: &&Tokens| tokens.refresh_token.is_some() || tokens.is_fresh(Duration::ZERO);
        let Some(tokens) = self.tokens.as_ref().filter(lasting) else { return Ok(()) };
        let token = tokens.refresh_token.as_ref().map_or(tokens.access_token.expose(), RefreshToken::expose);
        self.integration.revoke(token).await?;
        let expires_at = SystemTime::UNIX_EPOCH;
        let ended = Tokens { access_token: "".into(), refresh_token: None, expires_at, scopes: None };
        self.keep(ended, None).await
    }

    async fn refresh(&mut self, refused: Option<&AccessToken>) -> Result<AccessToken, OAuthError> {
        if !self.saved {
            let lock = self.lock().await?;
            let saved = self.save_late().await;
            lock.unlock().await;
            saved?;
        }
        // At first without a lock, because a store without write permission can't be locked.
        self.load().await?;
        if let Some(token) = self.usable(refused) {
            return Ok(token);
        }
        let lock = self.lock().await?;
        let refreshed = self.refresh_locked(refused).await;
        lock.unlock().await;
        refreshed
    }

    async fn refresh_locked(&mut self, refused: Option<&AccessToken>) -> Result<AccessToken, OAuthError> {
        self.load().await?;
        let (until, mut attempts) = (Instant::now() + TIMEOUT, 0);
        loop {
            if let Some(token) = self.usable(refused) {
                return Ok(token);
            }
            let refresh_token = self.refresh_token()?.clone();
            attempts += 1;
            let error = match self.integration.refresh(&refresh_token, until).await {
                Ok(tokens) => {
                    let access_token = tokens.access_token.clone();
                    self.keep(tokens.after(self.tokens.as_ref()), Some(refresh_token)).await?;
                    tracing::info!("the access token was refreshed");
                    return Ok(access_token);
                }
                Err(error) => error,
            };
            let left = until.saturating_duration_since(Instant::now()).saturating_sub(MIN_ATTEMPT);
            let pause = pause(&error, attempts).filter(|pause| attempts < MAX_ATTEMPTS && *pause <= left);
            if let Some(pause) = pause {
                tracing::warn!("a refresh failed, and is repeated in {pause:.1?}: {}", error.report());
                sleep(pause).await;
            }
            // If the store doesn't lock, another process may have been faster.
            self.load().await?;
            if pause.is_none() && *self.refresh_token()? == refresh_token {
                return Err(error);
            }
        }
    }

    fn usable(&self, refused: Option<&AccessToken>) -> Option<AccessToken> {
        let tokens = self.tokens.as_ref().filter(|_| self.saved)?;
        let usable = tokens.is_fresh(self.margin) && refused != Some(&tokens.access_token);
        usable.then(|| tokens.access_token.clone())
    }

    fn refresh_token(&self) -> Result<&RefreshToken, LoginRequired> {
        let tokens = self.tokens.as_ref().ok_or_else(|| LoginRequired::new("there are no tokens in the store"))?;
        tokens.refresh_token.as_ref().ok_or_else(|| match tokens.access_token.expose() {
            "" => LoginRequired::new("the user has logged out"),
            _ => LoginRequired::new("the access token has ended, and there is no refresh token"),
        })
    }

    async fn lock(&self) -> Result<StoreLock, OAuthError> {
        self.store.lock().await.map_err(|source| OAuthError::Store { source })
    }

    async fn stored(&self) -> Result<Option<Tokens>, OAuthError> {
        self.store.load().await.map_err(|source| OAuthError::Store { source })
    }

    /// Takes the tokens from the store. If none are there any more, those in memory still work.
    async fn load(&mut self) -> Result<(), OAuthError> {
        self.tokens = self.stored().await?.or(self.tokens.take());
        Ok(())
    }

    async fn keep(&mut self, tokens: Tokens, replaces: Option<RefreshToken>) -> Result<(), OAuthError> {
        (self.tokens, self.saved, self.replaces) = (Some(tokens), false, replaces);
        self.save().await
    }

    async fn save(&mut self) -> Result<(), OAuthError> {
        if let Some(tokens) = &self.tokens {
            self.store.save(tokens).await.map_err(|source| OAuthError::Store { source })?;
        }
        self.saved = true;
        Ok(())
    }

    /// Saves the tokens that could not be saved before, unless the store has a newer login by now.
    async fn save_late(&mut self) -> Result<(), OAuthError> {
        if self.saved {
            return Ok(());
        }
        if self.replaces.is_some()
            && let Some(stored) = self.stored().await?
            && stored.refresh_token != self.replaces
        {
            (self.tokens, self.saved) = (Some(stored), true);
            return Ok(());
        }
        self.save().await
    }
}

/// The pause after attempt number `attempts` failed with this error; `None` if the refresh isn't repeated. The table in
/// docs/retries.md says why.
fn pause(error: &OAuthError, attempts: u32) -> Option<Duration> {
    let asked = match error {
        OAuthError::Refused { status, retry_after, .. } if matches!(status.as_u16(), 429 | 500 | 502 | 503 | 504) => {
            *retry_after
        }
        OAuthError::Unreachable { source, .. } if source.downcast_ref().is_some_and(is_worth_repeating) => None,
        _ => return None,
    };
    Some(backoff(BASE_DELAY, Duration::MAX, attempts, 1.0..2.0).max(asked.unwrap_or_default()))
}

impl TokenProvider for OAuth {
    fn token(&self) -> BoxFuture<'_, Result<AccessToken, BoxError>> {
        Box::pin(async { Ok(self.current(None).await?) })
    }

    fn refused<'a>(&'a self, refused: &'a AccessToken) -> BoxFuture<'a, Result<bool, BoxError>> {
        Box::pin(async {
            self.current(Some(refused)).await?;
            Ok(true)
        })
    }
}

impl fmt::Debug for OAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth").finish_non_exhaustive()
    }
}
