//! Error codes. A document names them in the examples of failures, and only there; programs act on them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::operations::operation;
use super::{Additive, Breaking, Part, Rules, quote};
use crate::spec::{METHODS, reference};

impl<'v> Rules<'v> {
    /// Compares the codes that each operation may answer with, status by status, wherever their examples stand.
    pub(super) fn codes(&mut self, document: &Part<'v>) {
        for paths in self.old.paths(self.new) {
            let item = document.child("paths").children(paths.0, paths.1);
            let operations = METHODS.map(|method| operation(&item, method, paths));
            for operation in operations.iter().filter(|operation| operation.stays()) {
                let responses = operation.child("responses");
                for status in responses.keys().into_iter().filter(|status| !status.starts_with('2')) {
                    let response = responses.child(status).about(format!("the response {}", quote(status)));
                    self.codes_of(&response);
                }
            }
        }
    }

    fn codes_of(&mut self, response: &Part<'v>) {
        let codes = self.found(response);
        let (old, new) = (by_code(&codes, |part| part.old), by_code(&codes, |part| part.new));
        // What changes in a shared response is said there, once.
        let (was, is) = response.both(reference);
        let name = is.filter(|_| was == is).and_then(|target| target.strip_prefix("#/components/responses/"));
        let group = name.map_or(response.group.clone(), |name| self.shared("responses", name));
        let placed = |part: &Part<'v>| part.within(group.clone()).about(&response.subject);
        for (code, parts) in new.iter().filter(|(code, _)| !old.contains_key(*code)) {
            self.told.extend(parts.iter().map(|part| part.new_pointer.clone()));
            if let Some(part) = parts.first() {
                self.say(Additive, &placed(part), format!("may have the code {} now", quote(code)));
            }
        }
        for (code, parts) in old.iter().filter(|(code, _)| !new.contains_key(*code)) {
            self.told_gone.extend(parts.iter().map(|part| part.old_pointer.clone()));
            if let Some(part) = parts.first() {
                let sentence =
                    format!("no longer has the code {}: programs that look for it miss the failure", quote(code));
                self.say(Breaking, &Part { gone: true, ..placed(part) }, sentence);
            }
        }
    }

    /// The codes in the examples of a response, in either document.
    fn found(&self, response: &Part<'v>) -> Vec<Part<'v>> {
        let content = response.target(self.old, self.new).child("content");
        let media_types = content.keys().into_iter().map(|media_type| content.child(media_type));
        media_types
            .flat_map(|media_type| {
                let examples = media_type.child("examples");
                let values = examples
                    .keys()
                    .into_iter()
                    .map(|name| examples.child(name).target(self.old, self.new).child("value"));
                values.chain([media_type.child("example")]).map(|value| value.child("code")).collect::<Vec<_>>()
            })
            .collect()
    }

    /// Examples read differently, unless only their codes changed, which has been said. `code` points at the code of
    /// each.
    pub(super) fn examples(&mut self, part: &Part, what: &str, examples: &[Part<'v>], code: &str) {
        let only_codes = |example: &Part| {
            let told = self.told.contains(&(example.new_pointer.clone() + code))
                || self.told_gone.contains(&(example.old_pointer.clone() + code));
            told && (!example.stays() || without(example.old, code) == without(example.new, code))
        };
        if !examples.is_empty() && examples.iter().all(only_codes) {
            self.said += 1;
        } else {
            self.text(part, what);
        }
    }
}

fn by_code<'p, 'v>(
    codes: &'p [Part<'v>],
    side: fn(&Part<'v>) -> Option<&'v Value>,
) -> BTreeMap<&'v str, Vec<&'p Part<'v>>> {
    let mut by_code = BTreeMap::<_, Vec<_>>::new();
    for (code, part) in codes.iter().filter_map(|part| Some((side(part)?.as_str()?, part))) {
        by_code.entry(code).or_default().push(part);
    }
    by_code
}

/// The value with nothing in one place.
fn without(value: Option<&Value>, pointer: &str) -> Option<Value> {
    let mut value = value?.clone();
    if let Some(place) = value.pointer_mut(pointer) {
        *place = Value::Null;
    }
    Some(value)
}
