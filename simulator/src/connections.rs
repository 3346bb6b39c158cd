//! Runs a simulator's connections and background tasks until it is dropped. What is said on a connection comes from the
//! router; when it closes is decided here.

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
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

use crate::background::Task;
use crate::faults::HangUp;
use crate::port::Port;

/// Owns every task there is, so that aborting this one ends them all.
pub async fn serve(port: Arc<Port>, router: Router, mut background: UnboundedReceiver<Task>) {
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            accepted = port.accept() => match accepted {
                Ok(stream) => {
                    tasks.spawn(connection(stream, router.clone()));
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

async fn connection(stream: TcpStream, router: Router) {
    // A response is small, and nothing comes that it could be sent together with.
    let _ = stream.set_nodelay(true);
    let router = TowerToHyperService::new(router);
    let service = service_fn(|request: Request<Incoming>| {
        let response = router.call(request);
        Box::pin(async move {
            let response = response.await.unwrap_or_else(|never: Infallible| match never {});
            match response.extensions().get::<HangUp>() {
                Some(hang_up) => Err(hang_up.clone()),
                None => Ok(response),
            }
        })
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let end = std::future::poll_fn(|context| connection.poll_without_shutdown(context)).await;
    // Any other error is a connection that broke, which is the client's doing, and the client sees it.
    if let Some(HangUp { bytes, .. }) = end.err().as_ref().and_then(|e| e.source()?.downcast_ref()) {
        let _ = connection.into_parts().io.into_inner().write_all(bytes).await;
    }
}
