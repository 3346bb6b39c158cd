//! An OpenAPI 3.0 document as read from a file: its content, and where each part of it stands. What the content means is
//! for `rules`.

use std::collections::HashMap;

use serde_json::Value;

use crate::lines::{escape, lines};

/// An OpenAPI 3.0 document in which every `$ref` leads somewhere.
pub struct Spec {
    /// The file, for places in it.
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) value: Value,
    /// JSON pointer -> line.
    lines: HashMap<String, u64>,
}

/// Why a text isn't a spec that can be compared. Each starts with the place, `file:line`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// It isn't YAML.
    #[error("{place}: {message}")]
    NotYaml { place: String, message: String },
    /// It names no version.
    #[error("{place}: `openapi: 3.0.x` is missing: not an OpenAPI 3.0 document")]
    NotOpenApi { place: String },
    /// It is written in a version whose words mean other things: judged by the rules of 3.0, it would be misread.
    #[error("{place}: `{version}` is {name}, and only OpenAPI 3.0 is compared: {advice}")]
    OtherVersion { place: String, version: String, name: String, advice: &'static str },
    /// It has no operations.
    #[error("{place}: `paths` is missing or not a map")]
    NoPaths { place: String },
    /// A `$ref` is mistyped, goes round in a circle, or leads to another file.
    #[error("{place}: `$ref: '{reference}'` points at nothing in this file")]
    DanglingReference { place: String, reference: String },
}

impl Spec {
    /// The document in `text`, YAML or JSON. `name` is its file, for error messages and reports.
    ///
    /// # Errors
    ///
    /// A text that isn't YAML, isn't OpenAPI 3.0, has no `paths`, or has a `$ref` that leads nowhere.
    pub fn parse(name: &str, text: &str) -> Result<Self, SpecError> {
        let text = text.replace("\r\n", "\n");
        let not_yaml = |e: serde_saphyr::Error| {
            let (line, column) = e.location().map_or((1, 1), |at| (at.line(), at.column()));
            SpecError::NotYaml { place: format!("{name}:{line}:{column}"), message: e.without_snippet().to_string() }
        };
        let value: Value = serde_saphyr::from_str(&text).map_err(not_yaml)?;
        let lines = lines(&text).map_err(not_yaml)?;
        let spec = Self { name: name.to_owned(), text, value, lines };
        spec.check_version()?;
        if !spec.value.get("paths").is_some_and(Value::is_object) {
            return Err(SpecError::NoPaths { place: spec.place("/paths") });
        }
        spec.check_references("", &spec.value)?;
        Ok(spec)
    }

    /// What `info.version` says.
    pub fn version(&self) -> Option<&str> {
        self.value.pointer("/info/version").and_then(Value::as_str)
    }

    fn check_version(&self) -> Result<(), SpecError> {
        // Without quotes, `3.1` and `2.0` are numbers.
        let said = |key| match self.value.get(key)? {
            Value::String(version) => Some(version.clone()),
            Value::Number(version) => Some(version.to_string()),
            _ => None,
        };
        let other = |key: &str, version: String, name: &str, advice| SpecError::OtherVersion {
            place: self.place(&format!("/{key}")),
            name: format!("{name} {}", version.split('.').take(2).collect::<Vec<_>>().join(".")),
            version: format!("{key}: {version}"),
            advice,
        };
        match (said("openapi"), said("swagger")) {
            (Some(version), _) if version.starts_with("3.0.") => Ok(()),
            (Some(version), _) if version == "3.0" => Err(SpecError::NotOpenApi { place: self.place("/openapi") }),
            (Some(version), _) => {
                let advice = "convert it first, for example with `openapi-down-convert`";
                Err(other("openapi", version, "OpenAPI", advice))
            }
            (None, Some(version)) => {
                Err(other("swagger", version, "Swagger", "convert it first, for example with `swagger2openapi`"))
            }
            (None, None) => Err(SpecError::NotOpenApi { place: self.place("/openapi") }),
        }
    }

    /// Every `$ref` points at something in this document that isn't a `$ref` again and again.
    fn check_references(&self, pointer: &str, value: &Value) -> Result<(), SpecError> {
        if let Some(reference) = reference(value)
            && target(&self.value, value).is_none()
        {
            let place = self.place(&format!("{pointer}/$ref"));
            return Err(SpecError::DanglingReference { place, reference: reference.to_owned() });
        }
        let check = |key: &str, child| self.check_references(&format!("{pointer}/{key}"), child);
        match value {
            Value::Object(map) => map.iter().try_for_each(|(key, child)| check(&escape(key), child)),
            Value::Array(items) => {
                items.iter().enumerate().try_for_each(|(index, child)| check(&index.to_string(), child))
            }
            _ => Ok(()),
        }
    }

    /// The line of the key that a JSON pointer ends in, or of the nearest one around it.
    pub(crate) fn line(&self, pointer: &str) -> u64 {
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

pub const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// The value itself, or what its `$ref` points at.
pub fn resolve<'a>(spec: &'a Value, value: &'a Value) -> &'a Value {
    target(spec, value).unwrap_or(value)
}

fn target<'a>(spec: &'a Value, value: &'a Value) -> Option<&'a Value> {
    let mut target = value;
    // No sensible document has a longer chain, and one that comes back to itself ends.
    for _ in 0..16 {
        let Some(reference) = reference(target) else { return Some(target) };
        target = spec.pointer(reference.strip_prefix('#')?)?;
    }
    None
}

/// What a value's `$ref` says. A `$ref` that isn't text is the name of a property.
pub fn reference(value: &Value) -> Option<&str> {
    value.get("$ref").and_then(Value::as_str)
}

/// The operation's id, or method and path where it has none.
pub fn operation_name(path: &str, method: &str, operation: &Value) -> String {
    let id = operation.get("operationId").and_then(Value::as_str).map(str::to_owned);
    id.unwrap_or_else(|| format!("{} {path}", method.to_uppercase()))
}
