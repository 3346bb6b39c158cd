//! A login holds: one refresh for all, each refresh token used once, and each pair saved before it is used.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use canva_connect::auth::{Integration, LoginRequired, OAuth, OAuthError, StoreLock, TokenStore, Tokens};
use canva_connect::{AccessToken, BoxError, BoxFuture, Client, Error, Pacer, Pacing, TokenProvider, operations};
use canva_simulator::{CannedResponse, Fault, Simulator};
use tokio::task::JoinSet;

use crate::support;

pub const REDIRECT_URI: &str = "https://example.com/return";

/// An integration with this token endpoint.
pub fn at(token_url: &str) -> Integration {
    Integration::builder("id", "secret", REDIRECT_URI).token_url(token_url).build().unwrap()
}

pub fn integration(simulator: &Simulator) -> Integration {
    Integration::builder(simulator.client_id(), simulator.client_secret(), REDIRECT_URI)
        .token_url(simulator.token_url())
        .authorization_url(simulator.authorization_url())
        .build()
        .unwrap()
}

/// The value of a parameter in a URL's query.
pub fn parameter(url: &str, name: &str) -> String {
    let url = reqwest::Url::parse(url).unwrap();
    url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned()
}

/// Logs in as a user would.
pub async fn log_in(simulator: &Simulator, oauth: &OAuth) -> Result<(), OAuthError> {
    let login = integration(simulator).authorize(operations::scopes(operations::ALL)).unwrap();
    let scopes = parameter(&login.url, "scope");
    let code = simulator.authorize(&parameter(&login.url, "code_challenge"), scopes.split(' '), REDIRECT_URI);
    oauth.finish(&login, &format!("code={code}&state={}", login.state)).await
}

pub fn client(simulator: &Simulator, oauth: &OAuth) -> Client {
    Client::builder().token_provider(oauth.clone()).base_url(simulator.base_url()).build().unwrap()
}

pub async fn upload(canva: &Client) -> Result<(), Error> {
    canva.upload_asset(vec![1]).name("n").await.map(drop)
}

pub fn token_requests(simulator: &Simulator) -> usize {
    simulator.requests().iter().filter(|request| request.path.ends_with("/oauth/token")).count()
}

/// The OAuth error behind a provider's error, or behind a request's.
pub fn oauth_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a OAuthError {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    causes.find_map(|cause| cause.downcast_ref()).unwrap_or_else(|| panic!("{error:?}"))
}

pub fn needs_login<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a LoginRequired {
    let OAuthError::LoginRequired(required) = oauth_error(error) else { panic!("{error:?}") };
    required
}

/// A store in memory that can be made to fail, and remembers its calls.
#[derive(Clone, Default)]
pub struct Memory(pub Arc<Mutex<Kept>>);

#[derive(Default)]
pub struct Kept {
    pub tokens: Option<Tokens>,
    calls: Vec<&'static str>,
    pub full: bool,
    unlockable: bool,
    panics: bool,
}

impl Memory {
    pub fn with(tokens: Tokens) -> Self {
        Self(Arc::new(Mutex::new(Kept { tokens: Some(tokens), ..Kept::default() })))
    }

    /// With tokens of which the access token has ended.
    pub fn ended(refresh_token: &str) -> Self {
        Self::with(Tokens::new("old-token", refresh_token, Duration::ZERO))
    }

    pub fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap()
    }

    pub fn tokens(&self) -> Tokens {
        self.kept().tokens.clone().unwrap()
    }

    pub fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.kept().calls)
    }

    fn saves(&self) -> usize {
        self.kept().calls.iter().filter(|call| **call == "save").count()
    }
}

impl TokenStore for Memory {
    fn load(&self) -> BoxFuture<'_, Result<Option<Tokens>, BoxError>> {
        Box::pin(async {
            self.kept().calls.push("load");
            Ok(self.kept().tokens.clone())
        })
    }

    fn save<'a>(&'a self, tokens: &'a Tokens) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(async {
            let panics = self.kept().panics;
            assert!(!panics, "a bug in the store");
            if self.kept().full {
                return Err("the disk is full".into());
            }
            self.kept().calls.push("save");
            self.kept().tokens = Some(tokens.clone());
            Ok(())
        })
    }

    fn lock(&self) -> BoxFuture<'_, Result<StoreLock, BoxError>> {
        struct Unlock(Memory);
        impl Drop for Unlock {
            fn drop(&mut self) {
                self.0.kept().calls.push("unlock");
            }
        }
        Box::pin(async {
            self.kept().calls.push("lock");
            let unlockable = self.kept().unlockable;
            if unlockable { Err("no lock".into()) } else { Ok(StoreLock::new(Unlock(self.clone()))) }
        })
    }
}

/// A login whose access token has ended.
pub async fn expired(simulator: &Simulator) -> (Memory, OAuth) {
    let store = Memory::default();
    log_in(simulator, &OAuth::new(integration(simulator), store.clone())).await.unwrap();
    store.kept().tokens.as_mut().unwrap().expires_at = SystemTime::UNIX_EPOCH;
    (store.clone(), OAuth::new(integration(simulator), store))
}

/// The same login after a refresh that the store had no room for.
pub async fn unsaved(simulator: &Simulator) -> (Memory, OAuth) {
    let (store, oauth) = expired(simulator).await;
    store.kept().full = true;
    let error = oauth.token().await.unwrap_err();
    assert!(matches!(oauth_error(&*error), OAuthError::Store { .. }), "{error}");
    store.kept().full = false;
    (store, oauth)
}

/// Two hundred calls that wait for one token endpoint.
#[derive(Clone, Default)]
struct Crowd {
    asked: Arc<AtomicU64>,
    requests: Arc<AtomicU64>,
}

impl Crowd {
    /// A provider with a token endpoint that answers once all calls wait. `response` is for the request of this number.
    async fn provider(&self, response: impl Fn(u64) -> (&'static str, String) + Send + 'static) -> OAuth {
        let (listener, base_url) = support::listen().await;
        let crowd = self.clone();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let head = support::read_head(&mut stream).await.unwrap();
                support::discard_body(&mut stream, &head).await.unwrap();
                let (status, body) = response(crowd.requests.fetch_add(1, Ordering::SeqCst) + 1);
                while crowd.asked.load(Ordering::SeqCst) < 200 {
                    tokio::task::yield_now().await;
                }
                support::answer(&mut stream, status, "connection: close\r\n", &body).await.unwrap();
            }
        });
        OAuth::new(at(&base_url), Memory::ended("refresh-token"))
    }

    async fn calls(&self, oauth: &OAuth) -> Vec<Result<AccessToken, BoxError>> {
        let mut calls = JoinSet::new();
        for _ in 0..200 {
            let (oauth, asked) = (oauth.clone(), self.asked.clone());
            calls.spawn(async move {
                // On this one thread, a call that is counted also waits before anything else happens.
                asked.fetch_add(1, Ordering::SeqCst);
                oauth.token().await
            });
        }
        calls.join_all().await
    }

    fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn two_hundred_calls_at_expiry_are_one_refresh() {
    let simulator = Simulator::start().await.unwrap();
    let (store, oauth) = expired(&simulator).await;
    let canva = Client::builder().token_provider(oauth.clone()).base_url(simulator.base_url()).pacer(Pacing::off());
    let canva = canva.build().unwrap();
    let mut calls = JoinSet::new();
    for _ in 0..200 {
        let canva = canva.clone();
        calls.spawn(async move { canva.asset_upload_job("none").refresh().await.unwrap_err().status().unwrap() });
    }
    assert!(calls.join_all().await.into_iter().all(|status| status == 404));
    assert_eq!((token_requests(&simulator), store.saves()), (2, 2));

    // Canva refuses this token to 200 calls.
    let refused = store.tokens().access_token;
    let mut calls = JoinSet::new();
    for _ in 0..200 {
        let (oauth, refused) = (oauth.clone(), refused.clone());
        calls.spawn(async move { oauth.refused(&refused).await.unwrap() });
    }
    assert!(calls.join_all().await.into_iter().all(|another| another));
    assert_eq!((token_requests(&simulator), store.saves()), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn two_hundred_calls_at_a_refresh_that_fails_are_one_refresh() {
    let crowd = Crowd::default();
    let oauth = crowd.provider(|_| ("503 Service Unavailable", String::new())).await;
    for error in crowd.calls(&oauth).await {
        assert_eq!(error.unwrap_err().to_string(), "the token endpoint refused with 503 Service Unavailable");
    }
    assert_eq!(crowd.requests(), 5);
    // A later call tries again.
    tokio::time::advance(Duration::from_millis(1)).await;
    oauth.token().await.unwrap_err();
    assert_eq!(crowd.requests(), 10);
}

#[tokio::test]
async fn two_hundred_calls_take_a_token_that_ends_soon_from_one_refresh() {
    let crowd = Crowd::default();
    let grant = |number| format!(r#"{{"access_token":"token-{number}","refresh_token":"next","expires_in":30}}"#);
    let oauth = crowd.provider(move |number| ("200 OK", grant(number))).await;
    let tokens = crowd.calls(&oauth).await;
    assert!(tokens.into_iter().all(|token| token.unwrap() == AccessToken::new("token-1")));
    assert_eq!(crowd.requests(), 1);
    // A later call has not waited for that refresh. One that was refused with its token wants another.
    assert_eq!(oauth.token().await.unwrap(), AccessToken::new("token-2"));
    oauth.refused(&AccessToken::new("token-2")).await.unwrap();
    assert_eq!(crowd.requests(), 3);
}

#[tokio::test]
async fn a_token_that_canva_refuses_is_refreshed_and_the_request_retried() {
    let simulator = Simulator::start().await.unwrap();
    let oauth = OAuth::new(integration(&simulator), Memory::default());
    log_in(&simulator, &oauth).await.unwrap();
    simulator.inject("createAssetUploadJob", 1..=1, Fault::Respond(CannedResponse::json(401))).unwrap();
    upload(&client(&simulator, &oauth)).await.unwrap();
    assert_eq!((token_requests(&simulator), simulator.requests().len()), (2, 4));
}

#[tokio::test]
async fn a_store_a_provider_and_a_pacer_can_be_shared_and_chosen_at_run_time() {
    let simulator = Simulator::start().await.unwrap();
    let store: Arc<dyn TokenStore> = Arc::new(Memory::default());
    let oauth = OAuth::new(integration(&simulator), store.clone());
    log_in(&simulator, &oauth).await.unwrap();
    let providers: [Arc<dyn TokenProvider>; 2] =
        [Arc::new(oauth), Arc::new(OAuth::new(integration(&simulator), store))];
    let pacer: Arc<dyn Pacer> = Arc::new(Pacing::new());
    for provider in providers {
        let canva = Client::builder().base_url(simulator.base_url()).token_provider(provider).pacer(pacer.clone());
        upload(&canva.build().unwrap()).await.unwrap();
    }
    assert_eq!(token_requests(&simulator), 1);
}

#[tokio::test]
async fn tokens_that_cannot_be_saved_are_not_used_and_not_lost() {
    let simulator = Simulator::start().await.unwrap();
    let (store, oauth) = expired(&simulator).await;
    let canva = client(&simulator, &oauth);
    store.kept().full = true;
    for _ in 0..2 {
        let error = upload(&canva).await.unwrap_err();
        assert!(matches!(oauth_error(&error), OAuthError::Store { .. }), "{error}");
        assert!(error.report().contains("the disk is full"), "{error}");
    }
    // One login, one refresh, and no upload with a token that was not saved.
    assert_eq!((token_requests(&simulator), simulator.requests().len()), (2, 2));

    store.kept().full = false;
    upload(&canva).await.unwrap();
    assert_eq!(token_requests(&simulator), 2);
}

#[tokio::test]
async fn tokens_that_could_not_be_saved_replace_no_login_that_is_newer() {
    let simulator = Simulator::start().await.unwrap();
    let (store, oauth) = unsaved(&simulator).await;
    // For another process the refresh token was used up, and the user logged in there.
    log_in(&simulator, &OAuth::new(integration(&simulator), store.clone())).await.unwrap();
    let newer = store.tokens();
    assert_eq!(oauth.token().await.unwrap(), newer.access_token);
    assert_eq!(store.tokens(), newer);
}

#[tokio::test]
async fn a_refresh_that_panics_is_said_to_be_interrupted_and_loses_no_tokens() {
    let simulator = Simulator::start().await.unwrap();
    let (store, oauth) = expired(&simulator).await;
    let canva = client(&simulator, &oauth);
    store.kept().panics = true;
    let error = upload(&canva).await.unwrap_err();
    assert!(matches!(oauth_error(&error), OAuthError::Interrupted { source, .. } if source.is_panic()), "{error}");
    assert!(error.report().contains("try again") && error.report().contains("a bug in the store"), "{error}");

    store.kept().panics = false;
    upload(&canva).await.unwrap();
    assert_eq!((token_requests(&simulator), store.saves()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_refresh_goes_on_when_its_caller_is_dropped() {
    let simulator = Simulator::start().await.unwrap();
    let (store, oauth) = expired(&simulator).await;
    simulator.inject("token", 1..=1, Fault::Delay(Duration::from_secs(10))).unwrap();
    tokio::time::timeout(Duration::from_secs(5), oauth.token()).await.unwrap_err();
    oauth.token().await.unwrap();
    assert_eq!((token_requests(&simulator), store.saves()), (2, 2));
}

#[tokio::test]
async fn a_store_is_locked_before_a_login_and_from_the_last_look_to_the_save_of_a_refresh() {
    let simulator = Simulator::start().await.unwrap();
    let store = Memory::default();
    let oauth = OAuth::new(integration(&simulator), store.clone());
    // A code works once, too.
    store.kept().unlockable = true;
    log_in(&simulator, &oauth).await.unwrap_err();
    assert_eq!((store.calls(), token_requests(&simulator)), (vec!["lock"], 0));
    store.kept().unlockable = false;
    log_in(&simulator, &oauth).await.unwrap();
    assert_eq!(store.calls(), ["lock", "save", "unlock"]);
    let first = oauth.token().await.unwrap();
    assert!(store.calls().is_empty());
    oauth.refused(&first).await.unwrap();
    assert_eq!(store.calls(), ["load", "lock", "load", "save", "unlock"]);
    // Another process takes the fresh tokens without a lock.
    OAuth::new(integration(&simulator), store.clone()).token().await.unwrap();
    assert_eq!((store.calls(), token_requests(&simulator)), (vec!["load"], 2));
}
