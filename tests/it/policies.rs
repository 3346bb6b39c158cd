//! Policies as they stand in a configuration file: what is written is read again, what is missing has its default,
//! and what isn't known is refused.

use std::time::Duration;

use canva_connect::{PollPolicy, RetryPolicy};
use proptest::prelude::*;
use serde_json::json;

fn durations() -> impl Strategy<Value = Duration> {
    prop_oneof![
        any::<Duration>(),
        (0u64..1_000_000).prop_map(Duration::from_millis),
        Just(Duration::ZERO),
        Just(Duration::MAX)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_again(
        max_attempts in any::<u32>(),
        growth in any::<f64>().prop_filter("JSON has no others", |growth| growth.is_finite()),
        [one, two, three] in [durations(), durations(), durations()],
    ) {
        let retry = RetryPolicy::default().max_attempts(max_attempts);
        let retry = retry.base_delay(one).max_delay(two).total_time(three);
        let poll = PollPolicy::default().growth(growth).first_delay(one).max_delay(two).deadline(three);
        let (written, also) = (serde_json::to_string(&retry).unwrap(), serde_json::to_string(&poll).unwrap());
        prop_assert_eq!(serde_json::from_str::<RetryPolicy>(&written).unwrap(), retry);
        prop_assert_eq!(serde_json::from_str::<PollPolicy>(&also).unwrap(), poll);
    }
}

#[test]
fn times_are_written_as_people_write_them() {
    let retry = json!({ "max_attempts": 5, "base_delay": "500ms", "max_delay": "20s", "total_time": "5m" });
    assert_eq!(serde_json::to_value(RetryPolicy::default()).unwrap(), retry);
    let poll = json!({ "first_delay": "400ms", "growth": 3.2, "max_delay": "6s", "deadline": "10m" });
    assert_eq!(serde_json::to_value(PollPolicy::default()).unwrap(), poll);
    for text in ["1m 30s", "90s", "90sec", "1min 30seconds", "90000ms"] {
        let retry: RetryPolicy = serde_json::from_value(json!({ "total_time": text })).unwrap();
        assert_eq!(retry, RetryPolicy::default().total_time(Duration::from_secs(90)), "{text}");
    }
    assert_eq!(serde_json::from_str::<PollPolicy>("{}").unwrap(), PollPolicy::default());
}

#[test]
fn what_is_no_policy_is_refused_and_the_error_says_what_would_be() {
    let refused = |value| serde_json::from_value::<RetryPolicy>(value).unwrap_err().to_string();
    for value in [json!("soon"), json!("30"), json!("-1s"), json!("99999999999999999999s"), json!(30), json!(null)] {
        let error = refused(json!({ "total_time": value }));
        assert!(error.contains(r#"expected a duration such as "500ms" or "1m 30s""#), "{value}: {error}");
    }
    let error = refused(json!({ "max_attemps": 3 }));
    assert!(error.contains("max_attemps") && error.contains("`max_attempts`"), "{error}");
    let error = serde_json::from_value::<PollPolicy>(json!({ "deadlin": "1s" })).unwrap_err().to_string();
    assert!(error.contains("deadlin"), "{error}");
}
