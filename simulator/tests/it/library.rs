//! The library is filled, seen and reset from outside the API, and holds more than fits into memory.

use std::io::ErrorKind;
use std::time::Duration;

use bytes::Bytes;
use canva_simulator::{JobOutcome, Simulator};
use serde_json::{Value, json};

use crate::common::{
    by, client, create_folder, delete, finished, fixture, id, image, import_url, move_item, ok, prompt, read, refused,
    upload, upload_url, web,
};

#[tokio::test]
async fn a_file_that_stands_for_a_url_is_taken_from_there_without_a_network() {
    let simulator = Simulator::builder()
        .job_duration(Duration::ZERO)
        .file_at("https://example.com/a.png", image())
        .file_at("HTTPS://Example.com:443/b/../deck.pdf?x=1#page", fixture("deck.pdf"))
        .start()
        .await
        .unwrap();
    for url in ["https://example.com/a.png", "https://EXAMPLE.com/./a.png#top", "https://x:y@example.com/a.png"] {
        let job = ok(upload_url(&simulator, "Photo", url)).await["job"].take();
        assert_eq!(job["status"], "success", "{url}: {job}");
    }
    let job = ok(import_url(&simulator, "Deck", None, "https://example.com/deck.pdf?x=1")).await["job"].take();
    assert_eq!(job["status"], "success", "{job}");
    for other in ["http://example.com/a.png", "https://example.com/a.png?", "https://example.com/A.png"] {
        let job = ok(upload_url(&simulator, "Photo", other)).await["job"].take();
        assert_eq!(job["error"]["code"], "fetch_failed", "{other}");
    }
}

#[tokio::test]
async fn a_redirect_leads_to_a_file_that_stands_for_a_url() {
    let simulator = prompt().await;
    simulator.file_at("https://example.com/a.png", image()).unwrap();
    let moved = ("302 Found\r\nlocation: https://example.com/a.png".to_owned(), Bytes::new());
    let port = web([("/moved", moved)].into()).await;
    let job = ok(upload_url(&simulator, "Photo", &format!("http://127.0.0.1:{port}/moved"))).await["job"].take();
    assert_eq!(job["status"], "success", "{job}");
}

#[tokio::test]
async fn a_file_for_a_url_is_replaced_removed_and_bound_by_the_same_limits() {
    let simulator = Simulator::builder().job_duration(Duration::ZERO).max_asset_bytes(200).start().await.unwrap();
    let url = "http://photos.test/a";
    let code = async || ok(upload_url(&simulator, "Photo", url)).await["job"]["error"]["code"].take();
    simulator.file_at(url, vec![0; 200]).unwrap();
    assert_eq!(code().await, "import_failed");
    simulator.file_at(url, vec![0; 201]).unwrap();
    assert_eq!(code().await, "file_too_big");
    assert_eq!(simulator.files(), [json!({ "url": url, "bytes": 201 })]);
    let imports = Simulator::builder().job_duration(Duration::ZERO).max_body_bytes(200).file_at(url, vec![0; 201]);
    let job = ok(import_url(&imports.start().await.unwrap(), "Deck", None, url)).await["job"].take();
    assert_eq!(job["error"]["message"], "The file can't be fetched: it is larger than 200 bytes.");
    simulator.remove_file_at(url).unwrap();
    assert_eq!(code().await, "fetch_failed");
    assert_eq!(simulator.remove_file_at(url).unwrap_err().kind(), ErrorKind::NotFound);
    for wrong in ["photos.test/a", "ftp://photos.test/a", "file:///etc/hostname", "", "https://"] {
        let error = simulator.file_at(wrong, image()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("expected an http or https URL"), "{error}");
    }
}

#[tokio::test]
async fn files_are_added_without_a_request_and_judged_as_uploads_are() {
    let simulator = prompt().await;
    let photo = simulator.add("Photo", fixture("photo.jpg"), None).await.unwrap();
    let clip = simulator.add("Clip", fixture("clip.mp4"), Some("anna")).await.unwrap();
    let deck = simulator.add("Deck", fixture("deck.pptx"), None).await.unwrap();
    let asset = ok(read(&simulator, &format!("/v1/assets/{photo}"))).await["asset"].take();
    assert_eq!((&asset["name"], &asset["metadata"]["width"]), (&json!("Photo"), &json!(1200)));
    assert_eq!(simulator.assets_of("anna")[0].id, clip);
    let design = ok(read(&simulator, &format!("/v1/designs/{deck}"))).await["design"].take();
    assert_eq!((&design["title"], &design["page_count"]), (&json!("Deck"), &json!(2)));
    let cut = fixture("deck.pdf").slice(..100);
    for (name, bytes, why) in [
        ("notes", fixture("notes.txt"), "notes: The file is no image or video"),
        ("cut", cut, "cut: The file is a PDF that is damaged"),
        ("gif", Bytes::from_static(b"GIF89a"), "gif: The file is a GIF image that is damaged or cut"),
        ("", image(), "1 to 50 characters"),
        (&"é".repeat(51), image(), "1 to 50 characters"),
    ] {
        let error = simulator.add(name, bytes.clone(), None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(why), "{error}");
        assert!(Simulator::builder().add(name, bytes).start().await.is_err());
    }
    assert!(simulator.requests().len() == 2 && simulator.jobs().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_reset_brings_back_the_start_and_ends_running_jobs_into_nothing() {
    let simulator = Simulator::builder()
        .job_duration(Duration::from_secs(20))
        .add("Photo", fixture("photo.jpg"))
        .add("Deck", fixture("deck.pdf"))
        .outcome(JobOutcome::failure("import_failed").times(1).name("broken"))
        .file_at("https://example.com/a.png", image())
        .start()
        .await
        .unwrap();
    let all = || (ids(&simulator.library()), simulator.outcomes(), simulator.files());
    let before = all();
    let url = "https://example.com/a.png";
    let running = ok(upload_url(&simulator, "New", url)).await["job"]["id"].take();
    let broken = ok(upload(&simulator, "broken", image())).await;
    finished(&simulator, "/v1/asset-uploads", &broken).await;
    let photo = simulator.assets()[0].id.clone();
    assert_eq!(delete(&simulator, &photo).send().await.unwrap().status(), 204);
    ok(create_folder(&simulator, "Folder", "root")).await;
    simulator.file_at("https://example.com/b.png", image()).unwrap();
    simulator.outcome(JobOutcome::failure("internal_error")).unwrap();
    let importing = ok(import_url(&simulator, "broken 2", None, url)).await["job"]["id"].take();

    simulator.reset();
    assert_eq!(all(), before);
    assert!(simulator.jobs().is_empty() && simulator.trash().is_empty());
    for (jobs, id) in [("url-asset-uploads", &running), ("url-imports", &importing)] {
        let job = read(&simulator, &format!("/v1/{jobs}/{}", id.as_str().unwrap()));
        assert_eq!(refused(job).await, (404, "not_found".into()));
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(all(), before);

    // The same URL may come again, and ids go on.
    let again = ok(upload_url(&simulator, "New", url)).await["job"]["id"].take();
    assert!(again.as_str().unwrap() > importing.as_str().unwrap(), "{again}");
}

#[tokio::test(start_paused = true)]
async fn all_jobs_and_all_that_users_have_can_be_seen_the_newest_first() {
    let simulator = Simulator::builder().job_duration(Duration::from_secs(20)).start().await.unwrap();
    let photo = ok(upload(&simulator, "Photo", image())).await;
    tokio::time::advance(Duration::from_secs(5)).await;
    let notes = ok(upload(&simulator, "Notes", fixture("notes.txt"))).await;
    let jobs = simulator.jobs();
    assert_eq!((&jobs[0]["id"], &jobs[1]["id"]), (&notes["job"]["id"], &photo["job"]["id"]));
    let time = |index: usize, field: &str| jobs[index][field].as_f64().unwrap();
    assert_eq!((time(1, "ends_at") - time(1, "started_at")).round(), 20.0);
    assert_eq!((time(0, "started_at") - time(1, "started_at")).round(), 5.0);
    assert_eq!((&jobs[0]["status"], &jobs[0]["kind"]), (&json!("in_progress"), &json!("asset-upload")));

    let asset = finished(&simulator, "/v1/asset-uploads", &photo).await["asset"].take();
    finished(&simulator, "/v1/asset-uploads", &notes).await;
    simulator.add("Deck", fixture("deck.pdf"), Some("anna")).await.unwrap();
    ok(create_folder(&simulator, "Folder", "root")).await;
    let jobs = simulator.jobs();
    assert_eq!((&jobs[1]["asset_id"], &jobs[1]["error"]), (&asset["id"], &json!(null)));
    assert_eq!((&jobs[0]["status"], &jobs[0]["error"]["code"]), (&json!("failed"), &json!("import_failed")));
    let all = simulator.library();
    assert_eq!((&all["assets"][0]["id"], &all["assets"][0]["size"]), (&asset["id"], &json!(image().len())));
    assert_eq!((&all["assets"][0]["folder_id"], &all["folders"][0]["folder_id"]), (&json!("uploads"), &json!("root")));
    let deck = &all["designs"][0];
    assert_eq!((&deck["owner"]["user_id"], &deck["mime_type"]), (&json!("anna"), &json!("application/pdf")));
    delete(&simulator, asset["id"].as_str().unwrap()).send().await.unwrap();
    let all = simulator.library();
    assert_eq!((&all["assets"], &all["trash"][0]["id"]), (&json!([]), &asset["id"]));
}

/// What there is, by kind.
fn ids(library: &Value) -> Vec<(String, Vec<Value>)> {
    let ids = |things: &Value| things.as_array().unwrap().iter().map(|thing| thing["id"].clone()).collect();
    library.as_object().unwrap().iter().map(|(kind, things)| (kind.clone(), ids(things))).collect()
}

/// A film of so many bytes, whose last ones are the number.
fn film(length: u32, number: u8) -> Bytes {
    let clip = fixture("clip.mp4");
    let mut film = clip.to_vec();
    film.extend_from_slice(&(length - clip.len() as u32).to_be_bytes());
    film.extend_from_slice(b"free");
    film.resize(length as usize, number);
    film.into()
}

#[tokio::test]
async fn what_exceeds_the_memory_is_kept_on_the_disk_and_read_back() {
    let simulator = prompt().await;
    for number in 0..4 {
        let job = ok(upload(&simulator, &number.to_string(), film(70_000_000, number))).await["job"].take();
        assert_eq!(job["status"], "success", "{job}");
    }
    // What is on the disk after the first 256 MiB: also a thumbnail, and a file that a URL stands for.
    let job = ok(upload(&simulator, "Photo", padded_photo())).await["job"].take();
    let thumbnail = client().get(job["asset"]["thumbnail"]["url"].as_str().unwrap()).send().await;
    assert_eq!(thumbnail.unwrap().bytes().await.unwrap(), padded_photo());
    simulator.file_at("http://example.com/film", film(60_000_000, 9)).unwrap();
    ok(upload_url(&simulator, "9", "http://example.com/film")).await;
    for asset in simulator.assets().into_iter().filter(|asset| asset.name != "Photo") {
        let expected = film(if asset.name == "9" { 60_000_000 } else { 70_000_000 }, asset.name.parse().unwrap());
        assert!(asset.bytes().unwrap() == expected, "{}", asset.name);
    }
    simulator.reset();
    // What was in memory is free again, and so is the place on the disk.
    for number in 0..4 {
        ok(upload(&simulator, &number.to_string(), film(70_000_000, number + 10))).await;
    }
    for (number, asset) in simulator.assets().iter().enumerate() {
        assert!(asset.bytes().unwrap() == film(70_000_000, number as u8 + 10), "{number}");
    }
}

/// A JPEG image of 20 MB: what comes after its end is none of it.
fn padded_photo() -> Bytes {
    let mut photo = fixture("photo.jpg").to_vec();
    photo.resize(20_000_000, 0);
    photo.into()
}

#[tokio::test]
async fn after_a_reset_jobs_go_by_the_time_of_now_again() {
    let hour = Duration::from_secs(3600);
    let simulator = Simulator::builder().job_duration(hour).start().await.unwrap();
    simulator.advance(48 * hour);
    ok(upload(&simulator, "Before", image())).await;
    simulator.reset();
    assert!(simulator.jobs().is_empty());
    let created = ok(upload(&simulator, "After", image())).await;
    simulator.advance(hour);
    assert_eq!(finished(&simulator, "/v1/asset-uploads", &created).await["status"], "success");
    assert_eq!(simulator.assets().len(), 1);
}

#[tokio::test]
async fn a_reset_goes_back_to_what_was_kept_with_folders_trash_and_revoked_tokens() {
    let simulator = prompt().await;
    let folder = id(create_folder(&simulator, "Kept", "root"), "folder").await;
    let [asset, deleted] = [simulator.add("A", image(), None).await, simulator.add("B", image(), None).await];
    move_item(&simulator, &asset.unwrap(), &folder).send().await.unwrap();
    delete(&simulator, &deleted.unwrap()).send().await.unwrap();
    let anna = simulator.authorize_as("anna");
    simulator.revoke(&anna).unwrap();
    simulator.keep();
    create_folder(&simulator, "Gone", "root").send().await.unwrap();
    simulator.reset();
    let folders: Vec<String> = simulator.folders().into_iter().map(|folder| folder.name).collect();
    assert_eq!((folders, simulator.trash().len()), (vec!["Kept".to_owned()], 1));
    assert_eq!(simulator.assets()[0].folder_id, folder);
    let me = by(&anna, read(&simulator, "/v1/users/me"));
    assert_eq!(refused(me).await, (401, "revoked_access_token".into()));
}

#[tokio::test]
async fn a_job_can_last_for_ever() {
    let simulator = Simulator::builder().job_duration(Duration::MAX).start().await.unwrap();
    assert_eq!(ok(upload(&simulator, "Photo", image())).await["job"]["status"], "in_progress");
    simulator.advance(Duration::MAX);
    assert_eq!(simulator.jobs()[0]["status"], "in_progress");
}
