//! The spec's facts about operations and lengths, as tables. Retries, pacing, checks, docs and the simulator read
//! them, so that no number of the spec is typed a second time.

use std::collections::BTreeSet;

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};
use serde_json::Value;

use super::{resolve, spec_operations};

/// What the spec says about an operation beside its shapes.
pub struct Facts<'a> {
    pub id: &'a str,
    pub method: &'a str,
    pub path: &'a str,
    pub scopes: Vec<&'a str>,
    pub requests_per_minute: u32,
    pub preview: bool,
    pub repeatable: bool,
    pub successes: Vec<u16>,
}

impl Facts<'_> {
    /// The same in words.
    pub fn text(&self) -> String {
        let preview = " A preview: it may change without notice, and an integration that uses it can't be released to all \
                       Canva users.";
        format!(
            "Scope `{}`, {} requests a minute for each user.{}",
            self.scopes.join("`, `"),
            self.requests_per_minute,
            if self.preview { preview } else { "" }
        )
    }
}

pub fn facts(spec: &Value) -> Result<Vec<Facts<'_>>, String> {
    let mut facts = Vec::new();
    for operation in spec_operations(spec)? {
        let value = operation.value;
        let flag = |key: &str| value.get(key).and_then(Value::as_bool);
        let limit = value.get("x-rate-limit-per-client-user").and_then(Value::as_u64);
        let limit = limit.and_then(|limit| u32::try_from(limit).ok()).filter(|limit| *limit > 0);
        facts.push(Facts {
            id: operation.id,
            method: operation.method,
            path: operation.path,
            scopes: scopes(value),
            requests_per_minute: limit.ok_or_else(|| {
                format!("{}: `x-rate-limit-per-client-user` must say how many requests a minute it takes", operation.id)
            })?,
            preview: flag("x-preview").unwrap_or(false),
            // By HTTP, doing it twice is doing it once, or the spec says so.
            repeatable: flag("x-repeatable").unwrap_or(!matches!(operation.method, "post" | "patch")),
            successes: successes(value).ok_or_else(|| {
                format!("{}: `responses` must name each success by its number, `200` for example", operation.id)
            })?,
        });
    }
    Ok(facts)
}

/// Every scope that an operation's security asks for.
fn scopes(operation: &Value) -> Vec<&str> {
    let requirements = operation.get("security").and_then(Value::as_array).into_iter().flatten();
    let schemes = requirements.filter_map(Value::as_object).flat_map(|requirement| requirement.values());
    schemes.filter_map(Value::as_array).flatten().filter_map(Value::as_str).collect()
}

/// The statuses of an operation's successes; `None` where there is none, or one is a range or a default.
fn successes(operation: &Value) -> Option<Vec<u16>> {
    let responses = operation.get("responses").and_then(Value::as_object)?;
    let successes = responses.keys().filter(|status| status.starts_with('2')).map(|status| status.parse().ok());
    successes.collect::<Option<Vec<u16>>>().filter(|successes| !successes.is_empty())
}

pub fn operations(spec: &Value, facts: &[Facts<'_>]) -> Result<TokenStream, String> {
    let items = facts.iter().map(|fact| {
        let Facts { id, path, scopes, preview, .. } = fact;
        let method = fact.method.to_ascii_uppercase();
        let name = format_ident!("{}", constant(id));
        let requests_per_minute = Literal::u32_unsuffixed(fact.requests_per_minute);
        let repeatable = fact.repeatable;
        let successes = fact.successes.iter().map(|status| Literal::u16_unsuffixed(*status));
        let doc = format!(" `{method} {path}`");
        quote! {
            #[doc = #doc]
            pub const #name: Operation = Operation {
                id: #id,
                method: #method,
                path: #path,
                scopes: &[#(#scopes),*],
                requests_per_minute: Some(#requests_per_minute),
                preview: #preview,
                successes: &[#(#successes),*],
                repeatable: #repeatable,
            };
        }
    });
    let names = facts.iter().map(|fact| format_ident!("{}", constant(fact.id)));
    let urls = urls(spec)?;
    Ok(quote! {
        use super::Operation;

        #urls
        #(#items)*

        /// Every operation of the spec.
        pub const ALL: &[Operation] = &[#(#names),*];
    })
}

/// Where the API is, and where its access tokens come from.
fn urls(spec: &Value) -> Result<TokenStream, String> {
    let text = |pointer: &str| {
        spec.pointer(pointer).and_then(Value::as_str).ok_or_else(|| format!("{pointer} is missing or not a text"))
    };
    let flow = "/components/securitySchemes/oauthAuthCode/flows/authorizationCode";
    let base = text("/servers/0/url")?;
    let authorization = text(&format!("{flow}/authorizationUrl"))?;
    let token = text(&format!("{flow}/tokenUrl"))?;
    let scopes = spec.pointer(&format!("{flow}/scopes")).and_then(Value::as_object);
    let scopes: BTreeSet<&String> = scopes.into_iter().flat_map(|scopes| scopes.keys()).collect();
    Ok(quote! {
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

/// A constant for each string, array and parameter of bounded length: `SCHEMA_PROPERTY`, and `SCHEMA_PROPERTY_ITEM` for
/// what stands in an array.
pub fn lengths(spec: &Value) -> TokenStream {
    let items = all_lengths(spec);
    let items = items.iter().map(Length::tokens);
    quote! {
        use std::ops::RangeInclusive;
        #(#items)*
    }
}

fn all_lengths(spec: &Value) -> Vec<Length> {
    let mut lengths = Vec::new();
    for (name, parameter) in components(spec, "parameters") {
        lengths.extend(length(name, "", parameter.get("schema").unwrap_or(&Value::Null)));
    }
    for (name, schema) in components(spec, "schemas") {
        let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        for (property, schema) in properties {
            let schema = resolve(spec, schema);
            lengths.extend(length(name, property, schema));
            let item = schema.get("items").unwrap_or(&Value::Null);
            lengths.extend(length(name, &format!("{property}_item"), resolve(spec, item)));
        }
    }
    lengths
}

/// The name of every schema, one a line, for a macro `types!` that the including file defines: no Rust code can
/// enumerate types by itself.
pub fn schemas(spec: &Value) -> String {
    let names: String = components(spec, "schemas").map(|(name, _)| format!("    {name},\n")).collect();
    format!("types! {{\n{names}}}\n")
}

fn components<'a>(spec: &'a Value, section: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    spec.pointer(&format!("/components/{section}")).and_then(Value::as_object).into_iter().flatten()
}

/// The length of a string, array or parameter.
struct Length {
    name: String,
    place: String,
    min: u64,
    max: u64,
    unit: &'static str,
}

impl Length {
    fn tokens(&self) -> TokenStream {
        let doc = format!(" `{}`, in {}.", self.place, self.unit);
        let name = format_ident!("{}", self.name);
        let (min, max) = (Literal::u64_unsuffixed(self.min), Literal::u64_unsuffixed(self.max));
        quote! {
            #[doc = #doc]
            pub const #name: RangeInclusive<usize> = #min..=#max;
        }
    }
}

fn length(owner: &str, property: &str, schema: &Value) -> Option<Length> {
    let bound = |keys: [&str; 3]| keys.iter().find_map(|key| schema.get(key).and_then(Value::as_u64));
    let max = bound(["x-decoded-max-length", "maxLength", "maxItems"])?;
    let min = bound(["x-decoded-min-length", "minLength", "minItems"]).unwrap_or(0);
    let unit = match (schema.get("x-decoded-max-length"), schema.get("maxItems")) {
        (Some(_), _) => "Unicode scalar values before Base64",
        (_, Some(_)) => "items",
        _ => "Unicode scalar values",
    };
    let place = if property.is_empty() { owner.to_owned() } else { format!("{owner}.{property}") };
    // What is counted is the text, not its Base64.
    let property = property.strip_suffix("_base64").unwrap_or(property);
    Some(Length { name: constant(&format!("{owner}_{property}")), place, min, max, unit })
}

/// Two macros that give what the spec says as text, so that a doc comment need not say it again: `scope_and_rate!` of
/// an operation, `length!` of a string or list.
pub fn docs(spec: &Value, facts: &[Facts<'_>]) -> String {
    let lengths = all_lengths(spec);
    let scope_and_rate = facts.iter().map(|facts| (constant(facts.id), facts.text()));
    let length = lengths.iter().map(|length| {
        let text = match length.min {
            0 => format!("at most {}", length.max),
            min => format!("{min} to {}", length.max),
        };
        (length.name.clone(), text)
    });
    format!("{}\n{}", text_macro("scope_and_rate", scope_and_rate), text_macro("length", length))
}

/// A macro that gives a text for each name.
fn text_macro(name: &str, texts: impl Iterator<Item = (String, String)>) -> String {
    let arms: String = texts.map(|(name, text)| format!("    ({name}) => {{\n        {text:?}\n    }};\n")).collect();
    format!("macro_rules! {name} {{\n{arms}}}\n")
}

/// `createAssetUploadJob` or `Asset_name` -> `CREATE_ASSET_UPLOAD_JOB`, `ASSET_NAME`.
pub fn constant(name: &str) -> String {
    let mut out = String::new();
    for c in name.trim_end_matches('_').chars() {
        if c.is_uppercase() && !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
        out.extend(c.to_uppercase());
    }
    out
}
