//! The commands that talk to Canva: each goes from its arguments to the outcomes that are printed.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use canva_connect::{
    Asset, Client, CopyDesign, CreateDesign, DesignTypeInput, Error, FolderItemPinStatus, Job, JobKind, JobReference,
    JobResult, OwnershipType, TeamUserSummary, UserCapability,
};
use futures_util::future::{FutureExt, LocalBoxFuture};
use futures_util::stream::{self, StreamExt};
use serde_json::{Map, json};

use crate::End;
use crate::args::files::{ImportFiles, UploadFiles, Waiting};
use crate::args::{ApiCommand, Change, Contents, DesignCommand, DesignSort, Pages};
use crate::begun::Begun;
use crate::connection::Connection;
use crate::files::{self, Kind, Sources};
use crate::item::{Item, Outcome, Subject};
use crate::list;
use crate::output::{Output, rows};
use crate::screen::{Screen, Tally};
use crate::stop::Stop;

/// How many requests are sent at once when no job is waited for.
pub const AT_ONCE: usize = 4;

/// What is done with one thing that the user named. Nothing is sent before it is polled.
type Action<'a> = (Subject, LocalBoxFuture<'a, Outcome>);

/// Runs the command, and prints each outcome as soon as it and those before it are known.
pub async fn run(command: ApiCommand, connection: &Connection, stop: &Stop, output: &mut Output) -> Result<(), End> {
    let canva = &connection.canva;
    let screen = &output.screen.clone();
    let actions: Vec<Action<'_>> = match command {
        ApiCommand::Upload(UploadFiles { files, name, tags, folder_id, from, options }) => {
            let sources = Sources { files, from, name, tags };
            return files::run(connection, Kind::Asset { folder_id }, sources, options, stop, output).await;
        }
        ApiCommand::Import(ImportFiles { files, title, mime_type, from, options }) => {
            let sources = Sources { files, from, name: title, tags: Vec::new() };
            return files::run(connection, Kind::Design { mime_type }, sources, options, stop, output).await;
        }
        ApiCommand::Delete { asset_ids } => {
            let delete = |asset_id: String| -> Action<'_> {
                let (delete, id) = (canva.delete_asset(&asset_id), asset_id.clone());
                let delete = async move {
                    let deleted = delete.await;
                    if deleted.is_ok() {
                        // Where the journal can't be written, its file is only not sent again without --start-over.
                        let _ = files::deleted(connection, &id);
                    }
                    Outcome::done(deleted)
                };
                (Subject::AssetId { asset_id }, delete.boxed_local())
            };
            asset_ids.into_iter().map(delete).collect()
        }
        ApiCommand::Move { item_ids, folder_id } => {
            let put = |item_id: String| -> Action<'_> {
                let put = canva.move_folder_item(&item_id, &folder_id);
                let subject = Subject::ItemId { item_id, folder_id: folder_id.clone() };
                (subject, async { Outcome::done(put.await) }.boxed_local())
            };
            item_ids.into_iter().map(put).collect()
        }
        ApiCommand::List { folder_id, types, sort, reverse, pinned, limit } => {
            let mut items = canva.list_folder_items(&folder_id);
            if !types.is_empty() {
                items = items.item_types(types);
            }
            if pinned {
                items = items.pin_status(FolderItemPinStatus::Pinned);
            }
            return stop.or(list::folder(items, folder_id, sort, reverse, limit, output)).await?;
        }
        ApiCommand::Whoami => match stop.or(user(canva, screen)).await? {
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
            Err(error) => {
                let subject = Subject::User { command: "whoami" };
                output.item(&Item { subject, outcome: Outcome::failed(None, &error) });
                return Ok(());
            }
        },
        ApiCommand::Folder { name, folder_id } => {
            let create = canva.create_folder(&name).parent(folder_id);
            vec![(Subject::Name { name }, async { Outcome::new(create.await) }.boxed_local())]
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
            let sort = sort.unwrap_or(by_default);
            return stop.or(list::designs(designs, query, sort, reverse, limit, output)).await?;
        }
        ApiCommand::Design(DesignCommand::Get { design_id }) => {
            let get = canva.get_design(&design_id);
            vec![(Subject::DesignId { design_id }, async { Outcome::new(get.await) }.boxed_local())]
        }
        ApiCommand::Design(DesignCommand::Copy { design_id, pages }) => {
            let copy = with_pages(canva.copy_design(&design_id), pages);
            vec![(Subject::DesignId { design_id }, async { Outcome::new(copy.await) }.boxed_local())]
        }
        ApiCommand::Design(DesignCommand::CopyTemplate { brand_template_id, pages }) => {
            let copy = with_pages(canva.copy_brand_template(&brand_template_id), pages);
            vec![(Subject::BrandTemplateId { brand_template_id }, async { Outcome::new(copy.await) }.boxed_local())]
        }
        ApiCommand::Design(DesignCommand::New { contents, title }) => {
            let (subject, mut create) = new_design(canva, contents);
            if let Some(title) = title {
                create = create.title(title);
            }
            let name = subject.name().to_owned();
            let create = async move {
                match create.await {
                    Err(error) if error.unconfirmed().is_some() => looked_up(canva, &name, error, screen).await,
                    created => Outcome::new(created),
                }
            };
            vec![(subject, create.boxed_local())]
        }
        ApiCommand::UploadUrl { url, name, waiting } => {
            let upload = canva.upload_asset_from_url(&url, name);
            let subject = Subject::Url { url: url.clone() };
            let upload = async move {
                let job = upload.await.map(Job::into_any);
                of_url(canva, &url, job, &waiting, screen).await
            };
            vec![(subject, upload.boxed_local())]
        }
        ApiCommand::ImportUrl { url, title, mime_type, waiting } => {
            let mut import = canva.import_design_from_url(&url, title);
            if let Some(mime_type) = mime_type {
                import = import.mime_type(mime_type);
            }
            let subject = Subject::Url { url: url.clone() };
            let import = async move {
                let job = import.await.map(Job::into_any);
                of_url(canva, &url, job, &waiting, screen).await
            };
            vec![(subject, import.boxed_local())]
        }
        ApiCommand::Get { asset_id } => {
            let get = canva.get_asset(&asset_id);
            vec![(Subject::AssetId { asset_id }, async { Outcome::new(get.await) }.boxed_local())]
        }
        ApiCommand::Update { asset_ids, change } => {
            let change = Rc::new(change);
            let update = |asset_id: String| -> Action<'_> {
                let (id, change) = (asset_id.clone(), change.clone());
                let update = async move { Outcome::new(updated(canva, &id, &change).await) };
                (Subject::AssetId { asset_id }, update.boxed_local())
            };
            asset_ids.into_iter().map(update).collect()
        }
        ApiCommand::Job { job_ids, kind, wait } => {
            let read = |job_id: String| -> Action<'_> {
                let id = job_id.clone();
                (Subject::Job { job_id }, async move { asked_for(canva, &id, kind, wait).await }.boxed_local())
            };
            job_ids.into_iter().map(read).collect()
        }
    };
    each(actions, stop, output).await
}

/// Takes the actions, a few at once, and prints the outcomes in the order given. A signal ends them: then what was
/// begun is printed.
async fn each(actions: Vec<Action<'_>>, stop: &Stop, output: &mut Output) -> Result<(), End> {
    let all = actions.len();
    let (subjects, actions): (Vec<Subject>, Vec<_>) = actions.into_iter().unzip();
    let begun: Vec<Begun> = subjects.iter().map(|_| Begun::default()).collect();
    let names: Vec<String> = subjects.iter().map(|subject| subject.name().to_owned()).collect();
    let screen = output.screen.clone();
    let tally = Arc::new(Mutex::new(Tally::new(all)));
    let _drawn = (all > 1).then(|| screen.files(tally.clone()));
    let act = |(number, ((action, begun), name)): (usize, ((_, Begun), String))| {
        let line = (all == 1).then(|| screen.line(name));
        async move {
            let outcome = begun.note(action).await;
            drop(line);
            (number, outcome)
        }
    };
    let acting = stream::iter(actions.into_iter().zip(begun.clone()).zip(names)).enumerate();
    let mut acting = acting.map(act).buffer_unordered(AT_ONCE);
    let mut left = subjects.into_iter().zip(begun).enumerate();
    let (mut printed, mut outcomes) = (0, BTreeMap::new());
    let signal = loop {
        tokio::select! {
            // What is done by now counts.
            biased;
            next = acting.next() => match next {
                Some((number, outcome)) => {
                    tally.lock().unwrap_or_else(PoisonError::into_inner).end(outcome.status);
                    outcomes.insert(number, outcome)
                }
                None => return Ok(()),
            },
            signal = stop.requested() => break signal,
        };
        while let Some(outcome) = outcomes.remove(&printed)
            && let Some((_, (subject, _))) = left.next()
        {
            output.item(&Item { subject, outcome });
            printed += 1;
        }
    };
    drop(acting);
    output.screen.end();
    let mut untouched = 0;
    for (number, (subject, begun)) in left {
        match outcomes.remove(&number).or_else(|| begun.stopped()) {
            Some(outcome) => output.item(&Item { subject, outcome }),
            None => untouched += 1,
        }
    }
    let message = match (untouched, all) {
        (0, _) => "stopped".to_owned(),
        (_, 1) => "stopped; nothing was changed".to_owned(),
        _ => format!("stopped; {untouched} of {all} were not begun, and are not listed"),
    };
    Err(End::stopped(signal, message))
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
async fn user(canva: &Client, screen: &Screen) -> Result<(TeamUserSummary, Shown), Error> {
    let user = canva.users_me().await?;
    let shown = async {
        let name = canva.get_user_profile().await?.display_name;
        Ok(Shown { name, capabilities: Some(canva.get_user_capabilities().await?) })
    };
    let shown = match shown.await {
        Err(Error::Api(error)) if error.code == "missing_scope" => {
            screen.note("the name, and what the user may use, need a token with the scope profile:read");
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
    screen: &Screen,
) -> Outcome {
    match job {
        Err(error) if !waiting.no_wait && error.unconfirmed().is_some() => looked_up(canva, url, error, screen).await,
        job => created(job, waiting).await,
    }
}

/// The outcome of a request whose answer was lost, once Canva was asked.
async fn looked_up(canva: &Client, name: &str, mut error: Error, screen: &Screen) -> Outcome {
    Begun::looking();
    screen.note(&format!("{name}: {LOST}"));
    let found = canva.look_up(&error).await;
    if let (Err(why), Error::OutcomeUnknown { looked_up, .. }) = (&found, &mut error) {
        *looked_up = Some(why.clone());
    }
    Outcome { looked_up: found.is_ok(), ..Outcome::ended(None, found.map_err(|_| error), Map::new()) }
}

/// Said of what is looked up.
pub const LOST: &str = "the answer was lost, and Canva may have it: looking for it there";

/// The outcome of a request that creates a job.
async fn created(job: Result<Job<JobResult>, Error>, waiting: &Waiting) -> Outcome {
    match job {
        Ok(mut job) => {
            Begun::job(job.reference());
            let read = read(&mut job, !waiting.no_wait).await;
            Outcome::of_job(&job, read)
        }
        Err(error) => Outcome::failed(None, &error),
    }
}

/// Reads a job that was created if nothing is known of it, and to its end with `wait`. `canva job` would refuse a
/// malformed id; waiting reports it.
pub async fn read(job: &mut Job<JobResult>, wait: bool) -> Result<(), Error> {
    match job.state() {
        _ if wait || job.reference().check().is_err() => job.settle().await,
        None => job.refresh().await,
        Some(_) => Ok(()),
    }
}

/// The outcome of a job of this id. Where its kind isn't given, Canva is asked for a job of each.
async fn asked_for(canva: &Client, job_id: &str, kind: Option<JobKind>, wait: bool) -> Outcome {
    const LIKELIEST: JobKind = JobKind::AssetUpload;
    let mut job = canva.job(JobReference::new(kind.unwrap_or(LIKELIEST), job_id));
    let mut read = job.refresh().await;
    let others = JobKind::ALL.iter().filter(|other| kind.is_none() && **other != LIKELIEST);
    for kind in others {
        if read.as_ref().err().is_none_or(|error| !(is_missing(error) || lacks_scope(error))) {
            break;
        }
        let mut other = canva.job(JobReference::new(*kind, job_id));
        let read_other = other.refresh().await;
        // The first error says as much, or more: a job of that kind may be there.
        if read_other.as_ref().err().is_none_or(|error| !is_missing(error)) {
            (job, read) = (other, read_other);
        }
    }
    if wait && read.is_ok() {
        Begun::job(job.reference());
        read = job.settle().await;
    }
    Outcome::of_job(&job, read)
}

fn is_missing(error: &Error) -> bool {
    error.api().is_some_and(|api| api.status.as_u16() == 404 && api.code != "endpoint_not_found")
}

fn lacks_scope(error: &Error) -> bool {
    error.api().is_some_and(|api| api.code == "missing_scope")
}

async fn updated(canva: &Client, asset_id: &str, change: &Change) -> Result<Asset, Error> {
    let Change { name, tags, added_tags, removed_tags, clear_tags } = change;
    let mut update = canva.update_asset(asset_id);
    if let Some(name) = name {
        update = update.name(name);
    }
    if *clear_tags || !tags.is_empty() {
        update = update.tags(tags);
    } else if !added_tags.is_empty() || !removed_tags.is_empty() {
        let mut tags = canva.get_asset(asset_id).await?.tags;
        tags.retain(|tag| !removed_tags.contains(tag) && !added_tags.contains(tag));
        update = update.tags(tags.iter().chain(added_tags));
    }
    update.await
}
