//! What is to be done about each file: what the journal says of it, and whether Canva would take it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use canva_connect::operations::{CREATE_ASSET_UPLOAD_JOB, CREATE_DESIGN_IMPORT_JOB, Operation};
use canva_connect::{Asset, Client, Error, JobReference, Unconfirmed};
use sha2::{Digest, Sha256};

use super::journal::{Entry, Journal, Made, Step};
use super::look::{self, Refusal};
use super::names;
use super::select::{Chosen, LeftOut, Selection};
use super::send::now;
use crate::args::files::Options;
use crate::failure::Failure;
use crate::item::hex;

/// What the command makes of its files.
#[derive(Clone, Debug)]
pub enum Kind {
    Asset { folder_id: Option<String> },
    Design { mime_type: Option<String> },
}

impl Kind {
    pub fn command(&self) -> &'static str {
        match self {
            Self::Asset { .. } => "upload",
            Self::Design { .. } => "import",
        }
    }

    pub fn operation(&self) -> &'static Operation {
        match self {
            Self::Asset { .. } => &CREATE_ASSET_UPLOAD_JOB,
            Self::Design { .. } => &CREATE_DESIGN_IMPORT_JOB,
        }
    }
}

/// A file and what is to be done about it.
#[derive(Clone, Debug)]
pub struct Planned {
    pub file: Chosen,
    /// Its name or title in Canva.
    pub name: String,
    pub task: Task,
    /// The file has changed since it was sent.
    pub changed: bool,
}

impl Planned {
    /// What the journal says of it from now on.
    pub fn entry(&self, sha256: String, kind: &Kind) -> Entry {
        let folder_id = match kind {
            Kind::Asset { folder_id } => folder_id.clone(),
            Kind::Design { .. } => None,
        };
        let Planned { file, name, .. } = self.clone();
        let (size, modified, tags) = (file.size, file.modified, file.tags);
        let step = Step::Failed { code: "not_sent".to_owned() };
        Entry { file: file.absolute, named: file.name, size, modified, sha256, name, tags, folder_id, at: now(), step }
    }
}

#[derive(Clone, Debug)]
pub enum Task {
    Send,
    /// An earlier command made the job.
    PickUp(JobReference),
    /// An earlier command was stopped when it had sent it.
    LookUp(Unconfirmed),
    /// The asset is there, and its tags or its folder are to be set.
    Finish(Box<Asset>),
    /// An earlier command has done all.
    Nothing(Made),
    /// It may be in Canva; nobody can tell.
    Unknown(String),
    Refused(Failure),
}

pub struct Plan {
    pub files: Vec<Planned>,
    /// What was in a directory and isn't sent, with the reason.
    pub left_out: Vec<(PathBuf, LeftOut)>,
    /// Names that were shortened: what the file is called, and its name in Canva.
    pub shortened: Vec<(String, String)>,
}

/// Slow: it reads images.
pub fn plan(canva: &Client, kind: &Kind, selection: &mut Selection, options: &Options, journal: &Journal) -> Plan {
    let mut plan = Plan { files: Vec::new(), left_out: std::mem::take(&mut selection.left_out), shortened: Vec::new() };
    let mut taken = BTreeSet::new();
    for file in std::mem::take(&mut selection.chosen) {
        let entry = journal.entry(&file.key()).filter(|_| !options.start_over);
        let (mut task, changed) = match entry {
            Some(entry) => go_on(kind, &file, entry, options.again.send_again),
            None => (Task::Send, false),
        };
        if matches!(task, Task::Send) {
            match look(kind, &file, options.force) {
                Ok(Looked::Good) => {}
                Ok(Looked::Foreign) => {
                    plan.left_out.push((file.shown, LeftOut::Foreign));
                    continue;
                }
                Ok(Looked::Bad(refusal)) => task = Task::Refused(refused(refusal)),
                Err(error) => task = Task::Refused(unreadable(&error)),
            }
        }
        let name = match name(canva, kind, &file, &taken) {
            Ok((name, shortened)) => {
                if shortened && matches!(task, Task::Send) {
                    plan.shortened.push((file.shown.display().to_string(), name.clone()));
                }
                name
            }
            Err(error) => {
                task = Task::Refused(Failure::new(&error, None));
                String::new()
            }
        };
        taken.insert(name.clone());
        plan.files.push(Planned { file, name, task, changed });
    }
    plan
}

enum Looked {
    Good,
    /// It was found in a directory, and is nothing that Canva takes, nor called so.
    Foreign,
    Bad(Refusal),
}

fn look(kind: &Kind, file: &Chosen, force: bool) -> io::Result<Looked> {
    let (meant, judged) = match kind {
        Kind::Asset { .. } => look::asset(&file.path, file.size)?,
        Kind::Design { .. } => look::document(&file.path)?,
    };
    Ok(match judged {
        _ if file.found && !meant => Looked::Foreign,
        Err(refusal) if !force => Looked::Bad(refusal),
        _ => Looked::Good,
    })
}

/// The name to send, and whether it had to be shortened; or why there is none.
fn name(canva: &Client, kind: &Kind, file: &Chosen, taken: &BTreeSet<String>) -> Result<(String, bool), Error> {
    let path = names::readable(&file.shown);
    let shortened = match (kind, &file.name) {
        (Kind::Asset { folder_id }, given) => {
            let mut upload = canva.upload_asset(path.clone());
            if let Some(folder_id) = folder_id {
                upload = upload.folder(folder_id);
            }
            if !file.tags.is_empty() {
                // Refused now: after the upload, the asset would be there without its tags.
                canva.update_asset("of-this-upload").tags(&file.tags).check()?;
            }
            match given {
                Some(name) => return Ok((upload.name(name).sent_name()?, false)),
                None => upload.sent_name()?,
            }
        }
        (Kind::Design { mime_type }, given) => {
            let mut import = canva.import_design(path.clone());
            if let Some(mime_type) = mime_type {
                import = import.mime_type(mime_type);
            }
            match given {
                Some(title) => return Ok((import.title(title).sent_title()?, false)),
                None => import.sent_title()?,
            }
        }
    };
    // Files of one name in several directories keep it.
    let whole = path.to_str() == Some(&shortened) || path.file_stem().and_then(|it| it.to_str()) == Some(&shortened);
    Ok(if whole { (shortened, false) } else { (names::unlike(&shortened, taken), true) })
}

/// What the journal says is left to do, and whether the file has changed since.
fn go_on(kind: &Kind, file: &Chosen, entry: Entry, send_again: bool) -> (Task, bool) {
    let changed = has_changed(file, &entry);
    let as_asked = file.tags.iter().all(|tag| entry.tags.contains(tag))
        && match kind {
            Kind::Asset { folder_id: Some(folder_id) } => entry.folder_id.as_ref() == Some(folder_id),
            _ => true,
        };
    let task = match entry.step {
        // What may be under way isn't forgotten, whatever the file is now.
        Step::Job { job } => Task::PickUp(job),
        Step::Sending { unconfirmed } => Task::LookUp(unconfirmed),
        _ if changed => Task::Send,
        Step::Made { asset } => Task::Finish(asset),
        Step::Done { made: Made::Asset(asset) } if !as_asked => Task::Finish(asset),
        Step::Done { made } => Task::Nothing(made),
        Step::Failed { .. } => Task::Send,
        Step::Unknown { .. } if send_again => Task::Send,
        Step::Unknown { code } => Task::Unknown(code),
    };
    (task, changed)
}

/// Reads the file only if its time is another one, as it is in each checkout of a repository.
fn has_changed(file: &Chosen, entry: &Entry) -> bool {
    file.size != entry.size
        || (file.modified.is_none() || file.modified != entry.modified)
            && sha256(&file.path).is_ok_and(|digest| digest != entry.sha256)
}

/// Slow: it reads the file.
pub fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let (mut digest, mut buffer) = (Sha256::new(), vec![0; 256 << 10]);
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => digest.update(buffer.get(..read).unwrap_or_default()),
        }
    }
    Ok(hex(&digest.finalize()))
}

fn refused(refusal: Refusal) -> Failure {
    match refusal {
        Refusal::TooBig(why) => Failure::own("file_too_big", &why, "make it smaller, or send it with --force"),
        Refusal::Kind { why, remedy } => {
            Failure::own("unsupported_file", &why, &format!("{remedy}, or send it with --force"))
        }
    }
}

pub fn unreadable(error: &io::Error) -> Failure {
    Failure::own(
        "file_unreadable",
        &format!("it can't be read: {error}"),
        "check that the file is there and can be read",
    )
}
