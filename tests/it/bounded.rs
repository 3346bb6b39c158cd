//! What a hostile server, a long queue, or a caller in a hurry can cost: memory and descriptors stay bounded. Each client
//! is a process of its own, so that nothing else is measured.
#![allow(clippy::print_stdout)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use canva_connect::operations::{CREATE_ASSET_UPLOAD_JOB, GET_ASSET_UPLOAD_JOB, Operation};
use canva_connect::{AccessToken, BulkEvent, Client, Error, Pacer, Pacing};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::support::{
    self, Paces,
    hostile::{self, Ends},
    tls::{self, Ca},
};

const MIB: u64 = 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_responses_need_under_256_mib() {
    // Four at a time, the largest of them 16 MiB and held twice while it grows, in a debug build: 140 to 190 MiB.
    let mut servers = String::new();
    for case in hostile::responses("http://127.0.0.1:1/rest") {
        let ends = case.ends;
        if ends == Ends::Itself {
            servers += &hostile::serve(case).await;
            servers.push(' ');
        }
    }
    let peak = support::in_child("bounded::the_child_that_meets_them", &servers).await;
    assert!(peak.is_none_or(|peak| peak < 256 * MIB), "{peak:?} bytes at the peak");
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn the_child_that_meets_them() {
    support::be_child(|servers| async move {
        let mut all = JoinSet::new();
        for server in servers.split_whitespace().map(str::to_owned) {
            while all.len() >= 4 {
                all.join_next().await.unwrap().unwrap();
            }
            all.spawn(async move {
                let canva = hostile::client(&server, Ends::Itself);
                for operation in hostile::OPERATIONS {
                    hostile::meet(&canva, operation).await;
                }
            });
        }
        all.join_all().await;
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_500_mib_file_needs_under_16_mib_more_than_a_small_one() {
    let (listener, base_url) = support::listen().await;
    let (heads, mut received) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(support::discard_uploads(listener, heads));
    let mut peaks = Vec::new();
    for length in [MIB, 500 * MIB] {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(length).unwrap();
        let argument = format!("{base_url} {}", file.path().display());
        peaks.push(support::in_child("bounded::the_child_that_uploads", &argument).await);
        let (head, read) = received.recv().await.unwrap();
        assert_eq!((head.content_length(), read), (length, length));
        assert_eq!(head.header("transfer-encoding"), None);
    }
    // `None` where the system doesn't say; then the test is of the length alone.
    if let [Some(small), Some(large)] = peaks.as_slice() {
        assert!(large.saturating_sub(*small) < 16 * MIB, "1 MiB: {small} bytes at the peak, 500 MiB: {large}");
    }
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn the_child_that_uploads() {
    support::be_child(|argument| async move {
        let (base_url, path) = argument.split_once(' ').unwrap();
        let canva = support::builder(base_url).build().unwrap();
        canva.upload_asset(Path::new(path)).name("n").await.unwrap().wait().await.unwrap();
    });
}

#[tokio::test]
async fn ten_thousand_waiting_uploads_need_under_128_mib() {
    let (listener, base_url) = support::listen().await;
    // The first of them are sent, and get no response; the rest wait for them.
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            open.push(stream);
        }
    });
    let peak = support::in_child("bounded::the_child_whose_uploads_wait", &base_url).await;
    assert!(peak.is_none_or(|peak| peak < 128 * MIB), "{peak:?} bytes at the peak");
}

#[tokio::test]
async fn a_thousand_users_need_under_8_mib_after_a_busy_minute_and_one_connection() {
    let (ca, trusted) = (Ca::new("test"), tempfile::NamedTempFile::new().unwrap());
    std::fs::write(trusted.path(), ca.pem()).unwrap();
    let server = tls::serve(&ca, tls::Settings::default()).await;
    let environment = [("SSL_CERT_FILE", trusted.path())];
    let child = "bounded::the_child_with_a_thousand_users";
    let grown = support::in_child_with(child, &server.base_url, &environment).await;
    assert!(grown.is_none_or(|grown| grown < 8 * MIB), "{grown:?} bytes more");
    let connections = server.connections();
    assert_eq!(connections.iter().map(|one| one.requests.len()).collect::<Vec<_>>(), [2_001]);
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn the_child_with_a_thousand_users() {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let service = Client::builder().token("t").base_url(support::argument()).build().unwrap();
        service.get_asset("a1").await.unwrap();
        let before = support::resident_memory();
        let mut users = Vec::new();
        for user in 0..1_000 {
            let pacing = Arc::new(Pacing::new());
            let canva = service.for_user(AccessToken::new(format!("token-of-user-{user}")), pacing.clone());
            canva.get_asset("a1").await.unwrap();
            // What a minute of uploads leaves behind.
            for operation in [&CREATE_ASSET_UPLOAD_JOB, &GET_ASSET_UPLOAD_JOB] {
                for _ in 0..operation.requests_per_minute.unwrap() {
                    pacing.acquire(operation, Duration::ZERO).await.unwrap().sent();
                }
            }
            users.push(canva);
        }
        if let (Some(before), Some(now)) = (before, support::resident_memory()) {
            println!("peak: {}", now - before);
        }
        let mut requests = JoinSet::new();
        for canva in users {
            requests.spawn(async move { canva.get_asset("a1").await.map(drop) });
        }
        let sent: Result<Vec<_>, Error> = requests.join_all().await.into_iter().collect();
        sent.unwrap();
    });
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn the_child_whose_uploads_wait() {
    support::be_child(|base_url| async move {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(100 * MIB).unwrap();
        let before = descriptors();
        // The limits of the spec, and how many have asked for their turn.
        let (asked, pacing) = (Arc::new(AtomicUsize::new(0)), Arc::new(Pacing::new()));
        let asking = asked.clone();
        let pacer = Paces::new(move |operation, max_wait| {
            let pacing = pacing.clone();
            asking.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move { pacing.acquire(operation, max_wait).await })
        });
        let canva = support::builder(&base_url).pacer(pacer).build().unwrap();
        let mut uploads = JoinSet::new();
        for number in 0..10_000 {
            uploads.spawn(canva.upload_asset(file.path()).name(number.to_string()).into_future());
        }
        while asked.load(Ordering::SeqCst) < 10_000 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(uploads.len(), 10_000);
        assert!(uploads.try_join_next().is_none(), "one of them came to something");
        let more = descriptors().saturating_sub(before);
        assert!(more < 200, "{more} descriptors, although only 30 can be under way");
    });
}

/// Some five seconds: two requests for each upload, and half a millisecond of debug code for each of them.
#[tokio::test]
async fn five_thousand_uploads_in_bulk_need_no_more_than_one_thousand() {
    let child = |count| support::in_child("bounded::the_child_with_a_bulk", count);
    if let (Some(few), Some(many)) = tokio::join!(child("1000"), child("5000")) {
        // Four thousand uploads that waited without a bulk would need 40 MiB more; allocators differ by a few.
        assert!(many.saturating_sub(few) < 8 * MIB, "1 000: {few} bytes at the peak, 5 000: {many}");
    }
}

/// Each job is in progress at first, and has ended when it is read.
async fn job_server(listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            while let Ok(head) = support::read_head(&mut stream).await {
                support::discard_body(&mut stream, &head).await?;
                let ended = head.text.starts_with("GET");
                let body = if ended { support::UPLOADED } else { r#"{"job":{"id":"j1","status":"in_progress"}}"# };
                support::answer(&mut stream, "200 OK", "", body).await?;
            }
            std::io::Result::Ok(())
        });
    }
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn the_child_with_a_bulk() {
    // In virtual time: Canva takes 30 uploads a minute, and here as many are sent at once as can be.
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
        let count: usize = support::argument().parse().unwrap();
        let (listener, base_url) = support::listen().await;
        tokio::spawn(job_server(listener));
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(100_000).unwrap();
        let before = descriptors();
        let canva = support::builder(&base_url).pacer(Pacing::off()).build().unwrap();
        let (client, path) = (canva.clone(), file.path().to_owned());
        let items = (0..count).map(move |number| (number, client.upload_asset(&path).name(number.to_string())));
        let mut bulk = canva.bulk(items);
        let (mut finished, mut open, mut most_open, mut descriptors_open) = (0, 0, 0, 0);
        while let Some(event) = bulk.next().await {
            match event {
                BulkEvent::Started { .. } => open += 1,
                BulkEvent::Finished { result, .. } => {
                    result.unwrap();
                    (open, finished) = (open - 1, finished + 1);
                }
                _ => {}
            }
            (most_open, descriptors_open) = (open.max(most_open), descriptors().max(descriptors_open));
        }
        assert_eq!(finished, count);
        assert!(most_open > 450, "only {most_open} jobs at once");
        // The files of four uploads, and both ends of the connections of these and of eight reads.
        let more = descriptors_open - before;
        assert!(more < 64, "{more} descriptors");
    });
    support::say_peak();
}

/// How many file descriptors this process has open, where `/proc` tells.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

/// Takes a moment for each step, so that a client can be dropped at each.
async fn slow(mut stream: TcpStream) -> std::io::Result<()> {
    use tokio::io::AsyncWriteExt;
    let pause = || tokio::time::sleep(Duration::from_micros(fastrand::u64(..3_000)));
    loop {
        pause().await;
        let head = support::read_head(&mut stream).await?;
        support::discard_body(&mut stream, &head).await?;
        pause().await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{").await?;
        pause().await;
        stream.write_all(b"}").await?;
    }
}

#[tokio::test]
async fn two_thousand_dropped_requests_leave_no_descriptor_and_no_permit_behind() {
    let (listener, base_url) = support::listen().await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(slow(stream));
        }
    });
    support::in_child("bounded::the_child_that_drops_them", &base_url).await;
}

/// The half of what begins at once; the other half waits for a permit.
const LIMIT: u32 = 100;

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn the_child_that_drops_them() {
    static OPERATION: Operation = Operation::new("op", "PUT", "/v1/op").requests_per_minute(LIMIT);
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let before = descriptors();
        let canva = support::builder(&support::argument()).build().unwrap();
        let send = || canva.request::<Value>(&OPERATION).json(&"x".repeat(1_000)).into_future();
        let (mut dropped, mut done) = (0, 0);
        for _ in 0..20 {
            let mut requests = JoinSet::new();
            for _ in 0..2 * LIMIT {
                let moment = Duration::from_micros(fastrand::u64(..100_000));
                requests.spawn(tokio::time::timeout(moment, send()));
            }
            for result in requests.join_all().await {
                match result {
                    Ok(result) => done += i32::from(result.is_ok()),
                    Err(_) => dropped += 1,
                }
            }
            // What was sent counts for a minute.
            tokio::time::pause();
            tokio::time::advance(Duration::from_secs(61)).await;
            tokio::time::resume();
        }
        assert!(dropped >= 2_000, "{dropped} dropped, {done} done");

        let mut requests = JoinSet::new();
        for _ in 0..LIMIT {
            requests.spawn(send());
        }
        let results = tokio::time::timeout(Duration::from_secs(30), requests.join_all()).await;
        let results: Result<Vec<_>, Error> = results.expect("a permit is lost").into_iter().collect();
        results.unwrap();

        drop(canva);
        let closed = async {
            while descriptors() > before {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let closed = tokio::time::timeout(Duration::from_secs(10), closed).await;
        assert!(closed.is_ok(), "{before} descriptors before, {} after", descriptors());
    });
}
