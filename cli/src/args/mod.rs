//! The command line: its commands and options, and which of them exclude each other. The library checks values, such as
//! the length of a name.

pub mod files;
mod ids;
pub mod login;
pub mod simulate;
mod tips;

use std::env;
use std::ffi::OsString;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use canva_connect::operations::SPEC_VERSION;
use canva_connect::{FolderItemType, JobKind, PresetDesignTypeName, Printable};
use clap::builder::{NonEmptyStringValueParser, PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use self::files::{ImportFiles, Options, UploadFiles, Waiting};
use self::login::Login;
use self::simulate::Simulate;

const FIRST_STEPS: &str = "\
Try it without an account:
  canva --simulate upload photo.png --name \"Hero\"

With an account:
  canva login
  canva upload photo.png
  canva --json upload -- *.png

Environment:
  CANVA_ACCESS_TOKEN       An access token to use in place of the login; no option takes it, because other programs can
                           see options
  CANVA_ACCESS_TOKEN_FILE  A file with such a token, which is read again when Canva refuses the token
  CANVA_LOGIN_FILE         The file that the login is kept in, and not sealed
  CANVA_CLIENT_ID, CANVA_CLIENT_SECRET
                           The integration of `canva login`
  CANVA_BASE_URL           The API's base URL, if --base-url is not given
  CANVA_SHARE_LIMITS       The Redis that holds shared rate limits, if --share-limits is not given

Exit codes, of which the first that fits counts:
  130  stopped with Ctrl-C; what was begun was printed (143: by SIGTERM, 129: the terminal was closed)
  2    the command line or the environment is wrong; nothing was sent
  3    there is no token, or Canva takes it no more
  4    something may have been done (status `unknown`)
  1    something failed; all other files and ids were processed
  0    everything succeeded";

/// The heading of the options that may stand anywhere.
const GLOBAL: &str = "Options of all commands";

/// Bring images, videos and documents into Canva.
#[derive(Parser)]
#[command(name = "canva", version = version(), after_help = FIRST_STEPS)]
pub struct Args {
    #[command(flatten)]
    pub server: Server,

    /// Print one JSON object per line instead of text; docs/cli.schema.json describes them.
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub json: bool,

    /// Print no progress and no warnings: only results and failures.
    #[arg(short, long, global = true, help_heading = GLOBAL)]
    pub quiet: bool,

    /// Print each request: method, path, status, time and request id, and never a token.
    #[arg(short, long, global = true, help_heading = GLOBAL)]
    pub verbose: bool,

    #[command(subcommand)]
    pub command: Command,
}

/// Which Canva to talk to.
#[derive(clap::Args)]
pub struct Server {
    /// The API's base URL, including `/rest` [default: Canva's].
    #[arg(long, value_name = "URL", global = true, help_heading = GLOBAL)]
    pub base_url: Option<String>,

    /// Share the rate limits with other commands, on any machine, through this Redis (`redis://HOST:PORT`).
    ///
    /// Commands for the same Canva user then stay within the limits together. Put a URL with a password into
    /// CANVA_SHARE_LIMITS, because other programs can see options.
    #[arg(long, value_name = "URL", global = true, help_heading = GLOBAL)]
    pub share_limits: Option<String>,

    /// Use a simulator inside this process: no account, no network. It forgets everything when the command ends.
    ///
    /// Asset and job ids from one command are therefore unknown to the next. `canva simulate` runs a simulator for
    /// several commands.
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub simulate: bool,
}

#[derive(Subcommand)]
pub enum Command {
    #[command(flatten)]
    Api(ApiCommand),
    Login(Login),

    /// Print who is logged in, with which scopes, until when, and where the login is kept.
    ///
    /// Canva is asked whether the token still works. If CANVA_ACCESS_TOKEN or CANVA_ACCESS_TOKEN_FILE is set, it is asked
    /// about that token, which goes before the login.
    Status,

    /// End the login: Canva takes its tokens no more, and they are forgotten here.
    Logout,

    Simulate(Simulate),

    /// Print what makes a shell complete the commands and options of `canva`.
    ///
    /// With bash, for example: `canva completions bash > ~/.local/share/bash-completion/completions/canva`.
    Completions {
        /// The shell.
        shell: Shell,
    },

    /// Write the man pages of all commands to a directory.
    ///
    /// For example: `canva man ~/.local/share/man/man1`, then `man canva-upload`.
    Man {
        /// The directory. It is made if it isn't there.
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
}

/// The commands that talk to Canva.
#[derive(Subcommand)]
pub enum ApiCommand {
    /// Upload images and videos.
    ///
    /// It is safe to stop, and the same command goes on where an earlier one ended, however it ended: what is in Canva
    /// isn't sent again, jobs that were made are waited for, and files that may have arrived are looked for.
    Upload(UploadFiles),

    /// Have Canva fetch an image or a video from a URL (a preview API: Canva may change it).
    UploadUrl {
        /// The file's URL. Canva must be able to open it without a login.
        url: String,

        /// The asset's name in Canva.
        #[arg(long, value_parser = NonEmptyStringValueParser::new())]
        name: String,

        #[command(flatten)]
        waiting: Waiting,
    },

    /// Print an asset.
    Get {
        /// The asset's id, as `upload` and `list` print it.
        #[arg(value_parser = ids::asset)]
        asset_id: String,
    },

    /// Change the names or tags of assets.
    Update {
        /// The assets' ids, as `upload` and `list` print them.
        #[arg(required = true, value_name = "ASSET_ID", value_parser = ids::asset)]
        asset_ids: Vec<String>,

        #[command(flatten)]
        change: Change,
    },

    /// Move assets to the trash.
    Delete {
        /// The assets' ids, as `upload` and `list` print them.
        #[arg(required = true, value_name = "ASSET_ID", value_parser = ids::asset)]
        asset_ids: Vec<String>,
    },

    /// Import documents, such as PDF or Office files, as designs.
    ///
    /// It is safe to stop, and the same command goes on where an earlier one ended, as `canva upload` does.
    Import(ImportFiles),

    /// Have Canva fetch a document from a URL and import it as a design.
    ImportUrl {
        /// The file's URL. Canva must be able to open it without a login.
        url: String,

        /// The design's title.
        #[arg(long, value_parser = NonEmptyStringValueParser::new())]
        title: String,

        /// The file's media type, such as `application/pdf` [default: Canva detects it].
        #[arg(long, value_name = "TYPE")]
        mime_type: Option<String>,

        #[command(flatten)]
        waiting: Waiting,
    },

    /// Print the state of uploads and imports.
    Job {
        /// The jobs' ids, as `--no-wait` and a stopped command print them.
        #[arg(required = true, value_name = "JOB_ID")]
        job_ids: Vec<String>,

        /// What the jobs do: `asset-upload` (started by `upload`), `url-asset-upload` (by `upload-url`), `import`, or
        /// `url-import` (by `import-url`) [default: Canva is asked for a job of each kind].
        #[arg(long)]
        kind: Option<JobKind>,

        /// Wait until the jobs have ended.
        #[arg(long)]
        wait: bool,
    },

    /// List the designs, folders and images in a folder. Canva never lists videos.
    ///
    /// Each line has an item's id, its type, when it was modified (in UTC), and its name or title. Tabs separate them,
    /// on a terminal spaces. With `--sort created`, the time is when the item was created.
    List {
        /// The folder's URL in Canva, or the id in it; or `uploads`, or `root` for the top of the library.
        #[arg(value_name = "FOLDER", default_value = "uploads", value_parser = ids::folder)]
        folder_id: String,

        /// List this type; can be given several times [default: design, folder and image].
        #[arg(long = "type", value_name = "TYPE", value_parser = item_types())]
        types: Vec<FolderItemType>,

        /// What to sort by. Times begin with the latest, titles with A.
        #[arg(long, value_name = "BY", default_value = "modified")]
        sort: Sort,

        /// Turn the order around.
        #[arg(long)]
        reverse: bool,

        /// List only what is pinned.
        #[arg(long)]
        pinned: bool,

        /// List at most this many items.
        #[arg(long, value_name = "NUMBER")]
        limit: Option<NonZeroUsize>,
    },

    /// Create a folder.
    Folder {
        /// The folder's name.
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        name: String,

        /// The folder to put it in: its URL in Canva, or the id in it; or `uploads`, or `root` for the top of the
        /// library.
        #[arg(long = "in", value_name = "FOLDER", default_value = "root", value_parser = ids::folder)]
        folder_id: String,
    },

    /// Move designs, images and folders to another folder. Canva moves no videos.
    Move {
        /// The items' ids, as `list`, `upload`, `import`, `design` and `folder` print them, or the URLs of designs and
        /// folders in Canva.
        #[arg(required = true, value_name = "ITEM_ID", value_parser = ids::item)]
        item_ids: Vec<String>,

        /// The folder to put them in: its URL in Canva, or the id in it; or `root` for the top of the library.
        #[arg(long = "to", value_name = "FOLDER", value_parser = ids::folder)]
        folder_id: String,
    },

    /// Create, copy, print and list designs.
    #[command(subcommand)]
    Design(DesignCommand),

    /// Print the name and ids of the token's user, and what their plan lets them use.
    ///
    /// The name, and what they may use, need a token with the scope `profile:read`. The ids need no scope.
    Whoami,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Sort {
    Created,
    Modified,
    Title,
}

/// The commands of `canva design`.
#[derive(Subcommand)]
pub enum DesignCommand {
    /// Create a design: of a type or a size, with an image in it, or both.
    New {
        #[command(flatten)]
        contents: Contents,

        /// The design's title [default: none].
        #[arg(long, value_parser = NonEmptyStringValueParser::new())]
        title: Option<String>,
    },

    /// Copy a design.
    Copy {
        /// The design's id, as `import` and `list` print it, or its URL in Canva.
        #[arg(value_parser = ids::design)]
        design_id: String,

        #[command(flatten)]
        pages: Pages,
    },

    /// Make a design of a brand template.
    CopyTemplate {
        /// The brand template's id, as `list --type brand-template` prints it.
        brand_template_id: String,

        #[command(flatten)]
        pages: Pages,
    },

    /// Print a design.
    Get {
        /// The design's id, as `import` and `list` print it, or its URL in Canva.
        #[arg(value_parser = ids::design)]
        design_id: String,
    },

    /// List the user's designs, and those that others share with them, wherever they lie.
    ///
    /// Each line has a design's id, its type, when it was modified (in UTC), and its title. Tabs separate them, on a
    /// terminal spaces.
    List {
        /// List only designs with this in their titles.
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        query: Option<String>,

        /// What to sort by. Times begin with the latest, titles with A [default: relevance with a QUERY, otherwise
        /// modified].
        #[arg(long, value_name = "BY")]
        sort: Option<DesignSort>,

        /// Turn the order around.
        #[arg(long)]
        reverse: bool,

        /// List only what the user owns.
        #[arg(long, conflicts_with = "shared")]
        owned: bool,

        /// List only what others share with the user.
        #[arg(long)]
        shared: bool,

        /// List at most this many designs.
        #[arg(long, value_name = "NUMBER")]
        limit: Option<NonZeroUsize>,
    },
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub enum DesignSort {
    Relevance,
    Modified,
    Title,
}

/// What a new design is made of: at least one of these.
#[derive(clap::Args)]
#[group(required = true, multiple = true)]
pub struct Contents {
    /// The design's type.
    #[arg(long = "type", value_name = "TYPE", value_parser = design_types(), conflicts_with = "size")]
    pub design_type: Option<PresetDesignTypeName>,

    /// The design's width and height in pixels, such as 1080x1920.
    #[arg(long, value_name = "WIDTHxHEIGHT", value_parser = size)]
    pub size: Option<(i32, i32)>,

    /// The id of an image to put into it, as `upload` and `list` print it.
    #[arg(long = "asset", value_name = "ASSET_ID", value_parser = ids::asset)]
    pub asset_id: Option<String>,
}

#[derive(clap::Args)]
pub struct Pages {
    /// The numbers of the pages to copy, such as 1,3 [default: all].
    #[arg(long = "pages", value_name = "PAGE", value_delimiter = ',', value_parser = page)]
    pub numbers: Option<Vec<i32>>,
}

/// What to change: at least one of these.
#[derive(clap::Args)]
#[group(required = true, multiple = true)]
pub struct Change {
    /// The new name, for a single asset.
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub name: Option<String>,

    /// A new tag; can be given several times. The new tags replace all tags of the asset.
    #[arg(long = "tag", value_name = "TAG", value_parser = NonEmptyStringValueParser::new())]
    pub tags: Vec<String>,

    /// A tag to add; can be given several times. The asset's tags are read, then all of them are set.
    #[arg(long = "add-tag", value_name = "TAG", value_parser = NonEmptyStringValueParser::new(), conflicts_with = "tags")]
    pub added_tags: Vec<String>,

    /// A tag to remove; can be given several times. The asset's tags are read, then the others are set.
    #[arg(long = "remove-tag", value_name = "TAG", conflicts_with = "tags")]
    pub removed_tags: Vec<String>,

    /// Remove all tags.
    #[arg(long, conflicts_with_all = ["tags", "added_tags", "removed_tags"])]
    pub clear_tags: bool,
}

impl ApiCommand {
    /// How long Canva may work on a file.
    pub fn timeout(&self) -> Option<Duration> {
        match self {
            Self::Upload(UploadFiles { options: Options { waiting, .. }, .. })
            | Self::UploadUrl { waiting, .. }
            | Self::Import(ImportFiles { options: Options { waiting, .. }, .. })
            | Self::ImportUrl { waiting, .. } => Some(waiting.timeout),
            _ => None,
        }
    }
}

fn item_types() -> impl TypedValueParser<Value = FolderItemType> {
    // The alias is how Canva writes it, and so `list`.
    let brand_template = PossibleValue::new("brand-template").alias("brand_template");
    let types = ["design", "folder", "image"].map(PossibleValue::new).into_iter().chain([brand_template]);
    PossibleValuesParser::new(types).map(|it| match it.as_str() {
        "design" => FolderItemType::Design,
        "folder" => FolderItemType::Folder,
        "image" => FolderItemType::Image,
        _ => FolderItemType::BrandTemplate,
    })
}

fn design_types() -> impl TypedValueParser<Value = PresetDesignTypeName> {
    PossibleValuesParser::new(["doc", "email", "presentation", "whiteboard"]).map(|it| match it.as_str() {
        "doc" => PresetDesignTypeName::Doc,
        "email" => PresetDesignTypeName::Email,
        "presentation" => PresetDesignTypeName::Presentation,
        _ => PresetDesignTypeName::Whiteboard,
    })
}

fn size(text: &str) -> Result<(i32, i32), &'static str> {
    let size = text.split_once('x').and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    size.ok_or("expected a width and a height in pixels, such as 1080x1920")
}

fn page(text: &str) -> Result<i32, &'static str> {
    text.parse().map_err(|_| "expected numbers of pages, such as 1,3")
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or("expected a number of seconds from 0 on, such as 2.5")
}

impl Args {
    /// The arguments of this process. Ends the process with exit code 2 if they are wrong, and with 0 after `--help` or
    /// `--version`.
    pub fn read() -> Self {
        // A shell's pattern stands after the command.
        let command = Self::command();
        let is_command = |argument: &OsString| command.get_subcommands().any(|it| argument == it.get_name());
        let arguments = env::args_os().skip(1).skip_while(|argument| !is_command(argument));
        if let Some(name) = file_like_an_option(arguments) {
            let name = name.to_string_lossy();
            refuse(format!(
                "'{}' is the name of a file, but would be taken as an option; write `./` before it or `--` before all \
                 files, for patterns too: `./*.png` or `-- *.png`",
                Printable(&name)
            ));
        }
        let args = Self::try_parse().unwrap_or_else(|error| tips::add_to(error).exit());
        if let Some(problem) = args.problem() {
            refuse(problem.to_owned());
        }
        args
    }

    /// Finds what clap can't express.
    fn problem(&self) -> Option<&'static str> {
        use ApiCommand::{Design, Import, Update, Upload};
        let Server { base_url, share_limits, simulate } = &self.server;
        match &self.command {
            // clap doesn't see a conflict of options that stand on both sides of the command.
            _ if *simulate && (base_url.is_some() || share_limits.is_some()) => {
                Some("--simulate can't be used with --base-url and --share-limits: it is a Canva of its own")
            }
            _ if self.quiet && self.verbose => Some("--quiet can't be used with --verbose"),
            Command::Api(Upload(UploadFiles { files, .. })) if files.iter().any(|file| is_url(file)) => {
                Some("upload takes files; `canva upload-url URL --name NAME` has Canva fetch one from a URL")
            }
            Command::Api(Import(ImportFiles { files, .. })) if files.iter().any(|file| is_url(file)) => {
                Some("import takes files; `canva import-url URL --title TITLE` has Canva fetch one from a URL")
            }
            Command::Api(Upload(UploadFiles { files, from, name: Some(_), .. }))
                if files.len() != 1 || from.is_some() =>
            {
                Some("--name is for a single file; without it, each asset gets its file's name")
            }
            Command::Api(Upload(UploadFiles { tags, options: Options { waiting, .. }, .. }))
                if waiting.no_wait && !tags.is_empty() =>
            {
                Some("--tag can't be used with --no-wait: only a finished asset can be tagged")
            }
            Command::Api(Upload(UploadFiles { folder_id: Some(_), options: Options { waiting, .. }, .. }))
                if waiting.no_wait =>
            {
                Some("--folder can't be used with --no-wait: only a finished asset can be moved")
            }
            Command::Api(Import(ImportFiles { files, from, title: Some(_), .. }))
                if files.len() != 1 || from.is_some() =>
            {
                Some("--title is for a single file; without it, each design gets its file's name")
            }
            Command::Api(Update { asset_ids, change: Change { name: Some(_), .. } }) if asset_ids.len() > 1 => {
                Some("--name is for a single asset")
            }
            Command::Api(Design(DesignCommand::List { query, sort, reverse: true, .. }))
                if sort.map_or(query.is_some(), |sort| sort == DesignSort::Relevance) =>
            {
                Some("--reverse turns times and titles around; add --sort modified or --sort title")
            }
            Command::Login(_) | Command::Status | Command::Logout if *simulate => {
                Some("--simulate is for the other commands; `canva simulate` runs a simulator that one can log in to")
            }
            Command::Simulate(_) if *simulate || base_url.is_some() || share_limits.is_some() => {
                Some("--base-url, --share-limits and --simulate are for the other commands")
            }
            _ => None,
        }
    }
}

/// The version of this command, and that of the API that it knows.
fn version() -> &'static str {
    static VERSION: LazyLock<String> =
        LazyLock::new(|| format!("{} (Canva Connect API spec {SPEC_VERSION})", env!("CARGO_PKG_VERSION")));
    &VERSION
}

fn is_url(file: &Path) -> bool {
    // A directory may be called `https:`, but not in front of two slashes that a person writes.
    file.to_str().is_some_and(|file| file.starts_with("https://") || file.starts_with("http://"))
}

fn refuse(message: String) -> ! {
    Args::command().error(ErrorKind::ArgumentConflict, message).exit()
}

/// An argument that would be taken as an option although it is the name of a file. A shell replaces `*.png` by file
/// names, so without this check a file's name could choose options. It finds every such name, since the files exist.
fn file_like_an_option(arguments: impl Iterator<Item = OsString>) -> Option<OsString> {
    for argument in arguments {
        // `-` alone is no option.
        if argument.as_encoded_bytes().starts_with(b"-") && argument != "-" && is_file_name(Path::new(&argument)) {
            return Some(argument);
        }
        // Checked after the above: a file may be called `--`.
        if argument == "--" {
            break;
        }
    }
    None
}

/// Whether a shell's pattern may have yielded this, also from a directory that can be listed but not entered.
fn is_file_name(path: &Path) -> bool {
    match path.symlink_metadata() {
        Ok(_) => true,
        Err(error) => error.kind() == io::ErrorKind::PermissionDenied && path.components().count() > 1,
    }
}
