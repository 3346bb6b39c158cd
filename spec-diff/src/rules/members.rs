//! Types made of other types: `allOf`, `anyOf` and `oneOf`.

use serde_json::Value;

use super::words::{json, names};
use super::{Breaking, Part, Rules, quote};
use crate::reach::Way;
use crate::spec::reference;

const COMPOSITIONS: [(&str, &str); 3] = [("allOf", "all of"), ("anyOf", "any of"), ("oneOf", "one of")];

impl<'v> Rules<'v> {
    pub(super) fn members(&mut self, key: &str, list: &Part<'v>, way: Way) {
        let (Some(Value::Array(old)), Some(Value::Array(new))) = (list.old, list.new) else {
            let sentence = format!("{} {}: the Rust type follows from it", quote(key), list.change());
            return self.say(Breaking, list, sentence);
        };
        let (mut went, mut came) = (missing(old, new), missing(new, old));
        if went.is_empty() && came.is_empty() && key != "allOf" {
            let sentence = format!("{} {}: the Rust type tries its members in this order", quote(key), list.change());
            self.say(Breaking, list, sentence);
        }
        if let ([old_index], [new_index]) = (unnamed(&went).as_slice(), unnamed(&came).as_slice()) {
            let member = list.children(old_index, new_index);
            let subject = format!("the alternative ({})", member.new.map(json).unwrap_or_default());
            self.schema(&if key == "allOf" { member } else { member.about(subject) }, way, false);
            went.retain(|(index, _)| index != old_index);
            came.retain(|(index, _)| index != new_index);
        }
        let (is, was) = match key {
            "allOf" => ("includes", "no longer includes"),
            _ => ("may also be", "can no longer be"),
        };
        for (index, member) in came {
            let sentence = format!("{is} {} now: the Rust type follows from it", json(member));
            self.say(Breaking, &list.came(&index), sentence);
        }
        for (index, member) in went {
            let sentence = format!("{was} {}: the Rust type follows from it", json(member));
            self.say(Breaking, &list.went(&index), sentence);
        }
    }
}

/// The members that are written out in their list. If there is one before and one after, it is the same member,
/// changed. A named member is judged in its own place.
fn unnamed(members: &[(String, &Value)]) -> Vec<String> {
    let unnamed = members.iter().filter(|(_, member)| reference(member).is_none());
    unnamed.map(|(index, _)| index.clone()).collect()
}

/// The values that only the first of two lists has, with their index.
fn missing<'v>(list: &'v [Value], other: &[Value]) -> Vec<(String, &'v Value)> {
    let items = list.iter().enumerate().filter(|(_, value)| !other.contains(value));
    items.map(|(index, value)| (index.to_string(), value)).collect()
}

/// The component that a schema refers to: directly, or as the only member of `allOf`, `anyOf` or `oneOf`, which people
/// write to add a description.
pub fn only(schema: &Value) -> Option<&str> {
    let target = reference(schema).or_else(|| match composition(schema)?.1.as_slice() {
        [only] => reference(only),
        _ => None,
    })?;
    Some(last(target))
}

/// The name of what a reference points at.
pub fn last(target: &str) -> &str {
    target.rsplit('/').next().unwrap_or(target)
}

/// What a schema is, as a sentence names it.
pub fn name(schema: &Value) -> String {
    match (only(schema), composition(schema)) {
        (Some(name), _) => quote(name),
        (None, Some((words, list))) => format!("{words} {}", names(&list.iter().collect::<Vec<_>>())),
        (None, None) => "a type of its own".to_owned(),
    }
}

/// Whether both have the same keyword for their members, and one has several members: then these are compared one by
/// one.
pub fn is_one_list(schema: &Part) -> bool {
    let several = |list: Option<&Vec<Value>>| list.is_some_and(|list| list.len() > 1);
    COMPOSITIONS.iter().any(|(key, _)| {
        let (old, new) = schema.both(|schema| schema.get(*key).and_then(Value::as_array));
        old.is_some() && new.is_some() && (several(old) || several(new))
    })
}

fn composition(schema: &Value) -> Option<(&'static str, &Vec<Value>)> {
    COMPOSITIONS.iter().find_map(|(key, words)| Some((*words, schema.get(*key)?.as_array()?)))
}
