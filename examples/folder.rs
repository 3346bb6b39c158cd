//! Uploads the images of a folder. It may be killed at any moment: the next run goes on where this one ended, and no
//! image is uploaded twice.
//!
//! `cargo run --example folder -- FOLDER STORE [--send-again]`, with CANVA_ACCESS_TOKEN and, for a simulator,
//! CANVA_BASE_URL. STORE is a file of JSON lines. An image that may have arrived is looked up; if it isn't in Canva, it is
//! sent again with `--send-again`, and otherwise left for you to decide.
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use canva_connect::{BASE_URL, BoxError, BulkEvent, Client, Error, JobReference, JobResult, LookUpError, Unconfirmed};
use serde::{Deserialize, Serialize};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(folder), Some(store)) = (arguments.next(), arguments.next()) else {
        return Err("usage: folder FOLDER STORE [--send-again]".into());
    };
    let base_url = std::env::var("CANVA_BASE_URL").unwrap_or_else(|_| BASE_URL.to_owned());
    let canva = Client::builder().token(std::env::var("CANVA_ACCESS_TOKEN")?).base_url(base_url).build()?;
    let store = Store::open(Path::new(&store))?;
    upload(&canva, Path::new(&folder), &store, arguments.next().is_some_and(|it| it == "--send-again")).await?;
    for (image, step) in store.steps() {
        println!("{image}: {}", serde_json::to_string(&step)?);
    }
    Ok(())
}

/// How far an image is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Canva may have it from here on.
    Sent(Unconfirmed),
    /// Canva has it, and works on it.
    Job(JobReference),
    /// The id of its asset.
    Done(String),
    /// Why Canva doesn't take it.
    Failed(String),
    /// Canva can't have it after all: the reason.
    Unsent(String),
    /// It was looked up, and isn't in Canva.
    NotThere,
}

/// Uploads what isn't in Canva yet.
pub async fn upload(canva: &Client, folder: &Path, store: &Arc<Store>, send_again: bool) -> Result<(), BoxError> {
    send(canva, folder, store, send_again).await?;
    look_up(canva, store).await?;
    if send_again && store.steps().values().any(|step| *step == Step::NotThere) {
        send(canva, folder, store, send_again).await?;
        look_up(canva, store).await?;
    }
    Ok(())
}

/// Sends what Canva can't have, and waits for all jobs.
async fn send(canva: &Client, folder: &Path, store: &Arc<Store>, send_again: bool) -> Result<(), BoxError> {
    let (mut steps, mut items) = (store.steps(), Vec::new());
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        let image = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let job = match steps.remove(&image) {
            None | Some(Step::Unsent(_)) => None,
            Some(Step::NotThere) if send_again => None,
            Some(Step::Job(job)) => Some(job),
            Some(_) => continue,
        };
        let (canva, store) = (canva.clone(), store.clone());
        let known = job.is_some();
        items.push(((image.clone(), known), async move {
            let Some(job) = job else {
                let upload = canva.upload_asset(path).before_end(move |unconfirmed| {
                    let (store, image) = (store.clone(), image.clone());
                    async move { store.write(&image, Step::Sent(unconfirmed)).await }
                });
                return Ok(upload.await?.into_any());
            };
            Ok(canva.job(job))
        }));
    }
    let mut bulk = canva.bulk(items);
    while let Some(event) = bulk.next().await {
        let (image, step) = match event {
            BulkEvent::Started { key: (image, _), job, .. } => (image, Step::Job(job)),
            BulkEvent::Finished { key: (image, known), result, .. } => match result {
                Ok(JobResult::Asset(asset)) => (image, Step::Done(asset.id)),
                Ok(_) => continue,
                // It was written down when it was sent.
                Err(Error::OutcomeUnknown { .. }) => continue,
                Err(Error::Poll { .. } | Error::Deadline { .. }) => continue,
                Err(error @ Error::Job(_)) => (image, Step::Failed(error.report())),
                // Canva has it, whatever this is.
                Err(_) if known => continue,
                Err(error) => (image, Step::Unsent(error.report())),
            },
            _ => continue,
        };
        store.write(&image, step).await?;
    }
    Ok(())
}

/// Looks up what may have arrived. Nothing else is under way by now, so that one image isn't taken for another.
async fn look_up(canva: &Client, store: &Arc<Store>) -> Result<(), BoxError> {
    let (mut sent, mut done) = (Vec::new(), Vec::new());
    for (image, step) in store.steps() {
        match step {
            Step::Sent(unconfirmed) => sent.push((image, unconfirmed)),
            Step::Done(asset_id) => done.push(asset_id),
            // What it makes isn't known yet, and could be taken for another image.
            Step::Job(_) => return Ok(()),
            _ => {}
        }
    }
    let (images, unconfirmed): (Vec<_>, Vec<_>) = sent.into_iter().unzip();
    if !images.is_empty() {
        println!("looking for {} of them in Canva, for up to ten minutes", images.len());
    }
    for (image, found) in images.iter().zip(canva.look_up_all(unconfirmed).known(done).await) {
        match found {
            Ok(JobResult::Asset(asset)) => store.write(image, Step::Done(asset.id)).await?,
            Err(LookUpError::NotThere) => store.write(image, Step::NotThere).await?,
            // It stays unknown, for the next run or for you.
            other => println!("{image}: {other:?}"),
        }
    }
    Ok(())
}

/// The last step of each image, in a file with a line for each step.
pub struct Store(Mutex<(File, BTreeMap<String, Step>)>);

impl Store {
    pub fn open(path: &Path) -> io::Result<Arc<Self>> {
        let mut file = File::options().create(true).append(true).read(true).open(path)?;
        let text = io::read_to_string(&mut file)?;
        let mut steps = BTreeMap::new();
        // A run that was killed may have left half a line.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        file.set_len(whole as u64)?;
        for line in text.get(..whole).unwrap_or_default().lines() {
            let (image, step) = serde_json::from_str(line)?;
            steps.insert(image, step);
        }
        Ok(Arc::new(Self(Mutex::new((file, steps)))))
    }

    pub fn steps(&self) -> BTreeMap<String, Step> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Returns once it is on the disk.
    async fn write(self: &Arc<Self>, image: &str, step: Step) -> io::Result<()> {
        let (store, image) = (self.clone(), image.to_owned());
        let written = tokio::task::spawn_blocking(move || {
            let mut store = store.0.lock().unwrap_or_else(PoisonError::into_inner);
            let line = serde_json::to_string(&(&image, &step))? + "\n";
            store.0.write_all(line.as_bytes())?;
            store.0.sync_data()?;
            store.1.insert(image, step);
            Ok(())
        });
        written.await.map_err(io::Error::other)?
    }
}
