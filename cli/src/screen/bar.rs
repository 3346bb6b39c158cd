//! The rows below the messages: how far all files are, what is waited for, and what is under way. They are never wider
//! than the terminal: what matters less is left out, and names are cut.

use std::time::{Duration, Instant, SystemTime};

use canva_connect::Printable;
use canva_connect::operations::{
    CREATE_ASSET_UPLOAD_JOB, CREATE_DESIGN_IMPORT_JOB, DELETE_ASSET, GET_ASSET_UPLOAD_JOB, GET_DESIGN_IMPORT_JOB,
    MOVE_FOLDER_ITEM, Operation, UPDATE_ASSET,
};

use super::look::{Colour, Look};
use super::pace::Pace;
use super::tally::{LimitWait, Tally};
use super::text;

/// The widest bar.
const BAR: usize = 30;
/// The narrowest one.
const SHORT_BAR: usize = 8;
/// The widest name of a file beside others.
const NAME: usize = 30;

/// Where and when the rows are drawn.
pub struct View {
    pub look: Look,
    pub width: usize,
    pub now: Instant,
    pub time: SystemTime,
    /// The time of day where the user is.
    pub clock: fn(SystemTime) -> String,
}

/// The rows of many files.
pub fn rows(tally: &Tally, wait: Option<&LimitWait>, pace: &Pace, view: &View) -> Vec<String> {
    let mut rows = vec![bar(tally, wait, pace, view)];
    rows.extend(network(tally, view));
    rows.extend(wait.map(|wait| limit(wait, view)));
    rows.extend(sending(tally, view));
    rows.extend(at_canva(tally, view));
    rows
}

/// The row of a single request.
pub fn row(name: &str, since: Instant, wait: Option<&LimitWait>, view: &View) -> String {
    let name = Printable(name).to_string();
    let state = match wait {
        Some(wait) => waiting(wait, view).unwrap_or_else(|| "waiting for the limit".to_owned()),
        None => format!("waiting for Canva, {}", text::duration(view.now.saturating_duration_since(since))),
    };
    let left = view.width.saturating_sub(text::width(&state) + 2);
    // A name of three cells says nothing.
    if left < 6 { text::cut(&state, view.width) } else { format!("{}: {state}", text::cut(&name, left)) }
}

fn bar(tally: &Tally, wait: Option<&LimitWait>, pace: &Pace, view: &View) -> String {
    let (ended, files) = (tally.ended(), tally.files);
    let count = |number: usize, what: &str| (number > 0).then(|| format!("{number} {what}"));
    let bytes = (tally.bytes > 0).then(|| text::bytes_of(tally.bytes_sent().min(tally.bytes), tally.bytes));
    let speed = pace.speed().filter(|_| wait.is_none()).map(|speed| text::bytes(speed) + "/s");
    let left = pace.left(view.now);
    let long_left = left.map(|left| format!("{} left", text::duration(left)));
    let short_left = left.map(|left| format!("{} left", text::short_duration(left)));
    let (long, short) = (format!("{ended} of {files}"), format!("{ended}/{files}"));
    let failed = count(tally.failed, "failed").map(|it| (Colour::Red, it));
    let unknown = count(tally.unknown, "unknown").map(|it| (Colour::Yellow, it));
    let plain = |parts: Vec<Option<String>>| parts.into_iter().flatten().collect::<Vec<_>>();
    // From the widest to the narrowest.
    let forms = [
        (SHORT_BAR, "   ", long.clone(), plain(vec![bytes.clone(), speed, long_left.clone()])),
        (SHORT_BAR, "   ", long.clone(), plain(vec![bytes, long_left.clone()])),
        (SHORT_BAR, "   ", long, plain(vec![long_left])),
        (SHORT_BAR, "  ", short.clone(), plain(vec![short_left.clone()])),
        (0, "  ", short.clone(), plain(vec![short_left])),
        (0, "  ", short.clone(), Vec::new()),
    ];
    for (least, gap, count, rest) in forms {
        let ends = [failed.as_ref(), unknown.as_ref()].into_iter().flatten();
        let words = [&count].into_iter().chain(ends.clone().map(|(_, it)| it)).chain(&rest);
        let taken = words.map(|word| text::width(word)).sum::<usize>()
            + gap.len() * (ends.clone().count() + rest.len() + usize::from(least > 0));
        if taken + least > view.width {
            continue;
        }
        let painted = ends.map(|(colour, it)| view.look.paint(*colour, it));
        let words: Vec<String> = [count].into_iter().chain(painted).chain(rest).collect();
        let cells = if least == 0 { 0 } else { BAR.min(view.width - taken) };
        let bar = view.look.bar(cells, part(tally));
        return if least == 0 { words.join(gap) } else { bar + gap + &words.join(gap) };
    }
    text::cut(&short, view.width)
}

/// How much is done, from 0 to 1. A file counts half when its bytes have left, and half when it has ended.
fn part(tally: &Tally) -> f64 {
    let ended = tally.ended() as f64 / tally.files.max(1) as f64;
    if tally.bytes == 0 {
        return ended;
    }
    (ended + tally.bytes_sent() as f64 / tally.bytes as f64) / 2.0
}

fn network(tally: &Tally, view: &View) -> Option<String> {
    let (cause, since) = tally.network.as_ref()?;
    let cause = Printable(cause);
    let ago = view.now.saturating_duration_since(*since);
    let at = (view.clock)(view.time.checked_sub(ago).unwrap_or(view.time));
    let forms = [
        format!("Waiting for the network since {at}: {cause}"),
        format!("Waiting for the network: {cause}"),
        format!("network: {cause}"),
    ];
    let row = forms.iter().find(|form| text::width(form) <= view.width);
    let row = row.cloned().unwrap_or_else(|| cut_end(&format!("No network since {at}: {cause}"), view.width));
    Some(view.look.paint(Colour::Yellow, &row))
}

/// What stands at the end of a sentence matters least.
fn cut_end(sentence: &str, cells: usize) -> String {
    let mut taken = String::new();
    for word in sentence.split_inclusive(' ') {
        if text::width(&taken) + text::width(word.trim_end()) > cells {
            break;
        }
        taken += word;
    }
    if taken.is_empty() { text::cut(sentence, cells) } else { taken.trim_end().to_owned() }
}

fn limit(wait: &LimitWait, view: &View) -> String {
    let [one, _] = names(wait.operation);
    let per = per_window(wait);
    let forms = match (wait.until, in_time(wait, view)) {
        (Some(until), Some(left)) => {
            let at = (view.clock)(until);
            let left = text::duration(left);
            vec![
                format!("Waiting for the limit ({per}): next {one} at {at}, in {left}. Not a network problem."),
                format!("Waiting for the limit ({per}): next {one} at {at}, in {left}."),
                format!("Limit ({per}): next {one} at {at}, in {left}"),
                format!("Limit: next {one} at {at} ({left})"),
                format!("Limit: {at} ({left})"),
                format!("Limit: {left}"),
            ]
        }
        _ => vec![
            format!("Waiting for the limit ({per}): another canva on this machine uses all of it."),
            "Limit: another canva uses all of it".to_owned(),
            "Limit: all used".to_owned(),
        ],
    };
    let row = forms.iter().find(|form| text::width(form) <= view.width);
    let row = row.cloned().unwrap_or_else(|| text::cut("limit", view.width));
    view.look.paint(Colour::Yellow, &row)
}

/// `30 a minute`.
fn per_window(wait: &LimitWait) -> String {
    match wait.window.as_secs() {
        60 => format!("{} a minute", wait.limit),
        _ => format!("{} in {}", wait.limit, text::duration(wait.window)),
    }
}

/// Rounded up: nothing goes on before it.
fn in_time(wait: &LimitWait, view: &View) -> Option<Duration> {
    let left = wait.until?.duration_since(view.time).unwrap_or_default();
    Some(Duration::from_secs(left.as_secs() + u64::from(left.subsec_nanos() > 0)))
}

/// `waiting for the limit of 30 uploads a minute, next in 41 s`.
pub fn waiting(wait: &LimitWait, view: &View) -> Option<String> {
    let [_, many] = names(wait.operation);
    let LimitWait { limit, window, .. } = wait;
    let per = if window.as_secs() == 60 { "a minute".to_owned() } else { format!("in {}", text::duration(*window)) };
    let next = match in_time(wait, view) {
        Some(left) => format!("next in {}", text::duration(left)),
        None => "which another canva on this machine uses up".to_owned(),
    };
    Some(format!("waiting for the limit of {limit} {many} {per}, {next}"))
}

/// What a request of this operation is to a person, one and many.
fn names(operation: &Operation) -> [&'static str; 2] {
    match operation.id {
        id if id == CREATE_ASSET_UPLOAD_JOB.id => ["upload", "uploads"],
        id if id == CREATE_DESIGN_IMPORT_JOB.id => ["import", "imports"],
        id if id == GET_ASSET_UPLOAD_JOB.id || id == GET_DESIGN_IMPORT_JOB.id => ["look at a job", "looks at jobs"],
        id if id == UPDATE_ASSET.id => ["change", "changes"],
        id if id == DELETE_ASSET.id => ["deletion", "deletions"],
        id if id == MOVE_FOLDER_ITEM.id => ["move", "moves"],
        _ => ["request", "requests"],
    }
}

fn sending(tally: &Tally, view: &View) -> Option<String> {
    let mut files: Vec<_> = tally.sending.values().collect();
    // The largest are those that take long.
    files.sort_by_key(|file| std::cmp::Reverse(file.total));
    let state = |file: &super::tally::Sent| {
        let percent = file.sent.saturating_mul(100).checked_div(file.total).unwrap_or(0);
        let again = if file.attempt > 1 { format!(" attempt {}", file.attempt) } else { String::new() };
        format!("{percent} %{again}")
    };
    let files: Vec<_> = files.into_iter().map(|file| (file.name.as_str(), state(file))).collect();
    list("Sending", &files, view)
}

fn at_canva(tally: &Tally, view: &View) -> Option<String> {
    let mut files: Vec<_> = tally.at_canva.values().collect();
    files.sort_by_key(|(_, since)| *since);
    let state = |since: Instant| text::duration(view.now.saturating_duration_since(since));
    let files: Vec<_> = files.into_iter().map(|(name, since)| (name.as_str(), state(*since))).collect();
    let row = list(&format!("{} at Canva", files.len()), &files, view);
    match (row, tally.looked_for) {
        (row, 0) => row,
        (row, looked_for) => {
            let lost = format!("{looked_for} looked for in Canva: the answer was lost");
            row.or_else(|| Some(view.look.paint(Colour::Dim, &cut_end(&lost, view.width))))
        }
    }
}

/// `HEAD: NAME STATE, NAME STATE, +2`: as many names as there is room for, if any.
fn list(head: &str, files: &[(&str, String)], view: &View) -> Option<String> {
    if files.is_empty() {
        return None;
    }
    let mut row = head.to_owned();
    for (number, (name, state)) in files.iter().enumerate() {
        let after = files.len() - number - 1;
        let more = if after > 0 { format!(", +{after}") } else { String::new() };
        let taken = text::width(&row) + 2 + 1 + text::width(state) + text::width(&more);
        let room = view.width.saturating_sub(taken).min(NAME);
        let name = Printable(name).to_string();
        if room < text::width(&name).min(12) {
            let more = format!(", +{}", after + 1);
            if number > 0 {
                row += &more;
            }
            break;
        }
        row += if number == 0 { ": " } else { ", " };
        row += &format!("{} {state}", text::cut(&name, room));
    }
    Some(view.look.paint(Colour::Dim, &text::cut(&row, view.width)))
}

/// All of it in a sentence, where rows can't be redrawn.
pub fn sentence(tally: &Tally, wait: Option<&LimitWait>, pace: &Pace, view: &View) -> String {
    let mut counts = vec![format!("{} of {} done", tally.ended(), tally.files)];
    counts.extend((tally.failed > 0).then(|| format!("{} failed", tally.failed)));
    counts.extend((tally.unknown > 0).then(|| format!("{} unknown", tally.unknown)));
    let at_canva = tally.at_canva.len();
    counts.extend((at_canva > 0).then(|| format!("{at_canva} at Canva")));
    let mut parts = vec![counts.join(", ")];
    parts.extend(tally.network.as_ref().map(|(cause, _)| format!("waiting for the network ({cause})")));
    parts.extend(wait.and_then(|wait| waiting(wait, view)));
    parts.extend(pace.left(view.now).map(|left| format!("about {} left", text::duration(left))));
    parts.join("; ")
}
