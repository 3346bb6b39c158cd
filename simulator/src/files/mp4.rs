//! MP4, M4V and QuickTime: tracks described in `moov`, and what they play in `mdat`.

use super::boxes::{boxes, description, find};
use super::media::Clip;
use super::reader::Reader;

pub fn read(file: &[u8]) -> Option<Clip> {
    let mut tracks = boxes(description(file, b"moov")?).filter(|(name, _)| *name == b"trak");
    tracks.find_map(|(_, track)| clip(track))
}

/// What is seen of this track: `None` where that is nothing, as of sound.
fn clip(track: &[u8]) -> Option<Clip> {
    let mut header = Reader(find(track, b"tkhd")?);
    // Before the size: times, ids, layers and a matrix. In 1/65536 pixels.
    let before = if header.be32()? >> 24 == 1 { 84 } else { 72 };
    header.take(before)?;
    let (width, height) = (header.be32()? >> 16, header.be32()? >> 16);
    let duration = find(track, b"mdia").and_then(|media| seconds(find(media, b"mdhd")?));
    (width > 0 && height > 0).then_some(Clip { width, height, duration })
}

/// `None` where the header doesn't say, as in a video in fragments.
fn seconds(media_header: &[u8]) -> Option<u32> {
    let mut header = Reader(media_header);
    let (timescale, units) = match header.be32()? >> 24 {
        1 => header.take(16).and_then(|_| Some((header.be32()?, header.be64()?)))?,
        _ => header.take(8).and_then(|_| Some((header.be32()?, header.be32()?.into())))?,
    };
    let seconds =
        Some(units).filter(|units| !matches!(*units, 0 | 0xffff_ffff | u64::MAX))?.checked_div(timescale.into())?;
    u32::try_from(seconds).ok()
}
