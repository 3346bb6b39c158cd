//! What happens, as server-sent events: `request` with its line of the log, and `change` for anything else.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

use crate::log::Event;
use crate::state::State;

/// After how long without an event a comment says that the connection lives.
const SILENCE: Duration = Duration::from_secs(15);

pub fn stream(state: &Arc<State>) -> Response {
    // The first one tells that it listens.
    let begin = (state.log.listen(), true);
    let events = stream::unfold(begin, async |(mut events, begins)| {
        if begins {
            return Some((Ok::<_, std::convert::Infallible>(": listening\n\n".to_owned()), (events, false)));
        }
        let text = match timeout(SILENCE, events.recv()).await {
            Ok(Ok(Event::Request(request))) => format!("event: request\ndata: {}\n\n", request),
            // Whoever has missed some looks at everything anew.
            Ok(Ok(Event::Change) | Err(RecvError::Lagged(_))) => "event: change\ndata: {}\n\n".to_owned(),
            Ok(Err(RecvError::Closed)) => return None,
            Err(_) => ": \n\n".to_owned(),
        };
        Some((Ok(text), (events, false)))
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(events)).into_response()
}
