//! Whether a request still waits for its connection. Opening one has a bound of its own, so that the other timeouts
//! begin only when it is open. The HTTP client doesn't tell; this is a layer around its connector.

use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::watch;
use tokio::time::Instant;
use tower_layer::Layer;
use tower_service::Service;

use crate::boxed::BoxFuture;

tokio::task_local! {
    /// The request on whose behalf the connector is called.
    static REQUEST: Arc<Connecting>;
}

/// How far one request is with its connection.
pub(crate) struct Connecting(watch::Sender<Option<Instant>>);

impl Connecting {
    /// Most requests take a connection that is open.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(watch::Sender::new(Some(Instant::now()))))
    }

    /// Since when the request has had its connection, or looked for an open one; `None` while a new one is being
    /// opened.
    pub(crate) fn watch(&self) -> watch::Receiver<Option<Instant>> {
        self.0.subscribe()
    }

    /// Runs a request, and sees when it opens a connection.
    pub(crate) async fn observe<T>(self: Arc<Self>, request: impl Future<Output = T>) -> T {
        REQUEST.scope(self, request).await
    }
}

/// The layer.
#[derive(Clone)]
pub(crate) struct Observed;

impl<S> Layer<S> for Observed {
    type Service = ObservedConnector<S>;

    fn layer(&self, connector: S) -> Self::Service {
        ObservedConnector(connector)
    }
}

#[derive(Clone)]
pub(crate) struct ObservedConnector<S>(S);

impl<T, S: Service<T>> Service<T> for ObservedConnector<S>
where
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, target: T) -> Self::Future {
        let opening = REQUEST.try_with(|request| Opening::of(request.clone())).ok();
        let connecting = self.0.call(target);
        Box::pin(async move {
            let connection = connecting.await;
            drop(opening);
            connection
        })
    }
}

/// A connection that is being opened. Dropped, it is open, or given up. The request may have found another one
/// meanwhile: then its clock begins too late, by the connect timeout at the most.
struct Opening(Arc<Connecting>);

impl Opening {
    fn of(request: Arc<Connecting>) -> Self {
        request.0.send_replace(None);
        Self(request)
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.0.0.send_replace(Some(Instant::now()));
    }
}
