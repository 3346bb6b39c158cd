//! What the spec says about each operation and about lengths, as tables: pacing, checks, docs and the simulator read
//! these, so that no number of the spec is typed a second time.

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
            preview: value.get("x-preview").and_then(Value::as_bool).unwrap_or(false),
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

pub fn operations(spec: &Value) -> Result<TokenStream, String> {
    let facts = facts(spec)?;
    let items = facts.iter().map(|fact| {
        let Facts { id, path, scopes, preview, .. } = fact;
        let method = fact.method.to_ascii_uppercase();
        let name = format_ident!("{}", constant(id));
        let requests_per_minute = Literal::u32_unsuffixed(fact.requests_per_minute);
        let doc = format!(" `{method} {path}`");
        quote! {
            #[doc = #doc]
            pub const #name: Operation = Operation {
                id: #id,
                method: #method,
                path: #path,
                scopes: &[#(#scopes),*],
                requests_per_minute: #requests_per_minute,
                preview: #preview,
            };
        }
    });
    let names = facts.iter().map(|fact| format_ident!("{}", constant(fact.id)));
    let urls = urls(spec)?;
    Ok(quote! {
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
    let below = token.strip_prefix(base).ok_or_else(|| format!("{flow}/tokenUrl is not below {base}"))?;
    Ok(quote! {
        /// Canva's public API.
        pub const BASE_URL: &str = #base;
        /// Where a user grants access.
        pub const AUTHORIZATION_URL: &str = #authorization;
        /// Where access tokens come from, below the base URL.
        pub const TOKEN_PATH: &str = #below;
    })
}

/// A constant for each bounded string, array and parameter: `SCHEMA_PROPERTY`, and `SCHEMA_PROPERTY_ITEM` for what
/// stands in an array.
pub fn limits(spec: &Value) -> TokenStream {
    let items = all_limits(spec);
    let items = items.iter().map(Limit::tokens);
    quote! {
        use std::ops::RangeInclusive;
        #(#items)*
    }
}

fn all_limits(spec: &Value) -> Vec<Limit> {
    let mut limits = Vec::new();
    for (name, parameter) in components(spec, "parameters") {
        limits.extend(limit(name, "", parameter.get("schema").unwrap_or(&Value::Null)));
    }
    for (name, schema) in components(spec, "schemas") {
        let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        for (property, schema) in properties {
            let schema = resolve(spec, schema);
            limits.extend(limit(name, property, schema));
            let item = schema.get("items").unwrap_or(&Value::Null);
            limits.extend(limit(name, &format!("{property}_item"), resolve(spec, item)));
        }
    }
    limits
}

/// The name of every schema, one a line, for a macro `types!` that whoever includes it defines: no Rust code can
/// enumerate types by itself.
pub fn schemas(spec: &Value) -> String {
    let names: String = components(spec, "schemas").map(|(name, _)| format!("    {name},\n")).collect();
    format!("types! {{\n{names}}}\n")
}

fn components<'a>(spec: &'a Value, section: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    spec.pointer(&format!("/components/{section}")).and_then(Value::as_object).into_iter().flatten()
}

/// A bounded string, array or parameter.
struct Limit {
    name: String,
    place: String,
    min: u64,
    max: u64,
    unit: &'static str,
}

impl Limit {
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

fn limit(owner: &str, property: &str, schema: &Value) -> Option<Limit> {
    let bound = |keys: [&str; 3]| keys.iter().find_map(|key| schema.get(key).and_then(Value::as_u64));
    let max = bound(["x-decoded-max-length", "maxLength", "maxItems"])?;
    let min = bound(["x-decoded-min-length", "minLength", "minItems"]).unwrap_or(0);
    let unit = match (schema.get("x-decoded-max-length"), schema.get("maxItems")) {
        (Some(_), _) => "Unicode scalar values before Base64",
        (_, Some(_)) => "items",
        _ => "Unicode scalar values",
    };
    let place = if property.is_empty() { owner.to_owned() } else { format!("{owner}.{property}") };
    Some(Limit { name: constant(&format!("{owner}_{property}")), place, min, max, unit })
}

/// A macro `says!` that gives what the spec says as text, so that a doc comment need not say it again.
pub fn docs(spec: &Value) -> Result<String, String> {
    let mut arms = String::new();
    for facts in facts(spec)? {
        arms += &arm(&constant(facts.id), &facts.text());
    }
    for limit in all_limits(spec) {
        let text = match limit.min {
            0 => format!("at most {}", limit.max),
            min => format!("{min} to {}", limit.max),
        };
        arms += &arm(&limit.name, &text);
    }
    Ok(format!("macro_rules! says {{\n{arms}}}\n"))
}

fn arm(name: &str, text: &str) -> String {
    format!("    ({name}) => {{\n        {text:?}\n    }};\n")
}

/// `createAssetUploadJob` or `Asset_name` -> `CREATE_ASSET_UPLOAD_JOB`, `ASSET_NAME`.
fn constant(name: &str) -> String {
    let mut out = String::new();
    for c in name.trim_end_matches('_').chars() {
        if c.is_uppercase() && !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
        out.extend(c.to_uppercase());
    }
    out
}
