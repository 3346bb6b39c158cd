//! Many users: one set of connections and settings, and for each user a token and limits of its own.

use std::sync::Arc;
use std::time::Duration;

use canva_connect::auth::NoUser;
use canva_connect::{AccessToken, Client, Error, Pacing, PollPolicy, RetryPolicy};
use canva_simulator::{Access, RateLimits, Simulator, Tls};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::{self, PIXEL};

/// A simulator that counts the requests of two users, and a client that is nobody's.
async fn service() -> (Simulator, Client) {
    let anna = Access::new("annas-token").user("anna", "team");
    let ben = Access::new("bens-token").user("ben", "team");
    let simulator = Simulator::builder().access(anna).access(ben).rate_limits(RateLimits::SlidingWindow);
    let simulator = simulator.job_duration(Duration::ZERO).start().await.unwrap();
    let service = support::simulated(&simulator).token_provider(NoUser).build().unwrap();
    (simulator, service)
}

fn refused(simulator: &Simulator) -> usize {
    simulator.requests().iter().filter(|request| request.status.is_some_and(|status| status == 429)).count()
}

async fn upload(canva: &Client, count: usize) {
    let mut uploads = JoinSet::new();
    for number in 0..count {
        let canva = canva.clone();
        uploads.spawn(async move { canva.upload_asset(PIXEL.to_vec()).name(number.to_string()).await.map(drop) });
    }
    for uploaded in uploads.join_all().await {
        uploaded.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn each_has_its_own_token_and_limits() {
    for cloned_builders in [false, true] {
        let (simulator, service) = service().await;
        let builder = support::simulated(&simulator);
        let user = |token: &str| match cloned_builders {
            true => builder.clone().token(token).build().unwrap(),
            false => service.for_user(AccessToken::new(token), Pacing::new()),
        };
        let (anna, ben) = (user("annas-token"), user("bens-token"));
        let begun = Instant::now();
        tokio::join!(upload(&anna, 30), upload(&ben, 30));
        assert!(begun.elapsed() < Duration::from_secs(1), "they waited for each other: {:?}", begun.elapsed());
        assert_eq!(refused(&simulator), 0);
        for user in ["anna", "ben"] {
            assert_eq!(simulator.assets_of(user).len(), 30, "{user}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_counts_outlive_a_client_with_its_pacing() {
    let (simulator, service) = service().await;
    let pacing = Arc::new(Pacing::new());
    let client = |pacing: &Arc<Pacing>| service.for_user(AccessToken::new("annas-token"), pacing.clone());
    let begun = Instant::now();
    upload(&client(&pacing), 30).await;
    upload(&client(&pacing), 1).await;
    assert!(begun.elapsed() >= Duration::from_secs(60), "{:?}", begun.elapsed());
    assert_eq!(refused(&simulator), 0);

    upload(&client(&pacing), 29).await;
    upload(&client(&Arc::new(Pacing::new())), 1).await;
    assert!(refused(&simulator) > 0, "a new pacing knows of none of them");

    // After a minute of silence it needn't.
    tokio::time::sleep(Duration::from_secs(61)).await;
    let before = refused(&simulator);
    upload(&client(&Arc::new(Pacing::new())), 30).await;
    assert_eq!(refused(&simulator), before);
}

#[test]
fn a_builder_shows_its_settings_and_no_secret() {
    let builder = Client::builder().token("s3cr3t").user_agent("photo-sync/2.1").max_wait(Duration::from_secs(7));
    let shown = format!("{builder:?}");
    assert!(shown.contains("photo-sync/2.1") && shown.contains("max_wait: 7s"), "{shown}");
    assert!(shown.contains("https://api.canva.com/rest") && shown.contains("max_attempts: 5"), "{shown}");
    for base_url in ["https://anna:s3cr3t@example.com/rest", "https://example.com/rest?key=s3cr3t", "s3cr3t"] {
        let shown = format!("{:?}", builder.clone().token_provider(NoUser).base_url(base_url));
        assert!(!shown.contains("s3cr3t"), "{shown}");
    }
    assert!(!shown.contains("s3cr3t"), "{shown}");
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused() {
    let builder = || Client::builder().token("t");
    let growing = |growth| PollPolicy::default().growth(growth);
    for (builder, expected) in [
        (builder().connect_timeout(Duration::ZERO), "connect_timeout"),
        (builder().stall_timeout(Duration::ZERO), "stall_timeout"),
        (builder().response_timeout(Duration::ZERO), "response_timeout"),
        (builder().retry_policy(RetryPolicy::default().max_attempts(0)), "retry_policy.max_attempts"),
        (builder().poll_policy(growing(f64::NAN)), "poll_policy.growth"),
        (builder().poll_policy(growing(f64::INFINITY)), "poll_policy.growth"),
    ] {
        let error = builder.build().unwrap_err();
        assert!(matches!(error, Error::InvalidInput { field, .. } if field == expected), "{expected}: {error}");
    }
    let error = builder().build().unwrap().asset_upload_job("j1").wait_with(growing(f64::NAN)).await.unwrap_err();
    assert!(matches!(error, Error::InvalidInput { field: "poll_policy.growth", .. }), "{error}");
    // What is unusual works.
    let none = Duration::ZERO;
    let retry = RetryPolicy::never().base_delay(none).max_delay(none).total_time(none);
    let builder = builder().retry_policy(retry).poll_policy(growing(0.0).deadline(none)).max_wait(none);
    let endless = builder.connect_timeout(Duration::MAX).stall_timeout(Duration::MAX).response_timeout(Duration::MAX);
    endless.build().unwrap();
}

#[test]
fn a_client_goes_on_in_another_runtime() {
    let simulated = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    for tls in [None, Some(Tls::Both)] {
        let mut simulator = Simulator::builder().job_duration(Duration::ZERO);
        if let Some(versions) = tls {
            simulator = simulator.tls(versions);
        }
        let simulator = simulated.block_on(simulator.start()).unwrap();
        let canva = support::simulated(&simulator).retry_policy(RetryPolicy::never()).build().unwrap();
        for _ in 0..3 {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let asset = runtime.block_on(async {
                let asset = canva.upload_asset(PIXEL.to_vec()).name("n").await?.wait().await?;
                canva.get_asset(&asset.id).await
            });
            asset.unwrap();
        }
    }
}
