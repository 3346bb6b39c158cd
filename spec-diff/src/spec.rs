//! An OpenAPI 3.0 document as read from a file: its content, and the line of each part.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::lines::{escape, lines};

/// An OpenAPI 3.0 document whose `$ref`s all resolve.
pub struct Spec {
    /// The file's name, for places in it.
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) value: Value,
    /// JSON pointer -> line.
    lines: HashMap<String, u64>,
}

/// Why a text can't be compared.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct SpecError {
    /// `file:line`.
    place: String,
    reason: String,
}

/// YAML 1.2: `no`, `on` and `y` are text.
pub(crate) fn yaml() -> serde_saphyr::Options {
    serde_saphyr::options! { strict_booleans: true }
}

impl Spec {
    /// The document in `text`, YAML or JSON. `name` is its file, for error messages and reports.
    ///
    /// # Errors
    ///
    /// The text isn't YAML or OpenAPI 3.0, has no `paths`, or has a `$ref` that doesn't resolve.
    pub fn parse(name: &str, text: &str) -> Result<Self, SpecError> {
        let text = text.replace("\r\n", "\n");
        let not_yaml = |e: serde_saphyr::Error| {
            let (line, column) = e.location().map_or((1, 1), |at| (at.line(), at.column()));
            SpecError { place: format!("{name}:{line}:{column}"), reason: e.without_snippet().to_string() }
        };
        let value: Value = serde_saphyr::from_str_with_options(&text, yaml()).map_err(not_yaml)?;
        let lines = lines(&text, &value).map_err(not_yaml)?;
        let spec = Self { name: name.to_owned(), text, value, lines };
        spec.check_version()?;
        if spec.path_items().is_none() {
            return Err(spec.error("/paths", "`paths` is missing or not a map"));
        }
        spec.check_references("", &spec.value)?;
        Ok(spec)
    }

    /// The value of `info.version`.
    pub fn version(&self) -> Option<&str> {
        self.value.pointer("/info/version").and_then(Value::as_str)
    }

    /// Every path with its name in this document and in a newer one. A path whose parameters are renamed is the same
    /// path: callers pass them by position.
    pub(crate) fn paths<'v>(&'v self, newer: &'v Self) -> Vec<(&'v str, &'v str)> {
        let (Some(old), Some(new)) = (self.path_items(), newer.path_items()) else { return Vec::new() };
        let renamed = |path: &str| new.keys().find(|key| !old.contains_key(*key) && route(key) == route(path));
        let partner = |path: &'v String| if new.contains_key(path) { path } else { renamed(path).unwrap_or(path) };
        let mut pairs: Vec<(&str, &str)> = old.keys().map(|path| (path.as_str(), partner(path).as_str())).collect();
        let came = new.keys().map(String::as_str).filter(|path| !pairs.iter().any(|(_, known)| known == path));
        pairs.extend(came.map(|path| (path, path)).collect::<Vec<_>>());
        pairs
    }

    pub(crate) fn path_item(&self, path: &str) -> Option<&Value> {
        self.path_items()?.get(path)
    }

    fn path_items(&self) -> Option<&Map<String, Value>> {
        self.value.get("paths")?.as_object()
    }

    fn check_version(&self) -> Result<(), SpecError> {
        // Without quotes, `3.1` and `2.0` are numbers.
        let text = |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
        let found = |key| Some((key, text(self.value.get(key)?)));
        match found("openapi").or_else(|| found("swagger")) {
            Some(("openapi", version)) if version.starts_with("3.0.") => Ok(()),
            Some((key, version)) => {
                let reason = format!(
                    "`{key}: {version}` can't be compared, only OpenAPI 3.0.x can: convert the document first, for \
                     example with `openapi-down-convert` or `swagger2openapi`"
                );
                Err(self.error(&format!("/{key}"), reason))
            }
            None => Err(self.error("", "`openapi: 3.0.x` is missing: not an OpenAPI 3.0 document")),
        }
    }

    /// Every `$ref` resolves within this document.
    fn check_references(&self, pointer: &str, value: &Value) -> Result<(), SpecError> {
        if let Some(reference) = reference(value)
            && target(&self.value, value).is_none()
        {
            let reason = format!("`$ref: '{reference}'` points at nothing in this file");
            return Err(self.error(&format!("{pointer}/$ref"), reason));
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

    /// The line of the last key in a JSON pointer, or of the nearest key around it.
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

    fn error(&self, pointer: &str, reason: impl Into<String>) -> SpecError {
        SpecError { place: format!("{}:{}", self.name, self.line(pointer)), reason: reason.into() }
    }
}

// The generator and the simulator have `METHODS`, `resolve` and the check of references too. This copy stays apart:
// it reads any spec, old or foreign, and a crate for three short functions would be a dependency of the published
// library's build.
pub const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// The value itself, or the target of its `$ref`.
pub fn resolve<'a>(spec: &'a Value, value: &'a Value) -> &'a Value {
    target(spec, value).map_or(value, |(_, target)| target)
}

/// The pointer to the target of a value's `$ref`, if it has one.
pub fn place<'a>(spec: &'a Value, value: &'a Value) -> Option<&'a str> {
    target(spec, value)?.0
}

fn target<'a>(spec: &'a Value, value: &'a Value) -> Option<(Option<&'a str>, &'a Value)> {
    let (mut pointer, mut target) = (None, value);
    // A chain that leads back to itself ends, and no sensible document has a longer one.
    for _ in 0..16 {
        let Some(reference) = reference(target) else { return Some((pointer, target)) };
        let next = reference.strip_prefix('#')?;
        (pointer, target) = (Some(next), spec.pointer(next)?);
    }
    None
}

/// A path without the names of its parameters.
fn route(path: &str) -> String {
    path.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment }).collect::<Vec<_>>().join("/")
}

/// The text of a value's `$ref`. A `$ref` that isn't text is a property with that name.
pub fn reference(value: &Value) -> Option<&str> {
    value.get("$ref").and_then(Value::as_str)
}

/// The operation's id, or method and path where it has none.
pub fn operation_name(path: &str, method: &str, operation: &Value) -> String {
    let id = operation.get("operationId").and_then(Value::as_str).map(str::to_owned);
    id.unwrap_or_else(|| format!("{} {path}", method.to_uppercase()))
}
