//! Which operations use a shared part of the spec, and in which direction. What a change means there is for `rules`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::spec::{METHODS, operation_name, reference};

/// The operations that send a part, and those that answer with it.
#[derive(Clone, Debug, Default)]
pub struct Uses {
    pub requests: BTreeSet<String>,
    pub responses: BTreeSet<String>,
}

/// JSON pointer of a component -> who uses it, in any of the documents.
pub struct Reach(BTreeMap<String, Uses>);

type Direction = fn(&mut Uses) -> &mut BTreeSet<String>;

impl Reach {
    pub fn of(documents: [&Value; 2]) -> Self {
        let mut reach = Self(BTreeMap::new());
        for document in documents {
            for (id, item, operation) in operations(document) {
                let parameters = [item.get("parameters"), operation.get("parameters"), operation.get("requestBody")];
                for part in parameters.into_iter().flatten() {
                    reach.follow(document, part, |uses| &mut uses.requests, &id);
                }
                if let Some(responses) = operation.get("responses") {
                    reach.follow(document, responses, |uses| &mut uses.responses, &id);
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

/// Every operation with its name and the path item it stands in.
fn operations(document: &Value) -> impl Iterator<Item = (String, &Value, &Value)> {
    let paths = document.get("paths").and_then(Value::as_object).into_iter().flatten();
    paths.flat_map(|(path, item)| {
        METHODS.into_iter().filter_map(move |method| {
            item.get(method).map(|operation| (operation_name(path, method, operation), item, operation))
        })
    })
}
