//! A request is data until it is awaited, and then goes the same way whoever made it: the facade, the generated
//! client, or a caller with an operation of their own.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use canva_connect::generated::types::AssetUploadMetadata;
use canva_connect::operations::{Authentication, CREATE_ASSET_UPLOAD_JOB, Operation};
use canva_connect::pacing::Permit;
use canva_connect::{Error, Pacer, TokenProvider, UploadBody};
use canva_simulator::{CannedResponse, Fault, Simulator};
use serde_json::{Value, json};

use crate::support::{
    self, PIXEL, Paces, Renewing, UPLOADED, attempts, builder, everything, http, lasting, once, script, trying,
};

static GET_FOLDER: Operation = Operation::new("getFolder", "GET", "/v1/folders/{folderId}").scopes(&["folder:read"]);
static CREATE_FOLDER: Operation = Operation::new("createFolder", "POST", "/v1/folders").requests_per_minute(20);
static DELETE_FOLDER: Operation = Operation::new("deleteFolder", "DELETE", "/v1/folders/{folderId}");

fn named(name_base64: &str) -> AssetUploadMetadata {
    AssetUploadMetadata { name_base64: name_base64.into() }
}

#[tokio::test]
async fn a_generated_call_sends_nothing_until_it_is_awaited_and_is_then_retried_as_the_facades_are() {
    let simulator = Simulator::builder().job_duration(Duration::ZERO).start().await.unwrap();
    let canva = support::simulated(&simulator).retry_policy(attempts(3)).build().unwrap();
    let upload = || canva.generated().create_asset_upload_job(&named("bg=="), PIXEL.to_vec());
    let call = upload();
    assert_eq!(
        (call.operation(), format!("{call:?}").contains("createAssetUploadJob")),
        (&CREATE_ASSET_UPLOAD_JOB, true)
    );
    drop(call);
    assert!(simulator.requests().is_empty());
    let asset = upload().await.unwrap().job.asset.unwrap();
    assert_eq!(asset.name, "n");

    simulator.inject("getAsset", 1..=2, Fault::Respond(CannedResponse::html(502))).unwrap();
    let before = simulator.requests().len();
    let read = canva.generated().get_asset(&asset.id).await.unwrap().asset;
    assert_eq!((lasting(read), simulator.requests().len() - before), (lasting(asset), 3));

    // Nor is it carried out twice.
    simulator.inject("createAssetUploadJob", 1.., Fault::LoseResponse).unwrap();
    let Error::OutcomeUnknown { sent: Some(sent), .. } = upload().await.unwrap_err() else { panic!() };
    assert_eq!(sent.sent, PIXEL.len() as u64);
    assert_eq!(simulator.assets().len(), 2);
}

#[tokio::test]
async fn what_http_cannot_carry_or_the_operation_wants_is_said_before_anything_is_sent() {
    let canva = once("http://127.0.0.1:1/rest");
    let error = canva.generated().delete_asset("..").await.unwrap_err();
    assert_eq!(error.to_string(), "assetId: expected one segment of a path, got \"..\"");
    let error = canva.generated().create_asset_upload_job(&named("\u{7f}"), PIXEL.to_vec()).await.unwrap_err();
    assert_eq!(error.to_string(), "request: expected one that HTTP can carry, got failed to parse header value");

    let error = canva.request::<Value>(&GET_FOLDER).await.unwrap_err();
    assert_eq!(error.to_string(), "path: expected a value for each name, got /v1/folders/{folderId}");
    let error = canva.request::<Value>(&GET_FOLDER).path("id", "f").await.unwrap_err();
    assert_eq!(error.to_string(), "path: expected a name in /v1/folders/{folderId}, got \"id\"");
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
}

#[tokio::test]
async fn an_operation_of_ones_own_has_path_query_and_json() {
    let folder = http("201 Created", "", r#"{"folder":{"id":"f","new":1}}"#);
    let (base_url, mut seen) = script(vec![folder, http("204 No Content", "", ""), http("200 OK", "", "{}")]).await;
    let canva = once(&base_url);
    let made: Value = canva.request(&CREATE_FOLDER).json(&json!({ "name": "Ünï" })).await.unwrap();
    assert_eq!(made, json!({ "folder": { "id": "f", "new": 1 } }));
    canva.request::<()>(&DELETE_FOLDER).path("folderId", "a/b?c").await.unwrap();
    let request = canva.request(&GET_FOLDER).path("folderId", "root").query("limit", "5").query("q", "a&b");
    let _: Value = request.await.unwrap();

    let (head, body) = seen.recv().await.unwrap();
    assert!(head.text.starts_with("POST /rest/v1/folders HTTP/1.1\r\n"), "{}", head.text);
    assert_eq!(head.header("authorization"), Some("Bearer t"));
    assert_eq!(head.header("content-type"), Some("application/json"));
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), json!({ "name": "Ünï" }));
    let (head, _) = seen.recv().await.unwrap();
    assert!(head.text.starts_with("DELETE /rest/v1/folders/a%2Fb%3Fc HTTP/1.1\r\n"), "{}", head.text);
    let (head, _) = seen.recv().await.unwrap();
    assert!(head.text.starts_with("GET /rest/v1/folders/root?limit=5&q=a%26b HTTP/1.1\r\n"), "{}", head.text);
}

#[tokio::test]
async fn an_operation_of_ones_own_has_lists_headers_forms_and_no_token() {
    static SEARCH: Operation = Operation::new("search", "POST", "/v1/search").authentication(Authentication::None);
    static REVOKE: Operation = Operation::new("revoke", "POST", "/v1/revoke").authentication(Authentication::Basic);
    let refusal = r#"{"code":"invalid_client","message":"not top-secret-1, aWQ6dG9wLXNlY3JldC0x"}"#;
    let (base_url, mut seen) = script(vec![http("200 OK", "", "{}"), http("401 Unauthorized", "", refusal)]).await;
    let canva = once(&base_url);
    let call = canva.request::<()>(&SEARCH).query("tag", ["a b", "c&d"]).query_list("type", ",", ["x", "y,z"]);
    let call = call
        .query("n", 5)
        .query("none", None::<&str>)
        .header("X-Ids", [1, 2])
        .json_header("X-Meta", json!({"a": "é🚀"}));
    call.form(&json!({ "q": "a&b", "tags": ["c", "d e"], "deep": null })).await.unwrap();
    let (head, body) = seen.recv().await.unwrap();
    let target = "POST /rest/v1/search?tag=a%20b&tag=c%26d&type=x,y%2Cz&n=5 HTTP/1.1\r\n";
    assert!(head.text.starts_with(target), "{}", head.text);
    assert_eq!(
        (head.header("authorization"), head.header("x-ids"), head.header("x-meta")),
        (None, Some("1,2"), Some(r#"{"a":"\u00e9\ud83d\ude80"}"#))
    );
    assert_eq!(head.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(String::from_utf8(body).unwrap(), "q=a%26b&tags=c&tags=d%20e");

    // A refusal asks for no other token, and doesn't show the secret.
    let error = canva.request::<()>(&REVOKE).basic("id", "top-secret-1").await.unwrap_err();
    let (head, _) = seen.recv().await.unwrap();
    assert_eq!(head.header("authorization"), Some("Basic aWQ6dG9wLXNlY3JldC0x"));
    assert!(!everything(&error).contains("top-secret-1"), "{error:?}");
    assert!(!everything(&error).contains("aWQ6dG9wLXNlY3JldC0x"), "{error:?}");
    let error = canva.request::<()>(&REVOKE).await.unwrap_err();
    assert_eq!(error.to_string(), "request: expected the client's id and secret, by `basic`, got none");
    let error = canva.request::<()>(&REVOKE).basic("i:d", "s").await.unwrap_err();
    assert!(error.to_string().starts_with("client_id: expected visible ASCII characters without a colon"), "{error}");
    let headers = [("Authorization", json!("x")), ("X-List", json!(["a,b", "c"]))];
    let said = [
        "header: expected one that isn't the client's own, got authorization",
        "header: expected items without a comma",
    ];
    for ((name, value), said) in headers.into_iter().zip(said) {
        let error = canva.request::<()>(&SEARCH).header(name, value).await.unwrap_err();
        assert!(error.to_string().starts_with(said), "{error}");
    }
    let error = canva.request::<()>(&SEARCH).form(&[("q", "a")]).await.unwrap_err();
    assert_eq!(error.to_string(), "form: expected fields with names, got something else");
    let error = canva.request::<()>(&SEARCH).query("deep", json!({ "a": 1 })).await.unwrap_err();
    assert_eq!(error.to_string(), "parameter: expected text, a number, or a list of these, got deep = {\"a\":1}");
}

#[tokio::test]
async fn a_response_without_a_body_is_nothing_and_nothing_is_asked_of_one_with_a_body() {
    let responses = vec![http("200 OK", "", r#"{"ok":true}"#), http("200 OK", "", ""), http("200 OK", "", "")];
    let (base_url, _seen) = script(responses).await;
    let canva = once(&base_url);
    canva.request::<()>(&CREATE_FOLDER).await.unwrap();
    assert_eq!(canva.request::<Value>(&CREATE_FOLDER).await.unwrap(), Value::Null);
    let error = canva.generated().get_asset("a").await.unwrap_err();
    assert_eq!(error.report(), "getAsset: unreadable response with status 200 OK: it has no body");
}

#[tokio::test]
async fn an_operation_of_ones_own_is_retried_by_its_method() {
    // HTTP doesn't promise it of a PATCH; who declares it may.
    static RENAME: Operation = Operation::new("renameFolder", "PATCH", "/v1/folders");
    static REPLACE: Operation = RENAME.repeatable();
    static READ: Operation = Operation::new("readFolders", "GET", "/v1/folders");
    for (operation, repeated) in [(&READ, true), (&REPLACE, true), (&RENAME, false), (&CREATE_FOLDER, false)] {
        let (base_url, mut seen) = script(vec![http("502 Bad Gateway", "", ""), http("200 OK", "", "1")]).await;
        match trying(3, &base_url).request::<u32>(operation).await {
            Ok(read) => assert!(repeated && read == 1, "{operation:?}"),
            Err(Error::OutcomeUnknown { operation: told, .. }) => assert!(!repeated && told == operation),
            Err(error) => panic!("{error:?}"),
        }
        assert!(seen.recv().await.is_some());
        assert_eq!(seen.try_recv().is_ok(), repeated, "{operation:?}");
    }
}

#[tokio::test]
async fn a_refusal_names_the_scopes_of_an_operation_of_ones_own() {
    let refusal = http("403 Forbidden", "", r#"{"code":"missing_scope","message":"m"}"#);
    let (base_url, _seen) = script(vec![refusal]).await;
    let error = once(&base_url).request::<Value>(&GET_FOLDER).path("folderId", "f").await.unwrap_err();
    assert_eq!(error.to_string(), "getFolder: 403 Forbidden missing_scope: m; the token needs folder:read");
}

#[tokio::test]
async fn whoever_makes_a_request_it_takes_turns_and_gets_a_new_token() {
    let unauthorized = || http("401 Unauthorized", "", r#"{"code":"invalid_access_token","message":"m"}"#);
    let ok = || http("200 OK", "", "{}");
    let (base_url, mut seen) = script(vec![unauthorized(), ok(), http("200 OK", "", UPLOADED), ok()]).await;
    let turns = Arc::new(Mutex::new(Vec::new()));
    let taken = turns.clone();
    let pacer = Paces::new(move |operation, _| {
        taken.lock().unwrap().push(operation.id);
        Box::pin(async { Ok(Permit::new(|_| ())) })
    });
    // Either may be chosen at run time.
    let (pacer, tokens): (Arc<dyn Pacer>, Arc<dyn TokenProvider>) = (Arc::new(pacer), Arc::new(Renewing::default()));
    let canva = builder(&base_url).token_provider(tokens).pacer(pacer).build().unwrap();
    let _: Value = canva.request(&GET_FOLDER).path("folderId", "f").await.unwrap();
    let call = canva.generated().create_asset_upload_job(&named("bg=="), vec![7]);
    let _ = call.content(UploadBody::from_reader(4, &b"data"[..])).await.unwrap();
    let _: Value = canva.request(&CREATE_FOLDER).await.unwrap();

    for expected in ["old-token", "new-token", "new-token", "new-token"] {
        let (head, _) = seen.recv().await.unwrap();
        assert_eq!(head.header("authorization"), Some(&*format!("Bearer {expected}")));
    }
    assert_eq!(*turns.lock().unwrap(), ["getFolder", "getFolder", "createAssetUploadJob", "createFolder"]);
}
