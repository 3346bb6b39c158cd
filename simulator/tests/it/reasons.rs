//! The reason of a refusal says in one sentence what was wrong, and what would be right.

use canva_simulator::{Access, Simulator};
use reqwest::Method;

use crate::common::{because, by, client, form, image, import, ok, prompt, read, refused, request, upload};

#[tokio::test]
async fn a_missing_scope_is_named_beside_those_that_the_token_has() {
    let reader = Access::new("reader").scopes(["asset:read", "folder:read"]);
    let none = Access::new("none").scopes(Vec::<String>::new());
    let simulator = Simulator::builder().access(reader).access(none).start().await.unwrap();
    for (token, has) in [("reader", "asset:read folder:read"), ("none", "no scope")] {
        let delete = by(token, request(&simulator, Method::DELETE, "/v1/assets/none"));
        let reason = format!("The operation needs asset:write, and the token has {has}.");
        assert_eq!(because(delete, &reason).await, (403, "missing_scope".into()));
    }
}

#[tokio::test]
async fn a_wrong_content_type_is_shown_beside_the_right_one() {
    let simulator = prompt().await;
    let upload = || request(&simulator, Method::POST, "/v1/asset-uploads").body("x");
    let with = |given: &[u8]| upload().header("content-type", given);
    for (upload, reason) in [
        (upload(), "Content-Type is missing, and must be application/octet-stream."),
        (with(b"image/png"), "Content-Type is image/png, and must be application/octet-stream."),
        (with(b"image/\xc3\xa9"), "Content-Type is not visible ASCII, and must be application/octet-stream."),
        (with(b"multipart/form-data; boundary=x"), "must be application/octet-stream. Send the bytes of the file as"),
    ] {
        assert_eq!(because(upload, reason).await, (415, "unsupported_content_type".into()));
    }
    let token = client().post(simulator.token_url()).basic_auth(simulator.client_id(), Some(simulator.client_secret()));
    let token = token.header("content-type", b"\xff".as_slice());
    let reason = "Content-Type is not visible ASCII, and must be application/x-www-form-urlencoded.";
    assert_eq!(because(token, reason).await, (400, "bad_request_body".into()));
}

#[tokio::test]
async fn a_wrong_client_secret_says_where_the_right_one_is() {
    let simulator = prompt().await;
    let form = || form(simulator.token_url(), &[("grant_type", "refresh_token")]);
    let body = [("client_id", simulator.client_id()), ("client_secret", "old")];
    let in_form = crate::common::form(simulator.token_url(), &body);
    for wrong in [form().basic_auth(simulator.client_id(), Some("old")), in_form] {
        let reason = "isn't that of simulator-client. Unless it was set, it is new at each start";
        assert_eq!(because(wrong, reason).await, (401, "invalid_access_token".into()));
    }
}

#[tokio::test]
async fn an_object_that_javascript_made_text_of_is_known() {
    let simulator = prompt().await;
    let upload = request(&simulator, Method::POST, "/v1/asset-uploads")
        .header("content-type", "application/octet-stream")
        .header("asset-upload-metadata", "[object Object]");
    let folder = request(&simulator, Method::POST, "/v1/folders")
        .header("content-type", "application/json")
        .body("[object Object]");
    for (request, subject, code) in
        [(upload, "Asset-Upload-Metadata", "invalid_header_value"), (folder, "The request body", "bad_request_body")]
    {
        assert_eq!(refused(request).await, (400, code.into()));
        let message = simulator.requests().pop().unwrap().message.unwrap();
        let why = "is not JSON: it is the text [object Object], so the object needs JSON.stringify.";
        assert_eq!(message, format!("{subject} {why}"));
    }
}

#[tokio::test]
async fn a_refusal_of_oauth_names_a_place_of_the_spec_only_where_one_says_what_was_wrong() {
    let simulator = prompt().await;
    let rule = || simulator.requests().pop().unwrap().rule;
    let credentials = (simulator.client_id(), Some(simulator.client_secret()));
    let unknown = form(simulator.token_url(), &[("grant_type", "refresh_token"), ("refresh_token", "unknown")]);
    refused(unknown.basic_auth(credentials.0, credentials.1)).await;
    assert_eq!(rule(), None);
    refused(client().get(simulator.token_url())).await;
    assert_eq!(rule(), None);
    let code = simulator.authorize("zAscLGbzu5_RoIHGJrob72L2-WRBpDvhUmhSN3asJqE", ["asset:reed"], "");
    let verifier = "x".repeat(43);
    let exchange = [("grant_type", "authorization_code"), ("code", &code), ("code_verifier", &verifier)];
    let exchange = form(simulator.token_url(), &exchange).basic_auth(credentials.0, credentials.1);
    assert_eq!(refused(exchange).await, (400, "invalid_scope".into()));
    let scopes = "#/components/securitySchemes/oauthAuthCode/flows/authorizationCode/scopes";
    assert_eq!(rule().as_deref(), Some(scopes));
}

#[tokio::test]
async fn a_failed_job_names_the_place_of_the_reasons_why_one_fails() {
    let simulator = prompt().await;
    let last = || simulator.requests().pop().unwrap();
    let failed = ok(upload(&simulator, "Notes", "no image")).await;
    let job = format!("/v1/asset-uploads/{}", failed["job"]["id"].as_str().unwrap());
    ok(read(&simulator, &job)).await;
    for request in simulator.requests() {
        assert_eq!(request.rule.as_deref(), Some("#/components/schemas/AssetUploadErrorCode"), "{request}");
    }
    ok(import(&simulator, "Notes", None, "no document")).await;
    assert_eq!(last().rule.as_deref(), Some("#/components/schemas/DesignImportErrorCode"));
    ok(upload(&simulator, "Photo", image())).await;
    assert_eq!(last().rule, None);
}
