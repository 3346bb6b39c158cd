//! The lowered schemas -> the module `types`: structs by progenitor, and enums and unions that are open to values that
//! the server adds one day.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use openapiv3::OpenAPI;
use proc_macro2::TokenStream;
use progenitor::{GenerationSettings, Generator};
use quote::{ToTokens, quote};
use syn::{Item, ItemStruct};

use super::docs::{deprecated, doc};
use super::lower::Types;
use super::model::{Enum, Field, Struct, Type, Union};
use super::names::ident;

/// The items of the module.
pub fn types(types: &Types<'_>) -> Result<TokenStream, String> {
    let mut items: Vec<(String, TokenStream)> = Vec::new();
    let mut printed: BTreeMap<String, ItemStruct> =
        generate(types)?.into_iter().map(|it| (it.ident.to_string(), it)).collect();
    for (name, object) in &types.structs {
        let item = printed.remove(name).ok_or_else(|| format!("progenitor left the type {name} out"))?;
        items.push((name.clone(), structure(item, object)?));
    }
    items.extend(types.enums.iter().map(|(name, values)| (name.clone(), enumeration(name, values))));
    items.extend(types.unions.iter().map(|(name, members)| (name.clone(), union(name, members))));
    items.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(items.into_iter().map(|(_, item)| item).collect())
}

/// The structs, as progenitor prints them.
fn generate(types: &Types<'_>) -> Result<Vec<ItemStruct>, String> {
    let spec: OpenAPI = serde_json::from_value(types.document()).map_err(|e| format!("not OpenAPI 3.0: {e}"))?;
    let mut settings = GenerationSettings::new();
    for name in types.others() {
        settings.with_replacement(name, name, std::iter::empty());
    }
    settings.with_map_type("::std::collections::BTreeMap");
    // Progenitor asserts and unwraps on what it can't do; a spec author needs the reason.
    let result = catch_unwind(AssertUnwindSafe(|| Generator::new(&settings).generate_tokens(&spec)));
    let tokens = match result {
        Ok(tokens) => tokens.map_err(|e| format!("progenitor refuses it: {e}"))?,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            return Err(format!("progenitor gives up on it: {}", text.unwrap_or("no reason given")));
        }
    };
    let file: syn::File = syn::parse2(tokens).map_err(|e| format!("progenitor's output doesn't parse: {e}"))?;
    let module = file.items.into_iter().find_map(|item| match item {
        Item::Mod(module) if module.ident == "types" => module.content,
        _ => None,
    });
    let (_, items) = module.ok_or("progenitor's output has no module `types`")?;
    Ok(items.into_iter().filter_map(|item| if let Item::Struct(item) = item { Some(item) } else { None }).collect())
}

/// The struct with the fields that progenitor gave it, read and written as the API does.
fn structure(item: ItemStruct, object: &Struct) -> Result<TokenStream, String> {
    let name = &item.ident;
    let mut fields = Vec::new();
    for field in item.fields {
        let (Some(printed), ty) = (field.ident, field.ty) else { continue };
        let wire = renamed(&field.attrs).unwrap_or_else(|| printed.to_string());
        let known = object.fields.get(&wire).ok_or_else(|| format!("{name}: progenitor made a field `{wire}` up"))?;
        fields.push(self::field(&wire, known, &ty.into_token_stream(), object));
    }
    if fields.len() != object.fields.len() {
        return Err(format!("{name}: progenitor left a field out"));
    }
    let (doc, deprecated) = (doc(&object.doc), deprecated(object.deprecated));
    // A response may grow a field; a request stays a plain struct that callers can write down.
    let non_exhaustive = (!object.request).then(|| quote!(#[non_exhaustive]));
    let default = object.fields.values().all(|field| !field.required).then(|| quote!(Default,));
    let extra = object.open.then(|| {
        quote! {
            /// Fields that the spec doesn't know, as they came.
            #[serde(flatten)]
            pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
        }
    });
    Ok(quote! {
        #doc
        #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, #default PartialEq)]
        #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
        #non_exhaustive
        #deprecated
        pub struct #name {
            #(#fields,)*
            #extra
        }
    })
}

/// One that may be missing is an `Option`. A list of a response may be null or missing even if it is required, and an
/// integer written with a point.
fn field(wire: &str, field: &Field, ty: &TokenStream, object: &Struct) -> TokenStream {
    const IS_NONE: &str = "::std::option::Option::is_none";
    let (mut serde, mut ty) = (Vec::new(), ty.clone());
    // Progenitor boxes what holds itself, and puts the box around the option.
    if let (Type::Named(name), true) =
        (&field.ty, ty.to_string().starts_with(":: std :: boxed :: Box < :: std :: option"))
    {
        let name = ident(name);
        ty = quote!(::std::option::Option<::std::boxed::Box<#name>>);
    }
    if field.name != wire {
        serde.push(quote!(rename = #wire));
    }
    if !field.required {
        serde.push(quote!(skip_serializing_if = #IS_NONE));
    }
    let lenient = match &field.ty {
        // Left out, or null: two requests.
        _ if object.request && !field.required && field.nullable => {
            ty = quote!(::std::option::Option<#ty>);
            Some("nullable")
        }
        _ if !object.response && object.request => None,
        Type::List(_) if !field.is_option() => Some("list"),
        Type::Integer(_) if !field.is_option() => Some("integer"),
        Type::Integer(_) => Some("optional_integer"),
        _ => None,
    };
    if let Some(lenient) = lenient {
        if lenient != "integer" {
            serde.push(quote!(default));
        }
        let lenient = format!("crate::send::lenient::{lenient}");
        serde.push(quote!(deserialize_with = #lenient));
    }
    let serde = (!serde.is_empty()).then(|| quote!(#[serde(#(#serde),*)]));
    let (name, doc, deprecated) = (ident(&field.name), doc(&field.doc), deprecated(field.deprecated));
    quote!(#doc #serde #deprecated pub #name: #ty)
}

/// The `#[serde(rename)]` of a field.
fn renamed(attributes: &[syn::Attribute]) -> Option<String> {
    let mut name = None;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        // What isn't `name = value` isn't looked for.
        let _ = attribute.parse_nested_meta(|meta| {
            if let Ok(value) = meta.value().and_then(|value| value.parse::<syn::LitStr>())
                && meta.path.is_ident("rename")
            {
                name = Some(value.value());
            }
            Ok(())
        });
    }
    name
}

/// Open: a value that the server adds one day is kept as it came, instead of failing the whole response.
fn enumeration(name: &str, item: &Enum) -> TokenStream {
    let (name, doc, deprecated) = (ident(name), doc(&item.doc), deprecated(item.deprecated));
    let names: Vec<_> = item.values.iter().map(|(_, name)| ident(name)).collect();
    let values: Vec<_> = item.values.iter().map(|(value, _)| value).collect();
    quote! {
        #doc
        #[derive(::serde::Deserialize, ::serde::Serialize)]
        #[derive(Clone, Debug, Eq, Hash, PartialEq)]
        #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
        #[non_exhaustive]
        #deprecated
        pub enum #name {
            #(#[serde(rename = #values)] #names,)*
            /// A value that the spec doesn't list, as the server sent it.
            #[serde(untagged)]
            Unknown(::std::string::String),
        }
        impl #name {
            /// The value as the server sends it.
            pub fn as_str(&self) -> &str {
                match self {
                    #(Self::#names => #values,)*
                    Self::Unknown(value) => value,
                }
            }
        }
        impl ::std::fmt::Display for #name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    }
}

/// Open as well. Of a variant that is listed, what doesn't fit is an error.
fn union(name: &str, item: &Union) -> TokenStream {
    let (name, doc, deprecated, tag) = (ident(name), doc(&item.doc), deprecated(item.deprecated), &item.tag);
    let names: Vec<_> = item.variants.iter().map(|variant| ident(&variant.name)).collect();
    let values: Vec<_> = item.variants.iter().map(|variant| &variant.value).collect();
    let keeps: Vec<_> = item.variants.iter().map(|variant| variant.keeps_tag).collect();
    let types = item.variants.iter().map(|variant| {
        let ty = ident(&variant.ty);
        if variant.boxed { quote!(::std::boxed::Box<#ty>) } else { quote!(#ty) }
    });
    quote! {
        #doc
        #[derive(Clone, Debug, PartialEq)]
        #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema), schemars(tag = #tag))]
        #[non_exhaustive]
        #deprecated
        pub enum #name {
            #(#[cfg_attr(feature = "schemars", schemars(rename = #values))] #names(#types),)*
            /// One that the spec doesn't list, whole, as the server sent it.
            #[cfg_attr(feature = "schemars", schemars(untagged))]
            Unknown(::serde_json::Value),
        }
        impl ::serde::Serialize for #name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> ::std::result::Result<S::Ok, S::Error> {
                match self {
                    #(Self::#names(variant) => crate::send::tagged::write(serializer, #tag, #values, variant),)*
                    Self::Unknown(value) => ::serde::Serialize::serialize(value, serializer),
                }
            }
        }
        impl<'de> ::serde::Deserialize<'de> for #name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                let tagged = crate::send::tagged::Tagged::read(deserializer, #tag)?;
                match tagged.tag() {
                    #(Some(#values) => tagged.variant(#keeps).map(Self::#names),)*
                    _ => Ok(Self::Unknown(tagged.whole())),
                }
            }
        }
    }
}
