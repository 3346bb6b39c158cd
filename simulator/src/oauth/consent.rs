//! The page where a user consents, and the code that the consent gives.

use std::collections::HashMap;
use std::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;

use super::OAuth;
use super::form::words;
use super::grants::{Code, Consent};
use crate::canva::access::Owner;

/// How long a code can be exchanged.
const CODE_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// Where the consent page leads back to by default: it stands for the first redirect URI that an integration has
/// registered.
const REDIRECT_URI: &str = "http://127.0.0.1:3001/oauth/redirect";

impl OAuth {
    /// The user's consent: a code for these scopes.
    pub fn authorize(&self, owner: Owner, challenge: &str, scopes: Vec<String>, redirect_uri: &str) -> String {
        let mut grants = self.grants();
        let family = grants.next_number();
        let id = self.secrets.named(&format!("simulated-code-{family}"));
        let code = Code {
            challenge: challenge.to_owned(),
            redirect_uri: Some(redirect_uri.to_owned()).filter(|uri| !uri.is_empty()),
            consent: Consent { owner, scopes, family },
            expires: Instant::now() + CODE_LIFETIME,
            used: false,
        };
        grants.codes.insert(id.clone(), code);
        id
    }

    /// The page where an integration asks its user for consent. It always consents, by a redirect back with a code.
    /// The query's `user` names the user.
    pub fn authorize_page(&self, query: &str) -> Response {
        let query: HashMap<_, _> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let field = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
        let given = field("redirect_uri");
        let redirect_uri = if given.is_empty() { REDIRECT_URI } else { given };
        let known = field("client_id") == self.client.id
            && field("response_type") == "code"
            && field("code_challenge_method").eq_ignore_ascii_case("S256");
        let Some(mut back) = reqwest::Url::parse(redirect_uri).ok().filter(|_| known) else {
            let message = "This page needs client_id, response_type=code, code_challenge_method=S256, and a redirect_uri \
                           that is a URL or is left out.";
            return (StatusCode::BAD_REQUEST, message).into_response();
        };
        let scopes = words(field("scope"));
        let owner = query.get("user").map_or_else(|| self.owner.clone(), |user_id| self.user(user_id));
        let said = match self.check_scopes(&scopes) {
            Ok(()) => vec![("code", self.authorize(owner, field("code_challenge"), scopes, given))],
            Err(refusal) => vec![("error", refusal.code.into()), ("error_description", refusal.message)],
        };
        back.query_pairs_mut().extend_pairs(said);
        if let Some(state) = query.get("state") {
            back.query_pairs_mut().append_pair("state", state);
        }
        (StatusCode::FOUND, [(header::LOCATION, back.to_string())]).into_response()
    }
}
