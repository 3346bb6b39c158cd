//! Whatever comes back, the error keeps the status and the cause.

use std::path::PathBuf;

use canva_connect::{Client, Error, RetryPolicy};
use serde_json::{Value, json};

use crate::support::{self, http};

/// A client of a server that answers every request with these bytes.
async fn answering(response: impl Into<Vec<u8>>) -> Client {
    let canva = support::builder(&support::answering(response).await).token("the-token");
    canva.retry_policy(RetryPolicy::never()).build().unwrap()
}

async fn update(canva: &Client) -> Error {
    canva.update_asset("a1").name("n").await.unwrap_err()
}

#[tokio::test]
async fn an_error_of_the_api_is_kept_whole() {
    let headers = "content-type: application/json\r\nx-request-id: r-42\r\nretry-after: 7\r\n";
    let body = r#"{"code":"too_many_requests","message":"Slow down.","more":{"token":"the-\u0074oken"}}"#;
    let error = update(&answering(http("429 Too Many Requests", headers, body)).await).await;
    let api = error.api().unwrap();
    assert_eq!(
        (api.status.as_u16(), api.code.as_str(), api.message.as_str()),
        (429, "too_many_requests", "Slow down.")
    );
    assert_eq!(Value::from(api.extra.clone()), json!({ "more": { "token": "[REDACTED]" } }));
    assert_eq!(api.request_id.as_deref(), Some("r-42"));
    assert_eq!(api.retry_after.unwrap().as_secs(), 7);
    assert_eq!(
        error.to_string(),
        "updateAsset: 429 Too Many Requests too_many_requests: Slow down. (request r-42) (retry after 7 s)"
    );
}

#[tokio::test]
async fn a_body_that_is_not_json_keeps_its_status_and_its_beginning() {
    let html = "<html>\n<h1>502   Bad Gateway</h1></html>";
    let error = update(&answering(http("502 Bad Gateway", "content-type: text/html\r\n", html)).await).await;
    assert_eq!(error.status().unwrap(), 502);
    assert_eq!(error.api().unwrap().message, "<html> <h1>502 Bad Gateway</h1></html>");

    let error = update(&answering(http("403 Forbidden", "", "")).await).await;
    assert_eq!(error.to_string(), "updateAsset: 403 Forbidden");

    let cut = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 100\r\n\r\n{\"code\":\"inter";
    let error = update(&answering(cut).await).await;
    assert_eq!(error.status().unwrap(), 500);
    assert_eq!(error.api().unwrap().message, "{\"code\":\"inter");

    let endless = http("500 Internal Server Error", "", &"x".repeat(10 << 20));
    let error = update(&answering(endless).await).await;
    assert_eq!(error.status().unwrap(), 500);
    assert!(error.to_string().len() < 400, "{}", error.to_string().len());
}

#[tokio::test]
async fn a_success_that_cannot_be_read_keeps_its_status_and_its_beginning() {
    let canva = answering(http("200 OK", "x-request-id: r-1\r\n", "<html>hello</html>")).await;
    let error = update(&canva).await;
    assert_eq!(error.status().unwrap(), 200);
    let Error::Decode { request_id, excerpt, source, .. } = &error else { panic!("{error:?}") };
    assert_eq!((request_id.as_deref(), excerpt.as_str()), (Some("r-1"), "<html>hello</html>"));
    assert!(source.is::<serde_json::Error>());
    // The same after a create: the job is there, but nobody knows its id.
    let error = canva.upload_asset(vec![1]).name("n").await.unwrap_err();
    assert!(error.is_outcome_unknown(), "{error:?}");
    assert_eq!(error.status().unwrap(), 200);

    let error = update(&answering(http("202 Accepted", "", "{}")).await).await;
    assert_eq!(error.status().unwrap(), 202);
    assert!(error.report().contains("no such success"), "{error}");
}

#[test]
fn plain_http_is_for_this_machine_alone() {
    let build = |url: &str| Client::builder().token("t").base_url(url).build();
    for url in [
        "http://127.0.0.1:1/rest",
        "http://[::1]/rest",
        "http://localhost:80",
        "https://example.com/rest",
        "HTTP://127.0.0.1/rest",
        "HTTPS://Example.com/rest",
    ] {
        assert!(build(url).is_ok(), "{url}");
    }
    for url in [
        "http://example.com/rest",
        "http://127.0.0.1.example.com",
        "http://10.0.0.1",
        "http://localhost.evil",
        "HTTP://example.com",
    ] {
        let error = build(url).unwrap_err().to_string();
        assert!(error.starts_with("base_url: expected https://"), "{error}");
    }
    assert!(Client::builder().token("t").base_url("http://example.com").allow_plain_http().build().is_ok());
    for url in
        ["", "example.com", "ftp://example.com", "file:///etc", "https://u:p@example.com", "https://example.com?q"]
    {
        let error = build(url).unwrap_err();
        assert!(matches!(error, Error::InvalidInput { field: "base_url", .. }), "{error}");
    }
    assert!(matches!(Client::builder().build().unwrap_err(), Error::InvalidInput { field: "token", .. }));
    assert!(Client::builder().token("t").user_agent("bad\nagent").build().is_err());
}

#[test]
fn a_base_url_is_taken_literally_and_its_password_is_not_printed() {
    let build = |url: &str| Client::builder().token("t").base_url(url).build();
    for url in [
        r"https:evil.example\rest",
        r"https:\\evil.example\rest",
        r"https://api.canva.com\rest",
        "https:evil.example",
        "https:/evil.example",
        "https:///evil.example",
        "ht\ttps://evil.example",
        "https://evil.\nexample",
        " https://evil.example",
        "https://evil.example/rest ",
        "https://evil.example\u{a0}",
        "//evil.example",
        "HTTPS:evil.example",
    ] {
        let error = build(url).unwrap_err();
        assert!(matches!(error, Error::InvalidInput { field: "base_url", .. }), "{url}: {error}");
    }
    for url in [
        "https://user:pa55word@exa mple.com",
        "https://user:pa55word@example.com",
        "https:user:pa55word@example.com",
        "http://user:pa55word@example.com",
        "user:pa55word@example.com",
        "ftp://user:pa55word@example.com",
        "https://user:pa55word@[::1",
    ] {
        let error = build(url).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("pa55word"), "{error:?}");
    }
}

#[tokio::test]
async fn text_of_a_response_forges_no_line_and_moves_no_cursor() {
    let text = "a\nERROR forged \u{1b}[2J \u{9b}31m \u{202e}cod.exe \u{2028}next \u{7f}";
    let error = json!({ "code": text, "message": text });
    let headers = "x-request-id: r\t1\r\n";
    let failed = json!({ "job": { "id": text, "status": "failed", "error": error } }).to_string();
    let canva = answering(http("200 OK", "", &failed)).await;
    for error in [
        update(&answering(http("403 Forbidden", headers, &error.to_string())).await).await,
        update(&answering(http("200 OK", headers, &error.to_string())).await).await,
        update(&answering(http("502 Bad Gateway", headers, text)).await).await,
        canva.upload_asset(vec![1]).name("n").await.unwrap().wait().await.unwrap_err(),
        canva.upload_asset(PathBuf::from(format!("no\u{1b}[2J/{text}"))).name("n").await.unwrap_err(),
    ] {
        for said in [error.to_string(), error.report()] {
            assert!(!said.contains(canva_connect::Printable::escapes), "{said:?}");
        }
    }
}

#[tokio::test]
async fn a_word_of_the_api_is_not_rewritten_for_a_token_that_is_a_word() {
    let body = r#"{"code":"invalid_access_token","message":"The token is invalid."}"#;
    let base_url = support::answering(http("403 Forbidden", "", body)).await;
    let error = update(&support::builder(&base_url).token("token").build().unwrap()).await;
    let api = error.api().unwrap();
    assert_eq!((api.code.as_str(), api.message.as_str()), ("invalid_access_token", "The token is invalid."));
}

#[tokio::test]
async fn an_error_is_a_line_however_much_the_server_says() {
    let long = "é".repeat(50_000);
    let failed =
        format!(r#"{{"job":{{"id":"{long}","status":"failed","error":{{"code":"{long}","message":"{long}"}}}}}}"#);
    let in_progress = format!(r#"{{"job":{{"id":"{long}","status":"in_progress"}}}}"#);
    let refused = format!(r#"{{"code":"c","message":"{}"}}"#, &long[..60_000]);
    let wrong = format!(r#"{{"job":{{"id":"j","status":"success","asset":"{long}"}}}}"#);
    for (status, body) in
        [("200 OK", &failed), ("200 OK", &in_progress), ("403 Forbidden", &refused), ("200 OK", &wrong)]
    {
        let canva = answering(http(status, "", body)).await;
        let error = match canva.upload_asset(vec![1]).name("n").await {
            Ok(mut job) => job.wait().await.unwrap_err(),
            Err(error) => error,
        };
        assert!(error.to_string().chars().count() < 4_000);
        let said = error.report();
        assert!(said.chars().count() <= 4_001, "{} characters: {said:.200}", said.chars().count());
    }
}
