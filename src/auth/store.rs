//! Where a user's tokens are kept between runs.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{AccessToken, RefreshToken};
use crate::BoxFuture;
use crate::error::BoxError;

/// An access token, the refresh token that gives the next one, and when that is due.
///
/// A refresh token works once. Whoever has refreshed must keep the new pair before anything else, or the user has to
/// log in again. Serialised, the tokens are plain text: a store has to write them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Plain", into = "Plain")]
#[non_exhaustive]
pub struct Tokens {
    /// For requests, for four hours.
    pub access_token: AccessToken,
    /// For the next pair, once.
    pub refresh_token: RefreshToken,
    /// When the access token ends, in seconds since the Unix epoch.
    pub expires_at: u64,
}

impl Tokens {
    /// A pair whose access token lives for `expires_in` from now.
    pub fn new(
        access_token: impl Into<AccessToken>,
        refresh_token: impl Into<RefreshToken>,
        expires_in: Duration,
    ) -> Self {
        let expires_at = unix_time().saturating_add(expires_in.as_secs());
        Self { access_token: access_token.into(), refresh_token: refresh_token.into(), expires_at }
    }

    /// Whether the access token lives for another minute, longer than a request takes to leave.
    pub(super) fn is_fresh(&self) -> bool {
        self.expires_at > unix_time().saturating_add(60)
    }
}

fn unix_time() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// [`Tokens`] as they are written: the one place where they stand in the clear.
#[derive(Serialize, Deserialize)]
struct Plain {
    access_token: String,
    refresh_token: String,
    expires_at: u64,
}

impl From<Plain> for Tokens {
    fn from(Plain { access_token, refresh_token, expires_at }: Plain) -> Self {
        Self { access_token: access_token.into(), refresh_token: refresh_token.into(), expires_at }
    }
}

impl From<Tokens> for Plain {
    fn from(tokens: Tokens) -> Self {
        let (access_token, refresh_token) = (tokens.access_token.expose(), tokens.refresh_token.expose());
        Self {
            access_token: access_token.to_owned(),
            refresh_token: refresh_token.to_owned(),
            expires_at: tokens.expires_at,
        }
    }
}

/// Keeps the tokens of one user. [`FileStore`] is one; a service keeps them in its database. The methods are written as
/// `async fn`:
///
/// ```
/// use canva_connect::BoxError;
/// use canva_connect::auth::{TokenStore, Tokens};
///
/// /// A user's row in a table of ours.
/// struct Row { user: i64 }
///
/// impl TokenStore for Row {
///     async fn load(&self) -> Result<Option<Tokens>, BoxError> {
///         let json = select(self.user).await?;
///         Ok(json.map(|json| serde_json::from_str(&json)).transpose()?)
///     }
///
///     async fn save(&self, tokens: &Tokens) -> Result<(), BoxError> {
///         update(self.user, serde_json::to_string(tokens)?).await
///     }
/// }
/// # async fn select(user: i64) -> Result<Option<String>, BoxError> { Ok(None) }
/// # async fn update(user: i64, json: String) -> Result<(), BoxError> { Ok(()) }
/// ```
pub trait TokenStore: Send + Sync + 'static {
    /// The tokens as last saved; `None` if the user has not logged in.
    fn load(&self) -> impl Future<Output = Result<Option<Tokens>, BoxError>> + Send;

    /// Keeps the tokens. They are not used before this succeeds.
    fn save(&self, tokens: &Tokens) -> impl Future<Output = Result<(), BoxError>> + Send;
}

macro_rules! forward {
    ($($pointer:ident),*) => {$(
        /// The store that it points to.
        impl<S: TokenStore> TokenStore for $pointer<S> {
            fn load(&self) -> impl Future<Output = Result<Option<Tokens>, BoxError>> + Send {
                (**self).load()
            }

            fn save(&self, tokens: &Tokens) -> impl Future<Output = Result<(), BoxError>> + Send {
                (**self).save(tokens)
            }
        }
    )*};
}

forward!(Arc, Box);

/// Any [`TokenStore`], as a provider holds it.
pub(super) trait DynTokenStore: Send + Sync {
    fn load(&self) -> BoxFuture<'_, Result<Option<Tokens>, BoxError>>;
    fn save<'a>(&'a self, tokens: &'a Tokens) -> BoxFuture<'a, Result<(), BoxError>>;
}

impl<S: TokenStore> DynTokenStore for S {
    fn load(&self) -> BoxFuture<'_, Result<Option<Tokens>, BoxError>> {
        Box::pin(TokenStore::load(self))
    }

    fn save<'a>(&'a self, tokens: &'a Tokens) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(TokenStore::save(self, tokens))
    }
}

/// Tokens in a JSON file that only its owner can read. It is replaced as a whole, so that a crash leaves either the old
/// pair or the new one.
#[derive(Clone, Debug)]
pub struct FileStore {
    path: PathBuf,
}

impl FileStore {
    /// The file need not be there, but its directory must.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

impl TokenStore for FileStore {
    async fn load(&self) -> Result<Option<Tokens>, BoxError> {
        let text = match tokio::fs::read(&self.path).await {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(about(&self.path, e)),
        };
        // Not the decoder's own words: they can quote what they read.
        serde_json::from_slice(&text).map(Some).map_err(|_| about(&self.path, "not a token file"))
    }

    async fn save(&self, tokens: &Tokens) -> Result<(), BoxError> {
        let text = serde_json::to_vec(tokens)?;
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || replace(&path, &text).map_err(|e| about(&path, e))).await?
    }
}

fn replace(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Made with mode 0600 on Unix, under a name of its own.
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(text)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    // Sync the directory too: after a power cut the old pair is useless.
    #[cfg(unix)]
    std::fs::File::open(directory)?.sync_all()?;
    Ok(())
}

fn about(path: &Path, error: impl std::fmt::Display) -> BoxError {
    format!("{}: {error}", path.display()).into()
}
