//! Whatever the token endpoint answers: a grant that can be used is taken, and nothing else is; no secret is shown, and
//! nothing is read without a bound.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use canva_connect::auth::{Authorization, FileStore, Integration, OAuth, OAuthError, TokenStore, Tokens};
use canva_connect::{AccessToken, Client, TokenProvider};
use tokio::io::AsyncWriteExt;

use crate::support;
use crate::tokens::{Crowd, Memory, REDIRECT_URI};

const CLIENT_ID: &str = "client";
const CLIENT_SECRET: &str = "cl13nt/s3cr3t+";
const REFRESH_TOKEN: &str = "r3fr3sh/t0k3n+";

/// A login whose access token has ended, at this token endpoint.
fn expired(base_url: &str) -> (Memory, OAuth) {
    let store = Memory::default();
    store.0.lock().unwrap().tokens = Some(Tokens::new("old-token", REFRESH_TOKEN, Duration::ZERO));
    let integration = Integration::new(CLIENT_ID, CLIENT_SECRET, REDIRECT_URI).unwrap().base_url(base_url).unwrap();
    (store.clone(), OAuth::new(integration, store))
}

fn kept(store: &Memory) -> Tokens {
    store.0.lock().unwrap().tokens.clone().unwrap()
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap().as_secs()
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
        (r#","expires_in":1e400"#, 14400),
        (&format!(r#","expires_in":{}"#, "9".repeat(400)), 14400),
        (&format!(r#","expires_in":{}{}"#, "[".repeat(200), "]".repeat(200)), 14400),
        (r#","expires_in":"\ud83d""#, 14400),
    ] {
        let body = format!(r#"{{"access_token":"new-token","refresh_token":"next-refresh"{expires_in}}}"#);
        let (store, oauth) = expired(&support::answering(support::http("200 OK", "", &body)).await);
        let before = now();
        assert_eq!(oauth.token().await.unwrap(), AccessToken::new("new-token"), "{expires_in}");
        let kept = kept(&store);
        assert_eq!(kept.refresh_token, Some("next-refresh".into()));
        assert!((before + lifetime..=now() + lifetime).contains(&kept.expires_at), "{expires_in}: {}", kept.expires_at);
    }
}

#[tokio::test]
async fn a_grant_without_a_refresh_token_leaves_the_old_one() {
    for none in ["", r#","refresh_token":null"#, r#","refresh_token":"""#, r#","refresh_token":7"#] {
        let body = format!(r#"{{"access_token":"new-token","expires_in":14400{none}}}"#);
        let (store, oauth) = expired(&support::answering(support::http("200 OK", "", &body)).await);
        assert_eq!(oauth.token().await.unwrap(), AccessToken::new("new-token"));
        assert_eq!(kept(&store).refresh_token, Some(REFRESH_TOKEN.into()));
    }
}

#[tokio::test]
async fn a_login_without_a_refresh_token_lasts_as_long_as_its_access_token() {
    let body = r#"{"access_token":"new-token","expires_in":30}"#;
    let base_url = support::answering(support::http("200 OK", "", body)).await;
    let (store, oauth) = expired(&base_url);
    oauth.finish(&Authorization::resume("state", "verifier"), "code=code&state=state").await.unwrap();
    assert_eq!(kept(&store).refresh_token, None);
    // Also when that is soon: there is nothing better to be had.
    assert_eq!(oauth.token().await.unwrap(), AccessToken::new("new-token"));

    // It is written and read without one.
    let text = serde_json::to_string(&kept(&store)).unwrap();
    assert!(!text.contains("refresh_token"), "{text}");
    let mut tokens: Tokens = serde_json::from_str(&text).unwrap();
    assert_eq!(tokens, kept(&store));
    tokens.expires_at = now();
    let (store, oauth) = expired(&base_url);
    store.0.lock().unwrap().tokens = Some(tokens);
    let error = oauth.token().await.unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(OAuthError::LoginRequired { .. })), "{error}");
    assert!(error.to_string().contains("there is no refresh token"), "{error}");
}

#[tokio::test]
async fn an_access_token_that_no_header_can_carry_is_refused_and_the_old_pair_stays() {
    for unusable in ["", " ", "two words", r"line\nbreak", r"\u001b[2J", "é"] {
        let body = format!(r#"{{"access_token":"{unusable}","refresh_token":"next-refresh","expires_in":14400}}"#);
        let (store, oauth) = expired(&support::answering(support::http("200 OK", "", &body)).await);
        let before = kept(&store);
        let error = oauth.token().await.unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(OAuthError::Unreadable { .. })), "{unusable:?}: {error}");
        assert_eq!(kept(&store), before);
    }
}

#[tokio::test]
async fn two_hundred_calls_take_a_token_that_ends_soon_from_one_refresh() {
    let crowd = Crowd::default();
    let grant = |number| format!(r#"{{"access_token":"token-{number}","refresh_token":"next","expires_in":30}}"#);
    let base_url = crowd.endpoint(move |number| ("200 OK", grant(number))).await;
    let (_, oauth) = expired(&base_url);
    let tokens = crowd.calls(&oauth).await;
    assert!(tokens.into_iter().all(|token| token.unwrap() == AccessToken::new("token-1")));
    assert_eq!(crowd.requests(), 1);
    // Who comes later has not waited for it. Who was refused with it wants another one.
    assert_eq!(oauth.token().await.unwrap(), AccessToken::new("token-2"));
    oauth.refused(&AccessToken::new("token-2")).await.unwrap();
    assert_eq!(crowd.requests(), 3);
}

#[tokio::test]
async fn no_secret_of_the_request_is_quoted_in_any_spelling() {
    let basic = STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}"));
    let (code, verifier) = ("c0d3-0f-th3-l0g1n", "v3r1f13r-0f-th3-l0g1n");
    let all = format!("{CLIENT_SECRET} {basic} cl13nt%2Fs3cr3t%2B {REFRESH_TOKEN} r3fr3sh%2ft0k3n+ {code} {verifier}");
    for field in ["error", "error_description", "code", "message"] {
        let body = serde_json::json!({ field: all }).to_string().replace('/', "\\/");
        let (_, oauth) = expired(&support::answering(support::http("400 Bad Request", "", &body)).await);
        let refresh = oauth.token().await.unwrap_err();
        let login = Authorization::resume("state", verifier);
        let login = oauth.finish(&login, &format!("code={code}&state=state")).await.unwrap_err();
        let (refresh, login) = (format!("{refresh} {refresh:?}"), format!("{login} {login:?}"));
        for (said, hidden) in [
            (&refresh, [CLIENT_SECRET, REFRESH_TOKEN, "s3cr3t", "t0k3n"]),
            (&login, [CLIENT_SECRET, code, verifier, "s3cr3t"]),
        ] {
            assert!(said.contains("[REDACTED]"), "{said}");
            for secret in hidden.into_iter().chain([basic.as_str(), &basic[12..24]]) {
                assert!(!said.contains(secret), "{secret}: {said}");
            }
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
        let (_, oauth) = expired(&support::answering(support::http("400 Bad Request", "", &body)).await);
        let error = oauth.token().await.unwrap_err();
        let said = error.to_string();
        assert!(said.len() < 500 && format!("{error:?}").len() < 700, "{} characters", said.len());
        assert!(!said.contains(['\u{1b}', '\u{202e}', '\u{2028}', '\u{9b}', '\n']), "{said:?}");
        assert!(shown.is_none_or(|shown| said.contains(shown)), "{said}");
    }
    let body = serde_json::json!({ "error": description.get(..1000), "error_description": null }).to_string();
    let (_, oauth) = expired(&support::answering(support::http("400 Bad Request", "", &body)).await);
    let error = oauth.token().await.unwrap_err().to_string();
    assert!(error.contains(r"400 Bad Request a\u{1b}[2J\u{202e}b c\u{9b}xxx") && error.len() < 500, "{error}");
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
        let (_, oauth) = expired(&base_url);
        let error = oauth.token().await.unwrap_err();
        let expected = match error.downcast_ref() {
            Some(OAuthError::Unreadable { .. }) => status == "200 OK",
            Some(OAuthError::Refused { .. }) => status != "200 OK",
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
            let (_, oauth) = expired(&support::answering(support::http(status, "", &body)).await);
            let error = oauth.token().await.unwrap_err();
            let Some(OAuthError::LoginRequired { reason, .. }) = error.downcast_ref() else { panic!("{error:?}") };
            assert_eq!(reason, "the refresh token was used before, or has ended (It was used.)");
        }
        // Half of it is enough, and what is no text says nothing.
        for rest in ["", r#","message":7,"error_description":7"#] {
            let body = format!(r#"{{"{code}":"invalid_client"{rest}}}"#);
            let (_, oauth) = expired(&support::answering(support::http("401 Unauthorized", "", &body)).await);
            let error = oauth.token().await.unwrap_err();
            assert_eq!(error.to_string(), "the token endpoint refused with 401 Unauthorized invalid_client");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_keeps_how_long_to_wait() {
    let date = "date: Fri, 13 Nov 2026 08:00:00 GMT\r\nretry-after: Fri, 13 Nov 2026 08:01:30 GMT\r\n";
    for (headers, expected) in
        [("retry-after: 7\r\n", Some(7)), (date, Some(90)), ("retry-after: soon\r\n", None), ("", None)]
    {
        let body = r#"{"code":"too_many_requests","message":"Not so fast."}"#;
        let (_, oauth) = expired(&support::answering(support::http("429 Too Many Requests", headers, body)).await);
        let error = oauth.token().await.unwrap_err();
        let Some(OAuthError::Refused { status, error: code, retry_after, .. }) = error.downcast_ref() else {
            panic!("{error:?}")
        };
        assert_eq!((status.as_u16(), code.as_str()), (429, "too_many_requests"));
        assert_eq!(retry_after.map(|it| it.as_secs()), expected, "{headers}");
        let after = expected.map(|it| format!(" (retry after {it} s)")).unwrap_or_default();
        let said = "the token endpoint refused with 429 Too Many Requests too_many_requests: Not so fast.";
        assert_eq!(error.to_string(), format!("{said}{after}"));
    }
}

/// As long as the longest of Canva's.
#[tokio::test]
async fn tokens_of_4_kb_are_kept_sent_and_never_shown() {
    let long =
        |begin: &str| format!("{begin}.{}", "eyJhbGciOi/JSUzI+".repeat(300)).chars().take(4096).collect::<String>();
    let (access, refresh) = (long("access"), long("refresh"));
    let directory = tempfile::tempdir().unwrap();
    let store = FileStore::new(directory.path().join("tokens.json"));
    let body = serde_json::json!({ "access_token": access, "refresh_token": refresh, "expires_in": 14400 }).to_string();
    let base_url = support::answering(support::http("200 OK", "", &body)).await;
    let integration = || Integration::new(CLIENT_ID, CLIENT_SECRET, REDIRECT_URI).unwrap();
    let oauth = OAuth::new(integration().base_url(&base_url).unwrap(), store.clone());
    oauth.finish(&Authorization::resume("state", "verifier"), "code=code&state=state").await.unwrap();
    let tokens = store.load().await.unwrap().unwrap();
    assert_eq!((tokens.access_token, tokens.refresh_token), (access.as_str().into(), Some(refresh.as_str().into())));

    // Servers that quote them, as they are and in Base64.
    let quoted =
        |token: &str| serde_json::json!({ "code": "c", "message": format!("{token} {}", STANDARD.encode(token)) });
    let (listener, base_url) = support::listen().await;
    let (echo, expected) = (quoted(&access).to_string(), format!("Bearer {access}"));
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let head = support::read_head(&mut stream).await.unwrap();
        assert_eq!(head.header("authorization"), Some(expected.as_str()));
        support::answer(&mut stream, "403 Forbidden", "", &echo).await.unwrap();
    });
    let canva = Client::builder().token_provider(oauth).base_url(base_url).build().unwrap();
    let error = canva.get_asset("a").await.unwrap_err();
    server.await.unwrap();
    let body = quoted(&refresh).to_string();
    let base_url = support::answering(support::http("400 Bad Request", "", &body)).await;
    let memory = Memory::default();
    memory.0.lock().unwrap().tokens = Some(Tokens::new("old-token", refresh.as_str(), Duration::ZERO));
    let refused = OAuth::new(integration().base_url(&base_url).unwrap(), memory).token().await.unwrap_err();
    for said in [format!("{error} {error:?}"), format!("{refused} {refused:?}")] {
        assert!(said.contains("[REDACTED] [REDACTED]"), "{said}");
        assert!(!said.contains("eyJhbGci") && !said.contains(&STANDARD.encode("eyJhbGciOi/J")[..12]), "{said}");
    }
}
