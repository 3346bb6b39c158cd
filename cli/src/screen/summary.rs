//! What is said at the end of many files: how many ended how, and what to do about those that aren't done.

use std::collections::BTreeMap;
use std::time::Duration;

use canva_connect::Printable;

use super::look::{Colour, Look};
use super::text;
use crate::item::{Item, Outcome, Status};

/// So many rows of names have a group.
const ROWS: usize = 3;

/// How a file ended.
pub struct Ended {
    name: String,
    status: Status,
    /// An earlier command has done it.
    earlier: bool,
    /// What happened and what to do about it.
    failure: Option<(String, Option<String>)>,
}

impl Ended {
    pub fn of(item: &Item) -> Self {
        let failure = item.outcome.error.as_ref().map(|error| (error.reason(), error.message.remedy.clone()));
        let Outcome { status, earlier, .. } = item.outcome;
        Self { name: item.name().to_owned(), status, earlier, failure }
    }

    pub fn is_done(&self) -> bool {
        self.status == Status::Success
    }
}

/// The lines. `done` is what was done with the files, such as `uploaded`.
pub fn summary(files: usize, ended: &[Ended], done: &str, took: Duration, look: Look, width: usize) -> String {
    let count = |status: Status| ended.iter().filter(|it| it.status == status).count();
    let [success, failed, unknown, going_on] =
        [Status::Success, Status::Failed, Status::Unknown, Status::InProgress].map(count);
    let earlier = ended.iter().filter(|it| it.earlier).count();
    let mut counts = vec![format!("{} {done}", success.saturating_sub(earlier))];
    let mut add = |number: usize, colour: Option<Colour>, what: &str| {
        let text = format!("{number} {what}");
        counts.extend((number > 0).then(|| colour.map_or(text.clone(), |colour| look.paint(colour, &text))));
    };
    add(earlier, None, "in Canva already");
    add(failed, Some(Colour::Red), "failed");
    add(unknown, Some(Colour::Yellow), "unknown");
    add(going_on, None, "still at Canva");
    add(files.saturating_sub(ended.len()), None, "not sent");
    let mut lines = format!("{files} files in {}: {}\n", text::duration(took), counts.join(", "));
    for (status, head) in [
        (Status::Failed, "Failed"),
        (Status::Unknown, "Unknown: it may be in Canva, so sending it again may make a second one"),
        (Status::InProgress, "Still at Canva"),
    ] {
        let mut groups: BTreeMap<_, Vec<&str>> = BTreeMap::new();
        for it in ended.iter().filter(|it| it.status == status) {
            groups.entry(&it.failure).or_default().push(&it.name);
        }
        if !groups.is_empty() {
            lines += &format!("{head}\n");
        }
        for (failure, files) in groups {
            names(&files, width).iter().for_each(|row| lines += &format!("  {row}\n"));
            let (what, remedy) = failure.as_ref().map(|(what, remedy)| (what, remedy.as_ref())).unzip();
            for why in what.into_iter().chain(remedy.flatten()) {
                lines += &look.paint(Colour::Dim, &format!("    {}", Printable(why)));
                lines += "\n";
            }
        }
    }
    lines
}

/// The names in a few rows, and how many more there are.
fn names(files: &[&str], width: usize) -> Vec<String> {
    // The indent, and what stands at the end of the last row.
    let room = width.saturating_sub(2 + 6).max(8);
    let mut rows = Vec::new();
    let mut row = String::new();
    for (number, file) in files.iter().enumerate() {
        let name = text::cut(&Printable(file).to_string(), room);
        if row.is_empty() {
            row = name;
        } else if text::width(&row) + 2 + text::width(&name) <= room {
            row += &format!(", {name}");
        } else if rows.len() + 1 < ROWS {
            rows.push(std::mem::replace(&mut row, name) + ",");
        } else {
            row += &format!(", +{}", files.len() - number);
            break;
        }
    }
    rows.push(row);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(name: &str, status: Status, what: &str) -> Ended {
        let failure = (!what.is_empty()).then(|| (what.to_owned(), Some("do this".to_owned())));
        Ended { name: name.to_owned(), status, earlier: name == "earlier.png", failure }
    }

    #[test]
    fn what_failed_alike_is_named_together() {
        let mut all = vec![
            ended("a.png", Status::Success, ""),
            ended("earlier.png", Status::Success, ""),
            ended("scan-3.tiff", Status::Failed, "Canva can't read it"),
            ended("tour.mov", Status::Failed, "it is too big"),
            ended("scan-4.tiff", Status::Failed, "Canva can't read it"),
            ended("\u{1b}[2J.png", Status::Unknown, "the answer was lost"),
            ended("clip.mp4", Status::InProgress, ""),
        ];
        insta::assert_snapshot!(summary(9, &all, "uploaded", Duration::from_secs(192), Look::default(), 80), @r"
        9 files in 3 min 12 s: 1 uploaded, 1 in Canva already, 3 failed, 1 unknown, 1 still at Canva, 2 not sent
        Failed
          scan-3.tiff, scan-4.tiff
            Canva can't read it
            do this
          tour.mov
            it is too big
            do this
        Unknown: it may be in Canva, so sending it again may make a second one
          \u{1b}[2J.png
            the answer was lost
            do this
        Still at Canva
          clip.mp4
        ");
        all.extend((0..40).map(|number| ended(&format!("IMG_{number}.jpg"), Status::Failed, "no")));
        let rows = summary(49, &all, "uploaded", Duration::ZERO, Look::default(), 40);
        assert!(rows.contains(", +") && rows.lines().filter(|row| row.contains("IMG_")).count() == ROWS, "{rows}");
        assert!(rows.lines().filter(|row| row.contains("IMG_")).all(|row| row.len() < 40), "{rows}");
    }
}
