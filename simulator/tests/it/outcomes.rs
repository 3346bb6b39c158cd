//! Jobs end as a test says: with any error, after any time.

use std::io::ErrorKind;
use std::time::Duration;

use canva_simulator::{JobKind, JobOutcome, Simulator};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::common::{finished, fixture, image, import, import_url, ok, prompt, upload, upload_url};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn jobs_fail_with_every_code_of_the_spec_and_with_a_new_one() {
    let simulator = prompt().await;
    let codes = [
        "design_creation_throttled",
        "design_import_throttled",
        "duplicate_import",
        "internal_error",
        "invalid_file",
        "fetch_failed",
        "file_too_big",
        "import_failed",
        "not_yet_known_2",
    ];
    for code in codes {
        simulator.outcome(JobOutcome::failure(code).times(1)).unwrap();
        let job = ok(import(&simulator, "Deck", None, fixture("deck.pdf"))).await["job"].take();
        assert_eq!((&job["status"], &job["error"]["code"]), (&json!("failed"), &json!(code)));
        assert!(job["error"]["message"].as_str().unwrap().ends_with('.'), "{job}");
    }
    simulator.outcome(JobOutcome::failure("internal_error").message("On purpose.")).unwrap();
    let job = ok(upload(&simulator, "Photo", image())).await["job"].take();
    assert_eq!(job["error"], json!({ "code": "internal_error", "message": "On purpose." }));
    assert!(simulator.assets().is_empty() && simulator.designs().is_empty());
}

#[tokio::test]
async fn a_rule_is_for_jobs_of_its_kind_and_name_and_for_so_many() {
    let simulator = prompt().await;
    simulator.file_at("https://example.com/deck.pdf", fixture("deck.pdf")).unwrap();
    simulator
        .outcome(JobOutcome::failure("import_failed").kind(JobKind::AssetUpload).name("broken-*").times(2))
        .unwrap();
    let status = async |request| ok(request).await["job"]["status"].take();
    let url = "https://example.com/deck.pdf";
    assert_eq!(status(import(&simulator, "broken-1", None, fixture("deck.pdf"))).await, "success");
    assert_eq!(status(import_url(&simulator, "broken-1", None, url)).await, "success");
    for (name, expected) in [
        ("Broken-1", "success"),
        ("not broken-1", "success"),
        ("broken-1", "failed"),
        ("broken-", "failed"),
        ("broken-1", "success"),
    ] {
        assert_eq!(status(upload(&simulator, name, image())).await, expected, "{name}");
    }
    assert!(simulator.outcomes().is_empty());
}

#[tokio::test]
async fn a_star_in_a_name_stands_for_any_text() {
    let simulator = prompt().await;
    let cases = [
        ("*", "anything", true),
        ("a*", "a", true),
        ("a*b*c", "a-b-b-c", true),
        ("a*b*c", "acb", false),
        ("ab*ba", "aba", false),
        ("*b*", "abc", true),
        ("*é*", "Caf\u{e9}", true),
        ("a**c", "ac", true),
        ("a.c", "abc", false),
        ("a?c", "abc", false),
        ("a", "ab", false),
        ("*.png", "a.png.jpg", false),
    ];
    for (pattern, name, fits) in cases {
        let rule = simulator.outcome(JobOutcome::failure("import_failed").name(pattern)).unwrap();
        let job = ok(upload(&simulator, name, image())).await["job"].take();
        assert_eq!(job["status"] == "failed", fits, "{pattern} and {name}");
        simulator.remove_outcome(rule).unwrap();
    }
    assert_eq!(simulator.remove_outcome(1).unwrap_err().kind(), ErrorKind::NotFound);
    simulator.outcome(JobOutcome::failure("import_failed")).unwrap();
    simulator.clear_outcomes();
    assert_eq!(ok(upload(&simulator, "Photo", image())).await["job"]["status"], "success");
}

#[tokio::test(start_paused = true)]
async fn a_job_takes_the_time_of_its_rule_and_ends_as_it_would() {
    let simulator = Simulator::builder()
        .job_duration(SECOND)
        .outcome(JobOutcome::lasting(20 * SECOND).name("slow"))
        .outcome(JobOutcome::failure("duplicate_import").after(5 * SECOND).name("again"))
        .outcome(JobOutcome::failure("internal_error").after(Duration::ZERO).name("at once"))
        .start()
        .await
        .unwrap();
    for (title, seconds, status) in [("slow", 20, "success"), ("again", 5, "failed"), ("other", 1, "success")] {
        let started = Instant::now();
        let created = ok(import(&simulator, title, None, fixture("deck.pdf"))).await;
        assert_eq!(created["job"]["status"], "in_progress");
        assert_eq!(finished(&simulator, "/v1/imports", &created).await["status"], status);
        assert_eq!(started.elapsed().as_secs(), seconds, "{title}");
    }
    assert_eq!(ok(import(&simulator, "at once", None, fixture("deck.pdf"))).await["job"]["status"], "failed");
}

#[tokio::test]
async fn the_first_rule_that_fits_wins_and_gives_way_when_it_is_used_up() {
    let simulator = prompt().await;
    for (code, times) in [("import_failed", 1), ("internal_error", 2)] {
        simulator.outcome(JobOutcome::failure(code).times(times)).unwrap();
    }
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(ok(upload(&simulator, "Photo", image())).await["job"]["error"]["code"].take());
    }
    assert_eq!(codes, [json!("import_failed"), json!("internal_error"), json!("internal_error"), Value::Null]);
}

/// A request that starts no job leaves the rule to the next one.
#[tokio::test]
async fn a_refused_request_uses_up_no_rule() {
    let simulator = prompt().await;
    let url = "https://example.com/a.png";
    simulator.file_at(url, image()).unwrap();
    ok(upload_url(&simulator, "Photo", url)).await;
    simulator.outcome(JobOutcome::failure("import_failed").times(1)).unwrap();
    assert_eq!(upload_url(&simulator, "Photo", url).send().await.unwrap().status(), 400);
    assert_eq!(simulator.outcomes().len(), 1);
}

#[tokio::test]
async fn rules_are_flat_json_that_can_be_read_back() {
    let simulator = prompt().await;
    let rule = json!({
        "kind": "asset-upload", "name": "broken-*", "times": 2, "code": "import_failed", "message": "No.", "seconds": 0.5,
    });
    let read: JobOutcome = serde_json::from_value(rule.clone()).unwrap();
    let built =
        JobOutcome::failure("import_failed").kind(JobKind::AssetUpload).name("broken-*").times(2).message("No.");
    assert_eq!(read, built.after(SECOND / 2));
    let id = simulator.outcome(read).unwrap();
    let mut listed = json!(simulator.outcomes()[0]);
    assert_eq!((listed["id"].take(), simulator.outcomes()[0].id()), (json!(id), id));
    listed.as_object_mut().unwrap().remove("id");
    assert_eq!(listed, rule);
    let unknown = serde_json::from_value::<JobOutcome>(json!({ "kind": "upload" })).unwrap_err().to_string();
    assert!(unknown.contains("url-asset-upload"), "{unknown}");
    assert!(serde_json::from_value::<JobOutcome>(json!({ "cod": "import_failed" })).is_err());
}

#[tokio::test]
async fn a_rule_without_sense_is_refused_with_what_was_expected() {
    let simulator = prompt().await;
    let failure = |code: &str| JobOutcome::failure(code);
    let cases = [
        (failure("Import-Failed"), "a-z"),
        (failure(""), "a-z"),
        (failure(&"a".repeat(51)), "1 to 50"),
        (failure("import_failed").times(0), "times must be 1 or more"),
        (JobOutcome::default(), "needs a code"),
        (JobOutcome::lasting(SECOND).message("Why"), "needs a code"),
        (JobOutcome::lasting(86_401 * SECOND), "86400"),
        (JobOutcome::lasting(Duration::MAX), "86400"),
        (serde_json::from_value(json!({ "seconds": -1 })).unwrap(), "from 0"),
    ];
    for (outcome, expected) in cases {
        let error = simulator.outcome(outcome.clone()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(expected), "{outcome:?}: {error}");
        assert!(Simulator::builder().outcome(outcome).start().await.is_err());
    }
}
