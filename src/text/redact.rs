//! Secrets in text that is about to be shown.

use std::borrow::Cow;

/// A shorter text isn't treated as a secret: it would be found inside ordinary words.
const MIN_SECRET: usize = 8;

const REDACTED: &str = "[REDACTED]";

/// The text without a secret that must not be shown: as it is, or with JSON's or a URL's escapes. Other encodings
/// aren't covered, and neither is a part of the secret. If the result is borrowed, the secret isn't in the text.
pub(crate) fn redact<'a>(text: &'a str, secret: &str) -> Cow<'a, str> {
    // No spelling is shorter than the secret.
    if secret.len() < MIN_SECRET || text.len() < secret.len() {
        return text.into();
    }
    let (mut shown, mut rest) = (String::new(), text);
    while let Some((before, after)) = split(rest, secret) {
        shown.push_str(before);
        shown.push_str(REDACTED);
        rest = after;
    }
    if shown.is_empty() { text.into() } else { (shown + rest).into() }
}

/// The same for several secrets.
#[cfg(feature = "oauth")]
pub(crate) fn redact_all<'a>(text: &str, secrets: impl IntoIterator<Item = &'a str>) -> String {
    secrets.into_iter().fold(text.to_owned(), |text, secret| redact(&text, secret).into_owned())
}

/// The text before the secret, and the text after it.
fn split<'a>(text: &'a str, secret: &str) -> Option<(&'a str, &'a str)> {
    let begins = |c: char| matches!(c, '%' | '\\') || secret.starts_with(c);
    text.match_indices(begins).find_map(|(at, _)| {
        let (before, here) = text.split_at_checked(at)?;
        Some((before, strip(here, secret)?))
    })
}

/// The rest of the text after the secret, if the text begins with the secret, escaped or not.
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
    fn a_secret_is_found_as_it_is_and_escaped() {
        let secret = "s3cr3t/t0+k3n";
        for text in
            ["s3cr3t/t0+k3n", r"s3cr3t\/t0+k3n", r"s3cr3t\u002ft0\u002Bk3n", "s3cr3t%2Ft0%2bk3n", "%733cr3t/t0%2Bk3n"]
        {
            assert_eq!(redact(&format!("got {text}."), secret), "got [REDACTED].");
        }
    }

    #[test]
    fn a_short_secret_is_not_looked_for_inside_words() {
        assert_eq!(redact("invalid_access_token", "token"), "invalid_access_token");
        assert_eq!(redact("nothing", ""), "nothing");
    }

    proptest! {
        #[test]
        fn text_without_the_secret_stays(text: String, secret in "[!-~]{12,40}") {
            prop_assume!(!text.contains(['%', '\\']));
            prop_assert_eq!(redact(&text, &secret), text.as_str());
        }
    }
}
