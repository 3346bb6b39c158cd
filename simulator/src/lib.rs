//! A local Canva for tests and demos.
//!
//! [`Simulator::start`] binds a free loopback port and behaves there like Canva's Connect API until the
//! [`Simulator`] is dropped. It has every operation of `canva-connect`'s `openapi.yaml` and checks each request
//! against that document. Uploads and imports are jobs that take a while. Tests can look at everything that it
//! received.
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
//! Only programs of this machine, and web pages from this machine. The simulator answers 403 if `Host` (over HTTP/2,
//! `:authority`) isn't `localhost`, `127.0.0.1` or `[::1]` with any port, or if `Origin` is another site or `null`.
//! So a web page from elsewhere can't use the simulator, even under a name that resolves to 127.0.0.1. Tokens, codes
//! and secrets are random at each start. [`Builder::host`] and [`Builder::bind`] let others in; URLs in responses have the
//! host by which the client came.
//!
//! A page of this machine may call every operation (CORS), as at Canva, but not the token endpoints: the client's
//! secret has no place in a browser.
//!
//! # Why a request is refused
//!
//! Code and message are as Canva's, so they often have several possible causes. Which one it was, and what would be
//! right, is in the response's header `x-simulator-reason`, and in [`ReceivedRequest::reason`]. It is for people:
//! Canva doesn't send it. Every response in the log has an `x-request-id` with the request's number, in the order of
//! arrival. [`ReceivedRequest::rule`] is the place in the spec that the request breaks. [`Builder::on_request`] hears of
//! each request when it has ended; as text, a request is a line for a log.
//!
//! # From other languages
//!
//! Below [`Simulator::control_url`] there is an API that does what this crate does: it lists requests, lets requests meet
//! faults, decides how jobs end, makes and ends tokens, puts the clock ahead, and goes back to the start. It describes
//! itself: `GET /simulator/openapi.yaml`. At `/` there is a page that shows all of it, and uses nothing else.
//!
//! Only programs and the page itself can use it: its bodies are JSON, and a request with another `Origin` is refused, from
//! other ports of this machine too. Where others are let in, it takes [`Simulator::control_token`].
//!
//! # When things go wrong
//!
//! [`Simulator::inject`] lets chosen requests of an operation meet a [`Fault`]: the connection closes, nothing is
//! read, or the response is late, lost, cut, malformed or the test's own ([`CannedResponse`]). Over HTTP/2, faults
//! also reset streams, go away or fall silent. With [`Builder::refusing`], connections are refused as if the server
//! weren't up yet.
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
//! assert_eq!(seen, [502, 502, 404]);
//! # Ok(())
//! # }
//! ```
//!
//! [`Simulator::outcome`] decides how jobs end: with an error of the spec or another one, after a time of its own, or
//! both. [`Simulator::file_at`] lets a file stand for a URL, so that uploads and imports from URLs need no network.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use canva_connect::Client;
//! use canva_simulator::{JobOutcome, Simulator};
//!
//! let simulator = Simulator::start().await?;
//! let canva = Client::builder().base_url(simulator.base_url()).token(simulator.token()).build()?;
//! simulator.file_at("https://example.com/photo.jpg", include_bytes!("../../tests/fixtures/photo.jpg").as_slice())?;
//! simulator.outcome(JobOutcome::failure("import_failed").name("broken *").times(1))?;
//!
//! let mut good = Vec::new();
//! for name in ["broken photo", "photo"] {
//!     let mut upload = canva.upload_asset_from_url("https://example.com/photo.jpg", name).await?;
//!     good.push(upload.wait().await.is_ok());
//! }
//! assert_eq!(good, [false, true]);
//! # Ok(())
//! # }
//! ```
//!
//! # TLS and HTTP/2
//!
//! With [`Builder::tls`] the simulator speaks TLS, with HTTP/2, HTTP/1.1 or both; the client chooses (ALPN). A new CA
//! signs the certificate at each start, and a client has to trust that CA:
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
//! [`Simulator::token_url`] exchanges codes (PKCE with S256) and refreshes tokens. The client proves itself with
//! [`Simulator::client_id`] and [`Simulator::client_secret`], as HTTP Basic credentials or in the form. A refresh token
//! works once; using it again revokes all tokens of the same consent. `revoke`, beside it, revokes them too, and
//! `introspect` describes a token. All three also stand below `{base_url}/v1/oauth`, which Canva has deprecated.
//!
//! There are three ways to consent. [`Simulator::authorization_url`] is a page that asks the user of a browser, and
//! sends a program back at once. [`Simulator::authorize`] returns the code without a browser.
//! [`Simulator::authorize_as`] returns a token of another user, and [`Simulator::token_for`] one with chosen scopes and
//! lifetime. The API accepts the access tokens, with the scopes of the consent or of the refresh, until they expire;
//! [`Simulator::expire`] and [`Simulator::revoke`] end them before.
//!
//! What a page fetches in a browser is no consent: it is refused. Browsers say who asks (`Sec-Fetch-Site`), but not old
//! ones, and none to another host without TLS. There a page is taken for a program, so keep the client's secret random.
//!
//! A user can consent to all 18 scopes of Canva, also to those that no operation here needs. Consent without PKCE is
//! refused: the page names the parameter that is wrong.
//!
//! An access token is a JWT of nearly 4 KB, the length of Canva's longest. Its signature is random, so no key
//! verifies it. The token of [`Simulator::token`] is a shorter one, and doesn't end before the simulator does.
//!
//! # What is real
//!
//! - Paths, methods, media types, headers, bodies, scopes and rate limits come from the spec.
//! - Checks happen in a fixed order: path (404), method (405), token (401), scope (403), rate limit (429), media type
//!   (415), path, query and header parameters (400), size (413), body (400), what is unknown (404),
//!   another user's (403). Query parameters that the spec doesn't have are ignored.
//! - A URL that a job just fetches, or that an asset in the user's library came from, isn't taken again: 400, with
//!   `invalid_request`.
//! - Uploads are judged by their bytes: PNG, JPEG, GIF, WebP, TIFF and HEIC images under 50 MB (GIF and WebP of one
//!   frame), and MP4, M4V, QuickTime, Matroska, WebM and MPEG videos under 500 MB (100 MB from a URL). A file is read
//!   from its first to its last header, and has to be whole; a PNG has to keep its checksums. The job of any other file
//!   fails, with `file_too_big`, or with `import_failed` and a message that names the type or the damage.
//! - Imports take PDF, Word, PowerPoint and Excel (OOXML) files, and count the pages of a PDF and the slides of a
//!   presentation. Any other file is an `invalid_file`. One file is read at a time.
//! - An image's width and height are those that are shown: an image that is turned by its EXIF header, or by its HEIC
//!   properties, is turned.
//! - A thumbnail's URL needs its query string and works for 15 minutes.
//! - Uploads lie in the folder `uploads`, designs in `root`, until they are moved. Folders are made in these two or in
//!   each other. Images, designs and folders move to any of them, a folder with all that is in it, but not into itself
//!   or into what lies in it. Videos aren't moved or listed, and no trash is listed.
//! - What comes or goes between two pages of a list moves nothing else from one page to the other. A `continuation` is
//!   good for the user, list and parameters that it was given for.
//! - Designs are made of a type, a size or an image, or as copies of a user's designs, of all pages or of some.
//!
//! # What is not
//!
//! - Nothing is decoded. Damage among the pixels of an image or in the content of a video isn't noticed, nor is an
//!   MPEG video or a live WebM stream that ends early: nothing in such a file says where it ends. A turned video isn't
//!   turned.
//! - An image is its own thumbnail, at its full size. A video, a TIFF or a HEIC image has a picture of a play sign,
//!   since not every browser shows them.
//! - An encrypted PDF is an `invalid_file`, also if it opens without a password. A PDF's table of objects has to be
//!   where the end of the file says, counted from its header or from the first byte; the objects themselves aren't
//!   looked at.
//! - Files are fetched from `localhost` and loopback addresses (127.0.0.0/8 and `::1`) only, also after a redirect.
//!   No name is looked up. Jobs for other URLs fail with `fetch_failed`, unless a file stands for the URL
//!   ([`Builder::file_at`]).
//! - Documents fail with `invalid_file` if an Office file has more than 65 535 parts, or if the part that is read, or a
//!   PDF's packed objects, have more than 64 MiB once unpacked. The API documents no such bounds. They keep small files
//!   from taking gigabytes.
//! - Other documents that Canva takes (Keynote, Illustrator, ...) fail like unknown files.
//! - These are guesses: that the id of another kind of job is an unknown one; that a URL counts as taken as long as its
//!   asset isn't deleted, and by its text; that a missing parameter of a token request is refused as a blank one; that
//!   a consent with wrong parameters isn't led back to the integration; that a narrower refresh leaves the consent
//!   unchanged; that a wrong query parameter, or one that is given twice, is a 400 with `bad_query_params`, and so is a
//!   `continuation` of another list; that `limit` may change from page to page; that titles are sorted by their code
//!   points, and what is equal by its id; that a page of this machine can read the headers `retry-after` and
//!   `x-request-id`.
//! - So are these about folders: that folders are made and things are moved in `uploads`, too; that `root` and `uploads`
//!   can't be moved (`invalid_field`); that an unknown item is a `folder_not_found`, as an unknown folder is; that moving
//!   something to where it is changes nothing; that a folder's `updated_at` changes when something comes into it or
//!   leaves it, and that of what is moved doesn't; that two things in a folder may have one name.
//! - And these about designs: that an unknown design is a 404 with `not_found` for `getDesign` too, and another user's a
//!   403; that all that is wrong in a `createDesign` is a `bad_request_body`, pages that the design doesn't have and a
//!   video as its asset among it; that a new design has one page, or none if it is a `doc`; that a design without a type
//!   is a `custom` one, and so is an imported PDF; that a copy has the title and type of its original, and lies in
//!   `root`; that `query` is looked for anywhere in a title, in any case; that the most relevant design is the one that
//!   changed last.
//! - No job was started outside the API, so no read of an import is an `invalid_request`. The token endpoint has no rate
//!   limit.
//! - Without [`Builder::redirect_uri`], no redirect URI is registered. Then the consent page takes any, and leads to
//!   `http://127.0.0.1:3001/oauth/redirect` without one.
//! - Nothing is pinned or shared, there are no brand templates, and a folder is never full. A user has no capabilities,
//!   and their id is their display name.
//! - A design has a title, a type and a page count, but nothing on its pages: the size and the image that it is made of
//!   are checked and forgotten. It has no thumbnail, and its URLs lead to the simulator's page. A folder has no thumbnail either.
//! - Rate limits are off without [`Builder::rate_limits`], because tests shouldn't wait a minute.
//! - There is no HTTP/2 without TLS. Every asset stays until the simulator is dropped, deleted ones too. Files of more
//!   than 256 MiB in all are in a temporary file without a name, which grows until nothing is in it any more, and is gone
//!   when the process ends.
//!
//! All waiting uses tokio's clock, so a test that pauses the clock controls jobs, limits and expiry. Where time runs,
//! [`Simulator::advance`] puts the simulator's own clock ahead.

mod api;
mod api_error;
mod builder;
mod canva;
mod clock;
mod control;
mod faults;
mod fields;
mod files;
mod given;
mod headers;
mod lock;
mod log;
mod loopback;
mod mask;
mod oauth;
mod page;
mod secrets;
mod serve;
mod simulator;
mod state;

pub use builder::Builder;
pub use canva::access::{Access, Owner};
pub use canva::designs::StoredDesign;
pub use canva::folders::StoredFolder;
pub use canva::library::StoredAsset;
pub use canva::outcomes::JobOutcome;
pub use canva::rates::{RateCounter, RateLimits};
pub use canva_connect::JobKind;
pub use faults::Fault;
pub use faults::canned_response::CannedResponse;
pub use faults::injections::Injection;
pub use files::media::{AssetKind, asset_kind, judge_asset};
pub use log::ReceivedRequest;
pub use serve::tls::Tls;
pub use simulator::Simulator;

/// The readers of uploaded and imported files, for a fuzzer. `cargo fuzz` sets `cfg(fuzzing)`.
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
