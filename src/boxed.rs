//! Boxed futures and errors.

use std::pin::Pin;

/// The error type for causes that come from a caller's own code: token providers, pacers, token stores.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A boxed future: the builders become one when they are awaited, and the traits return one.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
