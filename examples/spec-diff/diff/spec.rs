//! An OpenAPI document as read from a file: its content, and the line on which each part of it stands. What the content
//! means is for `rules`.

use std::collections::HashMap;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_saphyr::Spanned;

pub struct Spec {
    /// The file, for places in it.
    pub name: String,
    pub text: String,
    pub value: Value,
    /// JSON pointer -> line.
    lines: HashMap<String, u64>,
}

impl Spec {
    /// The document in `text`, or one line that says what is wrong with it and where.
    pub fn parse(name: &str, text: &str) -> Result<Self, String> {
        let text = text.replace("\r\n", "\n");
        let unreadable = |e: serde_saphyr::Error| {
            let (line, column) = e.location().map_or((1, 1), |at| (at.line(), at.column()));
            format!("{name}:{line}:{column}: {}", e.without_snippet())
        };
        let value: Value = serde_saphyr::from_str(&text).map_err(unreadable)?;
        let mut lines = HashMap::new();
        serde_saphyr::with_deserializer_from_str(&text, |document| {
            Lines { pointer: String::new(), lines: &mut lines }.deserialize(document)
        })
        .map_err(unreadable)?;
        let spec = Self { name: name.to_owned(), text, value, lines };
        let version = spec.value.get("openapi").and_then(Value::as_str).unwrap_or_default();
        if !version.starts_with("3.0.") {
            return Err(format!(
                "{}: `openapi: 3.0.x` is missing: not an OpenAPI 3.0 document",
                spec.place("/openapi")
            ));
        }
        if !spec.value.get("paths").is_some_and(Value::is_object) {
            return Err(format!("{}: `paths` is missing or not a map", spec.place("/paths")));
        }
        spec.check_references("", &spec.value)?;
        Ok(spec)
    }

    /// Every `$ref` leads to something in this document that isn't a `$ref` again and again.
    fn check_references(&self, pointer: &str, value: &Value) -> Result<(), String> {
        let children: Vec<(String, &Value)> = match value {
            Value::Object(map) => map.iter().map(|(key, child)| (escape(key), child)).collect(),
            Value::Array(items) => items.iter().enumerate().map(|(index, child)| (index.to_string(), child)).collect(),
            _ => Vec::new(),
        };
        if let Some(reference) = reference(value)
            && reference_target(&self.value, value).is_none()
        {
            let place = self.place(&format!("{pointer}/$ref"));
            return Err(format!("{place}: `$ref: '{reference}'` leads to nothing in this file"));
        }
        children.into_iter().try_for_each(|(key, child)| self.check_references(&format!("{pointer}/{key}"), child))
    }

    /// The line of the key that a JSON pointer ends in, or of the nearest one around it.
    pub fn line(&self, pointer: &str) -> u64 {
        let mut around = pointer;
        loop {
            if let Some(line) = self.lines.get(around) {
                return *line;
            }
            let Some(end) = around.rfind('/') else { return 1 };
            around = around.get(..end).unwrap_or_default();
        }
    }

    fn place(&self, pointer: &str) -> String {
        format!("{}:{}", self.name, self.line(pointer))
    }
}

/// Where a `$ref` leads, through as many as there are.
pub fn resolve<'v>(document: &'v Value, value: &'v Value) -> &'v Value {
    reference_target(document, value).unwrap_or(value)
}

/// What a value's `$ref` says. A `$ref` that isn't text is the name of a property.
pub fn reference(value: &Value) -> Option<&str> {
    value.get("$ref").and_then(Value::as_str)
}

fn reference_target<'v>(document: &'v Value, value: &'v Value) -> Option<&'v Value> {
    let mut target = value;
    // No sensible document has a longer chain, and one that comes back to itself ends.
    for _ in 0..16 {
        let Some(reference) = reference(target) else { return Some(target) };
        target = document.pointer(reference.strip_prefix('#')?)?;
    }
    None
}

/// A key as a part of a JSON pointer.
pub fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Goes through a YAML document for nothing but the lines of its keys.
struct Lines<'a> {
    pointer: String,
    lines: &'a mut HashMap<String, u64>,
}

impl Lines<'_> {
    fn child(&mut self, key: &str) -> Lines<'_> {
        Lines { pointer: format!("{}/{}", self.pointer, escape(key)), lines: self.lines }
    }
}

impl<'de> DeserializeSeed<'de> for Lines<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Lines<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let child = self.child(&key.value);
            child.lines.insert(child.pointer.clone(), key.referenced.line());
            map.next_value_seed(child)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        let mut index = 0_usize;
        while items.next_element_seed(self.child(&index.to_string()))?.is_some() {
            index += 1;
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i128<E>(self, _: i128) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u128<E>(self, _: u128) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}
