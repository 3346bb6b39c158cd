//! A simulator answers from its start until it is dropped, and leaves nothing behind.

use std::io::ErrorKind;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use canva_simulator::{Simulator, Tls};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::common::{PATIENCE, address, client, fixture, ok, prompt, read, refused, upload};

/// A simulator on a port that nobody else gets, neither before it is dropped nor after: it lies below those that
/// systems hand out by themselves (from 32768 on Linux, from 49152 elsewhere), in a block of this process.
async fn on_a_port_of_its_own() -> (Simulator, u16) {
    static NEXT: LazyLock<AtomicU16> =
        LazyLock::new(|| AtomicU16::new(20_000 + (std::process::id() % 600) as u16 * 20));
    loop {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        match Simulator::builder().port(port).start().await {
            Ok(simulator) => return (simulator, port),
            Err(error) => assert_eq!(error.kind(), ErrorKind::AddrInUse),
        }
    }
}

#[tokio::test]
async fn dropping_it_closes_its_port_and_its_connections() {
    let (simulator, _) = on_a_port_of_its_own().await;
    let address = address(&simulator).to_owned();
    let mut open = TcpStream::connect(&address).await.unwrap();
    open.write_all(b"POST /rest/v1/imports HTTP/1.1\r\nhost: localhost\r\n").await.unwrap();
    drop(simulator);
    assert_eq!(TcpStream::connect(&address).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);

    let mut rest = Vec::new();
    let end = tokio::time::timeout(PATIENCE, open.read_to_end(&mut rest)).await.unwrap();
    assert!(end.is_err() || rest.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_connection_whose_request_does_not_begin_is_closed_after_30_s() {
    let (plain, tls) = (Simulator::start().await.unwrap(), Simulator::builder().tls(Tls::Both).start().await.unwrap());
    let half = b"GET /rest/v1/assets/a HTTP/1.1\r\nhost: localhost\r\n".as_slice();
    for (simulator, beginning) in [(&plain, b"".as_slice()), (&plain, half), (&tls, b""), (&tls, b"\x16\x03\x01")] {
        let mut open = TcpStream::connect(address(simulator)).await.unwrap();
        open.write_all(beginning).await.unwrap();
        let started = tokio::time::Instant::now();
        let _ = tokio::time::timeout(PATIENCE, open.read_to_end(&mut Vec::new())).await.unwrap();
        assert_eq!(started.elapsed().as_secs(), 30);
    }
}

#[tokio::test]
async fn a_port_can_be_chosen_and_a_taken_one_is_an_error() {
    let (first, port) = on_a_port_of_its_own().await;
    let taken = Simulator::builder().port(port).start().await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AddrInUse);

    drop(first);
    let again = Simulator::builder().port(port).start().await.unwrap();
    assert_eq!(again.base_url(), format!("http://127.0.0.1:{port}/rest"));
}

#[tokio::test]
async fn a_refusing_one_refuses_connections_until_it_accepts() {
    let simulator = Simulator::builder().refusing().start().await.unwrap();
    let url = format!("{}/v1/imports/none", simulator.base_url());
    for _ in 0..3 {
        let error = client().get(&url).send().await.unwrap_err();
        assert!(error.is_connect(), "{error:?}");
    }
    simulator.accept().unwrap();
    simulator.accept().unwrap();
    assert_eq!(client().get(&url).send().await.unwrap().status(), 401);
    assert_eq!(simulator.requests().len(), 1);
}

#[tokio::test]
async fn simulators_side_by_side_share_nothing() {
    let (one, two) = (prompt().await, prompt().await);
    ok(upload(&one, "Photo", fixture("photo.jpg"))).await;
    assert_eq!((one.assets().len(), two.assets().len()), (1, 0));
    assert_eq!((one.requests().len(), two.requests().len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_thumbnail_url_expires_and_reading_the_job_gives_the_next() {
    let simulator = Simulator::builder().job_duration(Duration::ZERO).start().await.unwrap();
    let created = ok(upload(&simulator, "Photo", fixture("photo.jpg"))).await;
    let url = |job: &serde_json::Value| job["job"]["asset"]["thumbnail"]["url"].as_str().unwrap().to_owned();
    let first = url(&created);
    tokio::time::advance(Duration::from_secs(14 * 60)).await;
    assert_eq!(client().get(&first).send().await.unwrap().status(), 200);
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(refused(client().get(&first)).await.0, 403);
    let job = ok(read(&simulator, &format!("/v1/asset-uploads/{}", created["job"]["id"].as_str().unwrap()))).await;
    assert_eq!(client().get(url(&job)).send().await.unwrap().status(), 200);
}
