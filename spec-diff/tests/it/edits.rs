//! The edits of `table.yaml` whose judgements are the table.

use serde_json::{Value, json};

/// An edit of a spec, by JSON pointer. One without a slash at its start begins in `/components/schemas`.
pub enum Edit {
    Set(&'static str, Value),
    Remove(&'static str),
}

use Edit::{Remove, Set};

impl Edit {
    pub fn apply(&self, spec: &mut Value) {
        let (pointer, value) = match self {
            Set(pointer, value) => (pointer, Some(value.clone())),
            Remove(pointer) => (pointer, None),
        };
        let pointer =
            &if pointer.starts_with('/') { (*pointer).to_owned() } else { format!("/components/schemas/{pointer}") };
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let key = key.replace("~1", "/");
        match (spec.pointer_mut(parent).unwrap_or_else(|| panic!("{parent} is missing")), value) {
            (Value::Object(map), Some(value)) => {
                map.insert(key, value);
            }
            (Value::Object(map), None) => {
                map.remove(&key).unwrap_or_else(|| panic!("{pointer} is missing"));
            }
            (Value::Array(items), Some(value)) if key == "-" => items.push(value),
            (Value::Array(items), None) => {
                items.remove(key.parse().unwrap());
            }
            _ => panic!("{pointer}: no way to edit it"),
        }
    }
}

/// What changes, and how.
pub fn edits() -> Vec<(&'static str, Vec<Edit>)> {
    vec![
        // Operations.
        ("an operation is new", vec![Set("/paths/~1new", json!({ "get": { "operationId": "new", "responses": {} } }))]),
        ("an operation is gone", vec![Remove("/paths/~1things~1{thingId}/get")]),
        ("an operation is renamed", vec![Set("/paths/~1things~1{thingId}/get/operationId", json!("readThing"))]),
        (
            "an operation is renamed, and what it answers with changes",
            vec![
                Set("/paths/~1things~1{thingId}/get/operationId", json!("getTHING")),
                Set("Thing/description", json!("Some thing.")),
            ],
        ),
        (
            "a path parameter is renamed",
            vec![
                Set(
                    "/paths/~1things~1{id}",
                    json!({
                        "get": {
                            "operationId": "getThing", "summary": "Read", "x-rate-limit-per-client-user": 30,
                            "security": [{ "oauth": ["thing:read"] }],
                            "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "string", "maxLength": 50 } }],
                            "responses": { "200": { "$ref": "#/components/responses/Thing" }, "403": { "$ref": "#/components/responses/Denied" }, "404": { "$ref": "#/components/responses/Failure" } }
                        }
                    }),
                ),
                Remove("/paths/~1things~1{thingId}"),
            ],
        ),
        ("a summary is reworded", vec![Set("/paths/~1things~1{thingId}/get/summary", json!("Get"))]),
        ("an operation becomes a preview", vec![Set("/paths/~1things~1{thingId}/get/x-preview", json!(true))]),
        ("an operation is no longer a preview", vec![Remove("/paths/~1things/post/x-preview")]),
        ("a rate limit is lowered", vec![Set("/paths/~1things/post/x-rate-limit-per-client-user", json!(10))]),
        ("a rate limit is raised", vec![Set("/paths/~1things/post/x-rate-limit-per-client-user", json!(60))]),
        ("a job has another kind", vec![Set("/paths/~1things/post/x-job/kind", json!("thing"))]),
        ("a job is read by another operation", vec![Set("/paths/~1things/post/x-job/read", json!("getJob"))]),
        ("a job's result stands elsewhere", vec![Set("/paths/~1things/post/x-job/result", json!("/result/thing"))]),
        ("a job's error stands elsewhere", vec![Set("/paths/~1things/post/x-job/error", json!("/failure"))]),
        ("another parameter asks for the next page", vec![Set("/paths/~1shapes/get/x-pages/token", json!("cursor"))]),
        ("the items of a page stand elsewhere", vec![Set("/paths/~1shapes/get/x-pages/items", json!("shapes"))]),
        ("a scope is needed", vec![Set("/paths/~1things/post/security/0/oauth/-", json!("thing:read"))]),
        ("a scope is no longer needed", vec![Remove("/paths/~1things/post/security/0/oauth/0")]),
        ("no security is said, and the document's holds", vec![Remove("/paths/~1things/post/security")]),
        // Parameters and bodies.
        (
            "an optional parameter is new",
            vec![Set(
                "/paths/~1things/post/parameters/-",
                json!({ "name": "dry", "in": "query", "schema": { "type": "boolean" } }),
            )],
        ),
        (
            "a required parameter is new",
            vec![Set(
                "/paths/~1things/post/parameters/-",
                json!({ "name": "dry", "in": "query", "required": true, "schema": { "type": "boolean" } }),
            )],
        ),
        ("a parameter is gone", vec![Remove("/paths/~1things/post/parameters/0")]),
        (
            "an operation takes its first optional parameter",
            vec![Set(
                "/paths/~1things~1{thingId}/get/parameters/-",
                json!({ "name": "more", "in": "query", "schema": { "type": "string" } }),
            )],
        ),
        ("a parameter has another default", vec![Set("/paths/~1shapes/get/parameters/3/schema/default", json!(20))]),
        (
            "a header's content has another type",
            vec![Set(
                "/components/parameters/Metadata/content/application~1json/schema/$ref",
                json!("#/components/schemas/Thing"),
            )],
        ),
        ("a header's content has a field more", vec![Set("Metadata/properties/kind", json!({ "type": "string" }))]),
        (
            "a path parameter's bound is tighter",
            vec![Set("/paths/~1things~1{thingId}/get/parameters/0/schema/maxLength", json!(20))],
        ),
        ("the request body is gone", vec![Remove("/paths/~1things/post/requestBody")]),
        ("the request body may be left out", vec![Remove("/paths/~1things/post/requestBody/required")]),
        (
            "the request body has another media type",
            vec![
                Set("/paths/~1things/post/requestBody/content/text~1plain", json!({ "schema": { "type": "string" } })),
                Remove("/paths/~1things/post/requestBody/content/application~1json"),
            ],
        ),
        // Responses.
        (
            "another success is listed",
            vec![Set("/paths/~1things/post/responses/202", json!({ "description": "Later." }))],
        ),
        (
            "another failure is listed",
            vec![Set("/paths/~1things/post/responses/409", json!({ "$ref": "#/components/responses/Failure" }))],
        ),
        ("a failure is no longer listed", vec![Remove("/paths/~1things~1{thingId}/get/responses/404")]),
        ("a success is no longer listed", vec![Remove("/paths/~1things~1{thingId}/get/responses/200")]),
        (
            "a response's header is new",
            vec![Set("/components/responses/Thing/headers", json!({ "X-Id": { "schema": { "type": "string" } } }))],
        ),
        (
            "a failure says how long to wait",
            vec![Set(
                "/components/responses/Failure/headers",
                json!({ "retry-after": { "schema": { "type": "integer" } } }),
            )],
        ),
        (
            "another failure is listed, and says how long to wait",
            vec![Set(
                "/paths/~1files/post/responses/429",
                json!({
                    "description": "Later.",
                    "headers": {
                        "Retry-After": { "schema": { "type": "integer" } },
                        "X-Id": { "schema": { "type": "string" } },
                    },
                }),
            )],
        ),
        // Fields and types of responses.
        ("a response has an optional field more", vec![Set("Thing/properties/size", json!({ "type": "integer" }))]),
        (
            "a response has a required field more",
            vec![Set("Thing/properties/size", json!({ "type": "integer" })), Set("Thing/required/-", json!("size"))],
        ),
        ("a response's field is gone", vec![Remove("Thing/properties/name")]),
        ("a response's field becomes optional", vec![Remove("Thing/required/0")]),
        ("a response's field becomes required", vec![Set("Thing/required/-", json!("name"))]),
        ("a response's list becomes required", vec![Set("Thing/required/-", json!("tags"))]),
        ("a response's required field may be null", vec![Set("Thing/properties/id/nullable", json!(true))]),
        ("a response's optional field may be null", vec![Set("Thing/properties/name/nullable", json!(true))]),
        ("a response's field has another type", vec![Set("Thing/properties/id/type", json!("integer"))]),
        ("a response's enum has a value more", vec![Set("Kind/enum/-", json!("audio"))]),
        ("a response's enum has a value less", vec![Remove("Kind/enum/0")]),
        ("an enum is ordered differently", vec![Set("Kind/enum", json!(["video", "image"]))]),
        ("a response's text is bounded", vec![Set("Thing/properties/name/maxLength", json!(10))]),
        (
            "a response's field refers to another type",
            vec![Set("Thing/properties/kind/$ref", json!("#/components/schemas/Failure"))],
        ),
        (
            "a reference is wrapped to give it a text",
            vec![Set(
                "Thing/properties/kind",
                json!({ "allOf": [{ "$ref": "#/components/schemas/Kind" }], "description": "Which." }),
            )],
        ),
        ("an item of a list is bounded", vec![Set("Thing/properties/tags/items/maxLength", json!(9))]),
        // Fields of requests.
        ("a request has an optional field more", vec![Set("NewThing/properties/note", json!({ "type": "string" }))]),
        (
            "a request has a required field more",
            vec![
                Set("NewThing/properties/note", json!({ "type": "string" })),
                Set("NewThing/required/-", json!("note")),
            ],
        ),
        ("a request's field is gone", vec![Remove("NewThing/properties/tags")]),
        ("a request's field becomes optional", vec![Remove("NewThing/required/0")]),
        ("a request's field becomes required", vec![Set("NewThing/required/-", json!("tags"))]),
        ("a request's bound is tighter", vec![Set("NewThing/properties/name/maxLength", json!(20))]),
        ("a request's bound is looser", vec![Set("NewThing/properties/name/maxLength", json!(100))]),
        ("a request's bound is lifted", vec![Remove("NewThing/properties/name/maxLength")]),
        ("a lower bound is raised", vec![Set("NewThing/properties/name/minLength", json!(2))]),
        (
            "a bound on what Base64 carries is tighter",
            vec![Set("Metadata/properties/name_base64/x-decoded-max-length", json!(40))],
        ),
        ("a pattern is new", vec![Set("NewThing/properties/name/pattern", json!("^a"))]),
        ("a request's field has a default", vec![Set("NewThing/properties/name/default", json!("x"))]),
        // Variants: `line` has no tag but its name.
        (
            "a variant has another tag",
            vec![
                Remove("Shape/discriminator/mapping/circle"),
                Set("Shape/discriminator/mapping/round", json!("#/components/schemas/Circle")),
            ],
        ),
        (
            "a variant has a second tag",
            vec![Set("Shape/discriminator/mapping/round", json!("#/components/schemas/Circle"))],
        ),
        (
            "a tag means another variant",
            vec![
                Set("Shape/discriminator/mapping/circle", json!("Square")),
                Set("Shape/discriminator/mapping/square", json!("Circle")),
            ],
        ),
        ("a tag is in another field", vec![Set("Shape/discriminator/propertyName", json!("kind"))]),
        ("a variant's tag is its name, written out", vec![Set("Shape/discriminator/mapping/Line", json!("Line"))]),
        // The rest of the document.
        ("a type is new", vec![Set("Spare", json!({ "type": "object" }))]),
        ("an unused type is gone", vec![Remove("Unused")]),
        ("an unused type has a field more", vec![Set("Unused/properties", json!({ "a": { "type": "string" } }))]),
        ("a description is reworded", vec![Set("Thing/description", json!("Some thing."))]),
        ("an example changes", vec![Set("/components/examples/Thing/value/id", json!("b"))]),
        ("the server moves", vec![Set("/servers/0/url", json!("https://api.example.org"))]),
        (
            "a server is put in front",
            vec![Set("/servers", json!([{ "url": "https://eu.example.com" }, { "url": "https://api.example.com" }]))],
        ),
        (
            "a server is put in front for one path",
            vec![Set(
                "/paths/~1things~1{thingId}/servers",
                json!([{ "url": "https://eu.example.com" }, { "url": "https://api.example.com" }]),
            )],
        ),
        (
            "a server is put in front for one operation",
            vec![Set(
                "/paths/~1things~1{thingId}/get/servers",
                json!([{ "url": "https://eu.example.com" }, { "url": "https://api.example.com" }]),
            )],
        ),
        (
            "the token endpoint moves",
            vec![Set(
                "/components/securitySchemes/oauth/flows/authorizationCode/tokenUrl",
                json!("https://api.example.org/token"),
            )],
        ),
        (
            "a scope is offered",
            vec![Set("/components/securitySchemes/oauth/flows/authorizationCode/scopes/more", json!("More."))],
        ),
        ("the spec's version", vec![Set("/info/version", json!("0.2.0"))]),
        ("a vendor's extension that nobody reads", vec![Set("/paths/~1things/post/x-internal-team", json!("core"))]),
        ("a keyword that no rule knows", vec![Set("Thing/contentEncoding", json!("gzip"))]),
    ]
}
