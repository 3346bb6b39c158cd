//! A failure says what happened, what is in Canva now, and what to do next, on one line and in one shape.

use crate::common::{Response, SimulatorProcess, Stub, TOKEN, assert_prints, canva, run};
use serde_json::json;

const UPLOADED: &str = r#"{"job":{"id":"J1","status":"success","asset":
    {"id":"A1","name":"photo.png","created_at":1,"updated_at":1}}}"#;
const STARTED: &str = r#"{"job":{"id":"J1","status":"in_progress"}}"#;

#[test]
fn a_name_or_tag_that_is_too_long_is_refused_with_length_and_limit_before_anything_is_sent() {
    let stub = Stub::start(vec![]);
    let ran = stub.run(["--json", "upload", "photo.png", "--name", &"é".repeat(51)]);
    assert_eq!(ran.code, Some(1));
    assert_prints!(ran.stdout, @r#"{"file":"photo.png","status":"failed","error":{"code":"invalid_input","message":"name: expected 1 to 50 characters, got 51; choose another with --name"}}"#);
    let ran = stub.run(["import", "deck.pdf", "--title", &"é".repeat(51)]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert_prints!(ran.stderr, @"canva: deck.pdf: title: expected 1 to 50 characters, got 51; choose another with --title");
    let ran = stub.run(["upload", "photo.png", "--tag", &"t".repeat(51)]);
    assert_prints!(ran.stderr, @"canva: photo.png: tags: expected at most 50 characters each, got 51; change --tag");
    assert!(stub.requests().is_empty());
}

#[test]
fn an_asset_whose_tags_could_not_be_applied_is_not_hidden() {
    let refused = r#"{"code":"permission_denied","message":"Not allowed."}"#;
    let responses = || vec![Response::Json(200, UPLOADED), Response::Json(403, refused)];

    let stub = Stub::start(responses());
    let ran = stub.run(["upload", "photo.png", "--tag", "launch"]);
    assert_eq!(ran.code, Some(1));
    assert_eq!(ran.stdout, "photo.png\tA1\t-\n");
    assert_prints!(ran.stderr, @"canva: photo.png: it was uploaded as asset A1, but its tags were not applied: Canva answered 403 Forbidden permission_denied: Not allowed; don't upload it again, `canva update A1 --add-tag ...` applies them");
    assert_eq!(stub.requests(), ["POST /rest/v1/asset-uploads", "PATCH /rest/v1/assets/A1"]);

    let ran = Stub::start(responses()).run(["--json", "upload", "photo.png", "--tag", "launch"]);
    let item = &ran.json()[0];
    assert_eq!(json!([item["status"], item["job_id"], item["asset"]["id"]]), json!(["failed", "J1", "A1"]));
    assert_eq!(json!([item["error"]["code"], item["error"]["http_status"]]), json!(["tags_not_applied", 403]));

    let uploaded = Response::Json(200, UPLOADED.replace("A1", "$(reboot)").leak());
    let said = Stub::start(vec![uploaded]).run(["upload", "photo.png", "--tag", "launch"]).stderr;
    assert!(said.contains("uploaded as asset $(reboot), but") && !said.contains("`canva"), "{said}");
}

#[test]
fn what_may_have_been_made_has_a_status_of_its_own() {
    let commands: [&[&str]; 5] = [
        &["upload", "photo.png"],
        &["import", "deck.pdf"],
        &["import-url", "https://example.com/a.pdf", "--title", "Q4"],
        &["folder", "New"],
        &["design", "new", "--type", "doc"],
    ];
    for command in commands {
        for response in [Response::Close, Response::Json(500, "{}"), Response::Json(200, "{")] {
            let stub = Stub::start(vec![response]);
            let ran = stub.run(["--json"].into_iter().chain(command.iter().copied()));
            assert_eq!(ran.code, Some(4));
            let item = &ran.json()[0];
            assert_eq!(json!([item["status"], item["error"]["code"]]), json!(["unknown", "outcome_unknown"]));
            assert!(ran.stderr.contains("look ") && ran.stderr.contains(" before "), "{}", ran.stderr);
            assert_eq!(stub.requests().iter().filter(|request| request.starts_with("POST ")).count(), 1);
        }
    }
}

#[test]
fn a_job_that_can_not_be_read_is_named_with_the_command_that_goes_on() {
    let broken = r#"{"code":"not_implemented","message":"No."}"#;
    let ran = Stub::start(vec![Response::Json(200, STARTED), Response::Json(501, broken)])
        .run(["--json", "import", "deck.pdf"]);
    assert_eq!(ran.code, Some(4));
    assert_prints!(ran.stdout, @r#"{"file":"deck.pdf","job_id":"J1","status":"unknown","error":{"code":"not_implemented","message":"job J1 could not be read: Canva answered 501 Not Implemented not_implemented: No; go on with `canva job J1 --wait`","http_status":501}}"#);
}

/// The advice fits the refusal: no wait, and no scope unless one is missing.
#[test]
fn a_refusal_is_followed_by_what_helps_against_it() {
    const ID: &str = "check the id, and --kind if you gave it; if they are right, look in Canva";
    const UPLOADED: &str =
        "Canva has a file from this URL or is just fetching it, so look there; to upload it anew, delete it first";
    const IMPORTED: &str =
        "Canva is just importing from this URL, so look there; to import it twice, wait until that is done";
    const FOLDER: &str = "take the id from the folder's URL in Canva, or write `root` or `uploads`";
    const MOVE: &str = "check the item's id, and take the folder's from its URL in Canva, or write `root`";
    const IMMOVABLE: &str =
        "Canva moves designs, images and folders, but no videos, and no folder into itself or what is in it";
    const FULL: &str = "choose another folder, or take something out of this one";
    const COPY: &str = "--asset takes an image, and --pages takes pages that the design has";
    const DESIGN: &str = "take the id from the design's URL in Canva, or from `canva design list`";
    let job = &["job", "--kind", "import", "J1"][..];
    let get = &["get", "A1"][..];
    let list = &["list", "F1"][..];
    let folder = &["folder", "n", "--in", "F1"][..];
    let put = &["move", "A1", "--to", "F1"][..];
    let design = &["design", "get", "D1"][..];
    let copy = &["design", "copy", "D1", "--pages", "3"][..];
    let upload = &["upload-url", "https://example.com/a.png", "--name", "n"][..];
    let import = &["import-url", "https://example.com/a.pdf", "--title", "t"][..];
    let cases = [
        (job, 400, r#"{"code":"bad_request_params","message":"m"}"#, ID),
        (job, 400, r#"{"code":"invalid_request","message":"m"}"#, "look in Canva, where it was started"),
        (job, 401, r#"{"code":"invalid_access_token","message":"m"}"#, "set CANVA_ACCESS_TOKEN to a new token"),
        (job, 403, r#"{"code":"missing_scope","message":"m"}"#, "use a token with the scope design:content:write"),
        (job, 403, r#"{"code":"permission_denied","message":"m"}"#, "use a token of the user who started the job"),
        (job, 404, r#"{"code":"not_found","message":"m"}"#, ID),
        (job, 404, r#"{"code":"endpoint_not_found","message":"m"}"#, "check the base URL"),
        (job, 404, "{}", "check the base URL"),
        (job, 409, r#"{"code":"conflict","message":"m"}"#, "look in Canva for what became of it"),
        (job, 418, r#"{"code":"teapot","message":"m"}"#, "look in Canva for what became of it"),
        (job, 501, r#"{"code":"c","message":"m"}"#, "go on with `canva job J1 --wait`"),
        (upload, 400, r#"{"code":"invalid_request","message":"m"}"#, UPLOADED),
        (import, 400, r#"{"code":"invalid_request","message":"m"}"#, IMPORTED),
        (get, 400, r#"{"code":"invalid_field","message":"m"}"#, "correct it, then try again"),
        (get, 401, r#"{"code":"revoked_access_token","message":"m"}"#, "set CANVA_ACCESS_TOKEN to a new token"),
        (get, 403, r#"{"code":"permission_denied","message":"m"}"#, "use a token of a user who may do this"),
        (get, 403, "{}", "check the base URL"),
        (get, 404, r#"{"code":"asset_not_found","message":"m"}"#, "check the id"),
        (list, 403, r#"{"code":"missing_scope","message":"m"}"#, "use a token with the scope folder:read"),
        (list, 404, r#"{"code":"folder_not_found","message":"m"}"#, FOLDER),
        (list, 404, r#"{"code":"endpoint_not_found","message":"m"}"#, "check the base URL"),
        (folder, 404, r#"{"code":"folder_not_found","message":"m"}"#, FOLDER),
        (put, 404, r#"{"code":"folder_not_found","message":"m"}"#, MOVE),
        (put, 404, "{}", "check the base URL"),
        (put, 400, r#"{"code":"invalid_field","message":"m"}"#, IMMOVABLE),
        (put, 400, r#"{"code":"quota_exceeded","message":"m"}"#, FULL),
        (design, 404, r#"{"code":"not_found","message":"m"}"#, DESIGN),
        (copy, 404, r#"{"code":"not_found","message":"m"}"#, "check the id"),
        (copy, 400, r#"{"code":"bad_request_body","message":"m"}"#, COPY),
        (upload, 404, r#"{"code":"not_found","message":"m"}"#, "check the base URL"),
        (get, 409, r#"{"code":"conflict","message":"m"}"#, "wait a moment, then try again"),
        (get, 418, r#"{"code":"teapot","message":"m"}"#, "look the code up in Canva's documentation"),
    ];
    for (command, status, body, step) in cases {
        let ran = Stub::start(vec![Response::Json(status, body)]).run(command.iter().copied());
        // What became of a job is unknown.
        let code = if status == 401 {
            3
        } else if command == job {
            4
        } else {
            1
        };
        assert_eq!(ran.code, Some(code), "{status} {body}");
        assert!(ran.stderr.ends_with(&format!("; {step}\n")), "{status} {body}: {}", ran.stderr);
    }
}

#[test]
fn a_job_that_succeeded_without_its_result_is_no_failure_and_says_what_to_look_for() {
    const SUCCEEDED: &str = r#"{"job":{"id":"J1","status":"success"}}"#;
    let succeeded = || Response::Json(200, SUCCEEDED);
    let ran = Stub::start(vec![succeeded(), succeeded()]).run(["--json", "upload", "photo.png"]);
    assert_eq!(ran.code, Some(4));
    assert_prints!(ran.stdout, @r#"{"file":"photo.png","job_id":"J1","status":"unknown","error":{"code":"result_missing","message":"job J1: the job succeeded, but the response has no asset; it begins \"{\\\"job\\\":{\\\"id\\\":\\\"J1\\\",\\\"status\\\":\\\"success\\\"}}\"; look for the asset by its name in Canva, or ask again with `canva job J1`; don't send it again","http_status":200}}"#);
    let no_wait = Stub::start(vec![succeeded(), succeeded()]).run(["--json", "upload", "photo.png", "--no-wait"]);
    assert_eq!((no_wait.code, no_wait.stdout), (ran.code, ran.stdout));

    let ran = Stub::start(vec![succeeded()]).run(["job", "--kind", "url-import", "J1"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(4), ""));
    assert_prints!(ran.stderr, @r#"canva: J1: job J1: the job succeeded, but the response has no designs; it begins "{\"job\":{\"id\":\"J1\",\"status\":\"success\"}}"; look for the design by its title in Canva, or ask again with `canva job J1`; don't send it again"#);
}

#[test]
fn a_refusal_keeps_its_status_and_code_and_never_shows_the_token() {
    let echo = r#"{"code":"invalid_access_token","message":"The token s3cret-t0ken has expired."}"#;
    assert!(echo.contains(TOKEN));
    let ran = Stub::start(vec![Response::Json(401, echo)]).run(["--json", "upload", "photo.png"]);
    assert_eq!(ran.code, Some(3));
    assert_prints!(ran.stdout, @r#"{"file":"photo.png","status":"failed","error":{"code":"invalid_access_token","message":"Canva answered 401 Unauthorized invalid_access_token: The token [REDACTED] has expired; set CANVA_ACCESS_TOKEN to a new token","http_status":401}}"#);

    let ran =
        Stub::start(vec![Response::Html(404, "<h1>Not here</h1>")]).run(["--json", "update", "A1", "--clear-tags"]);
    assert_prints!(ran.stdout, @r#"{"asset_id":"A1","status":"failed","error":{"code":"http_error","message":"Canva answered 404 Not Found: <h1>Not here</h1>; check the base URL","http_status":404}}"#);
}

#[test]
fn an_unknown_job_is_named() {
    let simulator = SimulatorProcess::start();
    let item = simulator.json(["job", "nope"]);
    assert_eq!(json!([item["job_id"], item["status"]]), json!(["nope", "unknown"]));
    assert_eq!(json!([item["error"]["code"], item["error"]["http_status"]]), json!(["not_found", 404]));

    let item = simulator.json(["job", "../v1/assets"]);
    assert_eq!(json!([item["job_id"], item["status"]]), json!(["../v1/assets", "failed"]));
    assert_eq!(item["error"]["code"], "invalid_input");
}

/// This takes up to 7.5 s, the random pauses between five attempts.
#[test]
fn no_connection_is_no_mystery() {
    let mut command = canva(["--json", "--base-url", "http://127.0.0.1:1/rest", "update", "A1", "--name", "New"]);
    command.env("CANVA_ACCESS_TOKEN", TOKEN);
    let ran = run(command);
    assert_eq!((ran.code, &ran.json()[0]["error"]["code"]), (Some(1), &json!("not_connected")));
    assert!(ran.stderr.contains("check the network and the base URL"), "{}", ran.stderr);
}

#[test]
fn a_certificate_that_is_not_trusted_and_a_proxy_that_wants_a_password_say_what_to_do() {
    let simulator = SimulatorProcess::with(["--tls"]);
    let ran = simulator.run(["--json", "upload", "photo.png"]);
    assert_prints!(ran.stdout, @r#"{"file":"photo.png","status":"failed","error":{"code":"not_connected","message":"could not connect to HOST (1 attempt), since the CA that signed the server's certificate isn't trusted here: invalid peer certificate: UnknownIssuer; if the certificate is right, set SSL_CERT_FILE to a file with that CA"}}"#);

    let proxy = Stub::start(vec![Response::Html(407, "")]);
    let mut command = canva(["--json", "--base-url", "https://api.canva.example/rest", "upload", "photo.png"]);
    command.env("CANVA_ACCESS_TOKEN", TOKEN).env("NO_PROXY", "").env("no_proxy", "");
    let through = proxy.url().replace("://", "://user:pr0xy-p4ss@");
    for name in ["HTTPS_PROXY", "https_proxy"] {
        command.env(name, &through);
    }
    assert_prints!(run(command).stdout, @r#"{"file":"photo.png","status":"failed","error":{"code":"not_connected","message":"could not connect to api.canva.example (1 attempt), since the proxy wants a user and a password (HTTPS_PROXY is set): tunnel error: proxy authorization required; give the proxy its user and password in HTTPS_PROXY"}}"#);
}

#[test]
fn a_proxy_that_cannot_work_is_named_by_its_variable() {
    let mut command = canva(["--json", "--base-url", "https://api.canva.example/rest", "upload", "photo.png"]);
    command.env("CANVA_ACCESS_TOKEN", TOKEN).env("NO_PROXY", "").env("no_proxy", "");
    for name in ["HTTPS_PROXY", "https_proxy"] {
        command.env_remove(name);
    }
    command.env("ALL_PROXY", "socks5://user:pr0xy-p4ss@127.0.0.1:1080");
    assert_prints!(run(command).stdout, @r#"{"file":"photo.png","status":"failed","error":{"code":"not_connected","message":"could not connect to api.canva.example (1 attempt), since the proxy's URL isn't one of http or https (ALL_PROXY is set): unsupported scheme socks5; set ALL_PROXY to a proxy of http:// or https://"}}"#);
}

/// An id that a shell or `canva` takes as something else is never part of a command to paste.
#[test]
fn a_job_whose_id_is_no_id_is_unknown_and_no_command_is_suggested() {
    let too_long = "x".repeat(51);
    let waiting: &[&str] = &["--json", "upload", "photo.png"];
    let no_wait: &[&str] = &["--json", "upload", "photo.png", "--no-wait"];
    for (command, id) in
        [(waiting, "; rm -rf ~; $(touch x)"), (no_wait, "; rm -rf ~; $(touch x)"), (no_wait, &too_long)]
    {
        let started = json!({ "job": { "id": id, "status": "in_progress" } }).to_string();
        let stub = Stub::start(vec![Response::Json(200, started.leak())]);
        let ran = stub.run(command.iter().copied());
        assert_eq!(ran.code, Some(4), "{}", ran.stdout);
        let item = &ran.json()[0];
        assert_eq!(
            json!([item["status"], item["job_id"], item["error"]["code"]]),
            json!(["unknown", id, "outcome_unknown"])
        );
        assert!(
            ran.stderr.contains("no command accepts the job's id") && !ran.stderr.contains("`canva"),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.ends_with("look in Canva before you try again\n"), "{}", ran.stderr);
        assert_eq!(stub.requests().len(), 1);
    }

    let broken = Response::Json(501, r#"{"code":"not_implemented","message":"No."}"#);
    let started = r#"{"job":{"id":"-J1","status":"in_progress"}}"#;
    let ran = Stub::start(vec![Response::Json(200, started), broken]).run(["upload", "photo.png"]);
    assert_eq!(
        ran.stderr,
        "canva: photo.png: job -J1 could not be read: Canva answered 501 Not Implemented not_implemented: No; look in Canva for what became of it\n"
    );
}
