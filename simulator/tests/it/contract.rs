//! Every response the simulator gives is one that openapi.yaml describes: each operation, each documented status, and
//! each state of each job.

use std::collections::BTreeSet;
use std::time::Duration;

use canva_connect::operations::{ALL, Operation};
use canva_simulator::{Access, RateLimits, Simulator};
use jsonschema::Draft;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::common::{
    client, delete, fixture, import, import_url, ok, prompt, read, request, served, update, upload, upload_url,
};

/// Reads the spec for itself, so that a mistake in how the simulator reads it shows.
struct Contract {
    spec: Value,
    seen: BTreeSet<(String, String)>,
}

impl Contract {
    fn new() -> Self {
        Self { spec: serde_saphyr::from_str(canva_connect::OPENAPI_YAML).unwrap(), seen: BTreeSet::new() }
    }

    /// As the simulator's own, which isn't public: the test must not judge the simulator by itself.
    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => self.spec.pointer(reference.trim_start_matches('#')).unwrap(),
            None => value,
        }
    }

    fn operation(&self, operation: &Operation) -> &Value {
        &self.spec["paths"][operation.path][operation.method.to_lowercase()]
    }

    /// The media type of the body that the operation takes, if it takes one.
    fn body(&self, operation: &Operation) -> Option<&str> {
        let content = &self.resolve(&self.operation(operation)["requestBody"])["content"];
        Some(content.as_object()?.keys().next().unwrap())
    }

    async fn accept(&mut self, operation: &Operation, response: Response) -> Value {
        let status = response.status().as_str().to_owned();
        let responses = &self.operation(operation)["responses"];
        let described = responses.get(&status).or(responses.get("default")).unwrap();
        let described = self.resolve(described).clone();
        // What isn't an operation's own failure may come from any path.
        let known = format!("{}{}", described["description"], self.resolve(&responses["default"])["description"]);
        let content = &described["content"];
        self.seen.insert((operation.id.to_owned(), status.clone()));
        if content.is_null() {
            assert_eq!(response.bytes().await.unwrap(), "", "{} answers {status} with a body", operation.id);
            return Value::Null;
        }
        let media_type = response.headers()["content-type"].to_str().unwrap().to_owned();
        let schema = &content[&media_type]["schema"];
        assert!(schema.is_object(), "{} answers {status} with {media_type}", operation.id);
        let root = json!({ "allOf": [schema], "components": self.spec["components"] });
        let validator = jsonschema::options().with_draft(Draft::Draft4).build(&root).unwrap();
        let body: Value = response.json().await.unwrap();
        if let Some(code) = body["code"].as_str() {
            assert!(known.contains(&format!("`{code}`")), "{} answers {status} with {code}: {known}", operation.id);
        }
        if let Err(e) = validator.validate(&body) {
            panic!("{} answers {status} with {body}: {e}", operation.id);
        }
        body
    }
}

fn operation(id: &str) -> &'static Operation {
    ALL.iter().find(|operation| operation.id == id).unwrap()
}

/// A request that passes every check, for an id that may not exist.
fn valid(simulator: &Simulator, operation: &Operation, takes_body: bool) -> RequestBuilder {
    match operation.id {
        "createAssetUploadJob" => upload(simulator, "Name", fixture("notes.txt")),
        "createUrlAssetUploadJob" => upload_url(simulator, "Name", "http://127.0.0.1:9/none.png"),
        "createDesignImportJob" => import(simulator, "Title", None, fixture("deck.pdf")),
        "createUrlImportJob" => import_url(simulator, "Title", None, "http://127.0.0.1:9/none.pdf"),
        "updateAsset" => update(simulator, "Mnone", &json!({ "name": "New" })),
        id => {
            assert!(!takes_body, "this test has no request for {id}");
            request(simulator, method(operation), &path(operation, "none"))
        }
    }
}

fn method(operation: &Operation) -> Method {
    Method::from_bytes(operation.method.as_bytes()).unwrap()
}

/// The operation's path, with this for each id.
fn path(operation: &Operation, id: &str) -> String {
    operation.path.replace("{jobId}", id).replace("{assetId}", id)
}

#[tokio::test]
async fn every_operation_gives_every_documented_error() {
    let mut contract = Contract::new();
    let simulator = Simulator::builder()
        .access(Access::new("all"))
        .access(Access::new("none").scopes(Vec::<String>::new()))
        .max_body_bytes(10)
        .start()
        .await
        .unwrap();
    let limited = Simulator::builder().rate_limits(RateLimits::FixedWindow).start().await.unwrap();
    let roomy = Simulator::start().await.unwrap();

    for operation in ALL {
        let send = async |request: RequestBuilder| request.send().await.unwrap();
        let error = async |contract: &mut Contract, status: u16, request: RequestBuilder| {
            let response = send(request).await;
            assert_eq!(response.status(), status, "{}", operation.id);
            contract.accept(operation, response).await;
        };
        let body = contract.body(operation).map(str::to_owned);
        let valid = |simulator: &Simulator| valid(simulator, operation, body.is_some());
        let plain = || {
            let url = format!("{}{}", simulator.base_url(), path(operation, "none"));
            client().request(method(operation), url)
        };

        error(&mut contract, 401, plain()).await;
        error(&mut contract, 401, plain().bearer_auth("unknown")).await;
        error(&mut contract, 403, plain().bearer_auth("none")).await;
        if body.is_some() {
            error(&mut contract, 415, plain().bearer_auth("all").header("content-type", "text/plain")).await;
            error(&mut contract, 413, valid(&simulator)).await;
        }
        if operation.path.contains("{assetId}") {
            error(&mut contract, 404, valid(&roomy)).await;
        }
        if operation.path.contains("{jobId}") {
            error(&mut contract, 400, valid(&roomy)).await;
            let job = path(operation, "e08861ae-3b29-45db-8dc1-1fe0bf7f1cc8");
            error(&mut contract, 400, request(&roomy, method(operation), &job)).await;
        }
        // An id of the wrong form, a body that lacks its fields, or no metadata header, whichever there is.
        let mut wrong = request(&roomy, method(operation), &path(operation, "a%20b"));
        if let Some(media_type) = &body {
            wrong = wrong.header("content-type", media_type).body("{}");
        }
        error(&mut contract, 400, wrong).await;

        for _ in 0..operation.requests_per_minute.unwrap() {
            assert_ne!(send(valid(&limited)).await.status(), 429, "{}", operation.id);
        }
        error(&mut contract, 429, valid(&limited)).await;

        // Not an operation, and so judged by what any operation says of unexpected errors.
        let url = format!("{}{}", simulator.base_url(), operation.path);
        error(&mut contract, 405, client().put(url)).await;
        error(&mut contract, 404, client().get(format!("{}/v1/nothing", simulator.base_url()))).await;
    }

    for operation in ALL {
        for status in contract.operation(operation)["responses"].as_object().unwrap().keys() {
            let driven = contract.seen.contains(&(operation.id.to_owned(), status.clone()));
            assert!(driven || status.starts_with('2') || status == "default", "{} {status}", operation.id);
        }
    }
}

#[tokio::test]
async fn every_success_and_every_state_of_every_job_conform() {
    let mut contract = Contract::new();
    let simulator = Simulator::builder().job_duration(Duration::from_millis(20)).start().await.unwrap();
    let videos = prompt().await;
    ok(upload(&videos, "Video", fixture("clip.mp4"))).await;
    let thumbnail = ok(upload(&videos, "Photo", fixture("photo.png"))).await["job"]["asset"]["thumbnail"]["url"].take();
    let deck = served(fixture("deck.pdf")).await;

    let cases = [
        ("createAssetUploadJob", "getAssetUploadJob", upload(&simulator, "Photo", fixture("photo.png")), "success"),
        ("createAssetUploadJob", "getAssetUploadJob", upload(&simulator, "Video", fixture("clip.mp4")), "success"),
        ("createAssetUploadJob", "getAssetUploadJob", upload(&simulator, "Notes", fixture("notes.txt")), "failed"),
        (
            "createUrlAssetUploadJob",
            "getUrlAssetUploadJob",
            upload_url(&simulator, "Photo", thumbnail.as_str().unwrap()),
            "success",
        ),
        (
            "createUrlAssetUploadJob",
            "getUrlAssetUploadJob",
            upload_url(&simulator, "Far", "http://192.0.2.1/photo.png"),
            "failed",
        ),
        (
            "createDesignImportJob",
            "getDesignImportJob",
            import(&simulator, "Deck", Some("application/pdf"), fixture("deck.pdf")),
            "success",
        ),
        (
            "createDesignImportJob",
            "getDesignImportJob",
            import(&simulator, "Deck", None, fixture("deck.pptx")),
            "success",
        ),
        (
            "createDesignImportJob",
            "getDesignImportJob",
            import(&simulator, "Notes", None, fixture("notes.txt")),
            "failed",
        ),
        (
            "createUrlImportJob",
            "getUrlImportJob",
            import_url(&simulator, "Deck", Some("application/pdf"), &deck),
            "success",
        ),
        (
            "createUrlImportJob",
            "getUrlImportJob",
            import_url(&simulator, "Far", None, "http://192.0.2.1/deck.pdf"),
            "failed",
        ),
    ];
    let mut asset_id = String::new();
    for (create, get, request, expected) in cases {
        let created = contract.accept(operation(create), request.send().await.unwrap()).await;
        assert_eq!(created["job"]["status"], "in_progress", "{create}");
        let path = operation(get).path.replace("{jobId}", created["job"]["id"].as_str().unwrap());
        let job = loop {
            let response = read(&simulator, &path).send().await.unwrap();
            let job = contract.accept(operation(get), response).await["job"].take();
            if job["status"] != "in_progress" {
                break job;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        assert_eq!(job["status"], expected, "{job}");
        if let Some(id) = job["asset"]["id"].as_str() {
            asset_id = id.to_owned();
        }
    }

    let updated = update(&simulator, &asset_id, &json!({ "name": "New", "tags": ["a"] })).send().await.unwrap();
    contract.accept(operation("updateAsset"), updated).await;
    let got = read(&simulator, &format!("/v1/assets/{asset_id}")).send().await.unwrap();
    contract.accept(operation("getAsset"), got).await;
    let deleted = delete(&simulator, &asset_id).send().await.unwrap();
    assert_eq!(deleted.status(), 204);
    contract.accept(operation("deleteAsset"), deleted).await;

    let answered: BTreeSet<&str> =
        contract.seen.iter().filter(|(_, status)| status.starts_with('2')).map(|(id, _)| id.as_str()).collect();
    assert_eq!(answered, ALL.iter().map(|operation| operation.id).collect());
}
