//! The token endpoint: codes with PKCE, refresh tokens that work once, and access tokens that the API then knows.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use canva_simulator::Simulator;
use reqwest::{RequestBuilder, StatusCode, Url};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::common::{client, refused};

const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters-as-the-standard-asks";
const REDIRECT: &str = "http://127.0.0.1:7777/back";

fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))
}

fn post(simulator: &Simulator, form: &[(&str, &str)]) -> RequestBuilder {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    client()
        .post(format!("{}/v1/oauth/token", simulator.base_url()))
        .basic_auth(simulator.client_id(), Some(simulator.client_secret()))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body)
}

fn exchange(simulator: &Simulator, code: &str) -> RequestBuilder {
    let form = [("grant_type", "authorization_code"), ("code", code), ("code_verifier", VERIFIER)];
    post(simulator, &[form.as_slice(), &[("redirect_uri", REDIRECT)]].concat())
}

fn refresh(simulator: &Simulator, token: &Value) -> RequestBuilder {
    post(simulator, &[("grant_type", "refresh_token"), ("refresh_token", token.as_str().unwrap())])
}

async fn tokens(request: RequestBuilder) -> Value {
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["cache-control"], "no-store");
    response.json().await.unwrap()
}

async fn error(request: RequestBuilder) -> (u16, String) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    assert!(body["error_description"].is_string());
    (status, body["error"].as_str().unwrap().to_owned())
}

/// What the API says to a token on a path that needs `asset:read`.
async fn read(simulator: &Simulator, tokens: &Value) -> StatusCode {
    let url = format!("{}/v1/asset-uploads/none", simulator.base_url());
    client().get(url).bearer_auth(tokens["access_token"].as_str().unwrap()).send().await.unwrap().status()
}

#[tokio::test]
async fn a_code_becomes_tokens_once_and_its_reuse_revokes_them() {
    let simulator = Simulator::start().await.unwrap();
    let code = simulator.authorize(&challenge(), ["asset:read", "asset:write"], REDIRECT);
    let first = tokens(exchange(&simulator, &code)).await;
    assert_eq!(first["token_type"], "Bearer");
    assert_eq!(first["expires_in"], 4 * 60 * 60);
    assert_eq!(first["scope"], "asset:read asset:write");
    assert_eq!(read(&simulator, &first).await, 404);

    assert_eq!(error(exchange(&simulator, &code)).await, (400, "invalid_grant".into()));
    assert_eq!(read(&simulator, &first).await, 401);
    assert_eq!(error(refresh(&simulator, &first["refresh_token"])).await, (400, "invalid_grant".into()));
}

#[tokio::test]
async fn a_token_has_the_scopes_of_the_consent_and_no_others() {
    let simulator = Simulator::start().await.unwrap();
    let code = simulator.authorize(&challenge(), ["asset:write"], REDIRECT);
    let writer = tokens(exchange(&simulator, &code)).await;
    assert_eq!(read(&simulator, &writer).await, 403);
    let writer = tokens(refresh(&simulator, &writer["refresh_token"])).await;
    assert_eq!(read(&simulator, &writer).await, 403);
}

#[tokio::test]
async fn a_refresh_token_works_once_and_its_reuse_revokes_the_whole_family() {
    let simulator = Simulator::start().await.unwrap();
    let first = tokens(exchange(&simulator, &simulator.authorize(&challenge(), ["asset:read"], REDIRECT))).await;
    let other = tokens(exchange(&simulator, &simulator.authorize(&challenge(), ["asset:read"], REDIRECT))).await;
    let second = tokens(refresh(&simulator, &first["refresh_token"])).await;
    let third = tokens(refresh(&simulator, &second["refresh_token"])).await;
    assert_ne!(second["refresh_token"], third["refresh_token"]);
    assert_ne!(second["access_token"], third["access_token"]);
    assert_eq!(read(&simulator, &third).await, 404);

    assert_eq!(error(refresh(&simulator, &first["refresh_token"])).await, (400, "invalid_grant".into()));
    assert_eq!(error(refresh(&simulator, &third["refresh_token"])).await, (400, "invalid_grant".into()));
    assert_eq!(read(&simulator, &third).await, 401);
    assert_eq!(read(&simulator, &other).await, 404);
    tokens(refresh(&simulator, &other["refresh_token"])).await;
}

#[tokio::test]
async fn a_code_needs_its_verifier_its_redirect_uri_and_a_known_value() {
    let simulator = Simulator::start().await.unwrap();
    let code = simulator.authorize(&challenge(), ["asset:read"], REDIRECT);
    let wrong = |code: &str, verifier: &str, redirect_uri: &str| {
        let form = [("grant_type", "authorization_code"), ("code", code), ("code_verifier", verifier)];
        post(&simulator, &[form.as_slice(), &[("redirect_uri", redirect_uri)]].concat())
    };
    for request in [
        wrong("unknown", VERIFIER, REDIRECT),
        wrong(&code, &challenge(), REDIRECT),
        wrong(&code, "", REDIRECT),
        wrong(&code, VERIFIER, "http://127.0.0.1:7777/other"),
        refresh(&simulator, &Value::from("unknown")),
    ] {
        assert_eq!(error(request).await, (400, "invalid_grant".into()));
    }
    tokens(exchange(&simulator, &code)).await;
}

#[tokio::test]
async fn the_endpoint_refuses_wrong_clients_and_malformed_requests() {
    let simulator = Simulator::builder().client("id:&", "sec ret").start().await;
    let simulator = simulator.unwrap();
    let url = format!("{}/v1/oauth/token", simulator.base_url());
    let plain = || client().post(&url).header("content-type", "application/x-www-form-urlencoded");
    for request in [
        plain(),
        plain().basic_auth("id:&", Some("wrong")),
        plain().basic_auth("wrong", Some("sec ret")),
        plain().bearer_auth("sec ret"),
    ] {
        let response = request.send().await.unwrap();
        assert!(response.headers()["www-authenticate"].to_str().unwrap().starts_with("Basic"));
        assert_eq!(response.status(), 401);
        assert_eq!(response.json::<Value>().await.unwrap()["error"], "invalid_client");
    }
    // The secret as it is, and form-encoded as RFC 6749 has it.
    for (id, secret) in [("id:&", "sec ret"), ("id%3A%26", "sec+ret")] {
        let known = || client().post(&url).basic_auth(id, Some(secret));
        let form = "application/x-www-form-urlencoded";
        assert_eq!(error(known()).await, (400, "invalid_request".into()));
        assert_eq!(error(known().header("content-type", form)).await, (400, "invalid_request".into()));
        let password = known().header("content-type", form).body("grant_type=password");
        assert_eq!(error(password).await, (400, "unsupported_grant_type".into()));
    }
    assert_eq!(refused(client().get(&url)).await, (405, "bad_http_method".into()));
}

#[tokio::test(start_paused = true)]
async fn codes_and_access_tokens_expire_and_refresh_tokens_do_not() {
    let simulator = Simulator::builder().access_token_lifetime(Duration::from_secs(60)).start().await.unwrap();
    let late = simulator.authorize(&challenge(), ["asset:read"], REDIRECT);
    let first = tokens(exchange(&simulator, &simulator.authorize(&challenge(), ["asset:read"], REDIRECT))).await;
    assert_eq!(first["expires_in"], 60);
    assert_eq!(read(&simulator, &first).await, 404);
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(read(&simulator, &first).await, 401);
    tokio::time::advance(Duration::from_secs(10 * 60)).await;
    assert_eq!(error(exchange(&simulator, &late)).await, (400, "invalid_grant".into()));
    let second = tokens(refresh(&simulator, &first["refresh_token"])).await;
    assert_eq!(read(&simulator, &second).await, 404);
}

#[tokio::test]
async fn the_consent_page_redirects_back_with_code_and_state() {
    let simulator = Simulator::start().await.unwrap();
    let mut url = Url::parse(simulator.authorization_url()).unwrap();
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", simulator.client_id())
        .append_pair("redirect_uri", REDIRECT)
        .append_pair("scope", "asset:read asset:write")
        .append_pair("code_challenge", &challenge())
        .append_pair("code_challenge_method", "S256")
        .append_pair("state", "a b&c");
    let browser = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let response = browser.get(url).send().await.unwrap();
    assert_eq!(response.status(), 302);
    let back = Url::parse(response.headers()["location"].to_str().unwrap()).unwrap();
    let query: Vec<(String, String)> = back.query_pairs().into_owned().collect();
    assert_eq!((back.path(), query[1].1.as_str()), ("/back", "a b&c"));
    let granted = tokens(exchange(&simulator, &query[0].1)).await;
    assert_eq!(granted["scope"], "asset:read asset:write");

    assert_eq!(browser.get(simulator.authorization_url()).send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn no_token_or_secret_can_be_guessed_from_another_simulators() {
    let mut seen = std::collections::HashSet::new();
    for _ in 0..3 {
        let simulator = Simulator::start().await.unwrap();
        let granted = tokens(exchange(&simulator, &simulator.authorize(&challenge(), ["asset:read"], REDIRECT))).await;
        let code = simulator.authorize(&challenge(), ["asset:read"], REDIRECT);
        let issued = |field: &str| granted[field].as_str().unwrap().to_owned();
        let ours = [simulator.token().to_owned(), simulator.client_secret().to_owned(), code];
        for secret in ours.into_iter().chain([issued("access_token"), issued("refresh_token")]) {
            assert!(secret.len() > 40 && seen.insert(secret.clone()), "{secret}");
        }
    }
}

#[tokio::test]
async fn token_requests_are_kept_and_shown_without_secrets() {
    let simulator = Simulator::builder().client("id", "hush").start().await.unwrap();
    let first = tokens(exchange(&simulator, &simulator.authorize(&challenge(), ["asset:read"], REDIRECT))).await;
    error(refresh(&simulator, &Value::from("unknown"))).await;
    let requests = simulator.requests();
    let seen: Vec<_> = requests.iter().map(|r| (r.operation, r.path.as_str(), r.status)).collect();
    let path = "/rest/v1/oauth/token";
    assert_eq!(seen, [(None, path, Some(200)), (None, path, Some(400))]);
    assert!(String::from_utf8_lossy(&requests[0].body).contains(VERIFIER));

    let basic = requests[0].headers["authorization"].to_str().unwrap().split_once(' ').unwrap().1.to_owned();
    let shown = format!("{requests:?} {simulator:?} {:?}", Simulator::builder().client("id", "hush"));
    for secret in ["hush", &basic, VERIFIER, first["access_token"].as_str().unwrap()] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}
