//! From a request to its answer: the checks that every operation shares, in their order. What an operation does once a
//! request has passed them is in `operations`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawPathParams, RawQuery, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use serde_json::{Map, Value};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use crate::access::{Access, Owner};
use crate::library::Library;
use crate::limits::RateCounter;
use crate::links::Links;
use crate::log::{Entry, Log};
use crate::operations;
use crate::refusal::Refusal;
use crate::simulator::{Settings, Task};
use crate::spec::{self, Endpoint};

/// The path of the spec's server URL.
pub const BASE_PATH: &str = "/rest";

/// How much of a refused request's body is read, so that a client still writing gets to read the answer.
const MAX_DISCARDED_BYTES: usize = 256 << 20;

pub struct Server {
    pub settings: Settings,
    pub links: Links,
    pub log: Log,
    accesses: Vec<Access>,
    library: Mutex<Library>,
    counters: Mutex<HashMap<(String, &'static str), RateCounter>>,
    background: UnboundedSender<Task>,
    started: (SystemTime, Instant),
}

/// A request that has passed every check.
pub struct Call {
    pub owner: Owner,
    /// Path parameters, in the path's order.
    pub path: Vec<String>,
    /// Header parameters by the name that the spec gives them.
    pub headers: Map<String, Value>,
    pub body: Bytes,
    /// The body as JSON, where the operation takes JSON.
    pub json: Value,
}

impl Server {
    pub fn new(origin: String, accesses: Vec<Access>, settings: Settings, background: UnboundedSender<Task>) -> Self {
        Self {
            settings,
            links: Links::new(origin),
            log: Log::default(),
            accesses,
            library: Mutex::default(),
            counters: Mutex::default(),
            background,
            started: (SystemTime::now(), Instant::now()),
        }
    }

    pub fn library(&self) -> MutexGuard<'_, Library> {
        self.library.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a task that ends with the simulator at the latest.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        // Nobody receives once the simulator is gone, and then the task has no purpose either.
        let _ = self.background.send(Box::pin(task));
    }

    /// The time in seconds since the Unix epoch, by tokio's clock, which tests can pause.
    pub fn now(&self) -> i64 {
        let (epoch, started) = self.started;
        let now = epoch + started.elapsed();
        now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs().try_into().unwrap_or(i64::MAX))
    }

    fn check_token(&self, headers: &HeaderMap) -> Result<&Access, Refusal> {
        let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token =
            value.and_then(|value| value.split_once(' ')).filter(|(kind, _)| kind.eq_ignore_ascii_case("bearer"));
        let access = token.and_then(|(_, token)| self.accesses.iter().find(|access| access.token == token.trim()));
        let message = "The access token is missing, unknown or expired.";
        access.ok_or_else(|| Refusal::new(StatusCode::UNAUTHORIZED, "invalid_access_token", message))
    }

    fn check_rate(&self, owner: &Owner, endpoint: &Endpoint) -> Result<(), Refusal> {
        let Some(limits) = self.settings.rate_limits else { return Ok(()) };
        let operation = endpoint.operation;
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let counter = counters.entry((owner.user_id.clone(), operation.id));
        if counter.or_insert_with(|| RateCounter::new(limits, operation.requests_per_minute)).allow(Instant::now()) {
            return Ok(());
        }
        let message = format!("{} takes {} requests a minute.", operation.id, operation.requests_per_minute);
        Err(Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", message))
    }

    /// The whole body, or a 413 as soon as it is known to be too large.
    async fn read_body(&self, headers: &HeaderMap, body: &mut Body) -> Result<Bytes, Refusal> {
        let max = self.settings.max_body_bytes;
        let too_large = || {
            let message = format!("The request body is larger than {max} bytes.");
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", message)
        };
        let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if announced.is_some_and(|length: u64| length > max) {
            return Err(too_large());
        }
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let broken = |e| Refusal::new(StatusCode::BAD_REQUEST, "bad_request_body", format!("{e}"));
            if let Ok(data) = frame.map_err(broken)?.into_data() {
                bytes.extend_from_slice(&data);
            }
            if bytes.len() as u64 > max {
                return Err(too_large());
            }
        }
        Ok(bytes.freeze())
    }

    async fn answer(
        self: &Arc<Self>,
        endpoint: &Endpoint,
        request: &Parts,
        path: HashMap<String, String>,
        body: &mut Body,
        entry: &Entry<'_>,
    ) -> Result<Response, Refusal> {
        let headers = &request.headers;
        let access = self.check_token(headers)?;
        if let Some(scope) = access.lacks(endpoint.operation.scopes) {
            let message = format!("The access token lacks the scope {scope}.");
            return Err(Refusal::new(StatusCode::FORBIDDEN, "missing_scope", message));
        }
        self.check_rate(&access.owner, endpoint)?;
        endpoint.check_media_type(headers)?;
        let path = endpoint.check_path(path)?;
        let parameters = endpoint.check_headers(headers)?;
        let body = self.read_body(headers, body).await?;
        entry.body(body.clone());
        let json = endpoint.check_body(&body)?;
        let call = Call { owner: access.owner.clone(), path, headers: parameters, body, json };
        operations::perform(self, endpoint.operation, call).await
    }
}

/// Everything the simulator answers to.
pub fn router(server: Arc<Server>) -> Result<Router, String> {
    let mut by_path: HashMap<&str, Vec<Endpoint>> = HashMap::new();
    for endpoint in spec::endpoints()? {
        by_path.entry(endpoint.operation.path).or_default().push(endpoint);
    }
    let mut router = Router::new();
    for (path, endpoints) in by_path {
        let (server, endpoints) = (server.clone(), Arc::new(endpoints));
        let handler = any(move |parameters: RawPathParams, request| {
            let parameters = parameters.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            api(server.clone(), endpoints.clone(), parameters, request)
        });
        router = router.route(&format!("{BASE_PATH}{path}"), handler);
    }
    let thumbnails = server.clone();
    let thumbnail = get(move |Path(asset_id): Path<String>, RawQuery(query): RawQuery| async move {
        thumbnail(&thumbnails, &asset_id, &query.unwrap_or_default())
    });
    let nowhere = move |request| api(server.clone(), Arc::default(), HashMap::new(), request);
    Ok(router.route("/thumbnails/{asset_id}/0001.png", thumbnail).fallback(nowhere))
}

/// A request to a path with these endpoints, one for each method that it takes.
async fn api(
    server: Arc<Server>,
    endpoints: Arc<Vec<Endpoint>>,
    path: HashMap<String, String>,
    request: Request,
) -> Response {
    let (request, mut body) = request.into_parts();
    let endpoint = endpoints.iter().find(|endpoint| endpoint.operation.method == request.method.as_str());
    let entry = server.log.arrived(endpoint.map(|endpoint| endpoint.operation.id), &request);
    let response = match endpoint {
        Some(endpoint) => {
            let answer = server.answer(endpoint, &request, path, &mut body, &entry).await;
            answer.unwrap_or_else(Refusal::into_response)
        }
        None => no_endpoint(&endpoints),
    };
    entry.status(response.status());
    server.spawn(discard(body));
    response
}

fn no_endpoint(others: &[Endpoint]) -> Response {
    if others.is_empty() {
        let message = "There is no operation at this path.";
        return Refusal::new(StatusCode::NOT_FOUND, "endpoint_not_found", message).into_response();
    }
    let methods: Vec<&str> = others.iter().map(|endpoint| endpoint.operation.method).collect();
    let methods = methods.join(", ");
    let message = format!("This path takes {methods}.");
    let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "bad_http_method", message);
    ([(header::ALLOW, methods)], refusal).into_response()
}

fn thumbnail(server: &Server, asset_id: &str, query: &str) -> Response {
    let library = server.library();
    let Some(asset) = library.assets.iter().find(|asset| asset.id == asset_id) else {
        return Refusal::not_found("thumbnail").into_response();
    };
    if !server.links.opens(asset_id, query, server.now()) {
        let message = "The address is expired, or its query string is missing or wrong.";
        return Refusal::new(StatusCode::FORBIDDEN, "permission_denied", message).into_response();
    }
    ([(header::CONTENT_TYPE, "image/png")], asset.thumbnail.png.clone()).into_response()
}

/// Reads what is left of a body. Closing on a client that still writes would cost it the answer.
async fn discard(mut body: Body) {
    let mut left = MAX_DISCARDED_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        let Some(rest) = left.checked_sub(length) else { return };
        left = rest;
    }
}
