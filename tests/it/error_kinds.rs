//! An error says what to do about it, and each of its layers says its own part alone.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use canva_connect::auth::{Integration, LoginRequired, NoUser, OAuth, OAuthError, Tokens};
use canva_connect::operations::{self, Operation};
use canva_connect::pacing::Permit;
use canva_connect::{
    AccessToken, ApiError, AssetUploadErrorCode, BoxError, BoxFuture, Client, ClientBuilder, Error, JobError,
    JobErrorCode, JobState, Pacer, Pacing, PollPolicy, RetryPolicy, TokenProvider, UploadBody, UploadProgress,
};
use http::StatusCode;
use insta::assert_snapshot;
use serde_json::json;

use crate::support::tls::{self, Ca, Settings};
use crate::support::{self, Renewing, UPLOADED, answering, http, script};
use crate::tokens::{Memory, REDIRECT_URI};

fn builder(base_url: &str) -> ClientBuilder {
    support::builder(base_url).token("the-token").retry_policy(RetryPolicy::never())
}

fn client(base_url: &str) -> Client {
    builder(base_url).build().unwrap()
}

async fn get(canva: &Client) -> Error {
    canva.get_asset("a1").await.unwrap_err()
}

async fn upload(canva: &Client, body: impl Into<UploadBody>) -> Error {
    canva.upload_asset(body).name("n").await.unwrap_err()
}

fn coded(status: &str, headers: &str, code: &str) -> String {
    http(status, headers, &json!({ "code": code, "message": "m" }).to_string())
}

/// A provider and a pacer that fail with what a test says.
struct Fails(fn() -> BoxError);

impl TokenProvider for Fails {
    fn token(&self) -> BoxFuture<'_, Result<AccessToken, BoxError>> {
        Box::pin(async move { Err(self.0()) })
    }
}

impl Pacer for Fails {
    fn acquire(&self, _: &'static Operation, _: Duration) -> BoxFuture<'_, Result<Permit, BoxError>> {
        Box::pin(async move { Err(self.0()) })
    }

    fn pause(&self, _: &'static Operation, _: Duration) {}
}

/// A login whose access token has ended, at a token endpoint that answers this.
async fn at_token_endpoint(response: String) -> Error {
    let store = Memory::default();
    store.0.lock().unwrap().tokens = Some(Tokens::new("old-token", "refresh-token", Duration::ZERO));
    at_endpoint(&answering(response).await, store).await
}

async fn at_endpoint(base_url: &str, store: Memory) -> Error {
    let integration = Integration::builder("id", "secret", REDIRECT_URI).token_url(base_url).build().unwrap();
    let canva = builder(base_url).token_provider(OAuth::new(integration, store)).build().unwrap();
    get(&canva).await
}

async fn of_status(status: &str, headers: &str, code: &str) -> Error {
    get(&client(&answering(coded(status, headers, code)).await)).await
}

async fn of_job(responses: Vec<String>) -> Error {
    let mut soon = PollPolicy::default();
    soon.first_delay = Duration::from_millis(1);
    let canva = builder(&script(responses).await.0).poll_policy(soon).build().unwrap();
    canva.import_design(vec![1]).title("t").await.unwrap().wait().await.unwrap_err()
}

fn job(rest: &str) -> String {
    http("200 OK", "", &format!(r#"{{"job":{{"id":"j1",{rest}}}}}"#))
}

/// An error of every variant, and of each way that it may have come about.
async fn every_error() -> Vec<(&'static str, Error)> {
    let mut all = Vec::new();
    let nowhere = client("http://127.0.0.1:1/rest");
    all.push(("no name", nowhere.upload_asset(vec![1]).await.unwrap_err()));
    all.push(("no file", upload(&nowhere, "/no/such/file.png").await));
    let base_url = answering(http("200 OK", "", UPLOADED)).await;
    all.push(("another length", upload(&client(&base_url), UploadBody::from_reader(2, &b"abc"[..])).await));
    let spooled = UploadBody::spool(2, tokio_util::io::ReaderStream::new(&b"abc"[..])).await;
    all.push(("too long to spool", spooled.unwrap_err().into()));

    let fails = |why| builder("http://127.0.0.1:1/rest").token_provider(Fails(why)).build().unwrap();
    all.push(("a provider", get(&fails(|| "the vault is sealed".into())).await));
    all.push(("a provider's login", get(&fails(|| LoginRequired::new("the row is gone").into())).await));
    let wrapped = || io::Error::other(OAuthError::from(LoginRequired::new("the user has left"))).into();
    all.push(("a provider that wraps another one's login", get(&fails(wrapped)).await));
    all.push((
        "nobody's client",
        get(&builder("http://127.0.0.1:1/rest").token_provider(NoUser).build().unwrap()).await,
    ));
    all.push((
        "a token that no header can carry",
        get(&nowhere.for_user(AccessToken::new("a\nb"), Pacing::off())).await,
    ));
    all.push(("no login", at_endpoint("http://127.0.0.1:1/rest", Memory::default()).await));
    let ended = coded("400 Bad Request", "", "invalid_grant");
    all.push(("an ended login", at_token_endpoint(ended).await));
    all.push(("a wrong secret", at_token_endpoint(coded("401 Unauthorized", "", "invalid_access_token")).await));
    all.push(("a busy token endpoint", at_token_endpoint(coded("429 Too Many Requests", "", "c")).await));
    all.push(("a broken token endpoint", at_token_endpoint(coded("503 Service Unavailable", "", "c")).await));
    all.push(("an unreadable grant", at_token_endpoint(http("200 OK", "", "{}")).await));
    all.push(("a token endpoint that hangs up", at_token_endpoint(String::new()).await));

    let pacer = Fails(|| "the limits can't be reached".into());
    all.push(("a pacer", get(&builder("http://127.0.0.1:1/rest").pacer(pacer).build().unwrap()).await));
    let tomorrow = coded("429 Too Many Requests", "retry-after: 86400\r\nx-request-id: r-1\r\n", "too_many_requests");
    let canva = client(&answering(tomorrow).await);
    all.push(("a rate limit", get(&canva).await));
    all.push(("a pause", get(&canva).await));

    let (_port, refusing) = support::refusing();
    all.push(("no server", get(&client(&refusing)).await));
    let (ca, other) = (Ca::new("Example CA"), Ca::new("Other CA"));
    let server = tls::serve(&ca, Settings::default()).await;
    let other = reqwest::Certificate::from_pem(other.pem().as_bytes()).unwrap();
    let trusts_another = builder(&server.base_url).http(move |http| http.tls_certs_only([other.clone()]));
    all.push(("an unknown CA", get(&trusts_another.build().unwrap()).await));
    let login = Memory::default();
    login.0.lock().unwrap().tokens = Some(Tokens::new("old-token", "refresh-token", Duration::ZERO));
    all.push(("an unknown CA of the token endpoint", at_endpoint(&server.base_url, login).await));
    let proxy = answering(http("407 Proxy Authentication Required", "", "")).await;
    let proxy = reqwest::Proxy::all(proxy.strip_suffix("/rest").unwrap()).unwrap();
    let behind = builder("https://api.canva.example/rest").http(move |http| http.proxy(proxy.clone()));
    all.push(("a proxy", get(&behind.build().unwrap()).await));
    all.push(("a connection that breaks", get(&client(&answering(String::new()).await)).await));
    let (_listener, silent) = support::listen().await;
    let impatient = builder(&silent).response_timeout(Duration::from_millis(100)).build().unwrap();
    all.push(("a server that says nothing", get(&impatient).await));

    all.push(("400", of_status("400 Bad Request", "", "invalid_field").await));
    all.push(("401", of_status("401 Unauthorized", "x-request-id: r-1\r\n", "invalid_access_token").await));
    let refused = answering(coded("401 Unauthorized", "", "invalid_access_token")).await;
    let renewing = builder(&refused).token_provider(Renewing::default()).build().unwrap();
    all.push(("401, and the new token too", get(&renewing).await));
    let renewing = builder(&refused).token_provider(Renewing::default()).build().unwrap();
    all.push(("401, renewed, and no content left", upload(&renewing, UploadBody::from_reader(1, &b"a"[..])).await));
    all.push(("403", of_status("403 Forbidden", "", "missing_scope").await));
    all.push(("404", of_status("404 Not Found", "", "asset_not_found").await));
    all.push(("407", of_status("407 Proxy Authentication Required", "", "").await));
    all.push(("408", of_status("408 Request Timeout", "", "").await));
    all.push(("501", of_status("501 Not Implemented", "", "c").await));
    all.push(("503", of_status("503 Service Unavailable", "retry-after: 7\r\n", "c").await));
    let html = http("200 OK", "x-request-id: r-1\r\n", "<html>hello</html>");
    all.push(("no JSON", get(&client(&answering(html).await)).await));

    let failing = client(&answering(coded("500 Internal Server Error", "x-request-id: r-1\r\n", "c")).await);
    all.push(("500 to an upload", upload(&failing, vec![1]).await));
    all.push(("a lost response", upload(&client(&answering(String::new()).await), vec![1]).await));

    let failed = |code| job(&format!(r#""status":"failed","error":{{"code":"{code}","message":"m"}}"#));
    all.push(("a job that failed", of_job(vec![failed("invalid_file")]).await));
    all.push(("a job of a busy Canva", of_job(vec![failed("design_import_throttled")]).await));
    all.push(("a job of a broken Canva", of_job(vec![failed("internal_error")]).await));
    let started = || job(r#""status":"in_progress""#);
    all.push(("a job and 503", of_job(vec![started(), coded("503 Service Unavailable", "", "c")]).await));
    all.push(("a job and 401", of_job(vec![started(), coded("401 Unauthorized", "x-request-id: r-1\r\n", "c")]).await));
    let lacks = || job(r#""status":"success""#);
    all.push(("another user's job", of_job(vec![started(), coded("403 Forbidden", "", "permission_denied")]).await));
    all.push(("a job that isn't there", of_job(vec![started(), coded("404 Not Found", "", "not_found")]).await));
    all.push(("a job without its result", of_job(vec![lacks(), lacks()]).await));
    let odd = http("200 OK", "", r#"{"job":{"id":"../j","status":"in_progress"}}"#);
    all.push(("a job whose id is none", of_job(vec![odd]).await));
    let canva = client(&answering(started()).await);
    let mut short = PollPolicy::default();
    short.deadline = Duration::from_millis(1);
    let (base_url, _seen) =
        script(vec![http("200 OK", "", UPLOADED), coded("403 Forbidden", "", "permission_denied")]).await;
    let mut unmoved = builder(&base_url).build().unwrap().upload_asset(vec![1]).name("n").folder("f1").await.unwrap();
    all.push(("a folder of another user", unmoved.wait().await.unwrap_err()));
    let held = client(&answering(String::new()).await).upload_asset(vec![1]).name("n");
    let held = held.before_end(|_| async { Err("the disk is full") });
    all.push(("an end that is held back", held.await.unwrap_err()));
    all.push(("a job that takes too long", canva.design_import_job("j1").wait_with(short).await.unwrap_err()));
    let wrong = builder("http://127.0.0.1:1/rest").http(|http| http.user_agent("\n")).build().unwrap_err();
    all.push(("a wrong setting", wrong));
    all
}

/// Without what differs from run to run: the numbers of ports, and how much of a pause is left.
fn steady(text: &str) -> String {
    let text = text.find(" s are left").map_or(text, |end| text[..end].rsplit_once(';').unwrap().0);
    let host = |host: &str, text: String| {
        let mut parts = text.split(&format!("{host}:")).map(str::to_owned).collect::<Vec<_>>();
        for part in parts.iter_mut().skip(1) {
            *part = format!("PORT{}", part.trim_start_matches(|c: char| c.is_ascii_digit()));
        }
        parts.join(&format!("{host}:"))
    };
    host("localhost", host("127.0.0.1", text.to_owned()))
}

#[tokio::test(start_paused = true)]
async fn each_says_what_to_do_and_each_layer_its_own_part_alone() {
    let mut table = String::new();
    let every = every_error().await;
    for (what, error) in &every {
        let mut next: Option<&dyn std::error::Error> = Some(error);
        let mut said = Vec::new();
        while let Some(layer) = next {
            next = layer.source();
            let (own, cause) = (layer.to_string(), next.map(ToString::to_string));
            assert!(cause.as_ref().is_none_or(|cause| !own.contains(cause)), "{what}: {own:?} has {cause:?}");
            said.push(own);
        }
        let report = error.report();
        assert!(report.starts_with(&said[0]) && report.ends_with(said.last().unwrap().split(": ").last().unwrap()));
        // Each part once.
        for layer in &said {
            assert!(report.matches(layer.as_str()).count() <= 1, "{report}");
        }
        let (kind, status) = (error.kind(), error.status().map_or("-", |status| status.as_str().to_owned().leak()));
        let retryable = if error.is_retryable() { "retryable" } else { "-" };
        let login = if error.needs_login() { "login" } else { "-" };
        let request = error.request_id().unwrap_or("-");
        let after = error.retry_after().map_or("-".to_owned(), |after| format!("{:.0} s", after.as_secs_f64()));
        writeln!(table, "{what}\n  {kind}, {retryable}, {login}, {status}, {request}, {after}\n  {}", steady(&report))
            .unwrap();
    }
    assert_snapshot!("every_error", table);
    // Every variant is there.
    let names = every.iter().map(|(_, error)| {
        let debug = format!("{error:?}");
        debug.split([' ', '(']).next().unwrap().to_owned()
    });
    let names: std::collections::BTreeSet<_> = names.collect();
    let source = include_str!("../../src/error/mod.rs").split_once("pub enum Error {").unwrap().1;
    let source = source.split_once("\n}\n").unwrap().0;
    let variants =
        source.lines().filter_map(|line| line.strip_prefix("    ")).filter(|line| line.starts_with(char::is_uppercase));
    for variant in variants.map(|line| line.split([' ', '(']).next().unwrap()) {
        assert!(names.contains(variant), "no {variant}");
    }
}

#[tokio::test]
async fn content_that_is_gone_when_the_token_is_renewed_asks_for_the_call_and_for_no_login() {
    let refused = coded("401 Unauthorized", "", "invalid_access_token");
    let (base_url, mut seen) = script(vec![refused, http("200 OK", "", UPLOADED)]).await;
    let canva = builder(&base_url).token_provider(Renewing::default()).build().unwrap();
    let error = upload(&canva, UploadBody::from_reader(4, &b"data"[..])).await;
    assert!(error.api().unwrap().token_renewed && !error.needs_login() && error.is_retryable(), "{error:?}");
    assert!(error.to_string().ends_with("; the token was renewed, so open the content and send it again"), "{error}");
    let _ = canva.upload_asset(UploadBody::from_reader(4, &b"data"[..])).name("n").await.unwrap();
    let tokens = [seen.recv().await.unwrap().0, seen.recv().await.unwrap().0];
    assert_eq!(
        tokens.map(|head| head.header("authorization").unwrap().to_owned()),
        ["Bearer old-token", "Bearer new-token"]
    );
}

#[derive(Debug)]
struct Deep(u32);

impl std::fmt::Display for Deep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\u{1b}[2J\n{}", self.0, "x".repeat(500))
    }
}

impl std::error::Error for Deep {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        static LAST: Deep = Deep(0);
        (self.0 > 0).then_some(&LAST)
    }
}

#[tokio::test]
async fn a_report_of_a_callers_own_errors_is_a_line_of_bounded_length() {
    let fails = |why| builder("http://127.0.0.1:1/rest").token_provider(Fails(why)).build().unwrap();
    let report = get(&fails(|| Deep(1).into())).await.report();
    assert_eq!(report.matches(r"\u{1b}[2J\n").count(), 2, "{report}");
    assert!(!report.contains(canva_connect::Printable::escapes), "{report:?}");
    let endless = get(&fails(|| "y".repeat(1 << 20).into())).await.report();
    assert!(endless.len() < 1_100 && endless.ends_with("y…"), "{}", endless.len());
    let report = ApiError::new(&operations::GET_ASSET, StatusCode::BAD_REQUEST, "c".repeat(5_000), "m".repeat(5_000));
    assert!(Error::from(report).report().chars().count() <= 4_001);
}

#[test]
fn what_goes_into_logs_and_queues_is_json() {
    let mut refused = ApiError::new(&operations::GET_ASSET, StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "m");
    refused.retry_after = Some(Duration::from_secs(7));
    assert_eq!(
        serde_json::to_value(&refused).unwrap(),
        json!({ "operation": "getAsset", "status": 429, "code": "too_many_requests", "message": "m", "retry_after": 7,
            "attempts": 1, "token_renewed": false })
    );
    let failed = JobError::new("j1", JobErrorCode::AssetUpload(AssetUploadErrorCode::FileTooBig), "m");
    let json = json!({ "job_id": "j1", "code": "file_too_big", "message": "m" });
    assert_eq!(serde_json::to_value(&failed).unwrap(), json);
    assert_eq!(serde_json::to_value(JobState::<u8>::Failed(failed)).unwrap(), json!({ "failed": json }));
    assert_eq!(serde_json::to_value(JobState::Success(1)).unwrap(), json!({ "success": 1 }));
    assert_eq!(serde_json::to_value(JobState::<u8>::InProgress).unwrap(), json!("in_progress"));
    fn serialize<T: serde::Serialize>() {}
    serialize::<UploadProgress>();
}

#[test]
fn every_layer_of_a_login_says_its_own_part_alone() {
    let error = OAuthError::from(LoginRequired::new("the user has left"));
    assert_eq!(error.report(), "the user has to log in again: the user has left");
    let shared: Arc<dyn std::error::Error> = Arc::new(error);
    assert!(shared.source().is_none());
}
