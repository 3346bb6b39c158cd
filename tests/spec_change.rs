//! What `openapi.yaml` changes since the last release is written down in a snapshot, and the version says it too. The
//! rules that judge a change are in `examples/spec-diff/diff`; here is one edit for each, beside what `drift` alone says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fmt::Write;
use std::panic::catch_unwind;
use std::sync::LazyLock;

use proptest::prelude::*;
use semver::Version;
use serde_json::{Value, json};

#[path = "../examples/spec-diff/diff/mod.rs"]
mod diff;

#[path = "support/due.rs"]
mod due;

use diff::{Class, Report, Spec};
use due::due;

const BASELINE: &str = "tests/baseline/openapi.yaml";
const CURRENT: &str = "openapi.yaml";

fn read(path: &str) -> Spec {
    Spec::parse(path, &std::fs::read_to_string(path).unwrap()).unwrap()
}

fn since_the_last_release() -> Report {
    diff::compare(&read(BASELINE), &read(CURRENT))
}

fn version(spec: &Spec) -> Version {
    Version::parse(spec.value.pointer("/info/version").and_then(Value::as_str).unwrap()).unwrap()
}

#[test]
fn every_change_since_the_last_release_is_written_down() {
    // Without line numbers, which an edit anywhere above would change.
    insta::assert_snapshot!("since_the_last_release", since_the_last_release().text(false));
}

#[test]
fn the_version_says_what_callers_must_expect() {
    let released = version(&read(BASELINE));
    let due = due(&released, since_the_last_release().gravest());
    let ours = Version::parse(env!("CARGO_PKG_VERSION")).unwrap();
    assert!(
        ours >= due,
        "the change since {released} asks for version {due}: set it in Cargo.toml and openapi.yaml, which say {ours}.\n\n{}",
        since_the_last_release().text(true)
    );
}

#[test]
fn the_spec_and_the_crate_have_one_version() {
    assert_eq!(
        version(&read(CURRENT)).to_string(),
        env!("CARGO_PKG_VERSION"),
        "openapi.yaml (left), Cargo.toml (right)"
    );
}

#[test]
fn a_version_is_due_by_what_breaks() {
    let due = |released: &str, class| due(&Version::parse(released).unwrap(), class).to_string();
    assert_eq!(due("0.1.3", Some(Class::Breaking)), "0.2.0");
    assert_eq!(due("0.1.3", Some(Class::Additive)), "0.1.4");
    assert_eq!(due("0.1.3", Some(Class::Editorial)), "0.1.3");
    assert_eq!(due("0.1.3", None), "0.1.3");
    assert_eq!(due("1.2.3", Some(Class::Breaking)), "2.0.0");
    assert_eq!(due("1.2.3", Some(Class::Additive)), "1.3.0");
}

/// An edit of a spec, by JSON pointer.
enum Edit {
    Set(&'static str, Value),
    Remove(&'static str),
}

use Edit::{Remove, Set};

impl Edit {
    fn apply(&self, spec: &mut Value) {
        let (pointer, value) = match self {
            Set(pointer, value) => (pointer, Some(value.clone())),
            Remove(pointer) => (pointer, None),
        };
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let key = key.replace("~1", "/");
        match (spec.pointer_mut(parent).unwrap_or_else(|| panic!("{parent} is missing")), value) {
            (Value::Object(map), Some(value)) => {
                map.insert(key, value);
            }
            (Value::Object(map), None) => {
                map.remove(&key).unwrap_or_else(|| panic!("{pointer} is missing"));
            }
            (Value::Array(items), Some(value)) if key == "-" => items.push(value),
            (Value::Array(items), None) => {
                items.remove(key.parse().unwrap());
            }
            _ => panic!("{pointer}: no way to edit it"),
        }
    }
}

/// The current spec, whatever it says today, would make this table change with it.
const TABLE_SPEC: &str = include_str!("spec_change/table.yaml");

#[test]
fn each_kind_of_change_is_judged_as_callers_feel_it() {
    let old = Spec::parse("old", TABLE_SPEC).unwrap();
    let mut table = String::new();
    for (title, edits) in edits() {
        let mut value = old.value.clone();
        edits.iter().for_each(|edit| edit.apply(&mut value));
        let new = Spec::parse("new", &value.to_string()).unwrap();
        let _ = writeln!(table, "## {title}\n   drift alone: {}", drift_alone(&old.value, &new.value));
        let report = diff::compare(&old, &new).text(false);
        let lines = report.lines().skip(2).filter(|line| !line.is_empty());
        lines.for_each(|line| writeln!(table, "   {line}").unwrap());
        table.push('\n');
    }
    insta::assert_snapshot!("each_kind_of_change", table);
}

fn drift_alone(old: &Value, new: &Value) -> String {
    match catch_unwind(|| drift::compare(old, new)) {
        Err(_) => "panics".to_owned(),
        Ok(Err(e)) => format!("fails: {e:#}"),
        Ok(Ok(changes)) => {
            let mut says: Vec<String> = changes
                .into_iter()
                .flat_map(|change| change.changes)
                .map(|info| format!("{:?}, {}", info.class, info.message))
                .collect();
            says.sort();
            says.dedup();
            if says.is_empty() { "silent".to_owned() } else { says.join("; ") }
        }
    }
}

fn edits() -> Vec<(&'static str, Vec<Edit>)> {
    vec![
        // Operations.
        ("an operation is new", vec![Set("/paths/~1new", json!({ "get": { "operationId": "new", "responses": {} } }))]),
        ("an operation is gone", vec![Remove("/paths/~1things~1{thingId}/get")]),
        ("an operation is renamed", vec![Set("/paths/~1things~1{thingId}/get/operationId", json!("readThing"))]),
        (
            "a path parameter is renamed",
            vec![
                Set(
                    "/paths/~1things~1{id}",
                    json!({
                        "get": {
                            "operationId": "getThing", "summary": "Read", "x-rate-limit-per-client-user": 30,
                            "security": [{ "oauth": ["thing:read"] }],
                            "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "string", "maxLength": 50 } }],
                            "responses": { "200": { "$ref": "#/components/responses/Thing" }, "404": { "$ref": "#/components/responses/Failure" } }
                        }
                    }),
                ),
                Remove("/paths/~1things~1{thingId}"),
            ],
        ),
        ("a summary is reworded", vec![Set("/paths/~1things~1{thingId}/get/summary", json!("Get"))]),
        ("an operation is deprecated", vec![Set("/paths/~1things~1{thingId}/get/deprecated", json!(true))]),
        ("an operation becomes a preview", vec![Set("/paths/~1things~1{thingId}/get/x-preview", json!(true))]),
        ("an operation is no longer a preview", vec![Remove("/paths/~1things/post/x-preview")]),
        ("a rate limit is lowered", vec![Set("/paths/~1things/post/x-rate-limit-per-client-user", json!(10))]),
        ("a rate limit is raised", vec![Set("/paths/~1things/post/x-rate-limit-per-client-user", json!(60))]),
        ("a rate limit is no longer given", vec![Remove("/paths/~1things/post/x-rate-limit-per-client-user")]),
        ("a scope is needed", vec![Set("/paths/~1things/post/security/0/oauth/-", json!("thing:read"))]),
        ("a scope is no longer needed", vec![Remove("/paths/~1things/post/security/0/oauth/0")]),
        ("no security is said, and the document's holds", vec![Remove("/paths/~1things/post/security")]),
        // Parameters and bodies.
        (
            "an optional parameter is new",
            vec![Set(
                "/paths/~1things/post/parameters/-",
                json!({ "name": "dry", "in": "query", "schema": { "type": "boolean" } }),
            )],
        ),
        (
            "a required parameter is new",
            vec![Set(
                "/paths/~1things/post/parameters/-",
                json!({ "name": "dry", "in": "query", "required": true, "schema": { "type": "boolean" } }),
            )],
        ),
        ("a parameter is gone", vec![Remove("/paths/~1things/post/parameters/0")]),
        ("a parameter becomes optional", vec![Remove("/components/parameters/Metadata/required")]),
        (
            "a header's content has another type",
            vec![Set(
                "/components/parameters/Metadata/content/application~1json/schema/$ref",
                json!("#/components/schemas/Thing"),
            )],
        ),
        (
            "a header's content has a field more",
            vec![Set("/components/schemas/Metadata/properties/kind", json!({ "type": "string" }))],
        ),
        (
            "a path parameter's bound is tighter",
            vec![Set("/paths/~1things~1{thingId}/get/parameters/0/schema/maxLength", json!(20))],
        ),
        ("the request body is gone", vec![Remove("/paths/~1things/post/requestBody")]),
        ("the request body may be left out", vec![Remove("/paths/~1things/post/requestBody/required")]),
        (
            "the request body has another media type",
            vec![
                Set("/paths/~1things/post/requestBody/content/text~1plain", json!({ "schema": { "type": "string" } })),
                Remove("/paths/~1things/post/requestBody/content/application~1json"),
            ],
        ),
        // Answers.
        (
            "another success is answered",
            vec![Set("/paths/~1things/post/responses/202", json!({ "description": "Later." }))],
        ),
        (
            "another failure is listed",
            vec![Set("/paths/~1things/post/responses/409", json!({ "$ref": "#/components/responses/Failure" }))],
        ),
        ("a failure is no longer listed", vec![Remove("/paths/~1things~1{thingId}/get/responses/404")]),
        ("a success is no longer answered", vec![Remove("/paths/~1things~1{thingId}/get/responses/200")]),
        (
            "an answer's header is new",
            vec![Set("/components/responses/Thing/headers", json!({ "X-Id": { "schema": { "type": "string" } } }))],
        ),
        // Fields and types of answers.
        (
            "an answer has an optional field more",
            vec![Set("/components/schemas/Thing/properties/size", json!({ "type": "integer" }))],
        ),
        (
            "an answer has a required field more",
            vec![
                Set("/components/schemas/Thing/properties/size", json!({ "type": "integer" })),
                Set("/components/schemas/Thing/required/-", json!("size")),
            ],
        ),
        ("an answer's field is gone", vec![Remove("/components/schemas/Thing/properties/name")]),
        ("an answer's field becomes optional", vec![Remove("/components/schemas/Thing/required/0")]),
        ("an answer's field becomes required", vec![Set("/components/schemas/Thing/required/-", json!("name"))]),
        ("an answer's list becomes required", vec![Set("/components/schemas/Thing/required/-", json!("tags"))]),
        (
            "an answer's required field may be null",
            vec![Set("/components/schemas/Thing/properties/id/nullable", json!(true))],
        ),
        (
            "an answer's optional field may be null",
            vec![Set("/components/schemas/Thing/properties/name/nullable", json!(true))],
        ),
        (
            "an answer's field has another type",
            vec![Set("/components/schemas/Thing/properties/id/type", json!("integer"))],
        ),
        (
            "an answer's field has another format",
            vec![Set("/components/schemas/Thing/properties/id/format", json!("uuid"))],
        ),
        ("an answer's enum has a value more", vec![Set("/components/schemas/Kind/enum/-", json!("audio"))]),
        ("an answer's enum has a value less", vec![Remove("/components/schemas/Kind/enum/0")]),
        ("an enum is ordered differently", vec![Set("/components/schemas/Kind/enum", json!(["video", "image"]))]),
        ("an answer's text is bounded", vec![Set("/components/schemas/Thing/properties/name/maxLength", json!(10))]),
        (
            "an answer's field refers to another type",
            vec![Set("/components/schemas/Thing/properties/kind/$ref", json!("#/components/schemas/Failure"))],
        ),
        (
            "a reference is wrapped to give it a text",
            vec![Set(
                "/components/schemas/Thing/properties/kind",
                json!({ "allOf": [{ "$ref": "#/components/schemas/Kind" }], "description": "Which." }),
            )],
        ),
        (
            "an item of a list is bounded",
            vec![Set("/components/schemas/Thing/properties/tags/items/maxLength", json!(9))],
        ),
        // Fields of requests.
        (
            "a request has an optional field more",
            vec![Set("/components/schemas/NewThing/properties/note", json!({ "type": "string" }))],
        ),
        (
            "a request has a required field more",
            vec![
                Set("/components/schemas/NewThing/properties/note", json!({ "type": "string" })),
                Set("/components/schemas/NewThing/required/-", json!("note")),
            ],
        ),
        ("a request's field is gone", vec![Remove("/components/schemas/NewThing/properties/tags")]),
        ("a request's field becomes optional", vec![Remove("/components/schemas/NewThing/required/0")]),
        ("a request's field becomes required", vec![Set("/components/schemas/NewThing/required/-", json!("tags"))]),
        (
            "a request's bound is tighter",
            vec![Set("/components/schemas/NewThing/properties/name/maxLength", json!(20))],
        ),
        (
            "a request's bound is looser",
            vec![Set("/components/schemas/NewThing/properties/name/maxLength", json!(100))],
        ),
        ("a request's bound is lifted", vec![Remove("/components/schemas/NewThing/properties/name/maxLength")]),
        ("a lower bound is raised", vec![Set("/components/schemas/NewThing/properties/name/minLength", json!(2))]),
        (
            "a lower bound of nothing is said",
            vec![Set("/components/schemas/NewThing/properties/tags/minItems", json!(0))],
        ),
        (
            "a bound on what Base64 carries is tighter",
            vec![Set("/components/schemas/Metadata/properties/name_base64/x-decoded-max-length", json!(40))],
        ),
        ("a pattern is new", vec![Set("/components/schemas/NewThing/properties/name/pattern", json!("^a"))]),
        (
            "a request's field has a default",
            vec![Set("/components/schemas/NewThing/properties/name/default", json!("x"))],
        ),
        // The rest of the document.
        ("a type is new", vec![Set("/components/schemas/Spare", json!({ "type": "object" }))]),
        ("an unused type is gone", vec![Remove("/components/schemas/Unused")]),
        (
            "an unused type has a field more",
            vec![Set("/components/schemas/Unused/properties", json!({ "a": { "type": "string" } }))],
        ),
        ("a description is reworded", vec![Set("/components/schemas/Thing/description", json!("Some thing."))]),
        ("an example changes", vec![Set("/components/examples/Thing/value/id", json!("b"))]),
        ("the server moves", vec![Set("/servers/0/url", json!("https://api.example.org"))]),
        (
            "the token endpoint moves",
            vec![Set(
                "/components/securitySchemes/oauth/flows/authorizationCode/tokenUrl",
                json!("https://api.example.org/token"),
            )],
        ),
        (
            "a scope is offered",
            vec![Set("/components/securitySchemes/oauth/flows/authorizationCode/scopes/more", json!("More."))],
        ),
        ("the spec's version", vec![Set("/info/version", json!("0.2.0"))]),
        ("a vendor's extension that nobody reads", vec![Set("/paths/~1things/post/x-internal-team", json!("core"))]),
        ("a keyword that no rule knows", vec![Set("/components/schemas/Thing/contentEncoding", json!("gzip"))]),
        ("words that would be markup", vec![Set("/components/schemas/Kind/enum/-", json!("a|b\n## @all"))]),
    ]
}

#[test]
fn another_order_or_comment_is_one_editorial_line() {
    let old = Spec::parse("old", TABLE_SPEC).unwrap();
    let report = diff::compare(&old, &Spec::parse("new", &format!("# a comment\n{TABLE_SPEC}")).unwrap());
    assert_eq!(
        report.text(true),
        "old -> new: 0 breaking, 0 additive, 1 editorial\n\nthe document\n  editorial  order, layout or comments changed, \
         and nothing else\n             new:1 #\n"
    );
    assert_eq!(diff::compare(&old, &old).text(true), "old -> old: no change\n");
}

#[test]
fn the_words_of_a_spec_stay_words_in_a_comment() {
    let old = Spec::parse("old", TABLE_SPEC).unwrap();
    let mut value = old.value.clone();
    Set("/components/schemas/Kind/enum/-", json!("a|b\n## @all")).apply(&mut value);
    let comment = diff::compare(&old, &Spec::parse("new", &value.to_string()).unwrap()).markdown();
    assert!(comment.contains("| additive | may also be `a\\|b\\n## @all` | `new:1` |\n"), "{comment}");
}

/// Every place in a value, itself last.
fn pointers(value: &Value, at: &str, into: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, child) in map {
                pointers(child, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), into);
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, child)| pointers(child, &format!("{at}/{index}"), into));
        }
        _ => {}
    }
    into.push(at.to_owned());
}

/// A small change of a value: something else for a leaf, one entry more or one less for a map or a list.
fn mutate(value: &mut Value, remove: bool, word: &str) {
    match value {
        Value::Object(map) if remove && !map.is_empty() => {
            let key = map.keys().next().cloned().unwrap();
            map.remove(&key);
        }
        Value::Object(map) => {
            map.insert(format!("new-{word}"), json!(word));
        }
        Value::Array(items) if remove && !items.is_empty() => {
            items.remove(0);
        }
        Value::Array(items) => items.insert(0, json!(format!("new-{word}"))),
        Value::String(text) => text.push_str(&format!("-{word}")),
        Value::Number(number) => *value = json!(number.as_f64().unwrap() + 1.0),
        Value::Bool(flag) => *flag = !*flag,
        Value::Null => *value = json!(word),
    }
}

/// The current spec and every place in it.
static PLACES: LazyLock<(Spec, Vec<String>)> = LazyLock::new(|| {
    let spec = read(CURRENT);
    let mut places = Vec::new();
    pointers(&spec.value, "", &mut places);
    (spec, places)
});

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn no_difference_is_silent(place in any::<prop::sample::Index>(), remove: bool, swap: bool, word in "[a-z]{1,4}") {
        let (old, places) = &*PLACES;
        let mut value = old.value.clone();
        let place = place.get(places);
        mutate(value.pointer_mut(place).unwrap(), remove, &word);
        // What is no longer an OpenAPI document is refused, which isn't silent either.
        if let Ok(new) = Spec::parse("new", &value.to_string()) {
            let (from, to) = if swap { (&new, old) } else { (old, &new) };
            let report = diff::compare(from, to);
            prop_assert!(report.gravest().is_some(), "{place} changed, and the report is empty");
            let layout = report.text(false).contains("order, layout or comments");
            prop_assert!(!layout, "{place} changed, and the report speaks of layout alone");
        }
    }
}
