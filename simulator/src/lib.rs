//! A local Canva for tests and demos.
//!
//! [`Simulator::start`] binds a free loopback port and answers there as Canva's Connect API does, until the
//! [`Simulator`] is dropped. It has every operation of `canva-connect`'s `openapi.yaml` and checks each request
//! against that document. Uploads and imports are jobs that take a while. It keeps what it received, for a test to
//! look at.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use canva_simulator::Simulator;
//!
//! let simulator = Simulator::builder().job_duration(std::time::Duration::ZERO).start().await?;
//!
//! let response = reqwest::Client::new()
//!     .post(format!("{}/v1/asset-uploads", simulator.base_url()))
//!     .bearer_auth(simulator.token())
//!     .header("content-type", "application/octet-stream")
//!     .header("asset-upload-metadata", r#"{ "name_base64": "SGVybyDwn5qA" }"#)
//!     .body(include_bytes!("../../tests/fixtures/photo.jpg").as_slice())
//!     .send()
//!     .await?;
//!
//! assert_eq!(response.status(), 200);
//! let assets = simulator.assets();
//! let asset = assets.first().ok_or("nothing was uploaded")?;
//! assert_eq!(asset.name, "Hero 🚀");
//! assert_eq!((asset.width, asset.height), (1200, 800));
//! # Ok(())
//! # }
//! ```
//!
//! # Who is answered
//!
//! Programs of this machine, and web pages from this machine. A request whose `Host` (over HTTP/2, `:authority`) isn't
//! `localhost`, `127.0.0.1` or `[::1]` (with any port), or whose `Origin` is another site or `null`, is refused with
//! a 403 before anything else. So a page in a browser on this machine can't use the simulator, not even with a name
//! that it made lead to 127.0.0.1.
//! Tokens, codes and secrets that the simulator makes up are random at each start.
//!
//! # When things go wrong
//!
//! [`Simulator::inject`] lets a [`Fault`] meet chosen requests of an operation. A fault closes connections, stops
//! reading, or sends a response that is late, lost, cut, malformed or the test's own ([`CannedResponse`]). Over
//! HTTP/2 it also resets streams, goes away or falls silent. With [`Builder::refusing`], connections are refused, as
//! by a server that isn't up yet.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use canva_simulator::{CannedResponse, Fault, Simulator};
//!
//! let simulator = Simulator::start().await?;
//! simulator.inject("getAssetUploadJob", 1..=2, Fault::Respond(CannedResponse::html(502)))?;
//!
//! let mut seen = Vec::new();
//! for _ in 0..3 {
//!     let job = format!("{}/v1/asset-uploads/unknown", simulator.base_url());
//!     seen.push(reqwest::Client::new().get(job).bearer_auth(simulator.token()).send().await?.status().as_u16());
//! }
//! assert_eq!(seen, [502, 502, 400]);
//! # Ok(())
//! # }
//! ```
//!
//! # TLS and HTTP/2
//!
//! With [`Builder::tls`] it speaks TLS, and HTTP/2, HTTP/1.1 or both, as the client chooses (ALPN). Its certificate
//! is signed by a CA that it makes at each start. A client has to be told to trust it:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use canva_connect::reqwest::Certificate;
//! use canva_connect::{Client, Error};
//! use canva_simulator::{Fault, Simulator, Tls};
//!
//! let simulator = Simulator::builder().tls(Tls::Http2).fault("getAsset", 1..=1, Fault::RefuseStream).start().await?;
//!
//! let certificate = Certificate::from_pem(simulator.certificate().ok_or("no TLS")?.as_bytes())?;
//! let canva = Client::builder()
//!     .http(move |http| http.tls_certs_only([certificate.clone()]))
//!     .base_url(simulator.base_url())
//!     .token(simulator.token())
//!     .build()?;
//!
//! assert!(matches!(canva.get_asset("unknown").await, Err(Error::Api(error)) if error.status == 404));
//! assert_eq!(simulator.requests().len(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! # OAuth
//!
//! `POST {base_url}/v1/oauth/token` exchanges codes (PKCE with S256) and refreshes tokens, for the client with the id
//! [`Simulator::client_id`] and the secret [`Simulator::client_secret`], which come as HTTP Basic credentials or in the
//! form. A refresh token works once. Using it again revokes all tokens that came from the same consent.
//! [`Simulator::authorize`] consents as the user would; [`Simulator::authorization_url`] is a page that consents at
//! once, to the scopes of [`Builder::scopes`] and no others. Both consent for the default user; for another one, the
//! page takes a parameter `user`, and [`Simulator::authorize_as`] gives a token at once. The API accepts the access
//! tokens that come from there, with the scopes of the consent or those that a refresh asked for, until they expire.
//!
//! Beside it, `revoke` ends all tokens of the consent that a `token` comes from, and `introspect` says what a `token`
//! from the token endpoint is good for. All three refuse in the shape of the API's errors, or in that of RFC 6749 with
//! [`Builder::rfc_6749_errors`].
//!
//! An access token has the form of a JWT and nearly 4 KB, as long as Canva's get. Its signature is random: it
//! verifies with no key, and its claims are the simulator's own. The token of [`Simulator::token`] is shorter.
//!
//! # What is real
//!
//! - Paths, methods, media types, headers, bodies, scopes and rate limits come from the spec.
//! - Checks happen in a fixed order: path (404), method (405), token (401), scope (403), rate limit (429), media type
//!   (415), path and header parameters (400), size (413), body (400), and then whether there is such an asset (404)
//!   or a job that can be read (400 for an unknown one, 403 for another user's).
//! - Uploads are judged by their bytes. PNG, JPEG, GIF, WebP and TIFF images are decoded, and the headers of MP4 and
//!   QuickTime videos are parsed. Imports take PDF, Word, PowerPoint and Excel (OOXML) files, and count the pages of
//!   a PDF and the slides of a presentation. The job of a file that can't be read so fails. One file is read at a time.
//! - An image's thumbnail is the image, scaled to fit 400 × 400 pixels and turned as its EXIF header says; its width
//!   and height are those of the turned image. The thumbnail's URL works for 15 minutes, and only with its query
//!   string.
//!
//! # What is not
//!
//! - A video's thumbnail is a drawn frame of the right proportions; the video itself isn't decoded. So a video passes
//!   whose content is damaged, lies elsewhere than its header says, or is there in name only, and one that is to be
//!   shown turned lies on its side.
//! - A JPEG with damage before its end passes if it decodes to anything, with a grey or distorted part.
//! - Files are fetched from `localhost` and loopback addresses (127.0.0.0/8 and `::1`) only, and so is what they
//!   redirect to. No name is looked up. For any other URL the job fails with `fetch_failed`.
//! - Images of more than 100 megapixels, of more than 65 535 pixels a side, or of more than 512 MiB once decoded fail
//!   with `import_failed`. Documents fail with `invalid_file` where an Office file has more than 65 535 parts, or the
//!   part that is read, or a stream of a PDF, has more than 64 MiB once unpacked. The API documents no such bounds;
//!   these keep a small file from taking gigabytes.
//! - Other file types that Canva takes (HEIC, WebM, Keynote, ...) fail here as unknown files do.
//! - Which of two codes an unknown job has is a guess that only Canva can confirm: an id in the form of a UUID gets
//!   `job_not_created_via_connect_api`, and any other, or one of another kind of job, `job_id_invalid`. It is
//!   also a guess that a narrower refresh leaves the consent unchanged.
//! - No redirect URI is registered: the consent page takes any, and without one leads to
//!   `http://127.0.0.1:3001/oauth/redirect`.
//! - A design is its title and its page count. It has no thumbnail, and its URLs lead nowhere.
//! - Rate limits are off unless [`Builder::rate_limits`] asks for them: tests shouldn't wait a minute.
//! - Over plain HTTP there is no HTTP/2. Nothing is stored on disk.
//!
//! Everything waits on tokio's clock, so a test with a paused clock controls jobs, limits and expiry.

mod api;
mod api_error;
mod canva;
mod faults;
mod files;
mod lock;
mod log;
mod loopback;
mod oauth;
mod secrets;
mod serve;
mod simulator;
mod state;

pub use canva::access::{Access, Owner};
pub use canva::library::{StoredAsset, StoredDesign};
pub use canva::rates::{RateCounter, RateLimits};
pub use faults::Fault;
pub use faults::canned_response::CannedResponse;
pub use files::media::AssetKind;
pub use log::ReceivedRequest;
pub use serve::tls::Tls;
pub use simulator::{Builder, Simulator};

/// The readers of uploaded and imported files by themselves, for a fuzzer. `cargo fuzz` sets `cfg(fuzzing)`.
#[cfg(fuzzing)]
pub mod fuzzing {
    /// Reads an asset's file.
    pub fn media(bytes: &[u8]) {
        let _ = crate::files::media::read(bytes);
    }

    /// Reads a design's file.
    pub fn document(bytes: &[u8]) {
        let _ = crate::files::documents::read(bytes);
    }
}

/// README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
