//! The operations of the spec -> a method for each, which makes its request as data: a `Call`. What may be left out of
//! a request stands in a struct of its own, `...Options`, so that it is set by its name.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use serde_json::{Map, Value};

use super::docs::{self, markdown};
use super::lower::Types;
use super::model::Type;
use super::names::{Names, constant, ident, snake};
use super::spec::{Operation, entries, flag, resolve, text};
use super::tables::{Authentication, Facts};

/// The methods of `Operations`, and the structs for what may be left out.
#[derive(Default)]
pub struct Methods {
    pub methods: Vec<TokenStream>,
    pub options: Vec<TokenStream>,
}

/// These headers are the client's own. OpenAPI ignores parameters that describe them.
const HEADERS: [&str; 3] = ["accept", "authorization", "content-type"];

impl Methods {
    /// Gives the type of its response.
    pub fn add<'a>(
        &mut self,
        spec: &'a Value,
        types: &mut Types<'a>,
        operation: &Operation<'a>,
        facts: &Facts<'_>,
    ) -> Result<Option<Type>, String> {
        let (name, table) = (ident(&snake(operation.id)?), ident(&constant(operation.id)?));
        let mut arguments = Arguments { id: operation.id, path: operation.path, ..Arguments::default() };
        for parameter in &operation.parameters {
            let about = |reason: String| {
                format!("the {} parameter `{}`: {reason}", text(parameter, "in"), text(parameter, "name"))
            };
            arguments.parameter(types, parameter).map_err(about)?;
        }
        if facts.authentication == Authentication::Basic {
            arguments.basic();
        }
        if let Some(body) = operation.value.get("requestBody") {
            arguments.body(types, resolve(spec, body))?;
        }
        let places = operation.path.matches('{').count();
        if places != arguments.places {
            let found = arguments.places;
            return Err(format!("{} has {places} names in braces and {found} path parameters", operation.path));
        }
        self.options.extend(arguments.options(types)?);
        let response = response(spec, types, operation)?;
        let doc = doc(operation, facts, &arguments.docs);
        let Arguments { inputs, names, chain, .. } = &arguments;
        let deprecated = docs::deprecated(flag(operation.value, "deprecated"));
        let ty = response.as_ref().map_or(quote!(()), Type::tokens);
        self.methods.push(quote! {
            #[doc = #doc]
            #deprecated
            pub fn #name(&self, #(#inputs),*) -> Call<#ty> {
                Call::new(&self.0, &operations::#table) #(#chain)*
            }
        });
        if let Some(pages) = operation.value.get("x-pages") {
            let (token, next, items, item) = self::pages(types, pages, response.as_ref(), operation)?;
            let (stream, item) = (ident(&format!("{name}_stream")), item.tokens());
            let doc = format!("Every item of [`{name}`](Self::{name}), page by page.");
            self.methods.push(quote! {
                #[doc = #doc]
                #deprecated
                pub fn #stream(&self, #(#inputs),*) -> Items<#item> {
                    Items::new(self.#name(#(#names),*), #token, |page| (page.#items, page.#next))
                }
            });
        }
        Ok(response)
    }
}

/// What a method takes, and what it does with that.
#[derive(Default)]
struct Arguments<'a> {
    /// The operation.
    id: &'a str,
    path: &'a str,
    taken: Names,
    inputs: Vec<TokenStream>,
    names: Vec<TokenStream>,
    chain: Vec<TokenStream>,
    docs: Vec<String>,
    /// What may be left out, and the argument that has it.
    fields: Vec<TokenStream>,
    options: Option<Ident>,
    fields_taken: Names,
    /// How many of them stand in the path.
    places: usize,
}

impl<'a> Arguments<'a> {
    fn parameter(&mut self, types: &mut Types<'a>, parameter: &'a Value) -> Result<(), String> {
        let (wire, place) = (text(parameter, "name"), text(parameter, "in"));
        if place == "header" && HEADERS.iter().any(|own| wire.eq_ignore_ascii_case(own)) {
            return Ok(());
        }
        let required = flag(parameter, "required") || place == "path";
        let hint = format!("{} {wire}", self.id);
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if place == "header" && (wire.is_empty() || !wire.bytes().all(is_token)) {
            return Err("it isn't the name of a header".to_owned());
        }
        if let Some(json) = json_schema(parameter) {
            if place != "header" {
                return Err("JSON can only be generated in a header: write `schema` in place of `content`".to_owned());
            }
            let ty = types.of(json?, &hint, true)?;
            return self.add(parameter, required, &ty, |value| quote!(.json_header(#wire, #value)));
        }
        let schema = parameter.get("schema").ok_or("`schema` is missing: say what the value is")?;
        // Null is left out.
        let ty = match types.of(schema, &hint, true)? {
            Type::Nullable(ty) => *ty,
            ty => ty,
        };
        types.parameter_length(self.id, wire, schema)?;
        let (item, is_list) = match &ty {
            Type::List(item) => (item.as_ref(), true),
            ty => (ty, false),
        };
        let is_word = types.is_word(item);
        let style = parameter.get("style").and_then(Value::as_str);
        let style = style.unwrap_or(if place == "query" { "form" } else { "simple" });
        let explode = parameter.get("explode").and_then(Value::as_bool).unwrap_or(style == "form");
        if !["path", "query", "header"].contains(&place) {
            return Err(format!("`in: {place}` can't be generated: only `path`, `query` and `header` can"));
        }
        let separator = match (place, style) {
            _ if !is_word => return Err("it must be text, a number, an enum, or a list of these".to_owned()),
            ("path", _) if is_list => return Err("a list can't stand in a path".to_owned()),
            ("path", "simple") => {
                if !self.path.contains(&format!("{{{wire}}}")) {
                    return Err(format!("{} has no `{{{wire}}}`", self.path));
                }
                self.places += 1;
                return self.add(parameter, true, &ty, |value| quote!(.path(#wire, #value)));
            }
            ("header", "simple") => return self.add(parameter, required, &ty, |value| quote!(.header(#wire, #value))),
            ("query", "form") if !is_list || explode => "&",
            ("query", "spaceDelimited" | "pipeDelimited") if is_list && explode => "&",
            ("query", "form") => ",",
            ("query", "spaceDelimited") if is_list => "%20",
            ("query", "pipeDelimited") if is_list => "%7C",
            _ => {
                let allowed =
                    "in the path and in headers `simple`, in queries `form`, `spaceDelimited` or `pipeDelimited`";
                return Err(format!("it can't be generated in the style `{style}`: only {allowed} can"));
            }
        };
        self.add(parameter, required, &ty, |value| match separator {
            "&" => quote!(.query(#wire, #value)),
            _ => quote!(.query_list(#wire, #separator, #value)),
        })
    }

    /// An argument, or a field of the options.
    fn add(
        &mut self,
        parameter: &Value,
        required: bool,
        ty: &Type,
        send: impl Fn(TokenStream) -> TokenStream,
    ) -> Result<(), String> {
        let (name, doc) = (snake(text(parameter, "name"))?, markdown(text(parameter, "description")));
        if !required {
            let (name, ty) = (ident(&self.fields_taken.take(&name)), ty.tokens());
            let options = match &self.options {
                Some(options) => options.clone(),
                None => self.options.insert(ident(&self.taken.take("options"))).clone(),
            };
            let (doc, deprecated) = (docs::doc(&doc), docs::deprecated(flag(parameter, "deprecated")));
            self.fields.push(quote!(#doc #deprecated pub #name: Option<#ty>));
            self.chain.push(send(quote!(&#options.#name)));
            return Ok(());
        }
        let name = self.argument(&name, &doc);
        let owned = ty.tokens();
        let taken = match ty {
            Type::Text => quote!(&str),
            Type::List(item) if **item == Type::Text => quote!(&[&str]),
            Type::List(item) => {
                let item = item.tokens();
                quote!(&[#item])
            }
            Type::Integer(_) | Type::Number(_) | Type::Boolean => owned,
            _ => quote!(&#owned),
        };
        self.inputs.push(quote!(#name: #taken));
        self.chain.push(send(quote!(#name)));
        Ok(())
    }

    /// The name of an argument, which isn't taken yet.
    fn argument(&mut self, wanted: &str, doc: &str) -> TokenStream {
        let name = self.taken.take(wanted);
        if !doc.is_empty() {
            self.docs.push(format!("- `{name}`: {}", doc.replace('\n', "\n  ")));
        }
        let name = ident(&name);
        self.names.push(quote!(#name));
        quote!(#name)
    }

    fn basic(&mut self) {
        let (id, secret) = (self.argument("client_id", ""), self.argument("client_secret", ""));
        self.inputs.extend([quote!(#id: &str), quote!(#secret: &str)]);
        self.chain.push(quote!(.basic(#id, #secret)));
    }

    fn body(&mut self, types: &mut Types<'a>, body: &'a Value) -> Result<(), String> {
        let doc = markdown(text(body, "description"));
        let media_type = only_media_type(body);
        if media_type == Some("application/octet-stream") {
            let name = self.argument("content", &doc);
            self.inputs.push(quote!(#name: impl Into<UploadBody>));
            self.chain.push(quote!(.content(#name)));
            return Ok(());
        }
        let send = match media_type {
            Some("application/json") => quote!(json),
            Some("application/x-www-form-urlencoded") => quote!(form),
            _ => {
                let expected = "`application/json`, `application/x-www-form-urlencoded` or `application/octet-stream`";
                return Err(format!("the request body must be {expected} alone"));
            }
        };
        let schema = content(body).and_then(|content| content.values().next()?.get("schema"));
        let schema = schema.ok_or("the request body has no `schema`")?;
        let ty = types.of(schema, &format!("{} request", self.id), true)?;
        let encoding = content(body).and_then(|content| content.values().next()?.get("encoding"));
        if encoding.is_some() {
            return Err("the `encoding` of the request body can't be generated".to_owned());
        }
        if media_type != Some("application/json") && !types.is_flat(&ty) {
            return Err("the form must be an object of text, numbers, enums, and lists of these".to_owned());
        }
        let ty = ty.tokens();
        let name = self.argument("body", &doc);
        self.inputs.push(quote!(#name: &#ty));
        self.chain.push(quote!(.#send(#name)));
        Ok(())
    }

    /// The struct of what may be left out. It is the method's last argument.
    fn options(&mut self, types: &mut Types<'a>) -> Result<Option<TokenStream>, String> {
        let Some(argument) = self.options.take() else { return Ok(None) };
        let name = ident(&types.name(&format!("{} options", self.id))?);
        let (doc, fields) = (format!("What may be left out of a request of `{}`.", self.id), &self.fields);
        self.names.push(quote!(#argument));
        self.inputs.push(quote!(#argument: &#name));
        Ok(Some(quote! {
            #[doc = #doc]
            #[derive(Clone, Debug, Default, PartialEq)]
            pub struct #name {
                #(#fields,)*
            }
        }))
    }
}

/// The type of all successes; none where they have no body.
fn response<'a>(spec: &'a Value, types: &mut Types<'a>, operation: &Operation<'a>) -> Result<Option<Type>, String> {
    let responses = entries(operation.value, "responses").filter(|(status, _)| status.starts_with('2'));
    let mut found: Vec<Option<Type>> = Vec::new();
    for (status, response) in responses {
        let response = resolve(spec, response);
        let ty = match (content(response), json_schema(response)) {
            (None, _) => None,
            (_, Some(schema)) => Some(types.of(schema?, &format!("{} response", operation.id), false)?),
            _ => return Err(format!("response {status} must be `application/json` alone, or have no body")),
        };
        found.push(ty);
    }
    // Where one has a body and another hasn't, the body may be missing.
    let bodies: Vec<&Type> = found.iter().flatten().collect();
    let Some(first) = bodies.first() else { return Ok(None) };
    if bodies.iter().any(|ty| ty != first) {
        return Err("successes with bodies of different types can't be generated: give them one named schema".into());
    }
    match bodies.len() == found.len() {
        true => Ok(Some((*first).clone())),
        false => Ok(Some(Type::Nullable(Box::new((*first).clone())))),
    }
}

/// What `x-pages` says: the parameter that asks for the next page; in the response, the field that names the next page
/// and the field with the items; and their type.
fn pages<'a>(
    types: &Types<'_>,
    pages: &'a Value,
    response: Option<&Type>,
    operation: &Operation<'_>,
) -> Result<(&'a str, Ident, Ident, Type), String> {
    let (token, items) = (text(pages, "token"), text(pages, "items"));
    if operation.value.pointer("/requestBody/content/application~1octet-stream").is_some() {
        return Err("`x-pages`: an upload has no pages".to_owned());
    }
    let object = types.response(response);
    let field = |name: &str| object.and_then(|object| object.fields.get(name));
    let parameters = operation.parameters.iter().filter(|it| text(it, "in") == "query" && !flag(it, "required"));
    let asks = parameters.filter(|it| text(it, "name") == token).count() == 1;
    let next = field(token).filter(|next| asks && next.ty == Type::Text && next.is_option());
    let next = next.ok_or_else(|| {
        format!("`x-pages`: `token: {token}` must be an optional text, both in the query and in the response")
    })?;
    match field(items).map(|items| (items, &items.ty)) {
        Some((items, Type::List(item))) if !items.is_option() => {
            Ok((token, ident(&next.name), ident(&items.name), (**item).clone()))
        }
        _ => Err(format!("`x-pages`: `items: {items}` must be a required list in the response")),
    }
}

fn content(value: &Value) -> Option<&Map<String, Value>> {
    value.get("content").and_then(Value::as_object)
}

fn only_media_type(value: &Value) -> Option<&str> {
    let mut types = content(value)?.keys();
    types.next().filter(|_| types.next().is_none()).map(String::as_str)
}

/// The schema of the JSON in this part, if JSON is all that it has.
fn json_schema(part: &Value) -> Option<Result<&Value, String>> {
    only_media_type(part).filter(|media_type| *media_type == "application/json")?;
    let schema = content(part)?.get("application/json")?.get("schema");
    Some(schema.ok_or_else(|| "the JSON has no `schema`".to_owned()))
}

fn doc(operation: &Operation<'_>, facts: &Facts<'_>, arguments: &[String]) -> String {
    let said = |key: &str| markdown(text(operation.value, key));
    let sends = format!("Sends a `{}` request to `{}`", operation.method.to_ascii_uppercase(), operation.path);
    let mut parts = vec![said("summary"), said("description"), facts.text(), sends];
    if !arguments.is_empty() {
        parts.push(format!("Arguments:\n{}", arguments.join("\n")));
    }
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}
