//! Designs are made, copied, read and found, and what can't be is refused: here if that is certain, by Canva otherwise.

use std::time::Duration;

use canva_connect::operations::CREATE_DESIGN;
use canva_connect::{Client, DesignTypeOutputName, OwnershipType, PresetDesignTypeName, SortByType};
use canva_simulator::{Access, Fault, Simulator};
use serde_json::{Value, json};

use crate::support::{self, PIXEL};

async fn start() -> (Simulator, Client) {
    let simulator = Simulator::builder().job_duration(Duration::ZERO).start().await.unwrap();
    let canva = support::simulated(&simulator).build().unwrap();
    (simulator, canva)
}

/// The bodies of the requests for a design.
fn bodies_of(simulator: &Simulator) -> Vec<Value> {
    let requests = simulator.requests().into_iter().filter(|request| request.operation == Some(CREATE_DESIGN.id));
    requests.map(|request| serde_json::from_slice(&request.body).unwrap()).collect()
}

#[tokio::test]
async fn a_design_is_made_of_a_type_a_size_or_an_image_with_a_title_or_without() {
    let (simulator, canva) = start().await;
    let image = canva.upload_asset(PIXEL.to_vec()).name("n").await.unwrap().wait().await.unwrap().id;
    let title = "🚀".repeat(255);
    let made = [
        (canva.create_design(PresetDesignTypeName::Presentation).await, DesignTypeOutputName::Presentation, None),
        (canva.create_design((40, 8000)).title(&title).await, DesignTypeOutputName::Custom, Some(&title)),
        (
            canva.create_design(PresetDesignTypeName::Doc).asset_id(&image).title("t").await,
            DesignTypeOutputName::Doc,
            Some(&"t".to_owned()),
        ),
        (canva.create_design_from_asset(&image).await, DesignTypeOutputName::Custom, None),
    ];
    for (design, design_type, title) in made {
        let design = design.unwrap();
        assert_eq!((design.design_types, design.title.as_ref()), (vec![design_type], title));
        assert_eq!(canva.get_design(&design.id).await.unwrap().id, design.id);
    }
    let sent = bodies_of(&simulator);
    assert_eq!(sent[1]["design_type"], json!({ "type": "custom", "width": 40, "height": 8000 }));
    assert_eq!(sent[3], json!({ "type": "type_and_asset", "asset_id": image }));
}

#[tokio::test]
async fn a_copy_has_all_pages_or_those_that_are_named() {
    let (_simulator, canva) = start().await;
    let deck = canva.import_design("tests/fixtures/deck.pdf").await.unwrap().wait().await.unwrap().remove(0);
    assert_eq!(deck.page_count, Some(2));
    for (copy, pages) in [(canva.copy_design(&deck.id), 2), (canva.copy_design(&deck.id).pages([2]), 1)] {
        let copy = copy.await.unwrap();
        assert_eq!((&copy.title, copy.page_count), (&deck.title, Some(pages)));
        assert_ne!(copy.id, deck.id);
    }
}

/// The simulator has none.
#[tokio::test]
async fn a_brand_template_is_asked_for_by_its_id_and_pages() {
    let (simulator, canva) = start().await;
    let error = canva.copy_brand_template("DEMzWSwy3BI").pages([1, 3]).await.unwrap_err();
    assert_eq!(error.status().unwrap(), 404);
    let expected = json!({ "type": "brand_template", "brand_template_id": "DEMzWSwy3BI", "page_numbers": [1, 3] });
    assert_eq!(bodies_of(&simulator), [expected]);
}

#[tokio::test]
async fn a_design_whose_response_is_lost_is_not_made_again() {
    let (simulator, canva) = start().await;
    simulator.inject(CREATE_DESIGN.id, 1..=1, Fault::LoseResponse).unwrap();
    assert!(canva.create_design((100, 100)).await.unwrap_err().is_outcome_unknown());
    assert_eq!(simulator.designs().len(), 1);
}

#[tokio::test]
async fn designs_are_found_by_their_titles_in_the_order_that_was_asked_for() {
    let (simulator, canva) = start().await;
    for title in ["Summer b", "Winter", "Summer a"] {
        canva.create_design(PresetDesignTypeName::Email).title(title).await.unwrap();
    }
    let mut designs = canva.list_designs().query("summer").sort_by(SortByType::TitleAscending).stream();
    for title in ["Summer a", "Summer b"] {
        assert_eq!(designs.next().await.unwrap().unwrap().title.as_deref(), Some(title));
    }
    assert!(designs.next().await.is_none());
    assert!(canva.list_designs().ownership(OwnershipType::Shared).stream().next().await.is_none());
    let requests = simulator.requests().into_iter().filter(|request| request.method == "GET");
    let queries: Vec<String> = requests.map(|request| request.query).collect();
    assert_eq!(queries, ["query=summer&sort_by=title_ascending&limit=100", "ownership=shared&limit=100"]);
}

#[tokio::test]
async fn every_page_is_listed() {
    let (simulator, canva) = start().await;
    let canva = canva.for_user(canva_connect::AccessToken::new(simulator.token()), canva_connect::Pacing::off());
    for _ in 0..101 {
        canva.create_design((40, 40)).await.unwrap();
    }
    let (mut count, mut designs) = (0, canva.list_designs().stream());
    while let Some(design) = designs.next().await {
        design.unwrap();
        count += 1;
    }
    assert_eq!(count, 101);
}

#[tokio::test]
async fn what_canva_would_refuse_is_refused_before_it_is_sent() {
    let (simulator, canva) = start().await;
    let custom = |width, height| canva.create_design((width, height));
    let pages = |pages: &[i32]| canva.copy_design("D1").pages(pages.iter().copied());
    let title = |title: &str| canva.create_design(PresetDesignTypeName::Doc).title(title);
    let list = canva.list_designs().query("x".repeat(256)).stream().next().await.unwrap();
    for (error, expected) in [
        (custom(39, 40).await.err(), "width: expected 40 to 8000 pixels, got 39"),
        (custom(-1, 40).check().err(), "width: expected 40 to 8000 pixels, got -1"),
        (custom(40, 8001).await.err(), "height: expected 40 to 8000 pixels, got 8001"),
        (title("").await.err(), "title: expected 1 to 255 characters, got 0"),
        (title(&"x".repeat(256)).await.err(), "title: expected 1 to 255 characters, got 256"),
        (
            canva.create_design_from_asset("a/b").await.err(),
            "asset_id: expected letters, digits, `-` and `_`, got \"a/b\"",
        ),
        (pages(&[]).await.err(), "pages: expected numbers from 1 on, got none"),
        (pages(&[2, 0]).await.err(), "pages: expected numbers from 1 on, got 0"),
        (canva.copy_design("a b").check().err(), "design_id: expected letters, digits, `-` and `_`, got \"a b\""),
        (canva.copy_brand_template("").await.err(), "brand_template_id: expected 1 to 50 characters, got 0"),
        (canva.get_design("..").await.err(), "design_id: expected letters, digits, `-` and `_`, got \"..\""),
        (list.err(), "query: expected at most 255 characters, got 256"),
    ] {
        assert_eq!(error.unwrap().to_string(), expected);
    }
    assert!(simulator.requests().is_empty());
}

#[tokio::test]
async fn what_is_not_there_or_may_not_be_used_keeps_its_status_and_code() {
    let (simulator, canva) = start().await;
    let video = canva.upload_asset("tests/fixtures/clip.mp4").await.unwrap().wait().await.unwrap().id;
    let mine = canva.create_design((40, 40)).await.unwrap().id;
    let anna = support::builder(simulator.base_url()).token(simulator.authorize_as("anna")).build().unwrap();
    for (error, expected) in [
        (canva.get_design("none").await.unwrap_err(), (404, "not_found")),
        (anna.get_design(&mine).await.unwrap_err(), (403, "permission_denied")),
        (canva.copy_design("none").await.unwrap_err(), (404, "not_found")),
        (anna.copy_design(&mine).await.unwrap_err(), (403, "permission_denied")),
        (canva.copy_design(&mine).pages([2]).await.unwrap_err(), (400, "bad_request_body")),
        (canva.create_design_from_asset("none").await.unwrap_err(), (404, "asset_not_found")),
        (canva.create_design_from_asset(&video).await.unwrap_err(), (400, "bad_request_body")),
    ] {
        let api = error.api().unwrap();
        assert_eq!((api.status.as_u16(), api.code.as_str()), expected);
    }
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    let bare = Access::new("bare").scopes(["asset:read"]);
    let simulator = Simulator::builder().access(bare).start().await.unwrap();
    let canva = support::builder(simulator.base_url()).token("bare").build().unwrap();
    for (error, scope) in [
        (canva.create_design((40, 40)).await.unwrap_err(), "design:content:write"),
        (canva.copy_design("D1").await.unwrap_err(), "design:content:write"),
        (canva.get_design("D1").await.unwrap_err(), "design:meta:read"),
        (canva.list_designs().stream().next().await.unwrap().unwrap_err(), "design:meta:read"),
    ] {
        assert!(error.report().ends_with(&format!("the token needs {scope}")), "{}", error.report());
    }
}
