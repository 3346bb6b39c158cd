//! Why there is no token. No error has a token in it.

use crate::text::Printable;

/// A provider without tokens, for a client that is only a template: [`Client::for_user`](crate::Client::for_user) makes the
/// clients of users from it. A request of the template itself ends in an [`Error::Token`](crate::Error::Token) with this as its
/// source, before anything is sent.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("this client has no user: make one for a user with `Client::for_user`")]
pub struct NoUser;

/// The user has to log in again. A [`TokenProvider`] returns it as its error; the request then
/// [needs a login](crate::Error::needs_login).
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
    /// For this reason, in a few words.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}
