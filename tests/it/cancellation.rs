//! Dropping a future ends what it was doing: the connection closes, the content closes, and the permit comes back.

use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use canva_connect::operations::Operation;
use canva_connect::pacing::Permit;
use canva_connect::{BoxError, BoxFuture, Client, Pacer, UploadBody};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::support;

/// Counts the permits and readers that are out.
#[derive(Clone, Default)]
struct Out(Arc<AtomicUsize>);

impl Out {
    fn take(&self) -> Guard {
        self.0.fetch_add(1, Ordering::SeqCst);
        Guard(self.0.clone())
    }

    async fn none(&self) {
        let nothing = async {
            while self.0.load(Ordering::SeqCst) > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), nothing).await.expect("something was leaked");
    }
}

struct Guard(Arc<AtomicUsize>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Counting(Out);

impl Pacer for Counting {
    fn acquire(&self, _: &'static Operation, _: Duration) -> BoxFuture<'_, Result<Permit, BoxError>> {
        Box::pin(async move {
            let guard = self.0.take();
            Ok(Permit::new(move |_| drop(guard)))
        })
    }

    fn pause(&self, _: &'static Operation, _: Duration) {}
}

/// Endless zeros, counted while open.
struct Zeros(#[allow(dead_code)] Guard);

impl AsyncRead for Zeros {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let length = buffer.remaining();
        buffer.put_slice(&vec![0; length]);
        Poll::Ready(Ok(()))
    }
}

/// What the server does with a request before the client is dropped.
#[derive(Clone, Copy, Debug)]
enum Until {
    Connected,
    HeadRead,
    SomeOfTheBodyRead,
    WholeBodyRead,
    HalfAnswered,
}

async fn serve(
    mut stream: TcpStream,
    until: Until,
    reached: mpsc::UnboundedSender<()>,
    closed: mpsc::UnboundedSender<()>,
) {
    let act = async {
        if matches!(until, Until::Connected) {
            return Some(());
        }
        let head = support::read_head(&mut stream).await.ok()?;
        match until {
            Until::SomeOfTheBodyRead => {
                let mut some = vec![0; 100_000];
                stream.read_exact(&mut some).await.ok()?;
            }
            Until::WholeBodyRead | Until::HalfAnswered => {
                support::discard_body(&mut stream, &head).await.ok()?;
            }
            Until::Connected | Until::HeadRead => {}
        }
        if matches!(until, Until::HalfAnswered) {
            use tokio::io::AsyncWriteExt;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{").await.ok()?;
        }
        Some(())
    };
    act.await.unwrap();
    reached.send(()).unwrap();
    // The client hangs up: the end of the stream, or a reset.
    let mut rest = vec![0; 64 * 1024];
    while stream.read(&mut rest).await.is_ok_and(|n| n > 0) {}
    let _ = closed.send(());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_dropped_at_any_point_closes_everything() {
    for until in
        [Until::Connected, Until::HeadRead, Until::SomeOfTheBodyRead, Until::WholeBodyRead, Until::HalfAnswered]
    {
        let (listener, base_url) = support::listen().await;
        let (reached, mut at) = mpsc::unbounded_channel();
        let (closed, mut gone) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            serve(stream, until, reached, closed).await;
        });
        let out = Out::default();
        let canva = Client::builder().token("t").base_url(base_url).pacer(Counting(out.clone())).build().unwrap();
        let length = match until {
            Until::WholeBodyRead | Until::HalfAnswered => 1000,
            // More than fits in any buffer.
            _ => 1 << 40,
        };
        let open = out.clone();
        let body = UploadBody::from_fn(length, move || {
            let zeros = Zeros(open.take());
            async move { Ok(zeros.take(length)) }
        });
        let upload = tokio::spawn(canva.upload_asset(body).name("dropped").into_future());
        at.recv().await.unwrap();
        upload.abort();
        assert!(upload.await.unwrap_err().is_cancelled());
        tokio::time::timeout(Duration::from_secs(10), gone.recv())
            .await
            .unwrap_or_else(|_| panic!("{until:?}: the connection stayed open"));
        out.none().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_dropped_in_its_pause_or_in_the_queue_leaves_nothing() {
    let out = Out::default();
    // The request fails, and the client pauses before the next attempt.
    let (_port, base_url) = support::refusing();
    let canva = Client::builder().token("t").base_url(base_url).pacer(Counting(out.clone())).build().unwrap();
    let wait = tokio::spawn(async move { canva.asset_upload_job("j1").wait().await });
    tokio::time::sleep(Duration::from_millis(1)).await;
    wait.abort();
    let _ = wait.await;
    out.none().await;
}
