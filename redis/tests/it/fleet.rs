//! The example of a fleet keeps its promise: workers that are killed at random leave each file in Canva once, or
//! report it as unknown.

use std::collections::HashMap;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use canva_connect::auth::{TokenStore, Tokens};
use canva_simulator::{Access, RateLimits, Simulator};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};

use crate::server::Server;

const USERS: [&str; 3] = ["ada", "ben", "cleo"];
const FILES: usize = 40;
const WINDOW: Duration = Duration::from_secs(2);

/// The workers and the process that starts them. A terminal tells all of them that it is over.
struct Workers(Child);

impl Drop for Workers {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-s", "INT", "--", &format!("-{}", self.0.id())]).status();
        let _ = self.0.wait();
    }
}

/// The simulator, seen from far away: a response takes a second after the request is carried out. So workers are
/// killed in between.
async fn far_away(simulator: &Simulator) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = simulator.base_url().trim_start_matches("http://").trim_end_matches("/rest").to_owned();
    let far = format!("http://{}/rest", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut from_client, mut to_client) = listener.accept().await.unwrap().0.into_split();
            let (mut from_server, mut to_server) = TcpStream::connect(&address).await.unwrap().into_split();
            // It stays open towards the server when the client is gone.
            tokio::spawn(async move {
                let _ = copy(&mut from_client, &mut to_server).await;
                tokio::time::sleep(Duration::from_secs(5)).await;
            });
            tokio::spawn(async move {
                let mut buffer = vec![0; 64 * 1024];
                while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    let _ = to_client.write_all(&buffer[..length]).await;
                }
            });
        }
    });
    far
}

/// The example, beside the directory of this binary. `cargo test` has built it, unless it was asked for some tests
/// alone: then it may be older than what it is built from, or not be there.
fn example() -> PathBuf {
    let example = std::env::current_exe().unwrap().parent().unwrap().with_file_name("examples/fleet");
    let modified = |file: &Path| std::fs::metadata(file).and_then(|file| file.modified()).ok();
    let sources = std::fs::read_to_string(example.with_extension("d")).unwrap_or_default();
    let is_older = |source: &str| modified(Path::new(source.trim_end())) > modified(&example);
    if sources.is_empty() || sources.split(' ').skip(1).any(is_older) {
        let mut cargo = Command::new(env!("CARGO"));
        // With it, Cargo would build again what watches it.
        cargo.env_remove("RUSTC_BOOTSTRAP");
        cargo.args(["build", "--quiet", "--package", "canva-connect-redis", "--example", "fleet"]);
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        assert!(cargo.status().unwrap().success());
    }
    example
}

fn fleet(example: &Path, server: &Server, base_url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(example);
    command.env("REDIS_URL", server.url()).env("CANVA_BASE_URL", base_url).env("HEARTBEAT", "1");
    command.env("RATE_WINDOW", WINDOW.as_secs().to_string()).args(arguments).stdout(Stdio::piped());
    command
}

/// Pictures, each with its user and number in its name.
fn fill(folder: &Path, user: &str) {
    let photo = std::fs::read("../tests/fixtures/photo.png").unwrap();
    for number in 0..FILES {
        std::fs::write(folder.join(format!("{user}-{number:02}.png")), &photo).unwrap();
    }
}

/// This takes over ten seconds: two windows of the rate limit, in which workers are killed, and after each of them the
/// three seconds in which the others notice.
#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_that_is_killed_at_random_leaves_each_file_once_or_reports_it() {
    let Some(server) = Server::start() else { return };
    let example = example();
    let mut simulator = Simulator::builder().rate_limits(RateLimits::SlidingWindow).rate_window(WINDOW);
    simulator = simulator.job_duration(Duration::from_secs(1));
    for user in USERS {
        simulator = simulator.access(Access::new(format!("token-of-{user}")).user(user, "team"));
    }
    let simulator = simulator.start().await.unwrap();
    let base_url = far_away(&simulator).await;
    let redis = server.open();
    for user in USERS {
        let tokens = Tokens::new(format!("token-of-{user}"), "none", Duration::from_secs(3600));
        redis.store(user).save(&tokens).await.unwrap();
    }

    let mut workers = fleet(&example, &server, &base_url, &["workers", "4", "--chaos"]);
    let workers = Workers(workers.process_group(0).stdout(Stdio::null()).spawn().unwrap());
    let folders = USERS.map(|_| tempfile::tempdir().unwrap());
    let puts: Vec<_> = USERS
        .iter()
        .zip(&folders)
        .map(|(user, folder)| {
            fill(folder.path(), user);
            let folder = folder.path().to_str().unwrap();
            fleet(&example, &server, &base_url, &["put", user, folder]).spawn().unwrap()
        })
        .collect();
    let mut reports: HashMap<String, String> = HashMap::new();
    for put in puts {
        let output = tokio::task::spawn_blocking(|| put.wait_with_output()).await.unwrap().unwrap();
        for line in String::from_utf8(output.stdout).unwrap().lines().skip(1) {
            let (path, report) = line.split_once(": ").unwrap();
            let name = PathBuf::from(path).file_name().unwrap().to_str().unwrap().to_owned();
            assert!(reports.insert(name, report.to_owned()).is_none(), "{line}");
        }
    }
    drop(workers);

    assert_eq!(reports.len(), USERS.len() * FILES);
    let unknown = reports.values().filter(|report| report.starts_with("unknown")).count();
    let all: Vec<_> = USERS.iter().flat_map(|user| simulator.assets_of(user)).collect();
    for (name, report) in &reports {
        let assets: Vec<&str> = all.iter().filter(|asset| asset.name == *name).map(|asset| asset.id.as_str()).collect();
        match report.strip_prefix("unknown") {
            Some(_) => assert!(assets.len() <= 1, "{name}: {assets:?}"),
            None => assert_eq!(assets, [report.as_str()], "{name}"),
        }
    }
    assert!(unknown < reports.len() / 2, "{unknown} are unknown");
    let refused = simulator.requests().iter().filter(|request| request.status == Some(429)).count();
    assert_eq!(refused, 0);
}
