//! Every example in `openapi.yaml` decodes into the generated type of the place where it's used, and encodes to the
//! same again.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::types;

/// An example and the type that its place asks for.
struct Example {
    name: String,
    ty: &'static types::Type,
    value: Value,
}

/// Every example beside a schema, anywhere in the spec.
fn examples(spec: &Value, value: &Value, into: &mut Vec<Example>) {
    if let (Some(schema), Some(named)) = (value["schema"]["$ref"].as_str(), value["examples"].as_object()) {
        let type_name = schema.trim_start_matches("#/components/schemas/");
        let ty = types::ALL.iter().find(|ty| ty.name == type_name).unwrap();
        for (name, example) in named {
            let target = example["$ref"].as_str();
            let shared = target.map_or(example, |target| spec.pointer(target.trim_start_matches('#')).unwrap());
            let name = target.map_or(name.as_str(), |target| target.trim_start_matches("#/components/examples/"));
            into.push(Example { name: name.to_owned(), ty, value: shared["value"].clone() });
        }
    }
    match value {
        Value::Object(map) => map.values().for_each(|child| examples(spec, child, into)),
        Value::Array(items) => items.iter().for_each(|child| examples(spec, child, into)),
        _ => {}
    }
}

fn all_examples() -> Vec<Example> {
    let spec = types::spec();
    let mut found = Vec::new();
    examples(&spec, &spec, &mut found);
    found
}

#[test]
fn every_example_decodes_and_encodes_to_itself() {
    for Example { name, ty, value } in all_examples() {
        let again = (ty.round_trip)(&value).unwrap_or_else(|e| panic!("{name} as {}: {e}", ty.name));
        assert_eq!(again, value, "{name} as {}", ty.name);
    }
}

#[test]
fn every_example_is_used() {
    let spec = types::spec();
    let written: BTreeSet<String> = spec["components"]["examples"].as_object().unwrap().keys().cloned().collect();
    let used: BTreeSet<String> = all_examples().into_iter().map(|example| example.name).collect();
    assert_eq!(used, written, "used (left), in components.examples (right)");
}
