//! The chain of an error's sources: a cause of a known type, the one at the bottom, and all of them in one line.

use std::error::Error as StdError;
use std::io;

use crate::text::{Printable, cut, shown};

/// The cause at the bottom.
pub(crate) fn innermost<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause
}

/// Asks the first error of this type in the chain. `io::Error::source` skips the error that an [`io::Error`] wraps,
/// so this looks inside.
pub(crate) fn find<E: StdError + 'static, T>(
    error: &(dyn StdError + 'static),
    known: impl Fn(&E) -> Option<T>,
) -> Option<T> {
    let mut next = Some(error);
    while let Some(error) = next {
        let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let found = inside.and_then(|inside| inside.downcast_ref()).or_else(|| error.downcast_ref());
        if let Some(found) = found {
            return known(found);
        }
        next = inside.map_or_else(|| error.source(), |inside| Some(inside as _));
    }
    None
}

/// The length of a report, in characters.
const MAX_REPORT: usize = 4_000;

/// See [`Error::report`].
pub(crate) fn report(error: &(dyn std::error::Error + 'static)) -> String {
    let mut report = Printable(&error.to_string()).to_string();
    let operation = report.split_once(": ").map(|(operation, _)| format!("{operation}: "));
    let mut next = error.source();
    while let Some(cause) = next {
        // reqwest's own text repeats the URL and leaves the reason to its sources.
        let cause = if cause.is::<reqwest::Error>() { innermost(cause) } else { cause };
        let said = shown(&cause.to_string());
        let said = operation.as_deref().and_then(|operation| said.strip_prefix(operation)).unwrap_or(&said);
        if !report.contains(said) {
            report.push_str(": ");
            report.push_str(said);
        }
        next = cause.source();
    }
    cut(&report, MAX_REPORT)
}
