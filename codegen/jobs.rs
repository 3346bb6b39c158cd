//! `x-job` -> the kinds of jobs: how each is read, what it ends in, and why it fails.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::quote;
use serde_json::Value;

use super::lower::Types;
use super::model::{Field, Struct, Type};
use super::names::{Names, ident, pascal, snake};
use super::spec::{Operation, text};
use super::tables::{Authentication, Facts};

/// What was seen of jobs, operation by operation.
#[derive(Default)]
pub struct Jobs<'a> {
    kinds: Vec<(&'a str, &'a Value)>,
    /// The response of each operation that reads what its only parameter, in its path, names.
    reads: BTreeMap<&'a str, Option<Type>>,
    responses: BTreeMap<&'a str, Option<Type>>,
}

/// What several kinds may share.
#[derive(Default)]
struct Shared {
    snapshots: BTreeMap<String, String>,
    results: BTreeMap<String, Type>,
    codes: BTreeMap<String, String>,
    items: Vec<TokenStream>,
}

impl<'a> Jobs<'a> {
    pub fn see(&mut self, operation: &Operation<'a>, facts: &Facts<'_>, response: Option<Type>) {
        if let Some(job) = operation.value.get("x-job") {
            self.kinds.push((operation.id, job));
        }
        let is_id = |only: &Value| {
            let schema = only.get("schema").unwrap_or(&Value::Null);
            text(only, "in") == "path" && text(schema, "type") == "string" && schema.get("enum").is_none()
        };
        let is_read = matches!(operation.parameters.as_slice(), [only] if is_id(only));
        let is_plain = operation.method == "get" && operation.value.get("requestBody").is_none();
        if is_read && is_plain && facts.authentication != Authentication::Basic {
            self.reads.insert(operation.id, response.clone());
        }
        self.responses.insert(operation.id, response);
    }

    /// The error codes, and the file; nothing where there are no jobs.
    pub fn tokens(&self, types: &Types<'_>) -> Result<(TokenStream, TokenStream), String> {
        if self.kinds.is_empty() {
            return Ok((TokenStream::new(), TokenStream::new()));
        }
        let (mut names, mut shared) = (Names::default(), Shared::default());
        let (mut variants, mut texts, mut reads, mut docs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (id, job) in &self.kinds {
            let about = |reason: String| format!("{id}: `x-job`: {reason}");
            let (kind, read) = (text(job, "kind"), text(job, "read"));
            if kind.is_empty() {
                return Err(about("`kind` is missing: give it a name, such as `asset-upload`".into()));
            }
            let variant = pascal(kind).and_then(|name| names.claim(&name).map(|()| name)).map_err(about)?;
            let response = self.reads.get(read).ok_or_else(|| {
                about(format!("`read: {read}` must be an operation whose only parameter is the job's id"))
            })?;
            for response in [self.responses.get(id).unwrap_or(&None), response] {
                shared.snapshot(types, response.as_ref(), job).map_err(about)?;
            }
            let (create, read) = (snake(id)?, snake(read)?);
            docs.push(format!("Made by [`Operations::{create}`], read by [`Operations::{read}`]."));
            variants.push(ident(&variant));
            reads.push(ident(&read));
            texts.push(kind);
        }
        let (results, codes) = (shared.results(), shared.codes());
        let example = variants.first().zip(texts.first()).map(|(variant, text)| {
            format!(
                "let kind: JobKind = {text:?}.parse()?;\n\
                 assert_eq!((kind, kind.to_string().as_str()), (JobKind::{variant}, {text:?}));"
            )
        });
        let doc = format!(
            "What a job does. Its text is the name that the API's paths have for it, in the singular.\n\n\
             ```\nuse canva_connect::JobKind;\n\n{}\n# Ok::<(), canva_connect::Error>(())\n```",
            example.unwrap_or_default()
        );
        let snapshots = &shared.items;
        let file = quote! {
            use super::{Call, JobError, JobErrorCode, Operations, Snapshot, keep, types};
            use serde::{Deserialize, Serialize};

            #[doc = #doc]
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
            #[non_exhaustive]
            pub enum JobKind {
                #(#[doc = #docs] #[serde(rename = #texts)] #variants,)*
            }
            impl JobKind {
                /// Every kind.
                pub const ALL: &[Self] = &[#(Self::#variants),*];
                /// The kind as text.
                pub fn as_str(self) -> &'static str {
                    match self {
                        #(Self::#variants => #texts,)*
                    }
                }
                /// The request that reads a job of this kind.
                pub(crate) fn read(self, api: &Operations, job_id: &str) -> Call<Snapshot> {
                    match self {
                        #(Self::#variants => api.#reads(job_id).and_then(|response| Ok(Snapshot::from(response))),)*
                    }
                }
            }
            #results
            #(#snapshots)*
        };
        Ok((codes, file))
    }
}

impl Shared {
    /// The job as this response has it.
    fn snapshot(&mut self, types: &Types<'_>, response: Option<&Type>, job: &Value) -> Result<(), String> {
        let object = types.response(response).ok_or("the response must be an object")?;
        let (result, error) = (text(job, "result"), text(job, "error"));
        let (name, said) = (object.name.clone(), format!("{result} {error}"));
        if let Some(other) = self.snapshots.insert(name.clone(), said.clone()) {
            let differs = format!("`{name}` is the response of another kind, whose `result` and `error` differ");
            return if other == said { Ok(()) } else { Err(differs) };
        }
        let job = object.fields.get("job").filter(|job| !job.is_option()).and_then(|job| types.response(Some(&job.ty)));
        let job = job.ok_or("the response has no object `job`, or need not have it")?;
        let status =
            job.fields.get("status").filter(|status| !status.is_option()).and_then(|status| match &status.ty {
                Type::Named(name) => types.enums.get(name),
                _ => None,
            });
        let lists = |value: &str| status.is_some_and(|it| it.values.iter().any(|(listed, _)| listed == value));
        let has_id = job.fields.get("id").is_some_and(|id| !id.is_option() && id.ty == Type::Text);
        if !(has_id && lists("success") && lists("failed")) {
            return Err("the job must have an `id`, and a `status` that may be `success` or `failed`".to_owned());
        }
        let (response, error) = (ident(&name), self.error(types, job, error)?);
        let (result, what) = self.result(types, job, result)?;
        self.items.push(quote! {
            impl From<types::#response> for Snapshot {
                fn from(response: types::#response) -> Self {
                    let job = response.job;
                    let mut extra = job.extra;
                    let error = #error;
                    let result = #result;
                    Self::new(job.id, job.status.as_str(), result.map(JobResult::from).ok_or(#what), error, extra)
                }
            }
        });
        Ok(())
    }

    /// What the job made, and its name: from object to object, each of which keeps the fields that the spec doesn't know.
    fn result<'p>(
        &mut self,
        types: &Types<'_>,
        job: &Struct,
        pointer: &'p str,
    ) -> Result<(TokenStream, &'p str), String> {
        let mut segments = pointer.split('/').skip(1).peekable();
        let mut what = segments.next().ok_or("`result` must be a JSON pointer into the job, such as `/asset`")?;
        if ["id", "status", "error"].contains(&what) {
            return Err(format!("`result: {pointer}`: the job's `{what}` is no result"));
        }
        let missing = |segment: &str| format!("`result: {pointer}`: the job has no `{segment}` there");
        let mut end = job.fields.get(what).ok_or_else(|| missing(what))?;
        let mut value = option(end, &quote!(job));
        for segment in segments {
            let inside = types.response(Some(&end.ty)).ok_or_else(|| missing(segment))?;
            end = inside.fields.get(segment).ok_or_else(|| missing(segment))?;
            let next = option(end, &quote!(it));
            value = quote!(#value.and_then(|it| { keep(&mut extra, #what, it.extra); #next }));
            what = segment;
        }
        if matches!(&end.ty, Type::Named(name) if types.holds(name, &job.name)) {
            return Err(format!("`result: {pointer}`: it has the job inside"));
        }
        // Kinds whose results have the same type share what the first of them calls it.
        let is_new = self.results.values().all(|ty| *ty != end.ty);
        if is_new && self.results.insert(pascal(what)?, end.ty.clone()).is_some() {
            return Err(format!("`result: {pointer}`: another kind has a `{what}` of another type"));
        }
        // A list without anything in it is no result.
        let filter = matches!(end.ty, Type::List(_)).then(|| quote!(.filter(|list| !list.is_empty())));
        Ok((quote!(#value #filter), what))
    }

    /// Why the job failed.
    fn error(&mut self, types: &Types<'_>, job: &Struct, pointer: &str) -> Result<TokenStream, String> {
        let about = |reason: &str| format!("`error: {pointer}` {reason}");
        let property = pointer.strip_prefix('/').and_then(|name| job.fields.get(name));
        let property = property.ok_or_else(|| about("must be a JSON pointer to a field of the job"))?;
        let object = types.response(Some(&property.ty)).ok_or_else(|| about("must be an object"))?;
        let (code, message) = (object.fields.get("code"), object.fields.get("message"));
        let code = code.filter(|code| !code.is_option()).and_then(|code| match &code.ty {
            Type::Named(name) if types.enums.contains_key(name) => Some(name.clone()),
            _ => None,
        });
        let (Some(code), Some(message)) = (code, message.filter(|it| !it.is_option() && it.ty == Type::Text)) else {
            return Err(about("must have a `code`, which is an enum, and a `message`"));
        };
        let kind = code.strip_suffix("ErrorCode").filter(|kind| !kind.is_empty()).unwrap_or(&code).to_owned();
        let (kind_name, code_name, message) = (ident(&kind), ident(&code), ident(&message.name));
        if self.codes.insert(kind, code.clone()).is_some_and(|other| other != code) {
            return Err(about(&format!(
                "has a `{code}`, and other codes have its name but for `ErrorCode`: rename it"
            )));
        }
        let error = option(property, &quote!(job));
        Ok(quote! {
            match #error {
                Some(it) => JobError::of(&job.id, JobErrorCode::#kind_name(it.code), it.#message, it.extra),
                None => {
                    let code = types::#code_name::Unknown(String::new());
                    JobError::unsaid(&job.id, JobErrorCode::#kind_name(code))
                }
            }
        })
    }

    fn results(&self) -> TokenStream {
        let names: Vec<_> = self.results.keys().map(|name| ident(name)).collect();
        let bare: Vec<_> = self.results.values().map(Type::tokens).collect();
        // Objects are large, and lists aren't.
        let is_large = |ty: &&Type| matches!(ty, Type::Named(_));
        let held = self.results.values().map(|ty| {
            let tokens = ty.tokens();
            if is_large(&ty) { quote!(Box<#tokens>) } else { tokens }
        });
        let boxed =
            self.results.values().map(|ty| if is_large(&ty) { quote!(Box::new(result)) } else { quote!(result) });
        let unboxed = self.results.values().map(|ty| if is_large(&ty) { quote!(*result) } else { quote!(result) });
        let docs = self.results.keys().map(|name| format!("The `{}` of a job.", name.to_lowercase()));
        let others = (self.results.len() > 1).then(|| quote!(other => Err(other),));
        quote! {
            /// What a job ended in.
            #[derive(Clone, Debug, PartialEq, Serialize)]
            #[serde(rename_all = "snake_case")]
            #[non_exhaustive]
            pub enum JobResult {
                #(#[doc = #docs] #names(#held),)*
            }
            #(
                impl From<#bare> for JobResult {
                    fn from(result: #bare) -> Self {
                        Self::#names(#boxed)
                    }
                }
                /// Fails with what it is instead.
                impl TryFrom<JobResult> for #bare {
                    type Error = JobResult;

                    fn try_from(result: JobResult) -> Result<Self, JobResult> {
                        match result {
                            JobResult::#names(result) => Ok(#unboxed),
                            #others
                        }
                    }
                }
            )*
        }
    }

    fn codes(&self) -> TokenStream {
        let names: Vec<_> = self.codes.keys().map(|name| ident(name)).collect();
        let types = self.codes.values().map(|name| ident(name));
        let docs = self.codes.values().map(|name| format!("A [`{name}`](types::{name})."));
        quote! {
            /// Why a job failed.
            #[derive(Clone, Debug, PartialEq, Eq, Hash, ::serde::Serialize)]
            #[serde(untagged)]
            #[non_exhaustive]
            pub enum JobErrorCode {
                #(#[doc = #docs] #names(types::#types),)*
            }
            impl JobErrorCode {
                /// The code as the server sends it.
                pub fn as_str(&self) -> &str {
                    match self {
                        #(Self::#names(code) => code.as_str(),)*
                    }
                }
            }
        }
    }
}

/// The field of this value, as an `Option`.
fn option(field: &Field, of: &TokenStream) -> TokenStream {
    let name = ident(&field.name);
    match field.is_option() {
        true => quote!(#of.#name),
        false => quote!(Some(#of.#name)),
    }
}
