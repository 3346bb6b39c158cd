//! Secrets in text that is about to be shown.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// What is shorter than this is no secret: it would be found inside ordinary words.
const MIN_SECRET: usize = 8;

const REDACTED: &str = "[REDACTED]";

/// The text without a secret that must not be shown: as it is, or in Base64 at any place of what was encoded, with JSON's
/// or a URL's escapes in either. Other encodings aren't covered, and neither is a part of the secret. Borrowed, it had none.
pub(crate) fn redact<'a>(text: &'a str, secret: &str) -> Cow<'a, str> {
    // No spelling is shorter than the secret.
    if secret.len() < MIN_SECRET || text.len() < secret.len() {
        return text.into();
    }
    let spellings: Vec<String> = std::iter::once(secret.to_owned()).chain(in_base64(secret)).collect();
    // Nearly every text has none, which is seen quickly where nothing is escaped.
    if !text.contains(['%', '\\']) && !spellings.iter().any(|spelling| text.contains(spelling)) {
        return text.into();
    }
    let (mut shown, mut rest) = (String::new(), text);
    while let Some((before, after)) = split(rest, &spellings) {
        shown.push_str(before);
        shown.push_str(REDACTED);
        rest = after;
    }
    if shown.is_empty() { text.into() } else { (shown + rest).into() }
}

/// The same for several secrets.
pub(crate) fn redact_all<'a>(text: &str, secrets: impl IntoIterator<Item = &'a str>) -> String {
    secrets.into_iter().fold(text.to_owned(), |text, secret| redact(&text, secret).into_owned())
}

/// What comes before the secret and what comes after it, where it is first in one of its spellings.
fn split<'a>(text: &'a str, spellings: &[String]) -> Option<(&'a str, &'a str)> {
    let begins = |c: char| matches!(c, '%' | '\\') || spellings.iter().any(|spelling| spelling.starts_with(c));
    text.match_indices(begins).find_map(|(at, _)| {
        let (before, here) = text.split_at_checked(at)?;
        spellings.iter().find_map(|spelling| Some((before, strip(here, spelling)?)))
    })
}

/// The characters of Base64 that the secret decides alone, whichever of three bytes it begins at.
fn in_base64(secret: &str) -> impl Iterator<Item = String> {
    [("", 0), ("a", 2), ("aa", 3)].into_iter().flat_map(move |(before, shared)| {
        let bytes = [before, secret].concat();
        let whole = bytes.len() * 8 / 6;
        [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)]
            .map(|text| text.get(shared..whole).unwrap_or_default().to_owned())
    })
}

/// What comes after the secret, if the text begins with it, however its characters are escaped.
fn strip<'a>(text: &'a str, secret: &str) -> Option<&'a str> {
    let mut rest = text;
    for expected in secret.chars() {
        rest = rest.strip_prefix(expected).or_else(|| {
            let (c, after) = unescape(rest)?;
            (c == expected).then_some(after)
        })?;
    }
    Some(rest)
}

/// `\/`, `\u002f` or `%2F` at the beginning of the text, and what comes after it.
fn unescape(text: &str) -> Option<(char, &str)> {
    let hex = |digits: &str| u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
    if let Some(rest) = text.strip_prefix('%') {
        return Some((hex(rest.get(..2)?)?, rest.get(2..)?));
    }
    let rest = text.strip_prefix('\\')?;
    match rest.strip_prefix('u') {
        Some(rest) => Some((hex(rest.get(..4)?)?, rest.get(4..)?)),
        None => rest.chars().next().map(|c| (c, &rest[c.len_utf8()..])),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_secret_is_found_in_every_spelling() {
        let secret = "s3cr3t/t0+k3n";
        for text in
            ["s3cr3t/t0+k3n", r"s3cr3t\/t0+k3n", r"s3cr3t\u002ft0\u002Bk3n", "s3cr3t%2Ft0%2bk3n", "%733cr3t/t0%2Bk3n"]
        {
            assert_eq!(redact(&format!("got {text}."), secret), "got [REDACTED].");
        }
        let encoded = STANDARD_NO_PAD.encode("s3?cr?>t>>t0?k3n?");
        assert!(encoded.contains('/') && encoded.contains('+'), "{encoded}");
        for text in [encoded.replace('/', r"\/"), encoded.replace('+', "%2B")] {
            assert!(redact(&text, "s3?cr?>t>>t0?k3n?").starts_with("[REDACTED]"), "{text}");
        }
    }

    #[test]
    fn a_short_secret_is_not_looked_for_inside_words() {
        assert_eq!(redact("invalid_access_token", "token"), "invalid_access_token");
        assert_eq!(redact("nothing", ""), "nothing");
    }

    proptest! {
        #[test]
        fn base64_hides_no_secret(before in any::<Vec<u8>>(), secret in "[!-~]{8,200}", after in any::<Vec<u8>>()) {
            let whole = [&before, secret.as_bytes(), &after].concat();
            for text in [STANDARD_NO_PAD.encode(&whole), URL_SAFE_NO_PAD.encode(&whole)] {
                prop_assert!(redact(&text, &secret).contains("[REDACTED]"), "{}", text);
            }
        }

        #[test]
        fn text_without_the_secret_stays(text: String, secret in "[!-~]{12,40}") {
            prop_assume!(!text.contains(['%', '\\']));
            prop_assert_eq!(redact(&text, &secret), text.as_str());
        }
    }
}
