//! A server for tests that does just what it is told: it reads a request as far as a test wants and answers with the
//! bytes a test gives. What Canva would answer is the simulator's business.
#![allow(dead_code, clippy::print_stdout)]

pub mod hostile;
pub mod tls;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use canva_connect::auth::{TokenStore, Tokens};
use canva_connect::operations::Operation;
use canva_connect::pacing::Permit;
use canva_connect::reqwest::Certificate;
use canva_connect::{
    AccessToken, Asset, BoxError, BoxFuture, Client, ClientBuilder, Pacer, RetryPolicy, TokenProvider,
};
use canva_simulator::Simulator;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// The smallest image there is: one transparent pixel.
pub const PIXEL: &[u8] =
    b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\0\0\0!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x01D\0;";

/// A finished upload, as the API answers it.
pub const UPLOADED: &str =
    r#"{"job":{"id":"j1","status":"success","asset":{"id":"a1","name":"n","created_at":1,"updated_at":1}}}"#;

/// An update, as the API answers it.
pub const UPDATED: &str = r#"{"asset":{"id":"a1","name":"n","created_at":1,"updated_at":1}}"#;

/// A client of this server, with the token `t`.
pub fn builder(base_url: &str) -> ClientBuilder {
    Client::builder().token("t").base_url(base_url)
}

/// A client of this server that sends everything once.
pub fn once(base_url: &str) -> Client {
    builder(base_url).retry_policy(RetryPolicy::never()).build().unwrap()
}

/// A client of this server that makes up to so many attempts.
pub fn trying(most: u32, base_url: &str) -> Client {
    builder(base_url).retry_policy(attempts(most)).build().unwrap()
}

/// Up to so many attempts, with hardly a pause between them.
pub fn attempts(most: u32) -> RetryPolicy {
    RetryPolicy::default().max_attempts(most).base_delay(Duration::from_millis(1))
}

/// What stays of an asset from one response to the next: the URL of its thumbnail is a new one each second.
pub fn lasting(asset: Asset) -> Asset {
    let mut asset = asset;
    asset.thumbnail = None;
    asset
}

/// A client of this simulator, which trusts its certificate alone.
pub fn simulated(simulator: &Simulator) -> ClientBuilder {
    let trusted = simulator.certificate().map(|pem| Certificate::from_pem(pem.as_bytes()).unwrap());
    let client = builder(simulator.base_url()).token(simulator.token());
    match trusted {
        Some(trusted) => client.http(move |http| http.tls_certs_only([trusted.clone()])),
        None => client,
    }
}

/// A pacer that acquires with this function, and counts the pauses that it is told of.
pub struct Paces<F>(F, Arc<AtomicUsize>);

impl<F> Paces<F>
where
    F: Fn(&'static Operation, Duration) -> BoxFuture<'static, Result<Permit, BoxError>> + Send + Sync + 'static,
{
    pub fn new(acquire: F) -> Self {
        Self(acquire, Arc::default())
    }

    pub fn pauses(&self) -> Arc<AtomicUsize> {
        self.1.clone()
    }
}

impl<F> Pacer for Paces<F>
where
    F: Fn(&'static Operation, Duration) -> BoxFuture<'static, Result<Permit, BoxError>> + Send + Sync + 'static,
{
    fn acquire(&self, operation: &'static Operation, max_wait: Duration) -> BoxFuture<'_, Result<Permit, BoxError>> {
        (self.0)(operation, max_wait)
    }

    fn pause(&self, _: &'static Operation, _: Duration) {
        self.1.fetch_add(1, Ordering::SeqCst);
    }
}

/// Gives `old-token`, and `new-token` once that was refused. Counts the refusals.
#[derive(Default)]
pub struct Renewing(pub AtomicUsize);

impl TokenProvider for Renewing {
    fn token(&self) -> BoxFuture<'_, Result<AccessToken, BoxError>> {
        Box::pin(async move {
            let refused = self.0.load(Ordering::SeqCst) > 0;
            Ok(AccessToken::new(if refused { "new-token" } else { "old-token" }))
        })
    }

    fn refused<'a>(&'a self, refused: &'a AccessToken) -> BoxFuture<'a, Result<bool, BoxError>> {
        Box::pin(async move {
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(*refused == AccessToken::new("old-token"))
        })
    }
}

/// Binds a loopback port of its own.
pub async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = base_url(listener.local_addr().unwrap());
    (listener, base_url)
}

/// A loopback port that refuses connections. While the socket is kept, nobody else gets the port and listens there.
pub fn refusing() -> (TcpSocket, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let base_url = base_url(socket.local_addr().unwrap());
    (socket, base_url)
}

/// A loopback port where connecting hangs: its queue is full, and nobody accepts. It stays so while the sockets are
/// kept.
pub async fn full() -> (impl Sized, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
        waiting.push(stream.unwrap());
    }
    ((listener, waiting), base_url(address))
}

fn base_url(address: SocketAddr) -> String {
    format!("http://{address}/rest")
}

/// The head of a request: everything up to the empty line, and what came of the body with it.
pub struct Head {
    pub text: String,
    pub rest: Vec<u8>,
}

impl Head {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.text.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    pub fn content_length(&self) -> u64 {
        self.header("content-length").and_then(|value| value.parse().ok()).unwrap_or(0)
    }
}

pub async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Head> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            return Ok(Head { text: String::from_utf8_lossy(&bytes).into_owned(), rest });
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Reads the rest of the body.
pub async fn read_body(stream: &mut (impl AsyncRead + Unpin), head: &mut Head) -> io::Result<Vec<u8>> {
    let mut body = std::mem::take(&mut head.rest);
    let left = head.content_length().saturating_sub(body.len() as u64);
    stream.take(left).read_to_end(&mut body).await?;
    Ok(body)
}

/// Reads the rest of the body and forgets it. Says how long it was.
pub async fn discard_body(stream: &mut (impl AsyncRead + Unpin), head: &Head) -> io::Result<u64> {
    let mut read = head.rest.len() as u64;
    let mut buffer = vec![0; 256 * 1024];
    while read < head.content_length() {
        match stream.read(&mut buffer).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => read += n as u64,
        }
    }
    Ok(read)
}

pub async fn answer(stream: &mut (impl AsyncWrite + Unpin), status: &str, headers: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    let text = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n{body}");
    stream.write_all(text.as_bytes()).await?;
    stream.flush().await
}

/// Reads and forgets every upload and update and says that it is a success. Passes on each head and body length.
pub async fn discard_uploads(listener: TcpListener, heads: tokio::sync::mpsc::UnboundedSender<(Head, u64)>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let heads = heads.clone();
        tokio::spawn(async move {
            while let Ok(head) = read_head(&mut stream).await {
                let Ok(length) = discard_body(&mut stream, &head).await else { break };
                let body = if head.text.starts_with("PATCH") { UPDATED } else { UPLOADED };
                let _ = heads.send((head, length));
                if answer(&mut stream, "200 OK", "content-type: application/json\r\n", body).await.is_err() {
                    break;
                }
            }
        });
    }
}

/// A server that answers every request with these bytes and hangs up. Gives its base URL.
pub async fn answering(response: impl Into<Vec<u8>>) -> String {
    let (listener, base_url) = listen().await;
    let response = response.into();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let Ok(head) = read_head(&mut stream).await else { continue };
            let _ = discard_body(&mut stream, &head).await;
            let _ = stream.write_all(&response).await;
        }
    });
    base_url
}

/// A request as it came: its head, and its body if the server read it.
pub type Seen = tokio::sync::mpsc::UnboundedReceiver<(Head, Vec<u8>)>;

/// Answers one request after the other, each on a connection of its own, with these bytes.
pub async fn script(responses: Vec<String>) -> (String, Seen) {
    let (listener, base_url) = listen().await;
    let (seen, received) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        for response in responses {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = read_head(&mut stream).await.unwrap();
            let body = read_body(&mut stream, &mut head).await.unwrap();
            let _ = seen.send((head, body));
            stream.write_all(response.as_bytes()).await.unwrap();
        }
    });
    (base_url, received)
}

/// A response as text, after which the connection ends.
pub fn http(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

/// An error and its causes, as any program prints them.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Everything that an error can be made to say.
pub fn everything(error: &canva_connect::Error) -> String {
    let mut said = format!("{error} {} {error:?} {error:#?}", error.report());
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        said += &format!(" {error} {error:?}");
        cause = error.source();
    }
    said
}

/// A login whose access token has ended.
pub struct Ended;

impl TokenStore for Ended {
    fn load(&self) -> BoxFuture<'_, Result<Option<Tokens>, BoxError>> {
        Box::pin(async { Ok(Some(Tokens::new("0ld-t0k3n", "r3fr3sh-t0k3n", Duration::ZERO))) })
    }

    fn save<'a>(&'a self, _: &'a Tokens) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(async { Ok(()) })
    }
}

/// A table in a document is what a test found: it stands between two comments with this name. `INSTA_UPDATE=always`
/// rewrites it, as it does snapshots.
pub fn check_table(document: &str, name: &str, table: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
    let text = std::fs::read_to_string(&path).unwrap().replace("\r\n", "\n");
    let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("{document} has no {begin}"));
    let (current, after) = rest.split_once(&end).unwrap_or_else(|| panic!("{document} has no {end}"));
    if current == table {
        return;
    }
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(&path, format!("{before}{begin}{table}{end}{after}")).unwrap();
        return;
    }
    let diff = similar::TextDiff::from_lines(current, table);
    panic!("{document} is not what was found; INSTA_UPDATE=always rewrites it\n{}", diff.unified_diff());
}

/// Set for a child process to what it is to do it with. It is the same test binary again.
pub const ARGUMENT: &str = "CANVA_CONNECT_TEST_CHILD";

/// Runs an ignored test of this binary in a process of its own. Gives its peak of memory in bytes, where `/proc` tells.
pub async fn in_child(test: &str, argument: &str) -> Option<u64> {
    in_child_with(test, argument, &[]).await
}

/// The same with more in its environment.
pub async fn in_child_with(test: &str, argument: &str, environment: &[(&str, &Path)]) -> Option<u64> {
    let said = said_in_child(test, argument, environment).await;
    said.lines().find_map(|line| line.split_once("peak: ")?.1.parse().ok())
}

/// The same, which gives what the child printed. No variable of this process names a proxy to it.
pub async fn said_in_child(test: &str, argument: &str, environment: &[(&str, &Path)]) -> String {
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", test, "--ignored", "--nocapture"]).env(ARGUMENT, argument);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        child.env_remove(name).env_remove(name.to_lowercase());
    }
    child.envs(environment.iter().copied());
    let output = tokio::task::spawn_blocking(move || child.output().unwrap()).await.unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}{stderr}");
    assert!(stdout.contains("1 passed"), "there is no such test: {test}");
    stdout.into_owned()
}

/// What the child was given.
pub fn argument() -> String {
    std::env::var(ARGUMENT).unwrap()
}

/// What the child does, and then says its peak of memory.
pub fn be_child<F: Future<Output = ()>>(act: impl FnOnce(String) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(act(argument()));
    say_peak();
}

/// What `said_in_child` gives, on a line that begins with `said: `.
pub fn say(text: &str) {
    println!("said: {text}");
}

/// What `in_child` reads.
pub fn say_peak() {
    println!("peak: {}", peak_memory().map_or("unknown".to_owned(), |bytes| bytes.to_string()));
}

/// The most memory that this process ever had at once, in bytes, where `/proc` tells.
pub fn peak_memory() -> Option<u64> {
    memory("VmHWM:")
}

/// The memory that this process has now, in bytes, where `/proc` tells. Without its executable, of which more comes into
/// memory as more of it runs.
pub fn resident_memory() -> Option<u64> {
    memory("RssAnon:")
}

fn memory(which: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(which))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}
