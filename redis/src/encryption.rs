//! Encryption of tokens at rest: AES-256-GCM, with their key in Redis as additional data.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The first byte of an encrypted value. The nonce and the ciphertext with its tag follow. JSON begins with another
/// byte.
const VERSION: u8 = 1;

/// A key for AES-256: 32 random bytes, or their Base64, which `openssl rand -base64 32` prints. `Debug` doesn't show
/// it.
///
/// ```
/// use canva_connect_redis::EncryptionKey;
///
/// let key: EncryptionKey = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=".parse()?;
/// assert_eq!(format!("{key:?}"), "EncryptionKey(..)");
/// # Ok::<(), canva_connect_redis::EncryptionKeyError>(())
/// ```
#[derive(Clone)]
pub struct EncryptionKey(Arc<RandomizedNonceKey>);

impl EncryptionKey {
    /// From the bytes themselves, which must be random: no password.
    ///
    /// # Errors
    /// [`EncryptionKeyError`] if the cryptographic library can't take it.
    pub fn new(bytes: &[u8; 32]) -> Result<Self, EncryptionKeyError> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, bytes).map_err(|_| EncryptionKeyError)?;
        Ok(Self(Arc::new(key)))
    }
}

impl FromStr for EncryptionKey {
    type Err = EncryptionKeyError;

    fn from_str(text: &str) -> Result<Self, EncryptionKeyError> {
        let bytes = STANDARD.decode(text.trim()).map_err(|_| EncryptionKeyError)?;
        Self::new(bytes.as_slice().try_into().map_err(|_| EncryptionKeyError)?)
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncryptionKey(..)")
    }
}

/// The text is not the Base64 of 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an encryption key of 32 bytes as Base64, 44 characters; `openssl rand -base64 32` makes one")]
#[non_exhaustive]
pub struct EncryptionKeyError;

/// Why a value can't be decrypted.
pub(crate) enum Closed {
    /// It is encrypted, and there is no key.
    NoKey,
    /// It was encrypted with another key or for another place, or was changed.
    WrongKey,
    /// It isn't encrypted. Anyone who can write to Redis could have put it there.
    InTheClear,
}

/// Encrypts the text for this place with the first key. Without a key, the text stays as it is. `None` if the system's
/// random numbers fail.
pub(crate) fn seal(keys: &[EncryptionKey], place: &str, mut text: Vec<u8>) -> Option<Vec<u8>> {
    let Some(key) = keys.first() else { return Some(text) };
    let nonce = key.0.seal_in_place_append_tag(Aad::from(place), &mut text).ok()?;
    Some([&[VERSION], nonce.as_ref().as_slice(), &text].concat())
}

/// Decrypts the value in this place with the key that fits.
pub(crate) fn open(keys: &[EncryptionKey], place: &str, stored: Vec<u8>) -> Result<Vec<u8>, Closed> {
    let sealed = stored.split_first().filter(|(version, _)| **version == VERSION).map(|(_, rest)| rest);
    match sealed {
        None if keys.is_empty() => Ok(stored),
        None => Err(Closed::InTheClear),
        Some(_) if keys.is_empty() => Err(Closed::NoKey),
        Some(rest) => {
            let (nonce, ciphertext) = rest.split_at_checked(NONCE_LEN).ok_or(Closed::WrongKey)?;
            let try_key = |key: &EncryptionKey| {
                let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
                let mut text = ciphertext.to_vec();
                key.0.open_in_place(nonce, Aad::from(place), &mut text).ok().map(|text| text.to_vec())
            };
            keys.iter().find_map(try_key).ok_or(Closed::WrongKey)
        }
    }
}
