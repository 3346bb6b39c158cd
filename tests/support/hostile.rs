//! A server that gives responses that no honest server gives, and what a client makes of them.

use std::sync::Arc;
use std::time::Duration;

use canva_connect::{Client, Error, JobState, Pacing, PollPolicy, RetryPolicy};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

// Not every test that has these servers wants their responses.
#[allow(unused_imports)]
pub use responses::responses;

mod responses;

/// The client's token, which many of the responses repeat.
pub const TOKEN: &str = "s3cr3t/of+the=client";

/// What a server does that isn't honest.
pub struct Hostile {
    pub name: String,
    bytes: Vec<u8>,
    then: Then,
    pub ends: Ends,
}

/// What ends an operation that meets it.
#[derive(Clone, Copy, PartialEq)]
pub enum Ends {
    Itself,
    /// The client waits for the rest of the response.
    ResponseTimeout,
    /// The client waits for the job.
    Deadline,
}

enum Then {
    Close,
    /// The connection stays open for the next request.
    Stay,
    /// This, without end.
    Endless(Vec<u8>),
    /// This, again and again, with pauses.
    Drip(&'static [u8]),
}

/// Serves it: every request gets the response, but those for the asset `honest`, whichever connection they come on, get
/// what they ask for. Gives its base URL.
pub async fn serve(hostile: Hostile) -> String {
    let (listener, base_url) = super::listen().await;
    let hostile = Arc::new(hostile);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let hostile = hostile.clone();
            tokio::spawn(async move { converse(stream, &hostile).await });
        }
    });
    base_url
}

async fn converse(mut stream: TcpStream, hostile: &Hostile) -> std::io::Result<()> {
    loop {
        let head = super::read_head(&mut stream).await?;
        super::discard_body(&mut stream, &head).await?;
        assert_eq!(head.header("cookie"), None);
        if head.text.starts_with("GET /rest/v1/assets/honest HTTP") {
            let body = r#"{"asset":{"id":"honest","name":"n","created_at":1,"updated_at":1}}"#;
            super::answer(&mut stream, "200 OK", "", body).await?;
            continue;
        }
        stream.write_all(&hostile.bytes).await?;
        match &hostile.then {
            Then::Close => return Ok(()),
            Then::Stay => {}
            Then::Endless(rest) => loop {
                stream.write_all(rest).await?;
            },
            Then::Drip(rest) => loop {
                stream.write_all(rest).await?;
                tokio::time::sleep(Duration::from_millis(10)).await;
            },
        }
    }
}

/// The operations that meet each response: one that reads, one that uploads and waits, one that polls.
pub const OPERATIONS: [&str; 3] = ["read", "upload", "poll"];

/// A client of this server, which sends everything once and loses no time.
pub fn client(base_url: &str, ends: Ends) -> Client {
    // Either nothing else ends the wait, or it is so long that even a busy machine doesn't reach it.
    let only_if = |this| Duration::from_millis(if ends == this { 300 } else { 600_000 });
    let soon = Duration::from_millis(10);
    let poll = PollPolicy::default().first_delay(soon).max_delay(soon).deadline(only_if(Ends::Deadline));
    let canva = super::builder(base_url).token(TOKEN).pacer(Pacing::off()).retry_policy(RetryPolicy::never());
    let canva = canva.poll_policy(poll).connect_timeout(Duration::from_secs(60));
    canva.response_timeout(only_if(Ends::ResponseTimeout)).build().unwrap()
}

/// What the operation comes to, in a word or two.
pub async fn meet(canva: &Client, operation: &str) -> String {
    let result = match operation {
        "read" => canva.get_asset("a1").await.map(|_| "success"),
        "upload" => match canva.upload_asset(vec![7; 1000]).name("n").await {
            Ok(mut job) => job.wait().await.map(|_| "success"),
            Err(error) => Err(error),
        },
        _ => {
            let mut job = canva.asset_upload_job("j1");
            job.refresh().await.map(|()| match job.state() {
                Some(JobState::Success(_)) => "success",
                Some(JobState::Failed(_)) => "failed",
                _ => "in progress",
            })
        }
    };
    match result {
        Ok(outcome) => outcome.to_owned(),
        Err(error) => {
            let shown = super::everything(&error);
            assert!(!shown.contains(TOKEN), "the token shows: {shown:.1000}");
            name(&error)
        }
    }
}

fn name(error: &Error) -> String {
    match error {
        Error::OutcomeUnknown { source, .. } => format!("unknown ({})", name(source)),
        Error::Poll { source, .. } => name(source),
        Error::Api(api) => format!("Api {}", api.status.as_u16()),
        Error::Decode { status, .. } => format!("Decode {}", status.as_u16()),
        Error::Connection { status: Some(status), .. } => format!("Connection {}", status.as_u16()),
        Error::Connection { status: None, .. } => "Connection".to_owned(),
        Error::Timeout { .. } => "Timeout".to_owned(),
        Error::Deadline { .. } => "Deadline".to_owned(),
        Error::Job(_) => "failed".to_owned(),
        Error::InvalidInput { field, .. } => format!("InvalidInput {field}"),
        other => panic!("no outcome of a response: {other:?}"),
    }
}
