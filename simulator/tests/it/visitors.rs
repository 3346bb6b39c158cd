//! A loopback port is open to every page in a browser: the simulator answers to programs and pages of this machine
//! alone.

use canva_simulator::Simulator;
use reqwest::Method;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::common::{address, because, client, fixture, prompt, request, upload};

/// Status and code of the response to a GET with the right token and these further lines in its head.
async fn get(simulator: &Simulator, target: &str, lines: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address(simulator)).await.unwrap();
    let token = simulator.token();
    let head = format!("GET {target} HTTP/1.1\r\nauthorization: Bearer {token}\r\nconnection: close\r\n{lines}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    let status =
        response.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{response}"));
    let body: Value = serde_json::from_str(response.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    (status, body["code"].as_str().unwrap().to_owned())
}

/// As browsers do it: they ask first, and a page reads nothing of a response that doesn't name its origin.
#[tokio::test]
async fn a_page_may_call_the_api_and_never_the_token_endpoints() {
    let simulator = prompt().await;
    let origin = "http://localhost:3000";
    let allowed = |response: &reqwest::Response, name: &str| {
        response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
    };
    for (method, path, asked) in [
        ("POST", "/v1/asset-uploads", "asset-upload-metadata,authorization,content-type"),
        ("PATCH", "/v1/assets/a", "authorization,content-type"),
        ("GET", "/v1/folders/uploads/items?limit=2", "authorization"),
        ("GET", "/v1/nothing", "authorization"),
    ] {
        let preflight = client()
            .request(Method::OPTIONS, format!("{}{path}", simulator.base_url()))
            .header("origin", origin)
            .header("access-control-request-method", method)
            .header("access-control-request-headers", asked);
        let response = preflight.send().await.unwrap();
        assert_eq!(response.status(), 204);
        assert_eq!(allowed(&response, "access-control-allow-origin").as_deref(), Some(origin));
        assert_eq!(allowed(&response, "access-control-allow-methods").as_deref(), Some(method));
        assert_eq!(allowed(&response, "access-control-allow-headers").as_deref(), Some(asked));
    }
    let uploaded = upload(&simulator, "Photo", fixture("photo.jpg")).header("origin", origin).send().await.unwrap();
    let refused = client().get(format!("{}/v1/assets/a", simulator.base_url())).header("origin", origin);
    for (response, status) in [(uploaded, 200), (refused.send().await.unwrap(), 401)] {
        assert_eq!(response.status(), status);
        assert_eq!(allowed(&response, "access-control-allow-origin").as_deref(), Some(origin));
        assert_eq!(allowed(&response, "vary").as_deref(), Some("origin"));
        let readable = allowed(&response, "access-control-expose-headers").unwrap();
        assert_eq!(readable, "retry-after, x-request-id, x-simulator-reason");
    }
    let endpoints = [simulator.token_url().to_owned(), format!("{}/v1/oauth/revoke", simulator.base_url())];
    for (method, status) in [(Method::OPTIONS, 405), (Method::POST, 400)] {
        for url in &endpoints {
            let request = client().request(method.clone(), url).header("origin", origin);
            let response = request.header("access-control-request-method", "POST").send().await.unwrap();
            assert_eq!((response.status().as_u16(), allowed(&response, "access-control-allow-origin")), (status, None));
        }
    }
    // A program has no use for any of it.
    let plain = upload(&simulator, "Photo", fixture("photo.jpg")).send().await.unwrap();
    assert_eq!(allowed(&plain, "access-control-allow-origin"), None);
}

/// Integrations write it to their logs.
#[tokio::test]
async fn every_response_has_a_request_id_of_its_own() {
    let simulator = prompt().await;
    let mut ids = std::collections::BTreeSet::new();
    for request in [
        upload(&simulator, "Photo", fixture("photo.jpg")),
        request(&simulator, Method::GET, "/v1/assets/none"),
        client().get(format!("{}/v1/nothing", simulator.base_url())),
        client().put(format!("{}/v1/imports", simulator.base_url())),
        client().post(simulator.token_url()),
        // Beside the API.
        client().get(simulator.authorization_url()),
        client().post(simulator.authorization_url()),
        client().get(format!("{}/thumbnails/a/0001.png", simulator.base_url().trim_end_matches("/rest"))),
        request(&simulator, Method::GET, "/v1/assets/none").header("origin", "https://evil.example"),
    ] {
        let response = request.send().await.unwrap();
        assert!(ids.insert(response.headers()["x-request-id"].to_str().unwrap().to_owned()));
    }
}

/// What isn't there may be elsewhere.
#[tokio::test]
async fn a_path_that_leads_nowhere_says_where_to_look() {
    let simulator = prompt().await;
    let origin = simulator.base_url().trim_end_matches("/rest");
    for (path, reason) in [
        ("/v1/asset-uploads", "Did you mean /rest/v1/asset-uploads?"),
        ("/rest/v1/imports/", "Did you mean /rest/v1/imports?"),
        ("/rest/v1/folders/none", "Canva has operations there"),
        ("/v1/exports", "Canva has operations there"),
        ("/auth/v1/oidc/jwks", "Canva has operations there"),
        ("/rest/v1/oidc/userinfo", "Canva has operations there"),
        ("/rest/rest/v1/asset-uploads", "Did you mean /rest/v1/asset-uploads?"),
        ("/rest/v1/v1/imports", "Did you mean /rest/v1/imports?"),
        ("/rest/v2/users/me", "Did you mean /rest/v1/users/me?"),
        ("/auth/oauth/token", "Did you mean /auth/v1/oauth/token?"),
        ("/rest/v1/assets", "GET /rest/v1/folders/uploads/items lists them."),
        ("/v1/assets/", "POST /rest/v1/asset-uploads makes an asset."),
        ("/rest//v1/assets/a", "Did you mean /rest/v1/assets/a?"),
        ("/rest/assets/a", "Did you mean /rest/v1/assets/a?"),
        ("/imports", "Did you mean /rest/v1/imports?"),
        ("/oauth/token", "Did you mean /auth/v1/oauth/token?"),
        ("/rest/exports", "Canva has operations there"),
        ("/v1/oauth/token", "Did you mean /auth/v1/oauth/token?"),
        ("/auth/v1/oauth/revoke/", "Did you mean /auth/v1/oauth/revoke?"),
    ] {
        let refused = because(client().get(format!("{origin}{path}")), reason).await;
        assert_eq!(refused, (404, "endpoint_not_found".into()), "{path}");
    }
    let upload = request(&simulator, Method::POST, "/v1/assets/upload");
    let refused = because(upload, "POST /rest/v1/asset-uploads makes an asset.").await;
    assert_eq!(refused, (405, "bad_http_method".into()));
    for path in ["/", "/nothing/", "/rest", "/rest/v1/", "/v1/vast", "/rest/v1/exportsofcanva/"] {
        let response = client().get(format!("{origin}{path}")).send().await.unwrap();
        assert_eq!(response.headers().get("x-simulator-reason"), None, "{path}");
    }
}

#[tokio::test]
async fn a_request_for_another_host_is_refused_before_anything_else() {
    let simulator = prompt().await;
    let own = address(&simulator).to_owned();
    let path = "/rest/v1/assets/none";
    let here = ["localhost", "LocalHost:1", "127.0.0.1", "127.0.0.1:4080", "[::1]", "[::1]:4080", &own];
    for host in here {
        let found = get(&simulator, path, &format!("host: {host}\r\n")).await;
        assert_eq!(found, (404, "asset_not_found".into()), "{host}");
    }
    let known = simulator.requests().len();
    let elsewhere = [
        "host: evil.example\r\n",
        "host: evil.example:4080\r\n",
        "host: localhost.evil.example\r\n",
        "host: localhost@evil.example\r\n",
        "host: 127.0.0.1.evil.example\r\n",
        "host: 192.0.2.1\r\n",
        "host: 0.0.0.0\r\n",
        "host: [::]\r\n",
        "host: [::ffff:127.0.0.1]\r\n",
        "host: localhost.\r\n",
        "host: a.localhost\r\n",
        "host: \r\n",
        "host: localhost\r\nhost: evil.example\r\n",
        "host: evil.example\r\nhost: localhost\r\n",
        "",
    ];
    for lines in elsewhere {
        assert_eq!(get(&simulator, path, lines).await, (403, "permission_denied".into()), "{lines}");
    }
    let target = format!("http://evil.example{path}");
    assert_eq!(get(&simulator, &target, "host: localhost\r\n").await, (403, "permission_denied".into()));
    let why = |number: usize| simulator.requests()[number].reason.clone().unwrap();
    let last = known + elsewhere.len();
    assert_eq!(why(last - 2), "Host is given twice.");
    assert_eq!(why(last - 1), "Host is missing.");
    assert_eq!(why(last), "Host is \"localhost\", but the request's target is for \"evil.example\".");
    for other in ["/rest/v1/oauth/token", "/thumbnails/a/0001.png", "/nothing"] {
        assert_eq!(get(&simulator, other, "host: evil.example\r\n").await, (403, "permission_denied".into()));
    }
    let refused = simulator.requests().split_off(known);
    assert_eq!(refused.len(), elsewhere.len() + 4);
    assert!(refused.iter().all(|it| it.status == Some(403) && it.reason.as_ref().unwrap().starts_with("Host is ")));
}

#[tokio::test]
async fn a_page_from_elsewhere_is_refused_and_a_page_of_this_machine_is_not() {
    let simulator = prompt().await;
    for origin in ["http://localhost:3000", "https://localhost", "http://127.0.0.1:1", "http://[::1]:3000"] {
        let request = request(&simulator, Method::GET, "/v1/assets/none").header("origin", origin);
        assert_eq!(request.send().await.unwrap().status(), 404, "{origin}");
    }
    let elsewhere =
        ["https://evil.example", "http://evil.example:4080", "null", "", "file://", "chrome-extension://localhost"];
    for origin in elsewhere {
        let response = upload(&simulator, "Photo", fixture("photo.jpg")).header("origin", origin).send().await.unwrap();
        assert_eq!(response.status(), 403, "{origin}");
        let error: Value = response.json().await.unwrap();
        assert!(error["message"].as_str().unwrap().contains("localhost, 127.0.0.1 or [::1]"), "{error}");
    }
    let both = request(&simulator, Method::GET, "/v1/assets/none")
        .header("origin", "http://localhost")
        .header("origin", "https://evil.example");
    assert_eq!(both.send().await.unwrap().status(), 403);
    let refused = simulator.requests().split_off(4);
    let hidden = refused.iter().filter(|it| it.reason.as_ref().unwrap().starts_with("Origin is null: the page hides"));
    assert_eq!(hidden.count(), 1);
    assert!(refused.iter().all(|it| it.body.is_empty() && it.reason.as_ref().unwrap().starts_with("Origin is ")));
    assert!(simulator.assets().is_empty() && refused.len() == elsewhere.len() + 1);
}

/// No client sends a wildcard as `Host`, and any port is let in.
#[tokio::test]
async fn a_host_is_one_name_without_a_port() {
    for wrong in
        ["*", "*.canva", "canva:80", "canva:443", "canva:8080", "canva:", "[::1]:80", "canva?", "canva#", "a@canva"]
    {
        let refused = Simulator::builder().host(wrong).start().await.unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput, "{wrong}");
        let said = refused.to_string();
        assert!(said.contains(&format!("`{wrong}` is no host")) && said.contains("without a port"), "{said}");
    }
    for right in ["canva", "canva.example", "192.0.2.1", "[2001:db8::1]"] {
        Simulator::builder().host(right).start().await.unwrap();
    }
}

/// A browser hides a response without CORS headers from the page, and with it what would mend the request.
#[tokio::test]
async fn a_page_that_forgot_a_part_of_the_path_can_read_which() {
    let simulator = prompt().await;
    let root = simulator.base_url().trim_end_matches("/rest");
    let origin = "http://localhost:3000";
    for (path, meant) in [("/v1/asset-uploads", "/rest/v1/asset-uploads"), ("/v1/oauth/token", "/auth/v1/oauth/token")]
    {
        let url = format!("{root}{path}");
        let preflight = client()
            .request(Method::OPTIONS, &url)
            .header("origin", origin)
            .header("access-control-request-method", "POST");
        let sent = client().post(&url).header("origin", origin);
        for (request, status) in [(preflight, 204), (sent, 404)] {
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), status, "{path}");
            assert_eq!(response.headers()["access-control-allow-origin"], origin);
            if status == 404 {
                let reason = response.headers()["x-simulator-reason"].to_str().unwrap();
                assert_eq!(reason, format!("Did you mean {meant}?"));
            }
        }
    }
}
