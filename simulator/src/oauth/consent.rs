//! A user's consent: what an integration asks for, the user's answer, and the code that the consent gives.

use std::collections::HashMap;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use reqwest::Url;

use super::form::words;
use super::grants::{Code, Consent};
use super::{MAX_FORM_BYTES, NO_STORE, OAuth, PKCE, consent_page, refuse};
use crate::api_error::ApiError;
use crate::canva::access::Owner;
use crate::headers::{FETCH_DEST, FETCH_MODE, FETCH_SITE, text};
use crate::serve::visitors;

/// How long a code can be exchanged.
const CODE_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// Where the consent page leads back to by default, where the integration has no redirect URI.
const REDIRECT_URI: &str = "http://127.0.0.1:3001/oauth/redirect";

/// What a challenge must be.
const CHALLENGE: &str = "43 to 128 characters, the URL-safe Base64 of code_verifier's SHA-256 (PKCE is mandatory)";

/// Why a page gets no code by itself.
const FETCHED: &str = "A page has fetched this URL, and only its user can consent. Lead the user's browser to this URL, \
                       by a link or by location.href.";

impl OAuth {
    /// The user's consent: a code for these scopes. `lifetime` is that of the access tokens that come from it, in place of
    /// the usual one.
    pub fn authorize(
        &self,
        owner: Owner,
        challenge: &str,
        scopes: Vec<String>,
        redirect_uri: &str,
        lifetime: Option<Duration>,
    ) -> String {
        let lifetime = Some(lifetime.unwrap_or(self.settings.token_lifetime));
        let mut grants = self.grants();
        let family = grants.next_number();
        let id = self.secrets.named(&format!("simulated-code-{family}"));
        let code = Code {
            challenge: challenge.to_owned(),
            redirect_uri: Some(redirect_uri.to_owned()).filter(|uri| !uri.is_empty()),
            consent: Consent { owner, scopes, lifetime, family },
            expires: self.clock.now() + CODE_LIFETIME,
            used: false,
        };
        grants.codes.insert(id.clone(), code);
        id
    }

    /// The page where an integration asks its user for consent. A browser shows the question, and sends the answer to
    /// the same URL. A program can't answer, so it is sent back at once with a code. What a developer has to mend is said
    /// on the page, for them to see.
    pub async fn consent_page(&self, request: Request) -> Response {
        let (head, body) = request.into_parts();
        let accepts_pages = text(&head.headers, header::ACCEPT).is_some_and(|types| types.contains("text/html"));
        let is_browser = accepts_pages || head.headers.contains_key(FETCH_SITE);
        let query = fields(head.uri.query().unwrap_or_default().as_bytes());
        let outcome = match head.method == Method::POST {
            true => self.answered(&head, body, &query).await,
            false if is_fetched(&head.headers) => {
                Err(ApiError::new(StatusCode::FORBIDDEN, "permission_denied", FETCHED))
            }
            false => self.asked(&query).map(|asked| {
                // Refused scopes are for the integration to hear of.
                if !is_browser || self.check_scopes(&asked.scopes).is_err() {
                    return self.lead_back(asked, StatusCode::FOUND);
                }
                let user = asked.user.unwrap_or(&self.owner.user_id);
                consent_page::question(&self.client.id, user, &asked.scopes, asked.back.as_str())
            }),
        };
        outcome.unwrap_or_else(|refused| {
            let mut response = match is_browser {
                true => consent_page::refusal(refused.status, &refused.message),
                false => (refused.status, format!("{}\n", refused.message)).into_response(),
            };
            refused.mark(&mut response);
            response
        })
    }

    /// What follows from the user's answer. Another page could send it in the user's name.
    async fn answered(&self, head: &Parts, body: Body, query: &Fields) -> Result<Response, ApiError> {
        let (headers, target) = (&head.headers, head.uri.authority());
        if !headers.contains_key(header::ORIGIN) || !visitors::is_from_own_page(headers, target) {
            let message = "An answer is taken from the consent page alone: Origin must be the simulator's own.";
            return Err(ApiError::new(StatusCode::FORBIDDEN, "permission_denied", message));
        }
        let mut asked = self.asked(query)?;
        let body = axum::body::to_bytes(body, MAX_FORM_BYTES as usize).await;
        let form = fields(&body.map_err(|e| refuse("bad_request_body", format!("The form can't be read: {e}.")))?);
        asked.user = form.get("user").map(|user| user.trim()).filter(|user| !user.is_empty());
        match form.get("answer").map(String::as_str) {
            Some("allow") => Ok(self.lead_back(asked, StatusCode::SEE_OTHER)),
            Some("deny") => {
                let denied = refuse("access_denied", "The user has denied the request.");
                Ok(asked.back_with_error(StatusCode::SEE_OTHER, denied))
            }
            _ => Err(refuse("invalid_request", "answer must be allow or deny.")),
        }
    }

    /// The query, or which of its parameters is wrong.
    fn asked<'a>(&'a self, query: &'a Fields) -> Result<Asked<'a>, ApiError> {
        let field = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
        let (known, given) = (&self.settings.redirect_uris, field("redirect_uri"));
        let default = known.first().map_or(REDIRECT_URI, String::as_str);
        let back = Url::parse(if given.is_empty() { default } else { given });
        let expected = match &back {
            Err(e) => format!("a URL or left out ({e})"),
            Ok(_) => known.join(" or "),
        };
        let is_known = given.is_empty() || known.is_empty() || known.iter().any(|uri| uri == given);
        let challenge = field("code_challenge");
        let checks = [
            (back.is_ok() && is_known, "redirect_uri", expected.as_str()),
            (field("client_id") == self.client.id, "client_id", &self.client.id),
            (field("response_type") == "code", "response_type", "code"),
            (PKCE.contains(&challenge.len()), "code_challenge", CHALLENGE),
            (field("code_challenge_method").eq_ignore_ascii_case("S256"), "code_challenge_method", "S256"),
            (!field("scope").trim().is_empty(), "scope", "one scope or more, separated by spaces"),
        ];
        let wrong = checks.into_iter().find(|(right, ..)| !right);
        let wrong = wrong.map(|(_, name, expected)| match query.get(name) {
            Some(given) if given.contains(&self.client.secret) => {
                format!("{name} must be {expected}, and has the client's secret in it.")
            }
            Some(given) => format!("{name} must be {expected}, and is {given:?}."),
            None => format!("{name} is missing. It must be {expected}."),
        });
        match (back, wrong) {
            (Ok(back), None) => Ok(Asked {
                redirect_uri: given,
                back,
                challenge,
                scopes: words(field("scope")),
                state: query.get("state").map(String::as_str),
                user: query.get("user").map(String::as_str).filter(|user| !user.is_empty()),
            }),
            (_, wrong) => Err(refuse("invalid_request", wrong.unwrap_or_default())),
        }
    }

    /// Back to the integration with a code, or with why there is none.
    fn lead_back(&self, asked: Asked, status: StatusCode) -> Response {
        let owner = self.user_or_default(asked.user);
        match self.check_scopes(&asked.scopes) {
            Ok(()) => {
                let code = self.authorize(owner, asked.challenge, asked.scopes.clone(), asked.redirect_uri, None);
                asked.back_with(status, [("code", code.as_str())])
            }
            Err(refused) => asked.back_with_error(status, refused),
        }
    }
}

/// Whether a page in a browser has loaded this without its user seeing it: by a fetch, as a picture, in a frame. Browsers
/// say so of each request. Node's `fetch` is a program's, and sends `Sec-Fetch-Mode` without the others.
fn is_fetched(headers: &HeaderMap) -> bool {
    let is = |name, value| text(headers, name) == Some(value);
    headers.contains_key(FETCH_SITE) && !(is(FETCH_MODE, "navigate") && is(FETCH_DEST, "document"))
}

type Fields = HashMap<String, String>;

fn fields(form: &[u8]) -> Fields {
    form_urlencoded::parse(form).into_owned().collect()
}

/// What an integration asks of a user.
struct Asked<'a> {
    /// As it was given, or empty.
    redirect_uri: &'a str,
    back: Url,
    challenge: &'a str,
    scopes: Vec<String>,
    state: Option<&'a str>,
    user: Option<&'a str>,
}

impl Asked<'_> {
    fn back_with<'a>(mut self, status: StatusCode, said: impl IntoIterator<Item = (&'a str, &'a str)>) -> Response {
        let state = self.state.map(|state| ("state", state));
        self.back.query_pairs_mut().extend_pairs(said).extend_pairs(state);
        (status, NO_STORE, [(header::LOCATION, self.back.to_string())]).into_response()
    }

    fn back_with_error(self, status: StatusCode, refused: ApiError) -> Response {
        let mut response = self.back_with(status, [("error", refused.code), ("error_description", &refused.message)]);
        refused.mark(&mut response);
        response
    }
}
