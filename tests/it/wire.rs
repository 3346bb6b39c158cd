//! What each request of the facade looks like to the server: method, path, headers and body.

use canva_simulator::{Access, Simulator};
use insta::assert_snapshot;

use crate::support;

/// The last request as the server saw it. The address and this crate's version vary; nothing else may.
fn last_request(simulator: &Simulator) -> String {
    let request = simulator.requests().pop().unwrap();
    let mut headers: Vec<String> = request
        .headers
        .iter()
        .map(|(name, value)| match name.as_str() {
            "host" => "host: [address]".to_owned(),
            "user-agent" => {
                format!("user-agent: {}", value.to_str().unwrap().replace(env!("CARGO_PKG_VERSION"), "[version]"))
            }
            name => format!("{name}: {}", value.to_str().unwrap()),
        })
        .collect();
    headers.sort();
    let body = match request.headers.get("content-type") {
        Some(media_type) if media_type == "application/json" => String::from_utf8(request.body.to_vec()).unwrap(),
        _ if request.body.is_empty() => String::new(),
        _ => format!("[{} bytes]", request.body.len()),
    };
    format!("{} {}\n{}\n\n{body}", request.method, request.path, headers.join("\n"))
}

#[tokio::test]
async fn every_request_has_its_form() {
    // It keeps the body of a request only if it knows the token.
    let simulator = Simulator::builder().access(Access::new("t")).start().await.unwrap();
    let canva = support::builder(simulator.base_url()).user_agent("product/1").build().unwrap();

    // It is the requests that count here, not what comes of them.
    let _ = canva.upload_asset(b"bytes".to_vec()).name("Hero 🚀").await;
    assert_snapshot!("upload_asset", last_request(&simulator));
    let _ = canva.upload_asset_from_url("https://example.com/a.jpg", "My Asset").await;
    assert_snapshot!("upload_asset_from_url", last_request(&simulator));
    let _ = canva.get_asset("Msd59349ff").await;
    assert_snapshot!("get_asset", last_request(&simulator));
    let _ = canva.update_asset("Msd59349ff").name("New").await;
    assert_snapshot!("update_asset_name", last_request(&simulator));
    let _ = canva.update_asset("Msd59349ff").name("New").tags(["a", "best day ever"]).await;
    assert_snapshot!("update_asset_tags", last_request(&simulator));
    let _ = canva.update_asset("Msd59349ff").clear_tags().await;
    assert_snapshot!("update_asset_clear_tags", last_request(&simulator));
    let _ = canva.delete_asset("Msd59349ff").await;
    assert_snapshot!("delete_asset", last_request(&simulator));
    let _ = canva.import_design("tests/fixtures/deck.pdf").title("Q4 😍").mime_type("application/pdf").await;
    assert_snapshot!("import_design", last_request(&simulator));
    let _ = canva.import_design("tests/fixtures/deck.pptx").await;
    assert_snapshot!("import_design_by_its_file_name", last_request(&simulator));
    let _ = canva.import_design_from_url("https://example.com/a.pdf", "Q4 😍").await;
    assert_snapshot!("import_design_from_url", last_request(&simulator));
    let import = canva.import_design_from_url("https://example.com/a.pdf", "Q4");
    let _ = import.mime_type("application/pdf").await;
    assert_snapshot!("import_design_from_url_of_a_type", last_request(&simulator));
    let _ = canva.asset_upload_job("e08861ae-3b29").refresh().await;
    assert_snapshot!("asset_upload_job", last_request(&simulator));
    let _ = canva.url_asset_upload_job("e08861ae-3b29").refresh().await;
    assert_snapshot!("url_asset_upload_job", last_request(&simulator));
    let _ = canva.design_import_job("e08861ae-3b29").refresh().await;
    assert_snapshot!("design_import_job", last_request(&simulator));
    let _ = canva.url_import_job("e08861ae-3b29").refresh().await;
    assert_snapshot!("url_import_job", last_request(&simulator));
}
