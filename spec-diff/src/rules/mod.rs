//! What each difference between two specs means for callers of `canva-connect`. Here is the walk that all rules share;
//! each file beside it has one function for each kind of thing in an OpenAPI document, with one arm for each keyword:
//! `document` and `security` for what stands at the top, `operations` and `messages` for what is sent and comes back,
//! `schemas`, `bounds` and `members` for types. `defaults` says what a keyword means that isn't there.
//!
//! A keyword that no arm knows counts as breaking, and a difference over which every rule stays silent counts as editorial,
//! so that nothing goes unreported.
//!
//! A caller's view is the facade's. Requests are made through builders, so that a request may grow. Responses are handed
//! out as generated types with public fields: they may grow too (they are `#[non_exhaustive]`, and enums keep values that
//! they don't know), but a field whose Rust type changes breaks the code that reads it.

mod bounds;
mod defaults;
mod document;
mod members;
mod messages;
mod operations;
mod part;
mod schemas;
mod security;
mod way;
mod words;

use serde_json::Value;

use crate::reach::Reach;
use crate::report::{Change, Class};
use crate::spec::Spec;

use Class::{Additive, Breaking, Editorial};
use part::{Part, or_empty};
use words::{entry, quote};

/// Every difference between two documents, judged.
pub fn changes(old: &Spec, new: &Spec) -> Vec<Change> {
    let mut rules = Rules { old, new, reach: Reach::of([&old.value, &new.value]), changes: Vec::new() };
    rules.document(&Part::of(&old.value, &new.value));
    rules.changes
}

struct Rules<'v> {
    old: &'v Spec,
    new: &'v Spec,
    reach: Reach,
    changes: Vec<Change>,
}

/// What a keyword means that isn't there, in a map that may have other keywords.
type Default = fn(&Value, &str) -> Option<&'static Value>;

impl<'v> Rules<'v> {
    fn say(&mut self, class: Class, part: &Part, sentence: impl AsRef<str>) {
        let sentence = sentence.as_ref().trim();
        // A sentence about a keyword has that for its subject: "`name`: `maxLength` is `60`".
        let names_its_own = sentence.starts_with('`') || sentence.starts_with("its ");
        let sentence = match part.subject.as_str() {
            "" => sentence.to_owned(),
            subject if names_its_own => format!("{subject}: {sentence}"),
            subject => format!("{subject} {sentence}"),
        };
        let (spec, pointer) = if part.gone { (self.old, &part.old_pointer) } else { (self.new, &part.new_pointer) };
        self.changes.push(Change::new(class, part.group.clone(), &sentence, spec, pointer));
    }

    /// Words for readers.
    fn text(&mut self, part: &Part, what: &str) {
        let verb = match (part.old, part.new) {
            (None, _) => "is new",
            (_, None) => "is gone",
            _ => "reads differently",
        };
        self.say(Editorial, part, format!("{what} {verb}"));
    }

    /// What no rule knows.
    fn unknown(&mut self, part: &Part, what: &str) {
        let change = part.change();
        let what = quote(what);
        self.say(Breaking, part, format!("{what} {change}; no rule says what that means, so it counts as breaking"));
    }

    /// A keyword that means the same wherever it stands, or that no rule knows.
    fn other(&mut self, key: &str, part: &Part) {
        match key {
            "description" | "summary" | "title" | "example" | "examples" | "externalDocs" | "tags" | "xml" => {
                self.text(part, &quote(key))
            }
            _ if key.starts_with("x-") => self.text(part, &quote(key)),
            "deprecated" => match part.flags() {
                (false, true) => self.say(Editorial, part, "is deprecated now"),
                (true, false) => self.say(Editorial, part, "is no longer deprecated"),
                _ => {}
            },
            _ => self.unknown(part, key),
        }
    }

    /// Whatever a rule stays silent about is a difference all the same.
    fn never_silent(&mut self, part: &Part, what: &str, rule: impl FnOnce(&mut Self)) {
        let before = self.changes.len();
        rule(self);
        if self.changes.len() == before {
            self.say(Editorial, part, format!("{what} is written differently and says the same"));
        }
    }

    /// A rule for each key of a map whose values differ.
    fn each(&mut self, part: &Part<'v>, rule: impl FnMut(&mut Self, &'v str, &Part<'v>)) {
        self.keywords(part, defaults::none, rule);
    }

    /// The same for a map in which a keyword that isn't there means its default.
    fn keywords(&mut self, part: &Part<'v>, default: Default, rule: impl FnMut(&mut Self, &'v str, &Part<'v>)) {
        if part.is_map() {
            self.judge(part.changed(), part, default, rule);
        } else {
            self.unknown(part, "this part");
        }
    }

    /// A rule for each of these keys of a map.
    fn judge(
        &mut self,
        keys: impl IntoIterator<Item = (&'v str, Part<'v>)>,
        around: &Part<'v>,
        default: Default,
        mut rule: impl FnMut(&mut Self, &'v str, &Part<'v>),
    ) {
        for (key, written) in keys {
            let meant = written.or(default(or_empty(around.old), key), default(or_empty(around.new), key));
            if meant.old == meant.new {
                let verb = if written.gone { "is no longer written out" } else { "is written out now" };
                self.say(Editorial, &written, format!("{}, the default, {verb}", entry(key, meant.new)));
            } else {
                self.never_silent(&written, &quote(key), |rules| rule(rules, key, &meant));
            }
        }
    }
}
