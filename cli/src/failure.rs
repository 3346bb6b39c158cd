//! The wording of failures: a code for scripts, and for people one sentence that ends with what to do next.

use std::time::Duration;

use canva_connect::{AssetUploadErrorCode as Upload, DesignImportErrorCode as Import};
use canva_connect::{BodyError, ConnectKind, Error, JobErrorCode, JobReference, PausedError};
use serde::Serialize;

#[derive(Serialize)]
pub struct Failure {
    /// Canva's code if it gave one, otherwise one of those listed in README.md.
    pub code: String,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
}

impl Failure {
    /// What went wrong with a job, or with a request that made or named none.
    pub fn new(error: &Error, job: Option<&JobReference>) -> Self {
        let message = match next_step(error, job) {
            Some(step) => format!("{}; {step}", what(error)),
            None => what(error),
        };
        Self { code: code(error).to_owned(), message, http_status: status(error) }
    }
}

/// The asset was uploaded, but the update that was to tag it failed.
pub fn tags_not_applied(asset_id: &str, error: &Error) -> Failure {
    let mut message = format!(
        "it was uploaded as asset {asset_id}, but its tags were not applied: {}; don't upload it again",
        what(error)
    );
    if pasteable(asset_id) && !matches!(error, Error::InvalidInput { field: "asset_id", .. }) {
        message += &format!(", `canva update {asset_id} --tag ...` applies them");
    }
    Failure { code: "tags_not_applied".to_owned(), message, http_status: status(error) }
}

/// Whether an id of Canva's may stand in a command that is suggested: a shell and `canva` take it as nothing but an id.
fn pasteable(id: &str) -> bool {
    !id.starts_with('-') && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Canva started a job and gave an id that can't be one.
fn is_unusable_job(error: &Error) -> bool {
    matches!(error, Error::Poll { source, .. } if matches!(**source, Error::InvalidInput { .. }))
}

fn code(error: &Error) -> &str {
    match error {
        Error::OutcomeUnknown { .. } => "outcome_unknown",
        Error::Poll { .. } if is_unusable_job(error) => "outcome_unknown",
        Error::Deadline { .. } => "deadline",
        Error::Poll { source, .. } => code(source),
        Error::Job(job) if job.code.as_str().is_empty() => "job_failed",
        Error::Job(job) => job.code.as_str(),
        Error::Api(api) if api.code.is_empty() => "http_error",
        Error::Api(api) => &api.code,
        Error::InvalidInput { .. } => "invalid_input",
        Error::Body(BodyError::Read { .. }) => "file_unreadable",
        Error::Body(_) => "file_changed",
        Error::Connect { .. } => "not_connected",
        Error::Connection { .. } => "connection_broken",
        Error::Timeout { .. } => "timeout",
        Error::Pacer { source, .. } if source.is::<PausedError>() => "too_many_requests",
        Error::Decode { .. } => "unreadable_response",
        _ => "other",
    }
}

/// What happened, mostly in the library's words. They are replaced where they repeat the file's name, which is printed
/// beside them, and where they give advice to programmers.
fn what(error: &Error) -> String {
    let text = match error {
        Error::Api(api) => {
            let code = if api.code.is_empty() { String::new() } else { format!(" {}", api.code) };
            let request = api.request_id.as_ref().map(|id| format!(" (request {id})")).unwrap_or_default();
            format!("Canva answered {}{code}{request}: {}", api.status, api.message)
        }
        Error::Poll { source, .. } if is_unusable_job(error) => {
            format!("Canva started a job, but no command can ask for it by the id that it gave: {}", what(source))
        }
        Error::Poll { job_id, source, .. } => format!("job {job_id} could not be read: {}", what(source)),
        Error::Job(job) => format!("{}: {}", code(error), job.message),
        Error::Body(BodyError::Read { source, .. }) => format!("it can't be read: {source}"),
        Error::Body(BodyError::Length { .. } | BodyError::Changed { .. }) => {
            "it changed while it was being uploaded".to_owned()
        }
        Error::Pacer { source, .. } if source.is::<PausedError>() => source.to_string(),
        Error::Connect { kind, .. } => error.to_string().replace(&kind.to_string(), ""),
        _ => error.to_string(),
    };
    text.trim_end_matches(['.', ':', ' ']).to_owned()
}

const PROXY_PASSWORD: &str = "give the proxy its user and password in HTTPS_PROXY";

/// What the user can do about it.
fn next_step(error: &Error, job: Option<&JobReference>) -> Option<String> {
    let step = match error {
        Error::Poll { source, .. } if matches!(status(source), Some(401 | 403)) => return next_step(source, job),
        Error::Poll { source, .. } if status(source) == Some(404) => "check the id and what kind of job it is",
        Error::Poll { .. } if is_unusable_job(error) => "look in Canva before you try again",
        Error::Poll { .. } | Error::Deadline { .. } => {
            let job = job.filter(|job| pasteable(&job.id))?;
            return Some(format!("go on with `canva job {} {} --wait`", job.kind, job.id));
        }
        Error::InvalidInput { field: "name", .. } => "choose another with --name",
        Error::InvalidInput { field: "title", .. } => "choose another with --title",
        Error::InvalidInput { field: "tags", .. } => "change --tag",
        Error::InvalidInput { field: "mime_type", .. } => "change --mime-type",
        Error::InvalidInput { field: "token", .. } => "set CANVA_ACCESS_TOKEN to the token alone",
        Error::InvalidInput { .. } => "correct it, then try again",
        Error::Body(BodyError::Read { .. }) => "check that the file is there and can be read",
        Error::Body(_) => "try again when nothing writes to the file",
        Error::Connect { kind, .. } => match kind {
            ConnectKind::Certificate => {
                "no CA that is trusted here signed the server's certificate: if it is right, set SSL_CERT_FILE to a file \
                 with the CA that did"
            }
            ConnectKind::InvalidCertificate => "check the base URL and this machine's clock",
            ConnectKind::ProxyAuthorization => PROXY_PASSWORD,
            _ => "check the network and the base URL, then try again",
        },
        Error::Connection { .. } | Error::Timeout { .. } => "check the network, then try again",
        Error::Api(api) => match api.status.as_u16() {
            401 => "set CANVA_ACCESS_TOKEN to a new token",
            403 => return Some(format!("use a token with the scope {}", api.operation.scopes.join(" "))),
            // A POST names nothing that could be missing, so the URL itself is wrong.
            404 if api.operation.method == "POST" => "check the base URL",
            404 => "check the id",
            407 => PROXY_PASSWORD,
            413 => "use a smaller file",
            429 if api.retry_after.is_some_and(|it| it > Duration::from_secs(60)) => {
                return api.retry_after.map(|it| format!("try again in {} s", it.as_secs()));
            }
            429 => "wait a minute, then try again",
            500.. => "try again later",
            300..=399 => "check the base URL",
            _ => "correct it, then try again",
        },
        Error::Decode { .. } => "check the base URL, then try again",
        Error::Job(job) => match &job.code {
            JobErrorCode::AssetUpload(Upload::FileTooBig) => "use a smaller file",
            JobErrorCode::AssetUpload(Upload::ImportFailed) => {
                "check that it is an image or a video that Canva accepts"
            }
            JobErrorCode::AssetUpload(Upload::FetchFailed) | JobErrorCode::DesignImport(Import::FetchFailed) => {
                "check that anyone can open the URL, without a login"
            }
            JobErrorCode::DesignImport(Import::InvalidFile) => {
                "check that it is a document that Canva accepts, and that --mime-type fits if you gave it"
            }
            JobErrorCode::DesignImport(Import::DuplicateImport) => "look for the design in Canva",
            JobErrorCode::DesignImport(Import::DesignCreationThrottled | Import::DesignImportThrottled) => {
                "wait a while, then try again"
            }
            _ => "try again later",
        },
        // The message itself says what to do.
        _ => return None,
    };
    Some(step.to_owned())
}

fn status(error: &Error) -> Option<u16> {
    error.status().map(|status| status.as_u16())
}
