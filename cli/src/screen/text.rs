//! Text that fits: cut and padded by the cells that it takes on a terminal, and amounts as people write them.

use std::path::MAIN_SEPARATOR;
use std::time::Duration;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How many cells the text takes.
pub fn width(text: &str) -> usize {
    text.graphemes(true).map(UnicodeWidthStr::width).sum()
}

/// The text with only what takes the same cells on every terminal: of an emoji that is joined of several, some show one
/// and some show all, so the first one stands for it.
pub fn same_everywhere(text: &str) -> String {
    let single = |cluster: &str| cluster.chars().filter_map(UnicodeWidthChar::width).sum::<usize>() == cluster.width();
    let first = |cluster: &str| cluster.chars().next().map(String::from).unwrap_or_default();
    text.graphemes(true).map(|it| if single(it) { it.to_owned() } else { first(it) }).collect()
}

/// How many rows a text takes once it is wrapped at so many cells. Its colours take none.
pub fn wrapped(painted: &str, cells: usize) -> usize {
    let mut parts = painted.split("\x1b[");
    let first = parts.next().unwrap_or_default();
    let rest = parts.map(|part| part.split_once('m').map_or(part, |(_, text)| text));
    let (mut rows, mut taken) = (1, 0);
    for width in [first].into_iter().chain(rest).flat_map(str::chars).filter_map(UnicodeWidthChar::width) {
        taken += width;
        // A wide character isn't split.
        if taken > cells {
            (rows, taken) = (rows + 1, width);
        }
    }
    rows
}

/// The text in at most this many cells. What is left out is in the middle: names begin alike and end alike.
pub fn cut(text: &str, cells: usize) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    let graphemes: Vec<&str> = text.graphemes(true).collect();
    let left = cells.saturating_sub(1);
    let tail = fitting(graphemes.iter().rev(), left.div_ceil(2));
    let head = fitting(graphemes.iter(), left / 2);
    let kept = |range: Option<&[&str]>| range.unwrap_or_default().concat();
    let dots = if cells == 0 { "" } else { "…" };
    kept(graphemes.get(..head)) + dots + &kept(graphemes.get(graphemes.len() - tail..))
}

/// The path in at most this many cells. Its directories matter less than the file's name.
pub fn cut_path(path: &str, cells: usize) -> String {
    let name = path.rsplit(['/', MAIN_SEPARATOR]).next().unwrap_or(path);
    cut(if width(path) <= cells { path } else { name }, cells)
}

/// How many of them fit into this many cells.
fn fitting<'a>(graphemes: impl Iterator<Item = &'a &'a str>, cells: usize) -> usize {
    let mut taken = 0;
    graphemes
        .take_while(|it| {
            taken += it.width();
            taken <= cells
        })
        .count()
}

/// The text in exactly this many cells.
pub fn fill(text: &str, cells: usize) -> String {
    let text = cut(text, cells);
    let missing = cells.saturating_sub(width(&text));
    text + &" ".repeat(missing)
}

/// `12 s`, `1 min 45 s`, `2 h 5 min`.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, 0, _) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// `12 s`, `1:45`, `2:05 h`.
pub fn short_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes}:{seconds:02}"),
        (hours, minutes, _) => format!("{hours}:{minutes:02} h"),
    }
}

/// Bytes in the unit that fits `largest`, and the unit.
fn in_unit(bytes: u64, largest: u64) -> (String, &'static str) {
    let (unit, name) = match largest {
        0..1_000_000 => (1e3, "kB"),
        1_000_000..1_000_000_000 => (1e6, "MB"),
        _ => (1e9, "GB"),
    };
    let decimals = usize::from(largest >= 1_000_000);
    (format!("{:.decimals$}", bytes as f64 / unit), name)
}

/// `2.0 MB`.
pub fn bytes(bytes: u64) -> String {
    let (number, unit) = in_unit(bytes, bytes);
    format!("{number} {unit}")
}

/// `22.1 of 37.4 MB`.
pub fn bytes_of(bytes: u64, total: u64) -> String {
    let ((bytes, _), (total, unit)) = (in_unit(bytes, total), in_unit(total, total));
    format!("{bytes} of {total} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_cut_in_its_middle_and_a_path_loses_its_directories_first() {
        assert_eq!(cut("IMG_0001.jpg", 12), "IMG_0001.jpg");
        assert_eq!(cut("Very long description of the final v7.png", 20), "Very long…nal v7.png");
        assert_eq!(cut("日本語の写真.png", 10), "日本….png");
        assert_eq!(cut("日本語", 0), "");
        assert_eq!(cut_path("a/folder/IMG_0001.jpg", 20), "IMG_0001.jpg");
        assert_eq!(cut_path("a/IMG_0001.jpg", 20), "a/IMG_0001.jpg");
    }

    #[test]
    fn what_is_cut_or_filled_has_exactly_the_cells_it_may() {
        for name in ["日本語の写真.png", "👩‍👩‍👧‍👦 family 🚀.jpg", "e\u{301}te\u{301}.png", "plain.png"]
        {
            for cells in 0..30 {
                assert!(width(&cut(name, cells)) <= cells);
                assert_eq!(width(&fill(name, cells)), cells, "{name}");
            }
        }
    }

    #[test]
    fn a_row_that_is_wrapped_splits_no_wide_character() {
        let painted = "\u{1b}[32m日本\u{1b}[0m語 a";
        assert_eq!([8, 7, 6, 5, 4, 3, 2].map(|cells| wrapped(painted, cells)), [1, 2, 2, 2, 2, 4, 4]);
        assert_eq!(wrapped("", 5), 1);
    }

    #[test]
    fn what_terminals_do_not_agree_on_is_left_out() {
        assert_eq!(
            same_everywhere("👩\u{200d}👩\u{200d}👧 ❤\u{fe0f} e\u{301} हिन्दी 日本 🚀"),
            "👩 ❤ e\u{301} हिन्दी 日本 🚀"
        );
    }

    #[test]
    fn amounts_are_written_as_people_do() {
        let seconds = [0, 59, 60, 105, 3_600, 3_723].map(Duration::from_secs);
        assert_eq!(seconds.map(duration), ["0 s", "59 s", "1 min", "1 min 45 s", "1 h", "1 h 2 min"]);
        assert_eq!(seconds.map(short_duration), ["0 s", "59 s", "1:00", "1:45", "1:00 h", "1:02 h"]);
        assert_eq!(bytes_of(22_100_000, 37_400_000), "22.1 of 37.4 MB");
        assert_eq!([0, 36_600, 2_000_000, 5_300_000_000].map(bytes), ["0 kB", "37 kB", "2.0 MB", "5.3 GB"]);
    }
}
