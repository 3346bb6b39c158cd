//! Which way a schema travels, and what that does to a verdict.

use super::Class;
use crate::reach::Uses;

/// Which way a schema travels. Where it travels both ways, or no operation uses it, the graver verdict counts.
#[derive(Clone, Copy, Eq, PartialEq)]
pub enum Way {
    Request,
    Response,
    Both,
}

impl Way {
    pub fn of(uses: &Uses) -> Self {
        match (uses.requests.is_empty(), uses.responses.is_empty()) {
            (false, true) => Self::Request,
            (true, false) => Self::Response,
            _ => Self::Both,
        }
    }

    /// The verdict of a rule that has one for each way.
    pub fn judge<S: Into<String>>(self, rule: impl Fn(Way) -> (Class, S)) -> (Class, String) {
        let (class, sentence) = match self {
            Self::Both => {
                let (request, response) = (rule(Self::Request), rule(Self::Response));
                if response.0 < request.0 { response } else { request }
            }
            way => rule(way),
        };
        (class, sentence.into())
    }
}
