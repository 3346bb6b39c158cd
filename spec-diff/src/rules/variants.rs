//! A `oneOf` with a `discriminator`: an open enum, whose variants have tags.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::members::last;
use super::{Additive, Breaking, Part, Rules, quote};
use crate::spec::reference;

impl<'v> Rules<'v> {
    /// An entry of `mapping` and its member are one variant. The order of the members means nothing.
    pub(super) fn variants(&mut self, schema: &Part<'v>) {
        let discriminator = schema.child("discriminator");
        let name = discriminator.child("propertyName");
        if name.old != name.new {
            self.say(Breaking, &name, format!("its tag {}: programs look for the old one", name.change()));
        }
        let (old, new) = schema.both(variants);
        let place = |tag: &str| {
            let entry = discriminator.child("mapping").child(tag);
            if entry.old.or(entry.new).is_some() { entry } else { schema.child("oneOf") }
        };
        for tag in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
            match (old.get(tag), new.get(tag)) {
                (Some(was), Some(is)) if was == is => {}
                (Some(was), Some(is)) => {
                    let sentence = format!("{} is the tag of {}, no longer of {}", quote(tag), quote(is), quote(was));
                    self.say(Breaking, &place(tag), sentence + ": the Rust type follows from it");
                }
                (Some(member), None) => match renamed(member, &old, &new) {
                    Some(is) => {
                        let sentence = format!("{} has the tag {}, no longer {}", quote(member), quote(is), quote(tag));
                        self.say(Breaking, &place(is), sentence + ": programs look for the old one");
                    }
                    None => {
                        let sentence = format!("can no longer be {}: the Rust variant is gone", quote(tag));
                        self.say(Breaking, &place(tag), sentence);
                    }
                },
                // Generated enums are open: an older release reads the value as `Unknown`.
                (None, Some(member)) if renamed(member, &new, &old).is_none() => {
                    self.say(Additive, &place(tag), format!("may also be {}", quote(tag)));
                }
                (None, _) => {}
            }
        }
    }
}

/// Whether a field of a `oneOf` says which member a value is.
pub fn is_tagged(schema: &Value) -> bool {
    let members = schema.get("oneOf").and_then(Value::as_array);
    schema.get("discriminator").is_some_and(Value::is_object)
        && members.is_some_and(|members| members.iter().all(|member| reference(member).is_some()))
}

/// The tags of a `oneOf`, and the member of each. One that `mapping` lacks has its own name.
fn variants(schema: &Value) -> BTreeMap<&str, &str> {
    let mapping = schema.pointer("/discriminator/mapping").and_then(Value::as_object);
    let members = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten().filter_map(reference).map(last);
    let tagged = |member| {
        let entries = mapping.into_iter().flatten();
        let tags = entries.filter(|(_, target)| target.as_str().map(last) == Some(member)).map(|(tag, _)| tag.as_str());
        let tags: Vec<_> = tags.map(|tag| (tag, member)).collect();
        if tags.is_empty() { vec![(member, member)] } else { tags }
    };
    members.flat_map(tagged).collect()
}

/// The tag that a member has in the other document and only there.
fn renamed<'v>(member: &str, here: &BTreeMap<&str, &str>, other: &BTreeMap<&'v str, &str>) -> Option<&'v str> {
    other.iter().find(|(tag, of)| **of == member && !here.contains_key(*tag)).map(|(tag, _)| *tag)
}
