//! What the tests share: requests as the API's pages describe them, written without this workspace's client, and a web
//! server for the simulator to fetch from.

use std::collections::HashMap;
use std::net::TcpStream;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use canva_simulator::Simulator;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

pub fn fixture(name: &str) -> Bytes {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures").join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).into()
}

/// A small image, for where it doesn't matter which.
pub fn image() -> Bytes {
    fixture("kinds/image.png")
}

/// A simulator whose jobs are finished in the response that starts them.
pub async fn prompt() -> Simulator {
    Simulator::builder().job_duration(Duration::ZERO).start().await.unwrap()
}

/// One for all tests, and without idle connections, because each test has a runtime of its own.
pub fn client() -> &'static Client {
    static CLIENT: LazyLock<Client> =
        LazyLock::new(|| Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap());
    &CLIENT
}

pub fn request(simulator: &Simulator, method: Method, path: &str) -> RequestBuilder {
    client().request(method, format!("{}{path}", simulator.base_url())).bearer_auth(simulator.token())
}

/// A request that another one makes in somebody's name.
pub fn by(token: &str, request: RequestBuilder) -> RequestBuilder {
    let (client, request) = request.build_split();
    let mut request = request.unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    RequestBuilder::from_parts(client, request)
}

pub fn upload(simulator: &Simulator, name: &str, bytes: impl Into<reqwest::Body>) -> RequestBuilder {
    request(simulator, Method::POST, "/v1/asset-uploads")
        .header("content-type", "application/octet-stream")
        .header("asset-upload-metadata", json!({ "name_base64": STANDARD.encode(name) }).to_string())
        .body(bytes)
}

pub fn upload_url(simulator: &Simulator, name: &str, url: &str) -> RequestBuilder {
    request(simulator, Method::POST, "/v1/url-asset-uploads").json(&json!({ "name": name, "url": url }))
}

pub fn import(
    simulator: &Simulator,
    title: &str,
    mime_type: Option<&str>,
    bytes: impl Into<reqwest::Body>,
) -> RequestBuilder {
    let mut metadata = json!({ "title_base64": STANDARD.encode(title) });
    if let Some(mime_type) = mime_type {
        metadata["mime_type"] = json!(mime_type);
    }
    request(simulator, Method::POST, "/v1/imports")
        .header("content-type", "application/octet-stream")
        .header("import-metadata", metadata.to_string())
        .body(bytes)
}

pub fn import_url(simulator: &Simulator, title: &str, mime_type: Option<&str>, url: &str) -> RequestBuilder {
    let mut body = json!({ "title": title, "url": url });
    if let Some(mime_type) = mime_type {
        body["mime_type"] = json!(mime_type);
    }
    request(simulator, Method::POST, "/v1/url-imports").json(&body)
}

/// A form for one of the OAuth endpoints, without credentials.
pub fn form(url: &str, fields: &[(&str, &str)]) -> RequestBuilder {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    client().post(url).header("content-type", "application/x-www-form-urlencoded").body(body)
}

/// Where a simulator listens, as a socket takes it.
pub fn address(simulator: &Simulator) -> &str {
    let (_, address) = simulator.base_url().split_once("://").unwrap();
    address.trim_end_matches("/rest")
}

/// How long a test waits for what has to come, so that it fails and doesn't hang. Nothing is measured with it: on a
/// busy machine, things take their time.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// A bare connection, for what an HTTP client hides.
pub fn connect(simulator: &Simulator) -> TcpStream {
    let stream = TcpStream::connect(address(simulator)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A web server on this machine: status line, further headers and body by path, and 404 for the rest. Returns its port.
pub async fn web(files: HashMap<&'static str, (String, Bytes)>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).await.unwrap();
            let request = String::from_utf8_lossy(&request[..read]).into_owned();
            let path = request.split(' ').nth(1).unwrap();
            let none = ("404 Not Found".to_owned(), Bytes::new());
            let (head, body) = files.get(path).unwrap_or(&none);
            let head = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes()).await;
            // A fetch that has seen enough goes away.
            let _ = stream.write_all(body).await;
        }
    });
    port
}

pub fn found(body: Bytes) -> (String, Bytes) {
    ("200 OK".into(), body)
}

/// The URL of a web server that has this file alone.
pub async fn served(bytes: Bytes) -> String {
    format!("http://127.0.0.1:{}/file", web([("/file", found(bytes))].into()).await)
}

pub fn update(simulator: &Simulator, asset_id: &str, body: &Value) -> RequestBuilder {
    request(simulator, Method::PATCH, &format!("/v1/assets/{asset_id}")).json(body)
}

pub fn delete(simulator: &Simulator, asset_id: &str) -> RequestBuilder {
    request(simulator, Method::DELETE, &format!("/v1/assets/{asset_id}"))
}

pub fn create_folder(simulator: &Simulator, name: &str, parent: &str) -> RequestBuilder {
    let body = json!({ "name": name, "parent_folder_id": parent });
    request(simulator, Method::POST, "/v1/folders").json(&body)
}

pub fn move_item(simulator: &Simulator, item_id: &str, to: &str) -> RequestBuilder {
    let body = json!({ "item_id": item_id, "to_folder_id": to });
    request(simulator, Method::POST, "/v1/folders/move").json(&body)
}

pub fn create_design(simulator: &Simulator, body: &Value) -> RequestBuilder {
    request(simulator, Method::POST, "/v1/designs").json(body)
}

pub fn read(simulator: &Simulator, path: &str) -> RequestBuilder {
    request(simulator, Method::GET, path)
}

/// The id of this in the JSON of a 200.
pub async fn id(request: RequestBuilder, of: &str) -> String {
    ok(request).await[of]["id"].as_str().unwrap().to_owned()
}

/// The JSON of a 200.
pub async fn ok(request: RequestBuilder) -> Value {
    let response = request.send().await.unwrap();
    let (status, body) = (response.status(), json(response).await);
    assert_eq!(status, 200, "{body}");
    body
}

/// Status and code of an error response.
pub async fn refused(request: RequestBuilder) -> (u16, String) {
    because(request, "").await
}

/// Status and code of an error response with this in its reason.
pub async fn because(request: RequestBuilder, reason: &str) -> (u16, String) {
    let response = request.send().await.unwrap();
    let said = response.headers().get("x-simulator-reason").map_or("", |reason| reason.to_str().unwrap()).to_owned();
    assert!(said.contains(reason), "{said:?} doesn't say {reason:?}");
    let (status, body) = (response.status(), json(response).await);
    assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
    (status.as_u16(), body["code"].as_str().unwrap_or_else(|| panic!("no code in {body}")).to_owned())
}

pub async fn json(response: Response) -> Value {
    assert_eq!(response.headers()["content-type"], "application/json");
    response.json().await.unwrap()
}

/// The job once it is final.
pub async fn finished(simulator: &Simulator, jobs: &str, created: &Value) -> Value {
    let path = format!("{jobs}/{}", created["job"]["id"].as_str().unwrap());
    loop {
        let job = ok(read(simulator, &path)).await["job"].take();
        if job["status"] != "in_progress" {
            return job;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
