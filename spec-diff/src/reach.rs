//! The operations that use a shared part of the spec, in requests and in responses, and what follows for a verdict.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::report::Class;
use crate::spec::{METHODS, operation_name, reference};

/// The operations that send a part, and those that respond with it.
#[derive(Clone, Debug, Default)]
pub struct Uses {
    pub requests: BTreeSet<String>,
    pub responses: BTreeSet<String>,
}

/// Whether a schema is sent or received. If it is both, or no operation uses it, the graver verdict counts.
#[derive(Clone, Copy, Eq, PartialEq)]
pub enum Way {
    Request,
    Response,
    Both,
}

impl Way {
    pub fn of(uses: &Uses) -> Self {
        match (uses.requests.is_empty(), uses.responses.is_empty()) {
            (false, true) => Self::Request,
            (true, false) => Self::Response,
            _ => Self::Both,
        }
    }

    /// The verdict of a rule that judges requests and responses differently.
    pub fn judge<S: Into<String>>(self, rule: impl Fn(Way) -> (Class, S)) -> (Class, String) {
        let (class, sentence) = match self {
            Self::Both => {
                let (request, response) = (rule(Self::Request), rule(Self::Response));
                if response.0 < request.0 { response } else { request }
            }
            way => rule(way),
        };
        (class, sentence.into())
    }
}

/// JSON pointer of a component -> its uses in any of the documents.
pub struct Reach(BTreeMap<String, Uses>);

type Direction = fn(&mut Uses) -> &mut BTreeSet<String>;

impl Reach {
    pub fn of(documents: [&Value; 2]) -> Self {
        let mut reach = Self(BTreeMap::new());
        for document in documents {
            for (path, item) in document.get("paths").and_then(Value::as_object).into_iter().flatten() {
                for (method, operation) in METHODS.iter().filter_map(|method| Some((method, item.get(method)?))) {
                    let id = operation_name(path, method, operation);
                    let sent = [item.get("parameters"), operation.get("parameters"), operation.get("requestBody")];
                    for part in sent.into_iter().flatten() {
                        reach.follow(document, part, |uses| &mut uses.requests, &id);
                    }
                    if let Some(responses) = operation.get("responses") {
                        reach.follow(document, responses, |uses| &mut uses.responses, &id);
                    }
                }
            }
        }
        reach
    }

    pub fn uses(&self, pointer: &str) -> Uses {
        self.0.get(pointer).cloned().unwrap_or_default()
    }

    fn follow(&mut self, document: &Value, value: &Value, direction: Direction, id: &str) {
        let target = reference(value).and_then(|reference| reference.strip_prefix('#'));
        if let Some(pointer) = target
            && direction(self.0.entry(pointer.to_owned()).or_default()).insert(id.to_owned())
            && let Some(component) = document.pointer(pointer)
        {
            self.follow(document, component, direction, id);
        }
        match value {
            Value::Object(map) => map.values().for_each(|child| self.follow(document, child, direction, id)),
            Value::Array(items) => items.iter().for_each(|child| self.follow(document, child, direction, id)),
            _ => {}
        }
    }
}
