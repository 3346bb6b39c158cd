//! One place in the old and the new document.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::words::{change, quote};
use crate::lines::escape;
use crate::report::Group;
use crate::spec::{Spec, place, resolve};

/// What the old and the new document have in one place, and how a sentence names it.
#[derive(Clone)]
pub struct Part<'v> {
    pub old: Option<&'v Value>,
    pub new: Option<&'v Value>,
    pub old_pointer: String,
    pub new_pointer: String,
    /// Only the old document has it.
    pub gone: bool,
    pub group: Group,
    /// The subject of sentences, within the group; may be empty.
    pub subject: String,
}

impl<'v> Part<'v> {
    /// Two whole documents.
    pub fn of(old: &'v Value, new: &'v Value) -> Self {
        Self {
            old: Some(old),
            new: Some(new),
            old_pointer: String::new(),
            new_pointer: String::new(),
            gone: false,
            group: Group::document(),
            subject: String::new(),
        }
    }

    pub fn child(&self, key: &str) -> Self {
        self.children(key, key)
    }

    /// The same thing under two keys: a renamed path, or an item that moved in its list.
    pub fn children(&self, old_key: &str, new_key: &str) -> Self {
        let old = self.old.and_then(|value| get(value, old_key));
        let new = self.new.and_then(|value| get(value, new_key));
        Self {
            old,
            new,
            old_pointer: format!("{}/{}", self.old_pointer, escape(old_key)),
            new_pointer: format!("{}/{}", self.new_pointer, escape(new_key)),
            gone: new.is_none(),
            ..self.clone()
        }
    }

    /// An item that only the old list has.
    pub fn went(&self, key: &str) -> Self {
        Self { new: None, gone: true, ..self.child(key) }
    }

    /// An item that only the new list has.
    pub fn came(&self, key: &str) -> Self {
        Self { old: None, gone: false, ..self.child(key) }
    }

    pub fn about(&self, subject: impl Into<String>) -> Self {
        Self { subject: subject.into(), ..self.clone() }
    }

    pub fn within(&self, group: Group) -> Self {
        Self { group, ..self.about("") }
    }

    /// A property of this schema.
    pub fn property(&self, name: &str) -> Self {
        let path = self.subject.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
        let subject = match (self.subject.as_str(), path.filter(|path| !path.contains('`'))) {
            ("", _) => quote(name),
            (_, Some(path)) => quote(&format!("{path}.{name}")),
            (subject, None) => format!("{} of {subject}", quote(name)),
        };
        self.child("properties").child(name).about(subject)
    }

    /// With `$ref`s resolved.
    pub fn resolved(&self, old: &'v Spec, new: &'v Spec) -> Self {
        let old = self.old.map(|value| resolve(&old.value, value));
        let new = self.new.map(|value| resolve(&new.value, value));
        Self { old, new, ..self.clone() }
    }

    /// With `$ref`s resolved, and in the place that they point at.
    pub fn target(&self, old: &'v Spec, new: &'v Spec) -> Self {
        let at = |spec: &'v Spec, value, pointer: &String| place(&spec.value, value).unwrap_or(pointer).to_owned();
        let old_pointer = self.old.map_or(self.old_pointer.clone(), |value| at(old, value, &self.old_pointer));
        let new_pointer = self.new.map_or(self.new_pointer.clone(), |value| at(new, value, &self.new_pointer));
        Self { old_pointer, new_pointer, ..self.resolved(old, new) }
    }

    /// With these in place of missing values.
    pub fn or(&self, old: Option<&'v Value>, new: Option<&'v Value>) -> Self {
        Self { old: self.old.or(old), new: self.new.or(new), ..self.clone() }
    }

    /// Whether both documents have it.
    pub fn stays(&self) -> bool {
        self.old.is_some() && self.new.is_some()
    }

    /// Whether it is a map in both documents. A missing map counts as an empty one.
    pub fn is_map(&self) -> bool {
        [self.old, self.new].into_iter().flatten().all(Value::is_object)
    }

    /// Every key of the two maps.
    pub fn keys(&self) -> BTreeSet<&'v str> {
        [self.old, self.new]
            .into_iter()
            .flatten()
            .filter_map(Value::as_object)
            .flatten()
            .map(|(key, _)| &**key)
            .collect()
    }

    /// The keys whose values differ.
    pub fn changed(&self) -> Vec<(&'v str, Self)> {
        self.keys().into_iter().map(|key| (key, self.child(key))).filter(|(_, child)| child.old != child.new).collect()
    }

    /// What `read` returns for both values. A missing value is `null`.
    pub fn both<T>(&self, read: impl Fn(&'v Value) -> T) -> (T, T) {
        static NULL: Value = Value::Null;
        (read(self.old.unwrap_or(&NULL)), read(self.new.unwrap_or(&NULL)))
    }

    /// Both values as flags, which are off if they are missing.
    pub fn flags(&self) -> (bool, bool) {
        self.both(|mark| mark.as_bool().unwrap_or(false))
    }

    /// How the value changed, as the end of a sentence.
    pub fn change(&self) -> String {
        change(self.old, self.new)
    }
}

fn get<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    match value {
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        value => value.get(key),
    }
}

/// The value, or an empty map if it is missing.
pub fn or_empty(value: Option<&Value>) -> &Value {
    static EMPTY: LazyLock<Value> = LazyLock::new(|| Value::Object(Map::new()));
    value.unwrap_or(&EMPTY)
}
