//! What is retried is sent whole again, when it is due, and no oftener than it may be.

use std::io::Cursor;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use canva_connect::pacing::{PausedError, Permit};
use canva_connect::{Error, Pacing, RetryPolicy, UploadBody};
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep};

use crate::support::{self, Paces, Renewing, UPLOADED, answering, attempts, builder, http, once, script, trying};

fn too_many(headers: &str) -> String {
    http("429 Too Many Requests", headers, r#"{"code":"too_many_requests","message":"m"}"#)
}

fn uploaded() -> String {
    http("200 OK", "", UPLOADED)
}

#[tokio::test]
async fn each_attempt_sends_the_whole_body_anew() {
    let content: Vec<u8> = (0..300_000).map(|i| (i % 251) as u8).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &content).unwrap();
    let opened = content.clone();
    let sources = [
        UploadBody::from(file.path()),
        UploadBody::from(content.clone()),
        UploadBody::from_fn(content.len() as u64, move || std::future::ready(Ok(Cursor::new(opened.clone())))),
    ];
    for source in sources {
        let again = || too_many("retry-after: 0\r\n");
        let (base_url, mut seen) = script(vec![again(), again(), uploaded()]).await;
        let progress = Arc::new(Mutex::new(Vec::new()));
        let report = progress.clone();
        let upload = trying(3, &base_url).upload_asset(source).name("n");
        let started = Instant::now();
        let _ = upload.on_progress(move |progress| report.lock().unwrap().push(progress)).await.unwrap();
        for _ in 0..3 {
            assert_eq!(seen.recv().await.unwrap().1, content);
        }

        // From nothing to all, three times, and never back within one; no oftener than every 64 KiB or 100 ms.
        let most = 2 + content.len() / (64 * 1024) + started.elapsed().as_millis() as usize / 100;
        let progress = progress.lock().unwrap();
        assert!(progress.iter().all(|progress| progress.total == content.len() as u64));
        let attempts: Vec<_> = progress.chunk_by(|one, next| one.attempt == next.attempt).collect();
        assert_eq!(attempts.iter().map(|reports| reports[0].attempt).collect::<Vec<_>>(), [1, 2, 3]);
        for reports in attempts {
            let sent: Vec<u64> = reports.iter().map(|progress| progress.sent).collect();
            assert!(sent.is_sorted() && sent.len() <= most, "{sent:?}");
            assert_eq!((sent[0], sent[sent.len() - 1]), (0, content.len() as u64));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_kept_by_every_request_of_the_operation() {
    let (base_url, mut seen) = script(vec![too_many("retry-after: 7\r\n"), uploaded(), uploaded()]).await;
    let canva = builder(&base_url).build().unwrap();
    let upload = || canva.upload_asset(vec![1]).name("n").into_future();
    let first = tokio::spawn(upload());
    seen.recv().await.unwrap();
    let started = Instant::now();
    // Long enough for the client to read the response. The second comes while the operation pauses, and waits too.
    sleep(Duration::from_secs(1)).await;
    let _ = upload().await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(7), "after {:?}", started.elapsed());
    let _ = first.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_429_that_says_nothing_is_given_five_seconds() {
    let (base_url, _seen) = script(vec![too_many("retry-after: soon\r\n"), uploaded()]).await;
    let started = Instant::now();
    let _ = builder(&base_url).build().unwrap().upload_asset(vec![1]).name("n").await.unwrap();
    let waited = started.elapsed().as_secs_f64();
    assert!((5.0..8.5).contains(&waited), "{waited} s");
}

#[tokio::test(start_paused = true)]
async fn no_server_gets_its_requests_at_once_again_by_asking_for_no_pause() {
    for (status, least) in [("429 Too Many Requests", 7.5), ("503 Service Unavailable", 0.05)] {
        for retry_after in ["0", "Sun, 06 Nov 1994 08:49:37 GMT"] {
            let refused = http(status, &format!("retry-after: {retry_after}\r\n"), "");
            let (base_url, _seen) = script(vec![refused; 5]).await;
            let started = Instant::now();
            let error = builder(&base_url).build().unwrap().get_asset("a1").await.unwrap_err();
            assert_eq!(error.api().unwrap().attempts, 5);
            let waited = started.elapsed().as_secs_f64();
            assert!((least..15.0).contains(&waited), "{status}, {retry_after}: {waited} s");
        }
    }
}

#[tokio::test]
async fn a_refused_token_is_refreshed_once_and_counts_for_no_attempt() {
    let unauthorized = || http("401 Unauthorized", "", r#"{"code":"invalid_access_token","message":"m"}"#);
    let (base_url, mut seen) = script(vec![unauthorized(), uploaded(), unauthorized()]).await;
    let provider = Arc::new(Renewing::default());
    // It is not one of the policy's attempts.
    let canva = builder(&base_url).token_provider(provider.clone()).retry_policy(RetryPolicy::never()).build().unwrap();
    let _ = canva.upload_asset(vec![1]).name("n").await.unwrap();
    let mut token = async || seen.recv().await.unwrap().0.header("authorization").unwrap().to_owned();
    assert_eq!([token().await, token().await], ["Bearer old-token", "Bearer new-token"]);

    // A second refusal is the caller's to hear of, after the provider was asked.
    let error = canva.upload_asset(vec![1]).name("n").await.unwrap_err();
    assert_eq!(error.status().unwrap(), 401);
    assert_eq!(provider.0.load(Ordering::SeqCst), 2);

    let unavailable = http("503 Service Unavailable", "", "");
    let (base_url, _seen) = script(vec![unauthorized(), unavailable, http("200 OK", "", support::UPDATED)]).await;
    let canva = builder(&base_url).token_provider(Renewing::default()).retry_policy(attempts(2)).build().unwrap();
    canva.get_asset("a1").await.unwrap();
}

#[tokio::test]
async fn the_policy_bounds_the_attempts() {
    let (_port, base_url) = support::refusing();
    let error = trying(3, &base_url).upload_asset(vec![1]).name("n").await.unwrap_err();
    assert!(matches!(error, Error::Connect { attempts: 3, .. }), "{error:?}");
    assert!(error.report().contains(" (3 attempts): Connection refused"), "{error}");

    let retry = RetryPolicy::default().max_attempts(u32::MAX).total_time(Duration::from_millis(100));
    let canva = builder(&base_url).retry_policy(retry.base_delay(Duration::from_millis(20))).build().unwrap();
    let started = Instant::now();
    let error = canva.asset_upload_job("j").refresh().await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!(error.job_id(), Some("j"));
}

#[tokio::test]
async fn a_429_pauses_the_others_even_if_it_is_not_retried_and_who_waits_has_opened_nothing() {
    // Lets the first request through and no other.
    let asked = AtomicUsize::new(0);
    let pacer = Paces::new(move |_, _| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Box::pin(async { Ok(Permit::new(|_| ())) }),
        _ => Box::pin(std::future::pending()),
    });
    let pauses = pacer.pauses();
    let base_url = answering(too_many("retry-after: 900\r\n")).await;
    let canva = builder(&base_url).pacer(pacer).retry_policy(RetryPolicy::never()).build().unwrap();
    let opened = Arc::new(AtomicUsize::new(0));
    let upload = || {
        let count = opened.clone();
        let open = move || {
            count.fetch_add(1, Ordering::SeqCst);
            std::future::ready(Ok(&b"data"[..]))
        };
        canva.upload_asset(UploadBody::from_fn(4, open)).name("n").into_future()
    };
    assert_eq!(upload().await.unwrap_err().status().unwrap(), 429);
    let waiting = tokio::time::timeout(Duration::from_millis(50), upload()).await;
    assert!(waiting.is_err());
    assert_eq!((pauses.load(Ordering::SeqCst), opened.load(Ordering::SeqCst)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_429_that_asks_for_too_long_fails_this_request_and_the_next_ones_at_once() {
    for seconds in [86_400, u64::MAX] {
        let asked = Duration::from_secs(seconds);
        let base_url = answering(too_many(&format!("retry-after: {seconds}\r\n"))).await;
        let canva = builder(&base_url).build().unwrap();
        let started = Instant::now();
        let first = canva.upload_asset(vec![1]).name("n").await.unwrap_err();
        assert_eq!(first.api().unwrap().retry_after, Some(asked));
        assert!(first.to_string().contains(&format!("(retry after {seconds} s)")), "{first}");
        let error = canva.upload_asset(vec![1]).name("n").await.unwrap_err();
        let Error::Pacer { source, .. } = &error else { panic!("{error:?}") };
        assert_eq!(source.downcast_ref::<PausedError>().unwrap().asked, asked);
        assert!(error.report().contains(&format!("asked for a pause of {seconds} s")), "{error}");
        assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn a_date_to_retry_after_is_measured_by_the_clock_that_wrote_it() {
    let hour_ahead = SystemTime::now() + Duration::from_secs(3600);
    let [date, after] = [0, 5].map(|more| httpdate::fmt_http_date(hour_ahead + Duration::from_secs(more)));
    for (headers, expected) in [
        (format!("date: {date}\r\nretry-after: {after}\r\n"), 5..=5),
        (format!("date: {after}\r\nretry-after: {date}\r\n"), 0..=0),
        (format!("date: soon\r\nretry-after: {after}\r\n"), 3590..=3605),
        (format!("retry-after: {after}\r\n"), 3590..=3605),
    ] {
        let error = once(&answering(too_many(&headers)).await).get_asset("a").await.unwrap_err();
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
                    sleep(Duration::from_secs(1)).await;
                }
            });
        }
    });
    base_url
}

#[tokio::test(start_paused = true)]
async fn a_refusal_counts_as_one_however_slowly_its_body_comes() {
    for (status, head) in [
        (429, "HTTP/1.1 429 Too Many Requests\r\nretry-after: 86400\r\ncontent-length: 1000\r\n\r\n"),
        (413, "HTTP/1.1 413 Content Too Large\r\ncontent-length: 1000\r\n\r\n"),
    ] {
        let canva = builder(&dripping(head).await).retry_policy(RetryPolicy::never());
        let canva = canva.response_timeout(Duration::from_millis(500)).build().unwrap();
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
        let result = trying(5, &base_url).upload_asset(vec![7; LENGTH]).name("n").await;
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
                let mut idle = Instant::now();
                while let Ok(head) = support::read_head(&mut stream).await {
                    if idle.elapsed() >= Duration::from_secs(5) {
                        break;
                    }
                    support::discard_body(&mut stream, &head).await.unwrap();
                    support::answer(&mut stream, "200 OK", "", UPLOADED).await.unwrap();
                    idle = Instant::now();
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
        let canva = builder(&base_url).build().unwrap();
        for (pause, expected) in [(0, 1), (3, 1), (5, 2), (60, 3), (1, 3)] {
            sleep(Duration::from_secs(pause)).await;
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
                sleep(Duration::from_millis(300)).await;
            });
            async move { Ok(read) }
        });
        let error = once(&base_url).upload_asset(body).name("n").await.unwrap_err();
        assert_eq!(error.status().map(|status| status.as_u16()), expected, "{error:?}");
        // A failure is none of an upload, since nobody has the whole content.
        assert_eq!(error.is_outcome_unknown(), expected == Some(200), "{error:?}");
        assert_eq!(matches!(error, Error::Body(_)), expected.is_none(), "{error:?}");
        server.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn no_policy_waits_longer_for_one_pause_than_the_client_says() {
    for (max_wait, pause, made) in [(None, 301, 1), (Some(1), 2, 1), (Some(1), 1, 2), (Some(0), 0, 2)] {
        let base_url = answering(too_many(&format!("retry-after: {pause}\r\n"))).await;
        let retry = attempts(2).total_time(Duration::from_secs(24 * 3600));
        let mut canva = builder(&base_url).pacer(Pacing::off()).retry_policy(retry);
        if let Some(seconds) = max_wait {
            canva = canva.max_wait(Duration::from_secs(seconds));
        }
        let error = canva.build().unwrap().get_asset("a").await.unwrap_err();
        assert_eq!(error.api().unwrap().attempts, made, "{max_wait:?}, {pause} s");
    }
}
