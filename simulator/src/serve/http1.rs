//! HTTP/1.1: hyper speaks it, except where a fault closes the connection in place of a response.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::sync::OnceLock;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use crate::faults::{End, Ending};
use crate::serve::HEAD_TIMEOUT;

/// Serves a connection to its end.
pub async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, router: Router) {
    let router = TowerToHyperService::new(router);
    let last_words = OnceLock::new();
    let service = service_fn(|request: Request<Incoming>| {
        let (response, last_words) = (router.call(request), &last_words);
        Box::pin(async move {
            let response = response.await.unwrap_or_else(|never: Infallible| match never {});
            let Some(Ending { end: End::HangUp(bytes), answered: false }) = response.extensions().get() else {
                return Ok(response);
            };
            let _ = last_words.set(bytes.clone());
            // An error is hyper's only way to stop without a response.
            Err(io::Error::from(io::ErrorKind::ConnectionAborted))
        })
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    let mut connection = builder.serve_connection(TokioIo::new(stream), service);
    let end = poll_fn(|context| connection.poll_without_shutdown(context)).await;
    let words = last_words.get().cloned().unwrap_or_default();
    // Otherwise the client broke the connection, or a fault breaks it.
    if end.is_ok() || !words.is_empty() {
        let mut stream = connection.into_parts().io.into_inner();
        let _ = stream.write_all(&words).await;
        let _ = stream.shutdown().await;
    }
}
