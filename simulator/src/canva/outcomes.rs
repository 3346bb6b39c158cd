//! Rules that decide how jobs end, and when.

use std::io;
use std::str::FromStr;
use std::sync::Mutex;
use std::time::Duration;

use canva_connect::JobKind;
use serde::{Deserialize, Serialize};

use crate::canva::library::JobError;
use crate::fields::{invalid, not_found};
use crate::given::Given;
use crate::lock::lock;

/// The longest that a rule lets a job take, in seconds: a day.
const MAX_SECONDS: f64 = 24.0 * 60.0 * 60.0;

/// How jobs end that it fits: by their kind, and by the asset's name or the design's title.
///
/// ```
/// use std::time::Duration;
///
/// use canva_simulator::{JobKind, JobOutcome};
///
/// // The next two imports of quarterly reports fail after five seconds.
/// let outcome = JobOutcome::failure("duplicate_import").kind(JobKind::Import).name("Q*").times(2);
/// let outcome = outcome.after(Duration::from_secs(5));
/// ```
///
/// In JSON it is a flat object, and every field may be left out:
/// `{"kind": "import", "name": "Q*", "times": 2, "code": "duplicate_import", "message": "…", "seconds": 5}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JobOutcome {
    /// 0 until it is a simulator's. What is read has none of its own.
    #[serde(skip_deserializing, skip_serializing_if = "is_zero")]
    id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<JobKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    times: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
}

/// From JSON, or from `name=value,name=value`.
impl FromStr for JobOutcome {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse::<Given>()?.read()
    }
}

impl JobOutcome {
    /// Its number, for [`Simulator::remove_outcome`](crate::Simulator::remove_outcome): 0 until it is a simulator's.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The jobs fail with this code: one of the spec's, such as `import_failed` or `internal_error`, or another one,
    /// since clients must expect new ones. The file isn't looked at.
    pub fn failure(code: impl Into<String>) -> Self {
        Self { code: Some(code.into()), ..Self::default() }
    }

    /// The jobs take at least this long, in place of [`Builder::job_duration`](crate::Builder::job_duration), and end
    /// as they would. At most a day.
    pub fn lasting(duration: Duration) -> Self {
        Self::default().after(duration)
    }

    /// Jobs of this kind alone. Default: all.
    #[must_use]
    pub fn kind(mut self, kind: JobKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Assets with this name and designs with this title alone. `*` stands for any text. Default: all.
    #[must_use]
    pub fn name(mut self, pattern: impl Into<String>) -> Self {
        self.name = Some(pattern.into());
        self
    }

    /// So many jobs alone, counted from now. Default: all.
    #[must_use]
    pub fn times(mut self, jobs: u32) -> Self {
        self.times = Some(jobs);
        self
    }

    /// The message beside the code. Default: one that goes with the code.
    #[must_use]
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// The jobs end after this time, as [`lasting`](Self::lasting) says.
    #[must_use]
    pub fn after(mut self, duration: Duration) -> Self {
        self.seconds = Some(duration.as_secs_f64());
        self
    }

    /// How long the job takes, where the rule says it.
    pub(crate) fn duration(&self) -> Option<Duration> {
        Duration::try_from_secs_f64(self.seconds?).ok()
    }

    /// Why the job fails, if the rule lets it fail.
    pub(crate) fn error(self) -> Option<JobError> {
        let code = self.code?;
        let message = self.message.unwrap_or_else(|| message(&code));
        Some(JobError { code, message })
    }

    fn fits(&self, kind: JobKind, name: &str) -> bool {
        self.kind.is_none_or(|it| it == kind) && self.name.as_ref().is_none_or(|pattern| matches(pattern, name))
    }

    fn check(&self) -> Result<(), String> {
        let is_code = |code: &String| {
            (1..=50).contains(&code.len()) && code.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
        };
        if let Some(code) = self.code.as_ref().filter(|code| !is_code(code)) {
            return Err(format!("code must be 1 to 50 of a-z, 0-9 and _, such as import_failed, but it is {code:?}"));
        }
        if self.message.is_some() && self.code.is_none() {
            return Err("a message needs a code: without one, the job succeeds".to_owned());
        }
        if self.times == Some(0) {
            return Err("times must be 1 or more; leave it out for all jobs".to_owned());
        }
        if let Some(seconds) = self.seconds.filter(|seconds| !(0.0..=MAX_SECONDS).contains(seconds)) {
            return Err(format!("seconds must be from 0 to {MAX_SECONDS}, a day, but it is {seconds}"));
        }
        if self.code.is_none() && self.seconds.is_none() {
            return Err("an outcome needs a code, with which jobs fail, or seconds, which they take".to_owned());
        }
        Ok(())
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(id: &u64) -> bool {
    *id == 0
}

/// What the API may say with this code.
fn message(code: &str) -> String {
    let message = match code {
        "design_creation_throttled" => "Too many designs were created of late. Try again later.",
        "design_import_throttled" => "Too many designs were imported of late. Try again later.",
        "duplicate_import" => "This file was imported before.",
        "fetch_failed" => "The file can't be fetched.",
        "file_too_big" => "The file is too big.",
        "import_failed" => "The file can't be imported.",
        "internal_error" => "Something went wrong on our side.",
        "invalid_file" => "The file can't be read.",
        _ => return format!("The job failed: {code}."),
    };
    message.to_owned()
}

/// Whether the name is the pattern, in which `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    let mut left = name.strip_prefix(start);
    for part in middle.split('*') {
        left = left.and_then(|left| Some(left.split_once(part)?.1));
    }
    left.is_some_and(|left| left.ends_with(end))
}

/// The rules as they stand, in the order in which they came.
#[derive(Default)]
pub struct Outcomes(Mutex<Rules>);

#[derive(Default)]
struct Rules {
    sequence: u64,
    now: Vec<JobOutcome>,
    at_start: Vec<JobOutcome>,
}

impl Outcomes {
    /// Returns the rule's id. Fails for a rule that makes no sense, and says what is wrong with it.
    pub fn add(&self, outcome: JobOutcome) -> io::Result<u64> {
        outcome.check().map_err(invalid)?;
        let mut rules = lock(&self.0);
        rules.sequence += 1;
        let id = rules.sequence;
        rules.now.push(JobOutcome { id, ..outcome });
        Ok(id)
    }

    pub fn list(&self) -> Vec<JobOutcome> {
        lock(&self.0).now.clone()
    }

    pub fn remove(&self, id: u64) -> io::Result<()> {
        let rules = &mut lock(&self.0).now;
        let index = rules.iter().position(|rule| rule.id == id);
        let index = index.ok_or_else(|| not_found(format!("no outcome has the id {id}, or it is used up")))?;
        rules.remove(index);
        Ok(())
    }

    pub fn clear(&self) {
        lock(&self.0).now.clear();
    }

    /// What there is now is what [`reset`](Self::reset) goes back to.
    pub fn keep(&self) {
        let mut rules = lock(&self.0);
        rules.at_start = rules.now.clone();
    }

    pub fn reset(&self) {
        let mut rules = lock(&self.0);
        rules.now = rules.at_start.clone();
    }

    /// The rule for a job that starts now: the first that fits. One that is used up disappears.
    pub fn next(&self, kind: JobKind, name: &str) -> Option<JobOutcome> {
        let rules = &mut lock(&self.0).now;
        let index = rules.iter().position(|rule| rule.fits(kind, name))?;
        let rule = rules.get_mut(index)?;
        let outcome = rule.clone();
        rule.times = rule.times.map(|times| times - 1);
        if rule.times == Some(0) {
            rules.remove(index);
        }
        Some(outcome)
    }
}
