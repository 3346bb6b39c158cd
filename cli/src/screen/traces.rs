//! What the library says while it works, in the words of the person who reads it: waits that Canva asks for, uploads
//! that begin again and, with `--verbose`, each request.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use canva_connect::operations;
use tracing::field::{Field, Visit};
use tracing::instrument::Instrumented;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Instrument, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};

use super::bar::names;
use super::{Screen, text};

/// The name of the span of what is done for one file.
const FILE: &str = "file";
/// That of a request, which the library opens.
const REQUEST: &str = "canva";

/// How the library's message begins when Canva refuses a request for its limit.
const LIMIT: &str = "the rate limit is reached";
/// How long the same isn't said again.
const SAME: Duration = Duration::from_secs(30);

/// Work for a file: what the library says of it is said with the file's name.
pub fn about<F: Future>(name: &str, work: F) -> Instrumented<F> {
    work.instrument(tracing::error_span!(FILE, name))
}

pub(super) fn listen(screen: Screen, verbose: bool) {
    let layer = Traces { screen, verbose, told: Mutex::default() };
    // An error means that another screen listens.
    let _ = tracing::subscriber::set_global_default(Registry::default().with(layer));
}

struct Traces {
    screen: Screen,
    verbose: bool,
    /// Until when the user knows what: it isn't said for each request that it concerns.
    told: Mutex<HashMap<String, Instant>>,
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
        let (mut file, mut request) = (None, None);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(Span { fields, .. }) = span.extensions().get() {
                match span.name() {
                    FILE => file = Some(fields.text("name").to_owned()),
                    REQUEST => {
                        let what = format!("{} {}", fields.text("method"), fields.text("path"));
                        request = Some((what, fields.text("operation").to_owned()));
                    }
                    _ => {}
                }
            }
        }
        let (message, operation) = (fields.text("message"), fields.text("operation"));
        if *event.metadata().level() > Level::WARN {
            return self.screen.note(&match (request, fields.number("attempts")) {
                (Some((request, operation)), Some(attempt)) => {
                    let error = fields.text("error").replace(&format!("{operation}: "), "");
                    format!("{request}: attempt {attempt} failed: {error}")
                }
                _ => message.to_owned(),
            });
        }
        let told = match fields.number("pause") {
            Some(pause) => self.told(operation, Duration::try_from_secs_f64(pause).unwrap_or_default()),
            // Without what differs from file to file.
            None => self.told(message.split(" (").next().unwrap_or_default(), SAME),
        };
        if !told {
            self.screen.note(&match (fields.number("pause"), file) {
                // It concerns all files.
                (Some(pause), _) => pausing(message, operation, pause),
                (None, file) => {
                    let words = match operation {
                        "" => message.to_owned(),
                        operation => message.replace(&format!("{operation}: "), ""),
                    };
                    file.map(|file| format!("{file}: {words}")).unwrap_or(words)
                }
            });
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
    /// Whether the user knows this: it was said for this long. If not, it is said now.
    fn told(&self, what: &str, how_long: Duration) -> bool {
        let now = Instant::now();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let known = told.get(what).is_some_and(|until| *until > now);
        if !known {
            told.insert(what.to_owned(), now.checked_add(how_long).unwrap_or(now));
        }
        known
    }
}

/// `Canva's limit of 30 uploads a minute is reached (other programs count, too): waiting 52 s`.
fn pausing(message: &str, operation: &str, seconds: f64) -> String {
    let wait = text::duration(Duration::try_from_secs_f64(seconds.ceil()).unwrap_or_default());
    // The library waits for no longer pause.
    let wait = if seconds > 300.0 { format!("a pause of {wait}") } else { format!("waiting {wait}") };
    let operation = operations::ALL.iter().find(|it| it.id == operation);
    match operation.and_then(|it| Some((it, it.requests_per_minute?))) {
        Some((operation, limit)) if message.starts_with(LIMIT) => {
            let [_, many] = names(operation);
            format!("Canva's limit of {limit} {many} a minute is reached (other programs count, too): {wait}")
        }
        _ if message.starts_with(LIMIT) => format!("Canva's limit is reached: {wait}"),
        _ => format!("Canva can't answer now: {wait}"),
    }
}

/// `POST /v1/asset-uploads: 200 in 1.2 s, request 7f3a, attempt 2`. The path is that of the operation: no id, no query.
fn request(fields: &Fields, took: Duration) -> String {
    let answer = match fields.number("status") {
        Some(status) => status.to_string(),
        None => "no answer".to_owned(),
    };
    let took = match took.as_millis() {
        ms @ ..1_000 => format!("{ms} ms"),
        ms => format!("{:.1} s", ms as f64 / 1_000.0),
    };
    let mut line = format!("{} {}: {answer} in {took}", fields.text("method"), fields.text("path"));
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
