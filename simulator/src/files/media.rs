//! What an uploaded file is, by its bytes: an image or a video, its size in pixels, and a thumbnail of it.

use std::io::Cursor;

use bytes::Bytes;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Rgba, RgbaImage};
use mp4parse::Track;

/// A thumbnail's width and height are at most this, in pixels.
const THUMBNAIL: u32 = 400;

/// The largest image that is decoded: 100 megapixels, such as 10 000 × 10 000, which are 400 MB as 8-bit RGBA. The API
/// documents no bound. There has to be one, because a file of a few kilobytes can unpack into any size.
const MAX_PIXELS: u64 = 100_000_000;

/// The longest side of an image that is decoded, in pixels: the most that a JPEG or a GIF can have.
const MAX_SIDE: u32 = u16::MAX as u32;

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
    pub width: u32,
    pub height: u32,
    /// Of a video, in whole seconds.
    pub duration: Option<u32>,
    pub thumbnail: Thumbnail,
}

#[derive(Clone, Debug)]
pub struct Thumbnail {
    pub width: u32,
    pub height: u32,
    pub png: Bytes,
}

/// The media in these bytes, `None` where they are no image or video, or a broken one. Slow: not for an async task.
pub fn read(bytes: &[u8]) -> Option<Media> {
    image(bytes).or_else(|| video(bytes))
}

fn image(bytes: &[u8]) -> Option<Media> {
    let reader = || ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok();
    let (width, height) = reader()?.into_dimensions().ok()?;
    if width.max(height) > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return None;
    }
    // Images with more than 8 bits a channel are held to fewer pixels by its own limit, 512 MiB.
    let decoding = reader()?;
    // A cut JPEG still decodes, to an image with a grey end. What gives it away is that its end marker is missing.
    if decoding.format() == Some(ImageFormat::Jpeg) && !has_end(bytes) {
        return None;
    }
    let image = decoding.decode().ok()?;
    let (small_width, small_height) = thumbnail_size(width, height);
    // Each pixel is read once. A better filter reads each several times, which takes seconds for the largest images.
    let mut small = image.thumbnail_exact(small_width, small_height);
    // Which way up it is shown, as EXIF says it.
    let orientation = reader()?.into_decoder().and_then(|mut decoder| decoder.orientation()).ok()?;
    small.apply_orientation(orientation);
    let lies = matches!(
        orientation,
        Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH
    );
    let (width, height) = if lies { (height, width) } else { (width, height) };
    let thumbnail = encode(small)?;
    Some(Media { kind: AssetKind::Image, width, height, duration: None, thumbnail })
}

/// Whether a JPEG has its end marker. The headers before the image are passed over, because a thumbnail among them
/// has one of its own.
fn has_end(jpeg: &[u8]) -> bool {
    let mut rest = jpeg.get(2..).unwrap_or_default();
    // Each is a marker, and as many bytes as the two after it say. The image itself begins at 0xffda.
    while let [0xff, marker, high, low, ..] = rest
        && *marker != 0xda
    {
        // 0xff before a marker fills a gap.
        let length = if *marker == 0xff { 1 } else { 2 + usize::from(u16::from_be_bytes([*high, *low])) };
        rest = rest.get(length..).unwrap_or_default();
    }
    rest.windows(2).any(|pair| pair == [0xff, 0xd9])
}

fn video(bytes: &[u8]) -> Option<Media> {
    // Other kinds of file in boxes (HEIC, say) have no `moov`, and videos of sound alone no track with a size.
    let context = mp4parse::read_mp4(&mut Cursor::new(bytes)).ok()?;
    // A size is in 1/65536 pixels.
    let size = |track: &Track| track.tkhd.as_ref().map(|header| (header.width >> 16, header.height >> 16));
    let mut sized = context.tracks.iter().filter_map(|track| Some((track, size(track)?)));
    let (track, (width, height)) =
        sized.find(|(_, (width, height))| width * height > 0).filter(|_| has_content(bytes))?;
    // A video in fragments has none, or 0, there.
    let duration = track.duration.map(|units| units.0).filter(|units| *units > 0);
    let seconds = duration.and_then(|units| units.checked_div(track.timescale?.0));
    let duration = seconds.and_then(|seconds| u32::try_from(seconds).ok());
    let (small_width, small_height) = thumbnail_size(width, height);
    let thumbnail = encode(DynamicImage::ImageRgba8(frame(small_width, small_height)))?;
    Some(Media { kind: AssetKind::Video, width, height, duration, thumbnail })
}

/// Whether an MP4 has anything to play beside its header.
fn has_content(mp4: &[u8]) -> bool {
    let mut rest = mp4;
    // Each box is its length, four letters, and what is in it. Only an `mdat` is so long that its length stands
    // elsewhere.
    while let [a, b, c, d, kind @ ..] = rest {
        let length = u32::from_be_bytes([*a, *b, *c, *d]);
        if kind.starts_with(b"mdat") {
            return length != 8;
        }
        rest = rest.get(length.max(8) as usize..).unwrap_or_default();
    }
    false
}

/// A dark frame with a play sign, in place of an image from the video.
fn frame(width: u32, height: u32) -> RgbaImage {
    let radius = f64::from(width.min(height)) / 5.0;
    RgbaImage::from_fn(width, height, |x, y| {
        let right = f64::from(x) + 0.5 - f64::from(width) / 2.0;
        let down = f64::from(y) + 0.5 - f64::from(height) / 2.0;
        let in_sign = right > -radius && down.abs() < (radius - right) / 2.0;
        if in_sign { Rgba([235, 235, 240, 255]) } else { Rgba([30, 32, 40, 255]) }
    })
}

fn thumbnail_size(width: u32, height: u32) -> (u32, u32) {
    let scale = (f64::from(THUMBNAIL) / f64::from(width.max(height))).min(1.0);
    let scaled = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
    (scaled(width), scaled(height))
}

fn encode(image: DynamicImage) -> Option<Thumbnail> {
    let image = image.into_rgba8();
    let mut png = Cursor::new(Vec::new());
    image.write_to(&mut png, ImageFormat::Png).ok()?;
    Some(Thumbnail { width: image.width(), height: image.height(), png: png.into_inner().into() })
}
