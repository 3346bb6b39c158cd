//! No response, byte for byte, panics or hangs the client.

use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use canva_connect::{Client, Pacing, PollPolicy};
use proptest::prelude::*;
use tokio::io::AsyncWriteExt;

use crate::support::{self, UPDATED, UPLOADED, http};

static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());

/// What the server answers every request with.
static RESPONSE: Mutex<Vec<u8>> = Mutex::new(Vec::new());

static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    let base_url = RUNTIME.block_on(async {
        let (listener, base_url) = support::listen().await;
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let Ok(head) = support::read_head(&mut stream).await else { continue };
                let _ = support::discard_body(&mut stream, &head).await;
                let response = RESPONSE.lock().unwrap().clone();
                let _ = stream.write_all(&response).await;
            }
        });
        base_url
    });
    let soon = Duration::from_millis(1);
    let poll = PollPolicy::default().first_delay(soon).max_delay(soon).deadline(50 * soon);
    let retry = support::attempts(2).total_time(100 * soon);
    let canva = support::builder(&base_url).pacer(Pacing::off()).retry_policy(retry).poll_policy(poll);
    canva.response_timeout(Duration::from_secs(5)).build().unwrap()
});

/// Bytes that begin as a response does, and bytes that do not: whole responses with any JSON, or real ones with some bytes
/// changed.
fn responses() -> impl Strategy<Value = Vec<u8>> {
    let status = prop_oneof![Just("200 OK".to_owned()), Just("429 Slow".to_owned()), "[1-9][0-9]{2} \\PC{0,10}"];
    let header = prop_oneof![
        Just(String::new()),
        "retry-after: \\PC{0,30}\r\n",
        "x-request-id: \\PC{0,30}\r\n",
        "(content-encoding|transfer-encoding|location): [a-z, ]{0,20}\r\n",
    ];
    let json = prop_oneof![
        "\\PC{0,200}",
        Just(UPLOADED.to_owned()),
        "\\{\"(job|asset)\":(null|1|\"\"|\\[\\]|\\{(\"(id|status|error|asset|name)\":(null|\"x\"|-1e400|\\{\\}))?\\})\\}",
    ];
    let whole = (status, header, json).prop_map(|(status, header, body)| http(&status, &header, &body).into_bytes());
    let real = prop_oneof![Just(UPLOADED), Just(UPDATED)].prop_map(|body| http("200 OK", "", body).into_bytes());
    let changed = (real, prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)).prop_map(
        |(mut response, changes)| {
            for (place, byte) in changes {
                let place = place.index(response.len());
                response[place] = byte;
            }
            response
        },
    );
    prop_oneof![2 => whole, 2 => changed, 1 => prop::collection::vec(any::<u8>(), 0..2000)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn is_a_result_in_time(response in responses()) {
        *RESPONSE.lock().unwrap() = response;
        let canva = &*CLIENT;
        RUNTIME.block_on(async {
            let calls = async {
                // Whatever comes of it, it can be said.
                match canva.upload_asset(vec![1, 2, 3]).name("n").await {
                    Ok(mut job) => drop(job.wait().await.map_err(|e| format!("{e} {e:?} {:?}", e.job_id()))),
                    Err(e) => drop(format!("{e} {e:?}")),
                }
                drop(canva.update_asset("a").clear_tags().await.map_err(|e| format!("{e} {e:?}")));
                drop(canva.design_import_job("j").refresh().await.map_err(|e| format!("{e} {e:?}")));
                drop(canva.generated().get_design_import_job("j").await.map_err(|e| format!("{e} {e:?}")));
            };
            tokio::time::timeout(Duration::from_secs(60), calls).await.expect("it hangs");
        });
    }
}
