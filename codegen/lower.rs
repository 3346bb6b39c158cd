//! Rewrites, in memory, what the spec says in standard OpenAPI but progenitor 0.15 can't express. Each rewrite says
//! why it is needed; what it takes away from the generated types, the facade puts back.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::tables::{Facts, facts};
use super::{collect_references, resolve, spec_operations};

/// `requests` are the schemas that requests are made of.
pub fn lower(spec: &Value, requests: &BTreeSet<String>) -> Result<Value, String> {
    let mut lowered = spec.clone();
    for facts in facts(spec)? {
        let operation = lowered.get_mut("paths").and_then(|paths| paths.get_mut(facts.path));
        if let Some(operation) = operation.and_then(|item| item.get_mut(facts.method)).and_then(Value::as_object_mut) {
            group_errors(spec, facts.id, operation)?;
            describe(&facts, operation);
        }
    }
    let schemas = lowered.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    for (name, schema) in schemas.into_iter().flatten() {
        if requests.contains(name) {
            make_arrays_nullable(schema);
        } else {
            keep_unknown_fields(schema)
                .map_err(|()| format!("{name}: a property `extra` would be in the way of the unknown fields"))?;
        }
    }
    simplify(&mut lowered);
    Ok(lowered)
}

/// All error responses become `4XX` and `5XX`: a `default` beside a `200` makes progenitor panic, because it counts as a
/// success too, and one match arm a status would say the same thing many times.
fn group_errors(spec: &Value, id: &str, operation: &mut Map<String, Value>) -> Result<(), String> {
    let responses = operation.get_mut("responses").and_then(Value::as_object_mut);
    let responses = responses.ok_or_else(|| format!("{id}: `responses` is missing"))?;
    let errors: Vec<Value> =
        responses.iter().filter(|(status, _)| !status.starts_with('2')).map(|(_, error)| error.clone()).collect();
    let schema = |error| resolve(spec, error).pointer("/content/application~1json/schema");
    let Some(first) = errors.first() else { return Ok(()) };
    if errors.iter().any(|error| schema(error) != schema(first)) {
        return Err(format!("{id}: error responses of different schemas can't be generated"));
    }
    responses.retain(|status, _| status.starts_with('2'));
    responses.insert("4XX".into(), first.clone());
    responses.insert("5XX".into(), first.clone());
    Ok(())
}

/// Scopes, rate limit and preview are said where the reader of the generated client meets the operation.
fn describe(facts: &Facts, operation: &mut Map<String, Value>) {
    let description = operation.get("description").and_then(Value::as_str).unwrap_or_default().trim();
    let description = format!("{description}\n\n{}", facts.text());
    operation.insert("description".into(), Value::String(description));
}

/// The component schemas that request bodies and parameters are made of.
pub fn request_schemas(spec: &Value) -> Result<BTreeSet<String>, String> {
    let mut names = BTreeSet::new();
    for operation in spec_operations(spec)? {
        let parameters = operation.value.get("parameters").and_then(Value::as_array).into_iter().flatten();
        for part in parameters.chain(operation.value.get("requestBody")) {
            collect_schemas(spec, resolve(spec, part), &mut names);
        }
    }
    Ok(names)
}

fn collect_schemas(spec: &Value, value: &Value, names: &mut BTreeSet<String>) {
    let mut references = BTreeSet::new();
    collect_references(value, &mut references);
    for name in references.iter().filter_map(|reference| reference.strip_prefix("#/components/schemas/")) {
        if names.insert(name.to_owned())
            && let Some(schema) = spec.pointer(&format!("/components/schemas/{name}"))
        {
            collect_schemas(spec, schema, names);
        }
    }
}

/// An optional array of a request becomes `nullable`, and with it `Option<Vec<_>>`. Left alone it is a `Vec` that is
/// skipped when empty, so that an empty list, which means "remove them all", would never be sent.
fn make_arrays_nullable(schema: &mut Value) {
    let required = schema.get("required").cloned().unwrap_or_default();
    let required: Vec<&str> = required.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        for (name, property) in properties {
            if property.get("type") == Some(&json!("array"))
                && !required.contains(&name.as_str())
                && let Some(property) = property.as_object_mut()
            {
                property.insert("nullable".into(), json!(true));
            }
        }
    }
}

/// An object of a response gets a map `extra` of the fields that the spec doesn't know. Left alone they are allowed and lost;
/// an empty schema allows them no less, and is what the generator makes a map of.
fn keep_unknown_fields(schema: &mut Value) -> Result<(), ()> {
    let Some(schema) = schema.as_object_mut() else { return Ok(()) };
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        if properties.contains_key("extra") {
            return Err(());
        }
        properties.values_mut().try_for_each(keep_unknown_fields)?;
        if schema.get("additionalProperties").is_none_or(|others| *others == json!(true)) {
            schema.insert("additionalProperties".into(), json!({}));
        }
    }
    schema.get_mut("items").into_iter().try_for_each(keep_unknown_fields)
}

fn simplify(value: &mut Value) {
    match value {
        Value::Object(map) => {
            // A header with JSON content is refused; it is a string to the generator, and the facade writes the JSON.
            if map.get("in") == Some(&json!("header")) && map.remove("content").is_some() {
                map.insert("schema".into(), json!({ "type": "string" }));
            }
            // A bounded string becomes a newtype with six impls each (and a regex engine for a pattern), whose errors
            // don't say what came. The bounds are in `lengths.rs`, and the facade checks them.
            if map.get("type") == Some(&json!("string")) && !map.contains_key("enum") {
                map.retain(|key, _| !matches!(key.as_str(), "pattern" | "minLength" | "maxLength"));
            }
            // Examples are for readers of the spec; none ends in the generated code.
            map.remove("examples");
            if let Some(Value::String(description)) = map.get_mut("description") {
                *description = description.trim().to_owned();
            }
            map.values_mut().for_each(simplify);
        }
        Value::Array(items) => items.iter_mut().for_each(simplify),
        _ => {}
    }
}
