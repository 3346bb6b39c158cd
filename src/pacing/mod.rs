//! The rate limits, kept on our side: who decides when a request may leave, and the permission to send it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::boxed::{BoxError, BoxFuture};
pub use crate::error::PausedError;
use crate::operations::Operation;

mod lanes;

pub use lanes::Pacing;

/// Decides when a request may leave. [`Pacing`] does it within a process; implement it to share the limits of one user
/// between processes, through Redis for example, or to have limits of your own:
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use canva_connect::operations::Operation;
/// use canva_connect::pacing::Permit;
/// use canva_connect::{BoxError, BoxFuture, Pacer, Pacing};
/// use tokio::sync::Semaphore;
///
/// /// The limits of the spec, and no more than a few requests at a time.
/// struct Few { pacing: Pacing, slots: Arc<Semaphore> }
///
/// impl Pacer for Few {
///     fn acquire(&self, operation: &'static Operation, max_wait: Duration) -> BoxFuture<'_, Result<Permit, BoxError>> {
///         Box::pin(async move {
///             let permit = self.pacing.acquire(operation, max_wait).await?;
///             let slot = self.slots.clone().acquire_owned().await?;
///             Ok(Permit::new(move |sent| {
///                 if sent { permit.sent() } else { permit.unused() }
///                 drop(slot);
///             }))
///         })
///     }
///
///     fn pause(&self, operation: &'static Operation, pause: Duration) {
///         self.pacing.pause(operation, pause);
///     }
/// }
/// ```
pub trait Pacer: Send + Sync + 'static {
    /// Waits until a request of this operation may leave. When the request is over, the client calls
    /// [`Permit::sent`], or drops the permit if the request never left.
    ///
    /// `max_wait` is the client's [`max_wait`](crate::ClientBuilder::max_wait): a request shouldn't wait for a longer
    /// pause. `max_wait` doesn't limit how long a request waits for its turn.
    fn acquire(&self, operation: &'static Operation, max_wait: Duration) -> BoxFuture<'_, Result<Permit, BoxError>>;

    /// Canva answered 429: no request of this operation should leave for this long. The time comes from the server,
    /// and may be years.
    fn pause(&self, operation: &'static Operation, pause: Duration);
}

/// Several clients of one user may share a pacer.
impl<P: Pacer + ?Sized> Pacer for Arc<P> {
    fn acquire(&self, operation: &'static Operation, max_wait: Duration) -> BoxFuture<'_, Result<Permit, BoxError>> {
        (**self).acquire(operation, max_wait)
    }

    fn pause(&self, operation: &'static Operation, pause: Duration) {
        (**self).pause(operation, pause);
    }
}

/// The permission to send one request.
#[must_use = "dropped, it is given back"]
pub struct Permit {
    /// Whether the request may have reached Canva.
    pub(crate) sent: bool,
    release: Option<Box<dyn FnOnce(bool) + Send>>,
}

impl Permit {
    /// `release` is called once, when the request is over: with `true` if it may have reached Canva, which then counts
    /// it, and with `false` if it never left.
    pub fn new(release: impl FnOnce(bool) + Send + 'static) -> Self {
        Self { sent: false, release: Some(Box::new(release)) }
    }

    /// The request that this permit was for is over, and may have reached Canva.
    pub fn sent(mut self) {
        self.sent = true;
    }

    /// The request never left. Dropping the permit says the same.
    pub fn unused(self) {}
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(release) = self.release.take() {
            release(self.sent);
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("sent", &self.sent).finish_non_exhaustive()
    }
}
