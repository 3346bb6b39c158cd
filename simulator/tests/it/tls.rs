//! The simulator over TLS: who trusts it, which version of HTTP it speaks, and that everything works as without.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use canva_simulator::{Simulator, Tls};
use reqwest::tls::Certificate;
use reqwest::{Client, ClientBuilder, Method, RequestBuilder, Response, Version};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::common::{address, fixture, import, prompt, read, request, upload, upload_url};

pub async fn speaking(versions: Tls) -> Simulator {
    Simulator::builder().job_duration(Duration::ZERO).tls(versions).start().await.unwrap()
}

/// A client that trusts this simulator and nobody else.
pub fn trusting(simulator: &Simulator) -> ClientBuilder {
    let certificate = Certificate::from_pem(simulator.certificate().unwrap().as_bytes()).unwrap();
    Client::builder().no_proxy().tls_certs_only([certificate])
}

/// The response to a request that `common` made, which a client of that module wouldn't trust.
async fn send(client: &Client, request: RequestBuilder) -> reqwest::Result<Response> {
    client.execute(request.build().unwrap()).await
}

async fn sent(client: &Client, request: RequestBuilder) -> Value {
    let response = send(client, request).await.unwrap();
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

/// A connection where the client offers these protocols and expects this name. Gives what was agreed on.
pub async fn connect(
    simulator: &Simulator,
    name: &str,
    protocols: &[&[u8]],
) -> io::Result<(TlsStream<TcpStream>, Option<Vec<u8>>)> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(simulator.certificate().unwrap().as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into());
    let config = config.with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let stream = TcpStream::connect(address(simulator)).await.unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let agreed = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
    Ok((stream, agreed))
}

#[tokio::test]
async fn the_client_chooses_among_the_versions_that_are_spoken() {
    let (http1, http2) = (Some(Version::HTTP_11), Some(Version::HTTP_2));
    for (versions, expected) in
        [(Tls::Both, [http2, http1, http2]), (Tls::Http1, [http1, http1, None]), (Tls::Http2, [http2, None, http2])]
    {
        let simulator = speaking(versions).await;
        let trusting = || trusting(&simulator);
        let clients = [trusting(), trusting().http1_only(), trusting().http2_prior_knowledge()];
        for (client, expected) in clients.into_iter().zip(expected) {
            let response = send(&client.build().unwrap(), read(&simulator, "/v1/assets/none")).await;
            match response {
                Ok(response) => assert_eq!((response.status().as_u16(), Some(response.version())), (404, expected)),
                Err(error) => {
                    assert_eq!(expected, None, "{versions:?}: {error:?}");
                    assert!(format!("{error:?}").contains("NoApplicationProtocol"), "{error:?}");
                }
            }
        }
        // An older client offers nothing.
        let (mut stream, agreed) = connect(&simulator, "localhost", &[]).await.unwrap();
        assert_eq!(agreed, None);
        let _ = stream.write_all(b"GET /none HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
        let mut response = Vec::new();
        let _ = stream.read_to_end(&mut response).await;
        assert_eq!(response.starts_with(b"HTTP/1.1 404"), versions != Tls::Http2);
    }
}

#[tokio::test]
async fn its_certificate_is_for_this_machine_and_of_a_ca_of_its_own() {
    let (simulator, other) = (speaking(Tls::Both).await, speaking(Tls::Both).await);
    for name in ["localhost", "127.0.0.1", "::1"] {
        assert!(connect(&simulator, name, &[]).await.is_ok(), "{name}");
    }
    for name in ["example.com", "127.0.0.2", "a.localhost"] {
        assert!(connect(&simulator, name, &[]).await.is_err(), "{name}");
    }
    for client in [trusting(&other), Client::builder().no_proxy()] {
        let error = send(&client.build().unwrap(), read(&simulator, "/v1/assets/none")).await.unwrap_err();
        assert!(format!("{error:?}").contains("InvalidCertificate"), "{error:?}");
    }
    assert!(simulator.requests().is_empty());
    let plain = prompt().await;
    assert_eq!((plain.certificate(), plain.base_url().starts_with("http://")), (None, true));
}

#[tokio::test]
async fn everything_works_over_each_of_them() {
    for versions in [Tls::Http1, Tls::Http2] {
        let simulator = speaking(versions).await;
        let client = trusting(&simulator).build().unwrap();
        assert!(simulator.base_url().starts_with("https://127.0.0.1:"), "{}", simulator.base_url());
        assert!(simulator.authorization_url().starts_with("https://127.0.0.1:"), "{}", simulator.authorization_url());

        let photo = fixture("photo.jpg");
        let asset = sent(&client, upload(&simulator, "Photo", photo.clone())).await["job"]["asset"].take();
        let url = asset["thumbnail"]["url"].as_str().unwrap();
        assert!(url.starts_with("https://127.0.0.1:"), "{url}");
        let thumbnail = client.get(url).send().await.unwrap().bytes().await.unwrap();
        let fetched = sent(&client, upload_url(&simulator, "Thumbnail", url)).await;
        assert_eq!(fetched["job"]["status"], "success", "{fetched}");
        assert_eq!(
            simulator.assets().iter().map(|asset| asset.bytes().unwrap()).collect::<Vec<_>>(),
            [photo, thumbnail]
        );

        // More than any window of HTTP/2 takes at once.
        let large = vec![0; 8 << 20];
        let failed = sent(&client, upload(&simulator, "Large", large.clone())).await;
        assert_eq!(failed["job"]["error"]["code"], "import_failed");
        assert_eq!(simulator.requests().last().unwrap().body, large);
        sent(&client, import(&simulator, "Deck", None, fixture("deck.pdf"))).await;
        assert_eq!(simulator.designs().len(), 1);

        let none = send(&client, read(&simulator, "/v1/assets/none")).await.unwrap();
        assert!(none.content_length().is_some() && none.headers().contains_key("content-length"), "{none:?}");
        let head = send(&client, request(&simulator, Method::HEAD, "/v1/assets/none")).await.unwrap();
        assert_eq!((head.status().as_u16(), head.bytes().await.unwrap().len()), (405, 0));
    }
}
