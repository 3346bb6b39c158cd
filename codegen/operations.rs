//! The operations of the spec -> a method for each, which makes its request as data: a `Call`.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use serde_json::{Map, Value};

use super::tables::{Facts, constant};
use super::{SpecOperation, resolve, spec_operations};

/// The struct `Operations` with its methods.
pub fn operations(spec: &Value, facts: &[Facts<'_>]) -> Result<TokenStream, String> {
    let mut methods = Vec::new();
    for (operation, facts) in spec_operations(spec)?.iter().zip(facts) {
        methods.push(method(spec, operation, &facts.text()).map_err(|reason| format!("{}: {reason}", operation.id))?);
    }
    Ok(quote! {
        /// Every operation of the spec, each as a [`Call`].
        #[derive(Clone, Debug)]
        pub struct Operations(pub(crate) Sender);

        impl Operations {
            #(#methods)*
        }
    })
}

fn method(spec: &Value, operation: &SpecOperation<'_>, facts: &str) -> Result<TokenStream, String> {
    let name = snake(operation.id)?;
    let table = format_ident!("{}", constant(operation.id));
    let mut arguments = Arguments::default();
    for parameter in operation.value.get("parameters").and_then(Value::as_array).into_iter().flatten() {
        arguments.parameter(spec, resolve(spec, parameter))?;
    }
    if let Some(body) = operation.value.get("requestBody") {
        arguments.body(spec, resolve(spec, body))?;
    }
    let places = operation.path.matches('{').count();
    if places != arguments.places {
        return Err(format!(
            "{} has {places} names in braces and {} path parameters",
            operation.path, arguments.places
        ));
    }
    let response = response(spec, operation.value)?;
    let doc = doc(operation, facts, &arguments.docs);
    let Arguments { inputs, chain, .. } = arguments;
    Ok(quote! {
        #[doc = #doc]
        pub fn #name(&self, #(#inputs),*) -> Call<#response> {
            Call::new(&self.0, &operations::#table) #(#chain)*
        }
    })
}

/// What a method takes, and what it does with that.
#[derive(Default)]
struct Arguments {
    inputs: Vec<TokenStream>,
    chain: Vec<TokenStream>,
    docs: Vec<String>,
    /// How many of them stand in the path.
    places: usize,
}

impl Arguments {
    fn parameter(&mut self, spec: &Value, parameter: &Value) -> Result<(), String> {
        let text = |key: &str| parameter.get(key).and_then(Value::as_str).unwrap_or_default();
        let (api_name, place) = (text("name"), text("in"));
        let name = snake(api_name)?;
        match (place, json_type(spec, parameter)) {
            ("path", None) => {
                self.places += 1;
                self.inputs.push(quote!(#name: &str));
                self.chain.push(quote!(.path(#api_name, #name)));
            }
            ("header", Some(ty)) => {
                let ty = ty?;
                self.inputs.push(quote!(#name: &#ty));
                self.chain.push(quote!(.json_header(#api_name, #name)));
            }
            _ => {
                let refused = format!("the {place} parameter `{api_name}` can't be generated");
                return Err(refused + ": only path parameters and headers with JSON content can");
            }
        }
        self.document(&name.to_string(), parameter);
        Ok(())
    }

    fn body(&mut self, spec: &Value, body: &Value) -> Result<(), String> {
        let name = match only_media_type(body) {
            Some("application/octet-stream") => {
                self.inputs.push(quote!(content: impl Into<UploadBody>));
                self.chain.push(quote!(.content(content)));
                "content"
            }
            Some("application/json") => {
                let ty = json_type(spec, body).ok_or("the request body's JSON has no schema")??;
                self.inputs.push(quote!(body: &#ty));
                self.chain.push(quote!(.json(body)));
                "body"
            }
            _ => return Err("the request body must be `application/json` or `application/octet-stream` alone".into()),
        };
        self.document(name, body);
        Ok(())
    }

    fn document(&mut self, name: &str, part: &Value) {
        if let Some(description) = part.get("description").and_then(Value::as_str) {
            self.docs.push(format!("- `{name}`: {}", description.trim()));
        }
    }
}

/// The type of all successes; `()` where they have no body.
fn response(spec: &Value, operation: &Value) -> Result<TokenStream, String> {
    let responses = operation.get("responses").and_then(Value::as_object).ok_or("`responses` is missing")?;
    let successes = responses.iter().filter(|(status, _)| status.starts_with('2'));
    let mut types = Vec::new();
    for (status, response) in successes {
        let response = resolve(spec, response);
        let ty = match (content(response), only_media_type(response)) {
            (None, _) => quote!(()),
            (_, Some("application/json")) => {
                json_type(spec, response).ok_or_else(|| format!("the JSON of response {status} has no schema"))??
            }
            _ => return Err(format!("response {status} must be `application/json` alone, or have no body")),
        };
        types.push(ty);
    }
    let first = types.first().cloned().ok_or("`responses` has no success")?;
    match types.iter().all(|ty| ty.to_string() == first.to_string()) {
        true => Ok(first),
        false => Err("successes of different types can't be generated".into()),
    }
}

fn content(value: &Value) -> Option<&Map<String, Value>> {
    value.get("content").and_then(Value::as_object)
}

fn only_media_type(value: &Value) -> Option<&str> {
    let mut types = content(value)?.keys();
    types.next().filter(|_| types.next().is_none()).map(String::as_str)
}

/// The type of the JSON in this part, if it has any.
fn json_type(spec: &Value, part: &Value) -> Option<Result<TokenStream, String>> {
    let schema = content(part)?.get("application/json")?.get("schema")?;
    let name = schema.get("$ref").and_then(Value::as_str).and_then(|it| it.strip_prefix("#/components/schemas/"));
    let known = name.filter(|name| spec.pointer(&format!("/components/schemas/{name}")).is_some());
    Some(known.map(|name| format_ident!("{name}")).map(|name| quote!(types::#name)).ok_or_else(|| {
        "an inline schema can't be generated: give it a name in components.schemas, and refer to that".to_owned()
    }))
}

/// `jobId` or `Asset-Upload-Metadata` -> `job_id`, `asset_upload_metadata`.
fn snake(name: &str) -> Result<Ident, String> {
    let words = constant(&name.replace('-', "_")).to_lowercase();
    syn::parse_str(&words).map_err(|_| format!("`{name}` gives no name that Rust can have"))
}

fn doc(operation: &SpecOperation<'_>, facts: &str, arguments: &[String]) -> String {
    let text = |key: &str| operation.value.get(key).and_then(Value::as_str).unwrap_or_default().trim();
    let sends = format!("Sends a `{}` request to `{}`", operation.method.to_ascii_uppercase(), operation.path);
    let mut parts = vec![text("summary").to_owned(), text("description").to_owned(), facts.to_owned(), sends];
    if !arguments.is_empty() {
        parts.push(format!("Arguments:\n{}", arguments.join("\n")));
    }
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}
