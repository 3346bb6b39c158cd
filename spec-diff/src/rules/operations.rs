//! Paths and operations: which exist, what they are called, and on which terms they are offered.

use serde_json::Value;

use super::part::or_empty;
use super::words::json;
use super::{Additive, Breaking, Editorial, Part, Rules, quote};
use crate::report::{Group, Kind};
use crate::spec::{METHODS, operation_name};

impl<'v> Rules<'v> {
    pub(super) fn paths(&mut self, paths: &Part<'v>) {
        for (old_path, new_path) in self.old.paths(self.new) {
            let item = paths.children(old_path, new_path).within(Group::new(Kind::Shared, new_path, ""));
            if item.old != item.new || old_path != new_path {
                self.never_silent(&item, &quote(old_path), |rules| rules.path(&item, (old_path, new_path)));
            }
        }
    }

    fn path(&mut self, item: &Part<'v>, paths: (&str, &str)) {
        if paths.0 != paths.1 {
            let sentence = format!("{} is now written `{}`; ids are passed by position", quote(paths.0), paths.1);
            self.say(Editorial, item, sentence);
        }
        if paths.0.starts_with("x-") {
            return self.other(paths.0, item);
        }
        let servers = item.child("servers").or(self.old.value.get("servers"), self.new.value.get("servers"));
        self.each(item, |rules, key, part| match key {
            _ if METHODS.contains(&key) => rules.operation(key, item, paths, &servers),
            "parameters" => {
                let operations = METHODS.map(|method| operation(item, method, paths));
                for operation in operations.iter().filter(|operation| operation.stays()) {
                    rules.parameters(&operation.child("parameters"), part, paths);
                }
            }
            "servers" => rules.servers(&Part { gone: part.gone, ..servers.clone() }),
            _ => rules.other(key, part),
        });
    }

    fn operation(&mut self, method: &str, item: &Part<'v>, paths: (&str, &str), servers: &Part<'v>) {
        let operation = &operation(item, method, paths);
        match (operation.old, operation.new) {
            (None, _) => return self.say(Additive, operation, "the operation is new"),
            (_, None) => return self.say(Breaking, operation, "the operation is gone"),
            _ => {}
        }
        self.keywords(operation, "operation", |rules, key, part| match key {
            // The generated method and the table of operations are named after it.
            "operationId" => {
                rules.say(Breaking, part, format!("its id {}: the generated method is renamed", part.change()))
            }
            "x-preview" => {
                let on = (Breaking, "is a preview now: it may change, and it bars a public release");
                rules.flag(part, on, (Additive, "is no longer a preview"));
            }
            "x-repeatable" => rules.repeatable(method, part),
            "x-rate-limit-per-client-user" => rules.rate_limit(key, part),
            "x-job" => rules.job(part),
            "x-pages" => rules.pages(part),
            "security" => {
                rules.security(&part.or(rules.old.value.get("security"), rules.new.value.get("security")));
            }
            "servers" => rules.servers(&part.or(servers.old, servers.new)),
            "parameters" => rules.parameters(part, &item.child("parameters"), paths),
            "requestBody" => rules.request_body(part),
            "responses" => rules.responses(part),
            _ => rules.other(key, part),
        });
    }

    /// Without the mark, HTTP's rule for the method holds.
    fn repeatable(&mut self, method: &str, part: &Part) {
        static TRUE: Value = Value::Bool(true);
        let by_method = (!matches!(method, "post" | "patch")).then_some(&TRUE);
        // Code still compiles, but a lost response becomes an error where a retry helped. Programs built on the old spec
        // go on to repeat the request, which may now act twice.
        let off = (Breaking, "can't be repeated now: a lost response is an error");
        let on = (Additive, "can be repeated now after a lost response");
        self.flag(&part.or(by_method, by_method), on, off);
    }

    fn rate_limit(&mut self, key: &str, part: &Part) {
        match part.both(Value::as_u64) {
            // Programs get less done in a minute, and those that pace by the old limit get 429s.
            (Some(old), Some(new)) if new < old => {
                self.say(Breaking, part, format!("takes {new} requests a minute, no longer {old}"))
            }
            (Some(old), Some(new)) => self.say(Additive, part, format!("takes {new} requests a minute, up from {old}")),
            // As when a limit is lowered: what was sent at once may wait.
            (None, Some(new)) if part.old.is_none() => {
                self.say(Breaking, part, format!("is limited to {new} requests a minute now: more are held back"))
            }
            (Some(old), None) if part.new.is_none() => {
                self.say(Additive, part, format!("is no longer limited to {old} requests a minute"))
            }
            _ => self.unknown(part, key),
        }
    }

    /// The job that an operation starts: its kind, what reads it, and where the response has its result and error.
    fn job(&mut self, job: &Part<'v>) {
        let kind = json(or_empty(job.new.or(job.old)).get("kind").unwrap_or(&Value::Null));
        match (job.old, job.new) {
            (None, _) => self.say(Additive, job, format!("starts a job of the kind {kind} now: it can be waited for")),
            (_, None) => {
                let sentence =
                    format!("no longer starts a job of the kind {kind}: code that waits for it doesn't compile");
                self.say(Breaking, job, sentence);
            }
            _ => self.each(job, Self::role),
        }
    }

    /// How the pages of a list follow each other: the token of the next one, and where the response has the items.
    fn pages(&mut self, pages: &Part<'v>) {
        match (pages.old, pages.new) {
            (None, _) => self.say(Additive, pages, "its items can be streamed now"),
            (_, None) => {
                self.say(Breaking, pages, "its items can no longer be streamed: code that streams them doesn't compile")
            }
            _ => self.each(pages, Self::role),
        }
    }

    /// What has a role in a job or in pages.
    fn role(&mut self, key: &str, part: &Part<'v>) {
        let (what, consequence) = match key {
            "kind" => ("the kind of its job", "stored references have another name"),
            "read" => ("the operation that reads its job", "another request is sent"),
            "result" => ("the result of its job", "the Rust type follows from it"),
            "error" => ("the error of its job", "the Rust type follows from it"),
            "token" => ("the token of its next page", "another parameter is sent"),
            "items" => ("the list of its items", "the Rust type follows from it"),
            _ => return self.other(key, part),
        };
        self.say(Breaking, part, format!("{what} {}: {consequence}", part.change()));
    }
}

/// An operation of a path.
pub fn operation<'v>(item: &Part<'v>, method: &str, paths: (&str, &str)) -> Part<'v> {
    let operation = item.child(method);
    let path = if operation.gone { paths.0 } else { paths.1 };
    let name = operation_name(path, method, or_empty(operation.new.or(operation.old)));
    operation.within(Group::new(Kind::Operation, &name, &format!("{} {path}", method.to_uppercase())))
}
