//! A request as data: what to send, and how to read the response. Sending is left to `retry.rs`.

use std::any::TypeId;
use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::de::DeserializeOwned;

use crate::body::UploadBody;
use crate::client::Client;
use crate::error::Error;
use crate::failure::Failure;
use crate::operations::Operation;
use crate::response::{self, Response, Unreadable};
use crate::upload::Upload;

/// A request that has not been sent yet, with all that it takes to send it: await it. It is sent like every other request
/// of this crate, with pacing, a token, retries and timeouts.
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
/// - [`Error::Body`] if the content of an upload can't be read or changes,
/// - [`Error::OutcomeUnknown`] with one of these as its cause, if a request that makes something may have been carried out.
#[must_use = "nothing is sent until it is awaited"]
pub struct Call<T> {
    pub(crate) client: Client,
    pub(crate) operation: &'static Operation,
    pub(crate) request: reqwest::Request,
    /// What it uploads: opened for each attempt, and no part of the request until then.
    pub(crate) content: Option<Upload>,
    pub(crate) decode: Decode<T>,
}

/// A [`Call`] of an operation that uploads: it can be sent once it has its content.
///
/// ```no_run
/// # async fn example(canva: canva_connect::Client) -> Result<(), canva_connect::Error> {
/// let metadata = r#"{ "name_base64": "SGVybyDwn5qA" }"#;
/// let job = canva.generated().create_asset_upload_job(metadata)?.content("photo.png").await?.job;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "nothing is sent until it has its content and is awaited"]
pub struct UploadCall<T>(Call<T>);

impl<T: DeserializeOwned + 'static> UploadCall<T> {
    pub(crate) fn new(
        client: &Client,
        operation: &'static Operation,
        request: reqwest::RequestBuilder,
    ) -> Result<Self, Error> {
        Call::new(client, operation, request).map(Self)
    }
}

impl<T> UploadCall<T> {
    /// With this content.
    pub fn content(self, body: impl Into<UploadBody>) -> Call<T> {
        self.upload(Upload::new(body.into(), None))
    }

    pub(crate) fn upload(self, upload: Upload) -> Call<T> {
        Call { content: Some(upload), ..self.0 }
    }
}

pub(crate) type Decode<T> = Box<dyn Fn(&[u8]) -> Result<T, Unreadable> + Send + Sync>;

impl<T: DeserializeOwned + 'static> Call<T> {
    /// A request that is answered with JSON or with nothing.
    pub(crate) fn new(
        client: &Client,
        operation: &'static Operation,
        request: reqwest::RequestBuilder,
    ) -> Result<Self, Error> {
        let request = request.build().map_err(Error::unsendable)?;
        Ok(Self { client: client.clone(), operation, request, content: None, decode: Box::new(json) })
    }
}

impl<T> Call<T> {
    /// The operation that it is a request of.
    pub fn operation(&self) -> &'static Operation {
        self.operation
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

fn json<T: DeserializeOwned + 'static>(body: &[u8]) -> Result<T, Unreadable> {
    // `()` asks for nothing, whatever comes; and a response without a body has nothing in it.
    let nothing = TypeId::of::<T>() == TypeId::of::<()>() || body.is_empty();
    match response::json(if nothing { b"null" } else { body }) {
        Err(_) if nothing => Err("it has no body".into()),
        decoded => decoded.map_err(Unreadable::from),
    }
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

/// A parameter as one segment of a path.
pub(crate) fn encode_path(name: &'static str, value: impl ToString) -> Result<String, Error> {
    let value = value.to_string();
    // An empty segment, and one of dots, however it is encoded, leads to another resource.
    if matches!(value.as_str(), "" | "." | "..") {
        return Err(Error::invalid(name, "one segment of a path", format!("{value:?}")));
    }
    Ok(utf8_percent_encode(&value, SEGMENT).to_string())
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
            if let Ok(segment) = encode_path("id", &id) {
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
