//! The commands that talk to Canva: each goes from its arguments to the outcomes that are printed.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use canva_connect::{
    Client, CopyDesign, CreateDesign, DesignTypeInput, Error, FolderItemPinStatus, Job, JobReference, JobResult,
    OwnershipType, TeamUserSummary, UserCapability,
};
use futures_util::stream::{self, StreamExt};
use serde_json::{Map, json};

use crate::End;
use crate::args::files::{ImportFiles, UploadFiles, Waiting};
use crate::args::{ApiCommand, Contents, DesignCommand, DesignSort, Pages};
use crate::connection::Connection;
use crate::files::{self, Kind, Sources};
use crate::item::{Item, Outcome, Subject};
use crate::list;
use crate::output::{Output, rows};
use crate::screen::Tally;

/// How many requests are sent at once when no job is waited for.
pub const AT_ONCE: usize = 4;

/// Runs the command, and prints each outcome as soon as it and those before it are known.
pub async fn run(command: ApiCommand, connection: &Connection, output: &mut Output) -> Result<(), End> {
    let canva = &connection.canva;
    let screen = output.screen.clone();
    let (subject, outcome) = match command {
        ApiCommand::Upload(UploadFiles { files, name, tags, folder_id, from, options }) => {
            let sources = Sources { files, from, name, tags };
            return files::run(connection, Kind::Asset { folder_id }, sources, options, output).await;
        }
        ApiCommand::Import(ImportFiles { files, title, mime_type, from, options }) => {
            let sources = Sources { files, from, name: title, tags: Vec::new() };
            return files::run(connection, Kind::Design { mime_type }, sources, options, output).await;
        }
        ApiCommand::Delete { asset_ids } => {
            let delete = async |asset_id| {
                let outcome = Outcome::done(canva.delete_asset(&asset_id).await);
                Item { subject: Some(Subject::AssetId { asset_id }), outcome }
            };
            for_each(asset_ids, delete, output).await;
            return Ok(());
        }
        ApiCommand::Move { item_ids, folder_id } => {
            let put = async |item_id| {
                let outcome = Outcome::done(canva.move_folder_item(&item_id, &folder_id).await);
                Item { subject: Some(Subject::ItemId { item_id, folder_id: folder_id.clone() }), outcome }
            };
            for_each(item_ids, put, output).await;
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
            return list::folder(items, folder_id, sort, reverse, limit, output).await;
        }
        ApiCommand::Whoami => match user(canva, output).await {
            Ok((TeamUserSummary { user_id, team_id, .. }, Shown { name, capabilities })) => {
                let json = json!({
                    "status": "success",
                    "user_id": user_id,
                    "team_id": team_id,
                    "display_name": name,
                    "capabilities": capabilities,
                });
                let name = name.map(|name| ("name", name));
                let may_use: Vec<String> = capabilities.iter().flatten().map(ToString::to_string).collect();
                let may_use = (!may_use.is_empty()).then(|| ("may use", may_use.join(", ")));
                let rows_of_user = name.into_iter().chain([("user", user_id), ("team", team_id)]).chain(may_use);
                return Ok(output.print(&json, rows("", rows_of_user))?);
            }
            Err(error) => (None, Outcome::failed(None, &error)),
        },
        ApiCommand::Folder { name, folder_id } => {
            let outcome = Outcome::new(canva.create_folder(&name).parent(folder_id).await);
            (Some(Subject::Name { name }), outcome)
        }
        ApiCommand::Design(DesignCommand::List { query, sort, reverse, owned, shared, limit }) => {
            let mut designs = canva.list_designs();
            if let Some(query) = &query {
                designs = designs.query(query);
            }
            if owned || shared {
                designs = designs.ownership(if owned { OwnershipType::Owned } else { OwnershipType::Shared });
            }
            let by_default = if query.is_some() { DesignSort::Relevance } else { DesignSort::Modified };
            return list::designs(designs, query, sort.unwrap_or(by_default), reverse, limit, output).await;
        }
        ApiCommand::Design(DesignCommand::Get { design_id }) => {
            let outcome = Outcome::new(canva.get_design(&design_id).await);
            (Some(Subject::DesignId { design_id }), outcome)
        }
        ApiCommand::Design(DesignCommand::Copy { design_id, pages }) => {
            let copy = with_pages(canva.copy_design(&design_id), pages);
            (Some(Subject::DesignId { design_id }), Outcome::new(copy.await))
        }
        ApiCommand::Design(DesignCommand::CopyTemplate { brand_template_id, pages }) => {
            let copy = with_pages(canva.copy_brand_template(&brand_template_id), pages);
            (Some(Subject::BrandTemplateId { brand_template_id }), Outcome::new(copy.await))
        }
        ApiCommand::Design(DesignCommand::New { contents, title }) => {
            let (subject, mut create) = new_design(canva, contents);
            if let Some(title) = title {
                create = create.title(title);
            }
            let created = match create.await {
                Err(error) if error.unconfirmed().is_some() => looked_up(canva, subject.name(), error, output).await,
                created => Outcome::new(created),
            };
            (Some(subject), created)
        }
        ApiCommand::UploadUrl { url, name, waiting } => {
            let _line = screen.line(&url);
            let job = canva.upload_asset_from_url(&url, name).await.map(Job::into_any);
            let outcome = of_url(canva, &url, job, &waiting, output).await;
            (Some(Subject::Url { url }), outcome)
        }
        ApiCommand::ImportUrl { url, title, mime_type, waiting } => {
            let _line = screen.line(&url);
            let mut import = canva.import_design_from_url(&url, title);
            if let Some(mime_type) = mime_type {
                import = import.mime_type(mime_type);
            }
            let job = import.await.map(Job::into_any);
            let outcome = of_url(canva, &url, job, &waiting, output).await;
            (Some(Subject::Url { url }), outcome)
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
            let _line = screen.line(&job_id);
            (None, read(canva.job(JobReference::new(kind, job_id)), wait).await)
        }
    };
    output.item(&Item { subject, outcome });
    Ok(())
}

/// Acts on each id, and prints the outcomes in the order given.
async fn for_each(ids: Vec<String>, act: impl AsyncFn(String) -> Item, output: &mut Output) {
    let tally = Arc::new(Mutex::new(Tally::new(ids.len())));
    let _drawn = output.screen.files(tally.clone());
    let mut items = pin!(stream::iter(ids).map(|id| act(id)).buffered(AT_ONCE));
    while let Some(item) = items.next().await {
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.to_send = tally.to_send.saturating_sub(1);
        tally.end(item.outcome.status);
        drop(tally);
        output.item(&item);
    }
}

fn new_design(canva: &Client, contents: Contents) -> (Subject, CreateDesign) {
    let Contents { design_type, size, asset_id } = contents;
    let size = size.map(|(width, height)| (format!("{width}x{height}"), DesignTypeInput::from((width, height))));
    let design_type = design_type.map(|name| (name.to_string(), DesignTypeInput::from(name)));
    let Some((design_type, input)) = design_type.or(size) else {
        // One of the three is there.
        let asset_id = asset_id.unwrap_or_default();
        let create = canva.create_design_from_asset(&asset_id);
        return (Subject::AssetId { asset_id }, create);
    };
    let create = canva.create_design(input);
    let create = match asset_id {
        Some(asset_id) => create.asset_id(asset_id),
        None => create,
    };
    (Subject::DesignType { design_type }, create)
}

fn with_pages(copy: CopyDesign, pages: Pages) -> CopyDesign {
    match pages.numbers {
        Some(numbers) => copy.pages(numbers),
        None => copy,
    }
}

/// What a token shows of its user only with a scope.
#[derive(Default)]
struct Shown {
    name: Option<String>,
    capabilities: Option<Vec<UserCapability>>,
}

/// The token's user. Says why a token doesn't show all of them.
async fn user(canva: &Client, output: &Output) -> Result<(TeamUserSummary, Shown), Error> {
    let user = canva.users_me().await?;
    let shown = async {
        let name = canva.get_user_profile().await?.display_name;
        Ok(Shown { name, capabilities: Some(canva.get_user_capabilities().await?) })
    };
    let shown = match shown.await {
        Err(Error::Api(error)) if error.code == "missing_scope" => {
            output.screen.note("the name, and what the user may use, need a token with the scope profile:read");
            Shown::default()
        }
        shown => shown?,
    };
    Ok((user, shown))
}

/// The outcome of an upload or import from a URL. One whose answer was lost is looked up.
async fn of_url(
    canva: &Client,
    url: &str,
    job: Result<Job<JobResult>, Error>,
    waiting: &Waiting,
    output: &Output,
) -> Outcome {
    match job {
        Err(error) if !waiting.no_wait && error.unconfirmed().is_some() => looked_up(canva, url, error, output).await,
        job => created(job, waiting).await,
    }
}

/// The outcome of a request whose answer was lost, once Canva was asked.
async fn looked_up(canva: &Client, name: &str, mut error: Error, output: &Output) -> Outcome {
    output.screen.note(&format!("{name}: {LOST}"));
    let found = canva.look_up(&error).await;
    if let (Err(why), Error::OutcomeUnknown { looked_up, .. }) = (&found, &mut error) {
        *looked_up = Some(why.clone());
    }
    Outcome { looked_up: found.is_ok(), ..Outcome::ended(None, found.map_err(|_| error), Map::new()) }
}

/// Said of what is looked up.
pub const LOST: &str = "the answer was lost, and Canva may have it: looking for it there";

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
