//! Every difference between two specs is in the report.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};
use spec_diff::{Spec, compare};

use crate::{TABLE, value};

/// The pointers to everything in a value, to the value itself last.
fn pointers(value: &Value, at: &str, into: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, child) in map {
                pointers(child, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), into);
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, child)| pointers(child, &format!("{at}/{index}"), into));
        }
        _ => {}
    }
    into.push(at.to_owned());
}

/// A small change of a value: a leaf changes, a map or list gains or loses an entry.
fn mutate(value: &mut Value, remove: bool, word: &str) {
    match value {
        Value::Object(map) if remove && !map.is_empty() => {
            let key = map.keys().next().cloned().unwrap();
            map.remove(&key);
        }
        Value::Object(map) => {
            map.insert(format!("new-{word}"), json!(word));
        }
        Value::Array(items) if remove && !items.is_empty() => {
            items.remove(0);
        }
        Value::Array(items) => items.insert(0, json!(format!("new-{word}"))),
        Value::String(text) => text.push_str(&format!("-{word}")),
        Value::Number(number) => *value = json!(number.as_f64().unwrap() + 1.0),
        Value::Bool(flag) => *flag = !*flag,
        Value::Null => *value = json!(word),
    }
}

/// The project's own spec and that of the table, each with every place in it.
static SPECS: LazyLock<[(Spec, Value, Vec<String>); 2]> = LazyLock::new(|| {
    let own = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi.yaml")).unwrap();
    [own.as_str(), TABLE].map(|text| {
        let value = value(text);
        let mut places = Vec::new();
        pointers(&value, "", &mut places);
        (Spec::parse("old", text).unwrap(), value, places)
    })
});

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn no_difference_is_silent(
        table: bool, place in any::<prop::sample::Index>(), remove: bool, swap: bool, word in "[a-z]{1,4}"
    ) {
        let (old, value, places) = &SPECS[usize::from(table)];
        let mut value = value.clone();
        let place = place.get(places);
        mutate(value.pointer_mut(place).unwrap(), remove, &word);
        // A value that is no OpenAPI document any more is refused, which isn't silent either.
        if let Ok(new) = Spec::parse("new", &value.to_string()) {
            let (from, to) = if swap { (&new, old) } else { (old, &new) };
            let report = compare(from, to);
            prop_assert!(report.gravest().is_some(), "{place} changed, and the report is empty");
            let layout = report.text(false).contains("order, layout or comments");
            prop_assert!(!layout, "{place} changed, and the report speaks of layout alone");
        }
    }
}
