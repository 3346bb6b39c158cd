//! Whatever the token endpoint answers: a grant that can be used is taken, and nothing else is; no secret is shown, and
//! nothing is read without a bound.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use canva_connect::auth::{FileStore, Integration, Login, OAuth, OAuthError, TokenStore, Tokens};
use canva_connect::{AccessToken, Client, TokenProvider};
use tokio::io::AsyncWriteExt;

use crate::support;
use crate::tokens::{Memory, REDIRECT_URI, needs_login, oauth_error};

const CLIENT_ID: &str = "client";
const CLIENT_SECRET: &str = "cl13nt/s3cr3t+";
const REFRESH_TOKEN: &str = "r3fr3sh/t0k3n+";

fn provider(base_url: &str, store: impl TokenStore) -> OAuth {
    let integration = Integration::builder(CLIENT_ID, CLIENT_SECRET, REDIRECT_URI).token_url(base_url);
    OAuth::new(integration.build().unwrap(), store)
}

/// A login whose access token has ended, at a token endpoint that answers so.
async fn answered(status: &str, body: &str) -> (Memory, OAuth) {
    let store = Memory::ended(REFRESH_TOKEN);
    let base_url = support::answering(support::http(status, "", body)).await;
    (store.clone(), provider(&base_url, store))
}

async fn finish(oauth: &OAuth, code: &str, verifier: &str) -> Result<(), OAuthError> {
    oauth.finish(&Login::resume("state", verifier), &format!("code={code}&state=state")).await
}

#[tokio::test]
async fn a_grant_is_taken_whatever_it_says_of_its_lifetime() {
    for (expires_in, lifetime) in [
        (r#","expires_in":1000"#, 1000),
        (r#","expires_in":"1000""#, 1000),
        (r#","expires_in":1000.5"#, 1000),
        // Unknown: as long as Canva's tokens live.
        ("", 14400),
        (r#","expires_in":null"#, 14400),
        (r#","expires_in":-1"#, 14400),
        (r#","expires_in":1e300"#, 14400),
        (r#","expires_in":"soon""#, 14400),
        (r#","expires_in":{"seconds":1000}"#, 14400),
        (r#","expires_in":"\ud83d""#, 14400),
    ] {
        let body = format!(r#"{{"access_token":"new-token","refresh_token":"next-refresh"{expires_in}}}"#);
        let (store, oauth) = answered("200 OK", &body).await;
        assert_eq!(oauth.token().await.unwrap(), AccessToken::new("new-token"), "{expires_in}");
        let kept = store.tokens();
        assert_eq!(kept.refresh_token, Some("next-refresh".into()));
        let left = kept.expires_at.duration_since(SystemTime::now()).unwrap().as_secs();
        assert!((lifetime - 60..=lifetime).contains(&left), "{expires_in}: {left}");
    }
}

#[tokio::test]
async fn a_grant_without_a_refresh_token_leaves_the_old_one() {
    for none in ["", r#","refresh_token":null"#, r#","refresh_token":"""#, r#","refresh_token":7"#] {
        let body = format!(r#"{{"access_token":"new-token","expires_in":14400{none}}}"#);
        let (store, oauth) = answered("200 OK", &body).await;
        assert_eq!(oauth.token().await.unwrap(), AccessToken::new("new-token"));
        assert_eq!(store.tokens().refresh_token, Some(REFRESH_TOKEN.into()));
    }
}

#[tokio::test]
async fn a_login_without_a_refresh_token_lasts_as_long_as_its_access_token() {
    let (store, oauth) = answered("200 OK", r#"{"access_token":"new-token","expires_in":30}"#).await;
    finish(&oauth, "code", "verifier").await.unwrap();
    assert_eq!(store.tokens().refresh_token, None);
    // Although it ends soon: there is no better one.
    assert_eq!(oauth.token().await.unwrap(), AccessToken::new("new-token"));

    // It is serialised without one.
    let text = serde_json::to_string(&store.tokens()).unwrap();
    assert!(!text.contains("refresh_token"), "{text}");
    let mut tokens: Tokens = serde_json::from_str(&text).unwrap();
    assert_eq!(tokens, store.tokens());
    tokens.expires_at = SystemTime::now();
    let error = provider("http://127.0.0.1:1/rest", Memory::with(tokens)).token().await.unwrap_err();
    assert!(needs_login(&*error).reason.contains("there is no refresh token"), "{error}");
}

#[tokio::test]
async fn an_access_token_that_no_header_can_carry_is_refused_and_the_old_pair_stays() {
    for unusable in ["", " ", "two words", r"line\nbreak", r"\u001b[2J", "é"] {
        let body = format!(r#"{{"access_token":"{unusable}","refresh_token":"next-refresh","expires_in":14400}}"#);
        let (store, oauth) = answered("200 OK", &body).await;
        let before = store.tokens();
        let error = oauth.token().await.unwrap_err();
        assert!(matches!(oauth_error(&*error), OAuthError::Unreadable { .. }), "{unusable:?}: {error}");
        assert_eq!(store.tokens(), before);
    }
}

#[tokio::test]
async fn no_secret_of_the_request_is_quoted() {
    let basic = STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}"));
    let (code, verifier) = ("c0d3-0f-th3-l0g1n", "v3r1f13r-0f-th3-l0g1n");
    // As they are and as a URL spells them.
    let all = format!("{CLIENT_SECRET} {basic} cl13nt%2Fs3cr3t%2B {REFRESH_TOKEN} r3fr3sh%2ft0k3n+ {code} {verifier}");
    for field in ["error", "error_description", "code", "message"] {
        let body = serde_json::json!({ field: all }).to_string().replace('/', "\\/");
        let (_, oauth) = answered("400 Bad Request", &body).await;
        let refresh = oauth.token().await.unwrap_err();
        let login = finish(&oauth, code, verifier).await.unwrap_err();
        let (refresh, login) = (format!("{refresh} {refresh:?}"), format!("{login} {login:?}"));
        for (said, hidden) in [
            (&refresh, [CLIENT_SECRET, REFRESH_TOKEN, "s3cr3t", "t0k3n", &basic]),
            (&login, [CLIENT_SECRET, code, verifier, "s3cr3t", &basic]),
        ] {
            assert!(said.contains("[REDACTED]"), "{said}");
            assert!(hidden.iter().all(|secret| !said.contains(secret)), "{said}");
        }
    }
}

#[tokio::test]
async fn what_the_endpoint_says_is_short_and_printable() {
    let description = format!("a\u{1b}[2J\u{202e}b\u{2028}c\u{9b}{}", "x".repeat(5 << 20));
    let body = serde_json::json!({ "error": "line\nbreak", "error_description": description }).to_string();
    // What is cut off at the bound is no JSON any more, so a shorter one for what is shown.
    let short = serde_json::json!({ "error": "invalid_grant", "error_description": &description[..1000] }).to_string();
    for (body, shown) in [(body, None), (short, Some(r"a\u{1b}[2J\u{202e}b c\u{9b}xxx"))] {
        let (_, oauth) = answered("400 Bad Request", &body).await;
        let error = oauth.token().await.unwrap_err();
        let said = error.to_string();
        assert!(said.len() < 500 && format!("{error:?}").len() < 700, "{} characters", said.len());
        assert!(!said.contains(['\u{1b}', '\u{202e}', '\u{2028}', '\u{9b}', '\n']), "{said:?}");
        assert!(shown.is_none_or(|shown| said.contains(shown)), "{said}");
    }
}

#[tokio::test]
async fn a_response_without_end_is_not_read_to_its_end() {
    for (status, bound) in [("200 OK", 16 << 20), ("400 Bad Request", 64 << 10)] {
        let (listener, base_url) = support::listen().await;
        let sent = Arc::new(AtomicU64::new(0));
        let counted = sent.clone();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let head = support::read_head(&mut stream).await.unwrap();
            support::discard_body(&mut stream, &head).await.unwrap();
            let head = format!("HTTP/1.1 {status}\r\ntransfer-encoding: chunked\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
            // For as long as the client takes it, but not for ever.
            while counted.load(Ordering::SeqCst) < 256 << 20 && stream.write_all(chunk.as_bytes()).await.is_ok() {
                counted.fetch_add(0x10000, Ordering::SeqCst);
            }
        });
        let error = provider(&base_url, Memory::ended(REFRESH_TOKEN)).token().await.unwrap_err();
        let expected = match oauth_error(&*error) {
            OAuthError::Unreadable { .. } => status == "200 OK",
            OAuthError::Refused { .. } => status != "200 OK",
            _ => false,
        };
        assert!(expected, "{error:?}");
        // What is under way in sockets comes on top.
        assert!(sent.load(Ordering::SeqCst) < bound + (16 << 20), "{status}: {sent:?} bytes");
    }
}

#[tokio::test]
async fn a_refusal_means_the_same_in_either_shape() {
    for (code, message) in [("code", "message"), ("error", "error_description")] {
        for status in ["400 Bad Request", "401 Unauthorized", "429 Too Many Requests"] {
            let body = format!(r#"{{"{code}":"invalid_grant","{message}":"It was used."}}"#);
            let (_, oauth) = answered(status, &body).await;
            let error = oauth.token().await.unwrap_err();
            let reason = "the refresh token was used before, or has ended (It was used.)";
            assert_eq!(needs_login(&*error).reason, reason);
        }
        // Half of it is enough, and a field that is no text says nothing.
        for rest in ["", r#","message":7,"error_description":7"#] {
            let body = format!(r#"{{"{code}":"invalid_client"{rest}}}"#);
            let (_, oauth) = answered("401 Unauthorized", &body).await;
            let error = oauth.token().await.unwrap_err();
            assert_eq!(
                error.to_string(),
                "the token endpoint refused with 401 Unauthorized invalid_client; check the client id and secret"
            );
        }
    }
}

/// As long as the longest of Canva's.
#[tokio::test]
async fn tokens_of_4_kb_are_kept_and_sent() {
    let long = |begin: &str| format!("{begin}.{}", "eyJhbGciOi/JSUzI+".repeat(240));
    let (access, refresh) = (long("access"), long("refresh"));
    let directory = tempfile::tempdir().unwrap();
    let store = FileStore::new(directory.path().join("tokens.json"));
    let body = serde_json::json!({ "access_token": access, "refresh_token": refresh, "expires_in": 14400 }).to_string();
    let base_url = support::answering(support::http("200 OK", "", &body)).await;
    let oauth = provider(&base_url, store.clone());
    finish(&oauth, "code", "verifier").await.unwrap();
    let tokens = store.load().await.unwrap().unwrap();
    assert_eq!((tokens.access_token, tokens.refresh_token), (access.as_str().into(), Some(refresh.as_str().into())));

    let (base_url, mut seen) = support::script(vec![support::http("403 Forbidden", "", "")]).await;
    let canva = Client::builder().token_provider(oauth).base_url(base_url).build().unwrap();
    canva.get_asset("a").await.unwrap_err();
    let (head, _) = seen.recv().await.unwrap();
    assert_eq!(head.header("authorization"), Some(format!("Bearer {access}").as_str()));
}
