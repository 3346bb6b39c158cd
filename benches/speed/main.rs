//! What the crate costs, against baselines in the same run: `cargo bench --bench speed`. What came out once, and how to
//! read it, stands in docs/performance.md. `-- uploads`, `-- tls`, `-- small`, `-- distance`, `-- requests`, `-- users`
//! or `-- polling` runs one part.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

mod relay;
// The servers of the tests, which a bench reaches no other way; a crate for them alone would be a layer more.
#[path = "../../tests/support/mod.rs"]
mod support;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use canva_connect::operations::{CREATE_ASSET_UPLOAD_JOB, GET_ASSET_UPLOAD_JOB};
use canva_connect::{AccessToken, Client, Pacer, Pacing, PollPolicy};
use support::tls::{self, Ca};

const MIB: u64 = 1024 * 1024;
/// Set for a child process, which is this program again: what to do, the base URL, and the file.
const CHILD: &str = "CANVA_CONNECT_BENCH";
const ROUNDS: usize = 11;

fn main() {
    if let Ok(task) = std::env::var(CHILD) {
        return child(&task);
    }
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wants = |part: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == part);
    if wants("uploads") {
        uploads();
    }
    if wants("tls") {
        tls();
    }
    if wants("small") {
        small();
    }
    if wants("distance") {
        distance();
    }
    if wants("requests") {
        requests();
    }
    if wants("users") {
        users();
    }
    if wants("polling") {
        polling();
    }
}

/// Runs a server in a thread of its own, once it says where it is.
fn serve<T: Send + 'static>(server: impl AsyncFnOnce(std::sync::mpsc::Sender<T>) + Send + 'static) -> T {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || runtime().block_on(server(sender)));
    receiver.recv().unwrap()
}

/// A server that takes everything and keeps nothing.
fn plain() -> String {
    serve(async |base_url| {
        let (listener, url) = support::listen().await;
        base_url.send(url).unwrap();
        let (heads, mut received) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move { while received.recv().await.is_some() {} });
        support::discard_uploads(listener, heads).await;
    })
}

/// The same over TLS, as far away as that.
fn secure(ca: Ca, settings: tls::Settings, round_trip: Duration) -> String {
    serve(async move |base_url| {
        let server = tls::serve(&ca, settings).await;
        let port = if round_trip.is_zero() { server.port } else { relay::start(server.port, round_trip).await };
        base_url.send(format!("https://127.0.0.1:{port}/rest")).unwrap();
        std::future::pending().await
    })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A way to upload, and how long it took.
struct Racer {
    name: &'static str,
    command: Option<Command>,
    rounds: usize,
    times: Vec<Duration>,
    memory: Option<u64>,
}

impl Racer {
    fn new(name: &'static str, mut command: Command, ca: &Path) -> Self {
        command.env("SSL_CERT_FILE", ca).env("CURL_CA_BUNDLE", ca).env_remove("SSL_CERT_DIR").stderr(Stdio::inherit());
        // A baseline that this machine doesn't have is left out.
        let version = Command::new("curl")
            .arg("--version")
            .output()
            .map_or(String::new(), |it| String::from_utf8_lossy(&it.stdout).into_owned());
        let there = match name {
            "curl --http2" => version.contains("HTTP2"),
            name => !name.starts_with("curl") || !version.is_empty(),
        };
        Self { name, command: there.then_some(command), rounds: ROUNDS, times: Vec::new(), memory: None }
    }
}

/// Lets them take turns, each upload in a process of its own, and prints the median of the rounds.
fn race(mut racers: Vec<Racer>) {
    for round in 0..ROUNDS {
        for Racer { name, command, rounds, times, memory } in &mut racers {
            let Some(command) = command.as_mut().filter(|_| round < *rounds) else { continue };
            let started = Instant::now();
            let output = command.output().unwrap();
            times.push(started.elapsed());
            assert!(output.status.success(), "{name} failed");
            let peak = String::from_utf8_lossy(&output.stdout).trim().parse().ok();
            *memory = (*memory).max(peak);
        }
    }
    for Racer { name, times, memory, .. } in &mut racers {
        times.sort();
        let Some(median) = times.get(times.len() / 2) else {
            println!("  {name:<14}   not installed");
            continue;
        };
        let memory = memory.map_or(String::new(), |bytes| format!("{:.1} MiB at the peak", bytes as f64 / MIB as f64));
        println!("  {name:<14} {:>7.3} s   {memory}", median.as_secs_f64());
    }
}

fn file(length: u64) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(length).unwrap();
    file
}

/// Over loopback, without TLS.
fn uploads() {
    println!("1 GiB from a file, median of {ROUNDS} rounds\n");
    let (base_url, file) = (plain(), file(1024 * MIB));
    // Without any CA no HTTP client can be set up.
    let (_, trusted) = ca();
    let racer = |name, command| Racer::new(name, command, trusted.path());
    race(vec![
        racer("curl", curl("--http1.1", &base_url, file.path())),
        racer("reqwest", this_program("reqwest", &base_url, file.path())),
        racer("canva-connect", this_program("canva-connect", &base_url, file.path())),
    ]);
}

/// Over loopback, to a server that has HTTP/2 too, with a window as wide as it gets.
fn tls() {
    println!("\n1 GiB from a file over TLS, median of {ROUNDS} rounds\n");
    let (ca, trusted) = ca();
    let settings = tls::Settings { window: i32::MAX as u32, ..Default::default() };
    let (base_url, file) = (secure(ca, settings, Duration::ZERO), file(1024 * MIB));
    let racer = |name, command| Racer::new(name, command, trusted.path());
    race(vec![
        racer("curl --http1.1", curl("--http1.1", &base_url, file.path())),
        racer("curl --http2", curl("--http2", &base_url, file.path())),
        racer("reqwest", this_program("reqwest", &base_url, file.path())),
        racer("canva-connect", this_program("canva-connect", &base_url, file.path())),
    ]);
}

/// Two bytes over TLS by a program that trusts as many CAs as the system does, where it has them in one file.
fn small() {
    println!("\n2 bytes from a file over TLS, median of {ROUNDS} rounds\n");
    let (ca, trusted) = ca();
    let system = std::fs::read_to_string("/etc/ssl/certs/ca-certificates.crt").unwrap_or_default();
    std::fs::write(trusted.path(), format!("{}{system}", ca.pem())).unwrap();
    let (base_url, file) = (secure(ca, tls::Settings::default(), Duration::ZERO), file(2));
    let racer = |name, command| Racer::new(name, command, trusted.path());
    race(vec![
        racer("curl --http1.1", curl("--http1.1", &base_url, file.path())),
        racer("reqwest", this_program("reqwest", &base_url, file.path())),
        racer("canva-connect", this_program("canva-connect", &base_url, file.path())),
    ]);
}

/// A CA, and a file that says to trust it.
fn ca() -> (Ca, tempfile::NamedTempFile) {
    let (ca, trusted) = (Ca::new("bench"), tempfile::NamedTempFile::new().unwrap());
    std::fs::write(trusted.path(), ca.pem()).unwrap();
    (ca, trusted)
}

/// To servers that are far away.
fn distance() {
    const ROUND_TRIP: Duration = Duration::from_millis(100);
    println!("\n64 MiB from a file over TLS and a round trip of {ROUND_TRIP:?}, median of {ROUNDS} rounds");
    let file = file(64 * MIB);
    let servers: [(&str, &'static [&'static str], u32); 3] = [
        ("windows of 64 KiB over HTTP/2, one round with it", &["h2", "http/1.1"], 64 * 1024),
        ("windows of 1 MiB over HTTP/2, one round with it", &["h2", "http/1.1"], 1024 * 1024),
        ("HTTP/1.1 alone", &["http/1.1"], 64 * 1024),
    ];
    for (name, protocols, window) in servers {
        println!("\n {name}\n");
        let (ca, trusted) = ca();
        let base_url = secure(ca, tls::Settings { protocols, window, ..Default::default() }, ROUND_TRIP);
        let racer = |name, command| Racer::new(name, command, trusted.path());
        let mut over_http2 = racer("curl --http2", curl("--http2", &base_url, file.path()));
        over_http2.rounds = if protocols.contains(&"h2") { 1 } else { ROUNDS };
        race(vec![
            racer("curl --http1.1", curl("--http1.1", &base_url, file.path())),
            over_http2,
            racer("reqwest", this_program("reqwest", &base_url, file.path())),
            racer("canva-connect", this_program("canva-connect", &base_url, file.path())),
        ]);
    }
}

fn curl(protocol: &str, base_url: &str, file: &Path) -> Command {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--fail", "--output", "/dev/null"]);
    command.args([protocol, "--request", "POST", "--header", "Expect:", "--upload-file"]);
    command.arg(file).arg(format!("{base_url}/v1/asset-uploads"));
    command
}

fn this_program(task: &str, base_url: &str, file: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(CHILD, format!("{task} {base_url} {}", file.display()));
    command
}

fn child(task: &str) {
    let [name, base_url, file] = task.splitn(3, ' ').collect::<Vec<_>>()[..] else { panic!("{task}") };
    if let Some(way) = USERS.iter().position(|way| *way == name) {
        return child_with_users(way, base_url);
    }
    let two = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    two.block_on(async {
        if name == "reqwest" {
            let file = tokio::fs::File::open(file).await.unwrap();
            let length = file.metadata().await.unwrap().len();
            let stream = tokio_util::io::ReaderStream::with_capacity(file, 256 * 1024);
            let http = reqwest::Client::builder().http1_only().build().unwrap();
            let request = http.post(format!("{base_url}/v1/asset-uploads"));
            let request = request.header("content-length", length).body(reqwest::Body::wrap_stream(stream));
            request.send().await.unwrap().error_for_status().unwrap();
        } else {
            // Not as an asset, which couldn't be this large.
            let _ = client(base_url).import_design(Path::new(file)).title("bench").await.unwrap();
        }
    });
    println!("{}", support::peak_memory().unwrap_or(0));
}

fn client(base_url: &str) -> Client {
    Client::builder().token("t").base_url(base_url).pacer(Pacing::off()).build().unwrap()
}

/// PATCH after PATCH on one connection: what facade, generated code and hook add to bare reqwest. The two take turns
/// every hundred requests, so that whatever else the machine does meets both.
fn requests() {
    const TURNS: usize = 100;
    const REQUESTS: u32 = 100;
    println!("\n{} updates in a row on one connection, median of {TURNS} turns\n", TURNS as u32 * REQUESTS);
    let (runtime, base_url) = (runtime(), plain());
    let http = reqwest::Client::new();
    let canva = client(&base_url);
    let (mut bare, mut facade) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        bare.push(time(&runtime, async {
            for _ in 0..REQUESTS {
                let body = serde_json::json!({ "name": "New", "tags": ["a", "b"] });
                let request = http.patch(format!("{base_url}/v1/assets/a1")).bearer_auth("t").json(&body);
                let response = request.send().await.unwrap().error_for_status().unwrap();
                let _: canva_connect::generated::types::UpdateAssetResponse = response.json().await.unwrap();
            }
        }));
        facade.push(time(&runtime, async {
            for _ in 0..REQUESTS {
                canva.update_asset("a1").name("New").tags(["a", "b"]).await.unwrap();
            }
        }));
    }
    bare.sort();
    facade.sort();
    let per_request = |times: &[Duration]| times[times.len() / 2].as_secs_f64() * 1e6 / f64::from(REQUESTS);
    let (bare, facade) = (per_request(&bare), per_request(&facade));
    println!("  {:<14} {bare:>8.1} µs each", "reqwest");
    println!("  {:<14} {facade:>8.1} µs each, {:+.1} %", "canva-connect", (facade / bare - 1.0) * 100.0);
}

const MANY: usize = 1_000;

/// The ways to have many users.
const USERS: [&str; 3] = ["a-client-each", "for_user", "for_user-after-a-burst"];

/// What idle users hold, each after a request over TLS.
fn users() {
    // A client each takes its time, and memory doesn't vary.
    const ROUNDS: usize = 3;
    println!("\n{MANY} idle users, median of {ROUNDS} rounds\n");
    let (ca, trusted) = ca();
    let server = serve(async move |started| {
        started.send(tls::serve(&ca, tls::Settings::default()).await).unwrap();
        std::future::pending().await
    });
    for name in USERS {
        let mut measured = Vec::new();
        for _ in 0..ROUNDS {
            let before = server.connections().len();
            let mut command = this_program(name, &server.base_url, Path::new(""));
            let output = command.env("SSL_CERT_FILE", trusted.path()).stderr(Stdio::inherit()).output().unwrap();
            assert!(output.status.success(), "{name} failed");
            let [memory, micros] = String::from_utf8(output.stdout)
                .unwrap()
                .split_whitespace()
                .map(|number| number.parse::<u64>().unwrap())
                .collect::<Vec<_>>()[..]
            else {
                panic!("{name} said something else")
            };
            measured.push((memory, micros, server.connections().len() - before));
        }
        measured.sort();
        let (memory, micros, connections) = measured[ROUNDS / 2];
        let (memory, each) = (memory as f64 / MIB as f64, micros as f64 / MANY as f64);
        println!("  {name:<24} {memory:>7.2} MiB, {connections:>5} connections, {each:>8.1} µs to make one");
    }
}

/// Says by how many bytes this process grew for many users, and how many microseconds it took to make their clients.
fn child_with_users(way: usize, base_url: &str) {
    runtime().block_on(async {
        let token = |user: usize| format!("token-of-user-{user}");
        let builder = Client::builder().base_url(base_url);
        let first = builder.clone().token(token(0)).build().unwrap();
        first.get_asset("a1").await.unwrap();
        let before = support::resident_memory().unwrap_or(0);
        let (mut making, mut all) = (Duration::ZERO, Vec::with_capacity(MANY));
        for user in 1..=MANY {
            let (started, pacing) = (Instant::now(), Arc::new(Pacing::new()));
            let canva = match way {
                0 => builder.clone().token(token(user)).pacer(pacing.clone()).build().unwrap(),
                _ => first.for_user(AccessToken::new(token(user)), pacing.clone()),
            };
            making += started.elapsed();
            canva.get_asset("a1").await.unwrap();
            if way == 2 {
                for operation in [&CREATE_ASSET_UPLOAD_JOB, &GET_ASSET_UPLOAD_JOB] {
                    for _ in 0..operation.requests_per_minute.unwrap() {
                        pacing.acquire(operation, Duration::ZERO).await.unwrap().sent();
                    }
                }
            }
            all.push(canva);
        }
        let grown = support::resident_memory().unwrap_or(0).saturating_sub(before);
        println!("{grown} {}", making.as_micros());
    });
}

fn time(runtime: &tokio::runtime::Runtime, work: impl Future<Output = ()>) -> Duration {
    let started = Instant::now();
    runtime.block_on(work);
    started.elapsed()
}

/// How late `wait` knows, and for how many requests, over jobs of 1 to 120 s, spread evenly on a logarithmic scale.
/// It is arithmetic over the policies' pauses, and the request that creates the job counts.
fn polling() {
    println!("\nwaiting for jobs of 1 to 120 s (log-uniform)\n");
    let mut fixed = PollPolicy::default();
    (fixed.first_delay, fixed.growth, fixed.max_delay) = (Duration::from_secs(2), 1.0, Duration::from_secs(2));
    let mut slower = PollPolicy::default();
    (slower.first_delay, slower.growth) = (Duration::from_secs(1), 1.7);
    for (name, policy) in [("fixed 2 s", fixed), ("1 s × 1.7 to 6 s", slower), ("default", PollPolicy::default())] {
        const JOBS: u32 = 100_000;
        let (mut lag, mut requests) = (0.0, 0u64);
        for job in 0..JOBS {
            let duration = 120f64.powf((f64::from(job) + 0.5) / f64::from(JOBS));
            let mut now = 0.0;
            requests += 1;
            for pause in policy.delays() {
                now += pause.as_secs_f64();
                requests += 1;
                if now >= duration {
                    break;
                }
            }
            lag += now - duration;
        }
        let jobs = f64::from(JOBS);
        println!("  {name:<22} {:>5.2} s late, {:>5.1} requests", lag / jobs, requests as f64 / jobs);
    }
}
