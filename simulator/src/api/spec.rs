//! openapi.yaml -> schemas of each operation's path, query, headers and body.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::http::StatusCode;
use canva_connect::operations::{ALL, Operation};
use serde_json::Value;

use crate::api::check_query::QueryParameter;
use crate::api::rules::{Node, Wrong, step};
use crate::api::schema::Schema;
use crate::api_error::ApiError;

/// An operation, and what the spec says of its requests.
pub struct OperationSpec {
    pub operation: &'static Operation,
    /// Where in the spec it is.
    place: String,
    /// The statuses that the spec has responses for.
    responses: Vec<String>,
    /// The place of the reasons why the job that it answers with may have failed.
    pub(super) job_failures: Option<String>,
    pub(super) path: Vec<Parameter>,
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
    pub(super) place: String,
    /// Whether the value is JSON (`content` in the spec) or the plain text (`schema`).
    is_json: bool,
    schema: Schema,
    pub(super) example: Option<Value>,
}

pub(super) struct RequestBody {
    pub(super) media_type: String,
    pub(super) required: bool,
    pub(super) place: String,
    /// `None` where the body is bytes that the spec says nothing about.
    schema: Option<Schema>,
    pub(super) example: Option<Value>,
}

/// Every operation of the spec, or what in the spec this simulator can't follow. Compiled once a process: it takes
/// longer than all the rest of a start, and tests start many simulators.
pub fn operations() -> Result<&'static [OperationSpec], &'static str> {
    static OPERATIONS: LazyLock<Result<Vec<OperationSpec>, String>> = LazyLock::new(|| {
        // YAML 1.2, as the generator reads it: `no` is text.
        let yaml = serde_saphyr::options! { strict_booleans: true };
        let spec: Value =
            serde_saphyr::from_str_with_options(canva_connect::OPENAPI_YAML, yaml).map_err(|e| e.to_string())?;
        let read =
            |operation| operation_spec(&Node::root(&spec), operation).map_err(|e| format!("{}: {e}", operation.id));
        ALL.iter().map(read).collect()
    });
    OPERATIONS.as_deref().map_err(String::as_str)
}

fn operation_spec(spec: &Node, operation: &'static Operation) -> Result<OperationSpec, String> {
    let paths = spec.find(&["paths", operation.path]).ok_or("its path is not in the spec")?;
    let node = paths.get(&operation.method.to_ascii_lowercase()).ok_or("its method is not in the spec")?;
    let (mut path, mut query, mut headers) = (Vec::new(), Vec::new(), Vec::new());
    for parameters in [&paths, &node].into_iter().filter_map(|level| level.get("parameters")) {
        for (_, node) in parameters.children() {
            match node.text("in") {
                Some("path") => path.push(parameter(&node)?),
                Some("query") => query.push(QueryParameter::new(&node)?),
                Some("header") => headers.push(parameter(&node)?),
                place => return Err(format!("a parameter in {} is not simulated", place.unwrap_or("no place"))),
            }
        }
    }
    let body = node.get("requestBody").map(|body| request_body(&body)).transpose()?;
    let codes = codes(&node, "400");
    let refuses_path = codes.contains(&"bad_request_params");
    let field_code = if codes.contains(&"invalid_field") { "invalid_field" } else { "bad_request_body" };
    let responses = node.get("responses").ok_or("it has no responses")?.children().map(|(status, _)| status).collect();
    let job = node.find(&["responses", "200", "content", "application/json", "schema", "properties", "job"]);
    let failure = job.and_then(|job| job.find(&["properties", "error", "properties", "code"]));
    Ok(OperationSpec {
        operation,
        place: node.place,
        responses,
        job_failures: failure.map(|code| code.place),
        path,
        refuses_path,
        query,
        headers,
        field_code,
        body,
    })
}

/// The codes that an operation's refusals of this status carry, which are in their examples.
fn codes<'a>(operation: &Node<'a>, status: &str) -> Vec<&'a str> {
    let examples = operation.find(&["responses", status, "content", "application/json", "examples"]);
    let examples = examples.iter().flat_map(Node::children);
    examples.filter_map(|(_, example)| example.value.pointer("/value/code")?.as_str()).collect()
}

fn parameter(parameter: &Node) -> Result<Parameter, String> {
    let name = parameter.text("name").ok_or("a parameter has no name")?;
    let json = parameter.find(&["content", "application/json"]);
    let schema = json.as_ref().unwrap_or(parameter).get("schema").ok_or_else(|| format!("{name} has no schema"))?;
    Ok(Parameter {
        name: name.to_owned(),
        required: parameter.is_true("required"),
        place: parameter.place.clone(),
        is_json: json.is_some(),
        schema: Schema::new(&schema)?,
        example: json.as_ref().unwrap_or(parameter).example(),
    })
}

fn request_body(body: &Node) -> Result<RequestBody, String> {
    let content = body.get("content").and_then(|content| content.children().next());
    let (media_type, content) = content.ok_or("its body has no content")?;
    let schema = content.get("schema").filter(|_| media_type == "application/json");
    Ok(RequestBody {
        required: body.is_true("required"),
        place: body.place.clone(),
        schema: schema.map(|schema| Schema::new(&schema)).transpose()?,
        example: content.example(),
        media_type,
    })
}

impl OperationSpec {
    /// The place in the spec of something that the operation has, such as `security`.
    pub(super) fn place_of(&self, name: &str) -> String {
        format!("{}{}", self.place, step(name))
    }

    /// The place in the spec of a response with this status.
    pub(super) fn place_of_response(&self, status: StatusCode) -> String {
        let described = self.responses.iter().find(|described| *described == status.as_str());
        format!("{}/responses/{}", self.place, described.map_or("default", String::as_str))
    }

    /// The path parameters' values, checked; 400 or 404 otherwise. A value that isn't there wasn't UTF-8.
    pub fn check_path(&self, mut values: HashMap<String, String>) -> Result<Vec<String>, ApiError> {
        let parameters = self.path.iter().map(|parameter| {
            let text = values.remove(&parameter.name).unwrap_or_else(|| "\u{fffd}".to_owned());
            parameter.check(&text).map_err(|Wrong { what, rule }| {
                let refused = match self.refuses_path {
                    true => ApiError::new(StatusCode::BAD_REQUEST, "bad_request_params", what),
                    false => ApiError::job_not_found(&text).because(what),
                };
                ApiError { rule, ..refused }
            })?;
            Ok(text)
        });
        parameters.collect()
    }

    /// The body as JSON, checked, or null where there needn't be one or it may be any bytes; 400 otherwise.
    pub fn check_body(&self, body: &[u8]) -> Result<Value, ApiError> {
        let Some(expected) = self.body.as_ref().filter(|expected| expected.required || !body.is_empty()) else {
            return Ok(Value::Null);
        };
        let Some(schema) = &expected.schema else { return Ok(Value::Null) };
        let refuse = |code, message| ApiError::new(StatusCode::BAD_REQUEST, code, message);
        let value = serde_json::from_slice(body).map_err(|e| {
            let refused = refuse("bad_request_body", format!("The request body is not JSON: {}.", no_json(body, &e)));
            refused.by(|| format!("{}/content", expected.place))
        })?;
        schema.check(&value).map_err(|wrong| {
            let Wrong { what, rule } = wrong.of("The request body");
            ApiError { rule, ..refuse(self.field_code, what) }
        })?;
        Ok(value)
    }
}

impl Parameter {
    /// The value of this text, or what is wrong with it.
    pub(super) fn check(&self, text: &str) -> Result<Value, Wrong> {
        let name = &self.name;
        let value = if self.is_json {
            let wrong = |e| {
                let what = format!("{name} is not JSON: {}.", no_json(text.as_bytes(), &e));
                Wrong::new(what).by(|| self.place.clone())
            };
            serde_json::from_str(text).map_err(wrong)?
        } else {
            Value::String(text.to_owned())
        };
        self.schema.check(&value).map_err(|wrong| wrong.of(name))?;
        Ok(value)
    }
}

/// Why this is no JSON. JavaScript makes one text of every object.
fn no_json(given: &[u8], error: &serde_json::Error) -> String {
    match given.trim_ascii() {
        b"[object Object]" => "it is the text [object Object], so the object needs JSON.stringify".to_owned(),
        _ => error.to_string(),
    }
}
