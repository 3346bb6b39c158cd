//! How far one attempt to upload is: what the body writes, and the timeouts and the caller's progress function read.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::content::BodyError;
use crate::content::{OnProgress, UploadProgress};
use crate::sync::lock;

/// UploadProgress is reported when at least this much moved since the last report, or ...
const REPORT_BYTES: u64 = 64 * 1024;
/// ... this much time passed.
const REPORT_EVERY: Duration = Duration::from_millis(100);

/// One attempt's count of bytes.
pub(crate) struct Meter {
    attempt: u32,
    total: u64,
    state: Mutex<MeterState>,
    /// No more frames will be taken.
    finished: watch::Sender<bool>,
    on_progress: Option<Arc<Mutex<OnProgress>>>,
}

struct MeterState {
    sent: u64,
    moved: Option<Instant>,
    reported: u64,
    reported_at: Instant,
    failure: Option<BodyError>,
    over: bool,
}

impl Meter {
    pub(crate) fn new(attempt: u32, total: u64, on_progress: Option<Arc<Mutex<OnProgress>>>) -> Self {
        let now = Instant::now();
        let state = MeterState { sent: 0, moved: None, reported: 0, reported_at: now, failure: None, over: false };
        let finished = watch::Sender::new(total == 0);
        let meter = Self { attempt, total, state: Mutex::new(state), finished, on_progress };
        meter.report(0);
        meter
    }

    pub(crate) fn progress(&self) -> UploadProgress {
        self.at(lock(&self.state).sent)
    }

    fn at(&self, sent: u64) -> UploadProgress {
        UploadProgress { sent, total: self.total, attempt: self.attempt }
    }

    /// When a frame was last taken, if any was, and whether no more will be.
    pub(crate) fn last_move(&self) -> (Option<Instant>, bool) {
        (lock(&self.state).moved, *self.finished.borrow())
    }

    /// Resolves once the last frame was taken, or the connection has dropped the content.
    pub(crate) async fn finished(&self) {
        // An error means that the sender is gone, and it is part of this.
        let _ = self.finished.subscribe().wait_for(|finished| *finished).await;
    }

    /// The connection has dropped the content, or taken all of it.
    pub(crate) fn dropped(&self) {
        self.finished.send_replace(true);
    }

    /// Nobody waits for this attempt any more: no more of it is sent, and nothing reported. What had been sent by
    /// then stays all that was.
    pub(crate) fn end(&self) -> UploadProgress {
        let mut state = lock(&self.state);
        state.over = true;
        self.at(state.sent)
    }

    /// What was wrong with the content, if that is what ended the request.
    pub(crate) fn take_failure(&self) -> Option<BodyError> {
        lock(&self.state).failure.take()
    }

    /// Whether this many more bytes may be sent; then they count as sent.
    #[must_use]
    pub(crate) fn advance(&self, bytes: u64) -> bool {
        let now = Instant::now();
        let sent = {
            let mut state = lock(&self.state);
            if state.over {
                return false;
            }
            state.sent += bytes;
            state.moved = Some(now);
            if state.sent == self.total {
                self.finished.send_replace(true);
            }
            let due = state.sent - state.reported >= REPORT_BYTES
                || now - state.reported_at >= REPORT_EVERY
                || state.sent == self.total;
            if self.on_progress.is_none() || !due {
                return true;
            }
            state.reported = state.sent;
            state.reported_at = now;
            state.sent
        };
        self.report(sent);
        true
    }

    fn report(&self, sent: u64) {
        if let Some(on_progress) = &self.on_progress {
            lock(on_progress)(self.at(sent));
        }
    }

    pub(crate) fn fail(&self, failure: BodyError) -> io::Error {
        let error = io::Error::other(failure.to_string());
        lock(&self.state).failure = Some(failure);
        error
    }
}
