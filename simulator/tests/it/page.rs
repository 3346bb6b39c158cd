//! The page in a browser: it shows what the control API says and steers it by forms, without a script, for nobody but the
//! simulator's own visitors.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::LazyLock;
use std::time::Duration;

use canva_simulator::{Access, Simulator};
use regex_lite::Regex;
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

use crate::common::{
    address, create_design, create_folder, delete, fixture, image, import, ok, read, refused, request, update, upload,
};

/// As long as a name may be, once it is in the library.
const HOSTILE: &str = "<script>alert(1)</script><img src=x onerror='a()'\"";

const PAGES: [&str; 4] = ["/", "/library", "/faults", "/access"];

/// A browser in which nothing but the simulator's own headers, links and forms work.
fn browser() -> &'static Client {
    static BROWSER: LazyLock<Client> = LazyLock::new(|| {
        Client::builder().no_proxy().pool_max_idle_per_host(0).redirect(Policy::none()).build().unwrap()
    });
    &BROWSER
}

fn url(simulator: &Simulator, path: &str) -> String {
    format!("http://{}{path}", address(simulator))
}

async fn open(simulator: &Simulator, path: &str) -> Response {
    browser().get(url(simulator, path)).send().await.unwrap()
}

async fn html(simulator: &Simulator, path: &str) -> String {
    let response = open(simulator, path).await;
    let status = response.status();
    let html = response.text().await.unwrap();
    assert_eq!(status, 200, "{path}: {html}");
    html
}

/// As a browser sends a form of this page.
async fn submit(simulator: &Simulator, path: &str, fields: &[(&str, &str)]) -> Response {
    submit_from(&url(simulator, ""), simulator, path, fields).await
}

async fn submit_from(origin: &str, simulator: &Simulator, path: &str, fields: &[(&str, &str)]) -> Response {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = browser().post(url(simulator, path)).header("origin", origin).body(body);
    request.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap()
}

async fn control(simulator: &Simulator, path: &str) -> Value {
    browser().get(url(simulator, &format!("/simulator{path}"))).send().await.unwrap().json().await.unwrap()
}

/// A simulator that has some of everything, most of it with a hostile name.
async fn full() -> Simulator {
    let simulator = Simulator::builder().job_duration(Duration::ZERO).start().await.unwrap();
    let job = ok(upload(&simulator, HOSTILE, image())).await;
    let id = job["job"]["asset"]["id"].as_str().unwrap().to_owned();
    ok(update(&simulator, &id, &json!({ "tags": [HOSTILE] }))).await;
    let job = ok(upload(&simulator, "deleted", image())).await;
    delete(&simulator, job["job"]["asset"]["id"].as_str().unwrap()).send().await.unwrap();
    ok(import(&simulator, HOSTILE, None, fixture("deck.pdf"))).await;
    ok(import(&simulator, "broken", None, HOSTILE)).await;
    ok(create_design(
        &simulator,
        &json!({ "type": "type_and_asset", "title": HOSTILE, "design_type": { "type": "preset", "name": "doc" } }),
    ))
    .await;
    ok(create_folder(&simulator, HOSTILE, "root")).await;
    let hostile =
        read(&simulator, "/v1/%3Cscript%3E'\"?a=<script>").header("x-<script>".replace(['<', '>'], ""), HOSTILE);
    hostile.send().await.unwrap();
    refused(request(&simulator, Method::PATCH, "/v1/assets/a").json(&json!({ HOSTILE: HOSTILE, "tags": HOSTILE })))
        .await;
    let (fault, outcome) = (
        [("do", "addFault"), ("operation", "getDesign"), ("fault", "raw"), ("body", HOSTILE)],
        [("do", "addOutcome"), ("name", HOSTILE), ("code", "import_failed"), ("message", HOSTILE)],
    );
    let token = [("do", "makeToken"), ("user", HOSTILE)];
    for (path, fields) in [("/faults", &fault[..]), ("/faults", &outcome), ("/access", &token)] {
        assert_eq!(submit(&simulator, path, fields).await.status(), 303);
    }
    simulator
}

/// All links, pictures and forms of a page, from wherever one gets to from `/`, with what is there.
async fn crawl(simulator: &Simulator) -> BTreeMap<String, (u16, String)> {
    let link = Regex::new(r#"(?:href|src|action)="([^"]*)""#).unwrap();
    let mut seen = BTreeMap::new();
    let mut open_links = VecDeque::from(["/".to_owned()]);
    while let Some(path) = open_links.pop_front() {
        if seen.contains_key(&path) {
            continue;
        }
        let response = open(simulator, &path).await;
        let is_page = response.headers()["content-type"] == "text/html; charset=utf-8";
        let status = response.status().as_u16();
        let text = String::from_utf8_lossy(&response.bytes().await.unwrap()).into_owned();
        if is_page {
            for found in link.captures_iter(&text) {
                let found = found[1].replace("&#x2f;", "/").replace("&amp;", "&");
                let found = found.strip_prefix(&url(simulator, "")).unwrap_or(&found);
                let found = found.split('#').next().unwrap();
                let page = path.split('?').next().unwrap();
                match found {
                    "" => {}
                    query if query.starts_with('?') => open_links.push_back(format!("{page}{query}")),
                    found => open_links.push_back(found.to_owned()),
                }
            }
        }
        seen.insert(path, (status, if is_page { text } else { String::new() }));
    }
    seen
}

#[tokio::test]
async fn every_link_on_every_page_leads_somewhere_on_this_simulator() {
    let simulator = full().await;
    let seen = crawl(&simulator).await;
    let broken: Vec<_> = seen.iter().filter(|(_, (status, _))| *status != 200).map(|(path, _)| path).collect();
    assert!(broken.is_empty(), "{broken:?}");
    let kinds: BTreeSet<&str> = seen.keys().filter_map(|path| path.split(['/', '?']).nth(1)).collect();
    let expected =
        ["", "access", "design", "faults", "favicon.ico", "library", "page.css", "page.js", "requests", "simulator"];
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn what_clients_send_is_text_on_every_page() {
    let simulator = full().await;
    let pages = crawl(&simulator).await;
    let hostile = "&lt;script&gt;alert(1)&lt;&#x2f;script&gt;&lt;img src=x onerror=&#x27;a()&#x27;";
    for (path, (_, html)) in &pages {
        let html = html.replace("<script src=\"/page.js\" defer></script>", "");
        for wrong in ["<script", "onerror='", "<img src=x"] {
            assert!(!html.contains(wrong), "{wrong} on {path}: {html}");
        }
    }
    for page in ["/library", "/faults", "/access", "/requests/9", "/requests/10"] {
        assert!(pages[page].1.contains(hostile), "{page}: {}", pages[page].1);
    }
    // What a form says wrong comes back to it.
    let wrong =
        submit(&simulator, "/faults", &[("do", "addFault"), ("operation", HOSTILE), ("message", HOSTILE)]).await;
    let wrong = wrong.text().await.unwrap();
    assert!(wrong.contains(&format!("value=\"{hostile}")), "{wrong}");
    assert_eq!(wrong.matches("<script").count(), 1, "{wrong}");
}

#[tokio::test]
async fn a_page_of_another_origin_neither_reads_nor_steers() {
    let simulator = full().await;
    let before = (control(&simulator, "/clock").await["ahead_seconds"].clone(), simulator.requests().len());
    let other = url(&simulator, "").replace("127.0.0.1", "localhost");
    for origin in ["http://127.0.0.1:1", "http://localhost:3000", "https://example.com", "null", &other] {
        for fields in [&[("do", "advanceClock"), ("seconds", "60")][..], &[("do", "reset")]] {
            for path in PAGES {
                assert_eq!(submit_from(origin, &simulator, path, fields).await.status(), 403, "{origin}");
            }
        }
        let read = browser().get(url(&simulator, "/access")).header("origin", origin).send().await.unwrap();
        assert_eq!(read.status(), 403, "{origin}");
        assert!(!read.text().await.unwrap().contains("simulator-client"));
    }
    let refused = 5 * (2 * PAGES.len() + 1);
    let after = (control(&simulator, "/clock").await["ahead_seconds"].clone(), simulator.requests().len() - refused);
    assert_eq!(after, before, "nothing has changed, but that the log has each refusal");
}

#[tokio::test]
async fn forms_steer_the_simulator_without_a_script() {
    let simulator = Simulator::builder().job_duration(Duration::ZERO).start().await.unwrap();
    let fault =
        [("do", "addFault"), ("operation", "getAsset"), ("fault", "respond"), ("status", "503"), ("times", "1")];
    // Empty fields count as none.
    let set = submit(&simulator, "/faults?a=b", &[&fault[..], &[("bytes", ""), ("message", "")]].concat()).await;
    assert_eq!((set.status().as_u16(), &set.headers()["location"]), (303, &"/faults?a=b".parse().unwrap()));
    assert!(html(&simulator, "/faults").await.contains("Take back"));
    let (status, _) = refused(read(&simulator, "/v1/assets/a")).await;
    assert_eq!(status, 503);
    assert!(html(&simulator, "/requests/1").await.contains("The fault respond was asked for."));
    assert!(!html(&simulator, "/faults").await.contains("Take back"));

    submit(&simulator, "/faults", &fault).await;
    let id = control(&simulator, "/faults").await["faults"][0]["id"].to_string();
    assert_eq!(submit(&simulator, "/faults", &[("do", "removeFault"), ("at", &id)]).await.status(), 303);
    assert_eq!(control(&simulator, "/faults").await["faults"], json!([]));

    let made = submit(&simulator, "/access", &[("do", "makeToken"), ("show", "true"), ("user", "anna")]).await;
    assert_eq!(made.status(), 200);
    let made = made.text().await.unwrap();
    let token = Regex::new("eyJ[A-Za-z0-9_.-]{100,}").unwrap().find(&made).unwrap().as_str().to_owned();
    let me = || browser().get(format!("{}/v1/users/me", simulator.base_url())).bearer_auth(&token);
    assert_eq!(me().send().await.unwrap().status(), 200);
    let tokens = control(&simulator, "/tokens").await["tokens"].clone();
    let anna = tokens.as_array().unwrap().iter().find(|token| token["user"] == "anna").unwrap()["id"].to_string();
    assert_eq!(submit(&simulator, "/access", &[("do", "expireToken"), ("id", &anna)]).await.status(), 303);
    assert_eq!(me().send().await.unwrap().status(), 401);
    assert!(!html(&simulator, "/access").await.contains(&token), "it is shown once");

    assert_eq!(submit(&simulator, "/", &[("do", "advanceClock"), ("seconds", "14400")]).await.status(), 303);
    assert!(html(&simulator, "/").await.contains("4 h ahead"));
    assert_eq!(submit(&simulator, "/library", &[("do", "reset")]).await.status(), 303);
    assert!(html(&simulator, "/").await.contains("No request has come yet"));
}

#[tokio::test]
async fn a_form_does_what_the_templates_have_forms_for_and_nothing_else() {
    let simulator = Simulator::start().await.unwrap();
    let form = Regex::new(r#"(?:name="do" value="|\bact\(")(\w+)""#).unwrap();
    let mut forms = BTreeSet::new();
    for file in std::fs::read_dir("src/page").unwrap().map(|file| file.unwrap().path()) {
        if file.extension().is_some_and(|extension| extension == "html") {
            let template = std::fs::read_to_string(file).unwrap();
            forms.extend(form.captures_iter(&template).map(|found| found[1].to_owned()));
        }
    }
    assert!(forms.len() > 10 && forms.contains("reset") && forms.contains("addFault"), "{forms:?}");
    let document = reqwest::get(url(&simulator, "/simulator/openapi.yaml")).await.unwrap().text().await.unwrap();
    let id = Regex::new(r"operationId: (\w+)").unwrap();
    let operations: Vec<_> = id.captures_iter(&document).map(|found| found[1].to_owned()).collect();
    assert!(forms.iter().all(|form| operations.contains(form)), "{forms:?}");
    for operation in operations.iter().map(String::as_str).chain(["", "nope"]) {
        let response = submit(&simulator, "/", &[("do", operation), ("show", "true")]).await;
        let status = response.status();
        let is_refused = response.text().await.unwrap().contains("The page has no form for");
        assert_eq!(is_refused, !forms.contains(operation), "{operation}");
        assert!(!is_refused || status == 404, "{operation}: {status}");
    }
}

#[tokio::test]
async fn files_for_urls_are_in_the_library_and_can_be_taken_back() {
    let simulator = Simulator::start().await.unwrap();
    let urls = ["https://example.com/a.png?b=1&c=2", "https://example.com/b.png"];
    for url in urls {
        simulator.file_at(url, image()).unwrap();
    }
    let shown = html(&simulator, "/library").await;
    assert!(shown.contains("a.png?b=1&amp;c=2") && shown.contains("b.png"), "{shown}");
    assert_eq!(submit(&simulator, "/library", &[("do", "removeFile"), ("url", urls[0])]).await.status(), 303);
    assert!(!html(&simulator, "/library").await.contains("a.png"));
    assert_eq!(control(&simulator, "/files").await["files"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_refusal_is_said_on_the_page_that_the_form_is_on() {
    let simulator = Simulator::start().await.unwrap();
    let wrong = [("do", "addFault"), ("operation", "getAsset"), ("fault", "delay"), ("seconds", "soon")];
    let response = submit(&simulator, "/faults", &wrong).await;
    assert_eq!(response.status(), 400);
    let html = response.text().await.unwrap();
    for said in ["role=\"alert\"", "`seconds` must be a number of seconds", "value=\"soon\"", "<h1>Faults</h1>"] {
        assert!(html.contains(said), "{said}: {html}");
    }
    // What isn't there is refused on a page, too.
    for (path, status) in
        [("/requests/9", 404), ("/library/none", 404), ("/design/none/edit", 404), ("/?before=x", 400)]
    {
        let response = open(&simulator, path).await;
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
        assert!(response.text().await.unwrap().contains("<nav"));
    }
    let json = browser().post(url(&simulator, "/")).header("content-type", "application/json").body("{}");
    assert_eq!(json.send().await.unwrap().status(), 415);
}

#[tokio::test]
async fn a_request_says_why_it_was_refused_by_which_rule_and_what_would_be_right() {
    let simulator = Simulator::start().await.unwrap();
    refused(request(&simulator, Method::PATCH, "/v1/assets/a").json(&json!({ "tags": "a" }))).await;
    let html = html(&simulator, "/requests/1").await;
    for said in
        ["is string, not array", "maxItems: 50", "UpdateAssetRequest", "curl -X PATCH", "invalid_field", "updateAsset"]
    {
        assert!(html.contains(said), "{said}: {html}");
    }
    assert!(!html.contains(simulator.token()), "secrets are masked");
}

#[tokio::test]
async fn a_job_that_failed_doesnt_look_like_one_that_succeeded() {
    let simulator = Simulator::builder().job_duration(Duration::ZERO).start().await.unwrap();
    ok(upload(&simulator, "Photo", "no image")).await;
    let list = html(&simulator, "/?refused=true").await;
    assert!(list.contains("class=\"status refused\"") && !list.contains("class=\"status ok\""), "{list}");
    let request = html(&simulator, "/requests/1").await;
    for said in ["class=\"status refused\"", "Why the job failed", "The file is no image", "The same with curl"] {
        assert!(request.contains(said), "{said}: {request}");
    }
}

#[tokio::test]
async fn the_newest_requests_come_first_and_older_ones_behind_a_link() {
    let simulator = Simulator::start().await.unwrap();
    for _ in 0..130 {
        open(&simulator, "/rest/none").await;
    }
    ok(read(&simulator, "/v1/users/me")).await;
    let rows = Regex::new(r#"<li id="r(\d+)">"#).unwrap();
    let numbers = |html: &str| -> Vec<u32> { rows.captures_iter(html).map(|row| row[1].parse().unwrap()).collect() };
    let newest = html(&simulator, "/").await;
    assert_eq!(numbers(&newest), (32..=131).rev().collect::<Vec<_>>());
    assert!(newest.contains("?before=32&amp;"));
    assert_eq!(numbers(&html(&simulator, "/?before=32&operation=&refused=").await), (1..=31).rev().collect::<Vec<_>>());
    assert_eq!(numbers(&html(&simulator, "/?operation=usersMe").await), [131]);
    assert_eq!(numbers(&html(&simulator, "/?refused=true").await).first(), Some(&130));
}

#[tokio::test]
async fn a_running_job_is_seen_until_the_clock_is_put_ahead_of_its_end() {
    let simulator = Simulator::builder().job_duration(Duration::from_secs(3600)).start().await.unwrap();
    ok(upload(&simulator, "Hero", image())).await;
    assert!(html(&simulator, "/").await.contains("<b>1</b> job running"));
    assert!(html(&simulator, "/library").await.contains("<progress max=\"100\" value=\"0\""));
    submit(&simulator, "/library", &[("do", "advanceClock"), ("seconds", "1800")]).await;
    assert!(html(&simulator, "/library").await.contains("<progress max=\"100\" value=\"50\""));
    submit(&simulator, "/library", &[("do", "advanceClock"), ("seconds", "1801")]).await;
    assert!(html(&simulator, "/").await.contains("<b>0</b> jobs running"));
    let library = html(&simulator, "/library").await;
    assert!(!library.contains("<progress") && library.contains("success"), "{library}");
}

#[tokio::test]
async fn beyond_this_machine_the_page_wants_the_control_token_once() {
    let simulator = Simulator::builder().host("canva").start().await.unwrap();
    let token = simulator.control_token().unwrap();
    for path in ["/", "/access", "/library/a/thumbnail", "/?token=wrong", "/?token="] {
        let response = open(&simulator, path).await;
        assert_eq!(response.status(), 401, "{path}");
        let html = response.text().await.unwrap();
        assert!(html.contains("<input id=\"token\"") && !html.contains(token), "{html}");
    }
    let entered = open(&simulator, &format!("/?token={token}")).await;
    assert_eq!((entered.status().as_u16(), &entered.headers()["location"]), (303, &"/".parse().unwrap()));
    let cookie = entered.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("; HttpOnly; SameSite=Strict; Path=/"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let page = browser().get(url(&simulator, "/access")).header("cookie", &cookie).send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(!page.text().await.unwrap().contains(token));
}

/// The form percent-encodes it, with `+` for a space.
#[tokio::test]
async fn a_control_token_may_have_any_character() {
    for (token, encoded) in
        [("a+b/c=", "a%2Bb%2Fc%3D"), ("a b&c", "a+b%26c"), ("a b&c", "a%20b%26c"), ("ä%", "%C3%A4%25")]
    {
        let simulator = Simulator::builder().control_token(token).start().await.unwrap();
        let entered = open(&simulator, &format!("/?token={encoded}")).await;
        assert_eq!(entered.status(), 303, "{token}");
        assert!(entered.headers().contains_key("set-cookie"), "{token}");
        for wrong in ["/?token=a", "/?token=", "/?a=b", "/?"] {
            assert_eq!(open(&simulator, wrong).await.status(), 401, "{token}: {wrong}");
        }
    }
}

/// A browser sends cookies to all ports of a host, so whatever listens on another one gets to know it.
#[tokio::test]
async fn the_pages_cookie_opens_the_page_and_what_it_shows_and_nothing_else() {
    let simulator = Simulator::builder().job_duration(Duration::ZERO).host("canva").start().await.unwrap();
    let asset = simulator.add("Photo", image(), None).await.unwrap();
    let token = simulator.control_token().unwrap();
    let entered = open(&simulator, &format!("/?token={token}")).await;
    let cookie = entered.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let (_, pass) = cookie.split_once('=').unwrap();
    assert!(pass.len() > 40 && !token.contains(pass) && !cookie.contains(token), "{cookie}");

    let asked = async |method: Method, path: &str, site: Option<&str>| {
        let request = browser().request(method, url(&simulator, path)).header("cookie", format!("other=1; {cookie}"));
        let request = site.into_iter().fold(request, |request, site| request.header("sec-fetch-site", site));
        request.send().await.unwrap().status().as_u16()
    };
    let file = format!("/simulator/library/{asset}/file");
    for path in [file.as_str(), "/simulator/events", "/simulator/openapi.yaml", "/simulator/canva.yaml"] {
        // A browser that was led here by name, without TLS, or is old, says nothing of where a request comes from.
        for site in [None, Some("same-origin"), Some("none")] {
            assert_eq!(asked(Method::GET, path, site).await, 200, "{path} {site:?}");
        }
        for site in ["same-site", "cross-site"] {
            assert_eq!(asked(Method::GET, path, Some(site)).await, 401, "{path} {site}");
        }
        let as_token = browser().get(url(&simulator, path)).bearer_auth(pass).send().await.unwrap();
        assert_eq!(as_token.status(), 401, "{path}");
    }
    for (method, path) in [
        (Method::GET, "/simulator/integration"),
        (Method::GET, "/simulator/requests"),
        (Method::POST, "/simulator/reset"),
        (Method::POST, "/simulator/tokens"),
        (Method::POST, "/simulator/events"),
    ] {
        assert_eq!(asked(method, path, Some("same-origin")).await, 401, "{path}");
    }
    // The integration's pages link to designs here.
    assert_eq!(asked(Method::GET, &format!("/library/{asset}"), Some("same-site")).await, 200);
    let own = url(&simulator, "");
    let body = "do=advanceClock&seconds=60";
    let form = browser().post(&own).header("origin", &own).header("cookie", &cookie).body(body);
    let form = form.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
    assert_eq!(form.status(), 303);
    assert_eq!(open(&simulator, &format!("/?token={pass}")).await.status(), 401);
}

#[tokio::test]
async fn the_page_is_in_no_frame_loads_nothing_from_elsewhere_and_is_not_in_the_log() {
    let simulator = full().await;
    let before = simulator.requests().len();
    for (path, _) in crawl(&simulator).await {
        if path.starts_with("/simulator") {
            continue;
        }
        let response = open(&simulator, &path).await;
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; ") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        for (name, value) in [("cache-control", "no-store"), ("x-content-type-options", "nosniff")] {
            assert_eq!(response.headers()[name], value, "{path}");
        }
        let html = response.bytes().await.unwrap();
        let html = String::from_utf8_lossy(&html);
        assert!(!html.contains(" style=") && !html.contains(" onclick="), "{path}");
    }
    assert_eq!(simulator.requests().len(), before);
}

#[tokio::test]
async fn what_is_no_page_is_still_the_apis() {
    let simulator = Simulator::start().await.unwrap();
    for path in ["/assets/a", "/requests", "/design/a", "/v1/assets/a", "/health"] {
        let body: Value = open(&simulator, path).await.json().await.unwrap();
        assert_eq!(body["code"], "endpoint_not_found", "{path}");
    }
    assert_eq!(simulator.requests().len(), 5);
    let head = browser().head(url(&simulator, "/")).send().await.unwrap();
    assert_eq!((head.status().as_u16(), head.bytes().await.unwrap().len()), (200, 0));
    assert_eq!(browser().delete(url(&simulator, "/")).send().await.unwrap().status(), 405);
}

/// WCAG 2.2, AA: 4.5 to 1 for text, and 3 to 1 for the edges of fields.
#[tokio::test]
async fn its_colours_have_enough_contrast_in_light_and_in_dark() {
    let simulator = Simulator::start().await.unwrap();
    let css = html(&simulator, "/page.css").await;
    let colour = Regex::new(r"--([a-z-]+): light-dark\(#([0-9a-f]{6}), #([0-9a-f]{6})\);").unwrap();
    let colours: BTreeMap<_, _> =
        colour.captures_iter(&css).map(|found| (found[1].to_owned(), [&found[2], &found[3]].map(luminance))).collect();
    let papers = ["paper", "raised"];
    let text =
        ["ink", "quiet", "accent", "refused", "waits"].iter().flat_map(|ink| papers.map(|paper| (*ink, paper, 4.5)));
    let marks = [("ok", "ok-paper"), ("refused", "refused-paper"), ("waits", "waits-paper"), ("ink", "refused-paper")];
    let marks = marks.into_iter().chain([("on-accent", "accent"), ("ink", "line"), ("ink", "waits-paper")]);
    let edges = papers.map(|paper| ("edge", paper, 3.0));
    for (ink, paper, least) in text.chain(marks.map(|(ink, paper)| (ink, paper, 4.5))).chain(edges) {
        for (index, scheme) in ["light", "dark"].into_iter().enumerate() {
            let (one, other) = (colours[ink][index], colours[paper][index]);
            let contrast = (one.max(other) + 0.05) / (one.min(other) + 0.05);
            assert!(contrast >= least, "{ink} on {paper}, {scheme}: {contrast:.2}");
        }
    }
}

fn luminance(hex: &str) -> f64 {
    let part = |at: usize| {
        let part = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(0) + 0.7152 * part(2) + 0.0722 * part(4)
}

/// A developer who mistakes the place shows the page, or a line, to somebody else.
#[tokio::test]
async fn a_secret_in_the_wrong_place_is_shown_by_its_end_alone() {
    let made_up = Simulator::builder().host("canva");
    let chosen = Simulator::builder().client("shop", "chosen+secret/1").control_token("chosen-control");
    for builder in [made_up, chosen.access(Access::new("chosen.access.token"))] {
        let simulator = builder.start().await.unwrap();
        let control_token = simulator.control_token().unwrap();
        let code = simulator.authorize(&"c".repeat(43), ["asset:read"], "");
        let secrets = [simulator.client_secret(), control_token, simulator.token(), &code];
        for secret in &secrets {
            let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            let wrong = request(&simulator, Method::PATCH, &format!("/v1/assets/{encoded}?x={encoded}&{encoded}"));
            let wrong = wrong.header("x-api-key", *secret).header("x-note", format!("it is '{secret}'."));
            refused(wrong.json(&json!({ "name": secret, "tags": [format!("<{secret}>")], *secret: 1 }))).await;
            let plain = request(&simulator, Method::PATCH, "/v1/assets/a").header("content-type", "text/plain");
            refused(plain.body(format!("token {secret}"))).await;
        }
        let mut shown = String::new();
        for request in simulator.requests() {
            shown += &format!("{request}\n{request:?}\n{}\n", request.to_json());
            for path in [format!("/requests/{}", request.number), format!("/simulator/requests/{}", request.number)] {
                let response = browser().get(url(&simulator, &path)).bearer_auth(control_token).send().await.unwrap();
                assert_eq!(response.status(), 200);
                shown += &response.text().await.unwrap();
            }
        }
        for secret in secrets {
            let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            let html = secret.replace('/', "&#x2f;");
            for form in [secret, &encoded, &html] {
                assert!(!shown.contains(form), "{form}: {}", shown.split(form).next().unwrap());
            }
            let end = &secret[secret.len() - 6..];
            assert!(secret.len() < 32 || shown.contains(&format!("…{end}")), "{end} tells which one it was");
        }
        assert!(shown.contains("/rest/v1/assets/…") && shown.contains("x-api-key"), "{shown}");
    }
}
