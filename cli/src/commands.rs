//! The commands that talk to Canva: arguments -> requests -> what became of each item. How it is shown is the output's
//! business, and how a failure reads that of `failure.rs`.

use std::io;
use std::path::Path;

use canva_connect::{Client, Error, Job, JobState, UpdateAsset};
use futures_util::stream::{self, StreamExt};

use crate::args;
use crate::args::ApiCommand;
use crate::item::{Item, Made, Outcome, Subject};
use crate::job::{JobKind, JobReference};
use crate::output::Output;
use crate::progress::Progress;

/// How many files are on their way at once. Canva takes longer to take one in than a network to carry it.
const AT_ONCE: usize = 4;

/// Does what the command says and prints each item as it is done, in the order of the arguments.
pub async fn run(command: ApiCommand, canva: &Client, output: &mut Output) -> io::Result<()> {
    let progress = &output.progress();
    match command {
        ApiCommand::Upload(args) => {
            each(args.files.iter().map(|file| (Subject::file(file), upload(canva, file, &args, progress))), output)
                .await
        }
        ApiCommand::UploadUrl(args) => {
            let result = upload_url(canva, &args, progress).await;
            output.item(&Item::new(Some(Subject::Url(args.url)), result))
        }
        ApiCommand::Get(args) => {
            let result = canva.get_asset(&args.asset_id).await.map(Outcome::success);
            output.item(&Item::new(Some(Subject::AssetId(args.asset_id)), result))
        }
        ApiCommand::Update(args) => {
            let result = update(canva, &args).await;
            output.item(&Item::new(Some(Subject::AssetId(args.asset_id)), result))
        }
        ApiCommand::Delete(args) => {
            each(args.asset_ids.iter().map(|id| (Subject::AssetId(id.clone()), delete(canva, id))), output).await
        }
        ApiCommand::Import(args) => {
            each(args.files.iter().map(|file| (Subject::file(file), import(canva, file, &args, progress))), output)
                .await
        }
        ApiCommand::ImportUrl(args) => {
            let result = import_url(canva, &args, progress).await;
            output.item(&Item::new(Some(Subject::Url(args.url)), result))
        }
        ApiCommand::Job(args) => output.item(&Item::new(None, Ok(job(canva, args, progress).await))),
    }
}

/// Does what is to be done with each. One that fails doesn't keep the others from going on.
async fn each<R>(subjects: impl Iterator<Item = (Subject, R)>, output: &mut Output) -> io::Result<()>
where
    R: Future<Output = Result<Outcome, Error>>,
{
    let items = stream::iter(subjects);
    let items = items.map(|(subject, acting)| async move { Item::new(Some(subject), acting.await) });
    let mut items = items.buffered(AT_ONCE);
    while let Some(item) = items.next().await {
        output.item(&item)?;
    }
    Ok(())
}

async fn upload(canva: &Client, file: &Path, args: &args::Upload, progress: &Progress) -> Result<Outcome, Error> {
    // Now, because the asset is there once it shows that its tags can't be.
    UpdateAsset::check_tags(&args.tags)?;
    let line = progress.line(file.display());
    let mut upload = canva.upload_asset(file).on_progress(line.on_progress());
    if let Some(name) = &args.name {
        upload = upload.name(name);
    }
    let mut outcome = created(JobKind::AssetUpload, upload.await?, &args.waiting).await;
    if let Some(Made::Asset(asset)) = &outcome.made
        && !args.tags.is_empty()
    {
        match canva.update_asset(&asset.id).tags(&args.tags).await {
            Ok(tagged) => outcome.made = Some(tagged.into()),
            Err(error) => outcome.tags_not_applied(&error),
        }
    }
    Ok(outcome)
}

async fn upload_url(canva: &Client, args: &args::UploadUrl, progress: &Progress) -> Result<Outcome, Error> {
    let _line = progress.line(&args.url);
    let job = canva.upload_asset_from_url(&args.url, &args.name).await?;
    Ok(created(JobKind::UrlAssetUpload, job, &args.waiting).await)
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

async fn import(canva: &Client, file: &Path, args: &args::Import, progress: &Progress) -> Result<Outcome, Error> {
    let line = progress.line(file.display());
    let mut import = canva.import_design(file).on_progress(line.on_progress());
    if let Some(title) = &args.title {
        import = import.title(title);
    }
    if let Some(mime_type) = &args.mime_type {
        import = import.mime_type(mime_type);
    }
    Ok(created(JobKind::Import, import.await?, &args.waiting).await)
}

async fn import_url(canva: &Client, args: &args::ImportUrl, progress: &Progress) -> Result<Outcome, Error> {
    let _line = progress.line(&args.url);
    let mut import = canva.import_design_from_url(&args.url, &args.title);
    if let Some(mime_type) = &args.mime_type {
        import = import.mime_type(mime_type);
    }
    Ok(created(JobKind::UrlImport, import.await?, &args.waiting).await)
}

async fn job(canva: &Client, args: args::Job, progress: &Progress) -> Outcome {
    let _line = progress.line(&args.job_id);
    let args::Job { kind, job_id, wait } = args;
    match kind {
        JobKind::AssetUpload => stored(kind, canva.asset_upload_job(job_id), wait).await,
        JobKind::UrlAssetUpload => stored(kind, canva.url_asset_upload_job(job_id), wait).await,
        JobKind::Import => stored(kind, canva.design_import_job(job_id), wait).await,
        JobKind::UrlImport => stored(kind, canva.url_import_job(job_id), wait).await,
    }
}

/// What became of a job that was just made.
async fn created<T>(kind: JobKind, job: Job<T>, waiting: &args::Waiting) -> Outcome
where
    T: Into<Made> + Clone + Send + 'static,
{
    if !waiting.no_wait {
        return stored(kind, job, true).await;
    }
    // The answer that made it may have been its last one.
    let state = job.state().cloned().unwrap_or(JobState::InProgress);
    Outcome::of_job(JobReference { kind, id: job.id().to_owned() }, Ok(state))
}

/// What became of a job of which no more than the id may be known.
async fn stored<T: Into<Made> + Send + 'static>(kind: JobKind, job: Job<T>, wait: bool) -> Outcome {
    let reference = JobReference { kind, id: job.id().to_owned() };
    let state = if wait { job.wait().await.map(JobState::Success) } else { job.poll().await };
    Outcome::of_job(reference, state)
}
