//! A request to an operation that has passed every check.

use axum::http::StatusCode;
use bytes::Bytes;
use serde_json::{Map, Value};

use crate::api::schema;
use crate::api_error::ApiError;
use crate::canva::access::Owner;
use crate::canva::urls::Urls;

pub struct Call {
    pub owner: Owner,
    /// The URLs for this client.
    pub urls: Urls,
    /// Path parameters, in the path's order.
    pub path: Vec<String>,
    /// Query parameters by name, with the spec's defaults for those that aren't given.
    pub query: Map<String, Value>,
    /// Header parameters by the name that the spec gives them.
    pub headers: Map<String, Value>,
    pub body: Bytes,
    /// The body as JSON, where the operation takes JSON.
    pub json: Value,
}

impl Call {
    /// The id in the path.
    pub fn id(&self) -> &str {
        self.path.first().map_or("", String::as_str)
    }

    /// The text of a query parameter.
    pub fn query_text(&self, name: &str) -> Option<&str> {
        self.query.get(name)?.as_str()
    }

    /// The text in a field of the body.
    pub fn body_text(&self, field: &str) -> Option<String> {
        self.json.get(field)?.as_str().map(str::to_owned)
    }

    /// The text in a field of a header.
    pub fn header_text(&self, header: &str, field: &str) -> Option<String> {
        self.headers.get(header)?.get(field)?.as_str().map(str::to_owned)
    }

    /// The text that a field of a header carries in Base64. The checks have refused unreadable text before.
    pub fn decoded_header_text(&self, header: &str, field: &str) -> Result<String, ApiError> {
        self.header_text(header, field).as_deref().and_then(schema::decode).ok_or_else(|| {
            let message = format!("{header} has no {field}.");
            ApiError::new(StatusCode::BAD_REQUEST, "invalid_header_value", message)
        })
    }
}
