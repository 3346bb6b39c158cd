//! The provider that keeps a user's tokens fresh: one refresh for all callers, saved before it is used.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::exclusive::{Exclusive, Use};
use super::integration::TIMEOUT;
use super::{
    AccessToken, Authorization, Integration, OAuthError, RefreshToken, StoreLock, TokenProvider, TokenStore, Tokens,
};
use tracing::Instrument;

use crate::boxed::{BoxError, BoxFuture};
use crate::policy::doubled;
use crate::send::failure::is_worth_repeating;

/// Longer than a request takes to leave.
const MIN_MARGIN: Duration = Duration::from_secs(60);

/// How often the refresh token is sent at most.
const MAX_ATTEMPTS: u32 = 5;
/// The shortest pause before the second attempt. Each pause is between this and twice as much, which then doubles.
const BASE_DELAY: Duration = Duration::from_secs(1);
/// What is left of a refresh's time for its last attempt: one that is cut short is a lost login.
const MIN_ATTEMPT: Duration = Duration::from_secs(20);

/// How long another call may be at a refresh: 75 s for the store's lock, [`TIMEOUT`], and what the store takes to load and
/// save. Less than the client waits for a token.
const TURN_TIMEOUT: Duration = Duration::from_secs(150);

/// A token provider that refreshes: a minute or two before the access token ends, or when Canva refuses it.
///
/// Clones share the tokens. However many requests wait for a token, there is one refresh; it goes on, and its result is
/// saved, even when all of them are dropped. Processes may share a store that [locks](TokenStore::lock), as
/// [`FileStore`](super::FileStore) does: one of them refreshes, and the others take what it saved. When it is due is random,
/// so that they don't all come at once.
///
/// A refresh that failed is repeated, up to five times within a minute, where it may still succeed and nothing speaks against
/// it: the crate's front page says what is repeated. Nobody who waits for it is told of the attempts in between.
///
/// # Runtimes
/// A refresh is a task of the runtime that its caller is on.
///
/// - Keep driving that runtime. While it stands still, because the `block_on` of a `current_thread` runtime has returned for
///   example, so does the refresh, and calls from other runtimes end in [`OAuthError::Stalled`] after 150 s.
/// - It ends with its runtime, and others can refresh again. If that is after the refresh token was sent and before the new
///   pair is saved, the login is lost, and the next call or process is told [`OAuthError::LoginRequired`]; so it is when the
///   process is killed then. Before you end the runtime, await the calls that you have made, or, where some were dropped,
///   `token()`: it returns when no refresh is under way.
#[derive(Clone)]
pub struct OAuth {
    inner: Arc<Inner>,
}

struct Inner {
    integration: Integration,
    store: Box<dyn TokenStore>,
    /// Held through a refresh, which makes it the only one.
    tokens: Exclusive<Held>,
}

struct Held {
    /// How long before its end an access token isn't used any more. Not the same for any two providers, so that processes
    /// which share tokens don't refresh in the same moment.
    margin: Duration,
    tokens: Option<Tokens>,
    /// The store has not taken them yet; and what they may replace there.
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
        let margin = MIN_MARGIN.mul_f64(1.0 + fastrand::f64());
        let tokens = Exclusive::new(Held { margin, tokens: None, unsaved: None, last: None });
        Self { inner: Arc::new(Inner { integration, store: Box::new(store), tokens }) }
    }

    /// Ends a login with what the user's browser brought back: exchanges the code for the first tokens and saves them.
    ///
    /// `redirect` is the query string that came to the redirect URI, or the whole URL.
    ///
    /// # Errors
    /// Before anything is sent: [`OAuthError::StateMismatch`], [`OAuthError::Denied`] if the user said no,
    /// [`OAuthError::NoCode`], and [`OAuthError::Store`] if the store can't be locked. Then [`OAuthError::Refused`] if the code is
    /// used up or too old.
    pub async fn finish(&self, login: &Authorization, redirect: &str) -> Result<(), OAuthError> {
        let code = login.code(redirect)?;
        let mut held = self.turn().await?;
        let (inner, login) = (self.inner.clone(), login.clone());
        undisturbed(async move {
            let _lock = inner.lock().await?;
            let mut tokens = inner.integration.exchange(&login, &code).await?;
            tokens.scopes = tokens.scopes.or(login.scopes);
            held.keep(tokens, Replaces::Anything, &*inner.store).await
        })
        .await
    }

    /// Logs the user out: revokes all tokens of the login at Canva, and keeps in the store that it has ended, with an empty access token
    /// and no scopes. From then on every process with this store is told [`OAuthError::LoginRequired`], until the next login. Where there is
    /// no login, nothing is done.
    ///
    /// # Errors
    /// [`OAuthError::Store`] before anything is sent if the store can't be read or locked, and after the tokens are revoked if
    /// it can't save that; [`OAuthError::Refused`] or [`OAuthError::Unreachable`] if Canva doesn't say that they are revoked, and
    /// then the login may go on. In each case, try again.
    pub async fn log_out(&self) -> Result<(), OAuthError> {
        let mut held = self.turn().await?;
        let inner = self.inner.clone();
        undisturbed(async move {
            let _lock = inner.lock().await?;
            if held.unsaved.is_some() {
                held.save_late(&*inner.store).await?;
            }
            held.look(&*inner.store).await?;
            let lasting = |tokens: &&Tokens| tokens.refresh_token.is_some() || tokens.is_fresh(Duration::ZERO);
            let Some(tokens) = held.tokens.as_ref().filter(lasting) else { return Ok(()) };
            let token = tokens.refresh_token.as_ref().map_or(tokens.access_token.expose(), RefreshToken::expose);
            inner.integration.revoke(token).await?;
            let ended = Tokens { access_token: "".into(), refresh_token: None, expires_at: 0, scopes: None };
            held.keep(ended, Replaces::Anything, &*inner.store).await
        })
        .await
    }

    /// The only one who refreshes, logs in or out.
    async fn turn(&self) -> Result<Use<Held>, OAuthError> {
        let stalled = OAuthError::Stalled { waited: TURN_TIMEOUT };
        self.inner.tokens.next(TURN_TIMEOUT).await.ok_or(stalled)
    }

    /// A token that is fresh and is not `refused`.
    async fn current(&self, refused: Option<&AccessToken>) -> Result<AccessToken, OAuthError> {
        let asked = Instant::now();
        let mut held = self.turn().await?;
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
    tokio::spawn(work.in_current_span()).await.map_err(|source| OAuthError::Interrupted { source })?
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
        let (until, mut attempts) = (Instant::now() + TIMEOUT, 0);
        loop {
            if let Some(tokens) = held.usable(refused) {
                return Ok(tokens.access_token.clone());
            }
            let refresh_token = held.refresh_token()?.clone();
            attempts += 1;
            let error = match self.integration.refresh(&refresh_token, until).await {
                Ok(tokens) => {
                    let access_token = tokens.access_token.clone();
                    held.keep(tokens.after(held.tokens.as_ref()), Replaces::Only(refresh_token), &*self.store).await?;
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
            // Where the store doesn't lock, another process may have been faster.
            held.look(&*self.store).await?;
            if pause.is_none() && *held.refresh_token()? == refresh_token {
                return Err(error);
            }
        }
    }

    async fn lock(&self) -> Result<StoreLock, OAuthError> {
        self.store.lock().await.map_err(|source| OAuthError::Store { source })
    }
}

/// How long to wait before a refresh is repeated that has failed in this way for so many times; `None` if it isn't. The table in
/// docs/retries.md says why.
fn pause(error: &OAuthError, attempts: u32) -> Option<Duration> {
    let asked = match error {
        OAuthError::Refused { status, retry_after, .. } if matches!(status.as_u16(), 429 | 500 | 502 | 503 | 504) => {
            *retry_after
        }
        OAuthError::Unreachable { source } if source.downcast_ref().is_some_and(is_worth_repeating) => None,
        _ => return None,
    };
    let growing = || BASE_DELAY.saturating_mul(doubled(attempts)).mul_f64(1.0 + fastrand::f64());
    Some(asked.unwrap_or_else(growing))
}

impl Held {
    fn usable(&self, refused: Option<&AccessToken>) -> Option<&Tokens> {
        let tokens = self.tokens.as_ref().filter(|_| self.unsaved.is_none())?;
        (tokens.is_fresh(self.margin) && refused != Some(&tokens.access_token)).then_some(tokens)
    }

    fn refresh_token(&self) -> Result<&RefreshToken, OAuthError> {
        let required = |reason: &str| OAuthError::LoginRequired { reason: reason.to_owned() };
        let tokens = self.tokens.as_ref().ok_or_else(|| required("there are no tokens in the store"))?;
        let ended = || match tokens.access_token.expose() {
            "" => required("the user has logged out"),
            _ => required("the access token has ended, and there is no refresh token"),
        };
        tokens.refresh_token.as_ref().ok_or_else(ended)
    }

    /// Takes what is in the store. Where nothing is there any more, the tokens in memory still work.
    async fn look(&mut self, store: &dyn TokenStore) -> Result<(), OAuthError> {
        if let Some(tokens) = store.load().await.map_err(|source| OAuthError::Store { source })? {
            self.tokens = Some(tokens);
        }
        Ok(())
    }

    async fn keep(&mut self, tokens: Tokens, replaces: Replaces, store: &dyn TokenStore) -> Result<(), OAuthError> {
        self.tokens = Some(tokens);
        self.unsaved = Some(replaces);
        self.save(store).await
    }

    async fn save(&mut self, store: &dyn TokenStore) -> Result<(), OAuthError> {
        if let Some(tokens) = &self.tokens {
            store.save(tokens).await.map_err(|source| OAuthError::Store { source })?;
        }
        self.unsaved = None;
        Ok(())
    }

    /// Saves what could not be saved at first, unless there is a newer login in the store by now.
    async fn save_late(&mut self, store: &dyn TokenStore) -> Result<(), OAuthError> {
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
        f.debug_struct("OAuth").field("integration", &self.inner.integration).finish_non_exhaustive()
    }
}
