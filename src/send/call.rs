//! A request as data: what to send, and how to read the response.

use std::any::TypeId;
use std::fmt;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use reqwest::Url;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Sender;
use super::failure::Failure;
use super::response::{self, Response, Unreadable};
use crate::content::{OnProgress, Upload, UploadBody};
use crate::error::Error;
use crate::operations::Operation;

/// A request that has not been sent yet: await it. It is sent with pacing, a token, retries and timeouts, as every
/// request of this crate is.
///
/// The [generated operations](crate::generated::Operations) make these from the spec, and
/// [`Client::request`](crate::Client::request) makes them for operations that the spec doesn't have.
///
/// ```no_run
/// # async fn example(canva: canva_connect::Client) -> Result<(), canva_connect::Error> {
/// let call = canva.generated().get_asset("Msd59349ff");
/// assert_eq!(call.operation().id, "getAsset");
/// let asset = call.await?.asset;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Awaited, it gives
/// - [`Error::InvalidInput`] before anything is sent, if HTTP can't carry the request,
/// - [`Error::Token`] and [`Error::Pacer`] if there is no token or no permission to send,
/// - [`Error::Connect`], [`Error::Connection`] and [`Error::Timeout`] if the network fails,
/// - [`Error::Api`] if Canva refuses or fails, and [`Error::Decode`] if its success can't be read,
/// - [`Error::Body`] if the content of an upload can't be read or changes,
/// - [`Error::OutcomeUnknown`] with one of these as its cause, if a request that makes something may have been
///   carried out.
#[must_use = "nothing is sent until it is awaited"]
pub struct Call<T> {
    pub(super) sender: Sender,
    pub(super) operation: &'static Operation,
    /// The first mistake in it is returned when the request is sent.
    head: Result<Head, Error>,
    pub(super) content: Content,
    pub(super) decode: Decode<T>,
}

/// A request without its content.
struct Head {
    path: String,
    query: Vec<(String, String)>,
    headers: HeaderMap,
}

/// What a request carries. It is opened for each attempt, and no part of the request until then.
pub(super) enum Content {
    None,
    Json(Bytes),
    Upload(Upload),
}

type Decode<T> = Box<dyn Fn(&[u8]) -> Result<T, Unreadable> + Send + Sync>;

impl<T: DeserializeOwned + 'static> Call<T> {
    /// A request that is answered with JSON or with nothing.
    pub(crate) fn new(sender: &Sender, operation: &'static Operation) -> Self {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
        let head = Head { path: operation.path.to_owned(), query: Vec::new(), headers };
        Self { sender: sender.clone(), operation, head: Ok(head), content: Content::None, decode: Box::new(json) }
    }
}

impl<T> Call<T> {
    /// The operation of this request.
    pub fn operation(&self) -> &'static Operation {
        self.operation
    }

    /// The value of `{name}` in the operation's path. It is encoded, so that it stays one segment.
    pub fn path(self, name: &'static str, value: &str) -> Self {
        let path = self.operation.path;
        self.with(|head| {
            let place = format!("{{{name}}}");
            if !head.path.contains(&place) {
                return Err(Error::invalid("path", format!("a name in {path}"), format!("{name:?}")));
            }
            head.path = head.path.replace(&place, &segment(name, value)?);
            Ok(())
        })
    }

    /// One more parameter in the query string.
    pub fn query(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let parameter = (name.into(), value.into());
        self.with(|head| {
            head.query.push(parameter);
            Ok(())
        })
    }

    /// A header with JSON in it.
    pub(crate) fn json_header(self, name: &'static str, value: &impl Serialize) -> Self {
        let json = serde_json::to_string(value);
        self.with(|head| {
            let value = json.map_err(Error::unsendable)?.try_into().map_err(Error::unsendable)?;
            head.headers.insert(HeaderName::try_from(name).map_err(Error::unsendable)?, value);
            Ok(())
        })
    }

    /// The body, sent as JSON in place of an earlier one.
    pub fn json(mut self, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(json) => {
                self.content = Content::Json(json.into());
                self
            }
            Err(e) => self.with(|_| Err(Error::invalid("json", "a value that JSON can carry", e.to_string()))),
        }
    }

    /// The body, sent as it is in place of an earlier one: the content of an upload.
    pub fn content(mut self, content: impl Into<UploadBody>) -> Self {
        self.content = Content::Upload(Upload::new(content.into()));
        self
    }

    /// Has its content say how far it is.
    pub(crate) fn report_to(mut self, on_progress: Option<OnProgress>) -> Self {
        if let (Content::Upload(upload), Some(on_progress)) = (&mut self.content, on_progress) {
            upload.report_to(on_progress);
        }
        self
    }

    /// Has its content be this long at the most.
    pub(crate) fn at_most(mut self, max_bytes: u64) -> Self {
        if let Content::Upload(upload) = &mut self.content {
            upload.limit(max_bytes);
        }
        self
    }

    fn with(mut self, set: impl FnOnce(&mut Head) -> Result<(), Error>) -> Self {
        self.head = self.head.and_then(|mut head| set(&mut head).map(|()| head));
        self
    }

    /// The request without its token and content, once.
    pub(super) fn take_request(&mut self) -> Result<reqwest::Request, Error> {
        let used = || Error::invalid("request", "one that wasn't sent yet", "one that was");
        let Head { path, query, headers } = std::mem::replace(&mut self.head, Err(used()))?;
        let method = self.operation.method;
        if path.contains(['{', '}']) {
            return Err(Error::invalid("path", "a value for each name", path));
        }
        if !method.bytes().all(|byte| byte.is_ascii_uppercase()) || !path.starts_with('/') {
            let expected = "a method in capitals, and a path that begins with `/`";
            return Err(Error::invalid("operation", expected, format!("{method} {path}")));
        }
        let mut url = Url::parse(&format!("{}{path}", self.sender.settings.base_url)).map_err(Error::unsendable)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let method = Method::from_bytes(method.as_bytes()).map_err(Error::unsendable)?;
        let mut request = reqwest::Request::new(method, url);
        *request.headers_mut() = headers;
        let content_type = match self.content {
            Content::None => return Ok(request),
            Content::Json(_) => "application/json",
            Content::Upload(_) => "application/octet-stream",
        };
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Ok(request)
    }

    /// The response as what it was asked for.
    pub(crate) fn read(&self, response: Response) -> Result<T, Failure> {
        let read = match self.operation.succeeds_with(response.status) {
            true => (self.decode)(&response.body),
            false => Err("the API has no such success for this operation".into()),
        };
        read.map_err(|unreadable| {
            let job_id = response::job_id(&response.body);
            Failure::Unreadable(response, Unreadable { job_id, ..unreadable })
        })
    }

    /// The same request, whose response is taken for something else, or says that it can't be.
    pub(crate) fn and_then<U>(self, map: impl Fn(T) -> Result<U, Unreadable> + Send + Sync + 'static) -> Call<U>
    where
        T: 'static,
    {
        let Self { sender, operation, head, content, decode } = self;
        Call { sender, operation, head, content, decode: Box::new(move |body| map(decode(body)?)) }
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

/// The characters that the URL standard escapes in a path segment, and `%`, which would be taken for an escape.
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
fn segment(name: &'static str, value: &str) -> Result<String, Error> {
    // An empty segment and a segment of dots lead to another resource, encoded or not.
    if matches!(value, "" | "." | "..") {
        return Err(Error::invalid(name, "one segment of a path", format!("{value:?}")));
    }
    Ok(utf8_percent_encode(value, SEGMENT).to_string())
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
            if let Ok(segment) = segment("id", &id) {
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
