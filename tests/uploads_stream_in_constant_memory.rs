//! An upload from a path goes out with its exact length and in constant memory, however long it is. Apart, so that
//! half a gigabyte through loopback disturbs no test that measures time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use canva_connect::Client;

const MIB: u64 = 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_512_mib_file_needs_under_16_mib_more_than_a_small_one() {
    let (listener, base_url) = support::listen().await;
    let (heads, mut received) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(support::discard_uploads(listener, heads));

    let mut peaks = Vec::new();
    for length in [MIB, 512 * MIB] {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(length).unwrap();
        let argument = format!("{base_url} {}", file.path().display());
        let peak = support::in_child("the_child_that_uploads", &argument).await;

        let (head, read) = received.recv().await.unwrap();
        assert_eq!(head.content_length(), length);
        assert_eq!(read, length);
        assert_eq!(head.header("transfer-encoding"), None);
        assert_eq!(head.header("content-type"), Some("application/octet-stream"));
        peaks.push(peak);
    }
    // `None` where the system doesn't say; then the test is of the length alone.
    if let [Some(small), Some(large)] = peaks.as_slice() {
        assert!(large.saturating_sub(*small) < 16 * MIB, "1 MiB: {small} bytes at the peak, 512 MiB: {large}");
    }
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn the_child_that_uploads() {
    support::be_child(|argument| async move {
        let (base_url, path) = argument.split_once(' ').unwrap();
        let canva = Client::builder().token("t").base_url(base_url).build().unwrap();
        canva.upload_asset(std::path::Path::new(path)).name("n").await.unwrap().wait().await.unwrap();
    });
}
