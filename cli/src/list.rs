//! `canva list`: prints what is in a folder, each item as soon as its page is there.

use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::num::NonZeroUsize;
use std::time::{Duration, UNIX_EPOCH};

use canva_connect::{FolderItemSortBy, ListFolderItems, Printable};
use futures_util::stream::StreamExt;
use serde_json::{Map, Value, json};

use crate::End;
use crate::args::Sort;
use crate::item::{Item, Outcome, Subject};
use crate::output::Output;

pub async fn run(
    list: ListFolderItems,
    folder_id: String,
    sort: Sort,
    reverse: bool,
    limit: Option<NonZeroUsize>,
    output: &mut Output,
) -> Result<(), End> {
    let (order, time) = match (sort, reverse) {
        (Sort::Created, false) => (FolderItemSortBy::CreatedDescending, "created_at"),
        (Sort::Created, true) => (FolderItemSortBy::CreatedAscending, "created_at"),
        (Sort::Modified, false) => (FolderItemSortBy::ModifiedDescending, "updated_at"),
        (Sort::Modified, true) => (FolderItemSortBy::ModifiedAscending, "updated_at"),
        (Sort::Title, false) => (FolderItemSortBy::TitleAscending, "updated_at"),
        (Sort::Title, true) => (FolderItemSortBy::TitleDescending, "updated_at"),
    };
    let mut items = list.sort_by(order).stream().take(limit.map_or(usize::MAX, NonZeroUsize::get));
    let mut any = false;
    while let Some(item) = items.next().await {
        let item = match item {
            // Values from JSON can always be serialized.
            Ok(item) => serde_json::to_value(item).unwrap_or_default(),
            Err(error) => {
                let outcome = Outcome::failed(None, &error);
                output.item(&Item { subject: Some(Subject::FolderId { folder_id }), outcome });
                return Ok(());
            }
        };
        any = true;
        let text = line(&item, time);
        let json = json!({ "folder_id": folder_id, "status": "success", "item": item });
        match output.print(&json, text) {
            // The reader has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            printed => printed?,
        }
    }
    if !any && io::stderr().is_terminal() {
        output.progress.say(&format!("{folder_id}: nothing to list; Canva lists no videos"));
    }
    Ok(())
}

/// The item's id, type, time and name. The name comes last: it may be of any width or direction.
fn line(item: &Value, time: &str) -> String {
    let kind = text(item, "type");
    // An item of a new type may have its id in any field, or itself.
    let fields = item.as_object().into_iter().flat_map(Map::values);
    let mut places = kind.and_then(|kind| item.get(kind)).into_iter().chain([item]).chain(fields);
    let it = places.find(|it| text(it, "id").is_some()).unwrap_or(item);
    let time = it.get(time).and_then(Value::as_i64).and_then(date);
    let name = text(it, "name").or_else(|| text(it, "title"));
    // Not empty: a shell that splits lines takes two tabs as one.
    let columns = [text(it, "id"), kind, time.as_deref(), name].map(|it| Printable(it.unwrap_or("-")).to_string());
    if io::stdout().is_terminal() {
        let [id, kind, time, name] = columns;
        format!("{id:<11}  {kind:<14}  {time:<20}  {name}\n")
    } else {
        columns.join("\t") + "\n"
    }
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}

/// `2026-07-31T16:00:12Z`, if the year is one of 1970 to 9999.
fn date(seconds: i64) -> Option<String> {
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(seconds.try_into().ok()?))?;
    let mut text = String::new();
    write!(text, "{}", humantime::format_rfc3339_seconds(time)).ok()?;
    Some(text)
}
