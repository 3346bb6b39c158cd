//! Each command does what its help says, and prints it as text and as JSON.

use crate::common::{Response, SimulatorProcess, Stub, assert_prints, simulated};
use serde_json::{Value, json};

#[test]
fn upload_prints_the_asset_that_is_in_canva_now() {
    let upload = ["upload", "clip.mp4", "--name", "Hero 🚀", "--tag", "launch", "--tag", "été"];
    // A tab separates the columns.
    assert_prints!(simulated(upload).succeeded().replace('\t', " | "), @"clip.mp4 | ASSET | 320x180, 2 s");
    let ran = simulated(["--json"].into_iter().chain(upload));
    assert_prints!(ran.succeeded(), @r#"{"file":"clip.mp4","job_id":"JOB","status":"success","asset":{"created_at":TIME,"id":"ASSET","metadata":{"duration":2,"height":180,"type":"video","width":320},"name":"Hero 🚀","owner":{"team_id":"oSimulatedTeam","user_id":"oSimulatedUser"},"tags":["launch","été"],"thumbnail":{"height":180,"url":"http://HOST/thumbnails/ASSET/IMAGE","width":320},"type":"video","updated_at":TIME}}"#);
}

/// A field of tomorrow can be used today.
#[test]
fn json_has_every_field_that_canva_sends() {
    let asset = json!({
        "id": "A1", "name": "n", "created_at": 1, "updated_at": 1, "tags": [], "colors": ["red"],
        "owner": { "user_id": "u", "team_id": "t", "name": null },
        "thumbnail": { "width": 1, "height": 1, "url": "u", "blur": { "hash": 1.5 } },
        "metadata": { "type": "model", "polygons": 12, "smart_tags": [] },
        "import_status": { "state": "success", "since": 1 },
    });
    let job = json!({ "job": { "id": "J1", "status": "success", "asset": asset, "took": 2 } }).to_string();
    let ran = Stub::start(vec![Response::Json(200, job.leak())]).run(["--json", "upload", "photo.png"]);
    assert_eq!(
        ran.json()[0],
        json!({ "file": "photo.png", "job_id": "J1", "status": "success", "asset": asset, "job_extra": { "took": 2 } })
    );

    let design = json!({
        "id": "D1", "created_at": 1, "updated_at": 1, "pages": [1],
        "urls": { "edit_url": "e", "view_url": "v", "share_url": "s" },
    });
    let result = json!({ "designs": [design], "left_out": ["fonts"] });
    let job = json!({ "job": { "id": "J1", "status": "success", "result": result } }).to_string();
    let ran = Stub::start(vec![Response::Json(200, job.leak())]).run(["--json", "import", "deck.pdf"]);
    assert_eq!(ran.json()[0]["designs"], json!([design]));
    assert_eq!(ran.json()[0]["job_extra"], json!({ "result": { "left_out": ["fonts"] } }));

    let untagged = Response::Json(200, r#"{"asset":{"id":"A1","name":"n","created_at":1,"updated_at":1}}"#);
    let ran = Stub::start(vec![untagged]).run(["--json", "get", "A1"]);
    assert_eq!(ran.json()[0]["asset"]["tags"], json!([]));

    let running = Response::Json(200, r#"{"job":{"id":"J1","status":"in_progress","percent":40}}"#);
    let ran = Stub::start(vec![running]).run(["--json", "job", "--kind", "import", "J1"]);
    assert_prints!(ran.succeeded(), @r#"{"job_id":"J1","status":"in_progress","job_extra":{"percent":40}}"#);

    let error = r#"{"code":"import_failed","message":"No.","format":"psd"}"#;
    let failed = format!(r#"{{"job":{{"id":"J1","status":"failed","error":{error}}}}}"#);
    let ran = Stub::start(vec![Response::Json(200, failed.leak())]).run(["--json", "upload", "photo.png"]);
    assert_eq!(ran.json()[0]["error"]["extra"], json!({ "format": "psd" }));
    let ran = Stub::start(vec![Response::Json(400, error)]).run(["--json", "get", "A1"]);
    assert_eq!(ran.json()[0]["error"]["extra"], json!({ "format": "psd" }));
}

#[test]
fn an_image_that_is_too_large_for_canva_is_not_sent() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("photo.PNG");
    std::fs::copy("../tests/fixtures/photo.png", &path).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_len((50 << 20) + 1).unwrap();
    let stub = Stub::start(Vec::new());
    let ran = stub.run(["--json", "upload", path.to_str().unwrap()]);
    let error = &ran.json()[0]["error"];
    assert_eq!(json!([error["code"], error["http_status"]]), json!(["file_too_big", null]));
    assert!(
        ran.stderr.ends_with(
            ": it is an image of 52 MB, and Canva takes less than 50 MB; make it smaller, or send it with --force\n"
        ),
        "{}",
        ran.stderr
    );
}

#[test]
fn files_go_on_when_one_fails() {
    let ran = simulated(["--json", "upload", "photo.png", "missing.png", "notes.txt", "photo.jpg"]);
    assert_eq!(ran.code, Some(1));
    let mut results: Vec<_> =
        ran.json().iter().map(|it| json!([it["file"], it["status"], it["error"]["code"]])).collect();
    results.sort_by_key(Value::to_string);
    assert_eq!(
        json!(results),
        json!([
            ["missing.png", "failed", "file_unreadable"],
            ["notes.txt", "failed", "unsupported_file"],
            ["photo.jpg", "success", null],
            ["photo.png", "success", null],
        ])
    );
    assert_prints!(ran.stderr, @r"
    canva: missing.png: it can't be read: No such file or directory (os error 2); check that the file is there and can be read
    canva: notes.txt: it is no image or video of a known type, and Canva doesn't take it; save it as JPEG, PNG or MP4, or send it with --force
    ");
}

#[test]
fn an_asset_is_fetched_from_a_url_then_read_and_changed() {
    let simulator = SimulatorProcess::start();
    let uploaded = simulator.json(["upload", "photo.png"]);
    let url = uploaded["asset"]["thumbnail"]["url"].as_str().unwrap();
    let item = simulator.json(["upload-url", url, "--name", "Fetched"]);
    assert_eq!(json!([item["url"], item["status"], item["asset"]["name"]]), json!([url, "success", "Fetched"]));

    let id = item["asset"]["id"].as_str().unwrap();
    let tagged = simulator.json(["update", id, "--tag", "a", "--tag", "b"]);
    assert_eq!(json!([tagged["asset_id"], tagged["status"]]), json!([id, "success"]));
    assert_eq!(json!([tagged["asset"]["name"], tagged["asset"]["tags"]]), json!(["Fetched", ["a", "b"]]));
    assert_prints!(simulator.run(["update", id, "--name", "New"]).succeeded(), @r"
    ASSET
      asset      ASSET
      name       New
      type       image
      size       1200x800
      tags       a, b
      thumbnail  1200x800 http://HOST/thumbnails/ASSET/IMAGE
    ");
    simulator.run(["update", id, "--add-tag", "b", "--add-tag", "c", "--remove-tag", "a"]).succeeded();
    assert_eq!(simulator.json(["get", id])["asset"]["tags"], json!(["b", "c"]));
    simulator.run(["update", id, "--clear-tags"]).succeeded();
    let got = simulator.json(["get", id]);
    assert_eq!(json!([got["asset_id"], got["asset"]["name"], got["asset"]["tags"]]), json!([id, "New", []]));
}

#[test]
fn delete_moves_assets_to_the_trash_and_goes_on_when_one_is_not_there() {
    let simulator = SimulatorProcess::start();
    let upload =
        |name| simulator.json(["upload", "photo.jpg", "--name", name])["asset"]["id"].as_str().unwrap().to_owned();
    let (first, second, third) = (upload("a"), upload("b"), upload("c"));
    assert_prints!(simulator.run(["delete", &first]).succeeded(), @r"
    ASSET
      status     in the trash
    ");
    let ran = simulator.run(["--json", "delete", &second, "nope", &third]);
    assert_eq!(ran.code, Some(1));
    assert_prints!(ran.stdout, @r#"
    {"asset_id":"ASSET","status":"success"}
    {"asset_id":"nope","status":"failed","error":{"code":"asset_not_found","message":"Canva answered 404 Not Found asset_not_found (request REQUEST): There is no such asset; check the id","http_status":404}}
    {"asset_id":"ASSET","status":"success"}
    "#);
    for id in [first, second, third] {
        assert_eq!(simulator.json(["get", &id])["error"]["code"], "asset_not_found");
    }
}

#[test]
fn import_prints_the_designs() {
    let ran = simulated(["import", "deck.pdf"]);
    let columns = ran.succeeded().replace('\t', " | ");
    assert_prints!(columns, @"deck.pdf | DESIGN | 2 pages | http://HOST/design/DESIGN/edit");
}

#[test]
fn import_prints_json() {
    let ran = simulated(["--json", "import", "deck.pdf", "--title", "Q4", "--mime-type", "application/pdf"]);
    assert_prints!(ran.succeeded(), @r#"{"file":"deck.pdf","job_id":"JOB","status":"success","designs":[{"created_at":TIME,"id":"DESIGN","page_count":2,"title":"Q4","updated_at":TIME,"url":"http://HOST/design/DESIGN/view","urls":{"edit_url":"http://HOST/design/DESIGN/edit","view_url":"http://HOST/design/DESIGN/view"}}]}"#);
}

#[test]
fn import_says_when_the_mime_type_may_be_why_it_failed() {
    let ran = simulated(["import", "deck.pdf", "--mime-type", "image/png"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(ran.stderr.starts_with("canva: deck.pdf: invalid_file: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("--mime-type"), "{}", ran.stderr);
}

#[test]
fn import_url_prints_the_designs() {
    let web = Stub::start(vec![deck()]);
    let url = &web.url();
    let ran = simulated(["import-url", url, "--title", "Q4", "--mime-type", "application/pdf"]);
    assert_prints!(ran.succeeded(), @r"
    http://HOST/rest/file
      design     DESIGN
      title      Q4
      pages      2
      edit       http://HOST/design/DESIGN/edit
    ");
    let ran = simulated(["import-url", "http://192.0.2.1/deck.pdf", "--title", "Q4"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert_prints!(ran.stderr, @"canva: http://192.0.2.1/deck.pdf: fetch_failed: The file can't be fetched: the simulator fetches from http:// and https:// URLs of localhost and loopback addresses, and no file stands for this one; check that anyone can open the URL, without a login");
}

/// A PDF on the web.
fn deck() -> Response {
    Response::Html(200, include_str!("../../../tests/fixtures/deck.pdf"))
}

#[test]
fn a_job_that_is_not_waited_for_is_picked_up_by_its_id() {
    let simulator = SimulatorProcess::start();
    let thumbnail = simulator.json(["upload", "photo.png"])["asset"]["thumbnail"]["url"].clone();
    let web = Stub::start(vec![deck()]);
    let commands: [(&[&str], &str, &str); 4] = [
        (&["upload", "photo.jpg"], "asset-upload", "asset"),
        (&["upload-url", thumbnail.as_str().unwrap(), "--name", "Fetched"], "url-asset-upload", "asset"),
        (&["import", "deck.pdf"], "import", "designs"),
        (&["import-url", &web.url(), "--title", "Q4"], "url-import", "designs"),
    ];
    for (command, kind, made) in commands {
        let started = simulator.json(command.iter().copied().chain(["--no-wait"]));
        assert_eq!(started["status"], "in_progress", "{started}");
        assert!(started.get(made).is_none() && started.get("error").is_none(), "{started}");
        let id = started["job_id"].as_str().unwrap();

        let asked = simulator.json(["job", id]);
        assert!(["in_progress", "success"].contains(&asked["status"].as_str().unwrap()), "{asked}");
        let ended = simulator.json(["job", "--kind", kind, id, "--wait"]);
        assert_eq!(json!([ended["job_id"], ended["status"]]), json!([id, "success"]));
        assert!(!ended[made].is_null(), "{ended}");
    }
}

#[test]
fn many_jobs_and_assets_are_printed_in_the_order_given() {
    let simulator = SimulatorProcess::start();
    let start = |command: &[&str]| {
        let started = simulator.json(command.iter().copied().chain(["--no-wait"]));
        started["job_id"].as_str().unwrap().to_owned()
    };
    let (deck, photo) = (start(&["import", "deck.pdf"]), start(&["upload", "photo.png"]));
    let ran = simulator.run(["--json", "job", "--wait", &deck, "nope", &photo]);
    assert_eq!(ran.code, Some(4));
    let items = ran.json();
    let statuses: Vec<Value> = items.iter().map(|item| json!([item["job_id"], item["status"]])).collect();
    assert_eq!(json!(statuses), json!([[deck, "success"], ["nope", "unknown"], [photo, "success"]]));
    let first = items[2]["asset"]["id"].as_str().unwrap();
    let second = simulator.json(["upload", "photo.jpg", "--tag", "old"])["asset"]["id"].as_str().unwrap().to_owned();
    let ran = simulator.run(["--json", "update", first, "nope", &second, "--add-tag", "new"]);
    assert_eq!(ran.code, Some(1));
    let tags: Vec<Value> = ran.json().iter().map(|item| json!([item["asset_id"], item["asset"]["tags"]])).collect();
    assert_eq!(json!(tags), json!([[first, ["new"]], ["nope", null], [second, ["old", "new"]]]));
}

#[test]
fn a_job_is_found_by_its_id_whatever_its_kind_and_scopes_are() {
    const MISSING: &str = r#"{"code":"not_found","message":"m"}"#;
    const SCOPE: &str = r#"{"code":"missing_scope","message":"m"}"#;
    const BROKEN: &str = r#"{"code":"not_implemented","message":"m"}"#;
    const RUNNING: &str = r#"{"job":{"id":"J1","status":"in_progress"}}"#;
    type Answers = &'static [(u16, &'static str)];
    let cases: [(Answers, &str, &str); 6] = [
        (&[(200, RUNNING)], "in_progress", "null"),
        (&[(404, MISSING), (403, SCOPE), (404, MISSING), (200, RUNNING)], "in_progress", "null"),
        (&[(404, MISSING), (403, SCOPE), (404, MISSING), (404, MISSING)], "unknown", r#""missing_scope""#),
        (&[(404, MISSING), (404, MISSING), (404, MISSING), (404, MISSING)], "unknown", r#""not_found""#),
        (&[(501, BROKEN)], "unknown", r#""not_implemented""#),
        (&[(404, MISSING), (501, BROKEN)], "unknown", r#""not_implemented""#),
    ];
    for (responses, status, code) in cases {
        let stub = Stub::start(responses.iter().map(|(status, body)| Response::Json(*status, body)).collect());
        let item = stub.run(["--json", "job", "J1"]).json().remove(0);
        assert_eq!(json!([item["job_id"], item["status"]]), json!(["J1", status]));
        assert_eq!(item["error"]["code"].to_string(), code);
        let asked: Vec<String> = stub.requests();
        assert_eq!(asked.iter().collect::<std::collections::BTreeSet<_>>().len(), responses.len(), "{asked:?}");
    }
}

#[test]
fn no_wait_prints_the_job() {
    let columns = simulated(["upload", "photo.png", "--no-wait"]).succeeded().replace('\t', " | ");
    assert_prints!(columns, @"photo.png | JOB | in progress");
}

#[test]
fn a_failed_job_is_a_failure_whenever_it_is_asked_for() {
    let simulator = SimulatorProcess::start();
    let started = simulator.json(["upload", "notes.txt", "--force", "--no-wait"]);
    let ran = simulator.run(["--json", "job", started["job_id"].as_str().unwrap(), "--wait"]);
    assert_eq!(ran.code, Some(1));
    assert_eq!(json!([ran.json()[0]["status"], ran.json()[0]["error"]["code"]]), json!(["failed", "import_failed"]));
}
