//! Leaving tags out, setting them and clearing them are three different requests, and the server keeps to each.

use std::time::Duration;

use canva_connect::Client;
use canva_simulator::Simulator;

#[tokio::test]
async fn tags_are_left_set_or_cleared() {
    let simulator = Simulator::builder().job_duration(Duration::ZERO).start().await.unwrap();
    let canva = Client::builder().token(simulator.token()).base_url(simulator.base_url()).build().unwrap();
    let asset = canva.upload_asset("tests/fixtures/photo.png").await.unwrap().wait().await.unwrap();
    assert!(asset.tags.is_empty());
    let body = || String::from_utf8(simulator.requests().pop().unwrap().body.to_vec()).unwrap();

    let tagged = canva.update_asset(&asset.id).tags(["launch", "2026"]).await.unwrap();
    assert_eq!(tagged.tags, ["launch", "2026"]);
    assert_eq!(tagged.name, "photo.png");
    assert_eq!(body(), r#"{"tags":["launch","2026"]}"#);

    let renamed = canva.update_asset(&asset.id).name("Hero").await.unwrap();
    assert_eq!((renamed.name.as_str(), renamed.tags), ("Hero", vec!["launch".to_owned(), "2026".to_owned()]));
    assert_eq!(body(), r#"{"name":"Hero"}"#);

    let cleared = canva.update_asset(&asset.id).clear_tags().await.unwrap();
    assert_eq!((cleared.name.as_str(), cleared.tags), ("Hero", vec![]));
    assert_eq!(body(), r#"{"tags":[]}"#);
    assert!(simulator.assets()[0].tags.is_empty());

    let unnamed = canva.update_asset(&asset.id).name("").await.unwrap();
    assert_eq!(unnamed.name, "Hero", "an empty name changes nothing");
}
