//! A local Canva for tests and demos.
//!
//! [`Simulator::start`] binds a free loopback port and answers, until it is dropped, as Canva's Connect API does: every
//! operation of `canva-connect`'s `openapi.yaml`, each request checked against that document, uploads and imports as
//! jobs that take a while. It keeps what it was sent, so that a test can look at it afterwards.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use canva_simulator::Simulator;
//!
//! let simulator = Simulator::builder().job_duration(std::time::Duration::ZERO).start().await?;
//!
//! let answer = reqwest::Client::new()
//!     .post(format!("{}/v1/asset-uploads", simulator.base_url()))
//!     .bearer_auth(simulator.token())
//!     .header("content-type", "application/octet-stream")
//!     .header("asset-upload-metadata", r#"{ "name_base64": "SGVybyDwn5qA" }"#)
//!     .body(include_bytes!("../../tests/fixtures/photo.jpg").as_slice())
//!     .send()
//!     .await?;
//!
//! assert_eq!(answer.status(), 200);
//! let assets = simulator.assets();
//! let asset = assets.first().ok_or("nothing was uploaded")?;
//! assert_eq!(asset.name, "Hero 🚀");
//! assert_eq!((asset.width, asset.height), (1200, 800));
//! # Ok(())
//! # }
//! ```
//!
//! # When things go wrong
//!
//! [`Simulator::inject`] lets a [`Fault`] meet chosen requests of an operation: connections that close, answers that are
//! late, lost, cut or somebody else's. [`Builder::refusing`] is a server that isn't up yet.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use canva_simulator::{Answer, Fault, Simulator};
//!
//! let simulator = Simulator::start().await?;
//! simulator.inject("getAssetUploadJob", 1..=2, Fault::Answer(Answer::html(502)))?;
//!
//! let mut seen = Vec::new();
//! for _ in 0..3 {
//!     let job = format!("{}/v1/asset-uploads/unknown", simulator.base_url());
//!     seen.push(reqwest::Client::new().get(job).bearer_auth(simulator.token()).send().await?.status().as_u16());
//! }
//! assert_eq!(seen, [502, 502, 404]);
//! # Ok(())
//! # }
//! ```
//!
//! # OAuth
//!
//! `POST {base_url}/v1/oauth/token` exchanges codes (PKCE with S256) and refreshes tokens, for the client that
//! [`Simulator::client_id`] and [`Simulator::client_secret`] name. A refresh token works once; using one again revokes
//! all that came from the same consent. [`Simulator::authorize`] stands for the user's consent, and
//! [`Simulator::authorization_url`] is a page that gives it at once. Access tokens from there are accepted by the API,
//! with the scopes that were consented to, until they expire.
//!
//! # What is real
//!
//! - Paths, methods, media types, headers, bodies, scopes and rate limits come from the spec; nothing is typed twice.
//! - Checks happen in a fixed order: path (404), method (405), token (401), scope (403), rate limit (429), media type
//!   (415), path and header parameters (400), size (413), body (400), and then whether the thing exists (404).
//! - Uploads are judged by their bytes. PNG, JPEG, GIF, WebP and TIFF pictures are decoded, and MP4 and QuickTime films
//!   are parsed, so that a broken file fails. Imports take PDF, Word, PowerPoint and Excel (OOXML) files, and count the
//!   pages of a PDF and the slides of a presentation.
//! - A picture's thumbnail is the picture, scaled to fit 400 × 400 pixels, behind an address that works for 15 minutes
//!   and only with its query string.
//!
//! # What is not
//!
//! - A film's thumbnail is a drawn frame of the right proportions; nothing decodes its pictures.
//! - Files are fetched from loopback addresses only; any other address is a `fetch_failed`.
//! - Other file types that Canva takes (HEIC, WebM, Keynote, ...) fail here as unknown files do.
//! - A design is its title and page count. It has no thumbnail, and its links lead nowhere.
//! - Rate limits are off unless [`Builder::rate_limits`] asks for them: tests shouldn't wait a minute.
//!
//! Everything waits on tokio's clock, so a test with a paused clock controls jobs, limits and expiry.

mod access;
mod api;
mod api_error;
mod background;
mod call;
mod checks;
mod connections;
mod documents;
mod faults;
mod fetch;
mod library;
mod lock;
mod log;
mod media;
mod oauth;
mod operations;
mod port;
mod rates;
mod routes;
mod simulator;
mod spec;
mod state;
mod urls;

pub use access::{Access, Owner};
pub use faults::{Answer, Fault};
pub use library::{StoredAsset, StoredDesign};
pub use log::ReceivedRequest;
pub use media::AssetKind;
pub use rates::{RateCounter, RateLimits};
pub use simulator::{Builder, Simulator};
