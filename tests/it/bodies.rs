//! Whatever content is given, it arrives as it was given; a stream of unknown length lies in a file meanwhile, and leaves none.

use std::convert::Infallible;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use canva_connect::{BodyError, Client, Error, RetryPolicy, UploadBody};
use futures_util::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{self, UPLOADED, http, script};

const CONTENT: &[u8; 4] = b"data";

fn client(base_url: &str) -> Client {
    let mut retry = RetryPolicy::default();
    (retry.max_attempts, retry.base_delay) = (2, std::time::Duration::from_millis(1));
    Client::builder().token("t").base_url(base_url).retry_policy(retry).build().unwrap()
}

/// What arrives in an upload, at each of its attempts: all but the last one are answered 429.
async fn arrives(body: UploadBody, attempts: usize) -> Vec<Vec<u8>> {
    let again = http("429 Too Many Requests", "retry-after: 0\r\n", r#"{"code":"c","message":"m"}"#);
    let mut responses = vec![again; attempts - 1];
    responses.push(http("200 OK", "", UPLOADED));
    let (base_url, mut seen) = script(responses).await;
    let _ = client(&base_url).upload_asset(body).name("n").await.unwrap();
    let mut bodies = Vec::new();
    for _ in 0..attempts {
        bodies.push(seen.recv().await.unwrap().1);
    }
    bodies
}

#[tokio::test]
async fn every_form_of_a_path_and_of_bytes_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.png");
    std::fs::write(&path, CONTENT).unwrap();
    let path: &Path = &path;
    let bytes = Bytes::from_static(CONTENT);
    let bodies: [UploadBody; 12] = [
        path.into(),
        (&path.to_owned()).into(),
        path.to_owned().into(),
        (&bytes).into(),
        BytesMut::from(&CONTENT[..]).into(),
        CONTENT.to_vec().into(),
        CONTENT[..].into(),
        CONTENT.into(),
        (*CONTENT).into(),
        std::fs::File::open(path).unwrap().into(),
        tokio::fs::File::open(path).await.unwrap().into(),
        bytes.into(),
    ];
    for body in bodies {
        let said = format!("{body:?}");
        assert_eq!(arrives(body, 1).await, [CONTENT], "{said}");
    }

    // Lists of files, as programs have them.
    let canva = Client::builder().token("t").base_url("http://127.0.0.1:1/rest").build().unwrap();
    let paths: Vec<PathBuf> = Vec::new();
    for file in &paths {
        drop(canva.upload_asset(file));
    }
    drop(canva.upload_asset("a literal is a path"));
}

#[tokio::test]
async fn an_open_file_is_sent_whole_whoever_reads_in_it() {
    let content: Vec<u8> = (0..1_500_000).map(|i| (i % 251) as u8).collect();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&content).unwrap();
    let mut other = file.try_clone().unwrap();
    // The position is at the end, and moves while it is sent.
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let reads = std::thread::spawn({
        let stop = stop.clone();
        move || {
            while !stop.load(std::sync::atomic::Ordering::SeqCst) {
                other.seek(SeekFrom::Start(7)).unwrap();
                other.read_exact(&mut [0; 1000]).unwrap();
            }
        }
    });
    assert!(arrives(file.into(), 2).await.iter().all(|body| *body == content));
    stop.store(true, std::sync::atomic::Ordering::SeqCst);
    reads.join().unwrap();

    // What was written a moment ago may still be on its way to the file.
    let mut file = tokio::fs::File::from_std(tempfile::tempfile().unwrap());
    file.write_all(&content).await.unwrap();
    assert!(arrives(file.into(), 2).await.iter().all(|body| *body == content));

    let (_port, base_url) = support::refusing();
    let directory = std::fs::File::open(std::env::temp_dir()).unwrap();
    let error = client(&base_url).upload_asset(directory).name("n").await.unwrap_err();
    assert_eq!(error.report(), "upload can't be read: not a regular file");
}

#[tokio::test]
async fn a_stream_arrives_as_it_comes_and_its_failure_is_told() {
    let chunks = || ["", "da", "", "ta"].map(Ok::<_, Infallible>);
    assert_eq!(arrives(UploadBody::from_stream(4, stream::iter(chunks())), 1).await, [CONTENT]);
    // A length that is wrong is found out.
    let base_url = support::answering(http("200 OK", "", UPLOADED)).await;
    let error = client(&base_url).upload_asset(UploadBody::from_stream(3, stream::iter(chunks()))).name("n").await;
    assert!(matches!(error, Err(Error::Body(BodyError::Length { expected: 3, .. }))), "{error:?}");

    let breaks = || [Ok(Bytes::from_static(b"da")), Err("the browser is gone")];
    let (listener, base_url) = support::listen().await;
    tokio::spawn(async move { listener.accept().await.unwrap().0.read_to_end(&mut Vec::new()).await });
    let body = UploadBody::from_stream(4, stream::iter(breaks()));
    let error = client(&base_url).upload_asset(body).name("n").await.unwrap_err();
    assert_eq!(error.report(), "upload can't be read: the browser is gone");
    let error = UploadBody::spool(4, stream::iter(breaks())).await.unwrap_err();
    assert_eq!(Error::from(error).report(), "upload can't be read: the browser is gone");
}

#[tokio::test]
async fn a_spooled_stream_can_be_sent_again_and_is_bounded() {
    let content: Vec<u8> = (0..1_500_000).map(|i| (i % 251) as u8).collect();
    let chunks =
        || stream::iter(content.chunks(1000).map(|chunk| Ok::<_, Infallible>(chunk.to_vec())).collect::<Vec<_>>());
    let length = content.len() as u64;
    let body = UploadBody::spool(length, chunks()).await.unwrap();
    assert!(arrives(body, 2).await.iter().all(|body| *body == content));

    // The stream isn't read on beyond the bound.
    let read = std::sync::atomic::AtomicUsize::new(0);
    let endless = stream::repeat_with(|| {
        read.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Ok::<_, Infallible>(vec![7; 1000])
    });
    let error = UploadBody::spool(10_500, endless).await.unwrap_err();
    assert!(matches!(error, BodyError::TooLong { max_bytes: 10_500, .. }), "{error:?}");
    assert_eq!(error.to_string(), "upload: expected at most 10500 bytes, got more");
    assert_eq!(read.into_inner(), 11);
}

/// What the child does, with its temporary files in a directory of its own.
#[test]
#[ignore = "run in a process with an environment of its own"]
fn the_child_that_spools() {
    let files = || std::fs::read_dir(std::env::temp_dir()).unwrap().count();
    let chunks = |count| stream::iter((0..count).map(|_| Ok::<_, Infallible>(vec![7; 64 * 1024])));
    support::be_child(async |what| match what.as_str() {
        "keeps" => {
            let body = UploadBody::spool(u64::MAX, chunks(4096)).await.unwrap();
            // No name, so that nothing is left even of a process that is killed now.
            assert_eq!(files(), 0);
            drop(body);
            let mut stops = Box::pin(UploadBody::spool(
                u64::MAX,
                stream::StreamExt::chain(chunks(64), stream::pending::<Result<Vec<u8>, Infallible>>()),
            ));
            assert!(tokio::time::timeout(std::time::Duration::from_millis(200), &mut stops).await.is_err());
            drop(stops);
            assert_eq!(files(), 0);
        }
        // The system takes no file over 1 MiB from this process.
        "full" => {
            let error = UploadBody::spool(u64::MAX, chunks(64)).await.unwrap_err();
            assert!(
                matches!(&error, BodyError::Spool { source, .. } if source.kind() == io::ErrorKind::FileTooLarge),
                "{error:?}"
            );
            assert_eq!(error.to_string(), "upload: the content can't be kept in a temporary file");
            assert_eq!(files(), 0);
        }
        _ => {
            let error = UploadBody::spool(u64::MAX, chunks(1)).await.unwrap_err();
            assert!(
                matches!(&error, BodyError::Spool { source, .. } if source.kind() == io::ErrorKind::NotFound),
                "{error:?}"
            );
        }
    });
}

#[tokio::test]
async fn a_spooled_stream_is_in_a_file_without_a_name_and_not_in_memory() {
    let directory = tempfile::tempdir_in("target").unwrap();
    let environment = |path| [("TMPDIR", path)];
    let child = "bodies::the_child_that_spools";
    let peak = support::in_child_with(child, "keeps", &environment(directory.path())).await;
    assert!(peak.is_none_or(|peak| peak < 64 << 20), "{peak:?} bytes of memory for 256 MiB");
    support::in_child_with(child, "is nowhere", &environment(&directory.path().join("none"))).await;
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_an_error_and_leaves_no_file() {
    let directory = tempfile::tempdir_in("target").unwrap();
    let mut child = std::process::Command::new("sh");
    child.args([
        "-c",
        "trap '' XFSZ; ulimit -f 1024; exec \"$0\" --exact bodies::the_child_that_spools --ignored --nocapture",
    ]);
    child.arg(std::env::current_exe().unwrap()).env("TMPDIR", directory.path()).env(support::ARGUMENT, "full");
    let output = child.output().unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}
