//! What time it is at Canva, as the `Date` of its responses says.

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::DATE;
use tokio::time::Instant;

use crate::sync::lock;

/// Canva's clock. A `Date` leaves out the parts of a second, and was written a little before it is read. So this machine's
/// clock is taken where the two agree as far as that goes; it has the parts of a second.
#[derive(Default)]
pub(crate) struct ServerClock(Mutex<Option<Reading>>);

#[derive(Clone, Copy)]
struct Reading {
    time: SystemTime,
    at: Instant,
    own: SystemTime,
    /// The clocks have agreed so far.
    agree: bool,
}

/// What a `Date` leaves out, and its way.
const AGREEMENT: Duration = Duration::from_millis(1_250);

/// In seconds since the Unix epoch.
#[derive(Clone, Copy)]
pub(crate) struct ServerTime {
    pub(crate) seconds: i64,
    /// No response has said what time it is, so this is by the machine's own clock.
    pub(crate) own_clock: bool,
}

impl ServerClock {
    /// Reads the clock in a response that has just come.
    pub(crate) fn read(&self, headers: &HeaderMap) {
        let date = headers.get(DATE).and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
        if let Some(date) = date {
            let own = SystemTime::now();
            let agrees = own.duration_since(date).is_ok_and(|later| later < AGREEMENT);
            let mut reading = lock(&self.0);
            let agree = agrees && reading.is_none_or(|before| before.agree);
            *reading = Some(Reading { time: if agree { own } else { date }, at: Instant::now(), own, agree });
        }
    }

    /// The time at Canva at this instant, past or present.
    pub(crate) fn at(&self, instant: Instant) -> ServerTime {
        // A machine that slept has missed some time since.
        let slept = |read: &Reading| {
            let elapsed = read.own.elapsed().unwrap_or_default();
            elapsed > read.at.elapsed().saturating_add(AGREEMENT)
        };
        let read = lock(&self.0).filter(|read| !slept(read));
        let (date, then) = read.map_or_else(|| (SystemTime::now(), Instant::now()), |read| (read.time, read.at));
        let since_epoch = date.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let at = match instant.checked_duration_since(then) {
            Some(later) => since_epoch.saturating_add(later),
            None => since_epoch.saturating_sub(then.duration_since(instant)),
        };
        ServerTime { seconds: seconds(at), own_clock: read.is_none() }
    }

    /// How far Canva's clock is ahead of this machine's, in seconds, once a response has said what time it is.
    pub(crate) fn ahead(&self) -> Option<i64> {
        let ServerTime { seconds: there, own_clock } = self.at(Instant::now());
        let here = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        (!own_clock).then(|| there.saturating_sub(seconds(here)))
    }
}

fn seconds(since_epoch: Duration) -> i64 {
    i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX)
}
