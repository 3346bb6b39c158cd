//! Looks at each file before it is sent: what kind it is, by its bytes, and whether Canva takes so large a one.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use canva_simulator::{AssetKind, asset_kind, judge_asset};

/// Why Canva wouldn't take a file, and what to do about it.
#[derive(Debug, PartialEq)]
pub enum Refusal {
    TooBig(String),
    Kind { why: String, remedy: &'static str },
}

/// The extensions of the images and videos that Canva takes, and of the documents. In a directory, other files are left
/// out unless their bytes say otherwise.
const MEDIA: [&str; 16] = [
    "gif", "heic", "heif", "jpeg", "jpg", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "png", "tif", "tiff", "webm",
    "webp",
];
const DOCUMENTS: [&str; 17] = [
    "ai", "doc", "docx", "key", "numbers", "odg", "odp", "ods", "odt", "pages", "pdf", "ppt", "pptx", "psd", "rtf",
    "xls", "xlsx",
];

/// Images are under 50 MB and videos under 500 MB. Whether Canva counts in powers of 10 or of 2 isn't known, so only
/// what is certainly too big is refused.
const MAX_IMAGE: u64 = 50 << 20;
const MAX_VIDEO: u64 = 500 << 20;

/// Whether a file that was found in a directory is meant, and if so, whether Canva takes it. Slow: it reads images to
/// their end.
pub fn asset(path: &Path, size: u64) -> io::Result<(bool, Result<(), Refusal>)> {
    let mut file = File::open(path)?;
    let mut bytes = Vec::new();
    file.by_ref().take(4096).read_to_end(&mut bytes)?;
    let meant = has_extension(path, &MEDIA);
    let (kind, max, limit) = match asset_kind(&bytes) {
        Err(why) => return Ok((meant, Err(of_kind(why)))),
        Ok(AssetKind::Video) => ("a video", MAX_VIDEO, "500 MB"),
        Ok(_) => ("an image", MAX_IMAGE, "50 MB"),
    };
    if size > max {
        let why = format!("it is {kind} of {} MB, and Canva takes less than {limit}", size / 1_000_000);
        return Ok((true, Err(Refusal::TooBig(why))));
    }
    if max == MAX_IMAGE {
        file.take(max).read_to_end(&mut bytes)?;
        if let Err(why) = judge_asset(&bytes) {
            return Ok((true, Err(of_kind(why))));
        }
    }
    Ok((true, Ok(())))
}

/// The same of a document. What Canva takes of these isn't all known, so little is refused.
pub fn document(path: &Path) -> io::Result<(bool, Result<(), Refusal>)> {
    let mut bytes = Vec::new();
    File::open(path)?.take(4096).read_to_end(&mut bytes)?;
    let refused = match asset_kind(&bytes) {
        _ if bytes.is_empty() => Some(("is empty", "choose another file")),
        Ok(AssetKind::Video) => Some(("is a video", "`canva upload` takes it")),
        // An Illustrator or Photoshop file is none of these.
        Ok(_) => Some(("is an image", "`canva upload` takes it")),
        Err(_) => None,
    };
    let refused = refused.map(|(why, remedy)| Refusal::Kind { why: format!("it {why}"), remedy });
    Ok((has_extension(path, &DOCUMENTS), refused.map_or(Ok(()), Err)))
}

fn of_kind(why: String) -> Refusal {
    let remedy = match why.as_str() {
        _ if why.starts_with("is a PDF") => "`canva import` takes it",
        _ if why.contains("damaged") => "open it in a program and save it again",
        _ if why.contains("frames") => "save one of its frames, or make a video of it",
        "is empty, and Canva doesn't take it" => "choose another file",
        _ => "save it as JPEG, PNG or MP4",
    };
    Refusal::Kind { why: format!("it {why}"), remedy }
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default().to_ascii_lowercase();
    extensions.contains(&extension.as_str())
}
