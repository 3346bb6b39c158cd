//! The lowered spec -> the types, by progenitor, opened to values and fields that the server adds.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use openapiv3::OpenAPI;
use proc_macro2::TokenStream;
use progenitor::{GenerationSettings, Generator};
use quote::ToTokens;
use serde_json::Value;
use syn::punctuated::Punctuated;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Expr, Item, ItemEnum, ItemMod, Lit, Token, Type, parse_quote};

/// The module `types`. `requests` are the schemas that requests are made of.
pub fn types(spec: &Value, requests: &BTreeSet<String>) -> Result<TokenStream, String> {
    let tokens = generate(spec).map_err(|e| blame(spec).unwrap_or(e))?;
    let file: syn::File = syn::parse2(tokens).map_err(|e| format!("progenitor's output doesn't parse: {e}"))?;
    let types = file.items.into_iter().find_map(|item| match item {
        Item::Mod(module) if module.ident == "types" => Some(module),
        _ => None,
    });
    let mut types = types.ok_or("progenitor's output has no module `types`")?;
    Types { requests }.visit_item_mod_mut(&mut types);
    Ok(types.into_token_stream())
}

fn generate(spec: &Value) -> Result<TokenStream, String> {
    let spec: OpenAPI = serde_json::from_value(spec.clone()).map_err(|e| format!("not OpenAPI 3.0: {e}"))?;
    let mut settings = GenerationSettings::new();
    settings.with_derive("PartialEq");
    // Progenitor asserts and unwraps on what it can't do; a spec author needs the reason.
    let result = catch_unwind(AssertUnwindSafe(|| Generator::new(&settings).generate_tokens(&spec)));
    match result {
        Ok(tokens) => tokens.map_err(|e| format!("progenitor refuses it: {e}")),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            Err(format!("progenitor gives up on it: {}", text.unwrap_or("no reason given")))
        }
    }
}

/// The schema that progenitor refuses: the one without which it refuses nothing.
fn blame(spec: &Value) -> Option<String> {
    let whole = generate(spec).err()?;
    let schemas = spec.pointer("/components/schemas").and_then(Value::as_object)?;
    let guilty = schemas.iter().find(|(name, schema)| {
        let mut others = spec.clone();
        if let Some(schemas) = others.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
            schemas.insert((*name).clone(), serde_json::json!({ "type": "object" }));
        }
        generate(&others).is_ok() || serde_json::from_value::<openapiv3::Schema>((*schema).clone()).is_err()
    });
    guilty.map(|(name, _)| format!("components.schemas.{name}: {whole}"))
}

/// The pass over the types.
struct Types<'a> {
    requests: &'a BTreeSet<String>,
}

impl VisitMut for Types<'_> {
    fn visit_item_mod_mut(&mut self, module: &mut ItemMod) {
        if let Some((_, items)) = &mut module.content {
            open_enums(items);
        }
        visit_mut::visit_item_mod_mut(self, module);
    }

    fn visit_item_struct_mut(&mut self, item: &mut syn::ItemStruct) {
        item.attrs.push(parse_quote!(#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]));
        // A response may grow a field; a request stays a plain struct that callers can write down.
        if !self.requests.contains(&item.ident.to_string()) {
            item.attrs.push(parse_quote!(#[non_exhaustive]));
            item.fields.iter_mut().for_each(response_field);
        }
    }
}

/// A list that is left out of a response or is null reads as an empty one, whether the spec requires it or not; an
/// integer may be written with a point; and the map of unknown fields says what it is.
fn response_field(field: &mut syn::Field) {
    if let Some(read) = lenient(&field.ty) {
        let has_default =
            field.attrs.iter().any(|attribute| attribute.to_token_stream().to_string().contains("default"));
        if read != "integer" && !has_default {
            field.attrs.push(parse_quote!(#[serde(default)]));
        }
        let read = format!("crate::send::lenient::{read}");
        field.attrs.push(parse_quote!(#[serde(deserialize_with = #read)]));
    }
    if field.ident.as_ref().is_some_and(|name| name == "extra") {
        field.attrs.insert(0, parse_quote!(#[doc = "Fields that the spec doesn't know, as they came."]));
    }
}

/// The function of `src/send/lenient.rs` that reads this type.
fn lenient(ty: &Type) -> Option<&'static str> {
    const INTEGERS: [&str; 8] = ["i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"];
    let ty = ty.to_token_stream().to_string();
    let inside = |list: &str| ty.strip_prefix(list).and_then(|ty| ty.strip_suffix(" >")).map(str::trim);
    if inside(":: std :: vec :: Vec <").is_some() {
        Some("list")
    } else if INTEGERS.contains(&ty.as_str()) {
        Some("integer")
    } else if inside(":: std :: option :: Option <").is_some_and(|ty| INTEGERS.contains(&ty)) {
        Some("optional_integer")
    } else {
        None
    }
}

/// Doc comments as one `///` a line, so that a changed sentence is a changed line.
pub fn doc_lines(file: &mut syn::File) {
    DocLines.visit_file_mut(file);
}

struct DocLines;

impl VisitMut for DocLines {
    fn visit_attributes_mut(&mut self, attributes: &mut Vec<Attribute>) {
        *attributes = attributes.drain(..).flat_map(lines_of).collect();
    }
}

fn lines_of(attribute: Attribute) -> Vec<Attribute> {
    let syn::Meta::NameValue(meta) = &attribute.meta else { return vec![attribute] };
    let Expr::Lit(syn::ExprLit { lit: Lit::Str(text), .. }) = &meta.value else { return vec![attribute] };
    if !meta.path.is_ident("doc") {
        return vec![attribute];
    }
    let mut lines: Vec<String> = Vec::new();
    for line in text.value().trim().lines().map(str::trim_end) {
        if !(line.is_empty() && lines.last().is_some_and(|last| last.is_empty())) {
            lines.push(if line.is_empty() { String::new() } else { format!(" {line}") });
        }
    }
    lines.iter().map(|line| parse_quote!(#[doc = #line])).collect()
}

/// Replaces every enum by an open one, with its conversions: a value that the server adds one day is kept as it came,
/// instead of failing the whole response.
fn open_enums(items: &mut Vec<Item>) {
    let enums: Vec<ItemEnum> = items
        .iter()
        .filter_map(|item| match item {
            Item::Enum(item) => Some(item.clone()),
            _ => None,
        })
        .collect();
    let names: Vec<String> = enums.iter().map(|item| item.ident.to_string()).collect();
    let about = |ty: &Type| names.contains(&ty.to_token_stream().to_string());
    items.retain(|item| match item {
        Item::Impl(item) => !about(&item.self_ty),
        // Nothing converts any more.
        Item::Mod(item) => item.ident != "error",
        _ => true,
    });
    *items = items
        .drain(..)
        .flat_map(|item| match item {
            Item::Enum(item) => open_enum(item),
            other => vec![other],
        })
        .collect();
}

fn open_enum(item: ItemEnum) -> Vec<Item> {
    let ItemEnum { ident, attrs, variants, .. } = item;
    let docs = attrs.iter().filter(|attribute| attribute.path().is_ident("doc"));
    let names: Vec<_> = variants.iter().map(|variant| &variant.ident).collect();
    let values: Vec<_> = variants.iter().map(wire_value).collect();
    let file: syn::File = parse_quote! {
        #(#docs)*
        #[derive(::serde::Deserialize, ::serde::Serialize)]
        #[derive(Clone, Debug, Eq, Hash, PartialEq)]
        #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
        #[non_exhaustive]
        pub enum #ident {
            #(#[serde(rename = #values)] #names,)*
            /// A value that the spec doesn't list, as the server sent it.
            #[serde(untagged)]
            Unknown(::std::string::String),
        }
        impl #ident {
            /// The value as the server sends it.
            pub fn as_str(&self) -> &str {
                match self {
                    #(Self::#names => #values,)*
                    Self::Unknown(value) => value,
                }
            }
        }
        impl ::std::fmt::Display for #ident {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
    file.items
}

/// The string that a variant stands for: its `#[serde(rename)]`, or else its name.
fn wire_value(variant: &syn::Variant) -> String {
    let renamed = variant.attrs.iter().filter(|attribute| attribute.path().is_ident("serde")).find_map(|attribute| {
        let arguments =
            attribute.parse_args_with(Punctuated::<syn::MetaNameValue, Token![,]>::parse_terminated).ok()?;
        arguments.into_iter().find(|argument| argument.path.is_ident("rename")).and_then(|argument| {
            match argument.value {
                Expr::Lit(syn::ExprLit { lit: Lit::Str(value), .. }) => Some(value.value()),
                _ => None,
            }
        })
    });
    renamed.unwrap_or_else(|| variant.ident.to_string())
}
