//! What a terminal can show: colours, and marks beyond ASCII.

use std::env;
use std::io::IsTerminal;

use super::text;
use crate::item::Status;

#[derive(Clone, Copy, Default)]
pub struct Look {
    pub terminal: bool,
    /// It can move its cursor.
    pub moves: bool,
    colours: bool,
    ascii: bool,
}

#[derive(Clone, Copy)]
pub enum Colour {
    Red = 31,
    Green = 32,
    Yellow = 33,
    /// Less important than what stands beside it.
    Dim = 2,
}

impl Look {
    pub fn of(stream: &impl IsTerminal) -> Self {
        let terminal = stream.is_terminal();
        let moves = terminal && env::var_os("TERM").is_none_or(|name| name != "dumb") && understands_escapes();
        let no_colour = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { terminal, moves, colours: moves && !no_colour, ascii: !is_utf8() }
    }

    pub fn paint(self, colour: Colour, text: &str) -> String {
        if self.colours { format!("\x1b[{}m{text}\x1b[0m", colour as u8) } else { text.to_owned() }
    }

    /// What stands before an item: how it ended.
    pub fn mark(self, status: Status) -> String {
        let (sign, plain, colour) = match status {
            Status::Success => ("✓", "+", Colour::Green),
            Status::Failed => ("✗", "x", Colour::Red),
            Status::Unknown => ("?", "?", Colour::Yellow),
            Status::InProgress => ("…", ".", Colour::Dim),
        };
        self.paint(colour, if self.ascii { plain } else { sign })
    }

    /// A bar in this many cells.
    pub fn bar(self, cells: usize, part: f64) -> String {
        let (full, half, empty) = if self.ascii { ("=", "-", "-") } else { ("━", "╸", "─") };
        let halves = (part.clamp(0.0, 1.0) * cells as f64 * 2.0) as usize;
        let done = full.repeat(halves / 2) + &half.repeat(halves % 2);
        let left = empty.repeat(cells.saturating_sub(text::width(&done)));
        self.paint(Colour::Green, &done) + &self.paint(Colour::Dim, &left)
    }
}

/// Whether text may have other characters than those of ASCII: not if the environment names another encoding.
fn is_utf8() -> bool {
    let names = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter();
    let locale = names.filter_map(|name| env::var(name).ok()).find(|value| !value.is_empty());
    locale.is_none_or(|locale| {
        let locale = locale.to_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

/// Asks a Windows console to.
#[cfg(windows)]
fn understands_escapes() -> bool {
    anstyle_query::windows::enable_ansi_colors() == Some(true)
}

#[cfg(not(windows))]
fn understands_escapes() -> bool {
    true
}
