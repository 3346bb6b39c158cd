//! A request is data until it is awaited, and then goes the same way whoever made it: the facade, the generated client, or
//! a caller with an operation of their own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use canva_connect::generated::types::AssetUploadMetadata;
use canva_connect::operations::{CREATE_ASSET_UPLOAD_JOB, GET_ASSET, Operation};
use canva_connect::pacing::Permit;
use canva_connect::{AccessToken, BoxError, BoxFuture, Client, Error, Pacer, RetryPolicy, TokenProvider, UploadBody};
use canva_simulator::{CannedResponse, Fault, Simulator};
use serde_json::{Value, json};

use crate::support::{PIXEL, http, script};

static GET_FOLDER: Operation = Operation::new("getFolder", "GET", "/v1/folders/{folderId}").scopes(&["folder:read"]);
static CREATE_FOLDER: Operation = Operation::new("createFolder", "POST", "/v1/folders").requests_per_minute(20);
static DELETE_FOLDER: Operation = Operation::new("deleteFolder", "DELETE", "/v1/folders/{folderId}");

fn client(base_url: &str) -> Client {
    let mut retry = RetryPolicy::default();
    (retry.max_attempts, retry.base_delay) = (3, Duration::from_millis(1));
    Client::builder().token("the-token").base_url(base_url).retry_policy(retry).build().unwrap()
}

fn simulated(simulator: &Simulator) -> Client {
    Client::builder().token(simulator.token()).base_url(simulator.base_url()).build().unwrap()
}

#[tokio::test]
async fn a_generated_call_says_what_it_is_and_sends_nothing_until_it_is_awaited() {
    let simulator = Simulator::start().await.unwrap();
    let canva = simulated(&simulator);
    let call = canva.generated().get_asset("Msd59349ff");
    assert_eq!((call.operation(), format!("{call:?}").contains("getAsset")), (&GET_ASSET, true));
    drop(call);
    assert!(simulator.requests().is_empty());
}

#[tokio::test]
async fn a_generated_call_is_retried_as_the_facades_are() {
    let simulator = Simulator::builder().job_duration(Duration::ZERO).start().await.unwrap();
    let mut retry = RetryPolicy::default();
    retry.base_delay = Duration::from_millis(1);
    let canva =
        Client::builder().token(simulator.token()).base_url(simulator.base_url()).retry_policy(retry).build().unwrap();
    let named = AssetUploadMetadata { name_base64: "bg==".into() };
    let call = canva.generated().create_asset_upload_job(&named, PIXEL.to_vec());
    assert_eq!(call.operation(), &CREATE_ASSET_UPLOAD_JOB);
    let asset = call.await.unwrap().job.asset.unwrap();
    assert_eq!(asset.name, "n");

    simulator.inject("getAsset", 1..=2, Fault::Respond(CannedResponse::html(502))).unwrap();
    let before = simulator.requests().len();
    let read = canva.generated().get_asset(&asset.id).await.unwrap().asset;
    assert_eq!((read, simulator.requests().len() - before), (asset.clone(), 3));

    // Nor is it carried out twice.
    simulator.inject("createAssetUploadJob", 1.., Fault::LoseResponse).unwrap();
    let error = canva.generated().create_asset_upload_job(&named, PIXEL.to_vec()).await.unwrap_err();
    let Error::OutcomeUnknown { sent: Some(sent), .. } = error else { panic!("{error:?}") };
    assert_eq!(sent.sent, PIXEL.len() as u64);
    assert_eq!(simulator.assets().len(), 2);
}

#[tokio::test]
async fn what_http_cannot_carry_or_the_operation_wants_is_said_before_anything_is_sent() {
    let simulator = Simulator::start().await.unwrap();
    let canva = simulated(&simulator);
    let api = canva.generated();
    for id in ["", ".", ".."] {
        let error = api.delete_asset(id).await.unwrap_err();
        assert_eq!(error.to_string(), format!("assetId: expected one segment of a path, got {id:?}"));
    }
    let named = AssetUploadMetadata { name_base64: "\u{7f}".into() };
    let error = api.create_asset_upload_job(&named, PIXEL.to_vec()).await.unwrap_err();
    assert_eq!(error.to_string(), "request: expected one that HTTP can carry, got failed to parse header value");

    let error = canva.request::<Value>(&GET_FOLDER).await.unwrap_err();
    assert_eq!(error.to_string(), "path: expected a value for each name, got /v1/folders/{folderId}");
    let error = canva.request::<Value>(&GET_FOLDER).path("id", "f").await.unwrap_err();
    assert_eq!(error.to_string(), "path: expected a name in /v1/folders/{folderId}, got \"id\"");
    let error = canva.request::<Value>(&GET_FOLDER).path("folderId", "..").await.unwrap_err();
    assert_eq!(error.to_string(), "folderId: expected one segment of a path, got \"..\"");
    let unspeakable = std::collections::BTreeMap::from([((1, 2), 3)]);
    let error = canva.request::<Value>(&CREATE_FOLDER).json(&unspeakable).await.unwrap_err();
    assert!(error.to_string().starts_with("json: expected a value that JSON can carry"), "{error}");
    // A method that HTTP doesn't have in this spelling, and a path that would make another host of the base URL.
    static SMALL: Operation = Operation::new("small", "post", "/v1/folders");
    static GLUED: Operation = Operation::new("glued", "GET", ".example.com/");
    for operation in [&SMALL, &GLUED] {
        let error = canva.request::<Value>(operation).await.unwrap_err();
        assert!(matches!(error, Error::InvalidInput { field: "operation", .. }), "{error:?}");
    }
    assert!(simulator.requests().is_empty());
}

#[tokio::test]
async fn an_operation_of_ones_own_has_path_query_and_json() {
    let folder = http("201 Created", "", r#"{"folder":{"id":"f","new":1}}"#);
    let (base_url, mut seen) = script(vec![folder, http("204 No Content", "", ""), http("200 OK", "", "{}")]).await;
    let canva = client(&base_url);
    let made: Value = canva.request(&CREATE_FOLDER).json(&json!({ "name": "Ünï" })).await.unwrap();
    assert_eq!(made, json!({ "folder": { "id": "f", "new": 1 } }));
    canva.request::<()>(&DELETE_FOLDER).path("folderId", "a/b?c").await.unwrap();
    let request = canva.request(&GET_FOLDER).path("folderId", "root").query("limit", "5").query("q", "a&b");
    let _: Value = request.await.unwrap();

    let (head, body) = seen.recv().await.unwrap();
    assert!(head.text.starts_with("POST /rest/v1/folders HTTP/1.1\r\n"), "{}", head.text);
    assert_eq!(head.header("authorization"), Some("Bearer the-token"));
    assert_eq!(head.header("content-type"), Some("application/json"));
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), json!({ "name": "Ünï" }));
    let (head, _) = seen.recv().await.unwrap();
    assert!(head.text.starts_with("DELETE /rest/v1/folders/a%2Fb%3Fc HTTP/1.1\r\n"), "{}", head.text);
    let (head, _) = seen.recv().await.unwrap();
    assert!(head.text.starts_with("GET /rest/v1/folders/root?limit=5&q=a%26b HTTP/1.1\r\n"), "{}", head.text);
}

#[tokio::test]
async fn a_response_without_a_body_is_nothing_and_nothing_is_asked_of_one_with_a_body() {
    let responses = vec![http("200 OK", "", r#"{"ok":true}"#), http("200 OK", "", ""), http("200 OK", "", "")];
    let (base_url, _seen) = script(responses).await;
    let canva = client(&base_url);
    canva.request::<()>(&CREATE_FOLDER).await.unwrap();
    assert_eq!(canva.request::<Value>(&CREATE_FOLDER).await.unwrap(), Value::Null);
    let error = canva.generated().get_asset("a").await.unwrap_err();
    assert_eq!(error.report(), "getAsset: unreadable response with status 200 OK: it has no body");
}

#[tokio::test]
async fn an_operation_of_ones_own_is_retried_by_its_method() {
    let lost = || http("502 Bad Gateway", "", "");
    let (base_url, mut seen) = script(vec![lost(), http("200 OK", "", "[1]")]).await;
    let read: Vec<u32> = client(&base_url).request(&GET_FOLDER).path("folderId", "f").await.unwrap();
    assert_eq!((read, seen.recv().await.is_some(), seen.recv().await.is_some()), (vec![1], true, true));

    let (base_url, mut seen) = script(vec![lost(), lost()]).await;
    let error = client(&base_url).request::<Value>(&CREATE_FOLDER).json(&json!({})).await.unwrap_err();
    assert!(
        matches!(error, Error::OutcomeUnknown { operation: Operation { id: "createFolder", .. }, .. }),
        "{error:?}"
    );
    assert!(seen.recv().await.is_some() && seen.try_recv().is_err());

    // HTTP doesn't promise it of a PATCH; who declares it may.
    static RENAME: Operation = Operation::new("renameFolder", "PATCH", "/v1/folders/f");
    static REPLACE: Operation = RENAME.repeatable();
    let (base_url, _seen) = script(vec![lost()]).await;
    let error = client(&base_url).request::<Value>(&RENAME).await.unwrap_err();
    assert!(error.is_outcome_unknown(), "{error:?}");
    let (base_url, _seen) = script(vec![lost(), http("200 OK", "", "1")]).await;
    assert_eq!(client(&base_url).request::<Value>(&REPLACE).await.unwrap(), 1);

    // It was deleted the first time, as far as anybody can know.
    let gone = http("404 Not Found", "", r#"{"code":"not_found","message":"m"}"#);
    let (base_url, _seen) = script(vec![lost(), gone.clone()]).await;
    client(&base_url).request::<()>(&DELETE_FOLDER).path("folderId", "f").await.unwrap();
    let (base_url, _seen) = script(vec![gone]).await;
    let error = client(&base_url).request::<()>(&DELETE_FOLDER).path("folderId", "f").await.unwrap_err();
    assert_eq!(error.status().unwrap(), 404);
}

#[tokio::test]
async fn a_refusal_names_the_scopes_of_an_operation_of_ones_own() {
    let refusal = http("403 Forbidden", "", r#"{"code":"missing_scope","message":"m"}"#);
    let (base_url, _seen) = script(vec![refusal]).await;
    let error = client(&base_url).request::<Value>(&GET_FOLDER).path("folderId", "f").await.unwrap_err();
    assert_eq!(error.to_string(), "getFolder: 403 Forbidden missing_scope: m; the token needs folder:read");
}

/// Counts who asks for a turn, and gives the second token after the first was refused.
#[derive(Clone, Default)]
struct Watched {
    turns: Arc<Mutex<Vec<&'static str>>>,
    refused: Arc<AtomicUsize>,
}

impl Pacer for Watched {
    fn acquire(&self, operation: &'static Operation, _: Duration) -> BoxFuture<'_, Result<Permit, BoxError>> {
        Box::pin(async move {
            self.turns.lock().unwrap().push(operation.id);
            Ok(Permit::new(|_| ()))
        })
    }

    fn pause(&self, _: &'static Operation, _: Duration) {}
}

impl TokenProvider for Watched {
    fn token(&self) -> BoxFuture<'_, Result<AccessToken, BoxError>> {
        Box::pin(async move {
            Ok(AccessToken::new(["first-token", "second-token"][self.refused.load(Ordering::SeqCst).min(1)]))
        })
    }

    fn refused<'a>(&'a self, _: &'a AccessToken) -> BoxFuture<'a, Result<bool, BoxError>> {
        Box::pin(async move { Ok(self.refused.fetch_add(1, Ordering::SeqCst) == 0) })
    }
}

#[tokio::test]
async fn whoever_makes_a_request_it_takes_turns_and_gets_a_new_token() {
    let unauthorized = || http("401 Unauthorized", "", r#"{"code":"invalid_access_token","message":"m"}"#);
    let uploaded = || http("200 OK", "", crate::support::UPLOADED);
    let (base_url, mut seen) =
        script(vec![unauthorized(), http("200 OK", "", "{}"), uploaded(), http("200 OK", "", "{}")]).await;
    let watched = Watched::default();
    let canva = Client::builder().token_provider(watched.clone()).pacer(watched.clone()).base_url(&base_url);
    let canva = canva.build().unwrap();
    let _: Value = canva.request(&GET_FOLDER).path("folderId", "f").await.unwrap();
    let call = canva.generated().create_asset_upload_job(&AssetUploadMetadata { name_base64: "bg==".into() }, vec![7]);
    let _ = call.content(UploadBody::from_reader(4, &b"data"[..])).await.unwrap();
    let _: Value = canva.request(&CREATE_FOLDER).await.unwrap();

    let mut tokens = Vec::new();
    for _ in 0..4 {
        tokens.push(seen.recv().await.unwrap().0.header("authorization").unwrap().to_owned());
    }
    assert_eq!(tokens, ["Bearer first-token", "Bearer second-token", "Bearer second-token", "Bearer second-token"]);
    assert_eq!(*watched.turns.lock().unwrap(), ["getFolder", "getFolder", "createAssetUploadJob", "createFolder"]);
}
