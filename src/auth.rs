//! Access tokens: one that is given, or a provider that is asked for one before each request.
//!
//! [`AccessToken`] is the simplest provider. With the feature `oauth` there is `OAuth`, which logs a user in and keeps
//! the tokens fresh. For anything else, implement [`TokenProvider`].

use std::sync::Arc;

use crate::BoxFuture;
use crate::error::BoxError;

#[cfg(feature = "oauth")]
mod error;
#[cfg(feature = "oauth")]
mod integration;
#[cfg(feature = "oauth")]
mod oauth;
#[cfg(feature = "oauth")]
mod store;
mod token;

#[cfg(feature = "oauth")]
pub use error::OAuthError;
#[cfg(feature = "oauth")]
pub use integration::{Authorization, Integration};
#[cfg(feature = "oauth")]
pub use oauth::OAuth;
#[cfg(feature = "oauth")]
pub use store::{FileStore, TokenStore, Tokens};
pub use token::AccessToken;
#[cfg(feature = "oauth")]
pub use token::RefreshToken;

/// Where access tokens come from.
///
/// ```
/// use canva_connect::{AccessToken, BoxError, BoxFuture, TokenProvider};
///
/// /// Asks a service of ours, which keeps the tokens of all users.
/// struct Vault { user: String }
///
/// impl TokenProvider for Vault {
///     fn token(&self) -> BoxFuture<'_, Result<AccessToken, BoxError>> {
///         Box::pin(async move { Ok(AccessToken::new(fetch(&self.user).await?)) })
///     }
///
///     fn refused<'a>(&'a self, _refused: &'a AccessToken) -> BoxFuture<'a, Result<bool, BoxError>> {
///         Box::pin(async move { Ok(true) }) // the next call of `token` is worth a try
///     }
/// }
/// # async fn fetch(user: &str) -> Result<String, BoxError> { Ok(user.into()) }
/// ```
pub trait TokenProvider: Send + Sync + 'static {
    /// The token for a request that is about to leave. Called for every try of every request: keep it quick, and share
    /// one refresh between concurrent callers.
    fn token(&self) -> BoxFuture<'_, Result<AccessToken, BoxError>>;

    /// Canva answered 401 to a request with this token. Says whether [`token`](Self::token) will give another one now;
    /// the request is then repeated once. An error here ends the request.
    fn refused<'a>(&'a self, refused: &'a AccessToken) -> BoxFuture<'a, Result<bool, BoxError>> {
        let _ = refused;
        Box::pin(std::future::ready(Ok(false)))
    }
}

impl TokenProvider for AccessToken {
    fn token(&self) -> BoxFuture<'_, Result<AccessToken, BoxError>> {
        Box::pin(std::future::ready(Ok(self.clone())))
    }
}

/// One provider for several clients.
impl<P: TokenProvider + ?Sized> TokenProvider for Arc<P> {
    fn token(&self) -> BoxFuture<'_, Result<AccessToken, BoxError>> {
        (**self).token()
    }

    fn refused<'a>(&'a self, refused: &'a AccessToken) -> BoxFuture<'a, Result<bool, BoxError>> {
        (**self).refused(refused)
    }
}
