//! The line of each key in a YAML document.

use std::collections::HashMap;
use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_saphyr::Spanned;

use crate::spec::yaml;

/// JSON pointer of each key -> its line, from 1. `value` is the content of `text`.
pub fn lines(text: &str, value: &Value) -> Result<HashMap<String, u64>, serde_saphyr::Error> {
    let mut lines = HashMap::new();
    serde_saphyr::with_deserializer_from_str_with_options(text, yaml(), |document| {
        Lines { pointer: String::new(), value, lines: &mut lines }.deserialize(document)
    })?;
    Ok(lines)
}

/// Walks through a document whose value is known, and keeps the lines of its keys.
struct Lines<'a> {
    pointer: String,
    value: &'a Value,
    lines: &'a mut HashMap<String, u64>,
}

impl Lines<'_> {
    fn child<'a>(&'a mut self, key: &str, value: Option<&'a Value>) -> Lines<'a> {
        let pointer = format!("{}/{}", self.pointer, escape(key));
        Lines { pointer, value: value.unwrap_or(&Value::Null), lines: self.lines }
    }
}

impl<'de> DeserializeSeed<'de> for Lines<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.value {
            Value::Object(_) => deserializer.deserialize_map(self),
            Value::Array(_) => deserializer.deserialize_seq(self),
            _ => IgnoredAny::deserialize(deserializer).map(|_| ()),
        }
    }
}

impl<'de> Visitor<'de> for Lines<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map or a list")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let value = self.value;
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let child = self.child(&key.value, value.get(&key.value));
            child.lines.insert(child.pointer.clone(), key.referenced.line());
            map.next_value_seed(child)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        let value = self.value;
        for index in 0.. {
            if items.next_element_seed(self.child(&index.to_string(), value.get(index)))?.is_none() {
                break;
            }
        }
        Ok(())
    }
}

/// A key as a part of a JSON pointer.
pub fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
