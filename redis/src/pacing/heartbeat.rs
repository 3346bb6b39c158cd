//! The heartbeat of a process: it keeps Redis informed while no request does.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout};

use super::call::Call;
use super::lane::Lane;

impl Lane {
    /// Starts the heartbeat, if there is none and there is something to say. Where there is no runtime, the next call
    /// says it.
    pub(super) fn keep_heartbeat(self: &Arc<Self>) {
        let Ok(runtime) = Handle::try_current() else { return };
        let mut state = self.state();
        if !state.has_heartbeat && state.has_something_to_say() {
            state.has_heartbeat = true;
            drop(state);
            runtime.spawn(Heartbeat(self.clone()).run());
        }
    }
}

/// Says that this process is still there, and what is not yet told. It ends when there is nothing more to say.
struct Heartbeat(Arc<Lane>);

impl Heartbeat {
    async fn run(self) {
        let lane = &self.0;
        loop {
            let _ = timeout(lane.heartbeat(), lane.urgent.notified()).await;
            let alone = lane.calls.lock().await;
            let should_say_it = lane.state().should_say_it(Instant::now(), lane.heartbeat());
            if should_say_it && Call::telling(lane, alone).run(None).await.is_err() {
                sleep(lane.heartbeat()).await;
            }
            let mut state = lane.state();
            if !state.has_something_to_say() {
                state.has_heartbeat = false;
                return;
            }
        }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.0.state().has_heartbeat = false;
    }
}
