//! Dropping a future ends what it was doing: the connection closes, the content closes, and the permit comes back. That
//! nothing is left wherever it is dropped is in bounded.rs.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use canva_connect::UploadBody;
use canva_connect::pacing::Permit;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::sync::oneshot;

use crate::support::{self, Paces};

/// Endless zeros, counted while open.
struct Zeros(#[allow(dead_code)] Arc<()>);

impl AsyncRead for Zeros {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let length = buffer.remaining();
        buffer.put_slice(&vec![0; length]);
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_dropped_at_any_point_closes_everything() {
    /// More than fits in any buffer.
    const ENDLESS: u64 = 400 << 20;
    // How long the content is, how much of it the server reads, if it reads at all, and what it answers until the drop.
    for (until, length, reads, answers) in [
        ("connected", ENDLESS, None, ""),
        ("the head is read", ENDLESS, Some(0), ""),
        ("some of the body is read", ENDLESS, Some(100_000), ""),
        ("the whole body is read", 1_000, Some(1_000), ""),
        ("half a response has come", 1_000, Some(1_000), "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"),
    ] {
        let (listener, base_url) = support::listen().await;
        let (reached, at) = oneshot::channel();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            if let Some(reads) = reads {
                let head = support::read_head(&mut stream).await.unwrap();
                let rest = reads - reads.min(head.rest.len());
                stream.read_exact(&mut vec![0; rest]).await.unwrap();
                stream.write_all(answers.as_bytes()).await.unwrap();
            }
            reached.send(()).unwrap();
            // The client hangs up: the end of the stream, or a reset.
            while stream.read(&mut [0; 64 * 1024]).await.is_ok_and(|n| n > 0) {}
        });
        // Each permit and each reader that is out has one of it.
        let out = Arc::new(());
        let (permits, readers) = (out.clone(), out.clone());
        let pacer = Paces::new(move |_, _| {
            let permit = permits.clone();
            Box::pin(async move { Ok(Permit::new(move |_| drop(permit))) })
        });
        let canva = support::builder(&base_url).pacer(pacer).build().unwrap();
        let body = UploadBody::from_fn(length, move || {
            let zeros = Zeros(readers.clone());
            async move { Ok(zeros.take(length)) }
        });
        let upload = tokio::spawn(canva.upload_asset(body).name("dropped").into_future());
        at.await.unwrap();
        upload.abort();
        assert!(upload.await.unwrap_err().is_cancelled());
        let hung_up = tokio::time::timeout(Duration::from_secs(10), server).await;
        hung_up.unwrap_or_else(|_| panic!("{until}: the connection stayed open")).unwrap();
        drop(canva);
        let closed = async {
            while Arc::strong_count(&out) > 1 {
                tokio::task::yield_now().await;
            }
        };
        let closed = tokio::time::timeout(Duration::from_secs(10), closed).await;
        assert!(closed.is_ok(), "{until}: something was leaked");
    }
}
