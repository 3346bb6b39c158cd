//! Rewrites, in memory, schemas that progenitor 0.15 can't express as the API means them. Each rewrite says why it is
//! needed.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{collect_references, resolve, spec_operations};

/// A document of the schemas alone. `requests` are the schemas that requests are made of.
pub fn lower(spec: &Value, requests: &BTreeSet<String>) -> Result<Value, String> {
    let mut schemas = spec.pointer("/components/schemas").and_then(Value::as_object).cloned().unwrap_or_default();
    for (name, schema) in &mut schemas {
        let about = |reason: String| format!("components.schemas.{name}: {reason}");
        if !name.starts_with(|c: char| c.is_ascii_uppercase()) || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(about("the name must be letters and digits, such as `AssetName`".into()));
        }
        refuse_unions(schema).map_err(about)?;
        match requests.contains(name) {
            true => make_arrays_nullable(schema),
            false => keep_unknown_fields(schema).map_err(about)?,
        }
        simplify(schema);
    }
    let info = json!({ "title": "schemas", "version": "0" });
    Ok(json!({ "openapi": "3.0.3", "info": info, "paths": {}, "components": { "schemas": Value::Object(schemas) } }))
}

/// Progenitor makes something of each of these, but not what they mean: of a `oneOf` of objects, an enum that has
/// none of their fields.
fn refuse_unions(schema: &Value) -> Result<(), String> {
    let Some(schema) = schema.as_object() else { return Ok(()) };
    if let Some(keyword) = ["oneOf", "anyOf", "allOf", "not"].into_iter().find(|keyword| schema.contains_key(*keyword))
    {
        return Err(format!("`{keyword}` can't be generated: write one object with optional properties"));
    }
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten().map(|(_, child)| child);
    properties.chain(schema.get("items")).chain(schema.get("additionalProperties")).try_for_each(refuse_unions)
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

/// An object of a response gets a map `extra` of the fields that the spec doesn't know. Left alone they are allowed
/// and lost; an empty schema allows them no less, and is what the generator makes a map of.
fn keep_unknown_fields(schema: &mut Value) -> Result<(), String> {
    let Some(schema) = schema.as_object_mut() else { return Ok(()) };
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        if properties.contains_key("extra") {
            return Err("a property `extra` would be in the way of the unknown fields".into());
        }
        properties.values_mut().try_for_each(keep_unknown_fields)?;
        if schema.get("additionalProperties").is_none_or(|others| *others == json!(true)) {
            schema.insert("additionalProperties".into(), json!({}));
        }
    }
    schema.get_mut("items").into_iter().try_for_each(keep_unknown_fields)
}

/// A bounded string becomes a newtype with six impls each (and a regex engine for a pattern), whose errors don't say
/// what came. The bounds are in `lengths.rs`, and the facade checks them.
fn simplify(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if map.get("type") == Some(&json!("string")) && !map.contains_key("enum") {
                map.retain(|key, _| !matches!(key.as_str(), "pattern" | "minLength" | "maxLength"));
            }
            if let Some(Value::String(description)) = map.get_mut("description") {
                *description = description.trim().to_owned();
            }
            map.values_mut().for_each(simplify);
        }
        Value::Array(items) => items.iter_mut().for_each(simplify),
        _ => {}
    }
}
