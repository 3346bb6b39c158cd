//! Every generated type has the shape that `openapi.yaml` gives it: the same fields, the same of them required, the
//! same values, lists where there are lists, the same objects to choose from. A lowering before the generator, or a pass after it, can't lose a field
//! unseen.
//!
//! Three differences are meant, and they stand in `codegen/`: a field that may be missing is an `Option` and so reads
//! null too, except that a list that a response requires is a `Vec`, which may be missing or null all the same; enums take
//! values that aren't listed; bounds and patterns of strings aren't in the types.

use std::collections::{BTreeMap, BTreeSet};

use schemars::SchemaGenerator;
use serde_json::{Value, json};

use crate::types;

#[derive(Debug, PartialEq)]
enum Shape {
    Object(BTreeMap<String, Field>),
    /// A string that is one of these, or another that isn't listed.
    Enum(BTreeSet<String>),
    List(Box<Shape>),
    /// The types of objects, each with the property that tells it apart; or another object that isn't listed.
    Union(BTreeMap<(String, String), String>),
    Reference(String),
    /// A type and its format.
    Scalar(String, Option<String>),
    Unread(String),
}

#[derive(Debug, PartialEq)]
struct Field {
    required: bool,
    nullable: bool,
    shape: Shape,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn texts(value: &Value) -> BTreeSet<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}

fn scalar(schema: &Value) -> Shape {
    let format = schema.get("format").and_then(Value::as_str);
    // Base64 stays text in the types: the facade encodes it.
    Shape::Scalar(text(&schema["type"]), format.filter(|format| *format != "byte").map(str::to_owned))
}

/// What the spec says. `request` is how the type travels.
fn of_spec(schema: &Value, request: bool) -> Shape {
    if let Some(target) = schema["$ref"].as_str() {
        return Shape::Reference(target.trim_start_matches("#/components/schemas/").to_owned());
    }
    if schema["oneOf"].is_array() {
        let tag = text(&schema["discriminator"]["propertyName"]);
        let variants = types::variants(schema);
        return Shape::Union(variants.map(|(value, ty)| ((tag.clone(), value.clone()), ty.to_owned())).collect());
    }
    match schema["type"].as_str() {
        Some("object") => {
            let required = texts(&schema["required"]);
            let properties = schema["properties"].as_object().unwrap();
            let field = |(name, schema): (&String, &Value)| {
                let nullable = schema["nullable"] == true || !required.contains(name);
                let is_lenient = schema["type"] == "array" && !request;
                let required = required.contains(name) && !is_lenient;
                (name.clone(), Field { required, nullable, shape: of_spec(schema, request) })
            };
            Shape::Object(properties.iter().map(field).collect())
        }
        Some("array") => Shape::List(Box::new(of_spec(&schema["items"], request))),
        Some("string") if schema["enum"].is_array() => Shape::Enum(texts(&schema["enum"])),
        Some("string" | "integer" | "number" | "boolean") => scalar(schema),
        _ => Shape::Unread(schema.to_string()),
    }
}

/// What schemars reads off the Rust type.
fn of_rust(schema: &Value) -> Shape {
    if let Some(target) = schema["$ref"].as_str() {
        return Shape::Reference(target.trim_start_matches("#/$defs/").to_owned());
    }
    if let Some(values) = schema["anyOf"].as_array() {
        return open_enum(values).or_else(|| union(values)).unwrap_or_else(|| Shape::Unread(schema.to_string()));
    }
    match schema["type"].as_str() {
        Some("object") => {
            let required = texts(&schema["required"]);
            let field = |(name, schema): (&String, &Value)| {
                let (nullable, schema) = without_null(schema);
                (name.clone(), Field { required: required.contains(name), nullable, shape: of_rust(&schema) })
            };
            Shape::Object(schema["properties"].as_object().unwrap().iter().map(field).collect())
        }
        Some("array") => Shape::List(Box::new(of_rust(&schema["items"]))),
        Some("string" | "integer" | "number" | "boolean") => scalar(schema),
        _ => Shape::Unread(schema.to_string()),
    }
}

/// `Option<T>` is `T` and null.
fn without_null(schema: &Value) -> (bool, Value) {
    let null = json!({ "type": "null" });
    if let Some([one, other]) = schema["anyOf"].as_array().map(Vec::as_slice)
        && *other == null
    {
        return (true, one.clone());
    }
    if let Some([one, other]) = schema["type"].as_array().map(Vec::as_slice)
        && other == "null"
    {
        let mut schema = schema.clone();
        schema["type"] = one.clone();
        return (true, schema);
    }
    (false, schema.clone())
}

/// The listed values, and last any string.
fn open_enum(alternatives: &[Value]) -> Option<Shape> {
    let (any, listed) = alternatives.split_last()?;
    let is_open = any["type"] == "string" && any.get("const").is_none() && any.get("enum").is_none();
    let values = listed.iter().flat_map(|one| match one.get("const") {
        Some(value) => BTreeSet::from([text(value)]),
        None => texts(&one["enum"]),
    });
    is_open.then(|| Shape::Enum(values.collect()))
}

/// The listed objects, and last anything.
fn union(alternatives: &[Value]) -> Option<Shape> {
    let (any, listed) = alternatives.split_last()?;
    let variant = |one: &Value| {
        let (tag, value) = one["properties"].as_object()?.iter().next()?;
        let required = one["required"] == json!([tag]);
        let ty = text(&one["$ref"]).trim_start_matches("#/$defs/").to_owned();
        required.then(|| ((tag.clone(), text(&value["const"])), ty))
    };
    let variants: Option<_> = listed.iter().map(variant).collect();
    variants.filter(|_| any.get("type").is_none()).map(Shape::Union)
}

/// The differences, each with the place it's at.
fn differences(place: &str, spec: &Shape, rust: &Shape) -> Vec<String> {
    match (spec, rust) {
        (Shape::Object(spec), Shape::Object(rust)) => {
            let names: BTreeSet<&String> = spec.keys().chain(rust.keys()).collect();
            let field = |name: &String| {
                let place = format!("{place}.{name}");
                let (spec, rust) = match (spec.get(name), rust.get(name)) {
                    (Some(spec), Some(rust)) => (spec, rust),
                    (Some(_), None) => return vec![format!("{place} is only in the spec")],
                    _ => return vec![format!("{place} is only in the Rust type")],
                };
                let mut found = differences(&place, &spec.shape, &rust.shape);
                if spec.required != rust.required {
                    found
                        .push(format!("{place}: required is {} in the spec, {} in Rust", spec.required, rust.required));
                }
                if spec.nullable != rust.nullable {
                    found.push(format!("{place}: null is {} by the spec, {} in Rust", spec.nullable, rust.nullable));
                }
                found
            };
            names.into_iter().flat_map(field).collect()
        }
        (Shape::Enum(spec), Shape::Enum(rust)) => {
            let only_in = |value| if spec.contains(value) { "the spec" } else { "the Rust type" };
            let values = spec.symmetric_difference(rust);
            values.map(|value| format!("{place}: the value `{value}` is only in {}", only_in(value))).collect()
        }
        (Shape::Union(spec), Shape::Union(rust)) => {
            let names: BTreeSet<_> = spec.keys().chain(rust.keys()).collect();
            let differs = names.into_iter().filter(|name| spec.get(name) != rust.get(name));
            let (of_spec, of_rust) = (|name| spec.get(name), |name| rust.get(name));
            differs
                .map(|name| format!("{place}: {name:?} is {:?}, {:?} in Rust", of_spec(name), of_rust(name)))
                .collect()
        }
        (Shape::List(spec), Shape::List(rust)) => differences(&format!("{place}[]"), spec, rust),
        _ if spec == rust => Vec::new(),
        _ => vec![format!("{place} is {spec:?} in the spec, {rust:?} in Rust")],
    }
}

fn all_differences(spec: &Value) -> Vec<String> {
    let requests = types::request_types(spec);
    let of_type = |ty: &types::Type| {
        let rust = of_rust((ty.schema)(&mut SchemaGenerator::default()).as_value());
        let spec = of_spec(&types::schema(spec, ty.name), requests.contains(ty.name));
        differences(ty.name, &spec, &rust)
    };
    types::ALL.iter().flat_map(of_type).collect()
}

#[test]
fn every_type_has_the_shape_that_the_spec_gives_it() {
    let differences = all_differences(&types::spec());
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn what_differs_is_named_with_its_type_and_field() {
    let edits: [fn(&mut Value); 9] = [
        |schemas| schemas["Asset"]["properties"]["of_tomorrow"] = json!({ "type": "integer" }),
        |schemas| drop(schemas["Thumbnail"]["properties"].as_object_mut().unwrap().remove("url")),
        |schemas| schemas["Asset"]["required"].as_array_mut().unwrap().push(json!("owner")),
        |schemas| schemas["JobStatus"]["enum"].as_array_mut().unwrap().push(json!("lost")),
        |schemas| schemas["Asset"]["properties"]["tags"] = json!({ "type": "string" }),
        |schemas| schemas["Thumbnail"]["properties"]["width"]["format"] = json!("int32"),
        |schemas| schemas["UpdateAssetRequest"]["properties"]["tags"]["items"]["type"] = json!("integer"),
        |schemas| schemas["FolderItemSummary"]["discriminator"]["mapping"]["video"] = json!("ImageItem"),
        |schemas| schemas["FolderItemSummary"]["discriminator"]["propertyName"] = json!("kind"),
    ];
    let found = edits.map(|edit| {
        let mut spec = types::spec();
        edit(&mut spec["components"]["schemas"]);
        all_differences(&spec).join("\n")
    });
    insta::assert_snapshot!("differences_are_named", found.join("\n"));
}
