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

#[cfg(test)]
#[allow(clippy::panic, clippy::unwrap_used)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use canva_connect::operations::ALL;
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::Simulator;

    /// The status that a shell's curl gets for the command.
    fn run(simulator: &Simulator, command: &str, code: &str) -> String {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures");
        let ran = Command::new("sh")
            .args(["-c", &format!("{command} -s -o /dev/null --noproxy '*' -w '%{{http_code}}'")])
            .current_dir(fixtures)
            .env("CANVA_ACCESS_TOKEN", simulator.token())
            .env("CANVA_CLIENT_ID", simulator.client_id())
            .env("CANVA_CLIENT_SECRET", simulator.client_secret())
            .env("CODE", code)
            .env("CODE_VERIFIER", VERIFIER)
            .output();
        let ran = ran.unwrap_or_else(|e| panic!("{command}: {e}"));
        format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr))
    }

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    #[tokio::test(flavor = "multi_thread")]
    async fn each_command_is_a_correct_request() {
        if Command::new("curl").arg("--version").output().is_err() {
            eprintln!("skipped: there is no curl");
            return;
        }
        let simulator = Simulator::start().await.unwrap();
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        let code = simulator.authorize(&challenge, ["asset:read"], "");
        // Revoking comes last: it ends the token that the others need.
        let endpoints = [Endpoint::Token, Endpoint::Introspect, Endpoint::Revoke].map(Endpoint::name);
        for id in ALL.iter().map(|operation| operation.id).chain(endpoints) {
            let command = curl(id, simulator.base_url()).unwrap_or_else(|| panic!("{id} has no example"));
            let names_something = command.contains("/v1/assets/")
                || command.contains("/v1/designs/")
                || command.contains("uploads/")
                || command.contains("imports/")
                || id == "moveFolderItem";
            let expected = if names_something { "404" } else { "200" };
            assert_eq!(run(&simulator, &command, &code), expected, "{command}");
        }
        assert_eq!(simulator.requests().len(), ALL.len() + endpoints.len());
    }

    #[test]
    fn what_was_meant_is_found_by_method_and_path() {
        let cases = [
            (Method::POST, "/v1/asset-uploads", Some("createAssetUploadJob")),
            (Method::GET, "/rest/v1/assets/", Some("getAsset")),
            (Method::GET, "/rest/assets/a", Some("getAsset")),
            (Method::PUT, "/rest/v1/assets/a", Some("updateAsset")),
            (Method::POST, "/rest/v1/assets/a", Some("updateAsset")),
            (Method::GET, "/rest/v1/asset-uploads", Some("createAssetUploadJob")),
            (Method::GET, "/auth/v1/oauth/token", Some("token")),
            (Method::POST, "/oauth/token", Some("token")),
            (Method::GET, "/rest/v1/exports", None),
        ];
        for (method, path, id) in cases {
            assert_eq!(near(&method, path), id, "{method} {path}");
        }
    }

    #[test]
    fn a_word_is_one_to_a_shell_whatever_is_in_it() {
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
    }
}
