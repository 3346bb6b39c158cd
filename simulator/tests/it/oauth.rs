//! The token endpoint: codes with PKCE, refresh tokens that work once, and access tokens that the API then knows.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use canva_simulator::Simulator;
use reqwest::{RequestBuilder, StatusCode, Url};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::common::{because, client, form, refused};

const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters-as-the-standard-asks";
const REDIRECT: &str = "http://127.0.0.1:7777/back";

fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))
}

/// The URL of one of the OAuth endpoints.
fn beside(simulator: &Simulator, endpoint: &str) -> Url {
    Url::parse(simulator.token_url()).unwrap().join(endpoint).unwrap()
}

/// A form for one of the OAuth endpoints, without credentials.
fn bare(simulator: &Simulator, endpoint: &str, fields: &[(&str, &str)]) -> RequestBuilder {
    form(beside(simulator, endpoint).as_str(), fields)
}

fn post_to(simulator: &Simulator, endpoint: &str, form: &[(&str, &str)]) -> RequestBuilder {
    bare(simulator, endpoint, form).basic_auth(simulator.client_id(), Some(simulator.client_secret()))
}

fn post(simulator: &Simulator, form: &[(&str, &str)]) -> RequestBuilder {
    post_to(simulator, "token", form)
}

/// What `revoke` or `introspect` says of this token of a pair.
async fn said(simulator: &Simulator, endpoint: &str, token: &Value) -> Value {
    tokens(post_to(simulator, endpoint, &[("token", token.as_str().unwrap())])).await
}

fn exchange(simulator: &Simulator, code: &str) -> RequestBuilder {
    let form = [("grant_type", "authorization_code"), ("code", code), ("code_verifier", VERIFIER)];
    post(simulator, &[form.as_slice(), &[("redirect_uri", REDIRECT)]].concat())
}

fn refresh(simulator: &Simulator, token: &Value) -> RequestBuilder {
    post(simulator, &[("grant_type", "refresh_token"), ("refresh_token", token.as_str().unwrap())])
}

/// A login with these scopes.
async fn log_in(simulator: &Simulator, scopes: &[&str]) -> Value {
    let code = simulator.authorize(&challenge(), scopes.iter().copied(), REDIRECT);
    tokens(exchange(simulator, &code)).await
}

async fn tokens(request: RequestBuilder) -> Value {
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["cache-control"], "no-store");
    response.json().await.unwrap()
}

/// What the API says to a token on a path that needs `asset:read`: 404 where the token is good.
async fn read(simulator: &Simulator, tokens: &Value) -> StatusCode {
    let url = format!("{}/v1/assets/none", simulator.base_url());
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

    assert_eq!(because(exchange(&simulator, &code), "used before").await, (400, "invalid_grant".into()));
    assert_eq!(read(&simulator, &first).await, 401);
    let ended = because(refresh(&simulator, &first["refresh_token"]), "was revoked, or a code").await;
    assert_eq!(ended, (400, "invalid_grant".into()));
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
    let first = log_in(&simulator, &["asset:read"]).await;
    let other = log_in(&simulator, &["asset:read"]).await;
    let second = tokens(refresh(&simulator, &first["refresh_token"])).await;
    let third = tokens(refresh(&simulator, &second["refresh_token"])).await;
    assert_ne!(second["refresh_token"], third["refresh_token"]);
    assert_ne!(second["access_token"], third["access_token"]);
    assert_eq!(read(&simulator, &third).await, 404);

    let again = because(refresh(&simulator, &first["refresh_token"]), "used before, and each works once").await;
    assert_eq!(again, (400, "invalid_grant".into()));
    assert_eq!(refused(refresh(&simulator, &third["refresh_token"])).await, (400, "invalid_grant".into()));
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
    for (request, reason) in [
        (wrong("unknown", VERIFIER, REDIRECT), "hasn't issued this code:"),
        (wrong(simulator.token(), VERIFIER, REDIRECT), "an access token"),
        (refresh(&simulator, &Value::from(code.as_str())), "an authorization code"),
        (wrong(&code, &challenge(), REDIRECT), "code_verifier is not"),
        (wrong(&code, "too short", REDIRECT), "code_verifier has 9 characters, and must have 43 to 128"),
        (
            wrong(&code, VERIFIER, "http://127.0.0.1:7777/other"),
            "/back\", and this request has \"http://127.0.0.1:7777/other\"",
        ),
        (refresh(&simulator, &Value::from("unknown")), "hasn't issued this refresh token:"),
        (refresh(&simulator, &Value::from("None")), "The refresh token is the text None: was a variable unset"),
        (refresh(&simulator, &Value::from(simulator.token())), "an access token"),
    ] {
        assert_eq!(because(request, reason).await, (400, "invalid_grant".into()));
    }
    // A field that isn't there at all is told from one that is wrong.
    let form = [("grant_type", "authorization_code"), ("code", code.as_str()), ("redirect_uri", REDIRECT)];
    let response = post(&simulator, &form).send().await.unwrap();
    let (status, error) = (response.status().as_u16(), response.json::<Value>().await.unwrap());
    assert_eq!((status, &error["code"]), (400, &json!("invalid_field")));
    assert_eq!(error["message"], "The parameter code_verifier is missing.");
    tokens(exchange(&simulator, &code)).await;
}

#[tokio::test]
async fn the_endpoint_refuses_wrong_clients_and_malformed_requests() {
    let simulator = Simulator::builder().client("id:&", "sec ret").start().await;
    let simulator = simulator.unwrap();
    let url = simulator.token_url().to_owned();
    let plain = || client().post(&url).header("content-type", "application/x-www-form-urlencoded");
    for (request, status, code) in [
        (plain(), 400, "unauthorized_client"),
        (plain().bearer_auth("sec ret"), 400, "unauthorized_client"),
        (plain().header("authorization", "Basic aWQ"), 400, "unauthorized_client"),
        (plain().basic_auth("id%3A%26", Some("wrong")), 401, "invalid_access_token"),
        (plain().basic_auth("wrong", Some("sec ret")), 401, "invalid_client"),
    ] {
        let response = request.send().await.unwrap();
        assert_eq!(
            (response.status().as_u16(), response.headers().contains_key("www-authenticate")),
            (status, status == 401)
        );
        assert_eq!(response.json::<Value>().await.unwrap()["code"], code);
    }
    // The secret as it is, and form-encoded as RFC 6749 has it.
    for secret in ["sec ret", "sec+ret"] {
        let known = |body: &'static str| plain().basic_auth("id%3A%26", Some(secret)).body(body);
        let json = client().post(&url).basic_auth("id%3A%26", Some(secret)).json(&json!({ "grant_type": "password" }));
        for (request, code, reason) in [
            (json, "bad_request_body", "Content-Type is application/json"),
            (known(""), "invalid_field", ""),
            (known("grant_type="), "invalid_field", ""),
            (known("grant_type=refresh_token&refresh_token=%20"), "invalid_field", ""),
            (known("grant_type=refresh_token&grant_type=refresh_token"), "invalid_field", ""),
            (known("grant_type=authorization_code"), "invalid_field", ""),
            (known("grant_type=password"), "unsupported_grant_type", "is neither"),
            (known(r#"{"grant_type":"refresh_token"}"#), "bad_request_body", "as JSON"),
            (known("grant_type%3Drefresh_token%26refresh_token%3Dx"), "bad_request_body", "encoded twice"),
        ] {
            assert_eq!(because(request, reason).await, (400, code.into()));
        }
    }
    assert_eq!(refused(client().get(&url)).await, (405, "bad_http_method".into()));
}

#[tokio::test(start_paused = true)]
async fn codes_and_access_tokens_expire_and_refresh_tokens_do_not() {
    let simulator = Simulator::builder().access_token_lifetime(Duration::from_secs(60)).start().await.unwrap();
    let late = simulator.authorize(&challenge(), ["asset:read"], REDIRECT);
    let first = log_in(&simulator, &["asset:read"]).await;
    assert_eq!(first["expires_in"], 60);
    assert_eq!(read(&simulator, &first).await, 404);
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(read(&simulator, &first).await, 401);
    tokio::time::advance(Duration::from_secs(10 * 60)).await;
    assert_eq!(because(exchange(&simulator, &late), "expired 60 s ago").await, (400, "invalid_grant".into()));
    let second = tokens(refresh(&simulator, &first["refresh_token"])).await;
    assert_eq!(read(&simulator, &second).await, 404);
}

#[tokio::test]
async fn the_consent_page_redirects_back_with_code_and_state() {
    let simulator = Simulator::start().await.unwrap();
    let further = format!("&code_challenge_method=S256&redirect_uri={REDIRECT}&state=a+b%26c");
    let back = consent(&simulator, "asset:read+asset:write", &further).await;
    assert_eq!((back.path(), parameter(&back, "state").as_deref()), ("/back", Some("a b&c")));
    let granted = tokens(exchange(&simulator, &parameter(&back, "code").unwrap())).await;
    assert_eq!(granted["scope"], "asset:read asset:write");
}

/// PKCE is mandatory, and whoever forgets it has to see it.
#[tokio::test]
async fn the_consent_page_names_the_parameter_that_is_wrong() {
    let simulator = Simulator::start().await.unwrap();
    let right = [
        ("client_id", simulator.client_id().to_owned()),
        ("response_type", "code".into()),
        ("code_challenge", challenge()),
        ("code_challenge_method", "S256".into()),
        ("scope", "asset:read".into()),
        ("redirect_uri", REDIRECT.into()),
    ];
    let asked = async |name: &str, value: Option<&str>| {
        let mut url = Url::parse(simulator.authorization_url()).unwrap();
        let others = right.iter().filter(|(other, _)| *other != name).map(|(name, value)| (*name, value.as_str()));
        url.query_pairs_mut().extend_pairs(others).extend_pairs(value.map(|value| (name, value)));
        let response = browser().get(url).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    assert_eq!(asked("none", None).await.0, 302);
    let long = "a".repeat(129);
    for (name, values) in [
        ("client_id", &[None, Some("another")][..]),
        ("response_type", &[None, Some("token")]),
        ("code_challenge", &[None, Some("too-short"), Some(&long)]),
        ("code_challenge_method", &[None, Some("plain")]),
        ("scope", &[None, Some(" ")]),
        ("redirect_uri", &[Some("no url")]),
    ] {
        for value in values {
            let (status, text) = asked(name, *value).await;
            let said = if value.is_some() { "must be " } else { "is missing. It must be " };
            assert!(status == 400 && text.starts_with(&format!("{name} {said}")), "{status} {text}");
        }
    }
}

/// `/auth` is where they are, and `/rest` is deprecated.
#[tokio::test]
async fn the_endpoints_stand_in_two_places_and_know_the_same_tokens() {
    let simulator = Simulator::start().await.unwrap();
    assert!(simulator.token_url().ends_with("/auth/v1/oauth/token"), "{}", simulator.token_url());
    let pair = log_in(&simulator, &["asset:read"]).await;
    let token = pair["access_token"].as_str().unwrap();
    let deprecated = |endpoint: &str| {
        let request = form(&format!("{}/v1/oauth/{endpoint}", simulator.base_url()), &[("token", token)]);
        request.basic_auth(simulator.client_id(), Some(simulator.client_secret()))
    };
    assert_eq!(tokens(deprecated("introspect")).await["active"], true);
    assert_eq!(tokens(deprecated("revoke")).await, json!({}));
    assert_eq!(said(&simulator, "introspect", &pair["access_token"]).await["active"], false);
}

/// What is printed for a person to paste is like any other token, but for its end.
#[tokio::test(start_paused = true)]
async fn the_default_token_is_a_jwt_that_introspects_and_is_revoked() {
    let simulator = Simulator::start().await.unwrap();
    let token = json!(simulator.token());
    let pair = json!({ "access_token": token });
    let claims = simulator.token().split('.').nth(1).map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    tokio::time::advance(Duration::from_secs(24 * 60 * 60)).await;
    assert_eq!(read(&simulator, &pair).await, 404);
    let told = said(&simulator, "introspect", &token).await;
    assert_eq!((&told["active"], &told["scope"], &told["exp"]), (&json!(true), &claims["scope"], &claims["exp"]));
    assert_eq!(said(&simulator, "revoke", &token).await, json!({}));
    assert_eq!(read(&simulator, &pair).await, 401);

    let fixed = Simulator::builder().access(canva_simulator::Access::new("fixed").scopes(["asset:read"])).start().await;
    let fixed = fixed.unwrap();
    assert_eq!(said(&fixed, "introspect", &json!("fixed")).await["scope"], "asset:read");
}

/// Nobody's integration asks for the scopes of these few operations alone.
#[tokio::test]
async fn a_user_can_consent_to_every_scope_of_canva() {
    let simulator = Simulator::start().await.unwrap();
    let back = consent(&simulator, "profile:read+design:meta:read+openid", "&code_challenge_method=S256").await;
    assert_eq!(parameter(&back, "error"), None);
    assert_eq!(
        log_in(&simulator, canva_connect::operations::SCOPES).await["scope"].as_str().unwrap().split(' ').count(),
        18
    );
}

/// A person reads the reason; a program reads the code, which is Canva's.
#[tokio::test(start_paused = true)]
async fn a_refused_token_says_why() {
    let simulator = Simulator::builder().access_token_lifetime(Duration::from_secs(60)).start().await.unwrap();
    let url = format!("{}/v1/assets/none", simulator.base_url());
    let [expired, revoked] = [log_in(&simulator, &["asset:read"]).await, log_in(&simulator, &["asset:read"]).await];
    said(&simulator, "revoke", &revoked["access_token"]).await;
    let code = simulator.authorize(&challenge(), ["asset:read"], REDIRECT);
    let text = |token: &Value| token.as_str().unwrap().to_owned();
    let get = |authorization: &str| client().get(&url).header("authorization", authorization);
    let bearer = |token: &str| client().get(&url).bearer_auth(token);
    tokio::time::advance(Duration::from_secs(63)).await;
    for (request, code, reason) in [
        (client().get(&url), "invalid_access_token", "There is no Authorization"),
        (get(simulator.token()), "invalid_access_token", "must be `Bearer`, a space"),
        (bearer(&format!("Bearer {}", simulator.token())), "invalid_access_token", "`Bearer` twice"),
        (bearer(simulator.client_secret()), "invalid_access_token", "the client's secret"),
        (bearer(&text(&expired["refresh_token"])), "invalid_access_token", "a refresh token"),
        (bearer(&code), "invalid_access_token", "an authorization code"),
        (bearer("unknown"), "invalid_access_token", "hasn't issued this access token:"),
        (bearer("undefined"), "invalid_access_token", "The access token is the text undefined: was a variable unset"),
        (bearer(&format!("{:?}", simulator.token())), "invalid_access_token", "The access token is in quotes."),
        (bearer(&text(&expired["access_token"])), "invalid_access_token", "expired 3 s ago"),
        (bearer(&text(&revoked["access_token"])), "revoked_access_token", "Its login was revoked"),
    ] {
        assert_eq!(because(request, reason).await, (401, code.into()), "{reason}");
    }
    // The log has it too.
    assert!(simulator.requests().iter().any(|request| request.reason.as_ref().is_some_and(|it| it.contains("twice"))));
}

#[tokio::test]
async fn no_token_or_secret_can_be_guessed_from_another_simulators() {
    let mut seen = std::collections::HashSet::new();
    for _ in 0..3 {
        let simulator = Simulator::start().await.unwrap();
        let granted = log_in(&simulator, &["asset:read"]).await;
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
    let first = log_in(&simulator, &["asset:read"]).await;
    refused(refresh(&simulator, &Value::from("unknown"))).await;
    let requests = simulator.requests();
    let seen: Vec<_> = requests.iter().map(|r| (r.operation, r.path.as_str(), r.status)).collect();
    let path = "/auth/v1/oauth/token";
    assert_eq!(seen, [(Some("token"), path, Some(200)), (Some("token"), path, Some(400))]);
    assert!(String::from_utf8_lossy(&requests[0].body).contains(VERIFIER));

    let basic = requests[0].headers["authorization"].to_str().unwrap().split_once(' ').unwrap().1.to_owned();
    let shown = format!("{requests:?} {simulator:?} {:?}", Simulator::builder().client("id", "hush"));
    for secret in ["hush", &basic, VERIFIER, first["access_token"].as_str().unwrap()] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[tokio::test]
async fn the_endpoints_refuse_as_the_api_does_or_in_the_words_of_rfc_6749() {
    let api = Simulator::start().await.unwrap();
    let rfc = Simulator::builder().rfc_6749_errors().start().await.unwrap();
    for endpoint in ["token", "revoke", "introspect"] {
        let unknown = [("grant_type", "refresh_token"), ("refresh_token", "unknown")];
        let body = async |request: RequestBuilder| request.send().await.unwrap().json::<Value>().await.unwrap();
        let code = if endpoint == "token" { "invalid_grant" } else { "invalid_field" };
        let said = body(post_to(&api, endpoint, &unknown)).await;
        assert_eq!((&said["code"], said.as_object().unwrap().len()), (&json!(code), 2), "{said}");
        let said = body(post_to(&rfc, endpoint, &unknown)).await;
        assert_eq!((&said["error"], said.as_object().unwrap().len()), (&json!(code), 2), "{said}");
        assert!(said["error_description"].is_string(), "{said}");
        assert_eq!(body(bare(&api, endpoint, &[])).await["code"], "unauthorized_client");
        assert_eq!(body(bare(&rfc, endpoint, &[])).await["error"], "unauthorized_client");
        let stranger = bare(&api, endpoint, &[]).basic_auth("stranger", Some("secret"));
        let code = if endpoint == "token" { "invalid_client" } else { "invalid_access_token" };
        assert_eq!(body(stranger).await["code"], code);
    }
}

#[tokio::test]
async fn the_client_may_prove_itself_in_the_form() {
    let simulator = Simulator::builder().client("id", "hush").start().await.unwrap();
    let code = simulator.authorize(&challenge(), ["asset:read"], REDIRECT);
    let form = |secret| {
        let fields = [("grant_type", "authorization_code"), ("code", code.as_str()), ("code_verifier", VERIFIER)];
        let client = [("redirect_uri", REDIRECT), ("client_id", "id"), ("client_secret", secret)];
        bare(&simulator, "token", &[fields, client].concat())
    };
    assert_eq!(refused(form("wrong")).await, (401, "invalid_access_token".into()));
    // A header goes first: what is in the form isn't asked then.
    assert_eq!(refused(form("hush").basic_auth("id", Some("wrong"))).await, (401, "invalid_access_token".into()));
    let granted = tokens(form("hush")).await;
    let request = bare(&simulator, "revoke", &[("token", granted["access_token"].as_str().unwrap())]);
    assert_eq!(refused(request).await, (400, "unauthorized_client".into()));
    assert_eq!(read(&simulator, &granted).await, 404);
    // Neither a secret that was wrong nor what came with it is kept.
    let kept = simulator.requests();
    let kept: Vec<bool> = kept.iter().map(|request| !request.body.is_empty()).collect();
    assert_eq!(kept, [false, false, true, false, false]);
    assert_eq!(refused(bare(&simulator, "token", &[("x", &"x".repeat(64 << 10))])).await.0, 413);
}

#[tokio::test]
async fn a_refresh_may_ask_for_fewer_scopes_and_for_no_others() {
    let simulator = Simulator::start().await.unwrap();
    let first = log_in(&simulator, &["asset:read", "asset:write"]).await;
    let narrowed = |token: &Value, scope: &str| {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token.as_str().unwrap()), ("scope", scope)];
        post(&simulator, &form)
    };
    let more = narrowed(&first["refresh_token"], "asset:read design:content:write");
    assert_eq!(refused(more).await, (400, "invalid_scope".into()));
    let second = tokens(narrowed(&first["refresh_token"], "asset:write")).await;
    assert_eq!((&second["scope"], read(&simulator, &second).await.as_u16()), (&json!("asset:write"), 403));
    // The consent is as wide as before.
    let third = tokens(refresh(&simulator, &second["refresh_token"])).await;
    assert_eq!((&third["scope"], read(&simulator, &third).await.as_u16()), (&json!("asset:read asset:write"), 404));
}

#[tokio::test]
async fn a_redirect_uri_may_be_left_out_where_the_consent_was_asked_for_without_one() {
    let simulator = Simulator::start().await.unwrap();
    let bare = |code: &str| {
        post(&simulator, &[("grant_type", "authorization_code"), ("code", code), ("code_verifier", VERIFIER)])
    };
    let back = consent(&simulator, "asset:read", "&code_challenge_method=s256").await;
    assert_eq!(back.path(), "/oauth/redirect");
    tokens(bare(&parameter(&back, "code").unwrap())).await;
    tokens(exchange(&simulator, &simulator.authorize(&challenge(), ["asset:read"], ""))).await;
    let told = simulator.authorize(&challenge(), ["asset:read"], REDIRECT);
    assert_eq!(refused(bare(&told)).await, (400, "invalid_grant".into()));
}

#[tokio::test]
async fn a_consent_to_scopes_that_the_integration_lacks_is_refused() {
    let simulator = Simulator::builder().scopes(["asset:read", "folder:read"]).start().await.unwrap();
    for (scope, code) in [("asset:read folder:read", None), ("asset:read asset:write", Some("invalid_scope"))] {
        let back = consent(&simulator, &scope.replace(' ', "+"), "&code_challenge_method=S256&state=s").await;
        assert_eq!((parameter(&back, "error").as_deref(), parameter(&back, "state").as_deref()), (code, Some("s")));
        assert_eq!(parameter(&back, "code").is_some(), code.is_none(), "{back}");
        let exchanged = exchange(&simulator, &simulator.authorize(&challenge(), scope.split(' '), REDIRECT));
        match code {
            None => drop(tokens(exchanged).await),
            Some(code) => assert_eq!(refused(exchanged).await, (400, code.into())),
        }
    }
    for (scope, said) in [
        ("asset:reed", "The scope asset:reed is unknown."),
        ("asset:read,folder:read", "The scope asset:read,folder:read is unknown: scopes are separated by spaces."),
        ("Asset", "A scope is unknown."),
    ] {
        let back = consent(&simulator, scope, "&code_challenge_method=S256").await;
        assert_eq!(parameter(&back, "error_description").as_deref(), Some(said));
        assert_eq!(simulator.requests().pop().unwrap().message.as_deref(), Some(said));
    }
    // The default token is the integration's, too.
    let access = Value::from(serde_json::Map::from_iter([("access_token".into(), simulator.token().into())]));
    assert_eq!(read(&simulator, &access).await, 404);
    let write = client().delete(format!("{}/v1/assets/none", simulator.base_url())).bearer_auth(simulator.token());
    assert_eq!(refused(write).await, (403, "missing_scope".into()));
}

#[tokio::test]
async fn an_access_token_is_a_jwt_of_nearly_4_kb_that_says_what_it_is_for() {
    let simulator = Simulator::start().await.unwrap();
    for scopes in [&["asset:read"][..], canva_connect::operations::SCOPES] {
        let granted = log_in(&simulator, scopes).await;
        let token = granted["access_token"].as_str().unwrap();
        assert!((3500..=4096).contains(&token.len()), "{} characters", token.len());
        let parts: Vec<Vec<u8>> = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
        let [header, claims, signature] = &parts[..] else { panic!("{} parts", parts.len()) };
        let [header, claims] = [header, claims].map(|part| serde_json::from_slice::<Value>(part).unwrap());
        assert_eq!((&header["typ"], signature.len()), (&json!("JWT"), 256));
        assert_eq!((&claims["scope"], &claims["aud"]), (&granted["scope"], &json!(simulator.client_id())));
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 4 * 60 * 60);
    }
}

#[tokio::test]
async fn revoking_a_token_ends_all_of_its_consent_and_no_others() {
    let simulator = Simulator::start().await.unwrap();
    for which in ["access_token", "refresh_token"] {
        let other = log_in(&simulator, &["asset:read"]).await;
        let first = log_in(&simulator, &["asset:read"]).await;
        let second = tokens(refresh(&simulator, &first["refresh_token"])).await;
        assert_eq!(said(&simulator, "revoke", &second[which]).await, json!({}));
        for pair in [&first, &second] {
            let url = format!("{}/v1/assets/none", simulator.base_url());
            let request = client().get(url).bearer_auth(pair["access_token"].as_str().unwrap());
            assert_eq!(refused(request).await, (401, "revoked_access_token".into()), "{which}");
        }
        assert_eq!(refused(refresh(&simulator, &second["refresh_token"])).await, (400, "invalid_grant".into()));
        assert_eq!(read(&simulator, &other).await, 404);
        assert_eq!(said(&simulator, "revoke", &second[which]).await, json!({}), "once more");
        let unknown = post_to(&simulator, "revoke", &[("token", "unknown")]);
        assert_eq!(because(unknown, "hasn't issued this token:").await, (400, "bad_request_params".into()));
    }
    assert_eq!(refused(client().get(beside(&simulator, "revoke"))).await.0, 405);
}

#[tokio::test(start_paused = true)]
async fn introspection_says_what_a_token_is_good_for_until_it_ends() {
    let simulator = Simulator::builder().access_token_lifetime(Duration::from_secs(60)).start().await.unwrap();
    let inactive = json!({ "active": false });
    let pair = log_in(&simulator, &["asset:read", "asset:write"]).await;
    let access = said(&simulator, "introspect", &pair["access_token"]).await;
    assert_eq!((&access["active"], &access["scope"]), (&json!(true), &json!("asset:read asset:write")));
    assert_eq!(access["client"], simulator.client_id());
    assert_eq!(access["exp"].as_i64().unwrap() - access["iat"].as_i64().unwrap(), 60);
    assert_eq!(said(&simulator, "introspect", &pair["refresh_token"]).await["active"], true);
    assert_eq!(said(&simulator, "introspect", &json!("unknown")).await, inactive);

    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(said(&simulator, "introspect", &pair["access_token"]).await, inactive);
    let next = tokens(refresh(&simulator, &pair["refresh_token"])).await;
    assert_eq!(said(&simulator, "introspect", &pair["refresh_token"]).await, inactive);
    said(&simulator, "revoke", &next["refresh_token"]).await;
    for token in [&next["access_token"], &next["refresh_token"]] {
        assert_eq!(said(&simulator, "introspect", token).await, inactive);
    }
}

/// Where the consent page leads with these scopes and further parameters.
async fn consent(simulator: &Simulator, scope: &str, further: &str) -> Url {
    let url = format!(
        "{}?response_type=code&client_id={}&scope={scope}&code_challenge={}{further}",
        simulator.authorization_url(),
        simulator.client_id(),
        challenge()
    );
    let response = browser().get(url).send().await.unwrap();
    assert_eq!(response.status(), 302);
    Url::parse(response.headers()["location"].to_str().unwrap()).unwrap()
}

fn browser() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// The consent page's URL with these further parameters.
fn page(simulator: &Simulator, scope: &str, further: &str) -> String {
    format!(
        "{}?response_type=code&client_id={}&scope={scope}&code_challenge={}&code_challenge_method=S256{further}",
        simulator.authorization_url(),
        simulator.client_id(),
        challenge()
    )
}

/// As a browser shows it.
async fn shown(url: &str) -> (u16, String) {
    let response = browser().get(url).header("accept", "text/html,*/*;q=0.8").send().await.unwrap();
    let headers = response.headers();
    assert_eq!(headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(
        (&headers["cache-control"], &headers["referrer-policy"]),
        (&"no-store".parse().unwrap(), &"same-origin".parse().unwrap())
    );
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe") && !policy.contains("form-action"));
    (response.status().as_u16(), response.text().await.unwrap())
}

/// The answer of the page that is at this origin.
async fn answer(url: &str, origin: Option<&str>, fields: &[(&str, &str)]) -> (u16, Option<Url>) {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let mut request = browser().post(url).header("content-type", "application/x-www-form-urlencoded").body(body);
    if let Some(origin) = origin {
        request = request.header("origin", origin);
    }
    let response = request.send().await.unwrap();
    let back = response.headers().get("location").map(|back| Url::parse(back.to_str().unwrap()).unwrap());
    (response.status().as_u16(), back)
}

#[tokio::test]
async fn a_browser_is_asked_who_may_do_what_and_where_it_leads() {
    let simulator = Simulator::start().await.unwrap();
    let url = page(&simulator, "asset:read+profile:read", &format!("&redirect_uri={REDIRECT}&state=a+b%26c&user=anna"));
    let (status, html) = shown(&url).await;
    assert_eq!(status, 200);
    for said in
        ["Let simulator-client use", "value=\"anna\"", "See your uploads", "asset:read", "See your name", REDIRECT]
    {
        assert!(html.contains(said), "{said} in {html}");
    }
    assert!(!html.contains("<script"));

    let own = simulator.base_url().trim_end_matches("/rest").to_owned();
    let (status, back) = answer(&url, Some(&own), &[("user", " ben "), ("answer", "allow")]).await;
    let back = back.unwrap();
    assert_eq!((status, back.path(), parameter(&back, "state").as_deref()), (303, "/back", Some("a b&c")));
    let granted = tokens(exchange(&simulator, &parameter(&back, "code").unwrap())).await;
    assert_eq!(granted["scope"], "asset:read profile:read");
    assert_eq!(simulator.tokens().last().unwrap()["user"], "ben");

    let (status, back) = answer(&url, Some(&own), &[("user", "ben"), ("answer", "deny")]).await;
    let back = back.unwrap();
    assert_eq!((status, parameter(&back, "error").as_deref()), (303, Some("access_denied")));
    assert_eq!((parameter(&back, "code"), parameter(&back, "state").as_deref()), (None, Some("a b&c")));
    assert_eq!(answer(&url, Some(&own), &[("answer", "maybe")]).await, (400, None));
}

#[tokio::test]
async fn no_other_page_can_answer_for_the_user() {
    let simulator = Simulator::start().await.unwrap();
    let url = page(&simulator, "asset:read", "");
    let own = simulator.base_url().trim_end_matches("/rest");
    let other_name = own.replace("127.0.0.1", "localhost");
    for origin in
        [None, Some("http://localhost:3000"), Some(other_name.as_str()), Some("https://evil.example"), Some("null")]
    {
        assert_eq!(answer(&url, origin, &[("answer", "allow")]).await, (403, None), "{origin:?}");
    }
}

#[tokio::test]
async fn a_browser_is_shown_what_is_wrong_and_nothing_that_it_would_run() {
    let simulator = Simulator::start().await.unwrap();
    let hostile = "%22%3E%3Cscript%3E%27%26";
    let (status, html) = shown(&page(&simulator, "asset:read", &format!("&client_id={hostile}"))).await;
    assert!(status == 400 && html.contains("client_id must be simulator-client"), "{html}");
    assert!(html.contains("&lt;script&gt;&#39;&amp;") && !html.contains("<script"), "{html}");
    let (status, html) =
        shown(&page(&simulator, "asset:read", &format!("&user={hostile}&redirect_uri=http://a/{hostile}"))).await;
    assert!(
        status == 200 && html.contains("value=\"&quot;&gt;&lt;script&gt;&#39;&amp;\"") && !html.contains("<script"),
        "{html}"
    );
    // What the user can't mend goes back to the integration.
    let response =
        browser().get(page(&simulator, "asset:reed", "")).header("accept", "text/html").send().await.unwrap();
    let back = Url::parse(response.headers()["location"].to_str().unwrap()).unwrap();
    assert_eq!((response.status().as_u16(), parameter(&back, "error").as_deref()), (302, Some("invalid_scope")));
}

#[tokio::test]
async fn the_consent_page_leads_back_to_registered_redirect_uris_alone() {
    let simulator =
        Simulator::builder().redirect_uri("http://localhost:5000/a").redirect_uri(REDIRECT).start().await.unwrap();
    let further = "&code_challenge_method=S256";
    let back = consent(&simulator, "asset:read", further).await;
    assert!(back.as_str().starts_with("http://localhost:5000/a?code="), "{back}");
    let back = consent(&simulator, "asset:read", &format!("{further}&redirect_uri={REDIRECT}")).await;
    assert!(back.as_str().starts_with(REDIRECT), "{back}");
    for other in ["http://localhost:5000/a/", "http://localhost:5001/a", "http://localhost:5000/a?b=c"] {
        let response =
            browser().get(page(&simulator, "asset:read", &format!("&redirect_uri={other}"))).send().await.unwrap();
        let (status, said) = (response.status().as_u16(), response.text().await.unwrap());
        let expected = format!("redirect_uri must be http://localhost:5000/a or {REDIRECT}, and is {other:?}.\n");
        assert_eq!((status, said), (400, expected));
    }
    let no_url = Simulator::builder().redirect_uri("/back").start().await.unwrap_err();
    assert_eq!(no_url.kind(), std::io::ErrorKind::InvalidInput);
}

/// Whatever comes in the wrong place: messages and headers land in logs.
#[tokio::test]
async fn no_refusal_shows_a_secret() {
    let simulator = Simulator::builder().client("id", "hush-Hush7").start().await.unwrap();
    let json = r#"{"client_id":"id","client_secret":"hush-Hush7"}"#;
    let with = |body: &str| form(simulator.token_url(), &[]).body(body.to_owned());
    let mut requests =
        vec![with(json), with(&format!("\"{json}=\"")), with("hush-Hush7="), with("grant_type=hush-Hush7;x=")];
    requests.push(post(&simulator, &[("grant_type", "hush-Hush7")]));
    requests.push(form(simulator.token_url(), &[]).basic_auth("hush-Hush7", Some("id")));
    let pair = log_in(&simulator, &["asset:read"]).await;
    let asked = [("grant_type", "refresh_token"), ("refresh_token", pair["refresh_token"].as_str().unwrap())];
    requests.push(post(&simulator, &[asked.as_slice(), &[("scope", "hush-Hush7")]].concat()));
    requests.push(client().get(format!("{}?client_id=hush-Hush7", simulator.authorization_url())));
    for request in requests {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let said = format!("{headers:?} {}", response.text().await.unwrap());
        assert!(status >= 400 && !said.contains("Hush7"), "{said}");
    }
}

/// Any page can have the browser fetch a URL, as a picture for one, and the user sees none of it.
#[tokio::test]
async fn what_a_page_fetches_is_no_consent_and_what_a_program_fetches_is() {
    let simulator = Simulator::start().await.unwrap();
    let url = page(&simulator, "asset:read", &format!("&redirect_uri={REDIRECT}&user=eve"));
    let asked = async |accept: &str, metadata: &[(&str, &str)]| {
        let request = browser().get(&url).header("accept", accept);
        let request =
            metadata.iter().fold(request, |request, (name, value)| request.header(format!("sec-fetch-{name}"), *value));
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.headers().contains_key("location"))
    };
    for site in ["cross-site", "same-site", "same-origin", "none"] {
        for (mode, dest) in [("no-cors", "image"), ("no-cors", "empty"), ("cors", "empty"), ("navigate", "iframe")] {
            for accept in ["*/*", "image/avif,image/webp,*/*;q=0.8", "text/html"] {
                let metadata = [("site", site), ("mode", mode), ("dest", dest)];
                assert_eq!(asked(accept, &metadata).await, (403, false), "{metadata:?} {accept}");
            }
        }
        // The user's own browser comes here, from wherever.
        let metadata = [("site", site), ("mode", "navigate"), ("dest", "document")];
        for accept in ["text/html,*/*;q=0.8", "*/*"] {
            assert_eq!(asked(accept, &metadata).await, (200, false), "{site} {accept}");
        }
    }
    assert!(simulator.tokens().iter().all(|token| token["user"] != "eve"));
    let reason = simulator.requests()[0].message.clone().unwrap();
    assert!(reason.contains("Lead the user's browser to this URL"), "{reason}");
    // Node's fetch is no browser's, and sends the mode alone.
    for metadata in [&[][..], &[("mode", "cors")]] {
        assert_eq!(asked("*/*", metadata).await, (302, true), "{metadata:?}");
    }
}
