//! `drift` as an independent reader of the same two documents: it follows every reference from every operation, where
//! `rules` judges each part where it stands. What it finds and `rules` doesn't becomes a line of its own, so that a blind
//! spot of ours shows.
//!
//! It isn't the first reader, because of what it leaves open: within a schema nearly everything is "unhandled" (properties,
//! `required`, enum values, bounds, formats), it doesn't look at `nullable`, security, extensions, operation ids, servers
//! or parameters with `content`, and it panics when a media type comes or goes.

use std::panic;
use std::sync::Once;
use std::thread;

use drift::ChangeClass;
use serde_json::Value;

use crate::{Change, Class, Group, Spec};

const THREAD: &str = "drift";

/// One finding of drift's.
pub struct Verdict {
    class: ChangeClass,
    message: String,
    /// Every place that it was reached through, from either document.
    pointers: Vec<String>,
}

/// What drift finds, or why it can't compare these two.
pub fn verdicts(old: &Value, new: &Value) -> Result<Vec<Verdict>, String> {
    // It asserts where it could return an error, and a report isn't the place for a backtrace.
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let hook = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if thread::current().name() != Some(THREAD) {
                hook(info);
            }
        }));
    });
    let found = thread::scope(|scope| {
        let reader = thread::Builder::new().name(THREAD.to_owned()).spawn_scoped(scope, || drift::compare(old, new));
        reader.map_err(|e| e.to_string()).map(|reader| reader.join())
    })?;
    let found =
        found.map_err(|_| "it has no way to compare a part of them".to_owned())?.map_err(|e| format!("{e:#}"))?;
    Ok(found.into_iter().flat_map(verdicts_of).collect())
}

fn verdicts_of(change: drift::Change) -> Vec<Verdict> {
    let stacks = change.paths.iter().flat_map(|path| [&path.old, &path.new]);
    let pointers: Vec<String> =
        stacks.flat_map(|stack| stack.iter()).map(|place| format!("#{}", place.trim_start_matches('#'))).collect();
    let verdict =
        |info: drift::ChangeInfo| Verdict { class: info.class, message: info.message, pointers: pointers.clone() };
    change.changes.into_iter().map(verdict).collect()
}

impl Verdict {
    /// Whether the report has a line about the same part: any line, or a breaking one if drift says that it breaks.
    pub fn is_known(&self, changes: &[Change]) -> bool {
        let breaks = matches!(self.class, ChangeClass::BackwardIncompatible | ChangeClass::Incompatible)
            // Another status breaks a client that knows each of them. Callers of this crate meet every failure as one
            // type, and `rules` tells failures from successes.
            && !self.message.starts_with("operation added a new response code");
        changes.iter().any(|change| {
            let near = |pointer: &String| is_within(&change.pointer, pointer) || is_within(pointer, &change.pointer);
            (!breaks || change.class == Class::Breaking) && self.pointers.iter().any(near)
        })
    }

    /// A line of its own.
    pub fn change(&self, new: &Spec) -> Change {
        let class = match self.class {
            ChangeClass::Trivial => Class::Editorial,
            ChangeClass::ForwardIncompatible => Class::Additive,
            _ => Class::Breaking,
        };
        let sentence = format!("drift finds what no rule here does: {}", self.message);
        let pointer = self.pointers.first().map_or("", |pointer| pointer.trim_start_matches('#'));
        Change::new(class, Group::document(), &sentence, new, pointer)
    }
}

/// By whole segments: `/a/bc` isn't within `/a/b`.
fn is_within(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(operations: Value) -> Value {
        json!({ "openapi": "3.0.3", "info": { "title": "T", "version": "1" }, "paths": { "/a": operations } })
    }

    fn operation(media_type: &str) -> Value {
        let content = json!({ media_type: { "schema": { "type": "string" } } });
        json!({ "operationId": "a", "responses": { "200": { "description": "", "content": content } } })
    }

    #[test]
    fn what_breaks_by_drift_is_known_by_a_breaking_line_alone() {
        let (old, new) = (spec(json!({ "get": operation("text/plain") })), spec(json!({})));
        let verdicts = verdicts(&old, &new).unwrap();
        let document = Spec::parse("new", &new.to_string()).unwrap();
        let line = |class, pointer: &str| Change::new(class, Group::document(), "", &document, pointer);
        let known = |lines: &[Change]| verdicts.iter().all(|verdict| verdict.is_known(lines));
        assert!(known(&[line(Class::Breaking, "/paths/~1a/get")]));
        assert!(!known(&[]));
        assert!(!known(&[line(Class::Additive, "/paths/~1a/get")]));
        assert!(!known(&[line(Class::Breaking, "/components/schemas/A")]));
        let added = verdicts[0].change(&document);
        assert_eq!(added.class, Class::Breaking);
        assert_eq!(added.sentence, "drift finds what no rule here does: The operation a was removed");
    }

    #[test]
    fn a_comparison_that_panics_is_a_reason() {
        let (old, new) =
            (spec(json!({ "get": operation("text/plain") })), spec(json!({ "get": operation("text/csv") })));
        assert_eq!(verdicts(&old, &new).err().unwrap(), "it has no way to compare a part of them");
    }
}
