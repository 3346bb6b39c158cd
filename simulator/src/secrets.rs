//! What nobody can guess: every token, code and secret that the simulator itself makes up.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// A random key, from which one secret follows for each name.
pub struct Secrets([u8; 32]);

impl Secrets {
    pub fn new() -> io::Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(Self(key))
    }

    /// The secret of this name. It begins with the name, for whoever sees it in a log.
    pub fn named(&self, name: &str) -> String {
        let hash = Sha256::new().chain_update(self.0).chain_update(name).finalize();
        format!("{name}-{}", URL_SAFE_NO_PAD.encode(hash))
    }
}
