//! A small file that says it is a huge one, or that makes a parser work in squares, costs neither memory nor time.

use std::io::{Read, Write};
use std::process::Command;
use std::time::{Duration, Instant};

use canva_simulator::Simulator;
use zip::CompressionMethod;

use crate::common::{connect, fixture, import, ok, prompt, upload};
use crate::imports::{PPTX, office, office_by};

/// What a hostile file may take, on a busy machine and unoptimised. Without the bounds, each takes minutes or much
/// memory.
const QUICK: Duration = Duration::from_secs(20);

#[tokio::test]
async fn an_image_that_says_it_is_huge_costs_no_more_than_its_bytes() {
    let simulator = prompt().await;
    let (png, tiff, heic) = (fixture("kinds/image.png"), fixture("kinds/image.tiff"), fixture("kinds/image.heic"));
    // Nothing is decoded, so no size in pixels is too large.
    let mut huge = png.to_vec();
    huge[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
    let checksum = crc32fast::hash(&huge[12..29]).to_be_bytes();
    huge[29..33].copy_from_slice(&checksum);
    // As many strips, and items, as a field can say.
    let mut strips = tiff.to_vec();
    let entry = strips.windows(4).rposition(|field| field == [0x11, 0x01, 4, 0]).unwrap();
    strips[entry + 4..entry + 8].copy_from_slice(&[0xff; 4]);
    let mut items = heic.to_vec();
    let name = items.windows(4).position(|name| name == b"ipma").unwrap();
    items[name + 8..name + 12].copy_from_slice(&[0xff; 4]);
    items[name + 13] = 0xff;
    let cases = [("pixels", huge, "success"), ("strips", strips, "failed"), ("items", items, "success")];
    for (what, file, status) in cases {
        let started = Instant::now();
        let job = ok(upload(&simulator, "Image", file)).await["job"].take();
        assert_eq!(job["status"], status, "{what}: {job}");
        assert!(started.elapsed() < QUICK, "{what}: {:?}", started.elapsed());
    }
    let asset = simulator.assets().remove(0);
    assert_eq!((asset.width, asset.height), (0x7fff_ffff, 0x7fff_ffff));
}

#[tokio::test]
async fn an_office_file_costs_no_more_than_its_size_lets_expect() {
    let simulator = prompt().await;
    let attributes: String = (0..160_000).map(|number| format!(" a{number}=''")).collect();
    let namespaces: String = (0..30_000).map(|number| format!(" xmlns:a{number}='{number}'")).collect();
    let (deep, depth) = ("<a>".repeat(500_000), "</a>".repeat(500_000));
    let slide = "<sldIdLst><sldId/></sldIdLst>";
    let slides = "<sldId xmlns:b='c'/>".repeat(30_000);
    let presentation = |xml: &str| office(PPTX, "presentation.main+xml", "ppt/presentation.xml", xml);
    // Parts are counted by their headers, wherever these are: the archive's directory can't have more.
    let headers = "PK\u{1}\u{2}".repeat(65_536);
    let cases = [
        ("160 000 attributes", presentation(&format!("<p{attributes}>{slide}</p>")), Some(1)),
        (
            "30 000 namespaces for 30 000 elements",
            presentation(&format!("<p{namespaces}><sldIdLst>{slides}</sldIdLst></p>")),
            Some(30_000),
        ),
        ("500 000 elements in each other", presentation(&format!("<p>{deep}{depth}{slide}</p>")), Some(1)),
        ("a part of 65 MiB", presentation(&format!("<p>{}</p>", " ".repeat(65 << 20))), None),
        ("65 536 headers of parts", presentation(&format!("<p>{headers}</p>")), None),
    ];
    for (what, file, slides) in cases {
        let started = Instant::now();
        let job = ok(import(&simulator, "Deck", None, file)).await["job"].take();
        match slides {
            Some(slides) => assert_eq!(job["result"]["designs"][0]["page_count"], slides, "{what}: {job}"),
            None => assert_eq!(job["error"]["code"], "invalid_file", "{what}: {job}"),
        }
        assert!(started.elapsed() < QUICK, "{what}: {:?}", started.elapsed());
    }
}

/// Set for the child process, which is this test binary again.
const CHILD: &str = "CANVA_SIMULATOR_TEST_MEMORY";

#[test]
fn many_files_at_once_and_many_refused_bodies_take_no_more_memory_than_one_file() {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "hostile_files::the_child_that_takes_them", "--ignored", "--nocapture"])
        .env(CHILD, "yes")
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    // Empty where the system doesn't say.
    let stdout = String::from_utf8_lossy(&child.stdout);
    let peak = stdout.lines().find_map(|line| line.split_once("peak: ")?.1.parse::<u64>().ok());
    assert!(peak.is_none_or(|kib| kib < 200 << 10), "{peak:?} KiB at the peak");
}

#[tokio::test]
#[ignore = "run by the test above, in a process of its own"]
#[allow(clippy::print_stdout)]
async fn the_child_that_takes_them() {
    assert!(std::env::var_os(CHILD).is_some());
    let simulator = Simulator::builder().job_duration(Duration::ZERO).start().await.unwrap();
    // 40 MB each once unpacked: no XML, but spaces, which are packed to nothing.
    let file = office_by(CompressionMethod::Deflated, PPTX, "presentation.main+xml", "p.xml", &" ".repeat(40_000_000));
    let mut imports = tokio::task::JoinSet::new();
    for _ in 0..6 {
        imports.spawn(ok(import(&simulator, "Deck", None, file.clone())));
    }
    for job in imports.join_all().await {
        assert_eq!(job["job"]["error"]["code"], "invalid_file", "{job}");
    }
    refused_uploads(&simulator, 4_000, 60_000).await;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next());
    println!("peak: {}", peak.unwrap_or_default());
}

/// Uploads without a token, on one connection: what is kept of each shares no memory with its body.
async fn refused_uploads(simulator: &Simulator, count: usize, length: usize) {
    let mut reader = connect(simulator);
    let mut writer = reader.try_clone().unwrap();
    let upload = format!("POST /rest/v1/imports HTTP/1.1\r\nhost: localhost\r\nx: y\r\ncontent-length: {length}\r\n");
    let body = "x".repeat(length);
    let written = tokio::task::spawn_blocking(move || {
        for _ in 1..count {
            write!(writer, "{upload}\r\n{body}").unwrap();
        }
        write!(writer, "{upload}connection: close\r\n\r\n{body}").unwrap();
    });
    let read = tokio::task::spawn_blocking(move || {
        let mut responses = String::new();
        reader.read_to_string(&mut responses).unwrap();
        responses.matches("HTTP/1.1 401").count()
    });
    written.await.unwrap();
    assert_eq!((read.await.unwrap(), simulator.requests().len()), (count, count + 6));
}
