//! A job is waited for no longer and asked for no oftener than it must, and no error loses its id.

use std::time::Duration;

use canva_connect::{
    AssetUploadErrorCode, Client, DesignImportErrorCode, Error, JobErrorCode, JobKind, JobReference, JobResult,
    JobState, PollPolicy, RetryPolicy,
};
use canva_simulator::Simulator;
use serde_json::{Value, json};

use crate::support::{self, PIXEL, UPLOADED, answering, builder, http, lasting, script};

fn soon(first_delay: u64) -> PollPolicy {
    PollPolicy::default().first_delay(Duration::from_millis(first_delay))
}

fn simulated(simulator: &Simulator) -> Client {
    support::simulated(simulator).poll_policy(soon(20)).build().unwrap()
}

#[tokio::test]
async fn a_job_that_is_final_at_once_is_not_read() {
    let simulator = Simulator::builder().job_duration(Duration::ZERO).start().await.unwrap();
    let canva = simulated(&simulator);
    let mut job = canva.upload_asset("tests/fixtures/photo.png").name("Hero 🚀").await.unwrap();
    assert!(matches!(job.state(), Some(JobState::Success(_))));
    let asset = job.wait().await.unwrap();
    assert_eq!((asset.name.as_str(), asset.type_.unwrap().as_str()), ("Hero 🚀", "image"));
    assert!(simulator.requests().iter().all(|request| request.method == "POST"), "it was read");
}

#[test]
fn a_kind_of_job_is_the_same_as_text_and_in_json() {
    assert_eq!(JobKind::ALL.len(), 4);
    for kind in JobKind::ALL.iter().copied() {
        let text = kind.to_string();
        assert_eq!(text.parse::<JobKind>().unwrap(), kind);
        assert_eq!(serde_json::to_value(kind).unwrap(), text.as_str());
        let reference = JobReference::new(kind, "e08861ae");
        let stored = serde_json::to_string(&reference).unwrap();
        assert_eq!(stored, format!(r#"{{"kind":"{kind}","id":"e08861ae"}}"#));
        assert_eq!(serde_json::from_str::<JobReference>(&stored).unwrap(), reference);
    }
    let error = "export".parse::<JobKind>().unwrap_err().to_string();
    assert_eq!(error, "kind: expected one of asset-upload, import, url-asset-upload, url-import, got \"export\"");
}

#[tokio::test]
async fn each_kind_of_job_is_waited_for_and_picked_up_again_in_another_process() {
    let simulator = Simulator::builder().job_duration(Duration::from_millis(50)).start().await.unwrap();
    let canva = simulated(&simulator);
    let mut upload = canva.upload_asset("tests/fixtures/photo.png").await.unwrap();
    assert!(matches!(upload.state(), Some(JobState::InProgress)));
    let photo = upload.wait().await.unwrap();
    let mut url_upload = canva.upload_asset_from_url(photo.thumbnail.unwrap().url, "From a URL").await.unwrap();
    let mut import = canva.import_design("tests/fixtures/deck.pdf").title("Q4").await.unwrap();
    // The simulator fetches from loopback alone.
    let deck = std::fs::read_to_string("tests/fixtures/deck.pdf").unwrap();
    let web = answering(http("200 OK", "", &deck)).await;
    let url_import = canva.import_design_from_url(web, "From a URL").mime_type("application/pdf");
    let mut url_import = url_import.await.unwrap();
    let (copy, design, other) = tokio::join!(url_upload.wait(), import.wait(), url_import.wait());
    let (copy, design, other) = (copy.unwrap(), design.unwrap().remove(0), other.unwrap().remove(0));
    assert_eq!((photo.name.as_str(), copy.name.as_str()), ("photo.png", "From a URL"));
    assert_eq!((design.title.as_deref(), design.page_count), (Some("Q4"), Some(2)));
    assert_eq!((other.title.as_deref(), other.page_count), (Some("From a URL"), Some(2)));

    let stored = [upload.reference(), url_upload.reference(), import.reference(), url_import.reference()]
        .map(|reference| serde_json::to_string(reference).unwrap());
    let canva = simulated(&simulator);
    let mut results = Vec::new();
    for stored in stored {
        let mut job = canva.job(serde_json::from_str(&stored).unwrap());
        let id = match job.wait().await.unwrap() {
            JobResult::Asset(asset) => asset.id,
            JobResult::Designs(designs) => designs[0].id.clone(),
            other => panic!("{other:?}"),
        };
        results.push((job.kind(), id));
    }
    let expected = [
        (JobKind::AssetUpload, photo.id.clone()),
        (JobKind::UrlAssetUpload, copy.id.clone()),
        (JobKind::Import, design.id.clone()),
        (JobKind::UrlImport, other.id.clone()),
    ];
    assert_eq!(results, expected);
    // The same by the kind of each.
    assert_eq!(canva.asset_upload_job(upload.id()).wait().await.unwrap().id, photo.id);
    assert_eq!(canva.url_asset_upload_job(url_upload.id()).wait().await.unwrap().id, copy.id);
    assert_eq!(canva.design_import_job(import.id()).wait().await.unwrap()[0].id, design.id);
    assert_eq!(canva.url_import_job(url_import.id()).wait().await.unwrap()[0].id, other.id);
    // One that is of another kind isn't found there, and keeps its id.
    let error = canva.design_import_job(upload.id()).wait().await.unwrap_err();
    assert_eq!((error.job_id(), error.status().unwrap().as_u16()), (Some(upload.id()), 404));
    assert_eq!(error.api().unwrap().code, "not_found");
}

#[tokio::test]
async fn a_failed_job_says_which_it_is_and_why() {
    use AssetUploadErrorCode::{FetchFailed, FileTooBig, ImportFailed};
    let simulator = Simulator::builder().max_asset_bytes(1_000_000).start().await.unwrap();
    let canva = simulated(&simulator);
    let asset = |code| JobErrorCode::AssetUpload(code);
    let design = |code| JobErrorCode::DesignImport(code);
    let (text, large) = ("tests/fixtures/notes.txt", vec![0; 1_000_001]);
    let (page, image) = ("http://192.0.2.1/a.pdf", "https://example.com/a.png");
    for (job, expected) in [
        (canva.upload_asset(text).await.unwrap().into_any(), asset(ImportFailed)),
        (canva.upload_asset(large).name("n").await.unwrap().into_any(), asset(FileTooBig)),
        (canva.upload_asset_from_url(image, "n").await.unwrap().into_any(), asset(FetchFailed)),
        (canva.import_design(text).await.unwrap().into_any(), design(DesignImportErrorCode::InvalidFile)),
        (canva.import_design_from_url(page, "n").await.unwrap().into_any(), design(DesignImportErrorCode::FetchFailed)),
    ] {
        let mut job = job;
        let Error::Job(error) = job.wait().await.unwrap_err() else { panic!("{expected:?}") };
        assert_eq!((error.job_id.as_str(), &error.code), (job.id(), &expected));
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_leaves_the_handle_and_the_id_to_go_on_with() {
    let simulator = Simulator::builder().job_duration(Duration::from_secs(20)).start().await.unwrap();
    let canva = simulated(&simulator);
    let mut job = canva.upload_asset(PIXEL.to_vec()).name("n").await.unwrap();
    let deadline = Duration::from_secs(10);
    let error = job.wait_with(soon(20).deadline(deadline)).await.unwrap_err();
    let Error::Deadline { job_id, waited, .. } = &error else { panic!("{error:?}") };
    assert_eq!((job_id.as_str(), *waited), (job.id(), deadline));
    assert_eq!(job.state(), Some(&JobState::InProgress));
    let asset = job.wait().await.unwrap();
    assert_eq!(lasting(canva.asset_upload_job(job_id).wait().await.unwrap()), lasting(asset));
}

/// Answers one request after the other with these bodies.
async fn telling(bodies: &[&str]) -> Client {
    let (base_url, _) = script(bodies.iter().map(|body| http("200 OK", "", body)).collect()).await;
    builder(&base_url).poll_policy(soon(1)).retry_policy(RetryPolicy::never()).build().unwrap()
}

#[tokio::test]
async fn values_that_the_spec_does_not_know_are_kept_as_they_came() {
    let canva = telling(&[
        r#"{"job":{"id":"j","status":"queued","eta":5}}"#,
        r#"{"job":{"id":"j","status":"success","asset":{"id":"a","type":"audio","name":"n","created_at":1,
            "updated_at":2,"import_status":{"state":"rotting"},"owner":{"user_id":"u","team_id":"t","more":[]}}}}"#,
        r#"{"job":{"id":"j","status":"failed","error":{"code":"too_ugly","message":"m"}}}"#,
    ])
    .await;
    let mut job = canva.upload_asset(vec![1]).name("n").await.unwrap();
    assert!(matches!(job.state(), Some(JobState::InProgress)), "an unknown status goes on");
    let asset = job.wait().await.unwrap();
    assert_eq!(asset.type_.unwrap().to_string(), "audio");
    #[allow(deprecated)]
    let state = asset.import_status.unwrap().state;
    assert_eq!(state.as_str(), "rotting");

    let error = canva.asset_upload_job("j").wait().await.unwrap_err();
    assert_eq!(error.to_string(), "job j failed with too_ugly: m");
}

#[tokio::test]
async fn a_job_that_contradicts_itself_is_no_panic_and_no_guess_and_keeps_its_id() {
    const EMPTY: [&str; 4] = [
        r#"{"job":{"id":"j","status":"success"}}"#,
        r#"{"job":{"id":"j","status":"success","result":null}}"#,
        r#"{"job":{"id":"j","status":"success","result":{}}}"#,
        r#"{"job":{"id":"j","status":"success","result":{"designs":[]}}}"#,
    ];
    for body in EMPTY {
        let canva = telling(&[body; 4]).await;
        // Created it is, whatever the response says of its result; reading it decides.
        let mut upload = canva.upload_asset(vec![1]).name("n").await.unwrap();
        let mut import = canva.import_design(vec![1]).title("t").await.unwrap();
        assert_eq!((upload.id(), upload.state(), import.id(), import.state()), ("j", None, "j", None));
        let ends = [(upload.wait().await.unwrap_err(), "asset"), (import.wait().await.unwrap_err(), "designs")];
        for (error, lacks) in ends {
            assert_eq!(error.job_id(), Some("j"));
            let Error::Poll { source, .. } = &error else { panic!("{error:?}") };
            let Error::Decode { source, excerpt, job_succeeded: true, .. } = &**source else { panic!("{source:?}") };
            assert_eq!(source.to_string(), format!("the job succeeded, but the response has no {lacks}"));
            assert_eq!(excerpt, body);
        }
    }
    let canva = telling(&[r#"{"job":{"id":"j","status":"failed"}}"#]).await;
    let error = canva.asset_upload_job("j").wait().await.unwrap_err();
    assert_eq!(error.to_string(), "job j failed: the response doesn't say why");
}

#[tokio::test]
async fn fields_that_the_spec_does_not_know_are_kept() {
    let canva = telling(&[
        r#"{"job":{"id":"j","status":"in_progress","eta":5}}"#,
        r#"{"job":{"id":"j","status":"in_progress","eta":3}}"#,
        r#"{"job":{"id":"j","status":"success","eta":0,"result":{"designs":[{"id":"d","urls":{"edit_url":"e",
            "view_url":"v","share_url":"s"},"created_at":1,"updated_at":1,"kind":{"of":"deck"}}],"skipped":[7]}}}"#,
        r#"{"job":{"id":"j","status":"failed","error":{"code":"c","message":"m","page":3}}}"#,
    ])
    .await;
    let mut job = canva.import_design(vec![1]).title("t").await.unwrap();
    assert_eq!((job.state(), Value::from(job.extra().clone())), (Some(&JobState::InProgress), json!({ "eta": 5 })));
    job.refresh().await.unwrap();
    assert_eq!((job.state(), Value::from(job.extra().clone())), (Some(&JobState::InProgress), json!({ "eta": 3 })));
    job.settle().await.unwrap();
    assert_eq!(Value::from(job.extra().clone()), json!({ "eta": 0, "result": { "skipped": [7] } }));
    let designs = job.wait().await.unwrap();
    assert_eq!(designs[0].extra["kind"], json!({ "of": "deck" }));
    assert_eq!(designs[0].urls.extra["share_url"], "s");

    let mut job = canva.url_import_job("j");
    job.settle().await.unwrap();
    let Some(JobState::Failed(error)) = job.state() else { panic!("{:?}", job.state()) };
    assert_eq!(Value::from(error.extra.clone()), json!({ "page": 3 }));
    let Error::Job(again) = job.wait().await.unwrap_err() else { panic!() };
    assert_eq!(again.extra["page"], 3);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_turn_is_no_time_of_the_jobs() {
    let base_url = answering(http("200 OK", "", UPLOADED)).await;
    let canva = builder(&base_url).poll_policy(soon(1).deadline(Duration::from_secs(30))).build().unwrap();
    let started = tokio::time::Instant::now();
    // Three minutes' worth of reads of jobs that are all done.
    let limit = canva_connect::operations::GET_ASSET_UPLOAD_JOB.requests_per_minute.unwrap();
    let jobs: Vec<_> = (0..limit * 2 + 10)
        .map(|job| {
            let mut job = canva.asset_upload_job(format!("job{job}"));
            tokio::spawn(async move { job.wait().await })
        })
        .collect();
    for job in jobs {
        job.await.unwrap().unwrap();
    }
    assert!(started.elapsed() >= Duration::from_secs(120), "nothing waited: {:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_job_of_a_fifth_of_a_second_is_known_within_half_a_second() {
    let simulator = Simulator::builder().job_duration(Duration::from_millis(200)).start().await.unwrap();
    let canva = support::simulated(&simulator).build().unwrap();
    let begun = tokio::time::Instant::now();
    canva.upload_asset(PIXEL).name("n").await.unwrap().wait().await.unwrap();
    assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
    // The upload, and one read.
    assert_eq!(simulator.requests().len(), 2);
}
