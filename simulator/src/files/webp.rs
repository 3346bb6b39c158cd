//! WebP: chunks in a RIFF container.

use super::media::Picture;
use super::reader::Reader;
use super::tiff;

pub fn read(file: &[u8]) -> Option<Picture> {
    let mut file = Reader(file);
    file.take(4)?;
    let length = usize::try_from(file.le32()?).ok()?;
    let mut chunks = Reader(file.take(length)?);
    chunks.take(4)?;
    let (mut picture, mut still, mut frames, mut orientation) = (None, false, 0, None);
    while !chunks.0.is_empty() {
        let name: [u8; 4] = chunks.array()?;
        let length = usize::try_from(chunks.le32()?).ok()?;
        let mut content = Reader(chunks.take(length)?);
        // Each has an even length; the last may do without the byte that makes it even.
        let _ = chunks.take(length % 2);
        match &name {
            // The size of the canvas comes first, where there is one, and holds for all that follows.
            b"VP8X" => {
                content.take(4)?;
                picture = Some(Picture::new(le24(&mut content)? + 1, le24(&mut content)? + 1)?);
            }
            b"VP8 " => {
                content.take(6)?;
                let side = |content: &mut Reader<'_>| Some(u32::from(content.le16()? & 0x3fff));
                let own = Picture::new(side(&mut content)?, side(&mut content)?)?;
                (picture, still) = (picture.or(Some(own)), true);
            }
            b"VP8L" => {
                content.u8()?;
                let sides = content.le32()?;
                let own = Picture::new((sides & 0x3fff) + 1, (sides >> 14 & 0x3fff) + 1)?;
                (picture, still) = (picture.or(Some(own)), true);
            }
            b"ANMF" => frames += 1,
            b"EXIF" => orientation = tiff::orientation(content.0.strip_prefix(b"Exif\0\0").unwrap_or(content.0)),
            _ => {}
        }
    }
    let mut picture: Picture = picture?;
    picture.frames = if still { 1 } else { frames };
    picture.turn(orientation);
    Some(picture).filter(|picture| picture.frames > 0)
}

fn le24(content: &mut Reader<'_>) -> Option<u32> {
    Some(u32::from(content.le16()?) | u32::from(content.u8()?) << 16)
}
