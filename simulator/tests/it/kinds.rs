//! Which types of file become assets, what is known of them, and what the others are told. Each file in
//! `tests/fixtures/kinds` is as a common program writes it.

use std::collections::BTreeSet;

use bytes::Bytes;
use canva_simulator::{AssetKind, Simulator, StoredAsset, asset_kind, judge_asset};

use crate::common::{fixture, ok, prompt, upload};

fn kind(name: &str) -> Bytes {
    fixture(&format!("kinds/{name}"))
}

/// The asset that the file became, or the code and the message of the job that failed. What is said of the file without
/// an upload is the same.
async fn judged(simulator: &Simulator, file: impl Into<Bytes>) -> Result<StoredAsset, (String, String)> {
    let file: Bytes = file.into();
    let (start, whole) = (asset_kind(&file[..file.len().min(4096)]), judge_asset(&file));
    let job = ok(upload(simulator, "Name", file)).await["job"].take();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    if job["status"] == "success" {
        let asset = simulator.assets().pop().unwrap();
        assert_eq!((start, whole), (Ok(asset.kind), Ok(asset.kind)));
        return Ok(asset);
    }
    let message = text(&job["error"]["message"]);
    for why in [start, whole].into_iter().filter_map(Result::err) {
        assert!(message.contains(&why), "{message}");
    }
    Err((text(&job["error"]["code"]), message))
}

#[tokio::test]
async fn each_type_that_canva_takes_is_told_by_its_bytes_with_its_size_and_duration() {
    let simulator = prompt().await;
    for name in ["png", "jpg", "gif", "webp", "tiff", "heic"].map(|end| format!("image.{end}")) {
        let asset = judged(&simulator, kind(&name)).await.unwrap();
        assert_eq!((asset.kind, asset.width, asset.height), (AssetKind::Image, 48, 32), "{name}");
    }
    let asset = judged(&simulator, kind("lossless.webp")).await.unwrap();
    assert_eq!((asset.width, asset.height), (48, 32));
    let videos = [
        ("video.mov", Some(1)),
        ("video.m4v", Some(1)),
        ("video.mkv", Some(1)),
        ("video.webm", Some(1)),
        // These don't say it.
        ("video.mpg", None),
        ("fragmented.mp4", None),
        ("stream.webm", None),
    ];
    for (name, duration) in videos {
        let asset = judged(&simulator, kind(name)).await.unwrap();
        let found = (asset.kind, asset.width, asset.height, asset.duration);
        assert_eq!(found, (AssetKind::Video, 64, 48, duration), "{name}");
    }
}

#[tokio::test]
async fn what_canva_does_not_take_fails_with_what_it_is() {
    let simulator = prompt().await;
    let cases = [
        (kind("image.bmp"), "is a BMP image"),
        (kind("image.avif"), "is an AVIF image"),
        (kind("animated.gif"), "is a GIF image of 4 frames, and Canva takes one with a single frame"),
        (kind("animated.webp"), "is a WebP image of 4 frames"),
        (kind("video.avi"), "is an AVI video or another RIFF file"),
        (kind("sound.m4a"), "is an MP4 or QuickTime video that is damaged or cut, or has no picture"),
        (fixture("deck.pdf"), "is a PDF, which is imported as a design"),
        (fixture("deck.pptx"), "is a ZIP archive or an Office file"),
        (fixture("notes.txt"), "is no image or video of a known type"),
        (Bytes::new(), "is empty"),
        ("<svg xmlns='http://www.w3.org/2000/svg'/>".into(), "is SVG"),
        ("8BPS\0\u{1}".into(), "is a Photoshop file"),
        ("--boundary\r\nContent-Disposition: form-data".into(), "begins as a multipart body does"),
        ("iVBORw0KGgo".repeat(10).into(), "is Base64 text"),
        // For URLs, in quotation marks, and in a URL of its own.
        ("_9j_4AAQSkZJRgABAQ-".repeat(10).into(), "is Base64 text"),
        (format!("\"{}\"", "iVBORw0KGgo".repeat(10)).into(), "is Base64 text"),
        (format!("data:image/png;base64,{}", "iVBORw0KGgo".repeat(10)).into(), "is Base64 text"),
        ("data:image/png;base64,".into(), "is no image or video of a known type"),
    ];
    for (file, what) in cases {
        let (code, message) = judged(&simulator, file).await.unwrap_err();
        assert_eq!(code, "import_failed", "{message}");
        assert!(message.contains(what), "{message:?} doesn't say that it {what}");
    }
    assert!(simulator.assets().is_empty());
}

#[tokio::test]
async fn a_file_that_ends_early_is_damaged_wherever_it_ends() {
    let simulator = prompt().await;
    let mut whole: Vec<_> =
        ["png", "jpg", "gif", "webp", "tiff", "heic"].map(|end| kind(&format!("image.{end}"))).into();
    whole.extend(["lossless.webp", "video.mov", "video.m4v", "video.mkv", "video.webm", "fragmented.mp4"].map(kind));
    whole.extend(["photo.png", "photo.jpg", "clip.mp4"].map(fixture));
    whole.push(photo_with_exif(1));
    for file in whole {
        // Fewer bytes than these are of no type at all.
        let places: BTreeSet<_> = (1..=12).map(|part| file.len() * part / 13).chain([64, file.len() - 1]).collect();
        for end in places {
            let (code, message) = judged(&simulator, file.slice(..end)).await.unwrap_err();
            assert_eq!(code, "import_failed");
            assert!(message.contains("is damaged or cut"), "{end} of {} bytes: {message}", file.len());
        }
    }
}

#[tokio::test]
async fn a_file_with_nothing_in_it_or_a_wrong_byte_where_a_checksum_is_is_damaged() {
    let simulator = prompt().await;
    let (png, mp4) = (fixture("photo.png"), fixture("clip.mp4"));
    let mut changed = png.to_vec();
    changed[70_000] ^= 0xff;
    let content = mp4.windows(4).position(|name| name == b"mdat").unwrap() - 4;
    let cases = [
        ("a PNG with a wrong byte", changed),
        ("a PNG without pixels", [&png[..33], &png[png.len() - 12..]].concat()),
        ("a video's header", mp4[..content].to_vec()),
        ("a video of nothing", [&mp4[..content], b"\0\0\0\x08mdat"].concat()),
    ];
    for (what, file) in cases {
        let (_, message) = judged(&simulator, file).await.unwrap_err();
        assert!(message.contains("is damaged or cut"), "{what}: {message}");
    }
}

#[tokio::test]
async fn an_image_over_50_mb_is_too_big() {
    let simulator = prompt().await;
    let padded = |length: usize| {
        // Nothing after its end is an image's.
        let mut image = kind("image.jpg").to_vec();
        image.resize(length, 0);
        image
    };
    judged(&simulator, padded(50_000_000)).await.unwrap();
    let refused = judged(&simulator, padded(50_000_001)).await.unwrap_err();
    assert_eq!(refused, ("file_too_big".into(), "The image is larger than 50000000 bytes.".into()));
    // A video may be larger.
    let mut video = kind("video.m4v").to_vec();
    let rest = (50_000_001 - video.len() as u32).to_be_bytes();
    video.extend([&rest[..], b"free"].concat());
    video.resize(50_000_001, 0);
    judged(&simulator, video).await.unwrap();
}

/// A TIFF file of one field, as an EXIF header is: the orientation.
fn exif(orientation: u8) -> Vec<u8> {
    [b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", &[orientation, 0, 0, 0, 0, 0, 0, 0][..]].concat()
}

/// A JPEG with an EXIF header that has this orientation, and a thumbnail with an end of its own.
fn photo_with_exif(orientation: u8) -> Bytes {
    let photo = kind("image.jpg");
    let header = [b"Exif\0\0", &exif(orientation)[..], &photo[..]].concat();
    let length = (header.len() as u16 + 2).to_be_bytes();
    [&photo[..2], &[0xff, 0xe1], &length, &header, &photo[2..]].concat().into()
}

fn png_with_exif(orientation: u8) -> Bytes {
    let png = kind("image.png");
    let chunk = [b"eXIf", &exif(orientation)[..]].concat();
    let (length, checksum) = ((chunk.len() as u32 - 4).to_be_bytes(), crc32fast::hash(&chunk).to_be_bytes());
    [&png[..33], &length, &chunk, &checksum, &png[33..]].concat().into()
}

fn webp_with_exif(orientation: u8) -> Bytes {
    let webp = kind("lossless.webp");
    let exif = exif(orientation);
    let chunk = [b"EXIF", &(exif.len() as u32).to_le_bytes()[..], &exif].concat();
    let length = (webp.len() + chunk.len() - 8) as u32;
    [&webp[..4], &length.to_le_bytes(), &webp[8..], &chunk].concat().into()
}

fn tiff_turned(orientation: u8) -> Bytes {
    let mut tiff = kind("image.tiff").to_vec();
    // The field that says how many samples a pixel has becomes the one that says how it is turned.
    let field = tiff.windows(8).rposition(|field| field == [0x15, 1, 3, 0, 1, 0, 0, 0]).unwrap();
    tiff[field..field + 10].copy_from_slice(&[0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0]);
    tiff.into()
}

#[tokio::test]
async fn an_image_is_as_wide_and_high_as_it_is_shown() {
    let simulator = prompt().await;
    let files = [photo_with_exif, png_with_exif, webp_with_exif, tiff_turned];
    for (number, file) in files.into_iter().enumerate() {
        for orientation in 1..=8 {
            let shown = if orientation < 5 { (48, 32) } else { (32, 48) };
            let asset = judged(&simulator, file(orientation)).await.unwrap();
            assert_eq!((asset.width, asset.height), shown, "{number}, {orientation}");
        }
    }
    for (quarters, shown) in [(0, (48, 32)), (1, (32, 48)), (2, (48, 32)), (3, (32, 48))] {
        let asset = judged(&simulator, heic_turned(quarters)).await.unwrap();
        assert_eq!((asset.width, asset.height), shown, "{quarters}");
    }
}

/// Only what is read of it: an item with two properties, its size and how it is turned.
fn heic_turned(quarters: u8) -> Vec<u8> {
    let boxed =
        |name: &[u8; 4], content: &[u8]| [&(content.len() as u32 + 8).to_be_bytes()[..], name, content].concat();
    let size = boxed(b"ispe", &[0, 0, 0, 0, 0, 0, 0, 48, 0, 0, 0, 32]);
    let other = boxed(b"ispe", &[0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 8]);
    let properties = boxed(b"ipco", &[other, size, boxed(b"irot", &[quarters])].concat());
    // Of two items, the second is the one that is shown.
    let own = boxed(b"ipma", &[0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 1, 0x81, 0, 2, 2, 0x82, 0x83]);
    let meta =
        [&[0; 4][..], &boxed(b"pitm", &[0, 0, 0, 0, 0, 2]), &boxed(b"iprp", &[properties, own].concat())].concat();
    [boxed(b"ftyp", b"mif1\0\0\0\0mif1heic"), boxed(b"meta", &meta), boxed(b"mdat", b"pixels")].concat()
}
