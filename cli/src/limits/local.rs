//! `Pacer` over the permits of this machine, or of this command alone. Within a command, requests are served in the order
//! in which they ask.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use canva_connect::operations::Operation;
use canva_connect::pacing::Permit;
use canva_connect::{BoxError, BoxFuture, Pacer};
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::permits::Wait;
use super::store::Store;
use super::waits::Waits;
use crate::account::Account;

pub struct Local {
    store: Arc<Store>,
    account: String,
    waits: Waits,
    /// By the operation's id.
    lanes: Mutex<HashMap<&'static str, Arc<Lane>>>,
}

/// The requests of an operation in this command.
struct Lane {
    store: Arc<Store>,
    /// What the permits are called.
    name: String,
    limit: Option<u32>,
    /// The first in the queue holds it while it waits.
    turn: tokio::sync::Mutex<()>,
    /// A permit of this command came back, or a pause began, since the first in the queue last looked.
    changed: Notify,
}

impl Local {
    pub fn new(store: Store, account: &Account, waits: Waits) -> Self {
        Self { store: Arc::new(store), account: account.to_string(), waits, lanes: Mutex::default() }
    }

    fn lane(&self, operation: &Operation) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = lanes.entry(operation.id).or_insert_with(|| {
            Arc::new(Lane {
                store: self.store.clone(),
                name: format!("{} {}", self.account, operation.id),
                limit: operation.requests_per_minute,
                turn: tokio::sync::Mutex::default(),
                changed: Notify::new(),
            })
        });
        lane.clone()
    }
}

impl Lane {
    fn take(self: Arc<Self>, max_wait: Duration) -> Result<Permit, Wait> {
        self.store.change(&self.name, |lane, command, now| lane.take(command, self.limit, now, max_wait))?;
        if self.limit.is_none() {
            return Ok(Permit::new(|_| ()));
        }
        Ok(Permit::new(move |sent| {
            self.store.change(&self.name, |lane, command, now| lane.give_back(command, sent, now));
            self.changed.notify_one();
        }))
    }
}

impl Pacer for Local {
    fn acquire(&self, operation: &'static Operation, max_wait: Duration) -> BoxFuture<'_, Result<Permit, BoxError>> {
        Box::pin(async move {
            let lane = self.lane(operation);
            let _turn = lane.turn.lock().await;
            let mut waiting = None;
            loop {
                let look = lane.clone();
                // A permit is dropped, and so given back, if nobody waits for it any more.
                match spawn_blocking(move || look.take(max_wait)).await? {
                    Ok(permit) => return Ok(permit),
                    Err(Wait::Paused(error)) => return Err(error.into()),
                    Err(Wait::Turn { until, look_in }) => {
                        let waiting = waiting.get_or_insert_with(|| self.waits.begin(operation));
                        waiting.until(until);
                        let _ = timeout(look_in, lane.changed.notified()).await;
                    }
                }
            }
        })
    }

    fn pause(&self, operation: &'static Operation, pause: Duration) {
        let lane = self.lane(operation);
        lane.store.change(&lane.name, |permits, _, now| permits.pause(pause, now));
        // A request that waits for a permit may have to fail.
        lane.changed.notify_one();
    }
}
