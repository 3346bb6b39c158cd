//! Carries out an operation of the control API. Only this file knows them by name.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::requests;
use crate::api::{jobs, routes};
use crate::api_error::ApiError;
use crate::canva::rates;
use crate::canva::urls::Urls;
use crate::clock::MOST_AHEAD;
use crate::faults::injections;
use crate::given::Given;
use crate::lock::lock;
use crate::oauth::{PKCE, Which, words};
use crate::state::State;

/// How a job can stand.
const JOB_STATUSES: [&str; 3] = ["in_progress", "success", "failed"];

/// The answer of an operation with these values in its path. Null is none. `urls` are those for whoever asks.
pub async fn perform(
    state: &Arc<State>,
    urls: &Urls,
    operation: &str,
    ids: &[String],
    given: &Given,
) -> Result<Value, ApiError> {
    let id = ids.first().map_or("", String::as_str);
    let answer = match operation {
        "getHealth" => json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }),
        "getIntegration" => integration(state, urls),
        "reset" => {
            state.reset();
            Value::Null
        }
        "listRequests" => return requests::list(state, &read(given)?).map_err(failed),
        "getRequest" => {
            let request = id.parse().ok().and_then(|number| state.log.request(number));
            return Ok(requests::exchange(state, urls, &request.ok_or_else(|| unknown("request", id))?));
        }
        "forgetRequests" => {
            state.log.clear();
            Value::Null
        }
        "getClock" => clock(state),
        "advanceClock" => {
            let Seconds { seconds } = read(given)?;
            let (by, most) = (duration(seconds)?, MOST_AHEAD.saturating_sub(state.clock.ahead()));
            if by > most {
                return Err(refused(&format!(
                    "seconds: {} more is all that the clock can be put ahead",
                    most.as_secs()
                )));
            }
            state.clock.advance(by);
            state.overdue().await;
            clock(state)
        }
        "listFaults" => json!({
            "faults": state.injections.list(),
            "kinds": state.injections.kinds(),
            "operations": injections::operations().collect::<Vec<_>>(),
        }),
        "addFault" => json!({ "id": state.injections.inject(read(given)?).map_err(failed)? }),
        "removeFault" => done(state.injections.remove(number("fault", id)?))?,
        "removeFaults" => {
            state.injections.clear();
            Value::Null
        }
        "listTokens" => json!({ "tokens": state.oauth.tokens() }),
        "makeToken" => state.oauth.make(read(given)?).map_err(failed)?,
        "expireToken" => done(state.oauth.expire(&which(given)?))?,
        "revokeToken" => done(state.oauth.revoke_token(&which(given)?))?,
        "listOutcomes" => json!({ "outcomes": state.outcomes.list() }),
        "addOutcome" => json!({ "id": state.outcomes.add(read(given)?).map_err(failed)? }),
        "removeOutcome" => done(state.outcomes.remove(number("outcome", id)?))?,
        "removeOutcomes" => {
            state.outcomes.clear();
            Value::Null
        }
        "listJobs" => {
            let WhichJobs { status } = read(given)?;
            if let Some(unknown) = status.as_deref().filter(|status| !JOB_STATUSES.contains(status)) {
                return Err(refused(&format!("status: `{unknown}` is none of {}", JOB_STATUSES.join(", "))));
            }
            json!({ "jobs": state.library().list_jobs(status.as_deref()) })
        }
        "getLibrary" => state.library().list(urls, state.now()),
        "getItem" => state.library().show(id, urls, state.now()).ok_or_else(|| unknown("asset or design", id))?,
        "addToLibrary" => {
            let NewItem { name, base64, user } = read(given)?;
            jobs::add(state, urls, &name, file(&base64)?, user.as_deref()).await.map_err(failed)?
        }
        "listFiles" => json!({ "files": state.addresses.list() }),
        "putFile" => {
            let NewFile { url, base64 } = read(given)?;
            let content = state.store.keep(file(&base64)?).await.map_err(failed)?;
            done(state.addresses.put(&url, content))?
        }
        "removeFile" => match read::<WhichFile>(given)?.url {
            Some(url) => done(state.addresses.remove(&url))?,
            // Such as that of a script whose variable isn't set.
            None if has_empty(given, "url") => {
                return Err(refused("url: it is empty; leave it out to remove all files"));
            }
            None => {
                state.addresses.clear();
                Value::Null
            }
        },
        "listLimits" => json!({ "limits": rates::list(&lock(&state.counters), state.clock.now()) }),
        "consent" => consent(state, read(given)?)?,
        _ => return Err(unknown("operation", operation)),
    };
    // Whoever looks at a page sees what a read doesn't change.
    if !operation.starts_with("get") && !operation.starts_with("list") {
        state.log.changed();
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seconds {
    seconds: f64,
}

fn duration(seconds: f64) -> Result<Duration, ApiError> {
    Duration::try_from_secs_f64(seconds).map_err(|e| refused(&format!("seconds: {e}")))
}

fn read<T: DeserializeOwned>(given: &Given) -> Result<T, ApiError> {
    given.read().map_err(|what| refused(&what))
}

/// Whether a field is there that counts as none.
fn has_empty(given: &Given, field: &str) -> bool {
    matches!(given, Given::Fields(fields) if fields.iter().any(|(name, value)| name == field && value.is_empty()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewItem {
    name: String,
    base64: String,
    user: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewFile {
    url: String,
    base64: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WhichJobs {
    status: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WhichFile {
    url: Option<String>,
}

fn file(base64: &str) -> Result<Bytes, ApiError> {
    let read = STANDARD.decode(base64).map_err(|e| refused(&format!("base64: {e}")))?;
    Ok(read.into())
}

/// The user's consent, as without a browser.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Consent {
    code_challenge: String,
    scopes: String,
    #[serde(default)]
    redirect_uri: String,
    user: Option<String>,
    seconds: Option<f64>,
}

fn consent(state: &State, consent: Consent) -> Result<Value, ApiError> {
    let Consent { code_challenge, scopes, redirect_uri, user, seconds } = consent;
    let length = code_challenge.len();
    if !PKCE.contains(&length) {
        return Err(refused(&format!("code_challenge: {length} characters, and it has 43 to 128")));
    }
    let lifetime = seconds.map(duration).transpose()?;
    let user = state.oauth.user_or_default(user.as_deref());
    Ok(json!({ "code": state.oauth.authorize(user, &code_challenge, words(&scopes), &redirect_uri, lifetime) }))
}

fn which(given: &Given) -> Result<Which, ApiError> {
    read::<Map<String, Value>>(given)?.try_into().map_err(failed)
}

fn number(what: &str, id: &str) -> Result<u64, ApiError> {
    id.parse().map_err(|_| unknown(what, id))
}

fn done(outcome: io::Result<()>) -> Result<Value, ApiError> {
    outcome.map(|()| Value::Null).map_err(failed)
}

/// The refusal of what the rest of the simulator doesn't do.
fn failed(error: io::Error) -> ApiError {
    let (status, code) = match error.kind() {
        io::ErrorKind::NotFound => (StatusCode::NOT_FOUND, "not_found"),
        io::ErrorKind::InvalidInput => (StatusCode::BAD_REQUEST, "invalid_field"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "internal_error"),
    };
    ApiError::new(status, code, sentence("This can't be done", &error.to_string()))
}

fn refused(what: &str) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "bad_request_body", sentence("This can't be read", what))
}

/// What others say may have a full stop already.
fn sentence(what: &str, why: &str) -> String {
    format!("{what}: {}.", why.trim_end_matches('.'))
}

fn unknown(what: &str, id: &str) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "not_found", format!("There is no {what} {id}."))
}

/// What a program needs to use the API.
fn integration(state: &State, urls: &Urls) -> Value {
    let origin = urls.origin();
    json!({
        "base_url": routes::base_url(origin),
        "authorization_url": routes::authorization_url(origin),
        "token_url": routes::token_url(origin),
        "client_id": state.oauth.client.id,
        "client_secret": state.oauth.client.secret,
        "certificate": state.certificate,
    })
}

fn clock(state: &State) -> Value {
    json!({ "now": state.clock.since_epoch().as_secs_f64(), "ahead_seconds": state.clock.ahead().as_secs_f64() })
}
