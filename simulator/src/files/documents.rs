//! What an imported file is, by its bytes: its media type, and how many pages it has where that can be told.

use super::media::{BASE64, MULTIPART, is_base64};
use super::{office, pdf};

/// How much of one part of an Office file, or of a PDF's packed objects, is unpacked: a small file can hold a huge one.
pub const MAX_PART_BYTES: usize = 64 << 20;

#[derive(Debug, PartialEq, Eq)]
pub struct Document {
    pub mime_type: &'static str,
    pub page_count: Option<usize>,
}

/// The document in these bytes, or what they are instead, as the end of a sentence. Slow: not for an async task.
pub fn read(file: &[u8]) -> Result<Document, &'static str> {
    match file {
        [] => Err("is empty"),
        // A reader would find the PDF behind the form's first lines.
        [b'-', b'-', ..] if is_form(file) => Err(MULTIPART),
        [b'P', b'K', 3, 4, ..] => {
            office::read(file).ok_or("is a ZIP archive, but no Word, PowerPoint or Excel file, or a damaged one")
        }
        _ if pdf::is_pdf(file) => pdf::read(file),
        _ if is_base64(file) => Err(BASE64),
        _ => Err(
            "is no PDF, and no Word, PowerPoint or Excel file of today's formats: this simulator reads no others, of \
                  which Canva takes some",
        ),
    }
}

/// Whether these bytes look like a document that is read here, be it damaged.
pub fn is_document(file: &[u8]) -> bool {
    file.starts_with(b"PK\x03\x04") || pdf::is_pdf(file)
}

/// Whether the field of a form begins here.
fn is_form(file: &[u8]) -> bool {
    const FIELD: &[u8] = b"content-disposition: form-data";
    let start = file.get(..1024).unwrap_or(file);
    start.windows(FIELD.len()).any(|part| part.eq_ignore_ascii_case(FIELD))
}
