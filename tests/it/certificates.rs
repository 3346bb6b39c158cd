//! What the system trusts is read once a process, and only where TLS needs it.

use std::fs;
use std::path::Path;

use canva_connect::{Client, Error};
use canva_simulator::Simulator;

use crate::support::{self, builder, tls};

#[tokio::test]
async fn the_systems_certificates_are_read_once_for_all_clients() {
    let (ca, directory) = (tls::Ca::new("test"), tempfile::tempdir().unwrap());
    let trusted = directory.path().join("ca.pem");
    fs::write(&trusted, ca.pem()).unwrap();
    let server = tls::serve(&ca, tls::Settings::default()).await;
    let child = "certificates::the_child_whose_certificates_go_away";
    support::in_child_with(child, &server.base_url, &[("SSL_CERT_FILE", &trusted)]).await;
    // An upload on a connection of its own, and a read on the shared one.
    assert_eq!(server.connections().len(), 2);
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn the_child_whose_certificates_go_away() {
    support::be_child(async |base_url| {
        builder(&base_url).build().unwrap();
        fs::remove_file(std::env::var_os("SSL_CERT_FILE").unwrap()).unwrap();
        let canva = builder(&base_url).build().unwrap();
        let _ = canva.upload_asset(support::PIXEL).name("n").await.unwrap();
        canva.get_asset("a1").await.unwrap();
    });
}

#[tokio::test]
async fn without_certificates_plain_http_works_and_tls_says_what_is_missing() {
    let base_url = support::answering(support::http("200 OK", "", support::UPDATED)).await;
    let nowhere = Path::new("/nowhere");
    let environment = [("SSL_CERT_FILE", nowhere), ("SSL_CERT_DIR", nowhere)];
    support::in_child_with("certificates::the_child_without_certificates", &base_url, &environment).await;
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn the_child_without_certificates() {
    support::be_child(async |base_url| {
        builder(&base_url).build().unwrap().get_asset("a1").await.unwrap();
        builder("http://canva.example/rest").allow_plain_http().build().unwrap();
        let error = Client::new("t").unwrap_err();
        assert!(matches!(error, Error::Setup { .. }), "{error:?}");
        let missing = "No CA certificates were loaded from the system";
        assert!(error.report().contains(missing), "{}", error.report());

        // The simulator fetches as well, and what it gets here is no image.
        let simulator = Simulator::start().await.unwrap();
        let canva = support::simulated(&simulator).build().unwrap();
        for (url, said) in [(base_url.clone(), "is no image or video"), (base_url.replace("http:", "https:"), missing)]
        {
            let error = canva.upload_asset_from_url(url, "n").await.unwrap().wait().await.unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
        }
    });
}
