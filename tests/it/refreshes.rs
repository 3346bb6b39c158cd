//! A refresh that fails is repeated where that is safe, within a minute, and no runtime keeps the others from theirs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use canva_connect::auth::{Integration, MemoryStore, OAuth, OAuthError, TokenStore, Tokens};
use canva_connect::{AccessToken, BoxError, TokenProvider};
use canva_simulator::{CannedResponse, Fault, Simulator};
use tokio::io::AsyncWriteExt;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, sleep, timeout};

use crate::support::{self, http};
use crate::tokens::{REDIRECT_URI, expired, integration, log_in, token_requests};

const OLD: &str = "old-token";
const NEW: &str = "new-token";

/// A login whose access token has ended.
fn ended() -> MemoryStore {
    MemoryStore::with(Tokens::new(OLD, "first-refresh", Duration::ZERO))
}

fn provider(base_url: &str, store: &MemoryStore) -> OAuth {
    let integration = Integration::new("id", "secret", REDIRECT_URI).unwrap();
    OAuth::new(integration.base_url(base_url).unwrap(), store.clone())
}

fn granted() -> String {
    http("200 OK", "", r#"{"access_token":"new-token","refresh_token":"next-refresh","expires_in":14400}"#)
}

fn failed(status: u16) -> String {
    http(&format!("{status} Failed"), "", "")
}

/// A token endpoint that answers with these one after the other, and with the last one from then on; without text, it hangs
/// up. It takes a while over each, in which another process may save its tokens. Counts the requests.
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
            assert_eq!(form, b"grant_type=refresh_token&refresh_token=first-refresh");
            let response = responses.get(counted.fetch_add(1, Ordering::SeqCst)).or(responses.last()).unwrap();
            sleep(takes).await;
            if let Some((store, tokens)) = &other {
                store.save(tokens).await.unwrap();
            }
            // Somebody who waits no longer hears nothing.
            let _ = stream.write_all(response.as_bytes()).await;
        }
    });
    (base_url, requests)
}

fn oauth_error(error: &BoxError) -> &OAuthError {
    error.downcast_ref().unwrap_or_else(|| panic!("{error:?}"))
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
        assert!(matches!(oauth_error(&error), OAuthError::Refused { .. }), "{error}");
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
        let lost = matches!(oauth_error(&error), OAuthError::Unreachable { .. } | OAuthError::Unreadable { .. });
        assert!(lost, "{error}");
        assert_eq!(requests.load(Ordering::SeqCst), 1);
        assert_eq!(store.load().await.unwrap().unwrap().access_token, AccessToken::new(OLD));
    }
}

/// What fails here may have failed because somebody else was faster.
#[tokio::test(start_paused = true)]
async fn a_pair_that_another_process_saves_meanwhile_is_taken_after_any_failure() {
    let refused = http("400 Bad Request", "", r#"{"code":"invalid_grant"}"#);
    for response in [failed(500), failed(503), failed(429), String::new(), refused] {
        let store = ended();
        let other = Tokens::new("their-token", "their-refresh", Duration::from_secs(14400));
        let (base_url, requests) = endpoint(vec![response], Duration::ZERO, Some((store.clone(), other))).await;
        assert_eq!(provider(&base_url, &store).token().await.unwrap(), AccessToken::new("their-token"));
        assert_eq!(requests.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_was_carried_out_although_it_failed_asks_for_a_new_login() {
    let simulator = Simulator::start().await.unwrap();
    let (_, oauth) = expired(&simulator).await;
    // Behind a gateway that loses the response.
    simulator.inject("token", 1..=1, Fault::LoseResponse).unwrap();
    let error = oauth.token().await.unwrap_err();
    assert!(matches!(oauth_error(&error), OAuthError::Unreachable { .. }), "{error}");
    tokio::time::advance(Duration::from_millis(1)).await;
    let error = oauth.token().await.unwrap_err();
    assert!(matches!(oauth_error(&error), OAuthError::LoginRequired { .. }), "{error}");

    let used = http("400 Bad Request", "", r#"{"code":"invalid_grant"}"#);
    let (base_url, requests) = endpoint(vec![failed(502), used], Duration::ZERO, None).await;
    let error = provider(&base_url, &ended()).token().await.unwrap_err();
    assert!(matches!(oauth_error(&error), OAuthError::LoginRequired { .. }), "{error}");
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
    assert!(matches!(oauth_error(&error), OAuthError::Refused { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn fifty_uploads_survive_a_token_endpoint_that_is_away_for_a_moment() {
    let simulator = Simulator::start().await.unwrap();
    let (_, oauth) = expired(&simulator).await;
    simulator.inject("token", 1..=2, Fault::Respond(CannedResponse::html(503))).unwrap();
    let mut all = tokio::task::JoinSet::new();
    for oauth in (0..50).map(|_| oauth.clone()) {
        all.spawn(async move { oauth.token().await.unwrap() });
    }
    let tokens = all.join_all().await;
    assert!(tokens.iter().all(|token| *token == tokens[0]));
    assert_eq!(token_requests(&simulator), 1 + 3);
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
    tokens.expires_at = 0;
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

/// One on which waiting takes no time.
fn paused() -> Runtime {
    Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

/// A runtime with a token endpoint on it that takes its time over the first response.
fn slow_endpoint(first: Duration) -> (Runtime, String, Arc<AtomicUsize>) {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (base_url, requests) = runtime.block_on(async {
        let (listener, base_url) = support::listen().await;
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = requests.clone();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let pause = if counted.fetch_add(1, Ordering::SeqCst) == 0 { first } else { Duration::ZERO };
                tokio::spawn(async move {
                    let _ = support::read_head(&mut stream).await;
                    sleep(pause).await;
                    let _ = stream.write_all(granted().as_bytes()).await;
                });
            }
        });
        (base_url, requests)
    });
    (runtime, base_url, requests)
}

/// Begins a refresh, and leaves it in the middle: its request has come.
fn begin(runtime: &Runtime, oauth: &OAuth, requests: &AtomicUsize) {
    runtime.block_on(async {
        let token = async { oauth.token().await.map(drop) };
        let begun = async {
            while requests.load(Ordering::SeqCst) == 0 {
                sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            biased;
            () = begun => (),
            _ = token => panic!("it has ended"),
        }
    });
}

#[test]
fn a_runtime_that_is_dropped_in_the_middle_of_a_refresh_frees_the_tokens() {
    let (_endpoint, base_url, requests) = slow_endpoint(Duration::from_secs(3600));
    let store = ended();
    let oauth = provider(&base_url, &store);
    let first = undriven();
    begin(&first, &oauth, &requests);
    drop(first);
    // Neither this provider nor the store that it shares with another is locked any more.
    let second = undriven();
    let soon = |oauth: OAuth| second.block_on(async { timeout(Duration::from_secs(60), oauth.token()).await.unwrap() });
    assert_eq!(soon(oauth).unwrap(), AccessToken::new(NEW));
    assert_eq!(soon(provider(&base_url, &store)).unwrap(), AccessToken::new(NEW));
    assert_eq!(requests.load(Ordering::SeqCst), 2);
}

#[test]
fn a_runtime_that_nobody_drives_keeps_the_others_waiting_for_a_while_and_not_for_ever() {
    let (_endpoint, base_url, requests) = slow_endpoint(Duration::from_millis(200));
    let store = ended();
    let oauth = provider(&base_url, &store);
    let first = undriven();
    begin(&first, &oauth, &requests);

    let second = paused();
    let error = second.block_on(oauth.token()).unwrap_err();
    let OAuthError::Stalled { waited, .. } = oauth_error(&error) else { panic!("{error}") };
    assert_eq!(waited.as_secs(), 150);
    assert!(error.to_string().contains("its runtime isn't driven"), "{error}");
    // Another provider with the same store waits for the store alone.
    let error = second.block_on(provider(&base_url, &store).token()).unwrap_err();
    assert!(matches!(oauth_error(&error), OAuthError::Store { .. }), "{error}");
    let causes = support::chain(&*error);
    assert!(causes.contains("locked for 75 s"), "{causes}");

    // Driven again, it goes on, and nothing is lost.
    assert_eq!(first.block_on(oauth.token()).unwrap(), AccessToken::new(NEW));
    assert_eq!(second.block_on(oauth.token()).unwrap(), AccessToken::new(NEW));
    assert_eq!(second.block_on(provider(&base_url, &store).token()).unwrap(), AccessToken::new(NEW));
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

#[test]
fn who_waits_on_a_runtime_that_nobody_drives_is_in_nobodys_way() {
    let (_endpoint, base_url, requests) = slow_endpoint(Duration::from_millis(200));
    let oauth = provider(&base_url, &ended());
    let (first, second) = (undriven(), undriven());
    begin(&first, &oauth, &requests);
    // It waits, first of all, and is not looked at again.
    let waiting = oauth.clone();
    second.block_on(async {
        tokio::spawn(async move { waiting.token().await });
        tokio::task::yield_now().await;
    });
    assert_eq!(first.block_on(oauth.token()).unwrap(), AccessToken::new(NEW));
    assert_eq!(paused().block_on(oauth.token()).unwrap(), AccessToken::new(NEW));
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}
