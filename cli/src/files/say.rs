//! What is said before anything is sent: what is about to happen, or with `--dry-run` what would.

use std::io;

use canva_connect::Printable;

use super::plan::{Kind, Plan, Task};
use super::select;
use crate::item::Subject;
use crate::limits;
use crate::output::Output;
use crate::screen::text::duration;

/// Says what is about to happen, where it is more than one file.
pub fn announce(kind: &Kind, plan: &Plan, output: &Output) {
    let say = |message: String| output.screen.note(&message);
    let count = |which: fn(&Task) -> bool| plan.files.iter().filter(|planned| which(&planned.task)).count();
    if !plan.left_out.is_empty() {
        say(format!("left out: {} (--dry-run lists them)", select::left_out(&plan.left_out)));
    }
    let done = count(|task| matches!(task, Task::Nothing(_)));
    if done > 0 {
        say(format!(
            "{done} of {} are in Canva already, from an earlier command (--start-over sends all)",
            plan.files.len()
        ));
    }
    let jobs = count(|task| matches!(task, Task::PickUp(_)));
    let lost = count(|task| matches!(task, Task::LookUp(_)));
    let finish = count(|task| matches!(task, Task::Finish(_)));
    for (count, what) in [
        (jobs, "at Canva since an earlier command: waiting for them"),
        (lost, "may have arrived when an earlier command was stopped: looking for them in Canva"),
        (finish, "in Canva without their tags or folder: these are set now"),
    ] {
        if count > 0 {
            say(format!("{count} {what}"));
        }
    }
    for planned in plan.files.iter().filter(|planned| planned.changed && matches!(planned.task, Task::Send)) {
        say(format!("{}: it has changed since it was sent, so it is sent as new", planned.file.shown.display()));
    }
    for (file, name) in &plan.shortened {
        say(format!("{file}: the name is too long for Canva, and becomes {name:?} there"));
    }
    let limit = kind.operation().requests_per_minute.unwrap_or(u32::MAX);
    let sends = count(|task| matches!(task, Task::Send));
    let windows = u32::try_from(sends.saturating_sub(1)).unwrap_or(u32::MAX) / limit.max(1);
    if windows > 0 {
        let takes = duration(limits::window() * windows);
        say(format!(
            "Canva takes {limit} {}s a minute, so {sends} take about {takes}; it is safe to stop, the same command goes on",
            kind.command()
        ));
    }
}

/// Prints what would be done.
pub fn dry_run(plan: &Plan, output: &mut Output) -> io::Result<()> {
    let left_out = plan
        .left_out
        .iter()
        .map(|(path, why)| (path.as_path(), "left_out", format!("left out: {}", why.reason()), None));
    let files = plan.files.iter().map(|planned| {
        let (action, text) = match &planned.task {
            Task::Send if planned.changed => ("send", "sent as new: it has changed".to_owned()),
            Task::Send => ("send", "sent".to_owned()),
            Task::PickUp(job) => ("wait", format!("waited for: Canva has it as job {}", job.id)),
            Task::LookUp(_) => {
                ("look_up", "looked for in Canva: an earlier command was stopped when it had sent it".to_owned())
            }
            Task::Finish(asset) => ("finish", format!("given its tags and folder: it is asset {}", asset.id)),
            Task::Nothing(_) => ("none", "nothing: it is in Canva".to_owned()),
            Task::Unknown(_) => ("unknown", "nothing: it may be in Canva; --send-again sends it again".to_owned()),
            Task::Refused(failure) => ("refuse", format!("refused: {}", failure.message)),
        };
        (planned.file.shown.as_path(), action, text, Some(planned))
    });
    for (path, action, text, planned) in files.chain(left_out) {
        let mut json = serde_json::to_value(Subject::file(path)).unwrap_or_default();
        if let Some(fields) = json.as_object_mut() {
            fields.insert("status".to_owned(), "planned".into());
            fields.insert("action".to_owned(), action.into());
            fields.insert("message".to_owned(), text.clone().into());
            if let Some(planned) = planned.filter(|planned| !planned.name.is_empty()) {
                fields.insert("name".to_owned(), planned.name.clone().into());
            }
        }
        let file = path.display().to_string();
        output.print(&json, format!("{}\t{}\n", Printable(&file), Printable(&text)))?;
    }
    Ok(())
}
