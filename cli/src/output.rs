//! Prints results to stdout, as text or JSON, and failures to stderr. Each line is flushed at once.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};

use canva_connect::{Asset, DesignSummary, JobResult};
use serde::Serialize;
use serde_json::json;

use crate::item::{Item, Status};
use crate::printable::printable;
use crate::progress::ProgressLines;

pub struct Output {
    json: bool,
    progress: ProgressLines,
    any_failed: bool,
}

impl Output {
    pub fn new(json: bool) -> Self {
        Self { json, progress: ProgressLines::default(), any_failed: false }
    }

    pub fn progress(&self) -> ProgressLines {
        self.progress.clone()
    }

    /// Whether an item failed, or may have.
    pub fn any_failed(&self) -> bool {
        self.any_failed
    }

    pub fn item(&mut self, item: &Item) -> io::Result<()> {
        if let Some(error) = &item.outcome.error {
            self.any_failed = true;
            self.say(&format!("{}: {}", item.name(), error.message));
        }
        self.write(&if self.json { json_line(item)? } else { text_block(item) })
    }

    pub fn simulator(&self, base_url: &str, token: &str) -> io::Result<()> {
        let text = if self.json {
            json_line(&json!({ "base_url": base_url, "access_token": token }))?
        } else {
            format!("export CANVA_BASE_URL={base_url} CANVA_ACCESS_TOKEN={token}\n")
        };
        self.write(&text)?;
        if io::stderr().is_terminal() {
            self.say("paste that line into another shell: its canva commands then use this simulator; Ctrl-C stops it");
        }
        Ok(())
    }

    /// One line on stderr.
    pub fn say(&self, message: &str) {
        // An error means that stderr is gone; there is nowhere to report it.
        let _ = self.progress.aside(|| writeln!(io::stderr(), "canva: {}", printable(message)));
    }

    fn write(&self, text: &str) -> io::Result<()> {
        let written = self.progress.aside(|| {
            let mut stdout = io::stdout().lock();
            stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
        });
        written.map_err(|error| io::Error::new(error.kind(), format!("can't write the result: {error}")))
    }
}

fn json_line(value: &impl Serialize) -> io::Result<String> {
    Ok(serde_json::to_string(value)? + "\n")
}

/// What the user named, and below it what is in Canva now; empty if that is nothing.
fn text_block(item: &Item) -> String {
    let outcome = &item.outcome;
    let rows = match (&outcome.made, &outcome.job_id) {
        (Some(JobResult::Asset(asset)), _) => asset_rows(asset),
        (Some(JobResult::Designs(designs)), _) => designs.iter().flat_map(design_rows).collect(),
        (None, Some(job_id)) if outcome.status == Status::InProgress => {
            vec![("job", job_id.clone()), ("status", "in progress".to_owned())]
        }
        (None, None) if outcome.status == Status::Success => vec![("status", "in the trash".to_owned())],
        _ => return String::new(),
    };
    let mut block = printable(item.name()) + "\n";
    for (key, value) in rows {
        // Writing to a string can't fail.
        let _ = writeln!(block, "  {key:<10} {}", printable(&value));
    }
    block
}

fn asset_rows(asset: &Asset) -> Vec<(&'static str, String)> {
    let mut rows = vec![("asset", asset.id.clone()), ("name", asset.name.clone())];
    rows.extend(asset.type_.as_ref().map(|kind| ("type", kind.to_string())));
    if !asset.tags.is_empty() {
        rows.push(("tags", asset.tags.join(", ")));
    }
    rows.extend(asset.thumbnail.as_ref().map(|it| ("thumbnail", format!("{}x{} {}", it.width, it.height, it.url))));
    rows
}

fn design_rows(design: &DesignSummary) -> Vec<(&'static str, String)> {
    let mut rows = vec![("design", design.id.clone())];
    rows.extend(design.title.clone().map(|title| ("title", title)));
    rows.extend(design.page_count.map(|pages| ("pages", pages.to_string())));
    rows.push(("edit", design.urls.edit_url.clone()));
    rows
}
