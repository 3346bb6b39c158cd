//! The reasons why a provider has no token.

use crate::text::Printable;

/// A provider without tokens, for a client that is only a template: [`Client::for_user`](crate::Client::for_user)
/// derives each user's client from it. A request of the template itself sends nothing, and fails with this as the
/// source of an [`Error::Token`](crate::Error::Token).
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("this client has no user: make one for a user with `Client::for_user`")]
pub struct NoUser;

/// The user has to log in again. A [`TokenProvider`](crate::TokenProvider) returns it as its error, and then
/// [`needs_login`](crate::Error::needs_login) is true for the request's error.
///
/// ```
/// use canva_connect::auth::LoginRequired;
///
/// assert_eq!(LoginRequired::new("the row is gone").to_string(), "the user has to log in again: the row is gone");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the user has to log in again: {}", Printable(.reason))]
#[non_exhaustive]
pub struct LoginRequired {
    /// Why.
    pub reason: String,
}

impl LoginRequired {
    /// For this reason, in a few words. It must not contain a secret.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}
