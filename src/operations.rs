//! What the spec says about each operation: path, scopes, rate limit, preview.

/// An operation of the API, as `openapi.yaml` describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Operation {
    /// The spec's `operationId`.
    pub id: &'static str,
    /// The HTTP method, in capitals.
    pub method: &'static str,
    /// The path below the base URL, with `{...}` where an id goes.
    pub path: &'static str,
    /// The OAuth scopes that the access token must have, all of them.
    pub scopes: &'static [&'static str],
    /// How many requests a minute the API takes, for each user of an integration.
    pub requests_per_minute: u32,
    /// Whether Canva offers it as a preview, which may change without notice and keeps an integration from public
    /// release.
    pub preview: bool,
}

include!("../generated/operations.rs");
