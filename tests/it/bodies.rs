//! Whatever content is given, it arrives as it was given, from its first byte to its last, or doesn't arrive whole. A
//! stream of unknown length lies in a file meanwhile, and leaves none.

use std::convert::Infallible;
use std::future::ready;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use canva_connect::{BodyError, Client, Error, ErrorKind, UploadBody};
use canva_simulator::Simulator;
use futures_util::{StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use crate::support::{self, UPLOADED, http, once, script, trying};

const CONTENT: &[u8; 4] = b"data";

/// More than fits in the buffers on the way, and no two parts of it are alike.
fn long() -> Vec<u8> {
    (0..1_500_000).map(|i| (i % 251) as u8).collect()
}

fn refused() -> String {
    http("429 Too Many Requests", "retry-after: 0\r\n", r#"{"code":"c","message":"m"}"#)
}

/// What arrives in an upload, at each of its attempts: all but the last one are answered 429.
async fn arrives(body: UploadBody, attempts: u32) -> Vec<Vec<u8>> {
    let mut responses = vec![refused(); attempts as usize - 1];
    responses.push(http("200 OK", "", UPLOADED));
    let (base_url, mut seen) = script(responses).await;
    let _ = trying(attempts, &base_url).upload_asset(body).name("n").await.unwrap();
    let mut bodies = Vec::new();
    for _ in 0..attempts {
        bodies.push(seen.recv().await.unwrap().1);
    }
    bodies
}

/// Megabytes are uploaded for nothing otherwise.
#[tokio::test]
async fn a_file_that_canva_would_refuse_for_its_length_is_not_sent() {
    let simulator = Simulator::start().await.unwrap();
    let canva = Client::builder().token(simulator.token()).base_url(simulator.base_url()).build().unwrap();
    let directory = tempfile::tempdir().unwrap();
    for (name, length, most) in [
        ("photo.PNG", (50 << 20) + 1, Some(50 << 20)),
        ("clip.mov", (50 << 20) + 1, None),
        ("clip.mov", (500 << 20) + 1, Some(500 << 20)),
    ] {
        let path = directory.path().join(name);
        std::fs::File::create(&path).unwrap().set_len(length).unwrap();
        let (before, sent) = (simulator.requests().len(), canva.upload_asset(&path).await);
        match most {
            None => drop(sent.unwrap()),
            Some(most) => {
                let error = sent.unwrap_err();
                let Error::Body(BodyError::TooLong { name, max_bytes, .. }) = &error else { panic!("{error:?}") };
                assert_eq!((name, *max_bytes, error.kind()), (&path, most, ErrorKind::Input));
            }
        }
        assert_eq!(simulator.requests().len() - before, usize::from(most.is_none()), "{name} of {length} bytes");
    }
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
    let canva = once("http://127.0.0.1:1/rest");
    let paths: Vec<PathBuf> = Vec::new();
    for file in &paths {
        drop(canva.upload_asset(file));
    }
    drop(canva.upload_asset("a literal is a path"));
}

#[tokio::test]
async fn an_open_file_is_sent_whole_whoever_reads_in_it() {
    let content = long();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&content).unwrap();
    let mut other = file.try_clone().unwrap();
    // The position is at the end, and moves while it is sent.
    let stop = Arc::new(AtomicBool::new(false));
    let reads = std::thread::spawn({
        let stop = stop.clone();
        move || {
            while !stop.load(Ordering::SeqCst) {
                other.seek(SeekFrom::Start(7)).unwrap();
                other.read_exact(&mut [0; 1000]).unwrap();
            }
        }
    });
    assert!(arrives(file.into(), 2).await.iter().all(|body| *body == content));
    stop.store(true, Ordering::SeqCst);
    reads.join().unwrap();

    // What was written a moment ago may still be on its way to the file.
    let mut file = tokio::fs::File::from_std(tempfile::tempfile().unwrap());
    file.write_all(&content).await.unwrap();
    assert!(arrives(file.into(), 2).await.iter().all(|body| *body == content));

    let directory = std::fs::File::open(std::env::temp_dir()).unwrap();
    let error = once("http://127.0.0.1:1/rest").upload_asset(directory).name("n").await.unwrap_err();
    assert_eq!(error.report(), "upload can't be read: not a regular file");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_overwritten_while_it_is_sent_never_arrives_whole() {
    const LENGTH: usize = 32 * 1024 * 1024;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("image.png");
    std::fs::write(&path, vec![0; LENGTH]).unwrap();
    // Within a tick of the file system's clock, a second write wouldn't show.
    let written = std::fs::File::options().write(true).open(&path).unwrap();
    written.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    let (listener, base_url) = support::listen().await;
    let server = tokio::spawn({
        let path = path.clone();
        async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let head = support::read_head(&mut stream).await.unwrap();
            // The end of the file, with as many other bytes, while its beginning is on the way.
            let mut file = std::fs::File::options().write(true).open(path).unwrap();
            file.seek(SeekFrom::End(-1000)).unwrap();
            file.write_all(&[1; 1000]).unwrap();
            assert_eq!(file.metadata().unwrap().len(), LENGTH as u64);
            support::discard_body(&mut stream, &head).await
        }
    });
    let error = once(&base_url).upload_asset(&path).await.unwrap_err();
    assert!(matches!(error, Error::Body(BodyError::Changed { .. })), "{error:?}");
    assert!(error.to_string().ends_with("image.png: it changed while it was being uploaded"), "{error}");
    assert!(server.await.unwrap().is_err(), "the whole content arrived");
}

#[tokio::test]
async fn a_file_that_changes_between_attempts_is_not_sent_again() {
    type Change = fn(&Path);
    let changes: [(Change, &str); 4] = [
        (|path| std::fs::write(path, [1; 2000]).unwrap(), "expected 1000 bytes, got more"),
        (|path| std::fs::write(path, [1; 500]).unwrap(), "expected 1000 bytes, got 500"),
        (|path| std::fs::remove_file(path).unwrap(), "No such file"),
        (
            |path| {
                let file = std::fs::File::options().write(true).open(path).unwrap();
                file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
            },
            "it changed while it was being uploaded",
        ),
    ];
    for (change, expected) in changes {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("image.png");
        std::fs::write(&path, [0; 1000]).unwrap();
        let (listener, base_url) = support::listen().await;
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = support::read_head(&mut stream).await.unwrap();
            assert_eq!(support::read_body(&mut stream, &mut head).await.unwrap(), [0; 1000]);
            change(&path);
            stream.write_all(refused().as_bytes()).await.unwrap();
        };
        let canva = trying(5, &base_url);
        let (result, ()) = tokio::join!(canva.upload_asset(&path).into_future(), server);
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Body(_)), "{error:?}");
        let said = error.report();
        assert!(said.contains(expected) && said.contains("image.png"), "{said}");
    }
}

#[tokio::test]
async fn content_of_another_length_than_was_said_never_arrives_whole() {
    let (listener, base_url) = support::listen().await;
    let (seen, mut whole) = mpsc::unbounded_channel();
    tokio::spawn(support::discard_uploads(listener, seen));
    let canva = once(&base_url);
    for (said, given) in [(0, 9), (1000, 500), (1000, 1001)] {
        let content = vec![7; given];
        let bodies = [
            UploadBody::from_reader(said, Cursor::new(content.clone())),
            UploadBody::from_stream(said, stream::iter([Ok::<_, Infallible>(content.clone())])),
            UploadBody::from_fn(said, move || ready(Ok(Cursor::new(content.clone())))),
        ];
        for body in bodies {
            let error = canva.upload_asset(body).name("n").await.unwrap_err();
            let Error::Body(BodyError::Length { expected, .. }) = error else { panic!("{error:?}") };
            assert_eq!(expected, said);
        }
    }
    // The system's own files have no length until they are read.
    #[cfg(target_os = "linux")]
    {
        let error = canva.upload_asset("/proc/cpuinfo").await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "/proc/cpuinfo: expected 0 bytes, got more; it changed while it was being \
            uploaded, or its length was given wrong"
        );
    }
    assert!(whole.try_recv().is_err(), "the server got a whole request");
}

#[tokio::test]
async fn a_stream_arrives_as_it_comes_and_its_failure_is_told() {
    let chunks = ["", "da", "", "ta"].map(Ok::<_, Infallible>);
    assert_eq!(arrives(UploadBody::from_stream(4, stream::iter(chunks)), 1).await, [CONTENT]);

    let breaks = || [Ok(Bytes::from_static(b"da")), Err("the browser is gone")];
    let (listener, base_url) = support::listen().await;
    tokio::spawn(async move { listener.accept().await.unwrap().0.read_to_end(&mut Vec::new()).await });
    let body = UploadBody::from_stream(4, stream::iter(breaks()));
    let error = once(&base_url).upload_asset(body).name("n").await.unwrap_err();
    assert_eq!(error.report(), "upload can't be read: the browser is gone");
    let error = UploadBody::spool(4, stream::iter(breaks())).await.unwrap_err();
    assert_eq!(Error::from(error).report(), "upload can't be read: the browser is gone");
}

#[tokio::test]
async fn a_spooled_stream_can_be_sent_again_and_is_bounded() {
    let content = long();
    let chunks =
        stream::iter(content.chunks(1000).map(|chunk| Ok::<_, Infallible>(chunk.to_vec())).collect::<Vec<_>>());
    let body = UploadBody::spool(content.len() as u64, chunks).await.unwrap();
    assert!(arrives(body, 2).await.iter().all(|body| *body == content));

    // The stream isn't read on beyond the bound.
    let read = AtomicUsize::new(0);
    let endless = stream::repeat_with(|| {
        read.fetch_add(1, Ordering::SeqCst);
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
    let cause = |error| match error {
        BodyError::Spool { source, .. } => source.kind(),
        error => panic!("{error:?}"),
    };
    let chunks = |count| stream::iter((0..count).map(|_| Ok::<_, Infallible>(vec![7; 64 * 1024])));
    support::be_child(async |what| match what.as_str() {
        "keeps" => {
            let body = UploadBody::spool(u64::MAX, chunks(4096)).await.unwrap();
            // No name, so that nothing is left even of a process that is killed now.
            assert_eq!(files(), 0);
            drop(body);
            let stops = UploadBody::spool(u64::MAX, chunks(64).chain(stream::pending()));
            assert!(tokio::time::timeout(Duration::from_millis(200), stops).await.is_err());
            assert_eq!(files(), 0);
        }
        // The system takes no file over 1 MiB from this process.
        "full" => {
            let error = UploadBody::spool(u64::MAX, chunks(64)).await.unwrap_err();
            assert_eq!(error.to_string(), "upload: the content can't be kept in a temporary file");
            assert_eq!((cause(error), files()), (io::ErrorKind::FileTooLarge, 0));
        }
        _ => {
            let error = UploadBody::spool(u64::MAX, chunks(1)).await.unwrap_err();
            assert_eq!(cause(error), io::ErrorKind::NotFound);
        }
    });
}

#[tokio::test]
async fn a_spooled_stream_is_in_a_file_without_a_name_and_not_in_memory() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let environment = |path| [("TMPDIR", path)];
    let child = "bodies::the_child_that_spools";
    let peak = support::in_child_with(child, "keeps", &environment(directory.path())).await;
    assert!(peak.is_none_or(|peak| peak < 64 << 20), "{peak:?} bytes of memory for 256 MiB");
    support::in_child_with(child, "is nowhere", &environment(&directory.path().join("none"))).await;
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_an_error_and_leaves_no_file() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut child = std::process::Command::new("sh");
    child.args([
        "-c",
        "trap '' XFSZ; ulimit -f 1024; exec \"$0\" --exact bodies::the_child_that_spools --ignored --nocapture",
    ]);
    child.arg(std::env::current_exe().unwrap()).env("TMPDIR", directory.path()).env(support::ARGUMENT, "full");
    let output = child.output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}
