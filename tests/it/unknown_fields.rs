//! A response loses nothing on its way through its type: fields that the spec doesn't know come out as they went in,
//! wherever they stand, and so do those that it knows, whichever of them there are.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

use crate::types;

/// Any JSON whose numbers have 64 bits.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(any::<String>(), inner, 0..4).prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

/// Any value that the schema of a response allows, with other fields in each of its objects.
fn grown(spec: &Value, schema: &Value) -> BoxedStrategy<Value> {
    if let Some(target) = schema["$ref"].as_str() {
        return grown(spec, spec.pointer(target.trim_start_matches('#')).unwrap());
    }
    if schema["oneOf"].is_array() {
        let tag = schema["discriminator"]["propertyName"].as_str().unwrap().to_owned();
        let listed = types::variants(schema).map(|(value, ty)| {
            let (tag, value) = (tag.clone(), value.clone());
            let object = grown(spec, &types::schema(spec, ty));
            let tagged = move |mut object: Value| {
                object[&tag] = value.clone().into();
                object
            };
            object.prop_map(tagged).boxed()
        });
        return proptest::strategy::Union::new(listed.chain([any_json().boxed()])).boxed();
    }
    match schema["type"].as_str() {
        Some("object") => {
            let required: Vec<&Value> = schema["required"].as_array().into_iter().flatten().collect();
            let properties = schema["properties"].as_object().unwrap();
            let known: Vec<BoxedStrategy<Option<(String, Value)>>> = properties
                .iter()
                .map(|(name, schema)| {
                    let (value, name) = (grown(spec, schema), name.clone());
                    let required = required.iter().any(|required| **required == name);
                    let value = if required { value.prop_map(Some).boxed() } else { option::of(value).boxed() };
                    value.prop_map(move |value| Some((name.clone(), value?))).boxed()
                })
                .collect();
            let names: BTreeSet<String> = properties.keys().cloned().collect();
            let name = prop_oneof![Just("extra".to_owned()), ".{0,6}"];
            let unknown = btree_map(name.prop_filter("unknown", move |name| !names.contains(name)), any_json(), 0..3);
            let fields = |(known, unknown): (Vec<_>, BTreeMap<_, _>)| {
                known.into_iter().flatten().chain(unknown).collect::<Map<_, _>>().into()
            };
            (known, unknown).prop_map(fields).boxed()
        }
        Some("array") => vec(grown(spec, &schema["items"]), 0..3).prop_map(Value::from).boxed(),
        Some("integer") => any::<i64>().prop_map(Value::from).boxed(),
        Some("string") => {
            let listed: Vec<Value> = schema["enum"].as_array().cloned().unwrap_or_default();
            let text = any::<String>().prop_map(Value::from).boxed();
            if listed.is_empty() { text } else { prop_oneof![prop::sample::select(listed), text].boxed() }
        }
        other => panic!("this test knows no values of type {other:?}"),
    }
}

#[test]
fn of_every_response_come_out_as_they_went_in() {
    let spec = types::spec();
    let requests = types::request_types(&spec);
    for ty in types::ALL.iter().filter(|ty| !requests.contains(ty.name)) {
        let config = ProptestConfig {
            cases: 64,
            max_shrink_iters: 10_000,
            failure_persistence: None,
            ..ProptestConfig::default()
        };
        let tested = TestRunner::new(config).run(&grown(&spec, &types::schema(&spec, ty.name)), |value| {
            let again = (ty.round_trip)(&value).map_err(|e| TestCaseError::fail(e.to_string()))?;
            prop_assert_eq!(again, value);
            Ok(())
        });
        tested.unwrap_or_else(|e| panic!("{}: {e}", ty.name));
    }
}

#[test]
fn of_a_request_are_no_part_of_its_type() {
    let request = json!({ "name": "n", "of_tomorrow": 1 });
    let update = types::ALL.iter().find(|ty| ty.name == "UpdateAssetRequest").unwrap();
    assert_eq!((update.round_trip)(&request).unwrap(), json!({ "name": "n" }));
}
