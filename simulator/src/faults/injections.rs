//! Which requests meet which faults.

use std::collections::BTreeMap;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::sync::Mutex;

use canva_connect::operations::ALL;

use crate::faults::Fault;
use crate::lock::lock;
use crate::oauth::Endpoint;

pub struct Injections {
    by_operation: Mutex<BTreeMap<String, Vec<Injection>>>,
    /// The simulator speaks HTTP/2, perhaps beside HTTP/1.1.
    http2: bool,
}

#[derive(Clone, Debug)]
pub struct Injection {
    /// Which requests of the operation meet the fault, counted from 1 since the injection.
    requests: (Bound<u32>, Bound<u32>),
    /// How many requests of the operation have come since the injection.
    seen: u32,
    fault: Fault,
}

impl Injection {
    pub fn new(requests: impl RangeBounds<u32>, fault: Fault) -> Self {
        Self { requests: (requests.start_bound().cloned(), requests.end_bound().cloned()), seen: 0, fault }
    }
}

impl Injections {
    pub fn new(http2: bool) -> Self {
        Self { by_operation: Mutex::default(), http2 }
    }

    /// Fails for an unknown operation, and for a fault of HTTP/2 where the simulator doesn't speak it.
    pub fn inject(&self, operation: &str, injection: Injection) -> io::Result<()> {
        // The spec gives the OAuth endpoints no operation ids.
        let mut names = ALL.iter().map(|known| known.id).chain(Endpoint::ALL.map(Endpoint::name));
        if !names.any(|known| known == operation) {
            let message = format!("the spec has no operation `{operation}`");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        if injection.fault.over_http1().is_some() && !self.http2 {
            let message = format!("{:?} needs HTTP/2: start the simulator with `Tls::Http2`", injection.fault);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        lock(&self.by_operation).entry(operation.to_owned()).or_default().push(injection);
        Ok(())
    }

    /// The fault that the operation's next request meets: the first one injected if there are several.
    pub fn next(&self, operation: &str) -> Option<Fault> {
        let mut injections = lock(&self.by_operation);
        let injections = injections.get_mut(operation)?;
        for injection in injections.iter_mut() {
            injection.seen = injection.seen.saturating_add(1);
        }
        let met = injections.iter().find(|injection| injection.requests.contains(&injection.seen));
        met.map(|injection| injection.fault.clone())
    }
}
