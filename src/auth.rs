//! Access tokens: one that is given, or a provider that is asked for one before each request.
//!
//! [`AccessToken`] is the simplest provider. With the feature `oauth` there is `OAuth`, which logs a user in and keeps
//! the tokens fresh. For anything else, implement [`TokenProvider`].

use std::future::ready;
use std::sync::Arc;

use crate::BoxFuture;
use crate::error::BoxError;

#[cfg(feature = "oauth")]
mod authorization;
#[cfg(feature = "oauth")]
mod error;
#[cfg(feature = "oauth")]
mod exclusive;
#[cfg(feature = "oauth")]
mod file_store;
#[cfg(feature = "oauth")]
mod integration;
#[cfg(feature = "oauth")]
mod memory_store;
#[cfg(feature = "oauth")]
mod oauth;
#[cfg(feature = "oauth")]
mod store;
mod token;

#[cfg(feature = "oauth")]
pub use authorization::Authorization;
#[cfg(feature = "oauth")]
pub use error::OAuthError;
#[cfg(feature = "oauth")]
pub use file_store::FileStore;
#[cfg(feature = "oauth")]
pub use integration::Integration;
#[cfg(feature = "oauth")]
pub use memory_store::MemoryStore;
#[cfg(feature = "oauth")]
pub use oauth::OAuth;
#[cfg(feature = "oauth")]
pub use store::{StoreLock, TokenStore, Tokens};
pub use token::AccessToken;
#[cfg(feature = "oauth")]
pub use token::RefreshToken;

/// Where access tokens come from. Which one a client has may be chosen at run time, since
/// [`ClientBuilder`](crate::ClientBuilder) takes any; there is no `dyn TokenProvider`. The methods are written as `async fn`:
///
/// ```
/// use canva_connect::{AccessToken, BoxError, TokenProvider};
///
/// /// Asks a service of ours, which keeps the tokens of all users.
/// struct Vault { user: String }
///
/// impl TokenProvider for Vault {
///     async fn token(&self) -> Result<AccessToken, BoxError> {
///         Ok(AccessToken::new(fetch(&self.user).await?))
///     }
///
///     async fn refused(&self, _refused: &AccessToken) -> Result<bool, BoxError> {
///         Ok(true) // the next call of `token` is worth an attempt
///     }
/// }
/// # async fn fetch(user: &str) -> Result<String, BoxError> { Ok(user.into()) }
/// ```
pub trait TokenProvider: Send + Sync + 'static {
    /// The token for a request. Called for every attempt of every request, before it waits for its turn, and again after a
    /// wait of more than 30 s: keep it quick, and share one refresh between concurrent callers. A provider that takes
    /// longer than 3 minutes has failed.
    fn token(&self) -> impl Future<Output = Result<AccessToken, BoxError>> + Send;

    /// Canva answered 401 to a request with this token. Says whether [`token`](Self::token) will give another one now;
    /// the request is then retried once. An error here ends the request. By default there is no other token.
    fn refused(&self, refused: &AccessToken) -> impl Future<Output = Result<bool, BoxError>> + Send {
        let _ = refused;
        ready(Ok(false))
    }
}

impl TokenProvider for AccessToken {
    async fn token(&self) -> Result<AccessToken, BoxError> {
        Ok(self.clone())
    }
}

/// Nobody's tokens: for the first client of a service, from which [`Client::for_user`](crate::Client::for_user) makes those of its
/// users. A request of that client itself ends in an [`Error::Token`](crate::Error::Token), whose source it is, before anything is
/// sent.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("this client is nobody's: make one for a user with `Client::for_user`")]
pub struct NoUser;

impl TokenProvider for NoUser {
    async fn token(&self) -> Result<AccessToken, BoxError> {
        Err(Self.into())
    }
}

macro_rules! forward {
    ($($pointer:ident),*) => {$(
        /// The provider that it points to, which several clients may share.
        impl<P: TokenProvider> TokenProvider for $pointer<P> {
            fn token(&self) -> impl Future<Output = Result<AccessToken, BoxError>> + Send {
                (**self).token()
            }

            fn refused(&self, refused: &AccessToken) -> impl Future<Output = Result<bool, BoxError>> + Send {
                (**self).refused(refused)
            }
        }
    )*};
}

forward!(Arc, Box);

/// Any [`TokenProvider`], as a client holds it.
pub(crate) trait DynTokenProvider: Send + Sync {
    fn token(&self) -> BoxFuture<'_, Result<AccessToken, BoxError>>;
    fn refused<'a>(&'a self, refused: &'a AccessToken) -> BoxFuture<'a, Result<bool, BoxError>>;
}

impl<P: TokenProvider> DynTokenProvider for P {
    fn token(&self) -> BoxFuture<'_, Result<AccessToken, BoxError>> {
        Box::pin(TokenProvider::token(self))
    }

    fn refused<'a>(&'a self, refused: &'a AccessToken) -> BoxFuture<'a, Result<bool, BoxError>> {
        Box::pin(TokenProvider::refused(self, refused))
    }
}
