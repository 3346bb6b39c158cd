//! The real binary, a simulator of its own for commands that follow each other, and a server that answers as it is told.
#![allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;

pub const TOKEN: &str = "s3cret-t0ken";

/// `canva` in the directory of the fixtures, with nothing of the environment that would change what it does.
pub fn canva<'a>(args: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_canva"));
    command
        .args(args)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures"))
        .env_remove("CANVA_ACCESS_TOKEN")
        .env_remove("CANVA_BASE_URL")
        .stdin(Stdio::null());
    command
}

/// `canva` with its own simulator.
pub fn simulated<'a>(args: impl IntoIterator<Item = &'a str>) -> Ran {
    run(canva(["--simulate"].into_iter().chain(args)))
}

pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

pub fn run(mut command: Command) -> Ran {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let ran = Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(!ran.stdout.contains(TOKEN) && !ran.stderr.contains(TOKEN), "the token was printed");
    assert!(!ran.stderr.contains('\r') && !ran.stderr.contains('\x1b'), "progress where there is no terminal");
    ran
}

impl Ran {
    /// What was printed, if all went well.
    #[track_caller]
    pub fn succeeded(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{}", self.stdout);
        self.stdout
    }

    /// The lines of `--json`.
    #[track_caller]
    pub fn json(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Compares text with what it says every time, whatever the ids, ports and times.
#[macro_export]
macro_rules! assert_prints {
    ($text:expr, @$expected:literal) => {
        insta::with_settings!({filters => vec![
            (r"127\.0\.0\.1:\d+", "HOST"),
            (r"Msim\d+", "ASSET"),
            (r"DAsim\d+", "DESIGN"),
            (r"[0-9a-f]{8}-[0-9a-f-]{27}", "JOB"),
            (r"/\d+\.png\?token=[0-9a-f-]+", "/PICTURE"),
            (r":1[78]\d{8}\b", ":TIME"),
        ]}, { insta::assert_snapshot!($text, @$expected) })
    };
}

/// `canva simulate`, for as long as it is kept.
pub struct Simulator {
    child: Child,
    base_url: String,
    token: String,
}

impl Simulator {
    pub fn start() -> Self {
        let mut command = canva(["simulate", "--port", "0", "--json"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let line = first_line(&mut child);
        let started: Value = serde_json::from_str(&line).unwrap();
        let text = |key| started[key].as_str().unwrap().to_owned();
        Self { child, base_url: text("base_url"), token: text("access_token") }
    }

    /// `canva` as a user of this simulator runs it.
    pub fn canva<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Ran {
        let mut command = canva(args);
        command.env("CANVA_BASE_URL", &self.base_url).env("CANVA_ACCESS_TOKEN", &self.token);
        run(command)
    }

    /// The only line of `--json`.
    #[track_caller]
    pub fn json<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Value {
        let ran = self.canva(["--json"].into_iter().chain(args));
        let [item] = <[Value; 1]>::try_from(ran.json()).unwrap();
        item
    }
}

impl Drop for Simulator {
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

/// What a [`Stub`] does with a request, once it has read it.
pub enum Answer {
    Json(u16, &'static str),
    Html(u16, &'static str),
    Close,
}

/// A server that gives these answers, one request a connection, and keeps what it was sent.
pub struct Stub {
    base_url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Stub {
    pub fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base_url = format!("http://{}/rest", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        std::thread::spawn(move || {
            let mut answers = answers.into_iter();
            for stream in listener.incoming() {
                serve(stream.unwrap(), &seen, answers.next().unwrap_or(Answer::Json(501, "{}")));
            }
        });
        Self { base_url, requests }
    }

    pub fn canva<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Ran {
        let mut command = canva(args);
        command.env("CANVA_BASE_URL", &self.base_url).env("CANVA_ACCESS_TOKEN", TOKEN);
        run(command)
    }

    /// An address at which it gives its next answer.
    pub fn url(&self) -> String {
        format!("{}/file", self.base_url)
    }

    /// Method and path of each request.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, seen: &Mutex<Vec<String>>, answer: Answer) {
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
    let (status, kind, text) = match answer {
        Answer::Json(status, text) => (status, "application/json", text),
        Answer::Html(status, text) => (status, "text/html", text),
        Answer::Close => return,
    };
    let length = text.len();
    let head =
        format!("HTTP/1.1 {status} \r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n");
    write!(&stream, "{head}\r\n{text}").unwrap();
}
