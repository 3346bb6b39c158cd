//! The simulator's page, in a real browser and beside the real command.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use canva_simulator::Simulator;
use serde_json::{Value, json};

use crate::browser::{Browser, ENTER, ESCAPE, TAB};
use crate::common::{Ran, against, run};

/// The page of this simulator.
fn page(simulator: &Simulator, path: &str) -> String {
    format!("{}{path}", simulator.base_url().trim_end_matches("/rest"))
}

async fn simulator() -> Simulator {
    Simulator::builder().job_duration(Duration::from_millis(300)).start().await.unwrap()
}

/// `canva`, while the simulator answers.
async fn canva<const N: usize>(simulator: &Simulator, arguments: [&str; N]) -> Ran {
    let command = against(simulator, arguments);
    tokio::task::spawn_blocking(|| run(command)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_command_uploads_appears_without_a_reload_and_a_fault_set_here_says_why_it_failed() {
    let Some(browser) = Browser::start().await else { return };
    let simulator = simulator().await;
    browser.open(&page(&simulator, "/library")).await;
    browser.until_says("Live: ").await;
    browser.run("window.unchanged = true; document.querySelector('nav a').focus()").await;

    assert_eq!(canva(&simulator, ["upload", "photo.jpg", "--name", "Hero"]).await.code, Some(0));
    browser.until_says("success Hero").await;
    let shown = "const image = document.querySelector('.grid img'); \
                 return Boolean(image && image.complete && image.naturalWidth === 1200 && window.unchanged)";
    until("the picture is there", async || browser.run(shown).await == true).await;
    assert_eq!(browser.run("return document.activeElement.textContent").await, "Requests", "focus stays where it was");

    browser.click("nav a[href$=faults]").await;
    browser.write("#f-operation", "createAssetUploadJob").await;
    browser.write("#f-status", "403").await;
    browser.write("#f-message", "Not today.").await;
    browser.write("#f-times", "1").await;
    browser.click("[aria-label='New fault'] button").await;
    browser.until_says("one request; 0 came").await;

    browser.open(&page(&simulator, "/")).await;
    browser.until_says("Live: ").await;
    let failed = canva(&simulator, ["upload", "photo.jpg"]).await;
    assert!(failed.code != Some(0) && failed.stderr.contains("Not today"), "{}", failed.stderr);
    browser.until_says("The fault respond was asked for.").await;
    // As the command can't make them, some more that go wrong.
    for (path, token) in [("/rest/v1/users/me", "Bearer "), ("/v1/assets/a", "")] {
        let http = canva_connect::reqwest::Client::builder().no_proxy().build().unwrap();
        let token = format!("Bearer {token}{}", simulator.token());
        http.get(page(&simulator, path)).header("authorization", token).send().await.unwrap();
    }
    browser.until_says("Did you mean /rest/v1/assets/a?").await;
    assert_eq!(canva(&simulator, ["import", "deck.pdf"]).await.code, Some(0));
    browser.until_says("getDesignImportJob").await;
    keep_picture(&browser, &page(&simulator, "/")).await;

    let open = "[...document.querySelectorAll('#list li')].find(row => row.textContent.includes('fault respond')).querySelector('a').click()";
    browser.run(open).await;
    browser.until_says("Why it was refused").await;
    let text = browser.text().await;
    for said in ["The fault respond was asked for.", "Canva says: Not today.", "A correct request", "curl -X POST"] {
        assert!(text.contains(said), "{said}: {text}");
    }
}

async fn until(what: &str, mut reached: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !reached().await {
        assert!(Instant::now() < end, "it never came to this: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// README's picture, of the page at this URL. With INSTA_UPDATE=always, it is written.
async fn keep_picture(browser: &Browser, url: &str) {
    let window = json!({ "width": 1280, "height": 640, "deviceScaleFactor": 1, "mobile": false });
    browser.devtools("Emulation.setDeviceMetricsOverride", window).await;
    // Nothing changes meanwhile, and what no two runs have in common is always the same.
    browser.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    browser.open(url).await;
    let settle = "for (const time of document.querySelectorAll('time')) time.textContent = '2 s ago'; \
                  for (const { firstChild: text } of document.querySelectorAll('.requests .meta')) \
                  text.data = text.data.replace(/less than 1 ms|\\d+ m?s/, '2 ms'); \
                  document.getElementById('live').textContent = 'Live: the page shows what happens as it happens.'; \
                  document.getElementById('clock').textContent = '10:00 UTC'";
    browser.run(settle).await;
    let picture = browser.picture().await;
    browser.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": false })).await;
    assert!(picture.starts_with(b"\x89PNG") && picture.len() < 200_000, "{} bytes", picture.len());
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/simulator.png"), picture).unwrap();
    }
    browser.open(url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_on_another_port_reads_nothing_and_steers_nothing() {
    let Some(browser) = Browser::start().await else { return };
    let simulator = simulator().await;
    let target = page(&simulator, "");
    let html = format!(
        "<!doctype html><title>Elsewhere</title><iframe src='{target}/access' name=inner></iframe>\
         <form method=post action='{target}/' target=inner><input name=do value=advanceClock><input name=seconds value=60>\
         <button>Go</button></form><script>\
         const tries = [\
           fetch('{target}/access').then(answer => answer.text()),\
           fetch('{target}/simulator/tokens').then(answer => answer.text()),\
           fetch('{target}/', {{ method: 'POST', mode: 'no-cors', body: new URLSearchParams('do=reset') }})\
             .then(answer => {{ if (answer.type !== 'opaque') throw answer.type; return Promise.reject('opaque'); }}),\
           fetch('{target}/simulator/reset', {{ method: 'POST', mode: 'no-cors' }}).then(() => Promise.reject('opaque')),\
           fetch('{target}/simulator/faults', {{ method: 'DELETE' }}),\
           new Promise((heard, failed) => {{ const events = new EventSource('{target}/simulator/events');\
             events.onopen = heard; events.onerror = failed; }}),\
         ];\
         Promise.allSettled(tries).then(all => document.title = all.map(it => it.status).join(' '));\
         </script>"
    );
    browser.open(&served(html)).await;
    until("all was tried", async || browser.run("return document.title").await != "Elsewhere").await;
    assert_eq!(browser.run("return document.title").await, ["rejected"; 6].join(" "));
    browser.click("button").await;
    let refused = || simulator.requests().iter().filter(|request| request.status == Some(403)).count();
    until("all is refused", async || refused() == 7).await;
    browser.open(&page(&simulator, "/")).await;
    let clock = browser.run("return document.getElementById('clock').textContent").await;
    assert!(clock.as_str().is_some_and(|clock| clock.ends_with(" UTC")), "it isn't ahead: {clock}");
    let text = browser.text().await;
    assert!(text.contains("permission_denied Only programs and the simulator's own pages may steer it"), "{text}");
}

/// The URL of a web server that answers everything with this page.
fn served(html: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, html) = (stream.unwrap(), html.clone());
            // A browser also opens connections on which it asks for nothing.
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close";
                let _ = write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{html}", html.len());
            });
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_is_set_and_taken_back_with_the_keyboard_alone() {
    let Some(browser) = Browser::start().await else { return };
    let simulator = simulator().await;
    browser.open(&page(&simulator, "/faults")).await;
    let focus = "const it = document.activeElement; return it.id || it.textContent.trim()";
    browser.press(TAB).await;
    assert_eq!(browser.run(focus).await, "Skip to the content");
    browser.press(ENTER).await;
    reach(&browser, focus, "f-operation").await;
    browser.press("getAsset").await;
    reach(&browser, focus, "f-status").await;
    let outline = "return getComputedStyle(document.activeElement).outlineStyle";
    assert_eq!(browser.run(outline).await, "solid", "one sees where one is");
    browser.press("503").await;
    browser.press(ENTER).await;
    browser.until_says("every request; 0 came").await;
    assert_eq!(simulator_faults(&simulator).await, 1);
    reach(&browser, focus, "Take back").await;
    browser.press(ENTER).await;
    browser.until_says("No fault waits").await;
    assert_eq!(simulator_faults(&simulator).await, 0);
}

/// Goes on until the focus is there.
async fn reach(browser: &Browser, focus: &str, wanted: &str) {
    let mut passed = Vec::new();
    while passed.len() < 60 {
        browser.press(TAB).await;
        let here = browser.run(focus).await;
        if here == wanted {
            return;
        }
        passed.push(here);
    }
    unreachable!("{wanted} isn't reached: {passed:?}");
}

async fn simulator_faults(simulator: &Simulator) -> usize {
    let response = canva_connect::reqwest::Client::builder().no_proxy().build().unwrap();
    let response = response.get(page(simulator, "/simulator/faults")).send().await.unwrap();
    let faults: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    faults["faults"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_sends_no_form_again_and_escape_closes_the_clock() {
    let Some(browser) = Browser::start().await else { return };
    let simulator = simulator().await;
    browser.open(&page(&simulator, "/access")).await;
    browser.click("[aria-label='New token'] button").await;
    browser.until_says("It is shown once.").await;
    let tokens = simulator.tokens().len();
    browser.run("window.unloaded = false; location.reload()").await;
    let reloaded = "return window.unloaded === undefined && document.readyState === 'complete'";
    until("the page is there again", async || browser.run(reloaded).await == true).await;
    assert!(!browser.text().await.contains("It is shown once."));
    assert_eq!(simulator.tokens().len(), tokens);

    browser.click(".clock summary").await;
    assert_eq!(browser.run("return document.querySelector('.clock').open").await, true);
    browser.press(ESCAPE).await;
    assert_eq!(browser.run("return document.querySelector('.clock').open").await, false);
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_one_looks_one_sees_that_the_simulator_has_gone() {
    let Some(browser) = Browser::start().await else { return };
    let simulator = simulator().await;
    let http = canva_connect::reqwest::Client::builder().no_proxy().build().unwrap();
    let long = format!("/none?{}", "a".repeat(600));
    for _ in 0..40 {
        http.get(page(&simulator, &long)).send().await.unwrap();
    }
    browser.open(&page(&simulator, "/")).await;
    browser.until_says("Live: ").await;
    let row = browser.run("return document.querySelector('#list a').getBoundingClientRect().height").await;
    assert!(row.as_f64().is_some_and(|height| height < 60.0), "two lines at most: {row}");
    browser.run("scrollTo(0, document.body.scrollHeight)").await;
    drop(simulator);
    let seen = "const at = document.getElementById('gone').getBoundingClientRect(); \
                return scrollY > 0 && at.height > 0 && at.top >= 0 && at.bottom <= innerHeight";
    until("it is said where one looks", async || browser.run(seen).await == true).await;
    assert!(!browser.text().await.contains("Live: "));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_javascript_the_same_pages_work() {
    let Some(browser) = Browser::start().await else { return };
    let simulator = simulator().await;
    browser.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    browser.open(&page(&simulator, "/")).await;
    browser.until_says("Reload the page to see what is new.").await;
    browser.click(".first button.main").await;
    browser.until_says("This token is shown once.").await;
    assert_eq!(canva(&simulator, ["upload", "photo.jpg"]).await.code, Some(0));
    browser.open(&page(&simulator, "/")).await;
    browser.until_says("createAssetUploadJob").await;
    browser.click(".clock summary").await;
    browser.click(".clock form:nth-of-type(2) button").await;
    browser.until_says("15 min ahead").await;
    browser.click("nav a[href$=library]").await;
    browser.click(".grid a").await;
    browser.until_says("1200×800").await;
}
