//! Each request has a line that says what became of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use canva_simulator::{Fault, Simulator};

use crate::common::{client, read, refused};

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
