//! A list of judged changes as a reviewer reads it: sorted, counted and placed, as text or Markdown, or as data through
//! serde. It judges nothing.

use std::fmt::Write;

use serde::Serialize;

use super::spec::Spec;

/// What a change means for callers of this crate.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Code that compiled may not, or what worked may be refused.
    Breaking,
    /// More is possible, and everything works as before.
    Additive,
    /// It reads differently and does the same.
    Editorial,
}

impl Class {
    pub fn name(self) -> &'static str {
        match self {
            Self::Breaking => "breaking",
            Self::Additive => "additive",
            Self::Editorial => "editorial",
        }
    }
}

/// The part of the spec that a change belongs to. In the order of a report.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Group {
    rank: u8,
    pub title: String,
    /// The method and path of an operation, or who uses a shared part.
    pub detail: String,
}

impl Group {
    pub fn operation(title: String, detail: String) -> Self {
        Self { rank: 0, title, detail }
    }

    pub fn shared(title: String, detail: String) -> Self {
        Self { rank: 1, title, detail }
    }

    pub fn schema(title: String, detail: String) -> Self {
        Self { rank: 2, title, detail }
    }

    pub fn document() -> Self {
        Self { rank: 3, title: "the document".to_owned(), detail: String::new() }
    }
}

#[derive(Clone, Debug)]
pub struct Change {
    pub class: Class,
    pub group: Group,
    pub sentence: String,
    /// Where it stands in the new document, or in the old one if it's gone.
    pub pointer: String,
    pub gone: bool,
}

/// A change as it is printed.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
struct Line {
    #[serde(skip)]
    rank: u8,
    part: String,
    detail: String,
    class: Class,
    pointer: String,
    sentence: String,
    file: String,
    line: u64,
}

#[derive(Clone, Debug, Serialize)]
pub struct Report {
    old: String,
    new: String,
    breaking: usize,
    additive: usize,
    editorial: usize,
    changes: Vec<Line>,
    /// Why the second reader could not take part, if so.
    second_reader: Option<String>,
}

impl Report {
    pub fn new(old: &Spec, new: &Spec, changes: Vec<Change>, second_reader: Option<String>) -> Self {
        let mut lines: Vec<Line> = changes
            .into_iter()
            .map(|change| {
                let document = if change.gone { old } else { new };
                Line {
                    rank: change.group.rank,
                    part: printable(&change.group.title),
                    detail: printable(&change.group.detail),
                    class: change.class,
                    sentence: printable(&change.sentence),
                    file: document.name.clone(),
                    line: document.line(&change.pointer),
                    pointer: format!("#{}", printable(&change.pointer)),
                }
            })
            .collect();
        lines.sort();
        lines.dedup();
        let count = |class| lines.iter().filter(|line| line.class == class).count();
        Self {
            old: old.name.clone(),
            new: new.name.clone(),
            breaking: count(Class::Breaking),
            additive: count(Class::Additive),
            editorial: count(Class::Editorial),
            changes: lines,
            second_reader,
        }
    }

    /// The gravest class there is, or none without a change.
    pub fn gravest(&self) -> Option<Class> {
        self.changes.iter().map(|line| line.class).min()
    }

    /// For a terminal. `lines` are the line numbers; without them, an edit elsewhere in the file doesn't change the text.
    pub fn text(&self, lines: bool) -> String {
        let mut out = format!("{} -> {}: {}\n", self.old, self.new, self.summary());
        let mut part = None;
        for change in &self.changes {
            if part.replace(&change.part) != Some(&change.part) {
                let detail = if change.detail.is_empty() { String::new() } else { format!("  ({})", change.detail) };
                let _ = write!(out, "\n{}{detail}\n", change.part);
            }
            let Line { class, sentence, file, line, pointer, .. } = change;
            let place = if lines { format!("{file}:{line} {pointer}") } else { pointer.clone() };
            let _ = write!(out, "  {:<10} {sentence}\n             {place}\n", class.name());
        }
        if let Some(reason) = &self.second_reader {
            let _ = write!(out, "\nWithout the second reader (drift): {reason}.\n");
        }
        out
    }

    /// For a comment on a pull request.
    pub fn markdown(&self) -> String {
        let mut out = format!("**`{}` → `{}`**: {}\n", self.old, self.new, self.summary());
        let mut part = None;
        for change in &self.changes {
            if part.replace(&change.part) != Some(&change.part) {
                let detail = if change.detail.is_empty() { String::new() } else { format!(" — {}", change.detail) };
                let _ = write!(out, "\n#### {}{}\n\n", markdown(&change.part), markdown(&detail));
                out.push_str("| for callers | change | place |\n| --- | --- | --- |\n");
            }
            let Line { class, sentence, file, line, .. } = change;
            let class = if *class == Class::Breaking { "**breaking**" } else { class.name() };
            let _ = writeln!(out, "| {class} | {} | `{file}:{line}` |", markdown(sentence));
        }
        if let Some(reason) = &self.second_reader {
            let _ = write!(out, "\nWithout the second reader (drift): {}.\n", markdown(reason));
        }
        out
    }

    fn summary(&self) -> String {
        match (self.breaking, self.additive, self.editorial) {
            (0, 0, 0) => "no change".to_owned(),
            (breaking, additive, editorial) => {
                format!("{breaking} breaking, {additive} additive, {editorial} editorial")
            }
        }
    }
}

/// A spec's own words can't start a new line or steer a terminal.
fn printable(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        if c.is_control() {
            out.extend(c.escape_default())
        } else {
            out.push(c)
        }
        out
    })
}

/// Nor can they end a table's cell, or become markup or a mention: what stands in backticks stays there.
fn markdown(text: &str) -> String {
    let mut out = String::new();
    let mut code = false;
    for c in text.chars() {
        match c {
            '`' => {
                code = !code;
                out.push(c);
            }
            '|' => out.push_str("\\|"),
            '<' | '>' | '*' | '_' | '[' | ']' | '@' | '#' if !code => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}
