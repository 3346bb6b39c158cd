//! How far an action on a file, an id or a URL has come, for what is said of it when the command is stopped.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use canva_connect::operations::Operation;
use canva_connect::pacing::Permit;
use canva_connect::{BoxError, BoxFuture, JobReference, Pacer};

use crate::item::Outcome;

tokio::task_local! {
    /// The action whose requests are being sent.
    static CURRENT: Begun;
}

#[derive(Clone, Default)]
pub struct Begun {
    steps: Arc<Mutex<Steps>>,
    /// Called when Canva has refused a request unread.
    refused: Option<Arc<dyn Fn() + Send + Sync>>,
}

#[derive(Default)]
struct Steps {
    /// How many attempts at a request that changes something may have been carried out.
    attempts: usize,
    /// The last of these requests can be sent twice without harm.
    repeatable: bool,
    /// The answer to it was lost, and what it made is being looked for.
    looking: bool,
    /// The job that it made, or that is read.
    job: Option<JobReference>,
}

impl Begun {
    /// Calls this, which must be quick, whenever Canva has refused a request unread.
    pub fn telling(refused: Arc<dyn Fn() + Send + Sync>) -> Self {
        Self { refused: Some(refused), ..Self::default() }
    }

    /// Notes what the action begins.
    pub async fn note<T>(&self, action: impl Future<Output = T>) -> T {
        CURRENT.scope(self.clone(), action).await
    }

    /// The current action looks for what it may have made.
    pub fn looking() {
        let _ = CURRENT.try_with(|begun| begun.steps().looking = true);
    }

    /// The current action waits for this job.
    pub fn job(job: &JobReference) {
        let _ = CURRENT.try_with(|begun| begun.steps().job = Some(job.clone()));
    }

    /// What is said of the action if it is stopped now. `None`: it has begun nothing.
    pub fn stopped(&self) -> Option<Outcome> {
        let steps = self.steps();
        match &*steps {
            Steps { job: Some(job), .. } => Some(Outcome::in_progress(job)),
            Steps { looking: true, .. } => Some(Outcome::stopped_while_looking()),
            Steps { attempts: 0, .. } => None,
            Steps { repeatable: true, .. } => Some(Outcome::stopped_when_repeatable()),
            _ => Some(Outcome::stopped_when_sent()),
        }
    }

    fn attempted(&self, operation: &Operation) {
        let mut steps = self.steps();
        steps.attempts += 1;
        steps.repeatable = operation.repeatable;
    }

    /// An attempt was not carried out after all.
    fn not_done(&self) {
        let mut steps = self.steps();
        steps.attempts = steps.attempts.saturating_sub(1);
    }

    fn steps(&self) -> MutexGuard<'_, Steps> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pacer that notes in the current action when a request leaves. Requests that only read change nothing.
pub struct Noted<P>(pub P);

impl<P: Pacer> Pacer for Noted<P> {
    fn acquire(&self, operation: &'static Operation, max_wait: Duration) -> BoxFuture<'_, Result<Permit, BoxError>> {
        Box::pin(async move {
            let permit = self.0.acquire(operation, max_wait).await?;
            let Some(begun) = changing(operation) else { return Ok(permit) };
            begun.attempted(operation);
            Ok(Permit::new(move |sent| {
                if sent {
                    permit.sent();
                } else {
                    begun.not_done();
                    permit.unused();
                }
            }))
        })
    }

    /// Canva has refused the request unread.
    fn pause(&self, operation: &'static Operation, pause: Duration) {
        if let Some(begun) = changing(operation) {
            begun.not_done();
            if let Some(refused) = &begun.refused {
                refused();
            }
        }
        self.0.pause(operation, pause);
    }
}

/// The current action, if this operation changes something.
fn changing(operation: &Operation) -> Option<Begun> {
    if operation.method == "GET" { None } else { CURRENT.try_with(Begun::clone).ok() }
}
