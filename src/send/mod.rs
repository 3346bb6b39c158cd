//! The way of a request, from top to bottom: `call` has it as data, `retry` sends it until it is through, `attempt`
//! sends it once with a token from `authorize`, `connections` picks the connection, and `exchange` waits for the
//! `response`. What went wrong on the way is a `failure`.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use tracing::Instrument;

use crate::boxed::BoxFuture;
use crate::error::Error;
use crate::pacing::Pacer;
use crate::policy::{RetryPolicy, Timeouts};
use crate::token::TokenProvider;

mod attempt;
mod authorize;
pub(crate) mod base_url;
mod call;
pub(crate) mod clock;
mod connecting;
mod connections;
pub(crate) mod exchange;
pub(crate) mod failure;
mod items;
pub(crate) mod lenient;
mod record;
pub(crate) mod response;
mod retry;
pub(crate) mod tagged;
mod tls;

pub use call::Call;
pub(crate) use call::OnEnd;
pub(crate) use connections::Connections;
pub use items::Items;

use clock::ServerClock;
use record::Record;

/// What the requests of one user are sent with.
#[derive(Clone)]
pub(crate) struct Sender {
    pub(crate) settings: Arc<Settings>,
    pub(crate) tokens: Arc<dyn TokenProvider>,
    pub(crate) pacer: Arc<dyn Pacer>,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("base_url", &self.settings.base_url).finish_non_exhaustive()
    }
}

/// What all users of a service have in common.
pub(crate) struct Settings {
    pub(crate) connections: Connections,
    pub(crate) clock: ServerClock,
    pub(crate) base_url: String,
    pub(crate) timeouts: Timeouts,
    pub(crate) retry: RetryPolicy,
    /// The longest pause that a request waits for.
    pub(crate) max_wait: Duration,
}

impl<T: Send + 'static> IntoFuture for Call<T> {
    type Output = Result<T, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let record = Record::new(self.operation);
        let span = record.span();
        Box::pin(retry::run(self, record).instrument(span))
    }
}
