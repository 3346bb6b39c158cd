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
    let mut rows = vec![bar(tally, pace, view)];
    rows.extend(network(tally, view).or_else(|| wait.map(|wait| limit(wait, view))));
    rows.extend(sending(tally, view));
    rows.extend(at_canva(tally, view));
    rows.extend(looked_for(tally, view));
    rows
}

/// The row of a single request.
pub fn row(name: &str, since: Instant, wait: Option<&LimitWait>, view: &View) -> String {
    let name = text::same_everywhere(&Printable(name).to_string());
    let state = match wait {
        Some(wait) => waiting(wait, view),
        None => format!("waiting for Canva, {}", text::duration(view.now.saturating_duration_since(since))),
    };
    let left = view.width.saturating_sub(text::width(&state) + 2);
    // A name of three cells says nothing.
    if left < 6 { text::cut(&state, view.width) } else { format!("{}: {state}", text::cut_path(&name, left)) }
}

fn bar(tally: &Tally, pace: &Pace, view: &View) -> String {
    let (ended, files) = (tally.ended(), tally.files);
    let count = |number: usize, what: &str| (number > 0).then(|| format!("{number} {what}"));
    let bytes = (tally.bytes > 0).then(|| text::bytes_of(tally.bytes_sent().min(tally.bytes), tally.bytes));
    let speed = pace.speed().map(|speed| text::bytes(speed) + "/s");
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
            format!("Waiting for the limit ({per}), which other commands use, too. Not a network problem."),
            format!("Waiting for the limit ({per}), which other commands use, too"),
            "Limit: other commands use it, too".to_owned(),
            "Limit".to_owned(),
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
fn waiting(wait: &LimitWait, view: &View) -> String {
    let [_, many] = names(wait.operation);
    let LimitWait { limit, window, .. } = wait;
    let per = if window.as_secs() == 60 { "a minute".to_owned() } else { format!("in {}", text::duration(*window)) };
    let next = match in_time(wait, view) {
        Some(left) => format!("next in {}", text::duration(left)),
        None => "which other commands use, too".to_owned(),
    };
    format!("waiting for the limit of {limit} {many} {per}, {next}")
}

/// What a request of this operation is to a person, one and many.
pub fn names(operation: &Operation) -> [&'static str; 2] {
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
    // Of the others, the answer is to come.
    let mut files: Vec<_> = tally.sending.values().filter(|file| file.sent < file.total).collect();
    // The largest are those that take long.
    files.sort_by_key(|file| std::cmp::Reverse(file.total));
    let state = |file: &super::tally::Sent| {
        let percent = file.sent.saturating_mul(100).checked_div(file.total).unwrap_or(0);
        let again = if file.attempt > 1 { format!(" (attempt {})", file.attempt) } else { String::new() };
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
    list(&format!("{} at Canva", files.len()), &files, view)
}

fn looked_for(tally: &Tally, view: &View) -> Option<String> {
    let row = format!("{} looked for in Canva: the answer was lost", tally.looked_for);
    (tally.looked_for > 0).then(|| view.look.paint(Colour::Dim, &cut_end(&row, view.width)))
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
        let name = text::same_everywhere(&Printable(name).to_string());
        if room < text::width(&name).min(12) {
            let more = format!(", +{}", after + 1);
            if number > 0 {
                row += &more;
            }
            break;
        }
        row += if number == 0 { ": " } else { ", " };
        row += &format!("{} {state}", text::cut_path(&name, room));
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
    let network = tally.network.as_ref().map(|(cause, _)| format!("waiting for the network: {}", Printable(cause)));
    parts.extend(network.or_else(|| wait.map(|wait| waiting(wait, view))));
    parts.extend(pace.left(view.now).map(|left| format!("about {} left", text::duration(left))));
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    use crate::screen::tally::Sent;

    const MINUTE: Duration = Duration::from_secs(60);

    fn view(width: usize) -> View {
        let time = SystemTime::UNIX_EPOCH + 100 * MINUTE;
        View {
            look: Look::default(),
            width,
            now: Instant::now() + 100 * MINUTE,
            time,
            clock: |_| "20:43:17".to_owned(),
        }
    }

    /// 62 of 104 files have ended, when the limit is reached.
    fn at_the_limit(view: &View) -> (Tally, LimitWait, Pace) {
        let mut tally = Tally { done: 61, failed: 1, bytes: 37_400_000, bytes_done: 22_100_000, ..Tally::new(104) };
        tally.to_send = 38;
        let names = ["clip-1.mp4", "folder/IMG_0026.jpg", "Very long description of the website final v7.png", "b.png"];
        for (number, name) in names.into_iter().enumerate() {
            let since = view.now - Duration::from_secs(31 - 7 * number as u64);
            tally.at_canva.insert(number, (name.to_owned(), since));
        }
        let wait = LimitWait {
            operation: &CREATE_ASSET_UPLOAD_JOB,
            limit: 30,
            window: MINUTE,
            until: Some(view.time + Duration::from_millis(40_500)),
            since: view.now,
        };
        let mut pace = Pace::default();
        pace.update(&tally, Some(&wait), view.now, view.time);
        (tally, wait, pace)
    }

    fn drawn(width: usize) -> String {
        let view = view(width);
        let (tally, wait, pace) = at_the_limit(&view);
        let rows = rows(&tally, Some(&wait), &pace, &view);
        assert!(rows.iter().all(|row| text::width(row) <= width), "{rows:#?}");
        rows.join("\n")
    }

    #[test]
    fn at_the_limit_it_is_said_why_nothing_moves_and_until_when() {
        insta::assert_snapshot!(drawn(100), @r"
        ━━━━━━━━━━━━━━━━━╸────────────   62 of 104   1 failed   22.1 of 37.4 MB   1 min 45 s left
        Waiting for the limit (30 a minute): next upload at 20:43:17, in 41 s. Not a network problem.
        4 at Canva: clip-1.mp4 31 s, folder/IMG_0026.jpg 24 s, Very long desc…te final v7.png 17 s, +1
        ");
        insta::assert_snapshot!(drawn(79), @r"
        ━━━━━━━━━━━╸────────   62 of 104   1 failed   22.1 of 37.4 MB   1 min 45 s left
        Waiting for the limit (30 a minute): next upload at 20:43:17, in 41 s.
        4 at Canva: clip-1.mp4 31 s, folder/IMG_0026.jpg 24 s, Very lo… v7.png 17 s, +1
        ");
        insta::assert_snapshot!(drawn(60), @r"
        ━━━━━━━━━━━────────   62 of 104   1 failed   1 min 45 s left
        Limit (30 a minute): next upload at 20:43:17, in 41 s
        4 at Canva: clip-1.mp4 31 s, folder/IMG_0026.jpg 24 s, +2
        ");
        insta::assert_snapshot!(drawn(39), @r"
        ━━━━━╸────  62/104  1 failed  1:45 left
        Limit: next upload at 20:43:17 (41 s)
        4 at Canva: clip-1.mp4 31 s, +3
        ");
        insta::assert_snapshot!(drawn(19), @r"
        62/104  1 failed
        Limit: 41 s
        4 at Canva
        ");
    }

    #[test]
    fn no_row_is_wider_than_the_terminal_whatever_the_names_are_made_of() {
        let names = [
            "日本語の写真はとても長い名前を持っています.png",
            "👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦 family 🚀🚀🚀.jpg",
            "e\u{301}e\u{301}e\u{301}.png",
            "\u{1b}[2J\n.png",
            "",
        ];
        for width in 1..160 {
            let view = view(width);
            let (mut tally, mut wait, pace) = at_the_limit(&view);
            tally.network = Some(("could not connect to api.canva.com".to_owned(), view.now));
            (tally.looked_for, tally.unknown) = (2, 1);
            for (number, name) in names.iter().enumerate() {
                tally.at_canva.insert(number, (name.to_string(), view.now));
                let sent = Sent { name: name.to_string(), sent: 1, total: 3, attempt: number as u32 };
                tally.sending.insert(number, sent);
                let row = row(name, view.now, Some(&wait), &view);
                assert!(text::width(&row) <= width && !row.contains(char::is_control), "{row:?}");
            }
            for until in [wait.until, None] {
                wait.until = until;
                for row in rows(&tally, Some(&wait), &pace, &view) {
                    assert!(text::width(&row) <= width && !row.contains(char::is_control), "{row:?}");
                }
            }
        }
    }

    #[test]
    fn files_on_their_way_are_shown_with_how_far_they_are() {
        let view = view(79);
        let mut tally = Tally { bytes: 30_000_000, to_send: 0, ..Tally::new(2) };
        let sent = |name: &str, sent, attempt| Sent { name: name.to_owned(), sent, total: 15_000_000, attempt };
        tally.sending = BTreeMap::from([(0, sent("folder/clip-1.mp4", 6_000_000, 1)), (1, sent("clip-2.mp4", 0, 2))]);
        let mut pace = Pace::default();
        for seconds in 0..5 {
            pace.update(&tally, None, view.now + Duration::from_secs(seconds), view.time);
            tally.sending.entry(0).and_modify(|file| file.sent += 1_000_000);
        }
        let later = View { now: view.now + Duration::from_secs(5), ..view };
        insta::assert_snapshot!(rows(&tally, None, &pace, &later).join("\n"), @r"
        ━━━━━────────────────────────   0 of 2   11.0 of 30.0 MB   1.0 MB/s   19 s left
        Sending: folder/clip-1.mp4 73 %, clip-2.mp4 0 % (attempt 2)
        ");
        tally.network = Some(("could not connect to api.canva.com".to_owned(), later.now));
        tally.sending.clear();
        pace.update(&tally, None, later.now, later.time);
        insta::assert_snapshot!(rows(&tally, None, &pace, &later).join("\n"), @r"
        ──────────────────────────────   0 of 2   0.0 of 30.0 MB
        Waiting for the network since 20:43:17: could not connect to api.canva.com
        ");
    }

    #[test]
    fn without_a_terminal_it_is_a_sentence() {
        let view = view(usize::MAX);
        let (mut tally, mut wait, pace) = at_the_limit(&view);
        insta::assert_snapshot!(sentence(&tally, Some(&wait), &pace, &view), @"62 of 104 done, 1 failed, 4 at Canva; waiting for the limit of 30 uploads a minute, next in 41 s; about 1 min 45 s left");
        wait.until = None;
        wait.window = Duration::from_secs(3);
        insta::assert_snapshot!(sentence(&tally, Some(&wait), &Pace::default(), &view), @"62 of 104 done, 1 failed, 4 at Canva; waiting for the limit of 30 uploads in 3 s, which other commands use, too");
        tally.network = Some(("no route".to_owned(), view.now));
        insta::assert_snapshot!(sentence(&tally, Some(&wait), &Pace::default(), &view), @"62 of 104 done, 1 failed, 4 at Canva; waiting for the network: no route");
    }

    #[test]
    fn a_request_says_what_it_waits_for() {
        let view = view(79);
        let (_, wait, _) = at_the_limit(&view);
        let since = view.now - Duration::from_secs(12);
        insta::assert_snapshot!(row("MADn4Xk1qBc", since, None, &view), @"MADn4Xk1qBc: waiting for Canva, 12 s");
        insta::assert_snapshot!(row("MADn4Xk1qBc", since, Some(&wait), &view), @"MADn4Xk1qBc: waiting for the limit of 30 uploads a minute, next in 41 s");
    }
}
