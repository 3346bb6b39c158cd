//! Uploads, renames and tags an image, and imports a PDF: `cargo run --example quickstart`.
//!
//! With CANVA_ACCESS_TOKEN set it does so in that user's Canva; without, in a simulator that runs in this process.
#![allow(clippy::print_stdout)]

use canva_connect::Client;
use canva_simulator::Simulator;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let simulator = Simulator::start().await?;
    let canva = match std::env::var("CANVA_ACCESS_TOKEN") {
        Ok(token) => Client::new(token)?,
        Err(_) => Client::builder().token(simulator.token()).base_url(simulator.base_url()).build()?,
    };

    let asset = canva.upload_asset("tests/fixtures/photo.png").await?.wait().await?;
    println!("uploaded {} as {}", asset.name, asset.id);

    let asset = canva.update_asset(&asset.id).name("Hero 🚀").tags(["launch", "2026"]).await?;
    println!("it is now {:?}, tagged {:?}", asset.name, asset.tags);

    let designs = canva.import_design("tests/fixtures/deck.pdf").title("Q4").await?.wait().await?;
    for design in designs {
        println!("imported {:?}: edit it at {}", design.title.unwrap_or_default(), design.urls.edit_url);
    }
    Ok(())
}
