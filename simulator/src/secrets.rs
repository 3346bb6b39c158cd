//! Every token, code and secret that the simulator makes up. Nobody can guess them.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// How long an access token's claims are as JSON, which makes the token nearly 4 KB: the most that Canva's have.
pub const LONGEST_CLAIMS: usize = 2600;

/// How long a signature of RS256 is, in characters.
const SIGNATURE: usize = 342;

/// How many characters of a named secret nobody can guess.
const RANDOM: usize = 43;

/// A random key, from which one secret follows for each name.
pub struct Secrets([u8; 32]);

impl Secrets {
    pub fn new() -> io::Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(Self(key))
    }

    /// The secret of this name. It begins with the name, for people who see it in a log.
    pub fn named(&self, name: &str) -> String {
        format!("{name}-{}", self.text(name, RANDOM))
    }

    /// A token with these claims, in the form of a JWT. No key signed it: its signature is random text, and so is the
    /// claim that fills the claims up to this length.
    pub fn jwt(&self, name: &str, claims: &Value, length: usize) -> String {
        let mut claims = claims.clone();
        let room = length.saturating_sub(claims.to_string().len());
        if let Some(claims) = claims.as_object_mut().filter(|_| room > 0) {
            claims.insert("roles".into(), self.text(&format!("{name}-roles"), room).into());
        }
        let header = json!({ "alg": "RS256", "kid": "simulator", "typ": "JWT" });
        let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        format!("{header}.{claims}.{}", self.text(&format!("{name}-signature"), SIGNATURE))
    }

    /// This many characters that only the key and the name give.
    fn text(&self, name: &str, length: usize) -> String {
        let block = |number: u32| {
            Sha256::new().chain_update(self.0).chain_update(name).chain_update(number.to_be_bytes()).finalize()
        };
        URL_SAFE_NO_PAD.encode((0..).flat_map(block).take(length * 3 / 4).collect::<Vec<u8>>())
    }
}

/// Whether a secret can have this character.
pub fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// Where a secret begins in a word of such characters: one of the simulator's, of this or another run, or any JWT.
pub fn find(word: &str) -> Option<usize> {
    let begins = |start: &str| word.find(start).filter(|at| word.len() - at >= start.len() + RANDOM);
    let jwt = begins("eyJ").filter(|_| word.matches('.').count() >= 2);
    ["simulated-", "simulator-"].into_iter().filter_map(begins).chain(jwt).min()
}

/// How much of a token is shown, in characters, and how long a token is of which any is shown.
const SHOWN: usize = 6;
const LONG: usize = 32;

/// What tells a token from others and is good for nothing else: its last characters.
pub fn masked(token: &str) -> String {
    let length = token.chars().count();
    let shown = if length < LONG { 0 } else { SHOWN };
    format!("…{}", token.chars().skip(length - shown).collect::<String>())
}
