//! What examples of responses leave out, although their schemas require it. It may be missing, then: an example shows
//! what the service sends.

use std::collections::BTreeMap;

use serde_json::Value;

use super::lower::Object;
use super::spec::{entries, follow, resolve};
use super::unions;

/// Objects, each with the properties that an example of it lacks.
#[derive(Default)]
pub struct LeftOut(BTreeMap<*const Value, Vec<String>>);

impl LeftOut {
    pub fn of(spec: &Value) -> Self {
        let mut left_out = Self::default();
        left_out.search(spec, spec);
        left_out
    }

    /// Whether an example of this object lacks the property.
    pub fn has(&self, object: &Value, property: &str) -> bool {
        self.0.get(&std::ptr::from_ref(object)).is_some_and(|lacks| lacks.iter().any(|it| it == property))
    }

    /// Every example beside a schema, or of one.
    fn search(&mut self, spec: &Value, value: &Value) {
        let schema = value.get("schema").unwrap_or(value);
        let named = entries(value, "examples").filter_map(|(_, example)| resolve(spec, example).get("value"));
        for example in value.get("example").into_iter().chain(named) {
            self.compare(spec, schema, example);
        }
        match value {
            Value::Object(map) => {
                for (key, child) in map {
                    match key.as_str() {
                        "example" | "examples" => {}
                        // Properties may be called anything.
                        "properties" => entries(value, key).for_each(|(_, property)| self.search(spec, property)),
                        _ => self.search(spec, child),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.search(spec, item)),
            _ => {}
        }
    }

    fn compare(&mut self, spec: &Value, schema: &Value, example: &Value) {
        let (_, schema) = follow(spec, schema);
        if let Some(tag) = unions::tag(schema) {
            let value = example.get(tag).and_then(Value::as_str);
            // What can't be generated is refused elsewhere.
            let mut members = unions::members(spec, schema).unwrap_or_default().into_iter();
            if let Some(member) = members.find(|member| value.is_some_and(|value| member.values.contains(&value))) {
                self.compare(spec, member.target, example);
            }
            return;
        }
        match example {
            Value::Array(items) => {
                let item = schema.get("items").into_iter();
                item.for_each(|item| items.iter().for_each(|example| self.compare(spec, item, example)));
            }
            Value::Object(fields) if ["properties", "allOf"].iter().any(|key| schema.get(key).is_some()) => {
                let mut object = Object::default();
                if object.add(spec, schema, &mut Vec::new()).is_err() {
                    return;
                }
                let lacks = object.required.iter().filter(|name| !fields.contains_key(*name)).cloned();
                self.0.entry(std::ptr::from_ref(schema)).or_default().extend(lacks);
                for (name, example) in fields {
                    let additional = schema.get("additionalProperties");
                    if let Some(property) = object.properties.get(name).copied().or(additional) {
                        self.compare(spec, property, example);
                    }
                }
            }
            Value::Object(fields) => {
                let values = schema.get("additionalProperties").into_iter();
                values.for_each(|value| fields.values().for_each(|example| self.compare(spec, value, example)));
            }
            _ => {}
        }
    }
}
