//! Real processes keep within the limits together, and get over the loss of each other. What needs no real process
//! and no real second is in `src/pacing/tests/`.

use std::sync::Arc;
use std::time::Duration;

use canva_connect::operations::{CREATE_ASSET_UPLOAD_JOB, Operation};
use canva_connect::pacing::Permit;
use canva_connect::{Client, Pacer, RetryPolicy};
use canva_connect_redis::{Redis, RedisPacing};
use canva_simulator::{RateLimits, Simulator};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::process::{Process, variable};
use crate::server::Server;

/// What a minute is in these tests.
pub const WINDOW: Duration = Duration::from_secs(1);

/// The client's default for how long a pause may be that a request waits for.
pub const MAX_WAIT: Duration = Duration::from_secs(300);

/// Nothing takes this long, however busy the machine is.
pub const LONG: Duration = Duration::from_secs(60);

pub static TEN: Operation = Operation::new("ten", "GET", "/v1/ten").requests_per_minute(10);

/// Another process, as far as Redis can tell.
pub fn process(server: &Server, user: &str) -> Arc<RedisPacing> {
    Arc::new(server.open().pacing(user).window(WINDOW))
}

pub async fn acquire(pacing: &RedisPacing, operation: &'static Operation) -> Permit {
    timeout(LONG, pacing.acquire(operation, MAX_WAIT)).await.expect("no permit for a minute").unwrap()
}

/// A lane of a Redis that has just started is closed for a window. After this it isn't.
pub async fn opened(server: &Server, user: &str) {
    drop(acquire(&process(server, user), &TEN).await);
}

/// A worker process: uploads 20 files, and waits until Canva has them.
#[tokio::test]
#[ignore = "a process that other tests start"]
async fn worker_that_uploads() {
    let pacing = Redis::open(&variable("REDIS")).unwrap().pacing("user").window(WINDOW);
    let canva = Client::builder().base_url(variable("SIMULATOR")).token(variable("TOKEN")).pacer(pacing);
    let canva = canva.retry_policy(RetryPolicy::never()).build().unwrap();
    let mut all = JoinSet::new();
    for file in 0..20 {
        let (canva, name) = (canva.clone(), format!("{}-{file}", std::process::id()));
        all.spawn(async move { canva.upload_asset(PIXEL.to_vec()).name(name).await?.wait().await });
    }
    for result in all.join_all().await {
        result.unwrap();
    }
}

/// A PNG of one pixel.
const PIXEL: &[u8] = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00:~\x9bU\x00\x00\x00\nIDATx\x9cc`\x00\x00\x00\x02\x00\x01H\xaf\xa4q\x00\x00\x00\x00IEND\xaeB`\x82";

/// A worker process: takes all permits of [`TEN`] and never ends.
#[tokio::test]
#[ignore = "a process that other tests start"]
async fn worker_that_holds() {
    let pacing = Redis::open(&variable("REDIS")).unwrap().pacing("user").window(WINDOW);
    let mut held = Vec::new();
    for _ in 0..10 {
        held.push(acquire(&pacing, &TEN).await);
    }
    eprintln!("holding");
    std::future::pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_processes_upload_at_the_limit_and_canva_refuses_none() {
    let Some(server) = Server::start() else { return };
    let builder = Simulator::builder().rate_limits(RateLimits::SlidingWindow).rate_window(WINDOW);
    let simulator = builder.start().await.unwrap();
    let variables = [("REDIS", &*server.url()), ("SIMULATOR", simulator.base_url()), ("TOKEN", simulator.token())];
    let workers = [(); 4].map(|()| Process::start("pacing::worker_that_uploads", &variables));
    for mut worker in workers {
        tokio::task::spawn_blocking(move || worker.succeed()).await.unwrap();
    }
    let requests = simulator.requests();
    assert!(requests.iter().all(|request| request.status == Some(200)));
    let uploads = requests.iter().filter(|request| request.operation == Some(CREATE_ASSET_UPLOAD_JOB.id)).count();
    let mut names: Vec<_> = simulator.assets().into_iter().map(|asset| asset.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!((uploads, names.len()), (80, 80));
}

#[tokio::test]
async fn the_permits_of_a_killed_process_come_back_with_their_lease() {
    let Some(server) = Server::start() else { return };
    let mut worker = Process::start("pacing::worker_that_holds", &[("REDIS", &server.url())]);
    assert_eq!(worker.told(), "holding");
    let pacing = process(&server, "user");
    // As long as it lives, it keeps them.
    assert!(timeout(2 * WINDOW, pacing.acquire(&TEN, MAX_WAIT)).await.is_err());
    drop(worker);
    let killed = Instant::now();
    for _ in 0..10 {
        acquire(&pacing, &TEN).await.sent();
    }
    // A window after it can have sent something, and no more than its lease.
    let waited = killed.elapsed();
    assert!(waited >= WINDOW && waited <= 2 * WINDOW, "{waited:?}");
}
