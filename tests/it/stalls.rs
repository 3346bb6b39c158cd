//! A slow upload is never cut; one that stands still is, and so is a response that doesn't come.

use std::sync::Arc;
use std::time::Duration;

use canva_connect::{AccessToken, BoxError, BoxFuture, Error, Pacing, RetryPolicy, TimeoutKind, TokenProvider};
use tokio::io::AsyncReadExt;
use tokio::time::Instant;

use crate::support::{self, answering, builder, http};

#[tokio::test(start_paused = true)]
async fn an_upload_that_is_read_in_a_trickle_arrives_whole() {
    let length = 12 * 1024 * 1024;
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
    let canva = builder(&base_url).stall_timeout(Duration::from_secs(2)).retry_policy(RetryPolicy::never());
    let canva = canva.build().unwrap();
    let started = Instant::now();
    let _ = canva.upload_asset(vec![7; length]).name("slow").await.unwrap();
    assert!(started.elapsed() > Duration::from_millis(2500), "it was not slow: {:?}", started.elapsed());
    server.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_that_does_not_come_ends_the_wait_and_only_the_time_to_connect_has_no_part_in_it() {
    let short = Duration::from_millis(300);
    let client = |base_url: &str| builder(base_url).retry_policy(RetryPolicy::never()).response_timeout(short);
    // Neither the stall timeout's minutes, although the wait began with it, nor those of a connection that opens at
    // once.
    let (listener, base_url) = support::listen().await;
    let server = tokio::spawn(async move {
        let mut streams = Vec::new();
        loop {
            streams.push(listener.accept().await.unwrap());
        }
    });
    let long = Duration::from_secs(600);
    let canva = client(&base_url).stall_timeout(long).connect_timeout(long).build().unwrap();
    let unanswered = async { tokio::join!(canva.get_asset("a"), canva.upload_asset(vec![7; 10]).name("n")) };
    let (get, upload) = tokio::time::timeout(Duration::from_secs(30), unanswered).await.expect("it is still waiting");
    assert!(matches!(get, Err(Error::Timeout { kind: TimeoutKind::Response, .. })), "{get:?}");
    let Err(Error::OutcomeUnknown { sent: Some(sent), source, .. }) = upload else { panic!("{upload:?}") };
    assert_eq!((sent.sent, sent.total), (10, 10));
    assert!(matches!(*source, Error::Timeout { kind: TimeoutKind::Response, .. }), "{source:?}");
    server.abort();

    // A connection that opens slowly is not taken for a response that is slow.
    let (_full, base_url) = support::full().await;
    let canva = client(&base_url).stall_timeout(short).connect_timeout(2 * short).build().unwrap();
    let (get, upload) = tokio::join!(canva.get_asset("a"), canva.upload_asset(vec![7]).name("n"));
    for error in [get.unwrap_err(), upload.unwrap_err()] {
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
    let base_url = answering(http("200 OK", "", support::UPLOADED)).await;
    let pacing = Arc::new(Pacing::new());
    let client = || builder(&base_url).pacer(pacing.clone());
    let hanging = client().token_provider(Hanging).build().unwrap();
    let started = Instant::now();
    let calls: Vec<_> = (0..40)
        .map(|_| {
            let hanging = hanging.clone();
            tokio::spawn(async move { hanging.upload_asset(vec![7]).name("n").await.unwrap_err() })
        })
        .collect();
    tokio::task::yield_now().await;
    let _ = client().build().unwrap().upload_asset(vec![7]).name("n").await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(180), "{:?}", started.elapsed());
    for call in calls {
        let error = call.await.unwrap();
        assert!(error.report().contains("the token provider took longer than 180 s"), "{error}");
    }
    assert_eq!(started.elapsed().as_secs(), 180);
}
