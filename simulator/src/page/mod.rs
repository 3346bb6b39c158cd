//! The page: what a person sees of the simulator in a browser, and steers it with. It is a client of the control API: what
//! it shows is what an operation answers, and a form is a request to one.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawPathParams, Request, State as Shared};
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum::routing::get;
use serde_json::{Map, Value, json};

use crate::api::checks::read_body;
use crate::api::routes;
use crate::api_error::ApiError;
use crate::control::{self, perform};
use crate::given::Given;
use crate::headers::has_media_type;
use crate::state::State;

mod excerpt;
mod templates;

/// The longest form that is read, in bytes.
const MAX_FORM_BYTES: u64 = 1 << 20;

/// What stands at a path: a template, and the operations whose answers it shows, by their names. The first one gets the
/// values in the path, and the page's query; another one may have a query of its own.
struct Page {
    path: &'static str,
    template: &'static str,
    operations: &'static [&'static str],
}

const PAGES: [Page; 7] = [
    Page {
        path: "/",
        template: "requests.html",
        operations: &[
            "listRequests",
            "listFaults",
            "listOutcomes",
            "listJobs?status=in_progress",
            "listLimits",
            "listTokens",
        ],
    },
    Page { path: "/requests/{number}", template: "request.html", operations: &["getRequest"] },
    Page { path: "/library", template: "library.html", operations: &["getLibrary", "listJobs", "listFiles"] },
    Page { path: "/library/{id}", template: "item.html", operations: &["getItem"] },
    // Where the URLs of a design lead.
    Page { path: "/design/{id}/{action}", template: "item.html", operations: &["getItem"] },
    Page { path: "/faults", template: "faults.html", operations: &["listFaults", "listOutcomes"] },
    Page { path: "/access", template: "access.html", operations: &["listTokens", "listLimits"] },
];

/// What the forms in the templates ask for. Nothing else is done for one.
const FORMS: [&str; 12] = [
    "addFault",
    "addOutcome",
    "advanceClock",
    "expireToken",
    "makeToken",
    "removeFault",
    "removeFaults",
    "removeFile",
    "removeOutcome",
    "removeOutcomes",
    "reset",
    "revokeToken",
];

/// Beside the pages.
const FILES: [(&str, &str, &str); 3] = [
    ("/favicon.ico", "image/svg+xml", include_str!("favicon.svg")),
    ("/page.css", "text/css; charset=utf-8", include_str!("page.css")),
    ("/page.js", "text/javascript; charset=utf-8", include_str!("page.js")),
];

/// No page of elsewhere may show this one in a frame, and this one loads nothing from elsewhere. `same-origin`: without a
/// referrer, Chromium would hide a form's origin.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CACHE_CONTROL, "no-store"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; connect-src 'self'; img-src 'self'; script-src 'self'; style-src 'self'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'",
    ),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// The page's routes.
pub fn router(state: &Arc<State>) -> Router<()> {
    let mut router = Router::new();
    for page in &PAGES {
        let state = state.clone();
        let answer = async move |ids: Result<RawPathParams, _>, request: Request| {
            let ids = ids.iter().flatten().map(|(_, value)| value.to_owned()).collect();
            let (head, body) = request.into_parts();
            let asked = Asked { state, page, ids, head };
            let answer = if asked.head.method == Method::POST { asked.steer(body).await } else { asked.show().await };
            answer.unwrap_or_else(ApiError::into_response)
        };
        router = router.route(page.path, get(answer.clone()).post(answer));
    }
    // A thumbnail's own URL ends after a while, and whoever opens it is in the log.
    let library = state.clone();
    let thumbnail = async move |Path(id): Path<String>| {
        let url = library.urls.thumbnail(&id, library.now());
        routes::thumbnail(&library, &id, url.split_once('?').map_or("", |(_, query)| query)).await
    };
    router = router
        .route("/library/{id}/thumbnail", get(thumbnail))
        .layer(middleware::from_fn_with_state(state.clone(), control::guard));
    // There is nothing to guard in them.
    for (path, media_type, text) in FILES {
        router = router.route(path, get(async move || ([(header::CONTENT_TYPE, media_type)], text)));
    }
    router.layer(middleware::from_fn_with_state(state.clone(), dress))
}

/// Gives whoever comes with the control token, as `/?token=TOKEN`, a cookie that opens the page. Shows a refusal as a page,
/// and sets the headers.
async fn dress(Shared(state): Shared<Arc<State>>, request: Request, next: Next) -> Response {
    let response = match entering(&state, request.uri()) {
        Some(cookie) => (AppendHeaders([(header::SET_COOKIE, cookie)]), Redirect::to("/")).into_response(),
        None => next.run(request).await,
    };
    let mut response = match response.extensions().get::<ApiError>() {
        Some(error) => refusal(error),
        None => response,
    };
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// The cookie for whoever comes with the right token.
fn entering(state: &State, uri: &Uri) -> Option<HeaderValue> {
    let token = state.settings.control_token.as_deref()?;
    let (_, given) = form_urlencoded::parse(uri.query()?.as_bytes()).find(|(name, _)| name == "token")?;
    let secure = if state.urls.origin().starts_with("https") { "; Secure" } else { "" };
    let (name, pass) = (control::COOKIE, &state.settings.page_pass);
    let cookie = format!("{name}={pass}; HttpOnly; SameSite=Strict; Path=/{secure}");
    (uri.path() == "/" && given == token).then(|| HeaderValue::try_from(cookie).ok())?
}

/// A request for a page.
struct Asked {
    state: Arc<State>,
    page: &'static Page,
    ids: Vec<String>,
    head: Parts,
}

impl Asked {
    /// The page with what its operations answer now.
    async fn show(self) -> Result<Response, ApiError> {
        self.respond(StatusCode::OK, Map::new()).await
    }

    /// Carries out what a form asks for: the operation `do`, with `at` in its path and the other fields. Then the page is
    /// shown again; a refusal is shown on it, and so is an answer that the form wants to `show`.
    async fn steer(self, mut body: Body) -> Result<Response, ApiError> {
        if !has_media_type(&self.head.headers, "application/x-www-form-urlencoded") {
            let message = "The page takes forms (application/x-www-form-urlencoded). Programs use /simulator.";
            return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_content_type", message));
        }
        let body = read_body(MAX_FORM_BYTES, &self.head.headers, &mut body).await?;
        let (mut operation, mut shown, mut at, mut given) = (String::new(), false, Vec::new(), Vec::new());
        for (name, value) in form_urlencoded::parse(&body).into_owned() {
            match name.as_str() {
                "do" => operation = value,
                "show" => shown = true,
                "at" => at.push(value),
                _ => given.push((name, value)),
            }
        }
        let answer = if FORMS.contains(&operation.as_str()) {
            self.perform(&operation, &at, &Given::Fields(given.clone())).await
        } else {
            let message = format!("The page has no form for `{operation}`. Programs use /simulator.");
            Err(ApiError::new(StatusCode::NOT_FOUND, "not_found", message))
        };
        let (status, (name, said)) = match answer {
            Ok(answer) if shown => (StatusCode::OK, ("answer", answer)),
            Ok(_) => {
                let here = self.head.uri.path_and_query().map_or("/", PathAndQuery::as_str);
                return Ok(Redirect::to(here).into_response());
            }
            Err(error) => (error.status, ("refused", json!({ "code": error.code, "message": error.message }))),
        };
        let given: Map<String, Value> = given.into_iter().map(|(name, value)| (name, value.into())).collect();
        let said = [("done", operation.into()), ("given", given.into()), (name, said)];
        self.respond(status, said.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()).await
    }

    async fn perform(&self, operation: &str, ids: &[String], given: &Given) -> Result<Value, ApiError> {
        perform(&self.state, &self.state.urls.by(&self.head), operation, ids, given).await
    }

    /// `context` is what is said beside the answers.
    async fn respond(&self, status: StatusCode, mut context: Map<String, Value>) -> Result<Response, ApiError> {
        let query = self.head.uri.query().unwrap_or_default();
        let fields = form_urlencoded::parse(query.as_bytes()).map(|(name, value)| (name.into_owned(), value.into()));
        context.insert("query".into(), fields.collect::<Map<_, Value>>().into());
        context.insert("path".into(), self.head.uri.path().into());
        context.insert("ids".into(), self.ids.clone().into());
        for (index, operation) in self.page.operations.iter().chain(&["getClock", "getIntegration"]).enumerate() {
            let (operation, own) = operation.split_once('?').unwrap_or((operation, ""));
            let (ids, query) = if index == 0 { (self.ids.as_slice(), query) } else { (&[][..], own) };
            let answer = self.perform(operation, ids, &Given::form(query.as_bytes())).await?;
            context.insert(operation.to_owned(), answer);
        }
        Ok(render(self.page.template, status, &context))
    }
}

fn refusal(error: &ApiError) -> Response {
    let said = json!({ "code": error.code, "message": error.message, "status": error.status.as_u16() });
    render("refused.html", error.status, &Map::from_iter([("refused".to_owned(), said)]))
}

fn render(template: &str, status: StatusCode, context: &Map<String, Value>) -> Response {
    match templates::render(template, context) {
        Ok(html) => (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{template}: {error:#}\n")).into_response(),
    }
}
