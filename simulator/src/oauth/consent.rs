//! The page where a user consents, and the code that the consent gives.

use std::collections::HashMap;
use std::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::form::words;
use super::grants::{Code, Consent};
use super::{OAuth, PKCE};
use crate::canva::access::Owner;

/// How long a code can be exchanged.
const CODE_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// Where the consent page leads back to by default: it stands for the first redirect URI that an integration has
/// registered.
const REDIRECT_URI: &str = "http://127.0.0.1:3001/oauth/redirect";

/// What a challenge must be.
const CHALLENGE: &str = "43 to 128 characters, the URL-safe Base64 of code_verifier's SHA-256 (PKCE is mandatory)";

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
            expires: self.clock.now() + CODE_LIFETIME,
            used: false,
        };
        grants.codes.insert(id.clone(), code);
        id
    }

    /// The page where an integration asks its user for consent. It always consents, by a redirect back with a code.
    /// The query's `user` names the user. What a developer has to mend is said on the page, for them to see.
    pub fn authorize_page(&self, query: &str) -> Response {
        let query: HashMap<_, _> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let field = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
        let given = field("redirect_uri");
        let back = reqwest::Url::parse(if given.is_empty() { REDIRECT_URI } else { given });
        let challenge = field("code_challenge");
        let wrong = |name: &str, expected: &str| match query.get(name) {
            Some(given) if given.contains(&self.client.secret) => {
                format!("{name} must be {expected}, and has the client's secret in it.\n")
            }
            Some(given) => format!("{name} must be {expected}, and is {given:?}.\n"),
            None => format!("{name} is missing. It must be {expected}.\n"),
        };
        let no_url = back.as_ref().err().map(|e| format!("a URL or left out ({e})"));
        let checks = [
            (no_url.is_none(), "redirect_uri", no_url.as_deref().unwrap_or_default()),
            (field("client_id") == self.client.id, "client_id", &self.client.id),
            (field("response_type") == "code", "response_type", "code"),
            (PKCE.contains(&challenge.len()), "code_challenge", CHALLENGE),
            (field("code_challenge_method").eq_ignore_ascii_case("S256"), "code_challenge_method", "S256"),
            (!field("scope").trim().is_empty(), "scope", "one scope or more, separated by spaces"),
        ];
        let refused = checks.into_iter().find(|(right, ..)| !right).map(|(_, name, expected)| wrong(name, expected));
        let (Ok(mut back), None) = (back, &refused) else {
            return (StatusCode::BAD_REQUEST, refused.unwrap_or_default()).into_response();
        };
        let scopes = words(field("scope"));
        let owner = query.get("user").map_or_else(|| self.owner.clone(), |user_id| self.user(user_id));
        let said = match self.check_scopes(&scopes) {
            Ok(()) => vec![("code", self.authorize(owner, challenge, scopes, given))],
            Err(refusal) => vec![("error", refusal.code.into()), ("error_description", refusal.message)],
        };
        back.query_pairs_mut().extend_pairs(said);
        if let Some(state) = query.get("state") {
            back.query_pairs_mut().append_pair("state", state);
        }
        (StatusCode::FOUND, [(header::LOCATION, back.to_string())]).into_response()
    }
}
