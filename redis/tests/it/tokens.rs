//! A login in Redis holds: between processes, when one is killed or stands still, and when Redis is away.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use canva_connect::auth::{Integration, OAuth, OAuthError, TokenStore, Tokens};
use canva_connect::{BoxError, TokenProvider, operations, reqwest};
use canva_connect_redis::{EncryptionKey, Redis, RedisError, RedisStore, StoreError};
use canva_simulator::{Fault, Simulator};

use crate::server::{Server, server_or_skip};

const REDIRECT_URI: &str = "https://example.com/return";
const USER: &str = "ada";
const ROW: &str = "canva-connect:tokens:{ada}";

fn integration(simulator: &Simulator) -> Integration {
    let integration = Integration::builder(simulator.client_id(), simulator.client_secret(), REDIRECT_URI);
    integration.base_url(simulator.base_url()).build().unwrap()
}

/// A second, where programs have half a minute.
const LEASE: Duration = Duration::from_secs(1);

fn store(server: &Server) -> RedisStore {
    server.open().store(USER).lease(LEASE)
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
    let mut tokens = kept(server).await;
    tokens.expires_at = std::time::SystemTime::UNIX_EPOCH;
    store(server).save(&tokens).await.unwrap();
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

/// Ends the lease as time would.
fn end_lease(server: &Server) {
    let () = redis::cmd("HSET").arg(ROW).arg("until").arg(0).query(&mut server.connect()).unwrap();
}

fn store_error(error: &BoxError) -> &StoreError {
    match error.downcast_ref() {
        Some(OAuthError::Store { source, .. }) => source.downcast_ref().unwrap(),
        other => panic!("{other:?}"),
    }
}

/// This binary as another process, with a login of its own in the same Redis.
struct Process {
    child: Child,
    stdin: ChildStdin,
    stderr: BufReader<ChildStderr>,
}

impl Process {
    fn start(simulator: &Simulator, server: &Server) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["tokens::another_process", "--exact", "--ignored", "--nocapture"]);
        command.env("REDIS", server.url()).env("BASE_URL", simulator.base_url());
        command.env("CLIENT_ID", simulator.client_id()).env("CLIENT_SECRET", simulator.client_secret());
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (stdin, stderr) = (child.stdin.take().unwrap(), BufReader::new(child.stderr.take().unwrap()));
        Self { child, stdin, stderr }
    }

    fn ask(&mut self, what: &str) {
        writeln!(self.stdin, "{what}").unwrap();
    }

    fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success());
    }

    fn told(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Does what each line says, and tells how it went.
#[test]
#[ignore = "a process that other tests start"]
fn another_process() {
    let Ok(redis) = std::env::var("REDIS") else { return };
    let env = |name| std::env::var(name).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let redis = Redis::open(&redis).unwrap();
    let integration = Integration::builder(env("CLIENT_ID"), env("CLIENT_SECRET"), REDIRECT_URI);
    let oauth = OAuth::new(integration.base_url(env("BASE_URL")).build().unwrap(), redis.store(USER).lease(LEASE));
    let mut locks = Vec::new();
    for line in std::io::stdin().lines() {
        let told = match line.unwrap().as_str() {
            "lock" => {
                locks.push(runtime.block_on(redis.store(USER).lease(LEASE).lock()).unwrap());
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
        writeln!(std::io::stderr(), "{told}").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_processes_at_expiry_refresh_once() {
    let server = server_or_skip!(start());
    let simulator = expired(&server).await;
    simulator.inject("token", 1.., Fault::Delay(Duration::from_millis(200))).unwrap();
    let mut processes: Vec<_> = (0..50).map(|_| Process::start(&simulator, &server)).collect();
    processes.iter_mut().for_each(|process| process.ask("token"));
    let told: BTreeSet<String> = processes.iter_mut().map(Process::told).collect();
    assert_eq!(told, BTreeSet::from([kept(&server).await.access_token.expose().to_owned()]));
    assert_eq!(token_requests(&simulator), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_others_go_on_when_a_holder_is_killed() {
    let server = server_or_skip!(start());
    let simulator = expired(&server).await;
    let mut holder = Process::start(&simulator, &server);
    holder.ask("lock");
    assert_eq!(holder.told(), "locked");
    drop(holder);
    let mut others = [(); 3].map(|()| Process::start(&simulator, &server));
    // They wait for the end of the lease.
    others.iter_mut().for_each(|process| process.ask("token"));
    let told = others.each_mut().map(Process::told);
    let now = kept(&server).await;
    assert!(told.iter().all(|told| told == now.access_token.expose()), "{told:?}");
    assert_eq!(token_requests(&simulator), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_keeps_the_tokens_locked_for_longer_than_a_lease() {
    let server = server_or_skip!(start());
    let first = store(&server);
    let lock = first.lock().await.unwrap();
    let other = store(&server);
    assert!(tokio::time::timeout(LEASE * 4, other.lock()).await.is_err(), "locked twice");
    drop(lock);
    let _lock = tokio::time::timeout(Duration::from_secs(10), other.lock()).await.unwrap().unwrap();
}

/// A process that stands still in the middle of a refresh, past its lease.
async fn standing_still(server: &Server) -> (Simulator, Process) {
    let simulator = expired(server).await;
    simulator.inject("token", 1..=1, Fault::Delay(Duration::from_secs(1))).unwrap();
    let mut process = Process::start(&simulator, server);
    process.ask("token");
    until(|| token_requests(&simulator) == 2).await;
    process.signal("-STOP");
    end_lease(server);
    (simulator, process)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_that_stood_still_overwrites_no_newer_login() {
    let server = server_or_skip!(start());
    let (simulator, mut process) = standing_still(&server).await;
    log_in(&simulator, &oauth(&simulator, &server)).await;
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
    let server = server_or_skip!(start());
    let (_simulator, mut process) = standing_still(&server).await;
    process.signal("-CONT");
    assert_eq!(process.told(), kept(&server).await.access_token.expose());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_lost_the_lock_refreshes_nothing() {
    let server = server_or_skip!(start());
    let simulator = expired(&server).await;
    let first = store(&server);
    let _lost = first.lock().await.unwrap();
    end_lease(&server);
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
    let server = server_or_skip!(start());
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
    simulator.inject("token", 1..=1, Fault::Delay(Duration::from_secs(1))).unwrap();
    let provider = oauth(&simulator, &server);
    let told = tokio::spawn({
        let provider = provider.clone();
        async move { provider.token().await }
    });
    until(|| token_requests(&simulator) == 2).await;
    server.kill();
    // The response comes while Redis is away.
    tokio::time::sleep(Duration::from_secs(3)).await;
    server.restart();
    let token = told.await.unwrap().unwrap();
    assert_eq!(token, kept(&server).await.access_token);
    assert_eq!(token, oauth(&simulator, &server).token().await.unwrap());
    assert_eq!(token_requests(&simulator), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_restarts_during_a_refresh_loses_no_login() {
    restarted_in_the_middle(server_or_skip!(start_persistent())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_loses_all_during_a_refresh_loses_no_login() {
    restarted_in_the_middle(server_or_skip!(start())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_redis_was_away_for_is_saved_late() {
    let server = server_or_skip!(start_persistent());
    let simulator = expired(&server).await;
    simulator.inject("token", 1..=1, Fault::Delay(Duration::from_secs(1))).unwrap();
    let provider = oauth(&simulator, &server);
    let told = tokio::spawn({
        let provider = provider.clone();
        async move { provider.token().await }
    });
    until(|| token_requests(&simulator) == 2).await;
    server.kill();
    let error = told.await.unwrap().unwrap_err();
    assert!(matches!(store_error(&error), StoreError::Redis(RedisError::Away { .. })), "{error:?}");
    server.restart();
    end_lease(&server);
    let token = provider.token().await.unwrap();
    assert_eq!(token, kept(&server).await.access_token);
    assert_eq!(token_requests(&simulator), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_away_or_slow_costs_no_refresh_token_and_little_time() {
    let server = server_or_skip!(start_persistent());
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

const KEY: &str = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=";
const OTHER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn keys<const N: usize>(keys: [&str; N]) -> [EncryptionKey; N] {
    keys.map(|key| key.parse().unwrap())
}

/// Everything that Redis keeps, as it writes it to the disk.
fn dump(server: &Server) -> Vec<u8> {
    let mut connection = server.connect();
    let () = redis::cmd("CONFIG").arg("SET").arg("rdbcompression").arg("no").query(&mut connection).unwrap();
    let () = redis::cmd("SAVE").query(&mut connection).unwrap();
    let (_, directory): (String, String) = redis::cmd("CONFIG").arg("GET").arg("dir").query(&mut connection).unwrap();
    std::fs::read(std::path::Path::new(&directory).join("dump.rdb")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_token_is_in_the_clear_when_a_key_is_given() {
    let server = server_or_skip!(start());
    let redis = server.open();
    let (access, refresh) = ("access-8fb1c2d0e7a94b36", "refresh-55d1e0c7b2f84a96");
    let tokens = Tokens::new(access, refresh, Duration::from_secs(3600));
    // Eight characters of a token would be found; so would both tokens without a key.
    let pieces = |token: &'static str| token.as_bytes().windows(8);
    let found = |dump: &[u8]| {
        let found = |piece: &[u8]| dump.windows(piece.len()).any(|it| it == piece);
        pieces(access).chain(pieces(refresh)).filter(|piece| found(piece)).count()
    };
    redis.clone().encryption_keys(keys([KEY])).store(USER).save(&tokens).await.unwrap();
    assert_eq!(found(&dump(&server)), 0);
    redis.store("open").save(&tokens).await.unwrap();
    assert_eq!(found(&dump(&server)), pieces(access).chain(pieces(refresh)).count());
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_read_with_the_right_key_in_their_own_place_alone() {
    let server = server_or_skip!(start());
    let redis = server.open();
    let tokens = Tokens::new("an-access-token", "a-refresh-token", Duration::from_secs(3600));
    let with = |given: &[&str]| {
        let keys: Vec<EncryptionKey> = given.iter().map(|key| key.parse().unwrap()).collect();
        redis.clone().encryption_keys(keys)
    };
    let error = |loaded: Result<Option<Tokens>, BoxError>| {
        let error = loaded.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(![KEY, OTHER_KEY, "an-access-token", "a-refresh-token"].iter().any(|it| shown.contains(it)), "{shown}");
        *error.downcast::<StoreError>().unwrap()
    };
    let old = with(&[KEY]);
    old.store(USER).save(&tokens).await.unwrap();
    assert_eq!(old.store(USER).load().await.unwrap().unwrap(), tokens);
    assert!(matches!(error(with(&[OTHER_KEY]).store(USER).load().await), StoreError::WrongKey));
    assert!(matches!(error(redis.store(USER).load().await), StoreError::NoKey));

    // A new key writes, and both read, until everybody has it.
    let new = with(&[OTHER_KEY, KEY]);
    assert_eq!(new.store(USER).load().await.unwrap().unwrap(), tokens);
    new.store(USER).save(&tokens).await.unwrap();
    assert_eq!(with(&[OTHER_KEY]).store(USER).load().await.unwrap().unwrap(), tokens);
    assert!(matches!(error(old.store(USER).load().await), StoreError::WrongKey));

    // One user's tokens are nobody else's, and no byte of them can be changed.
    let mut connection = server.connect();
    let sealed: Vec<u8> = redis::cmd("HGET").arg(ROW).arg("tokens").query(&mut connection).unwrap();
    let mut put = |user: &str, value: &[u8]| {
        let key = format!("canva-connect:tokens:{{{user}}}");
        let () = redis::cmd("HSET").arg(key).arg("tokens").arg(value).query(&mut connection).unwrap();
    };
    put("eve", &sealed);
    assert!(matches!(error(new.store("eve").load().await), StoreError::WrongKey));
    for (place, byte) in sealed.iter().enumerate() {
        let mut changed = sealed.clone();
        changed[place] = byte ^ 1;
        put(USER, &changed);
        let error = error(new.store(USER).load().await);
        assert!(matches!(error, StoreError::WrongKey | StoreError::InTheClear), "{place}: {error:?}");
    }
    for length in 0..sealed.len() {
        put(USER, &sealed[..length]);
        let error = error(new.store(USER).load().await);
        assert!(matches!(error, StoreError::WrongKey | StoreError::InTheClear), "{length}: {error:?}");
    }

    // Nor are tokens taken that somebody else put there.
    put(USER, &serde_json::to_vec(&tokens).unwrap());
    assert!(matches!(error(new.store(USER).load().await), StoreError::InTheClear));
    assert_eq!(redis.store(USER).load().await.unwrap().unwrap(), tokens);
    put(USER, b"{\"access_token\":\"an-access-token\"}");
    assert!(matches!(error(redis.store(USER).load().await), StoreError::Unreadable { .. }));
}

#[test]
fn a_key_is_32_bytes_and_is_never_shown() {
    for text in ["", "secret", &KEY[..43], "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeA=="] {
        let error = text.parse::<EncryptionKey>().unwrap_err();
        assert!(error.to_string().contains("32 bytes") && (text.is_empty() || !error.to_string().contains(text)));
    }
    let redis = Redis::open("redis://user:pass-word@127.0.0.1/").unwrap().encryption_keys(keys([KEY, OTHER_KEY]));
    let shown = format!("{redis:?} {:?} {:?}", redis.store(USER), keys([KEY]));
    assert!(![&KEY[..8], &OTHER_KEY[..8], "pass-word", "171"].iter().any(|it| shown.contains(it)), "{shown}");
}
