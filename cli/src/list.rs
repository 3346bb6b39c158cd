//! `canva list` and `canva design list`: print each item as soon as its page is there.

use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::num::NonZeroUsize;
use std::time::{Duration, UNIX_EPOCH};

use canva_connect::{FolderItemSortBy, Items, ListDesigns, ListFolderItems, Printable, SortByType};
use futures_util::stream::StreamExt;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::End;
use crate::args::{DesignSort, Sort};
use crate::item::{Item, Outcome, Subject};
use crate::output::Output;

/// How what is listed is printed.
struct Format<'a> {
    /// The key of an item in JSON.
    key: &'static str,
    /// An item on a line of text.
    line: &'a dyn Fn(&Value) -> String,
    /// Where there is nothing, this is said on a terminal.
    nothing: &'static str,
}

/// Prints what is in a folder.
pub async fn folder(
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
    let line = |item: &Value| item_line(item, time);
    let format = Format { key: "item", line: &line, nothing: "nothing to list; Canva lists no videos" };
    print(list.sort_by(order).stream(), Subject::FolderId { folder_id }, limit, format, output).await
}

/// Prints designs.
pub async fn designs(
    list: ListDesigns,
    query: Option<String>,
    sort: DesignSort,
    reverse: bool,
    limit: Option<NonZeroUsize>,
    output: &mut Output,
) -> Result<(), End> {
    let order = match (sort, reverse) {
        (DesignSort::Relevance, _) => SortByType::Relevance,
        (DesignSort::Modified, false) => SortByType::ModifiedDescending,
        (DesignSort::Modified, true) => SortByType::ModifiedAscending,
        (DesignSort::Title, false) => SortByType::TitleAscending,
        (DesignSort::Title, true) => SortByType::TitleDescending,
    };
    let format = Format { key: "design", line: &design_line, nothing: "nothing to list" };
    print(list.sort_by(order).stream(), Subject::Query { query }, limit, format, output).await
}

async fn print<T: Serialize + Send + 'static>(
    items: Items<T>,
    subject: Subject,
    limit: Option<NonZeroUsize>,
    format: Format<'_>,
    output: &mut Output,
) -> Result<(), End> {
    // Values from JSON can always be serialized, and so can text.
    let named = serde_json::to_value(&subject).unwrap_or_default();
    let mut items = items.take(limit.map_or(usize::MAX, NonZeroUsize::get));
    let mut any = false;
    while let Some(item) = items.next().await {
        let item = match item {
            Ok(item) => serde_json::to_value(item).unwrap_or_default(),
            Err(error) => {
                let outcome = Outcome::failed(None, &error);
                output.item(&Item { subject, outcome });
                return Ok(());
            }
        };
        any = true;
        let text = (format.line)(&item);
        let mut json = Map::from_iter([("status".to_owned(), "success".into()), (format.key.to_owned(), item)]);
        json.extend(named.as_object().cloned().unwrap_or_default());
        match output.print(&json.into(), text) {
            // The reader has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            printed => printed?,
        }
    }
    if !any && io::stderr().is_terminal() {
        output.screen.say(&format!("{}: {}", subject.name(), format.nothing));
    }
    Ok(())
}

/// The item's id, type, time and name.
fn item_line(item: &Value, time: &str) -> String {
    let kind = text(item, "type");
    // An item of a new type may have its id in any field, or itself.
    let fields = item.as_object().into_iter().flat_map(Map::values);
    let mut places = kind.and_then(|kind| item.get(kind)).into_iter().chain([item]).chain(fields);
    let it = places.find(|it| text(it, "id").is_some()).unwrap_or(item);
    line(text(it, "id"), kind, it.get(time), text(it, "name").or_else(|| text(it, "title")))
}

/// The design's id, types, time and title.
fn design_line(design: &Value) -> String {
    let types = design.get("design_types").and_then(Value::as_array).into_iter().flatten();
    let types: Vec<&str> = types.filter_map(Value::as_str).collect();
    let types = Some(types.join(",")).filter(|types| !types.is_empty());
    line(text(design, "id"), types.as_deref(), design.get("updated_at"), text(design, "title"))
}

/// The name comes last: it may be of any width or direction.
fn line(id: Option<&str>, kind: Option<&str>, time: Option<&Value>, name: Option<&str>) -> String {
    let time = time.and_then(Value::as_i64).and_then(date);
    // Not empty: a shell that splits lines takes two tabs as one.
    let columns = [id, kind, time.as_deref(), name].map(|it| Printable(it.unwrap_or("-")).to_string());
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
