//! From the arguments to the files that are meant: directories are walked, lists are read, and each file counts once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::Deserialize;
use tempfile::NamedTempFile;
use walkdir::WalkDir;

use super::journal::Key;
use crate::end::End;
use crate::item::hex;

/// A file to send.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// As the user calls it.
    pub shown: PathBuf,
    /// Where its content is.
    pub path: PathBuf,
    /// Its absolute path, without links, as the journal has it.
    pub absolute: String,
    pub size: u64,
    /// In nanoseconds since the Unix epoch.
    pub modified: Option<u64>,
    /// Whether it was found in a directory. Nobody has asked for just this file then.
    pub found: bool,
    pub name: Option<String>,
    pub tags: Vec<String>,
}

/// What the arguments mean.
#[derive(Default)]
pub struct Selection {
    pub chosen: Vec<Chosen>,
    /// What is in a directory and isn't sent, with the reason.
    pub left_out: Vec<(PathBuf, LeftOut)>,
    /// What was asked for and can't be read.
    pub unreadable: Vec<(PathBuf, io::Error)>,
    /// The content of standard input. It is deleted when this is dropped.
    pub spool: Option<NamedTempFile>,
    seen: BTreeSet<Key>,
}

/// Why something in a directory isn't sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    Foreign,
    Hidden,
    Empty,
    Link,
    Special,
    Twice,
}

impl LeftOut {
    pub fn reason(self) -> &'static str {
        match self {
            Self::Foreign => "Canva doesn't take it",
            Self::Hidden => "it is hidden",
            Self::Empty => "it is empty",
            Self::Link => "it is a link; give its name to send what it leads to",
            Self::Special => "it is neither a file nor a directory",
            Self::Twice => "it is the same file as another",
        }
    }

    fn counted(self, count: usize) -> String {
        let s = if count == 1 { "" } else { "s" };
        match self {
            Self::Foreign => format!("{count} that Canva doesn't take"),
            Self::Hidden => format!("{count} hidden"),
            Self::Empty => format!("{count} empty"),
            Self::Link => format!("{count} link{s}"),
            Self::Special => format!("{count} special file{s}"),
            Self::Twice => format!("{count} given twice"),
        }
    }
}

/// How many were left out for each reason, in words.
pub fn left_out(all: &[(PathBuf, LeftOut)]) -> String {
    let mut count = BTreeMap::new();
    all.iter().for_each(|(_, why)| *count.entry(*why).or_insert(0) += 1);
    let words: Vec<String> = count.into_iter().map(|(why, count)| why.counted(count)).collect();
    words.join(", ")
}

/// A row of a list.
#[derive(Deserialize)]
struct Row {
    file: PathBuf,
    #[serde(default, alias = "title")]
    name: Option<String>,
    /// Separated by `;`.
    #[serde(default)]
    tags: Option<String>,
}

impl Chosen {
    pub fn key(&self) -> Key {
        (self.absolute.clone(), self.name.clone())
    }
}

impl Selection {
    /// Adds a file, or all that is in a directory, in the order of their names.
    pub fn add(&mut self, argument: &Path, name: Option<&str>, tags: &[String]) {
        match fs::metadata(argument) {
            Ok(it) if it.is_dir() => self.walk(argument, tags),
            Ok(it) if it.is_file() => self.choose(argument, argument, &it, false, name, tags),
            Ok(_) => self.unreadable.push((argument.to_owned(), io::Error::other("not a regular file"))),
            Err(error) => self.unreadable.push((argument.to_owned(), error)),
        }
    }

    /// Adds what is read from standard input, as a file of this name.
    pub fn add_stdin(&mut self, name: &str, tags: &[String]) -> io::Result<()> {
        // Canva wants to know the length first.
        let mut spool = NamedTempFile::new()?;
        io::copy(&mut io::stdin().lock(), &mut spool)?;
        let metadata = spool.as_file().metadata()?;
        self.chosen.push(Chosen {
            shown: PathBuf::from("-"),
            path: spool.path().to_owned(),
            absolute: "-".to_owned(),
            size: metadata.len(),
            modified: None,
            found: false,
            name: Some(name.to_owned()),
            tags: tags.to_vec(),
        });
        self.spool = Some(spool);
        Ok(())
    }

    /// Adds the files of a CSV list with the columns `file` and, if they are there, `name` (or `title`) and `tags`.
    /// Each gets its own tags and these.
    pub fn add_list(&mut self, list: &Path, tags: &[String]) -> Result<(), End> {
        let about = |problem: String| {
            End::usage(format!(
                "{}: {problem}; expected CSV with the columns file, name and tags (separated by `;`), of which the last \
                 two may be missing",
                list.display()
            ))
        };
        let mut from: Box<dyn Read> = match list == Path::new("-") {
            true => Box::new(io::stdin().lock()),
            false => Box::new(fs::File::open(list).map_err(|error| about(format!("it can't be read ({error})")))?),
        };
        let mut text = String::new();
        from.read_to_string(&mut text).map_err(|error| about(format!("it can't be read as UTF-8 ({error})")))?;
        let text = text.trim_start_matches('\u{feff}');
        // Spreadsheets separate columns as their user's country does.
        let head = text.lines().next().unwrap_or_default();
        let separator = [b',', b';', b'\t']
            .into_iter()
            .max_by_key(|it| (head.bytes().filter(|byte| byte == it).count(), *it == b','));
        let mut reader = csv::ReaderBuilder::new();
        reader.trim(csv::Trim::All).flexible(true).delimiter(separator.unwrap_or(b','));
        let mut reader = reader.from_reader(text.as_bytes());
        let columns =
            reader.headers().map(|columns| columns.iter().map(str::to_lowercase).collect::<csv::StringRecord>());
        let columns = columns.map_err(|error| about(error.to_string()))?;
        if let Some(unknown) = columns.iter().find(|column| !["file", "name", "title", "tags"].contains(column)) {
            return Err(about(format!("it has a column {unknown:?}")));
        }
        if !columns.iter().any(|column| column == "file") {
            return Err(about("it has no column file".to_owned()));
        }
        reader.set_headers(columns);
        for row in reader.deserialize::<Row>() {
            let Row { file, name, tags: own } = row.map_err(|error| about(error.to_string()))?;
            let own = own.iter().flat_map(|tags| tags.split(';')).map(str::trim).filter(|tag| !tag.is_empty());
            let tags: Vec<String> = tags.iter().cloned().chain(own.map(str::to_owned)).collect();
            self.add(&file, name.as_deref().filter(|name| !name.is_empty()), &tags);
        }
        Ok(())
    }

    fn walk(&mut self, directory: &Path, tags: &[String]) {
        let is_hidden =
            |entry: &walkdir::DirEntry| entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".");
        let mut hidden = Vec::new();
        // Links aren't followed, so that there is no loop, and nothing is sent twice.
        let walk = WalkDir::new(directory).sort_by_file_name().into_iter().filter_entry(|entry| {
            let hides = is_hidden(entry);
            if hides {
                hidden.push((entry.path().to_owned(), LeftOut::Hidden));
            }
            !hides
        });
        for entry in walk {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let path = error.path().unwrap_or(directory).to_owned();
                    self.unreadable.push((path, error.into()));
                    continue;
                }
            };
            let path = entry.path();
            let kind = entry.file_type();
            match entry.metadata() {
                // The directory itself may be given as a link.
                _ if kind.is_dir() || entry.depth() == 0 => {}
                _ if kind.is_symlink() => self.left_out.push((path.to_owned(), LeftOut::Link)),
                _ if !kind.is_file() => self.left_out.push((path.to_owned(), LeftOut::Special)),
                Ok(it) if it.len() == 0 => self.left_out.push((path.to_owned(), LeftOut::Empty)),
                Ok(it) => self.choose(path, path, &it, true, None, tags),
                Err(error) => self.unreadable.push((path.to_owned(), error.into())),
            }
        }
        self.left_out.append(&mut hidden);
    }

    fn choose(
        &mut self,
        shown: &Path,
        path: &Path,
        metadata: &Metadata,
        found: bool,
        name: Option<&str>,
        tags: &[String],
    ) {
        let absolute = match fs::canonicalize(path) {
            Ok(absolute) => text(&absolute),
            Err(error) => return self.unreadable.push((shown.to_owned(), error)),
        };
        if !self.seen.insert((absolute.clone(), name.map(str::to_owned))) {
            return self.left_out.push((shown.to_owned(), LeftOut::Twice));
        }
        self.chosen.push(Chosen {
            shown: shown.to_owned(),
            path: path.to_owned(),
            absolute,
            size: metadata.len(),
            modified: modified(metadata),
            found,
            name: name.map(str::to_owned),
            tags: tags.to_vec(),
        });
    }
}

/// A path as text. A path that isn't Unicode is written in hexadecimal, which no absolute path begins like.
fn text(absolute: &Path) -> String {
    let bytes = absolute.as_os_str().as_encoded_bytes();
    absolute.to_str().map_or_else(|| format!("hex:{}", hex(bytes)), str::to_owned)
}

fn modified(metadata: &Metadata) -> Option<u64> {
    let since = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    since.as_nanos().try_into().ok()
}
