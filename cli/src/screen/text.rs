//! Text that fits: cut and padded by the cells that it takes on a terminal, and amounts as people write them.

use std::time::Duration;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// How many cells the text takes.
pub fn width(text: &str) -> usize {
    text.graphemes(true).map(UnicodeWidthStr::width).sum()
}

/// How many cells it takes without its colours.
pub fn width_shown(painted: &str) -> usize {
    let mut parts = painted.split("\x1b[");
    let first = parts.next().unwrap_or_default();
    let rest = parts.map(|part| part.split_once('m').map_or(part, |(_, text)| text));
    width(first) + rest.map(width).sum::<usize>()
}

/// The text in at most this many cells. What is left out is in the middle: names begin alike and end alike.
pub fn cut(text: &str, cells: usize) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    let graphemes: Vec<&str> = text.graphemes(true).collect();
    let left = cells.saturating_sub(1);
    let tail = fitting(graphemes.iter().rev(), left.div_ceil(2));
    let head = fitting(graphemes.iter(), left - left.div_ceil(2));
    let kept = |range: Option<&[&str]>| range.unwrap_or_default().concat();
    let dots = if cells == 0 { "" } else { "…" };
    kept(graphemes.get(..head)) + dots + &kept(graphemes.get(graphemes.len() - tail..))
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
    fn a_name_is_cut_in_its_middle_and_never_too_wide() {
        assert_eq!(cut("IMG_0001.jpg", 12), "IMG_0001.jpg");
    }
}
