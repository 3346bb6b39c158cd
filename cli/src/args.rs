//! The command line: commands, options, and which of them exclude each other. Whether a request is valid, the length of
//! a name for example, is for the library to check.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use canva_connect::{JobKind, Printable, operations};
use canva_simulator::RateLimits;
use clap::builder::{NonEmptyStringValueParser, PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand};

const FIRST_STEPS: &str = "\
Try it without an account:
  canva --simulate upload photo.png --name \"Hero\"

With an account:
  export CANVA_ACCESS_TOKEN=...
  canva upload photo.png
  canva --json upload -- *.png

Environment:
  CANVA_ACCESS_TOKEN  The access token of a Canva user; no option takes it, since other programs can see options
  CANVA_BASE_URL      The API's base URL, if --base-url is not given
  CANVA_SHARE_LIMITS  The Redis in which the rate limits are kept, if --share-limits is not given

Exit codes:
  0  everything succeeded
  1  something failed; the other files or ids were done all the same
  2  the command line or the environment is wrong; nothing was sent
  130  stopped with Ctrl-C; what was begun is printed";

const FOR_ALL: &str = "--base-url, --json, --share-limits and --simulate go before the command: see `canva --help`.";

/// Bring images, videos and documents into Canva.
#[derive(Parser)]
#[command(name = "canva", version, after_help = FIRST_STEPS, disable_help_subcommand = true)]
#[command(mut_subcommands(|command| command.after_help(FOR_ALL)))]
pub struct Args {
    #[command(flatten)]
    pub server: Server,

    /// Print one JSON object per line instead of text.
    #[arg(long)]
    pub json: bool,

    #[command(subcommand)]
    pub command: Command,
}

/// Which Canva to talk to.
#[derive(clap::Args)]
pub struct Server {
    /// The API's base URL, including `/rest` [default: Canva's].
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,

    /// Keep the rate limits together with other commands, on this machine and others, in this Redis (`redis://HOST:PORT`).
    ///
    /// What commands for the same Canva user send then counts together. A URL with a password belongs in CANVA_SHARE_LIMITS, since
    /// other programs can see options.
    #[arg(long, value_name = "URL")]
    pub share_limits: Option<String>,

    /// Use a simulator inside this process: no account, no network. It forgets everything when the command ends.
    ///
    /// The id of an asset or a job from one command is therefore unknown to the next. `canva simulate` runs a simulator
    /// that stays.
    #[arg(long, conflicts_with_all = ["base_url", "share_limits"])]
    pub simulate: bool,
}

impl Server {
    fn is_given(&self) -> bool {
        self.simulate || self.base_url.is_some() || self.share_limits.is_some()
    }
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

/// Upload images and videos.
#[derive(clap::Args)]
pub struct Upload {
    /// The files. Where a pattern may find one whose name begins with `-`, write `./*.png` or `-- *.png`.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// The asset's name in Canva, for a single file [default: the file's name].
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub name: Option<String>,

    /// A tag for each asset, set after its upload; can be given several times.
    #[arg(long = "tag", value_name = "TAG", value_parser = NonEmptyStringValueParser::new())]
    pub tags: Vec<String>,

    #[command(flatten)]
    pub waiting: Waiting,
}

/// Have Canva fetch an image or a video from a URL (a preview API: Canva may change it).
#[derive(clap::Args)]
pub struct UploadUrl {
    /// The file's URL. Canva must be able to open it without a login.
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

/// What to change: at least one of these.
#[derive(clap::Args)]
#[group(required = true, multiple = true)]
pub struct Change {
    /// The new name.
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub name: Option<String>,

    /// A new tag; can be given several times. The new tags replace all tags of the asset.
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
    /// The files. Where a pattern may find one whose name begins with `-`, write `./*.png` or `-- *.png`.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// The design's title, for a single file [default: the file's name without its extension].
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub title: Option<String>,

    /// The files' media type, `application/pdf` for example [default: Canva detects it].
    #[arg(long, value_name = "TYPE")]
    pub mime_type: Option<String>,

    #[command(flatten)]
    pub waiting: Waiting,
}

/// Have Canva fetch a document from a URL and import it as a design.
#[derive(clap::Args)]
pub struct ImportUrl {
    /// The file's URL. Canva must be able to open it without a login.
    pub url: String,

    /// The design's title.
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub title: String,

    /// The file's media type, `application/pdf` for example [default: Canva detects it].
    #[arg(long, value_name = "TYPE")]
    pub mime_type: Option<String>,

    #[command(flatten)]
    pub waiting: Waiting,
}

#[derive(clap::Args)]
pub struct Waiting {
    /// Don't wait until Canva has finished; print the job's id, for `canva job`.
    #[arg(long)]
    pub no_wait: bool,
}

/// Show the state of an upload or import.
#[derive(clap::Args)]
pub struct Job {
    /// The job's kind.
    #[arg(value_parser = job_kind())]
    pub kind: JobKind,

    /// The job's id, as `--no-wait` prints it.
    pub job_id: String,

    /// Wait until the job has ended.
    #[arg(long)]
    pub wait: bool,
}

/// Takes the kinds of jobs, each explained by the command that starts it.
fn job_kind() -> impl TypedValueParser<Value = JobKind> {
    let kinds = JobKind::ALL.iter().map(|kind| {
        let value = PossibleValue::new(kind.as_str());
        match kind {
            JobKind::AssetUpload => value.help("Started by `upload`"),
            JobKind::UrlAssetUpload => value.help("Started by `upload-url`"),
            JobKind::Import => value.help("Started by `import`"),
            JobKind::UrlImport => value.help("Started by `import-url`"),
            _ => value,
        }
    });
    PossibleValuesParser::new(kinds).try_map(|kind| kind.parse::<JobKind>())
}

/// Run a local simulator of Canva, until Ctrl-C.
///
/// It prints two lines for another shell. The first has the variables that make `canva` use this simulator there. The second
/// has what a program needs to log a user in: the id and the secret of a client, and the page that consents.
#[derive(clap::Args)]
pub struct Simulate {
    /// The port on this machine; 0 takes any free port.
    #[arg(long, default_value_t = 4080)]
    pub port: u16,

    /// Speak TLS, with HTTP/2 and HTTP/1.1. The certificate to trust is in a file that is there until the simulator ends.
    #[arg(long)]
    pub tls: bool,

    /// Enforce the rate limits, counted in this way [default: there are none].
    #[arg(long, value_name = "COUNT", value_parser = rate_limits())]
    pub rate_limits: Option<RateLimits>,

    /// The scopes of the access token, and the most that a user can consent to, separated by commas [default: all].
    #[arg(long, value_name = "SCOPE", value_delimiter = ',', value_parser = scopes())]
    pub scopes: Vec<String>,

    /// How many seconds a job takes [default: 0.05].
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub job_time: Option<Duration>,
}

/// The ways to count that the simulator has.
const COUNTS: [(&str, RateLimits, &str); 3] = [
    ("fixed-window", RateLimits::FixedWindow, "A minute begins with the first request"),
    ("sliding-window", RateLimits::SlidingWindow, "No 60 seconds hold more requests than the limit"),
    ("token-bucket", RateLimits::TokenBucket, "A bucket of requests that refills evenly"),
];

fn rate_limits() -> impl TypedValueParser<Value = RateLimits> {
    let counts = COUNTS.iter().map(|(name, _, help)| PossibleValue::new(*name).help(*help));
    let find = |given: String| COUNTS.iter().find(|(name, ..)| *name == given).map(|(_, limits, _)| *limits);
    PossibleValuesParser::new(counts).try_map(move |given| find(given).ok_or("an unknown way to count"))
}

fn scopes() -> PossibleValuesParser {
    let scopes: BTreeSet<&'static str> = operations::ALL.iter().flat_map(|it| it.scopes).copied().collect();
    PossibleValuesParser::new(scopes)
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map_err(|_| "expected a number of seconds, 2.5 for example")?;
    Duration::try_from_secs_f64(seconds).map_err(|_| format!("expected a number of seconds from 0 on, not {text}"))
}

impl Args {
    /// The arguments of this process. Ends it with exit code 2 if they are wrong, and with 0 after `--help` or
    /// `--version`.
    pub fn read() -> Self {
        // What stands before the command comes from no pattern.
        let command = Self::command();
        let is_command = |argument: &OsString| command.get_subcommands().any(|it| argument == it.get_name());
        let arguments = env::args_os().skip(1).skip_while(|argument| !is_command(argument));
        if let Some(name) = file_like_an_option(arguments) {
            let message = format!(
                "'{}' is the name of a file, but would be taken as an option; write `./` before it or `--` before all \
                 files, for patterns too: `./*.png` or `-- *.png`",
                Printable(&name.to_string_lossy())
            );
            Self::command().error(ErrorKind::ArgumentConflict, message).exit();
        }
        let args = Self::try_parse().unwrap_or_else(|mut error| {
            if let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg)
                && let Some(option) =
                    ["--base-url", "--json", "--share-limits", "--simulate"].iter().find(|it| argument.starts_with(*it))
            {
                let tip = format!("'{option}' goes before the command, 'canva {option} ...'");
                error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
            }
            error.exit()
        });
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

    /// Checks what clap can't express. An error is the subcommand and what is wrong with it.
    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        match &self.command {
            Command::Api(ApiCommand::Upload(it)) if it.name.is_some() && it.files.len() > 1 => {
                Err(("upload", "--name is for a single file; without it each asset gets its file's name"))
            }
            Command::Api(ApiCommand::Upload(it)) if it.waiting.no_wait && !it.tags.is_empty() => {
                Err(("upload", "--tag can't be used with --no-wait: only a finished asset can be tagged"))
            }
            Command::Api(ApiCommand::Import(it)) if it.title.is_some() && it.files.len() > 1 => {
                Err(("import", "--title is for a single file; without it each design gets its file's name"))
            }
            Command::Simulate(_) if self.server.is_given() => {
                Err(("simulate", "--base-url, --share-limits and --simulate are for the other commands"))
            }
            _ => Ok(()),
        }
    }
}

/// An argument that would be taken as an option although it is the name of a file. A shell puts the names of files in the
/// place of `*.png`, and whoever can name a file there would choose options of the command. A pattern only ever yields
/// names of files that exist, so none of them passes.
fn file_like_an_option(arguments: impl Iterator<Item = OsString>) -> Option<OsString> {
    for argument in arguments {
        // `-` alone is no option.
        if argument.as_encoded_bytes().starts_with(b"-") && argument != "-" && is_file_name(Path::new(&argument)) {
            return Some(argument);
        }
        // Looked at itself too: it may be a file, which would be passed over.
        if argument == "--" {
            break;
        }
    }
    None
}

/// Whether a pattern may have yielded this. It also yields files in a directory that can be listed but not entered.
fn is_file_name(path: &Path) -> bool {
    match path.symlink_metadata() {
        Ok(_) => true,
        Err(error) => error.kind() == io::ErrorKind::PermissionDenied && path.components().count() > 1,
    }
}
