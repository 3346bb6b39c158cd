//! Rate limits and tokens of `canva-connect`, shared between machines over Redis.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod connection;
mod encryption;
mod pacing;
mod random;
mod store;
mod sync;

pub use connection::{Redis, RedisError};
pub use encryption::{EncryptionKey, EncryptionKeyError};
pub use pacing::RedisPacing;
pub use store::{RedisStore, StoreError};

/// README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
