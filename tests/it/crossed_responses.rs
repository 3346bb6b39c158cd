//! However many requests share connections, and however these end: each request gets its own response.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use canva_connect::Pacing;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::support;

/// How many callers there are, and how many requests each makes, one after the other.
const CALLERS: usize = 100;
const EACH: usize = 15;

/// What a client asked for comes back in the response: the id from the path, or the name from the header. The connection may
/// end instead, or afterwards, and responses are late.
async fn echo(mut stream: TcpStream, answered: Arc<AtomicUsize>) -> std::io::Result<()> {
    loop {
        let head = support::read_head(&mut stream).await?;
        support::discard_body(&mut stream, &head).await?;
        let chance = fastrand::u8(..);
        if chance < 10 {
            return Ok(());
        }
        if chance < 128 {
            tokio::time::sleep(Duration::from_micros(fastrand::u64(..5_000))).await;
        }
        let body = match head.header("asset-upload-metadata") {
            Some(metadata) => {
                let metadata: serde_json::Value = serde_json::from_str(metadata)?;
                let name = STANDARD.decode(metadata["name_base64"].as_str().unwrap()).unwrap();
                support::UPLOADED.replace("\"n\"", &format!("\"{}\"", String::from_utf8(name).unwrap()))
            }
            None => {
                let path = head.text.split(' ').nth(1).unwrap();
                support::UPDATED.replace("a1", path.rsplit('/').next().unwrap())
            }
        };
        answered.fetch_add(1, Ordering::Relaxed);
        support::answer(&mut stream, "200 OK", "", &body).await?;
        if chance > 245 {
            return Ok(());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_many_requests_gets_its_own() {
    let (listener, base_url) = support::listen().await;
    let (connections, answered) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (accepted, echoed) = (connections.clone(), answered.clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            accepted.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(echo(stream, echoed.clone()));
        }
    });
    let canva = support::builder(&base_url).pacer(Pacing::off()).retry_policy(support::attempts(20));
    let canva = canva.build().unwrap();

    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let canva = canva.clone();
        callers.spawn(async move {
            for number in 0..EACH {
                let mine = format!("{caller}-{number}");
                if number % 3 > 0 {
                    assert_eq!(canva.get_asset(&mine).await.unwrap().id, mine);
                    continue;
                }
                match canva.upload_asset(mine.clone().into_bytes()).name(&mine).await {
                    Ok(mut job) => assert_eq!(job.wait().await.unwrap().name, mine),
                    Err(error) => assert!(error.is_outcome_unknown(), "{error:?}"),
                }
            }
        });
    }
    callers.join_all().await;
    let (connections, answered) = (connections.load(Ordering::Relaxed), answered.load(Ordering::Relaxed));
    assert!(connections * 3 < answered, "{answered} responses on {connections} connections: they weren't shared");
}
