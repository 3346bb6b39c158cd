//! A login holds: one refresh for all, each refresh token used once, and each pair saved before it is used.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use canva_connect::auth::{
    Authorization, FileStore, Integration, OAuth, OAuthError, RefreshToken, StoreLock, TokenStore, Tokens,
};
use canva_connect::{AccessToken, BoxError, Client, Error, Pacing, TokenProvider, operations};
use canva_simulator::{CannedResponse, Fault, Simulator};
use tokio::task::JoinSet;

use crate::support;

pub const REDIRECT_URI: &str = "https://example.com/return";

pub fn integration(simulator: &Simulator) -> Integration {
    let integration = Integration::new(simulator.client_id(), simulator.client_secret(), REDIRECT_URI).unwrap();
    integration.base_url(simulator.base_url()).unwrap()
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

fn client(simulator: &Simulator, oauth: &OAuth) -> Client {
    Client::builder().token_provider(oauth.clone()).base_url(simulator.base_url()).build().unwrap()
}

pub fn token_requests(simulator: &Simulator) -> usize {
    simulator.requests().iter().filter(|request| request.path.ends_with("/oauth/token")).count()
}

/// A store in memory that can be made to fail, and counts.
#[derive(Clone, Default)]
pub struct Memory(pub Arc<Mutex<Kept>>);

#[derive(Default)]
pub struct Kept {
    pub tokens: Option<Tokens>,
    saves: usize,
    full: bool,
    panics: bool,
}

impl TokenStore for Memory {
    async fn load(&self) -> Result<Option<Tokens>, BoxError> {
        Ok(self.0.lock().unwrap().tokens.clone())
    }

    async fn save(&self, tokens: &Tokens) -> Result<(), BoxError> {
        let panics = self.0.lock().unwrap().panics;
        assert!(!panics, "a bug in the store");
        let mut kept = self.0.lock().unwrap();
        if kept.full {
            return Err("the disk is full".into());
        }
        kept.saves += 1;
        kept.tokens = Some(tokens.clone());
        Ok(())
    }
}

/// Two hundred calls that wait for one token endpoint.
#[derive(Clone, Default)]
pub struct Crowd {
    asked: Arc<AtomicU64>,
    requests: Arc<AtomicU64>,
}

impl Crowd {
    /// An endpoint that answers once everybody waits. `response` says what, for the request of this number.
    pub async fn endpoint(&self, response: impl Fn(u64) -> (&'static str, String) + Send + 'static) -> String {
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
        base_url
    }

    /// What each of them is told.
    pub async fn calls(&self, oauth: &OAuth) -> Vec<Result<AccessToken, BoxError>> {
        let mut calls = JoinSet::new();
        for _ in 0..200 {
            let (oauth, asked) = (oauth.clone(), self.asked.clone());
            calls.spawn(async move {
                // On this one thread, whoever is counted also waits before anything else happens.
                asked.fetch_add(1, Ordering::SeqCst);
                oauth.token().await
            });
        }
        calls.join_all().await
    }

    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }
}

/// What is behind an error of a request, if it is of OAuth.
fn oauth_error(error: &Error) -> &OAuthError {
    let Error::Token { source, .. } = error else { panic!("{error:?}") };
    source.downcast_ref().unwrap()
}

pub async fn upload(canva: &Client) -> Result<(), Error> {
    canva.upload_asset(vec![1]).name("n").await.map(drop)
}

/// A login whose access token has ended.
pub async fn expired(simulator: &Simulator) -> (Memory, OAuth) {
    let store = Memory::default();
    log_in(simulator, &OAuth::new(integration(simulator), store.clone())).await.unwrap();
    store.0.lock().unwrap().tokens.as_mut().unwrap().expires_at = 0;
    (store.clone(), OAuth::new(integration(simulator), store))
}

/// One that holds tokens that the store had no room for.
async fn unsaved(simulator: &Simulator) -> (Memory, OAuth) {
    let (store, oauth) = expired(simulator).await;
    store.0.lock().unwrap().full = true;
    let error = upload(&client(simulator, &oauth)).await.unwrap_err();
    assert!(matches!(oauth_error(&error), OAuthError::Store { .. }), "{error}");
    store.0.lock().unwrap().full = false;
    (store, oauth)
}

#[test]
fn the_authorization_url_asks_for_scopes_by_name_or_for_those_of_operations() {
    let integration = Integration::new("id", "cl13nt-s3cr3t", REDIRECT_URI).unwrap();
    let upload = [&operations::CREATE_ASSET_UPLOAD_JOB, &operations::UPDATE_ASSET, &operations::GET_ASSET_UPLOAD_JOB];
    let login = integration.authorize(operations::scopes(upload)).unwrap();
    assert!(login.url.starts_with("https://www.canva.com/api/oauth/authorize?response_type=code&client_id=id&"));
    assert_eq!(parameter(&login.url, "scope"), "asset:read asset:write");
    assert_eq!(parameter(&login.url, "redirect_uri"), REDIRECT_URI);
    assert_eq!(parameter(&login.url, "state"), login.state);
    assert_eq!(parameter(&login.url, "code_challenge_method"), "S256");
    assert_eq!(login.expose_code_verifier().len(), 43);
    let other = integration.authorize(["folder:read", "asset:write"]).unwrap();
    assert_eq!(parameter(&other.url, "scope"), "folder:read asset:write");
    assert!(other.state != login.state && other.expose_code_verifier() != login.expose_code_verifier());
    let said = format!("{login:?} {integration:?}");
    assert!(!said.contains(login.expose_code_verifier()) && !said.contains("s3cr3t"), "{said}");
}

#[tokio::test]
async fn a_login_gives_tokens_that_are_kept_and_used() {
    let simulator = Simulator::start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokens.json");
    let oauth = OAuth::new(integration(&simulator), FileStore::new(&path));

    // Nobody has logged in yet.
    let error = upload(&client(&simulator, &oauth)).await.unwrap_err();
    assert!(matches!(oauth_error(&error), OAuthError::LoginRequired { .. }), "{error}");

    log_in(&simulator, &oauth).await.unwrap();
    upload(&client(&simulator, &oauth)).await.unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(path.with_file_name("tokens.json.lock").exists());
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 2, "no other file is left beside it");

    // After a restart they come from the file.
    let oauth = OAuth::new(integration(&simulator), FileStore::new(&path));
    upload(&client(&simulator, &oauth)).await.unwrap();
    assert_eq!(token_requests(&simulator), 1);

    std::fs::write(&path, "{\"access_token\":\"s3cr3t\"").unwrap();
    let oauth = OAuth::new(integration(&simulator), FileStore::new(&path));
    let error = upload(&client(&simulator, &oauth)).await.unwrap_err();
    assert!(error.report().contains("tokens.json: not a token file"), "{error}");
    assert!(!format!("{error:?}").contains("s3cr3t"));
}

#[tokio::test]
async fn a_token_file_of_version_0_1_1_is_read_and_written_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokens.json");
    let written = r#"{"access_token":"an-access-token","refresh_token":"a-refresh-token","expires_at":1767225600}"#;
    std::fs::write(&path, written).unwrap();
    let store = FileStore::new(&path);
    let tokens = store.load().await.unwrap().unwrap();
    assert_eq!(tokens.access_token, AccessToken::new("an-access-token"));
    assert_eq!(tokens.refresh_token, Some(RefreshToken::new("a-refresh-token")));
    assert_eq!(tokens.expires_at, 1767225600);
    assert_eq!(
        format!("{tokens:?}"),
        "Tokens { access_token: AccessToken([REDACTED]), refresh_token: Some(RefreshToken([REDACTED])), \
         expires_at: 1767225600, scopes: None }"
    );
    store.save(&tokens).await.unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), written);
}

#[tokio::test]
async fn a_shared_or_boxed_store_provider_or_pacer_serves_as_one() {
    let simulator = Simulator::start().await.unwrap();
    let store = Arc::new(Memory::default());
    let oauth = OAuth::new(integration(&simulator), store.clone());
    log_in(&simulator, &oauth).await.unwrap();
    let canva = || Client::builder().base_url(simulator.base_url());
    for canva in [
        canva().token_provider(Arc::new(oauth.clone())).pacer(Arc::new(Pacing::new())),
        canva().token_provider(Box::new(oauth.clone())).pacing(Box::new(Pacing::new())),
        canva().token_provider(Arc::new(OAuth::new(integration(&simulator), Box::new(store)))).pacer(Pacing::new()),
    ] {
        upload(&canva.build().unwrap()).await.unwrap();
    }
    assert_eq!(token_requests(&simulator), 1);
}

#[tokio::test]
async fn a_login_that_was_not_begun_here_is_refused() {
    let simulator = Simulator::start().await.unwrap();
    let oauth = OAuth::new(integration(&simulator), Memory::default());
    let login = integration(&simulator).authorize(["asset:write"]).unwrap();
    let code = simulator.authorize(&parameter(&login.url, "code_challenge"), ["asset:write"], REDIRECT_URI);
    let redirect = |login: &Authorization| format!("code={code}&state={}", login.state);

    // A code for another verifier; then a client with a wrong secret.
    let other = integration(&simulator).authorize(["asset:write"]).unwrap();
    let error = oauth.finish(&login, &redirect(&other)).await.unwrap_err();
    assert!(matches!(error, OAuthError::StateMismatch));
    assert_eq!(token_requests(&simulator), 0);
    let error = oauth.finish(&other, &redirect(&other)).await.unwrap_err();
    assert!(
        matches!(&error, OAuthError::Refused { status, error, .. } if *status == 400 && error == "invalid_grant"),
        "{error}"
    );
    let wrong = Integration::new(simulator.client_id(), "wrong-s3cr3t", REDIRECT_URI).unwrap();
    let wrong = OAuth::new(wrong.base_url(simulator.base_url()).unwrap(), Memory::default());
    let error = wrong.finish(&login, &redirect(&login)).await.unwrap_err();
    assert!(matches!(&error, OAuthError::Refused { status, .. } if *status == 401), "{error}");
    assert!(!format!("{error} {error:?}").contains("s3cr3t"));
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
        calls.spawn(
            async move { canva.asset_upload_job("none").refresh().await.unwrap_err().status().unwrap().as_u16() },
        );
    }
    assert!(calls.join_all().await.into_iter().all(|status| status == 400));
    assert_eq!((token_requests(&simulator), store.0.lock().unwrap().saves), (2, 2));

    // The same for 200 that are told that this token is no good any more.
    let refused = store.0.lock().unwrap().tokens.clone().unwrap().access_token;
    let mut calls = JoinSet::new();
    for _ in 0..200 {
        let (oauth, refused) = (oauth.clone(), refused.clone());
        calls.spawn(async move { oauth.refused(&refused).await.unwrap() });
    }
    assert!(calls.join_all().await.into_iter().all(|another| another));
    assert_eq!((token_requests(&simulator), store.0.lock().unwrap().saves), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn two_hundred_calls_at_a_refresh_that_fails_are_one_refresh() {
    let crowd = Crowd::default();
    let base_url = crowd.endpoint(|_| ("503 Service Unavailable", String::new())).await;
    let store = Memory::default();
    store.0.lock().unwrap().tokens = Some(Tokens::new("old-token", "refresh-token", Duration::ZERO));
    let integration = Integration::new("id", "secret", REDIRECT_URI).unwrap().base_url(&base_url).unwrap();
    let oauth = OAuth::new(integration, store);
    for error in crowd.calls(&oauth).await {
        assert_eq!(error.unwrap_err().to_string(), "the token endpoint refused with 503 Service Unavailable");
    }
    assert_eq!(crowd.requests(), 5);
    // Who comes later tries again.
    tokio::time::advance(Duration::from_millis(1)).await;
    oauth.token().await.unwrap_err();
    assert_eq!(crowd.requests(), 10);
}

#[tokio::test]
async fn a_token_that_canva_refuses_is_refreshed_and_the_request_retried() {
    let simulator = Simulator::start().await.unwrap();
    let store = Memory::default();
    let oauth = OAuth::new(integration(&simulator), store);
    log_in(&simulator, &oauth).await.unwrap();
    simulator.inject("createAssetUploadJob", 1..=1, Fault::Respond(CannedResponse::json(401))).unwrap();
    upload(&client(&simulator, &oauth)).await.unwrap();
    assert_eq!((token_requests(&simulator), simulator.requests().len()), (2, 4));
}

#[tokio::test]
async fn tokens_that_cannot_be_saved_are_not_used_and_not_lost() {
    let simulator = Simulator::start().await.unwrap();
    let (store, oauth) = expired(&simulator).await;
    let canva = client(&simulator, &oauth);
    store.0.lock().unwrap().full = true;
    for _ in 0..2 {
        let error = upload(&canva).await.unwrap_err();
        assert!(matches!(oauth_error(&error), OAuthError::Store { .. }), "{error}");
        assert!(error.report().contains("the disk is full"), "{error}");
    }
    // One login, one refresh, and no upload with a token that nobody kept.
    assert_eq!((token_requests(&simulator), simulator.requests().len()), (2, 2));

    store.0.lock().unwrap().full = false;
    upload(&canva).await.unwrap();
    assert_eq!(token_requests(&simulator), 2);
}

#[tokio::test]
async fn a_refresh_that_panics_is_said_to_be_interrupted_and_loses_no_tokens() {
    let simulator = Simulator::start().await.unwrap();
    let (store, oauth) = expired(&simulator).await;
    let canva = client(&simulator, &oauth);
    store.0.lock().unwrap().panics = true;
    let error = upload(&canva).await.unwrap_err();
    assert!(matches!(oauth_error(&error), OAuthError::Interrupted { source, .. } if source.is_panic()), "{error}");
    assert!(error.report().contains("try again") && error.report().contains("a bug in the store"), "{error}");

    store.0.lock().unwrap().panics = false;
    upload(&canva).await.unwrap();
    assert_eq!((token_requests(&simulator), store.0.lock().unwrap().saves), (2, 2));
}

#[tokio::test]
async fn a_crash_between_refresh_and_save_asks_for_a_new_login() {
    let simulator = Simulator::start().await.unwrap();
    let (store, oauth) = unsaved(&simulator).await;
    drop(oauth);

    let oauth = OAuth::new(integration(&simulator), store);
    let error = upload(&client(&simulator, &oauth)).await.unwrap_err();
    assert!(matches!(oauth_error(&error), OAuthError::LoginRequired { .. }), "{error}");
    assert!(error.report().contains("the user has to log in again"), "{error}");
    log_in(&simulator, &oauth).await.unwrap();
    upload(&client(&simulator, &oauth)).await.unwrap();
}

#[tokio::test]
async fn a_refresh_goes_on_when_its_caller_is_dropped() {
    let simulator = Simulator::start().await.unwrap();
    let (store, oauth) = expired(&simulator).await;
    simulator.inject("token", 1..=1, Fault::Delay(Duration::from_millis(100))).unwrap();
    let canva = client(&simulator, &oauth);
    let call = tokio::time::timeout(Duration::from_millis(30), upload(&canva)).await;
    assert!(call.is_err(), "it was not dropped");
    upload(&canva).await.unwrap();
    assert_eq!((token_requests(&simulator), store.0.lock().unwrap().saves), (2, 2));
}

#[tokio::test]
async fn a_pair_that_another_process_refreshed_is_taken_from_the_store() {
    let simulator = Simulator::start().await.unwrap();
    let (store, oauth) = expired(&simulator).await;
    let other = OAuth::new(integration(&simulator), store.clone());
    upload(&client(&simulator, &other)).await.unwrap();
    upload(&client(&simulator, &oauth)).await.unwrap();
    assert_eq!(token_requests(&simulator), 2);
}

/// A store that says what is done with it.
#[derive(Clone, Default)]
struct Watched {
    memory: Memory,
    done: Arc<Mutex<Vec<&'static str>>>,
}

struct Unlock(Arc<Mutex<Vec<&'static str>>>);

impl Drop for Unlock {
    fn drop(&mut self) {
        self.0.lock().unwrap().push("unlock");
    }
}

impl TokenStore for Watched {
    async fn load(&self) -> Result<Option<Tokens>, BoxError> {
        self.done.lock().unwrap().push("load");
        self.memory.load().await
    }

    async fn save(&self, tokens: &Tokens) -> Result<(), BoxError> {
        self.done.lock().unwrap().push("save");
        self.memory.save(tokens).await
    }

    async fn lock(&self) -> Result<StoreLock, BoxError> {
        self.done.lock().unwrap().push("lock");
        if self.memory.0.lock().unwrap().full {
            Err("no lock".into())
        } else {
            Ok(StoreLock::new(Unlock(self.done.clone())))
        }
    }
}

#[tokio::test]
async fn a_store_is_locked_before_a_login_and_from_the_last_look_to_the_save_of_a_refresh() {
    let simulator = Simulator::start().await.unwrap();
    let store = Watched::default();
    let oauth = OAuth::new(integration(&simulator), Box::new(Arc::new(store.clone())));
    let done = || std::mem::take(&mut *store.done.lock().unwrap());
    // A code works once, too.
    store.memory.0.lock().unwrap().full = true;
    log_in(&simulator, &oauth).await.unwrap_err();
    assert_eq!((done(), token_requests(&simulator)), (vec!["lock"], 0));
    store.memory.0.lock().unwrap().full = false;
    log_in(&simulator, &oauth).await.unwrap();
    assert_eq!(done(), ["lock", "save", "unlock"]);
    let first = oauth.token().await.unwrap();
    assert!(done().is_empty());
    oauth.refused(&first).await.unwrap();
    assert_eq!(done(), ["load", "lock", "load", "save", "unlock"]);
    // What is in the store already needs no lock.
    OAuth::new(integration(&simulator), store.clone()).token().await.unwrap();
    assert_eq!(done(), ["load"]);
}

#[tokio::test]
async fn a_pair_that_another_process_saves_during_a_refresh_is_taken() {
    let (listener, base_url) = support::listen().await;
    let store = Memory::default();
    let put = |tokens| store.0.lock().unwrap().tokens = Some(tokens);
    put(Tokens::new("old-token", "first-refresh", Duration::ZERO));
    let integration = Integration::new("id", "secret", REDIRECT_URI).unwrap().base_url(&base_url).unwrap();
    let oauth = OAuth::new(integration, store.clone());
    // Each time the other one was faster. Its first pair has ended when it is seen.
    let server = async {
        for (sent, other) in [
            ("first-refresh", Tokens::new("ended-token", "second-refresh", Duration::ZERO)),
            ("second-refresh", Tokens::new("new-token", "third-refresh", Duration::from_secs(1000))),
        ] {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = support::read_head(&mut stream).await.unwrap();
            let body = support::read_body(&mut stream, &mut head).await.unwrap();
            assert!(String::from_utf8(body).unwrap().contains(sent));
            put(other);
            let body = r#"{"error":"invalid_grant"}"#;
            support::answer(&mut stream, "400 Bad Request", "connection: close\r\n", body).await.unwrap();
        }
        std::future::pending::<()>().await;
    };
    let token = tokio::select! {
        token = oauth.token() => token.unwrap(),
        () = server => unreachable!("it waits for requests for ever"),
    };
    assert_eq!(token, AccessToken::new("new-token"));
}

#[tokio::test]
async fn a_token_endpoint_that_quotes_secrets_is_not_quoted() {
    let body =
        r#"{"error":"no r3fr3sh-t0k3n for cl13nt-s3cr3t","error_description":"r3fr3sh-t0k3n and cl13nt-s3cr3t"}"#;
    let base_url = support::answering(support::http("400 Bad Request", "", body)).await;
    let store = Memory::default();
    store.0.lock().unwrap().tokens = Some(Tokens::new("old-token", "r3fr3sh-t0k3n", Duration::ZERO));
    let integration = Integration::new("id", "cl13nt-s3cr3t", REDIRECT_URI).unwrap().base_url(&base_url).unwrap();
    let error = OAuth::new(integration, store).token().await.unwrap_err();
    let said = format!("{error} {error:?}");
    assert!(said.contains("no [REDACTED] for [REDACTED]: [REDACTED] and [REDACTED]"), "{said}");
    assert!(!said.contains("r3fr3sh") && !said.contains("s3cr3t"), "{said}");
}

#[tokio::test]
async fn a_token_endpoint_that_fails_is_an_error_without_a_secret_in_it() {
    let simulator = Simulator::start().await.unwrap();
    for (fault, expected) in [
        (Fault::Respond(CannedResponse::html(501)), "the token endpoint refused with 501 Not Implemented"),
        (Fault::Close, "the token endpoint could not be reached"),
        (Fault::CutJson, "has no tokens that can be read"),
    ] {
        let (store, oauth) = expired(&simulator).await;
        simulator.inject("token", 1..=1, fault).unwrap();
        let error = upload(&client(&simulator, &oauth)).await.unwrap_err();
        let said = format!("{} {error:?}", error.report());
        assert!(said.contains(expected), "{said}");
        let tokens = store.0.lock().unwrap().tokens.clone().unwrap();
        for secret in [tokens.refresh_token.unwrap().expose(), tokens.access_token.expose(), simulator.client_secret()]
        {
            assert!(!said.contains(secret), "{said}");
        }
    }
}

#[tokio::test]
async fn tokens_that_could_not_be_saved_replace_no_login_that_is_newer() {
    let simulator = Simulator::start().await.unwrap();
    let (store, oauth) = unsaved(&simulator).await;

    // Another process was told that its refresh token is used up, and the user logged in there.
    log_in(&simulator, &OAuth::new(integration(&simulator), store.clone())).await.unwrap();
    let newer = store.0.lock().unwrap().tokens.clone().unwrap();
    assert_eq!(oauth.token().await.unwrap(), newer.access_token);
    assert_eq!(store.0.lock().unwrap().tokens.as_ref().unwrap(), &newer);
}

#[tokio::test]
async fn who_logs_out_ends_the_newest_login() {
    let simulator = Simulator::start().await.unwrap();
    let (store, oauth) = unsaved(&simulator).await;
    log_in(&simulator, &OAuth::new(integration(&simulator), store.clone())).await.unwrap();
    let newer = store.0.lock().unwrap().tokens.clone().unwrap();
    oauth.log_out().await.unwrap();
    let canva = Client::builder().token(newer.access_token).base_url(simulator.base_url()).build().unwrap();
    assert_eq!(canva.get_asset("a").await.unwrap_err().api().unwrap().code, "revoked_access_token");
}

#[tokio::test]
async fn who_logs_out_ends_the_login_at_canva_and_in_the_store() {
    let simulator = Simulator::start().await.unwrap();
    let store = Watched::default();
    let oauth = OAuth::new(integration(&simulator), store.clone());
    // Nobody has logged in.
    oauth.log_out().await.unwrap();
    assert!(simulator.requests().is_empty());

    log_in(&simulator, &oauth).await.unwrap();
    let stolen = oauth.token().await.unwrap();
    let before = OAuth::new(
        integration(&simulator),
        Memory(Arc::new(Mutex::new(Kept { tokens: store.memory.0.lock().unwrap().tokens.clone(), ..Kept::default() }))),
    );
    store.done.lock().unwrap().clear();
    oauth.log_out().await.unwrap();
    assert_eq!(*store.done.lock().unwrap(), ["lock", "load", "save", "unlock"]);
    let canva = Client::builder().token(stolen).base_url(simulator.base_url()).build().unwrap();
    assert_eq!(canva.get_asset("a").await.unwrap_err().api().unwrap().code, "revoked_access_token");

    // Whoever has the store needs no request to know it, and nothing is left to log out of.
    let requests = simulator.requests().len();
    for oauth in [&oauth, &OAuth::new(integration(&simulator), store.clone())] {
        let error = upload(&client(&simulator, oauth)).await.unwrap_err();
        assert!(matches!(oauth_error(&error), OAuthError::LoginRequired { .. }), "{error}");
        oauth.log_out().await.unwrap();
    }
    assert_eq!(simulator.requests().len(), requests);
    // Whoever has a copy of its tokens is told by Canva.
    let error = upload(&client(&simulator, &before)).await.unwrap_err();
    assert!(matches!(oauth_error(&error), OAuthError::LoginRequired { .. }), "{error}");

    log_in(&simulator, &oauth).await.unwrap();
    upload(&client(&simulator, &oauth)).await.unwrap();
}

#[tokio::test]
async fn a_login_that_canva_does_not_revoke_goes_on() {
    let simulator = Simulator::start().await.unwrap();
    let oauth = OAuth::new(integration(&simulator), Memory::default());
    log_in(&simulator, &oauth).await.unwrap();
    for (fault, expected) in [
        (Fault::Respond(CannedResponse::json(429)), "refused with 429 Too Many Requests simulated_fault"),
        (Fault::Respond(CannedResponse::html(503)), "refused with 503"),
        (Fault::Close, "could not be reached"),
    ] {
        simulator.inject("revoke", 1..=1, fault).unwrap();
        let error = oauth.log_out().await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        upload(&client(&simulator, &oauth)).await.unwrap();
    }
    oauth.log_out().await.unwrap();
    upload(&client(&simulator, &oauth)).await.unwrap_err();
}

#[tokio::test]
async fn a_log_out_that_the_store_does_not_keep_is_kept_later() {
    let simulator = Simulator::start().await.unwrap();
    let store = Memory::default();
    let oauth = OAuth::new(integration(&simulator), store.clone());
    log_in(&simulator, &oauth).await.unwrap();
    store.0.lock().unwrap().full = true;
    for _ in 0..2 {
        assert!(matches!(oauth.log_out().await.unwrap_err(), OAuthError::Store { .. }));
    }
    store.0.lock().unwrap().full = false;
    oauth.log_out().await.unwrap();
    assert_eq!(store.0.lock().unwrap().tokens.as_ref().unwrap().refresh_token, None);
    let error = upload(&client(&simulator, &oauth)).await.unwrap_err();
    assert!(matches!(oauth_error(&error), OAuthError::LoginRequired { .. }), "{error}");
    assert_eq!(store.0.lock().unwrap().tokens.as_ref().unwrap().refresh_token, None);
}

#[tokio::test]
async fn a_lost_login_is_told_in_whichever_words_canva_has_for_it() {
    for simulator in [Simulator::builder(), Simulator::builder().rfc_6749_errors()] {
        let simulator = simulator.start().await.unwrap();
        let store = Memory::default();
        store.0.lock().unwrap().tokens = Some(Tokens::new("old-token", "used-refresh-token", Duration::ZERO));
        let error = upload(&client(&simulator, &OAuth::new(integration(&simulator), store))).await.unwrap_err();
        assert!(matches!(oauth_error(&error), OAuthError::LoginRequired { .. }), "{error}");
    }
}
