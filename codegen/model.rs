//! What the generator knows of types: what a value is, and the structs, enums and unions that have names.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::quote;
use serde_json::{Map, Value, json};

use super::names::ident;
use super::spec::SCHEMAS;

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// A struct, an enum or a union of the module `types`.
    Named(String),
    Text,
    Integer(&'static str),
    Number(&'static str),
    Boolean,
    List(Box<Type>),
    Map(Box<Type>),
    /// In a list or map: that, or null.
    Nullable(Box<Type>),
    /// Any JSON.
    Any,
}

impl Type {
    /// In Rust, outside of the module `types`.
    pub fn tokens(&self) -> TokenStream {
        match self {
            Self::Named(name) => {
                let name = ident(name);
                quote!(types::#name)
            }
            Self::Text => quote!(String),
            Self::Integer(name) | Self::Number(name) => {
                let name = ident(name);
                quote!(#name)
            }
            Self::Boolean => quote!(bool),
            Self::List(item) => {
                let item = item.tokens();
                quote!(Vec<#item>)
            }
            Self::Map(value) if **value == Self::Any => quote!(::serde_json::Map<String, ::serde_json::Value>),
            Self::Map(value) => {
                let value = value.tokens();
                quote!(::std::collections::BTreeMap<String, #value>)
            }
            Self::Nullable(ty) => {
                let ty = ty.tokens();
                quote!(Option<#ty>)
            }
            Self::Any => quote!(::serde_json::Value),
        }
    }

    /// As progenitor takes it.
    pub fn schema(&self) -> Value {
        match self {
            Self::Named(name) => json!({ "$ref": format!("{SCHEMAS}{name}") }),
            Self::Text => json!({ "type": "string" }),
            Self::Integer(name) => {
                json!({ "type": "integer", "format": format!("int{}", name.trim_start_matches('i')) })
            }
            Self::Number("f32") => json!({ "type": "number", "format": "float" }),
            Self::Number(_) => json!({ "type": "number", "format": "double" }),
            Self::Boolean => json!({ "type": "boolean" }),
            Self::List(item) => json!({ "type": "array", "items": item.schema() }),
            Self::Map(value) => json!({ "type": "object", "additionalProperties": value.schema() }),
            Self::Nullable(ty) => json!({ "allOf": [ty.schema()], "nullable": true }),
            Self::Any => json!({}),
        }
    }
}

pub struct Struct {
    pub name: String,
    pub doc: String,
    /// Its fields by the names that the API has for them.
    pub fields: BTreeMap<String, Field>,
    /// Requests carry it.
    pub request: bool,
    /// Responses do.
    pub response: bool,
    /// It takes fields that the spec doesn't know.
    pub open: bool,
    pub deprecated: bool,
}

pub struct Field {
    pub name: String,
    pub doc: String,
    pub ty: Type,
    pub required: bool,
    pub nullable: bool,
    pub deprecated: bool,
}

impl Struct {
    /// As progenitor takes it.
    pub fn schema(&self) -> Value {
        let properties: Map<String, Value> =
            self.fields.iter().map(|(property, field)| (property.clone(), field.schema())).collect();
        let required = self.fields.iter().filter(|(_, field)| field.required && (field.is_list() || !field.nullable));
        let required: Vec<&String> = required.map(|(property, _)| property).collect();
        json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
    }
}

impl Field {
    /// It may be missing, or null.
    pub fn is_option(&self) -> bool {
        !self.required || self.nullable
    }

    fn is_list(&self) -> bool {
        matches!(self.ty, Type::List(_) | Type::Map(_))
    }

    fn schema(&self) -> Value {
        let mut schema = self.ty.schema();
        // Left alone, a list that may be left out would be skipped when it is empty, so that an empty list, which in a
        // request means "remove them all", would never be sent.
        if self.is_list()
            && self.is_option()
            && let Some(schema) = schema.as_object_mut()
        {
            schema.insert("nullable".into(), json!(true));
        }
        schema
    }
}

pub struct Enum {
    pub doc: String,
    /// The value of the API, and the variant.
    pub values: Vec<(String, String)>,
    pub deprecated: bool,
}

/// One of several objects, told apart by the property `tag`.
pub struct Union {
    pub doc: String,
    pub tag: String,
    pub variants: Vec<Variant>,
    pub deprecated: bool,
}

pub struct Variant {
    /// The tag's value.
    pub value: String,
    pub name: String,
    /// A struct.
    pub ty: String,
    /// The struct has the tag too, since it is also used by itself.
    pub keeps_tag: bool,
    /// The struct has a field of the union's type.
    pub boxed: bool,
}
