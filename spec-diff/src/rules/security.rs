//! The scopes that a request needs, and how users log in.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Additive, Breaking, Part, Rules, quote};

impl<'v> Rules<'v> {
    /// An operation needs every scope that it names: like the table of operations, this ignores alternatives.
    pub(super) fn security(&mut self, part: &Part<'v>) {
        let (old, new) = part.both(needs);
        for need in new.difference(&old) {
            self.say(Breaking, part, format!("needs {} now: tokens granted without it are refused", quote(need)));
        }
        for need in old.difference(&new) {
            self.say(Additive, part, format!("no longer needs {}", quote(need)));
        }
        let alternatives = part.both(|list| list.as_array().map_or(0, Vec::len));
        if old == new && alternatives.0 != alternatives.1 {
            self.unknown(part, "security");
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
    let schemes = requirements.as_array().into_iter().flatten().filter_map(Value::as_object).flatten();
    schemes
        .flat_map(|(scheme, scopes)| {
            scopes.as_array().into_iter().flatten().filter_map(Value::as_str).chain([scheme.as_str()])
        })
        .collect()
}
