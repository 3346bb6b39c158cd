//! Prints results to stdout, as text or JSON, and failures to stderr. Each line is flushed at once. Text from other people,
//! such as an asset's name, is made harmless to a terminal and a log: see [`Printable`].

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::path::Path;

use canva_connect::{Asset, AssetMetadata, DesignSummary, JobResult, Printable};
use canva_simulator::Simulator;
use serde::Serialize;
use serde_json::json;
use serde_json::ser::{Formatter, Serializer};

use crate::item::{Item, Status};
use crate::progress::ProgressLines;

pub struct Output {
    json: bool,
    progress: ProgressLines,
    any_failed: bool,
    /// Stdout has failed. Nothing more goes there: after a line that was cut short, the next would be cut short too.
    stdout_failed: bool,
}

impl Output {
    pub fn new(json: bool) -> Self {
        Self { json, progress: ProgressLines::default(), any_failed: false, stdout_failed: false }
    }

    pub fn progress(&self) -> ProgressLines {
        self.progress.clone()
    }

    /// Whether an item failed, or may have, or its result couldn't be written.
    pub fn any_failed(&self) -> bool {
        self.any_failed
    }

    /// Prints the result; to stderr once stdout has failed, so that the ids in it aren't lost.
    pub fn item(&mut self, item: &Item) {
        if let Some(error) = &item.outcome.error {
            self.any_failed = true;
            self.say(&format!("{}: {}", item.name(), error.message));
        }
        let text = if self.json { json_line(item) } else { text_block(item) };
        if !self.stdout_failed
            && let Err(error) = self.write(&text)
        {
            (self.stdout_failed, self.any_failed) = (true, true);
            self.say(&format!("{error}; the results follow on standard error"));
        }
        if self.stdout_failed {
            let _ = self.progress.aside(|| io::stderr().write_all(text.as_bytes()));
        }
    }

    /// `certificate` is the file of what a client has to trust, where the simulator speaks TLS.
    pub fn simulator(&self, simulator: &Simulator, certificate: Option<&Path>) -> io::Result<()> {
        let (base_url, token) = (simulator.base_url(), simulator.token());
        let (id, secret, url) = (simulator.client_id(), simulator.client_secret(), simulator.authorization_url());
        let text = if self.json {
            json_line(&json!({
                "base_url": base_url,
                "access_token": token,
                "client_id": id,
                "client_secret": secret,
                "authorization_url": url,
                "certificate_file": certificate,
            }))
        } else {
            // The path of a temporary directory may have spaces and quotes.
            let trust = certificate.map(|file| file.to_string_lossy().replace('\'', r"'\''"));
            let trust = trust.map(|file| format!(" SSL_CERT_FILE='{file}'")).unwrap_or_default();
            format!(
                "export CANVA_BASE_URL={base_url} CANVA_ACCESS_TOKEN={token}{trust}\n\
                 export CANVA_CLIENT_ID={id} CANVA_CLIENT_SECRET={secret} CANVA_AUTHORIZATION_URL={url}\n"
            )
        };
        self.write(&text)?;
        if io::stderr().is_terminal() {
            self.say(
                "paste the first line into another shell: its canva commands then use this simulator; the second is for \
                 programs that log users in; Ctrl-C stops it",
            );
        }
        Ok(())
    }

    /// One line on stderr.
    pub fn say(&self, message: &str) {
        self.progress.say(message);
    }

    fn write(&self, text: &str) -> io::Result<()> {
        let written = self.progress.aside(|| {
            let mut stdout = io::stdout().lock();
            stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
        });
        written.map_err(|error| io::Error::new(error.kind(), format!("can't write to standard output: {error}")))
    }
}

fn json_line(value: &impl Serialize) -> String {
    let mut line = Vec::new();
    // Neither the values printed here nor writing to a vector can fail.
    let _ = value.serialize(&mut Serializer::with_formatter(&mut line, PrintableJson));
    line.push(b'\n');
    String::from_utf8_lossy(&line).into_owned()
}

/// JSON on one line, where the characters that [`Printable`] escapes are `\u` escapes: it parses to the same text.
struct PrintableJson;

impl Formatter for PrintableJson {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        fragment.chars().try_for_each(|c| match Printable::escapes(c) {
            true => c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(writer, "\\u{unit:04x}")),
            false => write!(writer, "{c}"),
        })
    }
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
    let mut block = format!("{}\n", Printable(item.name()));
    for (key, value) in rows {
        // Writing to a string can't fail.
        let _ = writeln!(block, "  {key:<10} {}", Printable(&value));
    }
    block
}

fn asset_rows(asset: &Asset) -> Vec<(&'static str, String)> {
    let mut rows = vec![("asset", asset.id.clone()), ("name", asset.name.clone())];
    rows.extend(asset.type_.as_ref().map(|kind| ("type", kind.to_string())));
    rows.extend(asset.metadata.as_ref().and_then(size));
    if !asset.tags.is_empty() {
        rows.push(("tags", asset.tags.join(", ")));
    }
    rows.extend(asset.thumbnail.as_ref().map(|it| ("thumbnail", format!("{}x{} {}", it.width, it.height, it.url))));
    rows
}

/// Of an image `1200x800`, of a video `1920x1080, 12 s`: in pixels, and in whole seconds.
fn size(metadata: &AssetMetadata) -> Option<(&'static str, String)> {
    let pixels = metadata.width.zip(metadata.height).map(|(width, height)| format!("{width}x{height}"));
    let seconds = metadata.duration.map(|seconds| format!("{seconds} s"));
    let parts: Vec<String> = pixels.into_iter().chain(seconds).collect();
    (!parts.is_empty()).then(|| ("size", parts.join(", ")))
}

fn design_rows(design: &DesignSummary) -> Vec<(&'static str, String)> {
    let mut rows = vec![("design", design.id.clone())];
    rows.extend(design.title.clone().map(|title| ("title", title)));
    rows.extend(design.page_count.map(|pages| ("pages", pages.to_string())));
    rows.push(("edit", design.urls.edit_url.clone()));
    rows
}
