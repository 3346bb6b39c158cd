//! The commands that talk to Canva: each goes from its arguments to the outcomes that are printed.

use std::path::PathBuf;
use std::pin::pin;

use canva_connect::{Client, Error, FolderItemPinStatus, Job, JobReference, JobResult, TeamUserSummary};
use futures_util::stream::{self, StreamExt};
use serde_json::json;

use crate::End;
use crate::args::{ApiCommand, Waiting};
use crate::files::{self, OnProgress, Sending};
use crate::item::{Item, Outcome, Subject};
use crate::list;
use crate::output::{Output, rows};

/// How many requests are sent at once when no job is waited for.
pub const AT_ONCE: usize = 4;

/// Runs the command, and prints each outcome as soon as it and those before it are known.
pub async fn run(command: ApiCommand, canva: &Client, output: &mut Output) -> Result<(), End> {
    let progress = output.progress.clone();
    let (subject, outcome) = match command {
        ApiCommand::Upload { files, name, tags, waiting } => {
            let (client, all_tags) = (canva.clone(), tags.clone());
            let send = move |file: &PathBuf, on_progress: OnProgress| -> Sending {
                let mut upload = client.upload_asset(file).on_progress(on_progress);
                if let Some(name) = &name {
                    upload = upload.name(name);
                }
                let tagging = client.update_asset("of-this-upload").tags(&all_tags);
                Box::pin(async move {
                    // Refused now: after the upload, the asset would be there without its tags.
                    tagging.check()?;
                    Ok(upload.await?.into_any())
                })
            };
            return files::run(canva, files, send, &tags, &waiting, output).await;
        }
        ApiCommand::Import { files, title, mime_type, waiting } => {
            let client = canva.clone();
            let send = move |file: &PathBuf, on_progress: OnProgress| -> Sending {
                let mut import = client.import_design(file).on_progress(on_progress);
                if let Some(title) = &title {
                    import = import.title(title);
                }
                if let Some(mime_type) = &mime_type {
                    import = import.mime_type(mime_type);
                }
                Box::pin(async move { Ok(import.await?.into_any()) })
            };
            return files::run(canva, files, send, &[], &waiting, output).await;
        }
        ApiCommand::Delete { asset_ids } => {
            let deleted = stream::iter(asset_ids).map(|asset_id| async move {
                let outcome = Outcome::deleted(canva.delete_asset(&asset_id).await);
                Item { subject: Some(Subject::AssetId { asset_id }), outcome }
            });
            let mut deleted = pin!(deleted.buffered(AT_ONCE));
            while let Some(item) = deleted.next().await {
                output.item(&item);
            }
            return Ok(());
        }
        ApiCommand::List { folder_id, types, sort, reverse, pinned, limit } => {
            let mut items = canva.list_folder_items(&folder_id);
            if !types.is_empty() {
                items = items.item_types(types);
            }
            if pinned {
                items = items.pin_status(FolderItemPinStatus::Pinned);
            }
            return list::run(items, folder_id, sort, reverse, limit, output).await;
        }
        ApiCommand::Whoami => match user(canva, output).await {
            Ok((TeamUserSummary { user_id, team_id, .. }, name)) => {
                let json = json!({ "status": "success", "user_id": user_id, "team_id": team_id, "display_name": name });
                let name = name.map(|name| ("name", name));
                let text = rows("", name.into_iter().chain([("user", user_id), ("team", team_id)]));
                return Ok(output.print(&json, text)?);
            }
            Err(error) => (None, Outcome::failed(None, &error)),
        },
        ApiCommand::UploadUrl { url, name, waiting } => {
            let _line = progress.line(&url);
            let job = canva.upload_asset_from_url(&url, name).await.map(Job::into_any);
            (Some(Subject::Url { url }), created(job, &waiting).await)
        }
        ApiCommand::ImportUrl { url, title, mime_type, waiting } => {
            let _line = progress.line(&url);
            let mut import = canva.import_design_from_url(&url, title);
            if let Some(mime_type) = mime_type {
                import = import.mime_type(mime_type);
            }
            let job = import.await.map(Job::into_any);
            (Some(Subject::Url { url }), created(job, &waiting).await)
        }
        ApiCommand::Get { asset_id } => {
            let outcome = Outcome::new(canva.get_asset(&asset_id).await);
            (Some(Subject::AssetId { asset_id }), outcome)
        }
        ApiCommand::Update { asset_id, change } => {
            let mut update = canva.update_asset(&asset_id);
            if let Some(name) = change.name {
                update = update.name(name);
            }
            if change.clear_tags || !change.tags.is_empty() {
                update = update.tags(change.tags);
            }
            (Some(Subject::AssetId { asset_id }), Outcome::new(update.await))
        }
        ApiCommand::Job { kind, job_id, wait } => {
            let _line = progress.line(&job_id);
            (None, read(canva.job(JobReference::new(kind, job_id)), wait).await)
        }
    };
    output.item(&Item { subject, outcome });
    Ok(())
}

/// The token's user, and their name. Says why a token doesn't give the name.
async fn user(canva: &Client, output: &Output) -> Result<(TeamUserSummary, Option<String>), Error> {
    let user = canva.users_me().await?;
    let name = match canva.get_user_profile().await {
        Err(Error::Api(error)) if error.code == "missing_scope" => {
            output.progress.say("the name needs a token with the scope profile:read");
            None
        }
        profile => profile?.display_name,
    };
    Ok((user, name))
}

/// The outcome of a request that creates a job.
pub async fn created(job: Result<Job<JobResult>, Error>, waiting: &Waiting) -> Outcome {
    match job {
        // `canva job` would refuse a malformed id; waiting reports it.
        Ok(job) => {
            let wait = !waiting.no_wait || job.reference().check().is_err();
            read(job, wait).await
        }
        Err(error) => Outcome::failed(None, &error),
    }
}

/// The outcome of a job. Reads the job if nothing is known of it, and to its end with `wait`.
async fn read(mut job: Job<JobResult>, wait: bool) -> Outcome {
    let read = match job.state() {
        _ if wait => job.settle().await,
        None => job.refresh().await,
        Some(_) => Ok(()),
    };
    Outcome::of_job(&job, read)
}
