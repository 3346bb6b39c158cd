//! What an uploaded file is, by its bytes: its type, its size in pixels, and whether it is whole.

use super::boxes::boxes;
use super::reader::Reader;
use super::{gif, heic, jpeg, matroska, mp4, mpeg, png, tiff, webp};

/// What kind of asset a file became.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AssetKind {
    /// An image.
    Image,
    /// A video.
    Video,
}

#[derive(Debug)]
pub struct Media {
    pub kind: AssetKind,
    /// Of an image that every browser shows.
    pub mime_type: Option<&'static str>,
    pub width: u32,
    pub height: u32,
    /// Of a video, in whole seconds.
    pub duration: Option<u32>,
}

/// What an image's file says of it. Its sides are those that are seen: a turned image is turned.
pub struct Picture {
    pub width: u32,
    pub height: u32,
    /// Over one: it is animated.
    pub frames: u32,
}

/// What a video's file says of it.
pub struct Clip {
    pub width: u32,
    pub height: u32,
    /// In whole seconds, where the file says it.
    pub duration: Option<u32>,
}

impl Picture {
    /// `None` where a side is 0.
    pub fn new(width: u32, height: u32) -> Option<Self> {
        (width > 0 && height > 0).then_some(Self { width, height, frames: 1 })
    }

    /// From 5 on, an orientation, as EXIF headers have it, exchanges width and height.
    pub fn turn(&mut self, orientation: Option<u32>) {
        if matches!(orientation, Some(5..=8)) {
            (self.width, self.height) = (self.height, self.width);
        }
    }
}

/// How a type of file is read: `None` where it is damaged or cut.
enum Read {
    Image(Option<&'static str>, fn(&[u8]) -> Option<Picture>),
    Video(fn(&[u8]) -> Option<Clip>),
}

/// The media in these bytes, or what is wrong with them, as the end of a sentence.
pub fn read(file: &[u8]) -> Result<Media, String> {
    let (name, read) = file_type(file).ok_or_else(|| format!("{}, and Canva doesn't take it", other_type(file)))?;
    let damaged = || format!("is {name} that is damaged or cut");
    match read {
        Read::Image(mime_type, read) => {
            let Picture { width, height, frames } = read(file).ok_or_else(damaged)?;
            if frames > 1 {
                return Err(format!("is {name} of {frames} frames, and Canva takes one with a single frame"));
            }
            Ok(Media { kind: AssetKind::Image, mime_type, width, height, duration: None })
        }
        Read::Video(read) => {
            let damaged = || format!("{}, or has no picture", damaged());
            let Clip { width, height, duration } = read(file).ok_or_else(damaged)?;
            Ok(Media { kind: AssetKind::Video, mime_type: None, width, height, duration })
        }
    }
}

/// What kind of asset Canva would make of a file, by its type alone: its first 4 KiB are enough.
///
/// # Errors
/// What the file is instead, as the end of a sentence: `is a BMP image, and Canva doesn't take it`.
pub fn asset_kind(start: &[u8]) -> Result<AssetKind, String> {
    match file_type(start) {
        Some((_, Read::Image(..))) => Ok(AssetKind::Image),
        Some((_, Read::Video(_))) => Ok(AssetKind::Video),
        None => Err(format!("{}, and Canva doesn't take it", other_type(start))),
    }
}

/// What kind of asset Canva would make of this whole file: the judgement of an upload, but for the file's length.
///
/// # Errors
/// What is wrong with it, as the end of a sentence: `is a GIF image of 12 frames, and Canva takes one with a single
/// frame`.
pub fn judge_asset(file: &[u8]) -> Result<AssetKind, String> {
    read(file).map(|media| media.kind)
}

/// The type of these bytes, with its article, where it is one that Canva takes.
fn file_type(file: &[u8]) -> Option<(&'static str, Read)> {
    Some(match file {
        [0x89, b'P', b'N', b'G', 13, 10, 26, 10, ..] => ("a PNG image", Read::Image(Some("image/png"), png::read)),
        [0xff, 0xd8, 0xff, ..] => ("a JPEG image", Read::Image(Some("image/jpeg"), jpeg::read)),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => ("a GIF image", Read::Image(Some("image/gif"), gif::read)),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => {
            ("a WebP image", Read::Image(Some("image/webp"), webp::read))
        }
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => ("a TIFF image", Read::Image(None, tiff::read)),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => ("a Matroska or WebM video", Read::Video(matroska::read)),
        [0, 0, 1, 0xb3 | 0xba, ..] => ("an MPEG video", Read::Video(mpeg::read)),
        _ => match (boxes(file).next()?, brands(file)) {
            ((b"ftyp", _), Brands::Heic) => ("a HEIC image", Read::Image(None, heic::read)),
            ((b"ftyp", _), Brands::Avif) => return None,
            ((b"ftyp" | b"moov" | b"mdat" | b"wide" | b"free" | b"skip", _), _) => {
                ("an MP4 or QuickTime video", Read::Video(mp4::read))
            }
            _ => return None,
        },
    })
}

/// What a file in boxes says that it is.
enum Brands {
    Heic,
    Avif,
    Other,
}

fn brands(file: &[u8]) -> Brands {
    let brands = boxes(file).next().map_or(&[][..], |(_, content)| content).chunks_exact(4);
    // Both kinds of image also have brands that they share.
    for brand in brands {
        match brand {
            b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" => return Brands::Heic,
            b"avif" | b"avis" => return Brands::Avif,
            _ => {}
        }
    }
    Brands::Other
}

/// What these bytes are, where Canva doesn't take their type, as the end of a sentence.
fn other_type(file: &[u8]) -> &'static str {
    let text = file.trim_ascii_start();
    match file {
        [] => "is empty",
        [b'B', b'M', ..] => "is a BMP image",
        [b'8', b'B', b'P', b'S', ..] => "is a Photoshop file",
        [b'%', b'P', b'D', b'F', ..] => "is a PDF, which is imported as a design",
        [b'P', b'K', 3, 4, ..] => "is a ZIP archive or an Office file",
        [b'R', b'I', b'F', b'F', ..] => "is an AVI video or another RIFF file",
        [b'-', b'-', ..] => MULTIPART,
        _ if text.starts_with(b"<") => "is SVG, HTML or other XML",
        _ if matches!(brands(file), Brands::Avif) => "is an AVIF image",
        _ if is_base64(file) => BASE64,
        _ => "is no image or video of a known type",
    }
}

/// What a file is that came in another one's place.
pub(super) const MULTIPART: &str = "begins as a multipart body does, not as a file";
pub(super) const BASE64: &str = "is Base64 text, not a file's own bytes";

/// Whether this is so long a text in Base64 that it is hardly anything else: of either alphabet, and perhaps in JSON's
/// quotation marks or in a `data:` URL, as pages have it.
pub(super) fn is_base64(file: &[u8]) -> bool {
    const IN_URL: &[u8] = b";base64,";
    let text = file.strip_prefix(b"\"").unwrap_or(file);
    let head = text.get(..128).filter(|head| head.starts_with(b"data:"));
    let before = head.and_then(|head| Some(memchr::memmem::find(head, IN_URL)? + IN_URL.len()));
    let mut start = Reader(text.get(before.unwrap_or(0)..).unwrap_or_default());
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_=\r\n".contains(byte);
    start.take(64).is_some_and(|start| start.iter().all(is_digit))
}
