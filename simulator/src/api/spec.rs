//! openapi.yaml -> schemas of each operation's path, query, headers and body.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::http::StatusCode;
use canva_connect::operations::{ALL, Operation};
use serde_json::{Value, json};

use crate::api::check_query::QueryParameter;
use crate::api::schema::Schema;
use crate::api_error::ApiError;

/// An operation, and what the spec says of its requests.
pub struct OperationSpec {
    pub operation: &'static Operation,
    path: Vec<Parameter>,
    /// Whether a path that isn't in the spec's form is a 400. Elsewhere it names nothing that is there: a 404.
    refuses_path: bool,
    pub(super) query: Vec<QueryParameter>,
    pub(super) headers: Vec<Parameter>,
    /// What the operation calls a body that is JSON but not what the spec says.
    field_code: &'static str,
    /// `None` where the operation takes no body.
    pub(super) body: Option<RequestBody>,
}

pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) required: bool,
    /// Whether the value is JSON (`content` in the spec) or the plain text (`schema`).
    is_json: bool,
    schema: Schema,
}

pub(super) struct RequestBody {
    pub(super) media_type: String,
    pub(super) required: bool,
    /// `None` where the body is bytes that the spec says nothing about.
    schema: Option<Schema>,
}

/// Every operation of the spec, or what in the spec this simulator can't follow. Compiled once a process: it takes
/// longer than all the rest of a start, and tests start many simulators.
pub fn operations() -> Result<&'static [OperationSpec], &'static str> {
    static OPERATIONS: LazyLock<Result<Vec<OperationSpec>, String>> = LazyLock::new(|| {
        // YAML 1.2, as the generator reads it: `no` is text.
        let yaml = serde_saphyr::options! { strict_booleans: true };
        let spec: Value =
            serde_saphyr::from_str_with_options(canva_connect::OPENAPI_YAML, yaml).map_err(|e| e.to_string())?;
        let read = |operation| operation_spec(&spec, operation).map_err(|e| format!("{}: {e}", operation.id));
        ALL.iter().map(read).collect()
    });
    OPERATIONS.as_deref().map_err(String::as_str)
}

fn operation_spec(spec: &Value, operation: &'static Operation) -> Result<OperationSpec, String> {
    let paths = spec.get("paths").and_then(|paths| paths.get(operation.path)).ok_or("its path is not in the spec")?;
    let value = paths.get(operation.method.to_ascii_lowercase()).ok_or("its method is not in the spec")?;
    let (mut path, mut query, mut headers) = (Vec::new(), Vec::new(), Vec::new());
    for parameters in [paths, value].into_iter().filter_map(|level| level.get("parameters")?.as_array()) {
        for value in parameters {
            let value = resolve(spec, value);
            match value.get("in").and_then(Value::as_str) {
                Some("path") => path.push(parameter(spec, value)?),
                Some("query") => query.push(QueryParameter::new(spec, value)?),
                Some("header") => headers.push(parameter(spec, value)?),
                place => return Err(format!("a parameter in {} is not simulated", place.unwrap_or("no place"))),
            }
        }
    }
    let body = value.get("requestBody").map(|body| request_body(spec, resolve(spec, body))).transpose()?;
    let refuses_path = codes(spec, value, "400").any(|code| code == "bad_request_params");
    let has_field_code = codes(spec, value, "400").any(|code| code == "invalid_field");
    let field_code = if has_field_code { "invalid_field" } else { "bad_request_body" };
    Ok(OperationSpec { operation, path, refuses_path, query, headers, field_code, body })
}

/// The codes that an operation's refusals of this status carry, which are in their examples.
fn codes<'a>(spec: &'a Value, operation: &'a Value, status: &str) -> impl Iterator<Item = &'a str> {
    let response = operation.get("responses").and_then(|responses| responses.get(status));
    let examples = response.and_then(|it| resolve(spec, it).pointer("/content/application~1json/examples"));
    let examples = examples.and_then(Value::as_object).into_iter().flat_map(|examples| examples.values());
    examples.filter_map(|example| resolve(spec, example).pointer("/value/code")?.as_str())
}

fn parameter(spec: &Value, value: &Value) -> Result<Parameter, String> {
    let name = value.get("name").and_then(Value::as_str).ok_or("a parameter has no name")?;
    let json = value.pointer("/content/application~1json/schema");
    let schema = json.or(value.get("schema")).ok_or_else(|| format!("{name} has no schema"))?;
    Ok(Parameter {
        name: name.to_owned(),
        required: value.get("required") == Some(&json!(true)),
        is_json: json.is_some(),
        schema: Schema::new(spec, schema)?,
    })
}

fn request_body(spec: &Value, value: &Value) -> Result<RequestBody, String> {
    let content = value.get("content").and_then(Value::as_object);
    let (media_type, content) = content.and_then(|content| content.iter().next()).ok_or("its body has no content")?;
    let schema = content.get("schema").filter(|_| media_type == "application/json");
    Ok(RequestBody {
        media_type: media_type.clone(),
        required: value.get("required") == Some(&json!(true)),
        schema: schema.map(|schema| Schema::new(spec, schema)).transpose()?,
    })
}

impl OperationSpec {
    /// The path parameters' values, checked; 400 or 404 otherwise. A value that isn't there wasn't UTF-8.
    pub fn check_path(&self, mut values: HashMap<String, String>) -> Result<Vec<String>, ApiError> {
        let parameters = self.path.iter().map(|parameter| {
            let text = values.remove(&parameter.name).unwrap_or_else(|| "\u{fffd}".to_owned());
            parameter.check(&text).map_err(|message| match self.refuses_path {
                true => ApiError::new(StatusCode::BAD_REQUEST, "bad_request_params", message),
                false => ApiError::job_not_found(&text).because(message),
            })?;
            Ok(text)
        });
        parameters.collect()
    }

    /// The body as JSON, checked, or null where there needn't be one or it may be any bytes; 400 otherwise.
    pub fn check_body(&self, body: &[u8]) -> Result<Value, ApiError> {
        let given = self.body.as_ref().filter(|expected| expected.required || !body.is_empty());
        let Some(schema) = given.and_then(|expected| expected.schema.as_ref()) else {
            return Ok(Value::Null);
        };
        let refuse = |code, message| ApiError::new(StatusCode::BAD_REQUEST, code, message);
        let value = serde_json::from_slice(body)
            .map_err(|e| refuse("bad_request_body", format!("The request body is not JSON: {e}.")))?;
        schema.check(&value).map_err(|what| refuse(self.field_code, sentence("The request body", &what)))?;
        Ok(value)
    }
}

impl Parameter {
    /// The value of this text, or what is wrong with it.
    pub(super) fn check(&self, text: &str) -> Result<Value, String> {
        let name = &self.name;
        let value = if self.is_json {
            serde_json::from_str(text).map_err(|e| format!("{name} is not JSON: {e}."))?
        } else {
            Value::String(text.to_owned())
        };
        self.schema.check(&value).map_err(|what| sentence(name, &what))?;
        Ok(value)
    }
}

/// What is wrong may begin with its place in the value.
pub(super) fn sentence(subject: &str, what: &str) -> String {
    if what.starts_with('/') { format!("{subject} is invalid: {what}.") } else { format!("{subject} {what}.") }
}

/// The value itself, or the target of its `$ref`. codegen/ and spec-diff/ have the same few lines: neither is a crate
/// that a program's tests should depend on.
pub(super) fn resolve<'a>(spec: &'a Value, value: &'a Value) -> &'a Value {
    let pointer = value.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| spec.pointer(pointer)).unwrap_or(value)
}
