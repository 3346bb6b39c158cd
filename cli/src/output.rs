//! Prints results to stdout, as text or JSON, and failures to stderr. [`Printable`] makes text from other people, such
//! as an asset's name, harmless to a terminal and a log.

use std::io::{self, IsTerminal, Write as _};

use std::time::Duration;

use canva_connect::{Asset, Design, DesignLinks, DesignSummary, DesignTypeOutputName, Folder, JobResult, Printable};
use serde::Serialize;
use serde_json::Value;

use crate::end::Worst;
use crate::item::{Item, Made, Status, Subject};
use crate::screen::{self, Ended, Look, Options, Screen};

pub struct Output {
    json: bool,
    /// How stdout shows text.
    look: Look,
    pub screen: Screen,
    /// Counts what couldn't be written as failed.
    pub worst: Worst,
    /// Stdout has failed, perhaps in the middle of a line. Nothing more goes there.
    stdout_failed: bool,
}

impl Output {
    pub fn new(options: Options) -> Self {
        let (json, look) = (options.json, Look::of(&io::stdout()));
        Self { json, look, screen: Screen::new(options), worst: Worst::default(), stdout_failed: false }
    }

    /// Prints the result. Once stdout has failed, results go to stderr, so that no id is lost.
    pub fn item(&mut self, item: &Item) {
        self.worst.and(item.outcome.worst());
        if let Some(error) = &item.outcome.error {
            self.screen.ended(item.outcome.status, item.name(), &error.message.to_string());
        }
        let text = match &item.subject {
            _ if self.json => json_line(item),
            Subject::File { .. } => screen::lines(item, self.look, screen::size_of(&io::stdout()).0),
            _ => text_block(item),
        };
        if !self.stdout_failed
            && let Err(error) = self.write(&text)
        {
            self.stdout_failed = true;
            self.worst.and(Worst::Failed);
            self.screen.say(&format!("{error}; the results follow on standard error"));
        }
        if self.stdout_failed {
            let _ = self.screen.aside(|| io::stderr().write_all(text.as_bytes()));
        }
    }

    /// Prints how many files ended how. A program that reads JSON counts by itself.
    pub fn summary(&self, files: usize, ended: &[Ended], done: &str, took: Duration) {
        if !self.json {
            self.screen.summary(files, ended, done, took);
        }
    }

    /// Prints what Canva can be asked for again. Unlike with [`item`](Self::item), nothing is lost once stdout has
    /// failed.
    pub fn print(&self, json: &Value, text: String) -> io::Result<()> {
        self.write(&if self.json { json_line(json) } else { text })
    }

    /// Prints how to use the simulator, as JSON or as lines for a shell.
    pub fn simulator(&self, json: &Value, exports: String) -> io::Result<()> {
        self.print(json, exports)?;
        if io::stderr().is_terminal() {
            self.screen.say(
                "paste the first line into another shell, and its canva commands use this simulator; the second line \
                 is for programs that log users in, the third for those that steer it; Ctrl-C stops the simulator",
            );
        }
        Ok(())
    }

    /// Prints text that is the same with `--json`.
    pub fn write(&self, text: &str) -> io::Result<()> {
        let written = self.screen.aside(|| {
            let mut stdout = io::stdout().lock();
            stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
        });
        written.map_err(|error| io::Error::new(error.kind(), format!("can't write to standard output ({error})")))
    }
}

/// JSON on one line. What [`Printable`] escapes becomes a `\u` escape, which parses to the same text.
fn json_line(value: &impl Serialize) -> String {
    // Neither serializing these values nor writing to a string can fail.
    let json = serde_json::to_string(value).unwrap_or_default();
    let mut line = String::new();
    for c in json.chars() {
        match Printable::escapes(c) {
            true => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| line += &format!("\\u{unit:04x}")),
            false => line.push(c),
        }
    }
    line + "\n"
}

/// What the user named and, below it, what is in Canva now. Empty if nothing is.
fn text_block(item: &Item) -> String {
    let outcome = &item.outcome;
    let made = match (&outcome.made, &outcome.job_id) {
        (Some(Made::OfJob(JobResult::Asset(asset))), _) => asset_rows(asset),
        (Some(Made::OfJob(JobResult::Designs(designs))), _) => designs.iter().flat_map(imported_rows).collect(),
        (Some(Made::Design { design }), _) => design_rows(design),
        (Some(Made::Folder { folder: Folder { id, name, .. } }), _) => {
            vec![("folder", id.clone()), ("name", name.clone())]
        }
        (None, Some(job_id)) if outcome.status == Status::InProgress => {
            vec![("job", job_id.clone()), ("status", "in progress".to_owned())]
        }
        (None, None) if outcome.status == Status::Success => match &item.subject {
            Subject::ItemId { folder_id, .. } => vec![("folder", folder_id.clone())],
            _ => vec![("status", "in the trash".to_owned())],
        },
        _ => return String::new(),
    };
    format!("{}\n{}", Printable(item.name()), rows("  ", made))
}

/// One line for each key.
pub fn rows(indent: &str, rows: impl IntoIterator<Item = (&'static str, String)>) -> String {
    let line = |(key, value): (&str, String)| format!("{indent}{key:<10} {}\n", Printable(&value));
    rows.into_iter().map(line).collect()
}

fn asset_rows(asset: &Asset) -> Vec<(&'static str, String)> {
    let mut rows = vec![("asset", asset.id.clone()), ("name", asset.name.clone())];
    rows.extend(asset.type_.as_ref().map(|kind| ("type", kind.to_string())));
    rows.extend(size(asset).map(|size| ("size", size)));
    if !asset.tags.is_empty() {
        rows.push(("tags", asset.tags.join(", ")));
    }
    rows.extend(asset.thumbnail.as_ref().map(|it| ("thumbnail", format!("{}x{} {}", it.width, it.height, it.url))));
    rows
}

/// `1200x800` for an image, `1920x1080, 12 s` for a video.
pub fn size(asset: &Asset) -> Option<String> {
    let metadata = asset.metadata.as_ref()?;
    let pixels = metadata.width.zip(metadata.height).map(|(width, height)| format!("{width}x{height}"));
    let seconds = metadata.duration.map(|seconds| format!("{seconds} s"));
    let parts: Vec<String> = pixels.into_iter().chain(seconds).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn imported_rows(design: &DesignSummary) -> Vec<(&'static str, String)> {
    let DesignSummary { id, title, page_count, urls, .. } = design;
    rows_of_design(id, title.as_deref(), None, *page_count, urls)
}

fn design_rows(design: &Design) -> Vec<(&'static str, String)> {
    let Design { id, title, design_types, page_count, urls, .. } = design;
    let types: Vec<&str> = design_types.iter().map(DesignTypeOutputName::as_str).collect();
    rows_of_design(id, title.as_deref(), (!types.is_empty()).then(|| types.join(", ")), *page_count, urls)
}

fn rows_of_design(
    id: &str,
    title: Option<&str>,
    types: Option<String>,
    page_count: Option<i64>,
    urls: &DesignLinks,
) -> Vec<(&'static str, String)> {
    let mut rows = vec![("design", id.to_owned())];
    rows.extend(title.map(|title| ("title", title.to_owned())));
    rows.extend(types.map(|types| ("type", types)));
    rows.extend(page_count.map(|pages| ("pages", pages.to_string())));
    rows.push(("edit", urls.edit_url.clone()));
    rows
}
