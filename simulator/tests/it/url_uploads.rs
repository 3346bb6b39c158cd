//! URL uploads fetch from this machine alone, and say `fetch_failed` to everything else.

use std::time::Duration;

use bytes::Bytes;
use canva_simulator::Simulator;
use serde_json::json;
use tokio::net::TcpListener;

use crate::common::{fixture, found, ok, prompt, upload_url, web};

fn moved(to: &str) -> (String, Bytes) {
    (format!("302 Found\r\nlocation: {to}"), Bytes::new())
}

#[tokio::test]
async fn a_file_on_this_machine_becomes_an_asset_also_behind_a_redirect() {
    let simulator = prompt().await;
    let port = web([("/photo.jpg", found(fixture("photo.jpg"))), ("/moved", moved("/photo.jpg"))].into()).await;
    for (host, path) in [("127.0.0.1", "photo.jpg"), ("localhost", "photo.jpg"), ("127.0.0.1", "moved")] {
        let job = ok(upload_url(&simulator, "Photo", &format!("http://{host}:{port}/{path}"))).await["job"].take();
        assert_eq!(job["status"], "success", "{host} {path}: {job}");
    }
    assert_eq!(simulator.assets().remove(2).bytes, fixture("photo.jpg"));
}

#[tokio::test]
async fn what_cannot_be_fetched_from_this_machine_is_a_failed_fetch() {
    let simulator = prompt().await;
    let photo = web([("/photo.jpg", found(fixture("photo.jpg")))].into()).await;
    // Leads to this machine as well, but isn't a loopback address.
    let elsewhere = format!("http://0.0.0.0:{photo}/photo.jpg");
    let port = web([("/far", moved(&elsewhere)), ("/loop", moved("/loop"))].into()).await;
    let cases = [
        format!("http://127.0.0.1:{port}/missing"),
        format!("http://127.0.0.1:{port}/far"),
        format!("http://127.0.0.1:{port}/loop"),
        elsewhere,
        "http://192.0.2.1/photo.png".into(),
        "http://[2001:db8::1]/photo.png".into(),
        "http://10.0.0.1/photo.png".into(),
        "http://no-such-host.invalid/photo.png".into(),
        "file:///etc/hostname".into(),
        "not a URL at all".into(),
        closed_port().await,
    ];
    for url in cases {
        let job = ok(upload_url(&simulator, "Photo", &url)).await["job"].take();
        assert_eq!((&job["status"], &job["error"]["code"]), (&json!("failed"), &json!("fetch_failed")), "{url}");
    }
    assert!(simulator.assets().is_empty());
}

#[tokio::test]
async fn a_fetched_file_is_judged_as_an_uploaded_one_is() {
    let simulator = Simulator::builder().max_asset_bytes(50_000).job_duration(Duration::ZERO).start().await.unwrap();
    let port =
        web([("/notes.txt", found(fixture("notes.txt"))), ("/big.png", found(fixture("photo.png")))].into()).await;
    for (path, code) in [("notes.txt", "import_failed"), ("big.png", "file_too_big")] {
        let job = ok(upload_url(&simulator, "File", &format!("http://127.0.0.1:{port}/{path}"))).await["job"].take();
        assert_eq!(job["error"]["code"], code, "{path}");
    }
}

#[tokio::test]
async fn a_video_over_100_mb_is_too_big_to_fetch() {
    let simulator = prompt().await;
    let clip = fixture("clip.mp4");
    let padded = |total: u32| {
        let free = total - clip.len() as u32;
        let mut video = clip.to_vec();
        video.extend_from_slice(&free.to_be_bytes());
        video.extend_from_slice(b"free");
        video.resize(total as usize, 0);
        found(video.into())
    };
    let port = web([("/small.mp4", padded(100_000_000)), ("/large.mp4", padded(100_000_001))].into()).await;
    let job = ok(upload_url(&simulator, "Video", &format!("http://127.0.0.1:{port}/small.mp4"))).await["job"].take();
    assert_eq!(job["asset"]["type"], "video", "{job}");
    let job = ok(upload_url(&simulator, "Video", &format!("http://127.0.0.1:{port}/large.mp4"))).await["job"].take();
    assert_eq!(job["error"]["code"], "file_too_big");
}

async fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}/photo.png", listener.local_addr().unwrap())
}
