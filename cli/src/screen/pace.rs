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
        // An attempt that failed has sent nothing.
        if self.samples.back().is_some_and(|(_, before)| *before > sent) {
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
        if ended >= tally.files {
            return None;
        }
        let limited = self.limited_until.filter(|end| tally.to_send > 0 && *end > now);
        let bytes = tally.bytes.saturating_sub(tally.bytes_sent());
        let by_speed = match self.speed() {
            Some(speed) if bytes > 0 => now.checked_add(Duration::from_secs(bytes / speed.max(1))),
            // Without bytes, by what has ended so far.
            _ if tally.bytes == 0 && ended >= 3 => {
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
