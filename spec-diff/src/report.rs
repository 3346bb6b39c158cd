//! The report that a reviewer reads: the judged changes, sorted, counted and placed, as text, as Markdown or as JSON.

use std::fmt::Write;

use clap::ValueEnum;
use serde::Serialize;

use crate::Spec;

/// What a change means for callers of this crate.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Code that compiled may not, or what worked may be refused.
    Breaking,
    /// More is possible, and everything works as before.
    Additive,
    /// The words changed, and nothing else.
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

/// The part of the spec that a change belongs to. Groups sort as a report lists them.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Group {
    #[serde(skip)]
    kind: Kind,
    #[serde(rename = "part")]
    pub title: String,
    /// The method and path of an operation, or who uses a shared part.
    pub detail: String,
}

impl Group {
    pub(crate) fn new(kind: Kind, title: &str, detail: &str) -> Self {
        Self { kind, title: printable(title), detail: printable(detail) }
    }

    pub(crate) fn document() -> Self {
        Self::new(Kind::Document, "the document", "")
    }
}

/// What a group is about.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Kind {
    Operation,
    Shared,
    Schema,
    Document,
}

/// One judged difference. Changes sort as a report lists them.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Change {
    #[serde(flatten)]
    pub group: Group,
    pub class: Class,
    /// Its place in `file`, as `#/...`.
    pub pointer: String,
    /// What changed, without the class and the group.
    pub sentence: String,
    /// The new spec, or the old one if the part is gone.
    pub file: String,
    /// The line in `file`, from 1.
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

/// The changes between two specs. Serialized, it is one map: the names of both specs, the number of changes of each
/// class, and the changes.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    old: String,
    new: String,
    breaking: usize,
    additive: usize,
    editorial: usize,
    changes: Vec<Change>,
}

impl Report {
    pub(crate) fn new(old: &Spec, new: &Spec, mut changes: Vec<Change>) -> Self {
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
        }
    }

    /// The changes, by part, and within a part the gravest first.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Leaves only changes of these classes. All changes still count, and the gravest of them is the same.
    #[must_use]
    pub fn only(mut self, classes: &[Class]) -> Self {
        self.changes.retain(|change| classes.contains(&change.class));
        self
    }

    /// The gravest class among all changes; `None` if nothing changed.
    pub fn gravest(&self) -> Option<Class> {
        let counts =
            [(Class::Breaking, self.breaking), (Class::Additive, self.additive), (Class::Editorial, self.editorial)];
        counts.into_iter().find(|(_, count)| *count > 0).map(|(class, _)| class)
    }

    /// The report for a terminal. `lines` adds files and line numbers; without them, edits elsewhere in the file don't
    /// change the text.
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
        out
    }

    /// The report for a comment on a pull request.
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

/// A spec's words with control characters escaped: they start no line and steer no terminal.
fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(shown).collect()
}

/// A spec's words for Markdown: they end no table cell, and become no markup and no mention. Text in backticks needs
/// less.
fn markdown(text: &str) -> String {
    let escaped = |(index, part): (usize, &str)| {
        let markup: &[char] = if index % 2 == 1 { &['|'] } else { &['|', '<', '>', '*', '_', '[', ']', '@', '#'] };
        part.chars().flat_map(|c| markup.contains(&c).then_some('\\').into_iter().chain([c])).collect::<String>()
    };
    text.split('`').enumerate().map(escaped).collect::<Vec<_>>().join("`")
}
