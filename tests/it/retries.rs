//! What is retried is sent whole again, when it is due, and no oftener than it may be.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use canva_connect::operations::Operation;
use canva_connect::pacing::{PausedError, Permit};
use canva_connect::{
    AccessToken, BodyError, BoxError, BoxFuture, Client, Error, Pacer, Pacing, RetryPolicy, TokenProvider, UploadBody,
};
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;

use crate::support::{self, Seen, UPLOADED, http, script};

fn client(base_url: &str) -> Client {
    let mut retry = RetryPolicy::default();
    retry.base_delay = Duration::from_millis(5);
    Client::builder().token("the-token").base_url(base_url).retry_policy(retry).build().unwrap()
}

fn too_many(headers: &str) -> String {
    http("429 Too Many Requests", headers, r#"{"code":"too_many_requests","message":"m"}"#)
}

fn uploaded() -> String {
    http("200 OK", "", UPLOADED)
}

async fn bodies(mut seen: Seen) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    while let Some((_, body)) = seen.recv().await {
        bodies.push(body);
    }
    bodies
}

#[tokio::test]
async fn each_attempt_sends_the_whole_body_anew() {
    let content: Vec<u8> = (0..300_000).map(|i| (i % 251) as u8).collect();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&content).unwrap();
    let opened = content.clone();
    let sources = [
        UploadBody::from(file.path()),
        UploadBody::from(content.clone()),
        UploadBody::from_fn(content.len() as u64, move || {
            let reader = std::io::Cursor::new(opened.clone());
            async { Ok(reader) }
        }),
    ];
    for source in sources {
        let (base_url, seen) =
            script(vec![too_many("retry-after: 0\r\n"), too_many("retry-after: 0\r\n"), uploaded()]).await;
        let progress = Arc::new(std::sync::Mutex::new(Vec::new()));
        let report = progress.clone();
        let upload = client(&base_url).upload_asset(source).name("n");
        let started = Instant::now();
        let _ = upload.on_progress(move |p| report.lock().unwrap().push((p.sent, p.total))).await.unwrap();
        assert!(bodies(seen).await.iter().all(|body| *body == content));

        // From nothing to all, three times, and never back within one; no oftener than every 64 KiB or 100 ms.
        let most = 1 + content.len() / (64 * 1024) + started.elapsed().as_millis() as usize / 100;
        let progress = progress.lock().unwrap().clone();
        assert!(progress.iter().all(|(_, total)| *total == content.len() as u64));
        let attempts: Vec<_> = progress.split(|(sent, _)| *sent == 0).skip(1).collect();
        assert_eq!(attempts.len(), 3);
        for reports in attempts {
            assert!(reports.is_sorted() && reports.len() <= most, "{reports:?}");
            assert_eq!(reports.last().unwrap().0, content.len() as u64);
        }
    }
}

#[tokio::test]
async fn what_can_be_read_once_is_sent_once() {
    let (base_url, seen) = script(vec![too_many("retry-after: 0\r\n"), uploaded()]).await;
    let body = UploadBody::from_reader(4, &b"data"[..]);
    let error = client(&base_url).upload_asset(body).name("n").await.unwrap_err();
    assert_eq!(error.status().unwrap(), 429);
    drop(base_url);
    let mut seen = seen;
    assert_eq!(seen.recv().await.unwrap().1, b"data");
    assert!(seen.try_recv().is_err());
}

/// The limits of the spec, and a word when a pause begins.
#[derive(Default)]
struct Telling(Pacing, Notify);

impl Pacer for Telling {
    fn acquire(&self, operation: &'static Operation, max_wait: Duration) -> BoxFuture<'_, Result<Permit, BoxError>> {
        Box::pin(async move { self.0.acquire(operation, max_wait).await })
    }

    fn pause(&self, operation: &'static Operation, pause: Duration) {
        self.0.pause(operation, pause);
        self.1.notify_one();
    }
}

#[tokio::test]
async fn retry_after_is_kept_by_every_request_of_the_operation() {
    // A date has whole seconds, so that up to one of the three is lost.
    let in_three_seconds = || httpdate::fmt_http_date(std::time::SystemTime::now() + Duration::from_secs(3));
    for (is_date, least) in [(false, 1000), (true, 1900)] {
        let started = Instant::now();
        let header =
            if is_date { format!("retry-after: {}\r\n", in_three_seconds()) } else { "retry-after: 1\r\n".into() };
        let (base_url, _seen) = script(vec![too_many(&header), uploaded(), uploaded()]).await;
        let pacer = Arc::new(Telling::default());
        let canva = Client::builder().token("the-token").base_url(&base_url).pacer(pacer.clone()).build().unwrap();
        let first = tokio::spawn({
            let canva = canva.clone();
            async move { canva.upload_asset(vec![1]).name("n").await.map(|job| job.id().to_owned()) }
        });
        // Comes while the operation pauses, and waits too.
        pacer.1.notified().await;
        let second = canva.upload_asset(vec![1]).name("n").await;
        assert!(started.elapsed() >= Duration::from_millis(least), "{header:?}: after {:?}", started.elapsed());
        assert!(second.is_ok());
        first.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_429_that_says_nothing_is_given_five_seconds() {
    let (base_url, _seen) = script(vec![too_many("retry-after: soon\r\n"), uploaded()]).await;
    let started = Instant::now();
    let _ = client(&base_url).upload_asset(vec![1]).name("n").await.unwrap();
    let waited = started.elapsed().as_secs_f64();
    assert!((5.0..8.5).contains(&waited), "{waited} s");
}

#[tokio::test]
async fn a_pause_that_is_too_long_is_an_error_at_once() {
    let (base_url, _seen) = script(vec![too_many("retry-after: 18446744073709551615\r\n")]).await;
    let started = Instant::now();
    let error = client(&base_url).upload_asset(vec![1]).name("n").await.unwrap_err();
    assert_eq!(error.api().unwrap().retry_after, Some(Duration::from_secs(u64::MAX)));
    assert!(started.elapsed() < Duration::from_secs(2));
}

/// Gives `old`, and `new` once that was refused.
#[derive(Default)]
struct Refreshing(AtomicUsize);

impl TokenProvider for Refreshing {
    fn token(&self) -> BoxFuture<'_, Result<AccessToken, BoxError>> {
        Box::pin(async move {
            let token = if self.0.load(Ordering::SeqCst) == 0 { "old-token" } else { "new-token" };
            Ok(AccessToken::new(token))
        })
    }

    fn refused<'a>(&'a self, refused: &'a AccessToken) -> BoxFuture<'a, Result<bool, BoxError>> {
        Box::pin(async move {
            let first = *refused == AccessToken::new("old-token");
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(first)
        })
    }
}

#[tokio::test]
async fn a_refused_token_is_refreshed_once_and_counts_for_no_attempt() {
    let unauthorized = || http("401 Unauthorized", "", r#"{"code":"invalid_access_token","message":"m"}"#);
    let (base_url, mut seen) =
        script(vec![unauthorized(), uploaded(), unauthorized(), unauthorized(), uploaded()]).await;
    let provider = Arc::new(Refreshing::default());
    // It is not one of the policy's attempts.
    let canva =
        Client::builder().token_provider(provider.clone()).base_url(base_url).retry_policy(RetryPolicy::never());
    let canva = canva.build().unwrap();
    let _ = canva.upload_asset(vec![1]).name("n").await.unwrap();
    let mut token = async || seen.recv().await.unwrap().0.header("authorization").unwrap().to_owned();
    assert_eq!(token().await, "Bearer old-token");
    assert_eq!(token().await, "Bearer new-token");

    // A second refusal is the caller's to hear of, after the provider was asked.
    let error = canva.upload_asset(vec![1]).name("n").await.unwrap_err();
    assert_eq!(error.status().unwrap(), 401);
    assert_eq!(provider.0.load(Ordering::SeqCst), 2);

    let unavailable = http("503 Service Unavailable", "", "");
    let (base_url, _seen) = script(vec![unauthorized(), unavailable, http("200 OK", "", support::UPDATED)]).await;
    let mut retry = RetryPolicy::default();
    (retry.max_attempts, retry.base_delay) = (2, Duration::from_millis(1));
    let canva =
        Client::builder().token_provider(Refreshing::default()).base_url(base_url).retry_policy(retry).build().unwrap();
    canva.update_asset("a").name("n").await.unwrap();
}

#[tokio::test]
async fn a_file_that_changes_between_attempts_is_not_sent_again() {
    type Change = fn(&std::path::Path);
    let changes: [(Change, &str); 4] = [
        (|path| std::fs::write(path, [1; 2000]).unwrap(), "expected 1000 bytes, got more"),
        (|path| std::fs::write(path, [1; 500]).unwrap(), "expected 1000 bytes, got 500"),
        (|path| std::fs::remove_file(path).unwrap(), "No such file"),
        (
            |path| {
                let file = std::fs::File::options().write(true).open(path).unwrap();
                file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
            },
            "it changed while it was being uploaded",
        ),
    ];
    for (change, expected) in changes {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("image.png");
        std::fs::write(&path, [0; 1000]).unwrap();
        let (listener, base_url) = support::listen().await;
        let upload = tokio::spawn({
            let (canva, path) = (client(&base_url), path.clone());
            async move { canva.upload_asset(path).await.unwrap_err() }
        });
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = support::read_head(&mut stream).await.unwrap();
        assert_eq!(support::read_body(&mut stream, &mut head).await.unwrap(), [0; 1000]);
        change(&path);
        stream.write_all(too_many("retry-after: 0\r\n").as_bytes()).await.unwrap();
        drop(stream);
        let error = upload.await.unwrap();
        assert!(matches!(error, Error::Body(_)), "{error:?}");
        let said = error.report();
        assert!(said.contains(expected) && said.contains("image.png"), "{said}");
    }
}

#[tokio::test]
async fn content_of_another_length_than_was_said_never_arrives_whole() {
    for (said, given) in [(1000, 500), (1000, 1001)] {
        let (listener, base_url) = support::listen().await;
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let head = support::read_head(&mut stream).await?;
            support::discard_body(&mut stream, &head).await.map(|read| (read, head.content_length()))
        });
        let body = UploadBody::from_reader(said, std::io::Cursor::new(vec![0; given]));
        let error = client(&base_url).upload_asset(body).name("n").await;
        let error = error.unwrap_err();
        assert!(matches!(error, Error::Body(BodyError::Length { .. })), "{error:?}");
        assert!(server.await.unwrap().is_err(), "the server got a whole body");
    }
}

#[tokio::test]
async fn the_policy_bounds_the_attempts() {
    let (_port, base_url) = support::refusing();
    let mut retry = RetryPolicy::default();
    (retry.max_attempts, retry.base_delay) = (3, Duration::from_millis(1));
    let canva = Client::builder().token("the-token").base_url(&base_url).retry_policy(retry.clone()).build().unwrap();
    let error = canva.upload_asset(vec![1]).name("n").await.unwrap_err();
    assert!(matches!(error, Error::Connect { attempts: 3, .. }), "{error:?}");
    assert!(error.report().contains(" (3 attempts): Connection refused"), "{error}");

    (retry.max_attempts, retry.total_time) = (u32::MAX, Duration::from_millis(100));
    retry.base_delay = Duration::from_millis(20);
    let canva = Client::builder().token("the-token").base_url(&base_url).retry_policy(retry).build().unwrap();
    let started = Instant::now();
    let error = canva.asset_upload_job("j").refresh().await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!(error.job_id(), Some("j"));
}

/// Lets the first request through and no other, and counts the pauses it is told of.
#[derive(Default)]
struct OneOnly(AtomicUsize, AtomicUsize);

impl Pacer for OneOnly {
    fn acquire(&self, _: &'static Operation, _: Duration) -> BoxFuture<'_, Result<Permit, BoxError>> {
        Box::pin(async move {
            if self.0.fetch_add(1, Ordering::SeqCst) > 0 {
                std::future::pending::<()>().await;
            }
            Ok(Permit::new(|_| ()))
        })
    }

    fn pause(&self, _: &'static Operation, _: Duration) {
        self.1.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_429_pauses_the_others_even_if_it_is_not_retried_and_who_waits_has_opened_nothing() {
    let (base_url, _seen) = script(vec![too_many("retry-after: 900\r\n")]).await;
    let pacer = Arc::new(OneOnly::default());
    let canva =
        Client::builder().token("the-token").base_url(base_url).pacer(pacer.clone()).retry_policy(RetryPolicy::never());
    let canva = canva.build().unwrap();
    let opened = Arc::new(AtomicUsize::new(0));
    let count = opened.clone();
    let body = move || {
        let count = count.clone();
        UploadBody::from_fn(4, move || {
            count.fetch_add(1, Ordering::SeqCst);
            async { Ok(&b"data"[..]) }
        })
    };
    let error = canva.upload_asset(body()).name("n").await.unwrap_err();
    assert_eq!((error.status().unwrap().as_u16(), pacer.1.load(Ordering::SeqCst)), (429, 1));

    let waiting = tokio::time::timeout(Duration::from_millis(50), canva.upload_asset(body()).name("n")).await;
    assert!(waiting.is_err());
    assert_eq!(opened.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_429_that_asks_for_a_day_fails_this_request_and_the_next_ones_at_once() {
    let canva = client(&support::answering(too_many("retry-after: 86400\r\n")).await);
    let started = Instant::now();
    let first = canva.upload_asset(vec![1]).name("n").await.unwrap_err();
    assert_eq!(first.api().unwrap().retry_after, Some(Duration::from_secs(86_400)));
    assert!(first.to_string().contains("(retry after 86400 s)"), "{first}");
    for _ in 0..8 {
        let error = canva.upload_asset(vec![1]).name("n").await.unwrap_err();
        let Error::Pacer { source, .. } = &error else { panic!("{error:?}") };
        assert_eq!(source.downcast_ref::<PausedError>().unwrap().asked, Duration::from_secs(86_400));
        assert!(error.report().contains("asked for a pause of 86400 s"), "{error}");
    }
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_date_to_retry_after_is_measured_by_the_clock_that_wrote_it() {
    let hour_ahead = std::time::SystemTime::now() + Duration::from_secs(3600);
    let [date, after] = [0, 5].map(|more| httpdate::fmt_http_date(hour_ahead + Duration::from_secs(more)));
    for (headers, expected) in [
        (format!("date: {date}\r\nretry-after: {after}\r\n"), 5..=5),
        (format!("date: {after}\r\nretry-after: {date}\r\n"), 0..=0),
        (format!("date: soon\r\nretry-after: {after}\r\n"), 3590..=3605),
        (format!("retry-after: {after}\r\n"), 3590..=3605),
    ] {
        let base_url = support::answering(too_many(&headers)).await;
        let canva = Client::builder().token("t").base_url(base_url).retry_policy(RetryPolicy::never()).build().unwrap();
        let error = canva.get_asset("a").await.unwrap_err();
        let retry_after = error.api().unwrap().retry_after.unwrap().as_secs();
        assert!(expected.contains(&retry_after), "{headers}: {retry_after}");
    }
}

/// Answers each request with a head, and then a byte a second without end.
async fn dripping(head: &'static str) -> String {
    let (listener, base_url) = support::listen().await;
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let read = support::read_head(&mut stream).await.unwrap();
                support::discard_body(&mut stream, &read).await.unwrap();
                stream.write_all(head.as_bytes()).await.unwrap();
                while stream.write_all(b" ").await.is_ok() {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            });
        }
    });
    base_url
}

#[tokio::test]
async fn a_refusal_counts_as_one_however_slowly_its_body_comes() {
    for (status, head) in [
        (429, "HTTP/1.1 429 Too Many Requests\r\nretry-after: 86400\r\ncontent-length: 1000\r\n\r\n"),
        (413, "HTTP/1.1 413 Content Too Large\r\ncontent-length: 1000\r\n\r\n"),
    ] {
        let builder = Client::builder().token("t").base_url(dripping(head).await).retry_policy(RetryPolicy::never());
        let canva = builder.response_timeout(Duration::from_millis(500)).build().unwrap();
        let started = Instant::now();
        let error = canva.upload_asset(vec![1; 10]).name("n").await.unwrap_err();
        assert_eq!(error.api().map(|api| api.status.as_u16()), Some(status), "{error:?}");
        assert!(!error.is_outcome_unknown(), "{error:?}");
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn a_success_before_the_end_of_the_content_is_one_only_if_the_rest_is_taken() {
    const LENGTH: usize = 32 * 1024 * 1024;
    for takes_the_rest in [true, false] {
        let (listener, base_url) = support::listen().await;
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let head = support::read_head(&mut stream).await.unwrap();
            support::answer(&mut stream, "200 OK", "", UPLOADED).await.unwrap();
            match takes_the_rest {
                true => support::discard_body(&mut stream, &head).await.unwrap(),
                false => 0,
            }
        });
        let result = client(&base_url).upload_asset(vec![7; LENGTH]).name("n").await;
        assert_eq!(server.await.unwrap(), if takes_the_rest { LENGTH as u64 } else { 0 });
        match result {
            Ok(job) => assert!(takes_the_rest, "{job:?}"),
            Err(error) => {
                assert!(!takes_the_rest && error.is_outcome_unknown(), "{error:?}");
                assert_eq!(error.status().unwrap(), 200);
                let said = error.report();
                assert!(said.contains("before the whole content") && said.contains("of 33554432 bytes"), "{said}");
            }
        }
    }
}

/// Answers one upload a connection, and keeps it open; whatever comes on it after five seconds is thrown away with it.
async fn forgetful() -> (String, Arc<AtomicUsize>) {
    let (listener, base_url) = support::listen().await;
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut idle = tokio::time::Instant::now();
                while let Ok(head) = support::read_head(&mut stream).await {
                    if idle.elapsed() >= Duration::from_secs(5) {
                        break;
                    }
                    support::discard_body(&mut stream, &head).await.unwrap();
                    support::answer(&mut stream, "200 OK", "", UPLOADED).await.unwrap();
                    idle = tokio::time::Instant::now();
                }
            });
        }
    });
    (base_url, connections)
}

#[tokio::test(start_paused = true)]
async fn nothing_that_makes_something_takes_a_connection_that_the_server_may_have_forgotten() {
    for from_url in [false, true] {
        let (base_url, connections) = forgetful().await;
        let canva = client(&base_url);
        for (pause, expected) in [(0, 1), (3, 1), (5, 2), (60, 3), (1, 3)] {
            tokio::time::sleep(Duration::from_secs(pause)).await;
            let _ = match from_url {
                true => canva.upload_asset_from_url("https://example.com/a.png", "n").await.unwrap(),
                false => canva.upload_asset(vec![1]).name("n").await.unwrap(),
            };
            assert_eq!(connections.load(Ordering::SeqCst), expected, "after {pause} s");
        }
    }
}

#[tokio::test]
async fn what_the_server_said_before_the_content_failed_counts_for_more() {
    for (status, expected) in [("200 OK", Some(200)), ("503 Service Unavailable", Some(503)), ("", None)] {
        let (listener, base_url) = support::listen().await;
        let (answered, go_on) = tokio::sync::watch::channel(false);
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let head = support::read_head(&mut stream).await.unwrap();
            if !status.is_empty() {
                support::answer(&mut stream, status, "", UPLOADED).await.unwrap();
            }
            answered.send(true).unwrap();
            let _ = support::discard_body(&mut stream, &head).await;
        });
        let body = UploadBody::from_fn(32 * 1024 * 1024, move || {
            let mut go_on = go_on.clone();
            let (mut write, read) = tokio::io::duplex(64 * 1024);
            tokio::spawn(async move {
                let _ = write.write_all(&[7; 1000]).await;
                let _ = go_on.wait_for(|answered| *answered).await;
                // Long enough for the response to come first; the content ends too early.
                tokio::time::sleep(Duration::from_millis(300)).await;
            });
            async move { Ok(read) }
        });
        let canva =
            Client::builder().token("t").base_url(&base_url).retry_policy(RetryPolicy::never()).build().unwrap();
        let error = canva.upload_asset(body).name("n").await.unwrap_err();
        assert_eq!(error.status().map(|status| status.as_u16()), expected, "{error:?}");
        // A failure is none of an upload, since nobody has the whole content.
        assert_eq!(error.is_outcome_unknown(), expected == Some(200), "{error:?}");
        assert_eq!(matches!(error, Error::Body(_)), expected.is_none(), "{error:?}");
        server.await.unwrap();
    }
}

#[tokio::test]
async fn no_policy_waits_longer_for_one_pause_than_the_client_says() {
    for (max_wait, pause, attempts) in [(None, 301, 1), (Some(1), 2, 1), (Some(1), 1, 2), (Some(0), 0, 2)] {
        let mut retry = RetryPolicy::default();
        (retry.max_attempts, retry.total_time) = (2, Duration::from_secs(24 * 3600));
        let base_url = support::answering(too_many(&format!("retry-after: {pause}\r\n"))).await;
        let mut canva = Client::builder().token("t").base_url(base_url).pacer(Pacing::off()).retry_policy(retry);
        if let Some(seconds) = max_wait {
            canva = canva.max_wait(Duration::from_secs(seconds));
        }
        let error = canva.build().unwrap().get_asset("a").await.unwrap_err();
        assert_eq!(error.api().unwrap().attempts, attempts, "{max_wait:?}, {pause} s");
    }
}
