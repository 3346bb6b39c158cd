//! Uploads are judged by their bytes, kept as they came, and updated as the spec says.

use std::time::Duration;

use canva_simulator::{Access, AssetKind, Simulator};
use image::ImageFormat;
use reqwest::Method;
use serde_json::{Value, json};

use crate::common::{
    client, delete, encoded, finished, fixture, import, import_url, ok, prompt, read, refused, request, update, upload,
    upload_url,
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
    assert_eq!(asset.bytes, photo);
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
async fn a_thumbnail_is_the_image_scaled_behind_a_url_that_needs_its_query() {
    let simulator = prompt().await;
    let job = uploaded(&simulator, "Photo", fixture("photo.png")).await;
    let thumbnail = &job["asset"]["thumbnail"];
    assert_eq!((&thumbnail["width"], &thumbnail["height"]), (&json!(400), &json!(267)));

    let url = thumbnail["url"].as_str().unwrap();
    let png = client().get(url).send().await.unwrap().bytes().await.unwrap();
    let small = image::load_from_memory_with_format(&png, ImageFormat::Png).unwrap().into_rgb8();
    assert_eq!(small.dimensions(), (400, 267));
    let full = image::load_from_memory(&fixture("photo.png")).unwrap().into_rgb8();
    for (x, y) in [(20, 60), (200, 100), (300, 130)] {
        let (a, b) = (small.get_pixel(x, y), full.get_pixel(x * 3 + 1, y * 3 + 1));
        let close = a.0.iter().zip(b.0).all(|(a, b)| a.abs_diff(b) < 12);
        assert!(close, "at {x}, {y}: {a:?} and {b:?}");
    }

    let bare = url.split('?').next().unwrap();
    for wrong in [bare.to_owned(), format!("{bare}?token=1-0"), format!("{url}0"), format!("{bare}?")] {
        assert_eq!(refused(client().get(wrong)).await, (403, "permission_denied".into()));
    }
}

#[tokio::test]
async fn small_and_extreme_images_keep_a_thumbnail_of_at_least_a_pixel() {
    let simulator = prompt().await;
    for ((width, height), small) in [((20, 10), (20, 10)), ((2000, 1), (400, 1)), ((1, 401), (1, 400))] {
        let job = uploaded(&simulator, "Strip", encoded(width, height, ImageFormat::Png)).await;
        let thumbnail = &job["asset"]["thumbnail"];
        assert_eq!((&thumbnail["width"], &thumbnail["height"]), (&json!(small.0), &json!(small.1)));
    }
}

#[tokio::test]
async fn all_image_formats_and_videos_are_told_by_their_bytes() {
    let simulator = prompt().await;
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP, ImageFormat::Tiff] {
        let job = uploaded(&simulator, "Image", encoded(48, 32, format)).await;
        assert_eq!(job["asset"]["type"], "image", "{format:?}: {job}");
        let asset = simulator.assets().pop().unwrap();
        assert_eq!((asset.width, asset.height), (48, 32), "{format:?}");
    }
    let job = uploaded(&simulator, "Video", fixture("clip.mp4")).await;
    assert_eq!(job["asset"]["type"], "video");
    let video = simulator.assets().pop().unwrap();
    assert_eq!((video.kind, video.width, video.height), (AssetKind::Video, 320, 180));
    let png =
        client().get(job["asset"]["thumbnail"]["url"].as_str().unwrap()).send().await.unwrap().bytes().await.unwrap();
    let frame = image::load_from_memory(&png).unwrap();
    assert_eq!((frame.width(), frame.height()), (320, 180));
}

#[tokio::test]
async fn what_is_no_image_or_video_or_a_broken_one_fails_to_import() {
    let simulator = prompt().await;
    let (png, jpg, mp4) = (fixture("photo.png"), fixture("photo.jpg"), fixture("clip.mp4"));
    let mut damaged = png.to_vec();
    damaged[70_000] ^= 0xff;
    let photo = photo_with_exif(200, 100, 1);
    let content = mp4.windows(4).position(|name| name == b"mdat").unwrap() - 4;
    let cases = [
        ("text", fixture("notes.txt").to_vec()),
        ("nothing", Vec::new()),
        ("a PDF", fixture("deck.pdf").to_vec()),
        ("half a PNG", png[..png.len() / 2].to_vec()),
        ("a PNG with a wrong byte", damaged),
        ("half a JPEG", jpg[..jpg.len() / 2].to_vec()),
        ("half an MP4", mp4[..mp4.len() / 2].to_vec()),
        ("an MP4's first bytes", mp4[..40].to_vec()),
        ("half a JPEG with a thumbnail", photo[..photo.len() / 2 + 500].to_vec()),
        ("a JPEG without its end", photo[..photo.len() - 2].to_vec()),
        ("a video's header", mp4[..content].to_vec()),
        ("a video of nothing", [&mp4[..content], b"\0\0\0\x08mdat"].concat()),
    ];
    for (what, bytes) in cases {
        let job = uploaded(&simulator, what, bytes).await;
        assert_eq!((&job["status"], &job["error"]["code"]), (&json!("failed"), &json!("import_failed")), "{what}");
    }
    assert!(simulator.assets().is_empty());
}

/// A JPEG with an EXIF header that has this orientation, and a thumbnail.
fn photo_with_exif(width: u32, height: u32, orientation: u8) -> Vec<u8> {
    let tiff = [b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", &[orientation, 0, 0, 0, 0, 0, 0, 0][..]].concat();
    let header = [b"Exif\0\0", &tiff[..], &encoded(16, 8, ImageFormat::Jpeg)].concat();
    let length = (header.len() as u16 + 2).to_be_bytes();
    let photo = encoded(width, height, ImageFormat::Jpeg);
    [&photo[..2], &[0xff, 0xe1], &length, &header, &photo[2..]].concat()
}

#[tokio::test]
async fn a_photo_is_as_wide_and_high_as_it_is_shown_and_its_thumbnail_is_upright() {
    let simulator = prompt().await;
    for orientation in 1..=8 {
        let job = uploaded(&simulator, "Photo", photo_with_exif(200, 100, orientation)).await;
        let (width, height) = if orientation < 5 { (200, 100) } else { (100, 200) };
        let asset = simulator.assets().pop().unwrap();
        assert_eq!((asset.width, asset.height), (width, height), "{orientation}");
        let thumbnail = &job["asset"]["thumbnail"];
        assert_eq!((&thumbnail["width"], &thumbnail["height"]), (&json!(width), &json!(height)), "{orientation}");

        let url = thumbnail["url"].as_str().unwrap();
        let png = client().get(url).send().await.unwrap().bytes().await.unwrap();
        let shown = image::load_from_memory(&png).unwrap().into_rgb8();
        // Red grows to the right and green downwards in the photo as it is stored.
        let [left, right] = [shown.get_pixel(2, 50), shown.get_pixel(width - 3, 50)];
        let [top, bottom] = [shown.get_pixel(50, 2), shown.get_pixel(50, height - 3)];
        let grows = |from: &image::Rgb<u8>, to: &image::Rgb<u8>| {
            [0, 1].map(|color| {
                (i16::from(to.0[color]) - i16::from(from.0[color])).signum()
                    * i16::from(to.0[color].abs_diff(from.0[color]) > 50)
            })
        };
        let expected = match orientation {
            1 => ([1, 0], [0, 1]),
            2 => ([-1, 0], [0, 1]),
            3 => ([-1, 0], [0, -1]),
            4 => ([1, 0], [0, -1]),
            5 => ([0, 1], [1, 0]),
            6 => ([0, -1], [1, 0]),
            7 => ([0, -1], [-1, 0]),
            _ => ([0, 1], [-1, 0]),
        };
        assert_eq!((grows(left, right), grows(top, bottom)), expected, "{orientation}");
    }
}

#[tokio::test]
async fn a_file_over_the_asset_limit_is_too_big() {
    let simulator = Simulator::builder().max_asset_bytes(1000).job_duration(Duration::ZERO).start().await.unwrap();
    let job = uploaded(&simulator, "Photo", fixture("photo.png")).await;
    assert_eq!(job["error"]["code"], "file_too_big");
    let job = uploaded(&simulator, "Dot", encoded(4, 4, ImageFormat::Png)).await;
    assert_eq!(job["status"], "success");
}

#[tokio::test(start_paused = true)]
async fn a_job_is_in_progress_until_its_time_is_over_and_its_asset_exists_only_then() {
    let simulator = Simulator::builder().job_duration(Duration::from_secs(20)).start().await.unwrap();
    let started = tokio::time::Instant::now();
    let created = ok(upload(&simulator, "Photo", encoded(8, 8, ImageFormat::Png))).await;
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
                false => assert_eq!(refused(request).await, (400, "job_id_invalid".into()), "{path} for one of {own}"),
            }
        }
        for (id, code) in [
            ("none", "job_id_invalid"),
            ("a%20b", "job_id_invalid"),
            ("e08861ae-3b29-45db-8dc1-1fe0bf7f1cc8", "job_not_created_via_connect_api"),
        ] {
            assert_eq!(refused(read(&simulator, &format!("{own}/{id}"))).await, (400, code.into()), "{id}");
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
