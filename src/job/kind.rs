//! The kinds of jobs: the name of each, the request that reads it, and its result.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::JobState;
use crate::checks::{self, lengths};
use crate::error::{Error, JobError};
use crate::generated::{JobErrorCode, Operations, types};
use crate::send::Call;
use crate::send::response::Unreadable;

/// The kinds of the spec.
#[allow(clippy::all, deprecated, unused_mut)]
#[rustfmt::skip]
#[path = "../../generated/jobs.rs"]
mod kinds;

pub use kinds::{JobKind, JobResult};

impl fmt::Display for JobKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for JobKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|kind| kind.as_str()).collect();
            Error::invalid("kind", format!("one of {}", names.join(", ")), format!("{text:?}"))
        })
    }
}

/// A job as it can be stored, to be picked up again with [`Client::job`](crate::Client::job). Ids mean something to
/// their own kind alone.
///
/// ```
/// use canva_connect::JobReference;
///
/// let stored = r#"{"kind":"asset-upload","id":"e08861ae-3b29-45db-8dc1-1fe0bf7f1cc8"}"#;
/// let reference: JobReference = serde_json::from_str(stored)?;
/// assert_eq!(serde_json::to_string(&reference)?, stored);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct JobReference {
    /// What the job does.
    pub kind: JobKind,
    /// Its id.
    pub id: String,
    /// The folder that the asset is moved to when the job has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder_id: Option<String>,
}

impl JobReference {
    /// A job whose asset stays where Canva puts it.
    pub fn new(kind: JobKind, id: impl Into<String>) -> Self {
        Self { kind, id: id.into(), folder_id: None }
    }

    /// Whether the job can be read by this id, as is checked before a request is sent. For a program that stores the
    /// reference of a job that was just created, and would rather know at once.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] if the id is too long, or has other characters than letters, digits, `-` and `_`.
    pub fn check(&self) -> Result<(), Error> {
        checks::id("job_id", &self.id, &lengths::JOB_ID)
    }
}

/// A job as a response has it.
pub(crate) struct Snapshot {
    pub(super) id: String,
    /// A response that contradicts itself has none.
    pub(super) state: Result<JobState<JobResult>, Unreadable>,
    /// The fields of the job that the spec doesn't know.
    pub(super) extra: Map<String, Value>,
}

impl JobResult {
    /// The ids of what was made: one thing or a list, of whatever kind.
    pub(crate) fn ids(&self) -> Vec<String> {
        let result = serde_json::to_value(self).unwrap_or_default();
        let made = result.as_object().into_iter().flat_map(Map::values);
        let each = made.flat_map(|made| made.as_array().map_or(std::slice::from_ref(made), Vec::as_slice));
        each.filter_map(|it| it.get("id")?.as_str().map(str::to_owned)).collect()
    }
}

impl Snapshot {
    /// `result` is what the job made, or the name of what the response lacks.
    fn new(
        id: String,
        status: &str,
        result: Result<JobResult, &'static str>,
        error: JobError,
        extra: Map<String, Value>,
    ) -> Self {
        let state = match (status, result) {
            ("success", Ok(result)) => Ok(JobState::Success(result)),
            ("success", Err(missing)) => Err(Unreadable::success_without(missing)),
            ("failed", _) => Ok(JobState::Failed(error)),
            _ => Ok(JobState::InProgress),
        };
        Self { id, state, extra }
    }
}

/// Adds the fields that the spec doesn't know of an object on the way to the result.
fn keep(extra: &mut Map<String, Value>, name: &str, more: Map<String, Value>) {
    if !more.is_empty() {
        extra.insert(name.to_owned(), more.into());
    }
}
