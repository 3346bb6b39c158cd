//! A login, from the moment the user leaves for Canva until they come back.

use std::fmt;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::OAuthError;
use crate::send::response::excerpt;

/// A login that has begun. Keep it in the session until the user comes back; or keep its [`state`](Self::state) and
/// [code verifier](Self::expose_code_verifier), and [`resume`](Self::resume) it.
#[derive(Clone)]
pub struct Login {
    /// The page to send the user to.
    pub url: String,
    /// The redirect must bring this text back, which proves that the login began here.
    pub state: String,
    code_verifier: SecretString,
    /// The scopes that the login asks for. `None` if it was resumed.
    pub(super) scopes: Option<Vec<String>>,
}

impl Login {
    pub(super) fn begun(url: String, state: String, code_verifier: String, scopes: Vec<String>) -> Self {
        Self { url, state, code_verifier: code_verifier.into(), scopes: Some(scopes) }
    }

    /// A login that began in another process, from its state and its code verifier.
    pub fn resume(state: impl Into<String>, code_verifier: impl Into<String>) -> Self {
        let code_verifier = SecretString::from(code_verifier.into());
        Self { url: String::new(), state: state.into(), code_verifier, scopes: None }
    }

    /// The secret that is sent with the code, as proof of who began the login.
    pub fn expose_code_verifier(&self) -> &str {
        self.code_verifier.expose_secret()
    }

    /// The code that the redirect brings.
    pub(super) fn code(&self, redirect: &str) -> Result<String, OAuthError> {
        let parameters = parameters(redirect);
        // RFC 6749 doesn't allow a parameter twice.
        let only = |name: &str| {
            let mut values = parameters.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
            values.next().filter(|_| values.next().is_none())
        };
        // Nothing else is believed before this. An empty state is that of a lost session, and proves nothing.
        if self.state.is_empty() || only("state") != Some(&self.state) {
            return Err(OAuthError::StateMismatch);
        }
        if parameters.iter().any(|(key, _)| key == "error") {
            let said = |name| excerpt(only(name).unwrap_or_default());
            return Err(OAuthError::Denied { error: said("error"), description: said("error_description") });
        }
        only("code").filter(|code| !code.is_empty()).map(str::to_owned).ok_or(OAuthError::NoCode)
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let page = self.url.split_once('?').map_or(self.url.as_str(), |(page, _)| page);
        f.debug_struct("Login").field("url", &page).finish_non_exhaustive()
    }
}

/// The parameters in a whole URL, in its path and query, or in the query alone, with its question mark or without it.
fn parameters(redirect: &str) -> Vec<(String, String)> {
    let is_query = !redirect.starts_with(['/', '?']) && Url::parse(redirect).is_err();
    let query = if is_query { redirect } else { redirect.split_once('?').map_or("", |(_, query)| query) };
    let url = Url::parse(&format!("http://localhost?{query}"));
    url.map(|url| url.query_pairs().into_owned().collect()).unwrap_or_default()
}
