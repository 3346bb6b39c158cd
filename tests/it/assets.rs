//! An asset can be read and changed until it is deleted, and deleting it is done once, whatever becomes of the
//! response.

use std::time::Duration;

use canva_connect::{Asset, AssetMetadata, AssetType, Client};
use canva_simulator::Simulator;

use crate::support::{self, UPDATED, answering, http, lasting, once, script};

async fn uploaded() -> (Simulator, Client, Asset) {
    let simulator = Simulator::builder().job_duration(Duration::ZERO).start().await.unwrap();
    let canva = support::simulated(&simulator).build().unwrap();
    let asset = canva.upload_asset("tests/fixtures/photo.png").await.unwrap().wait().await.unwrap();
    (simulator, canva, asset)
}

/// That the three are different requests is in wire.rs.
#[tokio::test]
async fn tags_are_left_set_or_cleared_and_an_asset_is_read_as_it_is_now() {
    let (simulator, canva, asset) = uploaded().await;
    assert!(asset.tags.is_empty());
    let tagged = canva.update_asset(&asset.id).tags(["launch", "2026"]).await.unwrap();
    assert_eq!((tagged.name.as_str(), tagged.tags), ("photo.png", vec!["launch".to_owned(), "2026".to_owned()]));
    let renamed = canva.update_asset(&asset.id).name("Hero").await.unwrap();
    assert_eq!((renamed.name.as_str(), &*renamed.tags), ("Hero", &["launch".to_owned(), "2026".to_owned()][..]));
    assert_eq!(lasting(canva.get_asset(&asset.id).await.unwrap()), lasting(renamed));
    let cleared = canva.update_asset(&asset.id).clear_tags().await.unwrap();
    assert_eq!((cleared.name.as_str(), cleared.tags), ("Hero", vec![]));
    assert!(simulator.assets()[0].tags.is_empty());
    let unnamed = canva.update_asset(&asset.id).name("").await.unwrap();
    assert_eq!(unnamed.name, "Hero", "an empty name changes nothing");
}

#[tokio::test]
async fn an_asset_says_what_its_file_is() {
    let (_simulator, canva, photo) = uploaded().await;
    let video = canva.upload_asset("tests/fixtures/clip.mp4").await.unwrap().wait().await.unwrap();
    let said = |asset: &Asset| {
        let AssetMetadata { type_, width, height, duration, .. } = asset.metadata.clone().unwrap();
        (type_, width, height, duration)
    };
    assert_eq!(said(&photo), (AssetType::Image, Some(1200), Some(800), None));
    assert_eq!(said(&video), (AssetType::Video, Some(320), Some(180), Some(2)));

    let body = UPDATED.replace("\"id\"", r#""metadata":{"type":"model","polygons":9},"id""#);
    let model = once(&answering(http("200 OK", "", &body)).await).get_asset("a1").await.unwrap();
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
    assert_eq!(
        error.to_string(),
        "deleteAsset: 404 Not Found asset_not_found: There is no such asset. (request simulated-request-4)"
    );
}

#[tokio::test]
async fn an_asset_was_deleted_if_canva_misses_it_after_an_attempt_that_can_have_deleted_it() {
    let cut = || String::new();
    let gone = || http("404 Not Found", "", r#"{"code":"not_found","message":"m"}"#);
    let not_canva = || http("404 Not Found", "", "<h1>Not here</h1>");
    let deleted = || http("204 No Content", "", "");
    let broken = || http("503 Service Unavailable", "", "");
    let limited = || http("429 Too Many Requests", "retry-after: 0\r\n", "");
    for (responses, expected) in [
        (vec![cut(), gone()], Ok(())),
        (vec![broken(), gone()], Ok(())),
        (vec![cut(), limited(), gone()], Ok(())),
        (vec![cut(), deleted()], Ok(())),
        (vec![gone()], Err(404)),
        (vec![limited(), gone()], Err(404)),
        (vec![cut(), not_canva()], Err(404)),
    ] {
        let told = responses.concat();
        let (base_url, mut seen) = script(responses.clone()).await;
        let result = support::trying(5, &base_url).delete_asset("a1").await;
        assert_eq!(result.map_err(|error| error.status().unwrap().as_u16()), expected, "{told}");
        for _ in responses {
            let (head, _) = seen.recv().await.unwrap();
            assert!(head.text.starts_with("DELETE /rest/v1/assets/a1 "), "{}", head.text);
        }
    }
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
        let body = UPDATED.replace("\"n\"", &format!("\"{name}\""));
        let canva = once(&answering(http("200 OK", "", &body)).await);
        assert_eq!(canva.get_asset("a1").await.unwrap().name, read, "{name}");
    }
}
