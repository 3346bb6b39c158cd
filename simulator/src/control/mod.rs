//! The control API below `/simulator`: it shows and steers the simulator, from any language. `openapi.yaml` beside this file
//! says which paths it has; `perform` calls what the rest of the simulator offers, as Rust's `Simulator` does.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Json, http::HeaderValue};
use serde_json::Value;

use crate::api::checks::read_body;
use crate::api_error::ApiError;
use crate::given::Given;
use crate::headers::{FETCH_SITE, credentials, has_media_type};
use crate::serve::visitors;
use crate::state::State;

mod events;
mod paths;
mod perform;
mod requests;

pub use paths::OPENAPI_YAML;
pub use perform::perform;

/// Where it stands.
pub const BASE: &str = "/simulator";

/// The cookie of a browser that came to the page with the control token. A browser sends it to the other ports of this host,
/// too, so it isn't the token, and opens no more than the page needs.
pub const COOKIE: &str = "simulator-page";

/// What the page loads or links to of this API.
const FOR_PAGE: [&str; 4] = ["listen", "getControlOpenapi", "getCanvaOpenapi", "getFile"];

/// How much more a body has than the file in it, as Base64 in JSON.
const BASE64: (u64, u64) = (4, 3);

/// The control API's routes.
pub fn router(state: Arc<State>) -> Router<()> {
    Router::new()
        .route(BASE, any(answer))
        .route(&format!("{BASE}/"), any(answer))
        .route(&format!("{BASE}/{{*path}}"), any(answer))
        .layer(middleware::from_fn_with_state(state.clone(), guard))
        .layer(middleware::map_response(seclude))
        .with_state(state)
}

/// Without `Origin` there is no telling who asks, and browsers send none for a picture or a script. So they are told that
/// no page but the simulator's own may embed this, and not to guess what it could be.
async fn seclude(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Lets in programs and the simulator's own pages, and where there is a control token, only those with it.
pub async fn guard(Shared(state): Shared<Arc<State>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let refused = if !visitors::is_from_own_page(headers, request.uri().authority()) {
        let message = "Only programs and the simulator's own pages may steer it: Origin is another page.";
        ApiError::new(StatusCode::FORBIDDEN, "permission_denied", message)
    } else if state.settings.control_token.as_deref().is_some_and(|token| credentials(headers, "bearer") != Some(token))
        && !(has_cookie(headers, &state.settings.page_pass) && is_of_page(&request))
        && request.uri().path() != format!("{BASE}/health")
    {
        let message = "It is steered with a token: Authorization must be `Bearer`, a space, and the token that was \
                       printed at the start (CANVA_SIMULATOR_TOKEN). A browser opens /?token=TOKEN once.";
        ApiError::new(StatusCode::UNAUTHORIZED, "invalid_control_token", message)
    } else {
        return next.run(request).await;
    };
    // A refusal is in the log: who looks for it has no other place.
    state.log.refuse(&request.into_parts().0, refused).await
}

fn has_cookie(headers: &HeaderMap, pass: &str) -> bool {
    // Over HTTP/2, each cookie may have a header of its own.
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    let mut cookies = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    cookies.any(|cookie| cookie == (COOKIE, pass))
}

/// Whether the request is for the page, or made by it. Browsers say who made a request, but not old ones, and none to
/// another machine without TLS.
fn is_of_page(request: &Request) -> bool {
    let Some(path) = request.uri().path().strip_prefix(BASE) else { return true };
    let found = paths::find(request.method().as_str(), path);
    found.is_ok_and(|(operation, _)| FOR_PAGE.contains(&operation))
        && request.headers().get(FETCH_SITE).is_none_or(|site| site == "same-origin" || site == "none")
}

async fn answer(Shared(state): Shared<Arc<State>>, request: Request) -> Response {
    let mut response = respond(&state, request).await.unwrap_or_else(ApiError::into_response);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn respond(state: &Arc<State>, request: Request) -> Result<Response, ApiError> {
    let (head, mut body) = request.into_parts();
    let path = head.uri.path().strip_prefix(BASE).unwrap_or_default();
    let (operation, ids) = paths::find(head.method.as_str(), path)?;
    match operation {
        "getControlOpenapi" => return Ok(yaml(OPENAPI_YAML)),
        "getCanvaOpenapi" => return Ok(yaml(canva_connect::OPENAPI_YAML)),
        "listen" => return Ok(events::stream(state)),
        "getFile" => return file(state, &ids).await,
        _ => {}
    }
    let most = state.settings.max_body_bytes.saturating_mul(BASE64.0) / BASE64.1 + (1 << 20);
    let body = read_body(most, &head.headers, &mut body).await?;
    if !body.is_empty() && !has_media_type(&head.headers, "application/json") {
        let message = "The request body must be application/json.";
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_content_type", message));
    }
    let given = if head.method == Method::POST {
        Given::Json(body)
    } else if body.is_empty() {
        Given::form(head.uri.query().unwrap_or_default().as_bytes())
    } else {
        // Who means one thing by it mustn't lose all.
        let message = format!("A {} request has no body: what it is about stands in its query.", head.method);
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "bad_request_body", message));
    };
    match perform(state, &state.urls.by(&head), operation, &ids, &given).await? {
        Value::Null => Ok(StatusCode::NO_CONTENT.into_response()),
        value => Ok(Json(value).into_response()),
    }
}

/// The file of an asset or a design, as it came.
async fn file(state: &Arc<State>, ids: &[String]) -> Result<Response, ApiError> {
    let id = ids.first().map_or("", String::as_str);
    let unknown = || ApiError::new(StatusCode::NOT_FOUND, "not_found", format!("There is no asset or design {id}."));
    let content = state.library().file(id).ok_or_else(unknown)?;
    let lost =
        |e| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", format!("The file is lost: {e}."));
    let bytes = content.load().await.map_err(lost)?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response())
}

fn yaml(text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, "application/yaml")], Body::from(text)).into_response()
}
