//! Every generated type by the name that the spec gives it, for the tests about types. The names come from
//! `generated/schemas.rs`.

use std::collections::BTreeSet;

use canva_connect::generated::types;
use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

/// A generated type, as a test can use it without knowing it.
pub struct Type {
    pub name: &'static str,
    /// Its JSON schema, with what it refers to left in the generator.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// Decodes a value, from text as it comes in a response, and encodes it again.
    pub round_trip: fn(&Value) -> serde_json::Result<Value>,
}

macro_rules! types {
    ($($name:ident),* $(,)?) => {
        use super::{Type, types};

        pub const ALL: &[Type] = &[$(Type {
            name: stringify!($name),
            schema: <types::$name as schemars::JsonSchema>::json_schema,
            round_trip: |value| {
                let decoded: types::$name = serde_json::from_str(&value.to_string())?;
                serde_json::to_value(decoded)
            },
        }),*];
    };
}

#[allow(deprecated)]
#[path = "../../generated/schemas.rs"]
mod listed;
pub use listed::ALL;

/// `openapi.yaml`, read.
pub fn spec() -> Value {
    yaml(canva_connect::OPENAPI_YAML)
}

/// YAML 1.2, as the generator reads it.
pub fn yaml(text: &str) -> Value {
    serde_saphyr::from_str_with_options(text, serde_saphyr::options! { strict_booleans: true }).unwrap()
}

/// A component without the property that its union has in its place.
pub fn schema(spec: &Value, name: &str) -> Value {
    let mut schema = spec["components"]["schemas"][name].clone();
    let reference = format!("#/components/schemas/{name}");
    for union in spec["components"]["schemas"].as_object().unwrap().values() {
        let members = union["oneOf"].as_array().into_iter().flatten();
        if let Some(tag) = union["discriminator"]["propertyName"].as_str()
            && members.into_iter().any(|member| member["$ref"] == *reference)
        {
            schema["properties"].as_object_mut().unwrap().remove(tag);
            if let Some(required) = schema.get_mut("required") {
                required.as_array_mut().unwrap().retain(|required| required != tag);
            }
        }
    }
    schema
}

/// The values that tell the members of a union apart, each with its member.
pub fn variants(union: &Value) -> impl Iterator<Item = (&String, &str)> {
    let mapping = union["discriminator"]["mapping"].as_object().unwrap();
    mapping.iter().map(|(value, target)| (value, target.as_str().unwrap().trim_start_matches("#/components/schemas/")))
}

/// The types that bodies and headers of requests carry.
pub fn request_types(spec: &Value) -> BTreeSet<String> {
    let mut types = BTreeSet::new();
    for item in spec["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            references(spec, &operation["parameters"], &mut types);
            references(spec, &operation["requestBody"], &mut types);
        }
    }
    types
}

fn references(spec: &Value, value: &Value, types: &mut BTreeSet<String>) {
    if let Some(target) = value["$ref"].as_str() {
        let new = target.strip_prefix("#/components/schemas/").is_none_or(|name| types.insert(name.to_owned()));
        if new {
            references(spec, spec.pointer(target.trim_start_matches('#')).unwrap(), types);
        }
    }
    match value {
        Value::Object(map) => map.values().for_each(|child| references(spec, child, types)),
        Value::Array(items) => items.iter().for_each(|child| references(spec, child, types)),
        _ => {}
    }
}
