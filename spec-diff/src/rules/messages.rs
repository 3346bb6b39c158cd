//! What an operation is sent, and what comes back: parameters, bodies, responses and their content.

use serde_json::Value;

use super::part::or_empty;
use super::way::Way;
use super::{Additive, Breaking, Editorial, Part, Rules, defaults, quote};
use crate::spec::{Spec, resolve};

impl<'v> Rules<'v> {
    /// Parameters are told apart by where they go and their name, those of a path by their position in it.
    pub(super) fn parameters(&mut self, list: &Part<'v>, paths: (&str, &str)) {
        let old = identified(self.old, paths.0, list.old);
        let new = identified(self.new, paths.1, list.new);
        for (identity, index) in &old {
            let Some((_, new_index)) = new.iter().find(|other| other.0 == *identity) else {
                let part = list.went(index).resolved(self.old, self.new);
                self.say(Breaking, &named(&part), "is no longer sent: what it said has no place");
                continue;
            };
            let written = list.children(index, new_index);
            if written.old != written.new {
                let part = named(&written.resolved(self.old, self.new));
                self.never_silent(&part, "", |rules| rules.parameter(&part));
            }
        }
        for (_, index) in new.iter().filter(|new| !old.iter().any(|old| old.0 == new.0)) {
            let part = list.came(index).resolved(self.old, self.new);
            self.came(&named(&part));
        }
    }

    pub(super) fn parameter(&mut self, parameter: &Part<'v>) {
        self.keywords(&named(parameter), defaults::parameter, |rules, key, part| match key {
            "name" if or_empty(parameter.new).get("in").and_then(Value::as_str) == Some("path") => {
                rules.say(Editorial, part, format!("its name {}; it is passed by position", part.change()))
            }
            "name" | "in" => rules.say(Breaking, part, format!("{} {}", quote(key), part.change())),
            "style" | "explode" | "allowReserved" => {
                rules.say(Breaking, part, format!("{} {}: it is written in another way", quote(key), part.change()))
            }
            "required" => rules.required(part),
            "allowEmptyValue" => rules.empty_value(part),
            "schema" => rules.schema_or_none(part, Way::Request),
            "content" => rules.content(part, Way::Request),
            _ => rules.other(key, part),
        });
    }

    fn required(&mut self, part: &Part) {
        match part.flags() {
            (false, true) => self.say(Breaking, part, "must be sent now"),
            (true, false) => self.say(Additive, part, "may be left out now"),
            _ => {}
        }
    }

    fn empty_value(&mut self, part: &Part) {
        match part.flags() {
            (false, true) => self.say(Additive, part, "may be sent empty now"),
            (true, false) => self.say(Breaking, part, "can't be sent empty now"),
            _ => {}
        }
    }

    /// What a request can carry now and couldn't before.
    fn came(&mut self, part: &Part) {
        if or_empty(part.new).get("required").and_then(Value::as_bool) == Some(true) {
            self.say(Breaking, part, "is new and must be sent");
        } else {
            self.say(Additive, part, "is new and may be sent");
        }
    }

    pub(super) fn request_body(&mut self, body: &Part<'v>) {
        let body = body.resolved(self.old, self.new).about("the request body");
        match (body.old, body.new) {
            (None, _) => self.came(&body),
            (_, None) => self.say(Breaking, &body, "is gone: what it carried has no place"),
            _ => self.keywords(&body, defaults::request_body, |rules, key, part| match key {
                "required" => rules.required(part),
                "content" => rules.content(part, Way::Request),
                _ => rules.other(key, part),
            }),
        }
    }

    /// Callers meet every failure as one type with its status, listed or not; successes are typed one by one.
    pub(super) fn responses(&mut self, responses: &Part<'v>) {
        self.each(responses, |rules, status, part| {
            let success = status.starts_with('2');
            let part = &part.resolved(rules.old, rules.new).about(format!("the response {}", quote(status)));
            match (part.old, part.new) {
                (None, _) if success => {
                    rules.say(Breaking, part, "is new: another success than the one callers handle")
                }
                (None, _) => rules.say(Additive, part, "is listed now; any failure already comes as an API error"),
                (_, None) if success => rules.say(Breaking, part, "is gone, and the type it carried with it"),
                (_, None) => rules.say(Editorial, part, "is no longer listed; any failure still comes as an API error"),
                _ => rules.response(part),
            }
        });
    }

    pub(super) fn response(&mut self, response: &Part<'v>) {
        self.each(response, |rules, key, part| match key {
            // No header of a response has a place in the generated types.
            "headers" | "links" => rules.text(part, &quote(key)),
            "content" => rules.content(part, Way::Response),
            _ => rules.other(key, part),
        });
    }

    /// drift 0.2 panics when a media type comes or goes.
    fn content(&mut self, content: &Part<'v>, way: Way) {
        self.each(content, |rules, media_type, part| match (part.old, part.new) {
            (None, _) => rules.say(Additive, part, format!("may also be {}", quote(media_type))),
            (_, None) => rules.say(Breaking, part, format!("can no longer be {}", quote(media_type))),
            _ => rules.each(part, |rules, key, part| match key {
                "schema" => rules.schema_or_none(part, way),
                "encoding" => rules.each(part, Self::encoding),
                _ => rules.other(key, part),
            }),
        });
    }

    fn encoding(&mut self, property: &str, encoding: &Part<'v>) {
        let encoding = encoding.about(format!("the encoding of {}", quote(property)));
        self.keywords(&encoding, defaults::encoding, |rules, key, part| rules.other(key, part));
    }
}

/// The parameters of a list: where they go and their name or position, and their index.
fn identified(spec: &Spec, path: &str, list: Option<&Value>) -> Vec<(String, String)> {
    let items = list.and_then(Value::as_array).into_iter().flatten().enumerate();
    items
        .map(|(index, parameter)| {
            let parameter = resolve(&spec.value, parameter);
            let (place, name) = (text(parameter, "in"), text(parameter, "name"));
            let position = path.split('/').position(|segment| segment == format!("{{{name}}}"));
            let identity = match position {
                Some(position) if place == "path" => format!("path {position}"),
                _ => format!("{place} {name}"),
            };
            (identity, index.to_string())
        })
        .collect()
}

fn named<'v>(parameter: &Part<'v>) -> Part<'v> {
    let value = or_empty(parameter.new.or(parameter.old));
    parameter.about(format!("the {} parameter {}", text(value, "in"), quote(text(value, "name"))))
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
