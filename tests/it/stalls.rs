//! A slow upload is never cut; one that stands still is, and so is a response that doesn't come.

use std::sync::Arc;
use std::time::{Duration, Instant};

use canva_connect::{AccessToken, BoxError, BoxFuture, Client, Error, Pacing, RetryPolicy, TimeoutKind, TokenProvider};
use tokio::io::AsyncReadExt;

use crate::support;

const MIB: usize = 1024 * 1024;

fn client(base_url: &str, stall: Duration, response: Duration) -> Client {
    Client::builder()
        .token("t")
        .base_url(base_url)
        .retry_policy(RetryPolicy::never())
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
async fn an_upload_that_nobody_reads_is_given_up_and_nothing_is_unknown() {
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
    // Nobody has the whole of it.
    assert!(matches!(error, Error::Timeout { kind: TimeoutKind::Stall, .. }), "{error:?}");
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

#[tokio::test(flavor = "multi_thread")]
async fn the_time_to_connect_is_no_part_of_the_other_timeouts() {
    let (listener, base_url) = support::listen().await;
    let builder = || {
        let builder = Client::builder().token("t").retry_policy(RetryPolicy::never());
        builder.stall_timeout(Duration::from_millis(300)).response_timeout(Duration::from_millis(300))
    };
    // A connection that opens at once leaves nothing of its ten minutes to the response.
    let canva = builder().base_url(base_url).connect_timeout(Duration::from_secs(600)).build().unwrap();
    let server = tokio::spawn(async move {
        let mut streams = Vec::new();
        loop {
            streams.push(listener.accept().await.unwrap());
        }
    });
    let unanswered = async { (canva.get_asset("a").await, canva.upload_asset(vec![7; 10]).name("n").await) };
    let (get, upload) = tokio::time::timeout(Duration::from_secs(30), unanswered).await.expect("it is still waiting");
    assert!(matches!(get, Err(Error::Timeout { kind: TimeoutKind::Response, .. })), "{get:?}");
    assert!(matches!(upload, Err(Error::OutcomeUnknown { .. })), "{upload:?}");
    server.abort();

    // And one that opens slowly is not taken for a response that is slow.
    let (_full, base_url) = support::full().await;
    let canva = builder().base_url(base_url).connect_timeout(Duration::from_secs(1)).build().unwrap();
    for error in [canva.get_asset("a").await.unwrap_err(), canva.upload_asset(vec![7]).name("n").await.unwrap_err()] {
        assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    }
}

/// Never gives a token.
struct Hanging;

impl TokenProvider for Hanging {
    fn token(&self) -> BoxFuture<'_, Result<AccessToken, BoxError>> {
        Box::pin(async move { std::future::pending().await })
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_provider_that_hangs_keeps_nobody_else_from_sending_and_is_an_error_in_the_end() {
    let base_url = support::answering(support::http("200 OK", "", support::UPLOADED)).await;
    let pacing = Arc::new(Pacing::new());
    let builder = || Client::builder().base_url(&base_url).pacer(pacing.clone());
    let hanging = builder().token_provider(Hanging).build().unwrap();
    let started = tokio::time::Instant::now();
    let calls: Vec<_> = (0..40)
        .map(|_| {
            let hanging = hanging.clone();
            tokio::spawn(async move { hanging.upload_asset(vec![7]).name("n").await.unwrap_err() })
        })
        .collect();
    tokio::task::yield_now().await;
    let _ = builder().token("t").build().unwrap().upload_asset(vec![7]).name("n").await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(180), "{:?}", started.elapsed());
    for call in calls {
        let error = call.await.unwrap();
        assert!(error.report().contains("the token provider took longer than 180 s"), "{error}");
    }
    assert_eq!(started.elapsed().as_secs(), 180);
}
