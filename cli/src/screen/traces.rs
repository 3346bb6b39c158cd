//! What the library says while it works, in the words of the person who reads it: waits that Canva asks for, uploads
//! that begin again and, with `--verbose`, each request.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::field::{Field, Visit};
use tracing::instrument::Instrumented;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Instrument, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};

use super::{Screen, text};

/// The name of the span of what is done for one file.
const FILE: &str = "file";
/// That of a request, which the library opens.
const REQUEST: &str = "canva";

/// Work for a file: what the library says of it is said with the file's name.
pub fn about<F: Future>(name: &str, work: F) -> Instrumented<F> {
    work.instrument(tracing::error_span!(FILE, name))
}

pub(super) fn listen(screen: Screen, verbose: bool) {
    let layer = Traces { screen, verbose, pauses: Mutex::default() };
    // An error means that another screen listens.
    let _ = tracing::subscriber::set_global_default(Registry::default().with(layer));
}

struct Traces {
    screen: Screen,
    verbose: bool,
    /// Until when it is known to the user that requests of an operation pause.
    pauses: Mutex<HashMap<String, Instant>>,
}

/// The fields of a span or an event that matter here.
#[derive(Default)]
struct Fields {
    text: HashMap<&'static str, String>,
    number: HashMap<&'static str, f64>,
}

/// A span, with when it began.
struct Span {
    fields: Fields,
    began: Instant,
}

impl Fields {
    fn text(&self, name: &str) -> &str {
        self.text.get(name).map_or("", String::as_str)
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.number.get(name).copied()
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text.insert(field.name(), value.to_owned());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number.insert(field.name(), value as f64);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.number.insert(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.text.insert(field.name(), format!("{value:?}"));
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Traces {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        let level = if self.verbose { Level::DEBUG } else { Level::WARN };
        *metadata.level() <= level && metadata.target().starts_with("canva")
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(if self.verbose { LevelFilter::DEBUG } else { LevelFilter::WARN })
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(Span { fields, began: Instant::now() });
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(Span { fields, .. }) = span.extensions_mut().get_mut()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let file = context.event_scope(event).into_iter().flatten().find(|span| span.name() == FILE);
        let file = file.and_then(|span| Some(span.extensions().get::<Span>()?.fields.text("name").to_owned()));
        let named = |message: &str| match &file {
            Some(file) => format!("{file}: {message}"),
            None => message.to_owned(),
        };
        let message = fields.text("message");
        match fields.number("pause") {
            _ if *event.metadata().level() > Level::WARN => self.screen.note(&named(message)),
            Some(seconds) => self.pause(fields.text("operation"), Duration::from_secs_f64(seconds.max(0.0)), message),
            None => self.screen.note(&named(message)),
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        if let Some(span) = context.span(&id).filter(|span| span.name() == REQUEST)
            && let Some(Span { fields, began }) = span.extensions().get()
        {
            self.screen.note(&request(fields, began.elapsed()));
        }
    }
}

impl Traces {
    /// Says it once, not for each request that has to wait for it.
    fn pause(&self, operation: &str, pause: Duration, message: &str) {
        let now = Instant::now();
        let mut pauses = self.pauses.lock().unwrap_or_else(PoisonError::into_inner);
        if pauses.get(operation).is_some_and(|until| *until > now) {
            return;
        }
        pauses.insert(operation.to_owned(), now.checked_add(pause).unwrap_or(now));
        drop(pauses);
        self.screen.note(message);
    }
}

/// `POST /v1/asset-uploads: 200 in 1.2 s, request 7f3a, attempt 2`. The path is that of the operation: no id, no query.
fn request(fields: &Fields, took: Duration) -> String {
    let answer = match fields.number("status") {
        Some(status) => status.to_string(),
        None => "no answer".to_owned(),
    };
    let took = took.as_secs_f64();
    let mut line = format!("{} {}: {answer} in {took:.1} s", fields.text("method"), fields.text("path"));
    if let Some(queued) = fields.number("queued_ms").filter(|queued| *queued >= 100.0) {
        line += &format!(" ({:.1} s of it held back)", queued / 1_000.0);
    }
    if let Some(bytes) = fields.number("bytes") {
        line += &format!(", {}", text::bytes(bytes as u64));
    }
    if let Some(id) = fields.text.get("request_id") {
        line += &format!(", request {id}");
    }
    if let Some(attempts) = fields.number("attempts").filter(|attempts| *attempts > 1.0) {
        line += &format!(", attempt {attempts}");
    }
    line
}
