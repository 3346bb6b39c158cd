//! A creating request is repeated after a failure that proves that nothing was carried out: no server had a complete
//! request before, and one arrives in the end. Over HTTP/2 it is in http2.rs.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use canva_connect::{Client, Error, RetryPolicy, TimeoutKind, UploadBody, UploadProgress};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::support::{self, UPLOADED, attempts, builder, http, script};

/// More than all buffers on the way take.
const LENGTH: usize = 64 * 1024 * 1024;

/// What the server does with a part of the content.
#[derive(Clone, Copy, Debug)]
enum Breaks {
    Closes,
    Resets,
    /// Keeps the connection, and reads no more.
    Stalls,
    Answers(&'static str),
}

/// Breaks the first upload after a megabyte and takes the others. Says how many complete requests it had.
async fn breaking(breaks: Breaks) -> (String, Arc<Mutex<Vec<u64>>>) {
    let (listener, base_url) = support::listen().await;
    let complete = Arc::new(Mutex::new(Vec::new()));
    let counted = complete.clone();
    tokio::spawn(async move {
        let mut kept: Vec<TcpStream> = Vec::new();
        for number in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let head = support::read_head(&mut stream).await.unwrap();
            if number == 0 {
                stream.read_exact(&mut vec![0; 1024 * 1024]).await.unwrap();
                match breaks {
                    Breaks::Closes => {}
                    Breaks::Resets => stream.set_zero_linger().unwrap(),
                    Breaks::Stalls => kept.push(stream),
                    Breaks::Answers(status) => {
                        support::answer(&mut stream, status, "retry-after: 0\r\n", "").await.unwrap();
                        kept.push(stream);
                    }
                }
            } else if let Ok(length) = support::discard_body(&mut stream, &head).await {
                counted.lock().unwrap().push(length);
                stream.write_all(http("200 OK", "", UPLOADED).as_bytes()).await.unwrap();
            }
        }
    });
    (base_url, complete)
}

/// All at once: where the connection stalls, real time passes until that counts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_is_repeated_that_failed_before_its_last_block() {
    let content = Bytes::from(vec![7; LENGTH]);
    let mut all = JoinSet::new();
    for breaks in [
        Breaks::Closes,
        Breaks::Resets,
        Breaks::Stalls,
        Breaks::Answers("500 Internal Server Error"),
        Breaks::Answers("502 Bad Gateway"),
        Breaks::Answers("503 Service Unavailable"),
        Breaks::Answers("504 Gateway Timeout"),
    ] {
        all.spawn(fails(breaks, content.clone()));
        all.spawn(is_repeated(breaks, content.clone()));
    }
    all.join_all().await;
}

fn client(base_url: &str, breaks: Breaks, retry: RetryPolicy) -> Client {
    // Long enough for a busy machine, unless it is what is waited for.
    let stall = Duration::from_secs(if matches!(breaks, Breaks::Stalls) { 3 } else { 60 });
    builder(base_url).retry_policy(retry).stall_timeout(stall).build().unwrap()
}

async fn fails(breaks: Breaks, content: Bytes) {
    let (base_url, complete) = breaking(breaks).await;
    let canva = client(&base_url, breaks, RetryPolicy::never());
    let error = canva.upload_asset(content).name("n").await.unwrap_err();
    assert!(!error.is_outcome_unknown(), "{breaks:?}: {error:?}");
    let stalled = matches!(error, Error::Timeout { kind: TimeoutKind::Stall, .. });
    assert_eq!(stalled, matches!(breaks, Breaks::Stalls), "{breaks:?}: {error:?}");
    assert!(complete.lock().unwrap().is_empty(), "{breaks:?}");
}

async fn is_repeated(breaks: Breaks, content: Bytes) {
    let (base_url, complete) = breaking(breaks).await;
    let sent = Arc::new(Mutex::new(Vec::new()));
    let report = sent.clone();
    let upload = client(&base_url, breaks, attempts(2)).upload_asset(content).name("n");
    let uploaded = upload.on_progress(move |progress| report.lock().unwrap().push(progress)).await;
    let _ = uploaded.unwrap_or_else(|error| panic!("{breaks:?}: {error:?}"));
    assert_eq!(*complete.lock().unwrap(), [LENGTH as u64], "{breaks:?}");
    let whole = |attempt| {
        let sent = sent.lock().unwrap();
        sent.iter().rfind(|progress| progress.attempt == attempt).unwrap().sent == LENGTH as u64
    };
    assert_eq!((whole(1), whole(2)), (false, true), "{breaks:?}");
}

/// Content of some bytes is in docs/faults.md.
#[tokio::test]
async fn an_upload_of_nothing_has_left_with_its_head_and_is_not_repeated() {
    let (base_url, mut seen) = script(vec![String::new()]).await;
    let error = support::trying(2, &base_url).upload_asset(Vec::new()).name("n").await.unwrap_err();
    assert!(error.is_outcome_unknown(), "{error:?}");
    assert!(seen.recv().await.is_some() && seen.try_recv().is_err());
}

/// Lets some time pass between a connection and its first request.
#[derive(Clone)]
struct Late<S>(S);

impl<T, S: tower_service::Service<T>> tower_service::Service<T> for Late<S>
where
    S::Future: Send + 'static,
    S::Response: Send,
    S::Error: Send,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = canva_connect::BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, target: T) -> Self::Future {
        let connecting = self.0.call(target);
        Box::pin(async move {
            let connection = connecting.await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            connection
        })
    }
}

#[tokio::test]
async fn a_request_is_repeated_whose_connection_had_ended_before_it_was_written() {
    let (listener, base_url) = support::listen().await;
    let server = tokio::spawn(async move {
        let mut requests = Vec::new();
        for number in 0..4 {
            let (mut stream, _) = listener.accept().await.unwrap();
            if number % 2 == 1 {
                let head = support::read_head(&mut stream).await.unwrap();
                support::discard_body(&mut stream, &head).await.unwrap();
                requests.push(head.text.split(' ').nth(1).unwrap_or_default().to_owned());
                stream.write_all(http("200 OK", "", UPLOADED).as_bytes()).await.unwrap();
            }
        }
        requests
    });
    let canva = builder(&base_url).retry_policy(attempts(2));
    let canva = canva.http(move |http| http.connector_layer(tower_layer::layer_fn(Late))).build().unwrap();
    let _ = canva.upload_asset_from_url("https://example.com/a.png", "n").await.unwrap();
    // Nothing of it has been read.
    let _ = canva.upload_asset(UploadBody::from_reader(4, &b"data"[..])).name("n").await.unwrap();
    assert_eq!(server.await.unwrap(), ["/rest/v1/url-asset-uploads", "/rest/v1/asset-uploads"]);
}

#[tokio::test]
async fn content_that_can_be_read_once_is_sent_once_a_server_is_there() {
    let (port, base_url) = support::refusing();
    let retry = attempts(u32::MAX).base_delay(Duration::from_millis(20));
    let canva = builder(&base_url).retry_policy(retry).build().unwrap();
    let (begun, mut attempts) = tokio::sync::watch::channel(0);
    let upload = tokio::spawn(async move {
        let body = UploadBody::from_reader(4, &b"data"[..]);
        let upload = canva.upload_asset(body).name("n");
        let report = move |progress: UploadProgress| _ = begun.send_replace(progress.attempt);
        upload.on_progress(report).await.map(drop)
    });
    attempts.wait_for(|attempts| *attempts > 1).await.unwrap();
    let listener = port.listen(8).unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut head = support::read_head(&mut stream).await.unwrap();
    assert_eq!(support::read_body(&mut stream, &mut head).await.unwrap(), b"data");
    // Refused unread by Canva, but there is nothing left to send.
    stream.write_all(http("429 Too Many Requests", "retry-after: 0\r\n", "").as_bytes()).await.unwrap();
    let error = upload.await.unwrap().unwrap_err();
    assert!(matches!(&error, Error::Api(api) if api.status == 429), "{error:?}");
}
