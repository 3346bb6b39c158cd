//! Text from outside, made harmless to a terminal and a log.

use std::fmt::{self, Write};

/// Text of other people, such as an asset's name, as one line that can be printed. Control characters are escaped,
/// and so are line separators, direction marks and most invisible characters: they could move the cursor, forge a
/// line of a log, or show a name as another one. Those that emoji and scripts are written with stay (joiners, tags,
/// variation selectors). The errors of this crate print what the API said in this way.
///
/// ```
/// use canva_connect::Printable;
///
/// assert_eq!(Printable("Hero 🚀").to_string(), "Hero 🚀");
/// assert_eq!(Printable("a\n\u{1b}[2Jb\u{202e}").to_string(), r"a\n\u{1b}[2Jb\u{202e}");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Printable<'a>(pub &'a str);

impl Printable<'_> {
    /// Whether this character would be escaped.
    pub fn escapes(c: char) -> bool {
        // Not the joiners (U+200C, U+200D) and tags, which emoji and some scripts are written with.
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
            || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}')
    }
}

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match Self::escapes(c) {
            true => write!(f, "{}", c.escape_default()),
            false => f.write_char(c),
        })
    }
}

/// The first 1 000 characters of a text, harmless to a terminal. An error is a line of a log; its fields have the
/// whole text.
pub(crate) fn shown(text: &str) -> String {
    Printable(&cut(text, 1_000)).to_string()
}

pub(crate) fn cut(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters).and_then(|(end, _)| text.get(..end)) {
        Some(beginning) => format!("{beginning}…"),
        None => text.to_owned(),
    }
}
