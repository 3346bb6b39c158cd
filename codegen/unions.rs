//! The members of a union, and the values of its tag that stand for each.

use serde_json::Value;

use super::lower::Object;
use super::spec::{SCHEMAS, components, entries, follow, list, text};

pub struct Member<'a> {
    /// Its name in `components.schemas`; empty, if it stands in the union.
    pub name: &'a str,
    pub schema: &'a Value,
    /// What the schema says in the end.
    pub target: &'a Value,
    /// The property that is the tag.
    pub tag: Option<&'a Value>,
    pub values: Vec<&'a str>,
}

pub fn tag(union: &Value) -> Option<&str> {
    union.pointer("/discriminator/propertyName").and_then(Value::as_str)
}

/// Those of `oneOf` or `anyOf`, and those that only the mapping names.
pub fn members<'a>(spec: &'a Value, union: &'a Value) -> Result<Vec<Member<'a>>, String> {
    let discriminator = union.get("discriminator").unwrap_or(&Value::Null);
    let mapping: Vec<(&'a str, &'a str)> = entries(discriminator, "mapping")
        .filter_map(|(value, target)| Some((value.as_str(), name_of(target.as_str()?))))
        .collect();
    let mut schemas: Vec<(&'a str, &'a Value)> = list(union, "oneOf")
        .chain(list(union, "anyOf"))
        .map(|member| (name_of(text(member, "$ref")), member))
        .collect();
    for (value, target) in &mapping {
        let known = components(spec, "schemas").find(|(name, _)| name == target);
        let (_, schema) = known.ok_or_else(|| format!("`mapping` has `{value}: {target}`, which leads nowhere"))?;
        if schemas.iter().all(|(name, _)| name != target) {
            schemas.push((target, schema));
        }
    }
    let member = |(name, schema): (&'a str, &'a Value)| {
        let (_, target) = follow(spec, schema);
        let mut object = Object::default();
        let merged = object.add(spec, target, &mut Vec::new()).is_ok();
        let tag = tag(union).filter(|_| merged).and_then(|tag| object.properties.get(tag).copied());
        let tag = tag.map(|property| follow(spec, property).1);
        let mapped = mapping.iter().filter(|(_, target)| *target == name).map(|(value, _)| *value);
        let mut values: Vec<&str> = mapped.collect();
        if values.is_empty() {
            values.extend(tag.into_iter().flat_map(|tag| list(tag, "enum")).filter_map(Value::as_str));
        }
        if values.is_empty() {
            values.extend(Some(name).filter(|name| !name.is_empty()));
        }
        Member { name, schema, target, tag, values }
    };
    Ok(schemas.into_iter().map(member).collect())
}

/// `Asset` of `#/components/schemas/Asset`, or of `Asset`, as a mapping may have it.
fn name_of(reference: &str) -> &str {
    reference.strip_prefix(SCHEMAS).unwrap_or(reference)
}
