//! Requests are checked as a real API checks them: against the spec, in a fixed order, and answered even when the
//! client is still writing.

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use canva_simulator::{Access, RateLimits, Simulator};
use reqwest::Method;
use serde_json::{Value, json};

use crate::common::{
    because, client, connect, fixture, import, ok, prompt, refused, request, update, upload, upload_url,
};

#[tokio::test]
async fn each_check_comes_before_the_next() {
    let simulator = Simulator::builder()
        .access(Access::new("reader").scopes(["asset:read"]))
        .access(Access::new("busy").user("busy", "team"))
        .access(Access::new("free").user("free", "team"))
        .max_body_bytes(100)
        .rate_limits(RateLimits::FixedWindow)
        .start()
        .await
        .unwrap();
    let url = |path: &str| format!("{}{path}", simulator.base_url());
    let asset = url("/v1/assets/none");
    for _ in 0..30 {
        client().patch(&asset).bearer_auth("busy").send().await.unwrap();
    }
    let (large, invalid) = ("x".repeat(101), r#"{ "name": 7 }"#);
    let patch = |token: &str| client().patch(&asset).bearer_auth(token);
    let as_json = "application/json";
    let cases = [
        (client().put(url("/v1/nothing")), 404, "endpoint_not_found"),
        (client().put(&asset), 405, "bad_http_method"),
        (client().patch(&asset), 401, "invalid_access_token"),
        (client().patch(&asset).basic_auth("free", Some("free")), 401, "invalid_access_token"),
        (patch("unknown"), 401, "invalid_access_token"),
        (patch("reader").body(large.clone()), 403, "missing_scope"),
        (patch("busy").body(large.clone()), 429, "too_many_requests"),
        (patch("free").body(large.clone()), 415, "unsupported_content_type"),
        (patch("free").header("content-type", "text/plain").body(large.clone()), 415, "unsupported_content_type"),
        (
            client()
                .patch(url("/v1/assets/a%2Fb"))
                .bearer_auth("free")
                .header("content-type", as_json)
                .body(large.clone()),
            400,
            "bad_request_params",
        ),
        // Bytes that aren't UTF-8, each time refused by the first check that they don't pass.
        (client().put(url("/v1/assets/%ff")), 405, "bad_http_method"),
        (client().get(url("/v1/assets/%ff")), 401, "invalid_access_token"),
        (client().get(url("/v1/imports/%ff")).bearer_auth("reader"), 403, "missing_scope"),
        (client().get(url("/v1/assets/%ff")).bearer_auth("free"), 400, "bad_request_params"),
        (client().get(url("/v1/imports/%c3%28")).bearer_auth("free"), 400, "bad_request_params"),
        (client().get(url("/v1/%ff")).bearer_auth("free"), 404, "endpoint_not_found"),
        (patch("free").header("content-type", as_json).body(large.clone()), 413, "request_too_large"),
        (patch("free").header("content-type", as_json).body("{"), 400, "bad_request_body"),
        (patch("free").header("content-type", as_json).body(invalid), 400, "invalid_field"),
        (patch("free").header("content-type", "Application/JSON; charset=utf-8").body("{}"), 404, "asset_not_found"),
        (patch("free"), 404, "asset_not_found"),
        (
            client()
                .post(url("/v1/asset-uploads"))
                .bearer_auth("free")
                .header("content-type", "application/octet-stream")
                .body(large),
            400,
            "invalid_header_value",
        ),
    ];
    for (request, status, code) in cases {
        let what = format!("{request:?}");
        assert_eq!(refused(request).await, (status, code.to_owned()), "{what}");
    }
}

#[tokio::test]
async fn a_405_names_the_methods_that_the_path_takes() {
    let simulator = prompt().await;
    let response = request(&simulator, Method::PUT, "/v1/assets/a").send().await.unwrap();
    let mut methods: Vec<&str> = response.headers()["allow"].to_str().unwrap().split(", ").collect();
    methods.sort_unstable();
    assert_eq!((response.status().as_u16(), methods), (405, vec!["DELETE", "GET", "PATCH"]));
    let response = request(&simulator, Method::HEAD, "/v1/imports/a").send().await.unwrap();
    assert_eq!(response.status(), 405);
}

#[tokio::test]
async fn a_metadata_header_is_json_with_a_name_in_strict_base64_of_bounded_length() {
    let simulator = prompt().await;
    let named = |name: &str| json!({ "name_base64": STANDARD.encode(name) }).to_string();
    let send = |header: &[u8]| {
        request(&simulator, Method::POST, "/v1/asset-uploads")
            .header("content-type", "application/octet-stream")
            .header("asset-upload-metadata", header)
    };
    for good in ["a", "🚀".repeat(50).as_str(), "a\nb\0"] {
        ok(send(named(good).as_bytes())).await;
    }
    let raw = |value: &str| json!({ "name_base64": value }).to_string();
    let cases = [
        ("no JSON", "TXkg".to_owned()),
        ("an array", "[]".to_owned()),
        ("no name", "{}".to_owned()),
        ("a null name", r#"{ "name_base64": null }"#.to_owned()),
        ("an empty name", raw("")),
        ("51 characters", named(&"🚀".repeat(51))),
        ("not Base64", raw("a name!")),
        ("Base64 without padding", raw(&STANDARD_NO_PAD.encode("a"))),
        ("the alphabet for URLs", raw(&URL_SAFE.encode("🚀?>"))),
        ("bits after the end", raw("YR==")),
        ("spaces", raw(" YQ==")),
        ("not UTF-8", raw(&STANDARD.encode([0xff, 0xfe]))),
        ("a name as it is", "{ \"name_base64\": \"YQ==\", \"x\": \"ü\" }".to_owned()),
    ];
    for (what, header) in cases {
        assert_eq!(refused(send(header.as_bytes())).await, (400, "invalid_header_value".into()), "{what}");
    }
    let import = request(&simulator, Method::POST, "/v1/imports")
        .header("content-type", "application/octet-stream")
        .header("import-metadata", json!({ "title_base64": "YQ==", "mime_type": 7 }).to_string());
    assert_eq!(refused(import).await, (400, "invalid_header_value".into()));
}

#[tokio::test]
async fn a_json_body_keeps_the_bounds_of_its_schema() {
    let simulator = prompt().await;
    ok(upload(&simulator, "Photo", fixture("photo.jpg"))).await;
    let id = simulator.assets().remove(0).id;
    for good in [json!({ "name": "ü".repeat(50), "tags": vec!["ü".repeat(50); 50] }), json!({ "unknown": 1 })] {
        ok(update(&simulator, &id, &good)).await;
    }
    let bad = [
        json!({ "name": "ü".repeat(51) }),
        json!({ "name": null }),
        json!({ "tags": vec!["a"; 51] }),
        json!({ "tags": ["ü".repeat(51)] }),
        json!({ "tags": null }),
        json!([]),
    ];
    for body in bad {
        assert_eq!(refused(update(&simulator, &id, &body)).await, (400, "invalid_field".into()), "{body}");
    }
    let url = |length: usize| format!("http://{}", "a".repeat(length - 7));
    for (name, url) in [("", url(20)), (&"a".repeat(256), url(20)), ("a", "http://".into()), ("a", url(2049))] {
        let refusal = refused(upload_url(&simulator, name, &url)).await;
        assert_eq!(refusal, (400, "invalid_field".into()), "{name} {url}");
    }
}

#[tokio::test]
async fn a_query_parameter_keeps_to_its_schema_and_an_unknown_one_is_ignored() {
    let simulator = prompt().await;
    let items = |query: &str| request(&simulator, Method::GET, &format!("/v1/folders/root/items?{query}"));
    let good = ["", "&", "limit=1", "limit=100&pin_status=any", "item_types=design,image", "item_types=design%2Cimage"];
    for query in good.into_iter().chain(["unknown=1&unknown=2", "Limit=0", "li%6dit=%31", "sort_by=title_ascending"]) {
        ok(items(query)).await;
    }
    let bad = [
        ("limit", "limit is string, not integer."),
        ("limit=", "limit is string, not integer."),
        ("limit=1.5", "limit is string, not integer."),
        ("limit=99999999999999999999", "limit is string, not integer."),
        ("limit=0", "limit is less than 1."),
        ("limit=-1", "limit is less than 1."),
        ("limit=101", "limit is greater than 100."),
        ("limit=1&limit=1", "limit is given twice."),
        ("limit=1&li%6dit=2", "limit is given twice."),
        ("sort_by=name", "sort_by is none of"),
        ("sort_by=title_ascending,title_descending", "sort_by is none of"),
        ("pin_status=%ff", r#"pin_status is none of "any", "pinned"."#),
        ("item_types=video", "item_types is invalid: /0 is none of"),
        ("item_types=image,", "item_types is invalid: /1 is none of"),
        ("item_types=", "item_types is invalid: /0 is none of"),
        ("item_types=image&item_types=design", "item_types is given twice. Write commas between its values."),
    ];
    for (query, reason) in bad {
        assert_eq!(because(items(query), reason).await, (400, "bad_query_params".into()), "{query}");
    }
}

#[tokio::test]
async fn a_refused_upload_gets_its_response_although_the_client_writes_everything_first() {
    let simulator = prompt().await;
    let mut stream = connect(&simulator);
    let written = tokio::task::spawn_blocking(move || {
        let body = vec![7; 64 << 20];
        let head =
            format!("POST /rest/v1/imports HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&body).unwrap();
        // The connection stays good for the next request.
        stream.write_all(b"GET /rest/v1/imports/a HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
        let mut responses = String::new();
        stream.read_to_string(&mut responses).unwrap();
        responses
    });
    let responses = written.await.unwrap();
    assert_eq!(responses.matches("HTTP/1.1 401").count(), 2, "{responses}");
    assert!(simulator.requests().iter().all(|request| request.body.is_empty()));
}

#[tokio::test]
async fn a_body_announced_or_found_too_large_is_refused_before_it_is_read_to_its_end() {
    let simulator = Simulator::builder().max_body_bytes(1000).start().await.unwrap();
    let lengths = ["content-length: 9000000000000\r\n\r\n", "transfer-encoding: chunked\r\n\r\n"];
    for (length, body) in lengths.into_iter().zip([String::new(), format!("7d0\r\n{}\r\n", "x".repeat(2000))]) {
        let (mut stream, token) = (connect(&simulator), simulator.token().to_owned());
        let response = tokio::task::spawn_blocking(move || {
            let head = format!(
                "POST /rest/v1/imports HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
                 content-type: application/octet-stream\r\nimport-metadata: {{\"title_base64\":\"YQ==\"}}\r\n{length}{body}"
            );
            stream.write_all(head.as_bytes()).unwrap();
            let mut response = [0; 12];
            stream.read_exact(&mut response).unwrap();
            String::from_utf8(response.into()).unwrap()
        });
        assert_eq!(response.await.unwrap(), "HTTP/1.1 413");
    }
}

#[tokio::test]
async fn a_body_without_credentials_is_not_kept() {
    let simulator = prompt().await;
    let body = "grant_type=refresh_token&refresh_token=x";
    for path in ["/v1/oauth/token", "/v1/imports", "/v1/nothing"] {
        let request = client().post(format!("{}{path}", simulator.base_url()));
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        assert!(request.send().await.unwrap().status().is_client_error());
    }
    let requests = simulator.requests();
    assert_eq!(requests.iter().map(|request| request.status).collect::<Vec<_>>(), [Some(400), Some(401), Some(404)]);
    assert!(requests.iter().all(|request| request.body.is_empty()), "{requests:?}");
}

#[tokio::test]
async fn the_newest_bodies_are_kept_up_to_256_mib_and_a_longer_one_alone() {
    const MIB: usize = 1 << 20;
    let simulator = prompt().await;
    let kept = || simulator.requests().iter().map(|request| request.body.len() / MIB).collect::<Vec<_>>();
    for length in [100, 100, 50, 50] {
        ok(upload(&simulator, "Zeros", vec![0; length * MIB])).await;
    }
    assert_eq!(kept(), [0, 100, 50, 50]);
    ok(upload(&simulator, "Zeros", vec![0; 257 * MIB])).await;
    refused(request(&simulator, Method::GET, "/v1/nothing")).await;
    assert_eq!(kept(), [0, 0, 0, 0, 257, 0]);
}

#[tokio::test]
async fn the_newest_10_000_requests_are_kept() {
    let simulator = prompt().await;
    let count = 10_003;
    let all = tokio::task::spawn_blocking({
        let mut stream = connect(&simulator);
        move || {
            let mut writer = stream.try_clone().unwrap();
            std::thread::spawn(move || {
                for number in 0..count {
                    let end = if number + 1 == count { "connection: close\r\n" } else { "" };
                    write!(writer, "GET /{number} HTTP/1.1\r\nhost: localhost\r\n{end}\r\n").unwrap();
                }
            });
            let mut responses = String::new();
            stream.read_to_string(&mut responses).unwrap();
            responses.matches("HTTP/1.1 404").count()
        }
    });
    assert_eq!(all.await.unwrap(), count);
    let requests = simulator.requests();
    assert_eq!((requests.len(), requests[0].path.as_str(), requests[9_999].path.as_str()), (10_000, "/3", "/10002"));
    assert!(requests.iter().all(|request| request.status == Some(404)));
}

#[tokio::test]
async fn the_headers_of_all_kept_requests_are_at_most_64_mib() {
    let simulator = prompt().await;
    let long = "x".repeat(300 << 10);
    for _ in 0..250 {
        refused(request(&simulator, Method::GET, "/v1/nothing").header("x-long", &long)).await;
    }
    let kept = simulator.requests().len();
    // The token and what else is in each head take less than another 2 KiB.
    assert!(((64 << 20) / (302 << 10)..(64 << 20) / (300 << 10)).contains(&kept), "{kept}");
}

#[tokio::test]
async fn what_was_received_is_kept_in_order_and_shown_without_secrets() {
    let simulator = Simulator::builder().access(Access::new("s3cret")).start().await.unwrap();
    let created = ok(import(&simulator, "Deck", None, fixture("deck.pdf"))).await;
    refused(update(&simulator, "none", &json!({ "name": "New" }))).await;
    refused(request(&simulator, Method::GET, "/v1/nothing?token=s3cret")).await;
    refused(request(&simulator, Method::PUT, "/v1/imports")).await;

    let requests = simulator.requests();
    let seen: Vec<_> = requests.iter().map(|r| (r.operation, r.method.as_str(), r.path.as_str(), r.status)).collect();
    assert_eq!(
        seen,
        [
            (Some("createDesignImportJob"), "POST", "/rest/v1/imports", Some(200)),
            (Some("updateAsset"), "PATCH", "/rest/v1/assets/none", Some(404)),
            (None, "GET", "/rest/v1/nothing", Some(404)),
            (None, "PUT", "/rest/v1/imports", Some(405)),
        ]
    );
    assert_eq!(created["job"]["status"], "in_progress");
    assert_eq!(requests[0].body, fixture("deck.pdf"));
    assert_eq!(requests[0].headers["authorization"], "Bearer s3cret");
    assert_eq!((requests[1].query.as_str(), requests[2].query.as_str()), ("", "token=s3cret"));
    assert_eq!(serde_json::from_slice::<Value>(&requests[1].body).unwrap(), json!({ "name": "New" }));
    let shown = format!("{requests:?} {simulator:?} {:?}", Simulator::builder().access(Access::new("s3cret")));
    assert!(!shown.contains("s3cret"), "{shown}");
}
