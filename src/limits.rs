//! The lengths that the spec allows, and the checks that keep a request from leaving that the API wouldn't take.

use crate::error::Error;

include!("../generated/limits.rs");

/// `text` has an allowed number of Unicode scalar values.
pub(crate) fn check(field: &'static str, text: &str, limit: &RangeInclusive<usize>) -> Result<(), Error> {
    check_count(field, text.chars().count(), limit, "characters")
}

/// A list has an allowed number of items.
pub(crate) fn check_count(
    field: &'static str,
    count: usize,
    limit: &RangeInclusive<usize>,
    unit: &str,
) -> Result<(), Error> {
    if limit.contains(&count) {
        return Ok(());
    }
    let expected = match limit.start() {
        0 => format!("at most {} {unit}", limit.end()),
        start => format!("{start} to {} {unit}", limit.end()),
    };
    Err(Error::invalid(field, expected, format!("{count}")))
}

/// `url` has an allowed length, and is one that Canva can fetch from.
pub(crate) fn check_url(url: &str, limit: &RangeInclusive<usize>) -> Result<(), Error> {
    check("url", url, limit)?;
    if reqwest::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
        return Ok(());
    }
    Err(Error::invalid("url", "an http or https URL", format!("{url:?}")))
}

/// `mime_type` has the form of a media type, and can stand in a header.
pub(crate) fn check_mime_type(mime_type: &str) -> Result<(), Error> {
    let printable = mime_type.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if printable && mime_type.contains('/') {
        return Ok(());
    }
    Err(Error::invalid("mime_type", "a media type such as `application/pdf`", format!("{mime_type:?}")))
}

/// `id` can stand in a path: letters, digits, `-` and `_`. Anything else could lead to another resource.
pub(crate) fn check_id(field: &'static str, id: &str, limit: &RangeInclusive<usize>) -> Result<(), Error> {
    check(field, id, limit)?;
    if id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
        return Ok(());
    }
    Err(Error::invalid(field, "letters, digits, `-` and `_`", format!("{id:?}")))
}
