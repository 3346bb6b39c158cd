//! The tokens that lead to a list's next page. They hold where the page before ended, not how much was before it, so
//! that what is added or deleted meanwhile moves nothing to another page.

use std::hash::{BuildHasher, RandomState};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::check_query::refused;
use crate::api_error::ApiError;
use crate::canva::folders::Place;

/// The query parameter that takes the token.
const CONTINUATION: &str = "continuation";

/// How long a signature is, in characters.
const SIGNATURE: usize = 16;

/// The user's id, the path's parameters, those of the query, and where the page ended.
type Content = (String, Vec<String>, Map<String, Value>, Place);

#[derive(Default)]
pub struct Continuations {
    /// A hash with a random key, which signs the tokens.
    signer: RandomState,
}

impl Continuations {
    /// The token for what comes after this place in the list that the call asks for.
    pub fn after(&self, place: &Place, call: &Call) -> String {
        let content = json!([call.owner.user_id, call.path, parameters(call), place]).to_string();
        URL_SAFE_NO_PAD.encode(format!("{}{content}", self.sign(&content)))
    }

    /// Where the page before ended, if the call gives a token, and if that is one for this user and this list.
    pub fn place(&self, call: &Call) -> Result<Option<Place>, ApiError> {
        let Some(token) = call.query_text(CONTINUATION) else { return Ok(None) };
        let refuse = |reason| refused(CONTINUATION, reason);
        let (user_id, path, query, place) = self.content(token).ok_or_else(|| {
            refuse("This simulator hasn't given it: it is altered, or from before the simulator's start.")
        })?;
        if user_id != call.owner.user_id {
            return Err(refuse("It was given to another user."));
        }
        if path != call.path {
            return Err(refuse("It was given for another list."));
        }
        if query != parameters(call) {
            return Err(refuse("It was given for other parameters. Repeat those of the first page; limit may change."));
        }
        Ok(Some(place))
    }

    fn content(&self, token: &str) -> Option<Content> {
        let signed = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        let (signature, content) = signed.split_at_checked(SIGNATURE)?;
        serde_json::from_str(content).ok().filter(|_| signature == self.sign(content))
    }

    fn sign(&self, content: &str) -> String {
        format!("{:0SIGNATURE$x}", self.signer.hash_one(content))
    }
}

/// What has to be the same on every page.
fn parameters(call: &Call) -> Map<String, Value> {
    let kept = call.query.iter().filter(|(name, _)| !matches!(name.as_str(), CONTINUATION | "limit"));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}
