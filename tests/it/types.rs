//! Every generated type by the name that the spec gives it, for the tests about types. The names come from
//! `generated/schemas.rs`.

use canva_connect::generated::types;
use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

/// A generated type, as a test can use it without knowing it.
pub struct Type {
    pub name: &'static str,
    /// Its JSON schema, with what it refers to left in the generator.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// Decodes a value and encodes it again.
    pub round_trip: fn(&Value) -> serde_json::Result<Value>,
}

macro_rules! types {
    ($($name:ident),* $(,)?) => {
        use super::{Type, types};

        pub const ALL: &[Type] = &[$(Type {
            name: stringify!($name),
            schema: <types::$name as schemars::JsonSchema>::json_schema,
            round_trip: |value| {
                let decoded: types::$name = serde_json::from_value(value.clone())?;
                serde_json::to_value(decoded)
            },
        }),*];
    };
}

#[path = "../../generated/schemas.rs"]
mod listed;
pub use listed::ALL;

/// `openapi.yaml`, read.
pub fn spec() -> Value {
    serde_saphyr::from_str(canva_connect::OPENAPI_YAML).unwrap()
}
