//! Worker processes, on any number of machines, that upload files for several Canva users. README.md says how to run it.
//!
//! `worker.rs` is what to copy: what a worker does with a task. `ledger.rs` is what it remembers of each file.
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
use clap::{Parser, Subcommand};
use tokio::process::Command;
use tokio::time::sleep;

use ledger::{Ledger, State, Upload};
use worker::Fleet;

#[derive(Clone, Parser)]
struct Args {
    /// The Redis that all machines share.
    #[arg(long, global = true, default_value = "redis://127.0.0.1:6379")]
    redis: String,
    /// Where Canva is, or a simulator.
    #[arg(long, global = true, default_value = "http://127.0.0.1:4080/rest")]
    base_url: String,
    /// The seconds over which Canva counts requests; fewer are for tests with a simulator that does the same.
    #[arg(long, global = true, default_value_t = 60)]
    window: u64,
    #[command(subcommand)]
    task: Task,
}

#[derive(Clone, Subcommand)]
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
    let args = Args::parse();
    match &args.task {
        Task::Simulate { users } => simulate(&args, users).await,
        Task::Workers { count, chaos } => workers(&args, *count, *chaos).await,
        Task::Worker => worker(&args).await,
        Task::Put { user, folder } => put(&args, user, folder).await,
    }
}

async fn simulate(args: &Args, users: &[String]) -> Result<(), BoxDynError> {
    let token = |user: &String| format!("{user}-{:032x}", fastrand::u128(..));
    let logins: Vec<(&String, String)> = users.iter().map(|user| (user, token(user))).collect();
    let mut simulator = Simulator::builder().port(4080).job_duration(Duration::from_secs(2));
    simulator = simulator.rate_limits(RateLimits::SlidingWindow).rate_window(Duration::from_secs(args.window));
    for (user, token) in &logins {
        simulator = simulator.access(Access::new(token).user(*user, "team"));
    }
    let simulator = simulator.start().await?;
    let redis = Redis::open(&args.redis)?;
    for (user, token) in logins {
        // A service's users log in with `OAuth::log_in` and this store.
        redis.store(user).save(&Tokens::new(token, "", Duration::from_secs(4 * 60 * 60))).await?;
    }
    println!("{} has {}; Ctrl-C ends it", simulator.base_url(), users.join(", "));
    tokio::signal::ctrl_c().await?;
    println!("it was sent {} files", simulator.assets().len());
    Ok(())
}

async fn workers(args: &Args, count: usize, chaos: bool) -> Result<(), BoxDynError> {
    let start = || {
        let mut worker = Command::new(std::env::current_exe()?);
        worker.args(["--redis", &args.redis, "--base-url", &args.base_url, "--window", &args.window.to_string()]);
        worker.arg("worker").kill_on_drop(true).spawn()
    };
    let mut workers = (0..count).map(|_| start()).collect::<Result<Vec<_>, _>>()?;
    loop {
        tokio::select! {
            () = sleep(Duration::from_secs(1)) => {}
            ended = tokio::signal::ctrl_c() => return Ok(ended?),
        }
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
}

async fn worker(args: &Args) -> Result<(), BoxDynError> {
    let fleet = Fleet::new(args.clone()).await?;
    let backend = queue(args).await?.poll_with_interval(Duration::from_millis(200));
    let worker = WorkerBuilder::new(format!("{:016x}", fastrand::u64(..))).backend(backend);
    Ok(worker.concurrency(8).data(fleet).build(worker::upload).run_until(tokio::signal::ctrl_c()).await?)
}

/// The tasks of a worker that isn't heard of for 15 seconds are given to others. One at a time is fetched, since apalis sends no
/// heartbeat while it has tasks that wait within the worker.
async fn queue(args: &Args) -> Result<RedisStorage<Upload>, BoxDynError> {
    let config = Config::default().queue("fleet").batch_size(1);
    let config = config.heartbeat_interval(Duration::from_secs(5)).missed_heartbeats(3);
    Ok(RedisStorage::new(apalis_redis::connect(args.redis.as_str()).await?).with_config(config))
}

async fn put(args: &Args, user: &str, folder: &Path) -> Result<(), BoxDynError> {
    let mut queue = queue(args).await?;
    let mut open = Vec::new();
    for file in std::fs::read_dir(folder.canonicalize()?)? {
        let upload = Upload { user: user.to_owned(), path: file?.path() };
        queue.push(upload.clone()).await?;
        open.push((Ledger::of(queue.get_connection(), &upload), upload.path));
    }
    println!("{} files are in the queue", open.len());
    while !open.is_empty() {
        sleep(Duration::from_millis(500)).await;
        for (ledger, path) in std::mem::take(&mut open) {
            match ledger.read().await? {
                Some(State::Done(asset)) => println!("{}: {asset}", path.display()),
                Some(State::Failed(reason)) => println!("{}: failed: {reason}", path.display()),
                Some(State::Unknown) => println!("{}: unknown; look in Canva before you put it again", path.display()),
                _ => open.push((ledger, path)),
            }
        }
    }
    Ok(())
}
