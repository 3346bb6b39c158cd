//! What an imported file is, by its bytes: its media type, and how many pages it has where that can be told.

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
        [b'P', b'K', 3, 4, ..] => {
            office::read(file).ok_or("is a ZIP archive, but no Word, PowerPoint or Excel file, or a damaged one")
        }
        _ if pdf::is_pdf(file) => pdf::read(file),
        _ => Err("is no PDF, Word, PowerPoint or Excel file"),
    }
}
