//! From a request to its response: logged, met by a fault if one waits for it, checked, and carried out.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State as Shared};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::BodyExt;
use serde_json::Value;

use self::pages::Page;
use self::spec::OperationSpec;
use crate::api_error::ApiError;
use crate::faults::{End, Ending};
use crate::log::{Entry, JobFailures};
use crate::oauth::{Endpoint, MAX_FORM_BYTES};
use crate::state::State;

mod call;
mod check_headers;
mod check_query;
pub mod checks;
pub mod continuation;
pub mod example;
pub mod jobs;
mod operations;
mod pages;
pub mod routes;
mod rules;
mod schema;
mod spec;

/// Keeps what stands beside the API in the log, and gives its response an id.
pub async fn logged(Shared(state): Shared<Arc<State>>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let entry = state.log.arrived(None, &head);
    let response = next.run(Request::from_parts(head, body)).await;
    entry.answered(response).await
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
    let operation = match place {
        Place::OAuth(endpoint) => (request.method == Method::POST).then(|| endpoint.name()),
        _ => spec.map(|spec| spec.operation.id),
    };
    let entry = state.log.arrived(operation, &request);
    // Where nothing is, too: without CORS, a page couldn't read which path was meant.
    let for_pages = !matches!(place, Place::OAuth(_));
    let for_pages = for_pages.then(|| Page::of(&request)).flatten();
    let fault = operation.and_then(|name| state.injections.next(name));
    let fault = match request.version {
        Version::HTTP_2 => fault,
        _ => fault.map(|fault| fault.over_http1().unwrap_or(fault)),
    };
    if let Some(fault) = &fault {
        entry.met(fault.name());
    }
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
            let response = response.unwrap_or_else(ApiError::into_response);
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
    let ending = response.extensions().get::<Ending>().cloned();
    if ending.as_ref().is_none_or(|ending| ending.answered) {
        response = entry.answered(response).await;
    } else {
        entry.unanswered();
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
            let performed = async {
                let call = checks::check(state, spec, request, path, body, entry).await?;
                operations::perform(state, spec.operation, call).await
            };
            let mut response = performed.await.map_err(|error| {
                let status = error.status;
                error.by(|| spec.place_of_response(status))
            })?;
            if let Some(place) = &spec.job_failures {
                response.extensions_mut().insert(JobFailures(place.clone()));
            }
            Ok(response)
        }
        (Place::Operations(specs, _), None) => {
            let methods: Vec<&str> = specs.iter().map(|spec| spec.operation.method).collect();
            let path = specs.first().map_or("", |spec| spec.operation.path);
            let uploads = request.method == Method::POST && path.starts_with("/v1/assets/");
            let reason = uploads.then(|| routes::UPLOADS.to_owned());
            Ok(bad_method(&methods.join(", "), reason, Some(format!("#/paths{}", rules::step(path)))))
        }
        (Place::OAuth(endpoint), _) if request.method == Method::POST => {
            let answer = ask_oauth(state, endpoint, request, body, entry).await;
            Ok(state.oauth.respond(answer))
        }
        (Place::OAuth(_), _) => Ok(bad_method("POST", None, None)),
        (Place::Nowhere, _) => {
            let refused =
                ApiError::new(StatusCode::NOT_FOUND, "endpoint_not_found", "There is no operation at this path.");
            let reason = routes::elsewhere(request.uri.path());
            Err(ApiError { reason, ..refused }.by(|| "#/paths".to_owned()))
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

fn bad_method(allowed: &str, reason: Option<String>, rule: Option<String>) -> Response {
    let message = format!("This path takes {allowed}.");
    let error = ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "bad_http_method", message);
    ([(header::ALLOW, allowed.to_owned())], ApiError { reason, rule, ..error }).into_response()
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
