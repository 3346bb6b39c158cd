//! Futures and errors of any type, behind a pointer.

use std::pin::Pin;

/// The error type for causes that come from a caller's own code: token providers, pacers, token stores.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A future behind a pointer: what the builders become when they are awaited.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
