//! Who uses a component schema: requests, and unions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::spec::{Operation, SCHEMAS, collect_references, entries, follow, resolve};

/// The component schemas that request bodies and parameters are made of.
pub fn requests<'a>(spec: &'a Value, operations: &[Operation<'a>]) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::new();
    for operation in operations {
        let body = operation.value.get("requestBody").map(|body| resolve(spec, body));
        operation.parameters.iter().copied().chain(body).for_each(|part| reach(spec, part, &mut names));
    }
    names
}

/// The component schemas that successes are made of.
pub fn responses<'a>(spec: &'a Value, operations: &[Operation<'a>]) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::new();
    for operation in operations {
        let responses = entries(operation.value, "responses").filter(|(status, _)| status.starts_with('2'));
        responses.for_each(|(_, response)| reach(spec, resolve(spec, response), &mut names));
    }
    names
}

fn reach<'a>(spec: &'a Value, value: &'a Value, names: &mut BTreeSet<&'a str>) {
    let mut references = BTreeSet::new();
    collect_references(value, &mut references);
    for name in references.iter().filter_map(|reference| reference.strip_prefix(SCHEMAS)) {
        if names.insert(name)
            && let Some(schema) = spec.pointer(&format!("/components/schemas/{name}"))
        {
            reach(spec, schema, names);
        }
    }
}

/// By component, the discriminator of the unions that it is a member of, unless it is used in another way too.
pub fn tags(spec: &Value) -> BTreeMap<&str, &str> {
    let (mut tags, mut used) = (BTreeMap::<&str, BTreeSet<&str>>::new(), BTreeSet::new());
    usages(spec, spec, &mut tags, &mut used);
    let only = |(name, tags): (_, BTreeSet<_>)| Some((name, tags.first().copied().filter(|_| tags.len() == 1)?));
    tags.into_iter().filter(|(name, _)| !used.contains(name)).filter_map(only).collect()
}

fn usages<'a>(
    spec: &'a Value,
    value: &'a Value,
    tags: &mut BTreeMap<&'a str, BTreeSet<&'a str>>,
    used: &mut BTreeSet<&'a str>,
) {
    let tag = value.pointer("/discriminator/propertyName").and_then(Value::as_str);
    let component = |schema: &'a Value| schema.get("$ref")?.as_str()?.strip_prefix(SCHEMAS);
    used.extend(component(value));
    match value {
        Value::Object(map) => {
            for (key, child) in map {
                match (tag, child) {
                    (Some(tag), Value::Array(members)) if key == "oneOf" || key == "anyOf" => {
                        for member in members {
                            match follow(spec, member).0 {
                                Some(name) => drop(tags.entry(name).or_default().insert(tag)),
                                None => usages(spec, member, tags, used),
                            }
                        }
                    }
                    _ => usages(spec, child, tags, used),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| usages(spec, item, tags, used)),
        _ => {}
    }
}
