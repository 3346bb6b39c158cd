//! The lengths that the spec allows, and the checks that keep a request from leaving when it is over them.

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

/// `id` can stand in a path: letters, digits, `-` and `_`. Anything else could lead to another resource.
pub(crate) fn check_id(field: &'static str, id: &str, limit: &RangeInclusive<usize>) -> Result<(), Error> {
    check(field, id, limit)?;
    if id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
        return Ok(());
    }
    Err(Error::invalid(field, "letters, digits, `-` and `_`", format!("{id:?}")))
}
