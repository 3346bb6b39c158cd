//! The spec as it stands: read, its references checked, and its operations, each with where it stands.

use std::collections::BTreeSet;

use serde_json::Value;

use super::names::{Names, constant, snake};

/// An operation of the spec.
pub struct Operation<'a> {
    pub path: &'a str,
    pub method: &'a str,
    pub id: &'a str,
    pub value: &'a Value,
    /// Those of its path and its own, resolved.
    pub parameters: Vec<&'a Value>,
    /// The URL where it is served, if that isn't the document's first.
    pub server: Option<&'a str>,
}

/// Where component schemas stand.
pub const SCHEMAS: &str = "#/components/schemas/";

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// The document `text`. `name` is its file's, for error messages.
pub fn read(name: &str, text: &str) -> Result<Value, String> {
    // YAML 1.2: `no`, `on` and `y` are text. And the spec may be long: it is ours.
    let yaml = serde_saphyr::options! { strict_booleans: true, budget: None };
    let spec: Value = serde_saphyr::from_str_with_options(text, yaml).map_err(|e| {
        format!("{name}: not readable as YAML: {}", e.without_snippet().to_string().lines().next().unwrap_or_default())
    })?;
    let mut references = BTreeSet::new();
    collect_references(&spec, &mut references);
    for reference in references {
        if target(&spec, reference).is_none() {
            // Not one that goes on behind it.
            let is_whole = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '/');
            let has = |line: &str| line.split(reference).skip(1).any(is_whole);
            let line = text.lines().position(has).map_or(0, |index| index + 1);
            return Err(format!("{name}:{line}: `$ref: '{reference}'` points at nothing in this file"));
        }
    }
    Ok(spec)
}

pub fn collect_references<'a>(value: &'a Value, into: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(map) => {
            into.extend(map.get("$ref").and_then(Value::as_str));
            map.values().for_each(|child| collect_references(child, into));
        }
        Value::Array(items) => items.iter().for_each(|child| collect_references(child, into)),
        _ => {}
    }
}

fn target<'a>(spec: &'a Value, reference: &str) -> Option<&'a Value> {
    spec.pointer(reference.strip_prefix('#')?)
}

/// The value itself, or the target of its `$ref`. simulator/ and spec-diff/ have the same few lines: the build script
/// of a published crate can't depend on the workspace.
pub fn resolve<'a>(spec: &'a Value, value: &'a Value) -> &'a Value {
    let mut value = value;
    // A reference may lead to another one, and those not for ever.
    for _ in 0..50 {
        match value.get("$ref").and_then(Value::as_str).and_then(|reference| target(spec, reference)) {
            Some(target) => value = target,
            None => break,
        }
    }
    value
}

/// A schema that says of another one only that, and perhaps that it may be null.
pub fn only_member(schema: &Value) -> Option<&Value> {
    if ["additionalProperties", "discriminator", "properties", "required"]
        .into_iter()
        .any(|key| schema.get(key).is_some())
    {
        return None;
    }
    let mut members = ["allOf", "oneOf", "anyOf"].into_iter().flat_map(|key| list(schema, key));
    members.next().filter(|_| members.next().is_none())
}

/// What a schema says in the end, through references and schemas that only say another one; and its name.
pub fn follow<'a>(spec: &'a Value, schema: &'a Value) -> (Option<&'a str>, &'a Value) {
    let (mut name, mut schema) = (None, schema);
    // Not for ever: references may lead in a circle.
    for _ in 0..50 {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            (name, schema) = (reference.strip_prefix(SCHEMAS), target(spec, reference).unwrap_or(&Value::Null));
        } else if let Some(member) = only_member(schema) {
            (name, schema) = (None, member);
        } else {
            break;
        }
    }
    (name, schema)
}

pub fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

pub fn flag(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or(false)
}

pub fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

pub fn entries<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.get(key).and_then(Value::as_object).into_iter().flatten()
}

pub fn components<'a>(spec: &'a Value, section: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    entries(spec.get("components").unwrap_or(&Value::Null), section)
}

/// Every operation. Their names in Rust are unique.
pub fn operations(spec: &Value) -> Result<Vec<Operation<'_>>, String> {
    let paths = spec.get("paths").and_then(Value::as_object).ok_or("`paths` is missing or not a map")?;
    let (mut operations, mut methods, mut constants) = (Vec::new(), Names::default(), Names::of(super::tables::OWN));
    for (path, item) in paths.iter().filter(|(key, _)| !key.starts_with("x-")) {
        if !path.starts_with('/') {
            return Err(format!("paths.{path}: a path begins with `/`"));
        }
        let odd = path.contains(['?', '#', '\\', ' ']) || path.split('/').any(|segment| matches!(segment, "." | ".."));
        if odd || path.matches('{').count() != path.matches('}').count() {
            return Err(format!("paths.{path}: it isn't a path with names in braces"));
        }
        let item = resolve(spec, item);
        let methods_of_path = item.as_object().ok_or_else(|| format!("paths.{path}: not a map"))?;
        for (method, value) in methods_of_path.iter().filter(|(key, _)| METHODS.contains(&key.as_str())) {
            let place = |reason: String| format!("paths.{path}.{method}: {reason}");
            let id = value.get("operationId").and_then(Value::as_str);
            let id = id.ok_or_else(|| place("`operationId` is missing: give it one, such as `getAsset`".into()))?;
            let about = |reason| place(format!("`operationId: {id}`: {reason}"));
            methods.claim(&snake(id).map_err(about)?).map_err(about)?;
            constants.claim(&constant(id).map_err(about)?).map_err(about)?;
            if value.get("x-pages").is_some() {
                methods.claim(&format!("{}_stream", snake(id).map_err(about)?)).map_err(about)?;
            }
            let parameters = parameters(spec, item, value).map_err(place)?;
            let server = [value, item].into_iter().find_map(|part| part.pointer("/servers/0/url")?.as_str());
            operations.push(Operation { path, method, id, value, parameters, server });
        }
    }
    Ok(operations)
}

/// The parameters of a path, and those of its operation, which replace them.
fn parameters<'a>(spec: &'a Value, item: &'a Value, operation: &'a Value) -> Result<Vec<&'a Value>, String> {
    let key = |parameter: &'a Value| (text(parameter, "in"), text(parameter, "name"));
    let mut parameters: Vec<&Value> = Vec::new();
    for part in [item, operation] {
        let mut seen = BTreeSet::new();
        for own in list(part, "parameters").map(|parameter| resolve(spec, parameter)) {
            if !seen.insert(key(own)) {
                return Err(format!("the parameter `{} {}` is there twice", text(own, "in"), text(own, "name")));
            }
            match parameters.iter_mut().find(|shared| key(shared) == key(own)) {
                Some(shared) => *shared = own,
                None => parameters.push(own),
            }
        }
    }
    Ok(parameters)
}
