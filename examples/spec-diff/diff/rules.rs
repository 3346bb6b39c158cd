//! What each difference between two specs means for callers of this crate: one function for each kind of thing in an
//! OpenAPI document, one arm for each keyword. A keyword that no arm knows counts as breaking, and a difference over which
//! every rule stays silent counts as editorial, so that nothing goes unreported.
//!
//! A caller's view is the facade's. Requests are made through builders, so that a request may grow. Answers are handed
//! out as generated types with public fields: they may grow too (they are `#[non_exhaustive]`, and enums keep values that
//! they don't know), but a field whose Rust type changes breaks the code that reads it.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::reach::{METHODS, Reach, Uses, operation_name};
use super::report::{Change, Class, Group};
use super::spec::{escape, reference, resolve};

use Class::{Additive, Breaking, Editorial};

/// Every difference between two documents, judged.
pub fn changes(old: &Value, new: &Value) -> Vec<Change> {
    let mut rules = Rules { documents: (old, new), reach: Reach::of([old, new]), changes: Vec::new() };
    rules.document();
    rules.changes
}

struct Rules<'a> {
    documents: (&'a Value, &'a Value),
    reach: Reach,
    changes: Vec<Change>,
}

/// A part of both documents, and how a sentence names it.
#[derive(Clone)]
struct At {
    group: Group,
    /// What sentences start with, in the group's context; may be empty.
    subject: String,
    old: String,
    new: String,
    /// It stands in the old document only.
    gone: bool,
}

impl At {
    fn key(&self, key: &str) -> Self {
        self.keys(key, key)
    }

    /// The same part under two keys: a renamed path, a list that grew at its start.
    fn keys(&self, old: &str, new: &str) -> Self {
        let (old, new) = (format!("{}/{}", self.old, escape(old)), format!("{}/{}", self.new, escape(new)));
        Self { old, new, ..self.clone() }
    }

    fn about(&self, subject: impl Into<String>) -> Self {
        Self { subject: subject.into(), ..self.clone() }
    }

    fn within(&self, group: Group) -> Self {
        Self { group, ..self.about("") }
    }

    fn gone(&self, gone: bool) -> Self {
        Self { gone, ..self.clone() }
    }

    /// A property of the schema here.
    fn property(&self, name: &str) -> Self {
        let subject = self.subject.trim_matches('`');
        let subject = if subject.is_empty() { quote(name) } else { quote(&format!("{subject}.{name}")) };
        self.key("properties").key(name).about(subject)
    }
}

/// A value in the old and the new document, one of them at least.
type Pair<'v> = (Option<&'v Value>, Option<&'v Value>);

/// Which way a schema travels. Where it travels both ways, or no operation uses it, the graver verdict counts.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Way {
    Request,
    Answer,
    Both,
}

impl Way {
    fn of(uses: &Uses) -> Self {
        match (uses.requests.is_empty(), uses.answers.is_empty()) {
            (false, true) => Self::Request,
            (true, false) => Self::Answer,
            _ => Self::Both,
        }
    }

    /// The verdict of a rule that has one for each way.
    fn judge<S: Into<String>>(self, rule: impl Fn(Way) -> (Class, S)) -> (Class, String) {
        let (class, sentence) = match self {
            Self::Both => {
                let (request, answer) = (rule(Self::Request), rule(Self::Answer));
                if answer.0 < request.0 { answer } else { request }
            }
            way => rule(way),
        };
        (class, sentence.into())
    }
}

impl Rules<'_> {
    fn say(&mut self, class: Class, at: &At, sentence: impl AsRef<str>) {
        let sentence = sentence.as_ref().trim();
        // A sentence about a keyword has that for its subject: "`name`: `maxLength` is `60`".
        let names_its_own = sentence.starts_with('`') || sentence.starts_with("its ");
        let sentence = match at.subject.as_str() {
            "" => sentence.to_owned(),
            subject if names_its_own => format!("{subject}: {sentence}"),
            subject => format!("{subject} {sentence}"),
        };
        let pointer = if at.gone { at.old.clone() } else { at.new.clone() };
        self.changes.push(Change { class, group: at.group.clone(), sentence, pointer, gone: at.gone });
    }

    fn text(&mut self, at: &At, what: &str, pair: Pair) {
        let verb = match pair {
            (None, _) => "is new",
            (_, None) => "is gone",
            _ => "reads differently",
        };
        self.say(Editorial, at, format!("{what} {verb}"));
    }

    /// What no rule knows.
    fn unknown(&mut self, at: &At, what: &str, pair: Pair) {
        let was = values(pair);
        let what = quote(what);
        self.say(Breaking, at, format!("{what} {was}; no rule says what that means, so it counts as breaking"));
    }

    /// Whatever a rule stays silent about is a difference all the same.
    fn never_silent(&mut self, at: &At, what: &str, rule: impl FnOnce(&mut Self)) {
        let before = self.changes.len();
        rule(self);
        if self.changes.len() == before {
            self.say(Editorial, at, format!("{what} is written differently and says the same"));
        }
    }

    /// A rule for each key whose values differ.
    fn each(&mut self, at: &At, old: &Value, new: &Value, mut rule: impl FnMut(&mut Self, &At, &str, Pair)) {
        let (Value::Object(old_map), Value::Object(new_map)) = (old, new) else {
            return self.unknown(at, "this part", (Some(old), Some(new)));
        };
        for key in union(old_map.keys(), new_map.keys()) {
            let pair = (old_map.get(key), new_map.get(key));
            if pair.0 != pair.1 {
                let at = at.key(key).gone(pair.1.is_none());
                self.never_silent(&at, &quote(key), |rules| rule(rules, &at, key, pair));
            }
        }
    }

    fn document(&mut self) {
        let (old, new) = self.documents;
        let root = At {
            group: Group::document(),
            subject: String::new(),
            old: String::new(),
            new: String::new(),
            gone: false,
        };
        self.each(&root, old, new, |rules, at, key, pair| match key {
            "openapi" => rules.say(Editorial, at, format!("the version of OpenAPI {}", values(pair))),
            "info" => rules.each(at, or_empty(pair.0), or_empty(pair.1), |rules, at, key, pair| match key {
                "version" => rules.say(Editorial, at, format!("the spec's version {}", values(pair))),
                _ => rules.text(at, &quote(key), pair),
            }),
            "tags" | "externalDocs" => rules.text(at, &quote(key), pair),
            "servers" => rules.servers(at, pair),
            "security" => rules.security(&at.about("an operation without `security` of its own"), pair),
            "paths" => rules.paths(at, pair),
            "components" => rules.components(at, or_empty(pair.0), or_empty(pair.1)),
            _ if key.starts_with("x-") => rules.text(at, &quote(key), pair),
            _ => rules.unknown(at, key, pair),
        });
    }

    /// The first server is where requests go unless the caller says otherwise.
    fn servers(&mut self, at: &At, pair: Pair) {
        let first = |servers: Option<&Value>| servers.and_then(|list| list.pointer("/0/url")).cloned();
        match (first(pair.0), first(pair.1)) {
            (old, new) if old == new => self.text(at, "`servers`", pair),
            (old, new) => {
                let was = values((old.as_ref(), new.as_ref()));
                self.say(Breaking, at, format!("the server {was}: tokens and files go to another place"));
            }
        }
    }

    /// Names of path parameters don't make another path: callers pass them by position.
    fn paths(&mut self, at: &At, pair: Pair) {
        let (Some(Value::Object(old)), Some(Value::Object(new))) = pair else {
            return self.unknown(at, "paths", pair);
        };
        let partner = |path: &String| {
            let renamed = || new.keys().find(|key| !old.contains_key(*key) && route(key) == route(path));
            new.get_key_value(path).map(|(key, _)| key).or_else(renamed)
        };
        for (path, item) in old {
            let other = partner(path);
            let new_item = other.and_then(|other| new.get(other));
            let new_path = other.unwrap_or(path);
            if new_item != Some(item) || new_path != path {
                let at = at.keys(path, new_path).gone(new_item.is_none());
                self.never_silent(&at, &quote(path), |rules| {
                    rules.path_item(&at, (path, item), (new_path, or_empty(new_item)));
                    if new_path != path {
                        let at = at.about(quote(path));
                        rules.say(Editorial, &at, format!("is written `{new_path}`; ids are passed by position"));
                    }
                });
            }
        }
        let partners: BTreeSet<&String> = old.keys().filter_map(partner).collect();
        for (path, item) in new.iter().filter(|(path, _)| !partners.contains(path)) {
            let at = at.key(path);
            self.never_silent(&at, &quote(path), |rules| rules.path_item(&at, (path, or_empty(None)), (path, item)));
        }
    }

    fn path_item(&mut self, at: &At, (old_path, old): (&str, &Value), (new_path, new): (&str, &Value)) {
        self.each(at, old, new, |rules, at, key, pair| match key {
            _ if METHODS.contains(&key) => {
                let (path, operation) = if pair.1.is_none() { (old_path, pair.0) } else { (new_path, pair.1) };
                let name = operation_name(path, key, or_empty(operation));
                let at = at.within(Group::operation(name, format!("{} {path}", key.to_uppercase())));
                match pair {
                    (Some(old), Some(new)) => rules.operation(&at, (old_path, old), (new_path, new)),
                    (None, _) => rules.say(Additive, &at, "the operation is new"),
                    (_, None) => rules.say(Breaking, &at, "the operation is gone"),
                }
            }
            "parameters" => {
                let at = at.within(Group::shared(new_path.to_owned(), String::new()));
                rules.parameters(&at, (old_path, or_empty(pair.0)), (new_path, or_empty(pair.1)));
            }
            "servers" => rules.servers(at, pair),
            "summary" | "description" => rules.text(at, &quote(key), pair),
            _ if key.starts_with("x-") => rules.text(at, &quote(key), pair),
            _ => rules.unknown(at, key, pair),
        });
    }

    fn operation(&mut self, at: &At, (old_path, old): (&str, &Value), (new_path, new): (&str, &Value)) {
        self.each(at, old, new, |rules, at, key, pair| match key {
            // The generated method, the table of operations and the facade all go by it.
            "operationId" => {
                rules.say(Breaking, at, format!("its id {}: the generated method is renamed", values(pair)))
            }
            "summary" | "description" | "tags" | "externalDocs" => rules.text(at, &quote(key), pair),
            "deprecated" => rules.deprecated(at, pair),
            "x-preview" => match both(pair, |mark| mark.and_then(Value::as_bool).unwrap_or(false)) {
                // The code still compiles, but an integration that uses it can no longer be released to everyone.
                (false, true) => {
                    rules.say(Breaking, at, "is a preview now: it may change, and it bars a public release")
                }
                (true, false) => rules.say(Additive, at, "is no longer a preview"),
                _ => {}
            },
            "x-rate-limit-per-client-user" => match both(pair, |limit| limit.and_then(Value::as_u64)) {
                // What a program got done in a minute, it no longer does; releases that pace by the old limit earn 429s.
                (Some(old), Some(new)) if new < old => {
                    rules.say(Breaking, at, format!("takes {new} requests a minute, no longer {old}"))
                }
                (Some(old), Some(new)) => {
                    rules.say(Additive, at, format!("takes {new} requests a minute, up from {old}"))
                }
                _ => rules.unknown(at, key, pair),
            },
            "security" => {
                let (old, new) = rules.documents;
                let inherited = (pair.0.or(old.get("security")), pair.1.or(new.get("security")));
                rules.security(at, inherited);
            }
            "parameters" => rules.parameters(at, (old_path, or_empty(pair.0)), (new_path, or_empty(pair.1))),
            "requestBody" => rules.body(at, pair),
            "responses" => rules.responses(at, or_empty(pair.0), or_empty(pair.1)),
            "servers" => rules.servers(at, pair),
            _ if key.starts_with("x-") => rules.text(at, &quote(key), pair),
            _ => rules.unknown(at, key, pair),
        });
    }

    fn deprecated(&mut self, at: &At, pair: Pair) {
        match both(pair, |mark| mark.and_then(Value::as_bool).unwrap_or(false)) {
            (false, true) => self.say(Editorial, at, "is deprecated now"),
            (true, false) => self.say(Editorial, at, "is no longer deprecated"),
            _ => {}
        }
    }

    /// A token has all the scopes that an operation names; alternatives aren't told apart, as in the table of operations.
    fn security(&mut self, at: &At, pair: Pair) {
        let (old, new) = (needs(pair.0), needs(pair.1));
        for need in new.difference(&old) {
            self.say(Breaking, at, format!("needs {} now: tokens granted without it are refused", quote(need)));
        }
        for need in old.difference(&new) {
            self.say(Additive, at, format!("no longer needs {}", quote(need)));
        }
        let alternatives = |list: Option<&Value>| list.and_then(Value::as_array).map_or(0, Vec::len);
        if old == new && alternatives(pair.0) != alternatives(pair.1) {
            self.unknown(at, "security", pair);
        }
    }

    /// Parameters are told apart by where they go and their name, those of a path by their position in it.
    fn parameters(&mut self, at: &At, (old_path, old): (&str, &Value), (new_path, new): (&str, &Value)) {
        let (old_document, new_document) = self.documents;
        let old = identified(old_document, old_path, old);
        let new = identified(new_document, new_path, new);
        for (identity, index, raw, parameter) in &old {
            match new.iter().find(|other| other.0 == *identity) {
                None => {
                    let at = at.key(index).gone(true).about(parameter_name(parameter));
                    self.say(Breaking, &at, "is no longer sent: what it said has no place");
                }
                Some((_, new_index, new_raw, new_parameter)) if raw != new_raw => {
                    let at = at.keys(index, new_index).about(parameter_name(new_parameter));
                    self.never_silent(&at, "", |rules| rules.parameter(&at, parameter, new_parameter));
                }
                Some(_) => {}
            }
        }
        for (_, index, _, parameter) in new.iter().filter(|new| !old.iter().any(|old| old.0 == new.0)) {
            let at = at.key(index).about(parameter_name(parameter));
            if is_true(parameter, "required") {
                self.say(Breaking, &at, "is new and must be sent");
            } else {
                self.say(Additive, &at, "is new and may be sent");
            }
        }
    }

    fn parameter(&mut self, at: &At, old: &Value, new: &Value) {
        self.each(at, old, new, |rules, at, key, pair| match key {
            "description" | "example" | "examples" => rules.text(at, &quote(key), pair),
            "deprecated" => rules.deprecated(at, pair),
            "name" if new.get("in").and_then(Value::as_str) == Some("path") => {
                rules.say(Editorial, at, format!("its name {}; it is passed by position", values(pair)))
            }
            "name" | "in" => rules.say(Breaking, at, format!("{} {}", quote(key), values(pair))),
            "required" => rules.required(at, pair),
            "schema" => rules.schema_or_none(at, pair, Way::Request),
            "content" => rules.content(at, or_empty(pair.0), or_empty(pair.1), Way::Request),
            _ if key.starts_with("x-") => rules.text(at, &quote(key), pair),
            _ => rules.unknown(at, key, pair),
        });
    }

    fn required(&mut self, at: &At, pair: Pair) {
        match both(pair, |mark| mark.and_then(Value::as_bool).unwrap_or(false)) {
            (false, true) => self.say(Breaking, at, "must be sent now"),
            (true, false) => self.say(Additive, at, "may be left out now"),
            _ => {}
        }
    }

    fn body(&mut self, at: &At, pair: Pair) {
        let at = at.about("the request body");
        match (pair.0.map(|old| resolve(self.documents.0, old)), pair.1.map(|new| resolve(self.documents.1, new))) {
            (Some(old), Some(new)) => self.each(&at, old, new, |rules, at, key, pair| match key {
                "description" => rules.text(at, &quote(key), pair),
                "required" => rules.required(at, pair),
                "content" => rules.content(at, or_empty(pair.0), or_empty(pair.1), Way::Request),
                _ if key.starts_with("x-") => rules.text(at, &quote(key), pair),
                _ => rules.unknown(at, key, pair),
            }),
            (None, Some(new)) if is_true(new, "required") => self.say(Breaking, &at, "is new and must be sent"),
            (None, _) => self.say(Additive, &at, "is new and may be sent"),
            (_, None) => self.say(Breaking, &at, "is gone: what it carried has no place"),
        }
    }

    /// Callers meet every failure as one type with its status, listed or not; successes are typed one by one.
    fn responses(&mut self, at: &At, old: &Value, new: &Value) {
        self.each(at, old, new, |rules, at, status, pair| {
            let success = status.starts_with('2');
            let at = at.about(format!("the answer {}", quote(status)));
            match pair {
                (Some(old), Some(new)) => {
                    let (old, new) = (resolve(rules.documents.0, old), resolve(rules.documents.1, new));
                    rules.response(&at, old, new);
                }
                (None, _) if success => rules.say(Breaking, &at, "is new: another success than the one callers handle"),
                (None, _) => rules.say(Additive, &at, "is listed now; any failure already comes as an API error"),
                (_, None) if success => rules.say(Breaking, &at, "is gone, and the type it carried with it"),
                (_, None) => rules.say(Editorial, &at, "is no longer listed; any failure still comes as an API error"),
            }
        });
    }

    fn response(&mut self, at: &At, old: &Value, new: &Value) {
        self.each(at, old, new, |rules, at, key, pair| match key {
            // No header of an answer has a place in the generated types.
            "description" | "headers" | "links" => rules.text(at, &quote(key), pair),
            "content" => rules.content(at, or_empty(pair.0), or_empty(pair.1), Way::Answer),
            _ if key.starts_with("x-") => rules.text(at, &quote(key), pair),
            _ => rules.unknown(at, key, pair),
        });
    }

    /// drift 0.2 panics when a media type comes or goes.
    fn content(&mut self, at: &At, old: &Value, new: &Value, way: Way) {
        self.each(at, old, new, |rules, at, media_type, pair| match pair {
            (Some(old), Some(new)) => rules.each(at, old, new, |rules, at, key, pair| match key {
                "schema" => rules.schema_or_none(at, pair, way),
                "example" | "examples" => rules.text(at, &quote(key), pair),
                _ if key.starts_with("x-") => rules.text(at, &quote(key), pair),
                _ => rules.unknown(at, key, pair),
            }),
            (None, _) => rules.say(Additive, at, format!("may also be {}", quote(media_type))),
            (_, None) => rules.say(Breaking, at, format!("can no longer be {}", quote(media_type))),
        });
    }

    fn components(&mut self, at: &At, old: &Value, new: &Value) {
        self.each(at, old, new, |rules, at, section, pair| {
            let (old, new) = (or_empty(pair.0), or_empty(pair.1));
            rules.each(at, old, new, |rules, at, name, pair| {
                let uses = rules.reach.uses(&format!("/components/{}/{}", escape(section), escape(name)));
                let singular =
                    section.strip_suffix("ies").map_or(section.trim_end_matches('s').to_owned(), |s| format!("{s}y"));
                let at = at.within(match section {
                    "schemas" => Group::schema(name.to_owned(), users(&uses)),
                    "securitySchemes" => Group::shared(format!("{singular} {name}"), String::new()),
                    _ => Group::shared(format!("{singular} {name}"), users(&uses)),
                });
                match (section, pair) {
                    ("schemas", (Some(old), Some(new))) => rules.schema(&at, old, new, Way::of(&uses), false),
                    ("schemas", (None, _)) => rules.say(Additive, &at, "the type is new"),
                    ("schemas", (_, None)) => rules.say(Breaking, &at, "the type is gone"),
                    ("parameters", (Some(old), Some(new))) => rules.parameter(&at.about(parameter_name(new)), old, new),
                    ("requestBodies", (Some(_), Some(_))) => rules.body(&at, pair),
                    ("responses", (Some(old), Some(new))) => rules.response(&at, old, new),
                    ("securitySchemes", _) => rules.security_scheme(&at, pair),
                    // Of what is shared, only schemas become code where they stand. The rest means something where an
                    // operation refers to it, and there it's judged.
                    ("examples" | "headers" | "links" | "parameters" | "requestBodies" | "responses", _) => {
                        rules.text(&at, "it", pair)
                    }
                    _ => rules.unknown(&at, name, pair),
                }
            });
        });
    }

    fn security_scheme(&mut self, at: &At, pair: Pair) {
        let (Some(old), Some(new)) = pair else {
            return match pair {
                (None, _) => self.say(Additive, at, "the way to sign in is new"),
                _ => self.say(Breaking, at, "the way to sign in is gone"),
            };
        };
        self.each(at, old, new, |rules, at, key, pair| match (key, pair) {
            ("description", _) => rules.text(at, &quote(key), pair),
            ("flows", (Some(old), Some(new))) => rules.each(at, old, new, |rules, at, flow, pair| match pair {
                (Some(old), Some(new)) => rules.each(at, old, new, |rules, at, key, pair| match key {
                    "scopes" => {
                        rules.each(at, or_empty(pair.0), or_empty(pair.1), |rules, at, scope, pair| match pair {
                            (None, _) => rules.say(Additive, at, format!("the scope {} is new", quote(scope))),
                            (_, None) => rules.say(Breaking, at, format!("the scope {} is gone", quote(scope))),
                            _ => rules.text(at, &format!("the text of {}", quote(scope)), pair),
                        })
                    }
                    _ if key.starts_with("x-") => rules.text(at, &quote(key), pair),
                    _ => rules.say(Breaking, at, format!("{} {}: signing in goes elsewhere", quote(key), values(pair))),
                }),
                (None, _) => rules.say(Additive, at, format!("the flow {} is new", quote(flow))),
                _ => rules.say(Breaking, at, format!("the flow {} is gone", quote(flow))),
            }),
            _ if key.starts_with("x-") => rules.text(at, &quote(key), pair),
            _ => rules.unknown(at, key, pair),
        });
    }

    fn schema_or_none(&mut self, at: &At, pair: Pair, way: Way) {
        match pair {
            (Some(old), Some(new)) => self.schema(at, old, new, way, false),
            _ => self.say(Breaking, at, format!("its type {}", values(pair))),
        }
    }

    /// Judged where it stands: what a `$ref` leads to has its own turn. `optional` says whether the Rust type is an
    /// `Option` in any case.
    fn schema(&mut self, at: &At, old: &Value, new: &Value, way: Way, optional: bool) {
        if !(old.is_object() && new.is_object()) {
            return self.unknown(at, "schema", (Some(old), Some(new)));
        }
        let (old_type, new_type) = (named(old), named(new));
        if old_type != new_type {
            let name = |name: Option<&str>| name.map_or("a type of its own".to_owned(), quote);
            let sentence = format!("is {} now, no longer {}", name(new_type), name(old_type));
            return self.say(Breaking, at, sentence);
        }
        self.each(&at.clone(), &without_fields(old), &without_fields(new), |rules, key_at, key, pair| match key {
            "$ref" | "allOf" | "anyOf" | "oneOf" if old_type.is_some() => {
                rules.say(Editorial, at, "names the same type in another way")
            }
            "description" | "title" | "example" | "examples" | "externalDocs" | "xml" => {
                rules.text(key_at, &quote(key), pair)
            }
            "deprecated" => rules.deprecated(key_at, pair),
            "enum" => rules.enumeration(key_at, pair),
            "nullable" => rules.nullable(key_at, pair, way, optional),
            "minLength"
            | "minItems"
            | "minProperties"
            | "minimum"
            | "x-decoded-min-length"
            | "maxLength"
            | "maxItems"
            | "maxProperties"
            | "maximum"
            | "x-decoded-max-length" => rules.bound(key_at, key, pair, way),
            "pattern" => {
                let (class, sentence) = way.judge(|way| match (way, pair) {
                    (Way::Answer, _) => (Editorial, unchecked("`pattern`", pair)),
                    (_, (_, None)) => (Additive, "is free of its pattern now".to_owned()),
                    // Whether one pattern allows all that another did can't be told.
                    _ => (Breaking, format!("its pattern {}: what was sent may be refused", values(pair))),
                });
                rules.say(class, key_at, sentence);
            }
            "items" | "additionalProperties" if matches!(pair, (Some(Value::Object(_)), Some(Value::Object(_)))) => {
                let subject = format!("what is in {}", if at.subject.is_empty() { "it" } else { &at.subject });
                rules.schema(&key_at.about(subject), or_empty(pair.0), or_empty(pair.1), way, false);
            }
            // The generated type, or what is made of a missing value, follows from them.
            "type"
            | "format"
            | "default"
            | "items"
            | "uniqueItems"
            | "allOf"
            | "anyOf"
            | "oneOf"
            | "not"
            | "discriminator"
            | "additionalProperties" => {
                rules.say(Breaking, key_at, format!("{} {}: the Rust type follows from it", quote(key), values(pair)))
            }
            _ if key.starts_with("x-") => rules.text(key_at, &quote(key), pair),
            _ => rules.unknown(key_at, key, pair),
        });
        let fields = |schema: &Value| (schema.get("properties").cloned(), schema.get("required").cloned());
        if fields(old) != fields(new) {
            self.never_silent(at, "its list of fields", |rules| rules.fields(at, old, new, way));
        }
    }

    /// `properties` and `required`, which only together say what a field is.
    fn fields(&mut self, at: &At, old: &Value, new: &Value, way: Way) {
        let (old_fields, new_fields) = (or_empty(old.get("properties")), or_empty(new.get("properties")));
        let (Value::Object(old_fields), Value::Object(new_fields)) = (old_fields, new_fields) else {
            return self.unknown(&at.key("properties"), "properties", (Some(old_fields), Some(new_fields)));
        };
        let (old_required, new_required) = (required(old), required(new));
        for name in union(old_fields.keys(), new_fields.keys()) {
            let at = at.property(name);
            let must = new_required.contains(name.as_str());
            let (old, new) = match (old_fields.get(name), new_fields.get(name)) {
                (Some(old), Some(new)) => (old, new),
                (None, _) => {
                    let (class, sentence) = way.judge(|way| match way {
                        Way::Answer => (Additive, "is a new field".to_owned()),
                        _ if must => (Breaking, "is a new field and must be sent".to_owned()),
                        _ => (Additive, "is a new field and may be sent".to_owned()),
                    });
                    self.say(class, &at, sentence);
                    continue;
                }
                (_, None) => {
                    self.say(Breaking, &at.gone(true), "is gone: code that names the field doesn't compile");
                    continue;
                }
            };
            let was_must = old_required.contains(name.as_str());
            if old != new {
                self.never_silent(&at, "", |rules| rules.schema(&at, old, new, way, !must && !was_must));
            }
            if must != was_must {
                // A list in an answer is a `Vec` whether or not it must be there: left out, it reads as empty.
                let list = new.get("type").and_then(Value::as_str) == Some("array");
                let (class, sentence) = way.judge(|way| match (way, must) {
                    (Way::Answer, true) if list => (Additive, "is always there now"),
                    (Way::Answer, false) if list => (Additive, "may be missing now, and reads as empty then"),
                    (Way::Answer, true) => (Breaking, "is always there now: its Rust type is no longer an `Option`"),
                    (Way::Answer, false) => (Breaking, "may be missing now: its Rust type becomes an `Option`"),
                    (_, true) => (Breaking, "must be sent now"),
                    (_, false) => (Additive, "may be left out now"),
                });
                self.say(class, &at, sentence);
            }
        }
        for name in old_required.symmetric_difference(&new_required) {
            if !old_fields.contains_key(*name) && !new_fields.contains_key(*name) {
                let at = at.key("required");
                self.say(Breaking, &at, format!("`required` names {}, which is no field", quote(name)));
            }
        }
    }

    /// drift 0.2 says "unhandled" to any change of an enum.
    fn enumeration(&mut self, at: &At, pair: Pair) {
        let (Some(Value::Array(old)), Some(Value::Array(new))) = pair else {
            return self.say(Breaking, at, format!("its values {}: the Rust type follows from them", values(pair)));
        };
        for value in new.iter().filter(|value| !old.contains(value)) {
            // Our enums are open: until a caller updates, the value comes as `Unknown`.
            self.say(Additive, at, format!("may also be {}", json(value)));
        }
        for value in old.iter().filter(|value| !new.contains(value)) {
            self.say(Breaking, at, format!("is no longer {}: the Rust variant goes", json(value)));
        }
    }

    /// drift 0.2 doesn't report it.
    fn nullable(&mut self, at: &At, pair: Pair, way: Way, optional: bool) {
        let now = match both(pair, |mark| mark.and_then(Value::as_bool).unwrap_or(false)) {
            (old, new) if old == new => return,
            (_, now) => now,
        };
        let (class, sentence) = way.judge(|way| match (way, now) {
            (Way::Answer, true) if optional => (Additive, "may be null now, which reads as missing"),
            (Way::Answer, false) if optional => (Additive, "is never null now"),
            (Way::Answer, true) => (Breaking, "may be null now: its Rust type becomes an `Option`"),
            (Way::Answer, false) => (Breaking, "is never null now: its Rust type is no longer an `Option`"),
            (_, true) => (Additive, "may be sent as null now"),
            (_, false) => (Breaking, "can't be sent as null now"),
        });
        self.say(class, at, sentence);
    }

    fn bound(&mut self, at: &At, key: &str, pair: Pair, way: Way) {
        let is_max = key.contains("max");
        let free = if is_max {
            f64::INFINITY
        } else if key == "minimum" {
            f64::NEG_INFINITY
        } else {
            0.0
        };
        let (Some(old), Some(new)) = both(pair, |bound| bound.map_or(Some(free), Value::as_f64)) else {
            return self.unknown(at, key, pair);
        };
        if old == new {
            return;
        }
        let what = quote(key);
        let (class, sentence) = way.judge(|way| match way {
            // The width of a generated integer may follow from them.
            Way::Answer if matches!(key, "minimum" | "maximum") => {
                (Breaking, format!("{what} {}: the Rust type may follow from it", values(pair)))
            }
            Way::Answer => (Editorial, unchecked(&what, pair)),
            _ if is_max == (new < old) => (Breaking, format!("{what} {}: what was sent may be refused", values(pair))),
            _ => (Additive, format!("{what} {}: more may be sent", values(pair))),
        });
        self.say(class, at, sentence);
    }
}

fn unchecked(what: &str, pair: Pair) -> String {
    format!("{what} {}; nothing here checks that an answer keeps to it", values(pair))
}

fn both<'v, T>(pair: Pair<'v>, read: impl Fn(Option<&'v Value>) -> T) -> (T, T) {
    (read(pair.0), read(pair.1))
}

/// A missing map and an empty one say the same.
fn or_empty(value: Option<&Value>) -> &Value {
    static EMPTY: LazyLock<Value> = LazyLock::new(|| Value::Object(Map::new()));
    value.unwrap_or(&EMPTY)
}

fn union<'s>(old: impl Iterator<Item = &'s String>, new: impl Iterator<Item = &'s String>) -> BTreeSet<&'s String> {
    old.chain(new).collect()
}

/// How a value changed, as the end of a sentence.
fn values(pair: Pair) -> String {
    match pair {
        (Some(old), Some(new)) => format!("is {}, no longer {}", json(new), json(old)),
        (None, Some(new)) => format!("is {} now", json(new)),
        (Some(old), None) => format!("is no longer {}", json(old)),
        (None, None) => String::new(),
    }
}

/// A value as it stands in the document, if it isn't long.
fn json(value: &Value) -> String {
    match value {
        Value::String(text) => quote(text),
        Value::Object(_) => "a map".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        _ => quote(&value.to_string()),
    }
}

fn quote(text: &str) -> String {
    let short: String = text.chars().take(80).collect();
    if short.len() < text.len() { format!("`{short}…`") } else { format!("`{short}`") }
}

/// A path without the names of its parameters.
fn route(path: &str) -> String {
    path.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment }).collect::<Vec<_>>().join("/")
}

fn is_true(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or(false)
}

fn required(schema: &Value) -> BTreeSet<&str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The schemes and scopes that a list of security requirements asks for.
fn needs(requirements: Option<&Value>) -> BTreeSet<String> {
    let requirements = requirements.and_then(Value::as_array).into_iter().flatten();
    let schemes = requirements.filter_map(Value::as_object).flatten();
    schemes
        .flat_map(|(scheme, scopes)| {
            let scopes = scopes.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
            scopes.chain([scheme.clone()])
        })
        .collect()
}

/// The parameters of a list: where they go and their name or position, their index, and themselves before and after
/// `$ref`.
fn identified<'v>(document: &'v Value, path: &str, list: &'v Value) -> Vec<(String, String, &'v Value, &'v Value)> {
    let items = list.as_array().into_iter().flatten().enumerate();
    items
        .map(|(index, raw)| {
            let parameter = resolve(document, raw);
            let text = |key| parameter.get(key).and_then(Value::as_str).unwrap_or_default();
            let (place, name) = (text("in"), text("name"));
            let position = path.split('/').position(|segment| segment == format!("{{{name}}}"));
            let identity = match position {
                Some(position) if place == "path" => format!("path {position}"),
                _ => format!("{place} {name}"),
            };
            (identity, index.to_string(), raw, parameter)
        })
        .collect()
}

fn parameter_name(parameter: &Value) -> String {
    let text = |key| parameter.get(key).and_then(Value::as_str).unwrap_or_default();
    format!("the {} parameter {}", text("in"), quote(text("name")))
}

/// The component that a schema is, itself or wrapped alone in `allOf`, `anyOf` or `oneOf`, which adds a text to it.
fn named(schema: &Value) -> Option<&str> {
    let wrapped = || {
        ["allOf", "anyOf", "oneOf"].iter().find_map(|key| match schema.get(key).and_then(Value::as_array)?.as_slice() {
            [only] => reference(only),
            _ => None,
        })
    };
    let target = reference(schema).or_else(wrapped)?;
    Some(target.rsplit('/').next().unwrap_or(target))
}

fn without_fields(schema: &Value) -> Value {
    let mut rest = schema.clone();
    if let Some(map) = rest.as_object_mut() {
        map.retain(|key, _| key != "properties" && key != "required");
    }
    rest
}

/// Who uses a shared part.
fn users(uses: &Uses) -> String {
    let list = |what: &str, ids: &BTreeSet<String>| {
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        (!ids.is_empty()).then(|| format!("{what} {}", ids.join(", ")))
    };
    let parts: Vec<String> =
        [list("sent to", &uses.requests), list("answered by", &uses.answers)].into_iter().flatten().collect();
    if parts.is_empty() { "in no request and no answer".to_owned() } else { parts.join("; ") }
}
