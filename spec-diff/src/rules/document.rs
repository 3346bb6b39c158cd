//! The top of a document: its servers, and the parts that operations share.

use std::collections::BTreeSet;

use serde_json::Value;

use super::words::json;
use super::{Additive, Breaking, Editorial, Part, Rules, quote};
use crate::lines::escape;
use crate::reach::{Uses, Way};
use crate::report::{Group, Kind};

impl<'v> Rules<'v> {
    pub(super) fn document(&mut self, document: &Part<'v>) {
        self.keywords(document, "document", |rules, key, part| match key {
            "openapi" => rules.say(Editorial, part, format!("the version of OpenAPI {}", part.change())),
            "info" => rules.info(part),
            "servers" => rules.servers(part),
            "security" => rules.security(&part.about("an operation without `security` of its own")),
            "paths" => rules.paths(part),
            "components" => rules.components(part),
            _ => rules.other(key, part),
        });
    }

    fn info(&mut self, info: &Part<'v>) {
        self.each(info, |rules, key, part| match key {
            "version" => rules.say(Editorial, part, format!("the spec's version {}", part.change())),
            _ => rules.text(part, &quote(key)),
        });
    }

    /// The first server is where requests go unless the caller says otherwise.
    pub(super) fn servers(&mut self, servers: &Part<'v>) {
        let list = || servers.new.and_then(Value::as_array).into_iter().flatten();
        let listed = |url: &Value| list().any(|server| server.get("url") == Some(url));
        let name = |url: Option<&Value>| url.map_or("none".to_owned(), json);
        match servers.both(|list| list.pointer("/0/url")) {
            _ if servers.old == servers.new => {}
            (old, new) if old == new => self.text(servers, "`servers`"),
            (old, new) => {
                let (was, is) = (name(old), name(new));
                let sentence = if old.is_some_and(listed) {
                    format!("requests go to {is} first; {was} is still listed")
                } else {
                    format!("the server is {is}, no longer {was}: tokens and files are sent to another place")
                };
                self.say(Breaking, servers, sentence);
            }
        }
    }

    fn components(&mut self, components: &Part<'v>) {
        self.each(components, |rules, section, part| {
            rules.each(part, |rules, name, part| rules.component(section, name, part));
        });
    }

    fn component(&mut self, section: &str, name: &str, part: &Part<'v>) {
        let uses = self.uses(section, name);
        let part = &part.within(match section {
            "schemas" => Group::new(Kind::Schema, name, &users(&uses)),
            "securitySchemes" => Group::new(Kind::Shared, &format!("{} {name}", singular(section)), ""),
            _ => self.shared(section, name),
        });
        match (section, part.old, part.new) {
            ("schemas", None, _) => self.say(Additive, part, "the type is new"),
            ("schemas", _, None) => self.say(Breaking, part, "the type is gone"),
            ("schemas", ..) => self.schema(part, Way::of(&uses), false),
            ("securitySchemes", ..) => self.security_scheme(part),
            ("parameters", Some(_), Some(_)) => self.parameter(part),
            ("requestBodies", Some(_), Some(_)) => self.request_body(part),
            ("responses", Some(_), Some(_)) => self.response(part),
            ("examples", ..) => self.examples(part, "it", &[part.target(self.old, self.new)], "/value/code"),
            // Only schemas become code by themselves. The other parts are judged where an operation refers to them.
            ("headers" | "links" | "parameters" | "requestBodies" | "responses", ..) => self.text(part, "it"),
            _ => self.unknown(part, name),
        }
    }

    fn uses(&self, section: &str, name: &str) -> Uses {
        self.reach.uses(&format!("/components/{}/{}", escape(section), escape(name)))
    }

    /// A part that operations share, and which they are.
    pub(super) fn shared(&self, section: &str, name: &str) -> Group {
        Group::new(Kind::Shared, &format!("{} {name}", singular(section)), &users(&self.uses(section, name)))
    }
}

/// `parameter` for `parameters`, `requestBody` for `requestBodies`.
fn singular(section: &str) -> String {
    section.strip_suffix("ies").map_or(section.trim_end_matches('s').to_owned(), |stem| format!("{stem}y"))
}

/// The operations that use a shared part, in words.
fn users(uses: &Uses) -> String {
    let list = |what: &str, ids: &BTreeSet<String>| {
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        (!ids.is_empty()).then(|| format!("{what} {}", ids.join(", ")))
    };
    let parts: Vec<String> =
        [list("sent to", &uses.requests), list("answered by", &uses.responses)].into_iter().flatten().collect();
    if parts.is_empty() { "in no request and no response".to_owned() } else { parts.join("; ") }
}
