//! A request as data: what to send, and how to read the response. Sending is left to `retry.rs`.

use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::de::DeserializeOwned;

use crate::body::UploadBody;
use crate::client::Client;
use crate::error::Error;
use crate::failure::Failure;
use crate::operations::Operation;
use crate::response::{Response, Unreadable};
use crate::upload::Upload;

/// A request that has not been sent yet, with all that it takes to send it: await it. It goes the way of every request of
/// this crate, with its operation's pacing, token, retries and timeouts.
///
/// The [generated client](crate::generated::Client) makes these.
///
/// ```no_run
/// # async fn example(canva: canva_connect::Client) -> Result<(), canva_connect::Error> {
/// let call = canva.generated().get_asset("Msd59349ff")?;
/// assert_eq!(call.operation().id, "getAsset");
/// let asset = call.await?.asset;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Awaited, it gives
/// - [`Error::Token`] and [`Error::Pacer`] if there is no token or no permission to send,
/// - [`Error::Connect`], [`Error::Connection`] and [`Error::Timeout`] if the network fails,
/// - [`Error::Api`] if Canva refuses or fails, and [`Error::Decode`] if its success can't be read,
/// - [`Error::Body`] if the content of an upload can't be read or changes, and [`Error::InvalidInput`] if there is none,
/// - [`Error::OutcomeUnknown`] with one of these as its cause, if a request that makes something may have been carried out.
#[must_use = "nothing is sent until it is awaited"]
pub struct Call<T> {
    pub(crate) client: Client,
    pub(crate) operation: &'static Operation,
    pub(crate) request: reqwest::Request,
    pub(crate) content: Content,
    pub(crate) decode: Decode<T>,
}

/// What an operation uploads: opened for each attempt, and no part of the request until then.
pub(crate) enum Content {
    None,
    /// The operation wants some, and has none yet.
    Missing,
    Upload(Upload),
}

pub(crate) type Decode<T> = Box<dyn Fn(&[u8]) -> Result<T, Unreadable> + Send + Sync>;

impl<T: DeserializeOwned + 'static> Call<T> {
    /// A request, to be answered in JSON or with nothing. Its content may still be to come.
    pub(crate) fn new(
        client: &Client,
        operation: &'static Operation,
        request: reqwest::RequestBuilder,
        content: Content,
    ) -> Result<Self, Error> {
        let request = request.build().map_err(Error::unsendable)?;
        Ok(Self { client: client.clone(), operation, request, content, decode: Box::new(json) })
    }
}

impl<T> Call<T> {
    /// What it does.
    pub fn operation(&self) -> &'static Operation {
        self.operation
    }

    /// The content of an upload or import.
    pub fn content(self, body: impl Into<UploadBody>) -> Self {
        self.upload(Upload::new(body.into(), None))
    }

    pub(crate) fn upload(self, upload: Upload) -> Self {
        Self { content: Content::Upload(upload), ..self }
    }

    /// The response as what it was asked for.
    pub(crate) fn read(&self, response: Response) -> Result<T, Failure> {
        if !self.operation.succeeds_with(response.status) {
            let reason = "the API has no such success for this operation";
            return Err(Failure::Unreadable(response, reason.into()));
        }
        (self.decode)(&response.body).map_err(|unreadable| Failure::Unreadable(response, unreadable))
    }

    /// The same request, whose response is taken for something else, or says that it can't be.
    pub(crate) fn and_then<U>(self, map: impl Fn(T) -> Result<U, Unreadable> + Send + Sync + 'static) -> Call<U>
    where
        T: 'static,
    {
        let Self { client, operation, request, content, decode } = self;
        Call { client, operation, request, content, decode: Box::new(move |body| map(decode(body)?)) }
    }
}

impl<T> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("operation", &self.operation.id).finish_non_exhaustive()
    }
}

fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Unreadable> {
    // A response without a body is read as if it had nothing in it, which is all that `()` asks for.
    let body = if body.is_empty() { b"null" } else { body };
    serde_json::from_slice(body).map_err(Unreadable::from)
}

/// What can't stand in a path segment as it is, by the URL standard, and `%`, which would be taken for an escape.
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A value as one segment of a path.
pub(crate) fn encode_path(segment: &str) -> Result<String, Error> {
    // An empty segment, and one of dots, however it is encoded, leads to another resource.
    if matches!(segment, "" | "." | "..") {
        return Err(Error::invalid("path", "an id", format!("{segment:?}")));
    }
    Ok(utf8_percent_encode(segment, SEGMENT).to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use proptest::prelude::*;
    use reqwest::Url;

    use super::*;

    proptest! {
        #[test]
        fn a_path_segment_stays_one_segment(id in any::<String>()) {
            if let Ok(segment) = encode_path(&id) {
                let url = Url::parse(&format!("https://h/a/{segment}")).unwrap();
                let segments: Vec<&str> = url.path_segments().unwrap().collect();
                prop_assert_eq!(segments.len(), 2);
                let decoded = percent_encoding::percent_decode_str(segments[1]).decode_utf8().unwrap();
                prop_assert_eq!(decoded, id);
            } else {
                prop_assert!(matches!(id.as_str(), "" | "." | ".."));
            }
        }
    }
}
