//! What a program hears through `tracing`: a span for each request with what it waited and sent, warnings, and news of
//! tokens; and never a token, there or in errors or `Debug`. Apart, because its subscriber is the whole process's: so
//! it hears every thread, and no other test can switch a trace off that it reaches first.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::collections::BTreeMap;
use std::sync::{Mutex, Once};
use std::time::Duration;

use canva_connect::auth::{Integration, OAuth};
use canva_connect::operations::Operation;
use canva_connect::pacing::Permit;
use canva_connect::{AccessToken, Client, Error, Pacing, RetryPolicy, TokenProvider, UploadBody};
use support::{Paces, answering, builder, http, script};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

type Fields = BTreeMap<&'static str, String>;

/// What was heard: the spans that were closed, the events, and all of it as text.
struct Heard {
    spans: Vec<Fields>,
    events: Vec<String>,
    text: String,
}

static HEARD: Mutex<Heard> = Mutex::new(Heard { spans: Vec::new(), events: Vec::new(), text: String::new() });
static ONCE: Once = Once::new();

struct Listener;

struct Reading<'a>(&'a mut Fields);

impl Visit for Reading<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let text = format!("{value:?}");
        HEARD.lock().unwrap().text += &format!(" {field}={text}");
        self.0.insert(field.name(), text);
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Listener {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::new();
        attributes.record(&mut Reading(&mut fields));
        context.span(id).unwrap().extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(fields) = context.span(id).unwrap().extensions_mut().get_mut::<Fields>() {
            values.record(&mut Reading(fields));
        }
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::new();
        event.record(&mut Reading(&mut fields));
        let message = fields.remove("message").unwrap_or_default();
        HEARD.lock().unwrap().events.push(format!("{} {message}", event.metadata().level()));
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let span = context.span(&id).unwrap();
        if span.name() == "canva" {
            let mut fields = span.extensions_mut().remove::<Fields>().unwrap();
            if let Some(parent) = span.parent() {
                fields.insert("parent", parent.name().to_owned());
            }
            HEARD.lock().unwrap().spans.push(fields);
        }
    }
}

fn listen() {
    ONCE.call_once(|| {
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Listener)).unwrap();
    });
}

/// The span of the one request with this path, which no other test asks for. The lock is gone before anything is
/// asserted: a test that fails would take the others with it.
fn span(path: &str) -> Fields {
    let spans = HEARD.lock().unwrap().spans.clone();
    let found: Vec<_> = spans.iter().filter(|fields| fields["path"].contains(path)).collect();
    assert_eq!(found.len(), 1, "{spans:#?}");
    found[0].clone()
}

/// A client that never waits for its turn.
fn client(base_url: &str) -> Client {
    builder(base_url).pacer(Pacing::off()).build().unwrap()
}

fn heard(text: &str) -> bool {
    HEARD.lock().unwrap().events.iter().any(|event| event.contains(text))
}

#[tokio::test(start_paused = true)]
async fn a_span_says_what_the_request_waited_for_its_turns_all_attempts_together() {
    static READ: Operation = Operation::new("read", "GET", "/v1/queued");
    listen();
    let unavailable = || http("503 Service Unavailable", "", "");
    let (base_url, _seen) = script(vec![unavailable(), unavailable(), http("200 OK", "", "null")]).await;
    // Everybody waits for a second, whatever it is for.
    let pacer = Paces::new(|_, _| {
        Box::pin(async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(Permit::new(drop))
        })
    });
    let canva = builder(&base_url).pacer(pacer).build().unwrap();
    canva.request::<()>(&READ).await.unwrap();
    let span = span("queued");
    assert_eq!((span["attempts"].as_str(), span["status"].as_str()), ("3", "200"));
    // The pauses between the attempts aren't in it.
    let queued: u64 = span["queued_ms"].parse().unwrap();
    assert!((3_000..=3_010).contains(&queued), "{queued} ms");
    assert!(!span.contains_key("bytes"), "nothing was uploaded: {span:?}");
}

#[tokio::test]
async fn the_spans_of_a_bulk_are_within_the_callers() {
    static CREATE: Operation = Operation::new("create", "POST", "/v1/in-bulk");
    listen();
    let (base_url, _seen) = script(vec![http("200 OK", "", "null")]).await;
    let canva = client(&base_url);
    let (client, caller) = (canva.clone(), tracing::info_span!("caller"));
    let item = async move {
        client.request::<()>(&CREATE).await?;
        Ok::<_, Error>(client.asset_upload_job("../j"))
    };
    let mut bulk = canva.bulk([(1, item)]);
    let events = async { while bulk.next().await.is_some() {} };
    tracing::Instrument::instrument(events, caller).await;
    assert_eq!(span("in-bulk")["parent"], "caller");
}

#[tokio::test(start_paused = true)]
async fn a_span_says_how_much_was_uploaded() {
    static UPLOAD: Operation = Operation::new("upload", "POST", "/v1/measured");
    listen();
    let (base_url, _seen) = script(vec![http("200 OK", "", "null")]).await;
    let canva = client(&base_url);
    canva.request::<()>(&UPLOAD).content(vec![7; 12_345]).await.unwrap();
    let span = span("measured");
    assert_eq!((span["bytes"].as_str(), span["queued_ms"].as_str()), ("12345", "0"));
}

#[tokio::test]
async fn an_upload_that_was_never_sent_has_no_bytes() {
    listen();
    let (base_url, _seen) = script(vec![]).await;
    let canva = client(&base_url);
    let body = UploadBody::from_fn(1 << 20, || async { Err::<&[u8], _>(std::io::Error::other("gone")) });
    let error = canva.import_design(body).title("t").mime_type("application/pdf").await.unwrap_err();
    assert!(matches!(error, Error::Body(_)), "{error}");
    assert!(!span("imports").contains_key("bytes"));
}

#[tokio::test(start_paused = true)]
async fn a_429_is_a_warning() {
    static LIMITED: Operation = Operation::new("limited", "GET", "/v1/limited");
    listen();
    let (base_url, _seen) =
        script(vec![http("429 Too Many Requests", "retry-after: 1\r\n", ""), http("200 OK", "", "null")]).await;
    client(&base_url).request::<()>(&LIMITED).await.unwrap();
    assert!(
        heard("WARN the rate limit is reached: Canva asks for a pause of 1 s"),
        "{:?}",
        HEARD.lock().unwrap().events
    );
}

#[tokio::test(start_paused = true)]
async fn a_429_that_asks_for_no_pause_is_said_to_get_one() {
    static UNLIMITED: Operation = Operation::new("unlimited", "GET", "/v1/unlimited");
    listen();
    let (base_url, _seen) =
        script(vec![http("429 Too Many Requests", "retry-after: 0\r\n", ""), http("200 OK", "", "null")]).await;
    client(&base_url).request::<()>(&UNLIMITED).await.unwrap();
    assert!(heard("WARN the rate limit is reached: a pause of 0."), "{:?}", HEARD.lock().unwrap().events);
}

#[tokio::test]
async fn a_refresh_is_news() {
    listen();
    let granted =
        r#"{"access_token":"n3w-t0k3n","refresh_token":"n3w-r3fr3sh","token_type":"Bearer","expires_in":1000}"#;
    let (base_url, _seen) = script(vec![http("200 OK", "", granted)]).await;
    let integration = Integration::builder("client", "secret", "https://example.com/return").token_url(&base_url);
    let oauth = OAuth::new(integration.build().unwrap(), support::Ended);
    assert!(!heard("INFO the access token was refreshed"));
    oauth.token().await.unwrap();
    assert!(heard("INFO the access token was refreshed"), "{:?}", HEARD.lock().unwrap().events);
}

const SECRET: &str = "s3cr3t-t0k3n";

#[tokio::test]
async fn no_token_is_in_errors_debug_or_traces() {
    listen();
    let mut said = format!("{:?}", AccessToken::new(SECRET));
    // Servers that echo the token, in every way in which its text could reach an error.
    let echo = format!("no such token: Bearer {SECRET}");
    for response in [
        http("401 Unauthorized", "", &echo),
        http("403 Forbidden", "", &format!(r#"{{"code":"c","message":"{echo}"}}"#)),
        http("200 OK", "", &echo),
        http("200 OK", "", &format!(r#"{{"asset":"{echo}"}}"#)),
        http("403 Forbidden", "", r#"{"code":"s3cr3t-t0k3n","message":"s3cr3t\u002dt0k3n"}"#),
        http("502 Bad Gateway", "", r#"{"error":"s3cr3t\u002dt0k3n s3cr3t%2Dt0k3n "}"#),
        http("200 OK", "", r#"{"asset":"s3cr3t\u002dt0k3n"}"#),
        http("200 OK", "x-request-id: s3cr3t-t0k3n\r\n", r#"{"asset":{"id":"s3cr3t-t0k3n"}}"#),
        format!("HTTP/1.1 403 {SECRET}\r\ncontent-length: 0\r\n\r\n"),
        format!("{SECRET} 403 Forbidden\r\n\r\n"),
        format!("HTTP/1.1 403 Forbidden\r\n{SECRET}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\ncontent-length: {SECRET}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{SECRET}\r\n\r\n"),
        "nonsense".to_owned(),
        String::new(),
    ] {
        let canva = builder(&answering(response).await).token(SECRET).retry_policy(RetryPolicy::never());
        let canva = canva.build().unwrap();
        let (update, upload) = (canva.update_asset("a1").name("n"), canva.upload_asset(vec![1]).name("n"));
        said += &format!("{canva:?} {update:?} {upload:?} {:?}", canva.generated());
        said += &support::everything(&update.await.unwrap_err());
        said += &support::everything(&upload.await.unwrap_err());
    }
    let bad = Client::new(format!("{SECRET}\n")).unwrap_err();
    assert!(matches!(bad, Error::InvalidInput { field: "token", .. }));
    said += &support::everything(&bad);

    let traced = HEARD.lock().unwrap().text.clone();
    for text in ["operation=\"updateAsset\"", "path=\"/v1/assets/{assetId}\"", "status=403", "attempts=1"] {
        assert!(traced.contains(text), "{text}");
    }
    assert!(said.contains("no such token: Bearer [REDACTED]"), "{said}");
    for text in [said, traced] {
        let place = text.find("s3cr3t-").or_else(|| text.find("t0k3n"));
        assert!(place.is_none(), "{}", &text[place.unwrap().saturating_sub(200)..][..400]);
    }
}
