//! Runs the real binary: by itself, against a `canva simulate` for commands that follow each other, or against a server
//! whose responses the test chooses.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use canva_simulator::Simulator;
use jsonschema::Validator;
use serde_json::Value;

pub const TOKEN: &str = "s3cret-t0ken";

/// Where the commands of these tests keep their state: not where the developer's own do.
static STATE: LazyLock<PathBuf> = LazyLock::new(|| {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("canva-state");
    let _ = std::fs::remove_dir_all(&directory);
    directory
});

/// What a command reads from the environment.
const VARIABLES: [&str; 9] = [
    "CANVA_ACCESS_TOKEN",
    "CANVA_ACCESS_TOKEN_FILE",
    "CANVA_AUTHORIZATION_URL",
    "CANVA_BASE_URL",
    "CANVA_CLIENT_ID",
    "CANVA_CLIENT_SECRET",
    "CANVA_LOGIN_FILE",
    "CANVA_SHARE_LIMITS",
    "CANVA_TOKEN_URL",
];

/// So many copies of a fixture, under names of their own.
pub fn copies(fixture: &str, count: usize) -> (tempfile::TempDir, Vec<String>) {
    let directory = tempfile::tempdir().unwrap();
    let content = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures").join(fixture)).unwrap();
    let files = (1..=count).map(|number| {
        let file = directory.path().join(format!("{number:04}-{fixture}"));
        std::fs::write(&file, &content).unwrap();
        file.to_str().unwrap().to_owned()
    });
    let files = files.collect();
    (directory, files)
}

/// `canva` in the directory of the fixtures, without the environment variables that it reads.
pub fn canva<'a>(args: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_canva"));
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    command
        .args(args)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures"))
        .env("XDG_STATE_HOME", STATE.as_path())
        .stdin(Stdio::null());
    command
}

/// `canva` with this simulator of the test's own.
pub fn against<'a>(simulator: &Simulator, args: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = canva(args);
    command.env("CANVA_BASE_URL", simulator.base_url()).env("CANVA_ACCESS_TOKEN", simulator.token());
    command
}

/// `canva --simulate`.
pub fn simulated<'a>(args: impl IntoIterator<Item = &'a str>) -> Ran {
    run(canva(["--simulate"].into_iter().chain(args)))
}

pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

pub fn run(mut command: Command) -> Ran {
    ran(command.output().unwrap())
}

fn ran(output: Output) -> Ran {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let ran = Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(!ran.stdout.contains(TOKEN) && !ran.stderr.contains(TOKEN), "the token was printed");
    assert!(!ran.stderr.contains('\r') && !ran.stderr.contains('\x1b'), "progress where there is no terminal");
    ran.stdout.lines().chain(ran.stderr.lines()).filter(|line| line.starts_with('{')).for_each(|line| drop(json(line)));
    ran
}

/// A line of `--json`, which has to be as docs/cli.schema.json says.
#[track_caller]
pub fn json(line: &str) -> Value {
    static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
        let schema = serde_json::from_str(include_str!("../../../docs/cli.schema.json")).unwrap();
        jsonschema::draft202012::meta::validate(&schema).unwrap();
        jsonschema::draft202012::new(&schema).unwrap()
    });
    let value = serde_json::from_str(line).unwrap();
    assert!(SCHEMA.is_valid(&value), "docs/cli.schema.json doesn't have {line}");
    if let Some(message) = value["error"]["message"].as_str() {
        assert!(message.contains("; "), "no word of what to do: {message}");
    }
    value
}

impl Ran {
    /// The output of a command that must have succeeded.
    #[track_caller]
    pub fn succeeded(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{}", self.stdout);
        self.stdout
    }

    /// The objects that `--json` printed.
    #[track_caller]
    pub fn json(&self) -> Vec<Value> {
        self.stdout.lines().map(json).collect()
    }
}

/// Compares output with the expected text, with ids, ports and times masked.
macro_rules! assert_prints {
    ($text:expr, @$expected:literal) => {
        insta::with_settings!({filters => vec![
            (r"127\.0\.0\.1:\d+", "HOST"),
            (r"Msim\d+", "ASSET"),
            (r"DAsim\d+", "DESIGN"),
            (r"FAsim\d+", "FOLDER"),
            (r"simulated-request-\d+", "REQUEST"),
            (r"[0-9a-f]{8}-[0-9a-f-]{27}", "JOB"),
            (r"/\d+\.png\?token=[0-9a-f-]+", "/IMAGE"),
            (r":1[78]\d{8}\b", ":TIME"),
        ]}, { insta::assert_snapshot!($text, @$expected) })
    };
}
pub(crate) use assert_prints;

/// A running command; dropping it ends the process, in a test that fails.
pub struct Running(Option<Child>);

impl Running {
    pub fn start(command: &mut Command) -> Self {
        Self(Some(command.spawn().unwrap()))
    }

    pub fn child(&mut self) -> &mut Child {
        self.0.as_mut().unwrap()
    }

    pub fn signal(&mut self, signal: &str) {
        let id = self.child().id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// How it has ended by itself.
    #[track_caller]
    pub fn status(mut self) -> ExitStatus {
        let child = self.child();
        wait_until("the end", || child.try_wait().unwrap().is_some());
        child.wait().unwrap()
    }

    pub fn ended(mut self) -> Ran {
        ran(self.0.take().unwrap().wait_with_output().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What a command prints that gets this signal as soon as something is `reached`.
#[track_caller]
pub fn stopped(mut command: Command, signal: &str, reached: impl FnMut() -> bool) -> Ran {
    let mut running = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
    wait_until("what it is stopped at", reached);
    running.signal(signal);
    running.ended()
}

#[track_caller]
pub fn wait_until(what: &str, mut reached: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !reached() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what} was never reached");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A running `canva simulate`; dropping it ends the process.
pub struct SimulatorProcess {
    child: Child,
    base_url: String,
    token: String,
    /// All that `canva --json simulate` printed.
    pub printed: Value,
    /// Where its certificate is, which a process that is killed leaves behind.
    pub temporary: tempfile::TempDir,
}

impl SimulatorProcess {
    pub fn start() -> Self {
        Self::with([])
    }

    /// One with these options.
    pub fn with<const N: usize>(options: [&str; N]) -> Self {
        let mut command = canva(["--json", "--quiet", "simulate", "--port", "0"].into_iter().chain(options));
        let temporary = tempfile::tempdir().unwrap();
        let mut child = command.env("TMPDIR", temporary.path()).stdout(Stdio::piped()).spawn().unwrap();
        let line = first_line(&mut child);
        let printed = json(&line);
        let text = |key| printed[key].as_str().unwrap().to_owned();
        Self { child, base_url: text("base_url"), token: text("access_token"), printed, temporary }
    }

    /// What makes `canva` use this simulator.
    pub fn variables(&self) -> [(&str, &str); 2] {
        [("CANVA_BASE_URL", &self.base_url), ("CANVA_ACCESS_TOKEN", &self.token)]
    }

    /// `canva` with the base URL and token of this simulator.
    pub fn command<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = canva(args);
        command.envs(self.variables());
        command
    }

    pub fn run<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Ran {
        run(self.command(args))
    }

    /// The response to a request as a program writes it: method and URL, further headers, and a body.
    pub fn send(&self, request: &str, headers: &str, body: &str) -> String {
        let (method, url) = request.split_once(' ').unwrap();
        let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        let length = body.len();
        let head =
            format!("{method} /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\nconnection: close\r\n");
        write!(stream, "{head}{headers}\r\n{body}").unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response
    }

    /// Runs `canva --json` and gives the one object that it printed.
    #[track_caller]
    pub fn json<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Value {
        let ran = self.run(["--json"].into_iter().chain(args));
        let [item] = <[Value; 1]>::try_from(ran.json()).unwrap();
        item
    }
}

impl Drop for SimulatorProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    line
}

/// What a [`Stub`] does once it has read a request.
pub enum Response {
    Json(u16, &'static str),
    Html(u16, &'static str),
    /// Closes the connection without a response.
    Close,
}

/// A server that gives these responses in turn, one per connection, and records the requests.
pub struct Stub {
    base_url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Stub {
    pub fn start(responses: Vec<Response>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base_url = format!("http://{}/rest", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        std::thread::spawn(move || {
            let mut responses = responses.into_iter();
            for stream in listener.incoming() {
                serve(stream.unwrap(), &seen, responses.next().unwrap_or(Response::Json(501, "{}")));
            }
        });
        Self { base_url, requests }
    }

    /// `canva` with this server's base URL and [`TOKEN`].
    pub fn command<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = canva(args);
        command.env("CANVA_BASE_URL", &self.base_url).env("CANVA_ACCESS_TOKEN", TOKEN);
        command
    }

    pub fn run<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Ran {
        run(self.command(args))
    }

    /// A URL that gets the next response.
    pub fn url(&self) -> String {
        format!("{}/file", self.base_url)
    }

    /// Method and path of each request.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, seen: &Mutex<Vec<String>>, response: Response) {
    let mut reader = BufReader::new(&stream);
    let mut head = Vec::new();
    let mut line = String::new();
    while reader.read_line(&mut line).unwrap() > 2 {
        head.push(std::mem::take(&mut line));
    }
    let request = head[0].trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    let length = head.iter().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).unwrap();
    seen.lock().unwrap().push(request);
    let (status, kind, text) = match response {
        Response::Json(status, text) => (status, "application/json", text),
        Response::Html(status, text) => (status, "text/html", text),
        Response::Close => return,
    };
    let length = text.len();
    let head =
        format!("HTTP/1.1 {status} \r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n");
    write!(&stream, "{head}\r\n{text}").unwrap();
}
