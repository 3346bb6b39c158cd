//! MPEG-1 and MPEG-2 video, in a program stream or by itself. Nothing in it says where it ends.

use super::media::Clip;
use super::reader::Reader;

/// Where a sequence begins: its size follows.
const SEQUENCE: &[u8] = &[0, 0, 1, 0xb3];

pub fn read(file: &[u8]) -> Option<Clip> {
    let start = memchr::memmem::find(file, SEQUENCE)?;
    let mut header = Reader(file.get(start + SEQUENCE.len()..)?);
    let [a, b, c] = header.array()?.map(u32::from);
    let (width, height) = (a << 4 | b >> 4, (b & 15) << 8 | c);
    (width > 0 && height > 0).then_some(Clip { width, height, duration: None })
}
