//! A network that is away is waited for, so that it isn't tried on one file after the other.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use canva_connect::{ConnectKind, Error};
use tokio::time::{Instant, sleep};

/// What the requests of a command know of the network.
#[derive(Clone)]
pub struct Network {
    timeout: Duration,
    state: Arc<Mutex<State>>,
    tell: Arc<Tell>,
}

/// Told what failed, and that nothing does any more.
type Tell = dyn Fn(Option<&Error>) + Send + Sync;

#[derive(Default)]
struct State {
    /// Canva has answered. Before that, the address may be wrong, which no waiting mends.
    was_there: bool,
    away_since: Option<Instant>,
}

/// Each pause before the next attempt, which itself lasts some seconds.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const MAX_PAUSE: Duration = Duration::from_secs(15);

impl Network {
    /// Waits for the network for so long.
    pub fn new(timeout: Duration, tell: impl Fn(Option<&Error>) + Send + Sync + 'static) -> Self {
        Self { timeout, state: Arc::default(), tell: Arc::new(tell) }
    }

    /// Does it again as long as the network is away.
    pub async fn insist<T, F>(&self, mut act: impl FnMut() -> F) -> Result<T, Error>
    where
        F: IntoFuture<Output = Result<T, Error>>,
    {
        let mut pause = FIRST_PAUSE;
        loop {
            match act().await {
                Err(error) if is_away(&error) && self.may_come_back(&error) => {
                    sleep(pause).await;
                    pause = (2 * pause).min(MAX_PAUSE);
                }
                result => {
                    if !result.as_ref().is_err_and(is_away) {
                        self.is_there();
                    }
                    return result;
                }
            }
        }
    }

    /// Canva has answered.
    pub fn is_there(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.was_there = true;
        if state.away_since.take().is_some() {
            (self.tell)(None);
        }
    }

    pub fn is_away(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).away_since.is_some()
    }

    fn may_come_back(&self, error: &Error) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let since = *state.away_since.get_or_insert_with(Instant::now);
        let may = state.was_there && since.elapsed() < self.timeout;
        if may {
            (self.tell)(Some(error));
        }
        may
    }
}

/// No connection to Canva can be opened. After one that broke, the library opens another, so this comes of that, too.
pub fn is_away(error: &Error) -> bool {
    match error {
        Error::Connect { kind, .. } => matches!(kind, ConnectKind::Network | ConnectKind::Proxy),
        Error::Poll { source, .. } => is_away(source),
        _ => false,
    }
}
