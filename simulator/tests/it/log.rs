//! Each request has a line that says what became of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use canva_simulator::{CannedResponse, Fault, Simulator};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::common::{address, client, read, refused};

type Lines = Arc<Mutex<Vec<String>>>;

async fn logging() -> (Simulator, Lines) {
    let lines = Lines::default();
    let written = lines.clone();
    let builder = Simulator::builder().job_duration(Duration::ZERO);
    let builder = builder.on_request(move |request| written.lock().unwrap().push(request.to_string()));
    (builder.start().await.unwrap(), lines)
}

/// The line without its duration, which differs each time.
fn last(lines: &Lines) -> String {
    let line = lines.lock().unwrap().last().unwrap().clone();
    let words = line.split(' ').collect::<Vec<_>>();
    let ms = words.iter().position(|word| *word == "ms" || *word == "ms:").unwrap();
    [&words[..ms - 1], &words[ms..]].concat().join(" ")
}

#[tokio::test]
async fn a_line_says_what_came_and_why_it_was_refused() {
    let (simulator, lines) = logging().await;
    let number = |line: &str, number: u32| assert!(line.starts_with(&format!("#{number} ")), "{line}");
    read(&simulator, "/v1/users/me").send().await.unwrap();
    assert_eq!(last(&lines), "#1 GET /rest/v1/users/me 200 ms");
    refused(client().get(format!("{}/v1/users/me", simulator.base_url()))).await;
    let line = last(&lines);
    number(&line, 2);
    assert!(line.contains("401 invalid_access_token ms: There is no Authorization."), "{line}");
    assert!(line.ends_with("[openapi.yaml#/components/securitySchemes/oauthAuthCode]"), "{line}");
    let upload = client().post(format!("{}/v1/asset-uploads", simulator.base_url())).bearer_auth(simulator.token());
    refused(upload.header("content-type", "application/octet-stream").header("asset-upload-metadata", "{")).await;
    number(&last(&lines), 3);
    assert!(last(&lines).contains("Asset-Upload-Metadata is not JSON"), "{}", last(&lines));
    refused(read(&simulator, "/v1/users/me").header("host", "evil.example")).await;
    assert!(last(&lines).contains("403 permission_denied ms: Host is \"evil.example\"."), "{}", last(&lines));
    let failed = crate::common::upload(&simulator, "Photo", "no image").send().await.unwrap();
    assert_eq!(failed.status(), 200);
    assert!(last(&lines).contains("200 import_failed ms: The file is no image"), "{}", last(&lines));
    let consent = client().get(format!("{}?client_id=x&state=\u{1b}[31m", simulator.authorization_url()));
    assert_eq!(consent.send().await.unwrap().status(), 400);
    assert!(last(&lines).starts_with("#6 GET /api/oauth/authorize?client_id=x&state=%1B[31m 400"), "{}", last(&lines));
}

#[tokio::test]
async fn a_request_without_a_response_has_a_line_too() {
    let (simulator, lines) = logging().await;
    simulator.inject("usersMe", 1..=1, Fault::LoseResponse).unwrap();
    read(&simulator, "/v1/users/me").send().await.unwrap_err();
    assert_eq!(last(&lines), "#1 GET /rest/v1/users/me no response ms: The fault lose_response was asked for.");
    simulator.inject("usersMe", 1..=1, Fault::Delay(Duration::from_secs(3600))).unwrap();
    let gone = read(&simulator, "/v1/users/me").timeout(Duration::from_millis(200));
    gone.send().await.unwrap_err();
    while lines.lock().unwrap().len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(last(&lines).starts_with("#2 GET /rest/v1/users/me no response"), "{}", last(&lines));
}

#[tokio::test]
async fn nothing_in_a_line_can_move_turn_or_hide_what_stands_beside_it() {
    let (simulator, lines) = logging().await;
    let mut stream = TcpStream::connect(address(&simulator)).await.unwrap();
    let hidden = "\u{202e}\u{2066}\u{200b}\u{2028}\u{9b}";
    let head = format!("GET /{hidden}?a={hidden} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.read_to_end(&mut Vec::new()).await.unwrap();
    let escaped = r"\u{202e}\u{2066}\u{200b}\u{2028}\u{9b}";
    let line = last(&lines);
    assert!(line.starts_with(&format!("#1 GET /{escaped}?a={escaped} 404")), "{line}");
    // JSON has its own escapes, and the whole text.
    assert_eq!(simulator.requests()[0].to_json()["query"], format!("a={hidden}"));
}

#[tokio::test]
async fn a_line_has_an_end_and_the_reason_is_before_it() {
    let (simulator, lines) = logging().await;
    let long = "a".repeat(30_000);
    refused(read(&simulator, &format!("/v1/users/me/{long}?{long}"))).await;
    let line = last(&lines);
    assert!(line.len() < 400 && line.contains("a… 404 endpoint_not_found ms: There is no operation"), "{line}");
    assert_eq!(simulator.requests()[0].query, long);
    simulator
        .inject(
            "usersMe",
            1..=1,
            Fault::Respond(CannedResponse::json(500).body(json!({ "message": long }).to_string())),
        )
        .unwrap();
    read(&simulator, "/v1/users/me").send().await.unwrap();
    simulator
        .inject("usersMe", 1..=1, Fault::Respond(CannedResponse::json(500).body(json!({ "code": long }).to_string())))
        .unwrap();
    read(&simulator, "/v1/users/me").send().await.unwrap();
    for line in lines.lock().unwrap().iter() {
        assert!(line.chars().count() < 1000, "{line}");
    }
}

/// Browsers send all cookies of this machine's other programs.
#[tokio::test]
async fn cookies_and_credentials_are_hidden_whole() {
    let (simulator, _) = logging().await;
    let basic = "Basic c2ltdWxhdG9yLWNsaWVudDpzZWNyZXQ=";
    let asked = read(&simulator, "/v1/users/me").header("cookie", "session=of-another-program; b=c");
    asked.header("proxy-authorization", basic).send().await.unwrap();
    let shown = client().get(format!("{}/requests/1", simulator.control_url())).send().await.unwrap();
    let shown = shown.text().await.unwrap();
    assert!(!shown.contains("of-another-program") && !shown.contains("c2ltdWxh"), "{shown}");
    assert!(!format!("{:?}", simulator.requests()).contains("of-another-program"));
}
