//! Refuses a request whose headers aren't what the spec says: its media type (415), and its header parameters (400).

use axum::http::{HeaderMap, StatusCode, header};
use serde_json::{Map, Value};

use super::rules::Wrong;
use super::spec::OperationSpec;
use crate::api_error::ApiError;
use crate::headers::{self, has_media_type};

impl OperationSpec {
    /// 415 unless the body is announced as what the operation takes, or nothing is announced and needn't be.
    pub fn check_media_type(&self, headers: &HeaderMap, is_empty: bool) -> Result<(), ApiError> {
        let announced = !is_empty || headers.contains_key(header::CONTENT_TYPE);
        let Some(body) = self.body.as_ref().filter(|body| body.required || announced) else { return Ok(()) };
        if has_media_type(headers, &body.media_type) {
            return Ok(());
        }
        let message = format!("The request body must be {}.", body.media_type);
        let given = headers::content_type(headers);
        let hint = match given.split(';').next() {
            Some("multipart/form-data") => " Send the bytes of the file as the whole body, without a form.",
            _ => "",
        };
        let refused = ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_content_type", message);
        let reason = format!("Content-Type is {given}, and must be {}.{hint}", body.media_type);
        Err(refused.because(reason).by(|| format!("{}/content", body.place)))
    }

    /// The header parameters' values by name, checked; 400 otherwise.
    pub fn check_headers(&self, headers: &HeaderMap) -> Result<Map<String, Value>, ApiError> {
        let refuse = |wrong: Wrong| ApiError {
            rule: wrong.rule,
            ..ApiError::new(StatusCode::BAD_REQUEST, "invalid_header_value", wrong.what)
        };
        let mut values = Map::new();
        for parameter in &self.headers {
            let name = &parameter.name;
            let wrong = |what| refuse(Wrong::new(format!("{name} {what}.")).by(|| parameter.place.clone()));
            match headers.get(name) {
                None if parameter.required => return Err(wrong("is missing")),
                None => {}
                Some(value) => {
                    let text = value.to_str().map_err(|_| wrong("is not visible ASCII"))?;
                    values.insert(name.clone(), parameter.check(text).map_err(refuse)?);
                }
            }
        }
        Ok(values)
    }
}
