//! The three ways of counting, by themselves and behind the server.

use std::time::Duration;

use canva_simulator::{Access, RateCounter, RateLimits, Simulator};
use serde_json::json;
use tokio::time::Instant;

use crate::common::client;

/// How many of `attempts` requests at `second` are let through.
fn allowed(counter: &mut RateCounter, start: Instant, second: f64, attempts: u32) -> u32 {
    let now = start + Duration::from_secs_f64(second);
    (0..attempts).map(|_| u32::from(counter.allow(now))).sum()
}

/// A fixed window lets a double burst through at its edge, a sliding window never holds more than the limit, and a
/// token bucket starts full and refills evenly.
#[tokio::test(start_paused = true)]
async fn each_way_of_counting_lets_through_what_it_should() {
    let years = 3600.0 * 24.0 * 365.0 * 50.0;
    // At this second, so many attempts, and how many of them pass.
    let cases = [
        (RateLimits::FixedWindow, [(0.0, 1, 1), (59.9, 100, 29), (60.0, 100, 30), (119.9, 100, 0), (120.0, 100, 30)]),
        (RateLimits::SlidingWindow, [(0.0, 1, 1), (59.0, 100, 29), (60.0, 100, 1), (118.9, 100, 0), (119.0, 100, 29)]),
        (RateLimits::TokenBucket, [(0.0, 100, 30), (1.999, 1, 0), (2.0, 2, 1), (62.0, 100, 30), (years, 100, 30)]),
    ];
    for (limits, attempts) in cases {
        let (mut counter, start) = (RateCounter::new(limits, 30), Instant::now());
        for (second, count, passed) in attempts {
            assert_eq!(allowed(&mut counter, start, second, count), passed, "{limits:?} at {second}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_shorter_window_counts_as_the_minute_does() {
    let window = Duration::from_secs(2);
    for limits in [RateLimits::FixedWindow, RateLimits::SlidingWindow, RateLimits::TokenBucket] {
        let (mut counter, start) = (RateCounter::with_window(limits, 30, window), Instant::now());
        assert_eq!(allowed(&mut counter, start, 0.0, 100), 30);
        assert_eq!(allowed(&mut counter, start, 0.05, 1), 0);
        assert_eq!(allowed(&mut counter, start, 2.0, 100), 30);
    }
    let simulator =
        Simulator::builder().rate_limits(RateLimits::SlidingWindow).rate_window(window).start().await.unwrap();
    let url = format!("{}/v1/imports/none", simulator.base_url());
    let read = async || client().get(&url).bearer_auth(simulator.token()).send().await.unwrap().status().as_u16();
    for _ in 0..2 {
        for _ in 0..120 {
            assert_eq!(read().await, 404);
        }
        assert_eq!(read().await, 429);
        tokio::time::sleep(window).await;
    }
}

#[tokio::test(start_paused = true)]
async fn each_user_and_operation_has_its_own_minute_and_a_refusal_costs_nothing() {
    for limits in [RateLimits::FixedWindow, RateLimits::SlidingWindow, RateLimits::TokenBucket] {
        let builder = Simulator::builder().rate_limits(limits);
        let builder = builder.access(Access::new("one").user("one", "team"));
        let builder = builder.access(Access::new("again").user("one", "team"));
        let simulator = builder.access(Access::new("two").user("two", "team")).start().await.unwrap();
        let read = async |path: &str, token: &str| {
            let url = format!("{}{path}", simulator.base_url());
            client().get(url).bearer_auth(token).send().await.unwrap().status().as_u16()
        };
        for _ in 0..120 {
            assert_eq!(read("/v1/imports/none", "one").await, 404);
        }
        let limited = client().get(format!("{}/v1/imports/none", simulator.base_url())).bearer_auth("again");
        let limited = limited.send().await.unwrap();
        assert_eq!(limited.status(), 429);
        assert!(!limited.headers().contains_key("retry-after"));
        assert_eq!(read("/v1/imports/none", "two").await, 404);
        assert_eq!(read("/v1/asset-uploads/none", "one").await, 404);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(read("/v1/imports/none", "one").await, 404);
    }
}

#[tokio::test(start_paused = true)]
async fn a_counter_says_how_it_stands_and_counts_nothing_by_it() {
    // At this second, after so many requests there: how many are used, and when the next is free.
    let cases = [
        (RateLimits::FixedWindow, [(0.0, 0, 0, 0.0), (0.0, 1, 1, 0.0), (40.0, 29, 30, 20.0), (60.0, 0, 0, 0.0)]),
        (RateLimits::SlidingWindow, [(0.0, 0, 0, 0.0), (0.0, 1, 1, 0.0), (40.0, 29, 30, 20.0), (60.0, 0, 29, 0.0)]),
        (RateLimits::TokenBucket, [(0.0, 0, 0, 0.0), (0.0, 30, 30, 2.0), (1.5, 0, 30, 0.5), (60.0, 0, 0, 0.0)]),
    ];
    for (limits, moments) in cases {
        let (mut counter, start) = (RateCounter::new(limits, 30), Instant::now());
        for (second, requests, used, free_in) in moments {
            assert_eq!(allowed(&mut counter, start, second, requests), requests);
            let now = start + Duration::from_secs_f64(second);
            for _ in 0..40 {
                let stands = (counter.used(now), counter.free_in(now).as_secs_f64());
                assert_eq!(stands, (used, free_in), "{limits:?} at {second}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_limits_are_listed_as_they_stand() {
    let simulator = Simulator::builder().rate_limits(RateLimits::SlidingWindow).start().await.unwrap();
    assert!(simulator.rates().is_empty());
    let url = format!("{}/v1/imports/none", simulator.base_url());
    for _ in 0..121 {
        client().get(&url).bearer_auth(simulator.token()).send().await.unwrap();
    }
    client().get(&url).bearer_auth(simulator.authorize_as("anna")).send().await.unwrap();
    simulator.advance(Duration::from_secs(50));
    let stands = |user: &str, used: u32, free_in: f64| {
        let operation = "getDesignImportJob";
        json!({ "user": user, "operation": operation, "limit": 120, "used": used, "window_seconds": 60.0, "free_in_seconds": free_in })
    };
    let mut listed = simulator.rates();
    // The requests took a moment.
    listed[1]["free_in_seconds"] = listed[1]["free_in_seconds"].as_f64().unwrap().round().into();
    assert_eq!(listed, [stands("anna", 1, 0.0), stands("oSimulatedUser", 120, 10.0)]);
}
