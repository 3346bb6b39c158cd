//! URL uploads fetch from this machine alone, and say `fetch_failed` to everything else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use canva_simulator::Simulator;
use serde_json::json;
use tokio::net::TcpListener;

use crate::common::{
    because, client, delete, finished, fixture, found, import_url, ok, prompt, refused, served, upload_url, web,
};

/// What comes of a URL that leads elsewhere. It is said before anything is asked of the network: a name that was
/// looked up would have failed with the resolver's words, or not at all.
const ONLY_HERE: &str = "The file can't be fetched: the simulator fetches from http:// and https:// URLs of localhost and \
                         loopback addresses, and no file stands for this one.";

/// The message of a job that failed to fetch.
async fn fetch_failure(simulator: &Simulator, url: &str) -> String {
    let job = ok(upload_url(simulator, "Photo", url)).await["job"].take();
    assert_eq!((&job["status"], &job["error"]["code"]), (&json!("failed"), &json!("fetch_failed")), "{url}");
    job["error"]["message"].as_str().unwrap().to_owned()
}

/// Counts who connects.
struct Listening {
    port: u16,
    connections: Arc<AtomicUsize>,
}

impl Listening {
    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

async fn listen(address: &str) -> Listening {
    let listener = TcpListener::bind(address).await.unwrap();
    let (port, connections) = (listener.local_addr().unwrap().port(), Arc::<AtomicUsize>::default());
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    Listening { port, connections }
}

fn moved(to: &str) -> (String, Bytes) {
    (format!("302 Found\r\nlocation: {to}"), Bytes::new())
}

#[tokio::test]
async fn a_file_on_this_machine_becomes_an_asset_also_behind_a_redirect() {
    let simulator = prompt().await;
    let port = web([("/photo.jpg", found(fixture("photo.jpg"))), ("/moved", moved("/photo.jpg"))].into()).await;
    for (host, path) in [("127.0.0.1", "photo.jpg"), ("localhost", "photo.jpg"), ("127.0.0.1", "moved")] {
        let job = ok(upload_url(&simulator, "Photo", &format!("http://{host}:{port}/{path}"))).await["job"].take();
        assert_eq!(job["status"], "success", "{host} {path}: {job}");
    }
    assert_eq!(simulator.assets().remove(2).bytes().unwrap(), fixture("photo.jpg"));
}

#[tokio::test]
async fn a_loopback_address_is_one_however_it_is_written() {
    let simulator = prompt().await;
    let port = web([("/photo.jpg", found(fixture("photo.jpg")))].into()).await;
    let hosts = [
        "127.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.01",
        "127.0.0.1.",
        "LOCALHOST",
        "lo%63alhost",
        "ｌocalhost",
        "x:y@localhost",
        "localhost\t",
        "127。0。0。1",
    ];
    for host in hosts {
        let url = format!("http://{}:{port}/photo.jpg", host);
        let job = ok(upload_url(&simulator, "Photo", &url)).await["job"].take();
        assert_eq!(job["status"], "success", "{url}: {job}");
    }
}

#[tokio::test]
async fn no_other_address_is_reached_and_no_name_looked_up() {
    let simulator = prompt().await;
    // What listens on every address would be reached by all that lead to this machine.
    let target = listen("0.0.0.0:0").await;
    let hosts = [
        // Ways to this machine that are no loopback address.
        "0.0.0.0",
        "0",
        "0x0.0",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        // Other machines, and what clouds have at their link-local address.
        "169.254.169.254",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "2852039166",
        "0xa9.254.0251.254",
        "[::ffff:169.254.169.254]",
        "[fe80::1]",
        "10.0.0.1",
        "192.168.0.1",
        "128.0.0.1",
        "[2001:db8::1]",
        // Names, of which some are this machine's on some systems.
        "example.com",
        "no-such-host.invalid",
        "localhost.localdomain",
        "ip6-localhost",
        "a.localhost",
        "localhost.",
        "127.0.0.1.nip.io",
        "metadata.google.internal",
        "localhost.example.com",
        "evil%2eexample",
        "evil。example",
        "ⓔvil.example",
        // What looks like `localhost` up to where the host begins, or from where it ends.
        "localhost@192.0.2.1",
        "localhost:80@192.0.2.1",
        "127.0.0.1:1@evil.example",
        "192.0.2.1#@localhost",
        "192.0.2.1\\@localhost",
        "192.0.2.1?@localhost",
        "192.0.2.1/@localhost",
        "local\thost.evil.example",
        "evil.example\n",
        "\tevil.example",
    ];
    let urls = hosts.iter().map(|host| match host.contains(['#', '?', '/', '\\', '@']) {
        true => format!("http://{host}/"),
        false => format!("http://{host}:{}/", target.port),
    });
    let others = [
        "HTTP://EXAMPLE.COM/",
        "https://example.com/",
        "http:example.com",
        "http:\\\\example.com\\",
        "ht\ntp://example.com",
        "file:///etc/hostname",
        "file://localhost/etc/hostname",
        "FILE:///etc/hostname",
        "data:image/png;base64,iVBORw0KGgo=",
        "blob:http://localhost/x",
        "ws://localhost/",
        "about:blank",
    ];
    let schemes = ["gopher", "ftp", "GOPHER", "dict", "ldap", "unix"];
    let schemes = schemes.map(|scheme| format!("{scheme}://127.0.0.1:{}/_GET%20/", target.port));
    let urls: Vec<String> = urls.chain(others.map(str::to_owned)).chain(schemes).collect();
    let mut attempts = urls.len();
    for url in &urls {
        match reqwest::Url::parse(url).unwrap().scheme() {
            "http" | "https" => assert_eq!(fetch_failure(&simulator, url).await, ONLY_HERE, "{url}"),
            _ => {
                assert_eq!(refused(upload_url(&simulator, "Photo", url)).await, (400, "invalid_field".into()), "{url}")
            }
        }
    }

    // The same behind a redirect, and behind a redirect to a redirect.
    let absolute =
        urls.iter().filter(|url| url.is_ascii() && !url.contains(['\t', '\n']) && *url != "http:example.com");
    for url in absolute {
        let port = web([("/far", moved(url)), ("/chain", moved("/far"))].into()).await;
        for path in ["far", "chain"] {
            let found = fetch_failure(&simulator, &format!("http://localhost:{port}/{path}")).await;
            assert_eq!(found, ONLY_HERE, "{path} to {url}");
            attempts += 1;
        }
    }
    let port = web([("/scheme-relative", moved("//example.com/photo.jpg"))].into()).await;
    assert_eq!(fetch_failure(&simulator, &format!("http://localhost:{port}/scheme-relative")).await, ONLY_HERE);
    assert!(attempts > 150 && target.connections() == 0, "{attempts} attempts, {} came", target.connections());
    assert!(simulator.assets().is_empty());
}

#[tokio::test]
async fn what_cannot_be_fetched_from_this_machine_is_a_failed_fetch() {
    let simulator = prompt().await;
    let port = web([("/loop", moved("/loop")), ("/nowhere", ("302 Found".into(), Bytes::new()))].into()).await;
    let cases = [
        (format!("http://127.0.0.1:{port}/missing"), "404"),
        (format!("http://127.0.0.1:{port}/loop"), "too many redirects"),
        (format!("http://127.0.0.1:{port}/nowhere"), "without a usable location"),
        (closed_port().await, "Connection refused"),
        (format!("https://127.0.0.1:{port}/missing"), "corrupt message"),
    ];
    for (url, reason) in cases {
        let message = fetch_failure(&simulator, &url).await;
        assert!(message.contains(reason), "{url}: {message}");
    }
    assert!(simulator.assets().is_empty());
}

#[tokio::test]
async fn what_is_no_url_is_an_invalid_field_and_starts_no_job() {
    let simulator = prompt().await;
    for url in ["not a URL at all", "photo.example.com/a.png", "http://127.0.0.1:99999/", "http://local host/"] {
        for request in [upload_url(&simulator, "Name", url), import_url(&simulator, "Title", None, url)] {
            assert_eq!(refused(request).await, (400, "invalid_field".into()), "{url}");
        }
    }
}

#[tokio::test]
async fn a_fetched_file_is_judged_as_an_uploaded_one_is() {
    let simulator = Simulator::builder().max_asset_bytes(50_000).job_duration(Duration::ZERO).start().await.unwrap();
    let port =
        web([("/notes.txt", found(fixture("notes.txt"))), ("/big.png", found(fixture("photo.png")))].into()).await;
    for (path, code) in [("notes.txt", "import_failed"), ("big.png", "file_too_big")] {
        let job = ok(upload_url(&simulator, "File", &format!("http://127.0.0.1:{port}/{path}"))).await["job"].take();
        assert_eq!(job["error"]["code"], code, "{path}");
    }
}

#[tokio::test]
async fn a_video_over_100_mb_is_too_big_to_fetch() {
    let simulator = prompt().await;
    let clip = fixture("clip.mp4");
    let padded = |total: u32| {
        let free = total - clip.len() as u32;
        let mut video = clip.to_vec();
        video.extend_from_slice(&free.to_be_bytes());
        video.extend_from_slice(b"free");
        video.resize(total as usize, 0);
        found(video.into())
    };
    let port = web([("/small.mp4", padded(100_000_000)), ("/large.mp4", padded(100_000_001))].into()).await;
    let job = ok(upload_url(&simulator, "Video", &format!("http://127.0.0.1:{port}/small.mp4"))).await["job"].take();
    assert_eq!(job["asset"]["type"], "video", "{job}");
    let job = ok(upload_url(&simulator, "Video", &format!("http://127.0.0.1:{port}/large.mp4"))).await["job"].take();
    assert_eq!(job["error"]["code"], "file_too_big");
}

async fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}/photo.png", listener.local_addr().unwrap())
}

/// A second one isn't needed: this is how a request whose response was lost can be sent again.
#[tokio::test(start_paused = true)]
async fn the_same_url_is_taken_once_while_its_job_runs_or_its_asset_is_there() {
    let simulator = Simulator::builder().job_duration(Duration::from_secs(20)).start().await.unwrap();
    let (photo, deck) = (served(fixture("photo.jpg")).await, served(fixture("deck.pdf")).await);
    let (upload, import) = (|| upload_url(&simulator, "Photo", &photo), || import_url(&simulator, "Deck", None, &deck));
    let taken = || (400, "invalid_request".to_owned());
    let (uploading, importing) = (ok(upload()).await, ok(import()).await);
    let id = uploading["job"]["id"].as_str().unwrap();
    assert_eq!((because(upload(), id).await, refused(import()).await), (taken(), taken()));

    let uploaded = finished(&simulator, "/v1/url-asset-uploads", &uploading).await;
    finished(&simulator, "/v1/url-imports", &importing).await;
    assert_eq!(refused(upload()).await, taken());
    ok(import()).await;
    let deleted = delete(&simulator, uploaded["asset"]["id"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(deleted.status(), 204);
    ok(upload()).await;

    // Another user's, and one that failed, are no second ones.
    let anna = simulator.authorize_as("anna");
    let annas = client().post(format!("{}/v1/url-asset-uploads", simulator.base_url())).bearer_auth(anna);
    ok(annas.json(&json!({ "name": "Photo", "url": photo }))).await;
    for _ in 0..2 {
        let failing = ok(upload_url(&simulator, "None", "http://192.0.2.1/")).await;
        assert_eq!(finished(&simulator, "/v1/url-asset-uploads", &failing).await["status"], "failed");
    }
}
