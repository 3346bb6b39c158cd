//! Folders list what their user has, in the order that was asked for, in pages that neither skip nor repeat.

use std::time::Duration;

use canva_simulator::{Fault, Simulator};
use serde_json::{Value, json};

use crate::common::{because, by, delete, fixture, image, import, ok, prompt, read, refused, update, upload};

async fn list(simulator: &Simulator, folder: &str, query: &str) -> Value {
    ok(read(simulator, &format!("/v1/folders/{folder}/items?{query}"))).await
}

/// What the items of a page are called.
fn names(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().unwrap().iter();
    let names = items.map(|item| item["image"]["name"].as_str().or(item["design"]["title"].as_str()).unwrap());
    names.collect()
}

/// The ids of all pages, as a client reads them.
async fn ids(simulator: &Simulator, folder: &str, query: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut page = list(simulator, folder, query).await;
    loop {
        let items = page["items"].as_array().unwrap().iter();
        pages.push(items.map(|item| item["image"]["id"].as_str().unwrap().to_owned()).collect());
        let Some(token) = page["continuation"].as_str() else { return pages };
        page = list(simulator, folder, &format!("{query}&continuation={token}")).await;
    }
}

/// Uploads an image and returns its id.
async fn uploaded(simulator: &Simulator, name: &str) -> String {
    let job = ok(upload(simulator, name, image())).await["job"].take();
    job["asset"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn uploads_has_images_alone_and_root_has_designs() {
    let simulator = prompt().await;
    let asset = ok(upload(&simulator, "Photo", fixture("photo.jpg"))).await["job"]["asset"].take();
    ok(upload(&simulator, "Video", fixture("clip.mp4"))).await;
    let designs = ok(import(&simulator, "Deck", None, fixture("deck.pdf"))).await["job"]["result"]["designs"].take();

    let uploads = list(&simulator, "uploads", "").await;
    assert_eq!((names(&uploads), &uploads["items"][0]["type"]), (vec!["Photo"], &json!("image")));
    let mut listed = uploads["items"][0]["image"].clone();
    assert!(listed["thumbnail"]["url"].is_string());
    listed["thumbnail"]["url"] = asset["thumbnail"]["url"].clone();
    for (field, value) in listed.as_object().unwrap() {
        assert_eq!(value, &asset[field], "{field}");
    }
    assert_eq!((&listed["owner"], &listed["metadata"]), (&Value::Null, &Value::Null));

    let root = list(&simulator, "root", "").await;
    assert_eq!(root, json!({ "items": [{ "type": "design", "design": designs[0] }] }));
}

#[tokio::test]
async fn each_user_sees_their_own_things() {
    let simulator = prompt().await;
    let anna = simulator.authorize_as("anna");
    ok(by(&anna, upload(&simulator, "Anna's", image()))).await;
    ok(by(&anna, import(&simulator, "Anna's deck", None, fixture("deck.pdf")))).await;
    for (folder, name) in [("uploads", "Anna's"), ("root", "Anna's deck")] {
        assert_eq!(names(&list(&simulator, folder, "").await), [""; 0]);
        let hers = ok(by(&anna, read(&simulator, &format!("/v1/folders/{folder}/items")))).await;
        assert_eq!(names(&hers), [name]);
    }
}

#[tokio::test]
async fn the_trash_is_not_listed() {
    let simulator = prompt().await;
    let id = uploaded(&simulator, "Gone").await;
    uploaded(&simulator, "Here").await;
    assert_eq!(delete(&simulator, &id).send().await.unwrap().status(), 204);
    assert_eq!(names(&list(&simulator, "uploads", "").await), ["Here"]);
}

#[tokio::test]
async fn there_are_no_folders_but_root_and_uploads() {
    let simulator = prompt().await;
    for folder in ["none", "Root", "ROOT", "uploads_"] {
        let listed = refused(read(&simulator, &format!("/v1/folders/{folder}/items"))).await;
        assert_eq!(listed, (404, "folder_not_found".into()), "{folder}");
    }
}

#[tokio::test(start_paused = true)]
async fn items_are_sorted_as_asked_and_else_the_latest_change_comes_first() {
    let simulator = prompt().await;
    let mut ids = Vec::new();
    for name in ["b", "a", "c"] {
        ids.push(uploaded(&simulator, name).await);
        tokio::time::advance(Duration::from_secs(2)).await;
    }
    ok(update(&simulator, &ids[1], &json!({ "tags": ["changed"] }))).await;
    for (query, expected) in [
        ("", ["a", "c", "b"]),
        ("sort_by=modified_descending", ["a", "c", "b"]),
        ("sort_by=modified_ascending", ["b", "c", "a"]),
        ("sort_by=created_descending", ["c", "a", "b"]),
        ("sort_by=created_ascending", ["b", "a", "c"]),
        ("sort_by=title_descending", ["c", "b", "a"]),
        ("sort_by=title_ascending", ["a", "b", "c"]),
    ] {
        assert_eq!(names(&list(&simulator, "uploads", query).await), expected, "{query}");
    }
}

#[tokio::test]
async fn only_the_types_that_are_asked_for_are_listed() {
    let simulator = prompt().await;
    uploaded(&simulator, "Photo").await;
    ok(import(&simulator, "Deck", None, fixture("deck.pdf"))).await;
    for (types, images, designs) in
        [("image", 1, 0), ("design", 0, 1), ("folder,brand_template", 0, 0), ("design,image", 1, 1)]
    {
        let query = format!("item_types={types}");
        let counts = (list(&simulator, "uploads", &query).await, list(&simulator, "root", &query).await);
        assert_eq!((names(&counts.0).len(), names(&counts.1).len()), (images, designs), "{types}");
    }
}

#[tokio::test]
async fn nothing_is_pinned() {
    let simulator = prompt().await;
    uploaded(&simulator, "Photo").await;
    assert_eq!(list(&simulator, "uploads", "pin_status=pinned").await, json!({ "items": [] }));
    assert_eq!(names(&list(&simulator, "uploads", "pin_status=any").await), ["Photo"]);
}

#[tokio::test]
async fn a_page_has_50_items_unless_asked_for_another_number() {
    let simulator = prompt().await;
    for number in 0..52 {
        uploaded(&simulator, &number.to_string()).await;
    }
    for (query, lengths) in [("", vec![50, 2]), ("limit=26", vec![26, 26]), ("limit=100", vec![52])] {
        let pages = ids(&simulator, "uploads", query).await;
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), lengths, "{query}");
    }
}

#[tokio::test]
async fn items_of_one_title_keep_their_order_over_pages() {
    let simulator = prompt().await;
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(uploaded(&simulator, "Same").await);
    }
    assert_eq!(ids(&simulator, "uploads", "limit=2&sort_by=title_ascending").await.concat(), all);
    all.reverse();
    assert_eq!(ids(&simulator, "uploads", "limit=2&sort_by=title_descending").await.concat(), all);
}

#[tokio::test]
async fn what_comes_and_goes_between_pages_moves_nothing_else() {
    let simulator = prompt().await;
    for (sort, before, after) in [("title_ascending", "a", "z"), ("title_descending", "z", "a")] {
        let mut all = Vec::new();
        for name in ["b", "c", "d", "e"] {
            all.push((name, uploaded(&simulator, name).await));
        }
        let query = format!("limit=2&sort_by={sort}");
        let first = list(&simulator, "uploads", &query).await;
        // One more before the page that was read, and all of that page gone; one more on the next page.
        for (name, id) in &all {
            if names(&first).contains(name) {
                delete(&simulator, id).send().await.unwrap();
            }
        }
        let more = [uploaded(&simulator, before).await, uploaded(&simulator, after).await];
        let token = first["continuation"].as_str().unwrap();
        let next = list(&simulator, "uploads", &format!("limit=10&sort_by={sort}&continuation={token}")).await;
        let rest = all.iter().map(|(name, _)| *name).filter(|name| !names(&first).contains(name));
        let mut rest: Vec<&str> = rest.chain([after]).collect();
        rest.sort_unstable();
        if sort == "title_descending" {
            rest.reverse();
        }
        assert_eq!(names(&next), rest, "{sort}");
        assert_eq!(next["continuation"], Value::Null);
        for id in all.iter().map(|(_, id)| id).chain(&more) {
            delete(&simulator, id).send().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_continuation_is_good_for_its_user_folder_and_parameters_and_any_limit() {
    let simulator = prompt().await;
    for name in ["a", "b"] {
        uploaded(&simulator, name).await;
    }
    let page = list(&simulator, "uploads", "limit=1&item_types=image").await;
    let token = page["continuation"].as_str().unwrap();
    let next = |folder: &str, rest: &str| read(&simulator, &format!("/v1/folders/{folder}/items?continuation={rest}"));
    let same = format!("{token}&item_types=image");
    for good in [same.clone(), format!("{same}&limit=7"), format!("{same}&sort_by=modified_descending")] {
        assert_eq!(names(&ok(next("uploads", &good)).await), ["a"], "{good}");
    }
    let anna = simulator.authorize_as("anna");
    let elsewhere = prompt().await;
    for (request, reason) in [
        (next("uploads", ""), "hasn't given it"),
        (next("uploads", "none&item_types=image"), "hasn't given it"),
        (next("uploads", &format!("{}A&item_types=image", &token[..token.len() - 2])), "hasn't given it"),
        (read(&elsewhere, &format!("/v1/folders/uploads/items?continuation={same}")), "hasn't given it"),
        (next("root", &same), "another folder"),
        (by(&anna, next("uploads", &same)), "another user"),
        (next("uploads", token), "other parameters"),
        (next("uploads", &format!("{same}&sort_by=title_ascending")), "other parameters"),
        (next("uploads", &format!("{same}&pin_status=pinned")), "other parameters"),
        (next("uploads", &format!("{same}&continuation={token}")), "given twice"),
    ] {
        assert_eq!(because(request, reason).await, (400, "bad_query_params".into()), "{reason}");
    }
}

#[tokio::test]
async fn a_listing_meets_the_fault_that_waits_for_it() {
    let simulator = prompt().await;
    simulator.inject("listFolderItems", 1..=1, Fault::Close).unwrap();
    assert!(read(&simulator, "/v1/folders/root/items").send().await.is_err());
    list(&simulator, "root", "").await;
}
