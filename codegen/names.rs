//! Names of the spec -> names that Rust can have, each only once.

use std::collections::BTreeSet;

use heck::{ToPascalCase, ToShoutySnakeCase, ToSnakeCase};
use proc_macro2::Ident;

/// Names that are taken, in one scope.
#[derive(Default)]
pub struct Names(BTreeSet<String>);

impl Names {
    /// These are taken.
    pub fn of<'a>(taken: impl IntoIterator<Item = &'a str>) -> Self {
        Self(taken.into_iter().map(str::to_owned).collect())
    }

    /// Takes this name, or else the first free one of `Name2`, `Name3`, and so on.
    pub fn take(&mut self, name: &str) -> String {
        let numbered = (2_u32..).map(|number| format!("{name}{number}"));
        let free = std::iter::once(name.to_owned()).chain(numbered).find(|name| !self.0.contains(name));
        let free = free.unwrap_or_default();
        self.0.insert(free.clone());
        free
    }

    /// Takes this name and no other.
    pub fn claim(&mut self, name: &str) -> Result<(), String> {
        match self.0.insert(name.to_owned()) {
            true => Ok(()),
            false => Err(format!("its name in Rust, `{name}`, is taken: give it another one")),
        }
    }
}

/// The name of a type or variant: `asset-name` -> `AssetName`.
pub fn pascal(name: &str) -> Result<String, String> {
    // Twice, because progenitor does so too: `ABTest`, of `a_b_test`, would be `AbTest` to it.
    identifier(name, words(name).to_pascal_case().to_pascal_case(), "X")
}

/// The same of a value, which may be any text: what has no letters is named by its characters, `*` as `U2a`.
pub fn variant(value: &str) -> Result<String, String> {
    if value.is_empty() {
        return Ok("Empty".to_owned());
    }
    let by_characters = || value.chars().map(|c| format!("U{:x}", u32::from(c))).collect();
    Ok(pascal(value).unwrap_or_else(|_| by_characters()))
}

/// The name of a field, argument or function: `Asset-Upload-Metadata` -> `asset_upload_metadata`, `type` -> `type_`.
pub fn snake(name: &str) -> Result<String, String> {
    identifier(name, words(name).to_snake_case(), "x")
}

/// The name of a constant: `createAssetUploadJob` -> `CREATE_ASSET_UPLOAD_JOB`.
pub fn constant(name: &str) -> Result<String, String> {
    identifier(name, words(name).to_shouty_snake_case(), "X")
}

pub fn ident(name: &str) -> Ident {
    Ident::new(name, proc_macro2::Span::call_site())
}

/// What isn't a letter or digit separates words, and a sign is one: `+1` and `-1` are two values.
fn words(name: &str) -> String {
    let unsigned = |sign, word| name.strip_prefix(sign).map(|rest| format!("{word} {rest}"));
    let name = unsigned('+', "plus").or_else(|| unsigned('-', "minus")).unwrap_or_else(|| name.to_owned());
    name.replace('\'', "").replace(|c: char| !c.is_alphanumeric(), " ")
}

/// A name that begins with a digit gets a letter, and a word of the language an underscore.
fn identifier(of: &str, name: String, letter: &str) -> Result<String, String> {
    let name = if name.starts_with(|c: char| c.is_numeric()) { format!("{letter}{name}") } else { name };
    let candidates = [name.clone(), format!("{name}_")];
    // `gen` is a word of edition 2024.
    let is_name = |name: &String| name != "_" && name != "gen" && syn::parse_str::<Ident>(name).is_ok();
    let found = candidates.into_iter().find(is_name);
    found.ok_or_else(|| format!("`{of}` gives no name that Rust can have: rename it"))
}
