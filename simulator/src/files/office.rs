//! Office files (OOXML): a ZIP archive whose parts are XML.

use std::io::{Cursor, Read};

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use zip::ZipArchive;

use super::documents::{Document, MAX_PART_BYTES};

/// How many parts an Office file may have: as many as a zip file can without ZIP64.
const MAX_PARTS: usize = u16::MAX as usize;

/// An Office format: the media type of the file, and of its main part.
struct Office {
    mime_type: &'static str,
    main_part: &'static str,
}

const PRESENTATION: Office = Office {
    mime_type: "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    main_part: "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml",
};
const TEXT: Office = Office {
    mime_type: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    main_part: "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
};
const WORKBOOK: Office = Office {
    mime_type: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    main_part: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
};

pub fn read(bytes: &[u8]) -> Option<Document> {
    // Each part has such a header in the archive's directory, and the whole directory is read into memory.
    let parts = bytes.windows(4).filter(|four| four == b"PK\x01\x02");
    if parts.take(MAX_PARTS + 1).count() > MAX_PARTS {
        return None;
    }
    let mut archive = ZipArchive::new(Cursor::new(bytes)).ok()?;
    let mut main = None;
    elements(&part(&mut archive, "[Content_Types].xml")?, "Override", |entry| {
        main = main.take().or_else(|| main_part(entry));
    })?;
    let (format, name) = main?;
    let mut slides = 0;
    elements(&part(&mut archive, &name)?, "sldId", |_| slides += 1)?;
    let slides = (format.mime_type == PRESENTATION.mime_type).then_some(slides);
    Some(Document { mime_type: format.mime_type, page_count: slides })
}

/// The format whose main part this entry is about, and where that part is.
fn main_part(entry: &BytesStart<'_>) -> Option<(Office, String)> {
    let text = |name| entry.try_get_attribute(name).ok()??.normalized_value(XmlVersion::Implicit1_0).ok();
    let content_type = text("ContentType")?;
    let format = [PRESENTATION, TEXT, WORKBOOK].into_iter().find(|format| format.main_part == content_type)?;
    Some((format, text("PartName")?.trim_start_matches('/').to_owned()))
}

fn part(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> Option<String> {
    let mut text = String::new();
    archive.by_name(name).ok()?.take(MAX_PART_BYTES as u64).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Shows each element of this name, or gives `None` where this isn't the whole of an XML document. No tree is built,
/// and no element's attributes are compared with each other: both cost far more than the file's size where someone
/// wants them to.
fn elements(xml: &str, name: &str, mut seen: impl FnMut(&BytesStart<'_>)) -> Option<()> {
    let mut reader = Reader::from_str(xml);
    let (mut roots, mut depth) = (0, 0_usize);
    loop {
        let event = reader.read_event().ok()?;
        if let Event::Start(element) | Event::Empty(element) = &event {
            roots += usize::from(depth == 0);
            if element.local_name().as_ref() == name {
                seen(element);
            }
        }
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.checked_sub(1)?,
            Event::Eof => return (roots == 1 && depth == 0).then_some(()),
            // No Office file has one, and its entities are a way to make much of little.
            Event::DocType(_) => return None,
            _ => {}
        }
    }
}
