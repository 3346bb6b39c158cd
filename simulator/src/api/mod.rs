//! From a request to its response: logged, met by a fault if one waits for it, checked, and carried out.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use canva_connect::operations::BASE_URL;
use http_body_util::BodyExt;
use serde_json::Value;

use self::pages::Page;
use self::spec::OperationSpec;
use crate::api_error::ApiError;
use crate::faults::{End, Ending};
use crate::log::Entry;
use crate::oauth::{Endpoint, MAX_FORM_BYTES};
use crate::state::State;

mod call;
mod check_headers;
mod check_query;
mod checks;
pub mod continuation;
pub mod jobs;
mod operations;
mod pages;
pub mod routes;
mod schema;
mod spec;

/// Every response has one, for Canva's support.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The same for a response to what the log doesn't keep.
pub async fn identified(mut response: Response) -> Response {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let id = format!("simulated-request-beside-{}", LAST.fetch_add(1, Ordering::Relaxed) + 1);
    response.headers_mut().extend(HeaderValue::try_from(id).ok().map(|id| (REQUEST_ID, id)));
    response
}

/// The most bytes that are read of an unwanted body, so that a client that still writes gets to read the response.
const MAX_DISCARDED_BYTES: usize = 256 << 20;

/// What stands at a request's path.
pub enum Place {
    /// The operations of this path, and the values of its parameters by name.
    Operations(Arc<Vec<&'static OperationSpec>>, HashMap<String, String>),
    OAuth(Endpoint),
    Nowhere,
}

pub async fn respond(state: Arc<State>, place: Place, request: Request) -> Response {
    let (request, mut body) = request.into_parts();
    let spec = place.operation(&request.method);
    let operation = spec.map(|spec| spec.operation.id);
    let entry = state.log.arrived(operation, &request);
    let for_pages = !matches!(place, Place::OAuth(_)) && request.uri.path().starts_with(routes::path_of(BASE_URL));
    let for_pages = for_pages.then(|| Page::of(&request)).flatten();
    let injected = match place {
        Place::OAuth(endpoint) => Some(endpoint.name()),
        _ => operation,
    };
    let fault = injected.and_then(|name| state.injections.next(name));
    let fault = match request.version {
        Version::HTTP_2 => fault,
        _ => fault.map(|fault| fault.over_http1().unwrap_or(fault)),
    };
    let instead = match &fault {
        Some(fault) => fault.before(&mut body).await,
        None => None,
    };
    let mut response = match instead {
        Some(response) => response,
        None => {
            let response = match for_pages.as_ref().and_then(|page| page.preflight(&request)) {
                Some(allowed) => Ok(allowed),
                None => process(&state, place, spec, &request, &mut body, &entry).await,
            };
            let mut response = response.unwrap_or_else(ApiError::into_response);
            response.headers_mut().insert(REQUEST_ID, entry.request_id());
            match &fault {
                Some(fault) => fault.after(response).await,
                None => response,
            }
        }
    };
    if let Some(page) = for_pages {
        page.let_read(&mut response);
    }
    response.headers_mut().extend(state.date().map(|date| (header::DATE, date)));
    let ending = response.extensions().get::<Ending>();
    if ending.is_none_or(|ending| ending.answered) {
        entry.answered(&response);
    }
    match ending {
        None | Some(Ending { end: End::ShutDown, .. }) => state.background.spawn(discard(body)),
        // The end of the connection must not overtake the response.
        Some(Ending { end: End::HangUp(_), answered: true }) => discard(body).await,
        Some(_) => {}
    }
    response
}

async fn process(
    state: &Arc<State>,
    place: Place,
    spec: Option<&OperationSpec>,
    request: &Parts,
    body: &mut Body,
    entry: &Entry<'_>,
) -> Result<Response, ApiError> {
    match (place, spec) {
        (Place::Operations(_, path), Some(spec)) => {
            let call = checks::check(state, spec, request, path, body, entry).await?;
            operations::perform(state, spec.operation, call).await
        }
        (Place::Operations(specs, _), None) => {
            let methods: Vec<&str> = specs.iter().map(|spec| spec.operation.method).collect();
            Ok(bad_method(&methods.join(", ")))
        }
        (Place::OAuth(endpoint), _) if request.method == Method::POST => {
            Ok(state.oauth.respond(ask_oauth(state, endpoint, request, body, entry).await))
        }
        (Place::OAuth(_), _) => Ok(bad_method("POST")),
        (Place::Nowhere, _) => {
            let refused =
                ApiError::new(StatusCode::NOT_FOUND, "endpoint_not_found", "There is no operation at this path.");
            Err(ApiError { reason: routes::elsewhere(request.uri.path()), ..refused })
        }
    }
}

async fn ask_oauth(
    state: &State,
    endpoint: Endpoint,
    request: &Parts,
    body: &mut Body,
    entry: &Entry<'_>,
) -> Result<Value, ApiError> {
    state.oauth.client.check_head(&request.headers, endpoint)?;
    let body = checks::read_body(MAX_FORM_BYTES, &request.headers, body).await?;
    let form = state.oauth.form(endpoint, &request.headers, &body)?;
    // Kept only now: the form is known to be this client's.
    entry.body(body);
    state.oauth.perform(endpoint, &form)
}

impl Place {
    fn operation(&self, method: &Method) -> Option<&'static OperationSpec> {
        let Self::Operations(specs, _) = self else { return None };
        specs.iter().find(|spec| spec.operation.method == method.as_str()).copied()
    }
}

fn bad_method(allowed: &str) -> Response {
    let message = format!("This path takes {allowed}.");
    let error = ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "bad_http_method", message);
    ([(header::ALLOW, allowed.to_owned())], error).into_response()
}

/// Reads the rest of a body. A client that still writes would lose the response if the connection closed.
async fn discard(mut body: Body) {
    let mut left = MAX_DISCARDED_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        let Some(rest) = left.checked_sub(length) else { return };
        left = rest;
    }
}
