//! Each fault, as it looks from a bare socket, and what exists after it.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use bytes::Bytes;
use canva_simulator::{CannedResponse, Fault, Simulator};
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

#[tokio::test]
async fn a_fault_can_meet_the_token_endpoint() {
    let simulator = Simulator::start().await.unwrap();
    simulator.inject("token", 1..=1, Fault::Respond(CannedResponse::json(503))).unwrap();
    let url = simulator.token_url();
    assert_eq!(refused(client().post(url)).await, (503, "simulated_fault".into()));
    assert_eq!(refused(client().post(url)).await, (400, "bad_request_body".into()));
}
