//! A refresh that fails is repeated within a minute if that is safe, and leaves the tokens free when its runtime ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use canva_connect::auth::{MemoryStore, OAuth, OAuthError, TokenStore, Tokens};
use canva_connect::{AccessToken, TokenProvider};
use canva_simulator::{Fault, Simulator};
use tokio::io::AsyncWriteExt;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, sleep, timeout};

use crate::support::{self, http};
use crate::tokens::{at, expired, integration, log_in, needs_login, oauth_error, token_requests};

const OLD: &str = "old-token";
const NEW: &str = "new-token";

/// A login whose access token has ended.
fn ended() -> MemoryStore {
    MemoryStore::with(Tokens::new(OLD, "first-refresh", Duration::ZERO))
}

fn provider(base_url: &str, store: &MemoryStore) -> OAuth {
    OAuth::new(at(base_url), store.clone())
}

fn granted() -> String {
    http("200 OK", "", r#"{"access_token":"new-token","refresh_token":"next-refresh","expires_in":14400}"#)
}

fn failed(status: u16) -> String {
    http(&format!("{status} Failed"), "", "")
}

/// A token endpoint that answers with these one after the other, and with the last one from then on; without text, it
/// hangs up. Each response takes a while, in which another process may save its tokens. Counts the requests.
async fn endpoint(
    responses: Vec<String>,
    takes: Duration,
    other: Option<(MemoryStore, Tokens)>,
) -> (String, Arc<AtomicUsize>) {
    let (listener, base_url) = support::listen().await;
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = requests.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = support::read_head(&mut stream).await.unwrap();
            let form = support::read_body(&mut stream, &mut head).await.unwrap();
            let response =
                match String::from_utf8(form).unwrap().strip_prefix("grant_type=refresh_token&refresh_token=") {
                    Some("first-refresh") => {
                        responses.get(counted.fetch_add(1, Ordering::SeqCst)).or(responses.last()).unwrap()
                    }
                    other => {
                        assert_eq!(other, Some("their-refresh"));
                        &granted()
                    }
                };
            sleep(takes).await;
            if let Some((store, tokens)) = &other {
                store.save(tokens).await.unwrap();
            }
            // The client may have stopped waiting.
            let _ = stream.write_all(response.as_bytes()).await;
        }
    });
    (base_url, requests)
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_canva_cannot_serve_now_is_repeated_in_growing_random_pauses() {
    let mut pauses = Vec::new();
    for status in [429, 500, 502, 503, 504] {
        let responses = [vec![failed(status); 4], vec![granted()]].concat();
        let (base_url, requests) = endpoint(responses, Duration::ZERO, None).await;
        let started = Instant::now();
        assert_eq!(provider(&base_url, &ended()).token().await.unwrap(), AccessToken::new(NEW), "{status}");
        assert_eq!(requests.load(Ordering::SeqCst), 5);
        // 1, 2, 4 and 8 seconds, up to twice as much each.
        assert!((15..=30).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
        pauses.push(started.elapsed());
    }
    pauses.dedup();
    assert!(pauses.len() > 1, "they are not random: {pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_failed_for_good_is_not_repeated() {
    for status in [400, 401, 403, 404, 501, 505] {
        let (base_url, requests) = endpoint(vec![failed(status)], Duration::ZERO, None).await;
        let error = provider(&base_url, &ended()).token().await.unwrap_err();
        assert!(matches!(oauth_error(&*error), OAuthError::Refused { .. }), "{error}");
        assert_eq!(requests.load(Ordering::SeqCst), 1, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_waited_for_as_long_as_a_refresh_has_time() {
    for (status, seconds, waits) in
        [(429, "7", true), (503, "39", true), (429, "45", false), (503, "18446744073709551615", false)]
    {
        let busy = http(&format!("{status} Busy"), &format!("retry-after: {seconds}\r\n"), "");
        let (base_url, requests) = endpoint(vec![busy, granted()], Duration::ZERO, None).await;
        let (oauth, started) = (provider(&base_url, &ended()), Instant::now());
        let token = oauth.token().await;
        let elapsed = started.elapsed().as_secs().to_string();
        match token {
            Ok(_) => assert!(waits && elapsed == seconds, "{elapsed} s of {seconds}"),
            Err(error) => {
                assert!(!waits && elapsed == "0", "{error} after {elapsed} s");
                assert!(error.to_string().contains(&format!("retry after {seconds} s")), "{error}");
            }
        }
        assert_eq!(requests.load(Ordering::SeqCst), 1 + usize::from(waits));
    }
    let busy = http("429 Busy", "retry-after: 0\r\n", "");
    let (base_url, _) = endpoint(vec![busy, granted()], Duration::ZERO, None).await;
    let (oauth, started) = (provider(&base_url, &ended()), Instant::now());
    oauth.token().await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1), "at once");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_never_left_is_repeated() {
    let (socket, base_url) = support::refusing();
    tokio::spawn(async move {
        sleep(Duration::from_secs(5)).await;
        let listener = socket.listen(8).unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        support::read_head(&mut stream).await.unwrap();
        stream.write_all(granted().as_bytes()).await.unwrap();
    });
    let started = Instant::now();
    assert_eq!(provider(&base_url, &ended()).token().await.unwrap(), AccessToken::new(NEW));
    assert!((5..=30).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_refresh_whose_response_is_lost_is_not_repeated() {
    let mut cut = granted();
    cut.truncate(cut.len() - 9);
    for response in [String::new(), cut, http("200 OK", "", "{}")] {
        let store = ended();
        let (base_url, requests) = endpoint(vec![response], Duration::from_secs(1), None).await;
        let error = provider(&base_url, &store).token().await.unwrap_err();
        let lost = matches!(oauth_error(&*error), OAuthError::Unreachable { .. } | OAuthError::Unreadable { .. });
        assert!(lost && !format!("{error:?} {error}").contains("-refresh"), "{error:?}");
        assert_eq!(requests.load(Ordering::SeqCst), 1);
        assert_eq!(store.load().await.unwrap().unwrap().access_token, AccessToken::new(OLD));
    }
}

#[tokio::test(start_paused = true)]
async fn a_pair_that_another_process_saves_meanwhile_is_taken_after_any_failure() {
    let refused = http("400 Bad Request", "", r#"{"code":"invalid_grant"}"#);
    for response in [failed(500), failed(503), failed(429), String::new(), refused.clone()] {
        let store = ended();
        let other = Tokens::new("their-token", "their-refresh", Duration::from_secs(14400));
        let (base_url, requests) = endpoint(vec![response], Duration::ZERO, Some((store.clone(), other))).await;
        assert_eq!(provider(&base_url, &store).token().await.unwrap(), AccessToken::new("their-token"));
        assert_eq!(requests.load(Ordering::SeqCst), 1);
    }
    // If their access token has ended by then, their refresh token gives the next one.
    let store = ended();
    let other = Tokens::new("their-token", "their-refresh", Duration::ZERO);
    let (base_url, _) = endpoint(vec![refused], Duration::ZERO, Some((store.clone(), other))).await;
    assert_eq!(provider(&base_url, &store).token().await.unwrap(), AccessToken::new(NEW));
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_was_carried_out_although_it_failed_asks_for_a_new_login() {
    let simulator = Simulator::start().await.unwrap();
    let (_, oauth) = expired(&simulator).await;
    // Behind a gateway that loses the response.
    simulator.inject("token", 1..=1, Fault::LoseResponse).unwrap();
    let error = oauth.token().await.unwrap_err();
    assert!(matches!(oauth_error(&*error), OAuthError::Unreachable { .. }), "{error}");
    tokio::time::advance(Duration::from_millis(1)).await;
    needs_login(&*oauth.token().await.unwrap_err());
    log_in(&simulator, &oauth).await.unwrap();
    oauth.token().await.unwrap();

    let used = http("400 Bad Request", "", r#"{"code":"invalid_grant"}"#);
    let (base_url, requests) = endpoint(vec![failed(502), used], Duration::ZERO, None).await;
    needs_login(&*provider(&base_url, &ended()).token().await.unwrap_err());
    assert_eq!(requests.load(Ordering::SeqCst), 2);
}

/// The lease of a store's lock must outlast it.
#[tokio::test(start_paused = true)]
async fn a_refresh_takes_a_minute_with_all_its_attempts() {
    // How long the endpoint takes over each response, and how many there are within the time.
    for (takes, attempts) in [(0, 5..=5), (7, 3..=5), (15, 2..=3), (19, 2..=2), (61, 1..=1)] {
        let (base_url, requests) = endpoint(vec![failed(503)], Duration::from_secs(takes), None).await;
        let started = Instant::now();
        provider(&base_url, &ended()).token().await.unwrap_err();
        assert!(started.elapsed() <= Duration::from_secs(62), "{:?}", started.elapsed());
        let requests = requests.load(Ordering::SeqCst);
        assert!(attempts.contains(&requests), "{requests} requests of {takes} s");
    }
    // The last attempt isn't cut short: it has 20 s at the least.
    let (base_url, _) = endpoint(vec![failed(503)], Duration::from_secs(20), None).await;
    let error = provider(&base_url, &ended()).token().await.unwrap_err();
    assert!(matches!(oauth_error(&*error), OAuthError::Refused { .. }), "{error}");
}

#[tokio::test]
async fn providers_that_share_tokens_refresh_them_at_different_times() {
    let (base_url, _) = endpoint(vec![granted()], Duration::ZERO, None).await;
    for (left, expected) in [(130, 40..=40), (90, 1..=39), (55, 0..=0)] {
        let mut kept = 0;
        for _ in 0..40 {
            let store = MemoryStore::with(Tokens::new(OLD, "first-refresh", Duration::from_secs(left)));
            kept += i32::from(provider(&base_url, &store).token().await.unwrap() == AccessToken::new(OLD));
        }
        assert!(expected.contains(&kept), "{left} s before the end, {kept} of 40 don't refresh");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn providers_with_one_store_in_memory_refresh_once() {
    let simulator = Simulator::start().await.unwrap();
    let store = MemoryStore::new();
    let integration = integration(&simulator);
    let oauth = || OAuth::new(integration.clone(), store.clone());
    log_in(&simulator, &oauth()).await.unwrap();
    let mut tokens = store.load().await.unwrap().unwrap();
    tokens.expires_at = SystemTime::UNIX_EPOCH;
    store.save(&tokens).await.unwrap();
    simulator.inject("token", 1.., Fault::Delay(Duration::from_millis(100))).unwrap();
    let mut all = tokio::task::JoinSet::new();
    for oauth in (0..50).map(|_| oauth()) {
        all.spawn(async move { oauth.token().await.unwrap() });
    }
    let tokens = all.join_all().await;
    assert!(tokens.iter().all(|token| *token == tokens[0]));
    assert_eq!(token_requests(&simulator), 2);
    assert!(!format!("{store:?}").contains(tokens[0].expose()));
}

/// A runtime that is driven only within its `block_on`.
fn undriven() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A provider in the middle of a refresh on this runtime, and the store of its tokens. The endpoint has a runtime of
/// its own, and takes this long for the first response.
fn refreshing(runtime: &Runtime, takes: Duration) -> (Runtime, String, MemoryStore, OAuth) {
    let server = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (listener, base_url) = server.block_on(support::listen());
    let (begun, mut begins) = tokio::sync::mpsc::unbounded_channel();
    server.spawn(async move {
        for takes in std::iter::once(takes).chain(std::iter::repeat(Duration::ZERO)) {
            let (mut stream, _) = listener.accept().await.unwrap();
            let begun = begun.clone();
            tokio::spawn(async move {
                let _ = support::read_head(&mut stream).await;
                let _ = begun.send(());
                sleep(takes).await;
                let _ = stream.write_all(granted().as_bytes()).await;
            });
        }
    });
    let store = ended();
    let oauth = provider(&base_url, &store);
    runtime.block_on(async {
        tokio::select! {
            _ = begins.recv() => {}
            _ = oauth.token() => panic!("it has ended"),
        }
    });
    (server, base_url, store, oauth)
}

#[test]
fn a_runtime_that_is_dropped_in_the_middle_of_a_refresh_frees_the_tokens() {
    let first = undriven();
    let (_server, base_url, store, oauth) = refreshing(&first, Duration::from_secs(3600));
    drop(first);
    // Neither this provider nor the store that it shares with another is locked any more.
    let second = undriven();
    for oauth in [oauth, provider(&base_url, &store)] {
        let token = second.block_on(async { timeout(Duration::from_secs(60), oauth.token()).await.unwrap() });
        assert_eq!(token.unwrap(), AccessToken::new(NEW));
    }
}

#[test]
fn a_runtime_that_nobody_drives_keeps_the_others_waiting_for_a_while_and_not_for_ever() {
    let first = undriven();
    let (_server, base_url, store, oauth) = refreshing(&first, Duration::from_millis(200));
    let paused = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let error = paused.block_on(oauth.token()).unwrap_err();
    let OAuthError::Stalled { waited, .. } = oauth_error(&*error) else { panic!("{error}") };
    assert_eq!(waited.as_secs(), 150);
    assert!(error.to_string().contains("is its runtime running?"), "{error}");
    // Another provider with the same store waits for the store alone.
    let error = paused.block_on(provider(&base_url, &store).token()).unwrap_err();
    assert!(support::chain(&*error).contains("locked for 75 s"), "{error}");

    // Driven again, the refresh goes on, and nothing is lost.
    assert_eq!(first.block_on(oauth.token()).unwrap(), AccessToken::new(NEW));
    assert_eq!(paused.block_on(oauth.token()).unwrap(), AccessToken::new(NEW));
}
