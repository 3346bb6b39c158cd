//! An id from a stranger can't lead a request to another resource.

use canva_connect::operations::Operation;
use canva_connect::{Client, Error, JobKind, JobReference};

use crate::support::{self, once};

const IDS: [&str; 18] = [
    "",
    ".",
    "..",
    "../..",
    "..\\..",
    "%2e%2e",
    "a/b",
    "a%2fb",
    "/",
    "//127.0.0.1:1/x",
    "?admin=1",
    "#",
    "a b",
    "a;b",
    "a\r\nx-admin: 1",
    "\0",
    "\t..\n",
    "\u{ff0e}\u{ff0e}\u{2215}",
];

#[tokio::test]
async fn the_facade_sends_nothing() {
    // What is sent ends in another error here.
    let (_port, base_url) = support::refusing();
    let canva = once(&base_url);
    let refused = |error: Error, id: &str| assert!(matches!(error, Error::InvalidInput { .. }), "{id:?}: {error:?}");
    // Whatever isn't a letter, a digit, `-` or `_` of ASCII.
    let wrong = (0..=0x100).filter_map(char::from_u32).filter(|c| !c.is_ascii_alphanumeric() && !"-_".contains(*c));
    let wrong = wrong.map(|wrong| format!("a{wrong}")).chain(["a".repeat(51)]);
    for id in IDS.into_iter().map(str::to_owned).chain(wrong) {
        let id = id.as_str();
        refused(canva.get_asset(id).await.unwrap_err(), id);
        refused(canva.update_asset(id).name("n").await.unwrap_err(), id);
        refused(canva.delete_asset(id).await.unwrap_err(), id);
        refused(canva.list_folder_items(id).stream().next().await.unwrap().unwrap_err(), id);
        refused(canva.create_folder("n").parent(id).await.unwrap_err(), id);
        refused(canva.move_folder_item(id, "root").await.unwrap_err(), id);
        refused(canva.move_folder_item("a", id).await.unwrap_err(), id);
        refused(canva.get_design(id).await.unwrap_err(), id);
        refused(canva.create_design_from_asset(id).await.unwrap_err(), id);
        refused(canva.copy_design(id).await.unwrap_err(), id);
        refused(canva.copy_brand_template(id).await.unwrap_err(), id);
        for kind in JobKind::ALL {
            let stored = JobReference::new(*kind, id);
            refused(canva.job(stored).wait().await.unwrap_err(), id);
        }
    }
}

/// Every generated call that takes an id, and one of a caller's own, each with the path that it is for.
async fn generated(canva: &Client, id: &str) -> Vec<(&'static str, Result<(), Error>)> {
    static CUSTOM: Operation = Operation::new("custom", "GET", "/v1/custom/{id}");
    let api = canva.generated();
    vec![
        ("GET /rest/v1/assets/", api.get_asset(id).await.map(drop)),
        ("DELETE /rest/v1/assets/", api.delete_asset(id).await.map(drop)),
        ("PATCH /rest/v1/assets/", api.update_asset(id, &Default::default()).await.map(drop)),
        ("GET /rest/v1/asset-uploads/", api.get_asset_upload_job(id).await.map(drop)),
        ("GET /rest/v1/url-asset-uploads/", api.get_url_asset_upload_job(id).await.map(drop)),
        ("GET /rest/v1/imports/", api.get_design_import_job(id).await.map(drop)),
        ("GET /rest/v1/url-imports/", api.get_url_import_job(id).await.map(drop)),
        ("GET /rest/v1/designs/", api.get_design(id).await.map(drop)),
        ("GET /rest/v1/custom/", canva.request(&CUSTOM).path("id", id).await),
    ]
}

/// They leave it to Canva what an id looks like.
#[tokio::test]
async fn a_generated_call_sends_it_as_one_segment_of_the_path_or_not_at_all() {
    let (listener, base_url) = support::listen().await;
    let (seen, mut requests) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            while let Ok(mut head) = support::read_head(&mut stream).await {
                support::read_body(&mut stream, &mut head).await.unwrap();
                seen.send(head.text).unwrap();
                support::answer(&mut stream, "404 Not Found", "", "").await.unwrap();
            }
        }
    });
    let canva = once(&base_url);
    for id in IDS {
        for (resource, result) in generated(&canva, id).await {
            match result.unwrap_err() {
                Error::Api(_) => {
                    let request = requests.try_recv().unwrap();
                    let (line, headers) = request.split_once("\r\n").unwrap();
                    let segment = line.strip_prefix(resource).and_then(|rest| rest.strip_suffix(" HTTP/1.1"));
                    let segment = segment.unwrap_or_else(|| panic!("{id:?} of {resource} became {line}"));
                    assert!(!segment.contains(['/', '\\', '?', '#', ' ', ';']) || id == "a;b", "{id:?} became {line}");
                    assert!(!["", ".", ".."].contains(&segment), "{id:?} became {line}");
                    assert!(!headers.contains("x-admin"), "{headers}");
                }
                error => assert!(matches!(error, Error::InvalidInput { .. }), "{error:?}"),
            }
        }
        assert!(requests.try_recv().is_err(), "{id:?}: a request that failed was sent");
    }
}
