//! Logins and tokens: the OAuth flow, token refresh and token stores.
//!
//! [`AccessToken`] is the simplest [`TokenProvider`]. With the feature `oauth` there is `OAuth`, which logs a user in
//! and keeps the tokens fresh. For anything else, implement [`TokenProvider`].

#[cfg(feature = "oauth")]
mod file_store;
#[cfg(feature = "oauth")]
mod integration;
#[cfg(feature = "oauth")]
mod login;
#[cfg(feature = "oauth")]
mod memory_store;
#[cfg(feature = "oauth")]
mod oauth;
#[cfg(feature = "oauth")]
mod store;
#[cfg(feature = "oauth")]
mod token_endpoint;
#[cfg(feature = "oauth")]
mod tokens;

pub use crate::error::{LoginRequired, NoUser};
pub use crate::token::{AccessToken, TokenProvider};
#[cfg(feature = "oauth")]
pub use {
    crate::error::OAuthError,
    file_store::FileStore,
    integration::{Integration, IntegrationBuilder},
    login::Login,
    memory_store::MemoryStore,
    oauth::OAuth,
    store::{StoreLock, TokenStore},
    tokens::{RefreshToken, Tokens},
};
