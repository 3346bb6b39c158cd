//! Measures what a permit costs, with a Redis of your own:
//!
//! ```sh
//! redis-server --port 6390 --save '' &
//! cargo run --release -p canva-connect-redis --example permits -- redis://127.0.0.1:6390
//! ```
//!
//! It deletes everything in that Redis, and waits a minute first if Redis has just started.

#![allow(clippy::print_stdout)]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use canva_connect::Pacer;
use canva_connect::operations::{CREATE_ASSET_UPLOAD_JOB, Operation};
use canva_connect_redis::{Redis, RedisPacing};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Its requests never wait.
static WIDE: Operation = Operation::new("wide", "GET", "/v1/wide").requests_per_minute(1_000_000);

const PERMITS: u32 = 5_000;
const PROCESSES: u32 = 4;
const USERS: u32 = 1_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let url = std::env::args().nth(1).ok_or("expected the URL of a Redis")?;
    let redis = Redis::open(&url)?;
    if std::env::args().nth(2).is_some() {
        return take(&redis.pacing("user"), PERMITS).await.map(drop);
    }
    let mut direct = redis::Client::open(url.as_str())?.get_connection()?;
    redis::cmd("FLUSHALL").exec(&mut direct)?;
    println!("waiting for the first permit ...");
    take(&redis.pacing("user"), 1).await?;

    let calls = scripts_run(&mut direct)?;
    let mut times = take(&redis.pacing("user"), PERMITS).await?;
    let calls = scripts_run(&mut direct)? - calls;
    times.sort_unstable();
    let at = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or_default();
    println!(
        "a permit: median {:?}, 99 % within {:?}; {:.3} calls each",
        at(50),
        at(99),
        calls as f64 / f64::from(PERMITS)
    );

    let begun = Instant::now();
    let start = || Command::new(std::env::current_exe()?).args([&url, "worker"]).stdout(Stdio::null()).spawn();
    let workers: Vec<_> = (0..PROCESSES).map(|_| start()).collect::<std::io::Result<_>>()?;
    for mut worker in workers {
        if !worker.wait()?.success() {
            return Err("a worker failed".into());
        }
    }
    let rate = f64::from(PROCESSES * PERMITS) / begun.elapsed().as_secs_f64();
    println!("{PROCESSES} processes for one user: {rate:.0} permits a second");

    redis::cmd("FLUSHALL").exec(&mut direct)?;
    let before = used_memory(&mut direct)?;
    for user in 0..USERS {
        let pacing = redis.pacing(format!("user-{user}"));
        for _ in 0..CREATE_ASSET_UPLOAD_JOB.requests_per_minute.unwrap_or_default() {
            pacing.acquire(&CREATE_ASSET_UPLOAD_JOB, Duration::ZERO).await?.sent();
        }
    }
    let bytes = (used_memory(&mut direct)? - before) / u64::from(USERS);
    println!("a user who has just used all permits of an upload: {bytes} bytes in Redis");
    Ok(())
}

/// Takes permits one after another, and returns how long each took.
async fn take(pacing: &RedisPacing, permits: u32) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    for _ in 0..permits {
        let begun = Instant::now();
        pacing.acquire(&WIDE, Duration::ZERO).await?.sent();
        times.push(begun.elapsed());
    }
    Ok(times)
}

fn info(redis: &mut redis::Connection, section: &str, field: &str) -> Result<u64> {
    let info: String = redis::cmd("INFO").arg(section).query(redis)?;
    let value = info.lines().find_map(|line| line.strip_prefix(field));
    let digits = value.unwrap_or("0").split(|c: char| !c.is_ascii_digit()).next().unwrap_or("0");
    Ok(digits.parse()?)
}

fn scripts_run(redis: &mut redis::Connection) -> Result<u64> {
    info(redis, "commandstats", "cmdstat_evalsha:calls=")
}

fn used_memory(redis: &mut redis::Connection) -> Result<u64> {
    info(redis, "memory", "used_memory:")
}
