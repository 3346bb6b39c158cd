//! The defaults of keywords, as OpenAPI 3.0.3 defines them: writing a default out changes nothing for callers.

use std::sync::LazyLock;

use serde_json::{Value, json};

static DEFAULTS: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "document": { "servers": [{ "url": "/" }], "security": [], "tags": [] },
        "operation": { "deprecated": false, "x-preview": false, "parameters": [], "tags": [] },
        "parameter": {
            "required": false, "deprecated": false, "allowEmptyValue": false, "allowReserved": false,
            "style": "simple", "explode": false,
        },
        "requestBody": { "required": false },
        "encoding": { "allowReserved": false, "explode": false },
        "form": { "style": "form", "explode": true },
        "schema": {
            "nullable": false, "readOnly": false, "writeOnly": false, "deprecated": false, "uniqueItems": false,
            "exclusiveMinimum": false, "exclusiveMaximum": false, "minLength": 0, "minItems": 0, "minProperties": 0,
            "x-decoded-min-length": 0,
            // An empty schema means the same in OpenAPI, but makes the generator add a field `extra` to a request.
            "additionalProperties": true,
        },
    })
});

/// The default of a keyword in a map that describes a `kind` of thing.
pub fn default(kind: &str, map: &Value, key: &str) -> Option<&'static Value> {
    let text = |key| map.get(key).and_then(Value::as_str);
    // Parameters of a query or cookie, and properties of a form, have a style of their own.
    let in_form = kind == "encoding" || kind == "parameter" && matches!(text("in"), Some("query" | "cookie"));
    let is_form = in_form && text("style").is_none_or(|style| style == "form");
    let kind = if is_form && matches!(key, "style" | "explode") { "form" } else { kind };
    DEFAULTS.get(kind)?.get(key)
}
