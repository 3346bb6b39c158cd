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

/// The type of the relationship between a file and its main part. The second is that of files in strict mode.
const TO_MAIN_PART: [&str; 2] = [
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument",
    "http://purl.oclc.org/ooxml/officeDocument/relationships/officeDocument",
];

pub fn read(bytes: &[u8]) -> Option<Document> {
    // Each part has such a header in the archive's directory, and the whole directory is read into memory.
    let parts = bytes.windows(4).filter(|four| four == b"PK\x01\x02");
    if parts.take(MAX_PARTS + 1).count() > MAX_PARTS {
        return None;
    }
    let mut archive = ZipArchive::new(Cursor::new(bytes)).ok()?;
    let name = main_part(&part(&mut archive, "_rels/.rels")?)?;
    let content_type = content_type(&part(&mut archive, "[Content_Types].xml")?, &name)?;
    let mut formats = [PRESENTATION, TEXT, WORKBOOK].into_iter();
    let format = formats.find(|format| format.main_part.eq_ignore_ascii_case(&content_type))?;
    let slides = slides(&part(&mut archive, &name)?)?;
    let slides = (format.mime_type == PRESENTATION.mime_type).then_some(slides);
    Some(Document { mime_type: format.mime_type, page_count: slides })
}

/// The name of the main part, by the relationships of the file itself.
fn main_part(relationships: &str) -> Option<String> {
    let mut main = None;
    elements(relationships, |_, element| {
        if element.local_name().as_ref() == "Relationship"
            && attribute(element, "Type").is_some_and(|kind| TO_MAIN_PART.contains(&kind.as_str()))
        {
            main = main.take().or_else(|| attribute(element, "Target"));
        }
    })?;
    Some(main?.trim_start_matches("./").trim_start_matches('/').to_owned())
}

/// The content type of this part: its own, or else that of its extension.
fn content_type(types: &str, part: &str) -> Option<String> {
    let extension = part.rsplit_once('.').map_or("", |(_, extension)| extension);
    let (mut of_part, mut of_extension) = (None, None);
    elements(types, |_, element| {
        let is = |key, value: &str| attribute(element, key).is_some_and(|it| it.eq_ignore_ascii_case(value));
        match element.local_name().as_ref() {
            "Override" if is("PartName", &format!("/{part}")) => of_part = attribute(element, "ContentType"),
            "Default" if is("Extension", extension) => of_extension = attribute(element, "ContentType"),
            _ => {}
        }
    })?;
    of_part.or(of_extension)
}

/// How many slides a presentation lists. Its sections list them again, in a namespace of their own.
fn slides(presentation: &str) -> Option<usize> {
    let (mut slides, mut prefix, mut in_list) = (0, None, false);
    elements(presentation, |depth, element| {
        let own_prefix = element.name().prefix().map(|prefix| prefix.as_ref().to_owned());
        let is = |name| own_prefix == prefix && element.local_name().as_ref() == name;
        match depth {
            1 => in_list = is("sldIdLst"),
            2 if in_list && is("sldId") => slides += 1,
            0 => prefix = own_prefix,
            _ => {}
        }
    })?;
    Some(slides)
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let value = element.try_get_attribute(name).ok()??.normalized_value(XmlVersion::Implicit1_0).ok()?;
    Some(value.into_owned())
}

/// The names of parts have no case.
fn part(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> Option<String> {
    let name = archive.file_names().flatten().find(|other| other.eq_ignore_ascii_case(name))?.into_owned();
    let mut text = String::new();
    archive.by_name(&name).ok()?.take(MAX_PART_BYTES as u64).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Shows each element with how many others it is in, or gives `None` where this isn't the whole of an XML document. No
/// tree is built, no namespace is looked up, and no element's attributes are compared with each other: all cost far
/// more than the file's size where someone wants them to.
fn elements(xml: &str, mut seen: impl FnMut(usize, &BytesStart<'_>)) -> Option<()> {
    let mut reader = Reader::from_str(xml);
    let (mut roots, mut depth) = (0, 0_usize);
    loop {
        let event = reader.read_event().ok()?;
        if let Event::Start(element) | Event::Empty(element) = &event {
            roots += usize::from(depth == 0);
            seen(depth, element);
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
