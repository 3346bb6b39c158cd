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
pub(crate) struct ServerClock(Mutex<Option<(SystemTime, Instant)>>);

/// A second that a `Date` leaves out, and one for its way.
const AGREEMENT: Duration = Duration::from_secs(2);

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
            let agree = own.duration_since(date).is_ok_and(|later| later < AGREEMENT);
            *lock(&self.0) = Some((if agree { own } else { date }, Instant::now()));
        }
    }

    /// The time at Canva at this instant, past or present.
    pub(crate) fn at(&self, instant: Instant) -> ServerTime {
        let read = *lock(&self.0);
        let (date, then) = read.unwrap_or_else(|| (SystemTime::now(), Instant::now()));
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
