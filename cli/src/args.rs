//! The command line: what can be said, and what makes no sense together. What it means for a request, the lengths of
//! names for example, is the library's to judge.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

use crate::job::JobKind;

const FIRST_STEPS: &str = "\
Try it without an account:
  canva --simulate upload photo.png --name \"Hero\"

With an account:
  export CANVA_ACCESS_TOKEN=...
  canva upload photo.png

Environment:
  CANVA_ACCESS_TOKEN  The access token of a Canva user; never an argument, which other programs could see
  CANVA_BASE_URL      Where the API is, if --base-url is not given

Exit codes:
  0  everything succeeded
  1  something failed; the rest was done all the same
  2  the command line or the environment has to change";

const GLOBAL: &str = "Options of all commands";

/// Bring pictures, videos and documents into Canva.
#[derive(Parser)]
#[command(name = "canva", version, after_help = FIRST_STEPS, disable_help_subcommand = true)]
pub struct Args {
    #[command(flatten)]
    pub server: Server,

    /// Print one JSON object per line instead of text.
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub json: bool,

    #[command(subcommand)]
    pub command: Command,
}

/// Who answers.
#[derive(clap::Args)]
pub struct Server {
    /// Where the API is, up to and with `/rest` [default: that of Canva].
    #[arg(long, global = true, value_name = "URL", help_heading = GLOBAL)]
    pub base_url: Option<String>,

    /// Use a Canva inside this process: no account, no network. It forgets all when the command ends.
    ///
    /// An id that it gave to one command, of an asset or a job, is therefore unknown to the next. `canva simulate` runs
    /// one that stays.
    #[arg(long, global = true, conflicts_with = "base_url", help_heading = GLOBAL)]
    pub simulate: bool,
}

#[derive(Subcommand)]
pub enum Command {
    #[command(flatten)]
    Api(ApiCommand),
    Simulate(Simulate),
}

/// The commands that talk to Canva.
#[derive(Subcommand)]
pub enum ApiCommand {
    Upload(Upload),
    UploadUrl(UploadUrl),
    Get(Get),
    Update(Update),
    Delete(Delete),
    Import(Import),
    ImportUrl(ImportUrl),
    Job(Job),
}

/// Upload pictures and videos.
#[derive(clap::Args)]
pub struct Upload {
    /// The files.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// The asset's name in Canva, for a single file [default: the file's name].
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub name: Option<String>,

    /// A tag for each asset, set when its upload has succeeded; can be given several times.
    #[arg(long = "tag", value_name = "TAG", value_parser = NonEmptyStringValueParser::new())]
    pub tags: Vec<String>,

    #[command(flatten)]
    pub waiting: Waiting,
}

/// Have Canva fetch a picture or video from a URL (a preview of Canva's: it may change).
#[derive(clap::Args)]
pub struct UploadUrl {
    /// Where the file is. Canva must be able to open it without a login.
    pub url: String,

    /// The asset's name in Canva.
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub name: String,

    #[command(flatten)]
    pub waiting: Waiting,
}

/// Print an asset.
#[derive(clap::Args)]
pub struct Get {
    /// The asset's id, as `upload` prints it.
    pub asset_id: String,
}

/// Change an asset's name or tags.
#[derive(clap::Args)]
pub struct Update {
    /// The asset's id, as `upload` prints it.
    pub asset_id: String,

    #[command(flatten)]
    pub change: Change,
}

/// At least one of them.
#[derive(clap::Args)]
#[group(required = true, multiple = true)]
pub struct Change {
    /// The new name.
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub name: Option<String>,

    /// A new tag; can be given several times. The new tags replace all that the asset has.
    #[arg(long = "tag", value_name = "TAG", value_parser = NonEmptyStringValueParser::new())]
    pub tags: Vec<String>,

    /// Remove all tags.
    #[arg(long, conflicts_with = "tags")]
    pub clear_tags: bool,
}

/// Move assets to the trash.
#[derive(clap::Args)]
pub struct Delete {
    /// The assets' ids, as `upload` prints them.
    #[arg(required = true, value_name = "ASSET_ID")]
    pub asset_ids: Vec<String>,
}

/// Import files, PDF or Office documents for example, as designs.
#[derive(clap::Args)]
pub struct Import {
    /// The files.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// The design's title, for a single file [default: the file's name without its extension].
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub title: Option<String>,

    /// What the files are, `application/pdf` for example [default: Canva finds out].
    #[arg(long, value_name = "TYPE")]
    pub mime_type: Option<String>,

    #[command(flatten)]
    pub waiting: Waiting,
}

/// Have Canva fetch a document from a URL and import it as a design.
#[derive(clap::Args)]
pub struct ImportUrl {
    /// Where the file is. Canva must be able to open it without a login.
    pub url: String,

    /// The design's title.
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub title: String,

    /// What the file is, `application/pdf` for example [default: Canva finds out].
    #[arg(long, value_name = "TYPE")]
    pub mime_type: Option<String>,

    #[command(flatten)]
    pub waiting: Waiting,
}

#[derive(clap::Args)]
pub struct Waiting {
    /// Don't wait until Canva has taken it in; print the id of the job, for `canva job`.
    #[arg(long)]
    pub no_wait: bool,
}

/// Ask how far an upload or import is.
#[derive(clap::Args)]
pub struct Job {
    /// What the job does.
    pub kind: JobKind,

    /// The job's id, as `--no-wait` prints it.
    pub job_id: String,

    /// Wait until the job has ended.
    #[arg(long)]
    pub wait: bool,
}

/// Run a local Canva to try things against, until Ctrl-C.
///
/// Prints one line to paste into another shell: the environment that leads the commands there to it.
#[derive(clap::Args)]
pub struct Simulate {
    /// The port on this machine; 0 takes a free one.
    #[arg(long, default_value_t = 4080)]
    pub port: u16,
}

impl Args {
    /// The arguments of this process. Those that make no sense end it with exit code 2; `--help` and `--version` with 0.
    pub fn read() -> Self {
        let args = Self::parse();
        if let Err((subcommand, message)) = args.check() {
            let mut command = Self::command();
            command.build();
            let error = match command.find_subcommand_mut(subcommand) {
                Some(subcommand) => subcommand.error(ErrorKind::ArgumentConflict, message),
                None => command.error(ErrorKind::ArgumentConflict, message),
            };
            error.exit();
        }
        args
    }

    /// What clap can't express: the subcommand and what is wrong with it.
    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        match &self.command {
            Command::Api(ApiCommand::Upload(it)) if it.name.is_some() && it.files.len() > 1 => {
                Err(("upload", "--name is for a single file; without it each asset has its file's name"))
            }
            Command::Api(ApiCommand::Upload(it)) if it.waiting.no_wait && !it.tags.is_empty() => {
                Err(("upload", "--tag can't go with --no-wait: only a finished asset can be tagged"))
            }
            Command::Api(ApiCommand::Import(it)) if it.title.is_some() && it.files.len() > 1 => {
                Err(("import", "--title is for a single file; without it each design has its file's name"))
            }
            Command::Simulate(_) if self.server.simulate || self.server.base_url.is_some() => {
                Err(("simulate", "--simulate and --base-url are for the other commands"))
            }
            _ => Ok(()),
        }
    }
}
