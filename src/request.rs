//! Requests beside the facade's: those of the generated client, and those of operations that the spec doesn't have.

use std::fmt;

use reqwest::Url;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::call::{Call, encode_path};
use crate::client::Client;
use crate::error::Error;
use crate::generated;
use crate::operations::Operation;

impl Client {
    /// The client as it is generated from the spec, a [`Call`](crate::Call) for each operation. Its requests go the same way
    /// as all others; it checks no lengths and encodes no metadata.
    ///
    /// ```no_run
    /// # async fn example(canva: canva_connect::Client) -> Result<(), canva_connect::Error> {
    /// let job = canva.generated().get_asset_upload_job("e08861ae-3b29-45db-8dc1-1fe0bf7f1cc8")?.await?.job;
    /// println!("{}", job.status);
    /// # Ok(())
    /// # }
    /// ```
    pub fn generated(&self) -> generated::Client {
        generated::Client(self.clone())
    }

    /// A request of an operation that the spec doesn't have. It goes the same way as all others: see [`Request`].
    pub fn request(&self, operation: &'static Operation) -> Request {
        Request::new(self.clone(), operation)
    }
}

/// A request of an operation that you declare, for what this crate has no method for. Made by [`Client::request`].
///
/// It is sent with the client's token. It is retried as every request is, if the operation is
/// [repeatable](Operation::repeatable), and waits its turn if the operation has a limit.
///
/// ```no_run
/// # async fn example(canva: canva_connect::Client) -> Result<(), canva_connect::Error> {
/// use canva_connect::operations::Operation;
/// use serde_json::Value;
///
/// static LIST_FOLDER_ITEMS: Operation = Operation::new("listFolderItems", "GET", "/v1/folders/{folderId}/items")
///     .scopes(&["folder:read"])
///     .requests_per_minute(100);
///
/// let items: Value = canva.request(&LIST_FOLDER_ITEMS).path("folderId", "root").query("limit", "50").send().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is sent until `send`"]
pub struct Request {
    client: Client,
    operation: &'static Operation,
    path: Result<String, Error>,
    query: Vec<(String, String)>,
    body: Option<Result<Vec<u8>, String>>,
}

impl Request {
    pub(crate) fn new(client: Client, operation: &'static Operation) -> Self {
        Self { client, operation, path: Ok(operation.path.to_owned()), query: Vec::new(), body: None }
    }

    /// The value of `{name}` in the operation's path. It is encoded, so that it stays one segment.
    pub fn path(mut self, name: &str, value: &str) -> Self {
        self.path = self.path.and_then(|path| {
            let place = format!("{{{name}}}");
            if !path.contains(&place) {
                return Err(Error::invalid("path", format!("a name in {}", self.operation.path), format!("{name:?}")));
            }
            Ok(path.replace(&place, &encode_path("path", value)?))
        });
        self
    }

    /// One more parameter in the query string.
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// The body, sent as JSON in place of an earlier one.
    pub fn json(mut self, body: &impl Serialize) -> Self {
        self.body = Some(serde_json::to_vec(body).map_err(|e| e.to_string()));
        self
    }

    /// Sends it and reads the response's JSON; a response without a body is read as `null`, which suits `()`,
    /// `Option<T>` and [`serde_json::Value`].
    ///
    /// # Errors
    /// [`Error::InvalidInput`] before anything is sent, if the path has a name without a value or HTTP can't carry the
    /// request; otherwise those of every [`Call`].
    pub async fn send<T: DeserializeOwned + Send + 'static>(self) -> Result<T, Error> {
        self.call()?.await
    }

    fn call<T: DeserializeOwned + 'static>(self) -> Result<Call<T>, Error> {
        let path = self.path?;
        if path.contains(['{', '}']) {
            return Err(Error::invalid("path", "a value for each name", path));
        }
        let capitals = self.operation.method.bytes().all(|byte| byte.is_ascii_uppercase());
        if !capitals || !path.starts_with('/') {
            let found = format!("{} {path}", self.operation.method);
            return Err(Error::invalid("operation", "a method in capitals, and a path that begins with `/`", found));
        }
        let mut url = Url::parse(&format!("{}{path}", self.client.inner.base_url)).map_err(Error::unsendable)?;
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        let method = http::Method::from_bytes(self.operation.method.as_bytes()).map_err(Error::unsendable)?;
        let mut request = self.client.inner.http.request(method, url).header(http::header::ACCEPT, "application/json");
        if let Some(body) = self.body {
            let body = body.map_err(|reason| Error::invalid("json", "a value that JSON can carry", reason))?;
            request = request.header(http::header::CONTENT_TYPE, "application/json").body(body);
        }
        Call::new(&self.client, self.operation, request)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("operation", &self.operation.id).finish_non_exhaustive()
    }
}
