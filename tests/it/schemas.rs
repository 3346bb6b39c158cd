//! The JSON schema of every generated type stands in a snapshot: what a spec edit does to the Rust types is the diff of
//! that one file. The type's name starts its part at the left margin, where Git takes the heading of a hunk from.

use std::collections::BTreeMap;

use schemars::SchemaGenerator;
use serde_json::Value;

use crate::types;

#[test]
fn the_schema_of_every_type_is_written_down() {
    let schemas: BTreeMap<&str, Value> =
        types::ALL.iter().map(|ty| (ty.name, (ty.schema)(&mut SchemaGenerator::default()).to_value())).collect();
    insta::assert_yaml_snapshot!("every_type", schemas);
}
