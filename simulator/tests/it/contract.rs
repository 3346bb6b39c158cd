//! Every response the simulator gives is one that openapi.yaml describes: each operation, each documented status and
//! code, and each state of each job.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use canva_connect::operations::{ALL, Operation};
use canva_simulator::{Access, AssetKind, RateLimits, Simulator};
use jsonschema::Draft;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::common::{
    by, client, create_design, create_folder, delete, fixture, form, id, image, import, import_url, move_item, ok,
    prompt, read, request, served, update, upload, upload_url,
};

/// Reads the spec for itself, so that a mistake in how the simulator reads it shows.
struct Contract {
    spec: Value,
    seen: BTreeSet<(String, String)>,
    /// Operation, status and code of each refusal.
    refusals: BTreeSet<(String, String, String)>,
}

/// Codes that nothing a client does brings about here.
fn is_canvas_alone(operation: &str, status: &str, code: &str) -> bool {
    match code {
        // No job here was started elsewhere. The other two are of no operation in particular.
        "internal_error" | "endpoint_not_found" | "bad_http_method" => status == "default",
        "invalid_request" => operation.starts_with("get"),
        // Everybody may begin a job.
        "permission_denied" => operation.starts_with("create") && operation.ends_with("Job"),
        // Folders take any number of things.
        "quota_exceeded" => true,
        // A body of bytes can't be wrong, but for how it is transferred.
        "bad_request_body" => matches!(operation, "createAssetUploadJob" | "createDesignImportJob"),
        _ => false,
    }
}

impl Contract {
    fn new() -> Self {
        Self {
            spec: serde_saphyr::from_str(canva_connect::OPENAPI_YAML).unwrap(),
            seen: BTreeSet::new(),
            refusals: BTreeSet::new(),
        }
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

    /// The codes that the examples of a response carry.
    fn codes(&self, operation: &Operation, status: &str) -> Vec<String> {
        let examples =
            &self.resolve(&self.operation(operation)["responses"][status])["content"]["application/json"]["examples"];
        let examples = examples.as_object().into_iter().flatten().map(|(_, example)| self.resolve(example));
        examples.filter_map(|example| Some(example["value"]["code"].as_str()?.to_owned())).collect()
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
        let known = [self.codes(operation, &status), self.codes(operation, "default")].concat();
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
            assert!(
                known.iter().any(|known| known == code),
                "{} answers {status} with {code}: {known:?}",
                operation.id
            );
            self.refusals.insert((operation.id.to_owned(), status.clone(), code.to_owned()));
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
        "createFolder" | "moveFolderItem" | "createDesign" => about(simulator, operation, &Ids::unknown()).remove(0),
        id => {
            assert!(!takes_body, "this test has no request for {id}");
            request(simulator, method(operation), &path(operation, "none"))
        }
    }
}

/// Ids that an operation may be asked about.
struct Ids {
    asset: String,
    design: String,
    folder: String,
    /// By the path that reads them.
    jobs: HashMap<&'static str, String>,
}

impl Ids {
    fn unknown() -> Self {
        let none = || "none".to_owned();
        let jobs = ALL.iter().filter(|operation| operation.path.contains("{jobId}"));
        let jobs = jobs.map(|operation| (operation.path, none())).collect();
        Self { asset: none(), design: none(), folder: none(), jobs }
    }
}

/// A request about each of these ids that the operation takes.
fn about(simulator: &Simulator, operation: &Operation, ids: &Ids) -> Vec<RequestBuilder> {
    let Ids { asset, design, folder, jobs } = ids;
    let bodies = match operation.id {
        "createFolder" => vec![json!({ "name": "New", "parent_folder_id": folder })],
        "moveFolderItem" => [asset, design, folder]
            .map(|item| json!({ "item_id": item, "to_folder_id": "root" }))
            .into_iter()
            .chain([json!({ "item_id": "none", "to_folder_id": folder })])
            .collect(),
        "createDesign" => vec![
            json!({ "type": "type_and_asset", "asset_id": asset }),
            json!({ "type": "design", "design_id": design }),
        ],
        _ => Vec::new(),
    };
    let own = [("{assetId}", asset), ("{designId}", design), ("{folderId}", folder)];
    let own = own.into_iter().find(|(parameter, _)| operation.path.contains(parameter)).map(|(_, id)| id);
    let by_path =
        own.or(jobs.get(operation.path)).map(|id| request(simulator, method(operation), &path(operation, id)));
    let by_body = bodies.iter().map(|body| request(simulator, method(operation), operation.path).json(body));
    by_path.into_iter().chain(by_body).collect()
}

/// What another user has.
async fn annas(simulator: &Simulator) -> Ids {
    let token = simulator.authorize_as("anna");
    let mut jobs = HashMap::new();
    for (create, get) in [
        ("createAssetUploadJob", "getAssetUploadJob"),
        ("createUrlAssetUploadJob", "getUrlAssetUploadJob"),
        ("createDesignImportJob", "getDesignImportJob"),
        ("createUrlImportJob", "getUrlImportJob"),
    ] {
        let created = ok(by(&token, valid(simulator, operation(create), true))).await;
        jobs.insert(operation(get).path, created["job"]["id"].as_str().unwrap().to_owned());
    }
    ok(by(&token, upload(simulator, "Photo", image()))).await;
    while simulator.assets_of("anna").is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let doc = json!({ "type": "type_and_asset", "design_type": { "type": "preset", "name": "doc" } });
    Ids {
        asset: simulator.assets_of("anna")[0].id.clone(),
        design: id(by(&token, create_design(simulator, &doc)), "design").await,
        folder: id(by(&token, create_folder(simulator, "Hers", "root")), "folder").await,
        jobs,
    }
}

fn method(operation: &Operation) -> Method {
    Method::from_bytes(operation.method.as_bytes()).unwrap()
}

/// The operation's path, with this for each id.
fn path(operation: &Operation, id: &str) -> String {
    let parameters = ["{jobId}", "{assetId}", "{designId}", "{folderId}"];
    parameters.iter().fold(operation.path.to_owned(), |path, parameter| path.replace(parameter, id))
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
    let slow = Simulator::builder().job_duration(Duration::from_secs(600)).start().await.unwrap();
    let revoked = simulator.authorize_as("anna");
    let revoke = form(&simulator.token_url().replace("token", "revoke"), &[("token", &revoked)]);
    ok(revoke.basic_auth(simulator.client_id(), Some(simulator.client_secret()))).await;
    let annas = annas(&roomy).await;

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
        if !operation.scopes.is_empty() {
            error(&mut contract, 403, plain().bearer_auth("none")).await;
        }
        if body.is_some() {
            error(&mut contract, 415, plain().bearer_auth("all").header("content-type", "text/plain")).await;
            error(&mut contract, 413, valid(&simulator)).await;
        }
        error(&mut contract, 401, plain().bearer_auth(&revoked)).await;
        if operation.path.contains('{') {
            error(&mut contract, 404, valid(&roomy)).await;
            // An id of the wrong form.
            let malformed = request(&roomy, method(operation), &path(operation, "a%20b"));
            let status =
                if contract.codes(operation, "400").iter().any(|it| it == "bad_request_params") { 400 } else { 404 };
            error(&mut contract, status, malformed).await;
        }
        for (status, ids) in [(404, &Ids::unknown()), (403, &annas)] {
            for request in about(&roomy, operation, ids) {
                error(&mut contract, status, request).await;
            }
        }
        if contract.codes(operation, "400").iter().any(|it| it == "bad_query_params") {
            let wrong = format!("{}?limit=0", path(operation, "root"));
            error(&mut contract, 400, request(&roomy, method(operation), &wrong)).await;
        }
        if let Some(media_type) = &body {
            // A body that lacks its fields or has a wrong one, or no metadata header; and one that isn't JSON.
            for wrong in [r#"{ "name": 7 }"#, "{"] {
                let wrong = request(&roomy, method(operation), &path(operation, "none")).body(wrong);
                error(&mut contract, 400, wrong.header("content-type", media_type)).await;
            }
        }
        if operation.id.contains("Url") && operation.method == "POST" {
            assert_eq!(send(valid(&slow)).await.status(), 200);
            error(&mut contract, 400, valid(&slow)).await;
        }

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
            for code in contract.codes(operation, status) {
                let refusal = (operation.id.to_owned(), status.clone(), code.clone());
                let given = contract.refusals.contains(&refusal) || is_canvas_alone(operation.id, status, &code);
                assert!(given, "the simulator never gives {refusal:?}");
            }
        }
    }

    for request in [&simulator, &limited, &roomy, &slow].into_iter().flat_map(Simulator::requests) {
        if request.status.is_none_or(|status| status >= 400) {
            let rule = request.rule.as_deref().unwrap_or_else(|| panic!("{request} names no rule"));
            let place = rule.strip_prefix('#').and_then(|place| contract.spec.pointer(place));
            assert!(place.is_some(), "{request} isn't in the spec");
        }
    }
}

#[tokio::test]
async fn the_place_that_a_request_breaks_is_the_nearest_one() {
    let simulator = Simulator::builder()
        .access(Access::new("all"))
        .access(Access::new("none").scopes(Vec::<String>::new()))
        .start()
        .await
        .unwrap();
    let post = |path: &str| client().post(format!("{}{path}", simulator.base_url())).bearer_auth("all");
    let upload = || post("/v1/asset-uploads").header("content-type", "application/octet-stream");
    let patch = |body: Value| update(&simulator, "none", &body);
    let named = |name: &str| upload().header("asset-upload-metadata", json!({ "name_base64": name }).to_string());
    let cases = [
        (by("unknown", upload()), "#/components/securitySchemes/oauthAuthCode"),
        (by("none", upload()), "#/paths/~1v1~1asset-uploads/post/security"),
        (post("/v1/asset-uploads").body("{}"), "#/components/requestBodies/File/content"),
        (post("/v1/folders").body("{}"), "#/paths/~1v1~1folders/post/requestBody/content"),
        (upload(), "#/components/parameters/AssetUploadMetadata"),
        (named("a b"), "#/components/schemas/AssetUploadMetadata/properties/name_base64/x-decoded-max-length"),
        (named(""), "#/components/schemas/AssetUploadMetadata/properties/name_base64/minLength"),
        (patch(json!({ "tags": "a" })), "#/components/schemas/UpdateAssetRequest/properties/tags/type"),
        (patch(json!({ "tags": [1] })), "#/components/schemas/UpdateAssetRequest/properties/tags/items/type"),
        (post("/v1/folders").json(&json!({})), "#/components/schemas/CreateFolderRequest/required"),
        (read(&simulator, "/v1/designs?limit=0"), "#/paths/~1v1~1designs/get/parameters/4/schema/minimum"),
        (read(&simulator, "/v1/assets/a%20b"), "#/components/parameters/AssetId/schema/pattern"),
        (read(&simulator, "/v1/assets/none"), "#/paths/~1v1~1assets~1{assetId}/get/responses/404"),
        (client().put(format!("{}/v1/assets/none", simulator.base_url())), "#/paths/~1v1~1assets~1{assetId}"),
    ];
    for (request, place) in cases {
        assert!(request.send().await.unwrap().status().is_client_error());
        let request = simulator.requests().pop().unwrap();
        assert_eq!(request.rule.as_deref(), Some(place), "{request}");
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
    for path in ["/v1/folders/uploads/items", "/v1/folders/root/items", "/v1/folders/root/items?limit=1"] {
        let listed = contract.accept(operation("listFolderItems"), read(&simulator, path).send().await.unwrap()).await;
        assert_eq!(listed["continuation"].is_string(), path.contains('?'), "{listed}");
        assert!(!listed["items"].as_array().unwrap().is_empty(), "{path}");
    }
    let folder = create_folder(&simulator, "New", "root").send().await.unwrap();
    let folder = contract.accept(operation("createFolder"), folder).await["folder"]["id"].take();
    let image = simulator.assets().into_iter().find(|asset| asset.kind == AssetKind::Image).unwrap().id;
    let moved = move_item(&simulator, &image, folder.as_str().unwrap()).send().await.unwrap();
    assert_eq!(moved.status(), 204);
    contract.accept(operation("moveFolderItem"), moved).await;
    let mut design = json!({ "type": "type_and_asset", "asset_id": image });
    for title in [None, Some("Photo")] {
        if let Some(title) = title {
            design["title"] = json!(title);
        }
        let created = create_design(&simulator, &design).send().await.unwrap();
        let created = contract.accept(operation("createDesign"), created).await;
        assert_eq!(created["design"]["title"].as_str(), title);
        let got = format!("/v1/designs/{}", created["design"]["id"].as_str().unwrap());
        let got = contract.accept(operation("getDesign"), read(&simulator, &got).send().await.unwrap()).await;
        assert_eq!(got, created);
    }
    contract
        .accept(operation("listDesigns"), read(&simulator, "/v1/designs?limit=1&query=deck").send().await.unwrap())
        .await;
    // What takes nothing is read as it is.
    for operation in ALL.iter().filter(|operation| operation.method == "GET" && !operation.path.contains('{')) {
        contract.accept(operation, read(&simulator, operation.path).send().await.unwrap()).await;
    }
    let deleted = delete(&simulator, &asset_id).send().await.unwrap();
    assert_eq!(deleted.status(), 204);
    contract.accept(operation("deleteAsset"), deleted).await;

    let answered: BTreeSet<&str> =
        contract.seen.iter().filter(|(_, status)| status.starts_with('2')).map(|(id, _)| id.as_str()).collect();
    assert_eq!(answered, ALL.iter().map(|operation| operation.id).collect());
}
