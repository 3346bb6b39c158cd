//! Bring content into [Canva](https://www.canva.dev/docs/connect/): asset uploads, asset updates and design imports
//! over the Canva Connect API.
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
//! Each method makes a builder or a [`Call`], and awaiting it sends the request. An upload takes two steps: `.await?`
//! sends it and gives a [`Job`], and `.wait().await?` waits until Canva has processed it. A list is a stream of
//! [`Items`].
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
//! | list what is in a folder | [`Client::list_folder_items`] |
//! | create a folder | [`Client::create_folder`] |
//! | move a design, an image or a folder | [`Client::move_folder_item`] |
//! | create a design | [`Client::create_design`], [`Client::create_design_from_asset`] |
//! | copy a design or a brand template | [`Client::copy_design`], [`Client::copy_brand_template`] |
//! | list designs, and search them | [`Client::list_designs`] |
//! | read a design | [`Client::get_design`] |
//! | read or list anything else | the other methods of [`Client`] |
//! | upload or import many, and wait for all | [`Client::bulk`] |
//! | know what became of an upload or import that may have arrived | [`Client::look_up`], [`Bulk::look_up`] |
//! | store what may have arrived, before the program can be killed | [`UploadAsset::before_end`], [`Client::look_up_all`] |
//! | wait for an upload | [`Job::wait`], [`Client::asset_upload_job`] |
//! | wait for an upload from a URL (preview) | [`Job::wait`], [`Client::url_asset_upload_job`] |
//! | wait for an import | [`Job::wait`], [`Client::design_import_job`] |
//! | wait for an import from a URL | [`Job::wait`], [`Client::url_import_job`] |
//! | store a job of any kind, and wait for it later | [`Job::reference`], [`Client::job`] |
//! | call an operation exactly as the spec defines it | [`Client::generated`] |
//! | call an operation that the spec lacks | [`Client::request`] |
//!
//! Each method documents its OAuth scope and its rate limit; [`operations`] has both as data.
//!
//! # What it takes care of
//! - **Names and titles** may have any Unicode; they are encoded for the API's headers. Lengths are checked before a
//!   byte is sent.
//! - **Files** are streamed from disk in constant memory, with an exact length. Each upload has an HTTP/1.1
//!   connection of its own; other requests share one HTTP/2 connection.
//! - **Rate limits**: requests wait for their turn ([`Pacing`]), so that a single client never gets a 429.
//! - **Faults**: a request is retried only if that is safe ([`RetryPolicy`]). An upload that may have arrived is an
//!   [`Error::OutcomeUnknown`], never a silent duplicate, and Canva can be asked what became of it; an upload that
//!   can't have arrived whole is sent again.
//! - **Errors** say what to do ([`Error::kind`], [`Error::is_retryable`], [`Error::needs_login`]), keep the status
//!   and the job, and make a line for the log ([`Error::report`]).
//! - **Tokens** come from a string or a [`TokenProvider`], and appear in no error, `Debug` or trace.
//!
//! # Traces
//! Each request is a [`tracing`](https://docs.rs/tracing) span `canva` at the level `info`, from its first attempt to
//! its end:
//!
//! | field | meaning |
//! |---|---|
//! | `operation`, `method`, `path` | the [`Operation`](operations::Operation)'s; the path has its `{...}` |
//! | `attempts` | the number of attempts that have begun |
//! | `queued_ms` | total time spent waiting for permits ([`Pacer`]), in ms, without the pauses between attempts |
//! | `status`, `request_id` | those of the last response, if there was one |
//! | `bytes` | bytes of an upload that were handed to the connection in the last attempt that was sent |
//!
//! A pause that Canva asks for and a restarted upload are logged at `warn`, a refreshed token at `info`, and each
//! failed attempt at `debug`.
//!
//! # Further reading
//! - [Tokens](guide::tokens): logins, refreshes, and your own provider.
//! - [Many users](guide::many_users) in one service.
//! - [Network](guide::network): proxies and certificate authorities.
//! - [Metrics](guide::metrics), from a pacer or from the traces.
//! - [Cancelling](guide::cancelling): what a dropped future leaves behind.
//! - [Runtimes](guide::runtimes): one thread, or code that isn't async.
//!
//! # What the spec lacks
//! Response fields that the spec lacks are kept in the type's `extra` map, for example `asset.extra["colors"]`, and
//! are written out again as JSON. [`Job::extra`] and [`ApiError::extra`] have those of jobs and errors, and
//! [`Client::generated`] returns those beside an asset or a job. Every enum has a variant `Unknown` for new values.
//! [`Client::request`] sends operations that the spec lacks.
//!
//! # What is retried
#![doc = include_str!("../docs/retries.md")]
//!
//! # Features
//! - `oauth`: `auth::OAuth`, a token provider that refreshes tokens, and the login that gives the first ones.
//! - `schemars`: `JsonSchema` for every generated type.
//! - `codegen`: for maintainers of this crate; rewrites `generated/` from `openapi.yaml` in the crate's own
//!   repository.
//!
//! The crate needs a [tokio](https://docs.rs/tokio) runtime with time and I/O enabled.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

/// What the spec says about operations and lengths, as text for doc comments.
#[macro_use]
#[rustfmt::skip]
#[path = "../generated/docs.rs"]
mod docs;

pub mod auth;
mod boxed;
mod checks;
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

/// Generated from `openapi.yaml`: the types of the API, and [`Operations`](generated::Operations), which make a
/// [`Call`] for each operation. [`Client::generated`] gives them.
#[allow(clippy::all, deprecated, missing_docs, non_camel_case_types, unused_imports)]
#[rustfmt::skip]
#[path = "../generated/client.rs"]
pub mod generated;

/// Each construct of OpenAPI that the generator takes, generated and used.
#[cfg(test)]
#[path = "../tests/fixtures/constructs/mod.rs"]
mod constructs;

pub use boxed::{BoxError, BoxFuture};
pub use client::{Client, ClientBuilder};
pub use content::{BodyError, UploadBody, UploadProgress};
pub use error::{
    ApiError, ConnectKind, Error, ErrorKind, JobError, LookUpError, TimeoutKind, Unconfirmed, UnconfirmedKind,
};
pub use facade::*;
pub use generated::JobErrorCode;
pub use job::{Bulk, BulkEvent, Job, JobKind, JobReference, JobResult, JobState, LookUp};
pub use operations::BASE_URL;
pub use pacing::{Pacer, Pacing};
pub use policy::{PollPolicy, RetryPolicy};
/// The HTTP client underneath, in the version that [`ClientBuilder::http`] takes.
pub use reqwest;
pub use send::{Call, Items};
#[doc(hidden)]
pub use text::Printable;
pub use token::{AccessToken, TokenProvider};

/// Chapters on the use of this crate. They exist only in its documentation.
#[cfg(any(doc, doctest))]
pub mod guide {
    #[doc = include_str!("../docs/cancelling.md")]
    pub mod cancelling {}
    #[doc = include_str!("../docs/many-users.md")]
    pub mod many_users {}
    #[doc = include_str!("../docs/metrics.md")]
    pub mod metrics {}
    #[doc = include_str!("../docs/network.md")]
    pub mod network {}
    #[doc = include_str!("../docs/runtimes.md")]
    pub mod runtimes {}
    #[doc = include_str!("../docs/tokens.md")]
    pub mod tokens {}
}

/// The spec that everything here follows, as text.
pub const OPENAPI_YAML: &str = include_str!("../openapi.yaml");

/// The examples of README compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
