//! HTTP/2 as it looks from a bare connection: whom it answers, and each fault.

use std::future::poll_fn;
use std::io::ErrorKind;
use std::time::Duration;

use axum::http::{Request, Response, Uri, Version};
use bytes::Bytes;
use canva_simulator::{CannedResponse, Fault, Simulator, Tls};
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::common::{address, image, upload};
use crate::tls::{connect, speaking, trusting};

const UPLOAD: &str = "createAssetUploadJob";

/// What a client may send on a stream before it has heard from the server.
const WINDOW: usize = 65_535;

struct Http2 {
    requests: SendRequest<Bytes>,
    /// Ends with the connection.
    connection: JoinHandle<Result<(), h2::Error>>,
}

impl Http2 {
    async fn connect(simulator: &Simulator) -> Self {
        let (stream, agreed) = connect(simulator, "127.0.0.1", &[b"h2"]).await.unwrap();
        assert_eq!(agreed.as_deref(), Some(b"h2".as_slice()));
        let (requests, connection) = h2::client::handshake(stream).await.unwrap();
        Self { requests, connection: tokio::spawn(connection) }
    }

    /// Begins an upload of this many bytes.
    async fn begin(&mut self, simulator: &Simulator, length: usize) -> (ResponseFuture, SendStream<Bytes>) {
        let uri = format!("{}/v1/asset-uploads", simulator.base_url());
        let request = Request::post(uri)
            .version(Version::HTTP_2)
            .header("authorization", format!("Bearer {}", simulator.token()))
            .header("content-type", "application/octet-stream")
            .header("asset-upload-metadata", r#"{"name_base64":"YQ=="}"#)
            .header("content-length", length)
            .body(())
            .unwrap();
        poll_fn(|context| self.requests.poll_ready(context)).await.unwrap();
        self.requests.send_request(request, false).unwrap()
    }

    /// Sends an upload of a small image.
    async fn upload(&mut self, simulator: &Simulator) -> ResponseFuture {
        let image = image();
        let (response, mut stream) = self.begin(simulator, image.len()).await;
        stream.send_data(image, true).unwrap();
        response
    }
}

/// A simulator whose first upload meets the fault, and a connection to it.
async fn faulty(fault: Fault) -> (Simulator, Http2) {
    let simulator = speaking(Tls::Http2).await;
    simulator.inject(UPLOAD, 1..=1, fault).unwrap();
    let connection = Http2::connect(&simulator).await;
    (simulator, connection)
}

/// What came of a response's body, and how it ended.
async fn body(response: Response<RecvStream>) -> (Vec<Bytes>, Option<h2::Error>) {
    let (mut body, mut read) = (response.into_body(), Vec::new());
    loop {
        match body.data().await {
            Some(Ok(data)) => {
                body.flow_control().release_capacity(data.len()).unwrap();
                read.push(data);
            }
            Some(Err(error)) => return (read, Some(error)),
            None => return (read, None),
        }
    }
}

/// The statuses of the requests in the log, and how many assets there are.
fn after(simulator: &Simulator) -> (Vec<Option<u16>>, usize) {
    (simulator.requests().iter().map(|request| request.status).collect(), simulator.assets().len())
}

/// Whether the server reset the stream with this reason.
fn was_reset(error: &h2::Error, reason: Reason) -> bool {
    error.is_reset() && error.is_remote() && error.reason() == Some(reason)
}

#[tokio::test]
async fn over_http2_too_a_request_names_this_machine_and_nothing_else() {
    let simulator = speaking(Tls::Http2).await;
    let mut connection = Http2::connect(&simulator).await;
    let mut get = async |authority: Option<&str>, hosts: &[&str]| {
        let mut uri = Uri::builder().path_and_query("/rest/v1/assets/none");
        if let Some(authority) = authority {
            uri = uri.scheme("https").authority(authority);
        }
        let mut request = Request::get(uri.build().unwrap()).version(Version::HTTP_2);
        request = request.header("authorization", format!("Bearer {}", simulator.token()));
        for host in hosts {
            request = request.header("host", *host);
        }
        let (response, _) = connection.requests.send_request(request.body(()).unwrap(), true).unwrap();
        response.await.map(|response| response.status().as_u16()).ok()
    };
    for here in ["localhost", "LocalHost:1", "127.0.0.1:4080", "[::1]", address(&simulator)] {
        assert_eq!(get(Some(here), &[]).await, Some(404), "{here}");
        assert_eq!(get(Some(here), &[here]).await, Some(404), "{here}");
    }
    let known = simulator.requests().len();
    for elsewhere in ["evil.example", "localhost.evil.example", "192.0.2.1", "0.0.0.0", "[::]", "a.localhost"] {
        assert_eq!(get(Some(elsewhere), &[]).await, Some(403), "{elsewhere}");
        assert_eq!(get(Some(elsewhere), &["localhost"]).await, Some(403), "{elsewhere}");
        assert_eq!(get(Some("localhost"), &[elsewhere]).await, Some(403), "{elsewhere}");
    }
    assert_eq!(get(Some("localhost"), &["127.0.0.1"]).await, Some(403), "two names");
    assert_eq!(get(Some("localhost"), &["localhost", "localhost"]).await, Some(403), "twice");
    assert!(simulator.requests()[known..].iter().all(|it| it.operation.is_none() && it.reason.is_some()));
}

#[tokio::test]
async fn a_refused_stream_is_not_processed_and_the_connection_goes_on() {
    let (simulator, mut connection) = faulty(Fault::RefuseStream).await;
    let error = connection.upload(&simulator).await.await.unwrap_err();
    assert!(was_reset(&error, Reason::REFUSED_STREAM), "{error:?}");
    assert_eq!(after(&simulator), (vec![None], 0));
    assert_eq!(connection.upload(&simulator).await.await.unwrap().status(), 200);
    assert_eq!(after(&simulator), (vec![None, Some(200)], 1));
}

#[tokio::test]
async fn goaway_before_a_stream_leaves_it_out_and_those_before_it_in() {
    let (simulator, mut connection) = faulty(Fault::StopReading).await;
    simulator.inject(UPLOAD, 2..=2, Fault::GoAwayBefore).unwrap();
    let earlier = connection.upload(&simulator).await;
    let later = [connection.upload(&simulator).await, connection.upload(&simulator).await];
    for response in later {
        let error = response.await.unwrap_err();
        assert!(error.is_go_away() && error.is_remote() && error.reason() == Some(Reason::NO_ERROR), "{error:?}");
    }
    let error = earlier.await.unwrap_err();
    assert!(!error.is_go_away(), "it may have been processed: {error:?}");
    let _ = connection.connection.await.unwrap();
    assert_eq!(after(&simulator), (vec![None, None], 0), "and the third wasn't looked at");
}

#[tokio::test]
async fn goaway_reaches_a_client_that_is_still_sending() {
    let (simulator, mut connection) = faulty(Fault::GoAwayBefore).await;
    let (response, mut stream) = connection.begin(&simulator, 64 << 20).await;
    stream.send_data(vec![0; 64 << 20].into(), true).unwrap();
    let error = response.await.unwrap_err();
    assert!(error.is_go_away() && error.is_remote(), "{error:?}");
    connection.connection.await.unwrap().unwrap();
}

#[tokio::test]
async fn goaway_after_a_stream_comes_with_its_response_and_ends_the_connection() {
    let (simulator, mut connection) = faulty(Fault::GoAwayAfter).await;
    let response = connection.upload(&simulator).await.await.unwrap();
    assert_eq!(response.status(), 200);
    let (read, error) = body(response).await;
    assert!(error.is_none() && !read.is_empty(), "{error:?}");
    connection.connection.await.unwrap().unwrap();
    assert_eq!(after(&simulator), (vec![Some(200)], 1));
}

#[tokio::test]
async fn goaway_unanswered_includes_the_stream_that_gets_no_response() {
    let (simulator, mut connection) = faulty(Fault::GoAwayUnanswered).await;
    let error = connection.upload(&simulator).await.await.unwrap_err();
    assert!(!error.is_go_away() && !error.is_reset(), "{error:?}");
    assert_eq!(after(&simulator), (vec![None], 1));
}

#[tokio::test]
async fn a_request_can_be_reset_within_its_body_and_a_response_within_its_own() {
    let (simulator, mut connection) = faulty(Fault::ResetRequest(100_000)).await;
    let (response, mut stream) = connection.begin(&simulator, 8 << 20).await;
    stream.send_data(vec![0; 8 << 20].into(), true).unwrap();
    let error = response.await.unwrap_err();
    assert!(was_reset(&error, Reason::INTERNAL_ERROR), "{error:?}");
    assert_eq!(after(&simulator), (vec![None], 0));

    simulator.inject(UPLOAD, 1..=1, Fault::ResetResponse).unwrap();
    let response = connection.upload(&simulator).await.await.unwrap();
    let length: usize = response.headers()["content-length"].to_str().unwrap().parse().unwrap();
    let (read, error) = body(response).await;
    assert_eq!(read.concat().len(), length / 2);
    assert!(was_reset(error.as_ref().unwrap(), Reason::INTERNAL_ERROR), "{error:?}");
    assert_eq!(after(&simulator), (vec![None, Some(200)], 1));
    assert_eq!(connection.upload(&simulator).await.await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_window_that_never_opens_takes_what_it_began_with_and_only_of_its_stream() {
    let (simulator, mut connection) = faulty(Fault::StopReading).await;
    let (response, mut stream) = connection.begin(&simulator, 1 << 20).await;
    stream.reserve_capacity(1 << 20);
    let mut sent = 0;
    while sent < WINDOW {
        let open = poll_fn(|context| stream.poll_capacity(context)).await.unwrap().unwrap();
        stream.send_data(vec![0; open].into(), false).unwrap();
        sent += open;
    }
    // By the time that another stream has its response, more would have been granted.
    assert_eq!(connection.upload(&simulator).await.await.unwrap().status(), 200);
    assert_eq!((sent, stream.capacity()), (WINDOW, 0));
    drop(response);
    assert_eq!(after(&simulator), (vec![None, Some(200)], 1));
}

#[tokio::test]
async fn a_response_can_come_early_and_then_the_reset_that_asks_for_no_more() {
    let (simulator, mut connection) = faulty(Fault::RespondAndReset(CannedResponse::json(413))).await;
    let (response, mut stream) = connection.begin(&simulator, 1 << 20).await;
    let response = response.await.unwrap();
    assert_eq!(response.status(), 413);
    let (read, error) = body(response).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(serde_json::from_slice::<Value>(&read.concat()).unwrap()["code"], "request_too_large");
    let reason = poll_fn(|context| stream.poll_reset(context)).await.unwrap();
    assert_eq!(reason, Reason::NO_ERROR);
    assert_eq!(after(&simulator), (vec![Some(413)], 0));
    assert_eq!(connection.upload(&simulator).await.await.unwrap().status(), 200);
}

#[tokio::test]
async fn on_a_silent_connection_nothing_is_answered_and_it_stays_open() {
    let simulator = speaking(Tls::Http2).await;
    simulator.inject(UPLOAD, 2..=2, Fault::FallSilent).unwrap();
    let (stream, _) = connect(&simulator, "127.0.0.1", &[b"h2"]).await.unwrap();
    let (requests, mut connection) = h2::client::handshake(stream).await.unwrap();
    let mut pings = connection.ping_pong().unwrap();
    let mut connection = Http2 { requests, connection: tokio::spawn(connection) };
    assert_eq!(connection.upload(&simulator).await.await.unwrap().status(), 200);
    pings.ping(h2::Ping::opaque()).await.unwrap();

    let met = connection.upload(&simulator).await;
    while after(&simulator).0.len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let later = connection.upload(&simulator).await;
    tokio::select! {
        _ = met => panic!("the request that met it is answered"),
        _ = later => panic!("a later one is answered"),
        _ = pings.ping(h2::Ping::opaque()) => panic!("a ping is answered"),
        _ = connection.connection => panic!("the connection ends"),
        () = tokio::time::sleep(Duration::from_millis(300)) => {}
    }
    assert_eq!(after(&simulator), (vec![Some(200), None], 1));
    assert_eq!(Http2::connect(&simulator).await.upload(&simulator).await.await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_connection_that_closes_takes_all_its_streams_with_it() {
    for (fault, assets) in [(Fault::Close, 0), (Fault::CloseAfter(20), 0), (Fault::LoseResponse, 1)] {
        let (simulator, mut connection) = faulty(Fault::StopReading).await;
        simulator.inject(UPLOAD, 2..=2, fault).unwrap();
        let responses = [connection.upload(&simulator).await, connection.upload(&simulator).await];
        for response in responses {
            let error = response.await.unwrap_err();
            assert!(!error.is_reset() && !error.is_go_away(), "{error:?}");
        }
        assert_eq!(after(&simulator), (vec![None, None], assets));
    }

    let (simulator, mut connection) = faulty(Fault::CutBody).await;
    let response = connection.upload(&simulator).await.await.unwrap();
    let length: usize = response.headers()["content-length"].to_str().unwrap().parse().unwrap();
    let (read, error) = body(response).await;
    assert_eq!(read.concat().len(), length / 2);
    assert!(error.is_some_and(|error| !error.is_reset()));
    assert_eq!(after(&simulator), (vec![Some(200)], 1));

    let (simulator, mut connection) = faulty(Fault::Raw("nonsense\r\n\r\n".into())).await;
    let error = connection.upload(&simulator).await.await.unwrap_err();
    assert_eq!(error.reason(), Some(Reason::FRAME_SIZE_ERROR), "{error:?}");
    assert_eq!(after(&simulator), (vec![None], 0));
}

#[tokio::test]
async fn the_right_response_can_come_in_small_frames_without_a_length() {
    for (fault, first) in [(Fault::Chunked, Some(7)), (Fault::Unlengthed, None)] {
        let (simulator, mut connection) = faulty(fault).await;
        let response = connection.upload(&simulator).await.await.unwrap();
        assert!(!response.headers().contains_key("content-length"));
        let (read, error) = body(response).await;
        assert!(error.is_none() && first.is_none_or(|first| read[0].len() == first));
        let job: Value = serde_json::from_slice(&read.concat()).unwrap();
        assert_eq!(job["job"]["status"], "success");
        assert!(connection.upload(&simulator).await.await.unwrap().headers().contains_key("content-length"));
    }
}

#[tokio::test]
async fn a_client_is_told_how_many_streams_there_may_be() {
    let simulator = Simulator::builder().tls(Tls::Http2).max_concurrent_streams(1).start().await.unwrap();
    simulator.inject(UPLOAD, 2..=2, Fault::StopReading).unwrap();
    let mut connection = Http2::connect(&simulator).await;
    assert_eq!(connection.upload(&simulator).await.await.unwrap().status(), 200);
    assert_eq!(connection.requests.current_max_send_streams(), 1);
    // The second is never answered, so the third stays where it is.
    let [_second, third] = [connection.upload(&simulator).await, connection.upload(&simulator).await];
    assert!(tokio::time::timeout(Duration::from_millis(300), third).await.is_err());
    assert_eq!(simulator.requests().len(), 2);
}

/// Every fault of HTTP/2, and whether the request is processed.
fn faults() -> [(Fault, usize); 8] {
    [
        (Fault::RefuseStream, 0),
        (Fault::GoAwayBefore, 0),
        (Fault::GoAwayAfter, 1),
        (Fault::GoAwayUnanswered, 1),
        (Fault::ResetRequest(20), 0),
        (Fault::ResetResponse, 1),
        (Fault::RespondAndReset(CannedResponse::json(503)), 0),
        (Fault::FallSilent, 0),
    ]
}

#[tokio::test]
async fn a_simulator_without_http2_takes_no_fault_of_it() {
    for tls in [None, Some(Tls::Http1)] {
        let builder = || match tls {
            Some(tls) => Simulator::builder().tls(tls),
            None => Simulator::builder(),
        };
        let simulator = builder().start().await.unwrap();
        for (fault, _) in faults() {
            let error = simulator.inject(UPLOAD, .., fault.clone()).unwrap_err();
            assert!(error.kind() == ErrorKind::InvalidInput && error.to_string().contains("HTTP/2"), "{error}");
            assert_eq!(builder().fault(UPLOAD, .., fault).start().await.unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    }
}

#[tokio::test]
async fn over_http1_beside_it_they_leave_the_same_behind() {
    for (fault, assets) in faults() {
        let simulator = speaking(Tls::Both).await;
        simulator.inject(UPLOAD, 1..=1, fault.clone()).unwrap();
        let client = trusting(&simulator).http1_only().timeout(Duration::from_secs(1)).build().unwrap();
        let response = client.execute(upload(&simulator, "a", image()).build().unwrap()).await;
        let status = response.as_ref().ok().map(|response| response.status().as_u16());
        let read = match response {
            Ok(response) => response.bytes().await.is_ok(),
            Err(error) => {
                assert_eq!(error.is_timeout(), matches!(fault, Fault::FallSilent), "{fault:?}: {error:?}");
                false
            }
        };
        let expected = match fault {
            Fault::GoAwayAfter => (Some(200), true),
            Fault::ResetResponse => (Some(200), false),
            Fault::RespondAndReset(_) => (Some(503), true),
            _ => (None, false),
        };
        assert_eq!((status, read), expected, "{fault:?}");
        assert_eq!(simulator.assets().len(), assets, "{fault:?}");
    }
}
