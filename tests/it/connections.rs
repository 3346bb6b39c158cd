//! Connections that many requests share: one that has died is noticed before a request is sent into it, and one that
//! takes one request at a time takes them all.

use std::time::Duration;

use canva_connect::{Client, Pacing};
use canva_simulator::{Builder, Fault, Simulator, Tls};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::{self, PIXEL};

async fn over_tls(simulator: Builder) -> (Simulator, Client) {
    let simulator = simulator.tls(Tls::Both).job_duration(Duration::ZERO).start().await.unwrap();
    let canva = support::simulated(&simulator).pacer(Pacing::off()).retry_policy(support::attempts(20));
    let canva = canva.build().unwrap();
    (simulator, canva)
}

#[tokio::test]
async fn one_that_fell_silent_while_idle_costs_the_next_request_nothing() {
    let (simulator, canva) = over_tls(Simulator::builder()).await;
    let asset = canva.upload_asset(PIXEL.to_vec()).name("n").await.unwrap().wait().await.unwrap();
    simulator.inject("getAsset", 1..=1, Fault::FallSilent).unwrap();
    let before = simulator.requests().len();
    let lost = tokio::spawn({
        let (canva, id) = (canva.clone(), asset.id.clone());
        async move { canva.get_asset(&id).await.map(drop) }
    });
    while simulator.requests().len() == before {
        tokio::task::yield_now().await;
    }
    lost.abort();
    assert!(lost.await.unwrap_err().is_cancelled());

    tokio::time::pause();
    tokio::time::sleep(Duration::from_secs(59)).await;
    let begun = Instant::now();
    canva.get_asset(&asset.id).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn one_that_takes_one_request_at_a_time_takes_them_all() {
    let (simulator, canva) = over_tls(Simulator::builder().max_concurrent_streams(1)).await;
    let asset = canva.upload_asset(PIXEL.to_vec()).name("n").await.unwrap().wait().await.unwrap();
    let url = asset.thumbnail.unwrap().url;
    let mut all = JoinSet::new();
    for each in 0..20 {
        // Canva takes a URL once.
        let (canva, url) = (canva.clone(), format!("{url}#{each}"));
        all.spawn(async move { canva.upload_asset_from_url(&url, "n").await?.wait().await.map(drop) });
    }
    for made in all.join_all().await {
        made.unwrap();
    }
    // What is sent before the client has heard of it is refused, and repeated.
    assert_eq!(simulator.assets().len(), 21);
}

/// What the pings of HTTP/2 are over HTTP/1.1.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_system_probes_an_idle_one() {
    let (listener, base_url) = support::listen().await;
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(support::discard_uploads(listener, tokio::sync::mpsc::unbounded_channel().0));
    let canva = support::builder(&base_url).build().unwrap();
    canva.update_asset("a").name("n").await.unwrap();
    // Its timer is the one of keep-alive once nothing is on its way.
    let probed = async {
        loop {
            let connections = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
            let ours =
                |line: &&str| line.split_whitespace().nth(2).is_some_and(|to| to.ends_with(&format!(":{port:04X}")));
            // Of connections that are over, to an earlier server on this port, there may be lines too.
            let timers = connections.lines().filter(ours).filter_map(|line| line.split_whitespace().nth(5));
            if let Some(hundredths) = timers.filter_map(|timer| timer.strip_prefix("02:")).next() {
                return u64::from_str_radix(hundredths, 16).unwrap() / 100;
            }
            tokio::task::yield_now().await;
        }
    };
    let seconds = tokio::time::timeout(Duration::from_secs(10), probed).await.expect("it isn't probed");
    assert!(seconds <= 20, "after {seconds} s");
}
