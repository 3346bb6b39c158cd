//! Runs a simulator's connections and background tasks until it is dropped.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::serve::background::Task;
use crate::serve::port::Port;
use crate::serve::tls::{HTTP2, TlsServer};
use crate::serve::{HEAD_TIMEOUT, http1, http2};

/// What every connection needs.
pub struct Server {
    pub router: Router,
    pub tls: Option<TlsServer>,
    pub max_concurrent_streams: Option<u32>,
}

/// Owns all tasks, so aborting this one ends them all.
pub async fn serve(port: Arc<Port>, server: Server, mut background: UnboundedReceiver<Task>) {
    let (server, mut tasks) = (Arc::new(server), JoinSet::new());
    loop {
        tokio::select! {
            accepted = port.accept() => match accepted {
                Ok(stream) => {
                    tasks.spawn(connection(stream, server.clone()));
                }
                // The process is probably out of file descriptors; retrying at once would spin.
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
    // Responses are small and come alone, so waiting to fill a packet would only delay them.
    let _ = stream.set_nodelay(true);
    let router = server.router.clone();
    let Some(tls) = &server.tls else { return http1::serve(stream, router).await };
    // If the client distrusts the certificate or no protocol matches, the handshake tells it so.
    let Ok(Ok(stream)) = timeout(HEAD_TIMEOUT, tls.acceptor.accept(stream)).await else { return };
    match stream.get_ref().1.alpn_protocol() {
        Some(HTTP2) => http2::serve(stream, router, server.max_concurrent_streams).await,
        _ if tls.http1 => http1::serve(stream, router).await,
        _ => {}
    }
}
