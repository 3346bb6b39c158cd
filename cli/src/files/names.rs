//! The names that files get in Canva: their own, shortened where they are too long, and never two alike for that.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use unicode_segmentation::UnicodeSegmentation;

use crate::item::text;

/// A file's name as it can be sent: what isn't Unicode in it becomes `_`.
pub fn readable(path: &Path) -> PathBuf {
    PathBuf::from(text(path.file_name().unwrap_or_default(), |_| "_".to_owned()))
}

/// The shortened name itself, or one that ends in a number, so that it isn't among those that are taken.
pub fn unlike(shortened: &str, taken: &BTreeSet<String>) -> String {
    let extension = Path::new(shortened).extension().and_then(OsStr::to_str);
    let extension = extension.filter(|it| it.len() <= 5).map(|it| format!(".{it}")).unwrap_or_default();
    let stem = shortened.strip_suffix(&extension).unwrap_or(shortened);
    let numbered = (2..).map(|number| {
        let end = format!(" {number}{extension}");
        // As long as it was, in characters as Canva counts them and whole ones as people do.
        let mut left = shortened.chars().count().saturating_sub(end.chars().count());
        let kept = stem.graphemes(true).take_while(|grapheme| {
            let rest = left.checked_sub(grapheme.chars().count());
            left = rest.unwrap_or(0);
            rest.is_some()
        });
        kept.collect::<String>() + &end
    });
    let mut names = std::iter::once(shortened.to_owned()).chain(numbered);
    names.find(|name| !taken.contains(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortened_names_that_are_alike_are_numbered_within_the_same_length() {
        let name = format!("{}.png", "é".repeat(46));
        let mut taken = BTreeSet::new();
        for end in ["éé.png", " 2.png", " 3.png"] {
            let unlike = unlike(&name, &taken);
            assert!(unlike.ends_with(end) && unlike.chars().count() == 50, "{unlike}");
            assert!(taken.insert(unlike));
        }
        // A character of seven scalar values is dropped as a whole.
        let name = "👩‍👩‍👧‍👦".repeat(7);
        assert_eq!(unlike(&name, &BTreeSet::from([name.clone()])), format!("{} 2", "👩‍👩‍👧‍👦".repeat(6)));
    }
}
