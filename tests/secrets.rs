//! No error, `Debug` or trace has a token in it, whatever the server sends. Apart, because its subscriber is the whole
//! process's: so it hears every thread, and no other test can switch a trace off that it reaches first.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::sync::{Arc, Mutex};

use canva_connect::{AccessToken, Client, Error, RetryPolicy};
use support::http;

const SECRET: &str = "s3cr3t-t0k3n";

async fn client<R: Into<Vec<u8>>>(response: R) -> Client {
    let base_url = support::answering(response).await;
    Client::builder().token(SECRET).base_url(base_url).retry_policy(RetryPolicy::never()).build().unwrap()
}

async fn update(canva: &Client) -> Error {
    canva.update_asset("a1").name("n").await.unwrap_err()
}

/// Everything that tracing is given, as text.
#[derive(Clone, Default)]
struct Trace(Arc<Mutex<String>>);

impl std::fmt::Write for Trace {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.lock().unwrap().push_str(text);
        Ok(())
    }
}

impl tracing::field::Visit for Trace {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        use std::fmt::Write;
        write!(self, " {field}={value:?}").unwrap();
    }
}

impl tracing::Subscriber for Trace {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        span.record(&mut self.clone());
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, values: &tracing::span::Record<'_>) {
        values.record(&mut self.clone());
    }

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test]
async fn no_token_in_errors_debug_or_traces() {
    let trace = Trace::default();
    tracing::subscriber::set_global_default(trace.clone()).unwrap();
    let mut said = String::new();
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
        let canva = client(response).await;
        said += &format!("{canva:?} ");
        for error in [update(&canva).await, canva.upload_asset(vec![1]).name("n").await.unwrap_err()] {
            said += &format!("{error} {} {error:?} {error:#?} ", error.report());
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                said += &format!("{error} {error:?} ");
                cause = error.source();
            }
        }
        let request = canva.upload_asset(vec![1]).name("n");
        said += &format!("{request:?} {:?} {:?}", canva.update_asset("a"), canva.generated());
    }
    said += &format!("{:?}", AccessToken::new(SECRET));
    let bad = Client::new(format!("{SECRET}\n")).unwrap_err();
    assert!(matches!(bad, Error::InvalidInput { field: "token", .. }));
    said += &format!("{bad} {bad:?}");

    let traced = trace.0.lock().unwrap().clone();
    assert!(
        traced.contains("operation=\"updateAsset\"") && traced.contains("path=\"/v1/assets/{assetId}\""),
        "{traced}"
    );
    assert!(traced.contains("status=403") && traced.contains("attempts=1"), "{traced}");
    assert!(said.contains("no such token: Bearer [REDACTED]"), "{said}");
    for text in [said, traced] {
        assert!(!text.contains("t0k3n"), "{text}");
        assert!(
            !text.contains(SECRET),
            "{}",
            text.split(SECRET).next().unwrap().chars().rev().take(200).collect::<String>()
        );
    }
}
