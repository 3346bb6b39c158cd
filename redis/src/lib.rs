//! Rate limits and tokens of `canva-connect`, shared between machines over Redis.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod connection;
mod pacing;
mod store;

pub use connection::{Redis, RedisError};
pub use pacing::RedisPacing;

/// README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
