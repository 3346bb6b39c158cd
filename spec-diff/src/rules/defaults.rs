//! What a keyword means that isn't there, as OpenAPI 3.0.3 defines it: writing it out, or leaving it out again, says
//! nothing new.

use std::sync::LazyLock;

use serde_json::{Value, json};

static FALSE: Value = Value::Bool(false);
static TRUE: Value = Value::Bool(true);
static ZERO: LazyLock<Value> = LazyLock::new(|| json!(0));
static NOTHING: LazyLock<Value> = LazyLock::new(|| json!([]));
static HERE: LazyLock<Value> = LazyLock::new(|| json!([{ "url": "/" }]));
static FORM: LazyLock<Value> = LazyLock::new(|| json!("form"));
static SIMPLE: LazyLock<Value> = LazyLock::new(|| json!("simple"));

pub fn none(_: &Value, _: &str) -> Option<&'static Value> {
    None
}

pub fn document(_: &Value, key: &str) -> Option<&'static Value> {
    match key {
        "servers" => Some(&HERE),
        "security" | "tags" => Some(&NOTHING),
        _ => None,
    }
}

pub fn operation(_: &Value, key: &str) -> Option<&'static Value> {
    match key {
        "deprecated" | "x-preview" => Some(&FALSE),
        "parameters" | "tags" => Some(&NOTHING),
        _ => None,
    }
}

pub fn parameter(parameter: &Value, key: &str) -> Option<&'static Value> {
    let place = parameter.get("in").and_then(Value::as_str);
    match key {
        "required" | "deprecated" | "allowEmptyValue" | "allowReserved" => Some(&FALSE),
        "style" if matches!(place, Some("query" | "cookie")) => Some(&FORM),
        "style" => Some(&SIMPLE),
        "explode" if matches!(place, Some("query" | "cookie")) => explode(parameter),
        "explode" => Some(&FALSE),
        _ => None,
    }
}

pub fn request_body(_: &Value, key: &str) -> Option<&'static Value> {
    (key == "required").then_some(&FALSE)
}

/// How one property of a form is written.
pub fn encoding(encoding: &Value, key: &str) -> Option<&'static Value> {
    match key {
        "style" => Some(&FORM),
        "explode" => explode(encoding),
        "allowReserved" => Some(&FALSE),
        _ => None,
    }
}

/// Where `form` is the default style, `explode` is on for it alone.
fn explode(map: &Value) -> Option<&'static Value> {
    let form = map.get("style").is_none_or(|style| *style == *FORM);
    Some(if form { &TRUE } else { &FALSE })
}

pub fn schema(_: &Value, key: &str) -> Option<&'static Value> {
    match key {
        "nullable" | "readOnly" | "writeOnly" | "deprecated" | "uniqueItems" | "exclusiveMinimum"
        | "exclusiveMaximum" => Some(&FALSE),
        "minLength" | "minItems" | "minProperties" | "x-decoded-min-length" => Some(&ZERO),
        // An empty schema would mean the same, but not to the generator: in a request it writes a field `extra` for that.
        "additionalProperties" => Some(&TRUE),
        _ => None,
    }
}
