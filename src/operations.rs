//! The facts that the spec states about each operation: path, scopes, rate limit, preview, successes.

use std::collections::BTreeSet;

use http::StatusCode;

/// An operation of the API: of the spec, or one that you declare to send it with
/// [`Client::request`](crate::Client::request).
///
/// ```
/// use canva_connect::operations::Operation;
///
/// static GET_FOLDER: Operation =
///     Operation::new("getFolder", "GET", "/v1/folders/{folderId}").scopes(&["folder:read"]).requests_per_minute(100);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Operation {
    /// The spec's `operationId`. Errors, traces and pacing tell operations apart by it.
    pub id: &'static str,
    /// The HTTP method, in capitals.
    pub method: &'static str,
    /// The path below the base URL, with `{...}` where an id goes.
    pub path: &'static str,
    /// Where the path is, if not below the base URL: the way there from it, such as `/../auth`.
    pub server: Option<&'static str>,
    /// What a request proves of who sends it.
    pub authentication: Authentication,
    /// The OAuth scopes that the access token must have, all of them.
    pub scopes: &'static [&'static str],
    /// How many requests a minute the API takes, for each user of an integration. `None`: no limit is known, and
    /// [`Pacing`](crate::Pacing) doesn't hold them back.
    pub requests_per_minute: Option<u32>,
    /// Whether Canva offers it as a preview, which may change without notice and keeps an integration from public
    /// release.
    pub preview: bool,
    /// The statuses of a success. Where none is given, every 2xx is one.
    pub successes: &'static [u16],
    /// Whether doing it twice has the same effect as once. An operation that isn't repeatable is not sent again once
    /// it may have arrived.
    pub repeatable: bool,
}

impl Operation {
    /// An operation that the spec doesn't have, without scopes and limits. It is repeatable if HTTP says so of its
    /// method: `POST` and `PATCH` are not.
    pub const fn new(id: &'static str, method: &'static str, path: &'static str) -> Self {
        let repeatable = matches!(method.as_bytes(), b"GET" | b"HEAD" | b"OPTIONS" | b"TRACE" | b"PUT" | b"DELETE");
        Self {
            id,
            method,
            path,
            server: None,
            authentication: Authentication::AccessToken,
            scopes: &[],
            requests_per_minute: None,
            preview: false,
            successes: &[],
            repeatable,
        }
    }

    /// A request proves this of who sends it, in place of the user's access token.
    pub const fn authentication(mut self, authentication: Authentication) -> Self {
        self.authentication = authentication;
        self
    }

    /// The OAuth scopes that it needs: a 403 then names them, and a login can ask for them.
    pub const fn scopes(mut self, scopes: &'static [&'static str]) -> Self {
        self.scopes = scopes;
        self
    }

    /// How many requests a minute the API takes: its requests are then paced.
    pub const fn requests_per_minute(mut self, requests: u32) -> Self {
        self.requests_per_minute = Some(requests);
        self
    }

    /// Doing it twice is doing it once, whatever its method: a search by `POST`, for example.
    pub const fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    pub(crate) fn succeeds_with(&self, status: StatusCode) -> bool {
        status.is_success() && (self.successes.is_empty() || self.successes.contains(&status.as_u16()))
    }
}

/// What a request proves of who sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Authentication {
    /// That a user let this client in: the [`TokenProvider`](crate::TokenProvider) is asked for an access token.
    AccessToken,
    /// That it is this integration: [`Call::basic`](crate::Call::basic) takes the client's id and secret. No access token
    /// is asked for.
    Basic,
    /// Nothing. No access token is asked for.
    None,
}

/// The OAuth scopes that these operations need together: what a login asks for.
///
/// ```
/// use canva_connect::operations::{CREATE_DESIGN_IMPORT_JOB, GET_DESIGN_IMPORT_JOB, scopes};
///
/// let needed: Vec<_> = scopes([&CREATE_DESIGN_IMPORT_JOB, &GET_DESIGN_IMPORT_JOB]).into_iter().collect();
/// assert_eq!(needed, ["design:content:write"]);
/// ```
pub fn scopes<'a>(operations: impl IntoIterator<Item = &'a Operation>) -> BTreeSet<&'static str> {
    operations.into_iter().flat_map(|operation| operation.scopes).copied().collect()
}

#[rustfmt::skip]
#[path = "../generated/operations.rs"]
mod table;

pub use table::*;
