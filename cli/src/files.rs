//! The commands that take files: what Canva does with them is waited for together, and printed in the order given.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use canva_connect::{Asset, BulkEvent, Client, Error, Job, JobReference, JobResult, Progress};
use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::End;
use crate::item::{Item, Outcome, Subject};
use crate::output::Output;
use crate::progress::{ProgressLine, ProgressLines};

/// What an upload or import calls as it goes.
pub type OnProgress = Box<dyn FnMut(Progress) + Send>;

/// Sends the files, waits for their jobs and tags what was uploaded. A failed file doesn't stop the others; Ctrl-C stops all.
pub async fn run<T, F>(
    canva: &Client,
    files: Vec<PathBuf>,
    mut send: impl FnMut(&PathBuf, OnProgress) -> F + Send + 'static,
    tags: &[String],
    output: &mut Output,
) -> Result<(), End>
where
    T: Into<JobResult> + Send + Sync + 'static,
    F: Future<Output = Result<Job<T>, Error>> + Send + 'static,
{
    let progress = output.progress();
    let mut whole = Whole { files: files.clone(), progress: progress.clone(), line: None };
    let sending = Sending::default();
    let mut results = Results { files: files.clone(), ended: BTreeMap::new(), known: 0, printed: 0, output };
    let begun = sending.clone();
    let items = files.into_iter().enumerate().map(move |(number, file)| {
        let line = progress.line(file.display());
        let (mut show, begun) = (line.on_progress(), begun.clone());
        let sent = send(
            &file,
            Box::new(move |progress| {
                begun.begin(number);
                show(progress);
            }),
        );
        let item = async move {
            let _line = line;
            sent.await
        };
        (number, item)
    });
    let mut bulk = canva.bulk(items);
    let (mut jobs, mut untagged) = (BTreeMap::<usize, JobReference>::new(), BTreeMap::new());
    let (mut tagging, mut more) = (FuturesUnordered::new(), true);
    let stop = tokio::signal::ctrl_c();
    tokio::pin!(stop);
    let mut stopped = false;
    while more || !tagging.is_empty() {
        whole.show(results.known, jobs.len());
        let (number, outcome) = tokio::select! {
            // What is known already is heard before the command stops.
            biased;
            event = bulk.next(), if more => match event {
                Some(BulkEvent::Started { key, job, .. }) => {
                    jobs.insert(key, job);
                    continue;
                }
                Some(BulkEvent::Finished { key, result, extra, .. }) => {
                    let outcome = Outcome::ended(jobs.remove(&key).as_ref(), result, extra);
                    if let (Some(JobResult::Asset(asset)), false) = (&outcome.made, tags.is_empty()) {
                        tagging.push(tag(canva, key, asset.id.clone(), tags));
                        untagged.insert(key, outcome);
                        continue;
                    }
                    (key, outcome)
                }
                Some(_) => continue,
                None => {
                    more = false;
                    continue;
                }
            },
            Some((number, tagged)) = tagging.next() => {
                let Some(mut outcome) = untagged.remove(&number) else { continue };
                match tagged {
                    Ok(asset) => outcome.made = Some(asset.into()),
                    Err(error) => outcome.tags_not_applied(&error),
                }
                (number, outcome)
            }
            Ok(()) = &mut stop => {
                stopped = true;
                break;
            }
            else => break,
        };
        sending.end(number);
        results.end(number, outcome);
    }
    if !stopped {
        return Ok(());
    }
    drop(bulk);
    // Each of these is surer than the one before.
    results.ended.extend(sending.numbers().map(|number| (number, Outcome::stopped_while_sent())));
    results.ended.extend(untagged.into_iter().map(|(number, outcome)| (number, outcome.stopped_before_its_tags())));
    results.ended.extend(jobs.iter().map(|(number, job)| (*number, Outcome::in_progress(job))));
    results.print_all();
    Err(End::Stopped)
}

async fn tag(canva: &Client, number: usize, asset_id: String, tags: &[String]) -> (usize, Result<Asset, Error>) {
    (number, canva.update_asset(asset_id).tags(tags).await)
}

/// The files of which something may have left, and whose end isn't known.
#[derive(Clone, Default)]
struct Sending(Arc<Mutex<BTreeSet<usize>>>);

impl Sending {
    fn begin(&self, number: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
    }

    fn end(&self, number: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }

    fn numbers(&self) -> impl Iterator<Item = usize> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_iter()
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

/// The outcomes, by the number of the file.
struct Results<'a> {
    files: Vec<PathBuf>,
    /// Those that wait for one before them.
    ended: BTreeMap<usize, Outcome>,
    known: usize,
    printed: usize,
    output: &'a mut Output,
}

impl Results<'_> {
    fn end(&mut self, number: usize, outcome: Outcome) {
        self.ended.insert(number, outcome);
        self.known += 1;
        while let Some(outcome) = self.ended.remove(&self.printed) {
            self.print(self.printed, outcome);
            self.printed += 1;
        }
    }

    fn print_all(&mut self) {
        for (number, outcome) in std::mem::take(&mut self.ended) {
            self.print(number, outcome);
        }
    }

    fn print(&mut self, number: usize, outcome: Outcome) {
        let subject = self.files.get(number).map(|file| Subject::file(file));
        self.output.item(&Item { subject, outcome });
    }
}
