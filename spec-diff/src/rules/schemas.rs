//! Types: the schema of a component, a field, a parameter or a body.

use std::collections::BTreeSet;

use serde_json::Value;

use super::members::{is_one_list, name, only};
use super::variants::is_tagged;
use super::words::names;
use super::{Additive, Breaking, Class, Editorial, Part, Rules, quote};
use crate::reach::Way;

impl<'v> Rules<'v> {
    /// A schema is judged in its own place, not where a `$ref` points at it. `optional` says whether the Rust type is
    /// an `Option` in any case.
    pub(super) fn schema(&mut self, schema: &Part<'v>, way: Way, optional: bool) {
        if schema.old.is_none() || schema.new.is_none() {
            return self.say(Breaking, schema, format!("its type {}", schema.change()));
        }
        if !schema.is_map() {
            return self.unknown(schema, "schema");
        }
        let (was, is) = schema.both(only);
        if was != is && !is_one_list(schema) {
            let (was, is) = schema.both(name);
            let alone = if is.contains(&was) { " alone" } else { "" };
            return self.say(Breaking, schema, format!("is {is} now, no longer {was}{alone}"));
        }
        let (fields, rest): (Vec<_>, Vec<_>) =
            schema.changed().into_iter().partition(|(key, _)| matches!(*key, "properties" | "required"));
        let tagged = schema.both(is_tagged) == (true, true);
        let (variants, rest): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|(key, _)| tagged && matches!(*key, "oneOf" | "discriminator"));
        self.judge(rest, schema, "schema", |rules, key, part| match key {
            "$ref" | "allOf" | "anyOf" | "oneOf" if is.is_some() && was == is => {
                rules.say(Editorial, schema, "names the same type in another way")
            }
            "allOf" | "anyOf" | "oneOf" => rules.members(key, part, way),
            "enum" => rules.enumeration(part),
            "nullable" => rules.nullable(part, way, optional),
            "minLength" | "maxLength" | "pattern" => rules.length(key, part, schema, way),
            "minItems" | "minProperties" | "minimum" | "exclusiveMinimum" | "maxItems" | "maxProperties"
            | "maximum" | "exclusiveMaximum" | "multipleOf" | "uniqueItems" => rules.bound(key, part, way),
            "x-decoded-min-length" | "x-decoded-max-length" => rules.bound(key, part, way),
            "items" | "additionalProperties" if part.both(Value::is_object) == (true, true) => {
                let subject = if schema.subject.is_empty() { "it" } else { &schema.subject };
                rules.schema(&part.about(format!("what is in {subject}")), way, false);
            }
            "format" if schema.both(is_text) == (true, true) => {
                rules.say(Editorial, part, format!("{} {}; it is text either way", quote(key), part.change()))
            }
            "default" if way != Way::Response => rules.say(
                Breaking,
                part,
                format!("{} {}: leaving it out may mean something else", quote(key), part.change()),
            ),
            "type" | "format" | "default" | "items" | "not" | "discriminator" | "additionalProperties" => {
                rules.say(Breaking, part, format!("{} {}: the Rust type follows from it", quote(key), part.change()))
            }
            _ => rules.other(key, part),
        });
        if !fields.is_empty() {
            self.never_silent(schema, "its list of fields", |rules| rules.fields(schema, way));
        }
        if !variants.is_empty() {
            self.never_silent(schema, "its list of variants", |rules| rules.variants(schema));
        }
    }

    /// `properties` and `required`, which together define a field.
    fn fields(&mut self, schema: &Part<'v>, way: Way) {
        let properties = schema.child("properties");
        if !properties.is_map() {
            return self.unknown(&properties, "properties");
        }
        let names = properties.keys();
        let (was_required, is_required) = schema.both(required);
        for name in &names {
            let required = (was_required.contains(name), is_required.contains(name));
            self.field(&schema.property(name), required, way);
        }
        for name in was_required.symmetric_difference(&is_required).filter(|name| !names.contains(*name)) {
            let sentence = format!("`required` names {}, which isn't a field", quote(name));
            self.say(Breaking, &schema.child("required"), sentence);
        }
    }

    /// `required` says whether the field was required, and whether it is.
    fn field(&mut self, field: &Part<'v>, required: (bool, bool), way: Way) {
        let (class, sentence) = match (field.old, field.new, required) {
            (_, None, _) => (Breaking, "is gone: code that names the field doesn't compile".to_owned()),
            (None, _, (_, must)) => way.judge(|way| match (way, must) {
                (Way::Response, _) => (Additive, "is a new field"),
                (_, true) => (Breaking, "is a new field and must be sent"),
                (_, false) => (Breaking, "is a new field and may be sent: code that writes the object down lacks it"),
            }),
            (Some(old), Some(new), (was, is)) => {
                if old != new {
                    self.never_silent(field, "", |rules| rules.schema(field, way, !was && !is));
                }
                if was == is {
                    return;
                }
                way.judge(|way| presence(way, is))
            }
        };
        self.say(class, field, sentence);
    }

    fn enumeration(&mut self, part: &Part) {
        let (old, new) = part.both(|list| list.as_array().into_iter().flatten().collect::<Vec<_>>());
        match (part.old, part.new) {
            (None, _) => {
                let sentence = format!("may only be {} now: the Rust type becomes an enum", names(&new));
                return self.say(Breaking, part, sentence);
            }
            (_, None) => {
                let sentence = format!("is no longer limited to {}: the Rust type is no longer an enum", names(&old));
                return self.say(Breaking, part, sentence);
            }
            _ => {}
        }
        for value in new.iter().filter(|value| !old.contains(value)) {
            // Generated enums are open: an older release reads the value as `Unknown`.
            self.say(Additive, part, format!("may also be {}", names(&[*value])));
        }
        for value in old.iter().filter(|value| !new.contains(value)) {
            self.say(Breaking, part, format!("can no longer be {}: the Rust variant is gone", names(&[*value])));
        }
    }

    fn nullable(&mut self, part: &Part, way: Way, optional: bool) {
        let (was, is) = part.flags();
        if was == is {
            return;
        }
        let (class, sentence) = way.judge(|way| match (way, is) {
            (Way::Response, true) if optional => (Additive, "may be null now, which reads as missing"),
            (Way::Response, false) if optional => (Additive, "is never null now"),
            (Way::Response, true) => (Breaking, "may be null now: its Rust type becomes an `Option`"),
            (Way::Response, false) => (Breaking, "is never null now: its Rust type is no longer an `Option`"),
            (_, true) => (Additive, "may be sent as null now"),
            (_, false) => (Breaking, "can't be sent as null now"),
        });
        self.say(class, part, sentence);
    }
}

/// Whether the Rust type is text, whatever else the format says.
fn is_text(schema: &Value) -> bool {
    let text = |key| schema.get(key).and_then(Value::as_str);
    text("type") == Some("string") && !matches!(text("format"), Some("byte" | "binary"))
}

/// A field became required or optional.
fn presence(way: Way, required: bool) -> (Class, &'static str) {
    match (way, required) {
        (Way::Response, true) => (Breaking, "is always there now: its Rust type is no longer an `Option`"),
        (Way::Response, false) => (Breaking, "may be missing now: its Rust type becomes an `Option`"),
        (_, true) => (Breaking, "must be sent now"),
        (_, false) => (Breaking, "may be left out now: its Rust type becomes an `Option`"),
    }
}

fn required(schema: &Value) -> BTreeSet<&str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}
