//! A request as data: what to send, and how to read the response.

use std::any::TypeId;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;

use super::Sender;
use super::clock::ServerClock;
use super::failure::Failure;
use super::response::{self, Response, Unreadable};
use crate::content::{BeforeEnd, OnProgress, Upload, UploadBody};
use crate::error::{Error, Unconfirmed};
use crate::operations::{Authentication, Operation};
use crate::token::AccessToken;

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
    /// What proves who sends it, if that is no access token.
    pub(super) credentials: Option<AccessToken>,
    /// The first mistake in it is returned when the request is sent.
    head: Result<Head, Error>,
    pub(super) content: Content,
    /// What may be there if its response is lost.
    makes: Option<Makes>,
    pub(super) decode: Decode<T>,
}

/// What a request makes, as it can be looked up.
#[derive(Clone)]
struct Makes {
    unconfirmed: Unconfirmed,
    before_end: Option<OnEnd>,
}

/// What to do with it before Canva can have all of the request.
pub(crate) type OnEnd = Arc<dyn Fn(Unconfirmed) -> BeforeEnd + Send + Sync>;

/// A request without its content.
#[derive(Clone)]
struct Head {
    path: String,
    /// Encoded, without what joins them.
    query: Vec<String>,
    headers: HeaderMap,
}

impl Head {
    fn insert(&mut self, name: &'static str, value: String) -> Result<(), Error> {
        let name = HeaderName::try_from(name).map_err(Error::unsendable)?;
        if [ACCEPT, AUTHORIZATION, CONTENT_TYPE].contains(&name) {
            return Err(Error::invalid("header", "one that isn't the client's own", name.to_string()));
        }
        self.headers.insert(name, value.try_into().map_err(Error::unsendable)?);
        Ok(())
    }
}

/// What a request carries. It is opened for each attempt, and no part of the request until then.
pub(super) enum Content {
    None,
    /// Text of this media type.
    Text(Bytes, &'static str),
    Upload(Upload),
}

type Decode<T> = Arc<dyn Fn(&[u8]) -> Result<T, Unreadable> + Send + Sync>;

impl<T: DeserializeOwned + 'static> Call<T> {
    /// A request that is answered with JSON or with nothing.
    pub(crate) fn new(sender: &Sender, operation: &'static Operation) -> Self {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
        let head = Head { path: operation.path.to_owned(), query: Vec::new(), headers };
        let sender = sender.clone();
        let content = Content::None;
        Self { sender, operation, credentials: None, head: Ok(head), content, makes: None, decode: Arc::new(json) }
    }
}

impl<T> Call<T> {
    /// The operation of this request.
    pub fn operation(&self) -> &'static Operation {
        self.operation
    }

    /// The value of `{name}` in the operation's path. It is encoded, so that it stays one segment.
    pub fn path(self, name: &'static str, value: impl fmt::Display) -> Self {
        let (path, value) = (self.operation.path, value.to_string());
        self.with(|head| {
            let place = format!("{{{name}}}");
            if !head.path.contains(&place) {
                return Err(Error::invalid("path", format!("a name in {path}"), format!("{name:?}")));
            }
            head.path = head.path.replace(&place, &segment(name, &value)?);
            Ok(())
        })
    }

    /// A parameter of the query string: text, a number, or a list of these, which is sent as one parameter for each item.
    /// `None` is left out.
    ///
    /// ```
    /// # use canva_connect::operations::Operation;
    /// static LIST_DESIGNS: Operation = Operation::new("listDesigns", "GET", "/v1/designs");
    /// # fn example(canva: canva_connect::Client) {
    /// // /v1/designs?limit=5&tag=a&tag=b%26c
    /// let call = canva.request::<()>(&LIST_DESIGNS).query("limit", 5).query("tag", ["a", "b&c"]).query("q", None::<&str>);
    /// # }
    /// ```
    pub fn query(self, name: &str, value: impl Serialize) -> Self {
        let pairs = pairs(name, value);
        self.with(|head| {
            head.query.extend(pairs?);
            Ok(())
        })
    }

    /// A parameter of the query string whose items stand in one value, with this between them: `,`, `%20` or `%7C`. A
    /// list without items is left out.
    pub fn query_list(self, name: &str, separator: &str, value: impl Serialize) -> Self {
        let words = words(name, value);
        self.with(|head| {
            let words: Vec<String> = words?.iter().flatten().map(|word| encoded(word)).collect();
            if !words.is_empty() {
                head.query.push(format!("{}={}", encoded(name), words.join(separator)));
            }
            Ok(())
        })
    }

    /// A header. The items of a list stand in one, with a comma between them, so they have none themselves. `None` is
    /// left out. `Accept`, `Authorization` and `Content-Type` are the client's own.
    pub fn header(self, name: &'static str, value: impl Serialize) -> Self {
        let words = words(name, value);
        self.with(|head| {
            let Some(words) = words? else { return Ok(()) };
            match words.as_slice() {
                [word] => head.insert(name, word.clone()),
                words if words.iter().any(|word| word.contains(',')) => {
                    Err(Error::invalid("header", "items without a comma", format!("{name} = {words:?}")))
                }
                words => head.insert(name, words.join(",")),
            }
        })
    }

    /// A header with JSON in it, in ASCII, unless that is null.
    pub fn json_header(self, name: &'static str, value: impl Serialize) -> Self {
        let json = serde_json::to_string(&value);
        self.with(|head| match json.map_err(Error::unsendable)? {
            json if json == "null" => Ok(()),
            json => head.insert(name, ascii(&json)),
        })
    }

    /// The client's id and secret, for an operation that asks for them. Neither shows in errors.
    pub fn basic(mut self, client_id: &str, client_secret: &str) -> Self {
        match AccessToken::basic(client_id, client_secret) {
            Ok(credentials) => {
                self.credentials = Some(credentials);
                self
            }
            Err(error) => self.with(|_| Err(error)),
        }
    }

    /// The body, sent as JSON in place of an earlier one.
    pub fn json(self, body: &impl Serialize) -> Self {
        self.text("application/json", serde_json::to_vec(body).map_err(|e| uncarried("json", &e)))
    }

    /// The body, sent as a form in place of an earlier one: a struct or map of text, numbers, and lists of these.
    pub fn form(self, body: &impl Serialize) -> Self {
        let form = serde_json::to_value(body).map_err(|e| uncarried("form", &e)).and_then(|fields| {
            let refused = || Error::invalid("form", "fields with names", "something else");
            let fields = fields.as_object().ok_or_else(refused)?.iter();
            let pairs: Result<Vec<Vec<String>>, Error> = fields.map(|(name, value)| pairs(name, value)).collect();
            Ok(pairs?.concat().join("&").into_bytes())
        });
        self.text("application/x-www-form-urlencoded", form)
    }

    fn text(mut self, media_type: &'static str, text: Result<Vec<u8>, Error>) -> Self {
        match text {
            Ok(text) => {
                self.content = Content::Text(text.into(), media_type);
                self
            }
            Err(error) => self.with(|_| Err(error)),
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

    /// Says what it makes. `before_end` gets that before the end of its content is handed over.
    pub(crate) fn makes(mut self, unconfirmed: Unconfirmed, before_end: Option<OnEnd>) -> Self {
        self.makes = Some(Makes { unconfirmed, before_end });
        self
    }

    /// What an attempt that began then may have made by now.
    pub(super) fn unconfirmed(&self, began: Instant) -> Option<Unconfirmed> {
        let makes = self.makes.as_ref()?;
        Some(sent(&makes.unconfirmed, &self.sender.settings.clock, began))
    }

    /// What has to be done before the end of the content of an attempt that began then.
    pub(super) fn before_end(&self, began: Instant) -> Option<BeforeEnd> {
        let Makes { unconfirmed, before_end } = self.makes.clone()?;
        let (before_end, settings) = (before_end?, self.sender.settings.clone());
        Some(Box::pin(async move { before_end(sent(&unconfirmed, &settings.clock, began)).await }))
    }

    /// One parameter of the query string in place of all of this name.
    pub(super) fn set_query(self, name: &str, value: &str) -> Self {
        let prefix = format!("{}=", encoded(name));
        let without = self.with(|head| {
            head.query.retain(|parameter| !parameter.starts_with(&prefix));
            Ok(())
        });
        without.query(name, value)
    }

    /// The same request once more, but for the content of an upload. If it has a mistake, only the first one returns it.
    pub(super) fn copy(&mut self) -> Self {
        let head = match &self.head {
            Ok(head) => Ok(head.clone()),
            Err(_) => std::mem::replace(&mut self.head, Err(used())),
        };
        let content = match &self.content {
            Content::Text(text, media_type) => Content::Text(text.clone(), media_type),
            Content::None | Content::Upload(_) => Content::None,
        };
        let (sender, credentials, decode) = (self.sender.clone(), self.credentials.clone(), self.decode.clone());
        Self { sender, operation: self.operation, credentials, head, content, makes: self.makes.clone(), decode }
    }

    fn with(mut self, set: impl FnOnce(&mut Head) -> Result<(), Error>) -> Self {
        self.head = self.head.and_then(|mut head| set(&mut head).map(|()| head));
        self
    }

    /// The request without its token and content, once.
    pub(super) fn take_request(&mut self) -> Result<reqwest::Request, Error> {
        let Head { path, query, headers } = std::mem::replace(&mut self.head, Err(used()))?;
        let method = self.operation.method;
        if self.operation.authentication == Authentication::Basic && self.credentials.is_none() {
            return Err(Error::invalid("request", "the client's id and secret, by `basic`", "none"));
        }
        if path.contains(['{', '}']) {
            return Err(Error::invalid("path", "a value for each name", path));
        }
        let server = self.operation.server.unwrap_or_default();
        let begins = path.starts_with('/') && (server.is_empty() || server.starts_with('/'));
        if !method.bytes().all(|byte| byte.is_ascii_uppercase()) || !begins {
            let expected = "a method in capitals, and a path that begins with `/`";
            return Err(Error::invalid("operation", expected, format!("{method} {server}{path}")));
        }
        let url = format!("{}{server}{path}", self.sender.settings.base_url);
        let mut url = Url::parse(&url).map_err(Error::unsendable)?;
        if !query.is_empty() {
            url.set_query(Some(&query.join("&")));
        }
        let method = Method::from_bytes(method.as_bytes()).map_err(Error::unsendable)?;
        let mut request = reqwest::Request::new(method, url);
        *request.headers_mut() = headers;
        let content_type = match self.content {
            Content::None => return Ok(request),
            Content::Text(_, media_type) => media_type,
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
        let Self { sender, operation, credentials, head, content, makes, decode } = self;
        Call { sender, operation, credentials, head, content, makes, decode: Arc::new(move |body| map(decode(body)?)) }
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

/// With the times of an attempt that began then, and may be complete now.
fn sent(unconfirmed: &Unconfirmed, clock: &ServerClock, began: Instant) -> Unconfirmed {
    let (began, now) = (clock.at(began), clock.at(Instant::now()));
    let own_clock = began.own_clock;
    // The clock leaves out the parts of a second: this is when it is complete, or later.
    let complete = now.seconds.saturating_add(1);
    Unconfirmed { began: began.seconds, complete, own_clock, ..unconfirmed.clone() }
}

fn used() -> Error {
    Error::invalid("request", "one that wasn't sent yet", "one that was")
}

/// The value of a parameter as it is written: one word, or one for each item. `None`, if it is left out.
fn words(name: &str, value: impl Serialize) -> Result<Option<Vec<String>>, Error> {
    let word = |value: Value| match value {
        Value::String(word) => Ok(word),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        other => Err(Error::invalid("parameter", "text, a number, or a list of these", format!("{name} = {other}"))),
    };
    match serde_json::to_value(value) {
        Ok(Value::Null) => Ok(None),
        Ok(Value::Array(items)) => items.into_iter().map(word).collect::<Result<_, _>>().map(Some),
        Ok(value) => Ok(Some(vec![word(value)?])),
        Err(e) => Err(uncarried("parameter", &e)),
    }
}

/// The same as `name=word`, encoded.
fn pairs(name: &str, value: impl Serialize) -> Result<Vec<String>, Error> {
    let words = words(name, value)?.into_iter().flatten();
    Ok(words.map(|word| format!("{}={}", encoded(name), encoded(&word))).collect())
}

/// JSON with escapes in place of what isn't ASCII, which is all text.
fn ascii(json: &str) -> String {
    let escaped = |c: char| {
        let mut units = [0; 2];
        c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>()
    };
    json.chars().map(|c| if c.is_ascii() { c.to_string() } else { escaped(c) }).collect()
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, QUERY).to_string()
}

fn uncarried(field: &'static str, error: &serde_json::Error) -> Error {
    Error::invalid(field, "a value that JSON can carry", error.to_string())
}

/// All but what RFC 3986 calls unreserved.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

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
