//! Sends the files of `upload` and `import` and waits for their jobs. Each step goes to the journal first, so that the
//! same command goes on wherever this one is stopped.

mod journal;
mod look;
mod names;
mod network;
mod plan;
mod select;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use canva_connect::operations::{CREATE_ASSET_UPLOAD_JOB, CREATE_DESIGN_IMPORT_JOB, Operation};
use canva_connect::{
    Asset, BoxFuture, BulkEvent, Client, Error, ErrorKind, Job, JobReference, JobResult, JobState, LookUpError,
    Unconfirmed, UnconfirmedKind, UploadProgress,
};
use futures_util::stream::{self, FuturesUnordered, StreamExt};
use serde_json::{Map, Value};
use tokio::sync::RwLock;

use self::journal::{Entry, Journal, Key, Made, Step};
use self::network::{Network, is_away};
pub use self::plan::Kind;
use self::plan::{Plan, Planned, Task};
use self::select::Selection;
use crate::args::files::Options;
use crate::commands::{AT_ONCE, LOST};
use crate::connection::Connection;
use crate::end::End;
use crate::item::{self, Item, Outcome, Status, Subject};
use crate::output::Output;
use crate::screen::{Drawn, Sent, Tally, about};
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
    for (path, error) in &selection.unreadable {
        let outcome = Outcome::refused(plan::unreadable(error));
        output.item(&Item { subject: Subject::file(path), outcome });
    }
    announce(&kind, &plan, output);
    if options.dry_run {
        return Ok(dry_run(&plan, output)?);
    }
    let mut run = Run::new(connection, kind, plan, options, journal, output);
    tokio::select! {
        // Events that have arrived count, before the command stops.
        biased;
        ended = run.all() => ended,
        signal = stop.requested() => {
            run.stop().await;
            Err(End::stopped(signal, STOPPED))
        }
    }
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
        None => journal_path(connection, kind.command())?,
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

/// Says what is about to happen, where it is more than one file.
fn announce(kind: &Kind, plan: &Plan, output: &Output) {
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
    let full_minutes = sends.saturating_sub(1) / limit.max(1) as usize;
    if full_minutes > 0 {
        say(format!(
            "Canva takes {limit} {}s a minute, so {sends} take about {full_minutes} min; it is safe to stop, the same \
             command goes on",
            kind.command()
        ));
    }
}

/// Prints what would be done.
fn dry_run(plan: &Plan, output: &mut Output) -> io::Result<()> {
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
        output.print(&json, format!("{}\t{}\n", canva_connect::Printable(&file), canva_connect::Printable(&text)))?;
    }
    Ok(())
}

/// How far a file is in this run.
enum State {
    AtCanva(JobReference),
    /// Canva may have it: it is looked for.
    LookedFor,
    /// The asset is there, and its tags and folder are being set.
    Settling(Box<Outcome>),
}

/// What came of setting an asset's tags and folder.
struct Settled {
    moved: Result<(), Error>,
    tagged: Option<Result<Asset, Error>>,
}

struct Run<'a> {
    canva: Client,
    kind: Kind,
    files: Vec<Arc<Planned>>,
    options: Options,
    journal: Journal,
    network: Network,
    tally: Arc<Mutex<Tally>>,
    _drawn: Drawn,
    /// Set when the command stops: no content is handed over whole any more.
    stopped: Arc<RwLock<bool>>,
    states: BTreeMap<usize, State>,
    /// What to send, or to wait for, in the next round.
    next: Vec<(usize, Task)>,
    /// What is looked up in the next round.
    lost: Lost,
    /// The names of what goes on at Canva, or may.
    unsettled: BTreeSet<String>,
    printed: BTreeSet<usize>,
    sent_again: BTreeSet<usize>,
    /// Concerns all files: no more are sent.
    fatal: bool,
    output: &'a mut Output,
}

/// What is to be looked up, with the error of this run.
type Lost = Vec<(usize, Unconfirmed, Option<Error>)>;

/// A job and whether it could be read, or why there is none.
type Created = Result<(Job<JobResult>, Result<(), Error>), Error>;

/// What a look-up has found.
type Found = Vec<((usize, Unconfirmed, Option<Error>), Result<JobResult, LookUpError>)>;

impl<'a> Run<'a> {
    fn new(
        connection: &Connection,
        kind: Kind,
        plan: Plan,
        options: Options,
        journal: Journal,
        output: &'a mut Output,
    ) -> Self {
        let mut tally = Tally::new(plan.files.len());
        let sends = |planned: &&Planned| matches!(planned.task, Task::Send);
        tally.to_send = plan.files.iter().filter(sends).count();
        tally.bytes = plan.files.iter().filter(sends).map(|planned| planned.file.size).sum();
        tally.per_minute = kind.operation().requests_per_minute;
        let tally = Arc::new(Mutex::new(tally));
        let (screen, told) = (output.screen.clone(), tally.clone());
        let tell = move |error: Option<&Error>| {
            let away = error.map(|error| (error.report(), Instant::now()));
            let mut tally = locked(&told);
            match (&tally.network, &away) {
                (None, Some((why, _))) => screen.note(&format!("waiting for the network: {why}")),
                (Some((_, since)), None) => {
                    screen.note(&format!("the network is back after {} s", since.elapsed().as_secs()))
                }
                _ => {}
            }
            tally.network = tally.network.take().filter(|_| away.is_some()).or(away);
        };
        Self {
            canva: connection.canva.clone(),
            kind,
            files: plan.files.into_iter().map(Arc::new).collect(),
            network: Network::new(options.network_timeout, tell),
            _drawn: output.screen.files(tally.clone()),
            tally,
            options,
            journal,
            stopped: Arc::default(),
            states: BTreeMap::new(),
            next: Vec::new(),
            lost: Vec::new(),
            unsettled: BTreeSet::new(),
            printed: BTreeSet::new(),
            sent_again: BTreeSet::new(),
            fatal: false,
            output,
        }
    }

    async fn all(&mut self) -> Result<(), End> {
        for (number, planned) in self.files.clone().iter().enumerate() {
            match &planned.task {
                task @ (Task::Send | Task::PickUp(_) | Task::Finish(_)) => self.next.push((number, task.clone())),
                Task::LookUp(unconfirmed) if !self.options.waiting.no_wait => {
                    self.lost.push((number, unconfirmed.clone(), None));
                }
                Task::LookUp(_) => self.print(number, Outcome::unknown_before("outcome_unknown")),
                Task::Unknown(code) => self.print(number, Outcome::unknown_before(code)),
                Task::Nothing(made) => {
                    let made = Outcome::new(Ok(made.clone().result()));
                    self.print(number, Outcome { earlier: true, ..made });
                }
                Task::Refused(failure) => self.print(number, Outcome::refused(failure.clone())),
            }
        }
        // What was picked up comes first: what it makes must be known before anything is looked for.
        self.next.sort_by_key(|(_, task)| matches!(task, Task::Send));
        while !self.fatal && !(self.next.is_empty() && self.lost.is_empty()) {
            self.round().await?;
        }
        if self.fatal {
            self.print_begun();
        }
        match self.files.len() - self.printed.len() {
            0 => Ok(()),
            left => Err(End {
                code: self.output.worst.code(),
                message: format!(
                    "this concerns all files, so {left} were not sent; the same command goes on with them"
                ),
            }),
        }
    }

    /// Sends and waits for what is next, and looks for what is lost.
    async fn round(&mut self) -> Result<(), End> {
        let lost = std::mem::take(&mut self.lost);
        lost.iter().for_each(|(number, ..)| drop(self.states.insert(*number, State::LookedFor)));
        let names: BTreeSet<&str> = lost.iter().map(|(_, unconfirmed, _)| unconfirmed.name.as_str()).collect();
        // What has the name of something lost would be taken for it.
        let is_held = |(number, task): &(usize, Task)| {
            matches!(task, Task::Send) && self.files.get(*number).is_some_and(|it| names.contains(it.name.as_str()))
        };
        let (held, tasks): (Vec<_>, Vec<_>) = std::mem::take(&mut self.next).into_iter().partition(is_held);
        let mut settling = FuturesUnordered::new();
        let mut picked_up = BTreeSet::new();
        let mut items = Vec::new();
        for (number, task) in tasks {
            match task {
                Task::Finish(asset) => {
                    let outcome = Outcome::new(Ok((*asset).clone()));
                    settling.push(self.settle(number, asset.id.clone(), true));
                    self.states.insert(number, State::Settling(Box::new(outcome)));
                }
                task => {
                    if matches!(task, Task::PickUp(_)) {
                        picked_up.insert(number);
                    }
                    items.extend(self.files.get(number).map(|planned| (number, planned.clone(), task)));
                }
            }
        }
        let begin = self.beginning();
        let items = items.into_iter().map(move |(number, planned, task)| (number, begin(number, planned, task)));
        let (waited, unwaited) = if self.options.waiting.no_wait { (None, Some(items)) } else { (Some(items), None) };
        let mut bulk = self.canva.bulk(waited.into_iter().flatten());
        let mut bulk_goes_on = !self.options.waiting.no_wait;
        let unwaited = stream::iter(unwaited.into_iter().flatten());
        let mut unwaited = unwaited
            .map(|(number, job)| async move { (number, unwaited_job(job.await).await) })
            .buffer_unordered(AT_ONCE);
        let mut unwaited_go_on = self.options.waiting.no_wait;
        let mut lost = Some(lost).filter(|lost| !lost.is_empty());
        let (mut search, mut searching): (BoxFuture<'static, Found>, _) =
            (Box::pin(std::future::pending()), lost.is_some());
        while bulk_goes_on || unwaited_go_on || searching || !settling.is_empty() {
            if picked_up.is_empty()
                && let Some(lost) = lost.take()
            {
                search = self.look_up(lost);
            }
            if self.fatal {
                bulk.stop();
                (unwaited_go_on, searching, lost) = (false, searching && lost.is_none(), None);
            }
            tokio::select! {
                event = bulk.next(), if bulk_goes_on => match event {
                    None => {
                        bulk_goes_on = false;
                        // A job that nobody could read holds nothing back.
                        picked_up.clear();
                    }
                    Some(BulkEvent::Started { key, job, .. }) => self.started(key, job).await?,
                    Some(BulkEvent::Finished { key, result, extra, .. }) => {
                        picked_up.remove(&key);
                        if let Some(asset_id) = self.finished(key, result, extra).await? {
                            settling.push(self.settle(key, asset_id, false));
                        }
                    }
                    _ => {}
                },
                created = unwaited.next(), if unwaited_go_on => match created {
                    None => unwaited_go_on = false,
                    Some((number, created)) => {
                        if let Some(asset_id) = self.created(number, created).await? {
                            settling.push(self.settle(number, asset_id, false));
                        }
                    }
                },
                found = &mut search, if searching => {
                    searching = false;
                    for (lost, found) in found {
                        let number = lost.0;
                        if let Some(asset_id) = self.found(lost, found).await? {
                            settling.push(self.settle(number, asset_id, true));
                        }
                    }
                }
                Some((number, settled)) = settling.next() => self.settled(number, settled).await?,
            }
        }
        self.next.extend(held);
        Ok(())
    }

    /// How an item of a bulk begins.
    fn beginning(
        &self,
    ) -> impl Fn(usize, Arc<Planned>, Task) -> BoxFuture<'static, Result<Job<JobResult>, Error>> + Send + use<> {
        let (canva, kind, journal) = (self.canva.clone(), self.kind.clone(), self.journal.clone());
        let (network, stopped, tally) = (self.network.clone(), self.stopped.clone(), self.tally.clone());
        move |number, planned, task| {
            let (canva, kind, journal) = (canva.clone(), kind.clone(), journal.clone());
            let (network, stopped, tally) = (network.clone(), stopped.clone(), tally.clone());
            Box::pin(async move {
                if let Task::PickUp(job) = task {
                    let read = network.insist(|| {
                        let mut job = canva.job(job.clone());
                        async move { job.refresh().await.map(|()| job) }
                    });
                    // Reading it once more says why not.
                    return Ok(read.await.unwrap_or_else(|_| canva.job(job)));
                }
                let path = planned.file.path.clone();
                let digest = tokio::task::spawn_blocking(move || plan::sha256(&path)).await;
                // A file that can't be read fails below.
                let entry = planned.entry(digest.ok().and_then(Result::ok).unwrap_or_default(), &kind);
                // Another attempt begins: Canva has refused the one before, or never had it whole. Where this can't be
                // written, the file is looked for in vain.
                let (writes, refused) = (journal.clone(), entry.clone());
                let unsent = Arc::new(move || drop(writes.write_now(Entry { at: now(), ..refused.clone() })));
                let send = || {
                    let (journal, entry, stopped) = (journal.clone(), entry.clone(), stopped.clone());
                    let before_end = move |unconfirmed| {
                        let entry = Entry { at: now(), step: Step::Sending { unconfirmed }, ..entry.clone() };
                        let (journal, stopped) = (journal.clone(), stopped.clone());
                        async move {
                            let is_stopped = stopped.read().await;
                            if *is_stopped {
                                drop(is_stopped);
                                std::future::pending::<()>().await;
                            }
                            journal.write(entry).await
                        }
                    };
                    let (name, shown) = (planned.file.shown.display().to_string(), tally.clone());
                    let (mut attempt, unsent) = (1, unsent.clone());
                    let on_progress = move |progress: UploadProgress| {
                        if progress.attempt != attempt && progress.sent < progress.total {
                            attempt = progress.attempt;
                            unsent();
                        }
                        locked(&shown).sending.insert(number, Sent::new(&name, progress));
                    };
                    kind.send(&canva, &planned, on_progress, before_end)
                };
                let name = planned.file.shown.display().to_string();
                let begun = |tally: &mut Tally| tally.to_send = tally.to_send.saturating_sub(1);
                begun(&mut locked(&tally));
                let sent = about(&name, network.insist(send)).await;
                let mut tally = locked(&tally);
                tally.bytes_done += planned.file.size;
                tally.sending.remove(&number);
                sent
            })
        }
    }

    /// Canva has made a job.
    async fn started(&mut self, number: usize, job: JobReference) -> Result<(), End> {
        self.network.is_there();
        self.states.insert(number, State::AtCanva(job.clone()));
        locked(&self.tally).at_canva.insert(number, (self.name(number), Instant::now()));
        self.write(number, Step::Job { job }).await
    }

    /// What a file sent with `--no-wait` has come to: its job, and whether that could be read.
    async fn created(&mut self, number: usize, created: Created) -> Result<Option<String>, End> {
        let (job, read) = match created {
            Ok(created) => created,
            Err(error) => return self.finished(number, Err(error), Map::new()).await,
        };
        self.started(number, job.reference().clone()).await?;
        let extra = job.extra().clone();
        match (read, job.state()) {
            (Err(error), _) => self.finished(number, Err(error), extra).await,
            (Ok(()), Some(JobState::Success(made))) => self.made(number, made.clone(), extra, false).await,
            (Ok(()), Some(JobState::Failed(error))) => self.finished(number, Err(error.clone().into()), extra).await,
            (Ok(()), _) => {
                self.print(number, Outcome { job_extra: extra, ..Outcome::in_progress(job.reference()) });
                Ok(None)
            }
        }
    }

    /// A file is over, unless it gives the id of an asset whose tags are to be set.
    async fn finished(
        &mut self,
        number: usize,
        result: Result<JobResult, Error>,
        extra: Map<String, Value>,
    ) -> Result<Option<String>, End> {
        let error = match result {
            Ok(made) => {
                self.network.is_there();
                return self.made(number, made, extra, false).await;
            }
            Err(error) => error,
        };
        let job = match self.states.get(&number) {
            Some(State::AtCanva(job)) => Some(job.clone()),
            _ => None,
        };
        match (error.unconfirmed().cloned(), job) {
            (Some(unconfirmed), _) if !self.options.waiting.no_wait => {
                // Videos aren't looked for: Canva lists none.
                if unconfirmed.kind != UnconfirmedKind::Video {
                    self.say(number, LOST);
                }
                self.states.insert(number, State::LookedFor);
                self.write(number, Step::Sending { unconfirmed: unconfirmed.clone() }).await?;
                self.lost.push((number, unconfirmed, Some(error)));
                Ok(None)
            }
            (_, Some(job)) if matches!(error, Error::Poll { .. }) && is_away(&error) => {
                self.next.push((number, Task::PickUp(job)));
                Ok(None)
            }
            (_, job) => self.failed(number, job.as_ref(), error, extra).await,
        }
    }

    /// What was made of a file: a design, or an asset that may lack its tags.
    async fn made(
        &mut self,
        number: usize,
        result: JobResult,
        extra: Map<String, Value>,
        looked_up: bool,
    ) -> Result<Option<String>, End> {
        let outcome = Outcome::ended(self.job(number).as_ref(), Ok::<_, Error>(result.clone()), extra);
        let outcome = Outcome { looked_up, ..outcome };
        match result {
            JobResult::Asset(asset) if !self.tags(number).is_empty() || looked_up && self.folder_id().is_some() => {
                self.settling(number, asset, outcome).await.map(Some)
            }
            result => {
                if let Some(made) = Made::new(&result) {
                    self.write(number, Step::Done { made }).await?;
                }
                self.print(number, outcome);
                Ok(None)
            }
        }
    }

    /// The asset is there, and something is left to be set.
    async fn settling(&mut self, number: usize, asset: Box<Asset>, outcome: Outcome) -> Result<String, End> {
        let asset_id = asset.id.clone();
        self.states.insert(number, State::Settling(Box::new(outcome)));
        self.write(number, Step::Made { asset }).await?;
        Ok(asset_id)
    }

    async fn failed(
        &mut self,
        number: usize,
        job: Option<&JobReference>,
        error: Error,
        extra: Map<String, Value>,
    ) -> Result<Option<String>, End> {
        let outcome = Outcome { job_extra: extra, ..Outcome::failed(job, &error) };
        let outcome = Outcome { job_id: job.map(|job| job.id.clone()), ..outcome };
        match &error {
            Error::NotMoved { asset, .. } => {
                let asset_id = self.settling(number, asset.clone(), outcome).await?;
                if self.tags(number).is_empty() {
                    self.settled(number, Settled { moved: Ok(()), tagged: None }).await?;
                    return Ok(None);
                }
                return Ok(Some(asset_id));
            }
            // What is at Canva or may be there stays so in the journal, for the next command.
            Error::OutcomeUnknown { .. } | Error::Poll { .. } | Error::Deadline { .. } => {
                self.unsettled.extend(self.files.get(number).map(|planned| planned.name.clone()));
            }
            Error::Job(_) => self.write(number, Step::Failed { code: outcome.code() }).await?,
            // Nothing was made, whatever had been handed over.
            _ if job.is_none() => self.write(number, Step::Failed { code: outcome.code() }).await?,
            _ => {}
        }
        self.fatal |= concerns_all(&error);
        self.print(number, outcome);
        Ok(None)
    }

    /// Looks for what may have arrived, again if the network goes away.
    fn look_up(&self, lost: Lost) -> BoxFuture<'static, Found> {
        let (canva, network, known) = (self.canva.clone(), self.network.clone(), self.journal.ids());
        Box::pin(async move {
            loop {
                let unconfirmed = lost.iter().map(|(_, unconfirmed, _)| unconfirmed.clone());
                let found = canva.look_up_all(unconfirmed).known(known.clone()).await;
                let away = |it: &Result<_, _>| matches!(it, Err(LookUpError::Failed { source, .. }) if is_away(source));
                if !found.iter().any(away) || network.insist(|| canva.users_me()).await.is_err() {
                    return lost.into_iter().zip(found).collect();
                }
            }
        })
    }

    /// What a look-up says of a file.
    async fn found(
        &mut self,
        (number, unconfirmed, error): (usize, Unconfirmed, Option<Error>),
        found: Result<JobResult, LookUpError>,
    ) -> Result<Option<String>, End> {
        let why = match found {
            Ok(result) => return self.made(number, result, Map::new(), true).await,
            Err(why) => why,
        };
        if matches!(why, LookUpError::NotThere) && self.options.again.send_again && self.sent_again.insert(number) {
            self.say(number, "Canva does not list it, so it is sent again");
            self.states.remove(&number);
            self.next.push((number, Task::Send));
            return Ok(None);
        }
        let asked_again = matches!(why, LookUpError::Failed { .. });
        let outcome = match error {
            Some(mut error) => {
                if let Error::OutcomeUnknown { looked_up, .. } = &mut error {
                    *looked_up = Some(why);
                }
                Outcome::failed(None, &error)
            }
            None => Outcome::still_unknown(&why),
        };
        // Where Canva couldn't be asked, the next command asks again.
        let step = if asked_again { Step::Sending { unconfirmed } } else { Step::Unknown { code: outcome.code() } };
        self.write(number, step).await?;
        self.print(number, outcome);
        Ok(None)
    }

    /// Sets an asset's tags and, unless its job did that, its folder.
    fn settle(&self, number: usize, asset_id: String, and_move: bool) -> BoxFuture<'static, (usize, Settled)> {
        let (canva, network, tags) = (self.canva.clone(), self.network.clone(), self.tags(number));
        let folder_id = self.folder_id().filter(|_| and_move);
        Box::pin(async move {
            let mut moved = Ok(());
            if let Some(folder_id) = folder_id {
                moved = network.insist(|| canva.move_folder_item(&asset_id, &folder_id)).await;
            }
            let mut tagged = None;
            if !tags.is_empty() {
                tagged = Some(network.insist(|| canva.update_asset(&asset_id).tags(&tags)).await);
            }
            (number, Settled { moved, tagged })
        })
    }

    async fn settled(&mut self, number: usize, settled: Settled) -> Result<(), End> {
        let Some(State::Settling(outcome)) = self.states.remove(&number) else { return Ok(()) };
        let mut outcome = *outcome;
        let errors = [settled.moved.as_ref().err(), settled.tagged.as_ref().and_then(|tagged| tagged.as_ref().err())];
        self.fatal |= errors.into_iter().flatten().any(concerns_all);
        if let Err(error) = &settled.moved {
            outcome = outcome.not_moved(error);
        }
        if let Some(tagged) = settled.tagged {
            outcome = outcome.tagged(tagged);
        }
        if let (Status::Success, Some(item::Made::OfJob(result))) = (outcome.status, &outcome.made)
            && let Some(made) = Made::new(result)
        {
            self.write(number, Step::Done { made }).await?;
        }
        self.print(number, outcome);
        Ok(())
    }

    /// Prints what is known when the command stops. Files of which nothing is printed are not in Canva.
    async fn stop(&mut self) {
        self.output.screen.end();
        // From here on, no content is handed over whole, and the journal says which was.
        *self.stopped.write().await = true;
        self.print_begun();
    }

    /// Prints what is or may be in Canva and isn't printed yet.
    fn print_begun(&mut self) {
        for number in 0..self.files.len() {
            let outcome = match self.states.remove(&number) {
                Some(State::AtCanva(job)) => Outcome::in_progress(&job),
                Some(State::LookedFor) => Outcome::stopped_while_looking(),
                Some(State::Settling(outcome)) => outcome.stopped_at_its_tags(),
                None if self.printed.contains(&number) => continue,
                None => match self.journal.entry(&self.key(number)).map(|entry| entry.step) {
                    Some(Step::Sending { .. }) => Outcome::stopped_when_sent(),
                    Some(Step::Job { job }) => Outcome::in_progress(&job),
                    Some(Step::Made { asset }) => Outcome::new(Ok(*asset)).stopped_at_its_tags(),
                    _ => continue,
                },
            };
            self.print(number, outcome);
        }
    }

    fn job(&self, number: usize) -> Option<JobReference> {
        match self.states.get(&number) {
            Some(State::AtCanva(job)) => Some(job.clone()),
            _ => None,
        }
    }

    fn name(&self, number: usize) -> String {
        self.files.get(number).map(|planned| planned.file.shown.display().to_string()).unwrap_or_default()
    }

    fn key(&self, number: usize) -> Key {
        self.files.get(number).map(|planned| planned.file.key()).unwrap_or_default()
    }

    fn tags(&self, number: usize) -> Vec<String> {
        self.files.get(number).map(|planned| planned.file.tags.clone()).unwrap_or_default()
    }

    fn folder_id(&self) -> Option<String> {
        match &self.kind {
            Kind::Asset { folder_id } => folder_id.clone(),
            Kind::Design { .. } => None,
        }
    }

    fn say(&self, number: usize, message: &str) {
        self.output.screen.note(&format!("{}: {message}", self.name(number)));
    }

    /// Writes the next step of a file that has begun.
    async fn write(&self, number: usize, step: Step) -> Result<(), End> {
        match self.journal.entry(&self.key(number)) {
            Some(entry) => {
                let (tags, folder_id) = (self.tags(number), self.folder_id().or(entry.folder_id));
                let entry = Entry { at: now(), step, tags, folder_id, ..entry };
                self.journal.write(entry).await.map_err(no_journal)
            }
            // Its content was never handed over whole.
            None => Ok(()),
        }
    }

    fn print(&mut self, number: usize, outcome: Outcome) {
        self.states.remove(&number);
        self.printed.insert(number);
        let mut tally = locked(&self.tally);
        tally.at_canva.remove(&number);
        tally.end(outcome.status);
        drop(tally);
        if let Some(planned) = self.files.get(number) {
            self.output.item(&Item { subject: Subject::file(&planned.file.shown), outcome });
        }
    }
}

impl Planned {
    /// What the journal says of it from now on.
    fn entry(&self, sha256: String, kind: &Kind) -> Entry {
        let folder_id = match kind {
            Kind::Asset { folder_id } => folder_id.clone(),
            Kind::Design { .. } => None,
        };
        let Planned { file, name, .. } = self.clone();
        let (size, modified, tags) = (file.size, file.modified, file.tags);
        let step = Step::Failed { code: "not_sent".to_owned() };
        Entry { file: file.absolute, named: file.name, size, modified, sha256, name, tags, folder_id, at: now(), step }
    }
}

impl Kind {
    fn command(&self) -> &'static str {
        match self {
            Self::Asset { .. } => "upload",
            Self::Design { .. } => "import",
        }
    }

    fn operation(&self) -> &'static Operation {
        match self {
            Self::Asset { .. } => &CREATE_ASSET_UPLOAD_JOB,
            Self::Design { .. } => &CREATE_DESIGN_IMPORT_JOB,
        }
    }

    fn send<F>(
        &self,
        canva: &Client,
        planned: &Planned,
        on_progress: impl FnMut(UploadProgress) + Send + 'static,
        before_end: impl Fn(Unconfirmed) -> F + Send + Sync + 'static,
    ) -> BoxFuture<'static, Result<Job<JobResult>, Error>>
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let path = planned.file.path.clone();
        match self {
            Self::Asset { folder_id } => {
                let mut upload =
                    canva.upload_asset(path).name(&planned.name).on_progress(on_progress).before_end(before_end);
                if let Some(folder_id) = folder_id {
                    upload = upload.folder(folder_id);
                }
                Box::pin(async move { Ok(upload.await?.into_any()) })
            }
            Self::Design { mime_type } => {
                let mut import =
                    canva.import_design(path).title(&planned.name).on_progress(on_progress).before_end(before_end);
                if let Some(mime_type) = mime_type {
                    import = import.mime_type(mime_type);
                }
                Box::pin(async move { Ok(import.await?.into_any()) })
            }
        }
    }
}

/// A pause that no file waits for.
const LONG: Duration = Duration::from_secs(300);

/// Whether it would fail each file, so that the command ends at the first.
fn concerns_all(error: &Error) -> bool {
    let refused = |code: &str| matches!(error, Error::Api(api) if api.code == code);
    matches!(error.kind(), ErrorKind::Login | ErrorKind::Setup)
        || refused("missing_scope")
        || refused("endpoint_not_found")
        || is_away(error)
        || matches!(error, Error::Api(api) if api.retry_after.is_some_and(|pause| pause > LONG))
        || matches!(error, Error::Pacer { .. })
}

async fn unwaited_job(job: Result<Job<JobResult>, Error>) -> Created {
    let mut job = job?;
    // `canva job` would refuse a malformed id; waiting says so.
    let read = match job.state() {
        _ if job.reference().check().is_err() => job.settle().await,
        None => job.refresh().await,
        Some(_) => Ok(()),
    };
    Ok((job, read))
}

fn locked(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

fn no_journal(error: io::Error) -> End {
    End {
        code: 1,
        message: format!("stopped, because the journal can't be written: {error}; the same command goes on"),
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
