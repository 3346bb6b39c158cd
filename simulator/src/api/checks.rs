//! The checks that all operations share, in the order in which a real API makes them: token (401), scope (403), rate
//! limit (429), media type (415), path, query and header parameters (400), size (413), body (400).

use std::collections::HashMap;

use axum::body::{Body, HttpBody};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use canva_connect::operations::Operation;
use http_body_util::BodyExt;

use crate::api::call::Call;
use crate::api::spec::OperationSpec;
use crate::api_error::ApiError;
use crate::canva::access::{Access, Owner};
use crate::canva::rates::RateCounter;
use crate::lock::lock;
use crate::log::Entry;
use crate::state::State;

/// Where the spec says what tokens are.
const SECURITY_SCHEME: &str = "#/components/securitySchemes/oauthAuthCode";

/// The call that the request makes, or the error of the first check that fails. `path` has the path's parameters by
/// name.
pub async fn check(
    state: &State,
    spec: &OperationSpec,
    request: &Parts,
    path: HashMap<String, String>,
    body: &mut Body,
    entry: &Entry<'_>,
) -> Result<Call, ApiError> {
    let headers = &request.headers;
    let by = |name| move |refused: ApiError| refused.by(|| spec.place_of(name));
    let access = state.oauth.access(headers).map_err(|refused| refused.by(|| SECURITY_SCHEME.to_owned()))?;
    check_scopes(&access, spec.operation).map_err(by("security"))?;
    check_rate(state, &access.owner, spec.operation).map_err(by("x-rate-limit-per-client-user"))?;
    spec.check_media_type(headers, body.is_end_stream())?;
    let path = spec.check_path(path)?;
    let query = spec.check_query(request.uri.query().unwrap_or_default())?;
    let parameters = spec.check_headers(headers)?;
    let body = read_body(state.settings.max_body_bytes, headers, body).await?;
    entry.body(body.clone());
    let json = spec.check_body(&body)?;
    Ok(Call { owner: access.owner, urls: state.urls.by(request), path, query, headers: parameters, body, json })
}

fn check_scopes(access: &Access, operation: &Operation) -> Result<(), ApiError> {
    let Some(scope) = access.lacks(operation.scopes) else { return Ok(()) };
    let message = format!("The access token lacks the scope {scope}.");
    let refused = ApiError::new(StatusCode::FORBIDDEN, "missing_scope", message);
    let has = access.scope_names().unwrap_or_default().join(" ");
    let has = if has.is_empty() { "no scope" } else { &has };
    Err(refused.because(format!("The operation needs {scope}, and the token has {has}.")))
}

/// Counts each user's requests of each operation by themselves.
fn check_rate(state: &State, owner: &Owner, operation: &Operation) -> Result<(), ApiError> {
    let (Some(limits), Some(per_minute)) = (state.settings.rate_limits, operation.requests_per_minute) else {
        return Ok(());
    };
    let mut counters = lock(&state.counters);
    let counter = counters.entry((owner.user_id.clone(), operation.id));
    if counter
        .or_insert_with(|| RateCounter::with_window(limits, per_minute, state.settings.rate_window))
        .allow(state.clock.now())
    {
        return Ok(());
    }
    let message = format!("{} takes {per_minute} requests a minute.", operation.id);
    Err(ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", message))
}

/// The whole body, or a 413 as soon as the body is known to be too large.
pub async fn read_body(max: u64, headers: &HeaderMap, body: &mut Body) -> Result<Bytes, ApiError> {
    let too_large = || {
        let message = format!("The request body is larger than {max} bytes.");
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", message)
    };
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > max) {
        return Err(too_large());
    }
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let broken = |e| ApiError::new(StatusCode::BAD_REQUEST, "bad_request_body", format!("{e}"));
        if let Ok(data) = frame.map_err(broken)?.into_data() {
            bytes.extend_from_slice(&data);
        }
        if bytes.len() as u64 > max {
            return Err(too_large());
        }
    }
    Ok(bytes.freeze())
}
