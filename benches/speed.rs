//! What the crate costs, against baselines in the same run: `cargo bench --bench speed`. What came out once, and how to
//! read it, stands in docs/performance.md. `-- uploads`, `-- requests` or `-- polling` runs one part.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

// The server of the tests, which a bench reaches no other way; a crate for it alone would be a layer more.
#[path = "../tests/support/mod.rs"]
mod support;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use canva_connect::{Client, Pacing, PollPolicy};

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
    let base_url = serve();
    if wants("uploads") {
        uploads(&base_url);
    }
    if wants("requests") {
        requests(&base_url);
    }
    if wants("polling") {
        polling();
    }
}

/// A server in a thread of its own that takes everything and keeps nothing.
fn serve() -> String {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        runtime().block_on(async {
            let (listener, base_url) = support::listen().await;
            sender.send(base_url).unwrap();
            let (heads, mut received) = tokio::sync::mpsc::unbounded_channel();
            tokio::spawn(async move { while received.recv().await.is_some() {} });
            support::discard_uploads(listener, heads).await;
        });
    });
    receiver.recv().unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// 1 GiB from a file, each upload in a process of its own; the median of the rounds, which take turns.
fn uploads(base_url: &str) {
    println!("1 GiB from a file, median of {ROUNDS} rounds\n");
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(1024 * MIB).unwrap();
    let mut rows: [(&str, Vec<Duration>, Option<u64>); 3] =
        [("curl -T", vec![], None), ("reqwest", vec![], None), ("canva-connect", vec![], None)];
    for _ in 0..ROUNDS {
        for (name, times, memory) in &mut rows {
            let mut command = match *name {
                "curl -T" => curl(base_url, file.path()),
                name => this_program(&format!("{name} {base_url} {}", file.path().display())),
            };
            let started = Instant::now();
            let Ok(output) = command.stderr(Stdio::inherit()).output() else { continue };
            times.push(started.elapsed());
            assert!(output.status.success(), "{name} failed");
            let peak = String::from_utf8_lossy(&output.stdout).trim().parse().ok();
            *memory = (*memory).max(peak);
        }
    }
    for (name, times, memory) in &mut rows {
        times.sort();
        let time =
            times.get(times.len() / 2).map_or("not installed".to_owned(), |t| format!("{:.2} s", t.as_secs_f64()));
        let memory = memory.map_or(String::new(), |bytes| format!("{:.1} MiB at the peak", bytes as f64 / MIB as f64));
        println!("  {name:<14} {time:>8}   {memory}");
    }
}

fn curl(base_url: &str, file: &Path) -> Command {
    let mut command = Command::new("curl");
    command.args(["--silent", "--output", "/dev/null", "--request", "POST", "--header", "Expect:", "--upload-file"]);
    command.arg(file).arg(format!("{base_url}/v1/asset-uploads"));
    command
}

fn this_program(task: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(CHILD, task);
    command
}

fn child(task: &str) {
    let [name, base_url, file] = task.splitn(3, ' ').collect::<Vec<_>>()[..] else { panic!("{task}") };
    let two = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    two.block_on(async {
        if name == "reqwest" {
            let file = tokio::fs::File::open(file).await.unwrap();
            let length = file.metadata().await.unwrap().len();
            let stream = tokio_util::io::ReaderStream::with_capacity(file, 256 * 1024);
            let request = reqwest::Client::new().post(format!("{base_url}/v1/asset-uploads"));
            let request = request.header("content-length", length).body(reqwest::Body::wrap_stream(stream));
            request.send().await.unwrap().error_for_status().unwrap();
        } else {
            client(base_url).upload_asset(file).name("bench").await.unwrap().wait().await.unwrap();
        }
    });
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse::<u64>().ok());
    println!("{}", peak.unwrap_or(0) * 1024);
}

fn client(base_url: &str) -> Client {
    Client::builder().token("t").base_url(base_url).pacing(Pacing::off()).build().unwrap()
}

/// PATCH after PATCH on one connection: what facade, generated code and hook add to bare reqwest. The two take turns every
/// hundred requests, so that whatever else the machine does meets both.
fn requests(base_url: &str) {
    const TURNS: usize = 100;
    const REQUESTS: u32 = 100;
    println!("\n{} updates in a row on one connection, median of {TURNS} turns\n", TURNS as u32 * REQUESTS);
    let runtime = runtime();
    let http = reqwest::Client::new();
    let canva = client(base_url);
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

fn time(runtime: &tokio::runtime::Runtime, work: impl Future<Output = ()>) -> Duration {
    let started = Instant::now();
    runtime.block_on(work);
    started.elapsed()
}

/// How late `wait` knows, and for how many requests, over jobs of 1 to 120 s, spread evenly on a logarithmic scale. It is
/// arithmetic over the policies' pauses, and the request that creates the job counts.
fn polling() {
    println!("\nwaiting for jobs of 1 to 120 s (log-uniform)\n");
    let mut fixed = PollPolicy::default();
    (fixed.first_delay, fixed.growth, fixed.max_delay) = (Duration::from_secs(2), 1.0, Duration::from_secs(2));
    let mut growing = PollPolicy::default();
    (growing.first_delay, growing.growth, growing.max_delay) =
        (Duration::from_millis(500), 1.6, Duration::from_secs(10));
    for (name, policy) in [("fixed 2 s", fixed), ("500 ms × 1.6 to 10 s", growing), ("default", PollPolicy::default())]
    {
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
