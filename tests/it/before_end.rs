//! Until `before_end` has succeeded, no server has the whole content: a program that stores what it gets there knows
//! after a crash which files can't be in Canva.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use canva_connect::{BodyError, Error, ErrorKind, TimeoutKind, Unconfirmed, UnconfirmedKind, UploadBody};
use canva_simulator::{CannedResponse, Fault, Simulator};

use crate::support::{self, PIXEL};

/// Contents of every kind: a path, bytes, what is opened anew, a reader, and nothing at all.
fn contents() -> Vec<(&'static str, UploadBody)> {
    let pixel = || async { Ok(PIXEL) };
    vec![
        ("a path", UploadBody::from("tests/fixtures/photo.png")),
        ("bytes", UploadBody::from(PIXEL)),
        ("from a function", UploadBody::from_fn(PIXEL.len() as u64, pixel)),
        ("a reader", UploadBody::from_reader(PIXEL.len() as u64, PIXEL)),
        ("nothing", UploadBody::from(b"")),
    ]
}

#[tokio::test]
async fn if_it_fails_no_server_has_the_whole_content() {
    let simulator = Simulator::start().await.unwrap();
    let canva = support::simulated(&simulator).build().unwrap();
    for (kind, content) in contents() {
        let upload = canva.upload_asset(content).name("n").before_end(|_| async { Err("the disk is full") });
        let error = upload.await.unwrap_err();
        let Error::Body(BodyError::HeldBack { source, .. }) = &error else { panic!("{kind}: {error:?}") };
        assert_eq!(source.to_string(), "the disk is full");
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, true));
        assert_eq!(error.report(), "the end of the content was held back: the disk is full");
    }
    let import = canva.import_design(PIXEL).title("t").before_end(|_| async { Err("the disk is full") });
    assert!(matches!(import.await, Err(Error::Body(BodyError::HeldBack { .. }))));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(simulator.assets().is_empty() && simulator.designs().is_empty());
}

#[tokio::test]
async fn it_is_awaited_and_gets_what_can_be_looked_up() {
    let simulator = Simulator::builder().job_duration(Duration::ZERO).start().await.unwrap();
    let canva = support::simulated(&simulator).build().unwrap();
    let stored = Arc::new(Mutex::new(Vec::new()));
    for (kind, content) in contents().into_iter().take(4) {
        let (simulator, storing) = (&simulator, stored.clone());
        let made = simulator.assets().len();
        let upload = canva.upload_asset(content).name("photo.png").folder("root").before_end(move |unconfirmed| {
            let storing = storing.clone();
            async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                storing.lock().unwrap().push(unconfirmed);
                Ok::<_, Error>(())
            }
        });
        let sent = tokio::spawn(upload.into_future());
        while stored.lock().unwrap().is_empty() {
            assert_eq!(simulator.assets().len(), made, "{kind}");
            tokio::task::yield_now().await;
        }
        let job = sent.await.unwrap().unwrap();
        let unconfirmed: Vec<Unconfirmed> = std::mem::take(&mut stored.lock().unwrap());
        let [unconfirmed] = unconfirmed.as_slice() else { panic!("{unconfirmed:?}") };
        assert_eq!((unconfirmed.name.as_str(), unconfirmed.kind), ("photo.png", UnconfirmedKind::Image), "{kind}");
        assert_eq!(unconfirmed.folder_id.as_deref(), Some("root"));
        assert!(unconfirmed.began <= unconfirmed.complete && unconfirmed.complete - unconfirmed.began < 10);
        assert!(job.state().is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn each_attempt_that_gets_so_far_calls_it() {
    let simulator = Simulator::start().await.unwrap();
    simulator.inject("createAssetUploadJob", 1..=2, Fault::Respond(CannedResponse::json(429))).unwrap();
    let canva = support::simulated(&simulator).retry_policy(support::attempts(3)).build().unwrap();
    let calls = Arc::new(Mutex::new(0));
    let counted = calls.clone();
    let upload = canva.upload_asset(PIXEL).name("n").before_end(move |_| {
        *counted.lock().unwrap() += 1;
        async { Ok::<_, Error>(()) }
    });
    upload.await.unwrap().wait().await.unwrap();
    assert_eq!(*calls.lock().unwrap(), 3);
}

#[tokio::test]
async fn one_that_does_not_end_is_a_stall() {
    let simulator = Simulator::start().await.unwrap();
    let canva = support::simulated(&simulator).stall_timeout(Duration::from_millis(300));
    let canva = canva.retry_policy(canva_connect::RetryPolicy::never()).build().unwrap();
    let upload = canva.upload_asset(PIXEL).name("n").before_end(|_| std::future::pending::<Result<(), Error>>());
    let error = upload.await.unwrap_err();
    assert!(matches!(error, Error::Timeout { kind: TimeoutKind::Stall, .. }), "{error:?}");
    assert!(simulator.assets().is_empty());
}
