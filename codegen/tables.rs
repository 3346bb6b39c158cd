//! The spec's facts about operations and lengths, as tables. Retries, pacing, checks, docs and the simulator read
//! them, so that no number of the spec is typed a second time.

use std::collections::BTreeSet;

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote};
use serde_json::Value;

use super::names::{constant, ident};
use super::spec::{Operation, components, entries, text};

/// The constants that the table of operations has beside them.
pub const OWN: [&str; 6] = ["ALL", "AUTHORIZATION_URL", "BASE_URL", "SCOPES", "SPEC_VERSION", "TOKEN_URL"];

/// What the spec says about an operation beside its shapes.
pub struct Facts<'a> {
    pub id: &'a str,
    pub method: &'a str,
    pub path: &'a str,
    /// Where it is served, from the base URL on.
    pub server: Option<String>,
    pub authentication: Authentication,
    pub scopes: Vec<&'a str>,
    pub requests_per_minute: Option<u32>,
    pub preview: bool,
    pub repeatable: bool,
    /// None, where any 2xx is one.
    pub successes: Vec<u16>,
}

/// What a request proves of who sends it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Authentication {
    AccessToken,
    Basic,
    None,
}

impl Facts<'_> {
    /// The same in words.
    pub fn text(&self) -> String {
        let limit = self.requests_per_minute.map(|limit| format!("{limit} requests a minute for each user"));
        let scopes = match self.scopes.as_slice() {
            [] => None,
            [scope] => Some(format!("scope `{scope}`")),
            scopes => Some(format!("scopes `{}`", scopes.join("`, `"))),
        };
        let authentication = match self.authentication {
            Authentication::AccessToken => None,
            Authentication::Basic => Some("the client's id and secret".to_owned()),
            Authentication::None => Some("no access token".to_owned()),
        };
        let said: Vec<String> = [authentication, scopes, limit].into_iter().flatten().collect();
        let said = said.join(", ");
        let mut chars = said.chars();
        let first = chars.next().map(|first| format!("{}{}.", first.to_ascii_uppercase(), chars.as_str()));
        let preview = "A preview: it may change without notice, and an integration that uses it can't be released to all \
                       Canva users.";
        let parts = [first, self.preview.then(|| preview.to_owned())];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

pub fn facts<'a>(spec: &'a Value, operation: &Operation<'a>) -> Result<Facts<'a>, String> {
    let value = operation.value;
    let flag = |key: &str| value.get(key).and_then(Value::as_bool);
    let limit = value.get("x-rate-limit-per-client-user").map(|limit| {
        let limit = limit.as_u64().and_then(|limit| u32::try_from(limit).ok()).filter(|limit| *limit > 0);
        limit.ok_or("`x-rate-limit-per-client-user` must be the number of requests a minute")
    });
    let (authentication, scopes) = security(spec, value)?;
    Ok(Facts {
        id: operation.id,
        method: operation.method,
        path: operation.path,
        server: operation.server.map(|server| from_base(spec, server)).transpose()?,
        authentication,
        scopes,
        requests_per_minute: limit.transpose()?,
        preview: flag("x-preview").unwrap_or(false),
        // By HTTP, doing it twice is doing it once, or the spec says so.
        repeatable: flag("x-repeatable").unwrap_or(!matches!(operation.method, "post" | "patch")),
        successes: successes(value).ok_or("`responses` must have a success: a number such as `200`, or `2XX`")?,
    })
}

/// How a request is authenticated, and the scopes that it takes. Where there is a choice, by an access token, or else by
/// the client's id and secret.
fn security<'a>(spec: &'a Value, operation: &'a Value) -> Result<(Authentication, Vec<&'a str>), String> {
    let requirements = operation.get("security").or_else(|| spec.get("security")).and_then(Value::as_array);
    let mut basic = false;
    for requirement in requirements.into_iter().flatten().filter_map(Value::as_object) {
        if requirement.len() > 1 {
            return Err("`security` asks for two things at once, which can't be generated".to_owned());
        }
        for (name, scopes) in requirement {
            let scheme = spec.pointer(&format!("/components/securitySchemes/{name}")).unwrap_or(&Value::Null);
            match (text(scheme, "type"), text(scheme, "scheme").to_ascii_lowercase().as_str()) {
                ("oauth2" | "openIdConnect", _) | ("http", "bearer") => {
                    let scopes = scopes.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                    return Ok((Authentication::AccessToken, scopes));
                }
                ("http", "basic") => basic = true,
                _ => {
                    let known = "of `type: oauth2`, or `http` with `bearer` or `basic`";
                    return Err(format!("`security` asks for `{name}`, which isn't a security scheme {known}"));
                }
            }
        }
    }
    Ok((if basic { Authentication::Basic } else { Authentication::None }, Vec::new()))
}

/// The scopes of an operation that no flow lists.
pub fn unlisted_scopes<'a>(spec: &Value, facts: &Facts<'a>) -> Vec<&'a str> {
    let schemes = components(spec, "securitySchemes").map(|(_, scheme)| scheme);
    let flows =
        schemes.flat_map(|scheme| entries(scheme, "flows")).filter_map(|(_, flow)| flow.get("scopes")?.as_object());
    let listed: BTreeSet<&str> = flows.flat_map(|scopes| scopes.keys()).map(String::as_str).collect();
    facts.scopes.iter().filter(|scope| !listed.contains(*scope)).copied().collect()
}

/// The way from the document's base URL to another server of the same origin: `/../auth`. A request with a token goes to
/// no other.
fn from_base(spec: &Value, server: &str) -> Result<String, String> {
    let base = spec.pointer("/servers/0/url").and_then(Value::as_str).unwrap_or_default();
    let path = |url: &str| {
        let (scheme, rest) = url.split_once("://")?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        Some((format!("{scheme}://{host}"), path.trim_end_matches('/').to_owned()))
    };
    match (path(base), path(server)) {
        _ if base.contains('{') || server.contains('{') => {
            Err(format!("its server {server} has variables: write a URL"))
        }
        (Some((origin, base)), Some((other, path))) if origin == other => {
            let up = base.split('/').filter(|segment| !segment.is_empty()).map(|_| "/..");
            let separator = if path.is_empty() { "" } else { "/" };
            Ok(format!("{}{separator}{path}", up.collect::<String>()))
        }
        _ => Err(format!("its server {server} must have the scheme and host of the document's, {base}")),
    }
}

/// The statuses of an operation's successes; `None` where there is none.
fn successes(operation: &Value) -> Option<Vec<u16>> {
    let statuses: Vec<&String> =
        entries(operation, "responses").map(|(status, _)| status).filter(|status| status.starts_with('2')).collect();
    if statuses.iter().any(|status| status.eq_ignore_ascii_case("2XX")) {
        return Some(Vec::new());
    }
    let successes: Option<Vec<u16>> = statuses.iter().map(|status| status.parse().ok()).collect();
    successes.filter(|successes| !successes.is_empty())
}

pub fn operations(spec: &Value, facts: &[Facts<'_>]) -> Result<TokenStream, String> {
    let (mut items, mut names) = (Vec::new(), Vec::new());
    for fact in facts {
        let Facts { id, path, scopes, preview, repeatable, .. } = fact;
        let method = fact.method.to_ascii_uppercase();
        let name = ident(&constant(id)?);
        let option = |tokens: Option<TokenStream>| tokens.map_or(quote!(None), |tokens| quote!(Some(#tokens)));
        let limit = option(fact.requests_per_minute.map(Literal::u32_unsuffixed).map(Literal::into_token_stream));
        let server = option(fact.server.as_ref().map(ToTokens::to_token_stream));
        let authentication = ident(&format!("{:?}", fact.authentication));
        let successes = fact.successes.iter().map(|status| Literal::u16_unsuffixed(*status));
        let doc = format!(" `{method} {path}`");
        items.push(quote! {
            #[doc = #doc]
            pub const #name: Operation = Operation {
                id: #id,
                method: #method,
                path: #path,
                server: #server,
                authentication: Authentication::#authentication,
                scopes: &[#(#scopes),*],
                requests_per_minute: #limit,
                preview: #preview,
                successes: &[#(#successes),*],
                repeatable: #repeatable,
            };
        });
        names.push(name);
    }
    let urls = urls(spec)?;
    Ok(quote! {
        use super::{Authentication, Operation};

        #urls
        #(#items)*

        /// Every operation of the spec.
        pub const ALL: &[Operation] = &[#(#names),*];
    })
}

/// The version of the spec, where the API is, and where its access tokens come from.
fn urls(spec: &Value) -> Result<TokenStream, String> {
    let text = |pointer: &str| {
        spec.pointer(pointer).and_then(Value::as_str).ok_or_else(|| format!("{pointer} is missing or not a text"))
    };
    let flow = "/components/securitySchemes/oauthAuthCode/flows/authorizationCode";
    let base = text("/servers/0/url").and_then(|base| match base.contains('{') {
        true => Err(format!("/servers/0/url has variables: write a URL in place of {base}")),
        false if base.starts_with("https://") || base.starts_with("http://") => Ok(base),
        false => Err(format!("/servers/0/url must be a URL that begins with https://, not {base}")),
    })?;
    let version = text("/info/version")?;
    let authorization = text(&format!("{flow}/authorizationUrl"))?;
    let token = text(&format!("{flow}/tokenUrl"))?;
    let scopes = spec.pointer(&format!("{flow}/scopes")).and_then(Value::as_object);
    let scopes: BTreeSet<&String> = scopes.into_iter().flat_map(|scopes| scopes.keys()).collect();
    Ok(quote! {
        /// The version of the spec that this crate is made from.
        pub const SPEC_VERSION: &str = #version;
        /// Canva's public API.
        pub const BASE_URL: &str = #base;
        /// Where a user grants access.
        pub const AUTHORIZATION_URL: &str = #authorization;
        /// Where access tokens come from.
        pub const TOKEN_URL: &str = #token;
        /// Every scope that a user can grant, also those that no operation here needs.
        pub const SCOPES: &[&str] = &[#(#scopes),*];
    })
}

/// A constant for each bounded length: `SCHEMA_PROPERTY`, `SCHEMA_PROPERTY_ITEM` for what stands in an array, and
/// `PARAMETER`. Those of integers bound the number.
pub fn lengths(lengths: &[Length]) -> TokenStream {
    let items = lengths.iter().map(|length| {
        let doc = format!(" `{}`, in {}.", length.place, length.unit);
        let name = ident(&length.name);
        let (min, max) = (Literal::u64_unsuffixed(length.min), Literal::u64_unsuffixed(length.max));
        quote! {
            #[doc = #doc]
            pub const #name: RangeInclusive<usize> = #min..=#max;
        }
    });
    quote! {
        use std::ops::RangeInclusive;
        #(#items)*
    }
}

/// The name of every type, one a line, for a macro `types!` that the including file defines: no Rust code can enumerate
/// types by itself.
pub fn schemas<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: BTreeSet<String> = names.map(|name| format!("    {name},\n")).collect();
    format!("types! {{\n{}}}\n", names.into_iter().collect::<String>())
}

/// The length of a string, array or parameter.
#[derive(PartialEq)]
pub struct Length {
    pub name: String,
    place: String,
    min: u64,
    max: u64,
    unit: &'static str,
}

/// `property` of `owner`, which a schema bounds.
pub fn length(owner: &str, property: &str, schema: &Value) -> Result<Option<Length>, String> {
    let bound = |keys: [&str; 4]| keys.iter().find_map(|key| schema.get(key).and_then(Value::as_u64));
    let bounds = ["maxLength", "maxItems", "minLength", "minItems", "x-decoded-max-length", "x-decoded-min-length"];
    if let Some(key) = bounds.iter().find(|key| schema.get(**key).is_some_and(|bound| !bound.is_u64())) {
        return Err(format!("`{key}` must be a whole number, 0 or more"));
    }
    let Some(max) = bound(["x-decoded-max-length", "maxLength", "maxItems", "maximum"]) else { return Ok(None) };
    let min = bound(["x-decoded-min-length", "minLength", "minItems", "minimum"]).unwrap_or(0);
    let is_negative = schema.get("minimum").and_then(Value::as_f64).is_some_and(|minimum| minimum < 0.0);
    if is_negative {
        return Ok(None);
    }
    if min > max {
        return Err(format!("its bounds are {min} to {max}, which nothing is in"));
    }
    let unit = match ["x-decoded-max-length", "maxLength", "maxItems"].map(|key| schema.get(key)) {
        [Some(_), _, _] => "Unicode scalar values before Base64",
        [_, Some(_), _] => "Unicode scalar values",
        [_, _, Some(_)] => "items",
        _ => "whole numbers",
    };
    let place = if property.is_empty() { owner.to_owned() } else { format!("{owner}.{property}") };
    // What is counted is the text, not its Base64.
    let property = property.strip_suffix("_base64").unwrap_or(property);
    Ok(Some(Length { name: constant(&format!("{owner} {property}"))?, place, min, max, unit }))
}

/// Two macros that give what the spec says as text, so that a doc comment need not say it again: `scope_and_rate!` of
/// an operation, `length!` of a string or list.
pub fn docs(lengths: &[Length], facts: &[Facts<'_>]) -> Result<String, String> {
    let scope_and_rate: Result<Vec<_>, String> =
        facts.iter().map(|facts| Ok((constant(facts.id)?, facts.text()))).collect();
    let length = lengths.iter().map(|length| {
        let text = match length.min {
            0 => format!("at most {}", length.max),
            min => format!("{min} to {}", length.max),
        };
        (length.name.clone(), text)
    });
    Ok(format!("{}\n{}", text_macro("scope_and_rate", scope_and_rate?), text_macro("length", length)))
}

/// A macro that gives a text for each name.
fn text_macro(name: &str, texts: impl IntoIterator<Item = (String, String)>) -> String {
    let arms = texts.into_iter().map(|(name, text)| format!("    ({name}) => {{\n        {text:?}\n    }};\n"));
    format!("macro_rules! {name} {{\n{}}}\n", arms.collect::<String>())
}
