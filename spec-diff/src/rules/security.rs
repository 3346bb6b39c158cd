//! The scopes that a request needs, and how users log in.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Additive, Breaking, Part, Rules, quote};

impl<'v> Rules<'v> {
    /// An operation needs every scope that it names, as in the table of operations. Alternatives count only where the
    /// names are the same.
    pub(super) fn security(&mut self, part: &Part<'v>) {
        let (old, new) = part.both(needs);
        for need in new.difference(&old) {
            self.say(Breaking, part, format!("needs {} now: tokens granted without it are refused", quote(need)));
        }
        for need in old.difference(&new) {
            self.say(Additive, part, format!("no longer needs {}", quote(need)));
        }
        let (was, is) = part.both(alternatives);
        if old == new && was != is {
            let sentence = format!("needs {} now, no longer {}", words(&is), words(&was));
            if was.iter().all(|had| is.iter().any(|need| need.is_subset(had))) {
                self.say(Additive, part, format!("{sentence}: what sufficed still does"));
            } else {
                self.say(Breaking, part, format!("{sentence}: tokens that sufficed may be refused"));
            }
        }
    }

    pub(super) fn security_scheme(&mut self, scheme: &Part<'v>) {
        match (scheme.old, scheme.new) {
            (None, _) => self.say(Additive, scheme, "the security scheme is new"),
            (_, None) => self.say(Breaking, scheme, "the security scheme is gone"),
            _ => self.each(scheme, |rules, key, part| match key {
                "flows" => rules.each(part, Self::flow),
                _ => rules.other(key, part),
            }),
        }
    }

    fn flow(&mut self, name: &str, flow: &Part<'v>) {
        match (flow.old, flow.new) {
            (None, _) => self.say(Additive, flow, format!("the flow {} is new", quote(name))),
            (_, None) => self.say(Breaking, flow, format!("the flow {} is gone", quote(name))),
            _ => self.each(flow, |rules, key, part| match key {
                "scopes" => rules.each(part, Self::scope),
                // Tokens are refreshed where they are granted, unless it says otherwise.
                "refreshUrl" => {
                    let (old, new) = flow.both(|flow| flow.get("tokenUrl"));
                    let part = part.or(old, new);
                    if part.old != part.new {
                        rules.say(Breaking, &part, format!("{} {}: logins break", quote(key), part.change()));
                    }
                }
                _ if key.starts_with("x-") => rules.other(key, part),
                _ => rules.say(Breaking, part, format!("{} {}: logins break", quote(key), part.change())),
            }),
        }
    }

    fn scope(&mut self, name: &str, scope: &Part<'v>) {
        match (scope.old, scope.new) {
            (None, _) => self.say(Additive, scope, format!("the scope {} is new", quote(name))),
            (_, None) => self.say(Breaking, scope, format!("the scope {} is gone", quote(name))),
            _ => self.text(scope, &format!("the text of {}", quote(name))),
        }
    }
}

/// The schemes and scopes in a list of security requirements.
fn needs(requirements: &Value) -> BTreeSet<&str> {
    alternatives(requirements).into_iter().flatten().collect()
}

/// The schemes and scopes of each requirement in a list. One of them suffices, and an empty list requires nothing.
fn alternatives(requirements: &Value) -> BTreeSet<BTreeSet<&str>> {
    let requirements = requirements.as_array().into_iter().flatten().filter_map(Value::as_object);
    let mut alternatives: BTreeSet<BTreeSet<&str>> = requirements
        .map(|schemes| {
            let scopes = schemes.values().filter_map(Value::as_array).flatten().filter_map(Value::as_str);
            schemes.keys().map(String::as_str).chain(scopes).collect()
        })
        .collect();
    if alternatives.is_empty() {
        alternatives.insert(BTreeSet::new());
    }
    alternatives
}

/// Alternatives, as a sentence names them.
fn words(alternatives: &BTreeSet<BTreeSet<&str>>) -> String {
    let names = |needs: &BTreeSet<&str>| needs.iter().map(|need| quote(need)).collect::<Vec<_>>().join(" and ");
    let words = alternatives.iter().map(|needs| if needs.is_empty() { "nothing".to_owned() } else { names(needs) });
    words.collect::<Vec<_>>().join(", or ")
}
