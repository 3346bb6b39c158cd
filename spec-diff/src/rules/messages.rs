//! What an operation takes and returns: parameters, bodies, responses and their content.

use serde_json::Value;

use super::part::or_empty;
use super::{Additive, Breaking, Editorial, Part, Rules, quote};
use crate::reach::Way;
use crate::spec::{Spec, resolve};

impl<'v> Rules<'v> {
    /// The parameters of an operation: its own, and those of its path. One that moves between the two lists is the same.
    pub(super) fn parameters(&mut self, own: &Part<'v>, shared: &Part<'v>, paths: (&str, &str)) {
        let old = identified(self.old, paths.0, [shared, own], |part| part.old);
        let new = identified(self.new, paths.1, [shared, own], |part| part.new);
        for (identity, was) in &old {
            let Some((_, is)) = new.iter().find(|(other, _)| other == identity) else {
                let part = Part { new: None, gone: true, ..was.clone() }.resolved(self.old, self.new);
                self.say(Breaking, &named(&part), "is gone: it can no longer be sent");
                continue;
            };
            let written = Part { old: was.old, old_pointer: was.old_pointer.clone(), ..is.clone() };
            if written.old != written.new {
                let part = named(&written.resolved(self.old, self.new));
                self.never_silent(&part, "", |rules| rules.parameter(&part));
            }
        }
        for (_, is) in new.iter().filter(|(identity, _)| !old.iter().any(|(other, _)| other == identity)) {
            let part = Part { old: None, ..is.clone() }.resolved(self.old, self.new);
            self.came(&named(&part));
        }
        let (mut was, had_options) = arguments(self.old, &old, |part| part.old);
        let (mut is, has_options) = arguments(self.new, &new, |part| part.new);
        if has_options && !had_options {
            self.say(Breaking, own, "can leave something out now: it is an argument more of the method");
        }
        was.retain(|argument| is.contains(argument));
        is.retain(|argument| was.contains(argument));
        if was != is {
            self.say(Breaking, own, "takes its arguments in another order: they are passed by position");
        }
    }

    pub(super) fn parameter(&mut self, parameter: &Part<'v>) {
        self.keywords(&named(parameter), "parameter", |rules, key, part| match key {
            "name" if or_empty(parameter.new).get("in").and_then(Value::as_str) == Some("path") => {
                rules.say(Editorial, part, format!("its name {}; it is passed by position", part.change()))
            }
            "name" | "in" => rules.say(Breaking, part, format!("{} {}", quote(key), part.change())),
            "style" | "explode" | "allowReserved" => {
                rules.say(Breaking, part, format!("{} {}: it is encoded differently", quote(key), part.change()))
            }
            "required" => {
                let on = (Breaking, "must be sent now: it is an argument of the method");
                rules.flag(part, on, (Breaking, "may be left out now: it is no longer an argument of the method"));
            }
            "allowEmptyValue" => {
                rules.flag(part, (Additive, "may be sent empty now"), (Breaking, "can't be sent empty now"));
            }
            "schema" => rules.schema(part, Way::Request, false),
            "content" => rules.content(part, Way::Request),
            _ => rules.other(key, part),
        });
    }

    /// A part of a request that is new.
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
            (_, None) => self.say(Breaking, &body, "is gone: it can no longer be sent"),
            _ => self.keywords(&body, "requestBody", |rules, key, part| match key {
                "required" => {
                    rules.flag(part, (Breaking, "must be sent now"), (Additive, "may be left out now"));
                }
                "content" => rules.content(part, Way::Request),
                _ => rules.other(key, part),
            }),
        }
    }

    /// Every failure is one type with its status, listed or not. Each success has a type of its own.
    pub(super) fn responses(&mut self, responses: &Part<'v>) {
        self.each(responses, |rules, status, part| {
            let success = status.starts_with('2');
            let part = &part.resolved(rules.old, rules.new).about(format!("the response {}", quote(status)));
            match (part.old, part.new) {
                (None, _) if success => rules.say(Breaking, part, "is new: callers handle only the success they know"),
                (None, _) => {
                    rules.say(Additive, part, "is listed now; any failure already comes as an API error");
                    let headers = part.child("headers");
                    for name in headers.keys().into_iter().filter(|name| is_retry_after(name)) {
                        rules.header(name, &headers.child(name));
                    }
                }
                (_, None) if success => rules.say(Breaking, part, "is gone, with its type"),
                (_, None) => rules.say(Editorial, part, "is no longer listed; any failure still comes as an API error"),
                _ => rules.response(part),
            }
        });
    }

    pub(super) fn response(&mut self, response: &Part<'v>) {
        self.each(response, |rules, key, part| match key {
            "headers" => rules.each(part, Self::header),
            "links" => rules.text(part, &quote(key)),
            "content" => rules.content(part, Way::Response),
            _ => rules.other(key, part),
        });
    }

    /// The generated types leave out a response's headers, but how long to wait is heeded.
    fn header(&mut self, name: &str, header: &Part) {
        if header.old.is_none() && is_retry_after(name) {
            self.say(Additive, header, format!("may say in {} how long to wait", quote(name)));
        } else {
            self.text(header, &format!("the header {}", quote(name)));
        }
    }

    fn content(&mut self, content: &Part<'v>, way: Way) {
        self.each(content, |rules, media_type, part| match (part.old, part.new) {
            (None, _) => rules.say(Additive, part, format!("may also be {}", quote(media_type))),
            (_, None) => rules.say(Breaking, part, format!("can no longer be {}", quote(media_type))),
            _ => rules.each(part, |rules, key, part| match key {
                "schema" => rules.schema(part, way, false),
                "encoding" => rules.each(part, Self::encoding),
                "example" => rules.examples(part, "`example`", std::slice::from_ref(part), "/code"),
                "examples" => {
                    let changed = part.changed().into_iter();
                    let examples: Vec<_> = changed.map(|(_, example)| example.target(rules.old, rules.new)).collect();
                    rules.examples(part, "`examples`", &examples, "/value/code");
                }
                _ => rules.other(key, part),
            }),
        });
    }

    fn encoding(&mut self, property: &str, encoding: &Part<'v>) {
        let encoding = encoding.about(format!("the encoding of {}", quote(property)));
        self.keywords(&encoding, "encoding", |rules, key, part| rules.other(key, part));
    }
}

/// The parameters that one of the documents has in these lists, by place and name, or by position if they are in the
/// path. Of two that are the same, the first counts; but the operation's own counts in place of its path's.
fn identified<'v>(
    spec: &Spec,
    path: &str,
    lists: [&Part<'v>; 2],
    side: fn(&Part<'v>) -> Option<&'v Value>,
) -> Vec<(String, Part<'v>)> {
    let mut parameters: Vec<(String, Part<'v>)> = Vec::new();
    for list in lists {
        let of_path = parameters.len();
        for (index, parameter) in side(list).and_then(Value::as_array).into_iter().flatten().enumerate() {
            let parameter = resolve(&spec.value, parameter);
            let (place, name) = (text(parameter, "in"), text(parameter, "name"));
            let position = path.split('/').position(|segment| segment == format!("{{{name}}}"));
            let identity = match position {
                Some(position) if place == "path" => format!("path {position}"),
                _ => format!("{place} {name}"),
            };
            let parameter = list.child(&index.to_string());
            match parameters.iter().position(|(known, _)| *known == identity) {
                Some(at) if at < of_path => drop(parameters.get_mut(at).map(|known| known.1 = parameter)),
                Some(_) => {}
                None => parameters.push((identity, parameter)),
            }
        }
    }
    parameters
}

/// The parameters that are arguments of the generated method, which are those that must be sent; and whether there are
/// others, which have an argument for all of them.
fn arguments<'p, 'v>(
    spec: &'v Spec,
    parameters: &'p [(String, Part<'v>)],
    side: fn(&Part<'v>) -> Option<&'v Value>,
) -> (Vec<&'p str>, bool) {
    let required = |part| {
        let parameter = side(part).map(|parameter| resolve(&spec.value, parameter));
        parameter.and_then(|parameter| parameter.get("required")?.as_bool()) == Some(true)
    };
    let (arguments, others): (Vec<_>, Vec<_>) = parameters.iter().partition(|(_, part)| required(part));
    (arguments.iter().map(|(identity, _)| identity.as_str()).collect(), !others.is_empty())
}

fn is_retry_after(header: &str) -> bool {
    header.eq_ignore_ascii_case("Retry-After")
}

fn named<'v>(parameter: &Part<'v>) -> Part<'v> {
    let value = or_empty(parameter.new.or(parameter.old));
    parameter.about(format!("the {} parameter {}", text(value, "in"), quote(text(value, "name"))))
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
