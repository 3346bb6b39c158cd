//! What an imported file is, by its bytes: its media type, and how many pages it has where that can be told.

use std::io::{Cursor, Read};

use roxmltree::{Document as Xml, Node};
use zip::ZipArchive;

/// How much of one part of an Office file is read: a small archive can hold a huge part.
const MAX_PART_BYTES: u64 = 64 << 20;

#[derive(Debug, PartialEq, Eq)]
pub struct Document {
    pub mime_type: &'static str,
    pub page_count: Option<usize>,
}

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

/// The document in these bytes, `None` where they are something else, broken or encrypted. Slow: not for an async task.
pub fn read(bytes: &[u8]) -> Option<Document> {
    if bytes.starts_with(b"%PDF-") { pdf(bytes) } else { office(bytes) }
}

fn pdf(bytes: &[u8]) -> Option<Document> {
    let pdf = lopdf::Document::load_mem(bytes).ok()?;
    let pages = pdf.get_pages().len();
    // The library mends a cut file as far as it can; what it had to mend is a broken file all the same.
    let whole = pdf.xref_recovery.is_none() && pages > 0;
    let readable = whole && !pdf.is_encrypted() && !pdf.was_encrypted();
    readable.then_some(Document { mime_type: "application/pdf", page_count: Some(pages) })
}

fn office(bytes: &[u8]) -> Option<Document> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).ok()?;
    let types = part(&mut archive, "[Content_Types].xml")?;
    let types = Xml::parse(&types).ok()?;
    let (format, name) = elements(&types, "Override").find_map(|entry| {
        let content_type = entry.attribute("ContentType")?;
        let format = [PRESENTATION, TEXT, WORKBOOK].into_iter().find(|format| format.main_part == content_type)?;
        Some((format, entry.attribute("PartName")?.trim_start_matches('/').to_owned()))
    })?;
    let main = part(&mut archive, &name)?;
    let main = Xml::parse(&main).ok()?;
    let slides = (format.mime_type == PRESENTATION.mime_type).then(|| elements(&main, "sldId").count());
    Some(Document { mime_type: format.mime_type, page_count: slides })
}

fn part(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> Option<String> {
    let mut text = String::new();
    archive.by_name(name).ok()?.take(MAX_PART_BYTES).read_to_string(&mut text).ok()?;
    Some(text)
}

fn elements<'a>(xml: &'a Xml<'_>, name: &'static str) -> impl Iterator<Item = Node<'a, 'a>> {
    xml.descendants().filter(move |node| node.is_element() && node.tag_name().name() == name)
}
