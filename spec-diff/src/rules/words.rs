//! Values and their changes, as words of a sentence.

use serde_json::{Map, Value};

use crate::spec::reference;

/// How a value changed, as the end of a sentence.
pub fn change(old: Option<&Value>, new: Option<&Value>) -> String {
    match (old, new) {
        (Some(Value::Array(old)), Some(Value::Array(new))) => list_change(old, new),
        (Some(Value::Object(old)), Some(Value::Object(new))) => map_change(old, new),
        (Some(old), Some(new)) => format!("is {}, no longer {}", json(new), json(old)),
        (None, Some(new)) => format!("is {} now", json(new)),
        (Some(old), None) => format!("is no longer {}", json(old)),
        (None, None) => String::new(),
    }
}

fn list_change(old: &[Value], new: &[Value]) -> String {
    let came: Vec<&Value> = new.iter().filter(|value| !old.contains(value)).collect();
    let went: Vec<&Value> = old.iter().filter(|value| !new.contains(value)).collect();
    match (came.as_slice(), went.as_slice()) {
        ([], []) if old.len() == new.len() => "is in another order".to_owned(),
        ([], []) => "repeats a value a different number of times".to_owned(),
        (came, []) => format!("has {} now", names(came)),
        ([], went) => format!("no longer has {}", names(went)),
        (came, went) => format!("has {} now, no longer {}", names(came), names(went)),
    }
}

fn map_change(old: &Map<String, Value>, new: &Map<String, Value>) -> String {
    let keys = |keys: Vec<&String>| keys.into_iter().map(|key| quote(key)).collect::<Vec<_>>().join(", ");
    let came = keys(new.keys().filter(|key| !old.contains_key(*key)).collect());
    let went = keys(old.keys().filter(|key| !new.contains_key(*key)).collect());
    let differs =
        keys(new.keys().filter(|key| old.get(*key).is_some_and(|value| new.get(*key) != Some(value))).collect());
    let said = [("has", came, " now"), ("no longer has", went, ""), ("has another", differs, "")];
    let said = said.into_iter().filter(|(_, keys, _)| !keys.is_empty());
    said.map(|(verb, keys, end)| format!("{verb} {keys}{end}")).collect::<Vec<_>>().join(", ")
}

/// Values, separated by commas.
pub fn names(values: &[&Value]) -> String {
    values.iter().map(|value| json(value)).collect::<Vec<_>>().join(", ")
}

/// A value as the document has it; a long one by what identifies it.
pub fn json(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "an empty text".to_owned(),
        Value::String(text) => quote(text),
        Value::Array(items) if items.is_empty() => "an empty list".to_owned(),
        Value::Array(items) => format!("the list of {}", names(&items.iter().collect::<Vec<_>>())),
        Value::Object(map) => map_name(value, map),
        _ => quote(&value.to_string()),
    }
}

/// A map by the name of its `$ref`, its own name, or its keys.
fn map_name(value: &Value, map: &Map<String, Value>) -> String {
    let text = |key| map.get(key).and_then(Value::as_str);
    let keys = |map: &Map<String, Value>| map.keys().map(|key| quote(key)).collect::<Vec<_>>().join(", ");
    if let Some(target) = reference(value) {
        return quote(target.rsplit('/').next().unwrap_or(target));
    }
    match (text("title").or(text("name")), text("type"), map.get("properties").and_then(Value::as_object)) {
        (Some(name), _, _) => quote(name),
        (None, _, Some(fields)) if !fields.is_empty() => format!("an object with {}", keys(fields)),
        (None, Some(kind), _) if kind.starts_with(['a', 'i', 'o']) => format!("an {kind}"),
        (None, Some(kind), _) => format!("a {kind}"),
        _ if map.is_empty() => "an empty map".to_owned(),
        _ => format!("a map with {}", keys(map)),
    }
}

/// A keyword with its value, as the document has it.
pub fn entry(key: &str, value: Option<&Value>) -> String {
    let value = value.map(json).unwrap_or_default();
    quote(&format!("{key}: {}", value.trim_matches('`')))
}

pub fn quote(text: &str) -> String {
    let short: String = text.chars().take(80).collect();
    if short.len() < text.len() { format!("`{short}…`") } else { format!("`{short}`") }
}
