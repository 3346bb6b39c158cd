//! Worker processes, on any number of machines, that upload files for several Canva users. README.md says how to run
//! them.
//!
//! Copy `worker.rs`: what a worker does with a task. `ledger.rs` is what it remembers of each file.
#![allow(clippy::print_stdout)]

mod ledger;
mod worker;

use std::path::{Path, PathBuf};
use std::time::Duration;

use apalis::prelude::*;
use apalis_redis::{Config, RedisStorage};
use canva_connect::auth::{TokenStore, Tokens};
use canva_connect_redis::Redis;
use canva_simulator::{Access, RateLimits, Simulator};
use clap::Parser;
use tokio::process::Command;
use tokio::time::sleep;

use ledger::{Ledger, State, Upload};
use worker::Fleet;

#[derive(Parser)]
enum Task {
    /// Run a simulator with rate limits, and log these users in.
    Simulate { users: Vec<String> },
    /// Run worker processes, and another one for each that ends.
    Workers {
        #[arg(default_value_t = 4)]
        count: usize,
        /// Kill one of them every few seconds.
        #[arg(long)]
        chaos: bool,
    },
    /// Run one worker process.
    Worker,
    /// Upload the files of a folder for a user, and say what became of each.
    Put { user: String, folder: PathBuf },
}

#[tokio::main]
async fn main() -> Result<(), BoxDynError> {
    match Task::parse() {
        Task::Simulate { users } => simulate(&users).await,
        Task::Workers { count, chaos } => workers(count, chaos).await,
        Task::Worker => worker().await,
        Task::Put { user, folder } => put(&user, &folder).await,
    }
}

/// A setting from the environment, which worker processes inherit.
fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

fn redis_url() -> String {
    setting("REDIS_URL", "redis://127.0.0.1:6379")
}

/// Over how many seconds requests are counted: 60 at Canva.
fn rate_window() -> Result<Duration, BoxDynError> {
    seconds("RATE_WINDOW", "60")
}

fn seconds(name: &str, default: &str) -> Result<Duration, BoxDynError> {
    Ok(Duration::from_secs(setting(name, default).parse()?))
}

async fn simulate(users: &[String]) -> Result<(), BoxDynError> {
    let mut simulator = Simulator::builder().port(4080).job_duration(Duration::from_secs(2));
    simulator = simulator.rate_limits(RateLimits::SlidingWindow).rate_window(rate_window()?);
    for user in users {
        let token = format!("{user}-{:032x}", fastrand::u128(..));
        simulator = simulator.access(Access::new(&token).user(user, "team"));
        // A service's users log in with `OAuth::finish` and this store.
        let tokens = Tokens::new(token, "none", Duration::from_secs(4 * 60 * 60));
        Redis::open(&redis_url())?.store(user).save(&tokens).await?;
    }
    let simulator = simulator.start().await?;
    println!("{} has {}; Ctrl-C ends it", simulator.base_url(), users.join(", "));
    tokio::signal::ctrl_c().await?;
    println!("it has {} files", users.iter().map(|user| simulator.assets_of(user).len()).sum::<usize>());
    Ok(())
}

async fn workers(count: usize, chaos: bool) -> Result<(), BoxDynError> {
    let start = || Command::new(std::env::current_exe()?).arg("worker").kill_on_drop(true).spawn();
    let mut workers = (0..count).map(|_| start()).collect::<Result<Vec<_>, _>>()?;
    while tokio::time::timeout(Duration::from_secs(1), tokio::signal::ctrl_c()).await.is_err() {
        for worker in &mut workers {
            if chaos && fastrand::usize(..count * 3) == 0 {
                worker.kill().await?;
            }
            if let Some(status) = worker.try_wait()? {
                println!("a worker ended ({status}); another one starts");
                *worker = start()?;
            }
        }
    }
    // They get Ctrl-C, too, and end what they have begun.
    for mut worker in workers {
        worker.wait().await?;
    }
    Ok(())
}

async fn worker() -> Result<(), BoxDynError> {
    let backend = queue().await?.poll_with_interval(Duration::from_millis(200));
    let worker = WorkerBuilder::new(ledger::random_id()).backend(backend).concurrency(8);
    let worker = worker.data(Fleet::new().await?).build(worker::upload);
    // A worker of apalis may miss the end of its last task. Ending anyway is no worse than being killed.
    let late = async {
        tokio::signal::ctrl_c().await?;
        sleep(Duration::from_secs(10)).await;
        Ok(())
    };
    tokio::select! {
        ended = worker.run_until(tokio::signal::ctrl_c()) => Ok(ended?),
        late = late => late,
    }
}

/// If a worker sends no heartbeat for 15 seconds, others get its tasks. Workers fetch tasks one by one, since apalis
/// sends no heartbeat while tasks wait within the worker.
async fn queue() -> Result<RedisStorage<Upload>, BoxDynError> {
    let config = Config::default().queue("fleet").batch_size(1);
    let config = config.heartbeat_interval(seconds("HEARTBEAT", "5")?).missed_heartbeats(3);
    Ok(RedisStorage::new(apalis_redis::connect(redis_url()).await?).with_config(config))
}

async fn put(user: &str, folder: &Path) -> Result<(), BoxDynError> {
    let mut queue = queue().await?;
    let mut open = Vec::new();
    for file in std::fs::read_dir(folder.canonicalize()?)? {
        let upload = Upload { user: user.to_owned(), path: file?.path() };
        if !upload.path.is_file() {
            continue;
        }
        let ledger = Ledger::of(queue.get_connection(), &upload);
        let seen = ledger.read().await?;
        if let Some(State::Failed(_)) = &seen {
            ledger.change(seen.as_ref(), &State::Claimed { by: "put".to_owned() }).await?;
        }
        // A file that is under way has its task in the queue.
        if matches!(seen, None | Some(State::Failed(_))) {
            queue.push(upload.clone()).await?;
        }
        open.push((ledger, upload.path));
    }
    println!("{} files are in the queue or were put before", open.len());
    while !open.is_empty() {
        sleep(Duration::from_millis(500)).await;
        for (ledger, path) in std::mem::take(&mut open) {
            match ledger.read().await? {
                Some(State::Done(asset)) => println!("{}: {asset}", path.display()),
                Some(State::Failed(reason)) => println!("{}: failed: {reason}", path.display()),
                Some(State::Unknown(reason)) => println!("{}: unknown: {reason}", path.display()),
                _ => open.push((ledger, path)),
            }
        }
    }
    Ok(())
}
