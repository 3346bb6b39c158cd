//! A headless Chromium, driven by chromedriver: the few calls of WebDriver that tests of the page need.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use canva_connect::reqwest::{Client, Method};
use serde_json::{Value, json};

/// How long a test waits for what has to come, so that it fails and doesn't hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// The name that WebDriver has for an element's id.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

pub const TAB: &str = "\u{E004}";
pub const ENTER: &str = "\u{E007}";
pub const ESCAPE: &str = "\u{E00C}";

/// It ends with the test, also when that panics.
pub struct Browser {
    driver: Child,
    http: Client,
    session: String,
    _profile: tempfile::TempDir,
}

/// A chromedriver, and its port. What it and Chromium leave behind goes to this directory.
fn drive(directory: &Path) -> io::Result<(Child, String)> {
    let mut command = Command::new("chromedriver");
    // Chromium, its crash handler and its wrapper leave things in all of them.
    for variable in ["HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"] {
        command.env(variable, directory);
    }
    command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null());
    // It takes a free port of IPv6, and ends where that isn't free for IPv4.
    for _ in 0..10 {
        let mut driver = command.spawn()?;
        let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let started = lines.map_while(Result::ok).find(|line| line.contains("started successfully on port"));
        if let Some(port) = started.as_ref().and_then(|line| line.trim_end_matches('.').rsplit(' ').next()) {
            return Ok((driver, port.to_owned()));
        }
        driver.wait()?;
    }
    Err(io::Error::other("chromedriver finds no port"))
}

impl Browser {
    /// `None`, said aloud, where there is no chromedriver.
    pub async fn start() -> Option<Self> {
        let profile = tempfile::tempdir().unwrap();
        let started = drive(profile.path());
        if started.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            assert!(
                std::env::var_os("REQUIRE_SERVERS").is_none(),
                "REQUIRE_SERVERS is set, and there is no chromedriver"
            );
            // A test that passes keeps to itself what it prints with `eprintln!`.
            let test = std::thread::current().name().unwrap_or("a test").to_owned();
            let said = format!("{test}: skipped: there is no chromedriver (Debian's chromium-driver has it)\n");
            std::io::stderr().write_all(said.as_bytes()).unwrap();
            return None;
        }
        let (driver, port) = started.unwrap();
        let http = Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
        let session = format!("http://127.0.0.1:{port}/session");
        let mut browser = Self { driver, http, session, _profile: profile };
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-quic",
            "--disable-sync",
            "--hide-scrollbars",
        ];
        let options = json!({ "alwaysMatch": { "goog:chromeOptions": { "args": arguments } } });
        let created = browser.call(Method::POST, "", json!({ "capabilities": options })).await;
        browser.session = format!("{}/{}", browser.session, created["sessionId"].as_str().unwrap());
        Some(browser)
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Value {
        let (status, value) = self.try_call(method, path, body).await;
        assert_eq!(status, 200, "{path}: {value}");
        value
    }

    async fn try_call(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.session)).timeout(PATIENCE);
        if method == Method::POST {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let mut answer: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        (status, answer["value"].take())
    }

    pub async fn open(&self, url: &str) {
        self.call(Method::POST, "/url", json!({ "url": url })).await;
    }

    /// What Chromium's own protocol has, and WebDriver hasn't.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.call(Method::POST, "/goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await
    }

    /// What a function with this body returns.
    pub async fn run(&self, script: &str) -> Value {
        self.call(Method::POST, "/execute/sync", json!({ "script": script, "args": [] })).await
    }

    /// Waits until the page says this.
    pub async fn until_says(&self, text: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.text().await.contains(text) {
            assert!(Instant::now() < end, "{text:?} doesn't come: {}", self.text().await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What a person reads on the page, in one line.
    pub async fn text(&self) -> String {
        let text = self.run("return document.body ? document.body.innerText : ''").await;
        text.as_str().unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The first element that this selector finds, once it is there.
    async fn element(&self, selector: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let wanted = json!({ "using": "css selector", "value": selector });
            let (status, found) = self.try_call(Method::POST, "/element", wanted).await;
            if status == 200 {
                return found[ELEMENT].as_str().unwrap().to_owned();
            }
            assert!(Instant::now() < end, "{selector}: {found}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn click(&self, selector: &str) {
        let element = self.element(selector).await;
        self.call(Method::POST, &format!("/element/{element}/click"), json!({})).await;
    }

    pub async fn write(&self, selector: &str, text: &str) {
        let element = self.element(selector).await;
        self.call(Method::POST, &format!("/element/{element}/value"), json!({ "text": text })).await;
    }

    /// Presses these keys, wherever the focus is.
    pub async fn press(&self, keys: &str) {
        let press = |key: char| [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })];
        let actions: Vec<Value> = keys.chars().flat_map(press).collect();
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": actions });
        self.call(Method::POST, "/actions", json!({ "actions": [keyboard] })).await;
    }

    /// What the window shows, as a PNG.
    pub async fn picture(&self) -> Vec<u8> {
        let picture = self.call(Method::GET, "/screenshot", Value::Null).await;
        STANDARD.decode(picture.as_str().unwrap()).unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // A driver that is killed leaves its browser behind.
        let address = self.session.trim_start_matches("http://").split('/').next().unwrap_or_default();
        let path = self.session.split_once(address).map_or("", |(_, path)| path);
        if let Ok(mut stream) = TcpStream::connect(address) {
            let _ = write!(stream, "DELETE {path} HTTP/1.1\r\nhost: {address}\r\n\r\n");
            // It answers once the browser is gone, and keeps the connection.
            let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
            let _ = stream.read(&mut [0]);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
