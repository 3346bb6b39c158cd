//! A slow upload is never cut; one that stands still is, and so is a response that doesn't come.

use std::time::{Duration, Instant};

use canva_connect::{Client, Error, RetryPolicy, TimeoutKind};
use tokio::io::AsyncReadExt;

use crate::support;

const MIB: usize = 1024 * 1024;

fn client(base_url: &str, stall: Duration, response: Duration) -> Client {
    Client::builder()
        .token("t")
        .base_url(base_url)
        .retry(RetryPolicy::never())
        .connect_timeout(Duration::from_secs(1))
        .stall_timeout(stall)
        .response_timeout(response)
        .build()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_read_in_a_trickle_arrives_whole() {
    let length = 12 * MIB;
    let (listener, base_url) = support::listen().await;
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let head = support::read_head(&mut stream).await.unwrap();
        let mut left = length - head.rest.len();
        // 4 MiB a second: more than the stall timeout in all, never that long without a byte.
        let mut buffer = vec![0; 128 * 1024];
        while left > 0 {
            tokio::time::sleep(Duration::from_millis(31)).await;
            let wanted = left.min(buffer.len());
            left -= stream.read(&mut buffer[..wanted]).await.unwrap();
        }
        support::answer(&mut stream, "200 OK", "", support::UPLOADED).await.unwrap();
    });
    let canva = client(&base_url, Duration::from_millis(2000), Duration::from_secs(30));
    let started = Instant::now();
    let _ = canva.upload_asset(vec![7; length]).name("slow").await.unwrap();
    assert!(started.elapsed() > Duration::from_millis(2500), "it was not slow: {:?}", started.elapsed());
    server.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_nobody_reads_is_given_up_and_says_how_far_it_came() {
    let length = 64 * MIB;
    let (listener, base_url) = support::listen().await;
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        support::read_head(&mut stream).await.unwrap();
        // Reads no more, and learns that the client hangs up only by being dropped.
        std::future::pending::<()>().await;
    });
    let canva = client(&base_url, Duration::from_millis(400), Duration::from_secs(30));
    let error = canva.upload_asset(vec![7; length]).name("stuck").await.unwrap_err();
    let Error::OutcomeUnknown { sent: Some(sent), source, .. } = error else { panic!("{error:?}") };
    assert!(sent.sent < sent.total, "{sent:?}");
    assert_eq!(sent.total, length as u64);
    assert!(matches!(*source, Error::Timeout { kind: TimeoutKind::Stall, .. }), "{source:?}");
    server.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_that_does_not_come_ends_the_wait() {
    let (listener, base_url) = support::listen().await;
    let server = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let head = support::read_head(&mut stream).await.unwrap();
                support::discard_body(&mut stream, &head).await.unwrap();
                std::future::pending::<()>().await;
            });
        }
    });
    let canva = client(&base_url, Duration::from_secs(30), Duration::from_millis(300));

    // Not the stall timeout's 30 s, although the wait began with it.
    let upload = tokio::time::timeout(Duration::from_secs(10), canva.upload_asset(vec![7; 10]).name("unanswered"));
    let error = upload.await.expect("it is still waiting").unwrap_err();
    let Error::OutcomeUnknown { sent: Some(sent), source, .. } = error else { panic!("{error:?}") };
    assert_eq!((sent.sent, sent.total), (10, 10));
    assert!(matches!(*source, Error::Timeout { kind: TimeoutKind::Response, .. }), "{source:?}");

    let error = canva.update_asset("a1").name("unanswered").await.unwrap_err();
    assert!(matches!(error, Error::Timeout { kind: TimeoutKind::Response, .. }), "{error:?}");
    server.abort();
}
