//! What became of each file, kept on the disk: a line of JSON for each step, so that a command that was killed at any
//! moment can be given again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use canva_connect::{Asset, DesignSummary, JobReference, JobResult, Unconfirmed};
use serde::{Deserialize, Serialize};

/// How far a file is, with all that it takes to go on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Which file: its absolute path.
    pub file: String,
    /// The name that the user gave it. The same file under another name is another upload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<String>,
    pub size: u64,
    /// When it was changed last, in nanoseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<u64>,
    pub sha256: String,
    /// The asset's name, or the design's title, as it was sent.
    pub name: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder_id: Option<String>,
    /// The time of this line, in seconds since the Unix epoch.
    pub at: u64,
    #[serde(flatten)]
    pub step: Step,
}

/// Which file of the journal: its path, and the name that the user gave it.
pub type Key = (String, Option<String>);

impl Entry {
    fn key(&self) -> Key {
        (self.file.clone(), self.named.clone())
    }

    fn asset_id(&self) -> Option<&String> {
        match &self.step {
            Step::Made { asset } | Step::Done { made: Made::Asset(asset) } => Some(&asset.id),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// From here on, Canva may have it.
    Sending { unconfirmed: Unconfirmed },
    /// Canva has it, and works on it.
    Job { job: JobReference },
    /// The asset is there, and its tags or its folder are to be set.
    Made { asset: Box<Asset> },
    /// All is done.
    Done { made: Made },
    /// Nothing was made of it.
    Failed { code: String },
    /// It may be in Canva, and no look-up can tell.
    Unknown { code: String },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Made {
    Asset(Box<Asset>),
    Designs(Vec<DesignSummary>),
}

impl Made {
    /// Without what expires: an asset's thumbnail.
    pub fn new(result: &JobResult) -> Option<Self> {
        match result {
            JobResult::Asset(asset) => {
                let mut asset = asset.clone();
                asset.thumbnail = None;
                Some(Self::Asset(asset))
            }
            JobResult::Designs(designs) => Some(Self::Designs(designs.clone())),
            _ => None,
        }
    }

    pub fn result(self) -> JobResult {
        match self {
            Self::Asset(asset) => JobResult::from(*asset),
            Self::Designs(designs) => JobResult::from(designs),
        }
    }
}

/// A journal that this process has locked.
#[derive(Clone)]
pub struct Journal(Arc<Mutex<Lines>>);

struct Lines {
    path: PathBuf,
    file: File,
    entries: BTreeMap<Key, Entry>,
    /// Unlocks the journal when it is closed.
    _lock: File,
}

impl Journal {
    /// Opens the journal and locks it. `Ok(None)` if another process has it.
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        let about = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let opened = open(path).map_err(about)?;
        Ok(opened.map(|lines| Self(Arc::new(Mutex::new(lines)))))
    }

    pub fn entry(&self, key: &Key) -> Option<Entry> {
        self.lock().entries.get(key).cloned()
    }

    /// The ids of all that is known to have been made.
    pub fn ids(&self) -> BTreeSet<String> {
        let lines = self.lock();
        let made = lines.entries.values().flat_map(|entry| match &entry.step {
            Step::Done { made: Made::Designs(designs) } => designs.iter().map(|design| design.id.clone()).collect(),
            _ => entry.asset_id().cloned().into_iter().collect::<Vec<_>>(),
        });
        made.collect()
    }

    /// Returns once the line is on the disk.
    pub async fn write(&self, entry: Entry) -> io::Result<()> {
        let journal = self.clone();
        tokio::task::spawn_blocking(move || journal.write_now(entry)).await.map_err(io::Error::other)?
    }

    /// Blocks until the line is on the disk.
    pub fn write_now(&self, entry: Entry) -> io::Result<()> {
        let line = line(&entry)?;
        let mut lines = self.lock();
        let written = lines.file.write_all(line.as_bytes()).and_then(|()| lines.file.sync_data());
        written.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", lines.path.display())))?;
        lines.entries.insert(entry.key(), entry);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says that this asset is gone. Another command may have the journal: a line more does no harm.
pub fn deleted(path: &Path, asset_id: &str) -> io::Result<()> {
    let line = format!("\n{}\n", serde_json::json!({ "deleted": asset_id }));
    match File::options().append(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        file => file?.write_all(line.as_bytes()),
    }
}

/// A line of the journal.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Deleted { deleted: String },
    Entry(Box<Entry>),
}

/// A line begins with an empty one: what a write that was cut has left then spoils no other.
fn line(entry: &Entry) -> io::Result<String> {
    Ok(format!("\n{}\n", serde_json::to_string(entry)?))
}

fn open(path: &Path) -> io::Result<Option<Lines>> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    let lock = private().truncate(false).open(PathBuf::from(beside))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let mut file = private().append(true).read(true).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let text = io::read_to_string(&mut file)?;
    if !text.is_empty() && !text.starts_with("\n{") {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "expected a journal of canva, got another file"));
    }
    let (mut entries, mut lines) = (BTreeMap::new(), 0);
    // A command that was killed may have left half a line, with nothing after it or all of the next line.
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
        let line = match serde_json::from_str(line) {
            Ok(line) => line,
            Err(error) if error.is_eof() => continue,
            // What it says isn't known, so that its file could be sent twice.
            Err(error) => {
                let message = format!("line {} can't be read ({error})", number + 1);
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
        };
        lines += 1;
        match line {
            Line::Entry(entry) => drop(entries.insert(entry.key(), *entry)),
            Line::Deleted { deleted } => entries.retain(|_, entry| entry.asset_id() != Some(&deleted)),
        }
    }
    if lines > 1000 + 2 * entries.len() {
        file = shortened(path, &entries)?;
    }
    Ok(Some(Lines { path: path.to_owned(), file, entries, _lock: lock }))
}

/// The same journal with only the last line of each file.
fn shortened(path: &Path, entries: &BTreeMap<Key, Entry>) -> io::Result<File> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut new = tempfile::NamedTempFile::new_in(directory)?;
    for entry in entries.values() {
        new.write_all(line(entry)?.as_bytes())?;
    }
    new.as_file().sync_all()?;
    new.persist(path)?;
    File::options().append(true).open(path)
}

fn private() -> std::fs::OpenOptions {
    let mut options = File::options();
    options.create(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
