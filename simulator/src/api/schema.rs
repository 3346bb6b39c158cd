//! A schema of the spec, and what of a value doesn't keep to it. It knows the keywords that requests in openapi.yaml
//! use; a spec with another one is refused, so that nothing passes unchecked.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regex_lite::Regex;
use serde_json::Value;

use super::rules::{Node, Wrong};

/// Schemas may be in each other this deep. A schema that contains itself is deeper.
const MAX_DEPTH: usize = 32;

/// What a value has to keep, in the order in which it is checked.
pub struct Schema {
    /// Where in the spec it is.
    place: String,
    nullable: bool,
    /// Each with its keyword.
    rules: Vec<(String, Rule)>,
}

enum Rule {
    Type(String),
    Enum(Vec<Value>),
    MinLength(u64),
    MaxLength(u64),
    MinDecodedLength(u64),
    MaxDecodedLength(u64),
    Pattern(Regex),
    Minimum(f64),
    Maximum(f64),
    MinItems(u64),
    MaxItems(u64),
    Items(Schema),
    Required(Vec<String>),
    Properties(Vec<(String, Schema)>),
    AllOf(Vec<Schema>),
    OneOf {
        /// The property that tells objects apart.
        tag: String,
        /// Its value where it is left out: a member may have a default for it.
        default: Option<String>,
        /// The schema for each of its values.
        members: Vec<(String, Schema)>,
    },
}

impl Schema {
    /// The schema, or what of it isn't known.
    pub(super) fn new(schema: &Node) -> Result<Self, String> {
        Self::at_depth(schema, MAX_DEPTH)
    }

    fn at_depth(schema: &Node, depth: usize) -> Result<Self, String> {
        let depth = depth.checked_sub(1).ok_or("a schema contains itself")?;
        let keywords = schema.value.as_object().ok_or("a schema is no object")?;
        let inner = |schema: &Node| Self::at_depth(schema, depth);
        let mut rules = Vec::new();
        for (keyword, value) in keywords {
            let wrong = || format!("the value of {keyword} isn't what it should be");
            let count = || value.as_u64().ok_or_else(wrong);
            let bound = || value.as_f64().ok_or_else(wrong);
            let list = || value.as_array().ok_or_else(wrong);
            let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(wrong);
            let node = || schema.get(keyword).ok_or_else(wrong);
            let rule = match keyword.as_str() {
                "type" => Rule::Type(text(value)?),
                "enum" => Rule::Enum(list()?.clone()),
                "minLength" => Rule::MinLength(count()?),
                "maxLength" => Rule::MaxLength(count()?),
                "x-decoded-min-length" => Rule::MinDecodedLength(count()?),
                "x-decoded-max-length" => Rule::MaxDecodedLength(count()?),
                "pattern" => Rule::Pattern(Regex::new(&text(value)?).map_err(|e| e.to_string())?),
                "minimum" => Rule::Minimum(bound()?),
                "maximum" => Rule::Maximum(bound()?),
                "minItems" => Rule::MinItems(count()?),
                "maxItems" => Rule::MaxItems(count()?),
                "items" => Rule::Items(inner(&node()?)?),
                "required" => Rule::Required(list()?.iter().map(text).collect::<Result<_, _>>()?),
                "properties" => {
                    let properties = node()?;
                    let properties = properties.children().map(|(name, schema)| Ok((name, inner(&schema)?)));
                    Rule::Properties(properties.collect::<Result<_, String>>()?)
                }
                "allOf" => {
                    let members = node()?;
                    Rule::AllOf(members.children().map(|(_, schema)| inner(&schema)).collect::<Result<_, _>>()?)
                }
                "discriminator" => {
                    let mapping = value.get("mapping").and_then(Value::as_object).ok_or_else(wrong)?;
                    let tag = text(value.get("propertyName").ok_or_else(wrong)?)?;
                    let (mut default, mut members) = (None, Vec::new());
                    for (value, target) in mapping {
                        let target = target.as_str().and_then(|target| schema.target(target)).ok_or_else(wrong)?;
                        let own = target.find(&["properties", &tag]).and_then(|tag| tag.text("default"));
                        default = default.or(own.map(str::to_owned));
                        members.push((value.clone(), inner(&target)?));
                    }
                    Rule::OneOf { tag, default, members }
                }
                // The mapping has its members.
                "oneOf" if keywords.contains_key("discriminator") => continue,
                "nullable" | "title" | "description" | "example" | "default" | "format" | "deprecated" => continue,
                _ if keyword.starts_with("x-") => continue,
                _ => return Err(format!("the keyword {keyword} is not simulated")),
            };
            rules.push((keyword.clone(), rule));
        }
        // A value of the wrong type is told first: nothing else that is said of it helps.
        rules.sort_by_key(|(_, rule)| !matches!(rule, Rule::Type(_)));
        Ok(Self { place: schema.place.clone(), nullable: schema.is_true("nullable"), rules })
    }

    /// Where the value first breaks a rule, how, and which.
    pub(super) fn check(&self, value: &Value) -> Result<(), Wrong> {
        if self.nullable && value.is_null() {
            return Ok(());
        }
        let broken = |keyword| move |wrong: Wrong| wrong.by(|| format!("{}/{keyword}", self.place));
        self.rules.iter().try_for_each(|(keyword, rule)| rule.check(value).map_err(broken(keyword)))
    }
}

impl Rule {
    /// A rule about one type says nothing of the others.
    fn check(&self, value: &Value) -> Result<(), Wrong> {
        match (self, value) {
            (Self::Type(kind), _) => holds(is(value, kind), || format!("is {}, not {kind}", kind_of(value))),
            (Self::Enum(values), _) => holds(values.contains(value), || {
                let values: Vec<_> = values.iter().map(Value::to_string).collect();
                format!("is none of {}", values.join(", "))
            }),
            (Self::MinLength(min), Value::String(text)) => at_least(length(text), *min, "characters"),
            (Self::MaxLength(max), Value::String(text)) => at_most(length(text), *max, "characters"),
            (Self::MinDecodedLength(min), Value::String(text)) => {
                at_least(decoded_length(text)?, *min, "characters once decoded")
            }
            (Self::MaxDecodedLength(max), Value::String(text)) => {
                at_most(decoded_length(text)?, *max, "characters once decoded")
            }
            (Self::Pattern(pattern), Value::String(text)) => {
                holds(pattern.is_match(text), || format!("doesn't match {}", pattern.as_str()))
            }
            (Self::Minimum(min), Value::Number(number)) => {
                holds(number.as_f64().is_some_and(|number| number >= *min), || format!("is less than {min}"))
            }
            (Self::Maximum(max), Value::Number(number)) => {
                holds(number.as_f64().is_some_and(|number| number <= *max), || format!("is greater than {max}"))
            }
            (Self::MinItems(min), Value::Array(items)) => at_least(items.len() as u64, *min, "items"),
            (Self::MaxItems(max), Value::Array(items)) => at_most(items.len() as u64, *max, "items"),
            (Self::Items(schema), Value::Array(items)) => (0..)
                .zip(items)
                .try_for_each(|(index, item): (usize, _)| schema.check(item).map_err(|wrong| wrong.within(&index))),
            (Self::Required(names), Value::Object(properties)) => {
                let missing = names.iter().find(|name| !properties.contains_key(*name));
                missing.map_or(Ok(()), |name| Err(Wrong::new(format!("has no {name}"))))
            }
            (Self::Properties(schemas), Value::Object(properties)) => schemas.iter().try_for_each(|(name, schema)| {
                properties.get(name).map_or(Ok(()), |value| schema.check(value).map_err(|wrong| wrong.within(name)))
            }),
            (Self::AllOf(schemas), _) => schemas.iter().try_for_each(|schema| schema.check(value)),
            (Self::OneOf { tag, default, members }, Value::Object(properties)) => {
                let given = match (properties.get(tag), default) {
                    (Some(given), _) => given.as_str(),
                    (None, Some(default)) => Some(default.as_str()),
                    (None, None) => return Err(Wrong::new(format!("has no {tag}"))),
                };
                let member = members.iter().find(|(value, _)| given == Some(value));
                let values: Vec<_> = members.iter().map(|(value, _)| format!("{value:?}")).collect();
                let none = || Err(Wrong::new(format!("is none of {}", values.join(", "))).within(tag));
                member.map_or_else(none, |(_, schema)| schema.check(value))
            }
            (Self::OneOf { .. }, _) => Err(Wrong::new(format!("is {}, not object", kind_of(value)))),
            _ => Ok(()),
        }
    }
}

fn holds(condition: bool, otherwise: impl FnOnce() -> String) -> Result<(), Wrong> {
    if condition { Ok(()) } else { Err(Wrong::new(otherwise())) }
}

fn at_least(number: u64, min: u64, of: &str) -> Result<(), Wrong> {
    holds(number >= min, || format!("has {number} {of}, and {min} is the least"))
}

fn at_most(number: u64, max: u64, of: &str) -> Result<(), Wrong> {
    holds(number <= max, || format!("has {number} {of}, and {max} is the most"))
}

fn length(text: &str) -> u64 {
    text.chars().count() as u64
}

fn decoded_length(text: &str) -> Result<u64, Wrong> {
    decode(text)
        .map(|text| length(&text))
        .ok_or_else(|| Wrong::new("is not UTF-8 text in Base64 of the standard alphabet, padded"))
}

/// The text that a Base64 field carries: standard alphabet, padded, UTF-8.
pub fn decode(text: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(text).ok()?).ok()
}

fn is(value: &Value, kind: &str) -> bool {
    let own = kind_of(value);
    own == kind || own == "integer" && kind == "number"
}

/// The type, as schemas name it. `595.0` is an integer.
fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.as_f64().is_some_and(|number| number.fract() == 0.0) => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The schema as it is in a spec, which may have others for it to refer to.
    fn compiled(mut spec: Value, schema: &Value) -> Result<Schema, String> {
        spec.as_object_mut().map(|spec| spec.insert("schema".into(), schema.clone()));
        Schema::new(&Node::root(&spec).get("schema").ok_or("it isn't there")?)
    }

    /// Each keyword, with values that keep to it and values that don't. The spec doesn't use all of them.
    #[test]
    fn each_keyword_takes_what_it_allows_and_nothing_else() {
        let cases = [
            (json!({ "type": "string" }), vec![json!("a")], vec![json!(7), json!(null), json!(["a"])]),
            (
                json!({ "type": "string", "nullable": true, "enum": ["a"] }),
                vec![json!("a"), json!(null)],
                vec![json!("b")],
            ),
            (json!({ "type": "string", "nullable": false }), vec![json!("")], vec![json!(null)]),
            (
                json!({ "type": "integer", "minimum": 1, "maximum": 3 }),
                vec![json!(1), json!(3.0)],
                vec![json!(0), json!(4), json!(1.5), json!("1")],
            ),
            (json!({ "type": "number" }), vec![json!(1), json!(1.5)], vec![json!(true)]),
            (json!({ "minLength": 1, "maxLength": 2 }), vec![json!("🚀🚀"), json!(7)], vec![json!(""), json!("abc")]),
            (json!({ "pattern": "^[a-z]+$" }), vec![json!("ab")], vec![json!("aB"), json!("ab\n")]),
            (
                json!({ "type": "array", "minItems": 1, "maxItems": 2, "items": { "type": "string" } }),
                vec![json!(["a"])],
                vec![json!([]), json!(["a", "b", "c"]), json!([1])],
            ),
            (
                json!({ "required": ["a"], "properties": { "a": { "type": "boolean" } } }),
                vec![json!({ "a": true, "b": 1 })],
                vec![json!({}), json!({ "a": 1 })],
            ),
            (
                json!({ "allOf": [{ "$ref": "#/text" }, { "maxLength": 1 }] }),
                vec![json!("a")],
                vec![json!("ab"), json!(1)],
            ),
            (
                json!({
                    "oneOf": [{ "$ref": "#/text" }, { "$ref": "#/named" }],
                    "discriminator": { "propertyName": "type", "mapping": { "named": "#/named" } },
                }),
                vec![json!({ "type": "named", "name": "a" })],
                vec![json!({ "type": "named" }), json!({ "type": "text" }), json!({ "name": "a" }), json!("a")],
            ),
            (
                json!({
                    "oneOf": [{ "$ref": "#/usual" }, { "$ref": "#/named" }],
                    "discriminator": { "propertyName": "type", "mapping": { "usual": "#/usual", "named": "#/named" } },
                }),
                vec![
                    json!({ "type": "usual", "size": 1 }),
                    json!({ "size": 1 }),
                    json!({ "type": "named", "name": "a" }),
                ],
                vec![json!({}), json!({ "name": "a" }), json!({ "type": null, "size": 1 }), json!({ "type": "named" })],
            ),
            (
                json!({ "x-decoded-min-length": 1, "x-decoded-max-length": 2 }),
                vec![json!("8J+agA==")],
                vec![json!(""), json!("YWJj"), json!("/w==")],
            ),
        ];
        for (schema, good, bad) in cases {
            let spec = json!({
                "text": { "type": "string" },
                "named": { "required": ["name"] },
                "usual": { "required": ["size"], "properties": { "type": { "default": "usual" } } },
            });
            let compiled = compiled(spec, &schema).unwrap_or_else(|e| panic!("{e}"));
            for value in good {
                assert_eq!(compiled.check(&value), Ok(()), "{schema} and {value}");
            }
            for value in bad {
                assert!(compiled.check(&value).is_err(), "{schema} and {value}");
            }
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place_and_its_rule_and_without_its_value() {
        let schema = json!({ "properties": { "a/b": { "items": { "$ref": "#/tag" } }, "name": { "type": "string" } } });
        let schema = compiled(json!({ "tag": { "maxLength": 3 } }), &schema).unwrap_or_else(|e| panic!("{e}"));
        let wrong = |value| schema.check(&value).err().map(|wrong| (wrong.what, wrong.rule.unwrap_or_default()));
        let cases = [
            (json!({ "a/b": ["a", "secret"] }), ("/a/b/1 has 6 characters, and 3 is the most", "#/tag/maxLength")),
            (json!({ "name": 7 }), ("/name is integer, not string", "#/schema/properties/name/type")),
        ];
        for (value, (what, rule)) in cases {
            assert_eq!(wrong(value), Some((what.to_owned(), rule.to_owned())));
        }
    }

    #[test]
    fn a_schema_with_an_unknown_keyword_or_that_contains_itself_is_refused() {
        let refusal = |schema| compiled(json!({ "loop": { "items": { "$ref": "#/loop" } } }), &schema).err();
        assert_eq!(refusal(json!({ "uniqueItems": true })), Some("the keyword uniqueItems is not simulated".into()));
        assert_eq!(refusal(json!({ "oneOf": [] })), Some("the keyword oneOf is not simulated".into()));
        assert_eq!(refusal(json!({ "$ref": "#/loop" })), Some("a schema contains itself".into()));
    }
}
