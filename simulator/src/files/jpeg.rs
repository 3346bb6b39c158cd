//! JPEG: segments, each with a marker, from SOI to EOI. Between them, after SOS, are the pixels, packed.

use super::media::Picture;
use super::reader::Reader;
use super::tiff;

pub fn read(file: &[u8]) -> Option<Picture> {
    let mut file = Reader(file);
    file.take(2)?;
    let (mut picture, mut orientation, mut has_pixels) = (None, None, false);
    loop {
        let marker = marker(&mut file)?;
        if marker == 0xd9 {
            let mut picture: Picture = picture.filter(|_| has_pixels)?;
            picture.turn(orientation);
            return Some(picture);
        }
        let length = usize::from(file.be16()?).checked_sub(2)?;
        let mut content = Reader(file.take(length)?);
        match marker {
            // Each SOF but DHT, JPG and DAC, which stand among them.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                content.u8()?;
                let height = content.be16()?;
                picture = Some(Picture::new(content.be16()?.into(), height.into())?);
            }
            0xe1 => orientation = content.0.strip_prefix(b"Exif\0\0").and_then(tiff::orientation).or(orientation),
            0xda => has_pixels = true,
            _ => {}
        }
    }
}

/// The next marker. Packed pixels before it are passed over: 0xff among them is followed by 0, or is a restart.
fn marker(file: &mut Reader<'_>) -> Option<u8> {
    loop {
        let start = memchr::memchr(0xff, file.0)?;
        file.take(start + 1)?;
        match *file.0.first()? {
            // Fills a gap.
            0xff => {}
            0 | 0xd0..=0xd7 => drop(file.u8()),
            _ => return file.u8(),
        }
    }
}
