//! The token of a request: asked for, added to its headers, and replaced after a 401.

use std::time::Duration;

use http::header::AUTHORIZATION;

use super::Sender;
use super::call::Call;
use crate::boxed::{BoxError, BoxFuture};
use crate::error::Error;
use crate::operations::Authentication;
use crate::token::AccessToken;

/// How long a token provider may take: longer than a refresh of `OAuth`'s, which waits for another process's and then
/// for the token endpoint.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(180);

impl Sender {
    /// The token for a request.
    pub(super) async fn token(&self) -> Result<AccessToken, Error> {
        answered(self.tokens.token()).await
    }

    /// Whether there is another token than this one, which Canva refused.
    pub(super) async fn refused(&self, token: &AccessToken) -> Result<bool, Error> {
        answered(self.tokens.refused(token)).await
    }
}

async fn answered<T>(asked: BoxFuture<'_, Result<T, BoxError>>) -> Result<T, Error> {
    let late = |_| Err(format!("the token provider took longer than {} s", TOKEN_TIMEOUT.as_secs()).into());
    let answered = tokio::time::timeout(TOKEN_TIMEOUT, asked).await;
    answered.unwrap_or_else(late).map_err(|source| Error::Token { source })
}

impl<T> Call<T> {
    /// What proves who sends this, and must not be shown: the user's token, or the client's credentials.
    pub(super) async fn secret(&self) -> Result<AccessToken, Error> {
        match self.operation.authentication {
            Authentication::AccessToken => self.sender.token().await,
            Authentication::Basic | Authentication::None => {
                Ok(self.credentials.clone().unwrap_or_else(|| AccessToken::new("")))
            }
        }
    }
}

/// Adds the token to a request.
pub(super) fn authorize(request: &mut reqwest::Request, token: &AccessToken) -> Result<(), Error> {
    let header = token.header().map_err(|source| Error::Token { source: source.into() })?;
    request.headers_mut().insert(AUTHORIZATION, header);
    Ok(())
}
