//! openapi.yaml -> validators of each operation's path, headers and body.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use canva_connect::operations::{ALL, Operation};
use jsonschema::{Draft, Keyword, ValidationError, Validator};
use serde_json::{Value, json};

use crate::api_error::ApiError;

/// An operation, and what the spec says of its requests.
pub struct OperationSpec {
    pub operation: &'static Operation,
    path: Vec<Parameter>,
    pub(super) headers: Vec<Parameter>,
    /// `None` where the operation takes no body.
    pub(super) body: Option<RequestBody>,
}

pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) required: bool,
    /// Whether the value is JSON (`content` in the spec) or the plain text (`schema`).
    is_json: bool,
    validator: Validator,
}

pub(super) struct RequestBody {
    pub(super) media_type: String,
    pub(super) required: bool,
    /// `None` where the body is bytes that the spec says nothing about.
    validator: Option<Validator>,
}

/// Every operation of the spec, or what in the spec this simulator can't follow. Compiled once a process: it takes
/// longer than all the rest of a start, and tests start many simulators.
pub fn operations() -> Result<&'static [OperationSpec], &'static str> {
    static OPERATIONS: LazyLock<Result<Vec<OperationSpec>, String>> = LazyLock::new(|| {
        let mut spec: Value = serde_saphyr::from_str(canva_connect::OPENAPI_YAML).map_err(|e| e.to_string())?;
        translate_nullable(&mut spec);
        let read = |operation| operation_spec(&spec, operation).map_err(|e| format!("{}: {e}", operation.id));
        ALL.iter().map(read).collect()
    });
    OPERATIONS.as_deref().map_err(String::as_str)
}

fn operation_spec(spec: &Value, operation: &'static Operation) -> Result<OperationSpec, String> {
    let paths = spec.get("paths").and_then(|paths| paths.get(operation.path)).ok_or("its path is not in the spec")?;
    let value = paths.get(operation.method.to_ascii_lowercase()).ok_or("its method is not in the spec")?;
    let (mut path, mut headers) = (Vec::new(), Vec::new());
    for parameters in [paths, value].into_iter().filter_map(|level| level.get("parameters")?.as_array()) {
        for value in parameters {
            let value = resolve(spec, value);
            match value.get("in").and_then(Value::as_str) {
                Some("path") => path.push(parameter(spec, value)?),
                Some("header") => headers.push(parameter(spec, value)?),
                place => return Err(format!("a parameter in {} is not simulated", place.unwrap_or("no place"))),
            }
        }
    }
    let body = value.get("requestBody").map(|body| request_body(spec, resolve(spec, body))).transpose()?;
    Ok(OperationSpec { operation, path, headers, body })
}

fn parameter(spec: &Value, value: &Value) -> Result<Parameter, String> {
    let name = value.get("name").and_then(Value::as_str).ok_or("a parameter has no name")?;
    let json = value.pointer("/content/application~1json/schema");
    let schema = json.or(value.get("schema")).ok_or_else(|| format!("{name} has no schema"))?;
    Ok(Parameter {
        name: name.to_owned(),
        required: value.get("required") == Some(&json!(true)),
        is_json: json.is_some(),
        validator: compile(spec, schema)?,
    })
}

fn request_body(spec: &Value, value: &Value) -> Result<RequestBody, String> {
    let content = value.get("content").and_then(Value::as_object);
    let (media_type, content) = content.and_then(|content| content.iter().next()).ok_or("its body has no content")?;
    let schema = content.get("schema").filter(|_| media_type == "application/json");
    Ok(RequestBody {
        media_type: media_type.clone(),
        required: value.get("required") == Some(&json!(true)),
        validator: schema.map(|schema| compile(spec, schema)).transpose()?,
    })
}

impl OperationSpec {
    /// The path parameters' values, checked; 400 otherwise. A value that isn't there wasn't UTF-8.
    pub fn check_path(&self, mut values: HashMap<String, String>) -> Result<Vec<String>, ApiError> {
        let parameters = self.path.iter().map(|parameter| {
            let text = values.remove(&parameter.name).unwrap_or_else(|| "\u{fffd}".to_owned());
            let code = if parameter.name == "jobId" { "job_id_invalid" } else { "bad_request_params" };
            parameter.check(&text).map_err(|message| ApiError::new(StatusCode::BAD_REQUEST, code, message))?;
            Ok(text)
        });
        parameters.collect()
    }

    /// The body as JSON, checked, or null where there needn't be one or it may be any bytes; 400 otherwise.
    pub fn check_body(&self, body: &[u8]) -> Result<Value, ApiError> {
        let given = self.body.as_ref().filter(|expected| expected.required || !body.is_empty());
        let Some(validator) = given.and_then(|expected| expected.validator.as_ref()) else {
            return Ok(Value::Null);
        };
        let refuse = |code, message| ApiError::new(StatusCode::BAD_REQUEST, code, message);
        let value = serde_json::from_slice(body)
            .map_err(|e| refuse("bad_request_body", format!("The request body is not JSON: {e}.")))?;
        check(validator, &value).map_err(|e| refuse("invalid_field", format!("The request body is invalid: {e}.")))?;
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
        check(&self.validator, &value).map_err(|e| format!("{name} is invalid: {e}."))?;
        Ok(value)
    }
}

fn check(validator: &Validator, value: &Value) -> Result<(), String> {
    validator.validate(value).map_err(|error| match error.instance_path().as_str() {
        "" => error.masked().to_string(),
        place => format!("{place}: {}", error.masked()),
    })
}

/// A validator for one schema. OpenAPI 3.0 takes its keywords from an early draft of JSON Schema; 4 is the first that
/// validators know.
fn compile(spec: &Value, schema: &Value) -> Result<Validator, String> {
    let root = json!({ "allOf": [schema], "components": spec.get("components") });
    let validator = jsonschema::options()
        .with_draft(Draft::Draft4)
        .with_keyword("x-decoded-min-length", |_, bound, _| {
            Ok(DecodedLength::boxed(bound, |length, min| length >= min))
        })
        .with_keyword("x-decoded-max-length", |_, bound, _| {
            Ok(DecodedLength::boxed(bound, |length, max| length <= max))
        })
        .build(&root);
    validator.map_err(|e| format!("a schema doesn't compile: {e}"))
}

/// A bound on the number of characters that a Base64 string carries.
struct DecodedLength {
    bound: u64,
    holds: fn(u64, u64) -> bool,
}

impl DecodedLength {
    fn boxed(bound: &Value, holds: fn(u64, u64) -> bool) -> Box<dyn for<'i> Keyword<'i>> {
        Box::new(Self { bound: bound.as_u64().unwrap_or_default(), holds })
    }
}

impl<'i> Keyword<'i> for DecodedLength {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        let Some(text) = instance.as_str() else { return Ok(()) };
        let decoded = decode(text).ok_or_else(|| ValidationError::custom("value is not UTF-8 text in Base64"))?;
        let length = decoded.chars().count() as u64;
        if (self.holds)(length, self.bound) {
            return Ok(());
        }
        Err(ValidationError::custom(format!(
            "decoded, value has {length} characters where the bound is {}",
            self.bound
        )))
    }

    fn is_valid(&self, instance: &'i Value) -> bool {
        self.validate(instance).is_ok()
    }
}

/// The text that a Base64 field carries: standard alphabet, padded, UTF-8.
pub fn decode(text: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(text).ok()?).ok()
}

/// `nullable` is OpenAPI's own; JSON Schema says it with a second type.
fn translate_nullable(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.values_mut().for_each(translate_nullable);
            if map.remove("nullable") == Some(json!(true)) {
                if let Some(kind) = map.get_mut("type") {
                    *kind = json!([kind.take(), "null"]);
                }
                if let Some(Value::Array(values)) = map.get_mut("enum") {
                    values.push(Value::Null);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(translate_nullable),
        _ => {}
    }
}

/// The value itself, or the target of its `$ref`. codegen/ and spec-diff/ have the same few lines: neither is a crate
/// that a program's tests should depend on.
fn resolve<'a>(spec: &'a Value, value: &'a Value) -> &'a Value {
    let pointer = value.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| spec.pointer(pointer)).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nullable_schema_takes_null_beside_its_type_and_its_enum() {
        let mut spec = json!({
            "text": { "type": "string", "nullable": true },
            "kind": { "type": "string", "nullable": true, "enum": ["a"] },
            "other": { "type": "string", "nullable": false },
        });
        translate_nullable(&mut spec);
        for (name, takes_null) in [("text", true), ("kind", true), ("other", false)] {
            let schema = spec.get(name).unwrap_or(&Value::Null);
            let validator = compile(&json!({}), schema);
            let valid = |value: Value| validator.as_ref().is_ok_and(|validator| validator.is_valid(&value));
            assert_eq!((valid(Value::Null), valid(json!("a")), valid(json!(7))), (takes_null, true, false), "{name}");
        }
    }
}
