//! A job is waited for no longer and asked for no oftener than it must, and no error loses its id.

use std::time::Duration;

use canva_connect::{
    AssetUploadErrorCode, Client, DesignImportErrorCode, Error, JobErrorCode, JobKind, JobReference, JobResult,
    JobState, PollPolicy, RetryPolicy,
};
use canva_simulator::{Fault, Simulator};
use serde_json::{Value, json};

use crate::support;

fn client(base_url: &str, token: &str) -> Client {
    let mut poll = PollPolicy::default();
    poll.first_delay = Duration::from_millis(20);
    Client::builder().token(token).base_url(base_url).poll_policy(poll).build().unwrap()
}

fn simulated(simulator: &Simulator) -> Client {
    client(simulator.base_url(), simulator.token())
}

fn reads(simulator: &Simulator) -> usize {
    simulator.requests().iter().filter(|request| request.method == "GET").count()
}

#[tokio::test]
async fn a_job_that_is_final_at_once_is_not_read() {
    let simulator = Simulator::builder().job_duration(Duration::ZERO).start().await.unwrap();
    let canva = simulated(&simulator);
    let mut job = canva.upload_asset("tests/fixtures/photo.png").name("Hero 🚀").await.unwrap();
    assert!(matches!(job.state(), Some(JobState::Success(_))));
    let asset = job.wait().await.unwrap();
    assert_eq!(asset.name, "Hero 🚀");
    assert_eq!(asset.type_.unwrap().as_str(), "image");
    assert_eq!(reads(&simulator), 0);
}

#[test]
fn a_kind_of_job_is_the_same_as_text_and_in_json() {
    assert_eq!(JobKind::ALL.len(), 4);
    for kind in JobKind::ALL.iter().copied() {
        let text = kind.to_string();
        assert_eq!(text.parse::<JobKind>().unwrap(), kind);
        assert_eq!(serde_json::to_value(kind).unwrap(), text.as_str());
        let reference = JobReference { kind, id: "e08861ae".to_owned() };
        let stored = serde_json::to_string(&reference).unwrap();
        assert_eq!(stored, format!(r#"{{"kind":"{kind}","id":"e08861ae"}}"#));
        assert_eq!(serde_json::from_str::<JobReference>(&stored).unwrap(), reference);
    }
    let error = "export".parse::<JobKind>().unwrap_err().to_string();
    assert_eq!(error, "kind: expected one of asset-upload, url-asset-upload, import, url-import, got \"export\"");
}

#[tokio::test]
async fn a_stored_job_of_any_kind_is_picked_up_in_another_process() {
    let simulator = Simulator::builder().job_duration(Duration::from_millis(50)).start().await.unwrap();
    let canva = simulated(&simulator);
    let deck = std::fs::read_to_string("tests/fixtures/deck.pdf").unwrap();
    let web = support::answering(support::http("200 OK", "", &deck)).await;
    let upload = canva.upload_asset("tests/fixtures/photo.png").await.unwrap();
    let thumbnail = canva.asset_upload_job(upload.id()).wait().await.unwrap().thumbnail.unwrap().url;
    let url_upload = canva.upload_asset_from_url(thumbnail, "n").await.unwrap();
    let import = canva.import_design("tests/fixtures/deck.pdf").await.unwrap();
    let url_import = canva.import_design_from_url(web, "t").await.unwrap();
    let stored = [upload.reference(), url_upload.reference(), import.reference(), url_import.reference()]
        .map(|reference| serde_json::to_string(reference).unwrap());

    let canva = simulated(&simulator);
    let mut results = Vec::new();
    for stored in stored {
        let mut job = canva.job(serde_json::from_str(&stored).unwrap());
        let kind = job.kind();
        let result = match job.wait().await.unwrap() {
            JobResult::Asset(asset) => asset.name,
            JobResult::Designs(designs) => designs[0].title.clone().unwrap(),
            other => panic!("{other:?}"),
        };
        results.push((kind, result));
    }
    let expected = [
        (JobKind::AssetUpload, "photo.png"),
        (JobKind::UrlAssetUpload, "n"),
        (JobKind::Import, "deck"),
        (JobKind::UrlImport, "t"),
    ];
    assert_eq!(results, expected.map(|(kind, name)| (kind, name.to_owned())));
    // One that is of another kind isn't found there.
    let wrong = JobReference { kind: JobKind::Import, id: upload.id().to_owned() };
    assert_eq!(canva.job(wrong).refresh().await.unwrap_err().status().unwrap(), 400);
}

#[tokio::test]
async fn each_kind_of_job_is_waited_for_and_picked_up_again() {
    let simulator = Simulator::builder().job_duration(Duration::from_millis(50)).start().await.unwrap();
    let canva = simulated(&simulator);

    let mut job = canva.upload_asset("tests/fixtures/clip.mp4").await.unwrap();
    assert!(matches!(job.state(), Some(JobState::InProgress)));
    let id = job.id().to_owned();
    let asset = job.wait().await.unwrap();
    assert_eq!(asset.type_.unwrap().as_str(), "video");
    assert_eq!(canva.asset_upload_job(&id).wait().await.unwrap().id, asset.id);

    let mut designs = canva.import_design("tests/fixtures/deck.pdf").title("Q4").await.unwrap();
    let id = designs.id().to_owned();
    let designs = designs.wait().await.unwrap();
    assert_eq!((designs[0].title.as_deref(), designs[0].page_count), (Some("Q4"), Some(2)));
    assert_eq!(canva.design_import_job(&id).wait().await.unwrap()[0].id, designs[0].id);

    // The simulator fetches from loopback alone.
    let deck = std::fs::read_to_string("tests/fixtures/deck.pdf").unwrap();
    let web = support::answering(support::http("200 OK", "", &deck)).await;
    let mut designs = canva.import_design_from_url(web, "From a URL").mime_type("application/pdf").await.unwrap();
    let id = designs.id().to_owned();
    let designs = designs.wait().await.unwrap();
    assert_eq!((designs[0].title.as_deref(), designs[0].page_count), (Some("From a URL"), Some(2)));
    assert_eq!(canva.url_import_job(&id).wait().await.unwrap()[0].id, designs[0].id);

    let thumbnail = asset.thumbnail.unwrap().url;
    let mut job = canva.upload_asset_from_url(&thumbnail, "From a URL").await.unwrap();
    let id = job.id().to_owned();
    assert_eq!(job.wait().await.unwrap().name, "From a URL");
    assert_eq!(canva.url_asset_upload_job(&id).wait().await.unwrap().name, "From a URL");
}

#[tokio::test]
async fn a_failed_job_says_which_it_is_and_why() {
    let simulator = Simulator::builder().max_asset_bytes(1_000_000).start().await.unwrap();
    let canva = simulated(&simulator);

    let mut job = canva.upload_asset("tests/fixtures/notes.txt").await.unwrap();
    let id = job.id().to_owned();
    let Error::Job(error) = job.wait().await.unwrap_err() else { panic!() };
    assert_eq!(error.job_id, id);
    assert_eq!(error.code, JobErrorCode::AssetUpload(AssetUploadErrorCode::ImportFailed));

    let Error::Job(error) = canva.upload_asset(vec![0; 1_000_001]).name("n").await.unwrap().wait().await.unwrap_err()
    else {
        panic!()
    };
    assert_eq!(error.code.as_str(), "file_too_big");

    let error = canva.import_design("tests/fixtures/notes.txt").await.unwrap().wait().await.unwrap_err();
    let Error::Job(error) = error else { panic!() };
    assert_eq!(error.code, JobErrorCode::DesignImport(DesignImportErrorCode::InvalidFile));

    let error = canva.import_design_from_url("http://192.0.2.1/a.pdf", "n").await.unwrap().wait().await.unwrap_err();
    let Error::Job(error) = error else { panic!() };
    assert_eq!(error.code, JobErrorCode::DesignImport(DesignImportErrorCode::FetchFailed));

    let error = canva.upload_asset_from_url("https://example.com/a.png", "n").await.unwrap().wait().await.unwrap_err();
    let Error::Job(error) = error else { panic!() };
    assert_eq!(error.code.as_str(), "fetch_failed");
}

#[tokio::test]
async fn a_deadline_leaves_the_id_to_go_on_with() {
    let simulator = Simulator::start().await.unwrap();
    let canva = simulated(&simulator);
    let mut job = canva.upload_asset("tests/fixtures/photo.png").await.unwrap();
    // Not in time, however busy the machine is.
    let late = Fault::Delay(Duration::from_secs(3600));
    simulator.inject("getAssetUploadJob", 1..=1, late).unwrap();
    let mut short = PollPolicy::default();
    (short.first_delay, short.deadline) = (Duration::from_millis(20), Duration::from_millis(60));
    let error = job.wait_with(short).await.unwrap_err();
    let Error::Deadline { job_id, waited, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*waited, Duration::from_millis(60));
    assert_eq!(canva.asset_upload_job(job_id).wait().await.unwrap().name, "photo.png");
}

#[tokio::test]
async fn a_job_that_cannot_be_read_keeps_its_id() {
    let simulator = Simulator::start().await.unwrap();
    let canva = simulated(&simulator);
    let error = canva.asset_upload_job("no-such-job").wait().await.unwrap_err();
    assert_eq!(error.job_id(), Some("no-such-job"));
    assert_eq!(error.api().unwrap().code, "job_id_invalid");
    assert_eq!(error.status().unwrap(), 400);
}

/// Answers one request after the other with these bodies.
async fn answering(bodies: &'static [&'static str]) -> Client {
    let (base_url, _) = support::script(bodies.iter().map(|body| support::http("200 OK", "", body)).collect()).await;
    let mut poll = PollPolicy::default();
    poll.first_delay = Duration::from_millis(1);
    Client::builder()
        .token("t")
        .base_url(base_url)
        .poll_policy(poll)
        .retry_policy(RetryPolicy::never())
        .build()
        .unwrap()
}

#[tokio::test]
async fn values_that_the_spec_does_not_know_are_kept_as_they_came() {
    let canva = answering(&[
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
    assert_eq!(asset.import_status.unwrap().state.to_string(), "rotting");

    let error = canva.asset_upload_job("j").wait().await.unwrap_err();
    assert_eq!(error.to_string(), "job j failed with too_ugly: m");
}

#[tokio::test]
async fn a_job_that_contradicts_itself_is_no_panic_and_no_guess() {
    let canva = answering(&[
        r#"{"job":{"id":"j","status":"success"}}"#,
        r#"{"job":{"id":"j","status":"success"}}"#,
        r#"{"job":{"id":"j","status":"failed"}}"#,
    ])
    .await;
    // Created it is, whatever the response says of its result; reading it decides.
    let mut job = canva.upload_asset(vec![1]).name("n").await.unwrap();
    assert!(job.state().is_none());
    let error = job.wait().await.unwrap_err();
    assert_eq!(
        error.report(),
        concat!(
            "job j could not be read: getAssetUploadJob: unreadable response with status 200 OK that begins ",
            r#""{\"job\":{\"id\":\"j\",\"status\":\"success\"}}": the job succeeded, but the response has no asset"#
        )
    );
    assert_eq!(error.job_id(), Some("j"));
    let Error::Poll { source, .. } = &error else { panic!("{error:?}") };
    assert!(matches!(**source, Error::Decode { job_succeeded: true, .. }), "{source:?}");

    let error = canva.asset_upload_job("j").wait().await.unwrap_err();
    assert_eq!(error.to_string(), "job j failed: the response doesn't say why");
}

#[tokio::test]
async fn a_job_that_succeeded_without_a_result_keeps_its_id_whatever_is_missing() {
    const EMPTY: [&str; 4] = [
        r#"{"job":{"id":"j","status":"success"}}"#,
        r#"{"job":{"id":"j","status":"success","result":null}}"#,
        r#"{"job":{"id":"j","status":"success","result":{}}}"#,
        r#"{"job":{"id":"j","status":"success","result":{"designs":[]}}}"#,
    ];
    let canva = answering(EMPTY.map(|body| [body; 2]).concat().leak()).await;
    for body in EMPTY {
        let mut job = canva.import_design(vec![1]).title("t").await.unwrap();
        assert_eq!(job.id(), "j");
        let error = job.wait().await.unwrap_err();
        assert_eq!(error.job_id(), Some("j"));
        let Error::Poll { source, .. } = &error else { panic!("{error:?}") };
        let Error::Decode { source, excerpt, job_succeeded: true, .. } = &**source else { panic!("{source:?}") };
        assert_eq!(source.to_string(), "the job succeeded, but the response has no design");
        assert_eq!(excerpt, body);
    }
}

#[tokio::test]
async fn fields_that_the_spec_does_not_know_are_kept() {
    let canva = answering(&[
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
    let body = support::UPLOADED;
    let base_url = support::answering(support::http("200 OK", "", body)).await;
    let mut poll = PollPolicy::default();
    poll.deadline = Duration::from_secs(30);
    let canva = Client::builder().token("t").base_url(base_url).poll_policy(poll).build().unwrap();
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
