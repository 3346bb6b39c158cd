//! openapi.yaml -> generated/.
//!
//! `spec` reads it, and `check` looks for keywords that OpenAPI lacks. `lower` turns its schemas into the types of
//! `model`, which all have names; `types` prints them, the structs with progenitor. `operations` makes a method for each
//! operation, `jobs` the kinds of jobs, and `tables` the facts. `names` and `docs` make names and documentation that
//! Rust can have. `usage`, `examples` and `unions` say how schemas are used.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::quote;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Expr, Lit, parse_quote};

mod check;
mod docs;
mod examples;
mod jobs;
mod lower;
mod model;
mod names;
mod operations;
mod spec;
mod tables;
mod types;
mod unions;
mod usage;

pub struct Generated {
    /// Each with its content.
    pub files: Vec<(&'static str, String)>,
    /// What in the spec is worth a word to the maintainer.
    pub notes: Vec<String>,
}

/// What `generated/` is to have. `name` is the spec's file name, for messages.
pub fn generate(name: &str, text: &str) -> Result<Generated, String> {
    let spec = spec::read(name, text)?;
    let in_spec = |e: String| format!("{name}: {}", e.replace('\n', " "));
    check::check(&spec).map_err(in_spec)?;
    let operations = spec::operations(&spec).map_err(in_spec)?;
    let mut types = lower::Types::new(&spec, &operations).map_err(in_spec)?;
    let (mut facts, mut methods, mut jobs) = (Vec::new(), operations::Methods::default(), jobs::Jobs::default());
    for operation in &operations {
        let about = |reason| in_spec(format!("{}: {reason}", operation.id));
        let known = tables::facts(&spec, operation).map_err(about)?;
        let response = methods.add(&spec, &mut types, operation, &known).map_err(about)?;
        let unlisted = tables::unlisted_scopes(&spec, &known).into_iter();
        types
            .notes
            .extend(unlisted.map(|scope| format!("{} needs the scope `{scope}`, which no flow lists", operation.id)));
        jobs.see(operation, &known, response);
        facts.push(known);
    }
    let (codes, jobs) = jobs.tokens(&types).map_err(in_spec)?;
    let structs = types::types(&types).map_err(in_spec)?;
    let operations::Methods { methods, options } = methods;
    let client = quote! {
        use super::operations;
        use crate::content::UploadBody;
        use crate::send::{Call, Items, Sender};

        /// The schemas of the spec.
        pub mod types {
            #structs
        }

        /// Every operation of the spec, each as a [`Call`].
        #[derive(Clone, Debug)]
        pub struct Operations(pub(crate) Sender);

        impl Operations {
            #(#methods)*
        }

        #(#options)*
        #codes
    };
    let table = tables::operations(&spec, &facts).map_err(in_spec)?;
    let docs = tables::docs(&types.lengths, &facts).map_err(in_spec)?;
    let files = vec![
        ("generated/client.rs", print(name, client)?),
        ("generated/jobs.rs", print(name, jobs)?),
        ("generated/operations.rs", print(name, table)?),
        ("generated/lengths.rs", print(name, tables::lengths(&types.lengths))?),
        ("generated/docs.rs", headed(name, &docs)),
        ("generated/schemas.rs", headed(name, &tables::schemas(types.structs.keys().chain(types.others())))),
    ];
    Ok(Generated { files, notes: types.notes.into_iter().map(in_spec).collect() })
}

/// Code that parses, and whose names are unique where they stand.
fn print(name: &str, tokens: TokenStream) -> Result<String, String> {
    let mut file = syn::parse2(tokens).map_err(|e| format!("{name}: the generated code doesn't parse: {e}"))?;
    let mut finish = Finish::default();
    finish.visit_file_mut(&mut file);
    match finish.twice {
        Some(twice) => Err(format!("{name}: the generated code has `{twice}` twice")),
        None => Ok(headed(name, &prettyplease::unparse(&file))),
    }
}

/// Writes doc comments as one `///` a line, so that a changed sentence is a changed line; and looks for names that are
/// there twice.
#[derive(Default)]
struct Finish {
    twice: Option<String>,
}

impl Finish {
    fn unique(&mut self, of: &str, names: impl IntoIterator<Item = String>) {
        let mut seen = BTreeSet::new();
        for name in names {
            if !seen.insert(name.clone()) {
                self.twice = Some(format!("{of}{name}"));
            }
        }
    }

    fn unique_items(&mut self, items: &[syn::Item]) {
        let names = items.iter().filter_map(|item| match item {
            syn::Item::Struct(item) => Some(item.ident.to_string()),
            syn::Item::Enum(item) => Some(item.ident.to_string()),
            syn::Item::Mod(item) => Some(item.ident.to_string()),
            syn::Item::Const(item) => Some(item.ident.to_string()),
            _ => None,
        });
        self.unique("", names);
    }
}

impl VisitMut for Finish {
    fn visit_file_mut(&mut self, file: &mut syn::File) {
        self.unique_items(&file.items);
        visit_mut::visit_file_mut(self, file);
    }

    fn visit_item_mod_mut(&mut self, module: &mut syn::ItemMod) {
        self.unique_items(module.content.as_ref().map_or(&[], |(_, items)| items));
        visit_mut::visit_item_mod_mut(self, module);
    }

    fn visit_item_struct_mut(&mut self, item: &mut syn::ItemStruct) {
        let fields = item.fields.iter().filter_map(|field| field.ident.as_ref()).map(ToString::to_string);
        self.unique(&format!("{}.", item.ident), fields);
        visit_mut::visit_item_struct_mut(self, item);
    }

    fn visit_item_enum_mut(&mut self, item: &mut syn::ItemEnum) {
        self.unique(&format!("{}::", item.ident), item.variants.iter().map(|variant| variant.ident.to_string()));
        visit_mut::visit_item_enum_mut(self, item);
    }

    fn visit_item_impl_mut(&mut self, item: &mut syn::ItemImpl) {
        let functions = item.items.iter().filter_map(|item| match item {
            syn::ImplItem::Fn(item) => Some(item.sig.ident.to_string()),
            _ => None,
        });
        self.unique("", functions);
        visit_mut::visit_item_impl_mut(self, item);
    }

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

fn headed(name: &str, code: &str) -> String {
    format!("// Written by build.rs from {name}. Don't edit: change the spec and run `cargo regenerate`.\n\n{code}")
}
