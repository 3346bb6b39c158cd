//! Sends the files of `upload` and `import` and waits for their jobs. Each step goes to the journal first, so that the
//! same command goes on wherever this one is stopped.

mod journal;
mod look;
mod names;
mod network;
mod plan;
mod run;
mod say;
pub mod select;
mod send;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use self::journal::Journal;
pub use self::plan::Kind;
use self::run::Run;
use self::select::Selection;
use crate::args::files::Options;
use crate::connection::Connection;
use crate::end::End;
use crate::item::{Item, Outcome, Subject};
use crate::output::Output;
use crate::screen::Ended;
use crate::state;
use crate::stop::Stop;

/// Which files to send, under which names.
pub struct Sources {
    pub files: Vec<PathBuf>,
    pub from: Option<PathBuf>,
    pub name: Option<String>,
    pub tags: Vec<String>,
}

/// Sends the files. A failed file doesn't stop the others, unless what failed it concerns all.
pub async fn run(
    connection: &Connection,
    kind: Kind,
    sources: Sources,
    options: Options,
    stop: &Stop,
    output: &mut Output,
) -> Result<(), End> {
    let journal = stop.or(open_journal(connection, &kind, &options, output)).await??;
    let (client, of, opened) = (connection.canva.clone(), kind.clone(), journal.clone());
    let planning = tokio::task::spawn_blocking(move || {
        let mut selection = select(sources)?;
        let plan = plan::plan(&client, &of, &mut selection, &options, &opened);
        Ok::<_, End>((selection, plan, options))
    });
    let (selection, plan, options) = stop.or(planning).await?.map_err(io::Error::other)??;
    let mut ended = Vec::new();
    for (path, error) in &selection.unreadable {
        let outcome = Outcome::refused(plan::unreadable(error));
        let item = Item { subject: Subject::file(path), outcome };
        ended.push(Ended::of(&item));
        output.item(&item);
    }
    say::announce(&kind, &plan, output);
    if plan.files.is_empty() && ended.is_empty() {
        output.screen.say("there is nothing to send");
    }
    if options.dry_run {
        return Ok(say::dry_run(&plan, output)?);
    }
    let mut run = Run::new(connection, kind, plan, options, journal, output);
    run.given += ended.len();
    run.ended = ended;
    let end = tokio::select! {
        // Events that have arrived count, before the command stops.
        biased;
        ended = run.all() => match ended {
            // Its journal can't be written, for example: what was begun is printed all the same.
            Err(end) => {
                run.stop().await;
                Err(run.worst(end))
            }
            ended => ended,
        },
        signal = stop.requested() => {
            run.stop().await;
            Err(End::stopped(signal, STOPPED))
        }
    };
    run.sum_up();
    end
}

const STOPPED: &str = "stopped; files not listed are not in Canva; the same command goes on";

fn select(sources: Sources) -> Result<Selection, End> {
    let Sources { files, from, name, tags } = sources;
    let mut selection = Selection::default();
    for file in &files {
        match (file == Path::new("-"), &name) {
            (false, name) => selection.add(file, name.as_deref(), &tags),
            (true, Some(name)) => selection.add_stdin(name, &tags)?,
            (true, None) => return Err(End::usage("`-` is standard input, and needs a name: add --name".to_owned())),
        }
    }
    if let Some(list) = from {
        selection.add_list(&list, &tags)?;
    }
    Ok(selection)
}

/// Waits until no other command has the journal.
async fn open_journal(
    connection: &Connection,
    kind: &Kind,
    options: &Options,
    output: &Output,
) -> Result<Journal, End> {
    let path = match &options.journal {
        Some(path) => path.clone(),
        None => journal_path(connection, kind.command()).map_err(|error| {
            End::usage(format!("no journal can be kept: {error}; choose a file for it with --journal"))
        })?,
    };
    let mut said = false;
    loop {
        let of = path.clone();
        let opened = tokio::task::spawn_blocking(move || Journal::open(&of)).await.map_err(io::Error::other)?;
        match opened
            .map_err(|error| End::usage(format!("the journal can't be used: {error}; choose another with --journal")))?
        {
            Some(journal) => return Ok(journal),
            None if !said => {
                said = true;
                output.screen.note("another canva is at work with the same journal: waiting until it has ended");
            }
            None => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

fn journal_path(connection: &Connection, command: &str) -> io::Result<PathBuf> {
    let directory = match connection.scratch() {
        // What the simulator of --simulate has is forgotten with it.
        Some(scratch) => scratch.to_owned(),
        None => state::directory("journals")?,
    };
    Ok(directory.join(format!("{}-{command}.jsonl", connection.account)))
}

/// This asset is in the trash: its file can be uploaded again.
pub fn deleted(connection: &Connection, asset_id: &str) -> io::Result<()> {
    journal::deleted(&journal_path(connection, "upload")?, asset_id)
}
