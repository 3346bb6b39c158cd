//! What the library warns of while a command runs, a pause after a 429 for example, as lines on stderr.

use std::fmt::{Debug, Write as _};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::progress::ProgressLines;

/// Shows warnings from now on, beside the lines of progress.
pub fn show(progress: ProgressLines) {
    // An error means that they are already shown.
    let _ = tracing::subscriber::set_global_default(Warnings(progress));
}

struct Warnings(ProgressLines);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // The spans are below this level.
        *metadata.level() <= Level::WARN && metadata.target().starts_with("canva_connect")
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::WARN)
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        let Text { message, fields } = text;
        self.0.say(&if fields.is_empty() { message } else { format!("{message} ({fields})") });
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a string can't fail.
        let _ = match (field.name(), self.fields.as_str()) {
            ("message", _) => write!(self.message, "{value:?}"),
            (name, "") => write!(self.fields, "{name} {value:?}"),
            (name, _) => write!(self.fields, ", {name} {value:?}"),
        };
    }
}
