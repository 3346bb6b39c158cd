//! Sends the files of `upload` and `import`, waits for their jobs, and prints the outcomes in the order given.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

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
use crate::screen::{Ended, Sent, Tally, about};

/// What an upload or import calls as it goes.
pub type OnProgress = Box<dyn FnMut(UploadProgress) + Send>;

/// One upload or import.
pub type Sending = BoxFuture<'static, Result<Job<JobResult>, Error>>;

/// Sends the files and tags what was uploaded. A failed file doesn't stop the others; Ctrl-C stops all.
pub async fn run(
    canva: &Client,
    files: Vec<PathBuf>,
    send: impl Fn(&PathBuf, OnProgress) -> Sending + Clone + Send + 'static,
    tags: &[String],
    waiting: &Waiting,
    again: Again,
    done: &str,
    output: &mut Output,
) -> Result<(), End> {
    let tally = Arc::new(Mutex::new(Tally::new(files.len())));
    let begun = Instant::now();
    let drawn = output.screen.files(tally.clone());
    let writes = tally.clone();
    if let Ok(mut tally) = tally.lock() {
        tally.bytes = files.iter().filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum();
    }
    let handed_over = HandedOver::default();
    let noted = handed_over.clone();
    let item = move |(number, file): (usize, PathBuf)| {
        let (noted, writes, name) = (noted.clone(), writes.clone(), file.display().to_string());
        let (shown, ended) = (name.clone(), writes.clone());
        let on_progress = move |progress: UploadProgress| {
            noted.note(number, progress);
            let mut tally = lock(&writes);
            if tally.sending.insert(number, Sent::new(&shown, progress)).is_none() {
                tally.to_send = tally.to_send.saturating_sub(1);
            }
        };
        let sent = send(&file, Box::new(on_progress)).inspect(move |_| {
            let mut tally = lock(&ended);
            if let Some(file) = tally.sending.remove(&number) {
                tally.bytes_done += file.total;
            }
        });
        (number, about(&name, sent))
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
    let mut results = Results { files, states: BTreeMap::new(), printed: 0, output, tally, ended: Vec::new() };
    let mut stop = pin!(tokio::signal::ctrl_c().fuse());
    while results.printed < results.files.len() {
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
            // If listening fails, Ctrl-C ends the process as usual.
            Ok(()) = &mut stop => {
                results.output.screen.end();
                let mut complete = handed_over.stop();
                complete.extend(sent_again);
                results.stop(complete);
                return Err(End { code: 130, message: "stopped; files not listed are not in Canva".to_owned() });
            }
        }
    }
    drop(drawn);
    let Results { output, ended, .. } = results;
    output.summary(&ended, done, begun.elapsed());
    Ok(())
}

fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
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
    tally: Arc<Mutex<Tally>>,
    ended: Vec<Ended>,
}

impl Results<'_> {
    fn say(&self, number: usize, message: &str) {
        if let Some(file) = self.files.get(number) {
            self.output.screen.note(&format!("{}: {message}", file.display()));
        }
    }

    fn set(&mut self, number: usize, state: State) {
        let name = self.files.get(number).map(|file| file.display().to_string()).unwrap_or_default();
        let mut tally = lock(&self.tally);
        tally.at_canva.remove(&number);
        if let Some(State::LookedFor) = self.states.get(&number) {
            tally.looked_for = tally.looked_for.saturating_sub(1);
        }
        match &state {
            State::AtCanva(_) => drop(tally.at_canva.insert(number, (name, Instant::now()))),
            State::Ended(outcome) => tally.end(outcome.status),
            State::LookedFor => tally.looked_for += 1,
            State::Tagging(_) => {}
        }
        drop(tally);
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
        let item = Item { subject, outcome };
        self.ended.push(Ended::of(&item));
        self.output.item(&item);
    }
}
