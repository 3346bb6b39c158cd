//! Which requests meet which faults.

use std::io;
use std::ops::{Bound, RangeBounds};
use std::str::FromStr;
use std::sync::Mutex;

use canva_connect::operations::ALL;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::faults::Fault;
use crate::fields::{invalid, not_found};
use crate::given::Given;
use crate::lock::lock;
use crate::oauth::Endpoint;

/// A fault, and which requests of an operation meet it. As JSON it is a flat object.
///
/// ```
/// use canva_simulator::Injection;
/// use serde_json::json;
///
/// # fn main() -> serde_json::Result<()> {
/// // The next two requests.
/// let busy = json!({ "operation": "getAsset", "fault": "respond", "status": 429, "retry_after": 3, "times": 2 });
/// let busy: Injection = serde_json::from_value(busy)?;
/// // Every request from the third on.
/// let cut = json!({ "operation": "createAssetUploadJob", "fault": "close_after", "bytes": 1000, "first": 3 });
/// let cut: Injection = serde_json::from_value(cut)?;
/// # Ok(())
/// # }
/// ```
///
/// `fault` is the name of a [`Fault`] in snake case. Its argument is `bytes`, `bytes_per_second` or `seconds`. A fault
/// that responds has a `status`. Its body is an error of the API with `code` and `message`, which both have a default, or
/// `body` (text), `body_base64` or so many `bytes`, with a `content_type`. `retry_after` and the object `headers` set
/// further headers. `raw` has a body alone.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(try_from = "Map<String, Value>", into = "Map<String, Value>")]
pub struct Injection {
    /// 0 until it is injected.
    pub(super) id: u64,
    pub(super) operation: String,
    /// The first request of the operation that meets the fault, counted from 1 since the injection.
    pub(super) first: u32,
    /// How many requests meet it from there on. `None`: all.
    pub(super) times: Option<u32>,
    /// How many requests of the operation have come since the injection.
    pub(super) seen: u32,
    pub(super) fault: Fault,
}

/// From JSON, or from `name=value,name=value`.
impl FromStr for Injection {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse::<Given>()?.read()
    }
}

impl Injection {
    /// The arguments of [`Simulator::inject`](crate::Simulator::inject).
    pub fn new(operation: impl Into<String>, requests: impl RangeBounds<u32>, fault: Fault) -> Self {
        let first = match requests.start_bound() {
            Bound::Included(first) => *first,
            Bound::Excluded(before) => before.saturating_add(1),
            Bound::Unbounded => 1,
        };
        let first = first.max(1);
        let end = match requests.end_bound() {
            Bound::Included(last) => last.checked_add(1),
            Bound::Excluded(end) => Some(*end),
            Bound::Unbounded => None,
        };
        let times = end.map(|end| end.saturating_sub(first));
        Self { id: 0, operation: operation.into(), first, times, seen: 0, fault }
    }

    /// Whether the newest request meets it.
    fn meets(&self) -> bool {
        self.seen.checked_sub(self.first).is_some_and(|before| self.times.is_none_or(|times| before < times))
    }

    /// Whether no further request can meet it.
    fn is_over(&self) -> bool {
        self.times.is_some_and(|times| self.seen.saturating_add(1) >= self.first.saturating_add(times))
    }
}

/// The operations whose requests can meet a fault, by the names that they have in the log, too.
pub fn operations() -> impl Iterator<Item = &'static str> {
    // The spec gives the OAuth endpoints no operation ids.
    ALL.iter().map(|known| known.id).chain(Endpoint::ALL.map(Endpoint::name))
}

/// Refuses a name that no operation has.
pub fn check_operation(name: &str) -> io::Result<()> {
    match operations().any(|known| known == name) {
        true => Ok(()),
        false => Err(invalid(format!("the spec has no operation `{name}`, such as `getAsset` or `token`"))),
    }
}

pub struct Injections {
    /// The simulator speaks HTTP/2, perhaps beside HTTP/1.1.
    http2: bool,
    injected: Mutex<Injected>,
}

#[derive(Default)]
struct Injected {
    last_id: u64,
    now: Vec<Injection>,
    at_start: Vec<Injection>,
}

impl Injections {
    pub fn new(http2: bool) -> Self {
        Self { http2, injected: Mutex::default() }
    }

    /// Its id. Fails for an unknown operation, and for a fault of HTTP/2 where the simulator doesn't speak it.
    pub fn inject(&self, injection: Injection) -> io::Result<u64> {
        check_operation(&injection.operation)?;
        if injection.fault.over_http1().is_some() && !self.http2 {
            let message = format!("{:?} needs HTTP/2: start the simulator with `Tls::Http2`", injection.fault);
            return Err(invalid(message));
        }
        let mut injected = lock(&self.injected);
        injected.last_id += 1;
        let id = injected.last_id;
        injected.now.push(Injection { id, ..injection });
        Ok(id)
    }

    /// The faults that can be injected, each with the argument that it takes, for a form.
    pub fn kinds(&self) -> Vec<Value> {
        let possible = Fault::KINDS.iter().filter(|(.., version)| version.is_empty() || self.http2);
        possible.map(|(name, argument, _)| json!({ "fault": name, "argument": argument })).collect()
    }

    /// What is injected now is what [`reset`](Self::reset) goes back to.
    pub fn keep(&self) {
        let mut injected = lock(&self.injected);
        injected.at_start = injected.now.clone();
    }

    pub fn reset(&self) {
        let mut injected = lock(&self.injected);
        injected.now = injected.at_start.clone();
    }

    /// Those that a request can still meet, in the order in which they are met.
    pub fn list(&self) -> Vec<Injection> {
        lock(&self.injected).now.clone()
    }

    pub fn remove(&self, id: u64) -> io::Result<()> {
        let mut injected = lock(&self.injected);
        let place = injected.now.iter().position(|injection| injection.id == id);
        let place = place.ok_or_else(|| not_found(format!("no fault has the id {id}, or it is used up")))?;
        injected.now.remove(place);
        Ok(())
    }

    pub fn clear(&self) {
        lock(&self.injected).now.clear();
    }

    /// The fault that the operation's next request meets: the first one injected if there are several.
    pub fn next(&self, operation: &str) -> Option<Fault> {
        let mut injected = lock(&self.injected);
        let its = |injection: &&mut Injection| injection.operation == operation;
        for injection in injected.now.iter_mut().filter(its) {
            injection.seen = injection.seen.saturating_add(1);
        }
        let mut its = injected.now.iter().filter(|injection| injection.operation == operation);
        let fault = its.find(|injection| injection.meets()).map(|injection| injection.fault.clone());
        injected.now.retain(|injection| !injection.is_over());
        fault
    }
}
