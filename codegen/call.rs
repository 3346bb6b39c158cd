//! Progenitor's method, which sends a request -> ours, which gives it as data. A method is kept up to the built request; what
//! follows there (hooks, sending, matching the status, decoding) is the same for every operation and stands in `src/`.

use quote::{ToTokens, format_ident};
use syn::punctuated::Punctuated;
use syn::visit_mut::{self, VisitMut};
use syn::{
    Expr, FnArg, GenericArgument, GenericParam, ImplItemFn, Local, Pat, PathArguments, ReturnType, Stmt, Token, Type,
    parse_quote,
};

use super::SpecOperation;
use super::tables::constant;

/// `async fn f(..) -> Result<ResponseValue<T>, _>` -> `fn f(..) -> Result<Call<T>, Error>`.
pub fn call(mut method: ImplItemFn, operations: &[SpecOperation<'_>]) -> Result<ImplItemFn, String> {
    let name = method.sig.ident.to_string();
    // Progenitor names the method after the operation, in snake case.
    let letters = |name: &str| name.replace(['_', '-', '.'], "").to_lowercase();
    let operation = operations.iter().find(|operation| letters(operation.id) == letters(&name));
    let id = operation.ok_or_else(|| format!("progenitor's method `{name}` belongs to no operation"))?.id;
    let lacks = |what: &str| format!("{id}: progenitor's method has no {what}, which codegen/call.rs needs");

    let response = response(&method.sig.output)
        .ok_or_else(|| lacks("response that is nothing, or JSON of a schema with a name"))?;
    let mut statements = std::mem::take(&mut method.block.stmts);
    let built = |statement: &Stmt| unbuilt(statement).is_some();
    let place = statements.iter().position(built).ok_or_else(|| lacks("statement that ends in `.build()?`"))?;
    statements.truncate(place + 1);
    let mut request = statements.pop().as_ref().and_then(unbuilt).ok_or_else(|| lacks("request"))?;
    drop_api_version(&mut statements, &mut request);
    if request.to_token_stream().to_string().contains("QueryParam") {
        return Err(format!("{id}: it has a query parameter, which codegen/call.rs can't carry yet"));
    }
    let call = format_ident!("{}", if drop_content(&mut method, &mut request) { "UploadCall" } else { "Call" });

    let operation = format_ident!("{}", constant(id));
    let (attrs, ident, inputs) = (&method.attrs, &method.sig.ident, &method.sig.inputs);
    let mut made: ImplItemFn = parse_quote! {
        #(#attrs)*
        pub fn #ident(#inputs) -> Result<#call<#response>, Error> {
            let Inner { base_url, http, .. } = &*self.0.inner;
            #(#statements)*
            let request = #request;
            #call::new(&self.0, &operations::#operation, request)
        }
    };
    let mut ours = Ours::default();
    ours.visit_impl_item_fn_mut(&mut made);
    // After the statement that names the base URL and the HTTP client.
    made.block.stmts.splice(1..1, ours.segments);
    Ok(made)
}

/// `T` of `Result<ResponseValue<T>, _>`, where it is `()` or one of the generated types.
fn response(output: &ReturnType) -> Option<Type> {
    let ReturnType::Type(_, output) = output else { return None };
    let value = argument(output, "Result")?;
    let response = argument(value, "ResponseValue")?;
    let known = match response {
        Type::Tuple(tuple) => tuple.elems.is_empty(),
        Type::Path(path) => path.path.segments.first().is_some_and(|segment| segment.ident == "types"),
        _ => false,
    };
    known.then(|| response.clone())
}

/// `T` of `name<T, ..>`.
fn argument<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    let Type::Path(path) = ty else { return None };
    let segment = path.path.segments.last().filter(|segment| segment.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// The request of `let mut request = <request>.build()?;`, before it is built.
fn unbuilt(statement: &Stmt) -> Option<Expr> {
    let Stmt::Local(Local { init: Some(init), .. }) = statement else { return None };
    let Expr::Try(attempt) = &*init.expr else { return None };
    match &*attempt.expr {
        Expr::MethodCall(call) if call.method == "build" => Some((*call.receiver).clone()),
        _ => None,
    }
}

/// Progenitor adds an `api-version` header, which this API doesn't ask for, to every request; where it was the only one,
/// the header map goes with it.
fn drop_api_version(statements: &mut Vec<Stmt>, request: &mut Expr) {
    let uses_map = |statement: &Stmt| statement.to_token_stream().to_string().contains("header_map");
    statements.retain(|statement| !statement.to_token_stream().to_string().contains("\"api-version\""));
    if statements.iter().filter(|statement| uses_map(statement)).all(|statement| binds(statement, "header_map")) {
        statements.retain(|statement| !uses_map(statement));
        Without("headers").visit_expr_mut(request);
    }
}

fn binds(statement: &Stmt, name: &str) -> bool {
    matches!(statement, Stmt::Local(Local { pat: Pat::Ident(bound), .. }) if bound.ident == name)
}

/// Takes the content of an upload out of the method, where it has one: it is opened for each attempt, long after the
/// request is made.
fn drop_content(method: &mut ImplItemFn, request: &mut Expr) -> bool {
    // The one generic type of such a method: anything that makes a body.
    let content = method.sig.generics.params.iter().find_map(|parameter| match parameter {
        GenericParam::Type(ty) => Some(ty.ident.clone()),
        _ => None,
    });
    let Some(content) = content else { return false };
    let mut name = None;
    method.sig.inputs = std::mem::take(&mut method.sig.inputs)
        .into_iter()
        .filter(|input| {
            let FnArg::Typed(input) = input else { return true };
            let is_content = matches!(&*input.ty, Type::Path(ty) if ty.path.is_ident(&content));
            if let (true, Pat::Ident(pattern)) = (is_content, &*input.pat) {
                name = Some(pattern.ident.to_string());
            }
            !is_content
        })
        .collect();
    Without("body").visit_expr_mut(request);
    // Nor is it among the documented arguments.
    let Some(argument) = name.map(|name| format!("- `{name}`")) else { return true };
    for attribute in &mut method.attrs {
        if let syn::Meta::NameValue(meta) = &mut attribute.meta
            && let Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &mut meta.value
        {
            let value = text.value();
            let kept: Vec<&str> = value.lines().filter(|line| !line.trim_start().starts_with(&argument)).collect();
            let value = kept.join("\n");
            *text = syn::LitStr::new(&value, text.span());
        }
    }
    true
}

/// Takes a call out of a chain of calls.
struct Without(&'static str);

impl VisitMut for Without {
    fn visit_expr_mut(&mut self, expression: &mut Expr) {
        visit_mut::visit_expr_mut(self, expression);
        if let Expr::MethodCall(call) = expression
            && call.method == self.0
        {
            *expression = (*call.receiver).clone();
        }
    }
}

/// What progenitor takes from its own client and helpers, taken from ours.
#[derive(Default)]
struct Ours {
    /// `let job_id = encode_path("job_id", job_id)?;`: it can fail, so it comes before the `format!` that uses it.
    segments: Vec<Stmt>,
}

impl VisitMut for Ours {
    fn visit_expr_mut(&mut self, expression: &mut Expr) {
        visit_mut::visit_expr_mut(self, expression);
        let ours: Option<Expr> = match &*expression {
            Expr::Field(field) => match &field.member {
                syn::Member::Named(name) if name == "baseurl" => Some(parse_quote!(base_url)),
                syn::Member::Named(name) if name == "client" => Some(parse_quote!(http)),
                _ => None,
            },
            // Not everything can stand in a header.
            Expr::Try(attempt) => {
                let attempt = &attempt.expr;
                Some(parse_quote!(#attempt.map_err(Error::unsendable)?))
            }
            Expr::Call(call) if matches!(&*call.func, Expr::Path(path) if path.path.is_ident("encode_path")) => {
                call.args.first().and_then(parameter).map(|name| {
                    let text = name.to_string();
                    self.segments.push(parse_quote!(let #name = encode_path(#text, #name)?;));
                    parse_quote!(#name)
                })
            }
            _ => None,
        };
        if let Some(ours) = ours {
            *expression = ours;
        }
    }

    /// `format!`, whose arguments are tokens until somebody reads them.
    fn visit_macro_mut(&mut self, makro: &mut syn::Macro) {
        let arguments = makro.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated);
        if let Ok(mut arguments) = arguments {
            arguments.iter_mut().for_each(|argument| self.visit_expr_mut(argument));
            arguments.pop_punct();
            makro.tokens = arguments.into_token_stream();
        }
    }

    /// The `async` that the lifetimes were for is gone.
    fn visit_type_reference_mut(&mut self, reference: &mut syn::TypeReference) {
        reference.lifetime = None;
        visit_mut::visit_type_reference_mut(self, reference);
    }

    fn visit_receiver_mut(&mut self, receiver: &mut syn::Receiver) {
        *receiver = parse_quote!(&self);
    }

    /// The names of `reqwest::header` are imported.
    fn visit_path_mut(&mut self, path: &mut syn::Path) {
        let prefix = path.segments.iter().take(2).map(|segment| segment.ident.to_string());
        if prefix.eq(["reqwest", "header"]) {
            path.leading_colon = None;
            path.segments = std::mem::take(&mut path.segments).into_iter().skip(2).collect();
        }
        visit_mut::visit_path_mut(self, path);
    }
}

/// `name` of `&name.to_string()`.
fn parameter(argument: &Expr) -> Option<syn::Ident> {
    let Expr::Reference(reference) = argument else { return None };
    let Expr::MethodCall(call) = &*reference.expr else { return None };
    let Expr::Path(path) = &*call.receiver else { return None };
    path.path.get_ident().cloned()
}
