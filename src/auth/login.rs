//! A login between the user's departure to Canva and their return.

use std::fmt;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::OAuthError;
use crate::send::response::excerpt;

/// A login that has begun. Keep it until the user comes back: in the session, or by its parts.
#[derive(Clone)]
pub struct Authorization {
    /// Where to send the user.
    pub url: String,
    /// What the redirect must bring back, so that nobody can slip in a login of their own.
    pub state: String,
    code_verifier: SecretString,
    /// What it asks for, where that is known.
    pub(super) scopes: Option<Vec<String>>,
}

impl Authorization {
    pub(super) fn begun(url: String, state: String, code_verifier: String, scopes: Vec<String>) -> Self {
        Self { url, state, code_verifier: code_verifier.into(), scopes: Some(scopes) }
    }

    /// A login that was begun in another process, from what was kept of it.
    pub fn resume(state: impl Into<String>, code_verifier: impl Into<String>) -> Self {
        let code_verifier = SecretString::from(code_verifier.into());
        Self { url: String::new(), state: state.into(), code_verifier, scopes: None }
    }

    /// The secret that proves, with the code, who began the login.
    pub fn expose_code_verifier(&self) -> &str {
        self.code_verifier.expose_secret()
    }

    /// The code that the redirect brings.
    pub(super) fn code(&self, redirect: &str) -> Result<String, OAuthError> {
        let query = Query::of(redirect);
        // Before anything else is believed. A session that was lost has no state, and proves nothing.
        if self.state.is_empty() || query.only("state").as_deref() != Some(self.state.as_str()) {
            return Err(OAuthError::StateMismatch);
        }
        if query.has("error") {
            let said = |name| excerpt(&query.only(name).unwrap_or_default());
            return Err(OAuthError::Denied { error: said("error"), description: said("error_description") });
        }
        query.only("code").filter(|code| !code.is_empty()).ok_or(OAuthError::NoCode)
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let page = self.url.split_once('?').map_or(self.url.as_str(), |(page, _)| page);
        f.debug_struct("Authorization").field("url", &page).finish_non_exhaustive()
    }
}

/// What stands in a redirect, decoded.
struct Query(Vec<(String, String)>);

impl Query {
    /// Of a whole URL, of its path and query, or of the query alone, with its question mark or without it.
    fn of(redirect: &str) -> Self {
        let located = redirect.starts_with(['/', '?']) || Url::parse(redirect).is_ok();
        let query = if located { redirect.split_once('?').map_or("", |(_, query)| query) } else { redirect };
        let query = query.split_once('#').map_or(query, |(query, _)| query);
        let decoded = Url::parse("http://localhost").map(|mut url| {
            url.set_query(Some(query));
            url.query_pairs().into_owned().collect()
        });
        Self(decoded.unwrap_or_default())
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    /// The value of a parameter that is there once. RFC 6749 allows none twice.
    fn only(&self, name: &str) -> Option<String> {
        let mut values = self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value);
        values.next().filter(|_| values.next().is_none()).cloned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_code_comes_out_as_it_went_in(
            code in ".+", state in ".{1,20}", before in "(https?://[a-z.]{1,9}\\.com)?/[a-z/:&=]*\\?([a-z]{5,9}=[a-z?/:%]*&)?", after in "(&[a-z]{6}=[^#]{0,9})?(#.*)?"
        ) {
            let mut url = Url::parse("http://localhost").map_err(|e| TestCaseError::fail(e.to_string()))?;
            url.query_pairs_mut().append_pair("state", &state).append_pair("code", &code);
            let query = url.query().unwrap_or_default();
            let login = Authorization::resume(state.as_str(), "verifier");
            for redirect in [format!("{before}{query}{after}"), query.to_owned(), format!("?{query}")] {
                prop_assert_eq!(login.code(&redirect).ok(), Some(code.clone()), "{}", redirect);
            }
        }

        #[test]
        fn no_redirect_ends_a_login_that_it_has_no_state_of(redirect: String, state in "[!-~]{22,43}") {
            prop_assume!(!redirect.contains(&state));
            let ended = Authorization::resume(state, "verifier").code(&redirect);
            prop_assert!(matches!(ended, Err(OAuthError::StateMismatch)), "{}", redirect);
        }
    }
}
