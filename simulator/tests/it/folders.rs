//! Folders list what their user has, in the order that was asked for, in pages that neither skip nor repeat.

use std::time::Duration;

use canva_simulator::{Fault, Simulator};
use serde_json::{Value, json};

use crate::common::{
    because, by, create_design, create_folder, delete, fixture, id, image, import, move_item, ok, prompt, read,
    refused, update, upload,
};

async fn list(simulator: &Simulator, folder: &str, query: &str) -> Value {
    ok(read(simulator, &format!("/v1/folders/{folder}/items?{query}"))).await
}

const NAMES: [&str; 3] = ["/image/name", "/design/title", "/folder/name"];

/// What the items of a page are called.
fn names(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| NAMES.iter().find_map(|name| item.pointer(name)?.as_str()).unwrap()).collect()
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

async fn moved(simulator: &Simulator, item: &str, to: &str) {
    assert_eq!(move_item(simulator, item, to).send().await.unwrap().status(), 204);
}

/// What makes an empty document.
fn doc(title: &str) -> Value {
    json!({ "type": "type_and_asset", "design_type": { "type": "preset", "name": "doc" }, "title": title })
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
async fn an_unknown_folder_is_not_found_to_list_or_to_put_something_in() {
    let simulator = prompt().await;
    let image = uploaded(&simulator, "Photo").await;
    for folder in ["none", "Root", "ROOT", "uploads_", &image] {
        for request in [
            read(&simulator, &format!("/v1/folders/{folder}/items")),
            create_folder(&simulator, "New", folder),
            move_item(&simulator, &image, folder),
        ] {
            assert_eq!(refused(request).await, (404, "folder_not_found".into()), "{folder}");
        }
    }
}

#[tokio::test]
async fn a_folder_is_made_where_it_is_asked_for_and_is_empty() {
    let simulator = prompt().await;
    let outer = ok(create_folder(&simulator, "Outer", "root")).await["folder"].take();
    assert_eq!(list(&simulator, "root", "").await, json!({ "items": [{ "type": "folder", "folder": outer }] }));
    let outer = outer["id"].as_str().unwrap();
    assert_eq!(list(&simulator, outer, "").await, json!({ "items": [] }));
    let inner = id(create_folder(&simulator, "Inner", outer), "folder").await;
    ok(create_folder(&simulator, "Beside", "uploads")).await;
    for (folder, name) in [("root", "Outer"), (outer, "Inner"), ("uploads", "Beside")] {
        assert_eq!(names(&list(&simulator, folder, "").await), [name]);
    }
    let stored = simulator.folders();
    let stored: Vec<_> = stored.iter().map(|it| (it.name.as_str(), it.folder_id.as_str())).collect();
    assert_eq!(stored, [("Outer", "root"), ("Inner", outer), ("Beside", "uploads")]);
    assert_eq!(simulator.folders()[1].id, inner);
}

#[tokio::test]
async fn a_folders_name_has_1_to_255_characters() {
    let simulator = prompt().await;
    for name in ["", &"x".repeat(256)] {
        assert_eq!(refused(create_folder(&simulator, name, "root")).await, (400, "invalid_field".into()));
    }
    ok(create_folder(&simulator, &"🚀".repeat(255), "root")).await;
}

#[tokio::test]
async fn images_designs_and_folders_move_and_each_lies_in_one_place() {
    let simulator = prompt().await;
    let folder = id(create_folder(&simulator, "Folder", "root"), "folder").await;
    let image = uploaded(&simulator, "Photo").await;
    let design = id(create_design(&simulator, &doc("Design")), "design").await;
    let other = id(create_folder(&simulator, "Other", "root"), "folder").await;
    for item in [&image, &design, &other] {
        moved(&simulator, item, &folder).await;
    }
    let by_title = "sort_by=title_ascending";
    assert_eq!(names(&list(&simulator, &folder, by_title).await), ["Design", "Other", "Photo"]);
    assert_eq!(names(&list(&simulator, "root", by_title).await), ["Folder"]);
    assert_eq!(names(&list(&simulator, "uploads", by_title).await), [""; 0]);
    assert_eq!((&simulator.assets()[0].folder_id, &simulator.designs()[0].folder_id), (&folder, &folder));

    moved(&simulator, &image, "root").await;
    moved(&simulator, &design, "uploads").await;
    assert_eq!(names(&list(&simulator, &folder, by_title).await), ["Other"]);
    assert_eq!(names(&list(&simulator, "root", by_title).await), ["Folder", "Photo"]);
    assert_eq!(names(&list(&simulator, "uploads", by_title).await), ["Design"]);
}

#[tokio::test]
async fn what_is_in_a_folder_moves_with_it() {
    let simulator = prompt().await;
    let outer = id(create_folder(&simulator, "Outer", "root"), "folder").await;
    let inner = id(create_folder(&simulator, "Inner", "uploads"), "folder").await;
    let image = uploaded(&simulator, "Photo").await;
    moved(&simulator, &image, &inner).await;
    moved(&simulator, &inner, &outer).await;
    assert_eq!(names(&list(&simulator, &outer, "").await), ["Inner"]);
    assert_eq!(names(&list(&simulator, &inner, "").await), ["Photo"]);
}

#[tokio::test]
async fn what_has_no_place_elsewhere_stays_where_it_is() {
    let simulator = prompt().await;
    let outer = id(create_folder(&simulator, "Outer", "root"), "folder").await;
    let middle = id(create_folder(&simulator, "Middle", &outer), "folder").await;
    let inner = id(create_folder(&simulator, "Inner", &middle), "folder").await;
    ok(upload(&simulator, "Video", fixture("clip.mp4"))).await;
    let video = simulator.assets()[0].id.clone();
    for (item, to, reason) in [
        (video.as_str(), outer.as_str(), "videos can't be moved"),
        (&outer, &outer, "in itself"),
        (&outer, &inner, "in what lies in it"),
        ("root", &outer, "stay where they are"),
        ("uploads", "root", "stay where they are"),
    ] {
        assert_eq!(because(move_item(&simulator, item, to), reason).await, (400, "invalid_field".into()), "{item}");
    }
    assert_eq!(names(&list(&simulator, "root", "").await), ["Outer"]);
    assert_eq!(simulator.assets()[0].folder_id, "uploads");
}

#[tokio::test]
async fn an_unknown_item_or_one_in_the_trash_can_not_be_moved() {
    let simulator = prompt().await;
    let gone = uploaded(&simulator, "Gone").await;
    delete(&simulator, &gone).send().await.unwrap();
    for item in ["none", &gone] {
        let refused = because(move_item(&simulator, item, "root"), "no such item").await;
        assert_eq!(refused, (404, "folder_not_found".into()), "{item}");
    }
}

#[tokio::test]
async fn another_users_folders_and_items_are_out_of_reach() {
    let simulator = prompt().await;
    let (mine, image) =
        (id(create_folder(&simulator, "Mine", "root"), "folder").await, uploaded(&simulator, "Photo").await);
    let anna = simulator.authorize_as("anna");
    let hers = id(by(&anna, create_folder(&simulator, "Hers", "root")), "folder").await;
    for request in [
        read(&simulator, &format!("/v1/folders/{mine}/items")),
        create_folder(&simulator, "New", &mine),
        move_item(&simulator, &hers, &mine),
        move_item(&simulator, &image, &hers),
        move_item(&simulator, &mine, "root"),
    ] {
        assert_eq!(because(by(&anna, request), "another user").await, (403, "permission_denied".into()));
    }
    assert_eq!(names(&list(&simulator, "root", "").await), ["Mine"]);
    assert_eq!(names(&list(&simulator, "uploads", "").await), ["Photo"]);
}

#[tokio::test]
async fn moving_twice_is_moving_once() {
    let simulator = prompt().await;
    let folder = id(create_folder(&simulator, "Folder", "root"), "folder").await;
    let image = uploaded(&simulator, "Photo").await;
    moved(&simulator, &image, &folder).await;
    let once = (list(&simulator, "root", "").await, names(&list(&simulator, &folder, "").await).len());
    moved(&simulator, &image, &folder).await;
    assert_eq!((list(&simulator, "root", "").await, names(&list(&simulator, &folder, "").await).len()), once);
}

#[tokio::test(start_paused = true)]
async fn a_folder_changes_when_something_comes_into_it_or_leaves_it() {
    let simulator = prompt().await;
    let folder = id(create_folder(&simulator, "Folder", "root"), "folder").await;
    let image = uploaded(&simulator, "Photo").await;
    let stored = || {
        let folder = simulator.folders().into_iter().find(|it| it.id == folder).unwrap();
        (folder.created_at, folder.updated_at)
    };
    let (created_at, mut last) = stored();
    assert_eq!(created_at, last);
    let inner = create_folder(&simulator, "Inner", &folder);
    for change in [move_item(&simulator, &image, &folder), move_item(&simulator, &image, "root"), inner]
        .into_iter()
        .chain([move_item(&simulator, &image, &folder), delete(&simulator, &image)])
    {
        assert!(change.send().await.unwrap().status().is_success());
        let (created, updated) = stored();
        assert!(created == created_at && updated > last, "{created} {updated} {last}");
        last = updated;
    }
    list(&simulator, &folder, "").await;
    assert_eq!(stored().1, last);
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
    ok(create_folder(&simulator, "Folder", "root")).await;
    for (types, images, designs) in
        [("image", 1, 0), ("design", 0, 1), ("folder", 0, 1), ("brand_template", 0, 0), ("design,image", 1, 1)]
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
        (next("root", &same), "another list"),
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
