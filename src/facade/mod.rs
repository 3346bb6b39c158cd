//! What callers call: a method and a builder for each operation, and what is refused before anything is sent.

use std::sync::Arc;

use crate::boxed::BoxError;
use crate::error::Unconfirmed;
use crate::send::OnEnd;

mod assets;
mod designs;
mod folders;
mod imports;
pub(crate) mod metadata_headers;
mod names;
mod users;

// With the types that are written down to make a request, or to keep what it gives.
pub use assets::*;
pub use designs::*;
pub use folders::*;
pub use imports::*;
pub use users::*;

/// A caller's function as calls take it.
fn on_end<F, E>(before_end: impl Fn(Unconfirmed) -> F + Send + Sync + 'static) -> OnEnd
where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<BoxError>,
{
    Arc::new(move |unconfirmed| {
        let done = before_end(unconfirmed);
        Box::pin(async move { done.await.map_err(Into::into) })
    })
}

/// A builder is sent when it is awaited.
macro_rules! sent_when_awaited {
    ($($builder:ty => $output:ty),* $(,)?) => {$(
        impl std::future::IntoFuture for $builder {
            type Output = Result<$output, crate::error::Error>;
            type IntoFuture = crate::boxed::BoxFuture<'static, Self::Output>;

            fn into_future(self) -> Self::IntoFuture {
                Box::pin(self.send())
            }
        }
    )*};
}

use sent_when_awaited;
