//! Boxes, which HEIC, MP4 and QuickTime files are made of: a length, four letters, and content, which may be boxes.

use super::reader::Reader;

/// The boxes in this content, in order.
pub struct Boxes<'a> {
    rest: Reader<'a>,
    /// The last box says that it reaches beyond the end.
    is_cut: bool,
}

pub fn boxes(content: &[u8]) -> Boxes<'_> {
    Boxes { rest: Reader(content), is_cut: false }
}

/// The content of the first box of this name.
pub fn find<'a>(content: &'a [u8], name: &[u8; 4]) -> Option<&'a [u8]> {
    boxes(content).find(|(own, _)| *own == name).map(|(_, content)| content)
}

/// The content of the last box of this name, which describes the file: `None` where the file is cut, or has nothing in
/// `mdat` to describe.
pub fn description<'a>(file: &'a [u8], name: &[u8; 4]) -> Option<&'a [u8]> {
    let (mut all, mut description, mut has_content) = (boxes(file), None, false);
    for (own, content) in &mut all {
        if own == name {
            description = Some(content);
        }
        has_content |= own == b"mdat" && !content.is_empty();
    }
    description.filter(|_| has_content && !all.is_cut)
}

impl<'a> Iterator for Boxes<'a> {
    type Item = (&'a [u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let whole = self.rest.0.len();
        let length = self.rest.be32()?;
        let name = self.rest.take(4)?.first_chunk()?;
        let length = match length {
            // To the end.
            0 => Some(whole),
            1 => self.rest.be64().and_then(|length| usize::try_from(length).ok()),
            length => usize::try_from(length).ok(),
        };
        let header = whole - self.rest.0.len();
        let content = length.and_then(|length| self.rest.take(length.checked_sub(header)?));
        if content.is_none() {
            (self.is_cut, self.rest) = (true, Reader(&[]));
        }
        Some((name, content?))
    }
}
