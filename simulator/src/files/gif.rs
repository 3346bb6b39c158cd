//! GIF: a header, then images and extensions in blocks, up to a trailer.

use super::media::Picture;
use super::reader::Reader;

pub fn read(file: &[u8]) -> Option<Picture> {
    let mut file = Reader(file);
    file.take(6)?;
    let (width, height) = (file.le16()?, file.le16()?);
    let mut picture = Picture { frames: 0, ..Picture::new(width.into(), height.into())? };
    color_table(&mut file, 2)?;
    loop {
        match file.u8()? {
            b',' => {
                picture.frames += 1;
                file.take(8)?;
                color_table(&mut file, 0)?;
                file.u8()?;
            }
            b'!' => drop(file.u8()?),
            // Some programs write an empty block too many.
            0 => continue,
            b';' => return Some(picture).filter(|picture| picture.frames > 0),
            _ => return None,
        }
        // Blocks of up to 255 bytes, up to an empty one.
        while let length @ 1.. = file.u8()? {
            file.take(length.into())?;
        }
    }
}

/// Takes a byte of flags, what stands between it and its table, and the table.
fn color_table(file: &mut Reader<'_>, between: usize) -> Option<()> {
    let flags = file.u8()?;
    let colors = if flags & 0x80 == 0 { 0 } else { 2 << (flags & 7) };
    file.take(between + 3 * colors).map(drop)
}
