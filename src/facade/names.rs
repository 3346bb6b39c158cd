//! The default name of an upload: the name of its file, shortened to the API's limit.

use std::ops::RangeInclusive;
use std::path::Path;

use unicode_segmentation::UnicodeSegmentation;

use crate::error::Error;

/// The file's name. A name that is too long is shortened before its extension.
pub(crate) fn file_name(
    field: &'static str,
    path: Option<&Path>,
    length: &RangeInclusive<usize>,
) -> Result<String, Error> {
    let name = unicode(field, path)?;
    let (stem, extension) = split(name);
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
    Ok(shortened(split(unicode(field, path)?).0, length))
}

/// The name before its extension, and the extension with its dot. What follows the last dot of `Report v1.2` or of
/// `Mr. Smith visits` is none: an extension is short, of letters and digits, and not a number.
fn split(name: &str) -> (&str, &str) {
    let at = name.rfind('.').filter(|at| *at > 0).unwrap_or(name.len());
    let (stem, extension) = name.split_at(at);
    let letters = extension.get(1..).unwrap_or_default().as_bytes();
    let is_one = letters.len() <= 5
        && letters.iter().all(u8::is_ascii_alphanumeric)
        && letters.iter().any(u8::is_ascii_alphabetic);
    if is_one { (stem, extension) } else { (name, "") }
}

fn unicode<'a>(field: &'static str, path: Option<&'a Path>) -> Result<&'a str, Error> {
    let refused = |why, found| Error::invalid(field, format!("a {field} to be given, since {why}"), found);
    let name =
        path.and_then(Path::file_name).ok_or_else(|| refused("there is no file name to take", "none".to_owned()))?;
    name.to_str().ok_or_else(|| refused("the file's isn't Unicode", format!("{name:?}")))
}

/// A single character that exceeds the limit is cut, since nothing else is left.
fn shortened(text: &str, length: &RangeInclusive<usize>) -> String {
    match graphemes(text, *length.end()) {
        "" => text.chars().take(*length.end()).collect(),
        beginning => beginning.to_owned(),
    }
}

/// The beginning of a text with at most so many Unicode scalar values, as the API counts, and only whole characters,
/// as people count: 👩‍🚀 is one of three.
fn graphemes(text: &str, length: usize) -> &str {
    let (mut left, mut end) = (length, 0);
    for (at, grapheme) in text.grapheme_indices(true) {
        let Some(rest) = left.checked_sub(grapheme.chars().count()) else { break };
        (left, end) = (rest, at + grapheme.len());
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use proptest::prelude::*;

    use super::*;

    const LENGTH: RangeInclusive<usize> = 1..=50;

    fn named(name: &str) -> String {
        file_name("name", Some(Path::new(name)), &LENGTH).ok().unwrap_or_default()
    }

    #[test]
    fn a_name_is_shortened_before_its_extension() {
        assert_eq!(named(&format!("{}.jpeg", "é".repeat(46))), format!("{}.jpeg", "é".repeat(45)));
        // Seven scalar values each, of which 46 have room for six.
        assert_eq!(named(&format!("{}.png", "👩‍👩‍👧‍👦".repeat(8))), format!("{}.png", "👩‍👩‍👧‍👦".repeat(6)));
        // No room for an extension, or none of it is one.
        assert_eq!(named(&format!("a.{}", "b".repeat(60))), format!("a.{}", "b".repeat(48)));
        assert_eq!(named(&format!(".{}", "b".repeat(60))), format!(".{}", "b".repeat(49)));
        // One character for people, and too long for the API.
        assert_eq!(named(&format!("a{}", "\u{301}".repeat(60))), format!("a{}", "\u{301}".repeat(49)));
    }

    #[test]
    fn what_follows_a_dot_is_an_extension_only_if_it_looks_like_one() {
        let title = |name: &str| file_stem("title", Some(Path::new(name)), &LENGTH).ok().unwrap_or_default();
        for (name, extension) in [
            ("photo", ".png"),
            ("2026.11.28 Board meeting", ".pptx"),
            ("holiday.final", ".JPEG"),
            ("clip", ".mp4"),
            ("clip", ".3gp"),
            ("2026.11.28 Board meeting", ""),
            ("Report v1.2", ""),
            ("Mr. Smith visits", ""),
            ("Scan 1.2026", ""),
            ("Wirtschaftsprüfung.März", ""),
            ("Notes.by everyone", ""),
            ("ends with a dot.", ""),
        ] {
            assert_eq!(title(&format!("{name}{extension}")), name);
            // As long as it may be, with the extension at its end.
            let long = format!("{}{name}{extension}", "é".repeat(50));
            let kept = format!("{}{extension}", "é".repeat(50 - extension.len()));
            assert_eq!(named(&long), if extension.is_empty() { "é".repeat(50) } else { kept });
        }
        assert_eq!(title(".png"), ".png");
        assert_eq!(
            named("10. Introduction to all of our many products 2026 B"),
            "10. Introduction to all of our many products 2026 "
        );
    }

    /// Text of whole characters of all lengths.
    fn text() -> impl Strategy<Value = String> {
        let grapheme = prop_oneof![
            "[ a-zA-Z0-9._-]",
            any::<char>().prop_map(String::from),
            prop::sample::select(vec!["é", "e\u{301}", "👩🏽‍🚀", "👩‍👩‍👧‍👦", "🇩🇪", "நி", "각", "\r\n"]).prop_map(str::to_owned),
        ];
        prop::collection::vec(grapheme, 1..120).prop_map(|text| text.concat().replace(['/', '\0'], "_"))
    }

    proptest! {
        #[test]
        fn any_file_name_gives_a_name_that_the_api_takes(text in text(), extension in "(\\.[a-z0-9]{1,5})?") {
            let name = format!("{text}{extension}");
            prop_assume!(Path::new(&name).file_name() == Some(OsStr::new(&name)));
            let given = named(&name);
            let count = name.chars().count();
            prop_assert!(LENGTH.contains(&given.chars().count()), "{:?}", given);
            if count <= 50 {
                prop_assert_eq!(given, name);
                return Ok(());
            }
            let (stem, suffix) = split(&name);
            let first = |text: &str| text.graphemes(true).next().map_or(0, |grapheme| grapheme.chars().count());
            let fits = first(stem) + suffix.chars().count() <= 50;
            prop_assert!(!fits || given.ends_with(suffix), "{:?}", given);
            // What is left of the rest ends where a character does.
            let kept = if fits { &given[..given.len() - suffix.len()] } else { &given };
            let whole = if fits { stem } else { &name };
            prop_assert!(whole.starts_with(kept));
            let ends = whole.grapheme_indices(true).any(|(at, grapheme)| at + grapheme.len() == kept.len());
            prop_assert!(ends || first(whole) > 50, "{:?}", given);
        }

        #[test]
        fn any_file_name_gives_a_title_that_the_api_takes(text in text()) {
            prop_assume!(Path::new(&text).file_name() == Some(OsStr::new(&text)));
            let title = file_stem("title", Some(Path::new(&text)), &LENGTH).ok().unwrap_or_default();
            prop_assert!(LENGTH.contains(&title.chars().count()), "{:?}", title);
            prop_assert!(text.starts_with(&title));
        }
    }
}
