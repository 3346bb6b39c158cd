//! Where in the spec something stands, and what of a request breaks a rule there.

use serde_json::Value;

/// A value of the spec that knows its place. Where the spec has a `$ref`, it is the target.
pub(super) struct Node<'a> {
    spec: &'a Value,
    pub(super) value: &'a Value,
    /// A JSON reference, such as `#/components/parameters/JobId`.
    pub(super) place: String,
}

impl<'a> Node<'a> {
    pub(super) fn root(spec: &'a Value) -> Self {
        Self { spec, value: spec, place: "#".to_owned() }
    }

    /// The value of this name in an object, or of this index in an array.
    pub(super) fn get(&self, name: &str) -> Option<Self> {
        let step = step(name);
        let value = self.value.pointer(&step)?;
        Some(Self { spec: self.spec, value, place: format!("{}{step}", self.place) }.resolved())
    }

    /// The value behind several names.
    pub(super) fn find(&self, names: &[&str]) -> Option<Self> {
        let (first, rest) = names.split_first()?;
        let node = self.get(first)?;
        if rest.is_empty() { Some(node) } else { node.find(rest) }
    }

    /// What a `$ref` with this reference leads to.
    pub(super) fn target(&self, reference: &str) -> Option<Self> {
        let value = self.spec.pointer(reference.strip_prefix('#')?)?;
        Some(Self { spec: self.spec, value, place: reference.to_owned() })
    }

    /// Names, or indices, and what they lead to.
    pub(super) fn children(&self) -> impl Iterator<Item = (String, Self)> {
        let names: Vec<String> = match self.value {
            Value::Object(fields) => fields.keys().cloned().collect(),
            Value::Array(items) => (0..items.len()).map(|index| index.to_string()).collect(),
            _ => Vec::new(),
        };
        names.into_iter().filter_map(|name| self.get(&name).map(|child| (name, child)))
    }

    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.value.get(name)?.as_str()
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        self.value.get(name) == Some(&Value::Bool(true))
    }

    /// What `example` shows, or that one of `examples` which names the fewest ids: ids aren't everybody's.
    pub(super) fn example(&self) -> Option<Value> {
        let examples = self.get("examples");
        let examples = examples.iter().flat_map(Self::children).filter_map(|(_, example)| example.value.get("value"));
        let fewest = examples.min_by_key(|example| example.to_string().matches("_id\":").count());
        self.value.get("example").or(fewest).cloned()
    }

    fn resolved(self) -> Self {
        self.text("$ref").and_then(|reference| self.target(reference)).unwrap_or(self)
    }
}

/// One step of a JSON pointer.
pub(super) fn step(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// What is wrong with a value. It never quotes what came, which may be a secret.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) what: String,
    /// The place in the spec that says otherwise.
    pub(super) rule: Option<String>,
}

impl Wrong {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), rule: None }
    }

    /// Names the place in the spec, unless one is named already.
    pub(super) fn by(self, rule: impl FnOnce() -> String) -> Self {
        Self { rule: self.rule.or_else(|| Some(rule())), ..self }
    }

    /// Says where in a value it is: `/tags/3 has 51 characters`.
    pub(super) fn within(self, place: &dyn std::fmt::Display) -> Self {
        let gap = if self.what.starts_with('/') { "" } else { " " };
        Self { what: format!("/{place}{gap}{}", self.what), ..self }
    }

    /// A sentence about what has this value. It may begin with the place in the value.
    pub(super) fn of(self, subject: &str) -> Self {
        let verb = if self.what.starts_with('/') { " is invalid:" } else { "" };
        Self { what: format!("{subject}{verb} {}.", self.what), ..self }
    }
}
