//! The example of a fleet keeps its promise: workers that are killed at random leave each file in Canva once, and a
//! file of which nobody can tell is reported as unknown.

use std::collections::HashMap;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use canva_connect::auth::{TokenStore, Tokens};
use canva_simulator::{Access, Fault, RateLimits, Simulator};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};

use crate::server::Server;

const USERS: [&str; 3] = ["ada", "ben", "cleo"];
const FILES: usize = 40;
const WINDOW: Duration = Duration::from_secs(2);

/// The request arrives whole and is never carried out.
const NEVER: Fault = Fault::CloseAfter(u64::MAX);

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

/// A fleet, with Redis and Canva, where these users are logged in.
struct Fleet {
    server: Server,
    simulator: Simulator,
    example: PathBuf,
    base_url: String,
    look_up: &'static str,
    send_again: &'static str,
}

impl Fleet {
    /// `None` without a Redis. Jobs take this long; a file is looked up for `look_up` seconds.
    async fn new<const N: usize>(users: [&str; N], jobs: Duration, look_up: &'static str) -> Option<Self> {
        let server = Server::start()?;
        let mut simulator = Simulator::builder().rate_limits(RateLimits::SlidingWindow).rate_window(WINDOW);
        simulator = simulator.job_duration(jobs);
        for user in users {
            let access = Access::new(format!("token-of-{user}")).user(user, "team");
            simulator = simulator.access(match user {
                "eve" => access.scopes(["asset:read", "asset:write"]),
                _ => access,
            });
            let tokens = Tokens::new(format!("token-of-{user}"), "none", Duration::from_secs(3600));
            server.open().store(user).save(&tokens).await.unwrap();
        }
        let simulator = simulator.start().await.unwrap();
        let base_url = simulator.base_url().to_owned();
        Some(Self { server, simulator, example: example(), base_url, look_up, send_again: "0" })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.example);
        command.env("REDIS_URL", self.server.url()).env("CANVA_BASE_URL", &self.base_url).env("HEARTBEAT", "1");
        command.env("LOOK_UP", self.look_up).env("SEND_AGAIN", self.send_again);
        command.env("RATE_WINDOW", WINDOW.as_secs().to_string()).args(arguments);
        command
    }

    fn workers(&self, arguments: &[&str]) -> Workers {
        let mut workers = self.command(&[&["workers"], arguments].concat());
        Workers(workers.process_group(0).stdout(Stdio::null()).spawn().unwrap())
    }

    fn put(&self, user: &str, folder: &TempDir) -> Child {
        let folder = folder.path().to_str().unwrap();
        self.command(&["put", user, folder]).stdout(Stdio::piped()).spawn().unwrap()
    }

    /// Puts a file whose request may meet a fault, and waits until the request is there.
    async fn send(&self, user: &str, folder: &TempDir, fault: Option<Fault>) -> Child {
        let uploads = || {
            let requests = self.simulator.requests();
            requests.iter().filter(|request| request.operation == Some("createAssetUploadJob")).count()
        };
        if let Some(fault) = fault {
            self.simulator.inject("createAssetUploadJob", 1..=1, fault).unwrap();
        }
        let before = uploads();
        let put = self.put(user, folder);
        while uploads() == before {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        put
    }

    /// The ids of the assets of this name, whoever has them.
    fn ids<const N: usize>(&self, users: [&str; N], name: &str) -> Vec<String> {
        let all = users.iter().flat_map(|user| self.simulator.assets_of(user));
        all.filter(|asset| asset.name == name).map(|asset| asset.id).collect()
    }
}

/// Pictures, each with its user and number in its name.
fn fill(folder: &Path, user: &str) {
    let photo = std::fs::read("../tests/fixtures/photo.png").unwrap();
    for number in 0..FILES {
        std::fs::write(folder.join(format!("{user}-{number:02}.png")), &photo).unwrap();
    }
}

/// A folder with one file.
fn folder(fixture: &str, name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(Path::new("../tests/fixtures").join(fixture), folder.path().join(name)).unwrap();
    folder
}

/// What became of each file, by its name.
async fn reports(put: Child) -> HashMap<String, String> {
    let output = tokio::task::spawn_blocking(|| put.wait_with_output()).await.unwrap().unwrap();
    let mut reports = HashMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines().skip(1) {
        let (path, report) = line.split_once(": ").unwrap();
        let name = Path::new(path).file_name().unwrap().to_str().unwrap().to_owned();
        assert!(reports.insert(name, report.to_owned()).is_none(), "{line}");
    }
    reports
}

/// What became of the only file.
async fn report(put: Child) -> String {
    let reports = reports(put).await;
    assert_eq!(reports.len(), 1, "{reports:?}");
    reports.into_values().next().unwrap()
}

/// This takes over ten seconds: two windows of the rate limit, in which workers are killed, and after each of them the
/// three seconds in which the others notice.
#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_that_is_killed_at_random_leaves_each_file_once() {
    let Some(mut fleet) = Fleet::new(USERS, Duration::from_secs(1), "5").await else { return };
    fleet.base_url = far_away(&fleet.simulator).await;
    fleet.send_again = "1";
    for (number, fault) in [(10, NEVER), (20, NEVER), (30, Fault::LoseResponse), (40, Fault::LoseResponse)] {
        fleet.simulator.inject("createAssetUploadJob", number..=number, fault).unwrap();
    }

    let workers = fleet.workers(&["4", "--chaos"]);
    let folders = USERS.map(|_| tempfile::tempdir().unwrap());
    let puts: Vec<_> = USERS
        .iter()
        .zip(&folders)
        .map(|(user, folder)| {
            fill(folder.path(), user);
            fleet.put(user, folder)
        })
        .collect();
    let mut all = HashMap::new();
    for put in puts {
        all.extend(reports(put).await);
    }
    drop(workers);

    assert_eq!(all.len(), USERS.len() * FILES);
    for (name, report) in &all {
        assert_eq!(&fleet.ids(USERS, name), std::slice::from_ref(report), "{name}");
    }
    let refused = fleet.simulator.requests().iter().filter(|request| request.status == Some(429)).count();
    assert_eq!(refused, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_response_is_lost_is_found_or_reported() {
    let users = ["ada", "eve"];
    let Some(fleet) = Fleet::new(users, Duration::from_secs(1), "3").await else { return };
    let _workers = fleet.workers(&["2"]);
    let (gone, kept) = (folder("photo.png", "gone.png"), folder("photo.png", "kept.png"));
    let (clip, hidden) = (folder("clip.mp4", "clip.mp4"), folder("photo.png", "hidden.png"));
    let of_gone = fleet.send("ada", &gone, Some(NEVER)).await;
    let of_kept = fleet.send("ada", &kept, Some(Fault::LoseResponse)).await;
    let of_clip = fleet.send("ada", &clip, Some(Fault::LoseResponse)).await;
    let of_hidden = fleet.send("eve", &hidden, Some(Fault::LoseResponse)).await;

    assert_eq!([report(of_kept).await], *fleet.ids(users, "kept.png"));
    assert_eq!(report(of_gone).await, "unknown: Canva does not list it");
    assert_eq!(report(of_clip).await, "unknown: it may be a video, and Canva lists no videos");
    let of_hidden = report(of_hidden).await;
    assert!(of_hidden.starts_with("unknown: ") && of_hidden.contains("folder:read"), "{of_hidden}");
}

/// Of three files of one name, Canva gets the second. Its list has that one before its worker knows it. And of two, it
/// gets the first, whose response is lost.
#[tokio::test(flavor = "multi_thread")]
async fn files_of_one_name_are_not_taken_for_each_other() {
    let Some(fleet) = Fleet::new(["ada"], Duration::from_secs(2), "7").await else { return };
    let _workers = fleet.workers(&["2"]);
    let photos = [(); 3].map(|()| folder("photo.png", "photo.png"));
    let twins = [(); 2].map(|()| folder("photo.png", "twin.png"));
    let dropped_before = fleet.send("ada", &photos[0], Some(NEVER)).await;
    let arrived = fleet.send("ada", &photos[1], None).await;
    let lost = fleet.send("ada", &twins[0], Some(Fault::LoseResponse)).await;
    let dropped = fleet.send("ada", &twins[1], Some(NEVER)).await;
    while fleet.ids(["ada"], "photo.png").is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let dropped_after = fleet.send("ada", &photos[2], Some(NEVER)).await;

    assert_eq!([report(arrived).await], *fleet.ids(["ada"], "photo.png"));
    for report in [report(dropped_before).await, report(dropped_after).await] {
        assert_eq!(report, "unknown: Canva does not list it");
    }
    for report in [report(lost).await, report(dropped).await] {
        assert!(report.contains("Msim"), "one that fits two is given to neither: {report}");
    }
}
