//! HTTP/2: the router answers each stream, and faults end streams and connections.
//!
//! One task runs all streams of a connection, in their order. So a stream's fault is known before the next stream
//! begins, and GOAWAY can name the last stream that was looked at.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::http::{Method, Request};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::{self, FuturesUnordered, StreamExt};
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use http_body_util::BodyExt;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;

use crate::faults::{End, Ending};
use crate::serve::HEAD_TIMEOUT;

/// How much of a request's body a client may send unread: the protocol's default, because a client can send that much
/// before it knows of any other number.
const STREAM_WINDOW: u32 = 65_535;

/// Wide enough that unread streams don't block the others.
const CONNECTION_WINDOW: u32 = 64 << 20;

/// Serves a connection to its end.
pub async fn serve(io: impl AsyncRead + AsyncWrite + Unpin, router: Router, max_concurrent_streams: Option<u32>) {
    let mut builder = Builder::new();
    builder.initial_window_size(STREAM_WINDOW).initial_connection_window_size(CONNECTION_WINDOW);
    if let Some(streams) = max_concurrent_streams {
        builder.max_concurrent_streams(streams);
    }
    let last_words = Arc::new(OnceLock::new());
    let io = Transport { io, last_words: last_words.clone(), said: 0, silent: false };
    let Ok(Ok(mut connection)) = timeout(HEAD_TIMEOUT, builder.handshake(io)).await else { return };
    let (mut streams, mut newest) = (FuturesUnordered::new(), 0);
    // Dropping the last stream would reset it, but it has to end with the connection.
    let (words, _last) = loop {
        tokio::select! {
            biased;
            Some((end, before, last)) = streams.next() => match end {
                None | Some(End::Reset(_)) => {}
                Some(End::ShutDown) => connection.graceful_shutdown(),
                Some(End::Silence) => return std::future::pending().await,
                Some(End::HangUp(bytes)) => break (bytes, last),
                Some(End::GoAwayBefore) => break (go_away(before), last),
                Some(End::GoAway) => break (go_away(newest), last),
            },
            accepted = connection.accept() => {
                let Some(Ok((request, mut respond))) = accepted else { return };
                let before = std::mem::replace(&mut newest, respond.stream_id().as_u32());
                let router = router.clone();
                streams.push(async move {
                    let (end, broken) = answer(router, request, &mut respond).await;
                    (end, before, (respond, broken))
                });
            }
        }
    };
    let _ = last_words.set(words);
    // Waits until the last words are written and the client has hung up too.
    let _ = poll_fn(|context| connection.poll_closed(context)).await;
}

/// Returns the end that a fault asks for, and the stream if its response broke.
async fn answer(
    router: Router,
    request: Request<RecvStream>,
    respond: &mut SendResponse<Bytes>,
) -> (Option<End>, Option<SendStream<Bytes>>) {
    let bodiless = request.method() == Method::HEAD;
    let request = request.map(|body| {
        let data = stream::unfold(body, async |mut body| {
            let data = body.data().await?;
            if let Ok(data) = &data {
                let _ = body.flow_control().release_capacity(data.len());
            }
            Some((data, body))
        });
        Body::from_stream(data.fuse())
    });
    let response = tokio::select! {
        response = TowerToHyperService::new(router).call(request) => match response {
            Ok(response) => response,
            Err(never) => match never {},
        },
        // The client has reset the stream.
        _ = poll_fn(|context| respond.poll_reset(context)) => return (None, None),
    };
    let Some(Ending { end, answered }) = response.extensions().get().cloned() else {
        return (None, send(respond, response, bodiless).await);
    };
    if !answered {
        if let End::Reset(reason) = end {
            respond.send_reset(reason);
        }
        return (Some(end), None);
    }
    let mut broken = send(respond, response, bodiless).await;
    if let (End::Reset(reason), Some(stream)) = (&end, &mut broken) {
        // A reset overtakes unwritten data, which is written when this task comes to its connection again.
        tokio::task::yield_now().await;
        stream.send_reset(*reason);
    }
    (Some(end), broken)
}

/// Returns the stream if the response's body breaks.
async fn send(respond: &mut SendResponse<Bytes>, response: Response, bodiless: bool) -> Option<SendStream<Bytes>> {
    let (head, mut body) = response.into_parts();
    let ended = bodiless || body.is_end_stream();
    let mut stream = respond.send_response(Response::from_parts(head, ()), ended).ok()?;
    while !ended && let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Some(stream) };
        let mut data = frame.into_data().unwrap_or_default();
        while !data.is_empty() {
            stream.reserve_capacity(data.len());
            // After None or an error the client wants no more.
            let taken = poll_fn(|context| stream.poll_capacity(context)).await?.ok()?;
            stream.send_data(data.split_to(taken.min(data.len())), false).ok()?;
        }
    }
    if !ended {
        stream.send_data(Bytes::new(), true).ok()?;
    }
    None
}

/// The frame GOAWAY with `NO_ERROR` and this last stream.
fn go_away(last_stream: u32) -> Bytes {
    const LENGTH: [u8; 3] = [0, 0, 8];
    const KIND: u8 = 7;
    let head = [&LENGTH[..], &[KIND, 0], &0u32.to_be_bytes()].concat();
    [head, last_stream.to_be_bytes().to_vec(), u32::from(Reason::NO_ERROR).to_be_bytes().to_vec()].concat().into()
}

/// A connection that can be given last words. It writes them after the last whole frame, and nothing more.
struct Transport<T> {
    io: T,
    last_words: Arc<OnceLock<Bytes>>,
    /// How many bytes of the last words are written.
    said: usize,
    silent: bool,
}

impl<T: AsyncWrite + Unpin> Transport<T> {
    /// Closes only the writing side after the words, because a client that still sends would lose them if the whole
    /// connection closed. Empty words break the connection.
    fn poll_end(&mut self, context: &mut Context<'_>, words: &[u8]) -> Poll<io::Result<()>> {
        while let Some(rest) = words.get(self.said..).filter(|rest| !rest.is_empty()) {
            self.said += ready!(Pin::new(&mut self.io).poll_write(context, rest))?;
        }
        ready!(Pin::new(&mut self.io).poll_flush(context))?;
        if words.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        ready!(Pin::new(&mut self.io).poll_shutdown(context))?;
        self.silent = true;
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Transport<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Transport<T> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.silent {
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    /// Only whole frames have been written when this is called.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.silent {
            return Poll::Ready(Ok(()));
        }
        match self.last_words.get().cloned() {
            Some(words) => self.poll_end(context, &words),
            None => Pin::new(&mut self.io).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.silent {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    /// A socket that closes unread would take them back from a client on some systems.
    #[tokio::test]
    async fn after_last_words_nothing_is_written_and_everything_read() {
        let (mut client, io) = duplex(2);
        let last_words = Arc::new(OnceLock::from(Bytes::from("bye")));
        let mut server = Transport { io, last_words, said: 0, silent: false };
        let said = async {
            server.flush().await.unwrap();
            server.write_all(b"more").await.unwrap();
            server.flush().await.unwrap();
            let mut heard = String::new();
            server.read_to_string(&mut heard).await.unwrap();
            heard
        };
        let heard = async {
            let mut said = String::new();
            client.read_to_string(&mut said).await.unwrap();
            client.write_all(b"still here").await.unwrap();
            client.shutdown().await.unwrap();
            said
        };
        assert_eq!(tokio::join!(said, heard), ("still here".to_owned(), "bye".to_owned()));
    }
}
