//! What became of uploads and imports whose outcome is unknown: Canva is asked for what it has. docs/retries.md has the
//! argument.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};

use super::JobResult;
use crate::boxed::BoxFuture;
use crate::checks::{self, lengths};
use crate::client::Client;
use crate::error::{Error, LookUpError, Unconfirmed, UnconfirmedKind};
use crate::generated::types::{
    Asset, AssetSummary, Design, DesignSummary, FolderItemSortBy, FolderItemSummary, FolderItemType, OwnershipType,
    SortByType,
};
use crate::generated::{ListDesignsOptions, ListFolderItemsOptions};
use crate::send::Items;
use crate::send::clock::ServerClock;

impl Client {
    /// Looks up what became of an upload, an import or a new design with a title after an [`Error::OutcomeUnknown`]:
    /// Canva's lists are asked for an asset or design of its name that was made since. Where there is none yet, they are
    /// asked again until its job should have ended: 10 minutes after it was sent, or what
    /// [`PollPolicy::deadline`](crate::PollPolicy::deadline) says.
    ///
    /// It gives what was made, of an import one design. An asset lacks `metadata` and `owner`, which the list doesn't have.
    /// It isn't moved to its [folder](crate::UploadAsset::folder); [`Bulk::look_up`](crate::Bulk::look_up) does that.
    ///
    /// An asset is found in `uploads` and in its folder, with the scope `folder:read`; a design with `design:meta:read`.
    ///
    /// ```no_run
    /// # async fn example(canva: canva_connect::Client) -> Result<(), canva_connect::Error> {
    /// use canva_connect::{JobResult, LookUpError};
    ///
    /// match canva.upload_asset("photo.png").await {
    ///     Err(error) if error.is_outcome_unknown() => match canva.look_up(&error).await {
    ///         Ok(JobResult::Asset(asset)) => println!("it is there: {}", asset.id),
    ///         Err(LookUpError::NotThere) => println!("it isn't there, as far as one can tell"),
    ///         other => println!("{other:?}"),
    ///     },
    ///     job => println!("{}", job?.wait().await?.id),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Each [`LookUpError`]. [`LookUpError::Failed`] with an [`Error::InvalidInput`] if the error has nothing
    /// [to look for](Error::unconfirmed).
    pub async fn look_up(&self, error: &Error) -> Result<JobResult, LookUpError> {
        let nothing = || {
            let found = error.to_string();
            let source = Error::invalid("error", "an upload or import whose outcome is unknown", found);
            LookUpError::Failed { source: Arc::new(source) }
        };
        let unconfirmed = error.unconfirmed().ok_or_else(nothing)?;
        self.look_up_all([unconfirmed.clone()]).await.pop().unwrap_or_else(|| Err(nothing()))
    }

    /// Looks up many at once, as [`look_up`](Self::look_up) does: those that a program has stored before it was killed.
    /// Await it for the result of each, in their order.
    ///
    /// Several of one name can't be told apart. So look all of them up together, when nothing else that was sent is
    /// still under way, and say with [`known`](LookUp::known) what the others have made.
    ///
    /// ```no_run
    /// # use canva_connect::Unconfirmed;
    /// # async fn example(canva: canva_connect::Client, stored: Vec<Unconfirmed>, done: Vec<String>) {
    /// let names: Vec<_> = stored.iter().map(|unconfirmed| unconfirmed.name.clone()).collect();
    /// for (name, found) in names.iter().zip(canva.look_up_all(stored).known(done).await) {
    ///     println!("{name}: {found:?}");
    /// }
    /// # }
    /// ```
    pub fn look_up_all(&self, unconfirmed: impl IntoIterator<Item = Unconfirmed>) -> LookUp {
        LookUp { client: self.clone(), unconfirmed: unconfirmed.into_iter().collect(), known: BTreeSet::new() }
    }
}

/// A look-up that has not begun. Made by [`Client::look_up_all`].
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until it is awaited"]
pub struct LookUp {
    client: Client,
    unconfirmed: Vec<Unconfirmed>,
    known: BTreeSet<String>,
}

impl LookUp {
    /// The ids of assets and designs that are known to be something else.
    pub fn known<I: Into<String>>(mut self, ids: impl IntoIterator<Item = I>) -> Self {
        self.known.extend(ids.into_iter().map(Into::into));
        self
    }
}

impl IntoFuture for LookUp {
    type Output = Vec<Result<JobResult, LookUpError>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let mut search = Search::new(self.client, self.known, false);
            self.unconfirmed.into_iter().enumerate().for_each(|(number, unconfirmed)| search.add(number, unconfirmed));
            let mut ended = Vec::new();
            while let Some(more) = search.round().await {
                ended.extend(more);
            }
            ended.sort_by_key(|(number, _)| *number);
            ended.into_iter().map(|(_, result)| result).collect()
        })
    }
}

/// What is looked up together, round by round.
pub(super) struct Search<K> {
    client: Client,
    /// What isn't certain yet, each with its key.
    open: Vec<(K, Unconfirmed)>,
    /// The ids of what is something else.
    known: BTreeSet<String>,
    /// How many of each list and name there are, from the beginning.
    rivals: HashMap<(bool, String), usize>,
    /// Something else may have been made of which nothing is known.
    unsettled: bool,
    began: Instant,
    /// How long to wait before the next round.
    pause: Duration,
    pauses: Box<dyn Iterator<Item = Duration> + Send + Sync>,
}

/// What a round has made certain.
type Ended<K> = Vec<(K, Result<JobResult, LookUpError>)>;

/// Something in one of Canva's lists.
struct Listed {
    id: String,
    name: String,
    created_at: i64,
    /// The time that the list is sorted by, the latest first.
    sorted_by: i64,
    result: JobResult,
}

impl<K> Search<K> {
    pub(super) fn new(client: Client, known: BTreeSet<String>, unsettled: bool) -> Self {
        let (rivals, began, pauses) = (HashMap::new(), Instant::now(), Box::new(client.poll.delays()));
        Self { client, open: Vec::new(), known, rivals, unsettled, began, pause: Duration::ZERO, pauses }
    }

    pub(super) fn add(&mut self, key: K, unconfirmed: Unconfirmed) {
        *self.rivals.entry((is_design(&unconfirmed), unconfirmed.name.clone())).or_default() += 1;
        self.open.push((key, unconfirmed));
    }

    /// Asks once. `None` when nothing is open any more.
    pub(super) async fn round(&mut self) -> Option<Ended<K>> {
        if self.open.is_empty() {
            return None;
        }
        sleep(self.pause).await;
        let asked = Instant::now();
        let client = self.client.clone();
        let of_images = self.wanted(is_image);
        let of_designs = self.wanted(is_design);
        let images = uploaded(&client, of_images).await;
        let designs = listed(&client, designs(&client), design, &of_designs).await.map_err(Arc::new);
        for (_, it) in &mut self.open {
            let behind = behind(clock(&client), it);
            (it.began, it.complete) = (it.began.saturating_add(behind), it.complete.saturating_add(behind));
            // Once: from here on its times are Canva's.
            it.own_clock &= clock(&client).ahead().is_none();
        }
        let asked_at = clock(&client).at(asked).seconds;
        let (mut ended, mut open) = (Vec::new(), Vec::new());
        for (key, unconfirmed) in std::mem::take(&mut self.open) {
            let listed = if is_design(&unconfirmed) { &designs } else { &images };
            // Nothing that was sent is younger than the search, whatever the clocks say.
            let over = asked_at >= self.over(&unconfirmed) || asked - self.began >= self.client.poll.deadline;
            match self.conclude(&unconfirmed, listed, over) {
                Some(result) => ended.push((key, result)),
                None => open.push((key, unconfirmed)),
            }
        }
        self.open = open;
        // No longer than until the first of them is over.
        let left = self.open.iter().map(|(_, it)| self.over(it).saturating_sub(asked_at)).min().unwrap_or_default();
        let left = Duration::from_secs(u64::try_from(left).unwrap_or_default().max(1));
        self.pause = self.pauses.next().unwrap_or(self.client.poll.max_delay).min(left);
        Some(ended)
    }

    fn wanted(&self, wanted: fn(&Unconfirmed) -> bool) -> Vec<Unconfirmed> {
        self.open.iter().map(|(_, unconfirmed)| unconfirmed).filter(|it| wanted(it)).cloned().collect()
    }

    /// From when on no job of it can be under way, by Canva's clock.
    fn over(&self, unconfirmed: &Unconfirmed) -> i64 {
        let deadline = i64::try_from(self.client.poll.deadline.as_secs()).unwrap_or(i64::MAX);
        unconfirmed.complete.saturating_add(deadline)
    }

    /// What a list makes certain; `over`: its job should have ended before it was asked for.
    fn conclude(
        &self,
        unconfirmed: &Unconfirmed,
        listed: &Result<Vec<Listed>, Arc<Error>>,
        over: bool,
    ) -> Option<Result<JobResult, LookUpError>> {
        let listed = match listed {
            _ if unconfirmed.kind == UnconfirmedKind::Video => return Some(Err(LookUpError::Video)),
            Ok(listed) => listed,
            Err(error) if error.is_retryable() && !over => return None,
            Err(error) => return Some(Err(LookUpError::Failed { source: error.clone() })),
        };
        let fits = |it: &&Listed| {
            it.name == unconfirmed.name && it.created_at >= unconfirmed.began && !self.known.contains(&it.id)
        };
        let fitting: Vec<&Listed> = listed.iter().filter(fits).collect();
        let of_this_name = self.rivals.get(&(is_design(unconfirmed), unconfirmed.name.clone()));
        let rivals = of_this_name.copied().unwrap_or(1);
        match fitting.as_slice() {
            [] if !over => None,
            [] if unconfirmed.kind == UnconfirmedKind::Asset => Some(Err(LookUpError::Video)),
            [] => Some(Err(LookUpError::NotThere)),
            [it] if rivals == 1 && !self.unsettled => Some(Ok(it.result.clone())),
            // The others may be under way.
            some if some.len() < rivals && !over => None,
            several => Some(Err(LookUpError::Several { ids: several.iter().map(|it| it.id.clone()).collect() })),
        }
    }
}

/// The images in the folders that they can be in.
async fn uploaded(client: &Client, wanted: Vec<Unconfirmed>) -> Result<Vec<Listed>, Arc<Error>> {
    let folders = wanted.iter().filter_map(|it| it.folder_id.as_deref());
    let folders: BTreeSet<&str> = folders.chain(["uploads"]).collect();
    let mut images = Vec::new();
    for folder_id in folders {
        match listed(client, images_in(client, folder_id), image, &wanted).await {
            Ok(more) => images.extend(more),
            // Nothing can have been moved there.
            Err(Error::Api(api)) if api.status == StatusCode::NOT_FOUND && folder_id != "uploads" => {}
            Err(error) => return Err(Arc::new(error)),
        }
    }
    Ok(images)
}

/// What a list has of these names, as far back as any of them may have been made.
async fn listed<T: Send + 'static>(
    client: &Client,
    mut items: Items<T>,
    read: fn(T) -> Option<Listed>,
    wanted: &[Unconfirmed],
) -> Result<Vec<Listed>, Error> {
    let mut listed: Vec<Listed> = Vec::new();
    if wanted.is_empty() {
        return Ok(listed);
    }
    let names: HashSet<&str> = wanted.iter().map(|it| it.name.as_str()).collect();
    let mut first_began = None;
    while let Some(item) = items.next().await {
        let Some(item) = read(item?) else { continue };
        // Only now: the response may be the first that says what time it is at Canva.
        let began = |it: &Unconfirmed| it.began.saturating_add(behind(clock(client), it));
        if *first_began.get_or_insert_with(|| wanted.iter().map(began).min()) > Some(item.sorted_by) {
            break;
        }
        // What is added meanwhile moves everything on, perhaps to the next page.
        if names.contains(item.name.as_str()) && listed.iter().all(|known| known.id != item.id) {
            listed.push(item);
        }
    }
    Ok(listed)
}

fn clock(client: &Client) -> &ServerClock {
    &client.sender.settings.clock
}

/// By how many seconds its times are behind Canva's, once a response has said what time it is there.
fn behind(clock: &ServerClock, unconfirmed: &Unconfirmed) -> i64 {
    if unconfirmed.own_clock { clock.ahead().unwrap_or_default() } else { 0 }
}

fn is_design(unconfirmed: &Unconfirmed) -> bool {
    unconfirmed.kind == UnconfirmedKind::Design
}

fn is_image(unconfirmed: &Unconfirmed) -> bool {
    matches!(unconfirmed.kind, UnconfirmedKind::Image | UnconfirmedKind::Asset)
}

/// The images in a folder.
fn images_in(client: &Client, folder_id: &str) -> Items<FolderItemSummary> {
    let options = ListFolderItemsOptions {
        item_types: Some(vec![FolderItemType::Image]),
        sort_by: Some(FolderItemSortBy::CreatedDescending),
        limit: checks::largest_page(&lengths::LIST_FOLDER_ITEMS_LIMIT),
        ..Default::default()
    };
    client.generated().list_folder_items_stream(folder_id, &options)
}

fn image(item: FolderItemSummary) -> Option<Listed> {
    let FolderItemSummary::Image(item) = item else { return None };
    let AssetSummary { id, name, created_at, .. } = item.image.clone();
    let asset: Asset = same(&item.image)?;
    Some(Listed { id, name, created_at, sorted_by: created_at, result: asset.into() })
}

/// The same thing as another response has it: what the two have in common has the same names, and the rest is kept.
fn same<T: DeserializeOwned>(listed: &impl Serialize) -> Option<T> {
    serde_json::to_value(listed).and_then(serde_json::from_value).ok()
}

/// The user's own designs. They can't be sorted by when they were made, and none changed before that.
fn designs(client: &Client) -> Items<Design> {
    let options = ListDesignsOptions {
        ownership: Some(OwnershipType::Owned),
        sort_by: Some(SortByType::ModifiedDescending),
        limit: checks::largest_page(&lengths::LIST_DESIGNS_LIMIT),
        ..Default::default()
    };
    client.generated().list_designs_stream(&options)
}

fn design(design: Design) -> Option<Listed> {
    let summary: DesignSummary = same(&design)?;
    let Design { id, title, created_at, updated_at, .. } = design;
    let name = title.unwrap_or_default();
    Some(Listed { id, name, created_at, sorted_by: updated_at, result: vec![summary].into() })
}
