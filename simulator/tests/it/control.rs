//! The simulator is shown and steered below `/simulator`, as its own document says, and by nobody but this machine's
//! programs and the simulator's own pages.

use std::time::Duration;

use canva_simulator::{RateLimits, Simulator};
use jsonschema::Draft;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::common::{
    address, by, client, finished, fixture, image, import_url, ok, prompt, read, refused, request, upload, upload_url,
};

fn ask(simulator: &Simulator, method: Method, path: &str) -> RequestBuilder {
    client().request(method, format!("{}{path}", simulator.control_url()))
}

async fn get(simulator: &Simulator, path: &str) -> Value {
    ok(ask(simulator, Method::GET, path)).await
}

async fn post(simulator: &Simulator, path: &str, body: Value) -> Value {
    let response = ask(simulator, Method::POST, path).json(&body).send().await.unwrap();
    assert!(response.status().is_success(), "{path}: {}", response.text().await.unwrap());
    response.json().await.unwrap_or_default()
}

async fn document(simulator: &Simulator) -> Value {
    let text = ask(simulator, Method::GET, "/openapi.yaml").send().await.unwrap().text().await.unwrap();
    let mut document = serde_saphyr::from_str(&text).unwrap();
    lower(&mut document);
    document
}

/// JSON Schema has no `nullable`.
fn lower(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if fields.remove("nullable").is_some() {
                let schema = Value::Object(std::mem::take(fields));
                fields.insert("anyOf".into(), json!([{ "type": "null" }, schema]));
            }
            fields.values_mut().for_each(lower);
        }
        Value::Array(items) => items.iter_mut().for_each(lower),
        _ => {}
    }
}

fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

/// Fails unless the operation's document has such a response.
async fn judge(document: &Value, operation: &Value, response: Response) -> u16 {
    let (status, id) = (response.status().as_u16(), &operation["operationId"]);
    let class = format!("{}XX", status / 100);
    let described = operation["responses"].get(status.to_string()).or(operation["responses"].get(&class));
    let described = resolve(document, described.unwrap_or_else(|| panic!("{id} answers {status}")));
    let Some((media_type, content)) = described["content"].as_object().and_then(|content| content.iter().next()) else {
        assert_eq!(response.text().await.unwrap(), "", "{id}");
        return status;
    };
    assert_eq!(response.headers()["content-type"], media_type.as_str(), "{id}");
    if media_type == "application/json" {
        let root = json!({ "allOf": [content["schema"]], "components": document["components"] });
        let validator = jsonschema::options().with_draft(Draft::Draft4).build(&root).unwrap();
        let body: Value = response.json().await.unwrap();
        assert!(validator.is_valid(&body), "{id}: {:?}\n{body:#}", validator.validate(&body));
    }
    status
}

#[tokio::test]
async fn every_operation_of_the_document_is_there_and_answers_as_it_says() {
    let simulator = Simulator::builder().rate_limits(RateLimits::SlidingWindow).start().await.unwrap();
    ok(upload(&simulator, "Photo", fixture("photo.jpg"))).await;
    // Some of everything that is in lists.
    let asset = simulator.add("Clip", fixture("clip.mp4"), None).await.unwrap();
    let deleted = simulator.add("Gone", image(), None).await.unwrap();
    crate::common::delete(&simulator, &deleted).send().await.unwrap();
    simulator.add("Deck", fixture("deck.pdf"), None).await.unwrap();
    ok(crate::common::create_folder(&simulator, "Folder", "root")).await;
    simulator.file_at("https://example.com/photo.jpg", fixture("photo.jpg")).unwrap();
    let document = document(&simulator).await;
    for (path, methods) in document["paths"].as_object().unwrap() {
        // What is deleted can't be shown any more.
        for (method, operation) in methods.as_object().unwrap().iter().rev() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let path = path.replace("/library/{id}", &format!("/library/{asset}"));
            let path = path.replace("{number}", "1").replace("{id}", "1");
            let mut request = ask(&simulator, method, &path);
            let example = &operation["requestBody"]["content"]["application/json"]["example"];
            if !example.is_null() {
                request = request.json(example);
            }
            let response = request.send().await.unwrap();
            let status = judge(&document, operation, response).await;
            let is_of_one = path.ends_with("/1") || path.contains("/1/") || !example["id"].is_null();
            assert!([200, 204].contains(&status) || is_of_one && status == 404, "{path}: {status}");
            // What the document doesn't have is refused by name.
            if !example.is_null() {
                let mut wrong = example.clone();
                wrong["no_such_field"] = json!(1);
                let request = ask(&simulator, Method::POST, &path).json(&wrong);
                let error: Value = request.send().await.unwrap().json().await.unwrap();
                assert!(error["message"].as_str().unwrap().contains("no_such_field"), "{path}: {error}");
            }
        }
    }
}

#[tokio::test]
async fn a_request_is_looked_at_with_its_reason_its_rule_and_a_correct_one() {
    let simulator = prompt().await;
    let upload = request(&simulator, Method::POST, "/v1/asset-uploads").header("content-type", "text/plain");
    let response = upload.body(image()).send().await.unwrap();
    let number = response.headers()["x-request-id"].to_str().unwrap().rsplit('-').next().unwrap().to_owned();
    let seen = get(&simulator, &format!("/requests/{number}")).await;
    assert_eq!((&seen["status"], &seen["code"]), (&json!(415), &json!("unsupported_content_type")));
    assert!(seen["reason"].as_str().unwrap().contains("text/plain"), "{seen}");
    assert_eq!(seen["rule"], "#/components/requestBodies/File/content");
    let correct = seen["correct"].as_str().unwrap();
    assert!(correct.starts_with("curl ") && correct.contains("application/octet-stream"), "{correct}");
    assert!(seen["response"]["body"]["text"].as_str().unwrap().contains("unsupported_content_type"));
}

#[tokio::test]
async fn a_path_that_leads_nowhere_says_what_lists_the_others() {
    let simulator = prompt().await;
    for path in ["", "/", "/nothing"] {
        let response = ask(&simulator, Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), 404, "{path}");
        let said = response.json::<Value>().await.unwrap()["message"].as_str().unwrap().to_owned();
        assert!(said.contains("GET /simulator/openapi.yaml says what there is."), "{path}: {said}");
    }
}

#[tokio::test]
async fn a_refusal_ends_in_one_full_stop() {
    let simulator = prompt().await;
    for (path, body) in [
        ("/files", json!({ "url": "http://a/", "base64": "!" })),
        ("/library", json!({ "name": "Notes", "base64": "bm8gaW1hZ2U=" })),
        ("/faults", json!({ "operation": "nope", "fault": "close" })),
    ] {
        let refused = ask(&simulator, Method::POST, path).json(&body).send().await.unwrap();
        let message = refused.json::<Value>().await.unwrap()["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with("This can't be ") && !message.ends_with(".."), "{path}: {message}");
    }
}

#[tokio::test]
async fn no_secret_is_shown() {
    let simulator = prompt().await;
    ok(read(&simulator, "/v1/users/me")).await;
    let verifier = "v".repeat(50);
    let consent = json!({
        "code_challenge": "c3NzXzY0X2NoYXJhY3RlcnNfYXJlX2VtcHR5X2hlcmU1", "scopes": "asset:read", "user": "anna",
    });
    let code = post(&simulator, "/consents", consent).await["code"].as_str().unwrap().to_owned();
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("code_verifier", &verifier),
        ("client_id", simulator.client_id()),
        ("client_secret", simulator.client_secret()),
    ];
    let exchange = crate::common::form(simulator.token_url(), &fields).send().await.unwrap();
    assert_eq!(exchange.status(), 400, "the verifier is another's");
    let secrets = [simulator.token(), simulator.client_secret(), &code, &verifier];
    for path in ["/requests", "/requests/1", "/requests/2", "/tokens"] {
        let shown = get(&simulator, path).await.to_string();
        assert!(!secrets.iter().any(|secret| shown.contains(*secret)), "{path}: {shown}");
    }
    let exchange = get(&simulator, "/requests/2").await["body"]["text"].as_str().unwrap().to_owned();
    assert!(exchange.contains("grant_type=authorization_code&code=…"), "{exchange}");
}

#[tokio::test]
async fn a_fault_is_met_as_often_as_it_says_and_can_be_taken_back() {
    let simulator = prompt().await;
    let fault = json!({ "operation": "usersMe", "fault": "respond", "status": 503, "times": 2 });
    post(&simulator, "/faults", fault).await;
    let me = || read(&simulator, "/v1/users/me");
    for _ in 0..2 {
        assert_eq!(me().send().await.unwrap().status(), 503);
    }
    ok(me()).await;
    let lasting = json!({ "operation": "usersMe", "fault": "respond", "status": 500 });
    let id = post(&simulator, "/faults", lasting).await["id"].clone();
    assert_eq!(refused(me()).await.0, 500);
    let removed = ask(&simulator, Method::DELETE, &format!("/faults/{id}")).send().await.unwrap();
    assert_eq!(removed.status(), 204);
    ok(me()).await;
    let last = get(&simulator, "/requests?limit=1&status=500").await["requests"][0].clone();
    assert_eq!(last["reason"], "The fault respond was asked for.");
}

#[tokio::test]
async fn what_is_made_is_read_from_the_body_and_what_is_looked_for_or_removed_from_the_query() {
    let simulator = prompt().await;
    let url = "https://example.com/a.png";
    simulator.file_at(url, image()).unwrap();
    let fault = ask(&simulator, Method::POST, "/faults?operation=usersMe&fault=close");
    assert_eq!(refused(fault).await, (400, "bad_request_body".into()));
    let both = json!({ "operation": "usersMe", "fault": "close" });
    post(&simulator, "/faults?operation=getAsset", both).await;
    assert_eq!(get(&simulator, "/faults").await["faults"][0]["operation"], "usersMe");
    // All of them would be removed if the body weren't read.
    for method in [Method::DELETE, Method::GET] {
        let removed = ask(&simulator, method, "/files").json(&json!({ "url": url }));
        assert_eq!(refused(removed).await, (400, "bad_request_body".into()));
    }
    assert_eq!(get(&simulator, "/files").await["files"][0]["url"], url);
}

/// Time runs in this test, so nothing but the simulator's own clock can make it quick.
#[tokio::test]
async fn the_clock_ends_jobs_limits_and_tokens() {
    let hour = Duration::from_secs(3600);
    let builder = Simulator::builder().job_duration(hour).rate_limits(RateLimits::FixedWindow);
    let simulator = builder.start().await.unwrap();
    let created = ok(upload(&simulator, "Photo", image())).await;
    for _ in 1..30 {
        ok(upload(&simulator, "Photo", image())).await;
    }
    assert_eq!(refused(upload(&simulator, "Photo", image())).await, (429, "too_many_requests".into()));
    post(&simulator, "/clock/advance", json!({ "seconds": 60 })).await;
    ok(upload(&simulator, "Photo", image())).await;
    let path = format!("/v1/asset-uploads/{}", created["job"]["id"].as_str().unwrap());
    assert_eq!(ok(read(&simulator, &path)).await["job"]["status"], "in_progress");
    let token = post(&simulator, "/tokens", json!({ "user": "anna", "seconds": 3000 })).await;
    let anna = || by(token["access_token"].as_str().unwrap(), read(&simulator, "/v1/users/me"));
    ok(anna()).await;
    post(&simulator, "/clock/advance", json!({ "seconds": 3600 })).await;
    assert_eq!(refused(anna()).await.0, 401);
    assert_eq!(finished(&simulator, "/v1/asset-uploads", &created).await["status"], "success");
}

#[tokio::test]
async fn after_a_reset_all_is_as_at_the_start() {
    let simulator = prompt().await;
    ok(upload(&simulator, "Photo", image())).await;
    post(&simulator, "/faults", json!({ "operation": "usersMe", "fault": "close" })).await;
    let token = post(&simulator, "/tokens", json!({ "user": "anna" })).await;
    post(&simulator, "/clock/advance", json!({ "seconds": 100 })).await;
    let reset = ask(&simulator, Method::POST, "/reset").send().await.unwrap();
    assert_eq!(reset.status(), 204);
    assert!(simulator.assets().is_empty() && simulator.requests().is_empty());
    assert_eq!(get(&simulator, "/clock").await["ahead_seconds"], 0.0);
    assert_eq!(ok(read(&simulator, "/v1/users/me")).await["team_user"]["user_id"], "oSimulatedUser");
    let anna = by(token["access_token"].as_str().unwrap(), read(&simulator, "/v1/users/me"));
    assert_eq!(refused(anna).await, (401, "invalid_access_token".into()));
    assert_eq!(simulator.requests()[0].number, 2, "numbers go on");
}

#[tokio::test]
async fn pages_of_other_origins_and_forms_steer_nothing() {
    let simulator = prompt().await;
    let own = format!("http://{}", address(&simulator));
    let fault = json!({ "operation": "usersMe", "fault": "close" });
    for origin in ["http://localhost:3000", "http://127.0.0.1:1", "https://evil.example", "null"] {
        let faults = ask(&simulator, Method::POST, "/faults").header("origin", origin).json(&fault);
        assert_eq!(refused(faults).await, (403, "permission_denied".into()), "{origin}");
        let read = ask(&simulator, Method::GET, "/integration").header("origin", origin);
        assert_eq!(refused(read).await.0, 403, "{origin}");
    }
    let typed = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a"];
    for media_type in typed {
        let faults = ask(&simulator, Method::POST, "/faults").header("content-type", media_type);
        assert_eq!(refused(faults.body(fault.to_string())).await, (415, "unsupported_content_type".into()));
    }
    assert_eq!(get(&simulator, "/faults").await["faults"], json!([]));
    let preflight = ask(&simulator, Method::OPTIONS, "/faults")
        .header("origin", &own)
        .header("access-control-request-method", "POST");
    let preflight = preflight.send().await.unwrap();
    assert!(!preflight.headers().contains_key("access-control-allow-origin"));
    let from_own = ask(&simulator, Method::POST, "/faults").header("origin", &own).json(&fault).send().await.unwrap();
    assert_eq!(from_own.status(), 200);
}

#[tokio::test]
async fn from_elsewhere_it_is_steered_with_a_token_alone() {
    let simulator = Simulator::builder().host("canva").start().await.unwrap();
    let token = simulator.control_token().unwrap();
    let at = |path: &str| ask(&simulator, Method::GET, path).header("host", "canva:8080");
    assert_eq!(refused(at("/clock")).await, (401, "invalid_control_token".into()));
    assert_eq!(refused(at("/clock").bearer_auth(simulator.token())).await.0, 401);
    ok(at("/health")).await;
    ok(at("/clock").bearer_auth(token)).await;
    assert_eq!(refused(at("/clock").header("cookie", format!("simulator-page={token}"))).await.0, 401);
    // The API is what the name is for, and its URLs lead there.
    let created = ok(upload(&simulator, "Photo", image()).header("host", "canva:8080")).await;
    let asset = finished(&simulator, "/v1/asset-uploads", &created).await["asset"]["id"].as_str().unwrap().to_owned();
    let seen = ok(read(&simulator, &format!("/v1/assets/{asset}")).header("host", "canva:8080")).await;
    assert!(seen["asset"]["thumbnail"]["url"].as_str().unwrap().starts_with("http://canva:8080/thumbnails/"), "{seen}");
    ok(read(&simulator, "/v1/users/me").header("host", "canva:8080")).await;
    let another = read(&simulator, "/v1/users/me").header("host", "canva.example");
    assert_eq!(refused(another).await, (403, "permission_denied".into()));
    let reason = simulator.requests().pop().unwrap().reason.unwrap();
    assert!(reason.contains("canva.example") && reason.contains("--host"), "{reason}");
    let asked = Simulator::builder().control_token("steer").start().await.unwrap();
    assert_eq!(refused(ask(&asked, Method::GET, "/clock")).await.0, 401);
    ok(ask(&asked, Method::GET, "/clock").bearer_auth("steer")).await;
    assert!(Simulator::builder().host("http://canva").start().await.is_err());
}

#[tokio::test]
async fn what_happens_is_told_as_it_happens() {
    let simulator = prompt().await;
    let mut events = ask(&simulator, Method::GET, "/events").send().await.unwrap();
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    let mut heard = String::new();
    let mut until = async |text: &str| {
        while !heard.contains(text) {
            heard += std::str::from_utf8(&events.chunk().await.unwrap().unwrap()).unwrap();
        }
        std::mem::take(&mut heard)
    };
    until("listening").await;
    refused(request(&simulator, Method::GET, "/v1/assets/none")).await;
    let said = until("\"number\":1").await;
    assert!(said.contains("event: request") && said.contains("asset_not_found"), "{said}");
    post(&simulator, "/clock/advance", json!({ "seconds": 1 })).await;
    until("event: change").await;
}

#[tokio::test]
async fn an_address_on_the_network_can_be_a_file() {
    let simulator = prompt().await;
    let put = |url: &str, name: &str| {
        use base64::Engine;
        let file = base64::engine::general_purpose::STANDARD.encode(fixture(name));
        json!({ "url": url, "base64": file })
    };
    let (photo, deck) = ("https://example.com/a.png?size=1", "https://example.com/deck.pdf");
    post(&simulator, "/files", put(photo, "photo.png")).await;
    post(&simulator, "/files", put(deck, "deck.pdf")).await;
    assert_eq!(ok(upload_url(&simulator, "Photo", photo)).await["job"]["status"], "success");
    assert_eq!(ok(import_url(&simulator, "Deck", None, deck)).await["job"]["status"], "success");
    assert_eq!(ok(upload_url(&simulator, "Other", "https://example.com/b.png")).await["job"]["status"], "failed");
    let removed = ask(&simulator, Method::DELETE, &format!("/files?url={deck}")).send().await.unwrap();
    assert_eq!(removed.status(), 204);
    assert_eq!(get(&simulator, "/files").await["files"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn all_files_are_removed_only_if_no_url_is_given() {
    let simulator = prompt().await;
    simulator.file_at("https://example.com/a.png", image()).unwrap();
    for query in ["url=", "url", "url=&url="] {
        let removed = ask(&simulator, Method::DELETE, &format!("/files?{query}"));
        assert_eq!(refused(removed).await, (400, "bad_request_body".into()), "{query}");
    }
    assert_eq!(get(&simulator, "/files").await["files"].as_array().unwrap().len(), 1);
    assert_eq!(ask(&simulator, Method::DELETE, "/files").send().await.unwrap().status(), 204);
    assert_eq!(get(&simulator, "/files").await["files"], json!([]));
}

#[tokio::test]
async fn a_job_ends_as_it_was_decided() {
    let simulator = prompt().await;
    let decided = json!({ "kind": "asset-upload", "name": "broken-*", "code": "import_failed", "times": 1 });
    post(&simulator, "/outcomes", decided).await;
    let job = ok(upload(&simulator, "broken-1", image())).await["job"].take();
    assert_eq!((&job["status"], &job["error"]["code"]), (&json!("failed"), &json!("import_failed")));
    assert_eq!(ok(upload(&simulator, "broken-2", image())).await["job"]["status"], "success");
    let listed = get(&simulator, "/jobs").await["jobs"].as_array().unwrap().clone();
    assert_eq!((listed.len(), &listed[0]["name"]), (2, &json!("broken-2")));
}

#[tokio::test]
async fn jobs_are_listed_by_a_status_that_there_is() {
    let simulator = prompt().await;
    ok(upload(&simulator, "Photo", image())).await;
    ok(upload(&simulator, "Broken", "no image")).await;
    let document = document(&simulator).await;
    let statuses = &document["paths"]["/jobs"]["get"]["parameters"][0]["schema"]["enum"];
    for status in statuses.as_array().unwrap() {
        let status = status.as_str().unwrap();
        let jobs = get(&simulator, &format!("/jobs?status={status}")).await["jobs"].take();
        assert_eq!(jobs.as_array().unwrap().len(), usize::from(status != "in_progress"), "{status}");
    }
    for wrong in ["running", "Success", "success,failed"] {
        let jobs = ask(&simulator, Method::GET, &format!("/jobs?status={wrong}")).send().await.unwrap();
        assert_eq!(jobs.status(), 400, "{wrong}");
        let refusal: Value = jobs.json().await.unwrap();
        assert!(refusal["message"].as_str().unwrap().contains("in_progress, success, failed"), "{refusal}");
    }
}

/// A page of elsewhere can't read a response, but could show it as a picture or run it as a script.
#[tokio::test]
async fn no_other_page_can_embed_what_is_below_it_and_thumbnails_are_for_any() {
    let simulator = Simulator::builder().job_duration(Duration::ZERO).control_token("steer-it").start().await.unwrap();
    let asset = simulator.add("Photo", image(), None).await.unwrap();
    let file = format!("/library/{asset}/file");
    let header =
        |response: &Response, name: &str| response.headers().get(name).map(|it| it.to_str().unwrap().to_owned());
    for (path, token, status) in [
        (file.as_str(), "steer-it", 200),
        ("/integration", "steer-it", 200),
        ("/events", "steer-it", 200),
        ("/canva.yaml", "steer-it", 200),
        ("/nothing", "steer-it", 404),
        ("/clock", "wrong", 401),
    ] {
        let response = ask(&simulator, Method::GET, path).bearer_auth(token).send().await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(header(&response, "cross-origin-resource-policy").as_deref(), Some("same-origin"), "{path}");
        assert_eq!(header(&response, "x-content-type-options").as_deref(), Some("nosniff"), "{path}");
    }
    let seen = ok(read(&simulator, &format!("/v1/assets/{asset}"))).await;
    let thumbnail = client().get(seen["asset"]["thumbnail"]["url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(thumbnail.status(), 200);
    assert_eq!(header(&thumbnail, "cross-origin-resource-policy"), None);
    assert_eq!(header(&thumbnail, "x-content-type-options").as_deref(), Some("nosniff"));
}

/// As faults know them.
#[tokio::test]
async fn requests_are_found_by_their_operation_and_those_of_oauth_by_its_endpoint() {
    let simulator = prompt().await;
    post(&simulator, "/faults", json!({ "operation": "token", "fault": "respond", "status": 503, "times": 1 })).await;
    for (endpoint, statuses) in [("token", &[503, 401][..]), ("revoke", &[401]), ("introspect", &[401])] {
        let url = simulator.token_url().replace("/token", &format!("/{endpoint}"));
        let fields = [("client_id", "a"), ("client_secret", "b")];
        for status in statuses {
            assert_eq!(crate::common::form(&url, &fields).send().await.unwrap().status(), *status, "{endpoint}");
        }
        let found = get(&simulator, &format!("/requests?operation={endpoint}")).await["requests"].take();
        let found = found.as_array().unwrap();
        assert!(found.len() == statuses.len() && found.iter().all(|it| it["operation"] == endpoint), "{found:?}");
    }
    for (wrong, said) in [("operation=nope", "no operation `nope`"), ("limit=1001", "1000 or less")] {
        let response = ask(&simulator, Method::GET, &format!("/requests?{wrong}")).send().await.unwrap();
        assert_eq!(response.status(), 400, "{wrong}");
        let refusal: Value = response.json().await.unwrap();
        assert!(refusal["message"].as_str().unwrap().contains(said), "{refusal}");
    }
}

#[tokio::test]
async fn a_failed_job_and_a_consent_led_back_with_an_error_are_among_the_refused() {
    let simulator = prompt().await;
    ok(upload(&simulator, "Photo", "no image")).await;
    let ask_for = |scope: &str| {
        let (url, id) = (simulator.authorization_url(), simulator.client_id());
        let challenge = "c".repeat(43);
        format!(
            "{url}?client_id={id}&response_type=code&code_challenge={challenge}&code_challenge_method=S256&scope={scope}"
        )
    };
    let browser = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    for scope in ["asset:read", "asset:reed"] {
        assert_eq!(browser.get(ask_for(scope)).send().await.unwrap().status(), 302, "{scope}");
    }
    let own = format!("http://{}", address(&simulator));
    let denied = browser.post(ask_for("asset:read")).header("origin", own).body("answer=deny").send().await.unwrap();
    assert_eq!(denied.status(), 303);
    let refused = get(&simulator, "/requests?refused=true").await["requests"].take();
    let seen: Vec<_> = refused.as_array().unwrap().iter().map(|it| json!([it["number"], it["code"]])).collect();
    assert_eq!(seen, [json!([4, "access_denied"]), json!([3, "invalid_scope"]), json!([1, "import_failed"])]);
    assert_eq!(refused[1]["message"], "The scope asset:reed is unknown.");
}

/// A client that reads its own clock isn't helped by the simulator's.
#[tokio::test]
async fn a_login_can_have_tokens_that_end_soon_and_its_challenge_is_a_possible_one() {
    let simulator = prompt().await;
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let consent = json!({
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "scopes": "asset:read", "seconds": 7,
    });
    let code = post(&simulator, "/consents", consent).await["code"].as_str().unwrap().to_owned();
    let mut fields = vec![("grant_type", "authorization_code"), ("code", &code), ("code_verifier", verifier)];
    for _ in 0..2 {
        let grant = crate::common::form(simulator.token_url(), &fields);
        let granted = ok(grant.basic_auth(simulator.client_id(), Some(simulator.client_secret()))).await;
        assert_eq!(granted["expires_in"], 7);
        let me = by(granted["access_token"].as_str().unwrap(), read(&simulator, "/v1/assets/none"));
        assert_eq!(refused(me).await.0, 404);
        let refresh: &'static str = granted["refresh_token"].as_str().unwrap().to_owned().leak();
        fields = vec![("grant_type", "refresh_token"), ("refresh_token", refresh)];
    }
    for length in [42, 129] {
        let consent = json!({ "code_challenge": "c".repeat(length), "scopes": "asset:read" });
        let short = ask(&simulator, Method::POST, "/consents").json(&consent);
        assert_eq!(refused(short).await, (400, "bad_request_body".into()), "{length}");
    }
}

#[tokio::test]
async fn the_clock_is_not_put_further_ahead_than_it_can_be() {
    let simulator = prompt().await;
    let year = 365 * 24 * 60 * 60;
    post(&simulator, "/clock/advance", json!({ "seconds": 9 * year })).await;
    let too_far = ask(&simulator, Method::POST, "/clock/advance").json(&json!({ "seconds": 2 * year }));
    let refusal: Value = too_far.send().await.unwrap().json().await.unwrap();
    assert!(refusal["message"].as_str().unwrap().contains(&year.to_string()), "{refusal}");
    assert_eq!(get(&simulator, "/clock").await["ahead_seconds"], f64::from(9 * year));
}
