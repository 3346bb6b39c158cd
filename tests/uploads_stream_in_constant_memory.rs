//! An upload from a path goes out with its exact length and in constant memory, however long it is. Apart, so that
//! half a gigabyte through loopback disturbs no test that measures time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

mod support;

use std::process::Command;

use canva_connect::Client;

const MIB: u64 = 1024 * 1024;
/// Set for the child process, which is this test binary again.
const CHILD: &str = "CANVA_CONNECT_TEST_UPLOAD";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_512_mib_file_needs_under_16_mib_more_than_a_small_one() {
    let (listener, base_url) = support::listen().await;
    let (heads, mut received) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(support::discard_uploads(listener, heads));

    let mut peaks = Vec::new();
    for length in [MIB, 512 * MIB] {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(length).unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_child_that_uploads", "--ignored", "--nocapture"])
            .env(CHILD, format!("{base_url} {}", file.path().display()))
            .output();
        let output = tokio::task::spawn_blocking(move || child.unwrap()).await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

        let (head, read) = received.recv().await.unwrap();
        assert_eq!(head.content_length(), length);
        assert_eq!(read, length);
        assert_eq!(head.header("transfer-encoding"), None);
        assert_eq!(head.header("content-type"), Some("application/octet-stream"));
        peaks.push(peak_of(&String::from_utf8_lossy(&output.stdout)));
    }
    // `None` where the system doesn't say; then the test is of the length alone.
    if let [Some(small), Some(large)] = peaks.as_slice() {
        assert!(large.saturating_sub(*small) < 16 * MIB, "1 MiB: {small} bytes at the peak, 512 MiB: {large}");
    }
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn the_child_that_uploads() {
    let arguments = std::env::var(CHILD).unwrap();
    let (base_url, path) = arguments.split_once(' ').unwrap();
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(async {
        let canva = Client::builder().token("t").base_url(base_url).build().unwrap();
        canva.upload_asset(path).name("n").await.unwrap().wait().await.unwrap();
    });
    println!("peak: {}", peak_memory().map_or("unknown".to_owned(), |bytes| bytes.to_string()));
}

fn peak_of(stdout: &str) -> Option<u64> {
    stdout.lines().find_map(|line| line.split_once("peak: ")?.1.parse().ok())
}

/// The most memory that this process ever had at once, in bytes, where `/proc` tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}
