//! PNG: a signature, then chunks, each with a checksum, from IHDR to IEND.

use super::media::Picture;
use super::reader::Reader;
use super::tiff;

pub fn read(file: &[u8]) -> Option<Picture> {
    let mut file = Reader(file);
    file.take(8)?;
    let (mut picture, mut has_pixels) = (None, false);
    loop {
        let length = usize::try_from(file.be32()?).ok()?;
        let chunk = file.take(length.checked_add(4)?)?;
        if file.be32()? != crc32fast::hash(chunk) {
            return None;
        }
        let mut content = Reader(chunk);
        match (&content.array()?, &mut picture) {
            (b"IHDR", None) => picture = Some(Picture::new(content.be32()?, content.be32()?)?),
            (b"eXIf", Some(picture)) => picture.turn(tiff::orientation(content.0)),
            (b"IDAT", Some(_)) => has_pixels = true,
            (b"IEND", _) => return picture.filter(|_| has_pixels),
            // What comes before the header isn't a PNG's.
            (_, None) => return None,
            _ => {}
        }
    }
}
