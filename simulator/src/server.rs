//! From a request to its answer: the checks that every operation shares, in their order. What an operation does once a
//! request has passed them is in `operations`.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawPathParams, RawQuery, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use bytes::{Bytes, BytesMut};
use canva_connect::operations::ALL;
use http_body_util::BodyExt;
use serde_json::{Map, Value};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use crate::access::{Access, Owner};
use crate::faults::{Faults, HangUp, Injected};
use crate::library::Library;
use crate::links::Links;
use crate::lock::lock;
use crate::log::{Entry, Log};
use crate::oauth::OAuth;
use crate::operations;
use crate::rates::{RateCounter, RateLimits};
use crate::refusal::Refusal;
use crate::serving::Task;
use crate::spec::{self, Endpoint};

/// The path of the spec's server URL.
pub const BASE_PATH: &str = "/rest";

/// Where tokens are issued, below the base path.
const TOKEN_PATH: &str = "/v1/oauth/token";

/// Where users consent.
pub const AUTHORIZATION_PATH: &str = "/oauth/authorize";

/// What the token endpoint is called where faults are injected: the spec gives it no operation id.
const TOKEN_ENDPOINT: &str = "token";

/// How much of a refused request's body is read, so that a client still writing gets to read the answer.
const MAX_DISCARDED_BYTES: usize = 256 << 20;

/// What the server needs to know of the builder's settings.
#[derive(Clone, Debug)]
pub struct Settings {
    pub job_duration: Duration,
    pub max_body_bytes: u64,
    pub max_asset_bytes: u64,
    pub rate_limits: Option<RateLimits>,
}

pub struct Server {
    pub settings: Settings,
    pub links: Links,
    pub log: Log,
    pub oauth: OAuth,
    faults: Faults,
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
    pub fn new(
        origin: String,
        accesses: Vec<Access>,
        oauth: OAuth,
        settings: Settings,
        background: UnboundedSender<Task>,
    ) -> Self {
        Self {
            settings,
            links: Links::new(origin),
            log: Log::default(),
            oauth,
            faults: Faults::default(),
            accesses,
            library: Mutex::default(),
            counters: Mutex::default(),
            background,
            started: (SystemTime::now(), Instant::now()),
        }
    }

    pub fn library(&self) -> MutexGuard<'_, Library> {
        lock(&self.library)
    }

    pub fn inject(&self, operation: &str, injected: Injected) -> io::Result<()> {
        if operation != TOKEN_ENDPOINT && !ALL.iter().any(|known| known.id == operation) {
            let message = format!("the spec has no operation `{operation}`");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        self.faults.inject(operation, injected);
        Ok(())
    }

    /// Runs a task that ends with the simulator at the latest.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        // Nobody receives once the simulator is gone, and then the task has no purpose either.
        let _ = self.background.send(Box::pin(task));
    }

    /// The time in seconds since the Unix epoch, by tokio's clock, which tests can pause.
    pub fn now(&self) -> i64 {
        let (epoch, started) = self.started;
        let since = epoch.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        since.saturating_add(started.elapsed()).as_secs().try_into().unwrap_or(i64::MAX)
    }

    fn check_token(&self, headers: &HeaderMap) -> Result<Access, Refusal> {
        let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer =
            value.and_then(|value| value.split_once(' ')).filter(|(kind, _)| kind.eq_ignore_ascii_case("bearer"));
        let token = bearer.map_or("", |(_, token)| token.trim());
        let access = self.accesses.iter().find(|access| access.token == token).cloned();
        let message = "The access token is missing, unknown or expired.";
        let refusal = || Refusal::new(StatusCode::UNAUTHORIZED, "invalid_access_token", message);
        access.or_else(|| self.oauth.access(token)).ok_or_else(refusal)
    }

    fn check_rate(&self, owner: &Owner, endpoint: &Endpoint) -> Result<(), Refusal> {
        let Some(limits) = self.settings.rate_limits else { return Ok(()) };
        let operation = endpoint.operation;
        let mut counters = lock(&self.counters);
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

    async fn process(
        self: &Arc<Self>,
        place: &Place,
        endpoint: Option<&Endpoint>,
        request: &Parts,
        body: &mut Body,
        entry: &Entry<'_>,
    ) -> Result<Response, Refusal> {
        match (place, endpoint) {
            (Place::Operations(_, path), Some(endpoint)) => {
                self.operate(endpoint, request, path.clone(), body, entry).await
            }
            (Place::Operations(endpoints, _), None) => {
                let methods: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.operation.method).collect();
                Ok(bad_method(&methods.join(", ")))
            }
            (Place::Token, _) if request.method == Method::POST => self.issue_token(request, body, entry).await,
            (Place::Token, _) => Ok(bad_method("POST")),
            (Place::Nowhere, _) => {
                let message = "There is no operation at this path.";
                Err(Refusal::new(StatusCode::NOT_FOUND, "endpoint_not_found", message))
            }
        }
    }

    /// The answer of an operation, after all checks.
    async fn operate(
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
        let call = Call { owner: access.owner, path, headers: parameters, body, json };
        operations::perform(self, endpoint.operation, call).await
    }

    async fn issue_token(&self, request: &Parts, body: &mut Body, entry: &Entry<'_>) -> Result<Response, Refusal> {
        let body = self.read_body(&request.headers, body).await?;
        entry.body(body.clone());
        Ok(self.oauth.token(&request.headers, &body))
    }
}

/// Everything the simulator answers to.
pub fn router(server: Arc<Server>) -> Result<Router, String> {
    let mut by_path: HashMap<&str, Vec<&'static Endpoint>> = HashMap::new();
    for endpoint in spec::endpoints()? {
        by_path.entry(endpoint.operation.path).or_default().push(endpoint);
    }
    let mut router = Router::new();
    for (path, endpoints) in by_path {
        let (server, endpoints) = (server.clone(), Arc::new(endpoints));
        let handler = any(move |parameters: RawPathParams, request| {
            let parameters = parameters.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            api(server.clone(), Place::Operations(endpoints.clone(), parameters), request)
        });
        router = router.route(&format!("{BASE_PATH}{path}"), handler);
    }
    let (tokens, consent, thumbnails) = (server.clone(), server.clone(), server.clone());
    let token = any(move |request| api(tokens.clone(), Place::Token, request));
    let authorize =
        get(async move |RawQuery(query): RawQuery| consent.oauth.authorize_page(&query.unwrap_or_default()));
    let thumbnail = get(async move |Path(asset_id): Path<String>, RawQuery(query): RawQuery| {
        thumbnail(&thumbnails, &asset_id, &query.unwrap_or_default())
    });
    let router = router
        .route(&format!("{BASE_PATH}{TOKEN_PATH}"), token)
        .route(AUTHORIZATION_PATH, authorize)
        .route("/thumbnails/{asset_id}/0001.png", thumbnail)
        .fallback(move |request| api(server.clone(), Place::Nowhere, request));
    Ok(router)
}

/// Where a request's path leads.
enum Place {
    /// The operations of one path, and the values of its parameters.
    Operations(Arc<Vec<&'static Endpoint>>, HashMap<String, String>),
    Token,
    Nowhere,
}

/// A request to the API: noted, met by a fault if one waits for it, answered.
async fn api(server: Arc<Server>, place: Place, request: Request) -> Response {
    let (request, mut body) = request.into_parts();
    let endpoint = place.endpoint(&request.method);
    let operation = endpoint.map(|endpoint| endpoint.operation.id);
    let entry = server.log.arrived(operation, &request);
    let fault = match place {
        Place::Token => server.faults.next(TOKEN_ENDPOINT),
        _ => operation.and_then(|operation| server.faults.next(operation)),
    };
    let instead = match &fault {
        Some(fault) => fault.before(&mut body).await,
        None => None,
    };
    let response = match instead {
        Some(response) => response,
        None => {
            let answer = server.process(&place, endpoint, &request, &mut body, &entry).await;
            let answer = answer.unwrap_or_else(Refusal::into_response);
            match &fault {
                Some(fault) => fault.after(answer).await,
                None => answer,
            }
        }
    };
    match response.extensions().get::<HangUp>() {
        None => {
            entry.status(response.status());
            server.spawn(discard(body));
        }
        Some(HangUp { status, .. }) => {
            if let Some(status) = status {
                entry.status(*status);
                // The end of the connection must not overtake the answer.
                discard(body).await;
            }
        }
    }
    response
}

impl Place {
    fn endpoint(&self, method: &Method) -> Option<&Endpoint> {
        let Self::Operations(endpoints, _) = self else { return None };
        endpoints.iter().find(|endpoint| endpoint.operation.method == method.as_str()).copied()
    }
}

fn bad_method(allowed: &str) -> Response {
    let message = format!("This path takes {allowed}.");
    let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "bad_http_method", message);
    ([(header::ALLOW, allowed.to_owned())], refusal).into_response()
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
