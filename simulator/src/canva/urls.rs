//! The URLs in responses, and how long they work.

use std::hash::{BuildHasher, RandomState};

use axum::http::header;
use axum::http::request::Parts;
use axum::http::uri::Authority;

use crate::headers;

/// How long a thumbnail's URL works, in seconds.
const THUMBNAIL_LIFETIME: i64 = 15 * 60;

#[derive(Clone)]
pub struct Urls {
    /// What they begin with.
    origin: String,
    /// A hash with a random key, which signs the URLs.
    signer: RandomState,
}

impl Urls {
    pub fn new(origin: String) -> Self {
        Self { origin, signer: RandomState::new() }
    }

    /// Those in the answer to a client that reached the simulator by this host. A container or a forwarded port has
    /// another name outside than inside.
    pub fn by(&self, request: &Parts) -> Self {
        let host = headers::text(&request.headers, header::HOST).or(request.uri.authority().map(Authority::as_str));
        let scheme = self.origin.split_once("://").map_or("http", |(scheme, _)| scheme);
        let origin = host.map_or_else(|| self.origin.clone(), |host| format!("{scheme}://{host}"));
        Self { origin, signer: self.signer.clone() }
    }

    pub fn origin(&self) -> &str {
        &self.origin
    }

    pub fn thumbnail(&self, asset_id: &str, now: i64) -> String {
        let expires = now + THUMBNAIL_LIFETIME;
        let signature = self.sign(asset_id, expires);
        format!("{}/thumbnails/{asset_id}/0001.png?token={expires}-{signature:016x}", self.origin)
    }

    /// Whether this query string opens the asset's thumbnail now.
    pub fn opens_thumbnail(&self, asset_id: &str, query: &str, now: i64) -> bool {
        let token = query.strip_prefix("token=").and_then(|token| token.split_once('-'));
        token.is_some_and(|(expires, signature)| {
            expires
                .parse()
                .is_ok_and(|expires| now < expires && signature == format!("{:016x}", self.sign(asset_id, expires)))
        })
    }

    pub fn design(&self, design_id: &str, action: &str) -> String {
        format!("{}/design/{design_id}/{action}", self.origin)
    }

    fn sign(&self, asset_id: &str, expires: i64) -> u64 {
        self.signer.hash_one((asset_id, expires))
    }
}
