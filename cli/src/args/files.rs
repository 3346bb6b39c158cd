//! The options of `canva upload` and `canva import`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;

use super::{ids, seconds};

#[derive(clap::Args)]
pub struct UploadFiles {
    /// The files, and directories with all that is in them. `-` is standard input. Write `./*.png` or `-- *.png` if a
    /// file's name may begin with `-`.
    #[arg(required_unless_present = "from", value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// The asset's name in Canva, for a single file [default: the file's name].
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub name: Option<String>,

    /// A tag for each asset, set after its upload; can be given several times.
    #[arg(long = "tag", value_name = "TAG", value_parser = NonEmptyStringValueParser::new())]
    pub tags: Vec<String>,

    /// Move each asset to this folder after its upload: its URL in Canva, or the id in it. Canva moves no videos.
    #[arg(long = "folder", value_name = "FOLDER", value_parser = ids::folder)]
    pub folder_id: Option<String>,

    /// Take files from a CSV list, or from standard input with `-`. Its columns are `file`, and if you like `name` and
    /// `tags` (separated by `;`).
    #[arg(long, value_name = "LIST")]
    pub from: Option<PathBuf>,

    #[command(flatten)]
    pub options: Options,
}

#[derive(clap::Args)]
pub struct ImportFiles {
    /// The files, and directories with all documents in them. `-` is standard input. Write `./*.pdf` or `-- *.pdf` if a
    /// file's name may begin with `-`.
    #[arg(required_unless_present = "from", value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// The design's title, for a single file [default: the file's name without its extension].
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub title: Option<String>,

    /// The files' media type, such as `application/pdf` [default: Canva detects it].
    #[arg(long, value_name = "TYPE")]
    pub mime_type: Option<String>,

    /// Take files from a CSV list, or from standard input with `-`. Its columns are `file`, and if you like `title`.
    #[arg(long, value_name = "LIST")]
    pub from: Option<PathBuf>,

    #[command(flatten)]
    pub options: Options,
}

/// What uploads and imports of files have in common.
#[derive(clap::Args)]
pub struct Options {
    /// Say what would be done with each file, and send nothing.
    #[arg(long)]
    pub dry_run: bool,

    /// Send files, too, that Canva is known not to take.
    #[arg(long)]
    pub force: bool,

    /// Send all files, whatever an earlier command has done with them.
    #[arg(long)]
    pub start_over: bool,

    /// Keep the journal of what was sent in this file [default: one for each Canva user, in the state directory].
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,

    /// How long to wait for a network that was there and went away.
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = seconds)]
    pub network_timeout: Duration,

    #[command(flatten)]
    pub again: Again,

    #[command(flatten)]
    pub waiting: Waiting,
}

#[derive(clap::Args)]
pub struct Waiting {
    /// Don't wait for Canva to finish; print the job's id, for `canva job`.
    #[arg(long)]
    pub no_wait: bool,

    /// How long Canva may work on a file. If the answer to an upload is lost, canva looks for the file in Canva for the
    /// same time, except with --no-wait.
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = seconds, conflicts_with = "no_wait")]
    pub timeout: Duration,
}

/// What to do about a file that may have been lost.
#[derive(clap::Args)]
pub struct Again {
    /// Send a file again, once, if the answer was lost and Canva doesn't list the file within the timeout. If Canva was
    /// only slow, there will be two.
    #[arg(long, conflicts_with = "no_wait")]
    pub send_again: bool,
}
