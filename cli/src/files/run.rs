//! Sends files, waits for their jobs and looks for what is lost, in rounds: what one round leaves open is for the next.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use canva_connect::{
    Asset, BodyError, BoxFuture, BulkEvent, Error, ErrorKind, JobReference, JobResult, JobState, LookUpError,
    Unconfirmed, UnconfirmedKind,
};
use futures_util::stream::{self, FuturesUnordered, StreamExt};
use serde_json::{Map, Value};

use super::journal::{Entry, Journal, Key, Made, Step};
use super::network::{Network, is_away};
use super::plan::{Kind, Plan, Planned, Task};
use super::send::{Created, Sender, locked, now};
use crate::args::files::Options;
use crate::commands::{AT_ONCE, LOST};
use crate::connection::Connection;
use crate::end::{End, Worst};
use crate::item::{self, Item, Outcome, Status, Subject};
use crate::output::Output;
use crate::screen::{Drawn, Ended, Tally};

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

pub struct Run<'a> {
    sender: Sender,
    files: Vec<Arc<Planned>>,
    options: Options,
    /// Until the summary.
    drawn: Option<Drawn>,
    begun: Instant,
    /// How many files there are, with those that can't be read.
    pub given: usize,
    pub ended: Vec<Ended>,
    states: BTreeMap<usize, State>,
    /// What to send, or to wait for, in the next round.
    next: Vec<(usize, Task)>,
    /// What is looked up in the next round.
    lost: Lost,
    /// The names of what goes on at Canva, or may.
    unsettled: BTreeSet<String>,
    printed: BTreeSet<usize>,
    sent_again: BTreeSet<usize>,
    /// The assets whose tags and folder are being set.
    settling: FuturesUnordered<BoxFuture<'static, (usize, Settled)>>,
    /// Concerns all files: no more are sent.
    fatal: bool,
    output: &'a mut Output,
}

/// What is to be looked up, with the error of this run.
type Lost = Vec<(usize, Unconfirmed, Option<Error>)>;

/// What a look-up has found.
type Found = Vec<((usize, Unconfirmed, Option<Error>), Result<JobResult, LookUpError>)>;

impl<'a> Run<'a> {
    pub fn new(
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
            let message = match (&tally.network, &away) {
                (None, Some((why, _))) => Some(format!("waiting for the network: {why}")),
                (Some((_, since)), None) => Some(format!("the network is back after {} s", since.elapsed().as_secs())),
                _ => None,
            };
            tally.network = tally.network.take().filter(|_| away.is_some()).or(away);
            // The screen looks at the tally whenever it prints.
            drop(tally);
            if let Some(message) = message {
                screen.note(&message);
            }
        };
        Self {
            drawn: Some(output.screen.files(tally.clone())),
            sender: Sender {
                canva: connection.canva.clone(),
                kind,
                journal,
                network: Network::new(options.network_timeout, tell),
                tally,
                stopped: Arc::default(),
            },
            options,
            states: BTreeMap::new(),
            next: Vec::new(),
            lost: Vec::new(),
            unsettled: BTreeSet::new(),
            printed: BTreeSet::new(),
            sent_again: BTreeSet::new(),
            settling: FuturesUnordered::new(),
            fatal: false,
            begun: Instant::now(),
            given: plan.files.len(),
            ended: Vec::new(),
            files: plan.files.into_iter().map(Arc::new).collect(),
            output,
        }
    }

    pub async fn all(&mut self) -> Result<(), End> {
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
        while !(self.fatal || self.next.is_empty() && self.lost.is_empty()) {
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
        // What is made by a job that goes on couldn't be told from something lost of the same name.
        let (open, lost): (Vec<_>, Vec<_>) =
            lost.into_iter().partition(|(_, unconfirmed, _)| self.unsettled.contains(&unconfirmed.name));
        for (number, _, error) in open {
            let unknown = error.map(|error| Outcome::failed(None, &error));
            self.print(number, unknown.unwrap_or_else(|| Outcome::unknown_before("outcome_unknown")));
        }
        lost.iter().for_each(|(number, ..)| drop(self.states.insert(*number, State::LookedFor)));
        self.count_lost();
        let names: BTreeSet<&str> = lost.iter().map(|(_, unconfirmed, _)| unconfirmed.name.as_str()).collect();
        // What has the name of something lost would be taken for it.
        let is_held = |(number, task): &(usize, Task)| {
            matches!(task, Task::Send) && self.files.get(*number).is_some_and(|it| names.contains(it.name.as_str()))
        };
        let (held, tasks): (Vec<_>, Vec<_>) = std::mem::take(&mut self.next).into_iter().partition(is_held);
        let mut picked_up = BTreeSet::new();
        let mut items = Vec::new();
        for (number, task) in tasks {
            match task {
                Task::Finish(asset) => {
                    let outcome = Outcome::new(Ok((*asset).clone()));
                    self.settle(number, asset, outcome, true).await?;
                }
                task => {
                    if matches!(task, Task::PickUp(_)) {
                        picked_up.insert(number);
                    }
                    items.extend(self.files.get(number).map(|planned| (number, planned.clone(), task)));
                }
            }
        }
        let sender = self.sender.clone();
        let (waited, unwaited) = if self.options.waiting.no_wait { (vec![], items) } else { (items, vec![]) };
        let (mut bulk_goes_on, mut unwaited_go_on) = (!waited.is_empty(), !unwaited.is_empty());
        let only = sender.clone();
        let begin = move |(number, planned, task)| (number, sender.clone().begin(number, planned, task));
        let mut bulk = self.sender.canva.bulk(waited.into_iter().map(begin));
        let begin_only = move |(number, planned, task)| {
            let created = only.clone().begin_only(number, planned, task);
            async move { (number, created.await) }
        };
        let mut unwaited = stream::iter(unwaited).map(begin_only).buffer_unordered(AT_ONCE);
        let mut lost = Some(lost).filter(|lost| !lost.is_empty());
        let (mut search, mut searching): (BoxFuture<'static, Found>, _) =
            (Box::pin(std::future::pending()), lost.is_some());
        while bulk_goes_on || unwaited_go_on || searching || !self.settling.is_empty() {
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
                        self.finished(key, result, extra).await?;
                    }
                    _ => {}
                },
                created = unwaited.next(), if unwaited_go_on => match created {
                    None => unwaited_go_on = false,
                    Some((number, created)) => self.created(number, created).await?,
                },
                found = &mut search, if searching => {
                    searching = false;
                    for (lost, found) in found {
                        self.found(lost, found).await?;
                    }
                }
                Some((number, settled)) = self.settling.next() => self.settled(number, settled).await?,
            }
        }
        self.next.extend(held);
        Ok(())
    }

    /// Canva has made a job.
    async fn started(&mut self, number: usize, job: JobReference) -> Result<(), End> {
        self.sender.network.is_there();
        self.states.insert(number, State::AtCanva(job.clone()));
        locked(&self.sender.tally).at_canva.insert(number, (self.name(number), Instant::now()));
        self.write(number, Step::Job { job }).await
    }

    /// What a file sent with `--no-wait` has come to: its job, and whether that could be read.
    async fn created(&mut self, number: usize, created: Created) -> Result<(), End> {
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
                Ok(())
            }
        }
    }

    /// A file is over, but for an asset whose tags are to be set.
    async fn finished(
        &mut self,
        number: usize,
        result: Result<JobResult, Error>,
        extra: Map<String, Value>,
    ) -> Result<(), End> {
        let error = match result {
            Ok(made) => {
                self.sender.network.is_there();
                return self.made(number, made, extra, false).await;
            }
            Err(error) => error,
        };
        match (error.unconfirmed().cloned(), self.job(number)) {
            (Some(unconfirmed), _) if !self.options.waiting.no_wait => {
                // Videos aren't looked for: Canva lists none.
                if unconfirmed.kind != UnconfirmedKind::Video {
                    self.say(number, LOST);
                }
                self.states.insert(number, State::LookedFor);
                self.count_lost();
                self.write(number, Step::Sending { unconfirmed: unconfirmed.clone() }).await?;
                self.lost.push((number, unconfirmed, Some(error)));
                Ok(())
            }
            (_, Some(job))
                if matches!(error, Error::Poll { .. }) && is_away(&error)
                    || matches!(error, Error::Deadline { .. }) && self.sender.network.is_away() =>
            {
                self.next.push((number, Task::PickUp(job)));
                Ok(())
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
    ) -> Result<(), End> {
        let job = self.job(number);
        let outcome = Outcome::ended(job.as_ref(), Ok::<_, Error>(result.clone()), extra);
        let outcome = Outcome { looked_up, ..outcome };
        // A job of this command has moved its asset; an earlier command may have asked for another folder, or for none.
        let is_moved = self.folder_id().is_none_or(|folder_id| job.is_some_and(|job| job.folder_id == Some(folder_id)));
        match result {
            JobResult::Asset(asset) if !self.tags(number).is_empty() || !is_moved => {
                self.settle(number, asset, outcome, !is_moved).await
            }
            result => {
                if let Some(made) = Made::new(&result) {
                    self.write(number, Step::Done { made }).await?;
                }
                self.print(number, outcome);
                Ok(())
            }
        }
    }

    /// The asset is there: sets its tags and, unless its job has done that, its folder.
    async fn settle(&mut self, number: usize, asset: Box<Asset>, outcome: Outcome, and_move: bool) -> Result<(), End> {
        let asset_id = asset.id.clone();
        self.states.insert(number, State::Settling(Box::new(outcome)));
        self.write(number, Step::Made { asset }).await?;
        let (canva, network, tags) = (self.sender.canva.clone(), self.sender.network.clone(), self.tags(number));
        let folder_id = self.folder_id().filter(|_| and_move);
        self.settling.push(Box::pin(async move {
            let mut moved = Ok(());
            if let Some(folder_id) = folder_id {
                moved = network.insist(|| canva.move_folder_item(&asset_id, &folder_id)).await;
            }
            let mut tagged = None;
            if !tags.is_empty() {
                tagged = Some(network.insist(|| canva.update_asset(&asset_id).tags(&tags)).await);
            }
            (number, Settled { moved, tagged })
        }));
        Ok(())
    }

    async fn failed(
        &mut self,
        number: usize,
        job: Option<&JobReference>,
        error: Error,
        extra: Map<String, Value>,
    ) -> Result<(), End> {
        let outcome = Outcome { job_extra: extra, ..Outcome::failed(job, &error) };
        let outcome = Outcome { job_id: job.map(|job| job.id.clone()), ..outcome };
        self.fatal |= concerns_all(&error);
        match &error {
            Error::NotMoved { asset, .. } => return self.settle(number, asset.clone(), outcome, false).await,
            // What is at Canva or may be there stays so in the journal, for the next command.
            Error::OutcomeUnknown { .. } | Error::Poll { .. } | Error::Deadline { .. } => {
                self.unsettled.extend(self.files.get(number).map(|planned| planned.name.clone()));
            }
            Error::Job(_) => self.write(number, Step::Failed { code: outcome.code() }).await?,
            // Nothing was made, whatever had been handed over.
            _ if job.is_none() => self.write(number, Step::Failed { code: outcome.code() }).await?,
            _ => {}
        }
        self.print(number, outcome);
        Ok(())
    }

    /// Looks for what may have arrived, again if the network goes away.
    fn look_up(&self, lost: Lost) -> BoxFuture<'static, Found> {
        let (canva, network, known) =
            (self.sender.canva.clone(), self.sender.network.clone(), self.sender.journal.ids());
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
    ) -> Result<(), End> {
        let why = match found {
            Ok(result) => return self.made(number, result, Map::new(), true).await,
            Err(why) => why,
        };
        if matches!(why, LookUpError::NotThere) && self.options.again.send_again && self.sent_again.insert(number) {
            self.say(number, "Canva does not list it, so it is sent again");
            self.states.remove(&number);
            self.count_lost();
            self.next.push((number, Task::Send));
            return Ok(());
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
        Ok(())
    }

    async fn settled(&mut self, number: usize, settled: Settled) -> Result<(), End> {
        let Some(State::Settling(outcome)) = self.states.remove(&number) else { return Ok(()) };
        let mut outcome = *outcome;
        let gone = |error: &Error| error.api().is_some_and(|api| api.code == "asset_not_found");
        if settled.tagged.as_ref().is_some_and(|tagged| tagged.as_ref().is_err_and(gone)) {
            // Somebody has deleted it. The next command sends its file again.
            self.write(number, Step::Failed { code: "asset_not_found".to_owned() }).await?;
        }
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

    /// Says how many files ended how.
    pub fn sum_up(&mut self) {
        self.drawn = None;
        let done = match self.sender.kind {
            Kind::Asset { .. } => "uploaded",
            Kind::Design { .. } => "imported",
        };
        self.output.summary(self.given, &self.ended, done, self.begun.elapsed());
    }

    /// The end with the code of the worst that has happened.
    pub fn worst(&mut self, end: End) -> End {
        self.output.worst.and(Worst::Failed);
        End { code: self.output.worst.code(), ..end }
    }

    /// Prints what is known when the command stops. Files of which nothing is printed are not in Canva.
    pub async fn stop(&mut self) {
        self.output.screen.end();
        self.sender.stop().await;
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
                None => match self.sender.journal.entry(&self.key(number)).map(|entry| entry.step) {
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
        match &self.sender.kind {
            Kind::Asset { folder_id } => folder_id.clone(),
            Kind::Design { .. } => None,
        }
    }

    fn say(&self, number: usize, message: &str) {
        self.output.screen.note(&format!("{}: {message}", self.name(number)));
    }

    /// Writes the next step of a file that has begun.
    async fn write(&self, number: usize, step: Step) -> Result<(), End> {
        match self.sender.journal.entry(&self.key(number)) {
            Some(entry) => {
                let (tags, folder_id) = (self.tags(number), self.folder_id().or(entry.folder_id));
                let entry = Entry { at: now(), step, tags, folder_id, ..entry };
                self.sender.journal.write(entry).await.map_err(no_journal)
            }
            // Its content was never handed over whole.
            None => Ok(()),
        }
    }

    /// Shows how many files are looked for.
    fn count_lost(&self) {
        let lost = self.states.values().filter(|state| matches!(state, State::LookedFor)).count();
        locked(&self.sender.tally).looked_for = lost;
    }

    fn print(&mut self, number: usize, outcome: Outcome) {
        self.states.remove(&number);
        self.count_lost();
        self.printed.insert(number);
        let mut tally = locked(&self.sender.tally);
        tally.at_canva.remove(&number);
        tally.end(outcome.status);
        drop(tally);
        let Some(planned) = self.files.get(number) else { return };
        let item = Item { subject: Subject::file(&planned.file.shown), outcome };
        self.ended.push(Ended::of(&item));
        self.output.item(&item);
    }
}

/// A pause that no file waits for.
const LONG: Duration = Duration::from_secs(300);

/// Whether it would fail each file, so that the command ends at the first.
fn concerns_all(error: &Error) -> bool {
    let error = match error {
        // The asset is there, so it is the folder that isn't.
        Error::NotMoved { source, .. } if source.api().is_some_and(|api| api.code == "folder_not_found") => {
            return true;
        }
        Error::NotMoved { source, .. } => source,
        error => error,
    };
    let refused = |code: &str| matches!(error, Error::Api(api) if api.code == code);
    matches!(error.kind(), ErrorKind::Login | ErrorKind::Setup)
        || refused("missing_scope")
        || refused("endpoint_not_found")
        || is_away(error)
        || matches!(error, Error::Body(BodyError::HeldBack { .. }))
        || matches!(error, Error::Api(api) if api.retry_after.is_some_and(|pause| pause > LONG))
        || matches!(error, Error::Pacer { .. })
}

fn no_journal(error: io::Error) -> End {
    End {
        code: 1,
        message: format!("stopped, because the journal can't be written: {error}; the same command goes on"),
    }
}
