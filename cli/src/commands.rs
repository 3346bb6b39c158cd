//! The commands that talk to Canva: arguments -> requests -> the outcome for each item. `output.rs` prints it, and
//! `failure.rs` words its failure.

use std::path::PathBuf;

use canva_connect::{Client, Error, Job, JobReference, JobResult, UpdateAsset};
use futures_util::stream::{self, StreamExt};

use crate::End;
use crate::args;
use crate::args::ApiCommand;
use crate::files::{self, OnProgress};
use crate::item::{Item, Outcome, Subject};
use crate::output::Output;
use crate::progress::ProgressLines;

/// How many requests are sent at once that no job is waited for after.
const AT_ONCE: usize = 4;

/// Runs the command. Prints each item as soon as it and those before it are done.
pub async fn run(command: ApiCommand, canva: &Client, output: &mut Output) -> Result<(), End> {
    let progress = &output.progress();
    match command {
        ApiCommand::Upload(args::Upload { files, name, tags, waiting }) => {
            let (client, all_tags) = (canva.clone(), tags.clone());
            let send = move |file: &PathBuf, on_progress: OnProgress| {
                // Checked first: later the asset would already exist.
                let checked = UpdateAsset::check_tags(&all_tags);
                let mut upload = client.upload_asset(file).on_progress(on_progress);
                if let Some(name) = &name {
                    upload = upload.name(name);
                }
                async move {
                    checked?;
                    Ok(upload.await?.into_any())
                }
            };
            return send_files(canva, files, send, &tags, &waiting, output).await;
        }
        ApiCommand::UploadUrl(args) => {
            let result = upload_url(canva, &args, progress).await;
            output.item(&Item::new(Some(Subject::Url { url: args.url }), result))
        }
        ApiCommand::Get(args) => {
            let result = canva.get_asset(&args.asset_id).await.map(Outcome::success);
            output.item(&Item::new(Some(Subject::AssetId { asset_id: args.asset_id }), result))
        }
        ApiCommand::Update(args) => {
            let result = update(canva, &args).await;
            output.item(&Item::new(Some(Subject::AssetId { asset_id: args.asset_id }), result))
        }
        ApiCommand::Delete(args) => {
            each(args.asset_ids.iter().map(|id| (Subject::AssetId { asset_id: id.clone() }, delete(canva, id))), output)
                .await
        }
        ApiCommand::Import(args::Import { files, title, mime_type, waiting }) => {
            let client = canva.clone();
            let send = move |file: &PathBuf, on_progress: OnProgress| {
                let mut import = client.import_design(file).on_progress(on_progress);
                if let Some(title) = &title {
                    import = import.title(title);
                }
                if let Some(mime_type) = &mime_type {
                    import = import.mime_type(mime_type);
                }
                async move { Ok(import.await?.into_any()) }
            };
            return send_files(canva, files, send, &[], &waiting, output).await;
        }
        ApiCommand::ImportUrl(args) => {
            let result = import_url(canva, &args, progress).await;
            output.item(&Item::new(Some(Subject::Url { url: args.url }), result))
        }
        ApiCommand::Job(args) => output.item(&Item::new(None, Ok(job(canva, args, progress).await))),
    }
    Ok(())
}

async fn send_files<F>(
    canva: &Client,
    files: Vec<PathBuf>,
    mut send: impl FnMut(&PathBuf, OnProgress) -> F + Send + 'static,
    tags: &[String],
    waiting: &args::Waiting,
    output: &mut Output,
) -> Result<(), End>
where
    F: Future<Output = Result<Job<JobResult>, Error>> + Send + 'static,
{
    if !waiting.no_wait {
        return files::run(canva, files, send, tags, output).await;
    }
    let progress = &output.progress();
    let sent = files.iter().map(|file| {
        let line = progress.line(file.display());
        let sent = send(file, Box::new(line.on_progress()));
        (Subject::file(file), async move {
            let outcome = created(sent.await?, waiting).await;
            drop(line);
            Ok(outcome)
        })
    });
    each(sent, output).await;
    Ok(())
}

/// Works on several items at once and prints them in the order given. A failed item doesn't stop the others.
async fn each<R>(subjects: impl Iterator<Item = (Subject, R)>, output: &mut Output)
where
    R: Future<Output = Result<Outcome, Error>>,
{
    let items = stream::iter(subjects);
    let items = items.map(|(subject, result)| async move { Item::new(Some(subject), result.await) });
    let mut items = items.buffered(AT_ONCE);
    while let Some(item) = items.next().await {
        output.item(&item);
    }
}

async fn upload_url(canva: &Client, args: &args::UploadUrl, progress: &ProgressLines) -> Result<Outcome, Error> {
    let _line = progress.line(&args.url);
    let job = canva.upload_asset_from_url(&args.url, &args.name).await?;
    Ok(created(job.into_any(), &args.waiting).await)
}

async fn update(canva: &Client, args: &args::Update) -> Result<Outcome, Error> {
    let args::Change { name, tags, clear_tags } = &args.change;
    let mut update = canva.update_asset(&args.asset_id);
    if let Some(name) = name {
        update = update.name(name);
    }
    if *clear_tags || !tags.is_empty() {
        update = update.tags(tags);
    }
    Ok(Outcome::success(update.await?))
}

async fn delete(canva: &Client, asset_id: &str) -> Result<Outcome, Error> {
    canva.delete_asset(asset_id).await?;
    Ok(Outcome::deleted())
}

async fn import_url(canva: &Client, args: &args::ImportUrl, progress: &ProgressLines) -> Result<Outcome, Error> {
    let _line = progress.line(&args.url);
    let mut import = canva.import_design_from_url(&args.url, &args.title);
    if let Some(mime_type) = &args.mime_type {
        import = import.mime_type(mime_type);
    }
    Ok(created(import.await?.into_any(), &args.waiting).await)
}

async fn job(canva: &Client, args: args::Job, progress: &ProgressLines) -> Outcome {
    let _line = progress.line(&args.job_id);
    let args::Job { kind, job_id, wait } = args;
    stored(canva.job(JobReference { kind, id: job_id }), wait).await
}

/// The outcome of a job that was just created.
async fn created(job: Job<JobResult>, waiting: &args::Waiting) -> Outcome {
    // A job whose id `canva job` wouldn't take is waited for all the same: that says so.
    if !waiting.no_wait || job.reference().check().is_err() {
        return stored(job, true).await;
    }
    // The response that created the job may already hold its final state. One that contradicts itself has none.
    match job.state() {
        Some(_) => Outcome::of_job(&job, Ok(())),
        None => stored(job, false).await,
    }
}

/// The outcome of a job, which may be known by its id alone.
async fn stored(mut job: Job<JobResult>, wait: bool) -> Outcome {
    let read = if wait { job.settle().await } else { job.refresh().await };
    Outcome::of_job(&job, read)
}
