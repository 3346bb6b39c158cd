//! Whatever is done to a file, reading it is a matter of seconds and megabytes, and never a panic. `PROPTEST_CASES` says how
//! many files are tried, 256 by default.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::io::{Cursor, Write};
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use image::{ImageFormat, Rgb, RgbImage};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::files::documents;
use crate::files::media;

/// What one file may take where nothing is optimised. Most take milliseconds.
const MAX_TIME: Duration = Duration::from_secs(20);

/// What this process may have used at its peak, in KiB: the 512 MiB that an image may take, and as much again around it.
const MAX_MEMORY: u64 = 1 << 20;

static SAMPLES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let formats = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP, ImageFormat::Tiff];
    let fixtures = ["clip.mp4", "deck.pdf", "deck.pptx"]
        .map(|name| std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures").join(name)).unwrap());
    formats.map(image).into_iter().chain(fixtures).chain([docx()]).collect()
});

fn image(format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    RgbImage::from_fn(61, 47, |x, y| Rgb([x as u8 * 4, y as u8 * 5, 99])).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A Word file whose parts aren't packed, so that changes meet the XML itself.
fn docx() -> Vec<u8> {
    let main = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml";
    let types = format!(r#"<Types><Override PartName="/word/document.xml" ContentType="{main}"/></Types>"#);
    let text =
        r#"<w:document xmlns:w="w"><w:body w:a="&lt;1"><!-- x --><w:p><![CDATA[y]]></w:p></w:body></w:document>"#;
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, xml) in [("[Content_Types].xml", types.as_str()), ("word/document.xml", text)] {
        archive.start_file(name, stored).unwrap();
        archive.write_all(xml.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[derive(Clone, Debug)]
enum Change {
    FlipBit(Index, u8),
    Cut(Index),
    Remove(Index, usize),
    Insert(Index, Vec<u8>),
    /// Bytes from one place, written over those at another.
    Copy(Index, Index, usize),
    /// The last bytes of a number, in either order: a length, a size or an offset that says something else.
    Number(Index, u64, usize, bool),
}

impl Change {
    fn apply(self, file: &mut Vec<u8>) {
        if file.is_empty() {
            return;
        }
        let length = file.len();
        match self {
            Self::FlipBit(at, bit) => file[at.index(length)] ^= 1 << bit,
            Self::Cut(at) => file.truncate(at.index(length)),
            Self::Remove(at, count) => {
                let at = at.index(length);
                file.drain(at..length.min(at + count));
            }
            Self::Insert(at, bytes) => {
                let at = at.index(length);
                file.splice(at..at, bytes);
            }
            Self::Copy(from, to, count) => {
                let (from, to) = (from.index(length), to.index(length));
                let count = count.min(length - from.max(to));
                file.copy_within(from..from + count, to);
            }
            Self::Number(at, value, width, little) => {
                let bytes =
                    if little { value.to_le_bytes() } else { value.rotate_right(8 * width as u32).to_be_bytes() };
                let at = at.index(length);
                let width = width.min(length - at);
                file[at..at + width].copy_from_slice(&bytes[..width]);
            }
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    let place = any::<Index>;
    let edges =
        select(vec![0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x10_0000, 0x7fff_ffff, 0xffff_ffff, u64::MAX >> 1, u64::MAX]);
    prop_oneof![
        (place(), 0_u8..8).prop_map(|(at, bit)| Change::FlipBit(at, bit)),
        place().prop_map(Change::Cut),
        (place(), 1_usize..200).prop_map(|(at, count)| Change::Remove(at, count)),
        (place(), prop::collection::vec(any::<u8>(), 1..50)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (place(), place(), 1_usize..200).prop_map(|(from, to, count)| Change::Copy(from, to, count)),
        (place(), prop_oneof![edges, any::<u64>()], select(vec![1_usize, 2, 3, 4, 8]), any::<bool>())
            .prop_map(|(at, value, width, little)| Change::Number(at, value, width, little)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn are_read_without_panic_and_at_little_cost(
        sample in any::<Index>(),
        changes in prop::collection::vec(change(), 1..8),
    ) {
        let mut file = SAMPLES[sample.index(SAMPLES.len())].clone();
        changes.into_iter().for_each(|change| change.apply(&mut file));
        let started = Instant::now();
        let _ = media::read(&file);
        let _ = documents::read(&file);
        prop_assert!(started.elapsed() < MAX_TIME, "{:?}", started.elapsed());
        let peak = peak_memory();
        prop_assert!(peak < MAX_MEMORY, "{} KiB", peak);
    }
}

#[test]
fn the_files_are_good_before() {
    for (number, file) in SAMPLES.iter().enumerate() {
        assert!(media::read(file).is_some() != documents::read(file).is_some(), "{number}");
    }
}

/// The most memory that this process ever had, in KiB; 0 where the system doesn't say.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
    peak.unwrap_or_default()
}
