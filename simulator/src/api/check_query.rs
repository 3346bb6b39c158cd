//! Refuses a request whose query string isn't what the spec says (400). What the spec doesn't name is ignored.

use axum::http::StatusCode;
use serde_json::{Map, Value};

use super::rules::{Node, Wrong};
use super::schema::Schema;
use super::spec::OperationSpec;
use crate::api_error::ApiError;

pub(super) struct QueryParameter {
    name: String,
    required: bool,
    /// Where in the spec it is.
    place: String,
    form: Form,
    /// The type of the value, or of each value in a list.
    kind: String,
    /// What a request means that leaves the parameter out.
    default: Option<Value>,
    schema: Schema,
}

/// How a query string writes the value.
enum Form {
    One,
    /// One parameter, with commas between the values.
    CommaSeparated,
    /// A parameter for each value.
    Repeated,
}

impl QueryParameter {
    pub(super) fn new(parameter: &Node) -> Result<Self, String> {
        let name = parameter.text("name").ok_or("a parameter has no name")?;
        let schema = parameter.get("schema").ok_or_else(|| format!("{name} has no schema"))?;
        let kind = |schema: &Node| schema.text("type").unwrap_or("string").to_owned();
        if let Some(style) = parameter.value.get("style").filter(|style| *style != "form") {
            return Err(format!("{name} has the style {style}, which is not simulated"));
        }
        let (form, kind) = match (schema.get("items"), parameter.value.get("explode")) {
            (None, _) => (Form::One, kind(&schema)),
            (Some(items), Some(Value::Bool(false))) => (Form::CommaSeparated, kind(&items)),
            (Some(items), _) => (Form::Repeated, kind(&items)),
        };
        Ok(Self {
            name: name.to_owned(),
            required: parameter.is_true("required"),
            place: parameter.place.clone(),
            form,
            kind,
            default: schema.value.get("default").cloned(),
            schema: Schema::new(&schema)?,
        })
    }

    /// The value that a request gives, if it gives one, or what is wrong with it.
    fn check(&self, given: &[String]) -> Result<Option<Value>, Wrong> {
        let name = &self.name;
        let wrong = |what| Err(Wrong::new(what).by(|| self.place.clone()));
        let value = match (given, &self.form) {
            ([], _) if self.required => return wrong(format!("{name} is missing.")),
            ([], _) => return Ok(self.default.clone()),
            (given, Form::Repeated) => given.iter().map(|text| self.value(text)).collect(),
            ([text], Form::CommaSeparated) => text.split(',').map(|text| self.value(text)).collect(),
            ([text], Form::One) => self.value(text),
            (_, Form::CommaSeparated) => {
                return wrong(format!("{name} is given twice. Write commas between its values."));
            }
            (_, Form::One) => return wrong(format!("{name} is given twice.")),
        };
        self.schema.check(&value).map_err(|wrong| wrong.of(name))?;
        Ok(Some(value))
    }

    /// What isn't of the type stays text, for the schema to refuse.
    fn value(&self, text: &str) -> Value {
        let value = match self.kind.as_str() {
            "integer" => text.parse::<i64>().ok().map(Value::from),
            "number" => text.parse::<f64>().ok().map(Value::from),
            "boolean" => text.parse::<bool>().ok().map(Value::from),
            _ => None,
        };
        value.unwrap_or_else(|| text.into())
    }
}

impl OperationSpec {
    /// The query parameters' values by name, checked, or else their defaults; 400 otherwise.
    pub fn check_query(&self, query: &str) -> Result<Map<String, Value>, ApiError> {
        let mut values = Map::new();
        for parameter in &self.query {
            let given = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| *name == parameter.name);
            let given: Vec<String> = given.map(|(_, text)| text.into_owned()).collect();
            let value = parameter
                .check(&given)
                .map_err(|wrong| ApiError { rule: wrong.rule, ..refused(&parameter.name, wrong.what) })?;
            values.extend(value.map(|value| (parameter.name.clone(), value)));
        }
        Ok(values)
    }
}

pub(super) fn refused(name: &str, reason: impl Into<String>) -> ApiError {
    let message = format!("'{name}' provided is invalid.");
    ApiError::new(StatusCode::BAD_REQUEST, "bad_query_params", message).because(reason)
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parameter(value: Value) -> Result<QueryParameter, String> {
        let kind = json!({ "type": "string", "enum": ["a", "b"], "default": "b" });
        let spec = json!({ "kind": kind, "parameter": value });
        QueryParameter::new(&Node::root(&spec).get("parameter").ok_or("it isn't there")?)
    }

    /// The spec doesn't use all of them.
    #[test]
    fn each_form_and_type_is_read_as_the_spec_writes_it() {
        let list = |explode| json!({ "type": "array", "maxItems": 2, "items": explode });
        let kinds = list(json!({ "$ref": "#/kind" }));
        let cases = [
            (json!({ "schema": { "type": "integer" } }), vec!["-7"], Ok(json!(-7))),
            (json!({ "schema": { "type": "number", "maximum": 1 } }), vec!["0.5"], Ok(json!(0.5))),
            (json!({ "schema": { "type": "number" } }), vec!["NaN"], Err("q is null, not number.")),
            (json!({ "schema": { "type": "boolean" } }), vec!["true"], Ok(json!(true))),
            (json!({ "schema": { "type": "boolean" } }), vec!["yes"], Err("q is string, not boolean.")),
            (json!({ "schema": { "type": "string", "maxLength": 1 } }), vec!["7"], Ok(json!("7"))),
            (
                json!({ "schema": { "type": "string", "maxLength": 1 } }),
                vec!["77"],
                Err("q has 2 characters, and 1 is the most."),
            ),
            (json!({ "required": true, "schema": { "type": "string" } }), vec![], Err("q is missing.")),
            (json!({ "schema": { "$ref": "#/kind" } }), vec![], Ok(json!("b"))),
            (json!({ "schema": kinds.clone() }), vec!["a", "b"], Ok(json!(["a", "b"]))),
            (json!({ "schema": kinds.clone() }), vec!["a,b"], Err(r#"q is invalid: /0 is none of "a", "b"."#)),
            (
                json!({ "style": "form", "explode": true, "schema": list(json!({ "type": "integer" })) }),
                vec!["1", "2", "3"],
                Err("q has 3 items, and 2 is the most."),
            ),
            (json!({ "explode": false, "schema": kinds.clone() }), vec!["a,b"], Ok(json!(["a", "b"]))),
            (
                json!({ "explode": false, "schema": kinds }),
                vec!["a", "b"],
                Err("q is given twice. Write commas between its values."),
            ),
        ];
        for (mut value, given, expected) in cases {
            value.as_object_mut().map(|value| value.insert("name".into(), json!("q")));
            let parameter = parameter(value.clone()).unwrap_or_else(|e| panic!("{e}"));
            let given: Vec<String> = given.into_iter().map(str::to_owned).collect();
            let checked = parameter.check(&given).map_err(|wrong| wrong.what);
            assert_eq!(checked, expected.map(Some).map_err(str::to_owned), "{value} and {given:?}");
        }
    }

    #[test]
    fn another_style_is_refused() {
        let refused = parameter(json!({ "name": "q", "style": "pipeDelimited", "schema": { "type": "array" } }));
        assert_eq!(refused.err().as_deref(), Some("q has the style \"pipeDelimited\", which is not simulated"));
    }
}
