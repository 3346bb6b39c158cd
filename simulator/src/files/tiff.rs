//! TIFF: a directory of numbered fields, one of which says where the pixels are. EXIF headers are TIFF files too.

use super::media::Picture;
use super::reader::Reader;

const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const ORIENTATION: u16 = 274;
/// Where each strip or tile of pixels begins, and how long it is.
const PIXELS: [(u16, u16); 2] = [(273, 279), (324, 325)];

pub fn read(file: &[u8]) -> Option<Picture> {
    let directory = Directory::first(file).filter(|directory| directory.is_whole)?;
    let mut picture = Picture::new(directory.number(WIDTH)?, directory.number(HEIGHT)?)?;
    picture.turn(directory.number(ORIENTATION));
    let (starts, lengths) = PIXELS.iter().find_map(|(starts, lengths)| {
        Some((directory.field(*starts)?, directory.field(*lengths)?)).filter(|(starts, _)| starts.count > 0)
    })?;
    let inside = |(start, length): (u32, u32)| u64::from(start) + u64::from(length) <= file.len() as u64;
    (starts.count == lengths.count && starts.numbers().zip(lengths.numbers()).all(inside)).then_some(picture)
}

/// How an image is turned, as the EXIF header says it: 1 to 8.
pub fn orientation(exif: &[u8]) -> Option<u32> {
    Directory::first(exif)?.number(ORIENTATION)
}

struct Directory<'a> {
    file: &'a [u8],
    little_endian: bool,
    entries: &'a [u8],
    /// The place of the next directory follows. EXIF headers may do without.
    is_whole: bool,
}

/// Whole numbers of two or four bytes.
struct Field<'a> {
    little_endian: bool,
    width: usize,
    count: usize,
    values: &'a [u8],
}

impl<'a> Directory<'a> {
    fn first(file: &'a [u8]) -> Option<Self> {
        let little_endian = match file {
            [b'I', b'I', 42, 0, ..] => true,
            [b'M', b'M', 0, 42, ..] => false,
            _ => return None,
        };
        let start = usize::try_from(number(file.get(4..8)?, little_endian)).ok()?;
        let mut rest = Reader(file.get(start..)?);
        let count = number(rest.take(2)?, little_endian) as usize;
        let entries = rest.take(12 * count)?;
        Some(Self { file, little_endian, entries, is_whole: rest.take(4).is_some() })
    }

    /// The field of this number: `None` where there is none, it holds no whole numbers, or the file ends before them.
    fn field(&self, tag: u16) -> Option<Field<'a>> {
        let number = |bytes| number(bytes, self.little_endian);
        let mut entries = self.entries.chunks_exact(12).map(Reader);
        let mut entry = entries.find(|entry| entry.0.get(..2).is_some_and(|own| number(own) == u32::from(tag)))?;
        entry.take(2)?;
        let width = match number(entry.take(2)?) {
            3 => 2,
            4 => 4,
            _ => return None,
        };
        let count = usize::try_from(number(entry.take(4)?)).ok()?;
        let length = count.checked_mul(width)?;
        // Up to four bytes stand in the entry itself.
        let values = if length <= 4 { entry.0 } else { self.file.get(usize::try_from(number(entry.0)).ok()?..)? };
        Some(Field { little_endian: self.little_endian, width, count, values: values.get(..length)? })
    }

    fn number(&self, tag: u16) -> Option<u32> {
        self.field(tag)?.numbers().next()
    }
}

impl Field<'_> {
    fn numbers(&self) -> impl Iterator<Item = u32> {
        self.values.chunks_exact(self.width).map(|value| number(value, self.little_endian))
    }
}

fn number(bytes: &[u8], little_endian: bool) -> u32 {
    let add = |sum: u32, byte: &u8| sum << 8 | u32::from(*byte);
    if little_endian { bytes.iter().rev().fold(0, add) } else { bytes.iter().fold(0, add) }
}
