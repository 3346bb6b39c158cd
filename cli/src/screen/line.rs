//! What became of a file, on a line: aligned for a person, or with a tab between the columns for a program.

use std::path::Path;

use canva_connect::{Asset, DesignSummary, JobResult, Printable};

use super::look::{Colour, Look};
use super::text;
use crate::item::{Item, Made, Status};
use crate::output::size;

/// A name has so many cells if the terminal has room for them.
const NAME: usize = 40;
/// The narrowest name.
const LEAST: usize = 12;
/// What stands beside it: the mark, the id, the size and what is between them.
const BESIDE: usize = 27;

/// A line for each thing that is in Canva.
pub fn lines(item: &Item, look: Look, width: usize) -> String {
    let outcome = &item.outcome;
    match (&outcome.made, &outcome.job_id) {
        (Some(Made::OfJob(JobResult::Asset(asset))), _) => {
            let columns = [asset.id.clone(), size(asset).unwrap_or_default()];
            let also = if outcome.earlier { "  already there".to_owned() } else { also(asset, item.name()) };
            line(item, &columns, also, look, width)
        }
        (Some(Made::OfJob(JobResult::Designs(designs))), _) => designs
            .iter()
            .map(|DesignSummary { id, page_count, urls, .. }| {
                let pages = page_count.map(|count| format!("{count} {}", if count == 1 { "page" } else { "pages" }));
                let columns = [id.clone(), pages.unwrap_or_default(), urls.edit_url.clone()];
                line(item, &columns, String::new(), look, width)
            })
            .collect(),
        (None, Some(job_id)) if outcome.status == Status::InProgress => {
            line(item, &[job_id.clone(), "in progress".to_owned()], String::new(), look, width)
        }
        _ => String::new(),
    }
}

/// The file's name, the columns, and what only a person needs, as far as there is room.
fn line(item: &Item, columns: &[String], also: String, look: Look, width: usize) -> String {
    let name = Printable(item.name()).to_string();
    let columns: Vec<String> = columns.iter().map(|column| Printable(column).to_string()).collect();
    if !look.terminal {
        // Not empty: a shell that splits lines takes two tabs as one.
        let columns = columns.into_iter().map(|column| if column.is_empty() { "-".to_owned() } else { column });
        return [name].into_iter().chain(columns).collect::<Vec<_>>().join("\t") + "\n";
    }
    let status = item.outcome.status;
    let columns = match status {
        // The mark says that it is in progress.
        Status::InProgress => columns.first().cloned().unwrap_or_default(),
        _ => columns.iter().map(|column| format!("{column:<11}")).collect::<Vec<_>>().join("  ").trim_end().to_owned(),
    };
    let beside = BESIDE.max(4 + text::width(&columns));
    let cells = width.saturating_sub(beside).clamp(LEAST, NAME);
    let line = format!("{} {}  {columns}", look.mark(status), text::fill(&text::cut_path(&name, cells), cells));
    let room = width.saturating_sub(4 + cells + text::width(&columns));
    // Less would say nothing.
    let also = if room < LEAST { String::new() } else { text::cut(&also, room) };
    line + &look.paint(Colour::Dim, &also) + "\n"
}

/// The name in Canva if it isn't the file's, and the tags.
fn also(asset: &Asset, file: &str) -> String {
    let own = Path::new(file).file_name().and_then(|name| name.to_str());
    let mut also = String::new();
    if own != Some(asset.name.as_str()) {
        also += &format!("  as \"{}\"", Printable(&asset.name));
    }
    if !asset.tags.is_empty() {
        also += &format!("  tags {}", Printable(&asset.tags.join(", ")));
    }
    also
}
