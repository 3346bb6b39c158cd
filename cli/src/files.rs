//! The commands that take files: what Canva does with them is waited for together, and printed in the order given.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use canva_connect::{Asset, BulkEvent, Client, Error, Job, JobReference, JobResult, UploadProgress};
use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::End;
use crate::item::{Item, Outcome, Subject};
use crate::output::Output;
use crate::progress::{ProgressLine, ProgressLines};

/// What an upload or import calls as it goes.
pub type OnProgress = Box<dyn FnMut(UploadProgress) + Send>;

/// Sends the files, waits for their jobs and tags what was uploaded. A failed file doesn't stop the others; Ctrl-C stops all.
pub async fn run<F>(
    canva: &Client,
    files: Vec<PathBuf>,
    mut send: impl FnMut(&PathBuf, OnProgress) -> F + Send + 'static,
    tags: &[String],
    output: &mut Output,
) -> Result<(), End>
where
    F: Future<Output = Result<Job<JobResult>, Error>> + Send + 'static,
{
    let progress = output.progress();
    let mut whole = Whole { files: files.clone(), progress: progress.clone(), line: None };
    let mut results = Results { files: files.clone(), states: BTreeMap::new(), known: 0, printed: 0, output };
    let sent = Sent::default();
    let whole_sent = sent.clone();
    let items = files.into_iter().enumerate().map(move |(number, file)| {
        let line = progress.line(file.display());
        let (mut show, sent) = (line.on_progress(), whole_sent.clone());
        let sending = send(
            &file,
            Box::new(move |progress| {
                sent.note(number, progress);
                show(progress);
            }),
        );
        let item = async move {
            let _line = line;
            sending.await
        };
        (number, item)
    });
    let mut bulk = canva.bulk(items);
    let (mut tagging, mut more) = (FuturesUnordered::new(), true);
    let stop = ctrl_c();
    tokio::pin!(stop);
    while more || !tagging.is_empty() {
        whole.show(results.known, results.at_canva());
        tokio::select! {
            // What is known already is heard before the command stops.
            biased;
            event = bulk.next(), if more => match event {
                Some(BulkEvent::Started { key, job, .. }) => {
                    results.states.insert(key, State::AtCanva(job));
                }
                Some(BulkEvent::Finished { key, result, extra, .. }) => {
                    let job = match results.states.remove(&key) {
                        Some(State::AtCanva(job)) => Some(job),
                        _ => None,
                    };
                    let outcome = Outcome::ended(job.as_ref(), result, extra);
                    match &outcome.made {
                        Some(JobResult::Asset(asset)) if !tags.is_empty() => {
                            tagging.push(tag(canva, key, asset.id.clone(), tags));
                            results.states.insert(key, State::Tagging(outcome));
                        }
                        _ => results.end(key, outcome),
                    }
                }
                Some(_) => {}
                None => more = false,
            },
            Some((number, tagged)) = tagging.next() => {
                if let Some(State::Tagging(mut outcome)) = results.states.remove(&number) {
                    match tagged {
                        Ok(asset) => outcome.made = Some(asset.into()),
                        Err(error) => outcome.tags_not_applied(&error),
                    }
                    results.end(number, outcome);
                }
            }
            () = &mut stop => {
                results.stop(sent.stop());
                return Err(End::Stopped);
            }
        }
    }
    Ok(())
}

/// Never comes if Ctrl-C can't be listened to; then it ends the process as usual.
async fn ctrl_c() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

async fn tag(canva: &Client, number: usize, asset_id: String, tags: &[String]) -> (usize, Result<Asset, Error>) {
    (number, canva.update_asset(asset_id).tags(tags).await)
}

/// The files that were handed over whole by their last attempt. Without its last bytes, no file can be in Canva.
#[derive(Clone, Default)]
struct Sent(Arc<Mutex<BTreeSet<usize>>>);

impl Sent {
    /// Called before the bytes leave.
    fn note(&self, number: usize, progress: UploadProgress) {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if progress.sent == progress.total {
            sent.insert(number);
        } else {
            sent.remove(&number);
        }
    }

    /// From here to the end of the process, no last bytes leave: whoever would note them waits.
    fn stop(&self) -> BTreeSet<usize> {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let numbers = std::mem::take(&mut *sent);
        std::mem::forget(sent);
        numbers
    }
}

/// How far all of them are. A terminal has no room for a line for each.
struct Whole {
    files: Vec<PathBuf>,
    progress: ProgressLines,
    line: Option<ProgressLine>,
}

impl Whole {
    fn show(&mut self, known: usize, at_canva: usize) {
        let progress = &self.progress;
        match self.files.as_slice() {
            [file] => self.line = (at_canva > 0).then(|| progress.line(file.display())),
            files => {
                let line = self.line.get_or_insert_with(|| progress.line("files"));
                line.show(format!("{known} of {} done, {at_canva} at Canva", files.len()));
            }
        }
    }
}

/// What is known of a file, and not printed yet.
enum State {
    AtCanva(JobReference),
    /// The asset is there, and its tags are being set.
    Tagging(Outcome),
    /// It waits for one before it.
    Ended(Outcome),
}

/// What becomes of the files, by their numbers.
struct Results<'a> {
    files: Vec<PathBuf>,
    states: BTreeMap<usize, State>,
    known: usize,
    /// All files before this one are printed.
    printed: usize,
    output: &'a mut Output,
}

impl Results<'_> {
    fn at_canva(&self) -> usize {
        self.states.values().filter(|state| matches!(state, State::AtCanva(_))).count()
    }

    fn end(&mut self, number: usize, outcome: Outcome) {
        self.states.insert(number, State::Ended(outcome));
        self.known += 1;
        while let Some(next) = self.states.first_entry()
            && *next.key() == self.printed
            && matches!(next.get(), State::Ended(_))
            && let State::Ended(outcome) = next.remove()
        {
            self.print(self.printed, outcome);
            self.printed += 1;
        }
    }

    /// Prints what is known when the command stops. Nothing else is known of what was `sent` and has no state.
    fn stop(&mut self, mut sent: BTreeSet<usize>) {
        let mut states = std::mem::take(&mut self.states);
        for number in sent.split_off(&self.printed) {
            states.entry(number).or_insert_with(|| State::Ended(Outcome::stopped_when_sent()));
        }
        for (number, state) in states {
            let outcome = match state {
                State::AtCanva(job) => Outcome::in_progress(&job),
                State::Tagging(outcome) => outcome.stopped_at_its_tags(),
                State::Ended(outcome) => outcome,
            };
            self.print(number, outcome);
        }
    }

    fn print(&mut self, number: usize, outcome: Outcome) {
        let subject = self.files.get(number).map(|file| Subject::file(file));
        self.output.item(&Item { subject, outcome });
    }
}
