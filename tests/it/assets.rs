//! An asset can be read until it is deleted, and deleting it is done once, whatever becomes of the response.

use std::time::Duration;

use canva_connect::{Asset, AssetMetadata, AssetType, Client, RetryPolicy};
use canva_simulator::Simulator;
use tokio::io::AsyncWriteExt;

use crate::support;

async fn uploaded() -> (Simulator, Client, Asset) {
    let simulator = Simulator::builder().job_duration(Duration::ZERO).start().await.unwrap();
    let canva = Client::builder().token(simulator.token()).base_url(simulator.base_url()).build().unwrap();
    let asset = canva.upload_asset("tests/fixtures/photo.png").await.unwrap().wait().await.unwrap();
    (simulator, canva, asset)
}

#[tokio::test]
async fn an_asset_is_read_as_it_is_now() {
    let (_simulator, canva, asset) = uploaded().await;
    let updated = canva.update_asset(&asset.id).name("Hero").tags(["launch"]).await.unwrap();
    let read = canva.get_asset(&asset.id).await.unwrap();
    assert_eq!((read.name.as_str(), &read.tags, read.updated_at), ("Hero", &updated.tags, updated.updated_at));

    let error = canva.get_asset("Mnone").await.unwrap_err();
    assert_eq!(error.to_string(), "getAsset: 404 Not Found asset_not_found: There is no such asset.");
}

#[tokio::test]
async fn an_asset_says_what_its_file_is() {
    let (_simulator, canva, photo) = uploaded().await;
    assert!(photo.tags.is_empty());
    let video = canva.upload_asset("tests/fixtures/clip.mp4").await.unwrap().wait().await.unwrap();
    let said = |asset: &Asset| {
        let AssetMetadata { type_, width, height, duration, .. } = asset.metadata.clone().unwrap();
        (type_, width, height, duration)
    };
    assert_eq!(said(&photo), (AssetType::Image, Some(1200), Some(800), None));
    assert_eq!(said(&video), (AssetType::Video, Some(320), Some(180), Some(2)));

    let asset = r#""id":"a1","name":"n","created_at":1,"updated_at":1,"metadata":{"type":"model","polygons":9}"#;
    let body = format!(r#"{{"asset":{{{asset}}}}}"#);
    let base_url = support::answering(support::http("200 OK", "", &body)).await;
    let model = Client::builder().token("t").base_url(base_url).build().unwrap().get_asset("a1").await.unwrap();
    assert_eq!(said(&model), (AssetType::Unknown("model".to_owned()), None, None, None));
    assert_eq!(model.metadata.unwrap().extra["polygons"], 9);
    // A response that leaves its tags out is read all the same.
    assert!(model.tags.is_empty());
}

#[tokio::test]
async fn a_deleted_asset_is_gone() {
    let (simulator, canva, asset) = uploaded().await;
    canva.delete_asset(&asset.id).await.unwrap();
    assert!(simulator.assets().is_empty());
    assert_eq!(simulator.trash().len(), 1);
    assert_eq!(canva.get_asset(&asset.id).await.unwrap_err().status().unwrap(), 404);
    // Nothing was lost on the way, so this is a mistake of the caller's.
    let error = canva.delete_asset(&asset.id).await.unwrap_err();
    assert_eq!(error.to_string(), "deleteAsset: 404 Not Found asset_not_found: There is no such asset.");
}

const CUT: &str = "";
const GONE: &str = "HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n{\"code\":\"not_found\",\"message\":\"m\"}";
const NOT_CANVA: &str = "HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n<h1>Not here</h1>";
const DELETED: &str = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
const BROKEN: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const LIMITED: &str =
    "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\nretry-after: 0\r\nconnection: close\r\n\r\n";

/// Deletes against a server that gives these responses, one after the other. The last error's status, if there is one.
async fn deleting(responses: &'static [&'static str]) -> Result<(), u16> {
    let (listener, base_url) = support::listen().await;
    let server = tokio::spawn(async move {
        for response in responses {
            let (mut stream, _) = listener.accept().await.unwrap();
            let head = support::read_head(&mut stream).await.unwrap();
            assert!(head.text.starts_with("DELETE /rest/v1/assets/a1 "), "{}", head.text);
            stream.write_all(response.as_bytes()).await.unwrap();
        }
    });
    let mut retry = RetryPolicy::default();
    retry.base_delay = Duration::from_millis(1);
    let canva = Client::builder().token("t").base_url(base_url).retry_policy(retry).build().unwrap();
    let result = canva.delete_asset("a1").await;
    // Every response was asked for.
    server.await.unwrap();
    result.map_err(|error| error.status().unwrap().as_u16())
}

#[tokio::test]
async fn an_asset_that_is_gone_after_a_lost_response_was_deleted() {
    assert_eq!(deleting(&[CUT, GONE]).await, Ok(()));
    assert_eq!(deleting(&[BROKEN, GONE]).await, Ok(()));
    assert_eq!(deleting(&[CUT, LIMITED, GONE]).await, Ok(()));
    assert_eq!(deleting(&[CUT, DELETED]).await, Ok(()));
}

#[tokio::test]
async fn an_asset_that_no_earlier_attempt_can_have_deleted_or_that_canva_does_not_miss_was_not_deleted() {
    assert_eq!(deleting(&[GONE]).await, Err(404));
    assert_eq!(deleting(&[LIMITED, GONE]).await, Err(404));
    assert_eq!(deleting(&[CUT, NOT_CANVA]).await, Err(404));
}

#[tokio::test]
async fn half_an_emoji_in_a_name_is_read_as_a_replacement_character() {
    for (name, read) in [
        (r"cut \ud83d", "cut \u{fffd}"),
        (r"\ud83dx", "\u{fffd}x"),
        (r"\ude80 \ud83d\ud83d\ude80", "\u{fffd} \u{fffd}🚀"),
        (r"\\ud83d \ud83d", "\\ud83d \u{fffd}"),
        (r"é\ud83dé \\\udc00", "é\u{fffd}é \\\u{fffd}"),
        (r"\ud83d\u0041", "\u{fffd}A"),
    ] {
        let body = support::UPDATED.replace("\"n\"", &format!("\"{name}\""));
        let base_url = support::answering(support::http("200 OK", "", &body)).await;
        let canva = Client::builder().token("t").base_url(base_url).build().unwrap();
        assert_eq!(canva.get_asset("a1").await.unwrap().name, read, "{name}");
    }
}
