//! The rules: what each difference between two specs means for callers of `canva-connect`.
//!
//! This file has the walk that all rules share. The others have one function for each kind of thing in an OpenAPI
//! document, with one arm for each keyword: `document` and `security` for the top of the document, `operations` and
//! `messages` for requests and responses, `codes` for the error codes in their examples, `schemas`, `bounds`,
//! `members` and `variants` for types. `defaults` has the defaults of keywords.
//!
//! A keyword without an arm counts as breaking, and a difference that no rule mentions counts as editorial, so that
//! every difference is reported.
//!
//! Callers use the facade. Builders make requests, so a request may grow. Responses are generated types with public
//! fields: they may grow too (they are `#[non_exhaustive]`, and enums keep unknown values), but a field whose Rust
//! type changes breaks the code that reads it.

mod bounds;
mod codes;
mod defaults;
mod document;
mod members;
mod messages;
mod operations;
mod part;
mod schemas;
mod security;
mod variants;
mod words;

use std::collections::BTreeSet;

use crate::reach::Reach;
use crate::report::{Change, Class};
use crate::spec::Spec;

use Class::{Additive, Breaking, Editorial};
use defaults::default;
use part::{Part, or_empty};
use words::{entry, quote};

/// Every difference between two documents, judged.
pub fn changes(old: &Spec, new: &Spec) -> Vec<Change> {
    let mut rules = Rules {
        old,
        new,
        reach: Reach::of(old, new),
        changes: Vec::new(),
        said: 0,
        told: BTreeSet::new(),
        told_gone: BTreeSet::new(),
    };
    let document = Part::of(&old.value, &new.value);
    rules.codes(&document);
    rules.document(&document);
    rules.changes
}

struct Rules<'v> {
    old: &'v Spec,
    new: &'v Spec,
    reach: Reach,
    changes: Vec<Change>,
    /// How often a rule has said something, or has found that it was said before.
    said: usize,
    /// Pointers to the error codes in the new document that are new, and to those in the old one that are gone.
    told: BTreeSet<String>,
    told_gone: BTreeSet<String>,
}

impl<'v> Rules<'v> {
    fn say(&mut self, class: Class, part: &Part, sentence: impl AsRef<str>) {
        let sentence = sentence.as_ref().trim();
        // The subject of a sentence may be a keyword: "`name`: `maxLength` is `60`".
        let names_its_own = sentence.starts_with('`') || sentence.starts_with("its ");
        let sentence = match part.subject.as_str() {
            "" => sentence.to_owned(),
            subject if names_its_own => format!("{subject}: {sentence}"),
            subject => format!("{subject} {sentence}"),
        };
        let (spec, pointer) = if part.gone { (self.old, &part.old_pointer) } else { (self.new, &part.new_pointer) };
        self.changes.push(Change::new(class, part.group.clone(), &sentence, spec, pointer));
        self.said += 1;
    }

    /// A text for readers.
    fn text(&mut self, part: &Part, what: &str) {
        let verb = match (part.old, part.new) {
            (None, _) => "is new",
            (_, None) => "is gone",
            _ => "reads differently",
        };
        self.say(Editorial, part, format!("{what} {verb}"));
    }

    /// A change that no rule knows.
    fn unknown(&mut self, part: &Part, what: &str) {
        let change = part.change();
        let what = quote(what);
        self.say(Breaking, part, format!("{what} {change}; no rule says what that means, so it counts as breaking"));
    }

    /// A keyword that means the same everywhere, or that no rule knows.
    fn other(&mut self, key: &str, part: &Part) {
        match key {
            "description" | "summary" | "title" | "example" | "examples" | "externalDocs" | "tags" | "xml" => {
                self.text(part, &quote(key))
            }
            _ if key.starts_with("x-") => self.text(part, &quote(key)),
            // A version of its own brings the warning. It breaks nothing, as in Cargo's rules for versions.
            "deprecated" => {
                let on = (Additive, "is deprecated now: the compiler warns of its use");
                self.flag(part, on, (Additive, "is no longer deprecated"));
            }
            _ => self.unknown(part, key),
        }
    }

    /// A flag that is on or off now.
    fn flag(&mut self, part: &Part, on: (Class, &str), off: (Class, &str)) {
        match part.flags() {
            (false, true) => self.say(on.0, part, on.1),
            (true, false) => self.say(off.0, part, off.1),
            _ => {}
        }
    }

    /// Runs a rule, and reports the difference if the rule doesn't.
    fn never_silent(&mut self, part: &Part, what: &str, rule: impl FnOnce(&mut Self)) {
        let before = self.said;
        rule(self);
        if self.said == before {
            self.say(Editorial, part, format!("{what} is written differently and means the same"));
        }
    }

    /// Applies a rule to each key of a map whose values differ.
    fn each(&mut self, part: &Part<'v>, rule: impl FnMut(&mut Self, &'v str, &Part<'v>)) {
        self.keywords(part, "", rule);
    }

    /// The same for a map that describes a `kind` of thing, whose keywords have defaults.
    fn keywords(&mut self, part: &Part<'v>, kind: &str, rule: impl FnMut(&mut Self, &'v str, &Part<'v>)) {
        if part.is_map() {
            self.judge(part.changed(), part, kind, rule);
        } else {
            self.unknown(part, "this part");
        }
    }

    /// Applies a rule to each of these keys of a map.
    fn judge(
        &mut self,
        keys: impl IntoIterator<Item = (&'v str, Part<'v>)>,
        around: &Part<'v>,
        kind: &str,
        mut rule: impl FnMut(&mut Self, &'v str, &Part<'v>),
    ) {
        for (key, written) in keys {
            let meant = written.or(default(kind, or_empty(around.old), key), default(kind, or_empty(around.new), key));
            if meant.old == meant.new {
                let verb = if written.gone { "is no longer written out" } else { "is written out now" };
                self.say(Editorial, &written, format!("{}, the default, {verb}", entry(key, meant.new)));
            } else {
                self.never_silent(&written, &quote(key), |rules| rule(rules, key, &meant));
            }
        }
    }
}
