//! openapi.yaml -> generated/: reads and checks the spec, has progenitor make the types (`lower`, `types`), and makes
//! the methods (`operations`) and the tables (`tables`) from the spec itself.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::quote;
use serde_json::Value;

mod lower;
mod operations;
mod tables;
mod types;

/// The generated files and their content. `name` is the spec's file name, for error messages.
pub fn generate(name: &str, text: &str) -> Result<Vec<(&'static str, String)>, String> {
    let spec: Value = serde_saphyr::from_str(text)
        .map_err(|e| format!("{name}: not readable as YAML: {}", e.to_string().replace("<input>", name)))?;
    check_references(&spec).map_err(|(place, message)| {
        let line = text.lines().position(|line| line.contains(&place)).map_or(0, |index| index + 1);
        format!("{name}:{line}: {message}")
    })?;
    let in_spec = |e: String| format!("{name}: {e}");
    let facts = tables::facts(&spec).map_err(in_spec)?;
    let table = tables::operations(&spec, &facts).map_err(in_spec)?;
    let requests = lower::request_schemas(&spec).map_err(in_spec)?;
    let types = types::types(&lower::lower(&spec, &requests).map_err(in_spec)?, &requests).map_err(in_spec)?;
    let operations = operations::operations(&spec, &facts).map_err(in_spec)?;
    let client = quote! {
        use crate::content::UploadBody;
        use crate::operations;
        use crate::send::{Call, Sender};
        #types
        #operations
    };
    Ok(vec![
        ("generated/client.rs", print(name, client)?),
        ("generated/operations.rs", print(name, table)?),
        ("generated/lengths.rs", print(name, tables::lengths(&spec))?),
        ("generated/docs.rs", headed(name, &tables::docs(&spec, &facts))),
        ("generated/schemas.rs", headed(name, &tables::schemas(&spec))),
    ])
}

/// Every `$ref` points at something in this document, or the error says which doesn't: the text to look for, and the
/// message. Progenitor would panic over it.
fn check_references(spec: &Value) -> Result<(), (String, String)> {
    let mut references = BTreeSet::new();
    collect_references(spec, &mut references);
    for reference in references {
        let found = reference.strip_prefix('#').and_then(|pointer| spec.pointer(pointer));
        if found.is_none() {
            return Err((reference.to_owned(), format!("`$ref: '{reference}'` points at nothing in this file")));
        }
    }
    Ok(())
}

fn collect_references<'a>(value: &'a Value, into: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(map) => {
            into.extend(map.get("$ref").and_then(Value::as_str));
            map.values().for_each(|child| collect_references(child, into));
        }
        Value::Array(items) => items.iter().for_each(|child| collect_references(child, into)),
        _ => {}
    }
}

/// The value itself, or the target of its `$ref`. simulator/ and spec-diff/ have the same few lines: the build script
/// of a published crate can't depend on the workspace.
fn resolve<'a>(spec: &'a Value, value: &'a Value) -> &'a Value {
    let pointer = value.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| spec.pointer(pointer)).unwrap_or(value)
}

/// An operation of the spec, with where it stands.
struct SpecOperation<'a> {
    path: &'a str,
    method: &'a str,
    id: &'a str,
    value: &'a Value,
}

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

fn spec_operations(spec: &Value) -> Result<Vec<SpecOperation<'_>>, String> {
    let paths = spec.get("paths").and_then(Value::as_object).ok_or("`paths` is missing or not a map")?;
    let mut operations = Vec::new();
    // Beside paths there may be extensions, `x-...`.
    for (path, item) in paths.iter().filter(|(key, _)| key.starts_with('/')) {
        let item = item.as_object().ok_or_else(|| format!("paths.{path}: not a map"))?;
        if item.contains_key("parameters") {
            return Err(format!("paths.{path}: move `parameters` into each operation"));
        }
        for (method, value) in item.iter().filter(|(key, _)| METHODS.contains(&key.as_str())) {
            let id = value.get("operationId").and_then(Value::as_str);
            let id = id.ok_or_else(|| format!("paths.{path}.{method}: `operationId` is missing"))?;
            if !id.starts_with(|c: char| c.is_ascii_lowercase()) || !id.chars().all(|c| c.is_ascii_alphanumeric()) {
                return Err(format!(
                    "paths.{path}.{method}: `operationId: {id}` must be letters and digits, such as `getAsset`"
                ));
            }
            operations.push(SpecOperation { path, method, id, value });
        }
    }
    Ok(operations)
}

fn print(name: &str, tokens: TokenStream) -> Result<String, String> {
    let mut file = syn::parse2(tokens).map_err(|e| format!("{name}: the generated code doesn't parse: {e}"))?;
    types::doc_lines(&mut file);
    Ok(headed(name, &prettyplease::unparse(&file)))
}

fn headed(name: &str, code: &str) -> String {
    format!("// Written by build.rs from {name}. Don't edit: change the spec and run `cargo regenerate`.\n\n{code}")
}
