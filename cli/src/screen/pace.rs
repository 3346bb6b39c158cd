//! How fast files are sent, and how long the rest takes. It knows the limit: what is held back isn't slow.

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};

use super::tally::{LimitWait, Tally};

/// The speed is that of this time.
const RECENT: Duration = Duration::from_secs(10);
const MINUTE: Duration = Duration::from_secs(60);

#[derive(Default)]
pub struct Pace {
    /// How many bytes had been sent when.
    samples: VecDeque<(Instant, u64)>,
    /// When the last file can be sent at the earliest.
    limited_until: Option<Instant>,
    /// When all is done, by the last guess.
    end: Option<Instant>,
}

impl Pace {
    /// Looks at the tally again.
    pub fn update(&mut self, tally: &Tally, wait: Option<&LimitWait>, now: Instant, time: SystemTime) {
        let sent = tally.bytes_sent();
        // What is held back isn't slow, and an attempt that failed has sent nothing.
        if wait.is_some() || tally.network.is_some() || self.samples.back().is_some_and(|(_, before)| *before > sent) {
            self.samples.clear();
        }
        self.samples.push_back((now, sent));
        while self.samples.get(1).is_some_and(|(when, _)| now.saturating_duration_since(*when) > RECENT) {
            self.samples.pop_front();
        }
        self.limited_until = match wait {
            Some(LimitWait { until: Some(until), limit, window, .. }) => {
                let next = until.duration_since(time).unwrap_or_default();
                now.checked_add(next.saturating_add(window.saturating_mul(windows(tally.to_send, *limit))))
            }
            _ => self.limited_until.or(tally.per_minute.map(|limit| now + MINUTE * windows(tally.to_send, limit))),
        };
        self.end = self.guess(tally, now);
    }

    /// Bytes a second.
    pub fn speed(&self) -> Option<u64> {
        let ((begin, before), (end, after)) = (self.samples.front()?, self.samples.back()?);
        let seconds = end.saturating_duration_since(*begin).as_secs_f64();
        let speed = (after - before) as f64 / seconds;
        // A shorter time says little.
        (seconds >= 1.0 && speed >= 1.0).then_some(speed as u64)
    }

    /// How long it takes, roughly: a time of which every digit changes at every look can't be read.
    pub fn left(&self, now: Instant) -> Option<Duration> {
        let seconds = self.end?.saturating_duration_since(now).as_secs_f64();
        let step = match seconds {
            ..60.0 => 1.0,
            60.0..600.0 => 5.0,
            600.0..3_600.0 => 15.0,
            _ => 60.0,
        };
        let seconds = (seconds / step).ceil() * step;
        (seconds > 0.0).then(|| Duration::from_secs(seconds as u64))
    }

    fn guess(&self, tally: &Tally, now: Instant) -> Option<Instant> {
        let ended = tally.ended();
        if ended >= tally.files || tally.network.is_some() {
            return None;
        }
        let limited = self.limited_until.filter(|end| tally.to_send > 0 && *end > now);
        let bytes = tally.bytes.saturating_sub(tally.bytes_sent());
        let by_speed = match self.speed() {
            Some(speed) if bytes > 0 => now.checked_add(Duration::from_secs(bytes / speed.max(1))),
            // Without bytes, by what has ended so far.
            _ if tally.bytes == 0 && self.limited_until.is_none() && ended >= 3 => {
                let each = now.saturating_duration_since(tally.begun) / u32::try_from(ended).ok()?;
                now.checked_add(each.saturating_mul(u32::try_from(tally.files - ended).ok()?))
            }
            _ => None,
        };
        let guess = limited.max(by_speed)?;
        // The speed changes from moment to moment, the limit doesn't.
        match self.end.filter(|end| *end > now && by_speed == Some(guess)) {
            Some(before) if before > guess => Some(before - (before - guess) / 10),
            Some(before) => Some(before + (guess - before) / 10),
            None => Some(guess),
        }
    }
}

/// How many more windows of the limit have to pass before so many requests are sent.
fn windows(requests: usize, limit: u32) -> u32 {
    let requests = u32::try_from(requests).unwrap_or(u32::MAX);
    requests.saturating_sub(1).checked_div(limit).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use canva_connect::operations::CREATE_ASSET_UPLOAD_JOB;

    /// Seconds left, as it is shown.
    fn left(pace: &Pace, now: Instant) -> Option<u64> {
        pace.left(now).map(|left| left.as_secs())
    }

    #[test]
    fn the_time_left_knows_how_many_windows_of_the_limit_are_to_come() {
        let (begun, time) = (Instant::now(), SystemTime::now());
        let mut tally = Tally { per_minute: Some(30), begun, ..Tally::new(104) };
        let mut pace = Pace::default();
        pace.update(&tally, None, begun, time);
        assert_eq!(left(&pace, begun), Some(180), "three more minutes after the first 30");
        // The first 30 went at once, and the next may go in 58 s: then 30, 30 and 14.
        (tally.to_send, tally.done) = (74, 10);
        let until = Some(time + Duration::from_secs(58));
        let wait =
            |limit| LimitWait { operation: &CREATE_ASSET_UPLOAD_JOB, limit, window: MINUTE, until, since: begun };
        pace.update(&tally, Some(&wait(30)), begun, time);
        assert_eq!(left(&pace, begun), Some(180));
        // While the next 30 go, the end stays where it was.
        let now = begun + Duration::from_secs(59);
        tally.to_send = 50;
        pace.update(&tally, None, now, time);
        assert_eq!(left(&pace, now), Some(120));
        tally.to_send = 0;
        pace.update(&tally, None, now, time);
        assert_eq!(left(&pace, now), None, "how long Canva works isn't known");
        pace.update(&tally, Some(&wait(0)), now, time);
    }

    #[test]
    fn the_time_left_of_large_files_is_that_of_their_speed_and_steady() {
        let (begun, time) = (Instant::now(), SystemTime::now());
        let mut tally = Tally { bytes: 100_000_000, to_send: 0, begun, ..Tally::new(1) };
        let mut pace = Pace::default();
        let mut shown = Vec::new();
        for tenth in 0..200 {
            // A second fast, a second slow: 2 MB/s.
            tally.bytes_done += if tenth / 10 % 2 == 0 { 300_000 } else { 100_000 };
            let now = begun + Duration::from_millis(100 * tenth);
            pace.update(&tally, None, now, time);
            shown.extend(left(&pace, now));
        }
        assert!(pace.speed().is_some_and(|speed| (1_900_000..2_100_000).contains(&speed)), "{:?}", pace.speed());
        assert!(shown.last().is_some_and(|left| (28..34).contains(left)), "{shown:?}");
        assert!(shown.iter().zip(shown.iter().skip(1)).all(|(one, next)| one.abs_diff(*next) <= 5), "{shown:?}");
        let limit = CREATE_ASSET_UPLOAD_JOB.requests_per_minute.unwrap_or_default();
        let operation = &CREATE_ASSET_UPLOAD_JOB;
        let wait = LimitWait { operation, limit, window: MINUTE, until: Some(time), since: begun };
        pace.update(&tally, Some(&wait), begun + Duration::from_secs(20), time);
        assert_eq!(pace.speed(), None, "what is held back isn't slow");
    }
}
