//! Bring content into [Canva](https://www.canva.dev/docs/connect/): asset uploads, asset updates and design imports over
//! the Canva Connect API.
//!
//! ```no_run
//! # async fn example() -> Result<(), canva_connect::Error> {
//! let canva = canva_connect::Client::new(std::env::var("CANVA_ACCESS_TOKEN").unwrap_or_default())?;
//!
//! let asset = canva.upload_asset("photo.png").name("Hero 🚀").await?.wait().await?;
//! let asset = canva.update_asset(&asset.id).tags(["launch", "2026"]).await?;
//! let designs = canva.import_design("deck.pptx").title("Q4").await?.wait().await?;
//! # Ok(())
//! # }
//! ```
//!
//! An upload is two steps: `.await?` sends it and gives a [`Job`], `.wait().await?` waits until Canva has taken it in.
//!
//! | to | use |
//! |---|---|
//! | upload an image or video | [`Client::upload_asset`] |
//! | upload it from a URL (preview) | [`Client::upload_asset_from_url`] |
//! | read it | [`Client::get_asset`] |
//! | rename and tag it | [`Client::update_asset`] |
//! | move it to the trash | [`Client::delete_asset`] |
//! | import a file as a design | [`Client::import_design`] |
//! | import a file from a URL as a design | [`Client::import_design_from_url`] |
//! | upload or import many, and wait for all | [`Client::bulk`] |
//! | wait for an upload | [`Job::wait`], [`Client::asset_upload_job`] |
//! | wait for an upload from a URL (preview) | [`Job::wait`], [`Client::url_asset_upload_job`] |
//! | wait for an import | [`Job::wait`], [`Client::design_import_job`] |
//! | wait for an import from a URL | [`Job::wait`], [`Client::url_import_job`] |
//! | wait for a stored job of any kind | [`Job::reference`], [`Client::job`] |
//! | call an operation exactly as the spec defines it | [`Client::generated`] |
//! | call an operation that the spec doesn't have | [`Client::request`] |
//!
//! Each method says which OAuth scope it needs and how many requests a minute Canva takes; [`operations`] has the same as
//! data.
//!
//! # What it takes care of
//! - **Names and titles** of any Unicode, in the Base64 headers that the API wants. Lengths are checked before a byte is
//!   sent.
//! - **Files** are streamed from disk with an exact length, in constant memory, over connections of HTTP/1.1 that they share with nothing else at the time;
//!   other requests share one of HTTP/2.
//! - **Rate limits**: requests wait their turn ([`Pacing`]), so that a client by itself never earns a 429.
//! - **Faults**: what is safe to retry is retried ([`RetryPolicy`]), and nothing else. An upload that may have arrived
//!   is an [`Error::OutcomeUnknown`], never a silent duplicate; one that can't have arrived whole is sent again.
//! - **Errors** say what to do ([`Error::kind`], [`Error::is_retryable`], [`Error::needs_login`]), keep the status and the job, and
//!   make a line for the log ([`Error::report`]).
//! - **Tokens** come from a string or from a [`TokenProvider`], and show in no error, `Debug` or trace.
//!
//! # Traces
//! Each request is a [`tracing`](https://docs.rs/tracing) span `canva` at the level `info`, from its first attempt to its end:
//!
//! | field | is |
//! |---|---|
//! | `operation`, `method`, `path` | the [`Operation`](operations::Operation)'s; the path with its `{...}` |
//! | `attempts` | how many have begun |
//! | `queued_ms` | what the request had waited for its turns ([`Pacer`]) when the last one came, in milliseconds, all attempts together; pauses between attempts are not in it |
//! | `status`, `request_id` | of the last response, where there was one |
//! | `bytes` | what was handed to the connection of an upload's content, in the last attempt that was sent |
//!
//! A pause that Canva asks for, and an upload that begins again, are a `warn!`, a refreshed token is an `info!`, and each attempt that
//! fails a `debug!`.
//!
//! # Further reading
//! - [Many users](guide::many_users) in one service.
//! - [Metrics](guide::metrics), with a pacer that measures or from the traces.
//! - [Cancelling](guide::cancelling): what dropping a future leaves behind.
//! - [Runtimes](guide::runtimes): one thread, or code that isn't async.
//!
//! # What the spec doesn't know
//! A field that Canva adds to a response is in `extra` of the type that it belongs to, from the day it comes: in
//! `asset.extra["colors"]` for example, and where the type is written as JSON, in its place. [`Job::extra`] and
//! [`ApiError::extra`] have those of jobs and errors, and [`Client::generated`] those around an asset or a job. An enum has
//! a variant `Unknown` for values that Canva adds, and [`Client::request`] sends what the spec has no operation for.
//!
//! # What is retried
#![doc = include_str!("../docs/retries.md")]
//!
//! # Features
//! - `oauth`: `auth::OAuth`, a token provider that refreshes tokens, and the login that gives the first ones.
//! - `schemars`: `JsonSchema` for every generated type.
//! - `codegen`: for maintainers of this crate; rewrites `generated/` from `openapi.yaml`.
//!
//! A runtime of [tokio](https://docs.rs/tokio) is needed, with time and I/O enabled.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

/// What the spec says of operations and lengths, as text for doc comments: no number of it is typed a second time.
#[macro_use]
#[rustfmt::skip]
#[path = "../generated/docs.rs"]
mod docs;

pub mod auth;
mod boxed;
mod client;
mod content;
mod error;
mod facade;
/// Not an interface: what `fuzz/` calls.
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod job;
pub mod operations;
pub mod pacing;
mod policy;
mod send;
mod sync;
mod text;
mod token;

/// What is generated from `openapi.yaml`: the types of the API, and a client that makes a [`Call`] for each operation.
///
/// [`Client::generated`] gives the client.
#[allow(missing_docs)]
#[rustfmt::skip]
#[path = "../generated/client.rs"]
pub mod generated;

pub use boxed::{BoxError, BoxFuture};
pub use client::{Client, ClientBuilder};
pub use content::{BodyError, UploadBody, UploadProgress};
pub use error::{ApiError, ConnectKind, Error, ErrorKind, JobError, JobErrorCode, TimeoutKind};
pub use facade::{
    DeleteAsset, GetAsset, ImportDesign, ImportDesignFromUrl, UpdateAsset, UploadAsset, UploadAssetFromUrl,
};
pub use generated::types::{
    Asset, AssetMetadata, AssetType, AssetUploadErrorCode, DesignImportErrorCode, DesignLinks, DesignSummary,
    JobStatus, TeamUserSummary, Thumbnail,
};
pub use job::{Bulk, BulkEvent, Job, JobKind, JobReference, JobResult, JobState};
pub use operations::BASE_URL;
pub use pacing::{Pacer, Pacing};
pub use policy::{PollPolicy, RetryPolicy};
/// The HTTP client underneath, in the version that [`ClientBuilder::http`] takes.
pub use reqwest;
pub use send::Call;
#[doc(hidden)]
pub use text::Printable;
pub use token::{AccessToken, TokenProvider};

/// Chapters on the use of this crate. They are in its documentation alone.
#[cfg(any(doc, doctest))]
pub mod guide {
    #[doc = include_str!("../docs/cancelling.md")]
    pub mod cancelling {}
    #[doc = include_str!("../docs/many-users.md")]
    pub mod many_users {}
    #[doc = include_str!("../docs/metrics.md")]
    pub mod metrics {}
    #[doc = include_str!("../docs/runtimes.md")]
    pub mod runtimes {}
}

/// The spec that everything here follows, as text.
pub const OPENAPI_YAML: &str = include_str!("../openapi.yaml");

/// README's examples compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
