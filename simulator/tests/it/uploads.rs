//! Uploads are judged by their bytes, kept as they came, and updated as the spec says.

use std::time::Duration;

use bytes::Bytes;
use canva_simulator::{Access, AssetKind, Simulator};
use reqwest::Method;
use serde_json::{Value, json};

use crate::common::{
    because, client, delete, finished, fixture, image, import, import_url, ok, prompt, read, refused, request, update,
    upload, upload_url,
};

async fn uploaded(simulator: &Simulator, name: &str, bytes: impl Into<reqwest::Body>) -> Value {
    ok(upload(simulator, name, bytes)).await["job"].take()
}

#[tokio::test]
async fn an_image_is_kept_with_its_name_owner_and_real_size() {
    let access = Access::new("token").scopes(["asset:write"]).user("oUser", "oTeam");
    let simulator = Simulator::builder().access(access).job_duration(Duration::ZERO).start().await.unwrap();
    let photo = fixture("photo.png");
    let job = uploaded(&simulator, "Hero 🚀", photo.clone()).await;

    assert_eq!(job["status"], "success");
    assert_eq!(job["asset"]["name"], "Hero 🚀");
    assert_eq!(job["asset"]["type"], "image");
    assert_eq!(job["asset"]["owner"], json!({ "user_id": "oUser", "team_id": "oTeam" }));
    let asset = simulator.assets().remove(0);
    assert_eq!(asset.bytes().unwrap(), photo);
    assert_eq!((asset.kind, asset.width, asset.height), (AssetKind::Image, 1200, 800));
    assert_eq!(asset.owner.team_id, "oTeam");
    assert_eq!(job["asset"]["id"], asset.id.as_str());
}

#[tokio::test]
async fn an_asset_always_has_its_tags_and_what_its_file_says_of_itself() {
    let simulator = prompt().await;
    let photo = uploaded(&simulator, "Photo", fixture("photo.png")).await["asset"].take();
    assert_eq!(photo["tags"], json!([]));
    assert_eq!(photo["metadata"], json!({ "type": "image", "width": 1200, "height": 800 }));
    let id = photo["id"].as_str().unwrap();
    for tags in [json!(["a"]), json!([])] {
        let updated = ok(update(&simulator, id, &json!({ "tags": tags }))).await["asset"].take();
        assert_eq!((&updated["tags"], &updated["metadata"]), (&tags, &photo["metadata"]));
        assert_eq!(ok(read(&simulator, &format!("/v1/assets/{id}"))).await["asset"]["tags"], tags);
    }

    let clip = fixture("clip.mp4");
    let video = uploaded(&simulator, "Video", clip.clone()).await["asset"].take();
    assert_eq!(video["metadata"], json!({ "type": "video", "width": 320, "height": 180, "duration": 2 }));
    assert_eq!(simulator.assets().pop().unwrap().duration, Some(2));
    // As a video in fragments has it, whose length the file doesn't say.
    let untold = uploaded(&simulator, "Video", with_duration(&clip, 0)).await["asset"].take();
    assert_eq!(untold["metadata"], json!({ "type": "video", "width": 320, "height": 180 }));
}

/// The video with another duration of its track, in the track's own units.
fn with_duration(mp4: &[u8], units: u32) -> Vec<u8> {
    let mut mp4 = mp4.to_vec();
    let header = mp4.windows(4).position(|name| name == b"mdhd").unwrap();
    // After the name, a version of 0 and its flags: two times, the timescale, and the duration.
    mp4[header + 20..header + 24].copy_from_slice(&units.to_be_bytes());
    mp4
}

#[tokio::test]
async fn a_thumbnail_is_what_a_browser_shows_behind_a_url_that_needs_its_query() {
    let simulator = prompt().await;
    let placeholder = Bytes::from_static(include_bytes!("../../src/canva/placeholder.png"));
    let cases = [
        ("image.png", "image/png", (48, 32), None),
        ("image.jpg", "image/jpeg", (48, 32), None),
        ("image.gif", "image/gif", (48, 32), None),
        ("image.webp", "image/webp", (48, 32), None),
        // No browser shows all of these.
        ("image.tiff", "image/png", (320, 180), Some(&placeholder)),
        ("image.heic", "image/png", (320, 180), Some(&placeholder)),
        ("video.mov", "image/png", (320, 180), Some(&placeholder)),
    ];
    for (name, mime_type, (width, height), shown) in cases {
        let file = fixture(&format!("kinds/{name}"));
        let job = uploaded(&simulator, name, file.clone()).await;
        let thumbnail = &job["asset"]["thumbnail"];
        assert_eq!((&thumbnail["width"], &thumbnail["height"]), (&json!(width), &json!(height)), "{name}");

        let url = thumbnail["url"].as_str().unwrap();
        let response = client().get(url).send().await.unwrap();
        assert_eq!(response.headers()["content-type"], mime_type, "{name}");
        assert_eq!(&response.bytes().await.unwrap(), shown.unwrap_or(&file), "{name}");

        let bare = url.split('?').next().unwrap();
        for wrong in [bare.to_owned(), format!("{bare}?token=1-0"), format!("{url}0"), format!("{bare}?")] {
            assert_eq!(refused(client().get(wrong)).await, (403, "permission_denied".into()));
        }
    }
}

#[tokio::test]
async fn a_file_over_the_asset_limit_is_too_big() {
    let simulator = Simulator::builder().max_asset_bytes(1000).job_duration(Duration::ZERO).start().await.unwrap();
    let job = uploaded(&simulator, "Photo", fixture("photo.png")).await;
    assert_eq!(job["error"]["code"], "file_too_big");
    let job = uploaded(&simulator, "Dot", fixture("kinds/image.jpg")).await;
    assert_eq!(job["status"], "success");
}

#[tokio::test(start_paused = true)]
async fn a_job_is_in_progress_until_its_time_is_over_and_its_asset_exists_only_then() {
    let simulator = Simulator::builder().job_duration(Duration::from_secs(20)).start().await.unwrap();
    let started = tokio::time::Instant::now();
    let created = ok(upload(&simulator, "Photo", image())).await;
    assert_eq!(created["job"]["status"], "in_progress");
    let job = finished(&simulator, "/v1/asset-uploads", &created).await;
    assert_eq!(job["status"], "success");
    assert!(started.elapsed() >= Duration::from_secs(20));
    assert_eq!(simulator.assets().len(), 1);
}

#[tokio::test]
async fn a_job_exists_only_for_its_kind() {
    let simulator = prompt().await;
    let all = ["/v1/asset-uploads", "/v1/url-asset-uploads", "/v1/imports", "/v1/url-imports"];
    let jobs = [
        ok(upload(&simulator, "Photo", fixture("photo.jpg"))).await,
        ok(upload_url(&simulator, "Photo", "http://192.0.2.1/")).await,
        ok(import(&simulator, "Deck", None, fixture("deck.pdf"))).await,
        ok(import_url(&simulator, "Deck", None, "http://192.0.2.1/")).await,
    ];
    for (own, created) in all.iter().zip(&jobs) {
        let id = created["job"]["id"].as_str().unwrap();
        for path in all {
            let request = read(&simulator, &format!("{path}/{id}"));
            match path == *own {
                true => drop(ok(request).await),
                false => {
                    let reason = format!("read at /rest{own}/{id}");
                    assert_eq!(because(request, &reason).await, (404, "not_found".into()), "{path} for one of {own}");
                }
            }
        }
        // An id that can be none is told from one that isn't there by one operation alone.
        let malformed = if *own == "/v1/imports" { (400, "bad_request_params") } else { (404, "not_found") };
        for (id, (status, code)) in [
            ("none", (404, "not_found")),
            ("e08861ae-3b29-45db-8dc1-1fe0bf7f1cc8", (404, "not_found")),
            ("a%20b", malformed),
        ] {
            assert_eq!(refused(read(&simulator, &format!("{own}/{id}"))).await, (status, code.into()), "{own} {id}");
        }
    }
}

#[tokio::test]
async fn an_update_replaces_what_it_names_and_nothing_else() {
    let simulator = prompt().await;
    let job = uploaded(&simulator, "Photo", fixture("photo.jpg")).await;
    let id = job["asset"]["id"].as_str().unwrap();
    let change = async |body: Value| {
        let before = simulator.assets().remove(0).updated_at;
        let response = ok(update(&simulator, id, &body)).await["asset"].take();
        let asset = simulator.assets().remove(0);
        assert!(asset.updated_at > before);
        assert_eq!(response["updated_at"], asset.updated_at);
        assert_eq!(response["name"], asset.name.as_str());
        let got = ok(read(&simulator, &format!("/v1/assets/{id}"))).await["asset"].take();
        assert_eq!((&got["name"], &got["tags"]), (&response["name"], &response["tags"]));
        (asset.name, asset.tags)
    };
    let tags = |tags: &[&str]| tags.iter().map(|tag| tag.to_string()).collect::<Vec<_>>();
    assert_eq!(change(json!({ "tags": ["a", "b"] })).await, ("Photo".into(), tags(&["a", "b"])));
    assert_eq!(change(json!({ "name": "New" })).await, ("New".into(), tags(&["a", "b"])));
    assert_eq!(change(json!({ "name": "" })).await, ("New".into(), tags(&["a", "b"])));
    assert_eq!(change(json!({ "tags": ["c"] })).await, ("New".into(), tags(&["c"])));
    assert_eq!(change(json!({})).await, ("New".into(), tags(&["c"])));
    assert_eq!(change(json!({ "tags": [] })).await, ("New".into(), tags(&[])));
    // No body at all is one that leaves everything out.
    let same = ok(request(&simulator, Method::PATCH, &format!("/v1/assets/{id}"))).await["asset"].take();
    assert_eq!((&same["name"], &same["tags"]), (&json!("New"), &json!([])));
    let read = ok(read(&simulator, &format!("/v1/asset-uploads/{}", job["id"].as_str().unwrap()))).await;
    assert_eq!(read["job"]["asset"]["name"], "New");
}

#[tokio::test]
async fn a_deleted_asset_is_in_the_trash_and_nowhere_else() {
    let simulator = prompt().await;
    let job = uploaded(&simulator, "Photo", fixture("photo.jpg")).await;
    let id = job["asset"]["id"].as_str().unwrap();
    uploaded(&simulator, "Another", fixture("photo.png")).await;

    let deleted = delete(&simulator, id).send().await.unwrap();
    assert_eq!((deleted.status().as_u16(), deleted.bytes().await.unwrap().as_ref()), (204, b"".as_slice()));
    let names = |assets: Vec<canva_simulator::StoredAsset>| assets.into_iter().map(|it| it.name).collect::<Vec<_>>();
    assert_eq!((names(simulator.assets()), names(simulator.trash())), (vec!["Another".into()], vec!["Photo".into()]));

    let path = format!("/v1/assets/{id}");
    for request in [read(&simulator, &path), update(&simulator, id, &json!({})), delete(&simulator, id)] {
        assert_eq!(refused(request).await, (404, "asset_not_found".into()));
    }
    let thumbnail = client().get(job["asset"]["thumbnail"]["url"].as_str().unwrap());
    assert_eq!(refused(thumbnail).await, (404, "asset_not_found".into()));
    // What the upload came to is history, and stays.
    let read = ok(read(&simulator, &format!("/v1/asset-uploads/{}", job["id"].as_str().unwrap()))).await;
    assert_eq!((&read["job"]["status"], &read["job"]["asset"]["id"]), (&json!("success"), &json!(id)));
}
