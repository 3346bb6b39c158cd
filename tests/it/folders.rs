//! Folders are made and filled, and what can't be is refused: here if that is certain, by Canva otherwise.

use canva_connect::operations::{CREATE_FOLDER, MOVE_FOLDER_ITEM};
use canva_connect::{Client, Error, FolderItemSummary};
use canva_simulator::{Access, Fault, Simulator};

use crate::support::{self, PIXEL, everything, http, once, script};

async fn start() -> (Simulator, Client) {
    let simulator = Simulator::builder().job_duration(std::time::Duration::ZERO).start().await.unwrap();
    let canva = support::simulated(&simulator).build().unwrap();
    (simulator, canva)
}

/// The ids of what is in a folder.
async fn in_folder(canva: &Client, folder_id: &str) -> Vec<String> {
    let (mut ids, mut items) = (Vec::new(), canva.list_folder_items(folder_id).stream());
    while let Some(item) = items.next().await {
        ids.push(match item.unwrap() {
            FolderItemSummary::Folder(item) => item.folder.id,
            FolderItemSummary::Image(item) => item.image.id,
            FolderItemSummary::Design(item) => item.design.id,
            other => panic!("{other:?}"),
        });
    }
    ids
}

#[tokio::test]
async fn a_folder_is_made_at_the_top_or_in_the_folder_that_is_named() {
    let (_simulator, canva) = start().await;
    let longest = "🚀".repeat(255);
    let outer = canva.create_folder(&longest).await.unwrap();
    assert_eq!(outer.name, longest);
    let inner = canva.create_folder("Inner").parent(&outer.id).await.unwrap();
    let uploaded = canva.create_folder("Uploaded").parent("uploads").await.unwrap();
    assert_eq!(in_folder(&canva, "root").await, [&*outer.id]);
    assert_eq!(in_folder(&canva, &outer.id).await, [inner.id]);
    assert_eq!(in_folder(&canva, "uploads").await, [uploaded.id]);
}

#[tokio::test]
async fn images_designs_and_folders_are_moved() {
    let (_simulator, canva) = start().await;
    let folder = canva.create_folder("Folder").await.unwrap();
    let inner = canva.create_folder("Inner").await.unwrap();
    let image = canva.upload_asset(PIXEL.to_vec()).name("n").await.unwrap().wait().await.unwrap();
    let design = canva.create_design((40, 40)).await.unwrap();
    let mut moved = vec![inner.id, image.id, design.id];
    for item in &moved {
        canva.move_folder_item(item, &folder.id).await.unwrap();
    }
    let mut found = in_folder(&canva, &folder.id).await;
    found.sort();
    moved.sort();
    assert_eq!(found, moved);
    canva.move_folder_item(&moved[0], "root").await.unwrap();
    assert_eq!(in_folder(&canva, &folder.id).await.len(), 2);
}

#[tokio::test]
async fn a_move_whose_response_is_lost_is_made_again_and_a_folder_is_not() {
    let (simulator, canva) = start().await;
    let folder = canva.create_folder("Folder").await.unwrap();
    let inner = canva.create_folder("Inner").await.unwrap();
    for operation in [MOVE_FOLDER_ITEM.id, CREATE_FOLDER.id] {
        simulator.inject(operation, 1..=1, Fault::LoseResponse).unwrap();
    }
    canva.move_folder_item(&inner.id, &folder.id).await.unwrap();
    let sent = |id| simulator.requests().iter().filter(|request| request.operation == Some(id)).count();
    assert_eq!((in_folder(&canva, &folder.id).await, sent(MOVE_FOLDER_ITEM.id)), (vec![inner.id], 2));
    let before = sent(CREATE_FOLDER.id);
    assert!(canva.create_folder("New").await.unwrap_err().is_outcome_unknown());
    assert_eq!(sent(CREATE_FOLDER.id) - before, 1);
}

#[tokio::test]
async fn what_cannot_be_a_name_or_an_id_is_refused_before_it_is_sent() {
    let (simulator, canva) = start().await;
    let long = "x".repeat(256);
    let id = "expected letters, digits, `-` and `_`, got";
    for (error, expected) in [
        (canva.create_folder("").await.err(), "folder_name: expected 1 to 255 characters, got 0".to_owned()),
        (canva.create_folder(&long).await.err(), "folder_name: expected 1 to 255 characters, got 256".to_owned()),
        (canva.create_folder("n").parent("a/b").await.err(), format!("folder_id: {id} \"a/b\"")),
        (canva.create_folder("n").parent("").check().err(), "folder_id: expected 1 to 50 characters, got 0".to_owned()),
        (canva.move_folder_item("a b", "root").await.err(), format!("item_id: {id} \"a b\"")),
        (canva.move_folder_item("a", "..").await.err(), format!("to_folder_id: {id} \"..\"")),
    ] {
        assert_eq!(error.unwrap().to_string(), expected);
    }
    assert!(simulator.requests().is_empty());
}

#[tokio::test]
async fn what_is_not_there_or_may_not_be_touched_keeps_its_status_and_code() {
    let (simulator, canva) = start().await;
    let mine = canva.create_folder("Mine").await.unwrap();
    let anna = support::builder(simulator.base_url()).token(simulator.authorize_as("anna")).build().unwrap();
    let theirs = anna.create_folder("Theirs").await.unwrap();
    for (error, expected) in [
        (canva.create_folder("n").parent("none").await.unwrap_err(), (404, "folder_not_found")),
        (canva.create_folder("n").parent(&theirs.id).await.unwrap_err(), (403, "permission_denied")),
        (canva.move_folder_item("none", "root").await.unwrap_err(), (404, "folder_not_found")),
        (canva.move_folder_item(&mine.id, "none").await.unwrap_err(), (404, "folder_not_found")),
        (canva.move_folder_item(&theirs.id, &mine.id).await.unwrap_err(), (403, "permission_denied")),
        (canva.move_folder_item(&mine.id, &mine.id).await.unwrap_err(), (400, "invalid_field")),
    ] {
        let api = error.api().unwrap();
        assert_eq!((api.status.as_u16(), api.code.as_str()), expected);
    }
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    let bare = Access::new("bare").scopes(["folder:read"]);
    let simulator = Simulator::builder().access(bare).start().await.unwrap();
    let canva = support::builder(simulator.base_url()).token("bare").build().unwrap();
    let refused = [canva.create_folder("n").await.unwrap_err(), canva.move_folder_item("a", "root").await.unwrap_err()];
    for error in refused {
        assert!(error.report().ends_with("the token needs folder:write"), "{}", error.report());
    }
}

/// It may have been made.
#[tokio::test]
async fn a_success_without_the_folder_is_unknown_and_says_what_is_missing() {
    let (base_url, _seen) = script(vec![http("200 OK", "", "{}")]).await;
    let error = once(&base_url).create_folder("n").await.unwrap_err();
    assert!(everything(&error).contains("it has no folder"), "{error:?}");
    let Error::OutcomeUnknown { source, .. } = error else { panic!("{error:?}") };
    assert!(matches!(*source, Error::Decode { .. }), "{source:?}");
}
