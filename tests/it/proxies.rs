//! Behind a proxy and with a CA of one's own: what callers set up about the HTTP client holds for every request, and
//! what the library promises holds whatever they set up.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use canva_connect::auth::{Integration, Login, OAuth, Tokens};
use canva_connect::reqwest::{self, Certificate, Identity};
use canva_connect::{Client, ClientBuilder, ConnectKind, Error, Pacing, RetryPolicy, TokenProvider, UploadBody};
use rcgen::CertificateParams;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use self::proxy::{BASIC, Proxy};
use crate::support;
use crate::support::tls::{self, Ca, Connection, Server, Settings};
use crate::tokens::{Memory, REDIRECT_URI};

mod proxy;

const TOKEN: &str = "s3cr3t-t0k3n";
const GET: &str = "GET /rest/v1/assets/a1";
const UPLOAD: &str = "POST /rest/v1/asset-uploads";

fn certificate(ca: &Ca) -> Certificate {
    Certificate::from_pem(ca.pem().as_bytes()).unwrap()
}

/// A client with all defaults, its retries among them.
fn builder(base_url: &str) -> ClientBuilder {
    Client::builder().token(TOKEN).base_url(base_url).pacer(Pacing::off())
}

fn client(
    server: &Server,
    settings: impl Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + Sync + 'static,
) -> Client {
    builder(&server.base_url).http(settings).build().unwrap()
}

/// The setting that trusts this CA alone.
fn only(ca: &Ca) -> impl Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + Sync + use<> {
    let trusted = certificate(ca);
    move |http| http.tls_certs_only([trusted.clone()])
}

async fn get(canva: &Client) -> Result<(), Error> {
    canva.get_asset("a1").await.map(|_| ())
}

async fn upload(canva: &Client) -> Result<(), Error> {
    canva.upload_asset(vec![7; 300_000]).name("n").await.map(|_| ())
}

fn connection(protocol: &str, requests: &[&str]) -> Connection {
    Connection { protocol: Some(protocol.to_owned()), requests: requests.iter().map(|it| (*it).to_owned()).collect() }
}

/// Both requests arrived, each over the connection that is for it.
fn check_both(server: &Server) {
    assert_eq!(server.connections(), [connection("HTTP/2", &[GET]), connection("HTTP/1.1", &[UPLOAD])]);
}

#[tokio::test]
async fn a_ca_of_ones_own_is_trusted_for_every_request() {
    let ca = Ca::new("Example CA");
    let trusted = certificate(&ca);
    let merge = move |http: reqwest::ClientBuilder| http.tls_certs_merge([trusted.clone()]);
    let settings: [Arc<dyn Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + Sync>; 2] =
        [Arc::new(merge), Arc::new(only(&ca))];
    for settings in settings {
        let server = tls::serve(&ca, Settings::default()).await;
        let canva = client(&server, move |http| settings(http));
        get(&canva).await.unwrap();
        upload(&canva).await.unwrap();
        check_both(&server);
    }
}

/// A login whose access token has ended.
fn login(integration: Integration) -> OAuth {
    let store = Memory::default();
    store.0.lock().unwrap().tokens = Some(Tokens::new("old-token", "refresh-token", Duration::ZERO));
    OAuth::new(integration, store)
}

#[tokio::test]
async fn a_ca_of_ones_own_is_trusted_at_the_token_endpoint() {
    let (ca, other) = (Ca::new("Example CA"), Ca::new("Other CA"));
    let server = tls::serve(&ca, Settings::default()).await;
    let integration = |ca: &Ca| {
        let integration =
            Integration::builder("id", "secret", REDIRECT_URI).token_url(format!("{}/v1/oauth/token", server.base_url));
        integration.http(only(ca)).build().unwrap()
    };
    let trusts_another = login(integration(&other));
    let error = support::chain(&*trusts_another.token().await.unwrap_err());
    assert!(
        error.starts_with("the token endpoint could not be reached: ")
            && error.ends_with(": invalid peer certificate: UnknownIssuer"),
        "{error}"
    );
    assert_eq!(server.connections(), [Connection::default()]);
    assert_eq!(login(integration(&ca)).token().await.unwrap(), "n3w-t0k3n".into());
}

#[test]
#[ignore = "run in a process with an environment of its own"]
fn the_child_that_sends_both() {
    support::be_child(async |base_url| {
        let canva = builder(&base_url).build().unwrap();
        get(&canva).await.unwrap();
        upload(&canva).await.unwrap();
    });
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_a_server_that_wants_one() {
    let ca = Ca::new("Example CA");
    let server = tls::serve(&ca, Settings { wants_clients: true, ..Settings::default() }).await;
    let (own, key) = ca.sign(&CertificateParams::default());
    let identity = Identity::from_pem([own.pem(), key.serialize_pem()].concat().as_bytes()).unwrap();
    let only_ca = only(&ca);
    let canva = client(&server, move |http| only_ca(http).identity(identity.clone()));
    get(&canva).await.unwrap();
    upload(&canva).await.unwrap();
    check_both(&server);

    let server = tls::serve(&ca, Settings { wants_clients: true, ..Settings::default() }).await;
    let canva = builder(&server.base_url).http(only(&ca)).retry_policy(RetryPolicy::never()).build().unwrap();
    // It says so only after the handshake.
    for error in [get(&canva).await.unwrap_err(), upload(&canva).await.unwrap_err()] {
        assert!(!matches!(error, Error::Connect { .. }), "{error:?}");
    }
    assert!(server.connections().iter().all(|connection| connection.requests.is_empty()));
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_tried_once_and_named() {
    let (ca, other) = (Ca::new("Example CA"), Ca::new("Other CA"));
    let signed = |name: &str| CertificateParams::new([name.to_owned()]).unwrap();
    let mut expired = signed("localhost");
    expired.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let mut early = signed("localhost");
    early.not_before = rcgen::date_time_ymd(4000, 1, 1);
    let cases = [
        (&other, signed("localhost"), ConnectKind::Certificate, "UnknownIssuer"),
        (&ca, expired, ConnectKind::InvalidCertificate, "seconds ago)"),
        (&ca, early, ConnectKind::InvalidCertificate, "in future)"),
        (
            &ca,
            signed("elsewhere.example"),
            ConnectKind::InvalidCertificate,
            "\"localhost\"; certificate is only valid for DnsName(\"elsewhere.example\")",
        ),
    ];
    for (trusted, certificate, expected, ends) in cases {
        let server = tls::serve(&ca, Settings { certificate, ..Settings::default() }).await;
        let canva = client(&server, only(trusted));
        for (number, error) in [get(&canva).await.unwrap_err(), upload(&canva).await.unwrap_err()].iter().enumerate() {
            assert!(matches!(error, Error::Connect { kind, attempts: 1, .. } if *kind == expected), "{error:?}");
            let said = error.report();
            let host = format!(" could not connect to localhost:{} (1 attempt), since the ", server.port);
            assert!(said.contains(&host) && said.ends_with(ends), "{number}: {said}");
        }
        assert_eq!(server.connections(), [Connection::default(), Connection::default()]);
    }
}

/// The host of a server that only the proxy finds.
const HIDDEN: &str = "api.canva.example";

/// A server with this host, and where requests for it begin.
async fn hidden(ca: &Ca) -> (Server, String) {
    let certificate = CertificateParams::new([HIDDEN.to_owned()]).unwrap();
    let server = tls::serve(ca, Settings { certificate, ..Settings::default() }).await;
    let base_url = format!("https://{HIDDEN}:{}/rest", server.port);
    (server, base_url)
}

#[tokio::test]
async fn a_proxy_is_asked_for_tunnels_and_sees_no_more() {
    for (user, authorization) in [("", None), ("user:pr0xy-p4ss@", Some(BASIC))] {
        let ca = Ca::new("Example CA");
        let (server, base_url) = hidden(&ca).await;
        let proxy = Proxy::start(server.port, authorization.is_some()).await;
        let through = reqwest::Proxy::https(format!("http://{user}127.0.0.1:{}", proxy.port)).unwrap();
        let only_ca = only(&ca);
        let canva = builder(&base_url).http(move |http| only_ca(http).proxy(through.clone())).build().unwrap();
        get(&canva).await.unwrap();
        upload(&canva).await.unwrap();
        proxy.check_both(&server, authorization);
    }
}

#[tokio::test]
async fn https_proxy_names_the_proxy() {
    for (user, authorization) in [("", None), ("user:pr0xy-p4ss@", Some(BASIC))] {
        let (ca, directory) = (Ca::new("Example CA"), tempfile::tempdir().unwrap());
        let trusted = directory.path().join("ca.pem");
        std::fs::write(&trusted, ca.pem()).unwrap();
        let (server, base_url) = hidden(&ca).await;
        let proxy = Proxy::start(server.port, authorization.is_some()).await;
        let through = format!("http://{user}127.0.0.1:{}", proxy.port);
        let nothing = Path::new("");
        let environment = [
            ("SSL_CERT_FILE", trusted.as_path()),
            ("HTTPS_PROXY", Path::new(&through)),
            ("https_proxy", Path::new(&through)),
            ("NO_PROXY", nothing),
            ("no_proxy", nothing),
        ];
        support::in_child_with("proxies::the_child_that_sends_both", &base_url, &environment).await;
        proxy.check_both(&server, authorization);
    }
}

#[test]
#[ignore = "run in a process with an environment of its own"]
fn the_child_that_says_what_stands_in_the_way() {
    support::be_child(async |base_url| {
        let canva = builder(&base_url).allow_plain_http().retry_policy(support::attempts(2)).build().unwrap();
        for error in [get(&canva).await.unwrap_err(), upload(&canva).await.unwrap_err()] {
            support::say(&support::everything(&error).replace('\n', " "));
        }
        let integration = Integration::builder("id", "secret", REDIRECT_URI).token_url(format!("{base_url}/token"));
        let oauth = login(integration.allow_plain_http().build().unwrap());
        let error = oauth.finish(&Login::resume("state", "verifier"), "code=c&state=state").await.unwrap_err();
        support::say(&format!("{} {error:?}", error.report()).replace('\n', " "));
    });
}

#[tokio::test]
async fn a_proxy_that_stands_in_the_way_is_named_by_its_variable_and_tried_again_only_if_that_may_help() {
    let (_kept, refusing) = support::refusing();
    let address = refusing.strip_prefix("http://").unwrap().strip_suffix("/rest").unwrap();
    let (https, http) = (format!("https://{HIDDEN}/rest"), format!("http://{HIDDEN}/rest"));
    let refused = ("(2 attempts)", ", since the proxy opened no tunnel");
    let scheme = ("(1 attempt)", ", since the proxy's URL isn't one of http or https");
    for (base_url, name, proxy, expected) in [
        (&https, "HTTPS_PROXY", "http", refused),
        (&https, "https_proxy", "http", refused),
        (&https, "ALL_PROXY", "http", refused),
        (&https, "ALL_PROXY", "socks5", scheme),
        (&https, "https_proxy", "socks4a", scheme),
        (&http, "all_proxy", "socks5h", scheme),
        (&http, "HTTP_PROXY", "socks5", scheme),
    ] {
        let value = format!("{proxy}://user:pr0xy-p4ss@{address}");
        let environment = [(name, Path::new(&value)), ("NO_PROXY", Path::new(""))];
        let test = "proxies::the_child_that_says_what_stands_in_the_way";
        let said = support::said_in_child(test, base_url, &environment).await;
        let said: Vec<_> = said.lines().filter_map(|line| line.split_once("said: ")).collect();
        assert_eq!(said.len(), 3, "{name}={proxy}: {said:?}");
        let (attempts, why) = expected;
        // A request, an upload, and a login.
        for ((_, said), begins) in said.into_iter().zip([attempts, attempts, "token endpoint could not be reached"]) {
            assert!(said.contains(&format!("{begins}{why} ({name} is set)")), "{name}={proxy}: {said}");
            assert!(!said.contains("pr0xy-p4ss") && !said.contains("dXNlcjpwcjB4eS1wNHNz"), "{said}");
        }
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_the_password_is_asked_once() {
    let proxy = Proxy::start(0, true).await;
    for (number, path) in [(0, "a tunnel"), (2, "a request")] {
        let through = reqwest::Proxy::all(format!("http://user:wr0ng-p4ss@127.0.0.1:{}", proxy.port)).unwrap();
        let base_url = if number == 0 { format!("https://{HIDDEN}/rest") } else { format!("http://{HIDDEN}/rest") };
        let canva =
            builder(&base_url).allow_plain_http().http(move |http| http.proxy(through.clone())).build().unwrap();
        for (attempt, error) in [get(&canva).await.unwrap_err(), upload(&canva).await.unwrap_err()].iter().enumerate() {
            match error {
                Error::Connect { kind: ConnectKind::ProxyAuthorization, attempts: 1, .. } if number == 0 => {}
                Error::Api(api) if number == 2 && api.status == 407 && api.attempts == 1 => {}
                error => panic!("{path}, {attempt}: {error:?}"),
            }
            let said = format!("{error} {error:?}");
            assert!(error.report().contains("the proxy"), "{said}");
            assert!(!said.contains("wr0ng") && !said.contains("dXNlcjp3cjBuZy"), "{said}");
        }
        assert_eq!(proxy.heads().len(), number + 2, "{path}");
    }
}

#[tokio::test]
async fn a_proxy_that_opens_no_tunnel_is_named() {
    let url = support::answering(support::http("502 Bad Gateway", "", "")).await;
    let through = reqwest::Proxy::all(url.strip_suffix("/rest").unwrap()).unwrap();
    let base_url = format!("https://{HIDDEN}/rest");
    let mut retry = RetryPolicy::default();
    (retry.max_attempts, retry.base_delay) = (2, Duration::from_millis(1));
    let canva = builder(&base_url).http(move |http| http.proxy(through.clone())).retry_policy(retry).build().unwrap();
    for error in [get(&canva).await.unwrap_err(), upload(&canva).await.unwrap_err()] {
        assert!(matches!(error, Error::Connect { kind: ConnectKind::Proxy, attempts: 2, .. }), "{error:?}");
        assert!(error.to_string().ends_with(" (2 attempts), since the proxy opened no tunnel"), "{error}");
    }
}

/// Content that comes when the test writes it.
fn begin(canva: &Client) -> (DuplexStream, JoinHandle<Result<(), Error>>) {
    let (writer, reader) = tokio::io::duplex(1024);
    let uploading = canva.upload_asset(UploadBody::from_reader(4, reader)).name("n");
    (writer, tokio::spawn(async move { uploading.await.map(|_| ()) }))
}

fn uploads(connection: &Connection) -> usize {
    connection.requests.iter().filter(|request| *request == UPLOAD).count()
}

#[tokio::test]
async fn whatever_is_set_each_upload_has_a_connection_and_the_rest_shares_one() {
    let again = || reqwest::retry::for_host("localhost").no_budget().classify_fn(|request| request.retryable());
    type Set = Box<dyn Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + Sync>;
    let all: [(&str, Set); 5] = [
        ("nothing", Box::new(|http| http)),
        ("redirects", Box::new(|http| http.redirect(reqwest::redirect::Policy::limited(5)))),
        ("HTTP/2 alone", Box::new(|http| http.http2_prior_knowledge())),
        ("HTTP/1.1 alone", Box::new(|http| http.http1_only())),
        ("retries", Box::new(move |http| http.retry(again()))),
    ];
    for (name, set) in all {
        let ca = Ca::new("Example CA");
        let server = tls::serve(&ca, Settings::default()).await;
        let only_ca = only(&ca);
        let canva = client(&server, move |http| set(only_ca(http)));
        get(&canva).await.unwrap();
        let begun: Vec<_> = (0..4).map(|_| begin(&canva)).collect();
        server.until(|all| all.iter().map(uploads).sum::<usize>() == 4).await;
        if name != "HTTP/1.1 alone" {
            let mut together = JoinSet::new();
            for _ in 0..3 {
                let canva = canva.clone();
                together.spawn(async move { get(&canva).await });
            }
            assert!(together.join_all().await.iter().all(Result::is_ok), "{name}");
        }
        for (mut content, uploading) in begun {
            content.write_all(b"four").await.unwrap();
            drop(content);
            uploading.await.unwrap().unwrap();
        }
        let others = match name {
            "HTTP/1.1 alone" => connection("HTTP/1.1", &[GET]),
            _ => connection("HTTP/2", &[GET; 4]),
        };
        let mut expected = vec![others];
        expected.resize(5, connection("HTTP/1.1", &[UPLOAD]));
        assert_eq!(server.connections(), expected, "{name}");
    }
}

#[tokio::test]
async fn a_server_with_http2_alone_gets_uploads_over_it() {
    let bodies: [fn() -> UploadBody; 2] =
        [|| vec![7; 300_000].into(), || UploadBody::from_reader(300_000, tokio::io::repeat(7).take(300_000))];
    for body in bodies {
        let ca = Ca::new("Example CA");
        let server = tls::serve(&ca, Settings { protocols: &["h2"], ..Settings::default() }).await;
        // Not one of the policy's attempts.
        let canva = builder(&server.base_url).http(only(&ca)).retry_policy(RetryPolicy::never()).build().unwrap();
        for _ in 0..2 {
            canva.upload_asset(body()).name("n").await.map(drop).unwrap();
        }
        get(&canva).await.unwrap();
        // It is found out once.
        assert_eq!(server.connections(), [Connection::default(), connection("HTTP/2", &[UPLOAD, UPLOAD, GET])]);
    }
}

#[tokio::test]
async fn no_redirect_is_followed_whatever_is_set() {
    let there = support::answering(support::http("200 OK", "", support::UPDATED)).await;
    let redirect = support::http("307 Temporary Redirect", &format!("location: {there}/v1/assets/a1\r\n"), "");
    let base_url = support::answering(redirect).await;
    let follow = |http: reqwest::ClientBuilder| http.redirect(reqwest::redirect::Policy::limited(5));
    let canva = builder(&base_url).http(follow).build().unwrap();
    for error in [get(&canva).await.unwrap_err(), upload(&canva).await.unwrap_err()] {
        assert_eq!(error.status().unwrap(), 307, "{error}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_takes_no_other_upload_with_it() {
    let ca = Ca::new("Example CA");
    let acceptor = tls::acceptor(&ca, &Settings::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("https://localhost:{}/rest", listener.local_addr().unwrap().port());
    let canva = builder(&base_url).http(only(&ca)).build().unwrap();
    let mut under_way = Vec::new();
    for _ in 0..4 {
        let (content, uploading) = begin(&canva);
        let mut stream = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
        let head = support::read_head(&mut stream).await.unwrap();
        assert!(head.text.starts_with("POST /rest/v1/asset-uploads HTTP/1.1"), "{}", head.text);
        under_way.push((stream, head, content, uploading));
    }
    while under_way.len() > 1 {
        let (stream, _, content, uploading) = under_way.remove(0);
        drop(stream);
        let error = uploading.await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Connection { attempts: 1, .. }), "{error:?}");
        drop(content);
        assert!(under_way.iter().all(|(.., uploading)| !uploading.is_finished()));
    }
    let (mut stream, head, mut content, uploading) = under_way.remove(0);
    content.write_all(b"four").await.unwrap();
    drop(content);
    support::discard_body(&mut stream, &head).await.unwrap();
    support::answer(&mut stream, "200 OK", "", support::UPLOADED).await.unwrap();
    uploading.await.unwrap().unwrap();
}
