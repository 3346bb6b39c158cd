//! The keywords of OpenAPI 3.0, and what each takes. One that is misspelled would be left out in silence.

use serde_json::Value;

/// What a keyword takes.
enum Takes {
    Text,
    Number,
    Flag,
    List,
    Map,
    Any,
    /// A map of texts.
    Texts,
    /// A list of maps.
    Maps,
    One(Kind),
    /// Or a flag.
    Either(Kind),
    ListOf(Kind),
    MapOf(Kind),
    /// By status.
    Responses,
}

use Takes::{Any, Either, Flag, List, ListOf, Map, MapOf, Maps, Number, One, Responses, Text, Texts};

/// The objects of OpenAPI.
#[derive(Clone, Copy)]
enum Kind {
    Document,
    Path,
    Operation,
    Parameter,
    Body,
    Response,
    MediaType,
    Components,
    Schema,
    Discriminator,
    Server,
}

impl Kind {
    fn keywords(self) -> &'static Keywords {
        match self {
            Self::Document => DOCUMENT,
            Self::Path => PATH,
            Self::Operation => OPERATION,
            Self::Parameter => PARAMETER,
            Self::Body => BODY,
            Self::Response => RESPONSE,
            Self::MediaType => MEDIA_TYPE,
            Self::Components => COMPONENTS,
            Self::Schema => SCHEMA,
            Self::Discriminator => &[("propertyName", Text), ("mapping", Texts)],
            Self::Server => &[("url", Text), ("description", Text), ("variables", Map)],
        }
    }
}

type Keywords = [(&'static str, Takes)];

const DOCUMENT: &Keywords = &[
    ("openapi", Text),
    ("info", Map),
    ("servers", ListOf(Kind::Server)),
    ("paths", MapOf(Kind::Path)),
    ("components", One(Kind::Components)),
    ("security", Maps),
    ("tags", List),
    ("externalDocs", Map),
];

const PATH: &Keywords = &[
    ("$ref", Text),
    ("summary", Text),
    ("description", Text),
    ("servers", ListOf(Kind::Server)),
    ("parameters", ListOf(Kind::Parameter)),
    ("get", One(Kind::Operation)),
    ("put", One(Kind::Operation)),
    ("post", One(Kind::Operation)),
    ("delete", One(Kind::Operation)),
    ("options", One(Kind::Operation)),
    ("head", One(Kind::Operation)),
    ("patch", One(Kind::Operation)),
    ("trace", One(Kind::Operation)),
];

const OPERATION: &Keywords = &[
    ("operationId", Text),
    ("tags", List),
    ("summary", Text),
    ("description", Text),
    ("externalDocs", Map),
    ("parameters", ListOf(Kind::Parameter)),
    ("requestBody", One(Kind::Body)),
    ("responses", Responses),
    ("callbacks", Map),
    ("deprecated", Flag),
    ("security", Maps),
    ("servers", ListOf(Kind::Server)),
];

const PARAMETER: &Keywords = &[
    ("$ref", Text),
    ("name", Text),
    ("in", Text),
    ("description", Text),
    ("required", Flag),
    ("deprecated", Flag),
    ("allowEmptyValue", Flag),
    ("style", Text),
    ("explode", Flag),
    ("allowReserved", Flag),
    ("schema", One(Kind::Schema)),
    ("content", MapOf(Kind::MediaType)),
    ("example", Any),
    ("examples", Map),
];

const BODY: &Keywords =
    &[("$ref", Text), ("description", Text), ("required", Flag), ("content", MapOf(Kind::MediaType))];

const RESPONSE: &Keywords =
    &[("$ref", Text), ("description", Text), ("headers", Map), ("content", MapOf(Kind::MediaType)), ("links", Map)];

const MEDIA_TYPE: &Keywords = &[("schema", One(Kind::Schema)), ("example", Any), ("examples", Map), ("encoding", Map)];

const COMPONENTS: &Keywords = &[
    ("schemas", MapOf(Kind::Schema)),
    ("responses", MapOf(Kind::Response)),
    ("parameters", MapOf(Kind::Parameter)),
    ("requestBodies", MapOf(Kind::Body)),
    ("examples", Map),
    ("headers", Map),
    ("securitySchemes", Map),
    ("links", Map),
    ("callbacks", Map),
];

const SCHEMA: &Keywords = &[
    ("$ref", Text),
    ("title", Text),
    ("description", Text),
    ("type", Text),
    ("format", Text),
    ("nullable", Flag),
    ("enum", List),
    ("default", Any),
    ("example", Any),
    ("externalDocs", Map),
    ("deprecated", Flag),
    ("readOnly", Flag),
    ("writeOnly", Flag),
    ("xml", Map),
    ("properties", MapOf(Kind::Schema)),
    ("required", List),
    ("additionalProperties", Either(Kind::Schema)),
    ("minProperties", Number),
    ("maxProperties", Number),
    ("items", One(Kind::Schema)),
    ("minItems", Number),
    ("maxItems", Number),
    ("uniqueItems", Flag),
    ("minLength", Number),
    ("maxLength", Number),
    ("pattern", Text),
    ("minimum", Number),
    ("maximum", Number),
    ("exclusiveMinimum", Flag),
    ("exclusiveMaximum", Flag),
    ("multipleOf", Number),
    ("allOf", ListOf(Kind::Schema)),
    ("oneOf", ListOf(Kind::Schema)),
    ("anyOf", ListOf(Kind::Schema)),
    ("not", One(Kind::Schema)),
    ("discriminator", One(Kind::Discriminator)),
];

/// The first mistake in the document.
pub fn check(spec: &Value) -> Result<(), String> {
    let version = spec.get("openapi").and_then(Value::as_str).unwrap_or_default();
    if !version.starts_with("3.0.") {
        return Err(format!("`openapi: {version}` must be 3.0, such as `openapi: 3.0.3`"));
    }
    object("", spec, Kind::Document)
}

fn object(place: &str, value: &Value, kind: Kind) -> Result<(), String> {
    let about = |reason: String| if place.is_empty() { reason } else { format!("{place}: {reason}") };
    let map = value.as_object().ok_or_else(|| about("it must be a map".to_owned()))?;
    // What stands beside a reference is ignored.
    let of_reference = |key: &str| key == "$ref" || !map.contains_key("$ref");
    for (key, value) in map.iter().filter(|(key, _)| !key.starts_with("x-") && of_reference(key)) {
        let known = kind.keywords().iter().find(|(known, _)| known == key);
        let (_, takes) = known.ok_or_else(|| about(format!("`{key}` isn't a keyword of OpenAPI 3.0 here")))?;
        let inside = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
        // The name of a property says more than that it is one.
        let of = |name: &str| inside(&format!("{key}.{name}"));
        let must = |what: &str| Err(about(format!("`{key}` must be {what}")));
        match takes {
            Any => {}
            Text if !value.is_string() && key == "type" => {
                return must("one word, and `nullable: true` says that it may be null");
            }
            Text if !value.is_string() => return must("text, perhaps in quotes"),
            Number if !value.is_number() => return must("a number"),
            Flag if !value.is_boolean() => return must("`true` or `false`"),
            List if !value.is_array() => return must("a list"),
            Maps if !value.as_array().is_some_and(|items| items.iter().all(Value::is_object)) => {
                return must("a list of maps, such as `- oauthAuthCode: []`");
            }
            Texts if !value.as_object().is_some_and(|map| map.values().all(Value::is_string)) => {
                return must("a map of texts");
            }
            Map if !value.is_object() => return must("a map"),
            One(kind) => object(&inside(key), value, *kind)?,
            Either(kind) if !value.is_boolean() => object(&inside(key), value, *kind)?,
            ListOf(kind) => match value.as_array() {
                Some(items) => {
                    let mut items = items.iter().enumerate();
                    items.try_for_each(|(index, item)| object(&of(&index.to_string()), item, *kind))?;
                }
                None => return must("a list"),
            },
            MapOf(kind) => match value.as_object() {
                Some(map) => map
                    .iter()
                    // Names may begin with anything, but for paths.
                    .filter(|(name, _)| !(matches!(kind, Kind::Path) && name.starts_with("x-")))
                    .try_for_each(|(name, value)| object(&of(name), value, *kind))?,
                None => return must("a map"),
            },
            Responses => match value.as_object() {
                Some(map) => map
                    .iter()
                    .filter(|(status, _)| !status.starts_with("x-"))
                    .try_for_each(|(status, response)| response_of(&of(status), status, response))?,
                None => return must("a map, by status"),
            },
            Text | Number | Flag | List | Map | Maps | Texts | Either(_) => {}
        }
    }
    Ok(())
}

fn response_of(place: &str, status: &str, response: &Value) -> Result<(), String> {
    let is_status = status.len() == 3
        && status.starts_with(|c: char| ('1'..='5').contains(&c))
        && status.get(1..).is_some_and(|rest| rest == "XX" || rest.bytes().all(|byte| byte.is_ascii_digit()));
    match is_status || status == "default" {
        true => object(place, response, Kind::Response),
        false => Err(format!("{place}: it must be a status such as 200, a range such as 4XX, or `default`")),
    }
}
