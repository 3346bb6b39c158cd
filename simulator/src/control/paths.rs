//! openapi.yaml -> which operation a request to the control API means.

use std::sync::LazyLock;

use axum::http::StatusCode;
use serde_json::Value;

use crate::api_error::ApiError;

/// The document that describes the control API.
pub const OPENAPI_YAML: &str = include_str!("openapi.yaml");

/// An operation's method, the parts of its path, and its id.
type Operation = (String, Vec<String>, String);

static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(|| {
    let document: Value = serde_saphyr::from_str(OPENAPI_YAML).unwrap_or_default();
    let paths = document.get("paths").and_then(Value::as_object).into_iter().flatten();
    let operations = paths.flat_map(|(path, methods)| {
        methods.as_object().into_iter().flatten().filter_map(|(method, operation)| {
            let id = operation.get("operationId")?.as_str()?;
            Some((method.to_uppercase(), parts(path), id.to_owned()))
        })
    });
    operations.collect()
});

/// The operation, and the values in its path.
pub fn find(method: &str, path: &str) -> Result<(&'static str, Vec<String>), ApiError> {
    let given = parts(path);
    let fits = |template: &[String]| {
        template.len() == given.len()
            && template.iter().zip(&given).all(|(part, given)| part.starts_with('{') || part == given)
    };
    let here: Vec<&Operation> = OPERATIONS.iter().filter(|(_, template, _)| fits(template)).collect();
    if let Some((_, template, id)) = here.iter().find(|(known, ..)| known == method) {
        let values = template.iter().zip(given).filter(|(part, _)| part.starts_with('{')).map(|(_, given)| given);
        return Ok((id, values.collect()));
    }
    let refuse = |status, code, message| Err(ApiError::new(status, code, message));
    if here.is_empty() {
        let message = "There is nothing at this path. GET /simulator/openapi.yaml says what there is.";
        return refuse(StatusCode::NOT_FOUND, "endpoint_not_found", message.to_owned());
    }
    let methods: Vec<&str> = here.iter().map(|(method, ..)| method.as_str()).collect();
    let message = format!("This path takes {}.", methods.join(", "));
    refuse(StatusCode::METHOD_NOT_ALLOWED, "bad_http_method", message)
}

fn parts(path: &str) -> Vec<String> {
    path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}
