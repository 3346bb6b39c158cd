//! Sends the files of `upload` and `import`, waits for their jobs, and prints the outcomes in the order given.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use canva_connect::{
    Asset, BoxFuture, BulkEvent, Client, Error, Job, JobReference, JobResult, LookUpError, UnconfirmedKind,
    UploadProgress,
};
use futures_util::future::FutureExt;
use futures_util::stream::{self, FuturesUnordered, StreamExt};

use crate::End;
use crate::args::files::{Again, Waiting};
use crate::commands::{AT_ONCE, LOST, created};
use crate::item::{Item, Made, Outcome, Subject};
use crate::output::Output;
use crate::stop::Stop;

/// What an upload or import calls as it goes.
pub type OnProgress = Box<dyn FnMut(UploadProgress) + Send>;

/// One upload or import.
pub type Sending = BoxFuture<'static, Result<Job<JobResult>, Error>>;

/// Sends the files and tags what was uploaded. A failed file doesn't stop the others; a signal stops all.
#[allow(clippy::too_many_arguments)]
pub async fn run(
    canva: &Client,
    files: Vec<PathBuf>,
    send: impl Fn(&PathBuf, OnProgress) -> Sending + Clone + Send + 'static,
    tags: &[String],
    waiting: &Waiting,
    again: Again,
    stop: &Stop,
    output: &mut Output,
) -> Result<(), End> {
    let progress = output.progress.clone();
    let whole = progress.line("files");
    let handed_over = HandedOver::default();
    let noted = handed_over.clone();
    let item = move |(number, file): (usize, PathBuf)| {
        let line = progress.line(file.display());
        let (mut show, noted) = (line.on_progress(), noted.clone());
        let on_progress = move |progress| {
            noted.note(number, progress);
            show(progress);
        };
        (number, send(&file, Box::new(on_progress)).inspect(|_| drop(line)))
    };
    let numbered = files.clone().into_iter().enumerate();
    let (waited, unwaited) = if waiting.no_wait { (None, Some(numbered)) } else { (Some(numbered), None) };
    let mut bulk = canva.bulk(waited.into_iter().flatten().map(item.clone())).look_up();
    // What isn't in Canva is sent again, by another bulk.
    let (mut sending, mut missing, mut sent_again) = (!waiting.no_wait, Vec::new(), BTreeSet::new());
    let unwaited = stream::iter(unwaited.into_iter().flatten().map(item.clone()));
    let mut unwaited = unwaited
        .map(|(number, job)| async move { (number, created(job.await, waiting).await) })
        .buffer_unordered(AT_ONCE);
    let mut tagging = FuturesUnordered::new();
    let mut results = Results { files, states: BTreeMap::new(), printed: 0, output };
    let mut stopped = pin!(stop.requested().fuse());
    while results.printed < results.files.len() {
        whole.show(results.summary());
        tokio::select! {
            // Events that have arrived count, before the command stops.
            biased;
            event = bulk.next(), if sending => match event {
                None => {
                    sending = !missing.is_empty();
                    bulk = canva.bulk(std::mem::take(&mut missing).into_iter().map(item.clone())).look_up();
                }
                Some(BulkEvent::Started { key, job, .. }) => results.set(key, State::AtCanva(job)),
                Some(BulkEvent::Unconfirmed { key, unconfirmed, .. }) => {
                    // Videos aren't looked for: Canva lists none.
                    if unconfirmed.kind != UnconfirmedKind::Video {
                        results.say(key, LOST);
                    }
                    results.set(key, State::LookedFor);
                }
                Some(BulkEvent::Finished {
                    key,
                    result: Err(Error::OutcomeUnknown { looked_up: Some(LookUpError::NotThere), .. }),
                    ..
                }) if again.send_again && sent_again.insert(key) => {
                    results.say(key, "Canva does not list it, so it is sent again");
                    missing.extend(results.files.get(key).map(|file| (key, file.clone())));
                    results.states.remove(&key);
                }
                Some(BulkEvent::Finished { key, result, extra, .. }) => {
                    let (job, looked_up) = match results.states.get(&key) {
                        Some(State::AtCanva(job)) => (Some(job), false),
                        Some(State::LookedFor) => (None, result.is_ok()),
                        _ => (None, false),
                    };
                    let outcome = Outcome { looked_up, ..Outcome::ended(job, result, extra) };
                    results.set(key, match &outcome.made {
                        Some(Made::OfJob(JobResult::Asset(asset))) if !tags.is_empty() => {
                            let update = canva.update_asset(&asset.id).tags(tags);
                            tagging.push(async move { (key, update.await) });
                            State::Tagging(outcome)
                        }
                        _ => State::Ended(outcome),
                    });
                }
                _ => {}
            },
            Some((number, outcome)) = unwaited.next() => results.set(number, State::Ended(outcome)),
            Some((number, tagged)) = tagging.next() => results.tagged(number, tagged),
            signal = &mut stopped => {
                results.output.progress.end();
                let mut complete = handed_over.stop();
                complete.extend(sent_again);
                results.stop(complete);
                return Err(End::stopped(signal, "stopped; files not listed are not in Canva"));
            }
        }
    }
    Ok(())
}

/// The files whose last byte was handed over by their last attempt. Without that byte, no file can be in Canva.
#[derive(Clone, Default)]
struct HandedOver(Arc<Mutex<Numbers>>);

#[derive(Default)]
struct Numbers {
    complete: BTreeSet<usize>,
    stopped: bool,
}

impl HandedOver {
    /// Called before the bytes leave. Once the command has stopped, it holds the thread until the process ends: a file
    /// completed now would reach Canva without being printed.
    fn note(&self, number: usize, progress: UploadProgress) {
        let mut numbers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if numbers.stopped {
            drop(numbers);
            loop {
                std::thread::park();
            }
        }
        if progress.sent == progress.total {
            numbers.complete.insert(number);
        } else {
            numbers.complete.remove(&number);
        }
    }

    fn stop(&self) -> BTreeSet<usize> {
        let mut numbers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        numbers.stopped = true;
        std::mem::take(&mut numbers.complete)
    }
}

/// What is known of a file that isn't printed yet.
enum State {
    AtCanva(JobReference),
    /// Canva's answer was lost.
    LookedFor,
    /// The asset is there, and its tags are being set.
    Tagging(Outcome),
    /// A file before it isn't known yet.
    Ended(Outcome),
}

/// The outcomes of the files, by their numbers.
struct Results<'a> {
    files: Vec<PathBuf>,
    states: BTreeMap<usize, State>,
    /// All files before this one are printed.
    printed: usize,
    output: &'a mut Output,
}

impl Results<'_> {
    fn summary(&self) -> String {
        let count = |which: fn(&State) -> bool| self.states.values().filter(|state| which(state)).count();
        let at_canva = count(|state| matches!(state, State::AtCanva(_)));
        let done = self.printed + count(|state| matches!(state, State::Ended(_)));
        let lost = match count(|state| matches!(state, State::LookedFor)) {
            0 => String::new(),
            lost => format!(", {lost} looked for"),
        };
        format!("{done} of {} done, {at_canva} at Canva{lost}", self.files.len())
    }

    fn say(&self, number: usize, message: &str) {
        if let Some(file) = self.files.get(number) {
            self.output.progress.say(&format!("{}: {message}", file.display()));
        }
    }

    fn set(&mut self, number: usize, state: State) {
        self.states.insert(number, state);
        while matches!(self.states.first_key_value(), Some((next, State::Ended(_))) if *next == self.printed)
            && let Some((number, state)) = self.states.pop_first()
        {
            self.print(number, state);
            self.printed += 1;
        }
    }

    fn tagged(&mut self, number: usize, tagged: Result<Asset, Error>) {
        if let Some(State::Tagging(outcome)) = self.states.remove(&number) {
            self.set(number, State::Ended(outcome.tagged(tagged)));
        }
    }

    /// Prints what is known when the command stops. Files that are `complete` and have no state may be in Canva.
    fn stop(&mut self, mut complete: BTreeSet<usize>) {
        for number in complete.split_off(&self.printed) {
            self.states.entry(number).or_insert_with(|| State::Ended(Outcome::stopped_when_sent()));
        }
        while let Some((number, state)) = self.states.pop_first() {
            self.print(number, state);
        }
    }

    fn print(&mut self, number: usize, state: State) {
        let outcome = match state {
            State::AtCanva(job) => Outcome::in_progress(&job),
            State::LookedFor => Outcome::stopped_while_looking(),
            State::Tagging(outcome) => outcome.stopped_at_its_tags(),
            State::Ended(outcome) => outcome,
        };
        let subject = self.files.get(number).map(|file| Subject::file(file));
        self.output.item(&Item { subject, outcome });
    }
}
