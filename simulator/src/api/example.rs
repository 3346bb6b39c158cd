//! What a correct request looks like: a command for curl. What is right of the request that came stays; the rest is made
//! from the spec's examples.

use std::collections::HashMap;

use axum::http::{HeaderMap, Method, header};
use canva_connect::operations::BASE_URL;
use serde_json::Value;

use super::routes;
use super::spec::{self, OperationSpec};
use crate::headers::has_media_type;
use crate::log::ReceivedRequest;
use crate::mask;
use crate::oauth::{Endpoint, OAuth};

const BEARER: &str = r#"-H "Authorization: Bearer $CANVA_ACCESS_TOKEN""#;

/// A command for a POSIX shell that sends the request again, if it was answered. Of a refused one, path, query and
/// headers stay where they are right. `None` if it is unknown which operation was meant.
///
/// Tokens, secrets and files are for its reader to set: `$CANVA_ACCESS_TOKEN`, `$CANVA_CLIENT_ID`,
/// `$CANVA_CLIENT_SECRET`, `photo.png`, `deck.pdf`, and a secret field of a form by its name, such as `$CODE_VERIFIER`.
pub fn curl(oauth: &OAuth, request: &ReceivedRequest, origin: &str) -> Option<String> {
    let operation = request.operation.or_else(|| near(&request.method, &request.path))?;
    let endpoint = Endpoint::ALL.into_iter().find(|endpoint| endpoint.name() == operation);
    let of_operation = || spec::operations().ok()?.iter().find(|spec| spec.operation.id == operation);
    match endpoint {
        Some(endpoint) => Some(of_endpoint(oauth, endpoint, request, origin)),
        None => of_spec(of_operation()?, request, origin),
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

fn of_spec(spec: &OperationSpec, request: &ReceivedRequest, origin: &str) -> Option<String> {
    let mut url = format!("{origin}{}{}", routes::path_of(BASE_URL), path(spec, request)?);
    if !request.query.is_empty() && spec.check_query(&request.query).is_ok() {
        url = format!("{url}?{}", mask::fields(&request.query));
    }
    let mut words = vec!["curl".to_owned()];
    // To curl they are patterns.
    if url.contains(['[', ']', '{', '}']) {
        words.push("--globoff".to_owned());
    }
    if spec.operation.method != "GET" {
        words.push(format!("-X {}", spec.operation.method));
    }
    words.extend([quoted(&url), BEARER.to_owned()]);
    for parameter in &spec.headers {
        let own = given(&request.headers, &parameter.name).filter(|own| parameter.check(own).is_ok());
        match own {
            Some(own) => words.push(header(&parameter.name, own)),
            None if parameter.required => words.push(header(&parameter.name, &text(parameter.example.as_ref()?))),
            None => {}
        }
    }
    let own = Some(&request.body).filter(|_| is_answered(request));
    if let Some(body) = spec.body.as_ref().filter(|body| body.required || own.is_none_or(|own| !own.is_empty())) {
        let media_type = given(&request.headers, header::CONTENT_TYPE.as_str());
        let media_type = media_type.filter(|_| has_media_type(&request.headers, &body.media_type));
        words.push(header("Content-Type", media_type.unwrap_or(&body.media_type)));
        words.push(match &body.example {
            Some(example) => format!("-d {}", quoted(&own.and_then(|own| json(own)).unwrap_or_else(|| text(example)))),
            // Imports take documents.
            None if spec.operation.path.contains("import") => "--data-binary @deck.pdf".to_owned(),
            None => "--data-binary @photo.png".to_owned(),
        });
    }
    Some(words.join(" "))
}

/// The request's own path below the base URL, or one with the spec's examples where nothing can be there.
fn path(spec: &OperationSpec, request: &ReceivedRequest) -> Option<String> {
    let is_unknown = request.operation.is_some() && request.status == Some(404);
    let own = routes::meant(&request.path).filter(|_| !is_unknown);
    let own = own.as_deref().and_then(|path| path.strip_prefix(routes::path_of(BASE_URL)));
    if let Some(own) = own {
        let parts = spec.operation.path.split('/').zip(own.split('/'));
        let values = parts.filter_map(|(part, value)| {
            Some((part.strip_prefix('{')?.strip_suffix('}')?.to_owned(), value.to_owned()))
        });
        if spec.check_path(values.collect::<HashMap<_, _>>()).is_ok() {
            return Some(own.to_owned());
        }
    }
    let mut path = spec.operation.path.to_owned();
    for parameter in &spec.path {
        path = path.replace(&format!("{{{}}}", parameter.name), &text(parameter.example.as_ref()?));
    }
    Some(path)
}

fn of_endpoint(oauth: &OAuth, endpoint: Endpoint, request: &ReceivedRequest, origin: &str) -> String {
    let [path, _] = routes::endpoint_paths(endpoint);
    let is_own = routes::endpoint_at(&request.path) == Some(endpoint);
    let url = format!("{origin}{}", if is_own { &request.path } else { &path });
    let own: Vec<(String, String)> = form_urlencoded::parse(&request.body).into_owned().collect();
    let field = |name: &str| own.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone());
    let fields = match (endpoint, field("grant_type").as_deref()) {
        _ if is_answered(request) => own.clone(),
        (Endpoint::Token, Some("refresh_token")) => {
            vec![("grant_type".into(), "refresh_token".into()), ("refresh_token".into(), String::new())]
        }
        (Endpoint::Token, _) => {
            // The one of the consent, if the code is known.
            let code = field("code").and_then(|code| oauth.redirect_uri(&code));
            let redirect_uri = code.or_else(|| field("redirect_uri")).map(|uri| ("redirect_uri".to_owned(), uri));
            let grant = [("grant_type", "authorization_code"), ("code", ""), ("code_verifier", "")];
            grant.map(|(name, value)| (name.into(), value.into())).into_iter().chain(redirect_uri).collect()
        }
        // Whoever tries this out doesn't lose the token that all else is tried out with.
        (Endpoint::Revoke | Endpoint::Introspect, _) => vec![("token".into(), String::new())],
    };
    let mut words = vec!["curl".to_owned(), quoted(&url)];
    if !fields.iter().any(|(name, _)| name == "client_secret") {
        words.push(r#"-u "$CANVA_CLIENT_ID:$CANVA_CLIENT_SECRET""#.to_owned());
    }
    words.extend(fields.iter().map(|(name, value)| match name.as_str() {
        "client_secret" => r#"--data-urlencode "client_secret=$CANVA_CLIENT_SECRET""#.to_owned(),
        name if mask::is_secret(name) => format!(r#"--data-urlencode "{name}=${}""#, name.to_uppercase()),
        name => format!("--data-urlencode {}", quoted(&format!("{name}={value}"))),
    }));
    words.join(" ")
}

fn is_answered(request: &ReceivedRequest) -> bool {
    request.status.is_some_and(|status| status < 400)
}

fn given<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    std::str::from_utf8(headers.get(name)?.as_bytes()).ok()
}

/// JSON without secrets.
fn json(body: &[u8]) -> Option<String> {
    let mut value: Value = serde_json::from_slice(body).ok()?;
    mask::json_fields(&mut value);
    Some(value.to_string())
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

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    fn code(simulator: &Simulator, redirect_uri: &str) -> String {
        simulator.authorize(&URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER)), ["asset:read"], redirect_uri)
    }

    /// The status that a shell's curl gets for the command, or `None` where there is no curl.
    fn run(simulator: &Simulator, command: &str, code: &str) -> Option<String> {
        Command::new("curl").arg("--version").output().ok()?;
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures");
        let ran = Command::new("sh")
            .args(["-c", &format!("{command} -s -o /dev/null --noproxy '*' -w '%{{http_code}}'")])
            .current_dir(fixtures)
            .env("CANVA_ACCESS_TOKEN", simulator.token())
            .env("CANVA_CLIENT_ID", simulator.client_id())
            .env("CANVA_CLIENT_SECRET", simulator.client_secret())
            .env("CODE", code)
            .env("CODE_VERIFIER", VERIFIER)
            .env("TOKEN", simulator.authorize_as("anna"))
            .output();
        let ran = ran.unwrap_or_else(|e| panic!("{command}: {e}"));
        Some(format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr)))
    }

    fn client() -> reqwest::Client {
        reqwest::Client::builder().no_proxy().build().unwrap()
    }

    /// What is shown of the last request.
    async fn last(simulator: &Simulator) -> Value {
        let number = simulator.requests().last().unwrap().number;
        let url = format!("{}/requests/{number}", simulator.control_url());
        client().get(url).send().await.unwrap().json().await.unwrap()
    }

    async fn command(simulator: &Simulator) -> String {
        last(simulator).await.get("correct").unwrap().as_str().unwrap().to_owned()
    }

    fn form(url: &str, fields: &[(&str, &str)]) -> reqwest::RequestBuilder {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        client().post(url).header("content-type", "application/x-www-form-urlencoded").body(body)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn each_command_is_a_correct_request_and_that_of_an_answered_request_is_the_same_one() {
        let simulator = Simulator::start().await.unwrap();
        let paths = ALL.iter().map(|operation| {
            let path = operation.path.replace("{folderId}", "root").replace(['{', '}'], "");
            (operation.id, operation.method, format!("{}{path}", simulator.base_url()))
        });
        let endpoints = Endpoint::ALL.map(Endpoint::name);
        let endpoints =
            endpoints.map(|name| (name, "POST", simulator.token_url().replace("/token", &format!("/{name}"))));
        for (id, method, url) in paths.chain(endpoints) {
            let refused = client().request(method.parse().unwrap(), url).send().await.unwrap();
            assert!(refused.status().is_client_error(), "{id}");
            let correct = command(&simulator).await;
            let names_something = correct.contains("/v1/assets/")
                || correct.contains("/v1/designs/")
                || correct.contains("uploads/")
                || correct.contains("imports/")
                || id == "moveFolderItem";
            let expected = if names_something { "404" } else { "200" };
            let Some(status) = run(&simulator, &correct, &code(&simulator, "")) else {
                eprintln!("skipped: there is no curl");
                return;
            };
            assert_eq!(status, expected, "{correct}");
            if names_something {
                continue;
            }
            let first = last(&simulator).await;
            run(&simulator, &command(&simulator).await, &code(&simulator, ""));
            let second = last(&simulator).await;
            let of = |request: &Value| {
                let named = |header: &&Value| {
                    let name = header.get("name").and_then(Value::as_str).unwrap_or_default();
                    name == "content-type" || name.ends_with("-metadata")
                };
                let headers = request.get("headers").and_then(Value::as_array).unwrap();
                let headers: Vec<Value> = headers.iter().filter(named).cloned().collect();
                let [method, path, query] = ["method", "path", "query"].map(|name| request.get(name).cloned());
                // Each code and token is another one.
                let body = request.get("body").filter(|_| ALL.iter().any(|known| known.id == id)).cloned();
                (method, path, query, headers, body)
            };
            assert_eq!(of(&second), of(&first), "{id}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_right_of_a_refused_request_stays() {
        let simulator = Simulator::start().await.unwrap();
        let photo = include_bytes!("../../../tests/fixtures/photo.png").as_slice();
        let asset = simulator.add("Photo", photo, None).await.unwrap();
        let at = |path: &str| format!("{}{path}", simulator.base_url());
        let right = async |code: &str| {
            let command = command(&simulator).await;
            assert_eq!(run(&simulator, &command, code).unwrap_or_else(|| "200".into()), "200", "{command}");
            command
        };
        let update = client().patch(at(&format!("/v1/assets/{asset}"))).bearer_auth(simulator.token());
        update.header("content-type", "application/json").body(r#"{"tags":"a"}"#).send().await.unwrap();
        assert!(right("").await.contains(&asset));

        client().get(at("/v1/designs?query=abc&sort_by=title_ascending")).send().await.unwrap();
        assert!(right("").await.contains("?query=abc&sort_by=title_ascending"));
        let wrong = client().get(at("/v1/designs?sort_by=nonsense")).bearer_auth(simulator.token());
        assert_eq!(wrong.send().await.unwrap().status(), 400);
        assert!(!right("").await.contains("nonsense"));

        let upload =
            client().post(at("/v1/asset-uploads")).header("asset-upload-metadata", r#"{"name_base64":"TWU="}"#);
        upload.send().await.unwrap();
        assert!(right("").await.contains("TWU="));

        let (id, secret) = (simulator.client_id(), simulator.client_secret());
        let code = code(&simulator, "http://127.0.0.1:3001/a");
        let grant = [("grant_type", "authorization_code"), ("code", &code), ("code_verifier", VERIFIER)];
        let grant = [&grant[..], &[("redirect_uri", "http://127.0.0.1:3001/b")]].concat();
        let exchange = form(simulator.token_url(), &grant).basic_auth(id, Some(secret));
        assert_eq!(exchange.send().await.unwrap().status(), 400);
        let said = right(&code).await;
        assert!(said.contains("http://127.0.0.1:3001/a") && !said.contains(&code), "{said}");

        let refresh =
            [("grant_type", "refresh_token"), ("refresh_token", "none"), ("client_id", id), ("client_secret", secret)];
        assert_eq!(form(simulator.token_url(), &refresh).send().await.unwrap().status(), 400);
        assert!(
            command(&simulator)
                .await
                .ends_with(r#"'grant_type=refresh_token' --data-urlencode "refresh_token=$REFRESH_TOKEN""#)
        );

        let revoke = form(
            &simulator.token_url().replace("/token", "/revoke"),
            &[("token", "none"), ("client_id", id), ("client_secret", secret)],
        );
        revoke.send().await.unwrap();
        let said = command(&simulator).await;
        assert!(
            said.contains("\"token=$TOKEN\"") && !said.contains(secret) && !said.contains("CANVA_ACCESS_TOKEN"),
            "{said}"
        );
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
