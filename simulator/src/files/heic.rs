//! HEIC: items described in `meta`. The size is that of the primary item.

use super::boxes::{boxes, description, find};
use super::media::Picture;
use super::reader::Reader;

pub fn read(file: &[u8]) -> Option<Picture> {
    // A version and flags stand before its boxes.
    let meta = description(file, b"meta")?.get(4..)?;
    let mut primary = Reader(find(meta, b"pitm")?);
    let primary = match primary.be32()? >> 24 {
        0 => primary.be16()?.into(),
        _ => primary.be32()?,
    };
    let properties = find(meta, b"iprp")?;
    let own = properties_of(primary, find(properties, b"ipma")?)?;
    let (mut picture, mut turned) = (None, false);
    // They are numbered from 1.
    for (number, (name, content)) in (1..=u16::MAX).zip(boxes(find(properties, b"ipco")?)) {
        let mut content = Reader(content);
        match name {
            _ if !own.contains(&number) => {}
            b"ispe" => {
                content.take(4)?;
                picture = Some(Picture::new(content.be32()?, content.be32()?)?);
            }
            // In quarters of a turn.
            b"irot" => turned = content.u8()? & 1 == 1,
            _ => {}
        }
    }
    let mut picture: Picture = picture?;
    picture.turn(turned.then_some(6));
    Some(picture)
}

/// The numbers of the properties that this item has.
fn properties_of(item: u32, associations: &[u8]) -> Option<Vec<u16>> {
    let mut rest = Reader(associations);
    let head = rest.be32()?;
    let (version, wide) = (head >> 24, head & 1 == 1);
    for _ in 0..rest.be32()? {
        let id = if version == 0 { rest.be16()?.into() } else { rest.be32()? };
        let count = rest.u8()?;
        // The first bit says whether a reader has to understand the property.
        let number = |rest: &mut Reader<'_>| match wide {
            true => Some(rest.be16()? & 0x7fff),
            false => Some(u16::from(rest.u8()? & 0x7f)),
        };
        let numbers = (0..count).map(|_| number(&mut rest)).collect::<Option<_>>()?;
        if id == item {
            return Some(numbers);
        }
    }
    None
}
