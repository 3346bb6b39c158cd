//! What changed between two versions of a spec, and what that means for callers of this crate. `spec` reads a document,
//! `reach` finds who uses a shared part, `rules` judges every difference, `second_reader` asks `drift` whether it agrees,
//! and `report` puts it in words. The command beside it and `tests/spec_change.rs` are the two users.

mod reach;
mod report;
mod rules;
mod second_reader;
mod spec;

pub use report::{Change, Class, Group, Report};
pub use spec::Spec;

/// Every difference between two specs, judged. Empty only if the two texts are the same.
pub fn compare(old: &Spec, new: &Spec) -> Report {
    let mut changes = rules::changes(&old.value, &new.value);
    let (verdicts, silence) = match second_reader::verdicts(&old.value, &new.value) {
        Ok(verdicts) => (verdicts, None),
        Err(reason) => (Vec::new(), Some(reason)),
    };
    let disagreements: Vec<Change> =
        verdicts.into_iter().filter(|verdict| !verdict.is_known(&changes)).map(Change::from).collect();
    changes.extend(disagreements);
    if changes.is_empty() && old.text != new.text {
        let sentence = "order, layout or comments changed, and nothing else".to_owned();
        let group = Group::document();
        changes.push(Change { class: Class::Editorial, group, sentence, pointer: String::new(), gone: false });
    }
    Report::new(old, new, changes, silence)
}
