//! An asset can be read for as long as it is there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use canva_connect::{Asset, Client};
use canva_simulator::Simulator;

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
    assert_eq!(error.to_string(), "getAsset: 404 Not Found not_found: There is no such asset.");
}
