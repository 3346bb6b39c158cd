//! Prints the library's warnings, such as a pause after a 429, as lines on stderr.

use std::fmt::Debug;

use tracing::field::Field;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::progress::ProgressLines;

/// Shows warnings from now on, without disturbing the lines of progress.
pub fn show(progress: ProgressLines) {
    // An error means that they are already shown.
    let _ = tracing::subscriber::set_global_default(Warnings(progress));
}

struct Warnings(ProgressLines);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN && metadata.target().starts_with("canva_connect")
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::WARN)
    }

    fn event(&self, event: &Event<'_>) {
        event.record(&mut |field: &Field, value: &dyn Debug| {
            if field.name() == "message" {
                self.0.say(&format!("{value:?}"));
            }
        });
    }

    // Spans are below this level, so none of these is called.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
