//! A login in Redis holds: between processes, when one is killed or stands still, and when Redis is away.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use canva_connect::auth::{Integration, OAuth, OAuthError, TokenStore, Tokens};
use canva_connect::{BoxError, TokenProvider, operations, reqwest};
use canva_connect_redis::{Redis, RedisError, RedisStore, StoreError};
use canva_simulator::{Fault, Simulator};

use crate::process::{Process, variable};
use crate::server::Server;

const REDIRECT_URI: &str = "https://example.com/return";
const USER: &str = "ada";
const ROW: &str = "canva-connect:tokens:{ada}";

/// The shortest lease that a busy machine doesn't miss by itself.
const LEASE: Duration = Duration::from_secs(1);

fn integration(simulator: &Simulator) -> Integration {
    let integration = Integration::builder(simulator.client_id(), simulator.client_secret(), REDIRECT_URI);
    integration.token_url(simulator.token_url()).build().unwrap()
}

fn store(server: &Server) -> RedisStore {
    server.open().store(USER)
}

fn oauth(simulator: &Simulator, server: &Server) -> OAuth {
    OAuth::new(integration(simulator), store(server))
}

/// Logs in as a user would.
async fn log_in(simulator: &Simulator, oauth: &OAuth) {
    let login = integration(simulator).authorize(operations::scopes(operations::ALL)).unwrap();
    let url = reqwest::Url::parse(&login.url).unwrap();
    let parameter = |name| url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    let code = simulator.authorize(&parameter("code_challenge"), parameter("scope").split(' '), REDIRECT_URI);
    oauth.finish(&login, &format!("code={code}&state={}", login.state)).await.unwrap();
}

/// A login whose access token has ended.
async fn expired(server: &Server) -> Simulator {
    let simulator = Simulator::start().await.unwrap();
    log_in(&simulator, &oauth(&simulator, server)).await;
    let tokens = kept(server).await;
    let refresh = tokens.refresh_token.unwrap();
    store(server).save(&Tokens::new(tokens.access_token, refresh, Duration::ZERO)).await.unwrap();
    simulator
}

async fn kept(server: &Server) -> Tokens {
    store(server).load().await.unwrap().unwrap()
}

/// How often a token was asked for: once for the login, and then for each refresh.
fn token_requests(simulator: &Simulator) -> usize {
    simulator.requests().iter().filter(|request| request.path.ends_with("/oauth/token")).count()
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn store_error(error: &BoxError) -> &StoreError {
    match error.downcast_ref() {
        Some(OAuthError::Store { source, .. }) => source.downcast_ref().unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Another process, with a login of its own in the same Redis.
fn process(simulator: &Simulator, server: &Server, lease: Duration) -> Process {
    let variables = [
        ("REDIS", &*server.url()),
        ("TOKEN_URL", simulator.token_url()),
        ("CLIENT_ID", simulator.client_id()),
        ("CLIENT_SECRET", simulator.client_secret()),
        ("LEASE", &lease.as_millis().to_string()),
    ];
    Process::start("tokens::another_process", &variables)
}

/// Does what each line says, and tells how it went.
#[test]
#[ignore = "a process that other tests start"]
fn another_process() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let redis = Redis::open(&variable("REDIS")).unwrap();
    let store = || redis.store(USER).lease(Duration::from_millis(variable("LEASE").parse().unwrap()));
    let integration = Integration::builder(variable("CLIENT_ID"), variable("CLIENT_SECRET"), REDIRECT_URI);
    let oauth = OAuth::new(integration.token_url(variable("TOKEN_URL")).build().unwrap(), store());
    let mut locks = Vec::new();
    for line in std::io::stdin().lines() {
        let told = match line.unwrap().as_str() {
            "lock" => {
                locks.push(runtime.block_on(store().lock()).unwrap());
                "locked".to_owned()
            }
            _ => match runtime.block_on(oauth.token()) {
                Ok(token) => token.expose().to_owned(),
                Err(error) => {
                    let causes = std::iter::successors(Some(&*error as &dyn std::error::Error), |error| error.source());
                    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
                }
            },
        };
        eprintln!("{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_processes_at_expiry_refresh_once() {
    let Some(server) = Server::start() else { return };
    let simulator = expired(&server).await;
    simulator.inject("token", 1.., Fault::Delay(Duration::from_millis(200))).unwrap();
    let mut processes: Vec<_> = (0..50).map(|_| process(&simulator, &server, 30 * LEASE)).collect();
    processes.iter_mut().for_each(|process| process.ask("token"));
    let told: BTreeSet<String> = processes.iter_mut().map(Process::told).collect();
    assert_eq!(told, BTreeSet::from([kept(&server).await.access_token.expose().to_owned()]));
    assert_eq!(token_requests(&simulator), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_others_go_on_when_a_holder_is_killed() {
    let Some(server) = Server::start() else { return };
    let simulator = expired(&server).await;
    let mut holder = process(&simulator, &server, LEASE);
    holder.ask("lock");
    assert_eq!(holder.told(), "locked");
    drop(holder);
    let mut others = [(); 3].map(|()| process(&simulator, &server, LEASE));
    // They wait for the end of the lease.
    others.iter_mut().for_each(|process| process.ask("token"));
    let told = others.each_mut().map(Process::told);
    let now = kept(&server).await;
    assert!(told.iter().all(|told| told == now.access_token.expose()), "{told:?}");
    assert_eq!(token_requests(&simulator), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_keeps_the_tokens_locked_for_longer_than_a_lease() {
    let Some(server) = Server::start() else { return };
    let (first, other) = (store(&server).lease(LEASE), store(&server).lease(LEASE));
    let lock = first.lock().await.unwrap();
    assert!(tokio::time::timeout(3 * LEASE, other.lock()).await.is_err(), "locked twice");
    drop(lock);
    let _lock = tokio::time::timeout(Duration::from_secs(10), other.lock()).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_with_the_same_random_numbers_lock_one_after_the_other() {
    let Some(server) = Server::start() else { return };
    fastrand::seed(1);
    let _lock = store(&server).lock().await.unwrap();
    let other = store(&server);
    fastrand::seed(1);
    assert!(tokio::time::timeout(Duration::from_millis(500), other.lock()).await.is_err(), "locked twice");
}

/// A process that stands still in the middle of a refresh, past its lease.
async fn standing_still(server: &Server) -> (Simulator, Process) {
    let simulator = expired(server).await;
    simulator.inject("token", 1..=1, Fault::Delay(Duration::from_secs(1))).unwrap();
    let mut process = process(&simulator, server, LEASE);
    process.ask("token");
    until(|| token_requests(&simulator) == 2).await;
    process.signal("-STOP");
    tokio::time::sleep(LEASE * 3 / 2).await;
    (simulator, process)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_that_stood_still_overwrites_no_newer_login() {
    let Some(server) = Server::start() else { return };
    let (simulator, mut process) = standing_still(&server).await;
    log_in(&simulator, &OAuth::new(integration(&simulator), store(&server).lease(LEASE))).await;
    let newer = kept(&server).await;
    process.signal("-CONT");
    let told = process.told();
    assert!(told.contains("another process has locked the tokens since"), "{told}");
    assert_eq!(kept(&server).await, newer);
    // It has come by tokens all the same, of the login that ended. It goes on with the newer one.
    process.ask("token");
    assert_eq!(process.told(), newer.access_token.expose());
    assert_eq!(kept(&server).await, newer);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_that_stood_still_saves_when_nobody_has_locked_meanwhile() {
    let Some(server) = Server::start() else { return };
    let (_simulator, mut process) = standing_still(&server).await;
    process.signal("-CONT");
    assert_eq!(process.told(), kept(&server).await.access_token.expose());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_lost_the_lock_refreshes_nothing() {
    let Some(server) = Server::start() else { return };
    let simulator = expired(&server).await;
    let first = store(&server);
    let _lost = first.lock().await.unwrap();
    let () = redis::cmd("HSET").arg(ROW).arg("until").arg(0).query(&mut server.connect()).unwrap();
    let _lock = store(&server).lock().await.unwrap();
    let error = first.load().await.unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(StoreError::Superseded)), "{error:?}");
    let tokens = Tokens::new("stale", "stale", Duration::from_secs(3600));
    let error = first.save(&tokens).await.unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(StoreError::Superseded)), "{error:?}");
    assert_eq!(token_requests(&simulator), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_save_without_a_lock_waits_for_who_has_it() {
    let Some(server) = Server::start() else { return };
    let lock = store(&server).lock().await.unwrap();
    let tokens = Tokens::new("access", "refresh", Duration::from_secs(3600));
    let other = store(&server);
    let mut save = Box::pin(other.save(&tokens));
    assert!(tokio::time::timeout(Duration::from_secs(1), &mut save).await.is_err());
    drop(lock);
    save.await.unwrap();
    assert_eq!(kept(&server).await, tokens);
}

/// A Redis that is killed while a refresh is under way, and what the caller is told once it is there again.
async fn restarted_in_the_middle(server: Server) {
    let simulator = expired(&server).await;
    simulator.inject("token", 1..=1, Fault::Delay(Duration::from_millis(500))).unwrap();
    let provider = oauth(&simulator, &server);
    let told = tokio::spawn({
        let provider = provider.clone();
        async move { provider.token().await }
    });
    until(|| token_requests(&simulator) == 2).await;
    server.kill();
    // The response comes while Redis is away.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    server.restart();
    let token = told.await.unwrap().unwrap();
    assert_eq!(token, kept(&server).await.access_token);
    assert_eq!(token, oauth(&simulator, &server).token().await.unwrap());
    assert_eq!(token_requests(&simulator), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_restarts_during_a_refresh_loses_no_login() {
    let Some(server) = Server::start_persistent() else { return };
    restarted_in_the_middle(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_loses_all_during_a_refresh_loses_no_login() {
    let Some(server) = Server::start() else { return };
    restarted_in_the_middle(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_redis_was_away_for_is_saved_late() {
    let Some(server) = Server::start_persistent() else { return };
    let simulator = expired(&server).await;
    simulator.inject("token", 1..=1, Fault::Delay(Duration::from_secs(1))).unwrap();
    let provider = OAuth::new(integration(&simulator), store(&server).lease(LEASE));
    let told = tokio::spawn({
        let provider = provider.clone();
        async move { provider.token().await }
    });
    until(|| token_requests(&simulator) == 2).await;
    server.kill();
    let error = told.await.unwrap().unwrap_err();
    assert!(matches!(store_error(&error), StoreError::Redis(RedisError::Away { .. })), "{error:?}");
    server.restart();
    let token = provider.token().await.unwrap();
    assert_eq!(token, kept(&server).await.access_token);
    assert_eq!(token_requests(&simulator), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_away_or_slow_costs_no_refresh_token_and_little_time() {
    let Some(server) = Server::start_persistent() else { return };
    let simulator = expired(&server).await;
    let provider = oauth(&simulator, &server);
    for stop in [Server::freeze, Server::kill] {
        stop(&server);
        let began = Instant::now();
        let error = provider.token().await.unwrap_err();
        assert!(matches!(store_error(&error), StoreError::Redis(RedisError::Away { .. })), "{error:?}");
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    }
    assert_eq!(token_requests(&simulator), 1);
    server.restart();
    provider.token().await.unwrap();
    assert_eq!(token_requests(&simulator), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_a_frozen_redis_takes_late_is_given_back() {
    let Some(server) = Server::start() else { return };
    let first = store(&server);
    // Redis knows the scripts.
    drop(first.lock().await.unwrap());
    drop(first.lock().await.unwrap());
    server.freeze();
    first.lock().await.unwrap_err();
    // Longer than a single try to unlock takes.
    tokio::time::sleep(Duration::from_secs(5)).await;
    server.thaw();
    let other = store(&server);
    let _lock = tokio::time::timeout(Duration::from_secs(15), other.lock()).await.expect("still locked").unwrap();
}

#[test]
fn a_process_that_ends_right_after_a_save_keeps_nobody_waiting() {
    let Some(server) = Server::start() else { return };
    let tokens = Tokens::new("access", "refresh", Duration::from_secs(3600));
    let began = Instant::now();
    for _ in 0..2 {
        // It ends before anything that it has begun beside.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(store(&server).save(&tokens)).unwrap();
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

/// As a cron job does whose refresh failed.
#[test]
fn a_process_that_ends_right_after_a_failed_refresh_keeps_nobody_waiting() {
    let Some(server) = Server::start() else { return };
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let canva = runtime();
    let simulator = canva.block_on(Simulator::start()).unwrap();
    let tokens = Tokens::new("access", "refresh", Duration::ZERO);
    canva.block_on(store(&server).save(&tokens)).unwrap();
    let began = Instant::now();
    // Few of them end at the moment that matters.
    for _ in 0..300 {
        let process = runtime();
        process.block_on(oauth(&simulator, &server).token()).unwrap_err();
        process.shutdown_background();
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_save_ends_the_lock_and_no_renewal_takes_it_again() {
    let Some(server) = Server::start() else { return };
    let (first, other) = (store(&server).lease(LEASE), store(&server).lease(LEASE));
    let _lock = first.lock().await.unwrap();
    first.save(&Tokens::new("access", "refresh", Duration::from_secs(3600))).await.unwrap();
    tokio::time::sleep(LEASE).await;
    let _other = tokio::time::timeout(Duration::from_secs(10), other.lock()).await.expect("still locked").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_save_whose_reply_was_lost_succeeds_when_others_have_locked_what_it_saved() {
    let Some(server) = Server::start() else { return };
    let first = store(&server);
    let _lock = first.lock().await.unwrap();
    let tokens = Tokens::new("access", "refresh", Duration::from_secs(3600));
    first.save(&tokens).await.unwrap();
    let _other = store(&server).lock().await.unwrap();
    first.save(&tokens).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_after_redis_lost_everything_outlives_an_older_refresh() {
    let Some(server) = Server::start() else { return };
    let tokens = |name: &str| Tokens::new(name, name, Duration::from_secs(3600));
    // Many have locked the tokens before.
    for _ in 0..3 {
        store(&server).save(&tokens("before")).await.unwrap();
    }
    let refreshes = store(&server);
    let _lock = refreshes.lock().await.unwrap();
    redis::cmd("FLUSHALL").exec(&mut server.connect()).unwrap();
    store(&server).save(&tokens("newer")).await.unwrap();
    let error = refreshes.save(&tokens("older")).await.unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(StoreError::Superseded)), "{error:?}");
    assert_eq!(kept(&server).await, tokens("newer"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_somebody_writes_into_redis_a_login_ends_it() {
    let Some(server) = Server::start() else { return };
    let mut redis = server.connect();
    let tokens = Tokens::new("access", "refresh", Duration::from_secs(3600));
    let garbage = ["", "abc", "inf", "-inf", "nan", "-5", "1.5", "1e308", "0x10", "18446744073709551616", "\0"];
    let of = |field| garbage.map(|value| vec!["HSET", ROW, field, value]);
    let long = "x".repeat(100_000);
    let others = [
        vec!["SET", ROW, "text"],
        vec!["RPUSH", ROW, "element"],
        vec!["ZADD", ROW, "1", "member"],
        vec!["HSET", ROW, "tokens", &long],
        vec!["HSET", ROW, "holder", "\u{1b}[2J", "until", "9e15"],
    ];
    let fields = ["number", "until", "holder", "tokens"].into_iter().flat_map(of);
    for command in fields.chain(others) {
        redis::cmd("FLUSHALL").exec(&mut redis).unwrap();
        store(&server).save(&tokens).await.unwrap();
        if command[0] != "HSET" {
            redis::cmd("DEL").arg(ROW).exec(&mut redis).unwrap();
        }
        redis::cmd(command[0]).arg(&command[1..]).exec(&mut redis).unwrap();
        // Either the tokens are still there, or the error says what is wrong.
        if let Err(error) = store(&server).load().await {
            assert!(
                matches!(error.downcast_ref(), Some(StoreError::Unreadable { .. } | StoreError::TooLong { .. })),
                "{command:?}: {error:?}"
            );
            assert!(error.to_string().contains(ROW), "{error}");
        }
        store(&server).save(&tokens).await.unwrap();
        assert_eq!(kept(&server).await, tokens, "{command:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_is_too_long_for_tokens_stays_in_redis() {
    let Some(server) = Server::start() else { return };
    let mut redis = server.connect();
    redis::cmd("HSET").arg(ROW).arg("tokens").arg(vec![b'x'; 10 << 20]).exec(&mut redis).unwrap();
    let error = store(&server).load().await.unwrap_err();
    assert!(
        matches!(error.downcast_ref(), Some(StoreError::TooLong { .. })) && error.to_string().contains(ROW),
        "{error:?}"
    );
    let stats: String = redis::cmd("INFO").arg("stats").query(&mut redis).unwrap();
    let sent = stats.lines().find_map(|line| line.strip_prefix("total_net_output_bytes:")).unwrap();
    assert!(sent.trim().parse::<u64>().unwrap() < 100_000, "{sent} bytes");
    // Nor is put there what couldn't be loaded.
    let tokens = Tokens::new("a".repeat(100_000), "refresh", Duration::from_secs(3600));
    let error = store(&server).save(&tokens).await.unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(StoreError::TooLong { .. })), "{error:?}");
}
