//! The name that an upload has by default: that of its file, shortened to what the API takes.

use std::ffi::OsStr;
use std::ops::RangeInclusive;
use std::path::Path;

use unicode_segmentation::UnicodeSegmentation;

use crate::error::Error;

/// The file's name. What is too long is shortened before its extension.
pub(crate) fn file_name(
    field: &'static str,
    path: Option<&Path>,
    length: &RangeInclusive<usize>,
) -> Result<String, Error> {
    let name = unicode(field, path.and_then(Path::file_name))?;
    let stem = Path::new(name).file_stem().and_then(OsStr::to_str).unwrap_or(name);
    let extension = name.strip_prefix(stem).unwrap_or_default();
    if name.chars().count() > *length.end() {
        let beginning = graphemes(stem, length.end().saturating_sub(extension.chars().count()));
        if !beginning.is_empty() {
            return Ok([beginning, extension].concat());
        }
    }
    Ok(shortened(name, length))
}

/// The file's name without its extension.
pub(crate) fn file_stem(
    field: &'static str,
    path: Option<&Path>,
    length: &RangeInclusive<usize>,
) -> Result<String, Error> {
    Ok(shortened(unicode(field, path.and_then(Path::file_stem))?, length))
}

fn unicode<'a>(field: &'static str, name: Option<&'a OsStr>) -> Result<&'a str, Error> {
    let refused = |expected: String, found| Error::invalid(field, expected, found);
    let name =
        name.ok_or_else(|| refused(format!("a {field}, since there is no file name to take"), "none".to_owned()))?;
    let not_unicode = || refused(format!("a {field} to be given, since the file's isn't Unicode"), format!("{name:?}"));
    name.to_str().ok_or_else(not_unicode)
}

/// A character that is longer than all that may be is cut, as it can't be left out.
fn shortened(text: &str, length: &RangeInclusive<usize>) -> String {
    match graphemes(text, *length.end()) {
        "" => text.chars().take(*length.end()).collect(),
        beginning => beginning.to_owned(),
    }
}

/// The beginning of a text with at most so many Unicode scalar values, as the API counts, and only whole characters, as people
/// count: 👩‍🚀 is one of three.
fn graphemes(text: &str, length: usize) -> &str {
    let (mut left, mut end) = (length, 0);
    for (at, grapheme) in text.grapheme_indices(true) {
        let Some(rest) = left.checked_sub(grapheme.chars().count()) else { break };
        (left, end) = (rest, at + grapheme.len());
    }
    text.get(..end).unwrap_or_default()
}
