//! Lists: page by page, and no further than they are read.

use std::time::Duration;

use canva_connect::operations::LIST_FOLDER_ITEMS;
use canva_connect::{Error, FolderItemPinStatus, FolderItemSortBy, FolderItemSummary, FolderItemType, Items};
use canva_simulator::{Fault, Simulator};
use serde_json::{Value, json};

use crate::support::{self, PIXEL, Seen, http, once, script};

/// A page of folders with these ids, and the token that leads to the next one.
fn page(ids: &[&str], token: Option<&str>) -> String {
    let folder =
        |id: &&str| json!({ "type": "folder", "folder": { "id": id, "name": "n", "created_at": 1, "updated_at": 2 } });
    let items: Vec<Value> = ids.iter().map(folder).collect();
    let page = match token {
        Some(token) => json!({ "items": items, "continuation": token }),
        None => json!({ "items": items }),
    };
    http("200 OK", "", &page.to_string())
}

async fn id(items: &mut Items<FolderItemSummary>) -> Option<String> {
    match items.next().await?.unwrap() {
        FolderItemSummary::Folder(item) => Some(item.folder.id),
        other => panic!("{other:?}"),
    }
}

/// The query of the next request that the server saw, if it saw one.
fn asked(seen: &mut Seen) -> Option<String> {
    let (head, _) = seen.try_recv().ok()?;
    let target = head.text.split(' ').nth(1).unwrap().to_owned();
    Some(target.split_once('?').unwrap().1.to_owned())
}

#[tokio::test]
async fn a_page_is_asked_for_when_the_one_before_it_is_read() {
    let (base_url, mut seen) =
        script(vec![page(&["a", "b"], Some("t&1")), page(&[], Some("t2")), page(&["c"], None)]).await;
    let mut items = once(&base_url).list_folder_items("f").sort_by(FolderItemSortBy::CreatedDescending).stream();
    tokio::task::yield_now().await;
    assert_eq!(asked(&mut seen), None, "nothing is sent before it is polled");

    assert_eq!(id(&mut items).await.as_deref(), Some("a"));
    assert_eq!(asked(&mut seen).as_deref(), Some("limit=100&sort_by=created_descending"));
    assert_eq!(id(&mut items).await.as_deref(), Some("b"));
    assert_eq!(asked(&mut seen), None);
    // A page without items isn't the last.
    assert_eq!(id(&mut items).await.as_deref(), Some("c"));
    assert_eq!(asked(&mut seen).as_deref(), Some("limit=100&sort_by=created_descending&continuation=t%261"));
    assert_eq!(asked(&mut seen).as_deref(), Some("limit=100&sort_by=created_descending&continuation=t2"));
    assert_eq!((id(&mut items).await, id(&mut items).await), (None, None));
}

#[tokio::test]
async fn one_that_is_dropped_asks_no_more() {
    let simulator = Simulator::builder().job_duration(Duration::ZERO).start().await.unwrap();
    let canva = support::simulated(&simulator).build().unwrap();
    for _ in 0..3 {
        let _ = canva.upload_asset(PIXEL.to_vec()).name("n").await.unwrap();
    }
    let before = simulator.requests().len();
    drop(canva.list_folder_items("uploads").stream());
    let mut items = canva.list_folder_items("uploads").stream();
    items.next().await.unwrap().unwrap();
    drop(items);
    // One whose first page is under way.
    simulator.inject("listFolderItems", 1.., Fault::Delay(Duration::from_secs(60))).unwrap();
    let mut items = canva.list_folder_items("uploads").stream();
    let late = tokio::time::timeout(Duration::from_millis(300), items.next()).await;
    assert!(late.is_err());
    drop(items);
    assert_eq!(simulator.requests().len() - before, 2);
}

#[tokio::test]
async fn it_ends_after_an_error_which_names_the_operation() {
    let (base_url, _seen) = script(vec![page(&["a"], Some("t")), http("404 Not Found", "", "{}")]).await;
    let mut items = once(&base_url).list_folder_items("f").stream();
    assert_eq!(id(&mut items).await.as_deref(), Some("a"));
    let error = items.next().await.unwrap().unwrap_err();
    assert_eq!(error.status().map(|it| it.as_u16()), Some(404));
    assert!(error.report().starts_with("listFolderItems: "), "{}", error.report());
    assert!(items.next().await.is_none());
}

#[tokio::test]
async fn a_page_that_leads_to_itself_is_an_error_and_no_endless_list() {
    let (base_url, _seen) = script(vec![page(&["a"], Some("t")), page(&["b"], Some("t"))]).await;
    let mut items = once(&base_url).list_folder_items("f").stream();
    assert_eq!(id(&mut items).await.as_deref(), Some("a"));
    let error = items.next().await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Decode { .. }), "{error:?}");
    assert!(error.report().contains("its next page is this page"), "{}", error.report());
    // A token that is empty is none.
    let (base_url, _seen) = script(vec![page(&["a"], Some(""))]).await;
    let mut items = once(&base_url).list_folder_items("f").stream();
    assert_eq!((id(&mut items).await.as_deref(), id(&mut items).await), (Some("a"), None));
}

#[tokio::test]
async fn what_is_listed_is_said_by_name_and_a_folder_that_cannot_be_is_not_asked_for() {
    let (base_url, mut seen) = script(vec![page(&[], None)]).await;
    let canva = once(&base_url);
    let types = [FolderItemType::Image, FolderItemType::Unknown("a,b".into())];
    let mut items = canva.list_folder_items("f").item_types(types).pin_status(FolderItemPinStatus::Pinned).stream();
    assert!(items.next().await.is_none());
    assert_eq!(asked(&mut seen).as_deref(), Some("limit=100&item_types=image,a%2Cb&pin_status=pinned"));

    let error = canva.list_folder_items("../designs").stream().next().await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "folder_id: expected letters, digits, `-` and `_`, got \"../designs\"");
}

#[tokio::test]
async fn what_was_uploaded_is_found_and_what_is_of_an_unknown_type_is_kept() {
    let simulator = Simulator::builder().job_duration(Duration::ZERO).start().await.unwrap();
    let canva = support::simulated(&simulator).build().unwrap();
    let asset = canva.upload_asset(PIXEL.to_vec()).name("Hero 🚀").await.unwrap().wait().await.unwrap();
    let Some(Ok(FolderItemSummary::Image(item))) = canva.list_folder_items("uploads").stream().next().await else {
        panic!()
    };
    assert_eq!((item.image.id, item.image.name), (asset.id.clone(), "Hero 🚀".to_owned()));

    simulator.inject(LIST_FOLDER_ITEMS.id, 1.., Fault::UnknownEnums).unwrap();
    let Some(Ok(FolderItemSummary::Unknown(item))) = canva.list_folder_items("uploads").stream().next().await else {
        panic!()
    };
    assert_eq!(item["image"]["id"], asset.id);
}
