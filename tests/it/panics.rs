//! What a caller plugs in may panic: that request ends, and the next one goes as if nothing had happened.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use canva_connect::{
    AccessToken, BoxError, BoxFuture, Client, ClientBuilder, Error, Job, Pacer, Pacing, RetryPolicy, TokenProvider,
    UploadBody,
};
use tokio::io::{AsyncRead, ReadBuf};

use crate::support::{self, Paces};

/// Panics the first so many times that it is asked.
#[derive(Clone, Default)]
struct Trap(Arc<AtomicU32>);

impl Trap {
    fn set(self, times: u32) -> Self {
        self.0.store(times, Ordering::SeqCst);
        self
    }

    fn step(&self) {
        let armed = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |times| times.checked_sub(1)).is_ok();
        assert!(!armed, "a trap");
    }
}

struct Tokens(Trap);

impl TokenProvider for Tokens {
    fn token(&self) -> BoxFuture<'_, Result<AccessToken, BoxError>> {
        Box::pin(async move {
            self.0.step();
            Ok("t".into())
        })
    }
}

/// One byte, or a panic.
struct Content(Trap, bool);

impl AsyncRead for Content {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.0.step();
        if !std::mem::replace(&mut self.1, true) {
            buffer.put_slice(b"x");
        }
        Poll::Ready(Ok(()))
    }
}

async fn server() -> ClientBuilder {
    let (listener, base_url) = support::listen().await;
    tokio::spawn(support::discard_uploads(listener, tokio::sync::mpsc::unbounded_channel().0));
    support::builder(&base_url)
}

/// It ends in a panic of the caller's own task, or in an error.
async fn ends<T: Send + 'static>(request: impl IntoFuture<IntoFuture: Send + 'static, Output = Result<T, Error>>) {
    let request = tokio::time::timeout(Duration::from_secs(30), tokio::spawn(request.into_future()));
    match request.await.expect("it hangs") {
        Ok(Ok(_)) => panic!("it succeeded"),
        Ok(Err(_)) => {}
        Err(error) => assert!(error.is_panic()),
    }
}

async fn works(canva: &Client) {
    let mut job: Job<_> = canva.upload_asset(vec![7]).name("n").await.unwrap();
    job.wait().await.unwrap();
}

#[tokio::test]
async fn of_the_progress_function() {
    // At the beginning, in the caller's own task; and later, in the connection's.
    for step in [0, 1] {
        let canva = server().await.build().unwrap();
        let mut steps = 0;
        let upload = canva.upload_asset(vec![7; 1 << 20]).name("n").on_progress(move |_| {
            steps += 1;
            assert!(steps <= step, "a trap");
        });
        ends(upload).await;
        works(&canva).await;
    }
}

#[tokio::test]
async fn of_the_content() {
    // What panics while it is read would be read again.
    let canva = server().await.retry_policy(RetryPolicy::never()).build().unwrap();
    for reading in [false, true] {
        let (opening, reading) = (Trap::default().set(u32::from(!reading)), Trap::default().set(u32::from(reading)));
        let body = UploadBody::from_fn(1, move || {
            opening.step();
            let content = Content(reading.clone(), false);
            async move { Ok(content) }
        });
        ends(canva.upload_asset(body).name("n")).await;
        works(&canva).await;
    }
}

#[tokio::test(start_paused = true)]
async fn of_the_token_provider_and_the_pacer() {
    // As often as there are permits: each of them comes back.
    let many = canva_connect::operations::CREATE_ASSET_UPLOAD_JOB.requests_per_minute.unwrap();
    for trap in 0..3 {
        let traps = [0, 1, 2].map(|one| Trap::default().set(if one == trap { many } else { 0 }));
        let [token, acquire, acquired] = traps;
        // The limits of the spec, with a trap before and after each turn.
        let pacing = Arc::new(Pacing::new());
        let pacer = Paces::new(move |operation, max_wait| {
            let (pacing, acquire, acquired) = (pacing.clone(), acquire.clone(), acquired.clone());
            Box::pin(async move {
                acquire.step();
                let permit = pacing.acquire(operation, max_wait).await?;
                acquired.step();
                Ok(permit)
            })
        });
        let canva = server().await.token_provider(Tokens(token)).pacer(pacer).build().unwrap();
        for _ in 0..many {
            ends(canva.upload_asset(vec![7]).name("n")).await;
        }
        let in_time = tokio::time::timeout(Duration::from_secs(59), works(&canva)).await;
        assert!(in_time.is_ok(), "the permits are gone");
    }
}
