//! Designs are made, copied, found by their titles and read, each by its user alone.

use std::time::Duration;

use canva_simulator::Simulator;
use serde_json::{Value, json};

use crate::common::{
    because, by, create_design, delete, fixture, id, image, import, ok, prompt, read, refused, upload,
};
use crate::imports::{DOCX, XLSX, office};

/// What makes a presentation.
fn presentation(title: &str) -> Value {
    json!({ "type": "type_and_asset", "design_type": { "type": "preset", "name": "presentation" }, "title": title })
}

async fn created(simulator: &Simulator, body: Value) -> Value {
    ok(create_design(simulator, &body)).await["design"].take()
}

async fn uploaded(simulator: &Simulator, file: &'static str) -> String {
    let job = ok(upload(simulator, "File", fixture(file))).await["job"].take();
    job["asset"]["id"].as_str().unwrap().to_owned()
}

/// The id of a design that was imported from this file.
async fn imported(simulator: &Simulator, title: &str, file: &str) -> String {
    let job = ok(import(simulator, title, None, fixture(file))).await["job"].take();
    job["result"]["designs"][0]["id"].as_str().unwrap().to_owned()
}

async fn titles(simulator: &Simulator, query: &str) -> Vec<String> {
    let page = ok(read(simulator, &format!("/v1/designs?{query}"))).await;
    let items = page["items"].as_array().unwrap().iter();
    items.map(|design| design["title"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn an_import_is_read_as_a_design_with_its_owner_and_type() {
    let simulator = prompt().await;
    for (file, kind, pages) in [
        (fixture("deck.pdf"), "custom", json!(2)),
        (fixture("deck.pptx"), "presentation", json!(2)),
        (office(DOCX, "document.main+xml", "word/document.xml", "<document/>"), "doc", Value::Null),
        (office(XLSX, "sheet.main+xml", "xl/workbook.xml", "<workbook/>"), "sheet", Value::Null),
    ] {
        let job = ok(import(&simulator, "Title", None, file)).await["job"].take();
        let mut expected = job["result"]["designs"][0].clone();
        assert_eq!(expected["page_count"], pages, "{kind}");
        expected.as_object_mut().unwrap().remove("url");
        expected["owner"] = json!({ "user_id": "oSimulatedUser", "team_id": "oSimulatedTeam" });
        expected["design_types"] = json!([kind]);
        let path = format!("/v1/designs/{}", expected["id"].as_str().unwrap());
        assert_eq!(ok(read(&simulator, &path)).await, json!({ "design": expected }), "{kind}");
    }
}

#[tokio::test]
async fn a_design_is_made_of_a_type_or_size_with_an_image_or_without() {
    let simulator = prompt().await;
    let image = uploaded(&simulator, "photo.png").await;
    let preset = |name: &str| json!({ "type": "preset", "name": name });
    let custom = json!({ "type": "custom", "width": 40, "height": 8000 });
    for (body, kind, pages) in [
        (json!({ "design_type": preset("doc") }), "doc", Value::Null),
        (json!({ "design_type": preset("email") }), "email", json!(1)),
        (json!({ "design_type": preset("presentation"), "asset_id": image }), "presentation", json!(1)),
        (json!({ "design_type": preset("whiteboard") }), "whiteboard", json!(1)),
        (json!({ "design_type": custom }), "custom", json!(1)),
        (json!({ "asset_id": image }), "custom", json!(1)),
    ] {
        let mut body = body;
        body["type"] = json!("type_and_asset");
        for title in [Value::Null, json!("Title")] {
            if !title.is_null() {
                body["title"] = title.clone();
            }
            let design = created(&simulator, body.clone()).await;
            assert_eq!((&design["title"], &design["page_count"]), (&title, &pages), "{body}");
            assert_eq!(design["design_types"], json!([kind]), "{body}");
        }
    }
}

#[tokio::test]
async fn a_request_that_leaves_out_what_the_design_is_made_from_means_a_type_or_an_asset() {
    let simulator = prompt().await;
    let image = uploaded(&simulator, "photo.png").await;
    let design = created(&simulator, json!({ "asset_id": image, "title": "Photo" })).await;
    assert_eq!((&design["title"], &design["design_types"]), (&json!("Photo"), &json!(["custom"])));
    let doc = created(&simulator, json!({ "design_type": { "type": "preset", "name": "doc" } })).await;
    assert_eq!(doc["design_types"], json!(["doc"]));
}

#[tokio::test]
async fn a_design_is_made_of_something_that_the_spec_allows() {
    let simulator = prompt().await;
    let video = uploaded(&simulator, "clip.mp4").await;
    let custom = |width: i32| json!({ "type": "custom", "width": width, "height": 100 });
    for (body, reason) in [
        (json!({ "type": "type_and_asset", "title": "Neither" }), "design_type or asset_id"),
        (json!({ "type": "type_and_asset", "asset_id": video }), "is a video"),
        (json!({ "type": "type_and_asset", "design_type": custom(39) }), ""),
        (json!({ "type": "type_and_asset", "design_type": custom(8001) }), ""),
        (json!({ "type": "type_and_asset", "design_type": { "type": "preset", "name": "sheet" } }), ""),
        (json!({ "type": "type_and_asset", "design_type": { "type": "square" } }), ""),
        (json!({ "type": "type_and_asset", "design_type": null }), ""),
        (presentation(""), ""),
        (presentation(&"x".repeat(256)), ""),
        (json!({ "type": "design" }), ""),
        (json!({ "type": "nothing" }), ""),
        (json!({ "design_id": "none" }), "design_type or asset_id"),
        (json!({ "type": null, "design_type": custom(40) }), ""),
        (json!([]), ""),
    ] {
        assert_eq!(because(create_design(&simulator, &body), reason).await, (400, "bad_request_body".into()), "{body}");
    }
    assert!(simulator.designs().is_empty());
}

#[tokio::test]
async fn a_copy_has_the_pages_that_it_is_asked_for() {
    let simulator = prompt().await;
    let original = imported(&simulator, "Deck", "deck.pdf").await;
    for (pages, expected) in [(Value::Null, 2), (json!([1, 2]), 2), (json!([2]), 1), (json!([2, 2]), 1)] {
        let mut body = json!({ "type": "design", "design_id": original });
        if !pages.is_null() {
            body["page_numbers"] = pages;
        }
        let copy = created(&simulator, body).await;
        assert_ne!(copy["id"], json!(original));
        assert_eq!((&copy["title"], &copy["page_count"]), (&json!("Deck"), &json!(expected)));
        assert_eq!(copy["design_types"], json!(["custom"]));
    }
    for pages in [json!([]), json!([0]), json!([1, 3])] {
        let body = json!({ "type": "design", "design_id": original, "page_numbers": pages });
        assert_eq!(refused(create_design(&simulator, &body)).await, (400, "bad_request_body".into()), "{pages}");
    }
    assert_eq!(simulator.designs().len(), 5);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let simulator = prompt().await;
    let deleted = uploaded(&simulator, "photo.png").await;
    delete(&simulator, &deleted).send().await.unwrap();
    for (body, code, reason) in [
        (json!({ "type": "type_and_asset", "asset_id": "none" }), "asset_not_found", ""),
        (json!({ "type": "type_and_asset", "asset_id": deleted }), "asset_not_found", "in the trash"),
        (json!({ "type": "design", "design_id": "none" }), "not_found", ""),
        (json!({ "type": "brand_template", "brand_template_id": "none" }), "not_found", "no brand templates"),
    ] {
        assert_eq!(because(create_design(&simulator, &body), reason).await, (404, code.into()), "{body}");
    }
    assert_eq!(refused(read(&simulator, "/v1/designs/none")).await, (404, "not_found".into()));
}

#[tokio::test]
async fn each_user_has_designs_of_their_own() {
    let simulator = prompt().await;
    let design = id(create_design(&simulator, &presentation("Mine")), "design").await;
    let job = ok(upload(&simulator, "Photo", image())).await["job"].take();
    let anna = simulator.authorize_as("anna");
    for request in [
        read(&simulator, &format!("/v1/designs/{design}")),
        create_design(&simulator, &json!({ "type": "design", "design_id": design })),
        create_design(&simulator, &json!({ "type": "type_and_asset", "asset_id": job["asset"]["id"] })),
    ] {
        assert_eq!(because(by(&anna, request), "another user").await, (403, "permission_denied".into()));
    }
    assert_eq!(ok(by(&anna, read(&simulator, "/v1/designs"))).await, json!({ "items": [] }));
    assert_eq!(titles(&simulator, "").await, ["Mine"]);
}

#[tokio::test]
async fn a_new_design_lies_at_the_top() {
    let simulator = prompt().await;
    let design = id(create_design(&simulator, &presentation("New")), "design").await;
    let root = ok(read(&simulator, "/v1/folders/root/items")).await;
    assert_eq!(root["items"][0]["design"]["id"], json!(design));
    assert!(root["items"][0]["design"]["url"].is_string());
}

#[tokio::test(start_paused = true)]
async fn designs_are_sorted_as_asked_and_else_the_latest_comes_first() {
    let simulator = prompt().await;
    for title in ["b", "a", "c"] {
        created(&simulator, presentation(title)).await;
        tokio::time::advance(Duration::from_secs(2)).await;
    }
    for (query, expected) in [
        ("", ["c", "a", "b"]),
        ("sort_by=relevance", ["c", "a", "b"]),
        ("sort_by=modified_descending", ["c", "a", "b"]),
        ("sort_by=modified_ascending", ["b", "a", "c"]),
        ("sort_by=title_descending", ["c", "b", "a"]),
        ("sort_by=title_ascending", ["a", "b", "c"]),
    ] {
        assert_eq!(titles(&simulator, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn titles_are_searched_whatever_their_case() {
    let simulator = prompt().await;
    for title in ["Summer in Rome", "MIDSUMMER", "Winter"] {
        created(&simulator, presentation(title)).await;
    }
    created(&simulator, json!({ "type": "type_and_asset", "design_type": { "type": "preset", "name": "doc" } })).await;
    for (query, expected) in [
        ("query=summer", vec!["MIDSUMMER", "Summer in Rome"]),
        ("query=In%20R", vec!["Summer in Rome"]),
        ("query=none", vec![]),
    ] {
        assert_eq!(titles(&simulator, query).await, expected, "{query}");
    }
    assert_eq!(titles(&simulator, "").await.len(), 4);
    assert_eq!(titles(&simulator, "query=").await.len(), 4);
}

#[tokio::test]
async fn nothing_is_shared() {
    let simulator = prompt().await;
    created(&simulator, presentation("Mine")).await;
    for (ownership, expected) in [("any", 1), ("owned", 1), ("shared", 0)] {
        assert_eq!(titles(&simulator, &format!("ownership={ownership}")).await.len(), expected, "{ownership}");
    }
}

#[tokio::test]
async fn a_page_has_25_designs_unless_asked_for_another_number() {
    let simulator = prompt().await;
    for number in 0..27 {
        created(&simulator, presentation(&number.to_string())).await;
    }
    for (query, lengths) in [("", vec![25, 2]), ("limit=10", vec![10, 10, 7]), ("limit=100", vec![27])] {
        let mut path = format!("/v1/designs?{query}");
        let (mut found, mut seen) = (Vec::new(), Vec::new());
        loop {
            let page = ok(read(&simulator, &path)).await;
            let ids = page["items"].as_array().unwrap().iter().map(|design| design["id"].to_string());
            let before = seen.len();
            seen.extend(ids);
            found.push(seen.len() - before);
            let Some(token) = page["continuation"].as_str() else { break };
            path = format!("/v1/designs?{query}&continuation={token}");
        }
        seen.sort();
        seen.dedup();
        assert_eq!((found, seen.len()), (lengths, 27), "{query}");
    }
}

#[tokio::test]
async fn a_continuation_is_good_for_its_list_and_parameters() {
    let simulator = prompt().await;
    for title in ["a", "b"] {
        created(&simulator, presentation(title)).await;
    }
    let page = ok(read(&simulator, "/v1/designs?limit=1")).await;
    let token = page["continuation"].as_str().unwrap();
    for (path, reason) in [
        (format!("/v1/designs?continuation={token}&query=a"), "other parameters"),
        (format!("/v1/folders/root/items?continuation={token}"), "another list"),
    ] {
        assert_eq!(because(read(&simulator, &path), reason).await, (400, "bad_query_params".into()));
    }
}
