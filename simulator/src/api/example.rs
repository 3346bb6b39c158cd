//! What a correct request looks like: a command for curl, made from the spec's examples.

use axum::http::Method;
use canva_connect::operations::BASE_URL;
use serde_json::Value;

use super::routes;
use super::spec::{self, OperationSpec};
use crate::oauth::Endpoint;

const BEARER: &str = r#"-H "Authorization: Bearer $CANVA_ACCESS_TOKEN""#;

/// A command for a POSIX shell that sends a request to this operation, or to an endpoint of OAuth by its name. Ids in
/// it are the spec's examples. Tokens, secrets and files are for its reader to set: `$CANVA_ACCESS_TOKEN`,
/// `$CANVA_CLIENT_ID`, `$CANVA_CLIENT_SECRET`, `$CODE`, `$CODE_VERIFIER`, `photo.png` and `deck.pdf`. `None` for an
/// unknown operation.
pub fn curl(operation_id: &str, base_url: &str) -> Option<String> {
    let endpoint = Endpoint::ALL.into_iter().find(|endpoint| endpoint.name() == operation_id);
    let of_operation = || spec::operations().ok()?.iter().find(|spec| spec.operation.id == operation_id);
    match endpoint {
        Some(endpoint) => Some(of_endpoint(endpoint, base_url)),
        None => of_spec(of_operation()?, base_url),
    }
}

/// The id of the operation that a request with this method and path may have been meant for, although nothing there
/// takes it.
pub fn near(method: &Method, path: &str) -> Option<&'static str> {
    let path = routes::meant(path)?;
    if let Some(endpoint) = routes::endpoint_at(&path) {
        return Some(endpoint.name());
    }
    let mut there: Vec<&OperationSpec> = routes::operations_at(&path).collect();
    // PUT, POST and PATCH are taken for each other.
    let writes = |method: &str| matches!(method, "POST" | "PUT" | "PATCH");
    there.sort_by_key(|spec| {
        let given = method.as_str();
        (spec.operation.method != given, writes(spec.operation.method) != writes(given))
    });
    there.first().map(|spec| spec.operation.id)
}

fn of_spec(spec: &OperationSpec, base_url: &str) -> Option<String> {
    let mut url = format!("{base_url}{}", spec.operation.path);
    for parameter in &spec.path {
        url = url.replace(&format!("{{{}}}", parameter.name), &text(parameter.example.as_ref()?));
    }
    let mut words = vec!["curl".to_owned()];
    if spec.operation.method != "GET" {
        words.push(format!("-X {}", spec.operation.method));
    }
    words.extend([quoted(&url), BEARER.to_owned()]);
    for parameter in spec.headers.iter().filter(|parameter| parameter.required) {
        words.push(header(&parameter.name, &text(parameter.example.as_ref()?)));
    }
    if let Some(body) = &spec.body {
        words.push(header("Content-Type", &body.media_type));
        words.push(match &body.example {
            Some(example) => format!("-d {}", quoted(&text(example))),
            // Imports take documents.
            None if spec.operation.path.contains("import") => "--data-binary @deck.pdf".to_owned(),
            None => "--data-binary @photo.png".to_owned(),
        });
    }
    Some(words.join(" "))
}

fn of_endpoint(endpoint: Endpoint, base_url: &str) -> String {
    let origin = base_url.strip_suffix(routes::path_of(BASE_URL)).unwrap_or(base_url);
    let [path, _] = routes::endpoint_paths(endpoint);
    let url = format!("{origin}{path}");
    let fields = match endpoint {
        Endpoint::Token => {
            r#"-d grant_type=authorization_code --data-urlencode "code=$CODE" --data-urlencode "code_verifier=$CODE_VERIFIER""#
        }
        Endpoint::Revoke | Endpoint::Introspect => r#"--data-urlencode "token=$CANVA_ACCESS_TOKEN""#,
    };
    format!(r#"curl {} -u "$CANVA_CLIENT_ID:$CANVA_CLIENT_SECRET" {fields}"#, quoted(&url))
}

fn header(name: &str, value: &str) -> String {
    format!("-H {}", quoted(&format!("{name}: {value}")))
}

/// As it is written where it isn't JSON.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// As one word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
