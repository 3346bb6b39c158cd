//! A list of judged changes as a reviewer reads it: sorted, counted and placed, as text or Markdown, or as data through
//! serde. It judges nothing.

use std::fmt::Write;

use serde::Serialize;

use crate::Spec;

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
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Group {
    #[serde(skip)]
    rank: u8,
    #[serde(rename = "part")]
    pub title: String,
    /// The method and path of an operation, or who uses a shared part.
    pub detail: String,
}

impl Group {
    pub(crate) fn operation(title: &str, detail: &str) -> Self {
        Self::new(0, title, detail)
    }

    pub(crate) fn shared(title: &str, detail: &str) -> Self {
        Self::new(1, title, detail)
    }

    pub(crate) fn schema(title: &str, detail: &str) -> Self {
        Self::new(2, title, detail)
    }

    pub(crate) fn document() -> Self {
        Self::new(3, "the document", "")
    }

    fn new(rank: u8, title: &str, detail: &str) -> Self {
        Self { rank, title: printable(title), detail: printable(detail) }
    }
}

/// One judged difference. In the order of a report.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Change {
    #[serde(flatten)]
    pub group: Group,
    pub class: Class,
    /// Where it stands in `file`, as `#/...`.
    pub pointer: String,
    /// What changed, without its class and its group.
    pub sentence: String,
    /// The new spec, or the old one for what is gone.
    pub file: String,
    /// From 1.
    pub line: u64,
}

impl Change {
    pub(crate) fn new(class: Class, group: Group, sentence: &str, spec: &Spec, pointer: &str) -> Self {
        Self {
            group,
            class,
            pointer: format!("#{}", printable(pointer)),
            sentence: printable(sentence),
            file: spec.name.clone(),
            line: spec.line(pointer),
        }
    }
}

/// Every change between two specs. Its serde form is one map with the names of both, the number of changes of each class,
/// and the changes.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    old: String,
    new: String,
    breaking: usize,
    additive: usize,
    editorial: usize,
    changes: Vec<Change>,
    /// Why the second reader could not take part, if so.
    second_reader: Option<String>,
}

impl Report {
    pub(crate) fn new(old: &Spec, new: &Spec, mut changes: Vec<Change>, second_reader: Option<String>) -> Self {
        changes.sort();
        changes.dedup();
        let count = |class| changes.iter().filter(|change| change.class == class).count();
        Self {
            old: old.name.clone(),
            new: new.name.clone(),
            breaking: count(Class::Breaking),
            additive: count(Class::Additive),
            editorial: count(Class::Editorial),
            changes,
            second_reader,
        }
    }

    /// Every change, by part, and within a part the gravest first.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The gravest class there is, or none without a change.
    pub fn gravest(&self) -> Option<Class> {
        self.changes.iter().map(|change| change.class).min()
    }

    /// For a terminal. `lines` adds files and line numbers; without them, an edit elsewhere in the file doesn't change the
    /// text.
    pub fn text(&self, lines: bool) -> String {
        let mut out = format!("{} -> {}: {}\n", self.old, self.new, self.summary());
        for part in self.changes.chunk_by(|a, b| a.group == b.group) {
            if let Some(Change { group: Group { title, detail, .. }, .. }) = part.first() {
                let detail = if detail.is_empty() { String::new() } else { format!("  ({detail})") };
                let _ = write!(out, "\n{title}{detail}\n");
            }
            for Change { class, pointer, sentence, file, line, .. } in part {
                let place = if lines { format!("{file}:{line} {pointer}") } else { pointer.clone() };
                let _ = write!(out, "  {:<10} {sentence}\n             {place}\n", class.name());
            }
        }
        if let Some(reason) = &self.second_reader {
            let _ = write!(out, "\nWithout the second reader (drift): {reason}.\n");
        }
        out
    }

    /// For a comment on a pull request.
    pub fn markdown(&self) -> String {
        let mut out = format!("**`{}` → `{}`**: {}\n", self.old, self.new, self.summary());
        for part in self.changes.chunk_by(|a, b| a.group == b.group) {
            if let Some(Change { group: Group { title, detail, .. }, .. }) = part.first() {
                let detail = if detail.is_empty() { String::new() } else { format!(" — {detail}") };
                let _ = write!(out, "\n#### {}{}\n\n", markdown(title), markdown(&detail));
                out.push_str("| for callers | change | place |\n| --- | --- | --- |\n");
            }
            for Change { class, sentence, file, line, .. } in part {
                let class = if *class == Class::Breaking { "**breaking**" } else { class.name() };
                let _ = writeln!(out, "| {class} | {} | `{file}:{line}` |", markdown(sentence));
            }
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
