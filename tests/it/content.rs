//! What arrives is what the file was, from its first byte to its last, or nothing arrives whole.

use std::io::{Seek, SeekFrom, Write};

use canva_connect::{BodyError, Client, Error, RetryPolicy, UploadBody};

use crate::support;

fn client(base_url: &str) -> Client {
    Client::builder().token("t").base_url(base_url).retry_policy(RetryPolicy::never()).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_overwritten_while_it_is_sent_never_arrives_whole() {
    const LENGTH: usize = 32 * 1024 * 1024;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("image.png");
    std::fs::write(&path, vec![0; LENGTH]).unwrap();
    // Within a tick of the file system's clock, a second write wouldn't show.
    let written = std::fs::File::options().write(true).open(&path).unwrap();
    written.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
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
    let error = client(&base_url).upload_asset(&path).await.unwrap_err();
    assert!(matches!(error, Error::Body(BodyError::Changed { .. })), "{error:?}");
    assert!(error.to_string().ends_with("image.png: it changed while it was being uploaded"), "{error}");
    assert!(server.await.unwrap().is_err(), "the whole content arrived");
}

#[tokio::test]
async fn content_that_is_said_to_be_empty_and_is_not_is_not_sent() {
    let (_refusing, base_url) = support::refusing();
    let canva = client(&base_url);
    let once = UploadBody::from_reader(0, &b"not empty"[..]);
    let reopened = UploadBody::from_fn(0, || async { Ok(&b"not empty"[..]) });
    for (body, name) in [(once, "once"), (reopened, "reopened")] {
        let error = canva.upload_asset(body).name("n").await.unwrap_err();
        let Error::Body(BodyError::Length { expected: 0, .. }) = error else { panic!("{name}: {error:?}") };
    }
    // The system's own files have no length until they are read.
    #[cfg(target_os = "linux")]
    {
        let error = canva.upload_asset("/proc/cpuinfo").await.unwrap_err();
        assert!(matches!(error, Error::Body(BodyError::Length { expected: 0, .. })), "{error:?}");
        assert_eq!(
            error.to_string(),
            "/proc/cpuinfo: expected 0 bytes, got more; it changed while it was being \
            uploaded, or its length was given wrong"
        );
    }
}
