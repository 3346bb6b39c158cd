//! A login ends with what the redirect brings, whatever that is, and says what the user has granted. A logout ends it.

use std::time::Duration;

use canva_connect::auth::{Integration, Login, MemoryStore, OAuth, OAuthError, TokenStore, Tokens};
use canva_connect::{AccessToken, Client, Error, ErrorKind, TokenProvider, operations};
use canva_simulator::{CannedResponse, Fault, Simulator};

use crate::support::{self, http, script};
use crate::tokens::{
    Memory, REDIRECT_URI, at, client, expired, integration, log_in, needs_login, oauth_error, parameter,
    token_requests, unsaved, upload,
};

const CODE: &str = "c0de/with+all 💥&=?#";
const STATE: &str = "st4te +&%=#ü";

/// Where a browser is led from this page.
async fn browse(url: &str) -> String {
    let browser = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let response = browser.get(url).send().await.unwrap();
    response.headers()["location"].to_str().unwrap().to_owned()
}

fn begun() -> Login {
    Login::resume(STATE, "verifier")
}

/// A provider whose token endpoint is at this base URL.
fn provider(base_url: &str) -> (MemoryStore, OAuth) {
    let store = MemoryStore::new();
    (store.clone(), OAuth::new(at(base_url), store))
}

fn query(pairs: &[(&str, &str)]) -> String {
    let url = reqwest::Url::parse_with_params("http://localhost", pairs).unwrap();
    url.query().unwrap().to_owned()
}

#[test]
fn the_authorization_url_asks_for_scopes_by_name_or_for_those_of_operations() {
    let integration = Integration::new("id", "cl13nt-s3cr3t", REDIRECT_URI).unwrap();
    let upload = [&operations::CREATE_ASSET_UPLOAD_JOB, &operations::UPDATE_ASSET, &operations::GET_ASSET_UPLOAD_JOB];
    let login = integration.authorize(operations::scopes(upload)).unwrap();
    assert!(login.url.starts_with("https://www.canva.com/api/oauth/authorize?response_type=code&client_id=id&"));
    assert_eq!(parameter(&login.url, "scope"), "asset:read asset:write");
    assert_eq!(parameter(&login.url, "redirect_uri"), REDIRECT_URI);
    assert_eq!(parameter(&login.url, "state"), login.state);
    assert_eq!(parameter(&login.url, "code_challenge_method"), "S256");
    assert_eq!(login.expose_code_verifier().len(), 43);
    let other = integration.authorize(["folder:read", "asset:write"]).unwrap();
    assert_eq!(parameter(&other.url, "scope"), "folder:read asset:write");
    assert!(other.state != login.state && other.expose_code_verifier() != login.expose_code_verifier());
    let said = format!("{login:?} {integration:?}");
    assert!(!said.contains(login.expose_code_verifier()) && !said.contains("s3cr3t"), "{said}");
}

#[tokio::test]
async fn a_user_logs_in_on_the_consent_page_and_comes_back() {
    let simulator = Simulator::builder().job_duration(Duration::ZERO).start().await.unwrap();
    let integration = integration(&simulator);
    let store = MemoryStore::new();
    let oauth = OAuth::new(integration.clone(), store.clone());
    let login = integration.authorize(["asset:write", "asset:read"]).unwrap();
    let redirect = browse(&login.url).await;
    assert!(redirect.starts_with(REDIRECT_URI), "{redirect}");
    oauth.finish(&login, &redirect).await.unwrap();
    let granted = store.load().await.unwrap().unwrap().scopes.unwrap();
    assert_eq!(granted, ["asset:write", "asset:read"]);

    // What a refresh gives still says it.
    let first = oauth.token().await.unwrap();
    assert!(oauth.refused(&first).await.unwrap());
    assert_eq!(store.load().await.unwrap().unwrap().scopes, Some(granted));

    // Somebody else, in their own browser.
    let login = integration.authorize(["asset:write"]).unwrap();
    let anna = OAuth::new(integration, MemoryStore::new());
    anna.finish(&login, &browse(&format!("{}&user=anna", login.url)).await).await.unwrap();
    for (provider, mine, annas) in [(oauth, 1, 0), (anna, 1, 1)] {
        let canva = Client::builder().base_url(simulator.base_url()).token_provider(provider).build().unwrap();
        let _ = canva.upload_asset(support::PIXEL.to_vec()).name("n").await.unwrap();
        assert_eq!((simulator.assets().len(), simulator.assets_of("anna").len()), (mine, annas));
    }
}

#[tokio::test]
async fn a_redirect_is_read_as_a_url_a_path_or_a_query() {
    let both = query(&[("code", CODE), ("state", STATE)]);
    for redirect in [
        both.clone(),
        format!("?{both}"),
        format!("/return?{both}"),
        format!("/return=?{both}#fragment?code=other"),
        format!("https://example.com/return?{both}"),
        format!("https://example.com/return?kept=1&{both}&iss=https://www.canva.com?a"),
        format!("my-app:/return?{both}#"),
        format!("a?b={}&{both}", "%ff%zz%"),
    ] {
        let granted = r#"{"access_token":"new-token","refresh_token":"next","expires_in":14400}"#;
        let (base_url, mut seen) = script(vec![http("200 OK", "", granted)]).await;
        let (store, oauth) = provider(&base_url);
        oauth.finish(&begun(), &redirect).await.unwrap_or_else(|error| panic!("{redirect}: {error}"));
        let (_, form) = seen.recv().await.unwrap();
        let form = format!("http://localhost?{}", String::from_utf8(form).unwrap());
        assert_eq!(parameter(&form, "code"), CODE, "{redirect}");
        assert_eq!(store.load().await.unwrap().unwrap().access_token, AccessToken::new("new-token"));
    }
}

#[tokio::test]
async fn a_redirect_without_one_code_and_the_right_state_ends_before_anything_is_sent() {
    let (_socket, base_url) = support::refusing();
    let (_, oauth) = provider(&base_url);
    let state = query(&[("state", STATE)]);
    let code = query(&[("code", CODE)]);
    for redirect in [
        "".into(),
        "https://example.com/return".into(),
        code.clone(),
        format!("{code}&state=another"),
        format!("{code}&{state}x"),
        format!("{code}&{state}&state=another"),
        format!("{code}&{state}&{state}"),
        format!("{code}#{state}"),
        // Not even an error is believed.
        "error=access_denied".into(),
        "error=access_denied&state=another".into(),
    ] {
        let error = oauth.finish(&begun(), &redirect).await.unwrap_err();
        assert!(matches!(error, OAuthError::StateMismatch), "{redirect}: {error}");
    }
    for redirect in [state.clone(), format!("code=&{state}"), format!("{code}&{state}&{code}")] {
        let error = oauth.finish(&begun(), &redirect).await.unwrap_err();
        assert!(matches!(error, OAuthError::NoCode), "{redirect}: {error}");
        assert!(!error.to_string().contains("c0de"), "{error}");
    }
}

#[tokio::test]
async fn a_user_who_says_no_is_an_error_that_can_be_told_and_printed() {
    let (_socket, base_url) = support::refusing();
    let (_, oauth) = provider(&base_url);
    let long = format!("a\u{1b}[2J\nb {}", "x".repeat(500));
    for (said, code, shown) in [
        (vec![("error", "access_denied")], "access_denied", "access_denied".to_owned()),
        (
            vec![("error", "access_denied"), ("error_description", "The user said no"), ("code", CODE)],
            "access_denied",
            "access_denied: The user said no".to_owned(),
        ),
        (
            vec![("error", "invalid_scope"), ("error_description", &long)],
            "invalid_scope",
            format!(r"invalid_scope: a\u{{1b}}[2J b {}…", "x".repeat(192)),
        ),
    ] {
        let redirect = query(&[said, vec![("state", STATE)]].concat());
        let error = oauth.finish(&begun(), &redirect).await.unwrap_err();
        let OAuthError::Denied { error: found, .. } = &error else { panic!("{error}") };
        assert_eq!(found, code);
        assert_eq!(error.to_string(), format!("Canva ended the login with {shown}"));
    }

    // As the simulator says it.
    let simulator = Simulator::builder().scopes(["asset:read"]).start().await.unwrap();
    let integration = integration(&simulator);
    let login = integration.authorize(["asset:write"]).unwrap();
    let error =
        OAuth::new(integration, MemoryStore::new()).finish(&login, &browse(&login.url).await).await.unwrap_err();
    assert!(matches!(&error, OAuthError::Denied { error, .. } if error == "invalid_scope"), "{error}");
    assert_eq!(token_requests(&simulator), 0);
}

#[tokio::test]
async fn the_granted_scopes_are_what_canva_said_or_else_what_they_were_before() {
    let simulator = Simulator::start().await.unwrap();
    let asked = || integration(&simulator).authorize(["asset:read", "asset:write"]).unwrap();
    let known = |scopes: &[&str]| Some(scopes.iter().map(|&scope| scope.to_owned()).collect::<Vec<_>>());
    for (said, login, expected) in [
        (r#","scope":"asset:read""#, asked(), known(&["asset:read"])),
        (r#","scope":" asset:read  folder:read ""#, begun(), known(&["asset:read", "folder:read"])),
        ("", asked(), known(&["asset:read", "asset:write"])),
        (r#","scope":null"#, asked(), known(&["asset:read", "asset:write"])),
        (r#","scope":" ""#, asked(), known(&["asset:read", "asset:write"])),
        (r#","scope":["asset:read"]"#, asked(), known(&["asset:read", "asset:write"])),
        ("", begun(), None),
    ] {
        let grant = |rest: &str| {
            http("200 OK", "", &format!(r#"{{"access_token":"t","refresh_token":"r","expires_in":30{rest}}}"#))
        };
        let refreshed = [grant(said), grant(""), grant(r#","scope":"profile:read""#), grant("")];
        let (base_url, _seen) = script(refreshed.to_vec()).await;
        let (store, oauth) = provider(&base_url);
        let redirect = query(&[("code", CODE), ("state", &login.state)]);
        oauth.finish(&login, &redirect).await.unwrap();
        let scopes = async || store.load().await.unwrap().unwrap().scopes;
        assert_eq!(scopes().await, expected, "{said}");
        for expected in [expected, known(&["profile:read"]), known(&["profile:read"])] {
            oauth.token().await.unwrap();
            assert_eq!(scopes().await, expected, "{said}");
        }
        // They are stored with the tokens.
        let tokens = store.load().await.unwrap().unwrap();
        let stored: Tokens = serde_json::from_str(&serde_json::to_string(&tokens).unwrap()).unwrap();
        assert_eq!(stored, tokens);
    }
}

#[test]
fn the_settings_of_an_integration_are_checked_when_it_is_built_in_whatever_order_they_come() {
    let new = || Integration::builder("id", "cl13nt-s3cr3t", REDIRECT_URI);
    for wrong in ["", "www.canva.com/authorize", "ftp://example.com/", "javascript:alert(1)"] {
        let error = new().authorization_url(wrong).build().unwrap_err();
        assert!(matches!(error, Error::InvalidInput { field: "authorization_url", .. }), "{error}");
    }
    let integration = new().authorization_url("http://example.com/consent?kept=1").build().unwrap();
    let url = integration.authorize(["a"]).unwrap().url;
    assert!(url.starts_with("http://example.com/consent?kept=1&response_type=code&client_id=id"), "{url}");

    let elsewhere = "http://192.0.2.1/auth/v1/oauth/token";
    let error = new().token_url(elsewhere).build().unwrap_err().to_string();
    assert!(error.starts_with("token_url: expected https://") && error.contains("allow_plain_http"), "{error}");
    new().allow_plain_http().token_url(elsewhere).build().unwrap();
    new().token_url(elsewhere).allow_plain_http().http(|http| http).build().unwrap();
    assert!(!format!("{:?}", new()).contains("s3cr3t"));
}

#[tokio::test]
async fn a_code_is_nothing_without_its_verifier_and_the_client_secret() {
    let simulator = Simulator::start().await.unwrap();
    let login = integration(&simulator).authorize(["asset:write"]).unwrap();
    let code = simulator.authorize(&parameter(&login.url, "code_challenge"), ["asset:write"], REDIRECT_URI);
    let other = Login::resume(login.state.clone(), "another-verifier");
    let wrong = Integration::builder(simulator.client_id(), "wrong-s3cr3t", REDIRECT_URI);
    let wrong = wrong.token_url(simulator.token_url()).build().unwrap();
    for (integration, login, expected) in [(integration(&simulator), &other, 400), (wrong, &login, 401)] {
        let oauth = OAuth::new(integration, MemoryStore::new());
        let error = oauth.finish(login, &format!("code={code}&state={}", login.state)).await.unwrap_err();
        assert!(matches!(&error, OAuthError::Refused { status, .. } if *status == expected), "{error}");
        assert!(!format!("{error} {error:?}").contains("s3cr3t"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_code_is_sent_once() {
    let simulator = Simulator::start().await.unwrap();
    let integration = integration(&simulator);
    let oauth = OAuth::new(integration.clone(), MemoryStore::new());
    let login = integration.authorize(["asset:write"]).unwrap();
    let redirect = browse(&login.url).await;
    simulator.inject("token", 1..=1, Fault::Respond(CannedResponse::html(503))).unwrap();
    let error = oauth.finish(&login, &redirect).await.unwrap_err();
    assert!(matches!(&error, OAuthError::Refused { status, .. } if *status == 503), "{error}");
    assert_eq!(token_requests(&simulator), 1);
    // Nothing was lost by it.
    oauth.finish(&login, &redirect).await.unwrap();
    let canva = Client::builder().base_url(simulator.base_url()).token_provider(oauth).build().unwrap();
    upload(&canva).await.unwrap();
}

#[tokio::test]
async fn who_logs_out_ends_the_login_at_canva_and_in_the_store() {
    let simulator = Simulator::start().await.unwrap();
    let store = Memory::default();
    let oauth = OAuth::new(integration(&simulator), store.clone());
    // Nobody has logged in.
    oauth.log_out().await.unwrap();
    assert!(simulator.requests().is_empty());

    log_in(&simulator, &oauth).await.unwrap();
    let before = store.tokens();
    store.calls();
    oauth.log_out().await.unwrap();
    assert_eq!(store.calls(), ["lock", "load", "save", "unlock"]);
    assert_revoked(&simulator, &before.access_token).await;

    // No process with this store needs a request to know that, and another logout does nothing.
    let requests = simulator.requests().len();
    for oauth in [&oauth, &OAuth::new(integration(&simulator), store.clone())] {
        needs_login(&upload(&client(&simulator, oauth)).await.unwrap_err());
        oauth.log_out().await.unwrap();
    }
    assert_eq!(simulator.requests().len(), requests);
    // A process with a copy of the tokens learns it from Canva.
    let copy = OAuth::new(integration(&simulator), Memory::with(before));
    needs_login(&upload(&client(&simulator, &copy)).await.unwrap_err());

    log_in(&simulator, &oauth).await.unwrap();
    upload(&client(&simulator, &oauth)).await.unwrap();
}

/// Canva's code for a wrong secret is also that of an ended access token.
#[tokio::test]
async fn a_wrong_client_is_no_lost_login() {
    let simulator = Simulator::start().await.unwrap();
    let (store, right) = expired(&simulator).await;
    let wrong = |id: &str, secret: &str| {
        let integration = Integration::builder(id, secret, REDIRECT_URI).token_url(simulator.token_url());
        OAuth::new(integration.build().unwrap(), store.clone())
    };
    let cases = [
        (wrong(simulator.client_id(), "wr0ng"), "invalid_access_token"),
        (wrong("another", simulator.client_secret()), "invalid_client"),
    ];
    for (oauth, code) in cases {
        let error = upload(&client(&simulator, &oauth)).await.unwrap_err();
        assert_eq!((error.kind(), error.needs_login()), (ErrorKind::Setup, false), "{error}");
        let refused = oauth_error(&error);
        assert!(matches!(refused, OAuthError::Refused { error, .. } if error == code), "{refused}");
        assert!(refused.to_string().ends_with("; check the client id and secret"), "{refused}");
    }
    upload(&client(&simulator, &right)).await.unwrap();
}

#[tokio::test]
async fn a_login_that_canva_does_not_know_is_logged_out_of() {
    let simulator = Simulator::start().await.unwrap();
    let store = Memory::with(Tokens::new("of-another-simulator", "of-another-simulator", Duration::ZERO));
    OAuth::new(integration(&simulator), store.clone()).log_out().await.unwrap();
    assert_eq!(simulator.requests()[0].status, Some(400));
    assert_eq!(store.tokens().refresh_token, None);
}

async fn assert_revoked(simulator: &Simulator, token: &AccessToken) {
    let canva = Client::builder().token(token.clone()).base_url(simulator.base_url()).build().unwrap();
    assert_eq!(canva.get_asset("a").await.unwrap_err().api().unwrap().code, "revoked_access_token");
}

#[tokio::test]
async fn who_logs_out_ends_the_newest_login() {
    let simulator = Simulator::start().await.unwrap();
    let (store, oauth) = unsaved(&simulator).await;
    log_in(&simulator, &OAuth::new(integration(&simulator), store.clone())).await.unwrap();
    let newer = store.tokens();
    oauth.log_out().await.unwrap();
    assert_revoked(&simulator, &newer.access_token).await;
}

#[tokio::test]
async fn a_login_that_canva_does_not_revoke_goes_on() {
    let simulator = Simulator::start().await.unwrap();
    let oauth = OAuth::new(integration(&simulator), Memory::default());
    log_in(&simulator, &oauth).await.unwrap();
    for (fault, expected) in [
        (Fault::Respond(CannedResponse::json(429)), "refused with 429 Too Many Requests too_many_requests"),
        (Fault::Respond(CannedResponse::html(503)), "refused with 503"),
        (Fault::Close, "could not be reached"),
    ] {
        simulator.inject("revoke", 1..=1, fault).unwrap();
        let error = oauth.log_out().await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        upload(&client(&simulator, &oauth)).await.unwrap();
    }
    oauth.log_out().await.unwrap();
    upload(&client(&simulator, &oauth)).await.unwrap_err();
}

#[tokio::test]
async fn a_log_out_that_the_store_does_not_keep_is_kept_later() {
    let simulator = Simulator::start().await.unwrap();
    let store = Memory::default();
    let oauth = OAuth::new(integration(&simulator), store.clone());
    log_in(&simulator, &oauth).await.unwrap();
    store.kept().full = true;
    for _ in 0..2 {
        assert!(matches!(oauth.log_out().await.unwrap_err(), OAuthError::Store { .. }));
    }
    store.kept().full = false;
    oauth.log_out().await.unwrap();
    assert_eq!(store.tokens().refresh_token, None);
    needs_login(&*oauth.token().await.unwrap_err());
    assert_eq!(store.tokens().refresh_token, None);
}
