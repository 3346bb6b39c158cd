//! What is said of a failure: a code for scripts, and a sentence for people that ends with what to do next.

use std::fmt;
use std::time::Duration;

use canva_connect::auth::OAuthError;
use canva_connect::operations::{
    CREATE_DESIGN, CREATE_FOLDER, CREATE_URL_ASSET_UPLOAD_JOB, CREATE_URL_IMPORT_JOB, GET_DESIGN, LIST_FOLDER_ITEMS,
    MOVE_FOLDER_ITEM, Operation,
};
use canva_connect::pacing::PausedError;
use canva_connect::{ApiError, BodyError, ConnectKind, Error, ErrorKind, JobKind, JobReference, LookUpError};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::login::source::Source;

#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    /// Canva's code if it gave one, otherwise one of those listed in README.md.
    pub code: String,
    pub message: Message,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// No token works any more.
    #[serde(skip)]
    pub needs_login: bool,
    /// Canva's id of the request. The message has it, too.
    #[serde(skip)]
    request_id: Option<String>,
    /// Fields of Canva's error that the spec doesn't know.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
}

/// What happened, and what to do next if that is known.
#[derive(Clone, Debug)]
pub struct Message {
    pub what: String,
    pub remedy: Option<String>,
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        self.remedy.iter().try_for_each(|remedy| write!(f, "; {remedy}"))
    }
}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Failure {
    /// What went wrong with a job, or with a request that has none.
    pub fn new(error: &Error, job: Option<&JobReference>) -> Self {
        Self::of(error, code(error), Message { what: what(error), remedy: next_step(error, job) })
    }

    /// What happened, without what differs from request to request.
    pub fn reason(&self) -> String {
        let request = self.request_id.as_ref().map(|id| request_note(id)).unwrap_or_default();
        self.message.what.replace(&request, "")
    }

    /// The asset was uploaded, but its tags could not be set.
    pub fn tags_not_applied(asset_id: &str, error: &Error) -> Self {
        let reason = what(error);
        let what = format!("it was uploaded as asset {asset_id}, but its tags were not applied: {reason}");
        let mut remedy = "don't upload it again".to_owned();
        if pasteable(asset_id) && !matches!(error, Error::InvalidInput { field: "asset_id", .. }) {
            remedy += &format!(", `canva update {asset_id} --add-tag ...` applies them");
        }
        Self::of(error, "tags_not_applied", Message { what, remedy: Some(remedy) })
    }

    /// An asset that is there couldn't be moved to its folder.
    pub fn not_moved(error: &Error) -> Self {
        let what = format!("it was uploaded, but not moved to its folder: {}", what(error));
        Self::of(error, "not_moved", Message { what, remedy: Some("the same command tries again".to_owned()) })
    }

    /// What this command itself has found.
    pub fn own(code: &str, what: &str, remedy: &str) -> Self {
        let message = Message { what: what.to_owned(), remedy: Some(remedy.to_owned()) };
        let (http_status, needs_login, request_id) = (None, false, None);
        Self { code: code.to_owned(), message, http_status, needs_login, request_id, extra: Map::new() }
    }

    /// Both of these.
    pub fn and(self, other: Self) -> Self {
        let what = format!("{}; {}", self.message, other.message.what);
        Self { message: Message { what, remedy: other.message.remedy }, ..self }
    }

    fn of(error: &Error, code: &str, message: Message) -> Self {
        let extra = match error {
            Error::Job(job) => Some(&job.extra),
            _ => error.api().map(|api| &api.extra),
        };
        let http_status = error.status().map(|status| status.as_u16());
        let request_id = error.api().and_then(|api| api.request_id.clone());
        let (needs_login, extra) = (error.needs_login(), extra.cloned().unwrap_or_default());
        Self { code: code.to_owned(), message, http_status, needs_login, request_id, extra }
    }
}

fn request_note(id: &str) -> String {
    format!(" (request {id})")
}

/// Whether a command to paste may contain this id from Canva: a shell and `canva` take it as nothing but an id.
fn pasteable(id: &str) -> bool {
    !id.starts_with('-') && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn code(error: &Error) -> &str {
    match error {
        Error::OutcomeUnknown { looked_up: Some(LookUpError::NotThere), .. } => "not_there",
        _ if error.kind() == ErrorKind::OutcomeUnknown => "outcome_unknown",
        Error::NotMoved { .. } => "not_moved",
        Error::Deadline { .. } => "deadline",
        Error::Poll { source, .. } => code(source),
        Error::Job(job) if job.code.as_str().is_empty() => "job_failed",
        Error::Job(job) => job.code.as_str(),
        Error::Api(api) if api.code.is_empty() => "http_error",
        Error::Api(api) => &api.code,
        Error::InvalidInput { .. } => "invalid_input",
        Error::Body(BodyError::Read { .. }) => "file_unreadable",
        Error::Body(BodyError::TooLong { .. }) => "file_too_big",
        Error::Body(BodyError::HeldBack { .. }) => "other",
        Error::Body(_) => "file_changed",
        Error::Connect { .. } => "not_connected",
        Error::Connection { .. } => "connection_broken",
        Error::Timeout { .. } => "timeout",
        Error::Pacer { source, .. } if source.is::<PausedError>() => "too_many_requests",
        Error::Token { .. } if error.needs_login() => "login_required",
        Error::Token { source, .. } if matches!(source.downcast_ref(), Some(OAuthError::Unreachable { .. })) => {
            "not_connected"
        }
        Error::Decode { job_succeeded: true, .. } => "result_missing",
        Error::Decode { .. } => "unreadable_response",
        _ => "other",
    }
}

/// What happened: the library's words, unless they repeat the file's name or advise programmers.
fn what(error: &Error) -> String {
    let text = match error {
        Error::Api(api) => {
            let code = if api.code.is_empty() { String::new() } else { format!(" {}", api.code) };
            let request = api.request_id.as_ref().map(|id| request_note(id)).unwrap_or_default();
            format!("Canva answered {}{code}{request}: {}", api.status, api.message)
        }
        Error::Poll { job_id, source, .. } => match **source {
            Error::InvalidInput { .. } => {
                format!("Canva started a job, but no command accepts the job's id: {}", what(source))
            }
            Error::Decode { job_succeeded: true, .. } => format!("job {job_id}: {}", what(source)),
            _ => format!("job {job_id} could not be read: {}", what(source)),
        },
        Error::Decode { job_succeeded: true, source, excerpt, .. } => format!("{source}; it begins {excerpt:?}"),
        Error::Job(job) => format!("{}: {}", code(error), job.message),
        Error::Body(BodyError::Read { source, .. }) => format!("it can't be read: {source}"),
        Error::OutcomeUnknown { looked_up: Some(looked_up), source, .. } => {
            let looked_up = match looked_up {
                LookUpError::Failed { source, .. } => format!("canva could not look for it: {}", what(source)),
                looked_up => looked_up.to_string(),
            };
            format!("the answer was lost ({}), and {looked_up}", what(source))
        }
        Error::OutcomeUnknown { source, .. } => {
            format!("it is unknown whether Canva has carried this out ({})", what(source))
        }
        Error::NotMoved { asset, folder_id, source, .. } => {
            format!("it was uploaded as asset {}, but not moved to folder {folder_id}: {}", asset.id, what(source))
        }
        Error::Body(BodyError::TooLong { max_bytes, .. }) => {
            format!("Canva takes at most {max_bytes} bytes of such a file; nothing was sent")
        }
        Error::Body(BodyError::HeldBack { source, .. }) => {
            format!("it was not sent, since the journal can't be written: {source}")
        }
        Error::Body(_) => "it changed while it was being uploaded".to_owned(),
        Error::Pacer { operation, source, .. } => match source.downcast_ref::<PausedError>() {
            Some(paused) => format!("Canva asked for a pause of {} s", paused.asked.as_secs()),
            None => without_name(error, operation),
        },
        Error::Connect { operation, .. }
        | Error::Connection { operation, .. }
        | Error::Timeout { operation, .. }
        | Error::Decode { operation, .. } => without_name(error, operation),
        _ => error.report(),
    };
    text.trim_end_matches(['.', ':', ' ']).to_owned()
}

/// Programmers know the operation by its name.
fn without_name(error: &Error, operation: &Operation) -> String {
    let report = error.report();
    report.strip_prefix(&format!("{}: ", operation.id)).unwrap_or(&report).to_owned()
}

const FOLDERS: &str = "take the id from the folder's URL in Canva, or write `root` or `uploads`";

const DESIGNS: &str = "take the id from the design's URL in Canva, or from `canva design list`";

/// The usual variable.
const PROXY: &str = "HTTPS_PROXY";

fn proxy_password(variable: &str) -> String {
    format!("give the proxy its user and password in {variable}")
}

/// What the user can do about it.
fn next_step(error: &Error, job: Option<&JobReference>) -> Option<String> {
    let step = match error {
        Error::Poll { source, .. } => return after_poll(source, job),
        Error::OutcomeUnknown { looked_up: Some(looked_up), .. } => match looked_up {
            LookUpError::NotThere => "send it again if a second one does no harm",
            LookUpError::Several { .. } => "look in Canva whether it is one of them before you send it again",
            LookUpError::Failed { source, .. } => {
                let missing = source.api().filter(|api| api.code == "missing_scope");
                let scope =
                    missing.map(|api| format!("; next time, {}", Source::remedy_for_scopes(api.operation.scopes)));
                return Some(format!("look in Canva before you send it again{}", scope.unwrap_or_default()));
            }
            _ => "look in Canva before you send it again",
        },
        Error::OutcomeUnknown { .. } => "look in Canva before you try again",
        Error::NotMoved { source, .. } if source.kind() == ErrorKind::Refused => {
            let step = next_step(source, None).map(|step| format!("; {step}")).unwrap_or_default();
            return Some(format!("don't upload it again{step}"));
        }
        Error::NotMoved { asset, folder_id, .. } if pasteable(&asset.id) && pasteable(folder_id) => {
            let command = format!("canva move {} --to {folder_id}", asset.id);
            return Some(format!("don't upload it again, `{command}` moves it"));
        }
        Error::NotMoved { .. } => "don't upload it again",
        Error::Deadline { .. } => return after_poll(error, job),
        Error::InvalidInput { field: "name", .. } => "choose another with --name",
        Error::InvalidInput { field: "title", .. } => "choose another with --title",
        Error::InvalidInput { field: "tags", .. } => "change --tag",
        Error::InvalidInput { field: "mime_type", .. } => "change --mime-type",
        Error::InvalidInput { field: "folder_id", .. } => FOLDERS,
        Error::InvalidInput { field: "to_folder_id", .. } => {
            "take the id from the folder's URL in Canva, or write `root`"
        }
        Error::InvalidInput { field: "design_id", .. } => DESIGNS,
        Error::InvalidInput { field: "folder_name", .. } => "choose another name",
        Error::InvalidInput { field: "width" | "height", .. } => "change --size",
        Error::InvalidInput { field: "pages", .. } => "change --pages",
        Error::InvalidInput { .. } => "correct it, then try again",
        Error::Body(BodyError::TooLong { .. }) => "use a smaller file",
        Error::Body(BodyError::Read { .. }) => "check that the file is there and can be read",
        Error::Body(BodyError::HeldBack { .. }) => "make room on the disk, or choose another with --journal",
        Error::Body(_) => "try again when nothing writes to the file",
        Error::Connect { kind, proxy, .. } => match (kind, proxy.unwrap_or(PROXY)) {
            (ConnectKind::Certificate, _) => "if the certificate is right, set SSL_CERT_FILE to a file with that CA",
            (ConnectKind::InvalidCertificate, _) => "check the certificate, the base URL and this machine's clock",
            (ConnectKind::Proxy, proxy) => return Some(format!("check the proxy in {proxy}, then try again")),
            (ConnectKind::ProxyAuthorization, proxy) => return Some(proxy_password(proxy)),
            (ConnectKind::ProxyScheme, proxy) => {
                return Some(format!("set {proxy} to a proxy of http:// or https://"));
            }
            _ => "check the network and the base URL, then try again",
        },
        Error::Connection { .. } | Error::Timeout { .. } => "check the network, then try again",
        Error::Api(api) => return Some(after_refusal(api, false)),
        Error::Decode { .. } => "check the base URL, then try again",
        Error::Token { source, .. } => match source.downcast_ref() {
            Some(OAuthError::Unreachable { .. }) => "check the network, then try again",
            Some(OAuthError::Store { .. }) if !error.needs_login() => {
                "have the file of the login written again, then try again; if Canva takes the login no more, run `canva \
                 login`"
            }
            _ => Source::remedy(),
        },
        Error::Pacer { source, .. } => match source.downcast_ref::<PausedError>() {
            Some(paused) => return Some(format!("try again in {} s", paused.left.as_secs())),
            None => "check what the rate limits are shared through, then try again",
        },
        Error::Job(job) => match job.code.as_str() {
            "file_too_big" => "use a smaller file",
            "import_failed" => "check that it is an image or a video that Canva accepts",
            "fetch_failed" => "check that anyone can open the URL, without a login",
            "invalid_file" => {
                "check that it is a document that Canva accepts, and that --mime-type fits if you gave it"
            }
            "duplicate_import" => "look for the design in Canva",
            "design_creation_throttled" | "design_import_throttled" => "wait a while, then try again",
            _ => "try again later",
        },
        // The message itself says what to do.
        _ => return None,
    };
    Some(step.to_owned())
}

/// What the user can do about a job that could not be read, or not to its end.
fn after_poll(source: &Error, job: Option<&JobReference>) -> Option<String> {
    match source {
        // Canva gave a malformed id.
        Error::InvalidInput { .. } => Some("look in Canva before you try again".to_owned()),
        Error::Decode { job_succeeded: true, .. } => {
            let made = match job.map(|job| job.kind) {
                Some(JobKind::Import | JobKind::UrlImport) => "design by its title",
                _ => "asset by its name",
            };
            let again = command(job).map(|command| format!(", or ask again with `{command}`")).unwrap_or_default();
            Some(format!("look for the {made} in Canva{again}; don't send it again"))
        }
        Error::Api(api) if !api.status.is_server_error() && !source.is_retryable() => Some(after_refusal(api, true)),
        _ => match command(job) {
            Some(command) => Some(format!("go on with `{command} --wait`")),
            None => Some("look in Canva for what became of it".to_owned()),
        },
    }
}

/// The command that reads the job.
fn command(job: Option<&JobReference>) -> Option<String> {
    let job = job.filter(|job| pasteable(&job.id))?;
    Some(format!("canva job {}", job.id))
}

/// What the user can do about an error response.
fn after_refusal(api: &ApiError, of_job: bool) -> String {
    let step = match (api.status.as_u16(), api.code.as_str()) {
        (401, _) => Source::remedy(),
        (407, _) => return proxy_password(PROXY),
        (413, _) => "use a smaller file",
        (429, _) => match api.retry_after {
            Some(it) if it > Duration::from_secs(60) => return format!("try again in {} s", it.as_secs()),
            _ => "wait a minute, then try again",
        },
        (500.., _) => "try again later",
        // Without a code, the response isn't from the API. And an upload or import names nothing that could be missing.
        (_, "" | "endpoint_not_found") | (300..=399, _) => "check the base URL",
        (404, _) if [LIST_FOLDER_ITEMS, CREATE_FOLDER].contains(api.operation) => FOLDERS,
        (404, _) if *api.operation == MOVE_FOLDER_ITEM => {
            "check the item's id, and take the folder's from its URL in Canva, or write `root`"
        }
        (404, _) if *api.operation == GET_DESIGN => DESIGNS,
        (404, _) if api.operation.method == "POST" && *api.operation != CREATE_DESIGN => "check the base URL",
        (403, "missing_scope") => return Source::remedy_for_scopes(api.operation.scopes),
        (403, _) if of_job => "use a token of the user who started the job",
        (403, _) => "use a token of a user who may do this",
        (400, "invalid_request") if of_job => "look in Canva, where it was started",
        (400, "invalid_request") if *api.operation == CREATE_URL_ASSET_UPLOAD_JOB => {
            "Canva has a file from this URL or is just fetching it, so look there; to upload it anew, delete it first"
        }
        (400, "invalid_request") if *api.operation == CREATE_URL_IMPORT_JOB => {
            "Canva is just importing from this URL, so look there; to import it twice, wait until that is done"
        }
        (400 | 404, _) if of_job => "check the id, and --kind if you gave it; if they are right, look in Canva",
        (_, _) if of_job => "look in Canva for what became of it",
        (404, _) => "check the id",
        (400, "quota_exceeded") => "choose another folder, or take something out of this one",
        (400, "invalid_field") if *api.operation == MOVE_FOLDER_ITEM => {
            "Canva moves designs, images and folders, but no videos, and no folder into itself or what is in it"
        }
        (400, _) if *api.operation == CREATE_DESIGN => {
            "--asset takes an image, and --pages takes pages that the design has"
        }
        (400 | 415 | 422, _) => "correct it, then try again",
        (409, _) => "wait a moment, then try again",
        _ => "look the code up in Canva's documentation",
    };
    step.to_owned()
}
