//! An upload into a folder: the asset is moved when its job has ended, and one that is there and wasn't moved is said.

use std::time::Duration;

use canva_connect::generated::types::CreateFolderRequest;
use canva_connect::{BulkEvent, Client, Error, ErrorKind, JobReference, JobState};
use canva_simulator::{CannedResponse, Fault, Simulator};

use crate::support::{self, PIXEL};

async fn simulated() -> (Simulator, Client, String) {
    let simulator = Simulator::start().await.unwrap();
    let canva = support::simulated(&simulator).retry_policy(support::attempts(2)).build().unwrap();
    let folder = CreateFolderRequest { name: "Launch".into(), parent_folder_id: "root".into() };
    let folder = canva.generated().create_folder(&folder).await.unwrap().folder.unwrap();
    (simulator, canva, folder.id)
}

#[tokio::test]
async fn an_asset_is_moved_once_its_job_has_ended() {
    let (simulator, canva, folder) = simulated().await;
    let mut job = canva.upload_asset(PIXEL).name("n").folder(&folder).await.unwrap();
    assert!(simulator.assets().is_empty() || simulator.assets()[0].folder_id == "uploads");
    job.wait().await.unwrap();
    assert_eq!(simulator.assets()[0].folder_id, folder);
}

#[tokio::test]
async fn a_stored_job_keeps_its_folder() {
    let (simulator, canva, folder) = simulated().await;
    let job = canva.upload_asset(PIXEL).name("n").folder(&folder).await.unwrap();
    let stored = serde_json::to_string(job.reference()).unwrap();
    assert_eq!(stored, format!(r#"{{"kind":"asset-upload","id":"{}","folder_id":"{folder}"}}"#, job.id()));
    let reference: JobReference = serde_json::from_str(&stored).unwrap();
    canva.job(reference).wait().await.unwrap();
    assert_eq!(simulator.assets()[0].folder_id, folder);
}

#[tokio::test]
async fn an_asset_that_was_not_moved_is_said_and_the_next_wait_moves_it() {
    let (simulator, canva, folder) = simulated().await;
    simulator.inject("moveFolderItem", 1..=2, Fault::Respond(CannedResponse::json(503))).unwrap();
    let mut job = canva.upload_asset(PIXEL).name("n").folder(&folder).await.unwrap();
    let error = job.wait().await.unwrap_err();
    let Error::NotMoved { asset, folder_id, .. } = &error else { panic!("{error:?}") };
    assert_eq!((&asset.id, folder_id), (&simulator.assets()[0].id, &folder));
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::JobPending, false));
    assert_eq!((error.status().unwrap().as_u16(), error.job_id()), (503, Some(job.id())));
    assert!(
        error
            .report()
            .starts_with(&format!("asset {} could not be moved to folder {folder}: moveFolderItem: ", asset.id)),
        "{}",
        error.report()
    );
    assert!(matches!(job.state(), Some(JobState::Success(_))));
    assert_eq!(simulator.assets()[0].folder_id, "uploads");

    job.wait().await.unwrap();
    assert_eq!(simulator.assets()[0].folder_id, folder);
    assert_eq!(simulator.assets().len(), 1);
}

#[tokio::test]
async fn a_video_stays_where_it_is() {
    let (simulator, canva, folder) = simulated().await;
    let error = canva.upload_asset("tests/fixtures/clip.mp4").folder(&folder).await.unwrap().wait().await.unwrap_err();
    assert!(matches!(error, Error::NotMoved { .. }), "{error:?}");
    assert_eq!((error.kind(), error.api().unwrap().code.as_str()), (ErrorKind::Refused, "invalid_field"));
    assert_eq!(simulator.assets()[0].folder_id, "uploads");
}

#[tokio::test]
async fn a_folder_that_can_be_none_is_refused_before_anything_is_sent() {
    let (simulator, canva, _) = simulated().await;
    let before = simulator.requests().len();
    let error = canva.upload_asset(PIXEL).name("n").folder("no/folder").await.unwrap_err();
    assert!(matches!(error, Error::InvalidInput { field: "folder_id", .. }), "{error:?}");
    assert_eq!(simulator.requests().len(), before);
}

#[tokio::test(start_paused = true)]
async fn what_a_bulk_finds_again_is_moved_too() {
    let simulator = Simulator::builder().job_duration(Duration::ZERO).start().await.unwrap();
    let canva = support::simulated(&simulator).build().unwrap();
    simulator.inject("moveFolderItem", 2..=2, Fault::Respond(CannedResponse::json(403))).unwrap();
    for moved in [true, false] {
        simulator.inject("createAssetUploadJob", 1..=1, Fault::LoseResponse).unwrap();
        let upload = canva.upload_asset(PIXEL).name(if moved { "moved" } else { "not moved" }).folder("root");
        let mut bulk = canva.bulk([("n", upload)]).look_up();
        let Some(BulkEvent::Unconfirmed { .. }) = bulk.next().await else { panic!() };
        let Some(BulkEvent::Finished { result, .. }) = bulk.next().await else { panic!() };
        assert_eq!(matches!(result, Err(Error::NotMoved { job_id: None, .. })), !moved, "{result:?}");
    }
    let folders: Vec<String> = simulator.assets().into_iter().map(|asset| asset.folder_id).collect();
    assert_eq!(folders, ["root", "uploads"]);
}
