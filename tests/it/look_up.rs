//! What became of an upload or import whose outcome is unknown: Canva is asked, and what it says is concluded from, no
//! more and no less.

use std::time::Duration;

use canva_connect::{Asset, BulkEvent, Client, Error, JobResult, LookUpError, Unconfirmed, UnconfirmedKind};
use canva_simulator::{CannedResponse, Fault, Simulator};
use tokio::time::Instant;

use crate::support::{self, PIXEL, http};

const DECK: &[u8] = include_bytes!("../fixtures/deck.pdf");
const CLIP: &[u8] = include_bytes!("../fixtures/clip.mp4");

/// The request arrives whole and is never carried out.
const NEVER: Fault = Fault::CloseAfter(u64::MAX);

/// A simulator whose jobs take this long, and a client that has heard from it.
async fn simulated(job: Duration) -> (Simulator, Client) {
    let simulator = Simulator::builder().job_duration(job).start().await.unwrap();
    // The simulator goes by tokio's clock, which stands still while the test computes, and the client by the machine's:
    // without this, the client's would be ahead, and an image could seem to be made in the second before it was sent.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let canva = support::simulated(&simulator).build().unwrap();
    canva.users_me().await.unwrap();
    (simulator, canva)
}

/// What is unknown of an upload of this name, which met this fault.
async fn lost(simulator: &Simulator, canva: &Client, name: &str, fault: Fault) -> Error {
    simulator.inject("createAssetUploadJob", 1..=1, fault).unwrap();
    let error = canva.upload_asset(PIXEL.to_vec()).name(name).await.unwrap_err();
    assert!(error.is_outcome_unknown(), "{error:?}");
    error
}

/// An image as a list has it.
fn image(id: &str, at: u64) -> String {
    format!(
        r#"{{"type":"image","image":{{"type":"image","id":"{id}","name":"photo.png","tags":[],"created_at":{at},"updated_at":{at}}}}}"#
    )
}

async fn upload(canva: &Client, name: &str) -> Asset {
    canva.upload_asset(PIXEL.to_vec()).name(name).await.unwrap().wait().await.unwrap()
}

fn asset(found: Result<JobResult, LookUpError>) -> Asset {
    match found {
        Ok(JobResult::Asset(asset)) => *asset,
        other => panic!("no asset: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_is_found_as_soon_as_it_is_there() {
    for job in [Duration::ZERO, Duration::from_secs(90)] {
        let (simulator, canva) = simulated(job).await;
        let error = lost(&simulator, &canva, "photo.png", Fault::LoseResponse).await;
        let begun = Instant::now();
        let found = asset(canva.look_up(&error).await);
        assert_eq!(found.id, simulator.assets()[0].id);
        assert_eq!((found.name.as_str(), found.updated_at), ("photo.png", simulator.assets()[0].updated_at));
        // At most one pause of the policy later.
        assert!(begun.elapsed() <= job + Duration::from_secs(6), "{job:?}: {:?}", begun.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_never_made_is_not_there_once_no_job_can_be_under_way() {
    let (simulator, canva) = simulated(Duration::ZERO).await;
    let error = lost(&simulator, &canva, "photo.png", NEVER).await;
    let begun = Instant::now();
    let found = canva.look_up(&error).await;
    assert!(matches!(found, Err(LookUpError::NotThere)), "{found:?}");
    let asked = begun.elapsed();
    assert!((600.0..604.0).contains(&asked.as_secs_f64()), "{asked:?}");

    // Later, it needn't be waited for.
    let begun = Instant::now();
    let found = canva.look_up(&error).await;
    assert!(matches!(found, Err(LookUpError::NotThere)), "{found:?}");
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn imports_are_found_by_their_titles() {
    let (simulator, canva) = simulated(Duration::from_secs(5)).await;
    simulator.inject("createDesignImportJob", 1..=1, Fault::LoseResponse).unwrap();
    let lost = canva.import_design(DECK.to_vec()).title("Q4").await.unwrap_err();
    canva.import_design(DECK.to_vec()).title("Q3").await.unwrap().wait().await.unwrap();
    let Ok(JobResult::Designs(found)) = canva.look_up(&lost).await else { panic!() };
    let made = simulator.designs().into_iter().find(|design| design.title == "Q4").unwrap();
    assert_eq!((found.len(), &found[0].id, found[0].page_count), (1, &made.id, Some(2)));
}

#[tokio::test(start_paused = true)]
async fn files_from_urls_are_looked_up_too() {
    let (simulator, canva) = simulated(Duration::from_secs(1)).await;
    let first = upload(&canva, "first").await;
    simulator.inject("createUrlAssetUploadJob", 1..=1, Fault::LoseResponse).unwrap();
    let url = first.thumbnail.unwrap().url;
    let lost = canva.upload_asset_from_url(url, "From there").await.unwrap_err();
    assert_eq!(asset(canva.look_up(&lost).await).name, "From there");

    let url = support::answering(http("200 OK", "", std::str::from_utf8(DECK).unwrap())).await;
    simulator.inject("createUrlImportJob", 1..=1, Fault::LoseResponse).unwrap();
    let lost = canva.import_design_from_url(url, "From there, too").await.unwrap_err();
    let found = canva.look_up(&lost).await;
    assert!(matches!(&found, Ok(JobResult::Designs(designs)) if designs.len() == 1), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_there_before_is_something_else() {
    let (simulator, canva) = simulated(Duration::ZERO).await;
    upload(&canva, "photo.png").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let error = lost(&simulator, &canva, "photo.png", NEVER).await;
    let found = canva.look_up(&error).await;
    assert!(matches!(found, Err(LookUpError::NotThere)), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn each_of_many_is_only_what_was_made_since_it_began_itself() {
    let (simulator, canva) = simulated(Duration::ZERO).await;
    let first = lost(&simulator, &canva, "first.png", NEVER).await;
    upload(&canva, "second.png").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let second = lost(&simulator, &canva, "second.png", NEVER).await;
    let both = [&first, &second].map(|error| error.unconfirmed().unwrap().clone());
    let found = canva.look_up_all(both).await;
    assert!(matches!(found.as_slice(), [Err(LookUpError::NotThere), Err(LookUpError::NotThere)]), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_known_or_has_another_name_is_something_else() {
    let (simulator, canva) = simulated(Duration::ZERO).await;
    let error = lost(&simulator, &canva, "photo.png", NEVER).await;
    let known = upload(&canva, "photo.png").await;
    upload(&canva, "photo.PNG").await;
    let unconfirmed = error.unconfirmed().unwrap().clone();
    let found = canva.look_up_all([unconfirmed]).known([known.id]).await;
    assert!(matches!(found.as_slice(), [Err(LookUpError::NotThere)]), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn one_of_several_that_fit_is_not_picked() {
    let (simulator, canva) = simulated(Duration::ZERO).await;
    let error = lost(&simulator, &canva, "photo.png", Fault::LoseResponse).await;
    upload(&canva, "photo.png").await;
    let mut made: Vec<String> = simulator.assets().into_iter().map(|asset| asset.id).collect();
    let found = canva.look_up(&error).await;
    let Err(LookUpError::Several { mut ids, .. }) = found else { panic!("{found:?}") };
    ids.sort();
    made.sort();
    assert_eq!(ids, made);
}

#[tokio::test(start_paused = true)]
async fn one_that_fits_two_is_given_to_neither() {
    let (simulator, canva) = simulated(Duration::ZERO).await;
    let there = lost(&simulator, &canva, "photo.png", Fault::LoseResponse).await;
    let gone = lost(&simulator, &canva, "photo.png", NEVER).await;
    let both = [&there, &gone].map(|error| error.unconfirmed().unwrap().clone());
    for found in canva.look_up_all(both).await {
        assert!(matches!(&found, Err(LookUpError::Several { ids, .. }) if ids.len() == 1), "{found:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_what_may_be_a_video_nothing_is_concluded_from_its_absence() {
    let (simulator, canva) = simulated(Duration::ZERO).await;
    simulator.inject("createAssetUploadJob", 1..=1, Fault::LoseResponse).unwrap();
    let upload = canva.upload_asset(CLIP.to_vec()).name("clip.mp4").await;
    let begun = Instant::now();
    let found = canva.look_up(&upload.unwrap_err()).await;
    assert!(matches!(found, Err(LookUpError::Video)), "{found:?}");
    assert!(begun.elapsed().is_zero(), "nothing has to be waited for");

    // Its name doesn't say what it is. An image is found.
    let error = lost(&simulator, &canva, "no extension", Fault::LoseResponse).await;
    assert_eq!(asset(canva.look_up(&error).await).name, "no extension");
    let error = lost(&simulator, &canva, "never there", NEVER).await;
    let found = canva.look_up(&error).await;
    assert!(matches!(found, Err(LookUpError::Video)), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn without_the_scope_canva_is_not_asked_twice() {
    let simulator = Simulator::builder().scopes(["asset:read", "asset:write"]).job_duration(Duration::ZERO);
    let simulator = simulator.start().await.unwrap();
    let canva = support::simulated(&simulator).build().unwrap();
    let error = lost(&simulator, &canva, "photo.png", Fault::LoseResponse).await;
    let found = canva.look_up(&error).await;
    let Err(LookUpError::Failed { source, .. }) = found else { panic!("{found:?}") };
    assert_eq!(source.api().unwrap().code, "missing_scope");
    assert_eq!(simulator.requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_canva_that_fails_for_some_minutes_is_asked_again() {
    let (simulator, canva) = simulated(Duration::ZERO).await;
    let error = lost(&simulator, &canva, "photo.png", Fault::LoseResponse).await;
    simulator.inject("listFolderItems", 1..=15, Fault::Respond(CannedResponse::json(503))).unwrap();
    assert_eq!(asset(canva.look_up(&error).await).name, "photo.png");

    simulator.inject("listFolderItems", .., Fault::Respond(CannedResponse::json(503))).unwrap();
    let found = canva.look_up(&error).await;
    assert!(matches!(&found, Err(LookUpError::Failed { source, .. }) if source.is_retryable()), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn a_list_of_many_pages_is_read_as_far_as_it_may_be_there() {
    let (simulator, canva) = simulated(Duration::ZERO).await;
    let many = async || {
        for number in 0..150 {
            upload(&canva, &number.to_string()).await;
        }
    };
    many().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let error = lost(&simulator, &canva, "photo.png", Fault::LoseResponse).await;
    many().await;
    let before = simulator.requests().len();
    assert_eq!(asset(canva.look_up(&error).await).name, "photo.png");
    assert_eq!(simulator.requests().len() - before, 2, "the third page is older");
}

#[tokio::test]
async fn it_goes_by_the_clock_of_canva() {
    // Canva's clock is two hours behind this machine's, and Canva says so in every response but the lost one.
    let now = std::time::SystemTime::now() - Duration::from_secs(7200);
    let seconds = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let date = format!("Date: {}\r\n", httpdate::fmt_http_date(now));
    let items = format!(r#"{{"items":[{},{}]}}"#, image("new", seconds + 1), image("old", seconds - 60));
    for heard in [false, true] {
        let (lists, user) = (http("200 OK", &date, &items), r#"{"team_user":{"user_id":"u","team_id":"t"}}"#);
        let user = http("200 OK", &date, user);
        let responses = if heard { vec![user, String::new(), lists] } else { vec![String::new(), lists] };
        let (base_url, _seen) = support::script(responses).await;
        let canva = support::once(&base_url);
        if heard {
            canva.users_me().await.unwrap();
        }
        let error = canva.upload_asset(PIXEL.to_vec()).name("photo.png").await.unwrap_err();
        let unconfirmed = error.unconfirmed().unwrap();
        assert_eq!(unconfirmed.own_clock, !heard);
        assert_eq!(unconfirmed.began < seconds as i64 + 60, heard, "{unconfirmed:?}");
        let found = tokio::time::timeout(Duration::from_secs(10), canva.look_up(&error)).await;
        assert_eq!(asset(found.expect("it is taken for older")).id, "new");
    }
}

#[tokio::test(start_paused = true)]
async fn what_another_process_has_stored_can_be_looked_up() {
    let (simulator, canva) = simulated(Duration::ZERO).await;
    let error = lost(&simulator, &canva, "photo.png", Fault::LoseResponse).await;
    let stored = serde_json::to_string(error.unconfirmed().unwrap()).unwrap();
    drop(canva);
    let canva = support::simulated(&simulator).build().unwrap();
    let stored: Unconfirmed = serde_json::from_str(&stored).unwrap();
    assert_eq!(stored.kind, UnconfirmedKind::Image);
    let mut found = canva.look_up_all([stored]).await;
    assert_eq!(asset(found.pop().unwrap()).name, "photo.png");
}

#[tokio::test]
async fn an_error_that_has_nothing_to_look_for_says_so() {
    let canva = support::once("http://127.0.0.1:1/rest");
    let error = canva.upload_asset(PIXEL.to_vec()).await.unwrap_err();
    let found = canva.look_up(&error).await;
    assert!(
        matches!(&found, Err(LookUpError::Failed { source, .. }) if matches!(**source, Error::InvalidInput { field: "error", .. })),
        "{found:?}"
    );
}

/// How the items of a bulk that looks up have ended, by their names.
async fn ended(canva: &Client, names: &'static [&'static str]) -> Vec<(&'static str, Result<Asset, Error>)> {
    let uploads = canva.clone();
    let items = names.iter().map(move |name| (*name, uploads.upload_asset(PIXEL.to_vec()).name(*name)));
    let mut bulk = canva.bulk(items).look_up().max_sending(1);
    let mut ended = Vec::new();
    while let Some(event) = bulk.next().await {
        match event {
            BulkEvent::Unconfirmed { key, unconfirmed, .. } => assert_eq!(unconfirmed.name, key),
            BulkEvent::Finished { key, result, .. } => ended.push((key, result)),
            _ => {}
        }
    }
    ended
}

#[tokio::test(start_paused = true)]
async fn a_bulk_looks_up_what_it_lost_when_the_rest_is_over() {
    let (simulator, canva) = simulated(Duration::from_secs(20)).await;
    simulator.inject("createAssetUploadJob", 1..=1, Fault::LoseResponse).unwrap();
    simulator.inject("createAssetUploadJob", 2..=2, NEVER).unwrap();
    let ended = ended(&canva, &["there.png", "gone.png", "fine.png"]).await;
    let [("fine.png", Ok(_)), ("there.png", Ok(found)), ("gone.png", Err(gone))] = ended.as_slice() else {
        panic!("{ended:?}")
    };
    assert_eq!(found.name, "there.png");
    let Error::OutcomeUnknown { looked_up: Some(LookUpError::NotThere), .. } = gone else { panic!("{gone:?}") };
    assert!(gone.to_string().ends_with("; Canva does not list it"), "{gone}");
    assert_eq!(simulator.assets().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_a_bulk_has_made_of_another_item_is_not_taken_for_the_lost_one() {
    let (simulator, canva) = simulated(Duration::ZERO).await;
    simulator.inject("createAssetUploadJob", 2..=2, NEVER).unwrap();
    let ended = ended(&canva, &["photo.png", "photo.png"]).await;
    let [(_, Ok(_)), (_, Err(Error::OutcomeUnknown { looked_up: Some(LookUpError::NotThere), .. }))] = ended.as_slice()
    else {
        panic!("{ended:?}")
    };
}

#[tokio::test(start_paused = true)]
async fn what_may_be_that_of_an_item_whose_job_goes_on_is_not_taken_for_the_lost_one() {
    let (simulator, canva) = simulated(Duration::ZERO).await;
    simulator.inject("createAssetUploadJob", 2..=2, NEVER).unwrap();
    simulator.inject("getAssetUploadJob", .., Fault::Respond(CannedResponse::json(501))).unwrap();
    let canva_of_items = canva.clone();
    let items = [("first", None), ("second", Some(()))].map(|(key, lost)| {
        let canva = canva_of_items.clone();
        (key, async move {
            match lost {
                None => {
                    // Nothing is known of it but its id, and it can't be read.
                    let job = canva.upload_asset(PIXEL).name("photo.png").await?;
                    Ok(canva.asset_upload_job(job.id()))
                }
                Some(()) => canva.upload_asset(PIXEL).name("photo.png").await,
            }
        })
    });
    let mut bulk = canva.bulk(items).look_up().max_sending(1);
    let mut results = Vec::new();
    while let Some(event) = bulk.next().await {
        if let BulkEvent::Finished { key, result, .. } = event {
            results.push((key, result));
        }
    }
    let [("first", Err(Error::Poll { .. })), ("second", Err(Error::OutcomeUnknown { looked_up, .. }))] =
        results.as_slice()
    else {
        panic!("{results:?}")
    };
    assert!(matches!(looked_up, Some(LookUpError::Several { ids, .. }) if ids.len() == 1), "{looked_up:?}");
}

#[tokio::test(start_paused = true)]
async fn two_of_one_name_are_both_waited_for() {
    let (simulator, canva) = simulated(Duration::from_secs(5)).await;
    let first = lost(&simulator, &canva, "photo.png", Fault::LoseResponse).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    let second = lost(&simulator, &canva, "photo.png", Fault::LoseResponse).await;
    let both = [&first, &second].map(|error| error.unconfirmed().unwrap().clone());
    let found = canva.look_up_all(both).await;
    for found in &found {
        assert!(matches!(found, Err(LookUpError::Several { ids, .. }) if ids.len() == 2), "{found:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_that_was_moved_to_its_folder_is_found_there() {
    let (simulator, canva) = simulated(Duration::ZERO).await;
    simulator.inject("createAssetUploadJob", 1..=1, Fault::LoseResponse).unwrap();
    let lost = canva.upload_asset(PIXEL).name("photo.png").folder("root").await.unwrap_err();
    canva.move_folder_item(&simulator.assets()[0].id, "root").await.unwrap();
    assert_eq!(asset(canva.look_up(&lost).await).id, simulator.assets()[0].id);

    // A folder that isn't there has nothing.
    simulator.inject("createAssetUploadJob", 1..=1, Fault::LoseResponse).unwrap();
    let lost = canva.upload_asset(PIXEL).name("other.png").folder("gone").await.unwrap_err();
    assert_eq!(asset(canva.look_up(&lost).await).name, "other.png");
}

#[tokio::test(start_paused = true)]
async fn no_date_of_canva_makes_it_ask_without_an_end() {
    let now = std::time::SystemTime::now() + Duration::from_secs(365 * 24 * 3600);
    let date = format!("Date: {}\r\n", httpdate::fmt_http_date(now));
    let user = http("200 OK", &date, r#"{"team_user":{"user_id":"u","team_id":"t"}}"#);
    let mut responses = vec![user, String::new()];
    responses.extend(vec![http("200 OK", "", r#"{"items":[]}"#); 200]);
    let (base_url, _seen) = support::script(responses).await;
    let canva = support::once(&base_url);
    canva.users_me().await.unwrap();
    let lost = canva.upload_asset(PIXEL).name("photo.png").await.unwrap_err();
    let mut unconfirmed = serde_json::to_value(lost.unconfirmed().unwrap()).unwrap();
    unconfirmed["complete"] = i64::MAX.into();
    let unconfirmed: Unconfirmed = serde_json::from_value(unconfirmed).unwrap();
    let begun = Instant::now();
    let found = canva.look_up_all([unconfirmed]).await;
    assert!(matches!(found.as_slice(), [Err(LookUpError::NotThere)]), "{found:?}");
    assert!(begun.elapsed() < Duration::from_secs(610), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn what_was_made_in_the_second_before_is_told_apart_by_this_machines_clock() {
    // Canva's `Date` is a second late, as it may be.
    let now = std::time::SystemTime::now();
    let seconds = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let date = format!("Date: {}\r\n", httpdate::fmt_http_date(now));
    let items = format!(r#"{{"items":[{},{}]}}"#, image("new", seconds + 5), image("old", seconds));
    tokio::time::sleep(Duration::from_millis(
        1_000 - u64::from(now.duration_since(std::time::UNIX_EPOCH).unwrap().subsec_millis()) + 20,
    ))
    .await;
    let user = http("200 OK", &date, r#"{"team_user":{"user_id":"u","team_id":"t"}}"#);
    let (base_url, _seen) = support::script(vec![user, String::new(), http("200 OK", "", &items)]).await;
    let canva = support::once(&base_url);
    canva.users_me().await.unwrap();
    let lost = canva.upload_asset(PIXEL).name("photo.png").await.unwrap_err();
    assert_eq!(asset(canva.look_up(&lost).await).id, "new");
}
