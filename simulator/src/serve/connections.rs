//! Runs a simulator's connections and background tasks until it is dropped. What is said on a connection comes from the
//! router; when it closes is decided here, and for HTTP/2 in `http2`.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

use crate::faults::{End, Ending};
use crate::serve::background::Task;
use crate::serve::http2;
use crate::serve::port::Port;
use crate::serve::tls::{HTTP2, TlsServer};

/// What every connection needs.
pub struct Server {
    pub router: Router,
    pub tls: Option<TlsServer>,
    pub max_concurrent_streams: Option<u32>,
}

/// Owns every task there is, so that aborting this one ends them all.
pub async fn serve(port: Arc<Port>, server: Server, mut background: UnboundedReceiver<Task>) {
    let (server, mut tasks) = (Arc::new(server), JoinSet::new());
    loop {
        tokio::select! {
            accepted = port.accept() => match accepted {
                Ok(stream) => {
                    tasks.spawn(connection(stream, server.clone()));
                }
                // Out of file descriptors, most likely; retrying at once would spin.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(task) = background.recv() => {
                tasks.spawn(task);
            }
            Some(_) = tasks.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, server: Arc<Server>) {
    // A response is small, and nothing comes that it could be sent together with.
    let _ = stream.set_nodelay(true);
    let router = server.router.clone();
    let Some(tls) = &server.tls else { return http1(stream, router).await };
    // A client that doesn't trust the certificate, or offers no protocol that is spoken here, sees why.
    let Ok(stream) = tls.acceptor.accept(stream).await else { return };
    match stream.get_ref().1.alpn_protocol() {
        Some(HTTP2) => http2::serve(stream, router, server.max_concurrent_streams).await,
        _ if tls.http1 => http1(stream, router).await,
        _ => {}
    }
}

async fn http1(stream: impl AsyncRead + AsyncWrite + Unpin, router: Router) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(|request: Request<Incoming>| {
        let response = router.call(request);
        Box::pin(async move {
            let response = response.await.unwrap_or_else(|never: Infallible| match never {});
            match response.extensions().get::<Ending>() {
                Some(ending) => Err(ending.clone()),
                None => Ok(response),
            }
        })
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let end = std::future::poll_fn(|context| connection.poll_without_shutdown(context)).await;
    // Any other error is a connection that broke, which is the client's doing, and the client sees it.
    if let Some(Ending { end: End::HangUp(bytes), .. }) = end.err().as_ref().and_then(|e| e.source()?.downcast_ref())
        && !bytes.is_empty()
    {
        let mut stream = connection.into_parts().io.into_inner();
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
    }
}
