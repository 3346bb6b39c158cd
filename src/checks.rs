//! Refuses, before a byte is sent, what the API would refuse.

use std::fmt::Display;
use std::ops::RangeInclusive;

use crate::error::Error;

/// The lengths that the spec allows. Those of operations that have no facade aren't checked.
#[allow(dead_code)]
#[rustfmt::skip]
#[path = "../generated/lengths.rs"]
pub(crate) mod lengths;

/// `text` has an allowed number of Unicode scalar values.
pub(crate) fn text(field: &'static str, text: &str, length: &RangeInclusive<usize>) -> Result<(), Error> {
    let count = text.chars().count();
    if length.contains(&count) { Ok(()) } else { Err(out_of_range(field, count, length, "characters")) }
}

/// A list has an allowed number of texts, each of an allowed length.
pub(crate) fn texts<T: AsRef<str>>(
    field: &'static str,
    texts: &[T],
    length: &RangeInclusive<usize>,
    each: &RangeInclusive<usize>,
) -> Result<(), Error> {
    if !length.contains(&texts.len()) {
        return Err(out_of_range(field, texts.len(), length, field));
    }
    let mut counts = texts.iter().map(|text| text.as_ref().chars().count());
    match counts.find(|count| !each.contains(count)) {
        Some(count) => Err(out_of_range(field, count, each, "characters each")),
        None => Ok(()),
    }
}

/// A width or a height is allowed.
pub(crate) fn pixels(field: &'static str, pixels: i32, range: &RangeInclusive<usize>) -> Result<(), Error> {
    match usize::try_from(pixels) {
        Ok(count) if range.contains(&count) => Ok(()),
        _ => Err(out_of_range(field, pixels, range, "pixels")),
    }
}

/// There are pages, and they are counted from 1.
pub(crate) fn pages(numbers: &[i32]) -> Result<(), Error> {
    match numbers.iter().min() {
        Some(1..) => Ok(()),
        least => Err(Error::invalid("pages", "numbers from 1 on", least.map_or("none".to_owned(), i32::to_string))),
    }
}

/// The most that a page of a list can have.
pub(crate) fn largest_page(limit: &RangeInclusive<usize>) -> Option<i32> {
    i32::try_from(*limit.end()).ok()
}

fn out_of_range(field: &'static str, count: impl Display, length: &RangeInclusive<usize>, unit: &str) -> Error {
    let expected = match length.start() {
        0 => format!("at most {} {unit}", length.end()),
        start => format!("{start} to {} {unit}", length.end()),
    };
    Error::invalid(field, expected, count.to_string())
}

/// `url` has an allowed length, and is one that Canva can fetch from.
pub(crate) fn url(url: &str, length: &RangeInclusive<usize>) -> Result<(), Error> {
    text("url", url, length)?;
    if reqwest::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
        return Ok(());
    }
    Err(Error::invalid("url", "an http or https URL", format!("{url:?}")))
}

/// `mime_type` has the form of a media type, can stand in a header, and has an allowed length where the spec gives one.
pub(crate) fn mime_type(mime_type: &str, length: Option<&RangeInclusive<usize>>) -> Result<(), Error> {
    if let Some(length) = length {
        text("mime_type", mime_type, length)?;
    }
    let printable = mime_type.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if printable && mime_type.contains('/') {
        return Ok(());
    }
    Err(Error::invalid("mime_type", "a media type such as `application/pdf`", format!("{mime_type:?}")))
}

/// `id` can stand in a path: letters, digits, `-` and `_`. Anything else could lead to another resource.
pub(crate) fn id(field: &'static str, id: &str, length: &RangeInclusive<usize>) -> Result<(), Error> {
    text(field, id, length)?;
    if id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
        return Ok(());
    }
    Err(Error::invalid(field, "letters, digits, `-` and `_`", format!("{id:?}")))
}
