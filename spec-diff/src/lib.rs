//! What changed between two versions of an OpenAPI document, and what that means for callers of `canva-connect`.
//!
//! ```
//! use spec_diff::{Class, Spec, compare, due};
//!
//! let old = Spec::parse("old.yaml", "{openapi: 3.0.3, info: {version: 0.1.0}, paths: {/a: {get: {operationId: a}}}}")?;
//! let new = Spec::parse("new.yaml", "{openapi: 3.0.3, info: {version: 0.1.0}, paths: {}}")?;
//!
//! let report = compare(&old, &new);
//! assert_eq!(report.gravest(), Some(Class::Breaking));
//! assert_eq!(report.changes()[0].sentence, "the operation is gone");
//! assert_eq!(due(&semver::Version::new(0, 1, 0), report.gravest()).to_string(), "0.2.0");
//! # Ok::<(), spec_diff::SpecError>(())
//! ```
//!
//! `spec` reads a document, `reach` finds the operations that use a shared part, `rules` judges every difference, and
//! `report` prints the result. The binary of the same name prints a report.

mod due;
mod lines;
mod reach;
mod report;
mod rules;
mod spec;

pub use due::due;
pub use report::{Change, Class, Group, Report};
pub use spec::{Spec, SpecError};

/// Every difference between two specs, judged. Empty only if the two texts are the same.
pub fn compare(old: &Spec, new: &Spec) -> Report {
    let mut changes = rules::changes(old, new);
    if changes.is_empty() && old.text != new.text {
        let sentence = "order, layout or comments changed, and nothing else";
        changes.push(Change::new(Class::Editorial, Group::document(), sentence, new, ""));
    }
    Report::new(old, new, changes)
}
