//! Any Unicode within the limits arrives as it was given, and nothing over them leaves.

use std::sync::LazyLock;
use std::time::Duration;

use canva_connect::{Client, Error, Pacing};
use canva_simulator::Simulator;
use proptest::prelude::*;

use crate::support::{self, PIXEL};

struct Setup {
    runtime: tokio::runtime::Runtime,
    simulator: Simulator,
    canva: Client,
    asset_id: String,
}

static SETUP: LazyLock<Setup> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (simulator, canva, asset_id) = runtime.block_on(async {
        let simulator = Simulator::builder().job_duration(Duration::ZERO).start().await.unwrap();
        let canva = support::simulated(&simulator).pacer(Pacing::off()).build().unwrap();
        let asset = canva.upload_asset(PIXEL.to_vec()).name("pixel").await.unwrap().wait().await.unwrap();
        (simulator, canva, asset.id)
    });
    Setup { runtime, simulator, canva, asset_id }
});

/// Between `min` and `max` Unicode scalar values, of every kind.
fn text(min: usize, max: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(any::<char>(), min..=max).prop_map(String::from_iter)
}

/// A client of which nothing may leave: nobody listens where it would go, and it would say so.
static NOWHERE: LazyLock<Client> = LazyLock::new(|| support::once("http://127.0.0.1:1/rest"));

fn refused<T>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::InvalidInput { .. }))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn names_titles_and_tags_round_trip(
        name in text(1, 50),
        title in text(1, 50),
        renamed in text(1, 50),
        tags in prop::collection::vec(text(0, 50), 0..=50),
    ) {
        let Setup { runtime, simulator, canva, asset_id } = &*SETUP;
        runtime.block_on(async {
            let upload = canva.upload_asset(PIXEL.to_vec()).name(&name);
            assert_eq!(upload.sent_name().unwrap(), name);
            let asset = upload.await.unwrap().wait().await.unwrap();
            assert_eq!(asset.name, name);
            let designs =
                canva.import_design("tests/fixtures/deck.pdf").title(&title).await.unwrap().wait().await.unwrap();
            assert_eq!(designs[0].title.as_ref(), Some(&title));
            let asset = canva.update_asset(asset_id).name(&renamed).tags(&tags).await.unwrap();
            assert_eq!((asset.name, asset.tags), (renamed, tags));
        });
        let stored = simulator.assets();
        prop_assert!(stored.iter().any(|asset| asset.name == name));
    }
}

#[test]
fn a_file_name_that_is_too_long_is_shortened_as_a_default_and_never_as_a_given_name() {
    let Setup { runtime, canva, .. } = &*SETUP;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("Screenshot 2026-11-21 at 07.21.38 - Autumn Collection Overview 👩🏽‍🚀.png");
    std::fs::write(&path, PIXEL).unwrap();
    runtime.block_on(async {
        let upload = canva.upload_asset(&path);
        let sent_name = upload.sent_name().unwrap();
        let asset = upload.await.unwrap().wait().await.unwrap();
        assert_eq!(asset.name, sent_name);
        assert_eq!(asset.name, "Screenshot 2026-11-21 at 07.21.38 - Autumn Col.png");
        assert_eq!(asset.name.chars().count(), 50);
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(refused(canva.upload_asset(&path).name(name).check()));
        std::fs::copy("tests/fixtures/deck.pdf", path.with_extension("pdf")).unwrap();
        let import = canva.import_design(path.with_extension("pdf"));
        let sent_title = import.sent_title().unwrap();
        let title = import.await.unwrap().wait().await.unwrap()[0].title.clone().unwrap();
        assert_eq!(title, sent_title);
        assert_eq!(title, "Screenshot 2026-11-21 at 07.21.38 - Autumn Collect");
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_name_that_is_not_unicode_asks_for_a_name() {
    use std::os::unix::ffi::OsStrExt;
    let path = std::path::Path::new(std::ffi::OsStr::from_bytes(b"photo\xFF.png"));
    let error = SETUP.runtime.block_on(async { NOWHERE.upload_asset(path).await.unwrap_err() });
    assert_eq!(
        error.to_string(),
        r#"name: expected a name to be given, since the file's isn't Unicode, got "photo\xFF.png""#
    );
}

#[test]
fn lengths_can_be_checked_before_there_is_anything_to_send() {
    let is = |length: usize| "é".repeat(length);
    let canva = &*NOWHERE;
    type Check<'a> = &'a dyn Fn(&str) -> Result<(), Error>;
    let checks: [(Check<'_>, usize, usize); 5] = [
        (&|name| canva.upload_asset(vec![1]).name(name).check(), 1, 50),
        (&|name| canva.upload_asset_from_url("https://example.com", name).check(), 1, 255),
        (&|name| canva.update_asset("a").name(name).check(), 0, 50),
        (&|title| canva.import_design(vec![1]).title(title).check(), 1, 50),
        (&|title| canva.import_design_from_url("https://example.com", title).check(), 1, 255),
    ];
    for (check, least, most) in checks {
        assert_eq!(check("").is_ok(), least == 0);
        assert!(check(&is(1)).is_ok() && check(&is(most)).is_ok() && refused(check(&is(most + 1))));
    }
}

#[tokio::test]
async fn nothing_leaves_that_is_wrong_and_the_error_says_what_was_expected_and_what_came() {
    let canva = &*NOWHERE;
    let (web, long_url) = ("https://example.com/a", format!("https://example.com/{}", "a".repeat(2048)));
    let (long, longer) = ("🚀".repeat(51), "🚀".repeat(256));
    let upload = |name: &str| canva.upload_asset(vec![1]).name(name);
    let import = || canva.import_design(vec![1]);
    let update = || canva.update_asset("a");
    let from_url = |url: &str, name: &str| canva.upload_asset_from_url(url, name);
    let import_from_url = |url: &str, title: &str| canva.import_design_from_url(url, title);
    let media_type = r#"mime_type: expected a media type such as `application/pdf`, got "pdf""#;
    for (error, expected) in [
        (upload(&long).await.err(), "name: expected 1 to 50 characters, got 51"),
        (
            canva.upload_asset(vec![1]).await.err(),
            "name: expected a name to be given, since there is no file name to take, got none",
        ),
        (import().title(&long).await.err(), "title: expected 1 to 50 characters, got 51"),
        (import().title("t").mime_type("pdf").await.err(), media_type),
        (update().name(&long).await.err(), "name: expected at most 50 characters, got 51"),
        (update().tags([&long]).await.err(), "tags: expected at most 50 characters each, got 51"),
        (update().tags(vec!["t"; 51]).await.err(), "tags: expected at most 50 tags, got 51"),
        (canva.update_asset("../x").await.err(), "asset_id: expected letters, digits, `-` and `_`, got \"../x\""),
        (from_url(web, &longer).await.err(), "name: expected 1 to 255 characters, got 256"),
        (from_url(&long_url, "n").await.err(), "url: expected 8 to 2048 characters, got 2068"),
        (
            from_url("file:///etc/passwd", "n").await.err(),
            "url: expected an http or https URL, got \"file:///etc/passwd\"",
        ),
        (import_from_url(web, &longer).await.err(), "title: expected 1 to 255 characters, got 256"),
        (import_from_url(&long_url, "n").await.err(), "url: expected 1 to 2048 characters, got 2068"),
        (import_from_url("deck.pdf", "n").await.err(), "url: expected an http or https URL, got \"deck.pdf\""),
        (import_from_url(web, "n").mime_type("pdf").await.err(), media_type),
        (
            import_from_url(web, "n").mime_type(format!("a/{}", "b".repeat(99))).await.err(),
            "mime_type: expected 1 to 100 characters, got 101",
        ),
    ] {
        assert_eq!(error.unwrap().to_string(), expected);
    }
}
