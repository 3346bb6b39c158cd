//! The operations that use a shared part of the spec, in requests and in responses, and what follows for a verdict.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::report::Class;
use crate::spec::{METHODS, Spec, operation_name, reference};

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
#[derive(Default)]
pub struct Reach(BTreeMap<String, Uses>);

type Direction = fn(&mut Uses) -> &mut BTreeSet<String>;

impl Reach {
    /// An operation that both documents have goes by its newer name.
    pub fn of(old: &Spec, new: &Spec) -> Self {
        // Each document is followed by itself: the newer one may have more behind a part that both have.
        let (mut older, mut newer) = (Self::default(), Self::default());
        for (old_path, new_path) in old.paths(new) {
            let (was, is) = (old.path_item(old_path), new.path_item(new_path));
            for method in METHODS {
                let latest = [is, was].into_iter().flatten().find_map(|item| item.get(method));
                let Some(id) = latest.map(|operation| operation_name(new_path, method, operation)) else { continue };
                older.operation(&old.value, was, method, &id);
                newer.operation(&new.value, is, method, &id);
            }
        }
        for (pointer, uses) in newer.0 {
            let all = older.0.entry(pointer).or_default();
            all.requests.extend(uses.requests);
            all.responses.extend(uses.responses);
        }
        older
    }

    fn operation(&mut self, document: &Value, item: Option<&Value>, method: &str, id: &str) {
        let Some((item, operation)) = item.and_then(|item| Some((item, item.get(method)?))) else { return };
        let sent = [item.get("parameters"), operation.get("parameters"), operation.get("requestBody")];
        for part in sent.into_iter().flatten() {
            self.follow(document, part, |uses| &mut uses.requests, id);
        }
        if let Some(responses) = operation.get("responses") {
            self.follow(document, responses, |uses| &mut uses.responses, id);
        }
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
