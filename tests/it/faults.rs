//! Every operation against every fault, over plain HTTP, over TLS, and over HTTP/2: what the caller gets, how many
//! requests the server saw, and that nothing exists twice and nothing is reported lost that exists. docs/faults.md is
//! the table of it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use canva_connect::operations::{self, Operation};
use canva_connect::pacing::Permit;
use canva_connect::{Client, Error, JobState, LookUpError, Pacer, Pacing, PollPolicy, PresetDesignTypeName};
use canva_simulator::{CannedResponse, Fault, Simulator, Tls};
use http::{HeaderValue, header::RETRY_AFTER};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::support::{self, PIXEL, Paces, http};

/// What requests travel over. HTTP/2 is by itself, so that uploads, which prefer HTTP/1.1, meet its faults too.
const TRANSPORTS: [(&str, Option<Tls>); 3] =
    [("plain HTTP", None), ("HTTP/1.1 over TLS", Some(Tls::Http1)), ("HTTP/2", Some(Tls::Http2))];

/// In memory, since reading a file is nothing that can be waited for while time stands still.
const DECK: &[u8] = include_bytes!("../fixtures/deck.pdf");

/// What went on before the fault: something to read, update, move and delete, and the job or design that the operation
/// reads. Only what the operation needs.
#[derive(Default)]
struct Before {
    image_url: String,
    document_url: String,
    asset_id: String,
    design_id: String,
    job_id: String,
}

impl Before {
    async fn new(canva: &Client, operation: &Operation) -> Self {
        let mut before = Self::default();
        if operation.id.contains("Import") {
            before.document_url = support::answering(http("200 OK", "", std::str::from_utf8(DECK).unwrap())).await;
        } else if operation.id == "getDesign" {
            before.design_id = canva.create_design(PresetDesignTypeName::Doc).await.unwrap().id;
        } else if operation.id != "createAssetUploadJob" {
            let upload = canva.upload_asset(PIXEL.to_vec()).name("n").await.unwrap();
            let Some(JobState::Success(asset)) = upload.state() else { panic!() };
            before.asset_id = asset.id.clone();
            before.image_url = asset.thumbnail.clone().unwrap().url;
            before.job_id = upload.id().to_owned();
        }
        let other_job = match operation.id {
            "getUrlAssetUploadJob" => {
                canva.upload_asset_from_url(&before.image_url, "n").await.unwrap().id().to_owned()
            }
            "getDesignImportJob" => canva.import_design(DECK.to_vec()).title("t").await.unwrap().id().to_owned(),
            "getUrlImportJob" => canva.import_design_from_url(&before.document_url, "t").await.unwrap().id().to_owned(),
            _ => return before,
        };
        Self { job_id: other_job, ..before }
    }
}

/// One call for each operation, of the facade's where that has more than one way to go wrong.
async fn call(canva: &Client, operation: &Operation, before: &Before, padding: usize) -> Result<(), Error> {
    let padded = |content: &[u8]| [content, &vec![0; padding]].concat();
    match operation.id {
        "createAssetUploadJob" => canva.upload_asset(padded(PIXEL)).name("n.gif").await.map(drop),
        "createUrlAssetUploadJob" => canva.upload_asset_from_url(&before.image_url, "n.gif").await.map(drop),
        "createDesignImportJob" => canva.import_design(padded(DECK)).title("t").await.map(drop),
        "getAssetUploadJob" => canva.asset_upload_job(&before.job_id).refresh().await.map(drop),
        "getUrlAssetUploadJob" => canva.url_asset_upload_job(&before.job_id).refresh().await.map(drop),
        "getDesignImportJob" => canva.design_import_job(&before.job_id).refresh().await.map(drop),
        "updateAsset" => canva.update_asset(&before.asset_id).name("new").tags(["t"]).await.map(drop),
        "getAsset" => canva.get_asset(&before.asset_id).await.map(drop),
        "deleteAsset" => canva.delete_asset(&before.asset_id).await,
        "createUrlImportJob" => canva.import_design_from_url(&before.document_url, "t").await.map(drop),
        "getUrlImportJob" => canva.url_import_job(&before.job_id).refresh().await.map(drop),
        "createFolder" => canva.create_folder("n").await.map(drop),
        "moveFolderItem" => canva.move_folder_item(&before.asset_id, "root").await,
        "createDesign" => canva.create_design(PresetDesignTypeName::Doc).title("t").await.map(drop),
        // What only reads goes the same way whoever asks.
        other => {
            let known = operations::ALL.iter().find(|known| known.id == other && known.method == "GET");
            let read = canva.request::<serde_json::Value>(known.unwrap_or_else(|| panic!("add a call of {other}")));
            let read = match operation.id {
                "listFolderItems" => read.path("folderId", "root"),
                "getDesign" => read.path("designId", &before.design_id),
                _ => read,
            };
            read.await.map(drop)
        }
    }
}

struct Case {
    name: String,
    fault: Fault,
    /// It exists over HTTP/2 alone.
    http2: bool,
    /// How many bytes are added to the content of uploads.
    padding: usize,
}

fn cases() -> Vec<Case> {
    let early = |status| Fault::RespondEarly(CannedResponse::json(status));
    let limited = |value| {
        let response = CannedResponse::json(429).header(RETRY_AFTER, HeaderValue::from_static(value));
        (format!("429 with `Retry-After: {value}`"), Fault::Respond(response))
    };
    let mut faults = vec![
        ("the connection closes before the body is read".into(), Fault::Close),
        ("the connection closes in the middle of the body".into(), Fault::CloseAfter(20)),
        ("nothing is read, and no response comes".into(), Fault::StopReading),
        ("the body is read in a trickle".into(), Fault::TrickleRead(2_000)),
        ("the response is late".into(), Fault::Delay(Duration::from_millis(30))),
        ("the response is lost".into(), Fault::LoseResponse),
        ("the response's body is cut off".into(), Fault::CutBody),
        ("the response's JSON ends in the middle".into(), Fault::CutJson),
        ("the response is malformed JSON".into(), Fault::MalformedJson),
        ("the response is called `text/html`".into(), Fault::WrongContentType),
        ("the response has unknown enum values".into(), Fault::UnknownEnums),
        ("the response lacks required fields".into(), Fault::MissingFields),
        ("the response is chunked".into(), Fault::Chunked),
        ("the response has no length".into(), Fault::Unlengthed),
        ("the response has a header of 70 000 bytes".into(), Fault::LargeHeader(70_000)),
        ("the response has a header of 512 KiB".into(), Fault::LargeHeader(512 << 10)),
        ("the response is not HTTP".into(), Fault::Raw("nonsense\r\n\r\n".into())),
        ("413 before the body is read".into(), early(413)),
        ("500 before the body is read".into(), early(500)),
        limited("0"),
        // In the past, which is now. In the future, and nonsense, which means five seconds, are in retries.rs.
        limited("Sun, 06 Nov 1994 08:49:37 GMT"),
        ("403 in HTML".into(), Fault::Respond(CannedResponse::html(403))),
        ("502 in HTML".into(), Fault::Respond(CannedResponse::html(502))),
        ("404 without a body".into(), Fault::Respond(CannedResponse::empty(404))),
        ("500 without a body".into(), Fault::Respond(CannedResponse::empty(500))),
        ("400 with a body of 10 MiB".into(), Fault::Respond(CannedResponse::huge(400))),
        ("500 with a body of 10 MiB".into(), Fault::Respond(CannedResponse::huge(500))),
        ("200 with a body of 10 MiB".into(), Fault::Respond(CannedResponse::huge(200))),
    ];
    for status in [202, 302, 400, 401, 403, 404, 408, 409, 413, 415, 500, 501, 502, 503, 504] {
        faults.push((status.to_string(), Fault::Respond(CannedResponse::json(status))));
    }
    let http2 = [
        ("the stream is refused", Fault::RefuseStream),
        ("GOAWAY before the stream", Fault::GoAwayBefore),
        ("GOAWAY after the stream, and its response", Fault::GoAwayAfter),
        ("GOAWAY after the stream, and no response", Fault::GoAwayUnanswered),
        ("the stream is reset in the middle of the body", Fault::ResetRequest(20)),
        ("the stream is reset in the middle of the response's body", Fault::ResetResponse),
        ("413 before the body is read, and the stream is reset", Fault::RespondAndReset(CannedResponse::json(413))),
        ("500 before the body is read, and the stream is reset", Fault::RespondAndReset(CannedResponse::json(500))),
        ("no window opens, and content is larger than the first", Fault::StopReading),
        ("the connection falls silent", Fault::FallSilent),
    ];
    let case = |(name, fault), http2| Case { name, http2, padding: if http2 { 100_000 } else { 0 }, fault };
    let http2 = http2.into_iter().map(|(name, fault)| case((name.to_owned(), fault), true));
    faults.into_iter().map(|fault| case(fault, false)).chain(http2).collect()
}

/// What the caller got, in a word or two.
fn name(error: &Error) -> String {
    match error {
        Error::Poll { source, .. } => name(source),
        Error::OutcomeUnknown { source, .. } => format!("`OutcomeUnknown` ({})", name(source)),
        Error::Api(api) => format!("`Api` {}", api.status.as_u16()),
        Error::Decode { status, .. } => format!("`Decode` {}", status.as_u16()),
        Error::Connect { .. } => "`Connect`".to_owned(),
        Error::Connection { .. } => "`Connection`".to_owned(),
        Error::Timeout { kind, .. } => format!("`Timeout` {kind:?}"),
        other => panic!("not an outcome of a fault: {other:?}"),
    }
}

/// Lets every request leave, and counts them.
fn counting(left: &Arc<AtomicUsize>) -> impl Pacer + use<> {
    let left = left.clone();
    Paces::new(move |_, _| {
        let left = left.clone();
        left.fetch_add(1, Ordering::SeqCst);
        // One for which no connection was opened hasn't left.
        let release = move |sent: bool| _ = left.fetch_sub(usize::from(!sent), Ordering::SeqCst);
        Box::pin(async { Ok(Permit::new(release)) })
    })
}

/// What came of it, and what a look-up says if that is unknown.
type Met = (String, Option<&'static str>);

async fn meet(operation: &'static Operation, case: &Case, always: bool, tls: Option<Tls>) -> Met {
    let fault = case.fault.clone();
    let simulator = Simulator::builder().job_duration(Duration::ZERO);
    let simulator = tls.into_iter().fold(simulator, |simulator, tls| simulator.tls(tls)).start().await.unwrap();
    let client = || support::simulated(&simulator);
    // It asks three times in ten minutes.
    let seldom = PollPolicy::default().growth(100.0).max_delay(Duration::from_secs(600));
    let bystander = client().pacer(Pacing::off()).poll_policy(seldom).build().unwrap();
    let before = Before::new(&bystander, operation).await;
    // Long enough for a busy machine, unless it is the fault that no response comes.
    let silent = matches!(fault, Fault::FallSilent);
    let no_response = silent || matches!(fault, Fault::StopReading);
    // A silent connection is noticed earlier, by its pings.
    let timeout = Duration::from_secs(match (silent, no_response) {
        (true, _) => 60,
        (false, true) => 5,
        (false, false) => 30,
    });
    let left = Arc::new(AtomicUsize::new(0));
    let canva = client().retry_policy(support::attempts(3)).pacer(counting(&left));
    let canva = canva.response_timeout(timeout).stall_timeout(timeout).build().unwrap();

    let things = || simulator.assets().len() + simulator.designs().len() + simulator.folders().len();
    // What the simulator fetches from itself is no request of the client's.
    let received = || simulator.requests().iter().filter(|request| request.operation.is_some()).count();
    let (existed, requests) = (things(), received());
    simulator.inject(operation.id, 1..=if always { u32::MAX } else { 1 }, fault).unwrap();
    // Then time passes only while the server has each request that left and won't answer the last of them: no machine
    // is so busy that anything else is late.
    let time = async {
        if !no_response {
            return std::future::pending().await;
        }
        tokio::time::pause();
        loop {
            let (left, arrived) = (left.load(Ordering::SeqCst), received() - requests);
            // What is sent on a silent connection never arrives; what is sent on a new one does within a few turns.
            let (hopeless, step) = if silent { (arrived > 0, 10) } else { (left == arrived, 100) };
            if hopeless && (arrived == 1 || always) {
                tokio::time::advance(Duration::from_millis(step)).await;
            } else {
                tokio::task::yield_now().await;
            }
        }
    };
    let called = tokio::time::timeout(Duration::from_secs(300), call(&canva, operation, &before, case.padding));
    let result = tokio::select! {
        biased;
        result = called => result,
        never = time => never,
    };
    let result = result.unwrap_or_else(|_| panic!("{} hangs", operation.id));
    let requests = received() - requests;

    if !operation.repeatable {
        let made = things() - existed;
        assert!(made <= 1, "{} made {made} things", operation.id);
        match &result {
            Ok(()) => assert_eq!(made, 1, "{} says it succeeded", operation.id),
            Err(Error::OutcomeUnknown { .. }) => {}
            Err(error) => assert_eq!(made, 0, "{} is reported lost: {error}", operation.id),
        }
    }
    if operation.method == "DELETE" && result.is_ok() {
        assert!(simulator.assets().iter().all(|asset| asset.id != before.asset_id), "it is still there");
    }
    if operation.id == "moveFolderItem" && result.is_ok() {
        assert!(simulator.assets().iter().any(|asset| asset.folder_id == "root"), "it isn't there");
    }
    let looked_up = match result.as_ref().err().and_then(Error::unconfirmed) {
        None => None,
        Some(unconfirmed) => {
            // It may take ten minutes.
            if !no_response {
                tokio::time::pause();
            }
            match bystander.look_up_all([unconfirmed.clone()]).known([&before.asset_id]).await.as_slice() {
                [Ok(_)] if things() > existed => Some("found"),
                [Err(LookUpError::NotThere)] if things() == existed => Some("not there"),
                other => panic!("{} is said to be {other:?}", operation.id),
            }
        }
    };
    let outcome = result.as_ref().map_or_else(name, |()| "success".to_owned());
    (format!("{outcome}, {requests} request{}", if requests == 1 { "" } else { "s" }), looked_up)
}

/// By what happened.
type Outcomes = BTreeMap<Vec<String>, Vec<&'static Operation>>;

/// By fault and transport.
type Table = BTreeMap<usize, BTreeMap<usize, Outcomes>>;

/// The longest test: some 4 000 meetings, each with a server and clients of its own, and their handshakes.
#[tokio::test]
async fn every_operation_meets_every_fault() {
    let cases = Arc::new(cases());
    // Few: each is a thread, and other tests run beside this one.
    let (at_once, mut all) = (Arc::new(Semaphore::new(4)), JoinSet::new());
    for number in 0..cases.len() {
        for (transport, (_, tls)) in TRANSPORTS.into_iter().enumerate() {
            if cases[number].http2 && tls != Some(Tls::Http2) {
                continue;
            }
            for operation in operations::ALL {
                let (cases, one) = (cases.clone(), at_once.clone().acquire_owned().await);
                all.spawn_blocking(move || {
                    let _one = one;
                    let met = [false, true].map(|always| {
                        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                        runtime.block_on(meet(operation, &cases[number], always, tls))
                    });
                    (number, transport, operation, met)
                });
            }
        }
    }
    let (mut outcomes, mut look_ups) = (Table::new(), Table::new());
    while let Some(met) = all.join_next().await {
        let (case, transport, operation, [(first, found), (every, found_again)]) = met.unwrap();
        let place = |table: &mut Table, outcome| {
            let outcomes = table.entry(case).or_default().entry(transport).or_default();
            outcomes.entry(outcome).or_default().push(operation);
        };
        place(&mut outcomes, vec![first, every]);
        assert_eq!(found, found_again, "what is unknown is sent once");
        if let Some(found) = found {
            place(&mut look_ups, vec![found.to_owned()]);
        }
    }
    support::check_table(
        "docs/faults.md",
        "faults",
        &table(&cases, outcomes, "on the first attempt | on every attempt"),
    );
    support::check_table("docs/faults.md", "look-ups", &table(&cases, look_ups, "a look-up says"));
}

fn table(cases: &[Case], outcomes: Table, columns: &str) -> String {
    let lines = "---|".repeat(3 + columns.split(" | ").count());
    let mut table = format!("| fault | over | operations | {columns} |\n|{lines}\n");
    for (case, transports) in outcomes {
        let mut rows = Vec::new();
        for (over, outcomes) in alike(transports) {
            let mut of_these: Vec<_> = outcomes.into_iter().map(|(outcome, those)| (who(&those), outcome)).collect();
            of_these.sort();
            rows.extend(of_these.into_iter().map(|row| (over.clone(), row)));
        }
        for (number, (over, (who, outcome))) in rows.into_iter().enumerate() {
            let fault = if number == 0 { cases[case].name.as_str() } else { "" };
            writeln!(table, "| {fault} | {over} | {who} | {} |", outcome.join(" | ")).unwrap();
        }
    }
    table
}

/// The transports on which the same happens, by their names.
fn alike(transports: BTreeMap<usize, Outcomes>) -> Vec<(String, Outcomes)> {
    let mut groups: Vec<(Vec<&str>, Outcomes)> = Vec::new();
    for (transport, mut outcomes) in transports {
        outcomes.values_mut().for_each(|those| those.sort_unstable_by_key(|operation| operation.id));
        let name = TRANSPORTS[transport].0;
        match groups.iter_mut().find(|(_, others)| *others == outcomes) {
            Some((names, _)) => names.push(name),
            None => groups.push((vec![name], outcomes)),
        }
    }
    let named = |names: Vec<&str>| if names.len() == TRANSPORTS.len() { "all".to_owned() } else { names.join(", ") };
    groups.into_iter().map(|(names, outcomes)| (named(names), outcomes)).collect()
}

/// What these operations have in common, or their ids.
fn who(those: &[&Operation]) -> String {
    type Class = (&'static str, fn(&Operation) -> bool);
    fn from_content(operation: &Operation) -> bool {
        matches!(operation.id, "createAssetUploadJob" | "createDesignImportJob")
    }
    fn from_json(operation: &Operation) -> bool {
        !operation.repeatable && !from_content(operation)
    }
    let classes: [Class; 12] = [
        ("all", |_| true),
        ("creating", |operation| !operation.repeatable),
        ("creating anything but a folder", |operation| !operation.repeatable && operation.id != "createFolder"),
        ("creating from content", from_content),
        ("creating from JSON", from_json),
        ("creating from JSON anything but a folder", |operation| {
            from_json(operation) && operation.id != "createFolder"
        }),
        ("all but creating from JSON", |operation| !from_json(operation)),
        ("all others", |operation| operation.repeatable),
        ("reading, updating, moving", |operation| operation.repeatable && operation.method != "DELETE"),
        ("deleting, moving", |operation| operation.method == "DELETE" || operation.id == "moveFolderItem"),
        ("reading, updating", |operation| matches!(operation.method, "GET" | "PATCH")),
        ("deleting", |operation| operation.method == "DELETE"),
    ];
    let mut ids: Vec<&str> = those.iter().map(|operation| operation.id).collect();
    ids.sort_unstable();
    for (name, class) in classes {
        let mut all: Vec<&str> = operations::ALL.iter().filter(|o| class(o)).map(|o| o.id).collect();
        all.sort_unstable();
        if ids == all {
            return name.to_owned();
        }
    }
    format!("`{}`", ids.join("`, `"))
}
