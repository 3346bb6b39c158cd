//! Each fault, as it looks from a bare socket, and what exists after it.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use bytes::Bytes;
use canva_simulator::{CannedResponse, Fault, Injection, Simulator};
use reqwest::header::{HeaderValue, RETRY_AFTER};
use serde_json::{Value, json};

use crate::common::{client, connect, fixture, image, import, ok, read, refused, upload};

const UPLOAD: &str = "createAssetUploadJob";

/// What came back on one connection, to its end.
#[derive(Debug)]
struct Reply {
    head: String,
    body: Vec<u8>,
    /// Why the connection ended, where it wasn't an orderly end.
    error: Option<ErrorKind>,
}

impl Reply {
    fn status(&self) -> Option<u16> {
        self.head.split(' ').nth(1)?.parse().ok()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    fn is_nothing(&self) -> bool {
        self.head.is_empty() && self.body.is_empty()
    }
}

/// The head of an upload of this many bytes, on a connection that ends after the response.
fn head(simulator: &Simulator, length: usize) -> String {
    format!(
        "POST /rest/v1/asset-uploads HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
         content-type: application/octet-stream\r\nasset-upload-metadata: {{\"name_base64\":\"YQ==\"}}\r\n\
         content-length: {length}\r\n\r\n",
        simulator.token()
    )
}

/// Sends an upload of a small image and reads to the end of the connection.
async fn reply(simulator: &Simulator) -> Reply {
    let image = image();
    let head = head(simulator, image.len());
    exchange(simulator, [head.as_bytes(), &image].concat()).await
}

async fn exchange(simulator: &Simulator, request: Vec<u8>) -> Reply {
    let mut stream = connect(simulator);
    let read = move || {
        // A server that closes early makes the rest of the writing fail, which is what is to be seen.
        let written = stream.write_all(&request);
        let mut bytes = Vec::new();
        let read = stream.read_to_end(&mut bytes);
        let error = written.and(read.map(|_| ())).err().map(|e| e.kind());
        let split = bytes.windows(4).position(|end| end == b"\r\n\r\n");
        let (head, body) = bytes.split_at(split.map_or(0, |at| at + 4));
        Reply { head: String::from_utf8_lossy(head).into_owned(), body: body.to_vec(), error }
    };
    tokio::task::spawn_blocking(read).await.unwrap()
}

async fn faulty(fault: Fault) -> Simulator {
    Simulator::builder().job_duration(Duration::ZERO).fault(UPLOAD, 1..=1, fault).start().await.unwrap()
}

/// The one request's status in the log, and how many assets there are.
fn after(simulator: &Simulator) -> (Option<u16>, usize) {
    let requests = simulator.requests();
    assert_eq!(requests.len(), 1);
    (requests[0].status, simulator.assets().len())
}

#[tokio::test]
async fn close_ends_the_connection_without_a_response_or_an_asset() {
    let simulator = faulty(Fault::Close).await;
    assert!(reply(&simulator).await.is_nothing());
    assert_eq!(after(&simulator), (None, 0));
}

#[tokio::test]
async fn close_after_ends_the_connection_within_the_body() {
    let simulator = faulty(Fault::CloseAfter(1 << 20)).await;
    let body = vec![0; 64 << 20];
    let reply = exchange(&simulator, [head(&simulator, body.len()).as_bytes(), &body].concat()).await;
    assert!(reply.is_nothing());
    assert!(matches!(reply.error, Some(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)), "{:?}", reply.error);
    assert_eq!(after(&simulator), (None, 0));
}

#[tokio::test]
async fn stop_reading_takes_no_more_than_the_sockets_hold() {
    let simulator = faulty(Fault::StopReading).await;
    let (mut stream, head) = (connect(&simulator), head(&simulator, 1 << 30));
    let written = tokio::task::spawn_blocking(move || {
        stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let chunk = vec![0; 1 << 20];
        (0..1024).find_map(|_| stream.write_all(&chunk).err()).map(|e| e.kind())
    });
    assert!(matches!(written.await.unwrap(), Some(ErrorKind::WouldBlock | ErrorKind::TimedOut)));
    assert_eq!(after(&simulator), (None, 0));
}

#[tokio::test]
async fn a_response_can_come_early_to_a_head_whose_body_is_not_there_yet() {
    let simulator = faulty(Fault::RespondEarly(CannedResponse::json(503))).await;
    let (mut stream, head) = (connect(&simulator), head(&simulator, 1 << 20));
    let answered = tokio::task::spawn_blocking(move || {
        stream.write_all(head.as_bytes()).unwrap();
        let mut response = [0; 12];
        stream.read_exact(&mut response).unwrap();
        stream.write_all(&vec![0; 1 << 20]).unwrap();
        response
    });
    assert_eq!(&answered.await.unwrap(), b"HTTP/1.1 503");
    assert_eq!(after(&simulator), (Some(503), 0));
}

#[tokio::test]
async fn a_canned_response_has_any_status_and_any_of_four_bodies() {
    let date = "Fri, 13 Nov 2026 08:00:00 GMT";
    for status in [400, 404, 408, 429, 500, 502, 503, 504] {
        let retry_after = HeaderValue::from_static(date);
        for (response, content_type, length) in [
            (CannedResponse::json(status), Some("application/json"), None),
            (CannedResponse::html(status), Some("text/html"), None),
            (CannedResponse::empty(status), None, Some(0)),
            (CannedResponse::huge(status), Some("text/plain"), Some(10 << 20)),
        ] {
            let simulator = faulty(Fault::Respond(response.header(RETRY_AFTER, retry_after.clone()))).await;
            let reply = reply(&simulator).await;
            assert_eq!((reply.status(), reply.header("content-type")), (Some(status), content_type));
            assert_eq!(reply.header("retry-after"), Some(date));
            assert!(length.is_none_or(|length| reply.body.len() == length));
            assert_eq!(reply.json().is_some(), content_type == Some("application/json"));
            assert_eq!((reply.error, after(&simulator)), (None, (Some(status), 0)));
        }
    }
}

#[tokio::test]
async fn raw_writes_any_bytes_and_nothing_else() {
    for bytes in [b"HTTP/1.1 999 \xff\r\n\r\n\0".as_slice(), b"SSH-2.0-x\r\n\r\n", b"\r\n\r\n"] {
        let simulator = faulty(Fault::Raw(Bytes::from_static(bytes))).await;
        let image = image();
        let request = [head(&simulator, image.len()).as_bytes(), &image].concat();
        let mut stream = connect(&simulator);
        let response = tokio::task::spawn_blocking(move || {
            stream.write_all(&request).unwrap();
            let mut response = Vec::new();
            stream.read_to_end(&mut response).unwrap();
            response
        });
        assert_eq!(response.await.unwrap(), bytes);
        assert_eq!(after(&simulator), (None, 0));
    }
}

#[tokio::test]
async fn a_trickled_or_delayed_request_is_processed_late() {
    let image_bytes = image().len() as u32;
    for fault in [Fault::TrickleRead(image_bytes * 4), Fault::Delay(Duration::from_millis(250))] {
        let simulator = faulty(fault).await;
        let started = Instant::now();
        assert_eq!(reply(&simulator).await.status(), Some(200));
        assert!(started.elapsed() >= Duration::from_millis(250));
        assert_eq!(after(&simulator), (Some(200), 1));
        assert_eq!(simulator.assets()[0].bytes().unwrap(), image());
    }
}

#[tokio::test]
async fn a_lost_response_leaves_an_asset_that_nobody_heard_of() {
    let simulator = faulty(Fault::LoseResponse).await;
    let reply = reply(&simulator).await;
    assert!(reply.is_nothing());
    assert_eq!((reply.error, after(&simulator)), (None, (None, 1)));
}

#[tokio::test]
async fn a_cut_body_is_shorter_than_its_announced_length() {
    let simulator = faulty(Fault::CutBody).await;
    let reply = reply(&simulator).await;
    assert_eq!(reply.status(), Some(200));
    let length: usize = reply.header("content-length").unwrap().parse().unwrap();
    assert_eq!(reply.body.len(), length / 2);
    assert_eq!((reply.error, after(&simulator)), (None, (Some(200), 1)));
}

#[tokio::test]
async fn cut_and_malformed_json_are_whole_responses_that_do_not_parse() {
    for fault in [Fault::CutJson, Fault::MalformedJson] {
        let simulator = faulty(fault).await;
        let reply = reply(&simulator).await;
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert_eq!(reply.header("content-length").unwrap(), reply.body.len().to_string());
        assert!(!reply.body.is_empty() && reply.json().is_none());
        assert_eq!(after(&simulator), (Some(200), 1));
    }
}

#[tokio::test]
async fn the_right_response_can_have_a_wrong_type_unknown_values_or_missing_fields() {
    let simulator = faulty(Fault::WrongContentType).await;
    let right = reply(&simulator).await;
    assert_eq!(right.header("content-type"), Some("text/html"));
    assert_eq!(right.json().unwrap()["job"]["status"], "success");
    assert_eq!(after(&simulator), (Some(200), 1));

    let simulator = faulty(Fault::UnknownEnums).await;
    let job = reply(&simulator).await.json().unwrap()["job"].take();
    assert_eq!((&job["status"], &job["asset"]["type"]), (&json!("new_success"), &json!("new_image")));
    assert_eq!(job["asset"]["id"], simulator.assets()[0].id.as_str());

    let simulator = faulty(Fault::MissingFields).await;
    assert_eq!(reply(&simulator).await.json(), Some(json!({ "job": {} })));
    assert_eq!(after(&simulator), (Some(200), 1));
}

#[tokio::test]
async fn the_right_response_can_come_chunked_unlengthed_or_under_a_large_header() {
    let simulator = faulty(Fault::Chunked).await;
    let chunked = reply(&simulator).await;
    assert_eq!((chunked.header("transfer-encoding"), chunked.header("content-length")), (Some("chunked"), None));
    assert!(chunked.body.starts_with(b"7\r\n{\"job\":\r\n") && chunked.body.ends_with(b"\r\n0\r\n\r\n"));

    let simulator = faulty(Fault::Unlengthed).await;
    let unlengthed = reply(&simulator).await;
    assert_eq!((unlengthed.header("transfer-encoding"), unlengthed.header("content-length")), (None, None));
    assert_eq!(unlengthed.json().unwrap()["job"]["status"], "success");

    let simulator = faulty(Fault::LargeHeader(70_000)).await;
    let large = reply(&simulator).await;
    assert_eq!(large.header("x-large").map(str::len), Some(70_000));
    assert_eq!(large.json().unwrap()["job"]["status"], "success");
    assert_eq!(after(&simulator), (Some(200), 1));
}

#[tokio::test]
async fn an_http_client_reads_chunked_and_unlengthed_responses_and_an_error_under_a_fault() {
    for fault in [Fault::Chunked, Fault::Unlengthed, Fault::LargeHeader(70_000), Fault::WrongContentType] {
        let simulator = faulty(fault.clone()).await;
        let response = upload(&simulator, "Image", image()).send().await.unwrap();
        assert_eq!(response.json::<Value>().await.unwrap()["job"]["status"], "success");

        // Here the response is known before the body is read, and must arrive all the same.
        let simulator = faulty(fault).await;
        let url = format!("{}/v1/asset-uploads", simulator.base_url());
        let response = client().post(url).body(vec![0; 8 << 20]).send().await.unwrap();
        assert_eq!(response.json::<Value>().await.unwrap()["code"], "invalid_access_token");
    }
}

#[tokio::test]
async fn faults_meet_the_requests_of_the_operation_they_are_for() {
    let simulator = Simulator::builder().fault("getDesignImportJob", 2..4, Fault::Respond(CannedResponse::json(500)));
    let simulator = simulator.job_duration(Duration::ZERO).start().await.unwrap();
    let status = async |path: &str| read(&simulator, path).send().await.map(|response| response.status().as_u16()).ok();
    for expected in [404, 500, 500, 404] {
        assert_eq!(status("/v1/imports/none").await, Some(expected));
        assert_eq!(status("/v1/asset-uploads/none").await, Some(404));
    }
    simulator.inject("getDesignImportJob", ..=1, Fault::Close).unwrap();
    simulator.inject("getDesignImportJob", .., Fault::Respond(CannedResponse::empty(502))).unwrap();
    for expected in [None, Some(502), Some(502)] {
        assert_eq!(status("/v1/imports/none").await, expected);
    }
    ok(import(&simulator, "Deck", None, fixture("deck.pdf"))).await;

    assert_eq!(simulator.inject("getJob", .., Fault::Close).unwrap_err().kind(), ErrorKind::InvalidInput);
    let never = Simulator::builder().fault("getJob", .., Fault::Close).start().await;
    assert_eq!(never.unwrap_err().kind(), ErrorKind::InvalidInput);
}

fn injection(json: Value) -> Injection {
    serde_json::from_value(json).unwrap()
}

/// One of each fault, and of each form of a response.
fn forms() -> Vec<Value> {
    let with = |fault: &str, mut further: Value| {
        further["fault"] = fault.into();
        further
    };
    let bare = "close stop_reading lose_response cut_body cut_json malformed_json wrong_content_type unknown_enums \
                missing_fields chunked unlengthed refuse_stream go_away_before go_away_after go_away_unanswered \
                reset_response fall_silent";
    let mut forms: Vec<Value> = bare.split(' ').map(|fault| with(fault, json!({}))).collect();
    forms.extend(["close_after", "large_header", "reset_request"].map(|fault| with(fault, json!({ "bytes": 1000 }))));
    forms.extend([
        with("trickle_read", json!({ "bytes_per_second": 10 })),
        with("delay", json!({ "seconds": 2.5 })),
        with("raw", json!({ "body": "SSH-2.0-x\r\n" })),
        with("raw", json!({ "body_base64": "/wA=" })),
        with("raw", json!({ "bytes": 5000 })),
        with("respond", json!({ "status": 429, "code": "too_many_requests", "message": "Wait.", "retry_after": "3" })),
        with("respond_early", json!({ "status": 502, "body": "<h1>No</h1>", "content_type": "text/html" })),
        with("respond_and_reset", json!({ "status": 503, "body": "", "headers": { "x-proxy": "yes" } })),
        with("respond", json!({ "status": 500, "bytes": 10_485_760, "content_type": "text/plain" })),
    ]);
    forms
}

#[tokio::test]
async fn every_fault_has_a_form_in_json_and_is_listed_in_it() {
    let mut builder = Simulator::builder().tls(canva_simulator::Tls::Http2).fault("token", 2..4, Fault::Close);
    let first = json!({ "id": 1, "operation": "token", "fault": "close", "first": 2, "times": 2, "seen": 0 });
    let mut expected = vec![first];
    for (mut form, id) in forms().into_iter().zip(2..) {
        form["operation"] = "getAsset".into();
        builder = builder.injection(injection(form.clone()));
        (form["id"], form["first"], form["seen"]) = (id.into(), 1.into(), 0.into());
        expected.push(form);
    }
    let simulator = builder.start().await.unwrap();
    assert_eq!(serde_json::to_value(simulator.faults()).unwrap(), Value::from(expected));
    // The refusal lists all names, so none is left out here.
    let unknown = serde_json::from_value::<Injection>(json!({ "operation": "getAsset", "fault": "clsoe" }));
    let said = unknown.unwrap_err().to_string();
    let (_, names) = said.split_once("there are ").unwrap();
    let mut known: Vec<String> = forms().iter().map(|form| form["fault"].as_str().unwrap().to_owned()).collect();
    known.sort_unstable();
    known.dedup();
    let mut names: Vec<&str> = names.split(", ").collect();
    names.sort_unstable();
    assert_eq!(names, known);
}

#[tokio::test]
async fn a_form_that_says_too_much_or_too_little_is_refused_by_name() {
    for (form, said) in [
        (json!({ "fault": "close" }), "needs `operation`"),
        (json!({ "operation": "getAsset" }), "needs `fault`"),
        (json!({ "operation": "getAsset", "fault": "close_after" }), "needs `bytes`"),
        (json!({ "operation": "getAsset", "fault": "close_after", "bytes": -1 }), "`bytes` must be a whole number"),
        (json!({ "operation": "getAsset", "fault": "close", "bytes": 1 }), "the fault `close` takes no `bytes`"),
        (json!({ "operation": "getAsset", "fault": "close", "time": 1 }), "takes no `time`"),
        (json!({ "operation": "getAsset", "fault": "close", "first": 0 }), "count from 1"),
        (json!({ "operation": "getAsset", "fault": "delay", "seconds": "soon" }), "`seconds` must be a number"),
        (json!({ "operation": "getAsset", "fault": "delay", "seconds": 1e300 }), "`seconds` must be a number"),
        (json!({ "operation": "getAsset", "fault": "respond" }), "needs `status`"),
        (json!({ "operation": "getAsset", "fault": "respond", "status": 100 }), "from 200 to 999"),
        (
            json!({ "operation": "getAsset", "fault": "respond", "status": 500, "code": "a", "body": "" }),
            "but not both",
        ),
        (json!({ "operation": "getAsset", "fault": "respond", "status": 500, "body": "", "bytes": 1 }), "is one of"),
        (json!({ "operation": "getAsset", "fault": "respond", "status": 500, "bytes": 1e15 as u64 }), "or less"),
        (
            json!({ "operation": "getAsset", "fault": "respond", "status": 500, "retry_after": "\n" }),
            "a header's value",
        ),
        (
            json!({ "operation": "getAsset", "fault": "respond", "status": 500, "headers": { "a b": "" } }),
            "\"a b\" isn't",
        ),
        (json!({ "operation": "getAsset", "fault": "raw", "body_base64": "?" }), "must be Base64"),
    ] {
        let refused = serde_json::from_value::<Injection>(form.clone()).unwrap_err().to_string();
        assert!(refused.contains(said), "{refused:?} of {form}");
    }
}

#[tokio::test]
async fn a_fault_from_json_meets_as_many_requests_as_it_says_and_is_gone_then() {
    // As an option of the command has it: all is text.
    let busy = json!({ "operation": "getAsset", "fault": "respond", "status": "429", "retry_after": "3", "first": "2", "times": "2" });
    let simulator = Simulator::builder().injection(injection(busy)).start().await.unwrap();
    let get = async || read(&simulator, "/v1/assets/none").send().await.unwrap();
    assert_eq!(get().await.status(), 404);
    let seen = serde_json::to_value(simulator.faults()).unwrap();
    assert_eq!((&seen[0]["id"], &seen[0]["seen"], &seen[0]["times"]), (&json!(1), &json!(1), &json!(2)));
    for _ in 0..2 {
        let response = get().await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()[RETRY_AFTER]),
            (429, &HeaderValue::from_static("3"))
        );
        assert!(response.headers().contains_key("x-request-id"), "{response:?}");
        let error: Value = response.json().await.unwrap();
        assert_eq!(error["code"], "too_many_requests");
    }
    assert!(simulator.faults().is_empty());
    assert_eq!(get().await.status(), 404);

    simulator.inject("getAsset", .., Fault::Close).unwrap();
    simulator.inject("getAsset", .., Fault::Respond(CannedResponse::error(403, "quota_exceeded", "No room."))).unwrap();
    simulator.remove_fault(2).unwrap();
    let error: Value = get().await.json().await.unwrap();
    assert_eq!(error, json!({ "code": "quota_exceeded", "message": "No room." }));
    assert_eq!(simulator.remove_fault(2).unwrap_err().kind(), ErrorKind::NotFound);
    simulator.clear_faults();
    assert_eq!(get().await.status(), 404);
}

#[tokio::test]
async fn an_error_has_the_code_that_the_api_has_for_its_status() {
    for (status, code) in [(401, "invalid_access_token"), (429, "too_many_requests"), (500, "internal_error")] {
        let simulator = faulty(Fault::Respond(CannedResponse::json(status))).await;
        assert_eq!(refused(upload(&simulator, "Image", image())).await, (status, code.into()));
    }
}

#[tokio::test]
async fn a_fault_can_meet_the_token_endpoint() {
    let simulator = Simulator::start().await.unwrap();
    simulator.inject("token", 1..=1, Fault::Respond(CannedResponse::json(503))).unwrap();
    let url = simulator.token_url();
    assert_eq!(refused(client().post(url)).await, (503, "simulated_fault".into()));
    assert_eq!(refused(client().post(url)).await, (400, "bad_request_body".into()));
}
