//! More edits of `table.yaml`, judged in both directions.

use serde_json::json;

use crate::edits::Edit::{self, Remove, Set};

/// What changes, what changes when the edit is undone, and how.
pub fn edits_both_ways() -> Vec<(&'static str, &'static str, Vec<Edit>)> {
    const PATTERN: &str = "NewThing/properties/comment/pattern";
    vec![
        // Operations.
        (
            "an operation may be repeated",
            "an operation may no longer be repeated",
            vec![Set("/paths/~1things/post/x-repeatable", json!(true))],
        ),
        (
            "a reading operation may not be repeated",
            "a reading operation may be repeated again",
            vec![Set("/paths/~1things~1{thingId}/get/x-repeatable", json!(false))],
        ),
        (
            "the default of repeating is written out",
            "the default of repeating is left out",
            vec![Set("/paths/~1things~1{thingId}/get/x-repeatable", json!(true))],
        ),
        (
            "a rate limit is no longer given",
            "a rate limit is given",
            vec![Remove("/paths/~1things/post/x-rate-limit-per-client-user")],
        ),
        (
            "an operation makes no job that can be waited for",
            "an operation makes a job that can be waited for",
            vec![Remove("/paths/~1things/post/x-job")],
        ),
        ("a job no longer has a result", "a job has a result", vec![Remove("/paths/~1things/post/x-job/result")]),
        (
            "the items of a list can no longer be streamed",
            "the items of a list can be streamed",
            vec![Remove("/paths/~1shapes/get/x-pages")],
        ),
        (
            "the same scopes are alternatives",
            "alternative scopes are all needed",
            vec![Set(
                "/paths/~1files/post/security",
                json!([{ "oauth": ["thing:read"] }, { "oauth": ["thing:write"] }]),
            )],
        ),
        (
            "a login may be left out",
            "a login may no longer be left out",
            vec![Set("/paths/~1files/post/security/-", json!({}))],
        ),
        (
            "security that requires nothing is written as an empty requirement",
            "security that requires nothing is written as an empty list",
            vec![Set("/security/-", json!({}))],
        ),
        (
            "an operation is deprecated",
            "an operation is no longer deprecated",
            vec![Set("/paths/~1things~1{thingId}/get/deprecated", json!(true))],
        ),
        (
            "a path goes to another server",
            "a path goes to the document's server",
            vec![Set("/paths/~1files/servers", json!([{ "url": "https://files.example.com" }]))],
        ),
        (
            "an operation goes to another server",
            "an operation goes to the document's server",
            vec![Set("/paths/~1files/post/servers", json!([{ "url": "https://files.example.com" }]))],
        ),
        // Parameters.
        (
            "a query parameter may be left out",
            "a query parameter must be sent",
            vec![Remove("/paths/~1shapes/get/parameters/1/required")],
        ),
        (
            "required parameters stand in another order",
            "required parameters stand in another order, back",
            vec![
                Remove("/paths/~1shapes/get/parameters/1"),
                Set(
                    "/paths/~1shapes/get/parameters/-",
                    json!({ "name": "owner", "in": "query", "required": true, "schema": { "type": "string" } }),
                ),
            ],
        ),
        (
            "optional parameters stand in another order",
            "optional parameters stand in another order, back",
            vec![
                Remove("/paths/~1shapes/get/parameters/0"),
                Set(
                    "/paths/~1shapes/get/parameters/-",
                    json!({ "name": "continuation", "in": "query", "schema": { "type": "string" } }),
                ),
            ],
        ),
        ("a header may be left out", "a header must be sent", vec![Remove("/components/parameters/Metadata/required")]),
        (
            "a parameter has no default",
            "a parameter has a default",
            vec![Remove("/paths/~1shapes/get/parameters/3/schema/default")],
        ),
        (
            "a parameter's bounds are tighter",
            "a parameter's bounds are looser",
            vec![
                Set("/paths/~1shapes/get/parameters/3/schema/minimum", json!(2)),
                Set("/paths/~1shapes/get/parameters/3/schema/maximum", json!(50)),
            ],
        ),
        (
            "what is in a parameter's list has a value more",
            "what is in a parameter's list has a value less",
            vec![Set("/paths/~1shapes/get/parameters/4/schema/items/enum/-", json!("line"))],
        ),
        (
            "a parameter is deprecated",
            "a parameter is no longer deprecated",
            vec![Set("/paths/~1shapes/get/parameters/0/deprecated", json!(true))],
        ),
        (
            "a parameter moves to its path",
            "a parameter moves back to its operation",
            vec![
                Set(
                    "/paths/~1things~1{thingId}/parameters",
                    json!([{ "name": "thingId", "in": "path", "required": true, "schema": { "type": "string", "maxLength": 50 } }]),
                ),
                Remove("/paths/~1things~1{thingId}/get/parameters"),
            ],
        ),
        (
            "a parameter moves to its path, with a tighter bound",
            "a parameter moves back to its operation, with a looser bound",
            vec![
                Set(
                    "/paths/~1things~1{thingId}/parameters",
                    json!([{ "name": "thingId", "in": "path", "required": true, "schema": { "type": "string", "maxLength": 20 } }]),
                ),
                Remove("/paths/~1things~1{thingId}/get/parameters"),
            ],
        ),
        (
            "a path has a parameter for its operations",
            "a path no longer has a parameter for its operations",
            vec![Set(
                "/paths/~1things~1{thingId}/parameters",
                json!([{ "name": "dry", "in": "query", "schema": { "type": "boolean" } }]),
            )],
        ),
        // Error codes.
        (
            "an operation's failure has another code",
            "an operation's failure has another code, back",
            vec![Set("/components/examples/NameTaken/value/code", json!("name_used"))],
        ),
        (
            "a shared failure has another code",
            "a shared failure has another code, back",
            vec![Set("/components/responses/Denied/content/application~1json/example/code", json!("forbidden"))],
        ),
        (
            "a failure has a code more",
            "a failure has a code less",
            vec![Set(
                "/paths/~1files/post/responses/400/content/application~1json/examples/size",
                json!({ "value": { "code": "too_large", "message": "Too large." } }),
            )],
        ),
        (
            "a failure has another code, and its message changes",
            "a failure has another code, and its message changes back",
            vec![Set("/components/examples/NameTaken/value", json!({ "code": "name_used", "message": "It is used." }))],
        ),
        (
            "the example of a code is renamed",
            "the example of a code is renamed back",
            vec![
                Set(
                    "/paths/~1files/post/responses/400/content/application~1json/examples/nothing",
                    json!({ "value": { "code": "words_missing", "message": "No words." } }),
                ),
                Remove("/paths/~1files/post/responses/400/content/application~1json/examples/words"),
            ],
        ),
        (
            "the message beside a code is reworded",
            "the message beside a code is reworded back",
            vec![Set("/components/examples/NameTaken/value/message", json!("Another has the name."))],
        ),
        (
            "a code moves to another component",
            "a code moves back from another component",
            vec![
                Set("/components/examples/Denied", json!({ "value": { "code": "denied", "message": "Not you." } })),
                Set(
                    "/components/responses/Denied/content/application~1json/examples",
                    json!({ "one": { "$ref": "#/components/examples/Denied" } }),
                ),
                Remove("/components/responses/Denied/content/application~1json/example"),
            ],
        ),
        (
            "two examples exchange their codes",
            "two examples exchange their codes again",
            vec![
                Set("/components/examples/NameTaken/value/code", json!("words_missing")),
                Set(
                    "/paths/~1files/post/responses/400/content/application~1json/examples/words/value/code",
                    json!("name_taken"),
                ),
            ],
        ),
        (
            "a success has a code in its example",
            "a success has no code in its example",
            vec![Set("/components/examples/Thing/value/code", json!("a"))],
        ),
        (
            "another failure is listed, with its code",
            "a failure is no longer listed, nor its code",
            vec![Set("/paths/~1things/post/responses/403", json!({ "$ref": "#/components/responses/Denied" }))],
        ),
        // Bounds: `NewThing` is sent, `Thing` comes back.
        ("a request's pattern is lifted", "a request's pattern is added", vec![Remove(PATTERN)]),
        ("a request's pattern is another", "a request's pattern is another, back", vec![Set(PATTERN, json!("^b"))]),
        ("a request's pattern becomes empty", "a request's pattern is no longer empty", vec![Set(PATTERN, json!(""))]),
        (
            "a pattern's lengths are written as bounds",
            "bounds are written as the pattern's lengths",
            vec![
                Set("NewThing/properties/reference/pattern", json!("^[a-z\\]]+$")),
                Set("NewThing/properties/reference/maxLength", json!(50)),
            ],
        ),
        (
            "a pattern's lengths are tighter",
            "a pattern's lengths are looser",
            vec![Set("NewThing/properties/reference/pattern", json!("^[a-z\\]]{2,20}$"))],
        ),
        (
            "a pattern is of another class",
            "a pattern is of another class, back",
            vec![Set("NewThing/properties/reference/pattern", json!("^[a-z]{1,50}$"))],
        ),
        (
            "a response's pattern is added",
            "a response's pattern is lifted",
            vec![Set("Thing/properties/name/pattern", json!("^a"))],
        ),
        (
            "a response's bound is looser",
            "a response's bound is tighter",
            vec![Set("Thing/properties/comment/maxLength", json!(20))],
        ),
        (
            "a request's number is bounded",
            "a request's number is no longer bounded",
            vec![
                Set("NewThing/properties/pages/maximum", json!(9)),
                Set("NewThing/properties/pages/exclusiveMinimum", json!(true)),
                Set("NewThing/properties/pages/multipleOf", json!(3)),
            ],
        ),
        (
            "a response's number is bounded",
            "a response's number is no longer bounded",
            vec![Set("Thing/properties/pages/minimum", json!(0))],
        ),
        (
            "a request's list must have no item twice",
            "a request's list may have an item twice",
            vec![Set("NewThing/properties/tags/uniqueItems", json!(true))],
        ),
        (
            "a response's list must have no item twice",
            "a response's list may have an item twice",
            vec![Set("Thing/properties/tags/uniqueItems", json!(true))],
        ),
        // Fields.
        (
            "a field is deprecated",
            "a field is no longer deprecated",
            vec![Set("Thing/properties/name/deprecated", json!(true))],
        ),
        // Formats.
        (
            "a response's text has a format",
            "a response's text has no format",
            vec![Set("Thing/properties/id/format", json!("date-time"))],
        ),
        (
            "a request's text has a format",
            "a request's text has no format",
            vec![Set("NewThing/properties/name/format", json!("uri"))],
        ),
        ("a text becomes Base64", "Base64 becomes a text", vec![Set("Thing/properties/id/format", json!("byte"))]),
        ("a text becomes bytes", "bytes become a text", vec![Set("Thing/properties/id/format", json!("binary"))]),
        (
            "an integer has a format",
            "an integer has no format",
            vec![Set("Thing/properties/pages/format", json!("int32"))],
        ),
        // Lists of types and values.
        (
            "a choice has an alternative more",
            "a choice has an alternative less",
            vec![Set("Source/oneOf/-", json!({ "$ref": "#/components/schemas/File" }))],
        ),
        (
            "a choice has another alternative",
            "a choice has another alternative, back",
            vec![Remove("Source/oneOf/0"), Set("Source/oneOf/-", json!({ "type": "integer" }))],
        ),
        (
            "an alternative without a name has a field more",
            "an alternative without a name has a field less",
            vec![Set("Source/oneOf/1/properties/name", json!({ "type": "string" }))],
        ),
        (
            "a choice becomes one of its types",
            "a type becomes one of several",
            vec![Set("Source", json!({ "$ref": "#/components/schemas/Link" }))],
        ),
        (
            "a wrapped reference becomes a choice",
            "a choice becomes a wrapped reference",
            vec![Set("Owner/anyOf/-", json!({ "$ref": "#/components/schemas/File" }))],
        ),
        (
            "alternatives stand in another order",
            "alternatives stand in another order, back",
            vec![Set(
                "Source/oneOf",
                json!([{ "type": "object", "properties": { "text": { "type": "string" } } }, { "$ref": "#/components/schemas/Link" }]),
            )],
        ),
        (
            "a tagged choice has a variant more",
            "a tagged choice has a variant less",
            vec![
                Set("Shape/oneOf/-", json!({ "$ref": "#/components/schemas/Link" })),
                Set("Shape/discriminator/mapping/link", json!("#/components/schemas/Link")),
            ],
        ),
        (
            "a tagged choice has a variant less, by its name",
            "a tagged choice has a variant more, by its name",
            vec![Remove("Shape/oneOf/2")],
        ),
        (
            "variants stand in another order",
            "variants stand in another order, back",
            vec![Remove("Shape/oneOf/0"), Set("Shape/oneOf/-", json!({ "$ref": "#/components/schemas/Circle" }))],
        ),
        ("a choice is no longer tagged", "a choice becomes tagged", vec![Remove("Shape/discriminator")]),
        (
            "a type is made of one type more",
            "a type is made of one type less",
            vec![Set("Photo/allOf/-", json!({ "$ref": "#/components/schemas/Link" }))],
        ),
        (
            "a type's own part has a field more",
            "a type's own part has a field less",
            vec![Set("Photo/allOf/1/properties/alt", json!({ "type": "string" }))],
        ),
        (
            "a type is made of other types",
            "a type is no longer made of other types",
            vec![Set("Unused/allOf", json!([{ "$ref": "#/components/schemas/Link" }, { "title": "More" }]))],
        ),
        (
            "a text becomes an enum",
            "an enum becomes a text",
            vec![Set("Thing/properties/name/enum", json!(["a", "b"]))],
        ),
        (
            "a keyword that no rule knows has a list",
            "a keyword that no rule knows had a list",
            vec![Set("Link/keywords", json!(["a", "c"]))],
        ),
        // Logins.
        (
            "the address for refreshes is written out",
            "the address for refreshes is left out",
            vec![Set(
                "/components/securitySchemes/oauth/flows/authorizationCode/refreshUrl",
                json!("https://api.example.com/token"),
            )],
        ),
        (
            "refreshes have an address of their own",
            "refreshes have no address of their own",
            vec![Set(
                "/components/securitySchemes/oauth/flows/authorizationCode/refreshUrl",
                json!("https://api.example.com/refresh"),
            )],
        ),
        // Defaults.
        (
            "the defaults of a query parameter are written out",
            "the defaults of a query parameter are left out",
            vec![
                Set("/paths/~1files/post/parameters/0/required", json!(false)),
                Set("/paths/~1files/post/parameters/0/deprecated", json!(false)),
                Set("/paths/~1files/post/parameters/0/allowEmptyValue", json!(false)),
                Set("/paths/~1files/post/parameters/0/allowReserved", json!(false)),
                Set("/paths/~1files/post/parameters/0/style", json!("form")),
                Set("/paths/~1files/post/parameters/0/explode", json!(true)),
            ],
        ),
        (
            "the defaults of a path parameter are written out",
            "the defaults of a path parameter are left out",
            vec![
                Set("/paths/~1things~1{thingId}/get/parameters/0/style", json!("simple")),
                Set("/paths/~1things~1{thingId}/get/parameters/0/explode", json!(false)),
            ],
        ),
        (
            "a query parameter is written in another way",
            "a query parameter is written in the usual way",
            vec![Set("/paths/~1files/post/parameters/0/explode", json!(false))],
        ),
        (
            "a default of another place is written out",
            "a default of another place is left out",
            vec![Set("/paths/~1files/post/parameters/0/style", json!("simple"))],
        ),
        (
            "the default of another style is written out",
            "the default of another style is left out",
            vec![
                Set("/paths/~1files/post/parameters/0/style", json!("pipeDelimited")),
                Set("/paths/~1files/post/parameters/0/explode", json!(false)),
            ],
        ),
        (
            "a query parameter may be sent empty",
            "a query parameter can't be sent empty",
            vec![Set("/paths/~1files/post/parameters/0/allowEmptyValue", json!(true))],
        ),
        (
            "the defaults of a field are written out",
            "the defaults of a field are left out",
            vec![
                Set("Thing/properties/id/nullable", json!(false)),
                Set("Thing/properties/id/readOnly", json!(false)),
                Set("Thing/properties/id/writeOnly", json!(false)),
                Set("Thing/properties/id/deprecated", json!(false)),
                Set("Thing/properties/id/minLength", json!(0)),
                Set("NewThing/properties/tags/uniqueItems", json!(false)),
                Set("NewThing/properties/tags/minItems", json!(0)),
                Set("NewThing/properties/pages/exclusiveMinimum", json!(false)),
                Set("NewThing/properties/pages/exclusiveMaximum", json!(false)),
            ],
        ),
        (
            "the defaults of an object are written out",
            "the defaults of an object are left out",
            vec![Set("Unused/minProperties", json!(0)), Set("Unused/additionalProperties", json!(true))],
        ),
        (
            "the defaults of an operation are written out",
            "the defaults of an operation are left out",
            vec![
                Set("/paths/~1things~1{thingId}/get/deprecated", json!(false)),
                Set("/paths/~1things~1{thingId}/get/servers", json!([{ "url": "https://api.example.com" }])),
            ],
        ),
        (
            "the defaults of an optional body are written out",
            "the defaults of an optional body are left out",
            vec![
                Set("/paths/~1files/post/requestBody/required", json!(false)),
                Set(
                    "/paths/~1files/post/requestBody/content/application~1x-www-form-urlencoded/encoding",
                    json!({ "name": { "style": "form", "explode": true, "allowReserved": false } }),
                ),
            ],
        ),
    ]
}
